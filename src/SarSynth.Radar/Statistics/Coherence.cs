// Coherence and interferometric phase of complex pairs; circularity of complex speckle.
// Touzi et al. (1999), IEEE TGRS 37(1); Lee et al. (1994), IEEE TGRS 32(5); Ollila & Koivunen (2009).
using System.Numerics;
using MathNet.Numerics;

namespace SarSynth.Radar.Statistics;

/// <summary>Coherence of two co-registered complex images.</summary>
/// <param name="Magnitude">
/// Sample coherence |sum a b*| / sqrt(sum |a|² sum |b|²), which is biased upwards for few pixels.
/// </param>
/// <param name="Unbiased">
/// Coherence with the bias of its square taken off: sqrt((N g² - 1) / (N - 1)), 0 where that is negative.
/// </param>
/// <param name="Phase">Phase of sum a b*, radians.</param>
public sealed record CoherenceEstimate(Estimate Magnitude, Estimate Unbiased, Estimate Phase);

/// <summary>Estimates coherence, phase statistics and circularity.</summary>
public static class Coherence
{
    /// <summary>Coherence and phase of an area.</summary>
    /// <param name="a">First image's pixels; pairs with a NaN are left out.</param>
    /// <param name="b">Second image's pixels, co-registered.</param>
    /// <param name="independent">Share of the pixels that are independent, in (0, 1].</param>
    /// <exception cref="ArgumentException">Sizes that differ, fewer than 4 pairs, or an infinite pixel.</exception>
    /// <remarks>
    /// Touzi et al. (1999): standard error (1 - g²) / sqrt(2 N); phase error sqrt((1
    /// - g²) / (2 N g²)), the Cramér-Rao bound.
    /// </remarks>
    public static CoherenceEstimate Of(ReadOnlySpan<Complex32> a, ReadOnlySpan<Complex32> b, double independent = 1)
    {
        if (a.Length != b.Length)
            throw new ArgumentException($"b: found {b.Length} pixels, expected {a.Length} as in a.", nameof(b));
        if (!(independent > 0 && independent <= 1))
            throw new ArgumentOutOfRangeException(nameof(independent), independent, "Expected a share in (0, 1].");
        var cross = Complex.Zero;
        double powerA = 0, powerB = 0;
        long n = 0;
        for (int i = 0; i < a.Length; i++)
        {
            Complex x = new(a[i].Real, a[i].Imaginary), y = new(b[i].Real, b[i].Imaginary);
            var product = x * Complex.Conjugate(y);
            if (double.IsNaN(product.Real + product.Imaginary) && !IsInfinite(x) && !IsInfinite(y))
                continue;
            if (IsInfinite(x) || IsInfinite(y))
                throw new ArgumentException($"a, b: found an infinite pixel at {i}, expected finite "
                    + $"values (or NaN for no data).");
            cross += product;
            powerA += x.Real * x.Real + x.Imaginary * x.Imaginary;
            powerB += y.Real * y.Real + y.Imaginary * y.Imaginary;
            n++;
        }
        if (n < 4)
            throw new ArgumentException($"a, b: found {n} pairs with data, expected at least 4.");
        const string method = "sample coherence (Touzi et al. 1999)";
        if (powerA == 0 || powerB == 0)
        {
            var none = Estimate.Undefined("an image is zero everywhere", n, method);
            return new CoherenceEstimate(none, none, none);
        }
        double g = Math.Min(1, cross.Magnitude / Math.Sqrt(powerA * powerB)), looks = Math.Max(2, n * independent);
        double error = (1 - g * g) / Math.Sqrt(2 * looks);
        double square = (looks * g * g - 1) / (looks - 1), unbiased = Math.Sqrt(Math.Max(0, square));
        var phase = g > 0
            ? Estimate.Normal(cross.Phase, Math.Sqrt((1 - g * g) / (2 * looks * g * g)), n,
            "phase of the sample coherence; Cramér-Rao bound")
            : Estimate.Undefined("the coherence is zero", n, "phase of the sample coherence");
        return new CoherenceEstimate(Bounded(g, error, method),
            Bounded(unbiased, error, method + ", its square made unbiased"), phase);

        Estimate Bounded(double value, double e, string m)
        {
            var estimate = Estimate.Normal(value, e, n, m);
            return estimate with { Lower = Math.Max(0, estimate.Lower), Upper = Math.Min(1, estimate.Upper) };
        }
    }

    /// <summary>Coherence and phase in a sliding window.</summary>
    /// <param name="a">First image's pixels.</param>
    /// <param name="b">Second image's pixels, co-registered.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="window">Side of the window: odd, at least 3.</param>
    /// <returns>
    /// Sample coherence in [0, 1] and phase in radians, [rows x columns]; NaN where an image is zero or without data.
    /// </returns>
    /// <exception cref="ArgumentException">Sizes that do not match, an even window, or an infinite pixel.</exception>
    public static (float[] Magnitude, float[] Phase) Map(ReadOnlySpan<Complex32> a, ReadOnlySpan<Complex32> b, int rows,
        int columns, int window)
    {
        LocalStatistics.Check(a.Length, rows, columns, window);
        if (a.Length != b.Length)
            throw new ArgumentException($"b: found {b.Length} pixels, expected {a.Length} as in a.", nameof(b));
        float[] real = new float[a.Length], imaginary = new float[a.Length], powerA = new float[a.Length],
            powerB = new float[a.Length];
        for (int i = 0; i < a.Length; i++)
        {
            var product = a[i] * b[i].Conjugate();
            (real[i], imaginary[i]) = (product.Real, product.Imaginary);
            powerA[i] = a[i].Real * a[i].Real + a[i].Imaginary * a[i].Imaginary;
            powerB[i] = b[i].Real * b[i].Real + b[i].Imaginary * b[i].Imaginary;
            if (float.IsNaN(real[i] + imaginary[i]))
                real[i] = imaginary[i] = powerA[i] = powerB[i] = float.NaN;
        }
        real = LocalStatistics.Mean(real, rows, columns, window);
        imaginary = LocalStatistics.Mean(imaginary, rows, columns, window);
        powerA = LocalStatistics.Mean(powerA, rows, columns, window);
        powerB = LocalStatistics.Mean(powerB, rows, columns, window);
        for (int i = 0; i < real.Length; i++)
        {
            double power = Math.Sqrt((double)powerA[i] * powerB[i]);
            double magnitude = Math.Sqrt((double)real[i] * real[i] + (double)imaginary[i] * imaginary[i]);
            double phase = Math.Atan2(imaginary[i], real[i]);
            (real[i], imaginary[i]) = power > 0 ? ((float)Math.Min(1, magnitude / power), (float)phase)
                : (float.NaN, float.NaN);
        }
        return (real, imaginary);
    }

