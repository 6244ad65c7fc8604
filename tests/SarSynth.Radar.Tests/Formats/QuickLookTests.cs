// Pictures: the remaps by their formulas, sizes, depth, and PNG files that GDAL reads back.
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Tests.Formats;

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
        QuickLook.Write(new AmplitudeImage(1000, 600, pixels), path, new DecibelRemap(0, 10 * Math.Log10(625)), new QuickLookOptions { MaxSize = 250, Bits = bits });
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
            foreach (var remap in (Remap[])[new PercentileRemap(), new DeviationRemap(), new DecibelRemap(), new DensityRemap()])
            {
                var png = QuickLook.ToPng(new AmplitudeImage(3, 4, [.. Enumerable.Repeat(value, 12)]), remap);
                Assert.Equal([0x89, .. "PNG"u8.ToArray()], png[..4]);
            }
        }
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
