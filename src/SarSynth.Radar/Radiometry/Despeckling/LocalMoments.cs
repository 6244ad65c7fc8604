// Mean and variance in a sliding square window, row by row, in SIMD lanes; borders are mirrored, no data is left out.
using System.Numerics;
using System.Runtime.InteropServices;

namespace SarSynth.Radar.Radiometry;

/// <summary>Sliding-window moments of an image: the common ground of the local despeckling filters.</summary>
internal static class LocalMoments
{
    /// <summary>
    /// What is done with one row: its pixels, and mean and variance around each; write the result over it.
    /// </summary>
    /// <param name="pixels">The row's own pixels.</param>
    /// <param name="means">Mean of the valid pixels in the window around each; NaN where there is none.</param>
    /// <param name="variances">Variance of them (mean of squares minus square of mean, not below 0).</param>
    /// <param name="result">The row of the result.</param>
    public delegate void RowAction(ReadOnlySpan<float> pixels, ReadOnlySpan<float> means, ReadOnlySpan<float> variances,
        Span<float> result);

    /// <summary>Runs over all rows in parallel.</summary>
    /// <param name="image">Row-major [rows x columns].</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="size">Side of the window, odd.</param>
    /// <param name="result">Where the rows of the result go, [rows x columns] or longer.</param>
    /// <param name="action">Makes a row of the result.</param>
    public static void ForEachRow(float[] image, int rows, int columns, int size, float[] result, RowAction action)
    {
        var bands = Math.Min(rows, Environment.ProcessorCount * 8);
        Parallel.For(0, bands, band =>
        {
            var work = new Row(image, rows, columns, size);
            int first = (int)((long)rows * band / bands), end = (int)((long)rows * (band + 1) / bands);
            for (var row = first; row < end; row++)
            {
                work.Compute(row);
                action(image.AsSpan(row * columns, columns), work.Means, work.Variances,
                    result.AsSpan(row * columns, columns));
            }
        });
    }

    /// <summary>An index mirrored at the borders (d c b a | a b c d | d c b a), however far outside.</summary>
    public static int Mirror(int index, int size)
    {
        while (index < 0 || index >= size)
            index = index < 0 ? -1 - index : 2 * size - 1 - index;
        return index;
    }

    private sealed class Row
    {
        private readonly float[] image;
        private readonly int rows;
        private readonly int columns;
        private readonly int size;
        private readonly int half;
        private readonly float[] sums;
        private readonly float[] squares;
        private readonly float[] means;
        private readonly float[] variances;

        public Row(float[] image, int rows, int columns, int size)
        {
            (this.image, this.rows, this.columns, this.size, half) = (image, rows, columns, size, size / 2);
            var padded = columns + size + 2 * Vector<float>.Count;
            (sums, squares) = (new float[padded], new float[padded]);
            (means, variances) = (new float[columns + 2 * Vector<float>.Count],
                new float[columns + 2 * Vector<float>.Count]);
        }

        public ReadOnlySpan<float> Means => means.AsSpan(0, columns);

        public ReadOnlySpan<float> Variances => variances.AsSpan(0, columns);

        public void Compute(int row)
        {
            SumVertically(row);
            for (var i = 0; i < half; i++)
            {
                var left = half + Mirror(-1 - i, columns);
                (sums[half - 1 - i], squares[half - 1 - i]) = (sums[left], squares[left]);
                var right = half + Mirror(columns + i, columns);
                (sums[half + columns + i], squares[half + columns + i]) = (sums[right], squares[right]);
            }
            if (SumHorizontally())
                ComputeWithGaps(row);
        }

        // Sums of the window's rows, afresh for every row: running sums would carry the rounding of a bright target on.
        private void SumVertically(int row)
        {
            ref var pixels = ref MemoryMarshal.GetArrayDataReference(image);
            ref var sum = ref sums[half];
            ref var square = ref squares[half];
            Span<int> starts = stackalloc int[size];
            for (var i = 0; i < size; i++)
                starts[i] = Mirror(row - half + i, rows) * columns;
            var column = 0;
            for (; column <= columns - Vector<float>.Count; column += Vector<float>.Count)
            {
                Vector<float> s = default, q = default;
                foreach (var start in starts)
                {
                    var x = Vector.LoadUnsafe(ref pixels, (nuint)(start + column));
                    s += x;
                    q = Vector.FusedMultiplyAdd(x, x, q);
                }
                s.StoreUnsafe(ref sum, (nuint)column);
                q.StoreUnsafe(ref square, (nuint)column);
            }
            for (; column < columns; column++)
            {
                float s = 0, q = 0;
                foreach (var start in starts)
                {
                    var x = image[start + column];
                    s += x;
                    q += x * x;
                }
                (sums[half + column], squares[half + column]) = (s, q);
            }
        }

        // Returns whether a window held a pixel that is not finite.
        private bool SumHorizontally()
        {
            var scale = new Vector<float>(1f / (size * size));
            var gaps = Vector<float>.Zero;
            for (var column = 0; column < columns; column += Vector<float>.Count)
            {
                Vector<float> s = new(sums, column), q = new(squares, column);
                for (var i = 1; i < size; i++)
                {
                    s += new Vector<float>(sums, column + i);
                    q += new Vector<float>(squares, column + i);
                }
                var mean = s * scale;
                var variance = Vector.Max(Vector.FusedMultiplyAdd(q, scale, -mean * mean), Vector<float>.Zero);
                mean.CopyTo(means, column);
                variance.CopyTo(variances, column);
                // Zero times anything finite is zero; NaN and infinity stay.
                if (column + Vector<float>.Count <= columns)
                    gaps += q * 0f;
            }
            for (var column = columns / Vector<float>.Count * Vector<float>.Count; column < columns; column++)
                gaps += new Vector<float>(means[column] * 0f + variances[column] * 0f);
            return !float.IsFinite(Vector.Sum(gaps));
        }

        private void ComputeWithGaps(int row)
        {
            for (var column = 0; column < columns; column++)
            {
                if (float.IsFinite(means[column]) && float.IsFinite(variances[column]))
                    continue;
                double sum = 0, square = 0;
                var count = 0;
                for (var i = -half; i <= half; i++)
                {
                    var line = Mirror(row + i, rows) * columns;
                    for (var j = -half; j <= half; j++)
                    {
                        var x = image[line + Mirror(column + j, columns)];
                        if (!float.IsFinite(x))
                            continue;
                        sum += x;
                        square += (double)x * x;
                        count++;
                    }
                }
                var mean = count > 0 ? sum / count : double.NaN;
                means[column] = (float)mean;
                variances[column] = count > 0 ? (float)Math.Max(square / count - mean * mean, 0) : float.NaN;
            }
        }
    }
}
