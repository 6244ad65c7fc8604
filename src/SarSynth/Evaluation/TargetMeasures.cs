// Measures of what stands out and of what is dark: targets against their clutter, and shadows.
using SarSynth.Radar.Statistics;

namespace SarSynth.Evaluation;

/// <summary>Measures of point targets and shadows.</summary>
internal static class TargetMeasures
{
    private const string Group = "structure";

    private const int Ring = 31, Guard = 11, Reach = 3, ShadowWindow = 5;

    // Ten times darker than the middle of the image: means of 25 pixels of speckle never are.
    private const double Dark = 0.1;

    /// <summary>All of them.</summary>
    public static IEnumerable<Measure> All()
    {
        yield return new()
        {
            Id = "target-clutter", Group = Group, Name = "target / clutter - true", Unit = "dB",
            Definition = "Intensity of point targets over the mean of the ring around them, dB, mean over the targets "
                + "that are found, less that of the true image's.",
            Goal = new(0), Bounds = Measure.Signed,
            Parts = look => look.Targets.Count == 0 ? null
                : [look.Targets.Sum(t => t.SignalToClutter), look.Targets.Count],
            Join = (truth, own) => (Measure.Sum(truth), Measure.Sum(own)) is var (t, o) ? o[0] / o[1] - t[0] / t[1] : 0,
        };
        yield return new()
        {
            Id = "target-places", Group = Group, Name = "true targets, error", Unit = "dB",
            Definition = "At the true image's point targets: the largest intensity within 3 pixels over the mean of "
                + "the ring there (31 x 31 without 11 x 11 pixels), dB, against the true one; mean size of the "
                + "difference.",
            Goal = new(0), Needs = MeasureNeeds.Pairs, Parts = AtTrueTargets,
            Join = (_, own) => Measure.Sum(own) is var s ? s[0] / s[1] : 0,
        };
        yield return new()
        {
            Id = "shadow-area", Group = Group, Name = "shadows / true", Definition = "Share of pixels whose mean "
                + "intensity in 5 x 5 pixels is under a tenth of the median of such means, over the true images' "
                + "share.",
            Goal = new(1, Ratio: true),
            Parts = look => [look.Shadows.Count(s => s), look.Shadows.Length],
            Join = (truth, own) => (Measure.Sum(truth), Measure.Sum(own)) is var (t, o) ? o[0] / o[1] / (t[0] / t[1])
                : 0,
        };
        yield return new()
        {
            Id = "shadow-overlap", Group = Group, Name = "shadows, overlap", Definition = "Pixels that are such "
                + "shadow in both the image and the true one, over those that are in one of them (intersection over "
                + "union).",
            Goal = new(1), Bounds = (0, 1), Needs = MeasureNeeds.Pairs,
            Parts = look =>
            {
                var (both, one) = (0.0, 0.0);
                foreach (var (a, b) in look.Truth.Shadows.Zip(look.Shadows))
                    (both, one) = (both + (a && b ? 1 : 0), one + (a || b ? 1 : 0));
                return one == 0 ? null : [both, one];
            },
            Join = (_, own) => Measure.Sum(own) is var s ? s[0] / s[1] : 0,
        };
    }

    /// <summary>Where an image is in shadow.</summary>
    public static bool[] Shadows(SceneLook look)
    {
        var means = LocalStatistics.Mean(look.Intensity.Pixels, look.Rows, look.Columns, ShadowWindow);
        float[] sorted = [.. means.Where(m => !float.IsNaN(m)).Order()];
        var level = sorted.Length == 0 ? 0 : Dark * sorted[sorted.Length / 2];
        return Array.ConvertAll(means, m => m < level);
    }

    private static double[]? AtTrueTargets(SceneLook look)
    {
        if (look.Truth.Targets.Count == 0)
            return null;
        var (true_, own) = (Contrasts(look.Truth, look.Truth), Contrasts(look, look.Truth));
        var pairs = true_.Zip(own).Where(p => double.IsFinite(p.First + p.Second)).ToArray();
        return pairs.Length == 0 ? null : [pairs.Sum(p => Math.Abs(p.First - p.Second)), pairs.Length];
    }

    // Target over clutter, dB, at each true target.
    private static double[] Contrasts(SceneLook look, SceneLook truth)
    {
        var pixels = look.Intensity.Pixels;
        return [.. truth.Targets.Select(t =>
        {
            var (largest, sum, count) = (0.0, 0.0, 0);
            int left = Math.Max(0, t.Column - Ring / 2), right = Math.Min(look.Columns - 1, t.Column + Ring / 2);
            for (var r = Math.Max(0, t.Row - Ring / 2); r <= Math.Min(look.Rows - 1, t.Row + Ring / 2); r++)
            {
                for (var c = left; c <= right; c++)
                {
                    double value = pixels[r * look.Columns + c];
                    var apart = Math.Max(Math.Abs(r - t.Row), Math.Abs(c - t.Column));
                    if (double.IsNaN(value))
                        continue;
                    if (apart <= Reach)
                        largest = Math.Max(largest, value);
                    else if (apart > Guard / 2)
                        (sum, count) = (sum + value, count + 1);
                }
            }
            return look.Decibels(largest) - look.Decibels(sum / count);
        })];
    }
}
