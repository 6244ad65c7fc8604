using System.Text.Json;
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Statistics;

namespace SarSynth.Radar.Tests.Statistics;

/// <summary>
/// The streamed statistics against those of the whole image in memory, whose values have references of their own.
/// </summary>
public sealed class StreamedStatisticsTests : IDisposable
{
    // More than one band of lines: pairs, windows, samples and targets lie across their edges at lines 524 and 1048.
    private const int Rows = 1100, Columns = 4000;
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void ADetectedRasterWithGapsHasTheWholeImagesValues()
    {
        var random = new Random(31);
        var pixels = new float[Rows * Columns];
        for (int i = 0; i < pixels.Length; i++)
        {
            // Two grounds, a border of zeros, holes without data, three bright targets.
            double ground = i % Columns < 1700 ? 1 : 5, looks =
                -Math.Log(1 - random.NextDouble()) - Math.Log(1 - random.NextDouble());
            pixels[i] = i % Columns < 90 ? 0 : i % 39_916_801 % 50_021 == 7 ? float.NaN
                : (float)Math.Sqrt(ground * looks / 2);
        }
        foreach (var (row, column) in ((int, int)[])[(3, 200), (1047, 900), (1050, 3000)])
            pixels[row * Columns + column] = 60;
        var image = new AmplitudeImage(Rows, Columns, pixels);
        var (whole, streamed) = Both(image, PixelKind.Amplitude);
        Assert.Equal([(3, 200), (1047, 900), (1050, 3000)], streamed.PointTargets.Take(3)
            .Select(t => (t.Row, t.Column)).Order());
        Same(whole, streamed);
        Assert.Contains(streamed.MeasuredOn, part => part.What == "spectra"
            && part.On == "3 blocks of 1024 x 1024, evenly spread");
        Assert.Contains(streamed.MeasuredOn, part => part.What == "clutter laws"
            && part.On.StartsWith("200000 of ", StringComparison.Ordinal));
    }

    [Fact]
    public void AComplexRasterHasTheWholeImagesValues()
    {
        var random = new Random(32);
        var pixels = new Complex32[Rows * Columns];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = Complex32.FromPolarCoordinates((float)Math.Sqrt(-Math.Log(1 - random.NextDouble())),
                (float)(2 * Math.PI * random.NextDouble()));
        // Correlated speckle along range.
        for (int i = pixels.Length - 1; i > 0; i--)
            pixels[i] += 0.6f * pixels[i - 1];
        foreach (var (row, column) in ((int, int)[])[(20, 30), (1045, 100), (1099, 3980)])
        {
            pixels[row * Columns + column] += 300;
            pixels[row * Columns + column - 1] += 150;
        }
        var (whole, streamed) = Both(new ComplexImage(Rows, Columns, pixels), PixelKind.Complex);
        Same(whole, streamed);
        Assert.Equal(whole.ImpulseResponses.Count, streamed.ImpulseResponses.Count);
        foreach (var (a, b) in whole.ImpulseResponses.Zip(streamed.ImpulseResponses))
        {
            Assert.Equal(a.Range.Position.Value, b.Range.Position.Value, 1e-6);
            Assert.Equal(a.Azimuth.Position.Value, b.Azimuth.Position.Value, 1e-6);
            Assert.Equal(a.Azimuth.Width.Value, b.Azimuth.Width.Value, 1e-6);
            Assert.Equal(a.PeakIntensity, b.PeakIntensity, 1e-6 * a.PeakIntensity);
        }
        Close(whole.RangeSpectrum!, streamed.RangeSpectrum!);
        Close(whole.AzimuthSpectrum!, streamed.AzimuthSpectrum!);
        // 3 blocks of 1024 x 1024 circular pixels, which no target lies in; the neighbours' correlation
        // widens the error by at most 1.5.
        Assert.Equal(3 * 1024 * 1024, streamed.Circularity!.Statistic.Samples);
        Assert.InRange(streamed.Circularity.Statistic.Value, 0, 6 / Math.Sqrt(3 * 1024 * 1024));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(5, 30)]
    [InlineData(40, 16)]
    [InlineData(64, 70)]
    public void SmallRastersMayBeStreamedToo(int rows, int columns)
    {
        var image = new IntensityImage(rows, columns, EnlTests.Speckle(new Random(rows), rows * columns, 1));
        var path = Path.Combine(folder, "small.tif");
        GeoTiff.Write(image, path);
        using var raster = SarRaster.Open(path);
        var (whole, streamed) = (ImageStatistics.Compute(image),
            ImageStatistics.Compute(raster, new StatisticsOptions { WholeImagePixels = 0 }));
        Same(whole, streamed);
        // One block is the whole image.
        Assert.Equal(JsonSerializer.Serialize<AxisSpectrum?[]>([whole.RangeSpectrum, whole.AzimuthSpectrum]),
            JsonSerializer.Serialize<AxisSpectrum?[]>([streamed.RangeSpectrum, streamed.AzimuthSpectrum]));
    }

