using MathNet.Numerics.Distributions;
using SarSynth.Evaluation;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Tests.Evaluation;

public class AirborneLikenessTests
{
    private const int Side = 256;

    /// <summary>Single-look amplitude over homogeneous ground of mean intensity <paramref name="power"/>.</summary>
    private static AmplitudeImage Rayleighs(int seed, double power = 1)
    {
        var random = new Random(seed);
        return new(Side, Side, [.. Rayleigh.Samples(random, Math.Sqrt(power / 2)).Take(Side * Side).Select(a => (float)a)]);
    }

    [Fact]
    public void AnotherDrawOfTheSameSpeckleIsAsCloseAsSamplingAllows()
    {
        var row = AirborneLikeness.Compare([Rayleighs(1)], [new("again", [Rayleighs(2)])]).Rows.Single();
        // 2 n KL of two samples of n over b bins follows chi-square with b - 1 degrees of freedom, times 2 as both are sampled:
        // expectation (b - 1) / n = 0.0019; 0.003 is beyond five standard deviations.
        Assert.InRange(row.AmplitudeKl.Value, 0, 0.003);
        Assert.InRange(row.AmplitudeKlReverse.Value, 0, 0.003);
        Assert.InRange(Math.Abs(row.MeanPowerError), 0, 0.1);
        Assert.InRange(row.EnlHomogeneous.Value, 0.97, 1.03);
    }

    [Fact]
    public void BrightnessIsMeasuredInDecibels()
    {
        var row = AirborneLikeness.Compare([Rayleighs(1)], [new("brighter", [Rayleighs(1, power: 2)])]).Rows.Single();
        Assert.Equal(10 * Math.Log10(2), row.MeanPowerError, 0.01);
    }

    [Fact]
    public void TheDivergenceOfTwoKnownLawsComesOut()
    {
        // KL of Rayleigh(s1) from Rayleigh(s2), s2² / s1² = q: ln q + 1 / q - 1. Binning and clipping at mu + 3 sigma lose a little.
        const double Power = 1.5;
        var row = AirborneLikeness.Compare([Rayleighs(1)], [new("other", [Rayleighs(2, Power)])]).Rows.Single();
        Assert.Equal(Math.Log(Power) + 1 / Power - 1, row.AmplitudeKl.Value, 0.004);
    }

    [Fact]
    public void SmoothingShowsInEveryNumber()
    {
        var real = Rayleighs(1);
        var smooth = Baselines.Bicubic(new(Side / 4, Side / 4, [.. Rayleighs(3).Pixels.Take(Side * Side / 16)]), 4);
        var table = AirborneLikeness.Compare([real], [new("smooth", [smooth])]);
        var row = table.Rows.Single();
        Assert.True(row.AmplitudeKl.Value > 0.01);
        Assert.True(row.GlcmContrast < 0.7 * table.Reference.GlcmContrast, $"{row.GlcmContrast} against {table.Reference.GlcmContrast}");
        Assert.True(row.GlcmHomogeneity > table.Reference.GlcmHomogeneity);
    }

    [Fact]
    public void SizesThatDifferAreNamed()
    {
        var error = Assert.Throws<ArgumentException>(() => AirborneLikeness.Compare([Rayleighs(1)], [new("small", [new(8, 8, new float[64])])]));
        Assert.Contains("'small'", error.Message);
        Assert.Contains("8 x 8", error.Message);
    }
}

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
        var coarse = new AmplitudeImage(8, 16, [.. Enumerable.Range(0, 128).Select(i => (float)Math.Sqrt(Intensity(i % 16)))]);
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
        var coarse = new AmplitudeImage(2, 2, new float[4], new() { RangeSpacing = 1.6 }, new([100, 1.6, 0, 200, 0, -1.6], ""));
        var fine = Baselines.Bicubic(coarse, 4);
        Assert.Equal(0.4, fine.Metadata.RangeSpacing!.Value, 1e-12);
        Assert.Equal([100, 0.4, 0, 200, 0, -0.4], fine.GeoReference!.Transform!.Select(v => Math.Round(v, 12)));
    }
}
