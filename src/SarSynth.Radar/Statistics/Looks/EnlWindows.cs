// ENL over an image: sliding map, median over windows, automatic choice of homogeneous windows.
using System.Runtime.Intrinsics;
using MathNet.Numerics;

namespace SarSynth.Radar.Statistics;

public static partial class Enl
{
    /// <summary>ENL (mean² / variance, divisor n - 1) of the window around every pixel.</summary>
    /// <param name="intensity">Intensity, linear, row-major; NaN marks no data.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="window">Side of the window: odd, at least 3.</param>
    /// <returns>[rows x columns]; NaN where the window is constant or more than half without data.</returns>
    /// <exception cref="ArgumentException">
    /// Sizes that do not match, an even window or one below 3, an infinite pixel.
    /// </exception>
    /// <remarks>Borders are mirrored, see <see cref="LocalStatistics"/>.</remarks>
    public static float[] Map(ReadOnlySpan<float> intensity, int rows, int columns, int window = 7)
    {
        if (window < 3)
            throw new ArgumentException($"window: found {window}, expected an odd number of at least 3.",
                nameof(window));
        var map = GC.AllocateUninitializedArray<float>(intensity.Length);
        LocalStatistics.Slide(intensity, rows, columns, window, squares: true, (row, sums, squares, counts) =>
        {
            var output = map.AsSpan(row * columns, columns);
            double n = window * window;
            int x = 0;
            if (counts.IsEmpty)
            {
                // mean²/variance = s² (n - 1) / (n (n q - s²)).
                var factor = Vector512.Create((n - 1) / n);
                var count = Vector512.Create(n);
                for (; x <= columns - 16; x += 16)
                    Vector512.Narrow(Eight(sums[x..], squares[x..], count, factor),
                        Eight(sums[(x + 8)..], squares[(x + 8)..], count, factor))
                        .CopyTo(output[x..]);
            }
            for (; x < columns; x++)
            {
                if (!counts.IsEmpty)
                    n = LocalStatistics.Enough(counts[x], window) ? counts[x] : double.NaN;
                double s2 = sums[x] * sums[x], gap = n * squares[x] - s2;
                output[x] = gap > 1e-13 * s2 ? (float)(s2 * (n - 1) / (n * gap)) : float.NaN;
            }
        });
        return map;

        static Vector512<double> Eight(ReadOnlySpan<double> sums, ReadOnlySpan<double> squares, Vector512<double> count,
            Vector512<double> factor)
        {
            var s = Vector512.Create(sums);
            var s2 = s * s;
            var gap = count * Vector512.Create(squares) - s2;
            // Rounding alone makes a gap of about 1e-15 s²: such a window is constant.
            return Vector512.ConditionalSelect(
                Vector512.GreaterThan(gap, s2 * 1e-13), s2 * factor / gap, Vector512.Create(double.NaN));
        }
    }

    /// <summary>
    /// The median of the ENL (moments) over windows that tile the image: what product specifications report.
    /// </summary>
    /// <param name="intensity">Intensity, linear, row-major; windows with a NaN or a zero are left out.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="window">Side of the windows, at least 6; they do not overlap.</param>
    /// <returns>
    /// The median, its standard error and its distribution-free 95 % interval; <see cref="Estimate.Samples"/> counts
    /// windows. Undefined when no window is complete.
    /// </returns>
    /// <exception cref="ArgumentException">Sizes that do not match, a negative or an infinite pixel.</exception>
    /// <remarks>Interval from order statistics (David &amp; Nagaraja 2003, 7.1).</remarks>
    public static Estimate MedianOverWindows(ReadOnlySpan<float> intensity, int rows, int columns, int window = 25)
    {
        return MedianOverWindows(Windows(intensity, rows, columns, window), window);
    }

    internal static Estimate MedianOverWindows(IReadOnlyList<WindowFacts> windows, int window)
    {
        string method = $"median of mean²/variance over {window} x {window} windows";
        var looks = windows.Where(w => w.Complete && w.Looks > 0).Select(w => w.Looks).Order().ToArray();
        int n = looks.Length;
        if (n == 0)
            return Estimate.Undefined($"no window of {window} x {window} without zeros, NaN or constant pixels", 0,
                method);
        double median = n % 2 == 1 ? looks[n / 2] : (looks[n / 2 - 1] + looks[n / 2]) / 2;
        double reach = Estimate.Z95 * Math.Sqrt(n) / 2;
        int low = (int)Math.Floor(n / 2.0 - reach) - 1, high = (int)Math.Ceiling(n / 2.0 + reach);
        if (low < 0 || high >= n)
            return new Estimate { Value = median, Samples = n, Method = method,
                Reason = $"{n} windows are too few for an interval" };
        return new Estimate
        {
            Value = median,
            StandardError = (looks[high] - looks[low]) / (2 * Estimate.Z95),
            Lower = looks[low],
            Upper = looks[high],
            Samples = n,
            Method = method,
        };
    }

