// Candidates of point targets: pixels that stand far above the clutter around them (cell-averaging CFAR).
using System.Numerics.Tensors;

namespace SarSynth.Radar.Statistics;

/// <summary>A candidate of a point target.</summary>
/// <param name="Row">Row of the brightest pixel.</param>
/// <param name="Column">Column of the brightest pixel.</param>
/// <param name="Intensity">Intensity of that pixel.</param>
/// <param name="SignalToClutter">Intensity over the mean of the ring around it, dB.</param>
public sealed record PointTarget(int Row, int Column, double Intensity, double SignalToClutter);

/// <summary>Finds point targets.</summary>
public static class PointTargets
{
    /// <summary>Candidates of point targets, strongest against their clutter first.</summary>
    /// <param name="intensity">Intensity, linear, row-major; NaN marks no data.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="window">Side of the square whose ring is the clutter: odd, above guard.</param>
    /// <param name="guard">
    /// Side of the inner square that is left out: odd, at least 3. A candidate is the brightest pixel in it.
    /// </param>
    /// <param name="falseAlarm">Probability that a pixel of single-look clutter passes, in (0, 1).</param>
    /// <exception cref="ArgumentException">Sizes that do not match or windows and probability out of range.</exception>
    /// <remarks>
    /// Finn &amp; Johnson (1968): threshold n (p^(-1/n) - 1) on the ratio to the mean of
    /// n independent cells of exponential clutter.
    /// </remarks>
    public static IReadOnlyList<PointTarget> Detect(
        ReadOnlySpan<float> intensity, int rows, int columns, int window = 31, int guard = 11,
            double falseAlarm = 1e-9) =>
        Detect(intensity, rows, columns, new float[intensity.Length], new float[intensity.Length], window, guard,
            falseAlarm);

    /// <summary>With buffers of [rows x columns] or more for the local means.</summary>
    internal static IReadOnlyList<PointTarget> Detect(
        ReadOnlySpan<float> intensity, int rows, int columns, float[] large, float[] small, int window = 31,
            int guard = 11, double falseAlarm = 1e-9)
    {
        LocalStatistics.Check(intensity.Length, rows, columns, window);
        if (guard < 3 || guard % 2 == 0 || guard >= window)
            throw new ArgumentException($"guard: found {guard}, expected an odd number from 3 to "
                + $"below the window of {window}.", nameof(guard));
        if (!(falseAlarm > 0 && falseAlarm < 1))
            throw new ArgumentException($"falseAlarm: found {falseAlarm}, expected a probability in (0, 1).",
                nameof(falseAlarm));
        double outer = (double)window * window, inner = (double)guard * guard, cells = outer - inner;
        double threshold = cells * (Math.Pow(falseAlarm, -1 / cells) - 1);
        LocalStatistics.Mean(intensity, rows, columns, window, large);
        LocalStatistics.Mean(intensity, rows, columns, guard, small);
        var (largeShare, smallShare) = Shares(intensity, rows, columns, window, guard);
        var found = new List<PointTarget>();
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                int i = row * columns + column;
                // The means are those of the pixels with data: each counts as many as there are.
                double around = outer * (largeShare is null ? 1 : largeShare[i]);
                double within = inner * (smallShare is null ? 1 : smallShare[i]);
                double clutter = ((double)large[i] * around - (double)small[i] * within) / (around - within);
                // float's rounding may leave a tiny negative ring where one pixel holds all the energy.
                clutter = Math.Max(clutter, large[i] * 1e-6);
                if (intensity[i] > threshold * clutter && IsHighest(intensity, rows, columns, row, column, guard / 2))
                    found.Add(new PointTarget(row, column, intensity[i], 10 * Math.Log10(intensity[i] / clutter)));
            }
        }
        return [.. found.OrderByDescending(t => t.SignalToClutter)];
    }

    // The share of each window's pixels that hold data; null where all do.
    private static (float[]? Large, float[]? Small) Shares(
        ReadOnlySpan<float> intensity, int rows, int columns, int window, int guard)
    {
        if (!float.IsNaN(TensorPrimitives.Max(intensity)))
            return (null, null);
        var valid = new float[intensity.Length];
        for (int i = 0; i < valid.Length; i++)
            valid[i] = float.IsNaN(intensity[i]) ? 0 : 1;
        return (LocalStatistics.Mean(valid, rows, columns, window), LocalStatistics.Mean(valid, rows, columns, guard));
    }

    private static bool IsHighest(ReadOnlySpan<float> image, int rows, int columns, int row, int column, int reach)
    {
        float value = image[row * columns + column];
        for (int y = Math.Max(0, row - reach); y <= Math.Min(rows - 1, row + reach); y++)
        {
            for (int x = Math.Max(0, column - reach); x <= Math.Min(columns - 1, column + reach); x++)
            {
                float other = image[y * columns + x];
                // Of equal pixels the first is taken.
                if (other > value || (other == value && (y < row || (y == row && x < column))))
                    return false;
            }
        }
        return true;
    }
}
