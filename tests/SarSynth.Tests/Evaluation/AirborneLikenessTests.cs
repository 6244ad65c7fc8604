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
        return new(Side, Side,
            [.. Rayleigh.Samples(random, Math.Sqrt(power / 2)).Take(Side * Side).Select(a => (float)a)]);
    }

    private static Candidate Truth => new("airborne", [Rayleighs(1)]);

    [Fact]
    public void AnotherDrawOfTheSameSpeckleIsAsCloseAsSamplingAllows()
    {
        var row = AirborneLikeness.Compare(Truth, [new("again", [Rayleighs(2)])]).Rows.Single();
        // 2 n KL of two samples of n over b bins follows chi-square with b - 1 degrees of freedom, times 2 as both are
        // sampled: expectation (b - 1) / n = 0.0019; 0.003 is beyond five standard deviations.
        Assert.InRange(row.AmplitudeKl.Value, 0, 0.003);
        Assert.InRange(row.AmplitudeKlReverse.Value, 0, 0.003);
        Assert.InRange(Math.Abs(row.MeanPowerError), 0, 0.1);
        Assert.InRange(row.EnlHomogeneous.Value, 0.97, 1.03);
    }

    [Fact]
    public void BrightnessIsMeasuredInDecibels()
    {
        var row = AirborneLikeness.Compare(Truth, [new("brighter", [Rayleighs(1, power: 2)])]).Rows.Single();
        Assert.Equal(10 * Math.Log10(2), row.MeanPowerError, 0.01);
    }

    [Fact]
    public void TheDivergenceOfTwoKnownLawsComesOut()
    {
        // KL of Rayleigh(s1) from Rayleigh(s2), s2² / s1² = q: ln q + 1 / q - 1. Binning and clipping
        // at mu + 3 sigma lose a little.
        const double Power = 1.5;
        var row = AirborneLikeness.Compare(Truth, [new("other", [Rayleighs(2, Power)])]).Rows.Single();
        Assert.Equal(Math.Log(Power) + 1 / Power - 1, row.AmplitudeKl.Value, 0.004);
    }

    [Fact]
    public void SmoothingShowsInEveryNumber()
    {
        var smooth = Baselines.Bicubic(new(Side / 4, Side / 4, [.. Rayleighs(3).Pixels.Take(Side * Side / 16)]), 4);
        var table = AirborneLikeness.Compare(Truth, [new("smooth", [smooth])]);
        var row = table.Rows.Single();
        Assert.True(row.AmplitudeKl.Value > 0.01);
        Assert.True(row.GlcmContrast < 0.7 * table.Reference.GlcmContrast,
            $"{row.GlcmContrast} against {table.Reference.GlcmContrast}");
        Assert.True(row.GlcmHomogeneity > table.Reference.GlcmHomogeneity);
    }

    [Fact]
    public void SizesThatDifferAreNamed()
    {
        var error = Assert.Throws<ArgumentException>(() =>
            AirborneLikeness.Compare(Truth, [new("small", [new(8, 8, new float[64])])]));
        Assert.Contains("'small'", error.Message);
        Assert.Contains("8 x 8", error.Message);
    }
}
