// Mean and variance in a window that slides over an image: separable sums in double precision, rows in parallel.
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace SarSynth.Radar.Statistics;

/// <summary>Statistics of the square window around every pixel.</summary>
/// <remarks>
/// At the borders the image is mirrored (d c b a | a b c d | d c b a), as scipy.ndimage does by default. NaN pixels (no
/// data) are left out; where fewer than half of a window's pixels are left the result is NaN. Sums are formed anew for
/// each row, never by running updates, so that a bright target leaves no rounding trail behind it.
/// </remarks>
public static class LocalStatistics
{
    /// <summary>Mean of the window around every pixel.</summary>
    /// <param name="image">Pixels, row-major.</param>
    /// <param name="rows">Rows, at least 1.</param>
    /// <param name="columns">Columns, at least 1.</param>
    /// <param name="window">Side of the window: odd, at least 1.</param>
    /// <returns>[rows x columns], row-major.</returns>
    /// <exception cref="ArgumentException">Sizes that do not match, an even window, or an infinite pixel.</exception>
    public static float[] Mean(ReadOnlySpan<float> image, int rows, int columns, int window)
    {
        var mean = GC.AllocateUninitializedArray<float>(image.Length);
        Mean(image, rows, columns, window, mean);
        return mean;
    }

    /// <summary>Into a buffer of [rows x columns] or more.</summary>
    internal static void Mean(ReadOnlySpan<float> image, int rows, int columns, int window, float[] mean) =>
        Slide(image, rows, columns, window, squares: false, (row, sums, _, counts) =>
        {
            var output = mean.AsSpan(row * columns, columns);
            if (counts.IsEmpty)
                Divide(sums, window * window, output);
            else
                for (int x = 0; x < output.Length; x++)
                    output[x] = Enough(counts[x], window) ? (float)(sums[x] / counts[x]) : float.NaN;
        });

    /// <summary>Mean and variance (divisor n - 1) of the window around every pixel.</summary>
    /// <inheritdoc cref="Mean(ReadOnlySpan{float}, int, int, int)"/>
    /// <returns>
    /// Two images [rows x columns], row-major; the variance of a window of one pixel is NaN. It is double:
    /// squares leave float's range.
    /// </returns>
    public static (float[] Mean, double[] Variance) MeanAndVariance(ReadOnlySpan<float> image, int rows, int columns,
        int window)
    {
        var mean = GC.AllocateUninitializedArray<float>(image.Length);
        var variance = GC.AllocateUninitializedArray<double>(image.Length);
        Slide(image, rows, columns, window, squares: true, (row, sums, squares, counts) =>
        {
            double n = window * window;
            for (int x = 0, i = row * columns; x < columns; x++, i++)
            {
                if (!counts.IsEmpty)
                    n = Enough(counts[x], window) ? counts[x] : double.NaN;
                double m = sums[x] / n;
                mean[i] = (float)m;
                variance[i] = Math.Max(0, squares[x] - m * sums[x]) / (n - 1);
            }
        });
        return (mean, variance);
    }

    /// <summary>Receives the window sums of one row; <c>counts</c> is empty where all pixels are valid.</summary>
    internal delegate void RowOfSums(
        int row, ReadOnlySpan<double> sums, ReadOnlySpan<double> squares, ReadOnlySpan<double> counts);

    /// <summary>Whether enough pixels of a window are valid to give a number.</summary>
    internal static bool Enough(double count, int window) => 2 * count >= window * window;

    /// <summary>
    /// Slides a window over an image and hands out the sums of values and of squares, row by row, in parallel.
    /// </summary>
    internal static unsafe void Slide(
        ReadOnlySpan<float> image, int rows, int columns, int window, bool squares, RowOfSums receive)
    {
        Check(image.Length, rows, columns, window);
        const int strip = 32;
        int infiniteRow = -1;
        fixed (float* start = &MemoryMarshal.GetReference(image))
        {
            // The lambda may not capture a fixed local; the image stays pinned until the loop is done.
            nint address = (nint)start;
            int length = image.Length;
            Parallel.For(0, (rows + strip - 1) / strip, () =>
                new Window(columns, window, squares), (task, state, buffers) =>
            {
                var pixels = new ReadOnlySpan<float>((void*)address, length);
                for (int row = task * strip; row < Math.Min(rows, (task + 1) * strip); row++)
                {
                    if (!buffers.Sum(pixels, rows, row))
                    {
                        infiniteRow = row;
                        state.Stop();
                        break;
                    }
                    receive(row, buffers.Sums, buffers.Squares, buffers.Counts);
                }
                return buffers;
            }, static _ => { });
        }
        if (infiniteRow >= 0)
            throw new ArgumentException(
                $"image: found an infinite pixel within {window / 2} rows of row "
                    + $"{infiniteRow}, expected finite values (or NaN for no data).", nameof(image));
    }

    /// <summary>
    /// The pixel that stands at an index outside the image: half-sample mirroring, repeated as needed.
    /// </summary>
    internal static int Mirror(int index, int length)
    {
        int period = 2 * length;
        index = ((index % period) + period) % period;
        return index < length ? index : period - 1 - index;
    }