    /// <summary>ENL of an image whose homogeneous areas are found automatically.</summary>
    /// <param name="intensity">Intensity, linear, row-major; windows with a NaN or a zero are left out.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="window">
    /// Side of the windows, even and at least 8; they do not overlap. 0 takes 16, or
    /// less in a small image: see the remarks.
    /// </param>
    /// <param name="independent">Share of the pixels that are independent, in (0, 1].</param>
    /// <returns>The windows chosen, and the ENL pooled over them by maximum likelihood.</returns>
    /// <exception cref="ArgumentException">
    /// Sizes that do not match, an odd or too small window, a negative or an infinite pixel.
    /// </exception>
    /// <remarks>
    /// Heterogeneity can only lower a window's ENL, so that the ENL of homogeneous ground shows as the mode of the
    /// windows' ENL (Foucher et al. 2000; Anfinsen et al. 2009, section V): the mode of a kernel density of ln L
    /// (bandwidth: Silverman's, not below one standard error). A window is chosen when its ENL lies within three
    /// standard errors of the mode and its four quadrants have equal means (F-test of ln-means, 1 %). Pooling solves
    /// mean(ln mean_w - mean ln_w) = ln L - digamma(L) + digamma(nL) - ln(nL), which is exact in the window's size n
    /// under the Gamma law. Weak texture that fills much of the scene passes these tests and lowers the result, by 5 to
    /// 25 % and more; <see cref="HomogeneousWindows.UpperTail"/> shows it.
    /// <para>
    /// A mode wants many windows: from fewer than about 200 it is found less well than the smaller windows' larger
    /// spread costs, and the homogeneous ground of a small image comes in small pieces. The window chosen for 0 is the
    /// largest from 16 down to 8 that leaves 200 of them; below 8 the quadrants are too small for the test.
    /// </para>
    /// </remarks>
    public static HomogeneousWindows Homogeneous(
        ReadOnlySpan<float> intensity, int rows, int columns, int window = 0, double independent = 1)
    {
        window = window == 0 ? WindowFor(rows, columns) : RequireWindow(window);
        ThrowIfNotShare(independent);
        return Homogeneous(Windows(intensity, rows, columns, window), window, independent);
    }

    internal static HomogeneousWindows Homogeneous(IReadOnlyList<WindowFacts> windows, int window,
        double independent = 1)
    {
        const string method =
            "ENL by maximum likelihood pooled over automatically chosen windows (Anfinsen et al. 2009)";
        var candidates = windows.Where(w => w.Complete && w.Gap > 1e-14).ToArray();
        if (candidates.Length == 0)
            return new HomogeneousWindows(
                [], Estimate.Undefined($"no window of {window} x {window} without zeros, NaN or constant pixels", 0,
                    method), 0);
        double n = (double)window * window;
        var logLooks = candidates.Select(w => Math.Log(Polygamma.InverseLogMinusDigamma(w.Gap))).ToArray();
        double Error(double looks) => LikelihoodError(looks, n * independent) / looks;
        double mode = Math.Exp(Mode(logLooks, Error(Math.Exp(Median(logLooks)))));
        double reach = 3 * Error(mode);
        double critical = MathNet.Numerics.Distributions.ChiSquared.InvCDF(3, 0.99);
        var chosen = new List<HomogeneousWindow>();
        double gap = 0;
        var tail = UpperTail(
            logLooks.Where((log, i) => candidates[i].QuadrantSpread * Math.Exp(log) * independent * n / 4 <= critical),
                looks => Error(looks));
        for (int i = 0; i < candidates.Length; i++)
        {
            var w = candidates[i];
            if (Math.Abs(logLooks[i] - Math.Log(mode)) > reach)
                continue;
            // Variance of a quadrant's ln-mean: 1/(L n/4); the sum over four quadrants is
            // chi-squared with 3 degrees of freedom.
            if (w.QuadrantSpread * mode * independent * n / 4 > critical)
                continue;
            chosen.Add(new HomogeneousWindow(w.Row, w.Column, window, Math.Exp(logLooks[i])));
            gap += w.Gap;
        }
        if (chosen.Count == 0)
            return new HomogeneousWindows([], Estimate.Undefined("no window passed the test of homogeneity", 0, method),
                candidates.Length) { UpperTail = tail };
        gap /= chosen.Count;
        double looks = Polygamma.InverseLogMinusDigamma(gap);
        for (int i = 0; i < 50; i++)
        {
            double next = Polygamma.InverseLogMinusDigamma(gap + Polygamma.LogMinusDigamma(n * looks));
            bool done = Math.Abs(next - looks) < 1e-12 * looks;
            looks = next;
            if (done)
                break;
        }
        long samples = chosen.Count * (long)n;
        return new HomogeneousWindows(
            chosen, Estimate.Positive(looks, LikelihoodError(looks, samples * independent), samples, method),
                candidates.Length) { UpperTail = tail };
    }

