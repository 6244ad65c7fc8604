using System.Text.Json;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Statistics;
using static SarSynth.Radar.Tests.Statistics.Goldens;

namespace SarSynth.Radar.Tests.Statistics;

public class HistogramTests
{
    private static readonly float[] Gamma = Floats("gamma.f32");
    private static readonly JsonElement Golden = Json("basic").GetProperty("histogram");

    [Fact]
    public void Linear_counts_equal_numpy()
    {
        var h = Histogram.Linear(Gamma, 32, 0, 24);
        Assert.Equal(Golden.GetProperty("linear_32_0_24").Numbers().Select(v => (long)v), h.Counts);
        Assert.Equal((long)Golden.Number("above"), h.Above);
        Assert.Equal(Gamma.Length, h.Total + h.Above + h.Below);
    }

    [Fact]
    public void Logarithmic_counts_equal_numpy()
    {
        var h = Histogram.Logarithmic(Gamma, 12, 0.5, 64);
        Assert.Equal(Golden.GetProperty("log_12_05_64").Numbers().Select(v => (long)v), h.Counts);
        Assert.Equal((long)Golden.Number("log_below"), h.Below);
    }

    [Fact]
    public void Edges_belong_to_the_bin_above_and_the_last_edge_to_the_last_bin()
    {
        // 20 copies, so that both the vector path and the rest of it meet every edge.
        var values = Enumerable.Repeat(new float[] { -0.001f, 0, 1, 2, 3, 4, 4.001f, float.NaN }, 20)
            .SelectMany(v => v).ToArray();
        foreach (var sample in new[] { values, values.Where(v => !float.IsNaN(v)).ToArray() })
        {
            var h = Histogram.Linear(sample, 4, 0, 4);
            Assert.Equal([20, 20, 20, 40], h.Counts);
            Assert.Equal((20, 20), (h.Below, h.Above));
        }
        Assert.Equal(20, Histogram.Linear(values, 4, 0, 4).NoData);
        float[] wild = [.. values, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.MinValue,
            .. new float[16]];
        var all = Histogram.Linear(wild, 4, 0, 4);
        Assert.Equal((22, 22), (all.Below, all.Above));
        Assert.Equal(wild.Length, all.Total + all.Below + all.Above + all.NoData);
    }

    [Fact]
    public void Streaming_in_blocks_gives_the_same_counts()
    {
        var big = new float[3_000_001];
        var random = new Random(4);
        for (int i = 0; i < big.Length; i++)
            big[i] = (float)random.NextDouble() * 1.2f - 0.1f;
        var whole = Histogram.Linear(big, 100, 0, 1);
        var counter = HistogramCounter.Linear(100, 0, 1);
        var rest = HistogramCounter.Linear(100, 0, 1);
        counter.Add(big.AsSpan(0, 777));
        counter.Add(big.AsSpan(777, 900_000));
        rest.Add(big.AsSpan(900_777));
        counter.Add(rest);
        Assert.Equal(whole.Counts, counter.ToHistogram().Counts);
        var plain = new long[100];
        foreach (float value in big)
        {
            if (value >= 0 && value <= 1)
                plain[Math.Min(99, (int)((double)value * 100))]++;
        }
        Assert.Equal(plain, whole.Counts);
        var logarithmic = HistogramCounter.Logarithmic(50, 1e-3, 1);
        logarithmic.Add(big.AsSpan(0, 1000));
        logarithmic.Add(big.AsSpan(1000));
        Assert.Equal(Histogram.Logarithmic(big, 50, 1e-3, 1).Counts, logarithmic.ToHistogram().Counts);
    }

    [Fact]
    public void Quantiles_and_densities_are_those_of_a_uniform_law()
    {
        var uniform = Enumerable.Range(0, 10_000).Select(i => (i + 0.5f) / 10_000).ToArray();
        var h = Histogram.Linear(uniform, 50, 0, 1);
        Assert.Equal(0.25, h.Quantile(0.25), 1e-9);
        Assert.Equal(0, h.Quantile(0), 1e-9);
        Assert.Equal(1, h.Quantile(1), 1e-9);
        Assert.All(h.Densities(), d => Assert.Equal(1, d, 1e-9));
        Assert.True(double.IsNaN(Histogram.Linear(uniform, 5, 2, 3).Quantile(0.5)));
    }

    [Fact]
    public void Round_trips_through_json()
    {
        var h = Histogram.Linear(Gamma, 8, 0, 24);
        var back = JsonSerializer.Deserialize<Histogram>(JsonSerializer.Serialize(h))!;
        Assert.Equal(h.Counts, back.Counts);
        Assert.Equal((h.Minimum, h.Maximum, h.Above), (back.Minimum, back.Maximum, back.Above));
    }

    [Fact]
    public void Bad_bins_and_ranges_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Histogram.Linear(Gamma, 0, 0, 1));
        Assert.Throws<ArgumentException>(() => Histogram.Linear(Gamma, 10, 1, 1));
        Assert.Throws<ArgumentException>(() => Histogram.Linear(Gamma, 10, double.NaN, 1));
        Assert.Throws<ArgumentException>(() => Histogram.Logarithmic(Gamma, 10, 0, 1));
        Assert.Throws<ArgumentException>(() => Histogram.Linear([], 10));
        Assert.Equal(3, Histogram.Linear([7, 7, 7], 10).Total);
        Assert.Equal(3, Histogram.Linear([1e20f, 1e20f, 1e20f], 10).Total);
        Assert.Throws<ArgumentException>(() => HistogramCounter.Linear(3, 0, 1).Add(HistogramCounter.Linear(4, 0, 1)));
    }
}
