// Equivalent number of looks of a homogeneous area: moments, log-cumulants, maximum likelihood.
// Oliver & Quegan (2004), Understanding SAR Images, ch. 4; Nicolas (2002); Anfinsen, Doulgeris &
// Eltoft (2009), IEEE TGRS 47(11).
namespace SarSynth.Radar.Statistics;

/// <summary>Equivalent number of looks (ENL): the shape L of the Gamma law of multilooked intensity.</summary>
/// <remarks>
/// Every estimator takes linear intensity of any scale; NaN marks no data. Standard errors are for independent pixels;
/// <c>independent</c> is the share of pixels that are independent (1 / pixels per resolution cell), which widens them.
/// </remarks>
public static partial class Enl
{
    private const int MinimumPixels = 32;

    /// <summary>ENL by moments: mean² / variance (divisor n - 1).</summary>
    /// <param name="intensity">
    /// Intensity of a homogeneous area, linear, any scale; NaN is left out, zeros are used.
    /// </param>
    /// <param name="independent">
    /// Share of the pixels that are independent, in (0, 1]; it acts on the standard error only.
    /// </param>
    /// <returns>ENL with its standard error sqrt(2 L (L + 1) / n); undefined for constant pixels.</returns>
    /// <exception cref="ArgumentException">Fewer than 32 pixels, a negative or an infinite pixel.</exception>
    /// <remarks>
    /// Oliver &amp; Quegan (2004), 4.3; the error is the delta method's under the Gamma law. Texture lowers it.
    /// </remarks>
    public static Estimate ByMoments(ReadOnlySpan<float> intensity, double independent = 1)
    {
        ThrowIfNotShare(independent);
        var sums = Usable(intensity);
        return ByMoments(sums, PixelSums.CentralMoments(intensity, sums.Mean, sums.Count).M2, independent);
    }

    internal static Estimate ByMoments(PixelSums sums, double m2, double independent = 1)
    {
        const string method = "ENL by moments, mean²/variance (Oliver & Quegan 2004, 4.3)";
        double n = sums.Count;
        double variance = m2 * n / (n - 1);
        if (Degenerate(sums) is string reason)
            return Estimate.Undefined(reason, sums.Count, method);
        double looks = sums.Mean * sums.Mean / variance;
        return Estimate.Positive(looks, Math.Sqrt(2 * looks * (looks + 1) / (n * independent)), sums.Count, method);
    }

    /// <summary>ENL by log-cumulants: the L with trigamma(L) = var(ln I).</summary>
    /// <param name="intensity">Intensity of a homogeneous area, linear, any scale; zeros and NaN are left out.</param>
    /// <param name="independent">
    /// Share of the pixels that are independent, in (0, 1]; it acts on the standard error only.
    /// </param>
    /// <returns>ENL with its standard error; undefined for constant pixels.</returns>
    /// <exception cref="ArgumentException">Fewer than 32 positive pixels, a negative or an infinite pixel.</exception>
    /// <remarks>
    /// Nicolas (2002), eq. 27: less biased by bright outliers than mean²/variance, more by dark ones.
    /// </remarks>
    public static Estimate ByLogCumulants(ReadOnlySpan<float> intensity, double independent = 1)
    {
        ThrowIfNotShare(independent);
        var logs = PixelSums.Logarithms(intensity, nameof(intensity), MinimumPixels, out _, out _);
        return ByLogCumulants(LogCumulants.OfLogarithms(logs), independent);
    }

    internal static Estimate ByLogCumulants(LogCumulants cumulants, double independent = 1)
    {
        const string method = "ENL by log-cumulants, trigamma(L) = var(ln I) (Nicolas 2002)";
        double k2 = cumulants.K2.Value;
        if (!(k2 > 1e-14))
            return Estimate.Undefined("all positive pixels are equal: no speckle to measure", cumulants.Count, method);
        double looks = Polygamma.InverseTrigamma(k2);
        double p1 = Polygamma.Of(1, looks);
        double error = Math.Sqrt((Polygamma.Of(3, looks)
            + 2 * p1 * p1) / (cumulants.Count * independent)) / Math.Abs(Polygamma.Of(2, looks));
        return Estimate.Positive(looks, error, cumulants.Count, method);
    }

    /// <summary>ENL by maximum likelihood under the Gamma law: ln L - digamma(L) = ln(mean I) - mean(ln I).</summary>
    /// <param name="intensity">Intensity of a homogeneous area, linear, any scale; zeros and NaN are left out.</param>
    /// <param name="independent">
    /// Share of the pixels that are independent, in (0, 1]; it acts on the standard error only.
    /// </param>
    /// <returns>ENL with its standard error 1 / sqrt(n (trigamma(L) - 1/L)); undefined for constant pixels.</returns>
    /// <exception cref="ArgumentException">Fewer than 32 positive pixels, a negative or an infinite pixel.</exception>
    /// <remarks>Oliver &amp; Quegan (2004), 4.3; Anfinsen et al. (2009), eq. 26 for one channel.</remarks>
    public static Estimate MaximumLikelihood(ReadOnlySpan<float> intensity, double independent = 1)
    {
        ThrowIfNotShare(independent);
        var logs = PixelSums.Logarithms(intensity, nameof(intensity), MinimumPixels, out _, out _);
        double meanLog = 0;
        foreach (double log in logs)
            meanLog += log;
        meanLog /= logs.Length;
        // ln(mean I) around the mean of ln I: any scale of the data, no cancellation of large logarithms.
        double mean = 0;
        foreach (double log in logs)
            mean += Math.Exp(log - meanLog);
        return MaximumLikelihood(Math.Log(mean / logs.Length), logs.Length, independent);
    }

    /// <summary>From the gap ln(mean I) - mean(ln I) of the positive pixels and their number.</summary>
    internal static Estimate MaximumLikelihood(double gap, long count, double independent = 1)
    {
        const string method = "ENL by maximum likelihood, Gamma law (Anfinsen et al. 2009)";
        if (!(gap > 1e-14))
            return Estimate.Undefined("all positive pixels are equal: no speckle to measure", count, method);
        double looks = Polygamma.InverseLogMinusDigamma(gap);
        return Estimate.Positive(looks, LikelihoodError(looks, count * independent), count, method);
    }

    /// <summary>Standard error of the maximum-likelihood ENL: the inverse root of the Fisher information.</summary>
    private static double LikelihoodError(double looks, double samples)
    {
        // trigamma(L) - 1/L tends to 1/(2 L²); beyond 1e6 looks the difference has no digits left.
        double information = looks > 1e6 ? 0.5 / (looks * looks) : Polygamma.Of(1, looks) - 1 / looks;
        return 1 / Math.Sqrt(samples * information);
    }

    private static PixelSums Usable(ReadOnlySpan<float> intensity)
    {
        var sums = PixelSums.Of(intensity);
        sums.ThrowIfUnusable(nameof(intensity));
        sums.ThrowIfNegative(nameof(intensity));
        if (sums.Count < MinimumPixels)
            throw new ArgumentException($"intensity: found {sums.Count} pixels, expected at least {MinimumPixels}.",
                nameof(intensity));
        return sums;
    }

    private static string? Degenerate(PixelSums sums) =>
        sums.Maximum == 0 ? "all pixels are zero" : sums.Minimum == sums.Maximum
            ? "all pixels are equal: no speckle to measure" : null;

    private static void ThrowIfNotShare(double independent)
    {
        if (!(independent > 0 && independent <= 1))
            throw new ArgumentOutOfRangeException(nameof(independent), independent, "Expected a share in (0, 1].");
    }
}
