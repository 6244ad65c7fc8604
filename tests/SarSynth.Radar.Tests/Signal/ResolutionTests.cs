// Multilooking and resolution change against theory: moments of speckle, point responses, waves, energies.
using MathNet.Numerics;
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;
using SarSynth.Radar.Simulation;

namespace SarSynth.Radar.Tests.Signal;

public class ResolutionTests
{
    [Fact]
    public void MultilookingAveragesRectangles()
    {
        var image = new IntensityImage(5, 7, [.. Enumerable.Range(0, 35).Select(i => i == 9 ? float.NaN : (float)i)],
            new SarMetadata { RangeSpacing = 2, AzimuthSpacing = 3, Looks = 2 },
                new GeoReference([10, 2, 0, 20, 0, -3], ""));
        var looked = Multilook.Apply(image, 2, 3);
        // 0 1 2 7 8 | 3 4 5 10 11 12 | ...: the NaN at (1, 2) is left out.
        Assert.Equal([18 / 5f, 45 / 6f, (14 + 15 + 16 + 21 + 22 + 23) / 6f, (17 + 18 + 19 + 24 + 25 + 26) / 6f],
            looked.Pixels);
        Assert.Equal((6.0, 6.0, 12.0),
            (looked.Metadata.RangeSpacing, looked.Metadata.AzimuthSpacing, looked.Metadata.Looks));
        Assert.Equal([10, 6, 0, 20, 0, -6], looked.GeoReference!.Transform!);
        Assert.Throws<ArgumentOutOfRangeException>(() => Multilook.Apply(image, 6, 1));
    }

    [Theory, InlineData(1.0), InlineData(0.5), InlineData(0.8)]
    public void PredictedEnlIsWhatIsMeasured(double bandwidth)
    {
        var speckle = Speckle(512, 512, bandwidth, seed: 1);
        var predicted = Multilook.PredictEnl(speckle, 4, 3);
        var intensity = Multilook.Apply(speckle, 4, 3).Pixels.Select(i => (double)i).ToArray();
        var mean = intensity.Average();
        var measured = mean * mean / intensity.Average(i => (i - mean) * (i - mean));
        // 21,760 rectangles: the standard error of an ENL of 12 is about 1.2 %; four of them.
        Assert.InRange(measured / predicted, 0.95, 1.05);
        if (bandwidth == 1)
            Assert.Equal(12, predicted, 0.3);
    }

    [Theory]
    [InlineData(0.0, 0.0), InlineData(0.31, -0.12), InlineData(-0.47, 0.2)]
    public void WavesInTheBandSurviveAndOthersDoNot(double doppler, double range)
    {
        const int rows = 240, columns = 200;
        var crop = new SpectralCrop { RowFactor = 3, ColumnFactor = 2, DopplerCentroid = doppler,
            RangeCentroid = range };
        // A wave near the spectrum's centre keeps its phase at the centre of every new pixel.
        double fr = Math.Round(doppler * rows) / rows + 10.0 / rows,
            fc = Math.Round(range * columns) / columns - 20.0 / columns;
        var kept = ResolutionChange.Apply(Wave(rows, columns, fr, fc), crop);
        Assert.Equal((80, 100), (kept.Rows, kept.Columns));
        for (var i = 0; i < kept.Pixels.Length; i++)
        {
            double row = i / 100 * 3 + 1, column = i % 100 * 2 + 0.5;
            var expected = System.Numerics.Complex.FromPolarCoordinates(1, 2 * Math.PI * (fr * row + fc * column));
            Assert.True((kept.Pixels[i].ToComplex() - expected)
                .Magnitude < 2e-4, $"{i}: {kept.Pixels[i]} for {expected}");
        }
        // One outside is removed: beside the wave that is kept nothing of it is left.
        var outside = Wave(rows, columns, fr + 60.0 / rows, fc).Pixels;
        var sum = new ComplexImage(rows, columns,
            [.. Wave(rows, columns, fr, fc).Pixels.Zip(outside, (a, b) => a + b)]);
        var filtered = ResolutionChange.Apply(sum, crop).Pixels;
        for (var i = 0; i < filtered.Length; i++)
            Assert.Equal(Math.Sqrt(2), filtered[i].Magnitude, 5e-4);
    }

    [Fact]
    public void TheDopplerCentroidIsFound()
    {
        var speckle = Speckle(256, 256, 0.5, seed: 3);
        var shifted = new ComplexImage(256, 256, [.. speckle.Pixels.Select((s, i) =>
            s * (Complex32)System.Numerics.Complex.FromPolarCoordinates(1,
                2 * Math.PI * (0.37 * (i / 256) - 0.21 * (i % 256))))]);
        var (doppler, range) = ResolutionChange.Centroids(shifted);
        Assert.Equal(0.37, doppler, 0.005);
        Assert.Equal(-0.21, range, 0.005);
    }

    [Fact]
    public void WindowsHaveTheirKnownWidths()
    {
        Assert.Equal(0.8859, new RectangularWindow().WidthFactor(), 1e-3);
        // Harris (1978), table 1: 3 dB width in bins of the Hamming window 1.30, the Kaiser
        // window (alpha 2) 1.43; Hann 1.44.
        Assert.Equal(1.30, new HammingWindow().WidthFactor(), 0.01);
        Assert.Equal(1.44, new HammingWindow(0.5).WidthFactor(), 0.01);
        Assert.Equal(1.43, new KaiserWindow(2 * Math.PI).WidthFactor(), 0.01);
        // scipy.signal.windows.taylor(1024, 5, 35) and kaiser(1024, 2.5), half-power width of their transform.
        Assert.Equal(1.18693, new TaylorWindow().WidthFactor(), 1e-3);
        Assert.Equal(1.04212, new KaiserWindow(2.5).WidthFactor(), 2e-3);
    }

