// Baselines against closed forms: interpolation, speckle's law and correlation, noise taken off and put on.
using MathNet.Numerics.Distributions;
using SarSynth.Evaluation;
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;
using SarSynth.Radar.Simulation;

namespace SarSynth.Tests.Evaluation;

public class BaselinesTests
{
    [Fact]
    public void BicubicKeepsAConstantAndTheMeanPower()
    {
        var fine = Baselines.Bicubic(new(6, 5, [.. Enumerable.Repeat(2f, 30)]), 4);
        Assert.Equal((24, 20), (fine.Rows, fine.Columns));
        Assert.All(fine.Pixels, a => Assert.Equal(2, a, 1e-5f));
    }

    [Fact]
    public void BicubicReproducesAQuadraticIntensity()
    {
        // Cubic convolution with a = -1/2 is exact for polynomials of degree two (Keys 1981), away from the border.
        static double Intensity(double x) => 3 + 0.5 * x + 0.25 * x * x;
        var coarse = new AmplitudeImage(8, 16,
            [.. Enumerable.Range(0, 128).Select(i => (float)Math.Sqrt(Intensity(i % 16)))]);
        var fine = Baselines.Bicubic(coarse, 4);
        for (var c = 12; c < 48; c++)
        {
            var x = (c + 0.5) / 4 - 0.5;
            Assert.Equal(Intensity(x), Math.Pow(fine.Pixels[16 * fine.Columns + c], 2), 1e-3 * Intensity(x));
        }
    }

    [Fact]
    public void DrawnSpeckleIsSingleLookAndSeeded()
    {
        var flat = new AmplitudeImage(64, 64, [.. Enumerable.Repeat(1f, 4096)]);
        var speckled = Baselines.BicubicWithSpeckle(flat, 4, seed: 5);
        var intensity = speckled.ToIntensity().Pixels;
        var mean = intensity.Average(v => (double)v);
        var enl = mean * mean / intensity.Average(v => (v - mean) * (v - mean));
        // 65,536 exponentials: standard errors 0.004 of the mean, 0.011 of the ENL.
        Assert.Equal(1, mean, 0.02);
        Assert.Equal(1, enl, 0.055);
        Assert.Equal(speckled.Pixels, Baselines.BicubicWithSpeckle(flat, 4, seed: 5).Pixels);
        Assert.NotEqual(speckled.Pixels, Baselines.BicubicWithSpeckle(flat, 4, seed: 6).Pixels);
    }

    [Fact]
    public void TheFineGridLiesOnTheSameGround()
    {
        var coarse = new AmplitudeImage(2, 2, new float[4], new() { RangeSpacing = 1.6 },
            new([100, 1.6, 0, 200, 0, -1.6], ""));
        var fine = Baselines.Bicubic(coarse, 4);
        Assert.Equal(0.4, fine.Metadata.RangeSpacing!.Value, 1e-12);
        Assert.Equal([100, 0.4, 0, 200, 0, -0.4], fine.GeoReference!.Transform!.Select(v => Math.Round(v, 12)));
    }

    /// <summary>
    /// Flat ground of known backscatter: Lee's filter and interpolation leave its mean, so power, law and correlation
    /// of the result are those of the airborne sensor over that ground.
    /// </summary>
    [Fact]
    public void DespeckledGroundIsSeenAgainByTheAirborneSensor()
    {
        const int Side = 96, Scale = 4;
        const double Ground = 0.05;
        var (from, to) = (Sensors.SatelliteX160, Sensors.AirborneX040);
        double less = Linear(from.NoiseEquivalentSigmaNought), more = Linear(to.NoiseEquivalentSigmaNought);
        var gamma = new Gamma(4, 4 / (Ground + less), new Random(5));
        var satellite = new AmplitudeImage(
            Side, Side, [.. Enumerable.Range(0, Side * Side).Select(_ => (float)Math.Sqrt(gamma.Sample()))]);
        var image = Baselines.LeeWithSpeckle(satellite, Scale, seed: 3, from, to);
        Assert.Equal((Side * Scale, Side * Scale), (image.Rows, image.Columns));
        var intensity = image.ToIntensity().Pixels;
        var mean = intensity.Average(v => (double)v);
        // Standard errors: 0.5 % of the drawn satellite image's mean, 0.3 % of the airborne speckle's.
        Assert.Equal(1, mean / (Ground + more), 0.025);
        // Exponential law: variance of the logarithm pi squared / 6. What the filter leaves of the satellite's speckle
        // adds under 0.06; speckle on speckle would give 1.645 + trigamma(4) = 1.93.
        var logs = intensity.Select(v => Math.Log(v)).ToArray();
        var middle = logs.Average();
        Assert.Equal(Math.PI * Math.PI / 6, logs.Average(l => (l - middle) * (l - middle)), 0.08);
        // Neighbours of detected speckle correlate by the square of the field's own: the
        // transform of the weighted band.
        Assert.Equal(Correlation(to.RangeWindow, to.RangeBandFraction), Neighbours(intensity, Side * Scale, 1), 0.03);
        Assert.Equal(Correlation(to.AzimuthWindow, to.AzimuthBandFraction),
            Neighbours(intensity, Side * Scale, Side * Scale), 0.03);
        Assert.Equal(image.Pixels, Baselines.LeeWithSpeckle(satellite, Scale, seed: 3, from, to).Pixels);
        Assert.NotEqual(image.Pixels, Baselines.LeeWithSpeckle(satellite, Scale, seed: 4, from, to).Pixels);
    }

