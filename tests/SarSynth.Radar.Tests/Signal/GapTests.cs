// Pixels without data through resolution change, multilook prediction, texture maps and target detection.
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;
using SarSynth.Radar.Statistics;

namespace SarSynth.Radar.Tests.Signal;

public sealed class GapTests
{
    private const int Rows = 128, Columns = 160;

    [Fact]
    public void ACoarserPixelHoldsDataWhereHalfOfItsGroundDoes()
    {
        // No data: the first 31 rows, and one pixel in the middle.
        var pixels = Speckle(1);
        Array.Fill(pixels, new Complex32(float.NaN, 1), 0, 31 * Columns);
        pixels[70 * Columns + 80] = new Complex32(float.NaN, float.NaN);
        var crop = new SpectralCrop { RowFactor = 4, ColumnFactor = 2, RowBandwidth = 0.8, ColumnBandwidth = 0.8 };
        var image = ResolutionChange.Apply(new ComplexImage(Rows, Columns, pixels), crop);
        // Rows 0 ... 27 fill seven of the new rows; the eighth (28 ... 31) has one row of four with data.
        Assert.Equal(8 * 80, image.CountNoData());
        Assert.All(image.Pixels.Take(8 * 80), s => Assert.True(float.IsNaN(s.Real) && float.IsNaN(s.Imaginary)));
        Assert.All(image.Pixels.Skip(8 * 80), s => Assert.True(float.IsFinite(s.Real) && float.IsFinite(s.Imaginary)));
        // Half of four rows is enough.
        Array.Fill(pixels, Complex32.One, 30 * Columns, Columns);
        Assert.Equal(7 * 80, ResolutionChange.Apply(new ComplexImage(Rows, Columns, pixels), crop).CountNoData());
    }

    [Fact]
    public void TheStreamHasTheSameGaps()
    {
        var folder = Directory.CreateTempSubdirectory("sarsynth-gaps-").FullName;
        try
        {
            var pixels = Speckle(2);
            for (var row = 20; row < 90; row++)
                Array.Fill(pixels, new Complex32(float.NaN, float.NaN), row * Columns + row, 37);
            var image = new ComplexImage(Rows, Columns, pixels);
            GeoTiff.Write(image, Path.Combine(folder, "in.tif"));
            var crop = new SpectralCrop { RowFactor = 2.5, ColumnFactor = 3, RowBandwidth = 0.9,
                ColumnBandwidth = 0.7 };
            var whole = ResolutionChange.Apply(image, crop);
            using var raster = SarRaster.Open(Path.Combine(folder, "in.tif"));
            ResolutionChange.Apply(raster, Path.Combine(folder, "out.tif"), crop);
            using var result = SarRaster.Open(Path.Combine(folder, "out.tif"));
            var streamed = ((ComplexImage)result.Read()).Pixels;
            Assert.InRange(whole.CountNoData(), 200, 500);
            Assert.Equal(whole.Pixels.Select(s => float.IsNaN(s.Real)), streamed.Select(s => float.IsNaN(s.Real)));
            Assert.Equal("nodata value NaN", result.Validity.ToString());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void GapsDoNotMakeLooks()
    {
        // Every third row without data: neighbours across it are still correlated as they were.
        var smooth = Correlated();
        var whole = Multilook.PredictEnl(smooth, 4, 4);
        var pixels = (Complex32[])smooth.Pixels.Clone();
        for (var row = 0; row < Rows; row += 3)
            Array.Fill(pixels, new Complex32(float.NaN, float.NaN), row * Columns, Columns);
        Assert.Equal(whole, Multilook.PredictEnl(new ComplexImage(Rows, Columns, pixels), 4, 4), 0.1 * whole);
    }

    [Fact]
    public void ATargetBesideNoDataIsFound()
    {
        // The same target and clutter; the left half of its surroundings without data must not count its energy twice.
        var random = new Random(3);
        var clutter = Enumerable.Range(0, Rows * Columns).Select(_ => (float)-Math.Log(1 - random.NextDouble()))
            .ToArray();
        clutter[64 * Columns + 80] = 3000;
        var open = PointTargets.Detect(clutter, Rows, Columns).Single();
        for (var row = 0; row < Rows; row++)
            Array.Fill(clutter, float.NaN, row * Columns, 74);
        var beside = PointTargets.Detect(clutter, Rows, Columns).Single();
        Assert.Equal((64, 80), (beside.Row, beside.Column));
        Assert.Equal(open.SignalToClutter, beside.SignalToClutter, 0.5);
    }

    [Theory]
    [InlineData(GlcmFeature.Contrast), InlineData(GlcmFeature.Homogeneity), InlineData(GlcmFeature.Entropy),
        InlineData(GlcmFeature.Correlation)]
    public void TextureMapsCountPairsThatHoldData(GlcmFeature feature)
    {
        const int side = 20, window = 5;
        var random = new Random(4);
        var grey = new byte[side * side];
        random.NextBytes(grey);
        var mask = new bool[grey.Length];
        for (var i = 0; i < grey.Length; i++)
            (grey[i], mask[i]) = ((byte)(grey[i] % 8), i / side >= 6 && random.Next(4) > 0);
        var map = Glcm.Map(grey, side, side, 8, window, feature, mask: mask);
        for (var row = 0; row < side; row++)
        {
            for (var column = 0; column < side; column++)
            {
                // The window cut out, mirrored at the borders, and its matrices by the plain count.
                byte[] cut = new byte[window * window];
                var valid = new bool[cut.Length];
                for (var i = 0; i < cut.Length; i++)
                {
                    var from = Mirror(row + i / window - 2) * side + Mirror(column + i % window - 2);
                    (cut[i], valid[i]) = (grey[from], mask[from]);
                }
                var matrices = Glcm.Compute(cut, window, window, 8, [1.0], Glcm.FourAngles, mask: valid)
                    .Cast<Cooccurrence>().ToList();
                var expected = matrices.Any(m => m.Total == 0) ? double.NaN
                    : matrices.Average(m => m.Features()[feature]);
                Assert.Equal(expected, map[row * side + column], 1e-5);
            }
        }

        static int Mirror(int index) => index < 0 ? -1 - index : index >= side ? 2 * side - 1 - index : index;
    }

    private static Complex32[] Speckle(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Rows * Columns).Select(_ =>
        {
            var (radius, phase) = (Math.Sqrt(-Math.Log(1 - random.NextDouble())), 2 * Math.PI * random.NextDouble());
            return new Complex32((float)(radius * Math.Cos(phase)), (float)(radius * Math.Sin(phase)));
        })];
    }

    private static ComplexImage Correlated() => ResolutionChange.Apply(new ComplexImage(Rows, Columns, Speckle(5)),
        new SpectralCrop { RowBandwidth = 0.5, ColumnBandwidth = 0.5, DopplerCentroid = 0, RangeCentroid = 0 });
}
