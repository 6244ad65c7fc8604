// Features of the co-occurrence matrix of a window that slides over an image.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SarSynth.Radar.Statistics;

public static partial class Glcm
{
    /// <summary>A feature of the co-occurrence matrix of the window around every pixel, averaged over angles.</summary>
    /// <param name="image">Grey levels below <paramref name="levels"/>, row-major.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="levels">Number of grey levels, 1 to 256.</param>
    /// <param name="window">Side of the window: odd, greater than the distance.</param>
    /// <param name="feature">The feature.</param>
    /// <param name="distance">Distance of a pair, pixels.</param>
    /// <param name="angles">Directions, radians; null takes <see cref="FourAngles"/>.</param>
    /// <param name="symmetric">Whether a pair counts in both orders.</param>
    /// <param name="mask">Pixels that take part; a pair counts when both do. Empty: all.</param>
    /// <returns>
    /// [rows x columns]: each value is that of the window's own matrix (pairs within the window), NaN where none of its
    /// pairs counts. Borders are mirrored.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// Sizes that do not match, a grey level that is too high, or a window that holds no pair.
    /// </exception>
    /// <remarks>
    /// Contrast, dissimilarity and homogeneity are means over pairs and so box sums; the others slide the matrix,
    /// adding the pairs that come in and removing those that leave. Either way the cost hardly
    /// grows with the window's area.
    /// </remarks>
    public static float[] Map(
        ReadOnlySpan<byte> image, int rows, int columns, int levels, int window, GlcmFeature feature,
        double distance = 1, IReadOnlyList<double>? angles = null, bool symmetric = true,
        ReadOnlySpan<bool> mask = default)
    {
        Check(image, rows, columns, levels);
        LocalStatistics.Check(image.Length, rows, columns, window);
        if (levels > 256)
            throw new ArgumentException($"levels: found {levels}, expected at most 256.", nameof(levels));
        if (!Enum.IsDefined(feature))
            throw new ArgumentException($"feature: found {feature}, expected a feature of a co-occurrence matrix.",
                nameof(feature));
        angles ??= FourAngles;
        if (angles.Count == 0)
            throw new ArgumentException("angles: found none, expected at least one.", nameof(angles));
        if (!mask.IsEmpty && mask.Length != image.Length)
            throw new ArgumentException($"mask: found {mask.Length} values, expected {image.Length}.", nameof(mask));
        var padded = Padded(image, rows, columns, window / 2);
        var valid = mask.Contains(false) ? Padded(MemoryMarshal.Cast<bool, byte>(mask), rows, columns, window / 2)
            : null;
        int width = columns + window - 1;
        var sum = new double[image.Length];
        foreach (double angle in angles)
        {
            var (down, right) = Offset(distance, angle);
            if (Math.Abs(down) >= window || Math.Abs(right) >= window)
                throw new ArgumentException($"window: found {window}, expected one that holds "
                    + $"a pair at distance {distance}.", nameof(window));
            // The same pairs, seen so that the offset points down.
            bool turned = down < 0;
            if (turned)
                (down, right) = (-down, -right);
            if (PairWeights(feature, levels) is double[] weights)
                AddPairMeans(padded, valid, width, rows, columns, levels, window, down, right, weights, sum);
            else
                AddSlidingFeature(padded, valid, width, rows, columns, levels, window, down, right, turned, symmetric,
                    feature, sum);
        }
        return Array.ConvertAll(sum, v => (float)(v / angles.Count));
    }

    /// <summary>
    /// f(i, j) where the feature is the mean of f over pairs and symmetric in i and j; null elsewhere.
    /// </summary>
    private static double[]? PairWeights(GlcmFeature feature, int levels)
    {
        Func<double, double>? weight = feature switch
        {
            GlcmFeature.Contrast => d => d * d,
            GlcmFeature.Dissimilarity => Math.Abs,
            GlcmFeature.Homogeneity => d => 1 / (1 + d * d),
            _ => null,
        };
        if (weight is null)
            return null;
        var table = new double[levels * levels];
        for (int i = 0; i < levels; i++)
            for (int j = 0; j < levels; j++)
                table[i * levels + j] = weight(i - j);
        return table;
    }

    private static byte[] Padded(ReadOnlySpan<byte> image, int rows, int columns, int half)
    {
        int width = columns + 2 * half;
        var padded = new byte[(rows + 2 * half) * width];
        for (int y = 0; y < rows + 2 * half; y++)
        {
            var source = image.Slice(LocalStatistics.Mirror(y - half, rows) * columns, columns);
            var line = padded.AsSpan(y * width, width);
            source.CopyTo(line[half..]);
            for (int x = 0; x < half; x++)
            {
                line[x] = source[LocalStatistics.Mirror(x - half, columns)];
                line[half + columns + x] = source[LocalStatistics.Mirror(columns + x, columns)];
            }
        }
        return padded;
    }

