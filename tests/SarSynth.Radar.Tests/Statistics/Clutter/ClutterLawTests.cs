using System.Text.Json;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Statistics;
using static SarSynth.Radar.Tests.Statistics.Goldens;

namespace SarSynth.Radar.Tests.Statistics;

public class ClutterLawTests
{
    private static readonly JsonElement Golden = Json("clutter");

    private static readonly ClutterLaw[] All =
    [
        new ExponentialLaw(2), new RayleighLaw(2), new GammaLaw(4.4, 2), new NakagamiLaw(4.4, 2),
            new LogNormalLaw(1.5, 0.6),
        new WeibullLaw(1.4, 2), new KLaw(5, 4, 2), new FisherLaw(9, 4, 2), new GeneralizedGammaLaw(2, 1.3, 2),
        new GeneralizedGammaLaw(3, -2.6, 2), new AmplitudeLaw(new KLaw(5, 4, 2)),
    ];

    public static TheoryData<int> Indices => [.. Enumerable.Range(0, All.Length)];

    private static ClutterLaw Law(string name, double[] p) => name switch
    {
        "exponential" => new ExponentialLaw(p[0]),
        "rayleigh" => new RayleighLaw(p[0]),
        "gamma" => new GammaLaw(p[0], p[1]),
        "nakagami" => new NakagamiLaw(p[0], p[1]),
        "lognormal" => new LogNormalLaw(p[0], p[1]),
        "weibull" => new WeibullLaw(p[0], p[1]),
        "fisher" => new FisherLaw(p[0], p[1], p[2]),
        "k" => new KLaw(p[0], p[1], p[2]),
        _ => new GeneralizedGammaLaw(p[0], p[1], p[2]),
    };

    [Fact]
    public void Laws_equal_scipy_and_high_precision_quadrature()
    {
        foreach (var c in Golden.GetProperty("laws").EnumerateArray())
        {
            var law = Law(c.GetProperty("law").GetString()!, c.GetProperty("parameters").Numbers());
            var x = c.GetProperty("x").Numbers();
            for (int i = 0; i < x.Length; i++)
            {
                string what = $"{law} at {x[i]}";
                double density = c.GetProperty("log_density")[i].GetDouble();
                Assert.True(Math.Abs(density - law.LogDensity(x[i])) < 2e-12 * Math.Max(1, Math.Abs(density)),
                    $"{what}: {density} {law.LogDensity(x[i])}");
                double cdf = c.GetProperty("cdf")[i].GetDouble(), survival = c.GetProperty("survival")[i].GetDouble();
                Assert.True(Math.Abs(cdf - law.CumulativeDistribution(x[i])) < 1e-10 * Math.Max(1e-4, cdf),
                    $"cdf of {what}: {cdf:R} {law.CumulativeDistribution(x[i]):R}");
                Assert.True(Math.Abs(survival - law.Survival(x[i])) < 1e-10 * Math.Max(1e-4, survival),
                    $"survival of {what}: {survival:R} {law.Survival(x[i]):R}");
            }
            Close(c.Number("mean"), law.ExpectedValue, 1e-7);
            Close(c.Number("second"), law.Moment(2), 1e-5); // scipy's own quadrature
            if (!c.TryGetProperty("quantiles", out var quantiles))
                continue;
            double[] shares = [1e-6, 0.2, 0.5, 0.99];
            for (int i = 0; i < shares.Length; i++)
                Close(quantiles[i].GetDouble(), law.Quantile(shares[i]), 1e-9, $"{law} quantile {shares[i]}");
        }
    }

