// Edges between areas of other brightness under speckle: the ratio of means on both sides.
namespace SarSynth.Radar.Statistics;

/// <summary>Edges by the ratio of averages, whose rate of false alarms does not depend on brightness.</summary>
/// <remarks>Touzi, Lopes and Bousquet (1988), IEEE Trans. Geoscience and Remote Sensing 26(6).</remarks>
public static class RatioEdges
{
    /// <summary>Side of the two squares whose means are compared, pixels.</summary>
    public const int DefaultWindow = 7;

    /// <summary>
    /// For each pixel the largest |ln(mean / mean)| of two squares on opposite sides of it, over four directions, and
    /// that direction: 0 across columns, 1 across rows, 2 and 3 across the diagonals.
    /// </summary>
    /// <param name="intensity">Intensity, linear, row-major; NaN marks no data.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="window">Side of a square, odd.</param>
    /// <returns>Both [rows x columns]; 0 where a square lies outside or is without power.</returns>
    /// <exception cref="ArgumentException">Sizes that do not match, or an even window.</exception>
    public static (float[] Strength, byte[] Direction) Strength(
        ReadOnlySpan<float> intensity, int rows, int columns, int window = DefaultWindow)
    {
        LocalStatistics.Check(intensity.Length, rows, columns, window);
        var mean = LocalStatistics.Mean(intensity, rows, columns, window);
        var (strength, direction) = (new float[intensity.Length], new byte[intensity.Length]);
        int reach = window / 2 + 1, diagonal = (int)Math.Round(reach / Math.Sqrt(2)), border = reach + window / 2;
        (int Row, int Column)[] steps = [(0, reach), (reach, 0), (diagonal, diagonal), (diagonal, -diagonal)];
        for (int row = border; row < rows - border; row++)
        {
            for (int column = border; column < columns - border; column++)
            {
                int i = row * columns + column;
                for (byte d = 0; d < steps.Length; d++)
                {
                    int step = steps[d].Row * columns + steps[d].Column;
                    float ratio = MathF.Abs(MathF.Log(mean[i + step] / mean[i - step]));
                    if (float.IsFinite(ratio) && ratio > strength[i])
                        (strength[i], direction[i]) = (ratio, d);
                }
            }
        }
        return (strength, direction);
    }

    /// <summary>The strongest edges, one pixel wide: the same number in each image of a size.</summary>
    /// <inheritdoc cref="Strength"/>
    /// <param name="intensity">Intensity, linear, row-major; NaN marks no data.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="share">How many of all pixels are called edges, above 0 and at most 1.</param>
    /// <param name="window">Side of a square, odd.</param>
    /// <returns>True on an edge.</returns>
    public static bool[] Detect(
        ReadOnlySpan<float> intensity, int rows, int columns, double share = 0.01, int window = DefaultWindow)
    {
        if (!(share > 0 && share <= 1))
            throw new ArgumentException($"share: found {share}, expected above 0 and at most 1.", nameof(share));
        var (strength, direction) = Strength(intensity, rows, columns, window);
        int[] steps = [1, columns, columns + 1, columns - 1];
        var ridge = new List<(float Strength, int At)>();
        for (int i = columns + 1; i < strength.Length - columns - 1; i++)
        {
            int step = steps[direction[i]];
            if (strength[i] > 0 && strength[i] >= strength[i - step] && strength[i] > strength[i + step])
                ridge.Add((strength[i], i));
        }
        var edges = new bool[strength.Length];
        foreach (var (_, at) in ridge.OrderByDescending(e => e.Strength).ThenBy(e => e.At)
            .Take((int)Math.Round(share * strength.Length)))
            edges[at] = true;
        return edges;
    }

    /// <summary>How many edges of one map have one of another map near.</summary>
    /// <param name="of">The map whose edges are counted.</param>
    /// <param name="near">The other.</param>
    /// <param name="rows">Rows of both.</param>
    /// <param name="columns">Columns of both.</param>
    /// <param name="distance">Pixels, along rows and columns.</param>
    /// <returns>Edges with one near, and all edges.</returns>
    /// <exception cref="ArgumentException">Sizes that do not match.</exception>
    public static (long Near, long All) Within(
        ReadOnlySpan<bool> of, ReadOnlySpan<bool> near, int rows, int columns, int distance = 2)
    {
        if ((long)rows * columns != of.Length || of.Length != near.Length)
            throw new ArgumentException($"edges: found {of.Length} and {near.Length} pixels, expected {rows} x "
                + $"{columns} each.");
        long found = 0, all = 0;
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                if (!of[row * columns + column])
                    continue;
                all++;
                found += IsNear(near, rows, columns, row, column, distance) ? 1 : 0;
            }
        }
        return (found, all);
    }

    private static bool IsNear(ReadOnlySpan<bool> map, int rows, int columns, int row, int column, int distance)
    {
        for (int y = Math.Max(0, row - distance); y <= Math.Min(rows - 1, row + distance); y++)
            for (int x = Math.Max(0, column - distance); x <= Math.Min(columns - 1, column + distance); x++)
                if (map[y * columns + x])
                    return true;
        return false;
    }
}
