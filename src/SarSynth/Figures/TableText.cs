// The table by which translation is judged as text: for terminals of 80 columns, Markdown, LaTeX and CSV.
using System.Globalization;
using System.Text;
using SarSynth.Evaluation;

namespace SarSynth.Figures;

/// <summary>Writes a <see cref="TranslationTable"/>.</summary>
public static class TableText
{
    private const int NameWidth = 22, CellWidth = 12, GoalWidth = 10, CellsAside = 4;

    /// <summary>
    /// A block of at most 80 columns for each group, each value with its interval below it; more than four candidates
    /// stand in further blocks.
    /// </summary>
    /// <param name="table">The table.</param>
    public static string ToText(this TranslationTable table)
    {
        var text = new StringBuilder();
        foreach (var group in table.Rows.Where(r => !r.IsDetail).GroupBy(r => r.Group))
        {
            foreach (var some in Enumerable.Range(0, table.Candidates.Count).Chunk(CellsAside))
                Block(text, table, group.Key, [.. group], some);
        }
        return text.Append(Legend(table)).ToString();
    }

    /// <summary>What the marks mean, in lines of at most 80 columns.</summary>
    /// <param name="table">The table.</param>
    public static string Legend(TranslationTable table)
    {
        var compared = table.Baseline.Length > 0
            ? $"+ better, - worse than {table.Baseline}: the intervals of the distances "
                + "from the\nideal do not overlap. "
            : "";
        var biased = table.Rows.Any(r => r.Cells.Any(c => c.IsBiased))
            ? "† biased: over 97.5 % of the draws lie on one side of it; the interval is\nof the value "
                + "without that.\n" : "";
        return FormattableString.Invariant($"{compared}* meets the goal.\nIntervals of 95 %: bootstrap (BCa) over ")
            + FormattableString.Invariant($"{table.Scenes.Count} images, {table.Resamples} draws.\n{biased}");
    }

    /// <summary>One table for each group, with headings.</summary>
    /// <param name="table">The table.</param>
    public static string ToMarkdown(this TranslationTable table)
    {
        var text = new StringBuilder();
        text.Append($"| | {string.Join(" | ", table.Candidates)} | goal |\n|---|");
        text.Append(string.Concat(Enumerable.Repeat("--:|", table.Candidates.Count + 1))).Append('\n');
        foreach (var row in table.Rows.Where(r => !r.IsDetail))
        {
            text.Append($"| {FullName(row).Replace("|", "\\|", StringComparison.Ordinal)} |");
            foreach (var cell in row.Cells)
            {
                var value = Text(cell.Value, row) + Mark(cell.Verdict);
                text.Append($" {(cell.Meets == true ? $"**{value}**" : value)}")
                    .Append(Brackets(cell, row, " <sub>", "</sub>")).Append(" |");
            }
            text.Append($" {row.Goal} |\n");
        }
        return text.ToString();
    }

    /// <summary>A tabular of booktabs, to be \input into a paper.</summary>
    /// <param name="table">The table.</param>
    public static string ToLatex(this TranslationTable table)
    {
        var text = new StringBuilder("% needs \\usepackage{booktabs}\n");
        text.Append($"\\begin{{tabular}}{{l{new string('r', table.Candidates.Count + 1)}}}\n\\toprule\n");
        text.Append($"& {string.Join(" & ", table.Candidates.Select(Latex))} & goal \\\\\n");
        foreach (var group in table.Rows.Where(r => !r.IsDetail).GroupBy(r => r.Group))
        {
            text.Append($"\\midrule\n\\multicolumn{{{table.Candidates.Count + 2}}}{{l}}")
                .Append($"{{\\emph{{{Latex(group.Key)}}}}} \\\\\n");
            foreach (var row in group)
            {
                var cells = row.Cells.Select(c =>
                {
                    var value = Text(c.Value, row)
                        + (c.Verdict == Verdict.Undecided ? "" : $"$^{{{Mark(c.Verdict)}}}$");
                    return (c.Meets == true ? $"\\textbf{{{value}}}" : value)
                        + Brackets(c, row, " {\\scriptsize [", "]}").Replace("–", "--", StringComparison.Ordinal)
                            .Replace("†", "$^\\dagger$", StringComparison.Ordinal);
                });
                text.Append($"{Latex(FullName(row))} & {string.Join(" & ", cells)} & {Latex(row.Goal)} \\\\\n");
            }
        }
        return text.Append("\\bottomrule\n\\end{tabular}\n").ToString();
    }

