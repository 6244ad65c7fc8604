using System.Text.Json;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Statistics;
using SarSynth.Tests.Support;
using static SarSynth.Radar.Tests.Statistics.Goldens;

namespace SarSynth.Radar.Tests.Statistics;

public class EnlTests
{
    private static readonly float[] Gamma = Floats("gamma.f32");
    private static readonly JsonElement Golden = Json("basic");

    [Fact]
    public void All_estimators_equal_scipys_roots()
    {
        var g = Golden.GetProperty("enl");
        Close(g.Number("moments"), Enl.ByMoments(Gamma).Value, 1e-11);
        Close(g.Number("log_cumulants"), Enl.ByLogCumulants(Gamma).Value, 1e-10);
        Close(g.Number("likelihood"), Enl.MaximumLikelihood(Gamma).Value, 1e-10);
    }

    [OptionalDataFact("sar/reference.json")]
    public void Estimators_equal_the_recorded_values_of_a_real_image()
    {
        var reference = JsonDocument.Parse(File.ReadAllText(TestData.Optional("sar/reference.json")))
            .RootElement.GetProperty("envisat_slc");
        var patch = RealData.EnvisatIntensityPatch(reference);
        double n = patch.Length;
        Close(reference.Number("mean_intensity"), Moments.Of(patch).Mean.Value, 1e-6);
        Close(reference.Number("enl_moment_ddof1"), Enl.ByMoments(patch).Value, 1e-6);
        Close(reference.Number("enl_moment_biased"), Enl.ByMoments(patch).Value * n / (n - 1), 1e-6);
        // whose variance has divisor n there
        Close(reference.Number("enl_logcumulant"), Enl.ByLogCumulants(patch).Value, 2e-3);
        Close(reference.Number("enl_gamma_ml"), Enl.MaximumLikelihood(patch).Value, 1e-5);
    }

    [Theory]
    [InlineData(1), InlineData(4.4), InlineData(50)]
    public void Intervals_hold_the_true_looks_as_often_as_they_say(double looks)
    {
        // 300 experiments: 95 % coverage has a standard deviation of 1.26 %, so four of them below is 0.90.
        var random = new Random(11);
        var hits = new int[3];
        for (int trial = 0; trial < 300; trial++)
        {
            var sample = Speckle(random, 600, looks);
            var all = new[] { Enl.ByMoments(sample), Enl.ByLogCumulants(sample), Enl.MaximumLikelihood(sample) };
            for (int i = 0; i < 3; i++)
                hits[i] += all[i].Lower <= looks && looks <= all[i].Upper ? 1 : 0;
        }
        Assert.All(hits, h => Assert.InRange(h / 300.0, 0.90, 0.99));
    }

    [Fact]
    public void Map_and_local_moments_equal_scipys_uniform_filter()
    {
        var f = Golden.GetProperty("filter");
        var (mean, variance) = LocalStatistics.MeanAndVariance(Gamma, 60, 64, 7);
        var onlyMean = LocalStatistics.Mean(Gamma, 60, 64, 7);
        var wide = LocalStatistics.Mean(Gamma, 60, 64, 25);
        var map = Enl.Map(Gamma, 60, 64, 7);
        int k = 0;
        foreach (var point in f.GetProperty("points").EnumerateArray())
        {
            int i = point[0].GetInt32() * 64 + point[1].GetInt32();
            Close(f.GetProperty("mean7")[k].GetDouble(), mean[i], 1e-6);
            Close(f.GetProperty("mean7")[k].GetDouble(), onlyMean[i], 1e-6);
            Close(f.GetProperty("variance7")[k].GetDouble(), variance[i], 1e-6);
            Close(f.GetProperty("enl7")[k].GetDouble(), map[i], 1e-6);
            Close(f.GetProperty("mean25")[k].GetDouble(), wide[i], 1e-6);
            k++;
        }
    }

    [Theory]
    [InlineData(1, 1, 3), InlineData(5, 3, 7), InlineData(2, 40, 31), InlineData(40, 2, 9), InlineData(33, 17, 1),
        InlineData(70, 37, 5)]
    public void Sliding_mean_equals_the_plain_sum_for_any_size(int rows, int columns, int window)
    {
        var random = new Random(rows * columns);
        var image = Enumerable.Range(0, rows * columns).Select(_ => (float)random.NextDouble()).ToArray();
        image[image.Length / 2] = float.NaN;
        var mean = LocalStatistics.Mean(image, rows, columns, window);
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
            {
                double sum = 0;
                int count = 0;
                for (int y = r - window / 2; y <= r + window / 2; y++)
                    for (int x = c - window / 2; x <= c + window / 2; x++)
                    {
                        float value = image[Reflect(y, rows) * columns + Reflect(x, columns)];
                        if (float.IsNaN(value))
                            continue;
                        sum += value;
                        count++;
                    }
                if (2 * count < window * window)
                    Assert.True(float.IsNaN(mean[r * columns + c]));
                else
                    Close(sum / count, mean[r * columns + c], 1e-6, $"({r}, {c})");
            }
        }

