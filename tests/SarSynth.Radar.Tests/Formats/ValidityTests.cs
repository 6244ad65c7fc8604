// One scene told in every way that a file can say which pixels hold no data: all read the same, and what is done leaves
// them out. The rasters are written tag by tag by goldens/rasters/masks/make_masks.py: 5 x 6 values 1 ...
// 30, the first six without data.
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Signal;
using SarSynth.Radar.Statistics;
using SarSynth.Tests.Support;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;

namespace SarSynth.Radar.Tests.Formats;

public sealed class ValidityTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-validity-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    public static TheoryData<string, string> Files => new()
    {
        { "nodata-real.tif", "nodata value -9999" },
        { "nodata-integer.tif", "nodata value 65535" },
        { "nodata-nan.tif", "nodata value NaN" },
        { "untold-nan.tif", "all pixels hold data, save NaN" },
        { "nodata-complex-zero.tif", "nodata value 0" },
        { "nodata-complex-value.tif", "nodata value -9999" },
        { "nodata-complex-nan.tif", "nodata value NaN" },
        { "nodata-complex-integer.tif", "nodata value 0" },
        { "mask-internal.tif", "mask in the file" },
        { "mask-complex.tif", "mask in the file" },
        { "mask-sidecar.tif", "mask beside the file (.msk)" },
        { "mask-and-nodata.tif", "nodata value -9999, mask in the file" },
        { "alpha.tif", "alpha band" },
        { "alpha-tiled.tif", "alpha band" },
        { "alpha-and-nodata.tif", "nodata value 65535, alpha band" },
        { "nodata-bands.tif", "nodata values of all bands" },
    };

    [Fact]
    public void EveryFileIsListed() => Assert.Equal(
        Directory.GetFiles(TestData.Golden("rasters/masks"), "*.tif").Select(Path.GetFileName)
            .Order(StringComparer.Ordinal),
        Files.Select(row => (string)row[0]).Order(StringComparer.Ordinal));

    [Theory, MemberData(nameof(Files))]
    public void TheFileTellsItsRules(string file, string words)
    {
        using var raster = Open(file);
        Assert.Equal(words, raster.Validity.ToString());
        Assert.Equal(words.StartsWith("all", StringComparison.Ordinal), raster.Validity.IsAll);
    }

    [Theory, MemberData(nameof(Files))]
    public void PixelsWithoutDataAreNaN(string file, string _)
    {
        using var raster = Open(file);
        var image = raster.Read();
        Assert.Equal(6, image.CountNoData());
        Assert.Equal(Expected(1), image.ToAmplitude().Pixels);
        // Windows and blocks are parts of the same.
        Assert.Equal([float.NaN, float.NaN, 9, 10], raster.Read(new RasterWindow(0, 2, 2, 2)).ToAmplitude().Pixels);
        Assert.Equal(6, raster.Blocks(2, 4).Sum(block => block.Image.CountNoData()));
        if (image is ComplexImage complex)
            Assert.All(complex.Pixels.Take(6), s => Assert.True(float.IsNaN(s.Real) && float.IsNaN(s.Imaginary)));
    }

    [Theory, MemberData(nameof(Files))]
    public void StatisticsLeaveThemOutAndCountThem(string file, string words)
    {
        using var raster = Open(file);
        foreach (var wholeImagePixels in (long[])[1 << 22, 1])
        {
            var options = new StatisticsOptions { WholeImagePixels = wholeImagePixels, EnlWindow = 6 };
            var statistics = ImageStatistics.Compute(raster, options);
            Assert.Equal((24, 6), (statistics.Amplitude.Count, statistics.Amplitude.NoData));
            Assert.Equal(18.5, statistics.Amplitude.Mean.Value, 1e-6);
            // Mean of the squares of 7 ... 30.
            Assert.Equal(Enumerable.Range(7, 24).Average(v => v * v), statistics.Intensity.Mean.Value, 1e-3);
            Assert.Equal((7, 24), (statistics.AmplitudeHistogram.Minimum, statistics.AmplitudeHistogram.Total));
            Assert.Equal(words, statistics.Validity!.ToString());
            Assert.Equal(6, statistics.LeftOut);
        }
    }

    [Theory, MemberData(nameof(Files))]
    public void FiltersLeaveThemOutAndTheirFilesCarryThemOn(string file, string _)
    {
        using var raster = Open(file);
        var path = Path.Combine(folder, "filtered.tif");
        SpeckleFilter[] filters = [new BoxcarFilter(3), new LeeFilter(3), new FrostFilter(3), new RefinedLeeFilter(),
            new NonLocalFilter(3, 5)];
        foreach (var filter in filters)
        {
            Assert.Equal(6, filter.Apply(raster, path));
            using var filtered = SarRaster.Open(path);
            Assert.Equal("nodata value NaN", filtered.Validity.ToString());
            var pixels = filtered.Read().ToIntensity().Pixels;
            Assert.All(pixels.Take(6), value => Assert.True(float.IsNaN(value)));
            Assert.All(pixels.Skip(6), value => Assert.InRange(value, 49, 900));
            if (filter is not BoxcarFilter)
                continue;
            // The window of the pixel of value 8 in the second row holds 7, 8, 9 and 13, 14, 15
            // beside the row without data.
            Assert.Equal(((float[])[7, 8, 9, 13, 14, 15]).Average(v => v * v), pixels[7], 1e-3f);
        }
    }

    [Theory, MemberData(nameof(Files))]
    public void MultilookingTakesTheMeanOfTheRest(string file, string _)
    {
        using var raster = Open(file);
        var looks = Multilook.Apply(raster.Read(), 2, 2);
        Assert.Equal((49 + 64) / 2f, looks.Pixels[0], 1e-4f);
        Assert.Equal(0, looks.CountNoData());
        Assert.Equal(3, Multilook.Apply(raster.Read(), 1, 2).CountNoData());
    }

    [Theory, MemberData(nameof(Files))]
    public void WrittenImagesCarryThemOn(string file, string _)
    {
        using var raster = Open(file);
        var image = raster.Read();
        foreach (var cloudOptimised in (bool[])[false, true])
        {
            var path = Path.Combine(folder, "copy.tif");
            GeoTiff.Write(image, path, new GeoTiffOptions { CloudOptimised = cloudOptimised });
            using var copy = SarRaster.Open(path);
            Assert.Equal("nodata value NaN", copy.Validity.ToString());
            Assert.Equal(Expected(1), copy.Read().ToAmplitude().Pixels);
        }
    }

    [Theory, MemberData(nameof(Files))]
    public void QuickLooksShowThemBlack(string file, string _)
    {
        using var raster = Open(file);
        using var picture = Image.Load<L8>(QuickLook.ToPng(raster, new PercentileRemap(100)));
        for (var column = 0; column < 6; column++)
        {
            Assert.Equal(0, picture[column, 0].PackedValue);
            Assert.Equal(Math.Round(255 * (7 + column) / 30.0), picture[column, 1].PackedValue, 1.0);
        }
    }

    [Fact]
    public void AlphaIsNoChannelButCanBeRead()
    {
        using var raster = Open("alpha.tif");
        Assert.Equal(["1"], raster.Channels);
        using var alpha = SarRaster.Open(TestData.Golden("rasters/masks/alpha.tif"),
            new RasterOptions { Channel = "2" });
        Assert.Equal([0, 0, 0, 0, 0, 0, 65535, 65535, 65535, 32768], alpha.Read().ToAmplitude().Pixels.Take(10));
    }

    private static float[] Expected(float factor) =>
        [.. Enumerable.Range(1, 30).Select(i => i <= 6 ? float.NaN : factor * i)];

    private static SarRaster Open(string file) =>
        SarRaster.Open(TestData.Golden("rasters/masks/" + file), new RasterOptions { Kind = PixelKind.Amplitude });
}
