// SAR images as ImageSharp's pictures and back: for PNG files, and for drawing
// on. It writes only; files are read by GDAL.
using System.Text;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Metadata.Profiles.Xmp;
using SixLabors.ImageSharp.PixelFormats;

namespace SarSynth.Radar.Images;

/// <summary>Turns amplitudes into grey levels and back. Pictures are for the eye; no data is black.</summary>
public static class Pictures
{
    /// <summary>
    /// The image as a picture of 8 bits: no data and everything below black are 0, all that is brighter than white 255.
    /// </summary>
    /// <param name="image">The image; each pixel becomes one of the picture.</param>
    /// <param name="remap">From amplitude to grey; null for linear to the 99th percentile.</param>
    public static Image<L8> ToImage(this SarImage image, Remap? remap = null) => Picture(image, remap, Eight);

    /// <summary>The image as a picture of 16 bits, 0 to 65535.</summary>
    /// <inheritdoc cref="ToImage"/>
    public static Image<L16> ToImage16(this SarImage image, Remap? remap = null) => Picture(image, remap, Sixteen);

    /// <summary>The way back from a picture that was made with <see cref="FixedRemap"/>, linear in amplitude.</summary>
    /// <param name="picture">A picture; of a coloured one the luminance is taken.</param>
    /// <param name="white">Amplitude of a white pixel, above 0.</param>
    /// <param name="metadata">What is known of the sensor.</param>
    /// <param name="geoReference">Where the pixels lie on the ground.</param>
    /// <returns>
    /// Amplitudes from 0 to <paramref name="white"/>, each within half a grey
    /// level of what it was; no data has become 0.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="white"/> is not above 0.</exception>
    public static AmplitudeImage ToSarImage<TPixel>(
        this Image<TPixel> picture, double white = 1, SarMetadata? metadata = null, GeoReference? geoReference = null)
        where TPixel : unmanaged, IPixel<TPixel>
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(white);
        var pixels = new float[checked(picture.Width * picture.Height)];
        picture.ProcessPixelRows(rows =>
        {
            var grey = default(L16);
            for (var row = 0; row < rows.Height; row++)
            {
                var line = rows.GetRowSpan(row);
                for (var column = 0; column < line.Length; column++)
                {
                    grey.FromScaledVector4(line[column].ToScaledVector4());
                    pixels[row * rows.Width + column] = (float)(grey.PackedValue / 65535.0 * white);
                }
            }
        });
        return new(picture.Height, picture.Width, pixels, metadata, geoReference);
    }

    /// <summary>A PNG file of amplitudes.</summary>
    /// <exception cref="ArgumentException"><paramref name="bits"/> is neither 8 nor 16.</exception>
    internal static byte[] ToPng(float[] amplitudes, int rows, int columns, Remap remap, int bits,
        SarMetadata metadata)
    {
        using Image picture = bits switch
        {
            8 => Picture(amplitudes, rows, columns, remap, Eight),
            16 => Picture(amplitudes, rows, columns, remap, Sixteen),
            _ => throw new ArgumentException($"bits: found {bits}, expected 8 or 16."),
        };
        Mark(picture, metadata);
        using var file = new MemoryStream();
        picture.SaveAsPng(file, new PngEncoder
        {
            ColorType = PngColorType.Grayscale,
            BitDepth = bits == 8 ? PngBitDepth.Bit8 : PngBitDepth.Bit16,
        });
        return file.ToArray();
    }

    /// <summary>Grey PNG files side by side as one, eight pixels of black between them.</summary>
    internal static byte[] Row(IReadOnlyList<byte[]> pngs, SarMetadata metadata)
    {
        const int gap = 8;
        var pictures = pngs.Select(png => Image.Load<L8>(png)).ToList();
        using var row = new Image<L8>(pictures.Sum(p => p.Width + gap) - gap, pictures.Max(p => p.Height));
        var left = 0;
        foreach (var picture in pictures)
        {
            for (var y = 0; y < picture.Height; y++)
            {
                for (var x = 0; x < picture.Width; x++)
                    row[left + x, y] = picture[x, y];
            }
            left += picture.Width + gap;
            picture.Dispose();
        }
        Mark(row, metadata);
        using var file = new MemoryStream();
        row.SaveAsPng(file, new PngEncoder { ColorType = PngColorType.Grayscale, BitDepth = PngBitDepth.Bit8 });
        return file.ToArray();
    }

    private static L8 Eight(double grey) => new((byte)Math.Round(grey * 255));

    private static L16 Sixteen(double grey) => new((ushort)Math.Round(grey * 65535));

    private static Image<TPixel> Picture<TPixel>(SarImage image, Remap? remap, Func<double, TPixel> level)
        where TPixel : unmanaged, IPixel<TPixel>
    {
        ArgumentNullException.ThrowIfNull(image);
        var picture = Picture(image.ToAmplitude().Pixels, image.Rows, image.Columns, remap ?? Remap.Default, level);
        Mark(picture, image.Metadata);
        return picture;
    }

    // A picture of an image that no sensor measured says so too.
    private static void Mark(Image picture, SarMetadata metadata)
    {
        if (SyntheticMark.Xmp(metadata) is { } xmp)
            picture.Metadata.XmpProfile = new XmpProfile(Encoding.UTF8.GetBytes(xmp));
    }

    private static Image<TPixel> Picture<TPixel>(float[] amplitudes, int rows, int columns, Remap remap, Func<double,
        TPixel> level)
        where TPixel : unmanaged, IPixel<TPixel>
    {
        var sorted = Array.FindAll(amplitudes, float.IsFinite);
        Array.Sort(sorted);
        var map = sorted.Length > 0 ? remap.Fit(sorted) : _ => 0;
        var picture = new Image<TPixel>(columns, rows);
        picture.ProcessPixelRows(lines =>
        {
            for (var row = 0; row < rows; row++)
            {
                var line = lines.GetRowSpan(row);
                for (var column = 0; column < columns; column++)
                {
                    var amplitude = amplitudes[row * columns + column];
                    line[column] = level(float.IsFinite(amplitude) ? Math.Clamp(map(amplitude), 0, 1) : 0);
                }
            }
        });
        return picture;
    }
}