    // scipy.special.gammaincc(L, L x).
    [Theory]
    [InlineData(2e6, 1.0007, 0.16109823127739967), InlineData(2e6, 0.9991, 0.8984800712970887),
        InlineData(3e7, 1, 0.4999757211459823)]
    [InlineData(1e12, 1.000001, 0.15865525396095417), InlineData(1e12, 0.9999975, 0.9937903653487347)]
    public void Millions_of_looks_have_their_distribution(double looks, double x, double survival)
    {
        // x itself is known to 1e-16, which is sqrt(L) times as much of the law's width.
        double digits = 1e-11 + 1e-16 * Math.Sqrt(looks);
        Assert.Equal(survival, new GammaLaw(looks, 1).Survival(x), digits);
        Assert.Equal(1 - survival, new GammaLaw(looks, 1).CumulativeDistribution(x), digits);
        // With so little speckle the K law is its texture's Gamma law, on either side of the switch.
        Close(new GammaLaw(3, 1).Survival(x), new KLaw(3, 0.9e8, 1).Survival(x), 1e-7);
        Close(new GammaLaw(3, 1).LogDensity(x), new KLaw(3, 0.9e8, 1).LogDensity(x), 1e-5);
        Close(new GammaLaw(3, 1).Survival(x), new KLaw(3, 1e9, 1).Survival(x), 1e-12);
    }

    [Fact]
    public void Log_Bessel_function_equals_mpmath()
    {
        foreach (var row in Golden.GetProperty("log_bessel_k").EnumerateArray())
        {
            double expected = row[2].GetDouble();
            Assert.True(Math.Abs(expected - LogBessel(row[0].GetDouble(), row[1].GetDouble())) < 1e-12 * Math.Max(1,
                Math.Abs(expected)), row.ToString());
        }

        // Through the law: ln p(x) = constants + ln K_(nu - L)(2 sqrt(nu L x / mu)), with L = 1 and mu = nu.
        static double LogBessel(double v, double z)
        {
            double nu = v + 1, x = z * z / 4, half = (nu + 1) / 2;
            return new KLaw(nu, 1, nu).LogDensity(x) - Math.Log(2)
                + MathNet.Numerics.SpecialFunctions.GammaLn(nu) - (half - 1) * Math.Log(x);
        }
    }

    [Theory]
    [MemberData(nameof(Indices))]
    public void Density_integrates_to_the_distribution_the_moments_and_the_log_cumulants(int index)
    {
        var law = All[index];
        // Trapezoidal rule in ln x: exponentially convergent for these densities.
        double sum = 0, first = 0, half = 0, k1 = 0, k2 = 0, k3 = 0, k4 = 0;
        const double step = 0.01;
        for (double t = -40; t < 25; t += step)
        {
            double x = Math.Exp(t), p = law.Density(x) * x * step;
            sum += p;
            first += p * x;
            half += p * Math.Sqrt(x);
            k1 += p * t;
        }
        for (double t = -40; t < 25; t += step)
        {
            double p = law.Density(Math.Exp(t)) * Math.Exp(t) * step, d = t - k1;
            (k2, k3, k4) = (k2 + p * d * d, k3 + p * d * d * d, k4 + p * d * d * d * d);
        }
        Close(1, sum, 1e-9);
        Close(law.ExpectedValue, first, 1e-8);
        Close(law.Moment(0.5), half, 1e-8);
        Assert.Equal(law.LogCumulant(1), k1, 1e-8);
        Close(law.LogCumulant(2), k2, 1e-8);
        Assert.Equal(law.LogCumulant(3), k3, 1e-7);
        Assert.Equal(law.LogCumulant(4), k4 - 3 * k2 * k2, 1e-6);
        Assert.Equal(1, law.Moment(0), 1e-12);
    }

    [Theory]
    [MemberData(nameof(Indices))]
    public void Quantile_is_the_inverse_and_samples_follow_the_law(int index)
    {
        var law = All[index];
        foreach (double p in new[] { 1e-9, 1e-3, 0.1, 0.5, 0.9, 0.9999 })
            Close(p, law.CumulativeDistribution(law.Quantile(p)), 1e-9, $"{law} {p}");
        Assert.Equal(0, law.Quantile(0));
        Assert.Equal(double.PositiveInfinity, law.Quantile(1));
        var sample = new float[20_000];
        law.Sample(new Random(100 + index), sample);
        var goodness = GoodnessOfFit.Of(sample, law);
        // A right sampler fails each of these once in ten thousand seeds.
        Assert.True(goodness.KolmogorovSmirnov.PValue > 1e-4, $"{law}: KS p {goodness.KolmogorovSmirnov.PValue}");
        Assert.True(goodness.AndersonDarling.PValue > 1e-4, $"{law}: AD p {goodness.AndersonDarling.PValue}");
        Assert.True(goodness.ChiSquared.PValue > 1e-4, $"{law}: chi2 p {goodness.ChiSquared.PValue}");
    }

