// Distances between the pixel distributions of two images, from samples or from histograms of the same bins.
// Standard errors: delta method for multinomial counts or the influence function of the sample statistic.
namespace SarSynth.Radar.Statistics;

/// <summary>Distances between two distributions p and q, in natural units (nats where a logarithm is taken).</summary>
/// <remarks>
/// Samples may differ in size; NaN is left out; infinities are refused. The overloads on samples that need bins use
/// equal bins from the smallest to the largest value of both samples together. Standard errors hold where the
/// distance is well above zero; at p = q all these statistics stand on the border of their
/// range and are biased upwards.
/// </remarks>
public static partial class Distance
{
    /// <summary>The pseudo-count that smoothing adds to each bin unless told otherwise (Krichevsky-Trofimov).</summary>
    public const double DefaultSmoothing = 0.5;

    private const int DefaultBins = 256;

    /// <summary>Kullback-Leibler divergence KL(p || q) = sum p ln(p / q).</summary>
    /// <param name="p">Histogram of the first sample.</param>
    /// <param name="q">Histogram of the second sample, same bins.</param>
    /// <param name="smoothing">
    /// Pseudo-count added to every bin of both before they are normalised; at 0 an empty
    /// bin of q under a full one of p gives infinity.
    /// </param>
    /// <exception cref="ArgumentException">
    /// Bins differ, a histogram is empty, or smoothing is negative or not finite.
    /// </exception>
    /// <remarks>
    /// Kullback &amp; Leibler (1951). Not symmetric: KL(q || p) is the same call with the arguments exchanged.
    /// </remarks>
    public static Estimate KullbackLeibler(Histogram p, Histogram q, double smoothing = DefaultSmoothing)
    {
        var (a, b, n, m) = Shares(p, q, smoothing);
        string method = FormattableString.Invariant($"KL(p||q), {a.Length} bins, pseudo-count {smoothing} per bin");
        double sum = 0, second = 0, other = 0;
        for (int i = 0; i < a.Length; i++)
        {
            if (a[i] == 0)
                continue;
            if (b[i] == 0)
                return new Estimate { Value = double.PositiveInfinity, Samples = n + m, Method = method,
                    Reason = "a bin of p is full where q is empty" };
            double log = Math.Log(a[i] / b[i]);
            sum += a[i] * log;
            second += a[i] * log * log;
            other += a[i] * a[i] / b[i];
        }
        double variance = Math.Max(0, second - sum * sum) / n + Math.Max(0, other - 1) / m;
        return Estimate.Normal(Math.Max(0, sum), Math.Sqrt(variance), n + m, method);
    }

    /// <summary>Kullback-Leibler divergence of two samples, by histograms over their common range.</summary>
    /// <param name="p">First sample.</param>
    /// <param name="q">Second sample.</param>
    /// <param name="bins">Number of equal bins.</param>
    /// <param name="smoothing">Pseudo-count per bin.</param>
    /// <exception cref="ArgumentException">
    /// An empty sample, an infinity, or bins and smoothing out of range.
    /// </exception>
    public static Estimate KullbackLeibler(
        ReadOnlySpan<float> p, ReadOnlySpan<float> q, int bins = DefaultBins, double smoothing = DefaultSmoothing)
    {
        var (a, b) = Histograms(p, q, bins);
        return KullbackLeibler(a, b, smoothing);
    }