    /// <summary>
    /// One line for each measure, candidate and scene ("all" is over all of them), for programs.
    /// </summary>
    /// <param name="table">The table.</param>
    public static string ToCsv(this TranslationTable table)
    {
        var text = new StringBuilder("measure,group,name,unit,goal,candidate,scene,value,lower,upper,meets,verdict\n");
        foreach (var row in table.Rows)
        {
            foreach (var (candidate, cell) in table.Candidates.Zip(row.Cells))
            {
                string[] start = [row.Id, row.Group, row.Name, row.Unit, row.Goal, candidate];
                var verdict = cell.Verdict == Verdict.Undecided ? "" : cell.Verdict.ToString().ToLowerInvariant();
                Line([.. start, "all", Number(cell.Value), Number(cell.Lower), Number(cell.Upper),
                    cell.Meets is { } meets ? meets ? "yes" : "no" : "", verdict]);
                for (var s = 0; s < cell.Scenes.Count; s++)
                    Line([.. start, s < table.Scenes.Count ? table.Scenes[s] : $"image {s + 1}", Number(cell.Scenes[s]),
                        "", "", "", ""]);
            }
        }
        return text.ToString();

        void Line(string[] fields) => text.Append(string.Join(',', fields.Select(f =>
            f.AsSpan().IndexOfAny(",\"\n") >= 0 ? $"\"{f.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : f)))
            .Append('\n');

        static string Number(double? value) => value?.ToString("R", CultureInfo.InvariantCulture) ?? "";
    }

    /// <summary>
    /// The table as a piece of a page; below it, folded, rows that detail others, and the measures' definitions.
    /// </summary>
    /// <param name="table">The table.</param>
    public static string ToHtml(this TranslationTable table)
    {
        var html = new StringBuilder();
        Html(html, table, [.. table.Rows.Where(r => !r.IsDetail)]);
        if (table.Rows.Any(r => r.IsDetail))
        {
            html.Append("<details><summary>By class of ground, every distance</summary>");
            Html(html, table, [.. table.Rows.Where(r => r.IsDetail)]);
            html.Append("</details>");
        }
        html.Append("<details><summary>How each is measured</summary><dl>");
        foreach (var row in table.Rows)
            html.Append($"<dt><b>{Report.Encode(Typeset(row.Name))}</b></dt><dd>{Report.Encode(row.Definition)}</dd>");
        return html.Append("</dl></details>\n").ToString();
    }

    private static void Html(StringBuilder html, TranslationTable table, IReadOnlyList<TableRow> rows)
    {
        html.Append("<div class=\"table\"><table><thead><tr><th scope=\"col\">measure</th>");
        foreach (var name in table.Candidates.Append("goal"))
            html.Append($"<th scope=\"col\">{Report.Encode(name)}</th>");
        html.Append("</tr></thead><tbody>");
        foreach (var group in rows.GroupBy(r => r.Group))
        {
            html.Append($"<tr><th scope=\"rowgroup\" colspan=\"{table.Candidates.Count + 2}\">"
                + $"<em>{Report.Encode(group.Key)}</em></th></tr>");
            foreach (var row in group)
            {
                html.Append($"<tr><th scope=\"row\" title=\"{Report.Encode(row.Definition)}\">"
                    + Report.Encode(Typeset(row.Name))
                    + (row.Unit.Length > 0 ? $" <small>{Report.Encode(row.Unit)}</small>" : "") + "</th>");
                foreach (var cell in row.Cells)
                {
                    var value = Minus(Text(cell.Value, row) + Mark(cell.Verdict));
                    var interval = Minus(Brackets(cell, row, "<br><small>", "</small>"));
                    // A dash beside a minus sign would read as another one.
                    if (interval.Contains('\u2212'))
                        interval = interval.Replace("\u2013", " to ", StringComparison.Ordinal);
                    html.Append("<td>").Append(cell.Meets == true ? $"<strong>{value}</strong>" : value)
                        .Append(interval).Append("</td>");
                }
                html.Append($"<td>{Report.Encode(row.Goal)}</td></tr>");
            }
        }
        html.Append("</tbody></table></div>");
    }

    internal static string FullName(TableRow row) =>
        (row.Group is "flat ground" or "seeds" || row.Group.EndsWith(" features", StringComparison.Ordinal)
            ? $"{row.Group}: " : "") + row.Name
        + (row.Unit.Length > 0 ? $", {row.Unit}" : "");

    // Hyphens of a number as a page writes them.
    internal static string Minus(string number) => number.Replace('-', '\u2212');

    // Likewise of a name: "target / clutter - true".
    internal static string Typeset(string name) => name.Replace(" - ", " \u2212 ", StringComparison.Ordinal);

    // As a table has it: ".042" leaves room for what is said.
    internal static string Text(double? value, TableRow row)
    {
        if (value is not { } number)
            return "–";
        var text = number.ToString(row.Format, CultureInfo.InvariantCulture);
        return text.StartsWith("0.", StringComparison.Ordinal) ? text[1..]
            : text.StartsWith("-0.", StringComparison.Ordinal) ? "-" + text[2..] : text;
    }

    private static void Block(
        StringBuilder text, TranslationTable table, string group, IReadOnlyList<TableRow> rows, int[] some)
    {
        string[][] heads = [.. some.Select(c => Broken(table.Candidates[c], CellWidth - 1))];
        var lines = heads.Max(h => h.Length);
        for (var l = 0; l < lines; l++)
        {
            text.Append((l == lines - 1 ? group : "").PadRight(NameWidth));
            foreach (var head in heads)
                text.Append((l - lines + head.Length is >= 0 and var at ? head[at] : "").PadLeft(CellWidth));
            text.Append((l == lines - 1 ? "goal" : "").PadLeft(GoalWidth)).Append('\n');
        }
        foreach (var row in rows)
        {
            text.Append((row.Name + (row.Unit.Length > 0 && !row.Name.EndsWith(row.Unit, StringComparison.Ordinal)
                && row.Name.Length + row.Unit.Length + 1 < NameWidth ? " " + row.Unit : "")).PadRight(NameWidth));
            foreach (var c in some)
                text.Append((Text(row.Cells[c].Value, row) + (row.Cells[c].Meets == true ? "*" : "")
                    + Mark(row.Cells[c].Verdict)).PadLeft(CellWidth));
            text.Append(row.Goal.PadLeft(GoalWidth)).Append('\n').Append(' ', NameWidth);
            foreach (var c in some)
                text.Append(Narrow(row.Cells[c], row).PadLeft(CellWidth));
            text.Append('\n');
        }
        text.Append('\n');
    }

    // An interval with as many decimals as its column has room for.
    private static string Narrow(TableCell cell, TableRow row)
    {
        var text = Brackets(cell, row, "", "");
        for (var format = row.Format; text.Length >= CellWidth && format.Length > 1;)
        {
            format = format[..^1].TrimEnd('.');
            text = Brackets(cell, row with { Format = format }, "", "");
        }
        return text;
    }

    // Words on lines of a width; a word that is longer is cut.
    private static string[] Broken(string name, int width)
    {
        List<string> lines = [""];
        foreach (var word in name.Replace("-", "- ", StringComparison.Ordinal).Split(' '))
        {
            var joint = lines[^1].Length == 0 || lines[^1].EndsWith('-') ? "" : " ";
            if (lines[^1].Length > 0 && lines[^1].Length + joint.Length + word.Length > width)
                lines.Add("");
            lines[^1] += (lines[^1].Length == 0 ? "" : joint) + word;
        }
        return [.. lines.Select(l => l.Length > width ? l[..width] : l)];
    }

    private static string Brackets(TableCell cell, TableRow row, string open, string close) =>
        cell is { Lower: { } lower, Upper: { } upper }
            ? $"{open}{Text(lower, row)}–{Text(upper, row)}{(cell.IsBiased ? "†" : "")}{close}"
            : "";

    private static string Mark(Verdict verdict) => verdict switch
    {
        Verdict.Better => "+",
        Verdict.Worse => "-",
        _ => "",
    };

    private static string Latex(string text) => text.Replace("%", "\\%", StringComparison.Ordinal)
        .Replace("_", "\\_", StringComparison.Ordinal).Replace("≤", "$\\le$", StringComparison.Ordinal)
        .Replace("≥", "$\\ge$", StringComparison.Ordinal).Replace("–", "--", StringComparison.Ordinal)
        .Replace("²", "$^2$", StringComparison.Ordinal);
}
