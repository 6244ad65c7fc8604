using System.Text.Json;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Statistics;
using SarSynth.Tests.Support;
using static SarSynth.Radar.Tests.Statistics.Goldens;

namespace SarSynth.Radar.Tests.Statistics;

public class SpeckleFitTests
{
    [Theory]
    [InlineData("gamma", "gamma.f32"), InlineData("weibull", "weibull.f32")]
    public void Likelihood_fits_equal_scipys(string name, string file)
    {
        var pixels = Floats(file);
        var g = Json("clutter").GetProperty("fits").GetProperty(name);
        Check(ClutterFamily.Gamma, "gamma", 2e-5);
        Check(ClutterFamily.Weibull, "weibull", 2e-5);
        Check(ClutterFamily.LogNormal, "lognormal", 2e-5);
        var gamma = SpeckleFit.Fit(pixels, ClutterFamily.Gamma);
        Close(g.Number("gamma_loglik"), gamma.LogLikelihood, 1e-7);
        Assert.Equal(-2 * gamma.LogLikelihood + 4, gamma.Aic, 1e-6);
        Assert.Equal(-2 * gamma.LogLikelihood + 2 * Math.Log(pixels.Length), gamma.Bic, 1e-6);
        Close(g.Number("gamma_ks"), gamma.Goodness!.KolmogorovSmirnov.Statistic.Value, 1e-3);
        Close(g.Number("gamma_ad"), gamma.Goodness.AndersonDarling.Statistic.Value, 2e-3);
        var general = SpeckleFit.Fit(pixels, ClutterFamily.GeneralizedGamma);
        Assert.True(general.LogLikelihood > g.Number("gengamma_loglik") - 1e-3,
            $"{general.LogLikelihood} {g.Number("gengamma_loglik")}");
        Close(g.Number("gengamma_loglik"), general.LogLikelihood, 1e-6);

        void Check(ClutterFamily family, string key, double tolerance)
        {
            var fit = SpeckleFit.Fit(pixels, family);
            var expected = g.GetProperty(key).Numbers();
            for (int i = 0; i < expected.Length; i++)
                Close(expected[i], fit.Parameters[i].Estimate.Value, tolerance, $"{family} {fit.Parameters[i].Name}");
        }
    }

    [Theory]
    [MemberData(nameof(Experiments))]
    public void Parameters_are_recovered_within_their_errors(ClutterFamily family, FitMethod method, bool knownLooks,
        DetectedKind kind)
    {
        ClutterLaw law = family switch
        {
            ClutterFamily.Exponential => new ExponentialLaw(3),
            ClutterFamily.Gamma => new GammaLaw(4.4, 3),
            ClutterFamily.LogNormal => new LogNormalLaw(2, 0.7),
            ClutterFamily.Weibull => new WeibullLaw(1.6, 3),
            ClutterFamily.K => knownLooks ? new KLaw(2.5, 4, 3) : new KLaw(1.2, 8, 3),
            ClutterFamily.Fisher => new FisherLaw(method == FitMethod.Moments ? 12 : 4, 3, 3),
            _ => new GeneralizedGammaLaw(2, 1.2, 3),
        };
        double? looks = knownLooks ? law.Parameters.First(p => p.Name == "looks").Value : null;
        // 24 experiments of 4000 pixels. The standardised errors have mean 0 and variance 1: their mean square over 24
        // experiments has a standard deviation of 0.29; moments of heavy tails are only asymptotically so.
        const int experiments = 24;
        var pixels = new float[4000];
        var random = new Random(17);
        int count = law.Parameters.Count, used = 0;
        var mean = new double[count];
        var square = new double[count];
        for (int e = 0; e < experiments; e++)
        {
            law.Sample(random, pixels);
            if (kind == DetectedKind.Amplitude)
                for (int i = 0; i < pixels.Length; i++)
                    pixels[i] = MathF.Sqrt(pixels[i]);
            var fit = SpeckleFit.Fit(pixels, family, method, looks, kind);
            if (fit.Law is null)
                continue;
            used++;
            for (int p = 0; p < count; p++)
            {
                var estimate = fit.Parameters[p].Estimate;
                if (looks is not null && fit.Parameters[p].Name == "looks")
                {
                    Assert.Equal(looks.Value, estimate.Value, 1e-12);
                    Assert.Equal(0, estimate.StandardError, 1e-9);
                    continue;
                }
                double z = Math.Log(estimate.Value / law.Parameters[p].Value) * estimate.Value / estimate.StandardError;
                mean[p] += z;
                square[p] += z * z;
            }
        }
        Assert.True(used >= experiments - 6, $"{used} of {experiments} experiments gave a law");
        for (int p = 0; p < count; p++)
        {
            if (square[p] == 0)
                continue;
            Assert.True(Math.Abs(mean[p] / used) < 4 / Math.Sqrt(used) + 0.25,
                $"{law.Parameters[p].Name}: bias {mean[p] / used} standard errors");
            Assert.InRange(square[p] / used, 0.25, 2.6);
        }
    }