    /// <summary>
    /// Jensen-Shannon divergence: the mean of KL(p || m) and KL(q || m) with m = (p + q)/2; in [0, ln 2].
    /// </summary>
    /// <param name="p">Histogram of the first sample.</param>
    /// <param name="q">Histogram of the second sample, same bins.</param>
    /// <param name="smoothing">Pseudo-count added to every bin of both; none is needed.</param>
    /// <exception cref="ArgumentException">
    /// Bins differ, a histogram is empty, or smoothing is negative or not finite.
    /// </exception>
    /// <remarks>Lin (1991), IEEE Trans. Information Theory 37(1). Its square root is a metric.</remarks>
    public static Estimate JensenShannon(Histogram p, Histogram q, double smoothing = 0)
    {
        var (a, b, n, m) = Shares(p, q, smoothing);
        double fromP = 0, fromQ = 0, secondP = 0, secondQ = 0;
        for (int i = 0; i < a.Length; i++)
        {
            double mean = (a[i] + b[i]) / 2;
            double u = a[i] > 0 ? Math.Log(a[i] / mean) / 2 : 0, v = b[i] > 0 ? Math.Log(b[i] / mean) / 2 : 0;
            fromP += a[i] * u;
            fromQ += b[i] * v;
            secondP += a[i] * u * u;
            secondQ += b[i] * v * v;
        }
        double variance = Math.Max(0, secondP - fromP * fromP) / n + Math.Max(0, secondQ - fromQ * fromQ) / m;
        return Estimate.Normal(Math.Max(0, fromP + fromQ), Math.Sqrt(variance), n + m,
            "Jensen-Shannon divergence in nats (Lin 1991), "
                + FormattableString.Invariant($"{a.Length} bins, pseudo-count {smoothing} per bin"));
    }

    /// <summary>Jensen-Shannon divergence of two samples, by histograms over their common range.</summary>
    /// <inheritdoc cref="KullbackLeibler(ReadOnlySpan{float}, ReadOnlySpan{float}, int, double)"/>
    public static Estimate JensenShannon(ReadOnlySpan<float> p, ReadOnlySpan<float> q, int bins = DefaultBins,
        double smoothing = 0)
    {
        var (a, b) = Histograms(p, q, bins);
        return JensenShannon(a, b, smoothing);
    }

    /// <summary>Hellinger distance sqrt(1 - sum sqrt(p q)), in [0, 1].</summary>
    /// <param name="p">Histogram of the first sample.</param>
    /// <param name="q">Histogram of the second sample, same bins.</param>
    /// <param name="smoothing">Pseudo-count added to every bin of both; none is needed.</param>
    /// <exception cref="ArgumentException">
    /// Bins differ, a histogram is empty, or smoothing is negative or not finite.
    /// </exception>
    /// <remarks>Beran (1977), Annals of Statistics 5(3); the form that lies in [0, 1].</remarks>
    public static Estimate Hellinger(Histogram p, Histogram q, double smoothing = 0)
    {
        var (a, b, n, m) = Shares(p, q, smoothing);
        double affinity = 0, gap = 0;
        for (int i = 0; i < a.Length; i++)
        {
            affinity += Math.Sqrt(a[i] * b[i]);
            double d = Math.Sqrt(a[i]) - Math.Sqrt(b[i]);
            gap += d * d / 2;
        }
        double value = Math.Sqrt(Math.Min(1, gap));
        double variance = Math.Max(0, 1 - affinity * affinity) / 4 * (1.0 / n + 1.0 / m);
        return Estimate.Normal(value, value > 0 ? Math.Sqrt(variance) / (2 * value) : double.NaN, n + m,
            "Hellinger distance (Beran 1977), "
                + FormattableString.Invariant($"{a.Length} bins, pseudo-count {smoothing} per bin"));
    }

    /// <summary>Hellinger distance of two samples, by histograms over their common range.</summary>
    /// <inheritdoc cref="KullbackLeibler(ReadOnlySpan{float}, ReadOnlySpan{float}, int, double)"/>
    public static Estimate Hellinger(ReadOnlySpan<float> p, ReadOnlySpan<float> q, int bins = DefaultBins,
        double smoothing = 0)
    {
        var (a, b) = Histograms(p, q, bins);
        return Hellinger(a, b, smoothing);
    }