        static int Reflect(int i, int n)
        {
            while (i < 0 || i >= n)
                i = i < 0 ? -1 - i : 2 * n - 1 - i;
            return i;
        }
    }

    [Fact]
    public void A_bright_target_leaves_no_trail()
    {
        var image = Speckle(new Random(2), 200 * 64, 4);
        var clean = Enl.Map(image, 200, 64, 7);
        image[100 * 64 + 32] = 1e12f;
        var map = Enl.Map(image, 200, 64, 7);
        for (int i = 0; i < map.Length; i++)
        {
            if (Math.Abs(i / 64 - 100) > 3 || Math.Abs(i % 64 - 32) > 3)
                Assert.Equal(clean[i], map[i]);
        }
    }

    [Fact]
    public void Median_over_windows_finds_the_looks_of_a_patchwork()
    {
        var (image, _) = Patchwork(300, 400, 4.4, 5, field: 100);
        image.AsSpan(0, 30 * 400).Clear();
        var median = Enl.MedianOverWindows(image, 300, 400);
        // A quarter of the windows is textured and lies below: the median is the lower third of the
        // others, whose spread is 6.3 %.
        double expected = 4.4 * (1 - 0.431 * 0.063);
        Assert.InRange(expected, median.Lower, median.Upper);
        Assert.InRange(median.Value, expected * 0.97, expected * 1.03);
        Assert.Equal((300 / 25 - 2) * (400 / 25), median.Samples);
        Assert.NotNull(Enl.MedianOverWindows(new float[100 * 100], 100, 100).Reason);
    }

    [Theory]
    [InlineData(1.0), InlineData(4.4)]
    public void Homogeneous_windows_are_found_and_give_the_looks(double looks)
    {
        var (image, homogeneous) = Patchwork(320, 320, looks, 8);
        var found = Enl.Homogeneous(image, 320, 320);
        Assert.True(found.Chosen.Count >= 50, $"{found.Chosen.Count} windows");
        // Choosing by closeness to the mode trims both tails alike: the pooled value stays
        // within 4 standard errors plus 1 %.
        Assert.InRange(found.Looks.Value, looks * 0.99 - 4 * found.Looks.StandardError,
            looks * 1.01 + 4 * found.Looks.StandardError);
        // The right half is a texture that must not be chosen, save by chance.
        Assert.True(found.Chosen.Count(w => !homogeneous(w.Row, w.Column)) <= found.Chosen.Count / 10);
        Assert.True(Enl.ByMoments(image).Value < looks * 0.8);
    }

    [Theory]
    [InlineData(128, 1.0), InlineData(128, 4.4), InlineData(64, 4.4)]
    public void A_small_image_of_small_fields_gives_its_looks(int size, double looks)
    {
        for (int seed = 1; seed <= 5; seed++)
        {
            var (image, _) = Patchwork(size, size, looks, seed, field: 24);
            var found = Enl.Homogeneous(image, size, size);
            Assert.All(found.Chosen, w => Assert.Equal(8, w.Size));
            // A field of 24 holds up to nine windows of 8, but one of 16 at most.
            Assert.True(found.Chosen.Count > Enl.Homogeneous(image, size, size, 16)
                .Chosen.Count * 4, $"seed {seed}: {found.Chosen.Count} windows");
            Assert.InRange(found.Looks.Value, looks * 0.95 - 4 * found.Looks.StandardError,
                looks * 1.05 + 4 * found.Looks.StandardError);
        }
    }

    [Theory]
    [InlineData(1024, 768, 16), InlineData(240, 240, 16), InlineData(210, 210, 14), InlineData(170, 200, 12),
        InlineData(100, 100, 8), InlineData(20, 20, 8)]
    public void The_window_leaves_two_hundred_where_it_can(int rows, int columns, int window)
    {
        var found = Enl.Homogeneous(Speckle(new Random(6), rows * columns, 3), rows, columns);
        Assert.All(found.Chosen, w => Assert.Equal(window, w.Size));
        Assert.Equal(rows / window * (columns / window), found.Candidates);
        Assert.InRange(found.Looks.Value, 3 * 0.98 - 4 * found.Looks.StandardError,
            3 * 1.02 + 4 * found.Looks.StandardError);
    }

    [Theory]
    [InlineData(1.0), InlineData(3.0), InlineData(4.4), InlineData(10.0)]
    public void The_upper_end_of_the_windows_is_not_lowered_by_texture(double looks)
    {
        // A third homogeneous, the rest a weak K texture (shape 8), in fields of several levels.
        const int size = 640;
        var random = new Random(41);
        var image = Speckle(random, size * size, looks);
        for (int i = 0; i < image.Length; i++)
            image[i] *= (1 + i % size / 160) * (i / size < 208 ? 1
                : (float)MathNet.Numerics.Distributions.Gamma.Sample(random, 8, 8));
        var found = Enl.Homogeneous(image, size, size);
        var tail = found.UpperTail!;
        Assert.InRange(tail.Value / looks, 0.96 - 3 * tail.StandardError / looks,
            1.04 + 3 * tail.StandardError / looks);
        Assert.InRange(tail.StandardError / looks, 0.001, 0.02);
        // What it is for: the pooled value is low here.
        Assert.True(found.Looks.Value < looks * 0.96, $"{found.Looks}");
    }

    [Fact]
    public void The_upper_end_of_homogeneous_ground_is_unbiased_and_its_error_is_its_spread()
    {
        const int size = 320, trials = 40;
        var errors = new double[trials];
        double stated = 0;
        for (int seed = 0; seed < trials; seed++)
        {
            var tail = Enl.Homogeneous(Speckle(new Random(100 + seed), size * size, 3), size, size).UpperTail!;
            errors[seed] = tail.Value / 3 - 1;
            stated += tail.StandardError / tail.Value / trials;
        }
        double mean = errors.Average(), spread = Math.Sqrt(errors.Sum(e => (e - mean) * (e - mean)) / (trials - 1));
        Assert.InRange(mean, -0.01, 0.02);
        // 40 trials give the spread to 11 %; the estimate takes the first crossing, which trims it a little.
        Assert.InRange(spread / stated, 0.6, 1.4);
        Assert.NotNull(Enl.Homogeneous(Speckle(new Random(1), 32 * 32, 3), 32, 32).UpperTail!.Reason);
    }

    [Fact]
    public void Bad_input_is_refused_or_reasoned()
    {
        var constant = Enumerable.Repeat(2f, 100).ToArray();
        Assert.Contains("equal", Enl.ByMoments(constant).Reason);
        Assert.Contains("equal", Enl.ByLogCumulants(constant).Reason);
        Assert.Contains("equal", Enl.MaximumLikelihood(constant).Reason);
        Assert.Equal("all pixels are zero", Enl.ByMoments(new float[64]).Reason);
        Assert.Throws<ArgumentException>(() => Enl.ByLogCumulants(new float[64]));
        Assert.Throws<ArgumentException>(() => Enl.ByMoments(new float[3]));
        Assert.Throws<ArgumentException>(() => Enl.ByMoments([.. constant, -1f]));
        Assert.Throws<ArgumentException>(() => Enl.ByMoments([.. constant, float.PositiveInfinity]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Enl.ByMoments(constant, 0));
        Assert.Throws<ArgumentException>(() => Enl.Map(constant, 10, 10, 4));
        Assert.Throws<ArgumentException>(() => Enl.Map(constant, 10, 11, 7));
        constant[55] = float.PositiveInfinity;
        Assert.Contains("infinite", Assert.Throws<ArgumentException>(() => Enl.Map(constant, 10, 10, 3)).Message);
        constant[55] = 2;
        Assert.All(Enl.Map(constant, 10, 10, 7), v => Assert.True(float.IsNaN(v)));
        Assert.All(Enl.Map(Enumerable.Repeat(float.NaN, 100).ToArray(), 10, 10, 7), v => Assert.True(float.IsNaN(v)));
        Assert.NotNull(Enl.Homogeneous(constant, 10, 10, 8).Looks.Reason);
    }

    [Fact]
    public void Looks_do_not_depend_on_the_scale_of_the_data()
    {
        var tiny = Gamma.Select(v => v * 1e-30f).ToArray();
        Close(Enl.MaximumLikelihood(Gamma).Value, Enl.MaximumLikelihood(tiny).Value, 1e-5);
        Close(Enl.ByMoments(Gamma).Value, Enl.ByMoments(tiny).Value, 1e-5);
        Close(Enl.MedianOverWindows(Gamma, 60, 64, 10).Value, Enl.MedianOverWindows(tiny, 60, 64, 10).Value, 1e-5);
    }

    internal static float[] Speckle(Random random, int count, double looks, double mean = 1) =>
        [.. Enumerable.Range(0, count)
            .Select(_ => (float)MathNet.Numerics.Distributions.Gamma.Sample(random, looks, looks / mean))];

    /// <summary>Left: fields with different levels; right quarter: K-like texture.</summary>
    private static (float[] Image, Func<int, int, bool> Homogeneous) Patchwork(int rows, int columns, double looks,
        int seed, int field = 80)
    {
        var random = new Random(seed);
        var image = Speckle(random, rows * columns, looks);
        int border = columns * 3 / 4;
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++)
                image[r * columns + c] *= c < border
                    ? 1 + 3 * ((r / field + c / field) % 3)
                    : (float)MathNet.Numerics.Distributions.Gamma.Sample(random, 1.2, 1.2);
        return (image, (_, c) => c + 16 <= border);
    }
}
