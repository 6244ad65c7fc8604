// A folder of tiles as a page to look through: what was cut and dropped, how the tiles spread, what they look like.
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Figures;

/// <summary>Writes the page of a folder of tiles; it opens anywhere without a network or a script.</summary>
public static class TileReport
{
    /// <summary>Name of the page in the folder.</summary>
    public const string FileName = "report.html";

    private const int Thumbnail = 128, Bins = 24, Width = 300, Height = 90;

    private const string Css = """
        .tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(136px,1fr));gap:14px 12px;margin:16px 0}
        .tiles img{width:100%;image-rendering:auto;background:#000;border-radius:3px;display:block}
        .tiles figcaption{font-size:12px;line-height:1.35;overflow-wrap:anywhere}
        th small{white-space:normal;max-width:34ch}
        .spread{display:grid;grid-template-columns:repeat(auto-fit,minmax(280px,1fr));gap:22px;margin:18px 0}
        .spread svg{width:100%;height:auto;display:block}
        .spread rect{fill:var(--link)}
        .spread text{fill:var(--quiet);font-size:11px}
        """;

    /// <summary>Writes report.html into a folder that <see cref="TileMaker"/> made.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="shown">Tiles of each part that are shown, evenly spread over it.</param>
    /// <returns>The page's path.</returns>
    /// <exception cref="FileNotFoundException">The folder holds no tiles.json, or a tile is gone.</exception>
    public static string Write(string folder, int shown = 60)
    {
        var set = TileSet.Open(folder);
        var parts = ((string[])["train", "validation", "test"]).Select(part => (Name: part, Rows: Rows(folder, part)))
            .Where(p => p.Rows.Count > 0).ToArray();
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        var page = new StringBuilder();
        page.Append(Key(set));
        page.Append("<h2>Scenes</h2>\n").Append(Scenes(set));
        page.Append("<h2>How the tiles spread</h2>\n<div class=\"spread\">");
        var all = parts.SelectMany(p => p.Rows).ToArray();
        foreach (var (field, what) in ((string, string)[])[("mean", "mean amplitude"),
            ("sigma", "standard deviation of the amplitude"),
            ("enl", "equivalent number of looks"), ("saturated", "share above the ceiling")])
            page.Append(Histogram([.. all.Select(row => (double?)row[field]).OfType<double>()], what));
        page.Append("</div>\n");
        foreach (var (part, rows) in parts)
        {
            page.Append($"<h2>{part}: {Count(rows.Count)}</h2>\n");
            var step = Math.Max(1, (rows.Count + shown - 1) / shown);
            if (step > 1)
                page.Append($"<p>Every {Ordinal(step)} tile.</p>\n");
            page.Append("<div class=\"tiles\">");
            for (var i = 0; i < rows.Count; i += step)
                page.Append(Figure(Path.Combine(folder, part), rows[i]));
            page.Append("</div>\n");
        }
        var path = Path.Combine(folder, FileName);
        var grid = set.Recipe.Spacing is { } spacing ? $"of {Number(spacing)} m" : "on the products' own grids";
        AtomicFile.WriteText(path, $"""
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{Report.Encode(name)}</title><style>
            {ReportStyle.Css}
            {Css}
            </style></head><body><main>
            <h1>{Report.Encode(name)}: {Count(set.Tiles.Values.Sum())}</h1>
            <p class="summary">{set.Recipe.Size} x {set.Recipe.Size} pixels {grid}, cut from {set.Scenes.Count} scenes;
            a block of ground is {Number(set.Recipe.Block ?? double.NaN)} m wide and belongs to one part.</p>
            {page}</main></body></html>

            """);
        return path;
    }

    private static List<JsonObject> Rows(string folder, string part)
    {
        var index = Path.Combine(folder, part, "metadata.jsonl");
        return File.Exists(index) ? [.. File.ReadLines(index).Where(line => line.Length > 0).Select(line =>
            JsonNode.Parse(line)!.AsObject())] : [];
    }

    private static string Key(TileSet set)
    {
        var dropped = set.Scenes.SelectMany(scene => scene.Dropped).GroupBy(d => d.Key).Select(g =>
            (g.Key, Count: g.Sum(d => d.Value)));
        var html = new StringBuilder("<dl class=\"key\">");
        foreach (var (part, count) in set.Tiles)
            html.Append($"<div><dt>{part}</dt><dd><b>{count}</b> tiles</dd></div>");
        foreach (var (reason, count) in dropped)
            html.Append($"<div><dt>dropped: {reason}</dt><dd><b>{count}</b> "
                + $"tiles<span>{Reason(set.Recipe, reason)}</span></dd></div>");
        return html.Append("</dl>\n").ToString();
    }