    [Fact]
    public void DrawnSpeckleIsNeverTheTruthsOwn()
    {
        const ulong Seed = 7;
        const int Side = 128;
        var asphalt = Enumerable.Repeat((byte)LandCover.Asphalt, Side * Side).ToArray();
        var flat = Scene.FromMaps(asphalt, new float[Side * Side], Side, Side, 0.4);
        var truth = Simulator.Observe(flat, Sensors.AirborneX040, Seed, Fidelity.Plain).Detected.ToIntensity()
            .Pixels;
        var satellite = new AmplitudeImage(Side / 4, Side / 4, [.. Enumerable.Repeat(1f, Side * Side / 16)]);
        var made = Baselines.LeeWithSpeckle(satellite, 4, Seed, to: Sensors.AirborneX040).ToIntensity().Pixels;
        // Independent: 0 with a standard error of 0.01.
        Assert.Equal(0, MathNet.Numerics.Statistics.Correlation.Pearson(
            truth.Select(v => (double)v), made.Select(v => (double)v)), 0.05);
    }

    [Fact]
    public void WithoutSensorsSpeckleIsWhiteAndNoNoiseIsMoved()
    {
        var flat = new AmplitudeImage(64, 64, [.. Enumerable.Repeat(2f, 4096)]);
        var intensity = Baselines.LeeWithSpeckle(flat, 4, seed: 1).ToIntensity().Pixels;
        Assert.Equal(4, intensity.Average(v => (double)v), 0.08);
        Assert.Equal(0, Neighbours(intensity, 256, 1), 0.02);
    }

    [Fact]
    public void AllOfASceneAreNamed()
    {
        var scene = SarSynth.Data.PairedDataset.Open(SarSynth.Data.EmbeddedData.Scenes)
            .Load(SarSynth.Data.EmbeddedData.Scenes).First();
        var all = Baselines.All(scene);
        Assert.Equal(["bicubic", "bicubic + speckle", "Lee x speckle"], all.Select(c => c.Name));
        Assert.All(all, c => Assert.Equal(scene.Airborne.Pixels.Length, Assert.Single(c.Images).Pixels.Length));
        // The simulator's sensors are found: noise is moved, so that the darkest ground is not
        // as bright as the satellite's.
        Assert.NotEqual(Baselines.LeeWithSpeckle(scene.Satellite, scene.Scale, 1).Pixels, all[2].Images[0].Pixels);
        var two = Baselines.All([scene, scene], seed: 1);
        Assert.Equal(all[2].Images[0].Pixels, two[2].Images[0].Pixels);
        Assert.NotEqual(two[2].Images[0].Pixels, two[2].Images[1].Pixels);
    }

    private static double Linear(double decibels) => Math.Pow(10, decibels / 10);

    private static double Correlation(SpectralWindow window, double band)
    {
        var (sum, total) = (0.0, 0.0);
        for (var i = 0; i < 10_000; i++)
        {
            var x = (i + 0.5) / 5_000 - 1;
            var power = Math.Pow(window.Weight(x), 2);
            sum += power * Math.Cos(Math.PI * band * x);
            total += power;
        }
        return Math.Pow(sum / total, 2);
    }

    private static double Neighbours(float[] intensity, int columns, int step)
    {
        var mean = intensity.Average(v => (double)v);
        var pairs = Enumerable.Range(0, intensity.Length - step).Where(i => step > 1 || (i + 1) % columns != 0)
            .ToArray();
        return pairs.Average(i => (intensity[i] - mean) * (intensity[i + step] - mean))
            / intensity.Average(v => (v - mean) * (v - mean));
    }
}
