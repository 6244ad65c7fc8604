// Power spectrum of speckle along an axis, and what follows from it: bandwidth, resolution, correlation, whiteness.
// Welch (1967), IEEE Trans. Audio Electroacoustics 15(2); Bendat & Piersol (2010), Random Data, ch. 8.
using System.Numerics;
using MathNet.Numerics;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Statistics;

/// <summary>An axis of an image.</summary>
public enum ImageAxis
{
    /// <summary>Along the rows of pixels, from column to column (range in radar geometry).</summary>
    Range,
    /// <summary>From row to row (azimuth in radar geometry).</summary>
    Azimuth,
}

/// <summary>The spectrum of an image along one axis.</summary>
public sealed record AxisSpectrum
{
    /// <summary>The axis.</summary>
    public required ImageAxis Axis { get; init; }

    /// <summary>
    /// Power spectral density at the frequencies k / n - 0.5 cycles per pixel (k = 0 .. n-1), normalised to a mean of
    /// 1.
    /// </summary>
    public required IReadOnlyList<double> PowerDensity { get; init; }

    /// <summary>
    /// Circular mean of frequency (the Doppler centroid along azimuth), cycles per pixel, in (-0.5, 0.5].
    /// </summary>
    public required Estimate CentreFrequency { get; init; }

    /// <summary>
    /// Effective bandwidth (sum S)² / (n sum S²): the share of the sampling rate a flat spectrum of the same
    /// correlation would fill, in (0, 1].
    /// </summary>
    public required Estimate EffectiveBandwidth { get; init; }

    /// <summary>
    /// Equivalent resolution in pixels: 1 / effective bandwidth, the correlation cell of the speckle.
    /// A flat band has a 3 dB width of 0.886 of it.
    /// </summary>
    public required Estimate EquivalentResolution { get; init; }

    /// <summary>Lag in pixels at which the magnitude of the autocorrelation has fallen to 1/e.</summary>
    public required Estimate AutocorrelationLength { get; init; }

    /// <summary>Spectral flatness: geometric over arithmetic mean of the density; 1 is white.</summary>
    public required Estimate Flatness { get; init; }
}

/// <summary>Measures spectra.</summary>
/// <remarks>
/// Welch's method: Hann windows of up to 256 pixels, half overlapping, averaged over all lines. Segments with a NaN or
/// without any signal are left out. Standard errors by the jackknife over 16 groups of neighbouring lines.
/// </remarks>
public static class Spectrum
{
    /// <summary>Longest segment.</summary>
    internal const int Segment = 256;

    private const int Groups = 16;

    // Segments that are transformed at once.
    private const int BatchSegments = 512;

    /// <summary>Spectrum of a complex image.</summary>
    /// <param name="image">Pixels, row-major.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="axis">The axis.</param>
    /// <exception cref="ArgumentException">
    /// Sizes that do not match, fewer than 8 pixels along the axis or 2 across, or nothing but NaN and zeros.
    /// </exception>
    public static AxisSpectrum Of(ReadOnlySpan<Complex32> image, int rows, int columns, ImageAxis axis) =>
        Analyse(image, rows, columns, axis);

    /// <summary>
    /// Spectrum of the fluctuations of a real image (intensity or amplitude): its mean is taken off first.
    /// </summary>
    /// <inheritdoc cref="Of(ReadOnlySpan{Complex32}, int, int, ImageAxis)"/>
    /// <remarks>
    /// The autocorrelation of detected speckle is the squared magnitude of that of the complex image.
    /// </remarks>
    public static AxisSpectrum Of(ReadOnlySpan<float> image, int rows, int columns, ImageAxis axis)
    {
        var sums = PixelSums.Of(image);
        sums.ThrowIfUnusable(nameof(image));
        var complex = new Complex32[image.Length];
        for (int i = 0; i < complex.Length; i++)
            complex[i] = new Complex32((float)(image[i] - sums.Mean), 0);
        return Analyse(complex, rows, columns, axis);
    }