    private static void AddPairMeans(
        byte[] padded, byte[]? valid, int width, int rows, int columns, int levels, int window, int down, int right,
        double[] weights, double[] sum)
    {
        int across = window - Math.Abs(right), along = window - down, from = Math.Max(0, -right);
        double scale = 1.0 / (across * along);
        const int strip = 64;
        Parallel.For(0, (rows + strip - 1) / strip, task =>
        {
            // columnSums[x]: pairs that begin in column x, over the window's rows. Values are small and bounded, so
            // that running sums keep their digits; each strip begins anew.
            double[] columnSums = new double[width], columnCounts = new double[valid is null ? 0 : width];
            int first = task * strip, end = Math.Min(rows, first + strip);
            for (int y = first; y < first + along; y++)
                AddRow(columnSums, columnCounts, y, 1);
            for (int row = first; row < end; row++)
            {
                if (row > first)
                {
                    AddRow(columnSums, columnCounts, row + along - 1, 1);
                    AddRow(columnSums, columnCounts, row - 1, -1);
                }
                if (valid is not null)
                {
                    AddMeansOfCounted(columnSums, columnCounts, from, across, sum.AsSpan(row * columns, columns));
                    continue;
                }
                double running = 0;
                for (int x = from; x < from + across - 1; x++)
                    running += columnSums[x];
                for (int x = 0; x < columns; x++)
                {
                    running += columnSums[from + x + across - 1];
                    sum[row * columns + x] += running * scale;
                    running -= columnSums[from + x];
                }
            }
        });

        void AddRow(double[] columnSums, double[] columnCounts, int y, double sign)
        {
            int begin = Math.Max(0, -right), stop = Math.Min(width, width - right);
            if (valid is not null)
            {
                for (int x = begin; x < stop; x++)
                {
                    double counts = valid[y * width + x] & valid[(y + down) * width + x + right];
                    columnCounts[x] += sign * counts;
                    int i = padded[y * width + x], j = padded[(y + down) * width + x + right];
                    columnSums[x] += sign * counts * weights[i * levels + j];
                }
                return;
            }
            ref byte a = ref padded[y * width], b = ref padded[(y + down) * width];
            for (int x = begin; x < stop; x++)
                columnSums[x] += sign * weights[Unsafe.Add(ref a, x) * levels
                    + Unsafe.Add(ref b, x + right)];
        }
    }

    // Sums over as many pairs as count, each window anew: a running sum would not come back to 0 where no pair is left.
    private static void AddMeansOfCounted(double[] columnSums, double[] columnCounts, int from, int across,
        Span<double> line)
    {
        for (int x = 0; x < line.Length; x++)
        {
            double pairs = 0, total = 0;
            for (int k = from + x; k < from + x + across; k++)
            {
                pairs += columnCounts[k];
                total += columnSums[k];
            }
            line[x] += pairs > 0 ? total / pairs : double.NaN;
        }
    }

    private static void AddSlidingFeature(
        byte[] padded, byte[]? valid, int width, int rows, int columns, int levels, int window, int down, int right,
        bool turned, bool symmetric, GlcmFeature feature, double[] sum)
    {
        int across = window - Math.Abs(right), along = window - down, from = Math.Max(0, -right);
        Parallel.For(0, rows, () => new CooccurrenceSums(levels), (row, _, sums) =>
        {
            sums.Clear();
            for (int x = from; x < from + across; x++)
                AddColumn(sums, row, x, 1);
            for (int x = 0; x < columns; x++)
            {
                if (x > 0)
                {
                    AddColumn(sums, row, from + x + across - 1, 1);
                    AddColumn(sums, row, from + x - 1, -1);
                }
                sum[row * columns + x] += sums.Feature(feature);
            }
            return sums;
        }, static _ => { });

        void AddColumn(CooccurrenceSums sums, int row, int x, int count)
        {
            for (int y = row; y < row + along; y++)
            {
                if (valid is not null && (valid[y * width + x] & valid[(y + down) * width + x + right]) == 0)
                    continue;
                int i = padded[y * width + x], j = padded[(y + down) * width + x + right];
                if (turned)
                    (i, j) = (j, i);
                sums.AddCell(i, j, count);
                if (symmetric)
                    sums.AddCell(j, i, count);
            }
        }
    }
}
