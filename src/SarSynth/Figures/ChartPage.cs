// Where charts meet plotly.js: pages, pieces of pages, and pictures drawn by the headless browser.
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Plotly.NET;

namespace SarSynth.Figures;

/// <summary>Finds plotly.js and brings charts into pages.</summary>
internal static class ChartPage
{
    /// <summary>Charts whose JSON is longer stay static in a notebook: the file would grow without need.</summary>
    private const int MaxInteractive = 120_000;

    /// <summary>Pixels of a notebook's picture per pixel of the chart.</summary>
    private const double NotebookScale = 1.5;

    private static readonly Lazy<string> script = new(() => File.ReadAllText(FindScript()));

    // A notebook asks for the picture twice: inside the HTML and beside it.
    private static (string Json, byte[] Png)? last;

    /// <summary>The text of plotly.min.js.</summary>
    /// <exception cref="FileNotFoundException">It was not fetched.</exception>
    public static string Script => script.Value;

    /// <summary>The chart as a PNG file, colours as they are.</summary>
    public static byte[] Png(GenericChart chart, double scale) =>
        Convert.FromBase64String(Draw(ChartJson.Write(chart), ChartJson.Size(chart), "png", scale).Split(',', 2)[1]);

    /// <summary>The chart as a small PNG file for a notebook.</summary>
    public static byte[] NotebookPng(GenericChart chart)
    {
        var json = ChartJson.Write(chart);
        if (last is { } made && made.Json == json)
            return made.Png;
        var png = SharedBrowser.Use(browser => PngFile.Compact(
            browser, Draw(browser, json, ChartJson.Size(chart), "png", NotebookScale)));
        last = (json, png);
        return png;
    }

    /// <summary>The chart as an SVG file.</summary>
    public static string Svg(GenericChart chart) =>
        Uri.UnescapeDataString(Draw(ChartJson.Write(chart), ChartJson.Size(chart), "svg", 1).Split(',', 2)[1]);

    /// <summary>The chart as a PDF file.</summary>
    public static byte[] Pdf(GenericChart chart)
    {
        var size = ChartJson.Size(chart);
        return PrintSvg(Svg(chart), size.Width, size.Height);
    }

    /// <summary>An SVG file as a PDF file of one page of its size.</summary>
    public static byte[] PrintSvg(string svg, int width, int height)
    {
        return SharedBrowser.Use(browser =>
        {
            browser.Evaluate(
                $"document.body.innerHTML = {Quoted($"<style>body{{margin:0}}svg{{display:block}}</style>{svg}")}; 0");
            try
            {
                return browser.Print(width, height);
            }
            finally
            {
                browser.Evaluate("document.body.replaceChildren(); 0");
            }
        });
    }

    /// <summary>A whole page with one interactive chart.</summary>
    public static string Page(GenericChart chart)
    {
        var json = ChartJson.Write(chart);
        var spec = JsonNode.Parse(json)!;
        return $$"""
            <!doctype html>
            <html lang="en">
            <head><meta charset="utf-8"><title>{{WebUtility.HtmlEncode(ChartJson.Title(spec))}}</title>
            <script>{{Script}}</script></head>
            <body style="margin:0">
            <div id="figure" role="img" aria-label="{{WebUtility.HtmlEncode(ChartJson.Words(spec))}}"></div>
            <script>(function (s) { Plotly.newPlot('figure', s.data, s.layout, s.config); })({{json}});</script>
            </body>
            </html>

            """;
    }

    /// <summary>
    /// A picture (without a Chromium: what the chart is, in words), and a script that puts the live plot in its place
    /// where the page has plotly.js or Jupyter has it.
    /// </summary>
    public static string Fragment(GenericChart chart)
    {
        var json = ChartJson.Write(chart);
        var (width, height) = ChartJson.Size(chart);
        var words = WebUtility.HtmlEncode(ChartJson.Words(JsonNode.Parse(json)!));
        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(json)))[..12];
        var still = HeadlessBrowser.Find() is null ? $"<p>{words}</p>"
            : $"<img alt=\"{words}\" width=\"{width}\" height=\"{height}\" style=\"max-width:100%;height:auto\" "
            + $"src=\"data:image/png;base64,{Convert.ToBase64String(NotebookPng(chart))}\">";
        var picture = $"<figure data-sarsynth=\"{key}\" style=\"margin:0;overflow-x:auto\">{still}";
        if (json.Length > MaxInteractive)
            return picture + "</figure>";
        return picture + $$"""
            <script type="application/json">{{json}}</script></figure>
            <script>(function () {
              function draw() {
                // plotly.js is no module of require's: it is there by its global name once it is loaded.
                var plotly = window.Plotly;
                if (!plotly) return;
                document.querySelectorAll('[data-sarsynth="{{key}}"] > script').forEach(function (s) {
                  var f = s.parentNode, spec = JSON.parse(s.textContent), plot = document.createElement('div');
                  f.replaceChildren(plot);
                  plotly.newPlot(plot, spec.data, spec.layout, spec.config);
                });
              }
              if (window.Plotly) draw();
              else if (window.Jupyter && typeof require === 'function')
                require(['nbextensions/sarsynth/plotly.min'], draw, function () {});
            })();</script>
            """;
    }

    private static string Draw(string json, (int, int) size, string format, double scale) =>
        SharedBrowser.Use(browser => Draw(browser, json, size, format, scale));

    private static string Draw(HeadlessBrowser browser, string json, (int Width, int Height) size, string format,
        double scale) =>
        browser.Evaluate(string.Create(CultureInfo.InvariantCulture,
            $"Plotly.toImage({json}, {{ format: '{format}', width: {size.Width}, "
                + $"height: {size.Height}, scale: {scale} }})"));

    private static string Quoted(string text) => JsonValue.Create(text).ToJsonString();

    /// <summary>Where plotly.min.js lies.</summary>
    /// <exception cref="FileNotFoundException">It was not fetched.</exception>
    public static string FindScript()
    {
        if (Environment.GetEnvironmentVariable("SARSYNTH_PLOTLY") is { Length: > 0 } named && File.Exists(named))
            return Path.GetFullPath(named);
        string[] places = ["plotly.min.js", "plotly/plotly.min.js", "artifacts/plotly/plotly.min.js"];
        string?[] starts = [Path.GetDirectoryName(typeof(ChartPage).Assembly.Location), AppContext.BaseDirectory,
            Directory.GetCurrentDirectory()];
        foreach (var start in starts)
        {
            var folder = string.IsNullOrEmpty(start) ? null : new DirectoryInfo(start);
            for (; folder is not null; folder = folder.Parent)
            {
                foreach (var place in places)
                {
                    if (File.Exists(Path.Combine(folder.FullName, place)))
                        return Path.Combine(folder.FullName, place);
                }
            }
        }
        throw new FileNotFoundException(
            "plotly.min.js was not found: run environment/setup.sh, or name the file with SARSYNTH_PLOTLY.",
            "plotly.min.js");
    }
}