    [Fact]
    public void BadPixelsAreNamedAsInTheWholeImage()
    {
        var path = Path.Combine(folder, "bad.tif");
        var streamed = new StatisticsOptions { WholeImagePixels = 0 };
        GeoTiff.Write(new IntensityImage(20, 20, [.. Enumerable.Repeat(float.NaN, 400)]), path);
        using (var raster = SarRaster.Open(path))
            Assert.Contains("found only NaN (400 pixels",
                Assert.Throws<ArgumentException>(() => ImageStatistics.Compute(raster, streamed)).Message);
        GeoTiff.Write(new IntensityImage(20, 20, [.. Enumerable.Range(0, 400).Select(i => i - 3f)]), path);
        using (var raster = SarRaster.Open(path))
            Assert.Contains("found 3 negative pixels",
                Assert.Throws<ArgumentException>(() => ImageStatistics.Compute(raster, streamed)).Message);
        GeoTiff.Write(new IntensityImage(40, 40, new float[1600]), path);
        using (var raster = SarRaster.Open(path))
        {
            var zeros = ImageStatistics.Compute(raster, streamed);
            Assert.NotNull(zeros.Looks.Homogeneous.Reason);
            Assert.Null(zeros.LogCumulants);
            Assert.Null(zeros.RangeSpectrum);
        }
    }

    private (ImageStatistics Whole, ImageStatistics Streamed) Both(SarImage image, PixelKind kind)
    {
        var path = Path.Combine(folder, "image.tif");
        GeoTiff.Write(image, path, new GeoTiffOptions { Compression = GeoTiffCompression.None });
        using var raster = SarRaster.Open(path);
        Assert.Equal(kind, raster.Kind);
        double done = 0;
        var streamed = ImageStatistics.Compute(raster, progress: share => done = share);
        Assert.Equal(1, done, 1e-9);
        return (ImageStatistics.Compute(image), streamed);
    }

    private static void Same(ImageStatistics whole, ImageStatistics streamed)
    {
        Assert.Equal((whole.Rows, whole.Columns, whole.Pixels), (streamed.Rows, streamed.Columns, streamed.Pixels));
        foreach (var (a, b) in (ReadOnlySpan<(Moments, Moments)>)[(whole.Amplitude, streamed.Amplitude),
            (whole.Intensity, streamed.Intensity)])
        {
            Assert.Equal((a.Count, a.NoData, a.Zeros, a.Minimum, a.Maximum),
                (b.Count, b.NoData, b.Zeros, b.Minimum, b.Maximum));
            Near(a.Mean, b.Mean);
            Near(a.Variance, b.Variance);
            Near(a.CoefficientOfVariation, b.CoefficientOfVariation);
            Number(a.Skewness, b.Skewness, 1e-9);
            Number(a.ExcessKurtosis, b.ExcessKurtosis, 1e-9);
        }
        if (whole.LogCumulants is not null)
        {
            Near(whole.LogCumulants.K1, streamed.LogCumulants!.K1);
            Near(whole.LogCumulants.K2, streamed.LogCumulants.K2);
            Near(whole.LogCumulants.K3, streamed.LogCumulants.K3);
            Assert.Equal((whole.LogCumulants.Zeros, whole.LogCumulants.NoData),
                (streamed.LogCumulants.Zeros, streamed.LogCumulants.NoData));
        }
        Near(whole.Looks.ByMoments, streamed.Looks.ByMoments);
        Near(whole.Looks.ByLogCumulants, streamed.Looks.ByLogCumulants);
        Near(whole.Looks.MaximumLikelihood, streamed.Looks.MaximumLikelihood);
        Near(whole.Looks.MedianOverWindows, streamed.Looks.MedianOverWindows);
        Near(whole.Looks.Homogeneous, streamed.Looks.Homogeneous);
        Assert.Equal(whole.Looks.UpperTail, streamed.Looks.UpperTail);
        Assert.Equal(whole.Looks.HomogeneousWindows, streamed.Looks.HomogeneousWindows);
        Assert.Equal(whole.AmplitudeHistogram.Counts, streamed.AmplitudeHistogram.Counts);
        Assert.Equal(JsonSerializer.Serialize(whole.Clutter), JsonSerializer.Serialize(streamed.Clutter));
        if (whole.Texture is not null)
        {
            foreach (var (name, value) in whole.Texture.Values)
                Number(value, streamed.Texture!.Values[name], 1e-6);
        }
        Assert.Equal(whole.PointTargets.Select(t => (t.Row, t.Column, t.Intensity)),
            streamed.PointTargets.Select(t => (t.Row, t.Column, t.Intensity)));
    }

    private static void Near(Estimate a, Estimate b)
    {
        Assert.Equal((a.Samples, a.Method, a.Reason), (b.Samples, b.Method, b.Reason));
        Number(a.Value, b.Value, 1e-9);
        Number(a.StandardError, b.StandardError, 1e-6);
    }

    private static void Number(double a, double b, double tolerance)
    {
        if (double.IsFinite(a))
            Assert.Equal(a, b, tolerance * Math.Max(1, Math.Abs(a)));
        else
            Assert.Equal(a, b);
    }

    // Other segments of the same ground: equal within four standard errors of their difference.
    private static void Close(AxisSpectrum a, AxisSpectrum b)
    {
        foreach (var (x, y) in (ReadOnlySpan<(Estimate, Estimate)>)[(a.EffectiveBandwidth, b.EffectiveBandwidth),
            (a.Flatness, b.Flatness), (a.AutocorrelationLength, b.AutocorrelationLength)])
            Assert.Equal(x.Value, y.Value, 4 * double.Hypot(x.StandardError, y.StandardError) + 0.002);
    }
}