    public static TheoryData<ClutterFamily, FitMethod, bool, DetectedKind> Experiments
    {
        get
        {
            var data = new TheoryData<ClutterFamily, FitMethod, bool, DetectedKind>();
            foreach (var method in Enum.GetValues<FitMethod>())
            {
                foreach (var family in Enum.GetValues<ClutterFamily>())
                {
                    // Shape and power of a generalised Gamma law are so entangled that their errors are
                    // normal only for huge samples.
                    if (family != ClutterFamily.GeneralizedGamma)
                        data.Add(family, method, family is ClutterFamily.K or ClutterFamily.Fisher,
                            DetectedKind.Intensity);
                }
            }
            data.Add(ClutterFamily.K, FitMethod.LogCumulants, false, DetectedKind.Intensity);
            data.Add(ClutterFamily.Fisher, FitMethod.MaximumLikelihood, false, DetectedKind.Intensity);
            data.Add(ClutterFamily.Gamma, FitMethod.MaximumLikelihood, false, DetectedKind.Amplitude);
            data.Add(ClutterFamily.K, FitMethod.MaximumLikelihood, true, DetectedKind.Amplitude);
            return data;
        }
    }

    [Theory]
    [InlineData(FitMethod.Moments), InlineData(FitMethod.LogCumulants), InlineData(FitMethod.MaximumLikelihood)]
    public void Generalised_Gamma_law_is_recovered_as_a_law(FitMethod method)
    {
        var law = new GeneralizedGammaLaw(2, 1.2, 3);
        var pixels = new float[60_000];
        law.Sample(new Random(5), pixels);
        var fit = SpeckleFit.Fit(pixels, ClutterFamily.GeneralizedGamma, method);
        foreach (double p in new[] { 0.01, 0.1, 0.5, 0.9, 0.99 })
            Close(law.Quantile(p), fit.Law!.Quantile(p), 0.03, $"quantile {p}");
        Assert.True(fit.Goodness!.KolmogorovSmirnov.PValue > 1e-3);
        var inverse = new GeneralizedGammaLaw(3, -1.5, 1);
        inverse.Sample(new Random(6), pixels);
        if (method != FitMethod.Moments)
            Assert.True(SpeckleFit.Fit(pixels, ClutterFamily.GeneralizedGamma, method)
                .Parameters[1].Estimate.Value < 0);
    }

    [Fact]
    public void Best_finds_the_family_that_made_the_pixels()
    {
        var pixels = new float[40_000];
        (ClutterLaw Law, ClutterFamily Family)[] cases =
        [
            (new ExponentialLaw(2), ClutterFamily.Exponential), (new GammaLaw(5, 2), ClutterFamily.Gamma),
            (new LogNormalLaw(2, 0.8), ClutterFamily.LogNormal), (new WeibullLaw(0.8, 1), ClutterFamily.Weibull),
            (new KLaw(1.5, 6, 1), ClutterFamily.K), (new FisherLaw(2.5, 4, 1), ClutterFamily.Fisher),
        ];
        foreach (var (law, family) in cases)
        {
            law.Sample(new Random(8), pixels);
            Assert.Equal(family, SpeckleFit.Best(pixels).Family);
        }
    }

    [Fact]
    public void Amplitudes_give_the_roots_law_and_its_likelihood()
    {
        var pixels = new float[5000];
        new RayleighLaw(2).Sample(new Random(9), pixels);
        var fit = SpeckleFit.Fit(pixels, ClutterFamily.Exponential, kind: DetectedKind.Amplitude);
        var law = Assert.IsType<RayleighLaw>(fit.Law);
        Close(pixels.Sum(a => law.LogDensity(a)), fit.LogLikelihood, 1e-6);
        Assert.IsType<NakagamiLaw>(SpeckleFit.Fit(pixels, ClutterFamily.Gamma, kind: DetectedKind.Amplitude).Law);
        Assert.True(fit.Goodness!.KolmogorovSmirnov.PValue > 1e-4);
    }

    [OptionalDataFact("sar/reference.json")]
    public void Real_speckle_has_the_recorded_distance_from_the_exponential_law()
    {
        var reference = JsonDocument.Parse(File.ReadAllText(TestData.Optional("sar/reference.json")))
            .RootElement.GetProperty("envisat_slc");
        var patch = RealData.EnvisatIntensityPatch(reference);
        var ks = GoodnessOfFit.Of(patch, new ExponentialLaw(reference.Number("mean_intensity"))).KolmogorovSmirnov;
        Close(reference.Number("ks_exp_D"), ks.Statistic.Value, 1e-5);
        Close(reference.Number("ks_exp_p"), ks.PValue, 1e-3);
        var amplitude = patch.Select(MathF.Sqrt).ToArray();
        var rayleigh = GoodnessOfFit.Of(amplitude, new RayleighLaw(reference.Number("mean_intensity")))
            .KolmogorovSmirnov;
        Close(reference.Number("ks_rayleigh_D"), rayleigh.Statistic.Value, 1e-5);
    }