    [Theory]
    [MemberData(nameof(Indices))]
    public void Laws_serialise_and_behave_at_the_ends(int index)
    {
        var law = All[index];
        Assert.Equal(law, JsonSerializer.Deserialize<ClutterLaw>(JsonSerializer.Serialize(law)));
        Assert.Equal(0, law.Density(-1));
        Assert.Equal(0, law.CumulativeDistribution(-1));
        Assert.Equal(0, law.CumulativeDistribution(0));
        Assert.Equal(1, law.Survival(0));
        Assert.Equal(1, law.CumulativeDistribution(double.PositiveInfinity), 1e-12);
        Assert.False(double.IsNaN(law.Density(0)));
        Assert.True(double.IsNaN(law.LogDensity(double.NaN)));
        Assert.Throws<ArgumentOutOfRangeException>(() => law.Quantile(-0.1));
        Assert.Throws<ArgumentOutOfRangeException>(() => law.Quantile(double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => law.LogCumulant(5));
        var root = law.ToAmplitude();
        Close(law.CumulativeDistribution(1.7 * 1.7), root.CumulativeDistribution(1.7), 1e-10);
        Close(law.Density(1.7 * 1.7) * 2 * 1.7, root.Density(1.7), 1e-10);
    }

    // Without speckle the reciprocal is Gamma distributed, without texture the intensity:
    // closed forms for whole shapes.
    [Theory]
    [InlineData(0.2)]
    [InlineData(1.0)]
    [InlineData(4.0)]
    public void Fisher_law_of_a_trillion_looks_or_of_no_texture_is_its_limit(double x)
    {
        var texture = new FisherLaw(3, 1e12, 2);
        double z = 2 / x;
        Close(Math.Exp(-z) * (1 + z + z * z / 2), texture.CumulativeDistribution(x), 1e-9);
        Close(1 - Math.Exp(-z) * (1 + z + z * z / 2), texture.Survival(x), 1e-9);
        var speckle = new FisherLaw(1e12, 2, 1e12);
        Close(1 - Math.Exp(-2 * x) * (1 + 2 * x), speckle.CumulativeDistribution(x), 1e-9);
        Close(Math.Exp(-2 * x) * (1 + 2 * x), speckle.Survival(x), 1e-9);
        // Both large: ln I is normal with variance 1 / L + 1 / M.
        Close(0.8413447460685429, new FisherLaw(4e10, 4e10, 4e10)
            .CumulativeDistribution(Math.Exp(Math.Sqrt(5e-11))), 1e-5);
        // Where the two ways meet they agree to what the limit is worth.
        Assert.Equal(new FisherLaw(3, 0.99e8, 2).CumulativeDistribution(x), new FisherLaw(3, 1.01e8, 2)
            .CumulativeDistribution(x), 1e-5);
    }

    [Fact]
    public void Extreme_parameters_neither_hang_nor_overflow()
    {
        foreach (var law in new ClutterLaw[] { new KLaw(1e-4, 1e-4, 1), new KLaw(1e4, 1e4, 1), new KLaw(1e4, 1, 1e-30),
            new FisherLaw(1e4, 1e4, 1), new GammaLaw(1e4, 1e20) })
        {
            foreach (double x in new[] { 1e-300, 1e-20, 1, 1e20, 1e300 })
            {
                Assert.False(double.IsNaN(law.LogDensity(x)), $"{law} at {x}");
                Assert.InRange(law.CumulativeDistribution(x), 0, 1);
                Assert.InRange(law.CumulativeDistribution(x) + law.Survival(x), 1 - 1e-7, 1 + 1e-7);
            }
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => new GammaLaw(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new KLaw(1, 1, double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GeneralizedGammaLaw(1, 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RayleighLaw(-1));
        Assert.True(double.IsInfinity(new FisherLaw(1.5, 1, 1).Moment(2)));
        Assert.True(double.IsInfinity(new FisherLaw(1.5, 1, 1).Variance));
    }
}