    /// <summary>Density of the multilook interferometric phase.</summary>
    /// <param name="phase">Phase, radians.</param>
    /// <param name="coherence">True coherence, in [0, 1).</param>
    /// <param name="looks">Number of looks, at least 1.</param>
    /// <param name="centre">Phase of the true coherence, radians.</param>
    /// <exception cref="ArgumentOutOfRangeException">Coherence or looks out of range.</exception>
    /// <remarks>
    /// Lee et al. (1994), eq. 16; the hypergeometric function by Euler's transformation, whose series converges.
    /// </remarks>
    public static double PhaseDensity(double phase, double coherence, double looks, double centre = 0)
    {
        if (!(coherence >= 0 && coherence < 1))
            throw new ArgumentOutOfRangeException(nameof(coherence), coherence, "Expected a coherence in [0, 1).");
        if (!(looks >= 1 && looks <= 1e4))
            throw new ArgumentOutOfRangeException(nameof(looks), looks, "Expected 1 to 10000 looks.");
        double beta = coherence * Math.Cos(phase - centre), z = beta * beta, floor = 1 - coherence * coherence;
        // 2F1(L, 1; 1/2; z) = (1-z)^(-L-1/2) 2F1(1/2-L, -1/2; 1/2; z).
        double term = 1, series = 1;
        for (int k = 0; k < 100_000 && Math.Abs(term) > 1e-16 * Math.Abs(series); k++)
        {
            term *= (0.5 - looks + k) * (k - 0.5) / ((0.5 + k) * (k + 1.0)) * z;
            series += term;
        }
        double scale = Math.Exp(looks * Math.Log(floor) - (looks + 0.5) * Math.Log(1 - z));
        double odd = Math.Exp(SpecialFunctions.GammaLn(looks
            + 0.5) - SpecialFunctions.GammaLn(looks)) * beta / (2 * Math.Sqrt(Math.PI));
        return scale * (odd + series / (2 * Math.PI));
    }

    /// <summary>Test of circularity: whether complex speckle has no preferred phase (E(s²) = 0).</summary>
    /// <param name="pixels">Complex pixels; NaN is left out.</param>
    /// <param name="independent">Share of the pixels that are independent, in (0, 1].</param>
    /// <returns>
    /// The circularity quotient |sum s²| / sum |s|², in [0, 1], and the p-value of circular Gaussian speckle.
    /// </returns>
    /// <exception cref="ArgumentException">Fewer than 8 pixels, all zero, or an infinite one.</exception>
    /// <remarks>
    /// Ollila &amp; Koivunen (2009), IEEE Trans. Signal Processing 57(9): -N ln(1 - q²)
    /// is chi-squared with 2 degrees of freedom.
    /// </remarks>
    public static TestResult Circularity(ReadOnlySpan<Complex32> pixels, double independent = 1)
    {
        if (!(independent > 0 && independent <= 1))
            throw new ArgumentOutOfRangeException(nameof(independent), independent, "Expected a share in (0, 1].");
        var sums = new CircularitySums();
        sums.Add(pixels);
        return sums.Test(independent) ?? throw new ArgumentException(
            $"pixels: found {sums.Count} pixels of total power {sums.Power}, expected at least 8 and some signal.",
                nameof(pixels));
    }

    internal static bool IsInfinite(Complex value) => double.IsInfinity(value.Real)
        || double.IsInfinity(value.Imaginary);
}

/// <summary>The sums of the test of circularity, over pixels that come in blocks.</summary>
internal sealed class CircularitySums
{
    private Complex square;

    public double Power { get; private set; }

    public long Count { get; private set; }

    public void Add(ReadOnlySpan<Complex32> pixels)
    {
        foreach (var pixel in pixels)
        {
            Complex s = new(pixel.Real, pixel.Imaginary);
            if (double.IsNaN(s.Real) || double.IsNaN(s.Imaginary))
                continue;
            if (Coherence.IsInfinite(s))
                throw new ArgumentException("pixels: found an infinite pixel, expected finite values "
                    + "(or NaN for no data).", nameof(pixels));
            square += s * s;
            Power += s.Real * s.Real + s.Imaginary * s.Imaginary;
            Count++;
        }
    }

    /// <summary>The test; null for fewer than 8 pixels or no signal.</summary>
    public TestResult? Test(double independent)
    {
        if (Count < 8 || Power == 0)
            return null;
        double q = Math.Min(1, square.Magnitude / Power), n = Count;
        return new TestResult(
            Estimate.Normal(q, (1 - q * q) / Math.Sqrt(n * independent), Count,
                "circularity quotient (Ollila & Koivunen 2009)"),
            Math.Pow(1 - q * q, n * independent / 2));
    }
}
