using System.Text.Json;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Statistics;
using static SarSynth.Radar.Tests.Statistics.Goldens;

namespace SarSynth.Radar.Tests.Statistics;

public class DistanceTests
{
    private static readonly float[] P = Floats("gamma.f32");
    private static readonly float[] Q = Floats("weibull.f32");
    private static readonly JsonElement Golden = Json("basic").GetProperty("distance");

    [Fact]
    public void Distances_equal_scipy()
    {
        Close(Golden.Number("kl"), Distance.KullbackLeibler(P, Q, 40).Value, 1e-10);
        Close(Golden.Number("kl_reverse"), Distance.KullbackLeibler(Q, P, 40).Value, 1e-10);
        Close(Golden.Number("js"), Distance.JensenShannon(P, Q, 40).Value, 1e-10);
        Close(Golden.Number("hellinger"), Distance.Hellinger(P, Q, 40).Value, 1e-10);
        Close(Golden.Number("wasserstein"), Distance.Wasserstein1(P, Q).Value, 1e-10);
        Close(Golden.Number("ks"), Distance.KolmogorovSmirnov(P, Q).Statistic.Value, 1e-12);
        Close(Golden.Number("mmd2_300_250_width3"),
            Distance.MaximumMeanDiscrepancy(P.AsSpan(0, 300), Q.AsSpan(0, 250), 3).Value, 1e-9);
        double low = Math.Min(P.Min(), Q.Min()), high = Math.Max(P.Max(), Q.Max());
        Close(Golden.Number("wasserstein_histogram"),
            Distance.Wasserstein1(Histogram.Linear(P, 40, low, high), Histogram.Linear(Q, 40, low, high)).Value, 1e-10);
    }

    [Fact]
    public void Kolmogorovs_law_equals_scipys()
    {
        foreach (var row in Json("basic").GetProperty("ks_one_sample").EnumerateArray())
            Assert.Equal(row[2].GetDouble(), Kolmogorov.Survival(row[0].GetInt64(), row[1].GetDouble()), 2e-5);
    }

    [Fact]
    public void Two_sample_p_values_are_uniform_where_both_laws_agree()
    {
        var random = new Random(6);
        int below = 0;
        for (int trial = 0; trial < 400; trial++)
        {
            var a = EnlTests.Speckle(random, 200, 1);
            var b = EnlTests.Speckle(random, 300, 1);
            below += Distance.KolmogorovSmirnov(a, b).PValue < 0.1 ? 1 : 0;
        }
        // 400 trials of probability 0.1: 40 with a standard deviation of 6; four of them.
        Assert.InRange(below, 16, 64);
    }

    [Fact]
    public void Standard_errors_are_the_spread_of_repeated_experiments()
    {
        const int trials = 250;
        var random = new Random(7);
        var values = new double[6][];
        var errors = new double[6];
        for (int s = 0; s < 6; s++)
            values[s] = new double[trials];
        for (int t = 0; t < trials; t++)
        {
            var a = EnlTests.Speckle(random, 400, 4);
            var b = EnlTests.Speckle(random, 500, 2, 1.5);
            var (p, q) = (Histogram.Linear(a, 12, 0, 8), Histogram.Linear(b, 12, 0, 8));
            var all = new[]
            {
                Distance.KullbackLeibler(q, p), Distance.JensenShannon(p, q), Distance.Hellinger(p, q),
                Distance.Wasserstein1(a, b), Distance.KolmogorovSmirnov(a, b)
                    .Statistic, Distance.MaximumMeanDiscrepancy(a, b, 1),
            };
            for (int s = 0; s < 6; s++)
            {
                values[s][t] = all[s].Value;
                errors[s] += all[s].StandardError / trials;
            }
        }
        for (int s = 0; s < 6; s++)
        {
            double mean = values[s].Average(),
                spread = Math.Sqrt(values[s].Sum(v => (v - mean) * (v - mean)) / (trials - 1));
            // A spread of 250 values is known to 4.5 %; 5 sigma. Kullback-Leibler's pseudo-counts
            // act on near-empty bins: 0.4.
            Close(spread, errors[s], s == 0 ? 0.4 : 0.23, $"distance {s}");
        }
    }

    [Fact]
    public void Distances_of_a_sample_from_itself_are_zero_and_bounded_ones_reach_their_bound()
    {
        Assert.Equal(0, Distance.KullbackLeibler(P, P).Value, 1e-14);
        Assert.Equal(0, Distance.JensenShannon(P, P).Value, 1e-14);
        Assert.Equal(0, Distance.Hellinger(P, P).Value, 1e-7);
        Assert.Equal(0, Distance.Wasserstein1(P, P).Value);
        Assert.Equal(0, Distance.KolmogorovSmirnov(P, P).Statistic.Value);
        var far = P.Select(v => v + 1000).ToArray();
        Assert.Equal(Math.Log(2), Distance.JensenShannon(P, far).Value, 1e-12);
        Assert.Equal(1, Distance.Hellinger(P, far).Value, 1e-12);
        Assert.Equal(1, Distance.KolmogorovSmirnov(P, far).Statistic.Value);
        Assert.Equal(1000, Distance.Wasserstein1(P, far).Value, 1e-3);
        Assert.True(double.IsPositiveInfinity(Distance.KullbackLeibler(P, far, smoothing: 0).Value));
    }

    [Fact]
    public void Bad_input_is_refused()
    {
        float[] empty = [], infinite = [1, float.PositiveInfinity, 2, 3];
        Assert.Throws<ArgumentException>(() => Distance.KullbackLeibler(empty, Q));
        Assert.Throws<ArgumentException>(() => Distance.Wasserstein1(P, infinite));
        Assert.Throws<ArgumentException>(() => Distance.KolmogorovSmirnov(infinite, Q));
        Assert.Throws<ArgumentException>(() => Distance.KullbackLeibler(P, Q, smoothing: -1));
        Assert.Throws<ArgumentException>(() =>
            Distance.JensenShannon(Histogram.Linear(P, 4, 0, 1), Histogram.Linear(P, 5, 0, 1)));
        Assert.Throws<ArgumentException>(() =>
            Distance.JensenShannon(Histogram.Linear(P, 4, -2, -1), Histogram.Linear(P, 4, -2, -1)));
        Assert.Throws<ArgumentException>(() => Distance.MaximumMeanDiscrepancy(new float[9], new float[9]));
        Assert.Throws<ArgumentException>(() => Distance.MaximumMeanDiscrepancy(P, Q, bandwidth: 0));
        Assert.Equal(0, Distance.KullbackLeibler([1, 1, 1], [1, 1]).Value, 1e-2);
        Assert.Equal(Distance.Wasserstein1(P, Q).Value, Distance.Wasserstein1([.. P, float.NaN], Q).Value, 1e-12);
    }
}
