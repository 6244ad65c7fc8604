// No data through a change of grid: a coarser pixel holds data where at least half of the pixels that it stands for do.
using MathNet.Numerics;

namespace SarSynth.Radar.Signal;

/// <summary>
/// Follows the lines of an image and remembers which pixels of a coarser grid hold no data, as runs:
/// masks are borders and patches.
/// </summary>
internal sealed class CoarseGaps
{
    private readonly int rows, columns, newRows, newColumns;
    private readonly int[] columnOf, widths, valid;
    private readonly List<(int From, int To)>?[] runs;
    private int nextRow, height;

    /// <param name="rows">Rows of the image.</param>
    /// <param name="columns">Columns of the image.</param>
    /// <param name="newRows">Rows of the coarser grid over the same ground, at most those of the image.</param>
    /// <param name="newColumns">Columns of it.</param>
    public CoarseGaps(int rows, int columns, int newRows, int newColumns)
    {
        (this.rows, this.columns, this.newRows, this.newColumns) = (rows, columns, newRows, newColumns);
        columnOf = [.. Enumerable.Range(0, columns).Select(column => Coarse(column, columns, newColumns))];
        widths = new int[newColumns];
        foreach (var column in columnOf)
            widths[column]++;
        valid = new int[newColumns];
        runs = new List<(int, int)>?[newRows];
    }

    /// <summary>Takes in whole lines, the next of the image, and puts 0 where they hold no data.</summary>
    public void Take(Span<Complex32> lines)
    {
        for (var at = 0; at < lines.Length; at += columns)
        {
            var line = lines.Slice(at, columns);
            for (var column = 0; column < columns; column++)
            {
                if (float.IsFinite(line[column].Real) && float.IsFinite(line[column].Imaginary))
                    valid[columnOf[column]]++;
                else
                    line[column] = Complex32.Zero;
            }
            height++;
            var row = Coarse(nextRow, rows, newRows);
            if (++nextRow == rows || Coarse(nextRow, rows, newRows) != row)
                Finish(row);
        }
    }

    /// <summary>Puts NaN where lines of the coarser grid hold no data.</summary>
    /// <param name="firstRow">The first line's row.</param>
    /// <param name="lines">Whole lines.</param>
    public void Apply(int firstRow, Span<Complex32> lines)
    {
        for (var row = 0; row < lines.Length / newColumns; row++)
        {
            foreach (var (from, to) in runs[firstRow + row] ?? [])
                lines[(row * newColumns + from)..(row * newColumns + to)].Fill(new Complex32(float.NaN, float.NaN));
        }
    }

    private void Finish(int row)
    {
        for (var column = 0; column < newColumns; column++)
        {
            if (2L * valid[column] >= (long)widths[column] * height)
                continue;
            var list = runs[row] ??= [];
            if (list.Count > 0 && list[^1].To == column)
                list[^1] = (list[^1].From, column + 1);
            else
                list.Add((column, column + 1));
        }
        Array.Clear(valid);
        height = 0;
    }

    // The coarser pixel in which the middle of a pixel lies.
    private static int Coarse(int index, int size, int newSize) => (int)((2L * index + 1) * newSize / (2L * size));
}