    /// <summary>
    /// Wasserstein-1 (earth mover's) distance between samples: the area between their
    /// distribution functions, in the pixels' unit.
    /// </summary>
    /// <param name="p">First sample.</param>
    /// <param name="q">Second sample.</param>
    /// <exception cref="ArgumentException">An empty sample or an infinity.</exception>
    /// <remarks>Vallender (1974). Standard error by the influence function of the area.</remarks>
    public static Estimate Wasserstein1(ReadOnlySpan<float> p, ReadOnlySpan<float> q)
    {
        var (a, b) = (Sorted(p, nameof(p)), Sorted(q, nameof(q)));
        // slope(x) = integral of sign(F - G) from x upwards, built from below: a - s(x) with the running integral s.
        double area = 0, signed = 0, origin = Math.Min(a[0], b[0]), previous = origin;
        double meanP = 0, squareP = 0, meanQ = 0, squareQ = 0;
        int i = 0, j = 0;
        while (i < a.Length || j < b.Length)
        {
            double x = j == b.Length || (i < a.Length && a[i] <= b[j]) ? a[i] : b[j];
            double gap = (double)i / a.Length - (double)j / b.Length;
            area += Math.Abs(gap) * (x - previous);
            signed += Math.Sign(gap) * (x - previous);
            previous = x;
            for (; i < a.Length && a[i] == x; i++)
                (meanP, squareP) = (meanP + signed, squareP + signed * signed);
            for (; j < b.Length && b[j] == x; j++)
                (meanQ, squareQ) = (meanQ + signed, squareQ + signed * signed);
        }
        double variance = Spread(meanP, squareP, a.Length) + Spread(meanQ, squareQ, b.Length);
        return Estimate.Normal(area, Math.Sqrt(variance), (long)a.Length + b.Length,
            "Wasserstein-1 distance of samples (Vallender 1974)");

        static double Spread(double sum, double squares, double n) =>
            Math.Max(0, squares / n - sum / n * (sum / n)) / n;
    }

    /// <summary>Wasserstein-1 distance of histograms: mass sits in the middle of the bins.</summary>
    /// <param name="p">Histogram of the first sample.</param>
    /// <param name="q">Histogram of the second sample, same bins.</param>
    /// <exception cref="ArgumentException">Bins differ or a histogram is empty.</exception>
    public static Estimate Wasserstein1(Histogram p, Histogram q)
    {
        var (a, b, n, m) = Shares(p, q, 0);
        double area = 0, gap = 0, signed = 0, meanP = 0, squareP = 0, meanQ = 0, squareQ = 0;
        for (int i = 0; i < a.Length; i++)
        {
            if (i > 0)
            {
                double step = p.Center(i) - p.Center(i - 1);
                area += Math.Abs(gap) * step;
                signed += Math.Sign(gap) * step;
            }
            gap += a[i] - b[i];
            (meanP, squareP) = (meanP + a[i] * signed, squareP + a[i] * signed * signed);
            (meanQ, squareQ) = (meanQ + b[i] * signed, squareQ + b[i] * signed * signed);
        }
        double variance = Math.Max(0, squareP - meanP * meanP) / n + Math.Max(0, squareQ - meanQ * meanQ) / m;
        return Estimate.Normal(area, Math.Sqrt(variance), n + m,
            $"Wasserstein-1 distance of histograms, {a.Length} bins");
    }

