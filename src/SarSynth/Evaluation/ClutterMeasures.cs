// Measures of the clutter's law: log-cumulants of windows, which law they follow, and the true window's law.
using SarSynth.Radar.Images;
using SarSynth.Radar.Statistics;

namespace SarSynth.Evaluation;

/// <summary>Measures of texture by laws of intensity. Nicolas (2002), Traitement du Signal 19(3).</summary>
internal static class ClutterMeasures
{
    /// <summary>The laws that are tried.</summary>
    public static readonly IReadOnlyList<ClutterFamily> Families =
        [ClutterFamily.Gamma, ClutterFamily.K, ClutterFamily.Fisher, ClutterFamily.LogNormal, ClutterFamily.Weibull];

    private const string Group = "clutter law";

    private const int LargestWindow = 64, SmallestWindow = 16, MostOfAnImage = 8, MostOfASet = 64, FewestPixels = 32,
        MostOrderStatistics = 256;

    private const string Windows = "Windows of 64 pixels (half the shorter side of smaller images; eight of an image, "
        + "64 of all, evenly), every second pixel along both axes: ";

    /// <summary>All of them.</summary>
    public static IEnumerable<Measure> All()
    {
        yield return new()
        {
            Id = "clutter-k2", Group = Group, Name = "ln I, 2nd cumulant / true", Definition = Windows
                + "variance of ln I, mean over windows, over that of the true ones (1.645 is speckle of one look).",
            Goal = new(1, Ratio: true), Parts = Sums,
            Join = (truth, own) => (Measure.Sum(truth), Measure.Sum(own)) is var (t, o) ? o[1] / o[0] / (t[1] / t[0])
                : 0,
        };
        yield return new()
        {
            Id = "clutter-k3", Group = Group, Name = "ln I, 3rd cumulant - true", Definition = Windows
                + "third cumulant of ln I, mean over windows, less that of the true ones: where the law's tails lie "
                + "(-2.404 is speckle of one look).",
            Goal = new(0), Bounds = Measure.Signed, Parts = Sums,
            Join = (truth, own) => (Measure.Sum(truth), Measure.Sum(own)) is var (t, o) ? o[2] / o[0] - t[2] / t[0] : 0,
        };
        yield return new()
        {
            Id = "clutter-family", Group = Group, Name = "laws, other than true", Unit = "%", Format = "0.0",
            Definition = Windows + "the best of Gamma, K, G0 (Fisher), log-normal and Weibull, fitted by "
                + "log-cumulants, by Akaike's criterion; half the sum of the differences between its shares and the "
                + "true ones.",
            Goal = new(0), Bounds = (0, 100), Parts = Sums,
            Join = (truth, own) => (Measure.Sum(truth), Measure.Sum(own)) is var (t, o)
                ? 50 * Enumerable.Range(3, Families.Count).Sum(f => Math.Abs(o[f] / o[0] - t[f] / t[0])) : 0,
        };
        yield return new()
        {
            Id = "clutter-ks", Group = Group, Name = "KS from the true law", Format = "0.000",
            Definition = Windows + "Kolmogorov-Smirnov distance of the image's intensity from the best law of the true "
                + "window, mean over windows; 0.027 where the law is exact and a window has 1,024 pixels.",
            Goal = new(0), Bounds = (0, 1), Needs = MeasureNeeds.Pairs,
            Parts = look =>
            {
                double[] distances = [.. look.Truth.Clutter.Zip(look.Clutter)
                    .Where(w => w.First.Best?.Law is not null && w.Second.Pixels.Length >= FewestPixels)
                    .Select(w => Distance(w.Second.Pixels, w.First.Best!.Law!))
                    .Where(double.IsFinite)];
                return distances.Length == 0 ? null : [distances.Sum(), distances.Length];
            },
            Join = (_, own) => Measure.Sum(own) is var s ? s[0] / s[1] : 0,
        };
    }

    /// <summary>Windows of an image with their laws.</summary>
    /// <param name="image">The image.</param>
    /// <param name="images">How many images there are.</param>
    public static IReadOnlyList<ClutterWindow> Of(IntensityImage image, int images)
    {
        var side = Math.Min(Math.Min(image.Rows, image.Columns), Math.Clamp(
            Math.Min(image.Rows, image.Columns) / 2, SmallestWindow, LargestWindow));
        int across = image.Columns / side, count = image.Rows / side * across, taken = Math.Min(count,
            Math.Clamp(MostOfASet / Math.Max(1, images), 1, MostOfAnImage));
        return [.. Enumerable.Range(0, taken).Select(i =>
        {
            var at = (int)((i + 0.5) * count / taken);
            return Window(image, at / across * side, at % across * side, side);
        })];
    }

    private static ClutterWindow Window(IntensityImage image, int top, int left, int side)
    {
        var pixels = new List<float>();
        for (var r = top; r < top + side; r += 2)
            for (var c = left; c < left + side; c += 2)
                if (image.Pixels[r * image.Columns + c] is > 0 and var i)
                    pixels.Add(i);
        float[] found = [.. pixels];
        var best = found.Length < FewestPixels ? null : Families.Select(f => SpeckleFit.Fit(found, f,
            FitMethod.LogCumulants, goodness: false)).Where(f => f.Law is not null).MinBy(f => f.Aic);
        return new(found, best);
    }

    // Kolmogorov-Smirnov at 256 order statistics, evenly, of more: the K law's distribution function takes its time.
    private static double Distance(float[] pixels, ClutterLaw law)
    {
        float[] sorted = [.. pixels.Order()];
        var (n, step, largest) = ((double)sorted.Length, Math.Max(1, sorted.Length / MostOrderStatistics), 0.0);
        for (var i = 0; i < sorted.Length; i += step)
        {
            var p = law.CumulativeDistribution(sorted[i]);
            largest = Math.Max(largest, Math.Max(p - i / n, (i + 1) / n - p));
        }
        return largest;
    }

    // Windows, second and third cumulants, and how many follow each law.
    private static double[]? Sums(SceneLook look)
    {
        var sums = new double[3 + Families.Count];
        foreach (var window in look.Clutter.Where(w => w.Best is not null))
        {
            double[] logs = Array.ConvertAll(window.Pixels, p => Math.Log(p));
            double n = logs.Length, mean = logs.Average(), second = 0, third = 0;
            foreach (var l in logs)
                (second, third) = (second + (l - mean) * (l - mean), third + Math.Pow(l - mean, 3));
            sums[0]++;
            sums[1] += second / (n - 1);
            sums[2] += third * n / ((n - 1) * (n - 2));
            sums[3 + Families.ToList().IndexOf(window.Best!.Family)]++;
        }
        return sums[0] > 0 ? sums : null;
    }
}

/// <summary>A window of clutter.</summary>
/// <param name="Pixels">Intensities above 0.</param>
/// <param name="Best">The best law; null where there are too few pixels or none fits.</param>
internal sealed record ClutterWindow(float[] Pixels, ClutterFit? Best);
