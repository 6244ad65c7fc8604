// Grey-level co-occurrence matrices: Haralick, Shanmugam & Dinstein (1973), IEEE Trans. SMC 3(6).
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace SarSynth.Radar.Statistics;

/// <summary>Grey-level co-occurrence matrices (GLCM) of quantised images.</summary>
/// <remarks>
/// Offsets as in scikit-image: a pair is (y, x) and (y + round(d sin a), x + round(d cos a)) with rows counted
/// downwards. Values equal those of <c>skimage.feature.graycomatrix</c> and <c>graycoprops</c>.
/// </remarks>
public static partial class Glcm
{
    /// <summary>The most grey levels a matrix may have.</summary>
    public const int MaximumLevels = 4096;

    /// <summary>The four directions of Haralick: 0, 45, 90 and 135 degrees, in radians.</summary>
    public static IReadOnlyList<double> FourAngles { get; } = [0, Math.PI / 4, Math.PI / 2, 3 * Math.PI / 4];

    /// <summary>
    /// Grey levels of pixels: floor((x - minimum) / (maximum - minimum) * levels), clipped to 0 .. levels - 1.
    /// </summary>
    /// <param name="image">Pixels; NaN is refused unless <paramref name="mask"/> is given.</param>
    /// <param name="levels">2 to 256.</param>
    /// <param name="minimum">Value where level 0 begins.</param>
    /// <param name="maximum">Value where the last level ends.</param>
    /// <param name="mask">Receives false where a pixel is NaN, true elsewhere; empty when not wanted.</param>
    /// <exception cref="ArgumentException">
    /// Levels or range out of bounds, a NaN without a mask, or a mask of another size.
    /// </exception>
    public static byte[] Quantise(ReadOnlySpan<float> image, int levels, double minimum, double maximum,
        Span<bool> mask = default)
    {
        var grey = new byte[image.Length];
        Quantise(image, levels, minimum, maximum, grey, mask);
        return grey;
    }

    /// <summary>Into a buffer.</summary>
    internal static void Quantise(ReadOnlySpan<float> image, int levels, double minimum, double maximum,
        Span<byte> grey, Span<bool> mask)
    {
        if (levels < 2 || levels > 256)
            throw new ArgumentException($"levels: found {levels}, expected 2 to 256.", nameof(levels));
        if (!(double.IsFinite(minimum) && double.IsFinite(maximum) && minimum < maximum))
            throw new ArgumentException($"range: found [{minimum}, {maximum}], expected finite "
                + $"values with minimum < maximum.");
        if (!mask.IsEmpty && mask.Length != image.Length)
            throw new ArgumentException($"mask: found {mask.Length} values, expected {image.Length}.", nameof(mask));
        double scale = levels / (maximum - minimum);
        for (int i = 0; i < image.Length; i++)
        {
            float value = image[i];
            if (!mask.IsEmpty)
                mask[i] = !float.IsNaN(value);
            else if (float.IsNaN(value))
                throw new ArgumentException($"image: found NaN at pixel {i}, expected numbers or a mask to mark them.",
                    nameof(image));
            grey[i] = (byte)Math.Clamp((value - minimum) * scale, 0, levels - 1);
        }
    }

    /// <summary>The co-occurrence matrix of one distance and angle.</summary>
    /// <param name="image">Grey levels below <paramref name="levels"/>, row-major.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="levels">Number of grey levels, 1 to 4096.</param>
    /// <param name="distance">Distance of a pair in pixels, above 0.</param>
    /// <param name="angle">Direction of a pair, radians.</param>
    /// <param name="symmetric">Whether a pair counts in both orders.</param>
    /// <param name="mask">Pixels that take part; a pair counts when both do. Empty: all.</param>
    /// <exception cref="ArgumentException">
    /// Sizes that do not match, a grey level that is too high, or a distance out of range.
    /// </exception>
    public static Cooccurrence Compute(
        ReadOnlySpan<byte> image, int rows, int columns, int levels, double distance = 1, double angle = 0,
        bool symmetric = true, ReadOnlySpan<bool> mask = default) =>
        Compute(image, rows, columns, levels, [distance], [angle], symmetric, mask)[0, 0];