    /// <summary>Two-sample Kolmogorov-Smirnov test: the largest gap between the distribution functions.</summary>
    /// <param name="p">First sample.</param>
    /// <param name="q">Second sample.</param>
    /// <exception cref="ArgumentException">An empty sample or an infinity.</exception>
    /// <remarks>
    /// Smirnov (1948); p-value from the limit law at the effective size n m / (n
    /// + m), with Stephens' (1970) correction.
    /// </remarks>
    public static TestResult KolmogorovSmirnov(ReadOnlySpan<float> p, ReadOnlySpan<float> q)
    {
        var (a, b) = (Sorted(p, nameof(p)), Sorted(q, nameof(q)));
        double largest = 0, atP = 0, atQ = 0;
        int i = 0, j = 0;
        while (i < a.Length && j < b.Length)
        {
            float x = Math.Min(a[i], b[j]);
            while (i < a.Length && a[i] == x)
                i++;
            while (j < b.Length && b[j] == x)
                j++;
            double f = (double)i / a.Length, g = (double)j / b.Length;
            if (Math.Abs(f - g) > largest)
                (largest, atP, atQ) = (Math.Abs(f - g), f, g);
        }
        double error = Math.Sqrt(atP * (1 - atP) / a.Length + atQ * (1 - atQ) / b.Length);
        double effective = (double)a.Length * b.Length / ((double)a.Length + b.Length);
        return new TestResult(
            Estimate.Normal(largest, error, (long)a.Length + b.Length,
                "two-sample Kolmogorov-Smirnov distance (Smirnov 1948)"),
            Kolmogorov.LimitSurvival(largest * (Math.Sqrt(effective) + 0.12 + 0.11 / Math.Sqrt(effective))));
    }

    /// <summary>Equal bins over the range of both samples.</summary>
    private static (Histogram P, Histogram Q) Histograms(ReadOnlySpan<float> p, ReadOnlySpan<float> q, int bins)
    {
        var (a, b) = (PixelSums.Of(p), PixelSums.Of(q));
        a.ThrowIfUnusable(nameof(p));
        b.ThrowIfUnusable(nameof(q));
        double minimum = Math.Min(a.Minimum, b.Minimum), maximum = Math.Max(a.Maximum, b.Maximum);
        if (minimum == maximum)
            maximum = minimum + Math.Max(1, Math.Abs(minimum));
        return (Histogram.Linear(p, bins, minimum, maximum), Histogram.Linear(q, bins, minimum, maximum));
    }

    private static (double[] P, double[] Q, long N, long M) Shares(Histogram p, Histogram q, double smoothing)
    {
        ArgumentNullException.ThrowIfNull(p);
        ArgumentNullException.ThrowIfNull(q);
        if (p.Counts.Count != q.Counts.Count || p.Minimum != q.Minimum || p.Maximum != q.Maximum
            || p.IsLogarithmic != q.IsLogarithmic)
            throw new ArgumentException(
                $"q: found {q.Counts.Count} bins over [{q.Minimum}, {q.Maximum}], expected those of p: "
                    + $"{p.Counts.Count} over [{p.Minimum}, {p.Maximum}].", nameof(q));
        if (!(smoothing >= 0 && double.IsFinite(smoothing)))
            throw new ArgumentException($"smoothing: found {smoothing}, expected a pseudo-count of 0 or more.",
                nameof(smoothing));
        return (Smoothed(p, nameof(p)), Smoothed(q, nameof(q)), p.Total, q.Total);

        double[] Smoothed(Histogram h, string name)
        {
            double total = h.Total;
            if (total == 0)
                throw new ArgumentException($"{name}: found an empty histogram, expected pixels within its range.",
                    name);
            double sum = total + smoothing * h.Counts.Count;
            return [.. h.Counts.Select(count => (count + smoothing) / sum)];
        }
    }

    internal static float[] Sorted(ReadOnlySpan<float> sample, string name)
    {
        var sums = PixelSums.Of(sample);
        sums.ThrowIfUnusable(name);
        var sorted = new float[sums.Count];
        int next = 0;
        foreach (float value in sample)
        {
            if (!float.IsNaN(value))
                sorted[next++] = value;
        }
        Array.Sort(sorted);
        return sorted;
    }
}

/// <summary>Outcome of a statistical test.</summary>
/// <param name="Statistic">The test's statistic.</param>
/// <param name="PValue">Probability of a statistic at least this large if the null hypothesis holds.</param>
public sealed record TestResult(
    Estimate Statistic,
    [property: System.Text.Json.Serialization.JsonConverter(typeof(NaNAsNullConverter))] double PValue);
