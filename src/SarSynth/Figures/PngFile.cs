// PNG files: what must be known of one to lay it out, and small ones for notebooks.
using System.Buffers.Binary;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing.Processors.Quantization;

namespace SarSynth.Figures;

/// <summary>Measures and shrinks PNG files.</summary>
internal static class PngFile
{
    private const int PaletteSize = 256;

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10];

    /// <summary>Height and width from the header chunk (PNG specification, 11.2.2).</summary>
    public static (int Height, int Width) Size(byte[] png)
    {
        if (png.Length < 24 || !png.AsSpan().StartsWith(Signature))
            throw new ArgumentException("png: the bytes do not begin like a PNG file.", nameof(png));
        return (BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20)),
            BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)));
    }

    /// <summary>
    /// The browser's picture with at most 256 colours: a third to a tenth of the size, for notebooks. Greys and few
    /// colours are kept exactly; of many the nearest 256 are taken.
    /// </summary>
    /// <param name="browser">Any page: the browser reads its own file.</param>
    /// <param name="uri">A data URI of a picture.</param>
    public static byte[] Compact(HeadlessBrowser browser, string uri)
    {
        var answer = browser.Evaluate($$"""
            (async () => {
              const image = new Image();
              image.src = '{{uri}}';
              await image.decode();
              const canvas = document.createElement('canvas');
              canvas.width = image.naturalWidth;
              canvas.height = image.naturalHeight;
              const pen = canvas.getContext('2d');
              pen.fillStyle = '#fff';
              pen.fillRect(0, 0, canvas.width, canvas.height);
              pen.drawImage(image, 0, 0);
              const pixels = new Blob([pen.getImageData(0, 0, canvas.width, canvas.height).data]);
              const deflated = pixels.stream().pipeThrough(new CompressionStream('deflate'));
              const packed = await new Response(deflated).arrayBuffer();
              const text = await new Promise(done => {
                const reader = new FileReader();
                reader.onload = () => done(reader.result);
                reader.readAsDataURL(new Blob([packed]));
              });
              return canvas.width + ',' + canvas.height + ',' + text;
            })()
            """).Split(',', 4);
        var (width, height) = (int.Parse(answer[0]), int.Parse(answer[1]));
        using var packed = new System.IO.Compression.ZLibStream(
            new MemoryStream(Convert.FromBase64String(answer[3])), System.IO.Compression.CompressionMode.Decompress);
        var pixels = new byte[width * height * 4];
        packed.ReadExactly(pixels);
        using var picture = SixLabors.ImageSharp.Image.LoadPixelData<Rgba32>(pixels, width, height);
        return Encode(picture, Colours(pixels));
    }

    private static byte[] Encode(Image<Rgba32> picture, IReadOnlyCollection<Rgba32> colours)
    {
        var options = new QuantizerOptions { Dither = null, MaxColors = PaletteSize };
        using var file = new MemoryStream();
        picture.SaveAsPng(file, new PngEncoder
        {
            ColorType = PngColorType.Palette,
            BitDepth = PngBitDepth.Bit8,
            CompressionLevel = PngCompressionLevel.BestCompression,
            Quantizer = colours.Count <= PaletteSize
                ? new PaletteQuantizer(colours.Select(c => new SixLabors.ImageSharp.Color(c)).ToArray(), options)
                : new WuQuantizer(options),
        });
        return file.ToArray();
    }

    // In the order in which they are met, so that equal pictures give equal files; one more than fit is enough to know.
    private static List<Rgba32> Colours(byte[] pixels)
    {
        var (seen, order) = (new HashSet<int>(), new List<Rgba32>());
        for (var i = 0; i < pixels.Length && order.Count <= PaletteSize; i += 4)
        {
            if (seen.Add(BitConverter.ToInt32(pixels, i)))
                order.Add(new Rgba32(pixels[i], pixels[i + 1], pixels[i + 2], pixels[i + 3]));
        }
        return order;
    }
}