    private static AxisSpectrum Analyse(ReadOnlySpan<Complex32> image, int rows, int columns, ImageAxis axis)
    {
        if (rows < 1 || columns < 1 || (long)rows * columns != image.Length)
            throw new ArgumentException($"image: found {image.Length} pixels, expected {rows} x {columns}.",
                nameof(image));
        var (along, across) = axis == ImageAxis.Range ? (columns, rows) : (rows, columns);
        if (along < 8 || across < 2)
            throw new ArgumentException($"image: found {along} pixels along the axis and "
                + $"{across} lines, expected at least 8 and 2.", nameof(image));
        int n = Math.Min(Segment, along);
        var (groups, segments) = Densities(image, columns, axis, along, across, n, Groups);
        return Summary(groups, segments, axis, "jackknife over lines");
    }

    /// <summary>One spectrum from the segments of several parts of an image.</summary>
    /// <param name="groups">Power density of each group of segments, of equal lengths n.</param>
    /// <param name="segments">How many segments each group has.</param>
    /// <param name="axis">The axis.</param>
    /// <param name="errors">What the standard errors come from, in words.</param>
    internal static AxisSpectrum Summary(IReadOnlyList<double[]> groups, IReadOnlyList<long> segments, ImageAxis axis,
        string errors)
    {
        int n = groups[0].Length;
        long total = segments.Sum();
        // Pixels near the smallest number may have none left after the transform.
        if (total == 0 || !(groups.Sum(g => g.Sum()) > 0))
            throw new ArgumentException("image: found only NaN and zeros along this axis, expected signal.",
                nameof(groups));
        string method = $"Welch (1967), Hann windows of {n}, {total} segments; {errors}";
        Estimate Jackknifed(Func<double[], double, double> statistic, bool positive = true)
        {
            var whole = Sum(groups, -1);
            double value = statistic(whole, Averages(total));
            var parts = Enumerable.Range(0, groups.Count).Where(g => segments[g] > 0 && segments[g] < total)
                .Select(g => statistic(Sum(groups, g), Averages(total - segments[g]))).ToArray();
            if (parts.Length < 2)
                return new Estimate { Value = value, Samples = total, Method = method,
                    Reason = "too few lines for a standard error" };
            double mean = parts.Average();
            double error = Math.Sqrt(parts.Sum(p => (p - mean) * (p - mean)) * (parts.Length - 1) / parts.Length);
            return positive ? Estimate.Positive(value, error, total, method)
                : Estimate.Normal(value, error, total, method);
        }
        var density = Sum(groups, -1);
        double level = density.Average();
        return new AxisSpectrum
        {
            Axis = axis,
            PowerDensity = [.. Enumerable.Range(0, n).Select(k => density[(k + n - n / 2) % n] / level)],
            CentreFrequency = Jackknifed((s, _) => Centre(s), positive: false),
            EffectiveBandwidth = Jackknifed(Bandwidth),
            EquivalentResolution = Jackknifed((s, k) => 1 / Bandwidth(s, k)),
            AutocorrelationLength = Jackknifed((s, _) => CorrelationLength(s)),
            Flatness = Jackknifed(FlatnessOf),
        };
    }

    // Hann windows that overlap by half are worth 0.947 independent ones each (Welch 1967, eq. 8 and 9).
    private static double Averages(long segments) => Math.Max(1, 0.947 * segments);