    private static string Reason(TilingRecipe recipe, string reason) => reason switch
    {
        "empty" => $"more than {Percent(recipe.MostEmpty)} without data or filled",
        "saturated" => $"more than {Percent(recipe.MostSaturated)} above mean + {Number(recipe.Deviations)} deviations",
        _ => "on the border of two parts' ground",
    };

    private static string Scenes(TileSet set)
    {
        var html = new StringBuilder("<div class=\"table\"><table><thead><tr>");
        foreach (var head in (string[])["scene", "rows", "columns", "spacing, m", "mean", "sigma", "ceiling", "kept",
            "dropped"])
            html.Append($"<th scope=\"col\">{head}</th>");
        html.Append("</tr></thead><tbody>");
        foreach (var scene in set.Scenes)
        {
            var told = string.Join(" ", scene.Remarks.Prepend($"Amplitude: {scene.Radiometry}."));
            html.Append($"<tr><th scope=\"row\">{Report.Encode(scene.Name)}<small>{Report.Encode(told)}</small></th>");
            var spacing = scene is { RowSpacing: { } row, ColumnSpacing: { } column }
                ? $"{Number(row)} x {Number(column)}" : "unknown";
            foreach (var cell in (string[])[$"{scene.Rows}", $"{scene.Columns}", spacing,
                Number(scene.Normalisation.Mean),
                Number(scene.Normalisation.StandardDeviation), Number(scene.Normalisation.Ceiling), $"{scene.Kept}",
                scene.Dropped.Count == 0 ? "0" : string.Join(", ", scene.Dropped.Select(d => $"{d.Value} {d.Key}"))])
                html.Append($"<td>{Report.Encode(cell)}</td>");
            html.Append("</tr>");
        }
        return html.Append("</tbody></table></div>\n").ToString();
    }

    private static string Figure(string folder, JsonObject row)
    {
        var file = (string)row["file_name"]!;
        using var raster = SarRaster.Open(Path.Combine(folder, file), new RasterOptions { Kind = PixelKind.Amplitude });
        var image = raster.Read().ToAmplitude();
        // Pictures are 0 to 65535, rasters 0 to 1: white is the ceiling in both.
        var white = file.EndsWith(".png", StringComparison.Ordinal) ? ushort.MaxValue : 1.0;
        var picture = QuickLook.ToPng(image, new FixedRemap(white), new() { MaxSize = Thumbnail });
        var (text, place) = ((string?)row["text"] ?? "no caption",
            $"{(string?)row["scene"]}, row {row["row"]}, column {row["column"]}");
        return $"<figure><img loading=\"lazy\" alt=\"{Report.Encode(text)}\" title=\"{Report.Encode(place)}\" "
            + $"src=\"data:image/png;base64,{Convert.ToBase64String(picture)}\">"
            + $"<figcaption>{Report.Encode(text)}<br>{Report.Encode(place)}</figcaption></figure>\n";
    }

    // Bars from the least to the greatest value, with both beneath.
    private static string Histogram(double[] values, string what)
    {
        if (values.Length == 0)
            return "";
        var (low, high) = (values.Min(), values.Max());
        var counts = new int[Bins];
        foreach (var value in values)
            counts[high > low ? Math.Min(Bins - 1, (int)((value - low) / (high - low) * Bins)) : 0]++;
        var bars = new StringBuilder();
        for (var i = 0; i < Bins; i++)
        {
            var height = (double)counts[i] / counts.Max() * Height;
            bars.Append(CultureInfo.InvariantCulture,
                $"<rect x=\"{i * Width / (double)Bins + 0.5:F1}\" y=\"{Height - height:F1}\" "
                    + $"width=\"{Width / (double)Bins - 1:F1}\" "
                    + $"height=\"{height:F1}\"><title>{counts[i]}</title></rect>");
        }
        return $"<figure><svg viewBox=\"0 0 {Width} {Height + 16}\" role=\"img\" aria-label=\"{what} of "
            + $"{values.Length} tiles\">{bars}"
            + $"<text x=\"0\" y=\"{Height + 13}\">{Number(low)}</text><text x=\"{Width}\" y=\"{Height + 13}\" "
            + $"text-anchor=\"end\">{Number(high)}</text></svg>"
            + $"<figcaption>{what}; the highest bar is {Count(counts.Max())}</figcaption></figure>";
    }

    private static string Number(double value) => value.ToString("G4", CultureInfo.InvariantCulture);

    private static string Count(int tiles) => tiles == 1 ? "1 tile" : $"{tiles} tiles";

    private static string Percent(double share) => (100 * share).ToString("G3", CultureInfo.InvariantCulture) + " %";

    private static string Ordinal(int n) => n + (n % 100 is 11 or 12 or 13 ? "th" : (n % 10) switch { 1 => "st", 2 =>
        "nd", 3 => "rd", _ => "th" });
}
