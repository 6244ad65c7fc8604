using System.Text.Json;
using SarSynth.Radar.Images;
using SarSynth.Radar.Statistics;

namespace SarSynth.Radar.Tests.Statistics;

public class ImageStatisticsTests
{
    [Fact]
    public void Single_look_speckle_has_the_values_of_the_textbook()
    {
        var image = new IntensityImage(200, 200, EnlTests.Speckle(new Random(1), 40_000, 1));
        var s = ImageStatistics.Compute(image);
        Assert.Equal("intensity", s.Pixels);
        // Rayleigh amplitude: standard deviation over mean is sqrt(4/pi - 1) = 0.5227.
        Within(Math.Sqrt(4 / Math.PI - 1), s.Amplitude.CoefficientOfVariation);
        Within(1, s.Intensity.CoefficientOfVariation);
        Within(1, s.Looks.ByMoments);
        Within(1, s.Looks.ByLogCumulants);
        Within(1, s.Looks.MaximumLikelihood);
        Assert.InRange(s.Looks.MedianOverWindows.Value, 0.95, 1.1);
        Assert.InRange(s.Looks.Homogeneous.Value, 0.97, 1.03);
        Assert.Equal(40_000, s.AmplitudeHistogram.Total);

        static void Within(double expected, Estimate e) =>
            Assert.InRange(expected, e.Value - 4 * e.StandardError, e.Value + 4 * e.StandardError);
    }

    [Fact]
    public void Everything_serialises_to_json_and_back()
    {
        var s = ImageStatistics.Compute(new AmplitudeImage(8, 8, Enumerable.Range(0, 64).Select(i => (float)i)
            .ToArray()));
        string json = JsonSerializer.Serialize(s);
        var back = JsonSerializer.Deserialize<ImageStatistics>(json)!;
        Assert.Equal(json, JsonSerializer.Serialize(back));
        Assert.Equal(s.Amplitude, back.Amplitude);
        Assert.NotNull(back.Looks.MedianOverWindows.Reason);
    }

    [Fact]
    public void Complex_images_get_spectra_circularity_laws_and_targets()
    {
        var random = new Random(2);
        var pixels = new MathNet.Numerics.Complex32[96 * 96];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = MathNet.Numerics.Complex32.FromPolarCoordinates(
                (float)Math.Sqrt(-Math.Log(1 - random.NextDouble())), (float)(2 * Math.PI * random.NextDouble()));
        pixels[50 * 96 + 40] = 15;
        var s = ImageStatistics.Compute(new ComplexImage(96, 96, pixels));
        Assert.InRange(s.RangeSpectrum!.Flatness.Value, 0.95, 1);
        Assert.InRange(s.AzimuthSpectrum!.EffectiveBandwidth.Value, 0.95, 1);
        Assert.NotNull(s.Circularity);
        Assert.Equal((50, 40), (s.PointTargets[0].Row, s.PointTargets[0].Column));
        Assert.Equal(50, s.ImpulseResponses[0].Azimuth.Position.Value, 0.1);
        Assert.Equal(Enum.GetValues<ClutterFamily>().Length, s.Clutter.Count);
        Assert.True(s.Texture![GlcmFeature.Entropy] > 1);
        string json = JsonSerializer.Serialize(s);
        Assert.Equal(json, JsonSerializer.Serialize(JsonSerializer.Deserialize<ImageStatistics>(json)));
    }

    [Fact]
    public void Odd_images_give_reasons_not_crashes()
    {
        Assert.NotNull(ImageStatistics.Compute(new IntensityImage(1, 1, [2])).Looks.ByMoments.Reason);
        Assert.NotNull(ImageStatistics.Compute(new IntensityImage(64, 64, new float[4096])).Looks.Homogeneous.Reason);
        Assert.NotNull(ImageStatistics.Compute(new IntensityImage(64, 64, Enumerable.Repeat(3f, 4096).ToArray()))
            .Looks.ByLogCumulants.Reason);
        Assert.Throws<ArgumentException>(() =>
            ImageStatistics.Compute(new IntensityImage(2, 2, [float.NaN, float.NaN, float.NaN, float.NaN])));
        Assert.Throws<ArgumentException>(() =>
            ImageStatistics.Compute(new IntensityImage(2, 2, [1, 2, 3, float.PositiveInfinity])));
    }
}
