// A table of values at some lines and, on each, at some pixels of its own; bilinear between them.
namespace SarSynth.Radar.Formats;

/// <summary>Values on lines of an image. Outside the table its edge goes on.</summary>
internal sealed class LookUpTable
{
    private readonly int[] lines;
    private readonly double[][] pixels;
    private readonly double[][] values;

    /// <exception cref="FormatException">No line, lines or pixels out of order, or counts that differ.</exception>
    public LookUpTable(string name, IEnumerable<(int Line, double[] Pixels, double[] Values)> rows)
    {
        var ordered = rows.OrderBy(row => row.Line).ToList();
        if (ordered.Count == 0)
            throw new FormatException($"{name}: found no line, expected one or more");
        foreach (var row in ordered)
        {
            if (row.Pixels.Length == 0 || row.Pixels.Length != row.Values.Length)
                throw new FormatException($"{name}: found {row.Values.Length} values "
                    + $"for {row.Pixels.Length} pixels on line {row.Line}");
            for (var i = 1; i < row.Pixels.Length; i++)
            {
                if (row.Pixels[i] <= row.Pixels[i - 1])
                    throw new FormatException($"{name}: pixels out of order on line {row.Line}");
            }
        }
        // Of lines given twice the first counts.
        var distinct = ordered.DistinctBy(row => row.Line).ToList();
        lines = [.. distinct.Select(row => row.Line)];
        pixels = [.. distinct.Select(row => row.Pixels)];
        values = [.. distinct.Select(row => row.Values)];
    }

    /// <summary>Whether all values are 0.</summary>
    public bool IsZero => Array.TrueForAll(values, line => Array.TrueForAll(line, value => value == 0));

    /// <summary>
    /// A sentence on the part of an image that the table leaves out by more than a pixel; null when it covers all.
    /// </summary>
    /// <param name="what">What the table holds.</param>
    /// <param name="rows">Rows of the image; 0 when they are not known.</param>
    /// <param name="columns">Columns of the image.</param>
    public string? Uncovered(string what, int rows, int columns)
    {
        // One line or pixel holds for all: that is a constant, not a gap.
        var lacking = new List<string>();
        if (lines.Length > 1)
            Lack("rows", lines[0], lines[^1], rows);
        if (pixels.Any(line => line.Length > 1))
            Lack("columns", pixels.Max(line => line[0]), pixels.Min(line => line[^1]), columns);
        return lacking.Count == 0 ? null
            : $"{what} is annotated for {string.Join(" and ", lacking)}: outside the nearest value is taken";

        void Lack(string axis, double first, double last, int size)
        {
            if (size > 0 && (first > 1 || last < size - 2))
                lacking.Add(FormattableString.Invariant($"{axis} {first} to {last} of {size}"));
        }
    }

    /// <summary>The value at a place.</summary>
    public double At(double line, double pixel)
    {
        var (above, part) = Place(lines, line);
        var first = Along(above, pixel);
        return part == 0 ? first : first + part * (Along(above + 1, pixel) - first);
    }

    /// <summary>The values along a part of a line.</summary>
    public void Row(double line, int firstPixel, Span<double> row)
    {
        var (above, part) = Place(lines, line);
        Along(above, firstPixel, 1 - part, row, add: false);
        if (part > 0)
            Along(above + 1, firstPixel, part, row, add: true);
    }

    private double Along(int index, double pixel)
    {
        var (left, part) = Place(pixels[index], pixel);
        return part == 0 ? values[index][left] : values[index][left]
            + part * (values[index][left + 1] - values[index][left]);
    }

    private void Along(int index, int firstPixel, double weight, Span<double> row, bool add)
    {
        var (at, level) = (pixels[index], values[index]);
        var (left, _) = Place(at, firstPixel);
        for (var i = 0; i < row.Length; i++)
        {
            double pixel = firstPixel + i;
            while (left + 1 < at.Length && pixel >= at[left + 1])
                left++;
            var value = pixel <= at[0] ? level[0] : left + 1 >= at.Length ? level[^1]
                : level[left] + (pixel - at[left]) / (at[left + 1] - at[left]) * (level[left + 1] - level[left]);
            row[i] = add ? row[i] + weight * value : weight * value;
        }
    }

    private static (int Index, double Part) Place<T>(T[] nodes, double position)
        where T : System.Numerics.INumber<T>
    {
        if (position <= double.CreateChecked(nodes[0]))
            return (0, 0);
        if (position >= double.CreateChecked(nodes[^1]))
            return (nodes.Length - 1, 0);
        int low = 0, high = nodes.Length - 1;
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            if (position >= double.CreateChecked(nodes[middle]))
                low = middle;
            else
                high = middle;
        }
        double left = double.CreateChecked(nodes[low]), right = double.CreateChecked(nodes[high]);
        return (low, (position - left) / (right - left));
    }
}
