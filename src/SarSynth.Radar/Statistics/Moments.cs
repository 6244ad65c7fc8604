// Mean, spread, shape and log-cumulants of pixels. Log-cumulants: Nicolas (2002), Traitement du Signal 19(3).
using System.Text.Json.Serialization;

namespace SarSynth.Radar.Statistics;

/// <summary>Moments of a set of pixels. NaN pixels (no data) are left out and counted.</summary>
public sealed record Moments
{
    /// <summary>Pixels that were used.</summary>
    public required long Count { get; init; }

    /// <summary>Pixels that were NaN.</summary>
    public required long NoData { get; init; }

    /// <summary>Pixels that were exactly zero (they are used).</summary>
    public required long Zeros { get; init; }

    /// <summary>Smallest value.</summary>
    [JsonConverter(typeof(NaNAsNullConverter))]
    public required double Minimum { get; init; }

    /// <summary>Largest value.</summary>
    [JsonConverter(typeof(NaNAsNullConverter))]
    public required double Maximum { get; init; }

    /// <summary>Arithmetic mean.</summary>
    public required Estimate Mean { get; init; }

    /// <summary>Variance, with divisor n - 1.</summary>
    public required Estimate Variance { get; init; }

    /// <summary>Coefficient of variation: standard deviation (divisor n - 1) over mean.</summary>
    /// <remarks>Speckle of one look: 0.5227 in amplitude, 1 in intensity.</remarks>
    public required Estimate CoefficientOfVariation { get; init; }

    /// <summary>Skewness m3 / m2^1.5 (biased central moments); NaN for a constant.</summary>
    [JsonConverter(typeof(NaNAsNullConverter))]
    public required double Skewness { get; init; }

    /// <summary>Excess kurtosis m4 / m2² - 3 (biased central moments); NaN for a constant.</summary>
    [JsonConverter(typeof(NaNAsNullConverter))]
    public required double ExcessKurtosis { get; init; }

    /// <summary>Moments of <paramref name="pixels"/>.</summary>
    /// <param name="pixels">Any real values; NaN marks no data.</param>
    /// <exception cref="ArgumentException">No pixel, only NaN, or an infinite pixel.</exception>
    /// <remarks>
    /// Standard errors by the delta method from the sample's own moments up to the fourth (Kendall &amp; Stuart, vol.
    /// 1, ch. 10), for independent pixels. Two passes, double precision.
    /// </remarks>
    public static Moments Of(ReadOnlySpan<float> pixels)
    {
        var sums = PixelSums.Of(pixels);
        sums.ThrowIfUnusable(nameof(pixels));
        var (m2, m3, m4) = PixelSums.CentralMoments(pixels, sums.Mean, sums.Count);
        return From(sums, m2, m3, m4);
    }

    /// <summary>Mean of ln x over positive, finite pixels, as they stream by.</summary>
    /// <param name="pixels">Amplitude or intensity, linear.</param>
    /// <returns>NaN when no pixel is positive.</returns>
    public static double MeanLogarithm(IEnumerable<float> pixels)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        double sum = 0;
        long count = 0;
        foreach (float pixel in pixels)
        {
            if (!(pixel > 0) || float.IsInfinity(pixel))
                continue;
            sum += Math.Log(pixel);
            count++;
        }
        return count == 0 ? double.NaN : sum / count;
    }

    /// <summary>Mean of x², of amplitudes the mean intensity, as they stream by.</summary>
    /// <param name="pixels">Any real values; NaN is left out.</param>
    /// <returns>NaN when there is none.</returns>
    public static double MeanSquare(IEnumerable<float> pixels)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        double sum = 0;
        long count = 0;
        foreach (float pixel in pixels)
        {
            if (float.IsNaN(pixel))
                continue;
            sum += (double)pixel * pixel;
            count++;
        }
        return count == 0 ? double.NaN : sum / count;
    }

    /// <summary>Moments from sums over pixels, of which there is at least one.</summary>
    internal static Moments From(PixelSums sums, double m2, double m3, double m4)
    {
        double n = sums.Count;
        double mean = sums.Mean;
        double unbiased = n > 1 ? m2 * n / (n - 1) : double.NaN;
        const string source = "delta method (Kendall & Stuart, vol. 1, ch. 10)";
        return new Moments
        {
            Count = sums.Count,
            NoData = sums.NoData,
            Zeros = sums.Zeros,
            Minimum = sums.Minimum,
            Maximum = sums.Maximum,
            Mean = n > 1
                ? Estimate.Normal(mean, Math.Sqrt(unbiased / n), sums.Count, "sample mean")
                : new Estimate { Value = mean, Samples = 1, Method = "sample mean",
                    Reason = "one pixel: no standard error" },
            Variance = n > 1
                ? Estimate.Normal(unbiased, Math.Sqrt(Math.Max(0, m4 - m2 * m2) / n), sums.Count,
                    "sample variance; " + source)
                : Estimate.Undefined("one pixel has no variance", 1, "sample variance"),
            CoefficientOfVariation = Variation(mean, m2, m3, m4, unbiased, sums.Count, source),
            Skewness = m2 > 0 ? m3 / Math.Pow(m2, 1.5) : double.NaN,
            ExcessKurtosis = m2 > 0 ? m4 / (m2 * m2) - 3 : double.NaN,
        };
    }

    private static Estimate Variation(double mean, double m2, double m3, double m4, double unbiased, long count,
        string source)
    {
        string method = "coefficient of variation; " + source;
        if (count < 2)
            return Estimate.Undefined("one pixel has no variance", count, method);
        if (mean == 0)
            return Estimate.Undefined("the mean is zero", count, method);
        double cv = Math.Sqrt(unbiased) / mean;
        if (m2 == 0)
            return Estimate.Normal(cv, 0, count, method) with { Reason = "constant pixels" };
        double relative = (m4 - m2 * m2) / (4 * m2 * m2) - m3 / (m2 * mean) + m2 / (mean * mean);
        return Estimate.Normal(cv, Math.Abs(cv) * Math.Sqrt(Math.Max(0, relative) / count), count, method);
    }
}

