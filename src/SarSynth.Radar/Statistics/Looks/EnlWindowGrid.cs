// Facts of square windows that tile an image, gathered line by line: images of any size, windows of any size.
using System.Runtime.InteropServices;

namespace SarSynth.Radar.Statistics;

/// <summary>What the ENL estimators need of a window.</summary>
/// <param name="Row">First row.</param>
/// <param name="Column">First column.</param>
/// <param name="Complete">Whether every pixel is above 0; the rest is NaN where not.</param>
/// <param name="Looks">mean² / variance, divisor n - 1.</param>
/// <param name="Gap">ln(mean) - mean(ln).</param>
/// <param name="QuadrantSpread">Sum of squared deviations of the quadrants' ln-means.</param>
internal readonly record struct WindowFacts(int Row, int Column, bool Complete, double Looks, double Gap,
    double QuadrantSpread);

/// <summary>Gathers the facts; lines come in order.</summary>
internal sealed class EnlWindowGrid
{
    private const int SmallestWindow = 6;

    private readonly int rows, columns, window, step;
    private readonly Sums[] sums;
    private readonly List<WindowFacts> facts;
    private int nextRow;

    /// <param name="rows">Rows of the image.</param>
    /// <param name="columns">Columns of the image.</param>
    /// <param name="window">Side of the windows, at least 6.</param>
    /// <param name="most">
    /// About the most windows to look at: where there are more, every second, third, ... in both axes is.
    /// </param>
    /// <exception cref="ArgumentException">The window is too small.</exception>
    public EnlWindowGrid(int rows, int columns, int window, int most = int.MaxValue)
    {
        if (window < SmallestWindow)
            throw new ArgumentException($"window: found {window}, expected at least {SmallestWindow}.", nameof(window));
        (this.rows, this.columns, this.window) = (rows, columns, window);
        Total = (long)(rows / window) * (columns / window);
        step = Math.Max(1, (int)Math.Ceiling(Math.Sqrt((double)Total / most)));
        sums = new Sums[(columns / window + step - 1) / step];
        facts = new List<WindowFacts>((rows / window + step - 1) / step * sums.Length);
    }

    /// <summary>Windows that fit into the image.</summary>
    public long Total { get; }

    /// <summary>Facts of the windows that are complete so far, row by row.</summary>
    public IReadOnlyList<WindowFacts> Facts => facts;

    /// <summary>Takes in whole lines, the next of the image.</summary>
    public unsafe void Add(ReadOnlySpan<float> lines)
    {
        fixed (float* start = &MemoryMarshal.GetReference(lines))
        {
            // The lambda may not capture a fixed local; the span stays pinned until the loop is done.
            nint address = (nint)start;
            int first = nextRow, end = nextRow + lines.Length / columns;
            while (nextRow < end && nextRow / window < rows / window)
            {
                int top = nextRow / window * window, from = nextRow, to = Math.Min(end, top + window);
                nextRow = to;
                if (top / window % step != 0)
                    continue;
                const int share = 64;
                Parallel.For(0, (sums.Length + share - 1) / share, part =>
                {
                    for (int at = part * share; at < Math.Min(sums.Length, (part + 1) * share); at++)
                    {
                        if (from == top)
                            sums[at] = default;
                        for (int row = from; row < to; row++)
                            sums[at].Add(new ReadOnlySpan<float>((float*)address + (long)(row - first) * columns
                                + at * step * window, window), row - top >= window / 2);
                    }
                });
                if (to < top + window)
                    continue;
                for (int at = 0; at < sums.Length; at++)
                    facts.Add(sums[at].Facts(top, at * step * window, window));
            }
            nextRow = end;
        }
    }

    private struct Sums
    {
        private double meanLog, sum, squares, scale, upperLeft, upperRight, lowerLeft, lowerRight;
        private bool isBroken;

        public void Add(ReadOnlySpan<float> line, bool lower)
        {
            if (isBroken)
                return;
            int half = line.Length / 2;
            for (int x = 0; x < line.Length; x++)
            {
                double value = line[x];
                if (!(value > 0))
                {
                    isBroken = true;
                    return;
                }
                // Any scale of the data: the first pixel is the unit.
                if (scale == 0)
                    scale = 1 / value;
                value *= scale;
                meanLog += Math.Log(value);
                sum += value;
                squares += value * value;
                if (x < half)
                    _ = lower ? lowerLeft += value : upperLeft += value;
                else
                    _ = lower ? lowerRight += value : upperRight += value;
            }
        }

        public readonly WindowFacts Facts(int row, int column, int window)
        {
            if (isBroken)
                return new WindowFacts(row, column, false, double.NaN, double.NaN, double.NaN);
            double n = (double)window * window, mean = sum / n;
            double variance = (squares - mean * sum) / (n - 1);
            double looks = variance > 1e-13 * mean * mean ? mean * mean / variance : double.NaN;
            Span<double> logs = [Math.Log(upperLeft), Math.Log(upperRight), Math.Log(lowerLeft), Math.Log(lowerRight)];
            double spread = 0, meanOfLogs = (logs[0] + logs[1] + logs[2] + logs[3]) / 4;
            foreach (double log in logs)
                spread += (log - meanOfLogs) * (log - meanOfLogs);
            return new WindowFacts(row, column, true, looks, Math.Log(mean) - meanLog / n, spread);
        }
    }
}
