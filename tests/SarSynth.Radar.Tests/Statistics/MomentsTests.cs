using System.Text.Json;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Statistics;
using static SarSynth.Radar.Tests.Statistics.Goldens;

namespace SarSynth.Radar.Tests.Statistics;

public class MomentsTests
{
    private static readonly float[] Gamma = Floats("gamma.f32");
    private static readonly JsonElement Golden = Json("basic");

    [Fact]
    public void Moments_equal_scipy()
    {
        var m = Moments.Of(Gamma);
        var g = Golden.GetProperty("moments");
        Close(g.Number("mean"), m.Mean.Value, 1e-13);
        Close(g.Number("variance"), m.Variance.Value, 1e-12);
        Close(g.Number("cv"), m.CoefficientOfVariation.Value, 1e-12);
        Close(g.Number("skewness"), m.Skewness, 1e-11);
        Close(g.Number("excess_kurtosis"), m.ExcessKurtosis, 1e-11);
        Assert.Equal(g.Number("min"), m.Minimum);
        Assert.Equal(g.Number("max"), m.Maximum);
    }

    [Fact]
    public void Log_cumulants_equal_scipys_k_statistics()
    {
        var k = LogCumulants.Of(Gamma);
        var g = Golden.GetProperty("log_cumulants");
        Close(g.Number("k1"), k.K1.Value, 1e-12);
        Close(g.Number("k2"), k.K2.Value, 1e-12);
        Close(g.Number("k3"), k.K3.Value, 1e-11);
    }

    [Fact]
    public void Polygamma_equals_scipy()
    {
        foreach (var row in Golden.GetProperty("polygamma").EnumerateArray())
            Close(row[2].GetDouble(), Polygamma.Of(row[0].GetInt32(), row[1].GetDouble()), 5e-13, row.ToString());
    }

    [Theory]
    [InlineData(0.01), InlineData(0.5), InlineData(1), InlineData(4.4), InlineData(80), InlineData(1e5),
        InlineData(1e9)]
    public void Inverses_undo_the_functions(double x)
    {
        Close(x, Polygamma.InverseTrigamma(Polygamma.Of(1, x)), 1e-11);
        double gap = x < 16 ? Math.Log(x) - Polygamma.Of(0, x)
            : 1 / (2 * x) + 1 / (12 * x * x) - 1 / (120 * Math.Pow(x, 4));
        Close(x, Polygamma.InverseLogMinusDigamma(gap), 1e-9);
    }

    [Fact]
    public void Standard_errors_are_the_spread_of_repeated_experiments()
    {
        // 400 experiments of 500 pixels; the spread of 400 values is known to 3.5 % (one sigma),
        // heavy tails double it: 5 sigma.
        var random = new Random(3);
        var values = new double[5, 400];
        var errors = new double[5];
        var sample = new float[500];
        for (int trial = 0; trial < 400; trial++)
        {
            for (int i = 0; i < sample.Length; i++)
                sample[i] = (float)MathNet.Numerics.Distributions.Gamma.Sample(random, 4, 1);
            var m = Moments.Of(sample);
            var k = LogCumulants.Of(sample);
            var all = new[] { m.Mean, m.Variance, m.CoefficientOfVariation, k.K2, k.K3 };
            for (int s = 0; s < all.Length; s++)
            {
                values[s, trial] = all[s].Value;
                errors[s] += all[s].StandardError / 400;
            }
        }
        for (int s = 0; s < errors.Length; s++)
        {
            var column = Enumerable.Range(0, 400).Select(t => values[s, t]).ToArray();
            double mean = column.Average(), spread = Math.Sqrt(column.Sum(v => (v - mean) * (v - mean)) / 399);
            Close(spread, errors[s], 0.18, $"statistic {s}");
        }
    }

    [Fact]
    public void NaN_is_counted_and_left_out()
    {
        var with = new float[Gamma.Length + 2];
        Gamma.CopyTo(with, 1);
        with[0] = with[^1] = float.NaN;
        var m = Moments.Of(with);
        Assert.Equal(2, m.NoData);
        Assert.Equal(Moments.Of(Gamma).Variance, m.Variance);
    }

    [Fact]
    public void Degenerate_input_gives_an_exception_or_a_reason()
    {
        Assert.Contains("no pixel", Assert.Throws<ArgumentException>(() => Moments.Of([])).Message);
        Assert.Contains("only NaN", Assert.Throws<ArgumentException>(() => Moments.Of([float.NaN, float.NaN])).Message);
        Assert.Contains("infinite", Assert.Throws<ArgumentException>(() => Moments.Of([1, float.PositiveInfinity]))
            .Message);
        Assert.Contains("negative", Assert.Throws<ArgumentException>(() => LogCumulants.Of([1, -1])).Message);
        Assert.Contains("expected at least 8", Assert.Throws<ArgumentException>(() => LogCumulants.Of([1, 2, 0]))
            .Message);
        Assert.NotNull(Moments.Of([3]).Variance.Reason);
        Assert.Equal("the mean is zero", Moments.Of([0, 0]).CoefficientOfVariation.Reason);
        Assert.Equal(0, Moments.Of([3, 3, 3]).Variance.Value);
        Assert.True(double.IsNaN(Moments.Of([3, 3, 3]).Skewness));
    }

    [Fact]
    public void Estimates_round_trip_through_json_with_NaN_as_null()
    {
        var estimate = Estimate.Undefined("nothing to measure", 3, "method");
        string json = JsonSerializer.Serialize(estimate);
        Assert.Contains("\"Value\":null", json);
        Assert.Equal(estimate, JsonSerializer.Deserialize<Estimate>(json));
        var infinite = Estimate.Normal(double.PositiveInfinity, double.NaN, 3, "m");
        Assert.Equal(infinite, JsonSerializer.Deserialize<Estimate>(JsonSerializer.Serialize(infinite)));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<Estimate>("{\"Value\":\"many\"}"));
    }

    [Fact]
    public void MeansThatStreamByLeaveOutWhatHasNone()
    {
        // ln 1 and ln e²: mean 1; squares 1, e⁴ and 0.
        float[] pixels = [1, MathF.Exp(2), float.NaN, 0];
        Assert.Equal(1, Moments.MeanLogarithm(pixels), 1e-6);
        Assert.Equal((1 + Math.Exp(4)) / 3, Moments.MeanSquare(pixels), 1e-4);
        Assert.Equal(double.NaN, Moments.MeanLogarithm([0, float.NaN, float.PositiveInfinity, -1]));
        Assert.Equal(double.NaN, Moments.MeanSquare([float.NaN]));
    }
}