/// <summary>Log-cumulants: cumulants of the logarithm of the pixels.</summary>
public sealed record LogCumulants
{
    /// <summary>First log-cumulant: the mean of ln x.</summary>
    public required Estimate K1 { get; init; }

    /// <summary>
    /// Second log-cumulant: the variance of ln x (divisor n - 1). Gamma speckle of L looks in intensity: trigamma(L).
    /// </summary>
    public required Estimate K2 { get; init; }

    /// <summary>Third log-cumulant, unbiased (k-statistic). Gamma speckle of L looks in intensity: psi''(L).</summary>
    public required Estimate K3 { get; init; }

    /// <summary>Covariance of the estimates of K2 and K3, for the ellipse in the (kappa2, kappa3) diagram.</summary>
    [JsonConverter(typeof(NaNAsNullConverter))]
    public required double CovarianceK2K3 { get; init; }

    /// <summary>Pixels that were used (positive ones).</summary>
    public required long Count { get; init; }

    /// <summary>Pixels left out because they were zero (they have no logarithm).</summary>
    public required long Zeros { get; init; }

    /// <summary>Pixels left out because they were NaN.</summary>
    public required long NoData { get; init; }

    /// <summary>Log-cumulants of <paramref name="pixels"/>.</summary>
    /// <param name="pixels">Intensity or amplitude, linear, any scale; zeros and NaN are left out.</param>
    /// <exception cref="ArgumentException">Fewer than 8 positive pixels, a negative or an infinite pixel.</exception>
    /// <remarks>
    /// Nicolas (2002), eq. 27; k-statistics and their sampling variances: Kendall &amp; Stuart, vol. 1, 12.16.
    /// </remarks>
    public static LogCumulants Of(ReadOnlySpan<float> pixels)
    {
        var logs = PixelSums.Logarithms(pixels, nameof(pixels), 8, out long zeros, out long noData);
        return OfLogarithms(logs) with { Zeros = zeros, NoData = noData };
    }

    /// <summary>Log-cumulants from the logarithms themselves.</summary>
    internal static LogCumulants OfLogarithms(ReadOnlySpan<double> logs)
    {
        double n = logs.Length;
        double mean = 0;
        foreach (double value in logs)
            mean += value;
        mean /= n;
        Span<double> m = stackalloc double[7];
        foreach (double value in logs)
        {
            double d = value - mean, d2 = d * d;
            m[2] += d2;
            m[3] += d2 * d;
            m[4] += d2 * d2;
            m[5] += d2 * d2 * d;
            m[6] += d2 * d2 * d2;
        }
        for (int i = 2; i < 7; i++)
            m[i] /= n;
        return From(logs.Length, mean, m);
    }

    /// <summary>
    /// Log-cumulants from the number of logarithms, their mean and their biased central moments of orders 2 to 6.
    /// </summary>
    internal static LogCumulants From(long count, double mean, ReadOnlySpan<double> m)
    {
        double n = count;
        double k2 = m[2] * n / (n - 1);
        double k3 = m[3] * n * n / ((n - 1) * (n - 2));
        const string method = "log-cumulant (Nicolas 2002, eq. 27)";
        double variance2 = Math.Max(0, m[4] - m[2] * m[2]) / n;
        double variance3 = Math.Max(0, m[6] - m[3] * m[3] - 6 * m[4] * m[2] + 9 * m[2] * m[2] * m[2]) / n;
        return new LogCumulants
        {
            K1 = Estimate.Normal(mean, Math.Sqrt(k2 / n), count, method),
            K2 = Estimate.Normal(k2, Math.Sqrt(variance2), count, method),
            K3 = Estimate.Normal(k3, Math.Sqrt(variance3), count, method),
            CovarianceK2K3 = (m[5] - 4 * m[2] * m[3]) / n,
            Count = count,
            Zeros = 0,
            NoData = 0,
        };
    }
}
