// Pictures: the remaps by their formulas, sizes, depth, PNG files that GDAL reads back, and
// the way to ImageSharp and back.
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;

namespace SarSynth.Radar.Tests.Images;

public sealed class QuickLookTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-look-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    // Amplitudes 0, 1, ... 100.
    private static readonly AmplitudeImage Ramp = new(1, 101, [.. Enumerable.Range(0, 101).Select(i => (float)i)]);

    [Fact]
    public void RemapsFollowTheirFormulas()
    {
        Assert.Equal(i => i / 99.0, Grey(new PercentileRemap(99)));
        // Mean 50, variance (101² - 1) / 12.
        Assert.Equal(i => i / (50 + 3 * Math.Sqrt(10200 / 12.0)), Grey(new DeviationRemap()));
        Assert.Equal(i => (20 * Math.Log10(i) - 10) / 30, Grey(new DecibelRemap(10, 40)));
        Assert.Equal(i => (30 + 225 * Math.Log(i / 40.0) / Math.Log(40)) / 255, Grey(new DensityRemap()));
    }

    [Theory, InlineData(8), InlineData(16)]
    public void LargeImagesAreAveragedInIntensity(int bits)
    {
        // Columns of amplitude 1 and 7 average to an intensity of 25 everywhere; a lone no-data pixel is left out.
        var pixels = Enumerable.Range(0, 1000 * 600).Select(i => i % 2 == 0 ? 1f : 7f).ToArray();
        pixels[0] = float.NaN;
        pixels[601] = 1;
        var path = Path.Combine(folder, "large.png");
        QuickLook.Write(new AmplitudeImage(1000, 600, pixels), path, new DecibelRemap(0, 10 * Math.Log10(625)),
            new QuickLookOptions { MaxSize = 250, Bits = bits });
        using var png = SarRaster.Open(path);
        Assert.Equal((250, 150), (png.Rows, png.Columns));
        var grey = ((AmplitudeImage)png.Read()).Pixels;
        Assert.Equal(bits == 8 ? 128 : 32768, grey[777]);
        Assert.Single(Directory.GetFiles(folder));
    }

    [Fact]
    public void AStreamedRasterGivesTheSamePicture()
    {
        var random = new Random(4);
        var image = new AmplitudeImage(700, 900, [.. Enumerable.Range(0, 700 * 900).Select(_ => random.NextSingle())]);
        GeoTiff.Write(image, Path.Combine(folder, "i.tif"), new GeoTiffOptions { TileSize = 64 });
        using var raster = SarRaster.Open(Path.Combine(folder, "i.tif"));
        var options = new QuickLookOptions { MaxSize = 100 };
        Assert.Equal(QuickLook.ToPng(image, options: options), QuickLook.ToPng(raster, options: options));
    }

    [Fact]
    public void EmptyAndConstantImagesArePicturesToo()
    {
        foreach (var value in (float[])[float.NaN, 0, 3])
        {
            foreach (var remap in (Remap[])[new PercentileRemap(), new DeviationRemap(), new DecibelRemap(),
                new DensityRemap()])
            {
                var png = QuickLook.ToPng(new AmplitudeImage(3, 4, [.. Enumerable.Repeat(value, 12)]), remap);
                Assert.Equal([0x89, .. "PNG"u8.ToArray()], png[..4]);
            }
        }
    }

    [Fact]
    public void ImagesGoToImageSharpAndBackWithinHalfALevel()
    {
        var (rows, columns, white) = (40, 60, 3.0);
        var image = Noise(rows, columns);
        using var eight = image.ToImage(new FixedRemap(white));
        using var sixteen = image.ToImage16(new FixedRemap(white));
        Assert.Equal((columns, rows), (eight.Width, sixteen.Height));
        // By the definition of a grey level, from the amplitude alone.
        Assert.Equal((byte)Math.Round(image.Pixels[7 * columns + 5] / white * 255), eight[5, 7].PackedValue);
        Assert.Equal((ushort)Math.Round(image.Pixels[7 * columns + 5] / white * 65535), sixteen[5, 7].PackedValue);
        var place = new SarMetadata { RangeSpacing = 0.4 };
        Within(image, eight.ToSarImage(white, place), white / 255);
        Within(image, sixteen.ToSarImage(white, place), white / 65535);
        Assert.Equal(0.4, eight.ToSarImage(white, place).Metadata.RangeSpacing);

        static void Within(AmplitudeImage was, AmplitudeImage now, double level)
        {
            for (var i = 0; i < was.Pixels.Length; i++)
                Xunit.Assert.InRange(now.Pixels[i] - was.Pixels[i], -0.501 * level, 0.501 * level);
        }
    }

    [Fact]
    public void ColoursBecomeTheirLuminanceAndNoDataBlack()
    {
        using var colours = new Image<Rgb24>(2, 1);
        (colours[0, 0], colours[1, 0]) = (new Rgb24(0, 255, 0), new Rgb24(255, 255, 255));
        var grey = colours.ToSarImage(2).Pixels;
        Xunit.Assert.Equal(2 * 0.7152, grey[0], 1e-4);   // ITU-R BT.709, green
        Xunit.Assert.Equal(2.0, grey[1], 1e-6);
        using var black = new AmplitudeImage(1, 2, [float.NaN, 1]).ToImage(new FixedRemap(1));
        Assert.Equal((0, 255), (black[0, 0].PackedValue, black[1, 0].PackedValue));
    }

    [Theory, InlineData(8), InlineData(16)]
    public void GdalReadsTheGreysThatWereWritten(int bits)
    {
        var image = Noise(30, 50);
        var path = Path.Combine(folder, "depth.png");
        QuickLook.Write(image, path, new FixedRemap(3), new QuickLookOptions { Bits = bits });
        using var png = SarRaster.Open(path);
        var (white, read) = (bits == 8 ? 255 : 65535, ((AmplitudeImage)png.Read()).Pixels);
        for (var i = 0; i < read.Length; i++)
            Xunit.Assert.Equal(Math.Round(image.Pixels[i] / 3.0 * white), read[i], 1.0);
    }

    [Fact]
    public void AQuickLookNeverTakesARastersPlace()
    {
        var path = Path.Combine(folder, "i.tif");
        GeoTiff.Write(Ramp, path);
        var before = File.ReadAllBytes(path);
        using (var raster = SarRaster.Open(path))
            Refused("is the raster itself", () => QuickLook.Write(raster, path));
        Refused("expected .png", () => QuickLook.Write(Ramp, path));
        Assert.Equal(before, File.ReadAllBytes(path));
        var picture = Path.Combine(folder, "p.png");
        QuickLook.Write(Ramp, picture);
        using (var raster = SarRaster.Open(picture))
            Refused("is the raster itself", () => QuickLook.Write(raster, picture));
        Refused("expected .tif or .tiff", () => GeoTiff.Write(Ramp, Path.Combine(folder, "q.png")));
        Assert.Equal(2, Directory.GetFiles(folder).Length);

        static void Refused(string words, Action write) =>
            Xunit.Assert.Contains(words, Xunit.Assert.Throws<RasterException>(write).Message);
    }

    private static AmplitudeImage Noise(int rows, int columns)
    {
        var random = new Random(5);
        return new(rows, columns, [.. Enumerable.Range(0, rows * columns).Select(_ => 3 * random.NextSingle())]);
    }

    private float[] Grey(Remap remap)
    {
        var path = Path.Combine(folder, "ramp.png");
        QuickLook.Write(Ramp, path, remap, new QuickLookOptions { Bits = 16 });
        using var png = SarRaster.Open(path);
        return ((AmplitudeImage)png.Read()).Pixels;
    }

    private static class Assert
    {
        public static void Equal(Func<int, double> brightness, float[] grey)
        {
            for (var i = 0; i <= 100; i++)
                Xunit.Assert.Equal(Math.Round(Math.Clamp(i == 0 ? 0 : brightness(i), 0, 1) * 65535), grey[i], 1.0);
        }

        public static void Equal<T>(T expected, T actual) => Xunit.Assert.Equal(expected, actual);

        public static void Single(string[] files) => Xunit.Assert.Single(files);
    }
}
