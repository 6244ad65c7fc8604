// A report as one page that opens anywhere without a network: prose, tables, pictures, live plots, provenance.
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Plotly.NET;
using SarSynth.Diffusion.Checkpoints;

namespace SarSynth.Figures;

/// <summary>A figure that sums a result up.</summary>
/// <param name="Label">What it is.</param>
/// <param name="Value">The number, written as the reader shall see it.</param>
/// <param name="Unit">Its unit; may be empty.</param>
/// <param name="Note">What it is to be compared with; may be empty.</param>
public sealed record KeyFigure(string Label, string Value, string Unit = "", string Note = "");

/// <summary>Builds a report, top to bottom, and writes it as a self-contained page.</summary>
/// <param name="title">Title of the report.</param>
/// <param name="summary">One or two sentences below the title; may be empty.</param>
public sealed partial class Report(string title, string summary = "")
{
    private readonly StringBuilder body = new();
    private readonly StringBuilder contents = new();
    private int sections;
    private int plots;

    /// <summary>Title of the report.</summary>
    public string Title { get; } = title;

    /// <summary>Begins a section; it appears in the list of contents.</summary>
    /// <param name="heading">Its heading.</param>
    public Report Section(string heading)
    {
        var id = $"section-{++sections}";
        body.Append($"<h2 id=\"{id}\">{Encode(heading)}</h2>\n");
        contents.Append($"<li><a href=\"#{id}\">{Encode(heading)}</a></li>");
        return this;
    }