    /// <summary>Co-occurrence matrices of several distances and angles, in one pass.</summary>
    /// <inheritdoc cref="Compute(ReadOnlySpan{byte}, int, int, int, double, double, bool, ReadOnlySpan{bool})"/>
    /// <param name="image">Grey levels below <paramref name="levels"/>, row-major.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="levels">Number of grey levels, 1 to 4096.</param>
    /// <param name="distances">Distances in pixels, above 0.</param>
    /// <param name="angles">Directions, radians.</param>
    /// <param name="symmetric">Whether a pair counts in both orders.</param>
    /// <param name="mask">Pixels that take part. Empty: all.</param>
    /// <returns>[distances x angles].</returns>
    public static Cooccurrence[,] Compute(
        ReadOnlySpan<byte> image, int rows, int columns, int levels, IReadOnlyList<double> distances,
            IReadOnlyList<double> angles,
        bool symmetric = true, ReadOnlySpan<bool> mask = default) =>
        Matrices(image, rows, columns, levels, distances, angles, symmetric, mask);

    /// <summary>Co-occurrence matrices of an image with more than 256 grey levels.</summary>
    /// <inheritdoc cref="Compute(ReadOnlySpan{byte}, int, int, int, IReadOnlyList{double}, IReadOnlyList{double},
    /// bool, ReadOnlySpan{bool})"/>
    public static Cooccurrence[,] Compute(
        ReadOnlySpan<ushort> image, int rows, int columns, int levels, IReadOnlyList<double> distances,
            IReadOnlyList<double> angles,
        bool symmetric = true, ReadOnlySpan<bool> mask = default) =>
        Matrices(image, rows, columns, levels, distances, angles, symmetric, mask);

    /// <summary>The pixel offset of a distance and an angle.</summary>
    internal static (int Row, int Column) Offset(double distance, double angle)
    {
        if (!(distance > 0 && distance < 1e6) || !double.IsFinite(angle))
            throw new ArgumentException($"distance, angle: found {distance} and {angle}, expected "
                + $"a distance above 0 and a finite angle.");
        return ((int)Math.Round(Math.Sin(angle) * distance, MidpointRounding.AwayFromZero),
            (int)Math.Round(Math.Cos(angle) * distance, MidpointRounding.AwayFromZero));
    }

    private static Cooccurrence[,] Matrices<T>(
        ReadOnlySpan<T> image, int rows, int columns, int levels, IReadOnlyList<double> distances,
            IReadOnlyList<double> angles,
        bool symmetric, ReadOnlySpan<bool> mask) where T : unmanaged, IBinaryInteger<T>
    {
        ArgumentNullException.ThrowIfNull(distances);
        ArgumentNullException.ThrowIfNull(angles);
        Check(image, rows, columns, levels);
        if (!mask.IsEmpty && mask.Length != image.Length)
            throw new ArgumentException($"mask: found {mask.Length} values, expected {image.Length}.", nameof(mask));
        var offsets = new (int Row, int Column)[distances.Count * angles.Count];
        for (int d = 0; d < distances.Count; d++)
            for (int a = 0; a < angles.Count; a++)
                offsets[d * angles.Count + a] = Offset(distances[d], angles[a]);
        var tables = Count(image, rows, columns, levels, offsets, mask);
        var result = new Cooccurrence[distances.Count, angles.Count];
        for (int d = 0; d < distances.Count; d++)
        {
            for (int a = 0; a < angles.Count; a++)
            {
                var table = tables.AsSpan((d * angles.Count + a) * levels * levels, levels * levels);
                result[d, a] = new Cooccurrence(levels, distances[d], angles[a], symmetric,
                    Symmetrised(table, levels, symmetric));
            }
        }
        return result;
    }

    private static long[] Symmetrised(ReadOnlySpan<int> table, int levels, bool symmetric)
    {
        var counts = new long[table.Length];
        for (int i = 0; i < levels; i++)
            for (int j = 0; j < levels; j++)
                counts[i * levels + j] = table[i * levels + j] + (symmetric ? (long)table[j * levels + i] : 0);
        return counts;
    }

