using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Tests.Signal;

/// <summary>What streams through a raster gives the numbers that its closed form has, in tiles of any size.</summary>
public sealed class RasterStreamTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-stream-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string In(string name) => Path.Combine(folder, name);

    // Amplitude sqrt(row + column / 1000): its intensity is linear, so the mean of a rectangle is that of its middle.
    private SarRaster Ramp(int rows, int columns)
    {
        var pixels = new float[rows * columns];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = MathF.Sqrt(i / columns + i % columns / 1000f);
        var place = new GeoReference([100, 2, 0, 500, 0, -3], "");
        GeoTiff.Write(new AmplitudeImage(rows, columns, pixels,
            new() { RangeSpacing = 2, AzimuthSpacing = 3, Looks = 1 }, place), In("ramp.tif"));
        return SarRaster.Open(In("ramp.tif"));
    }

    [Fact]
    public void MultilookedRampIsTheRampOfItsMiddles()
    {
        var shares = new List<double>();
        using (var raster = Ramp(1200, 2503))
            Multilook.Apply(raster, In("looks.tif"), 4, 5, new() { TileSize = 64 }, shares.Add);
        using var made = SarRaster.Open(In("looks.tif"));
        Assert.Equal((300, 500), (made.Rows, made.Columns));
        Assert.Equal((10.0, 12.0, 20.0),
            (made.Metadata.RangeSpacing, made.Metadata.AzimuthSpacing, made.Metadata.Looks));
        Assert.Equal([100, 10, 0, 500, 0, -12], made.GeoReference!.Transform!);
        var pixels = ((IntensityImage)made.Read()).Pixels;
        foreach (var (row, column) in ((int, int)[])[(0, 0), (63, 64), (299, 499), (150, 7)])
            Assert.Equal(4 * row + 1.5 + (5 * column + 2) / 1000.0, pixels[row * 500 + column], 1e-3);
        Assert.Equal(1, shares[^1], 12);
        Assert.Equal(shares.Order(), shares);
    }

    [Fact]
    public void NormalisedRasterHasTheParametersThatItsPixelsHave()
    {
        using var raster = Ramp(700, 600);
        var fit = new NormalisationFit().Add(raster).Clipped();
        double sum = 0, squares = 0;
        for (var i = 0; i < 700 * 600; i++)
        {
            var intensity = i / 600 + i % 600 / 1000.0;
            sum += Math.Sqrt(intensity);
            squares += intensity;
        }
        double mean = sum / 420000, deviation = Math.Sqrt(squares / 420000 - mean * mean);
        Assert.Equal(mean, fit.Mean, 1e-5 * mean);
        Assert.Equal(deviation, fit.StandardDeviation, 1e-4 * deviation);
        fit.Apply(raster, In("normal.tif"));
        using var made = SarRaster.Open(In("normal.tif"));
        Assert.Equal(PixelKind.Normalised, made.Kind);
        // They are no backscatter: who reads them as such is told.
        Assert.Contains("normalised", Assert.Throws<RasterException>(() => made.Read()).Message);
    }

    /// <summary>The factor is the row and the noise a hundredth of the column.</summary>
    private sealed class PlaceCalibration : Calibration
    {
        public override bool HasNoise => true;

        public override void Factors(int row, int firstColumn, Backscatter quantity, Span<double> factors) =>
            factors.Fill(row);

        public override void Noise(int row, int firstColumn, Span<double> noise)
        {
            for (var i = 0; i < noise.Length; i++)
                noise[i] = (firstColumn + i) / 100.0;
        }
    }

    [Fact]
    public void CalibrationOfAPartUsesItsPlaceInTheProduct()
    {
        Ramp(300, 200).Dispose();
        using var part = SarRaster.Open(In("ramp.tif"), new() { Window = new(100, 40, 150, 130) });
        new PlaceCalibration().Apply(
            part, In("calibrated.tif"), Backscatter.BetaNought, removeNoise: true, new() { TileSize = 64 });
        using var made = SarRaster.Open(In("calibrated.tif"));
        Assert.Equal((150, 130, Backscatter.BetaNought), (made.Rows, made.Columns, made.Metadata.Quantity));
        Assert.Equal([180, 2, 0, 200, 0, -3], made.GeoReference!.Transform!);
        var pixels = ((IntensityImage)made.Read()).Pixels;
        foreach (var (row, column) in ((int, int)[])[(0, 0), (63, 64), (64, 63), (149, 129)])
        {
            var intensity = 100 + row + (40 + column) / 1000.0;
            var expected = (intensity - (40 + column) / 100.0) * (100 + row);
            Assert.Equal(expected, pixels[row * 130 + column], 1e-5 * expected);
        }
    }
}