    /// <summary>
    /// Summed periodograms of the segments of groups of neighbouring lines; a segment
    /// with a NaN or without signal is left out.
    /// </summary>
    internal static (double[][] Groups, long[] Segments) Densities(
        ReadOnlySpan<Complex32> image, int columns, ImageAxis axis, int along, int across, int n, int mostGroups)
    {
        var groups = new double[Math.Min(mostGroups, across)][];
        var segments = new long[groups.Length];
        var window = Enumerable.Range(0, n).Select(i => (float)(0.5 - 0.5 * Math.Cos(2 * Math.PI * (i + 0.5) / n)))
            .ToArray();
        int hop = Math.Max(1, n / 2), perLine = (along - n) / hop + 1;
        int most = (int)Math.Min(BatchSegments, (across + groups.Length - 1L) / groups.Length * perLine);
        var batch = new Complex32[most * n];
        for (int g = 0; g < groups.Length; g++)
        {
            groups[g] = new double[n];
            int first = (int)((long)across * g / groups.Length), end = (int)((long)across * (g + 1) / groups.Length);
            int used = 0;
            for (int line = first; line < end; line++)
            {
                for (int s = 0; s < perLine; s++)
                {
                    double power = 0;
                    for (int i = 0; i < n; i++)
                    {
                        int p = s * hop + i;
                        var value = image[axis == ImageAxis.Range ? line * columns + p : p * columns + line];
                        value *= window[i];
                        power += (double)value.Real * value.Real + (double)value.Imaginary * value.Imaginary;
                        batch[used * n + i] = value;
                    }
                    // No value of a transform of n is larger than the root of n times their power.
                    if (n * power > (double)float.MaxValue * float.MaxValue)
                    {
                        throw new ArgumentException(
                            $"image: found an infinite pixel (or ones too large to transform) "
                                + $"in line {line}, expected finite values.",
                            nameof(image));
                    }
                    if (power > 0)
                        used++;
                    if (used == most)
                        Flush(ref used, g);
                }
            }
            Flush(ref used, g);
        }
        return (groups, segments);

        void Flush(ref int used, int g)
        {
            if (used == 0)
                return;
            Array.Clear(batch, used * n, batch.Length - used * n);
            Fourier.ForwardRows(batch, most, n);
            for (int i = 0; i < used * n; i++)
                groups[g][i % n] += (double)batch[i].Real * batch[i].Real
                    + (double)batch[i].Imaginary * batch[i].Imaginary;
            segments[g] += used;
            used = 0;
        }
    }

    private static double[] Sum(IReadOnlyList<double[]> groups, int without)
    {
        var sum = new double[groups[0].Length];
        for (int g = 0; g < groups.Count; g++)
            if (g != without)
                for (int i = 0; i < sum.Length; i++)
                    sum[i] += groups[g][i];
        return sum;
    }

    private static double Centre(double[] s)
    {
        var first = Complex.Zero;
        for (int k = 0; k < s.Length; k++)
            first += Complex.FromPolarCoordinates(s[k], 2 * Math.PI * k / s.Length);
        return first.Phase / (2 * Math.PI);
    }

    private static double Bandwidth(double[] s, double averages)
    {
        double sum = s.Sum(), squares = s.Sum(v => v * v);
        // The variance of K averaged periodograms is S²/K: it makes the sum of squares too large by 1 + 1/K.
        return Math.Min(1, sum * sum / (s.Length * squares) * (1 + 1 / averages));
    }

    private static double FlatnessOf(double[] s, double averages)
    {
        double smallest = s.Max() * 1e-15;
        double logs = s.Average(v => Math.Log(Math.Max(v, smallest)));
        // ln of a mean of K exponential values is low by ln K - digamma(K) on average.
        return Math.Min(1, Math.Exp(logs + Polygamma.LogMinusDigamma(averages)) / s.Average());
    }

    private static double CorrelationLength(double[] s)
    {
        double total = s.Sum();
        double Correlation(double lag)
        {
            var sum = Complex.Zero;
            for (int k = 0; k < s.Length; k++)
            {
                // The circular spectrum is cut opposite to its centre, so that fractional lags see one band.
                sum += Complex.FromPolarCoordinates(s[k], 2 * Math.PI * lag * Offset(k));
            }
            return sum.Magnitude / total;
        }
        double centre = Centre(s) * s.Length;
        double Offset(int k) => (k - centre - s.Length * Math.Round((k - centre) / s.Length)) / s.Length;
        double low = 0, high = 0.25, target = Math.Exp(-1);
        while (Correlation(high) > target)
        {
            (low, high) = (high, high * 1.5);
            if (high > s.Length / 2.0)
                return s.Length / 2.0;
        }
        for (int i = 0; i < 50; i++)
        {
            double middle = (low + high) / 2;
            if (Correlation(middle) > target)
                low = middle;
            else
                high = middle;
        }
        return (low + high) / 2;
    }
}
