// Which of the papers' figures the kit reproduces, which it only resembles, and which cannot be had.
using System.Text;
using SarSynth.Experiments;

namespace SarSynth.Figures;

/// <summary>The table of what reproduces, what only resembles, and what cannot be had.</summary>
public sealed record PaperStandings
{
    /// <summary>The table as a piece of a page.</summary>
    public string ToHtml()
    {
        static string Cells(string cell, params IEnumerable<string> words) =>
            string.Concat(words.Select(w => $"<{cell} style=\"text-align:left\">{Report.Encode(w)}</{cell}>"));
        var html = new StringBuilder("<table><thead><tr>")
            
            .Append(Cells("th", "", "figure or table", "paper", "the kit", "what differs"))
            .Append("</tr></thead><tbody>");
        foreach (var f in PaperFigure.All)
            html.Append("<tr>").Append(Cells("td", $"{f.Number}", f.Title, f.Paper, f.Words, f.Differs))
                .Append("</tr>");
        return html.Append("</tbody></table>").ToString();
    }

    /// <summary>A line a figure.</summary>
    public override string ToString() => string.Join('\n', PaperFigure.All
        .Select(f => $"{f.Number}. {f.Title} ({f.Paper}): {f.Words}. {f.Differs}"));
}