    /// <summary>Checks the sizes of an image and of a sliding window.</summary>
    internal static void Check(int length, int rows, int columns, int window)
    {
        if (rows < 1 || columns < 1 || (long)rows * columns != length)
            throw new ArgumentException($"image: found {length} pixels for {rows} x {columns}, "
                + $"expected rows x columns of at least 1 x 1.");
        if (window < 1 || window % 2 == 0 || window > 32767)
            throw new ArgumentException($"window: found {window}, expected an odd number of at "
                + $"least 1 (and below 32768).");
    }

    private static void Divide(ReadOnlySpan<double> sums, double n, Span<float> output)
    {
        double inverse = 1 / n;
        int x = 0;
        for (; x <= output.Length - 16; x += 16)
            Vector512.Narrow(Vector512.Create(sums[x..]) * inverse, Vector512.Create(sums[(x + 8)..]) * inverse)
                .CopyTo(output[x..]);
        for (; x < output.Length; x++)
            output[x] = (float)(sums[x] * inverse);
    }

    /// <summary>Buffers of one task and the sums of the row they were last asked for.</summary>
    private sealed class Window(int columns, int window, bool squares)
    {
        private readonly int half = window / 2;
        private readonly double[] value = new double[columns + window - 1];
        private readonly double[] square = new double[squares ? columns + window - 1 : 0];
        private readonly double[] count = new double[columns + window - 1];
        private readonly double[] work = new double[columns + window - 1];
        private readonly double[] sums = new double[columns];
        private readonly double[] squareSums = new double[squares ? columns : 0];
        private readonly double[] counts = new double[columns];
        private bool masked;

        public ReadOnlySpan<double> Sums => sums;

        public ReadOnlySpan<double> Squares => squareSums;

        public ReadOnlySpan<double> Counts => masked ? counts : [];

        /// <summary>Forms the sums of one row; false when an infinite pixel is in reach.</summary>
        public bool Sum(ReadOnlySpan<float> pixels, int rows, int row)
        {
            masked = false;
            Vertical(pixels, rows, row);
            double total = TensorPrimitives.Sum<double>(value.AsSpan(half, columns));
            if (!double.IsFinite(total))
            {
                masked = true;
                if (!MaskedVertical(pixels, rows, row))
                    return false;
                Horizontal(count, counts);
            }
            Horizontal(value, sums);
            if (squares)
                Horizontal(square, squareSums);
            return true;
        }

        private void Vertical(ReadOnlySpan<float> pixels, int rows, int row)
        {
            var v = value.AsSpan(half, columns);
            var q = squares ? square.AsSpan(half, columns) : [];
            int x = 0;
            for (; x <= columns - 16; x += 16)
            {
                Vector512<double> low = default, high = default, lowSquare = default, highSquare = default;
                for (int r = row - half; r <= row + half; r++)
                {
                    int source = (uint)r < (uint)rows ? r : Mirror(r, rows);
                    var (a, b) = Vector512.Widen(Vector512.LoadUnsafe(in pixels[source * columns + x]));
                    low += a;
                    high += b;
                    if (squares)
                    {
                        lowSquare = Vector512.FusedMultiplyAdd(a, a, lowSquare);
                        highSquare = Vector512.FusedMultiplyAdd(b, b, highSquare);
                    }
                }
                low.CopyTo(v[x..]);
                high.CopyTo(v[(x + 8)..]);
                if (squares)
                {
                    lowSquare.CopyTo(q[x..]);
                    highSquare.CopyTo(q[(x + 8)..]);
                }
            }
            for (; x < columns; x++)
            {
                double sum = 0, sumSquare = 0;
                for (int r = row - half; r <= row + half; r++)
                {
                    double p = pixels[Mirror(r, rows) * columns + x];
                    sum += p;
                    sumSquare += p * p;
                }
                v[x] = sum;
                if (squares)
                    q[x] = sumSquare;
            }
        }

        private bool MaskedVertical(ReadOnlySpan<float> pixels, int rows, int row)
        {
            Array.Clear(value);
            Array.Clear(square);
            Array.Clear(count);
            for (int r = row - half; r <= row + half; r++)
            {
                var line = pixels.Slice(Mirror(r, rows) * columns, columns);
                for (int x = 0; x < columns; x++)
                {
                    double p = line[x];
                    if (double.IsNaN(p))
                        continue;
                    if (double.IsInfinity(p))
                        return false;
                    value[half + x] += p;
                    count[half + x]++;
                    if (squares)
                        square[half + x] += p * p;
                }
            }
            return true;
        }

        /// <summary>Sums of <c>window</c> neighbours by doubling: the binary digits of the window's side.</summary>
        private void Horizontal(double[] padded, double[] output)
        {
            for (int k = 1; k <= half; k++)
            {
                padded[half - k] = padded[half + Mirror(-k, columns)];
                padded[half + columns - 1 + k] = padded[half + Mirror(columns - 1 + k, columns)];
            }
            int offset = 0;
            double[] current = padded, next = work;
            int valid = padded.Length;
            bool first = true;
            for (int size = 1; size <= window; size *= 2)
            {
                if ((window & size) != 0)
                {
                    var part = current.AsSpan(offset, columns);
                    if (first)
                        part.CopyTo(output);
                    else
                        TensorPrimitives.Add<double>(output, part, output);
                    first = false;
                    offset += size;
                }
                if (2 * size > window)
                    break;
                valid -= size;
                TensorPrimitives.Add<double>(current.AsSpan(0, valid), current.AsSpan(size, valid),
                    next.AsSpan(0, valid));
                (current, next) = (next, current);
            }
        }
    }
}
