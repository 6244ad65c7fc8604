// First passes over pixels, shared by the estimators: counts of what is unusable, sums, central moments, logarithms.
using System.Runtime.InteropServices;

namespace SarSynth.Radar.Statistics;

/// <summary>One pass over pixels: how many are usable, their range and their sum.</summary>
internal readonly record struct PixelSums(
    long Count, long NoData, long Infinite, long Zeros, long Negative, double Minimum, double Maximum, double Mean)
{
    // Long spans are cut in blocks of this many pixels: one task each, and sums that do not lose digits.
    private const int Block = 1 << 16;

    public static PixelSums Of(ReadOnlySpan<float> pixels)
    {
        var total = Blocks(pixels, OfBlock).Aggregate(
            new PixelSums(0, 0, 0, 0, 0, double.PositiveInfinity, double.NegativeInfinity, 0), (sums, part) =>
                sums.With(part));
        return total with { Mean = total.Mean / total.Count };
    }

    /// <summary>The sums of one block, with the sum of its pixels in place of their mean.</summary>
    internal static PixelSums OfBlock(ReadOnlySpan<float> block)
    {
        long noData = 0, infinite = 0, zeros = 0, negative = 0;
        double minimum = double.PositiveInfinity, maximum = double.NegativeInfinity, sum = 0;
        foreach (float value in block)
        {
            if (!float.IsFinite(value))
            {
                if (float.IsNaN(value)) noData++;
                else infinite++;
                continue;
            }
            if (value <= 0)
            {
                if (value == 0) zeros++;
                else negative++;
            }
            minimum = Math.Min(minimum, value);
            maximum = Math.Max(maximum, value);
            sum += value;
        }
        return new PixelSums(block.Length - noData - infinite, noData, infinite, zeros, negative, minimum, maximum,
            sum);
    }

    /// <summary>These sums and those of another block.</summary>
    internal PixelSums With(PixelSums part) => new(
        Count + part.Count, NoData + part.NoData, Infinite + part.Infinite, Zeros + part.Zeros,
            Negative + part.Negative,
        Math.Min(Minimum, part.Minimum), Math.Max(Maximum, part.Maximum), Mean + part.Mean);

    /// <summary>Biased central moments of the finite pixels.</summary>
    public static (double M2, double M3, double M4) CentralMoments(ReadOnlySpan<float> pixels, double mean, long count)
    {
        var parts = Blocks(pixels, block =>
        {
            double s2 = 0, s3 = 0, s4 = 0;
            foreach (float value in block)
            {
                if (!float.IsFinite(value))
                    continue;
                double d = value - mean, d2 = d * d;
                s2 += d2;
                s3 += d2 * d;
                s4 += d2 * d2;
            }
            return (s2, s3, s4);
        });
        double m2 = 0, m3 = 0, m4 = 0;
        foreach (var (s2, s3, s4) in parts)
            (m2, m3, m4) = (m2 + s2, m3 + s3, m4 + s4);
        return (m2 / count, m3 / count, m4 / count);
    }

    /// <summary>Natural logarithms of the positive pixels.</summary>
    /// <exception cref="ArgumentException">
    /// Fewer than <paramref name="minimum"/> positive pixels, a negative or an infinite one.
    /// </exception>
    public static double[] Logarithms(ReadOnlySpan<float> pixels, string name, int minimum, out long zeros,
        out long noData)
    {
        var sums = Of(pixels);
        sums.ThrowIfUnusable(name);
        sums.ThrowIfNegative(name);
        zeros = sums.Zeros;
        noData = sums.NoData;
        if (sums.Count - zeros < minimum)
            throw new ArgumentException($"{name}: found {sums.Count - zeros} positive "
                + $"pixels, expected at least {minimum}.", name);
        var logs = new double[sums.Count - zeros];
        int next = 0;
        foreach (float value in pixels)
        {
            if (value > 0)
                logs[next++] = Math.Log(value);
        }
        return logs;
    }

    public void ThrowIfUnusable(string name)
    {
        if (Infinite > 0)
            throw new ArgumentException($"{name}: found {Infinite} infinite pixels, expected finite "
                + $"values (or NaN for no data).", name);
        if (Count == 0)
            throw new ArgumentException(
                NoData == 0 ? $"{name}: found no pixel, expected at least one."
                    : $"{name}: found only NaN ({NoData} pixels of no data), expected numbers.", name);
    }

    public void ThrowIfNegative(string name)
    {
        if (Negative > 0)
            throw new ArgumentException($"{name}: found {Negative} negative pixels, expected linear amplitude or "
                + $"intensity (is this in dB?).", name);
    }

    /// <summary>Runs a function on blocks of a span, in parallel where the span is long; results in order.</summary>
    internal static unsafe T[] Blocks<T>(ReadOnlySpan<float> pixels, Func<ReadOnlySpan<float>, T> work)
    {
        int length = pixels.Length;
        int blocks = (length + Block - 1) / Block;
        var results = new T[blocks];
        fixed (float* start = &MemoryMarshal.GetReference(pixels))
        {
            // The lambda may not capture a fixed local; the span stays pinned until the loop is done.
            nint address = (nint)start;
            void One(int b)
            {
                int offset = b * Block;
                results[b] = work(new ReadOnlySpan<float>((float*)address + offset, Math.Min(Block, length - offset)));
            }
            if (blocks < 4)
            {
                for (int b = 0; b < blocks; b++)
                    One(b);
            }
            else
            {
                Parallel.For(0, blocks, One);
            }
        }
        return results;
    }
}
