// A table of figures with units, whose best values stand out.
using System.Globalization;
using System.Text;

namespace SarSynth.Figures;

/// <summary>Which value of a column is the best one.</summary>
public enum Best
{
    /// <summary>None is marked.</summary>
    None,

    /// <summary>The lowest, as of a distance.</summary>
    Lowest,

    /// <summary>The highest, as of a correlation.</summary>
    Highest,
}

/// <summary>A column of numbers.</summary>
/// <param name="Name">What the numbers are.</param>
/// <param name="Unit">Their unit; may be empty.</param>
/// <param name="Best">Which of them is marked.</param>
/// <param name="Format">How they are written (.NET's number formats).</param>
public sealed record ReportColumn(string Name, string Unit = "", Best Best = Best.None, string Format = "G4");

/// <summary>A table: a name for each row, numbers in the columns.</summary>
/// <param name="caption">What the table shows.</param>
/// <param name="rowHeading">What the rows' names are.</param>
/// <param name="columns">The columns of numbers.</param>
public sealed class ReportTable(string caption, string rowHeading, params IReadOnlyList<ReportColumn> columns)
{
    private readonly List<(string Name, double?[] Values)> rows = [];

    /// <summary>Adds a row.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="values">A number for each column; null or NaN where there is none.</param>
    /// <exception cref="ArgumentException">There are more or fewer numbers than columns.</exception>
    public ReportTable Row(string name, params double?[] values)
    {
        if (values.Length != columns.Count)
            throw new ArgumentException($"row '{name}': found {values.Length} "
                + $"values, expected {columns.Count}, one for each column.", nameof(values));
        rows.Add((name, values));
        return this;
    }

    /// <summary>The table as a piece of a page.</summary>
    public string ToHtml()
    {
        var html = new StringBuilder();
        html.Append("<div class=\"table\"><table><caption>").Append(Report.Marked(caption))
            .Append("</caption><thead><tr><th scope=\"col\">").Append(Report.Encode(rowHeading)).Append("</th>");
        foreach (var column in columns)
            html.Append("<th scope=\"col\">").Append(Report.Encode(column.Name))
                .Append(column.Unit.Length > 0 ? $" <small>{Report.Encode(column.Unit)}</small>" : "").Append("</th>");
        html.Append("</tr></thead><tbody>");
        var best = columns.Select((c, i) => BestOf(c.Best, rows.Select(r => r.Values[i]))).ToArray();
        foreach (var (name, values) in rows)
        {
            html.Append("<tr><th scope=\"row\">").Append(Report.Marked(name)).Append("</th>");
            for (var i = 0; i < values.Length; i++)
            {
                var text = values[i] is { } v && double.IsFinite(v)
                    ? v.ToString(columns[i].Format, CultureInfo.InvariantCulture).Replace('-', '\u2212') : "\u2013";
                html.Append(best[i] is { } b && values[i] == b ? $"<td><strong title=\"best\">{text}</strong></td>"
                    : $"<td>{text}</td>");
            }
            html.Append("</tr>");
        }
        return html.Append("</tbody></table></div>\n").ToString();
    }

    /// <summary>The caption and the rows' names, in words.</summary>
    public override string ToString() => $"{caption}: {string.Join(", ", rows.Select(r => r.Name))}";

    private static double? BestOf(Best best, IEnumerable<double?> values)
    {
        var finite = values.Where(v => v is { } x && double.IsFinite(x)).ToArray();
        return best == Best.None || finite.Length < 2 ? null : best == Best.Lowest ? finite.Min() : finite.Max();
    }
}