    /// <summary>
    /// The centre of the homogeneous windows from those above it, whose spread is
    /// known: texture only adds windows below.
    /// </summary>
    private static Estimate UpperTail(IEnumerable<double> logLooks, Func<double, double> error)
    {
        const string method =
            "ENL at which the windows above lie as those of homogeneous ground do (median of the half-normal law)";
        const int fewest = 32;
        // The median of |z| for a standard normal z, and of the estimate's error: h(c) = #(x > c + 0.6745 s) - #(x > c)
        // / 2 has variance N / 8 and slope -0.1183 N / s.
        const double half = 0.6744897501960817, efficiency = 2.989;
        var sorted = logLooks.Order().ToArray();
        for (int i = 0; i + fewest <= sorted.Length; i++)
        {
            int above = sorted.Length - i - 1;
            double median = (sorted[i + 1 + (above - 1) / 2] + sorted[i + 1 + above / 2]) / 2,
                looks = Math.Exp(sorted[i]), spread = error(looks);
            if (median - sorted[i] > half * spread)
                continue;
            return Estimate.Positive(looks, looks * efficiency * spread / Math.Sqrt(2.0 * above), above, method);
        }
        return Estimate.Undefined($"fewer than {fewest} windows at the upper end lie as those of homogeneous ground do",
            sorted.Length, method);
    }

    internal static int RequireWindow(int window) => window >= 8 && window % 2 == 0 ? window
        : throw new ArgumentException($"window: found {window}, expected an even number of at least 8.",
            nameof(window));

    internal static int WindowFor(int rows, int columns)
    {
        const int enough = 200;
        int window = 16;
        while (window > 8 && (long)(rows / window) * (columns / window) < enough)
            window -= 2;
        return window;
    }

    private static double Median(double[] values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    /// <summary>The mode of a Gaussian kernel density.</summary>
    private static double Mode(double[] values, double smallestBandwidth)
    {
        var sorted = values.Order().ToArray();
        double quartiles = (sorted[3 * sorted.Length / 4] - sorted[sorted.Length / 4]) / 1.349;
        double bandwidth = Math.Max(smallestBandwidth, 0.9 * quartiles * Math.Pow(sorted.Length, -0.2));
        double best = sorted[0], highest = 0;
        for (double t = sorted[0]; t <= sorted[^1] + bandwidth / 8; t += bandwidth / 8)
        {
            int from = LowerBound(sorted, t - 5 * bandwidth), to = LowerBound(sorted, t + 5 * bandwidth);
            double density = 0;
            for (int i = from; i < to; i++)
            {
                double z = (sorted[i] - t) / bandwidth;
                density += Math.Exp(-z * z / 2);
            }
            if (density > highest)
                (highest, best) = (density, t);
        }
        return best;
    }

    private static int LowerBound(double[] sorted, double value)
    {
        int index = Array.BinarySearch(sorted, value);
        return index < 0 ? ~index : index;
    }

    /// <summary>Facts of the windows that tile the image; a rest at the right and lower border is left out.</summary>
    private static IReadOnlyList<WindowFacts> Windows(ReadOnlySpan<float> intensity, int rows, int columns, int window)
    {
        if (rows < 1 || columns < 1 || (long)rows * columns != intensity.Length)
            throw new ArgumentException($"intensity: found {intensity.Length} pixels, expected {rows} x {columns}.",
                nameof(intensity));
        var grid = new EnlWindowGrid(rows, columns, window);
        var sums = PixelSums.Of(intensity);
        if (sums.Infinite > 0)
            sums.ThrowIfUnusable(nameof(intensity));
        sums.ThrowIfNegative(nameof(intensity));
        grid.Add(intensity);
        return grid.Facts;
    }
}

/// <summary>A window found homogeneous.</summary>
/// <param name="Row">First row.</param>
/// <param name="Column">First column.</param>
/// <param name="Size">Side, pixels.</param>
/// <param name="Looks">ENL of the window by maximum likelihood.</param>
public sealed record HomogeneousWindow(int Row, int Column, int Size, double Looks);

/// <summary>The homogeneous windows of an image and the ENL pooled over them.</summary>
/// <param name="Chosen">Windows chosen, row by row.</param>
/// <param name="Looks">Pooled ENL.</param>
/// <param name="Candidates">Windows that were complete (no zeros, no NaN) and so looked at.</param>
public sealed record HomogeneousWindows(IReadOnlyList<HomogeneousWindow> Chosen, Estimate Looks, int Candidates)
{
    /// <summary>
    /// The ENL by the upper end of the windows' ENL alone, which texture does not reach: the smallest L above which the
    /// windows' ln L has the median of the half-normal law of known spread. Null where there was no window.
    /// </summary>
    /// <remarks>
    /// Where much of the scene is weakly textured the pooled <see cref="Looks"/> is low, because windows of such ground
    /// pass for homogeneous or make the mode; this one stays within 4 % as long as a third of the scene is homogeneous
    /// (Monte Carlo of K-distributed and two-level ground, 1 to 10 looks). It costs precision (three times the standard
    /// error), and speckle that is correlated from pixel to pixel raises it where the share of independent pixels is
    /// not given: 3 to 6 % at an intensity correlation of 0.36 between neighbours, below 1 % at 0.14. Where both differ
    /// by more than their errors, look at the scene.
    /// </remarks>
    public Estimate? UpperTail { get; init; }
}
