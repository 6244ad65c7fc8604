// Statistics over members, against numbers that were computed by hand or by numpy.
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Translation;

namespace SarSynth.Tests.Translation;

public sealed class EnsembleTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-ensemble-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private EnsembleFiles Prepare(EnsembleRecipe recipe, int rows, int columns, Func<int, int, float> amplitude)
    {
        var files = EnsembleFiles.Of(Path.Combine(folder, "x.tif"), recipe, 7);
        foreach (var (i, path) in files.Members.Index())
        {
            var pixels = Enumerable.Range(0, rows * columns).Select(at => amplitude(i, at)).ToArray();
            GeoTiff.Write(new AmplitudeImage(rows, columns, pixels,
                SyntheticContent.Mark(new() { RangeSpacing = 0.5, AzimuthSpacing = 0.25, Looks = 1 }, "m"),
                new([500, 0.5, 0, 900, 0, -0.25], "")), path);
        }
        return files;
    }

    private static float[] Read(string path)
    {
        using var raster = SarRaster.Open(path);
        return raster.Read().ToAmplitude().Pixels;
    }

    [Fact]
    public void MeanDeviationAndQuantilesAreThoseOfTheMembersPixelByPixel()
    {
        var recipe = new EnsembleRecipe { Members = 5, Quantiles = [0.05, 0.5, 0.9] };
        // Intensities 1, 4, 9, 16, 25 in another order at each pixel; one pixel without data in the third member.
        var files = Prepare(recipe, 3, 40, (i, at) => i == 2 && at == 17 ? float.NaN : 1 + (i * 2 + at) % 5);
        Assert.Equal(["x.seed-7.tif", "x.seed-8.tif"], files.Members.Take(2).Select(Path.GetFileName));
        Assert.Equal(["x.mean.tif", "x.deviation.tif", "x.q05.tif", "x.q50.tif", "x.q90.tif"],
            files.Statistics.Select(Path.GetFileName));
        var decibels = Ensemble.Write(files, recipe);
        Assert.Equal(10 * Math.Log10(11), decibels, 1e-5);
        // numpy: std(20 log10 [1..5], ddof=1) = 5.519965; sqrt(quantile([1,4,9,16,25], .05)) = 1.264911, .9: 4.626013.
        var deviation = 10 * Math.Log10(Math.Pow(Read(files.Deviation)[0], 2));
        Assert.Equal(5.519965, deviation, 1e-4);
        foreach (var (path, expected) in files.Statistics.Zip([Math.Sqrt(11), double.NaN, 1.264911, 3, 4.626013]))
        {
            var pixels = Read(path);
            Assert.True(float.IsNaN(pixels[17]), path);
            if (!double.IsNaN(expected))
                Assert.All(pixels.Where((_, at) => at != 17), a => Assert.Equal(expected, a, 1e-5));
            using var raster = SarRaster.Open(path);
            Assert.Equal([500, 0.5, 0, 900, 0, -0.25], raster.GeoReference!.Transform!);
            Assert.Equal("trainedAlgorithmicMedia", raster.Metadata.DigitalSourceType);
            Assert.StartsWith("ensemble", raster.Metadata.ProductType);
        }
    }

    [Fact]
    public void SquaresAreAveragedInIntensityBeforeTheyAreCompared()
    {
        var recipe = new EnsembleRecipe { Members = 2, Cell = 4, Quantiles = [0.5] };
        // Half of the pixels of a square have intensity 1 + i, the others 3 + i: means 2 and 3.
        var files = Prepare(recipe, 10, 1300, (i, at) => MathF.Sqrt((at % 2 == 0 ? 1 : 3) + i));
        Ensemble.Write(files, recipe);
        var mean = Read(files.Mean);
        Assert.Equal(2 * 325, mean.Length);
        Assert.All(mean, a => Assert.Equal(Math.Sqrt(2.5), a, 1e-5));
        var expected = 10 * Math.Log10(3 / 2.0) / Math.Sqrt(2);
        Assert.All(Read(files.Deviation), a => Assert.Equal(expected, 20 * Math.Log10(a), 1e-4));
        using var raster = SarRaster.Open(files.Mean);
        Assert.Equal((2.0, 1.0), (raster.Metadata.RangeSpacing, raster.Metadata.AzimuthSpacing));
        Assert.Equal([500, 2, 0, 900, 0, -1], raster.GeoReference!.Transform!);
    }

    [Fact]
    public void MembersOfOtherSizesAndRecipesThatCannotBeAreNamed()
    {
        var recipe = new EnsembleRecipe { Members = 2 };
        var files = Prepare(recipe, 4, 4, (_, _) => 1);
        GeoTiff.Write(new AmplitudeImage(5, 4, new float[20]), files.Members[1]);
        Assert.Contains("x.seed-8.tif", Assert.Throws<RasterException>(() => Ensemble.Write(files, recipe)).Message);
        Assert.False(File.Exists(files.Mean));
        Assert.Contains("members", Assert.Throws<ArgumentException>(() =>
            Ensemble.Write(files, recipe with { Members = 1 })).Message);
        Assert.Contains("quantiles", Assert.Throws<ArgumentException>(() =>
            Ensemble.Write(files, recipe with { Quantiles = [1.5] })).Message);
    }
}
