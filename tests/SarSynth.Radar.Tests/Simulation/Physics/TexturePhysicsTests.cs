// Texture against theory: log-cumulants of the K and G0 laws, correlation length, what a
// crop and a plain simulator show.
using SarSynth.Radar.Simulation;
using SarSynth.Radar.Statistics;

namespace SarSynth.Radar.Tests.Simulation;

public sealed class TexturePhysicsTests
{
    [Theory]
    [InlineData(TextureLaw.K, 1.5)]
    [InlineData(TextureLaw.K, 4)]
    [InlineData(TextureLaw.G0, 2.5)]
    [InlineData(TextureLaw.G0, 6)]
    public void ShapeComesBackWithinItsConfidenceInterval(TextureLaw law, double shape)
    {
        const int runs = 16;
        var sensor = Sensors.AirborneX040 with { NoiseEquivalentSigmaNought = -90 };
        double[] second = new double[runs], third = new double[runs];
        for (int run = 0; run < runs; run++)
        {
            var seen = Simulator.Observe(TestScenes.Flat(400, texture: new Texture(law, shape, 6), seed: (ulong)run),
                sensor, (ulong)run).SingleLook;
            var logs = seen.Pixels.Select(p => Math.Log(p.MagnitudeSquared)).ToArray();
            double mean = logs.Average();
            second[run] = logs.Average(x => Math.Pow(x - mean, 2));
            third[run] = logs.Average(x => Math.Pow(x - mean, 3));
        }
        // Nicolas (2002): for one look kappa2 = trigamma(1) + trigamma(shape); kappa3 = polygamma2(1) + (K)
        // or - (G0) polygamma2(shape).
        Check(second, Polygamma(1, 1) + Polygamma(1, shape));
        Check(third, Polygamma(2, 1) + (law == TextureLaw.K ? 1 : -1) * Polygamma(2, shape));

        static void Check(double[] values, double expected)
        {
            // Student's t for 15 degrees of freedom, 99.9 % two-sided, and 3 % for the texture that
            // one resolution cell averages.
            double mean = values.Average(),
                error = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (runs - 1) / runs);
            Assert.InRange(mean, expected - 4.07 * error - 0.03 * Math.Abs(expected),
                expected + 4.07 * error + 0.03 * Math.Abs(expected));
            // The interval is narrow enough to tell a shape from its double.
            Assert.True(error < 0.06 * Math.Abs(expected), $"standard error {error:F3} of {expected:F3}");
        }
    }

    [Fact]
    public void MeanOfTextureIsOneAndItsCorrelationFallsAtTheLengthAsked()
    {
        var scene = TestScenes.Flat(1024, texture: new Texture(TextureLaw.K, 50, 4));
        var truth = Simulator.Observe(scene, Sensors.AirborneX040, 1).Truth;
        double level = 0.1 * Math.Cos(Math.PI / 4), mean = truth.Reflectivity.Average();
        Assert.Equal(level, mean, level * 0.02);
        // Nearly Gaussian at this shape, so the field's correlation shows: exp(-1) at 4 m = 10 cells, in both axes.
        double zero = Covariance(0, 0);
        Assert.Equal(Math.Exp(-1), Covariance(10, 0) / zero, 0.05);
        Assert.Equal(Math.Exp(-1), Covariance(0, 10) / zero, 0.05);
        Assert.Equal(Math.Exp(-0.25), Covariance(5, 0) / zero, 0.05);
        Assert.Equal(1.0 / 50, zero / (mean * mean), 0.004);

        double Covariance(int dr, int dc)
        {
            double sum = 0;
            for (int r = 0; r < 1000; r++)
            {
                for (int c = 0; c < 1000; c++)
                    sum += (truth.Reflectivity[r * 1024 + c] - mean) * (truth.Reflectivity[(r + dr) * 1024 + c
                        + dc] - mean);
            }
            return sum / 1e6;
        }
    }

    [Fact]
    public void CropHasTheTextureOfItsScene()
    {
        var scene = TestScenes.Flat(700, texture: new Texture(TextureLaw.G0, 4, 1));
        var whole = Simulator.Observe(scene, Sensors.AirborneX040, 1).Truth.Reflectivity;
        var part = Simulator.Observe(scene.Crop(100, 300, 64, 96), Sensors.AirborneX040, 1).Truth.Reflectivity;
        for (int r = 0; r < 64; r++)
        {
            for (int c = 0; c < 96; c++)
                Assert.Equal(whole[(100 + r) * 700 + 300 + c], part[r * 96 + c]);
        }
    }

    [Fact]
    public void PlainSimulatorKeepsTheGeometryAndLosesTheTexture()
    {
        var scene = Scene.Generate(5,
            new SceneOptions { Rows = 256, Columns = 256, Kind = SceneKind.Suburb, Relief = 0 });
        var rich = Simulator.Observe(scene, Sensors.AirborneX040, 1).Truth;
        var plain = Simulator.Observe(scene, Sensors.AirborneX040, 1, Fidelity.Plain).Truth;
        Assert.Equal(rich.Shadow, plain.Shadow);
        Assert.Equal(rich.Layover, plain.Layover);
        // On lit, unfolded grass: one level for the plain one, wide for the rich one.
        double Spread(RadarTruth truth)
        {
            var logs = Enumerable.Range(0, truth.Reflectivity.Length)
                .Where(i => plain.Classes[i] == (byte)LandCover.Grass && plain.Layover[i] == 0 && plain.Shadow[i] == 0)
                .Select(i => 10 * Math.Log10(truth.Reflectivity[i])).Order().ToArray();
            return logs[logs.Length * 3 / 4] - logs[logs.Length / 4];
        }
        Assert.True(Spread(plain) < 0.05, $"{Spread(plain)}");
        Assert.True(Spread(rich) > 1, $"{Spread(rich)}");
    }

    // psi^(m)(x) for m = 1, 2: recurrence up to 12, then the asymptotic series (Abramowitz
    // and Stegun 6.4.11 to 6.4.13).
    private static double Polygamma(int order, double x)
    {
        double sum = 0;
        for (; x < 12; x++)
            sum += order == 1 ? 1 / (x * x) : -2 / (x * x * x);
        return sum + (order == 1
            ? 1 / x + 1 / (2 * x * x) + 1 / (6 * Math.Pow(x, 3)) - 1 / (30 * Math.Pow(x, 5))
            : -1 / (x * x) - 1 / Math.Pow(x, 3) - 1 / (2 * Math.Pow(x, 4)) + 1 / (6 * Math.Pow(x, 6)));
    }
}
