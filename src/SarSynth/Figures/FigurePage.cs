// Where figures meet plotly.js: pages, pieces of pages, and pictures drawn by the headless browser.
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using SarSynth.Diffusion.Checkpoints;

namespace SarSynth.Figures;

/// <summary>Finds plotly.js and brings figures into pages.</summary>
internal static class FigurePage
{
    /// <summary>Figures whose JSON is longer stay static in a notebook: the file would grow without need.</summary>
    private const int MaxInteractive = 120_000;

    private static readonly Lock gate = new();
    private static readonly Lazy<string> script = new(() => File.ReadAllText(FindScript()));
    private static HeadlessBrowser? browser;

    /// <summary>The text of plotly.min.js.</summary>
    /// <exception cref="FileNotFoundException">It was not fetched.</exception>
    public static string Script => script.Value;

    // A browser that outlives its figures would leave its profile folder behind.
    static FigurePage() => AppDomain.CurrentDomain.ProcessExit += (_, _) => browser?.Dispose();

    /// <summary>A data URI with the figure as plotly draws it.</summary>
    public static string Draw(Figure figure, string format, double scale)
    {
        lock (gate)
        {
            try
            {
                return Drawn(figure, format, scale);
            }
            catch (BrowserException) when (browser is not null)
            {
                // A browser that was killed from outside is started anew, once.
                browser.Dispose();
                browser = null;
                return Drawn(figure, format, scale);
            }
        }
    }

    /// <summary>A whole page with one interactive figure.</summary>
    public static string Page(Figure figure) => $$"""
        <!doctype html>
        <html lang="en">
        <head><meta charset="utf-8"><title>{{WebUtility.HtmlEncode(figure.Title)}}</title><script>{{Script}}</script></head>
        <body style="margin:0">
        <div id="figure" role="img" aria-label="{{WebUtility.HtmlEncode(figure.ToString())}}"></div>
        <script>(function (s) { Plotly.newPlot('figure', s.data, s.layout, {{Theme.Config}}); })({{figure.ToJson()}});</script>
        </body>
        </html>

        """;

    /// <summary>A picture, and a script that puts the live plot in its place where the page has plotly.js or Jupyter can serve it.</summary>
    public static string Fragment(Figure figure, byte[] png)
    {
        var json = figure.ToJson();
        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(json)))[..12];
        var picture = $"""
            <figure data-sarsynth="{key}" style="margin:0;overflow-x:auto"><img alt="{WebUtility.HtmlEncode(figure.ToString())}" width="{figure.Width}" height="{figure.Height}" style="max-width:100%;height:auto" src="data:image/png;base64,{Convert.ToBase64String(png)}">
            """.TrimEnd();
        if (json.Length > MaxInteractive)
            return picture + "</figure>";
        return picture + $$"""
            <script type="application/json">{{json}}</script></figure>
            <script>(function () {
              function draw() { // plotly.js is no module of require's: it is there by its global name once it is loaded.
                var plotly = window.Plotly;
                if (!plotly) return;
                document.querySelectorAll('[data-sarsynth="{{key}}"] > script').forEach(function (s) {
                  var f = s.parentNode, spec = JSON.parse(s.textContent), plot = document.createElement('div');
                  f.replaceChildren(plot);
                  plotly.newPlot(plot, spec.data, spec.layout, {{Theme.Config}});
                });
              }
              if (window.Plotly) draw();
              else if (window.Jupyter && typeof require === 'function') require(['nbextensions/sarsynth/plotly.min'], draw, function () {});
            })();</script>
            """;
    }

    private static string Drawn(Figure figure, string format, double scale)
    {
        if (browser is null)
        {
            var page = Path.Combine(Path.GetTempPath(), $"sarsynth-plotly-{Environment.ProcessId}.html");
            var started = new HeadlessBrowser();
            try
            {
                AtomicFile.WriteText(page, $"<!doctype html><meta charset=\"utf-8\"><script src=\"{new Uri(FindScript()).AbsoluteUri}\"></script>");
                started.Open(page);
            }
            catch
            {
                started.Dispose();
                throw;
            }
            finally
            {
                File.Delete(page);
            }
            browser = started;
        }
        return browser.Evaluate(string.Create(CultureInfo.InvariantCulture,
            $"Plotly.toImage({figure.ToJson()}, {{ format: '{format}', width: {figure.Width}, height: {figure.Height}, scale: {scale} }})"));
    }

    private static string FindScript()
    {
        if (Environment.GetEnvironmentVariable("SARSYNTH_PLOTLY") is { Length: > 0 } named && File.Exists(named))
            return Path.GetFullPath(named);
        foreach (var start in (string?[])[Path.GetDirectoryName(typeof(FigurePage).Assembly.Location), AppContext.BaseDirectory, Directory.GetCurrentDirectory()])
        {
            for (var folder = string.IsNullOrEmpty(start) ? null : new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                foreach (var place in (string[])["plotly.min.js", "plotly/plotly.min.js", "artifacts/plotly/plotly.min.js"])
                {
                    if (File.Exists(Path.Combine(folder.FullName, place)))
                        return Path.Combine(folder.FullName, place);
                }
            }
        }
        throw new FileNotFoundException("plotly.min.js was not found: run environment/setup.sh, or name the file with SARSYNTH_PLOTLY.", "plotly.min.js");
    }
}