    /// <summary>Adds paragraphs.</summary>
    /// <param name="text">
    /// Plain text; an empty line ends a paragraph; **strong**, *emphasis* and `code` are the only marks.
    /// </param>
    public Report Prose(string text)
    {
        foreach (var paragraph in text.ReplaceLineEndings("\n")
            .Split("\n\n", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            body.Append("<p>").Append(Marked(paragraph)).Append("</p>\n");
        return this;
    }

    /// <summary>Adds numbers that the reader shall see first.</summary>
    /// <param name="values">At most about six.</param>
    public Report KeyFigures(params IEnumerable<KeyFigure> values)
    {
        body.Append("<dl class=\"key\">");
        foreach (var v in values)
        {
            body.Append($"<div><dt>{Encode(v.Label)}</dt><dd><b>{Encode(v.Value)}</b>");
            body.Append(v.Unit.Length > 0 ? " " + Encode(v.Unit) : "");
            body.Append(v.Note.Length > 0 ? $"<span>{Encode(v.Note)}</span></dd></div>" : "</dd></div>");
        }
        body.Append("</dl>\n");
        return this;
    }

    /// <summary>Adds a table.</summary>
    /// <param name="table">The table.</param>
    public Report Table(ReportTable table)
    {
        body.Append(table.ToHtml());
        return this;
    }

    /// <summary>Adds a piece of a page as it is.</summary>
    /// <param name="html">Well-formed, and without scripts.</param>
    internal Report Raw(string html)
    {
        body.Append(html);
        return this;
    }

    /// <summary>Adds a live plot, with the caption below it.</summary>
    /// <param name="chart">The plot; its width follows the page.</param>
    /// <param name="caption">What the reader shall see in it.</param>
    public Report Chart(GenericChart chart, string caption = "")
    {
        body.Append("<div class=\"figures\">");
        Append(chart, caption);
        body.Append("</div>\n");
        return this;
    }

    /// <summary>Adds live plots side by side (below each other on a narrow page).</summary>
    /// <param name="pairs">Plots and their captions.</param>
    public Report Charts(params IEnumerable<(GenericChart Chart, string Caption)> pairs)
    {
        body.Append("<div class=\"figures\">");
        foreach (var (chart, caption) in pairs)
            Append(chart, caption);
        body.Append("</div>\n");
        return this;
    }

    /// <summary>Adds rows of pictures.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="caption">What the reader shall see in it.</param>
    public Report Panel(ImagePanel panel, string caption = "")
    {
        body.Append("<figure class=\"panel\">").Append(panel.ToHtml()).Append(Caption(caption)).Append("</figure>\n");
        return this;
    }

    /// <summary>Adds one picture.</summary>
    /// <param name="png">A PNG file.</param>
    /// <param name="description">What it shows, for who cannot see it.</param>
    /// <param name="caption">Words below it.</param>
    /// <exception cref="ArgumentException">It is not a PNG file, or there is no description.</exception>
    public Report Image(byte[] png, string description, string caption = "")
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(description);
        var (height, width) = PngFile.Size(png);
        body.Append($"<figure class=\"panel\"><img alt=\"{Encode(description)}\" width=\"{width}\" height=\"{height}\" "
            + $"src=\"data:image/png;base64,{Convert.ToBase64String(png)}\">{Caption(caption)}</figure>\n");
        return this;
    }

    /// <summary>Adds what made the results: recipe, seed, versions, checksums.</summary>
    /// <param name="facts">Names and values; a value of several lines is shown as code.</param>
    public Report Provenance(IEnumerable<KeyValuePair<string, string>> facts)
    {
        body.Append("<details class=\"provenance\"><summary>Provenance: what made this</summary><dl>");
        foreach (var (name, value) in facts)
        {
            var tag = value.Contains('\n') ? "pre" : "code";
            body.Append($"<dt>{Encode(name)}</dt><dd><{tag}>{Encode(value)}</{tag}></dd>");
        }
        body.Append("</dl></details>\n");
        return this;
    }

    /// <summary>The page, with plotly.js in it when there is a plot.</summary>
    public string ToHtml() => $$"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="generator" content="SarSynth {{Version}}">
        <title>{{Encode(Title)}}</title>
        <style>{{ReportStyle.Css}}</style>
        </head>
        <body>
        <main>
        <header><h1>{{Encode(Title)}}</h1>
        {{(summary.Length > 0 ? $"<p class=\"summary\">{Marked(summary)}</p>" : "")}}</header>
        {{(sections > 2 ? $"<nav aria-label=\"Contents\"><ol>{contents}</ol></nav>" : "")}}
        {{body}}
        <footer>Made with SarSynth {{Version}}. This page needs no network.</footer>
        </main>
        {{(plots > 0 ? $"<script>{ChartPage.Script}</script>\n<script>{ReportStyle.Script}</script>" : "")}}
        </body>
        </html>

        """;

    /// <summary>Writes the page.</summary>
    /// <param name="path">The file; it appears whole or not at all.</param>
    public void Save(string path) => AtomicFile.WriteText(path, ToHtml());

    /// <summary>The title.</summary>
    public override string ToString() => $"Report: {Title}";

    /// <summary>What a notebook shows of the report: its title, and how long it is.</summary>
    internal string ToFragment() =>
        $"<p><b>{Encode(Title)}</b>: {sections} sections, {plots} plots. Save it with "
        + $"<code>Save(\"report.html\")</code>.</p>";

    private static string Version => typeof(Report).Assembly.GetName().Version?.ToString(3) ?? "";

    private void Append(GenericChart chart, string caption)
    {
        // Plotly takes the page's width when the layout tells none.
        var spec = JsonNode.Parse(ChartJson.Write(chart))!;
        spec["layout"]!.AsObject().Remove("width");
        var (words, height, id) = (Encode(ChartJson.Words(spec)), ChartJson.Size(chart).Height, $"plot-{++plots}");
        body.Append($"<figure><div class=\"plot\" id=\"{id}\" role=\"img\" aria-label=\"{words}\" "
            + $"style=\"height:{height}px\">");
        body.Append("<noscript>This plot needs JavaScript.</noscript></div>");
        body.Append($"<script type=\"application/json\" "
            + $"data-plot=\"{id}\">{spec.ToJsonString()}</script>{Caption(caption)}</figure>");
    }

    private static string Caption(string caption) => caption.Length > 0 ? $"<figcaption>{Marked(caption)}</figcaption>"
        : "";

    internal static string Encode(string text) => WebUtility.HtmlEncode(text);

    internal static string Marked(string text)
    {
        var html = Code().Replace(Encode(text), "<code>$1</code>");
        html = Strong().Replace(html, "<strong>$1</strong>");
        return Emphasis().Replace(html, "<em>$1</em>");
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    [GeneratedRegex(@"\*\*([^*]+)\*\*")]
    private static partial Regex Strong();

    [GeneratedRegex(@"(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])")]
    private static partial Regex Emphasis();
}