    internal static void Check<T>(ReadOnlySpan<T> image, int rows, int columns, int levels) where T
        : unmanaged, IBinaryInteger<T>
    {
        if (rows < 1 || columns < 1 || (long)rows * columns != image.Length)
            throw new ArgumentException($"image: found {image.Length} pixels for {rows} x {columns}, expected rows x "
                + $"columns of at least 1 x 1.");
        if (levels < 1 || levels > MaximumLevels)
            throw new ArgumentException($"levels: found {levels}, expected 1 to {MaximumLevels}.", nameof(levels));
        int highest = int.CreateTruncating(TensorPrimitives.Max(image));
        if (highest >= levels)
            throw new ArgumentException($"image: found a grey level of {highest}, expected levels below {levels}.",
                nameof(image));
    }

    /// <summary>Pairs of every offset: tables [offsets x levels x levels], in parallel by strips of rows.</summary>
    private static unsafe int[] Count<T>(
        ReadOnlySpan<T> image, int rows, int columns, int levels, (int Row, int Column)[] offsets,
            ReadOnlySpan<bool> mask)
        where T : unmanaged, IBinaryInteger<T>
    {
        int cells = levels * levels, size = cells * offsets.Length;
        // Each worker has two tables, so that equal neighbouring pairs do not wait for each other's increment.
        int workers = size > 1 << 22 || image.Length < 1 << 14 ? 1 : Math.Min(Environment.ProcessorCount, 8);
        var tables = new int[workers][];
        fixed (T* start = image)
        fixed (bool* maskStart = mask)
        {
            // The lambda may not capture fixed locals; the spans stay pinned until the loop is done.
            nint address = (nint)start, maskAddress = (nint)maskStart;
            void Work(int worker)
            {
                var table = new int[2 * size];
                fixed (int* counts = table)
                {
                    int first = (int)((long)rows * worker / workers), end = (int)((long)rows * (worker + 1) / workers);
                    for (int row = first; row < end; row++)
                    {
                        for (int o = 0; o < offsets.Length; o++)
                        {
                            var (down, right) = offsets[o];
                            if ((uint)(row + down) >= (uint)rows)
                                continue;
                            int from = Math.Max(0, -right), to = Math.Min(columns, columns - right);
                            T* a = (T*)address + (long)row * columns,
                                b = (T*)address + (long)(row + down) * columns + right;
                            int* even = counts + o * cells, odd = even + size;
                            if (maskAddress == 0)
                                CountRow(a, b, from, to, levels, even, odd);
                            else
                                CountMaskedRow(a, b, from, to, levels, even,
                                    (bool*)maskAddress + (long)row * columns,
                                        (bool*)maskAddress + (long)(row + down) * columns + right);
                        }
                    }
                }
                tables[worker] = table;
            }
            if (workers == 1)
                Work(0);
            else
                Parallel.For(0, workers, Work);
        }
        var total = new int[size];
        foreach (var table in tables)
        {
            TensorPrimitives.Add<int>(total, table.AsSpan(0, size), total);
            TensorPrimitives.Add<int>(total, table.AsSpan(size), total);
        }
        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void CountRow<T>(T* a, T* b, int from, int to, int levels, int* even, int* odd) where T
        : unmanaged, IBinaryInteger<T>
    {
        int x = from;
        for (; x < to - 3; x += 4)
        {
            even[int.CreateTruncating(a[x]) * levels + int.CreateTruncating(b[x])]++;
            odd[int.CreateTruncating(a[x + 1]) * levels + int.CreateTruncating(b[x + 1])]++;
            even[int.CreateTruncating(a[x + 2]) * levels + int.CreateTruncating(b[x + 2])]++;
            odd[int.CreateTruncating(a[x + 3]) * levels + int.CreateTruncating(b[x + 3])]++;
        }
        for (; x < to; x++)
            even[int.CreateTruncating(a[x]) * levels + int.CreateTruncating(b[x])]++;
    }

    private static unsafe void CountMaskedRow<T>(T* a, T* b, int from, int to, int levels, int* table, bool* maskA,
        bool* maskB)
        where T : unmanaged, IBinaryInteger<T>
    {
        for (int x = from; x < to; x++)
        {
            if (maskA[x] && maskB[x])
                table[int.CreateTruncating(a[x]) * levels + int.CreateTruncating(b[x])]++;
        }
    }
}