    [Fact]
    public void P_values_are_uniform_under_the_law_and_small_away_from_it()
    {
        var law = new GammaLaw(2, 1);
        var random = new Random(10);
        var pixels = new float[500];
        var below = new int[3];
        for (int t = 0; t < 300; t++)
        {
            law.Sample(random, pixels);
            var g = GoodnessOfFit.Of(pixels, law);
            double[] p = [g.KolmogorovSmirnov.PValue, g.AndersonDarling.PValue, g.ChiSquared.PValue];
            for (int i = 0; i < 3; i++)
                below[i] += p[i] < 0.2 ? 1 : 0;
        }
        // 300 trials of probability 0.2: 60 with a standard deviation of 6.9; four of them.
        Assert.All(below, b => Assert.InRange(b, 32, 88));
        var away = GoodnessOfFit.Of(pixels, new GammaLaw(3, 1));
        Assert.True(away.KolmogorovSmirnov.PValue < 0.01 && away.AndersonDarling.PValue < 0.01
            && away.ChiSquared.PValue < 0.05);
    }

    [Fact]
    public void Bad_input_gives_reasons_or_exceptions()
    {
        var constant = Enumerable.Repeat(2f, 64).ToArray();
        foreach (var method in Enum.GetValues<FitMethod>())
        {
            foreach (var family in Enum.GetValues<ClutterFamily>())
            {
                var fit = SpeckleFit.Fit(constant, family, method);
                Assert.True(fit.Law is not null || fit.Reason is not null);
                Assert.Equal(family != ClutterFamily.Exponential, fit.Law is null);
            }
        }
        var speckle = EnlTests.Speckle(new Random(1), 4000, 4);
        Assert.Contains("no texture", SpeckleFit.Fit(speckle, ClutterFamily.K, FitMethod.LogCumulants, looks: 1)
            .Reason);
        Assert.Contains("no texture", SpeckleFit.Fit(speckle, ClutterFamily.Fisher, FitMethod.Moments, looks: 1)
            .Reason);
        Assert.Throws<ArgumentException>(() => SpeckleFit.Fit(new float[100], ClutterFamily.Gamma));
        Assert.Throws<ArgumentException>(() => SpeckleFit.Fit([], ClutterFamily.Gamma));
        Assert.Throws<ArgumentException>(() => SpeckleFit.Fit([.. constant, -1], ClutterFamily.Gamma));
        Assert.Throws<ArgumentException>(() => SpeckleFit.Fit(
            [.. constant, float.NegativeInfinity], ClutterFamily.Gamma));
        Assert.Throws<ArgumentException>(() => SpeckleFit.Fit(constant, ClutterFamily.Gamma, looks: -1));
        // Speckle of one look with known looks 1: the K shape runs away or is undefined, but nothing hangs.
        var single = EnlTests.Speckle(new Random(2), 4000, 1);
        var runaway = SpeckleFit.Fit(single, ClutterFamily.K, looks: 1);
        Assert.True(runaway.Law is not null);
        string json = JsonSerializer.Serialize(SpeckleFit.Ranking(single));
        Assert.Equal(7, JsonSerializer.Deserialize<List<ClutterFit>>(json)!.Count);
    }

    [Fact]
    public void A_law_that_is_not_a_number_over_the_pixels_is_no_fit()
    {
        // Looks times pixels overflow in the Fisher law's distribution function: infinity over infinity.
        var pixels = EnlTests.Speckle(new Random(3), 3000, 2).Select(v => v * 1e30f).ToArray();
        Assert.True(double.IsNaN(new FisherLaw(3, 1e290, 1e30).CumulativeDistribution(1e30)));
        var fit = SpeckleFit.Fit(pixels, ClutterFamily.Fisher, FitMethod.LogCumulants, looks: 1e290);
        Assert.Null(fit.Law);
        Assert.Null(fit.Goodness);
        Assert.Contains("cannot be evaluated over the pixels' range", fit.Reason);
        Assert.Contains("not a number",
            Assert.Throws<ArgumentException>(() => GoodnessOfFit.Of(pixels, new FisherLaw(3, 1e290, 1e30))).Message);
        // In a ranking it comes last and the others stay.
        var ranking = SpeckleFit.Ranking(pixels, looks: 1e290, FitMethod.LogCumulants);
        Assert.Equal(7, ranking.Count);
        Assert.NotNull(ranking[0].Law);
        Assert.Null(ranking[^1].Law);
    }
}