    [Fact]
    public void APointGetsTheWantedWidth()
    {
        const int size = 1024;
        var pixels = new Complex32[size * size];
        pixels[size / 2 * size + size / 2] = Complex32.One;
        var point = new ComplexImage(size, size, pixels, new SarMetadata { RangeSpacing = 0.4, AzimuthSpacing = 0.5 });
        var window = new HammingWindow(0.7);
        // Same grid, so that the response is sampled finely: widths of 4 and 6 m.
        var crop = ResolutionChange.CropFor(point, 4, 6, 0.4, 0.5, window);
        var image = ResolutionChange.Apply(point, crop with { DopplerCentroid = 0, RangeCentroid = 0 });
        Assert.Equal(4, image.Metadata.RangeResolution!.Value, 1e-6);
        Assert.Equal(4, Width(i => image.Pixels[size / 2 * size + i].Magnitude) * 0.4, 0.03);
        Assert.Equal(6, Width(i => image.Pixels[i * size + size / 2].Magnitude) * 0.5, 0.05);
        Assert.Contains("expected",
            Assert.Throws<ArgumentException>(() => ResolutionChange.CropFor(point, 0.1, 6, 0.4, 0.5, window)).Message);

        double Width(Func<int, float> line)
        {
            var half = line(size / 2) * Math.Sqrt(0.5);
            return Cross(1) + Cross(-1);

            double Cross(int step)
            {
                var i = size / 2;
                while (line(i + step) > half)
                    i += step;
                return Math.Abs(i - size / 2) + (line(i) - half) / (line(i) - line(i + step));
            }
        }
    }

    [Fact]
    public void TheSatelliteChainKeepsTheLevelAndAddsItsNoise()
    {
        var facts = new SarMetadata { RangeSpacing = 0.4, AzimuthSpacing = 0.4, IncidenceAngle = 30,
            SlantRange = true };
        var speckle = Speckle(1024, 1024, 1, seed: 5);
        var ground = new ComplexImage(1024, 1024, [.. speckle.Pixels.Select(s => s * 0.1f)], facts);
        var recipe = new SatelliteRecipe { RangeResolution = 2, AzimuthResolution = 3, RangeLooks = 2, AzimuthLooks = 2,
            NoiseEquivalentSigmaNought = -20, Seed = 7 };
        var seen = (IntensityImage)recipe.Apply(ground);
        // Sigma nought -20 dB and as much noise: -17 dB; about 7,000 independent samples, so 0.05 dB.
        Assert.Equal(10 * Math.Log10(0.02), 10 * Math.Log10(seen.Pixels.Average()), 0.15);
        var quiet = (IntensityImage)(recipe with { NoiseEquivalentSigmaNought = null }).Apply(ground);
        Assert.Equal(-20, 10 * Math.Log10(quiet.Pixels.Average()), 0.1);
        // Constant gamma nought: sigma nought falls as the cosine, cos 45 / cos 30.
        var steep = (IntensityImage)(recipe with { NoiseEquivalentSigmaNought = null, IncidenceAngle = 45 })
            .Apply(ground);
        Assert.Equal(Math.Cos(Math.PI / 4) / Math.Cos(Math.PI / 6), steep.Pixels.Average() / quiet.Pixels.Average(),
            1e-4);
        Assert.Equal(45, steep.Metadata.IncidenceAngle);
        Assert.Equal(seen.Pixels, ((IntensityImage)recipe.Apply(ground)).Pixels);
        Assert.Equal(recipe, SatelliteRecipe.FromJson(recipe.ToJson()));
        Assert.IsType<ComplexImage>((recipe with { RangeLooks = 1, AzimuthLooks = 1 }).Apply(ground));
        Assert.StartsWith("satellite recipe: ", Assert.Throws<FormatException>(() => SatelliteRecipe.FromJson("{}"))
            .Message);
    }

    private static ComplexImage Wave(int rows, int columns, double fr, double fc) => new(rows, columns,
        [.. Enumerable.Range(0, rows * columns)
            .Select(i => (Complex32)System.Numerics.Complex.FromPolarCoordinates(1,
            2 * Math.PI * (fr * (i / columns) + fc * (i % columns))))]);

    // Circular Gaussian speckle of unit mean intensity whose spectrum fills a part of both axes.
    private static ComplexImage Speckle(int rows, int columns, double bandwidth, int seed)
    {
        var random = new Random(seed);
        var data = new Complex32[rows * columns];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                double fr = Math.Abs(row - rows / 2.0) / rows, fc = Math.Abs(column - columns / 2.0) / columns;
                if (fr > bandwidth / 2 || fc > bandwidth / 2)
                    continue;
                var magnitude = Math.Sqrt(-Math.Log(1 - random.NextDouble()))
                    * Math.Sqrt((double)rows * columns) / bandwidth;
                data[(row + rows / 2) % rows * columns + (column + columns / 2) % columns] =
                    (Complex32)System.Numerics.Complex.FromPolarCoordinates(magnitude,
                        2 * Math.PI * random.NextDouble());
            }
        }
        Fourier.Inverse2D(data, rows, columns);
        return new ComplexImage(rows, columns, data);
    }
}
