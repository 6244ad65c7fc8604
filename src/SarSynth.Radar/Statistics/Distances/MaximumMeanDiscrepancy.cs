// Maximum mean discrepancy with a Gaussian kernel: Gretton et al. (2012), JMLR 13.
using System.Numerics.Tensors;

namespace SarSynth.Radar.Statistics;

public static partial class Distance
{
    /// <summary>
    /// Squared maximum mean discrepancy of two samples, unbiased, with the kernel exp(-(x - y)² / (2 bandwidth²)).
    /// </summary>
    /// <param name="p">First sample.</param>
    /// <param name="q">Second sample.</param>
    /// <param name="bandwidth">
    /// Kernel width in the pixels' unit; null takes the median distance between pixels of both samples.
    /// </param>
    /// <param name="maximumSamples">
    /// Larger samples are thinned to this many evenly spaced pixels (the cost is quadratic), at least 4.
    /// </param>
    /// <returns>MMD²; it may be slightly negative where the samples agree.</returns>
    /// <exception cref="ArgumentException">
    /// Fewer than 4 pixels, an infinity, constant equal samples without a bandwidth, or a bandwidth not above 0.
    /// </exception>
    /// <remarks>Gretton et al. (2012), lemma 6 (U-statistic) and theorem 8 (variance where p differs from q).</remarks>
    public static Estimate MaximumMeanDiscrepancy(
        ReadOnlySpan<float> p, ReadOnlySpan<float> q, double? bandwidth = null, int maximumSamples = 2000)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maximumSamples, 4);
        if (bandwidth is not null && !(bandwidth > 0 && double.IsFinite(bandwidth.Value)))
            throw new ArgumentException($"bandwidth: found {bandwidth}, expected a finite width above 0.",
                nameof(bandwidth));
        var (a, b) = (Thinned(p, nameof(p), maximumSamples), Thinned(q, nameof(q), maximumSamples));
        double width = bandwidth ?? MedianDistance([.. a, .. b]);
        if (width == 0)
            throw new ArgumentException("bandwidth: more than half of all pixels are equal, so that the median "
                + "distance is 0; give a bandwidth.", nameof(bandwidth));
        int n = a.Length, m = b.Length;
        double[] aa = RowSums(a, a, width), ab = RowSums(a, b, width), bb = RowSums(b, b, width),
            ba = RowSums(b, a, width);
        // The kernel of a pixel with itself is 1; the U-statistic leaves it out.
        var forP = Enumerable.Range(0, n).Select(i => (aa[i] - 1) / (n - 1) - ab[i] / m).ToArray();
        var forQ = Enumerable.Range(0, m).Select(i => (bb[i] - 1) / (m - 1) - ba[i] / n).ToArray();
        double value = forP.Average() + forQ.Average();
        double variance = 4 * (Variance(forP) / n + Variance(forQ) / m);
        return Estimate.Normal(value, Math.Sqrt(variance), n + m,
            FormattableString.Invariant($"unbiased MMD², Gaussian kernel of width {width:G6} ")
                + FormattableString.Invariant($"(Gretton et al. 2012), {n} and {m} pixels"));
    }

    private static double[] Thinned(ReadOnlySpan<float> sample, string name, int maximum)
    {
        var sums = PixelSums.Of(sample);
        sums.ThrowIfUnusable(name);
        if (sums.Count < 4)
            throw new ArgumentException($"{name}: found {sums.Count} pixels, expected at least 4.", name);
        var valid = new List<double>((int)sums.Count);
        foreach (float value in sample)
        {
            if (!float.IsNaN(value))
                valid.Add(value);
        }
        int kept = Math.Min(maximum, valid.Count);
        return [.. Enumerable.Range(0, kept).Select(i => valid[(int)((i + 0.5) * valid.Count / kept)])];
    }

    private static double MedianDistance(double[] pooled)
    {
        var some = pooled.Length <= 1000 ? pooled
            : [.. Enumerable.Range(0, 1000).Select(i => pooled[(int)((i + 0.5) * pooled.Length / 1000)])];
        var distances = new double[some.Length * (some.Length - 1) / 2];
        int next = 0;
        for (int i = 0; i < some.Length; i++)
            for (int j = 0; j < i; j++)
                distances[next++] = Math.Abs(some[i] - some[j]);
        Array.Sort(distances);
        return distances[distances.Length / 2];
    }

    private static double[] RowSums(double[] x, double[] y, double width)
    {
        var sums = new double[x.Length];
        double factor = -1 / (2 * width * width);
        Parallel.For(0, x.Length, () => new double[y.Length], (i, _, buffer) =>
        {
            TensorPrimitives.Subtract(y, x[i], buffer);
            TensorPrimitives.Multiply<double>(buffer, buffer, buffer);
            TensorPrimitives.Multiply(buffer, factor, buffer);
            TensorPrimitives.Exp<double>(buffer, buffer);
            sums[i] = TensorPrimitives.Sum<double>(buffer);
            return buffer;
        }, static _ => { });
        return sums;
    }

    private static double Variance(double[] values)
    {
        double mean = values.Average();
        return values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1);
    }
}
