// "#!mermaid": the diagram is drawn here, by mermaid.js in a browser without a window, and arrives as SVG: it needs no
// network, and no script in the page, so that a file of the notebook shows it as well.
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using SarSynth.Kernel.Formatting;

namespace SarSynth.Kernel.Execution;

/// <summary>Draws mermaid's diagrams.</summary>
internal sealed class Mermaid
{
    private const string Script = "mermaid.tiny.js", Variable = "SARSYNTH_MERMAID", Folder = "sarsynth";
    private static readonly string[] Browsers =
        ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chromium-headless-shell"];
    private int _drawn;

    /// <summary>Draws a diagram under the cell; null where all went well.</summary>
    internal CellError? Draw(Cell cell, string diagram)
    {
        if (FindScript() is not { } script)
            return CellError.Plain("MagicError", $"#!mermaid needs {Script} (npm's package @mermaid-js/tiny) in "
                + $"{Path.Combine(KernelSpec.UserData(), "nbextensions", Folder)}, or its place in {Variable}.");
        var folder = Directory.CreateTempSubdirectory("mermaid-").FullName;
        try
        {
            var page = Path.Combine(folder, "page.html");
            File.WriteAllText(page, Page(script, diagram));
            if (Render(cell, page, folder) is not { } document)
                return CellError.Plain("MagicError",
                    $"#!mermaid needs Chromium or Chrome: none of {string.Join(", ", Browsers)} was found.");
            if (cell.Interrupted.IsCancellationRequested)
                return CellError.Plain("Interrupted", "the cell was interrupted.");
            if (Element(document, "svg-text") is not { } svg)
                return CellError.Plain("MermaidError", Element(document, "error-text") ?? "the browser drew nothing");
            cell.Display([new("image/svg+xml", svg), new(MimeText.Plain, diagram)], Guid.NewGuid().ToString("N"),
                update: false);
            return null;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string? FindScript()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } set)
            return File.Exists(set) ? set : null;
        string[] data = [KernelSpec.UserData(), .. (Environment.GetEnvironmentVariable("JUPYTER_PATH") ?? "")
            .Split(Path.PathSeparator),
            "/usr/local/share/jupyter", "/usr/share/jupyter"];
        return data.Select(d => Path.Combine(d, "nbextensions", Folder, Script)).FirstOrDefault(File.Exists);
    }

    private string Page(string script, string diagram) => $$"""
        <!doctype html><meta charset="utf-8"><body>
        <script src="{{new Uri(script).AbsoluteUri}}"></script>
        <script>(async () => {
          const say = (id, text) => {
            const e = document.createElement("pre");
            [e.id, e.textContent] = [id, text];
            document.body.replaceChildren(e);
          };
          try {
            mermaid.initialize({ startOnLoad: false, securityLevel: "strict", deterministicIds: true,
              htmlLabels: false, flowchart: { htmlLabels: false }, fontFamily: "sans-serif" });
            const { svg } = await mermaid.render("mermaid{{++_drawn}}", {{JsonSerializer.Serialize(diagram)}});
            const holder = document.createElement("div");
            holder.innerHTML = svg;
            const drawing = holder.firstElementChild;
            const size = drawing.viewBox.baseVal;
            drawing.setAttribute("width", size.width);
            drawing.setAttribute("height", size.height);
            say("svg-text", new XMLSerializer().serializeToString(drawing));
          } catch (e) { say("error-text", e.message); }
        })();</script>
        """;

    private static string? Render(Cell cell, string page, string folder)
    {
        string[] arguments = ["--headless", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            $"--user-data-dir={Path.Combine(folder, "profile")}", "--virtual-time-budget=20000",
            Environment.IsPrivilegedProcess ? "--no-sandbox" : "--disable-extensions",
            "--dump-dom", new Uri(page).AbsoluteUri];
        IEnumerable<string> browsers = Environment.GetEnvironmentVariable("SARSYNTH_CHROMIUM") is { Length: > 0 } set
            ? [set, .. Browsers] : Browsers;
        foreach (var browser in browsers)
        {
            try
            {
                using var process = Process.Start(new ProcessStartInfo(browser, arguments)
                {
                    RedirectStandardOutput = true, RedirectStandardError = true,
                    StandardOutputEncoding = System.Text.Encoding.UTF8,
                })!;
                using var stop = cell.Interrupted.Register(() => process.Kill(entireProcessTree: true));
                _ = process.StandardError.ReadToEndAsync();
                var document = process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                return document;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                // Not this one.
            }
        }
        return null;
    }

    private static string? Element(string document, string id)
    {
        var begin = document.IndexOf($"<pre id=\"{id}\">", StringComparison.Ordinal);
        if (begin < 0)
            return null;
        begin = document.IndexOf('>', begin) + 1;
        return WebUtility.HtmlDecode(document[begin..document.IndexOf("</pre>", begin, StringComparison.Ordinal)]);
    }
}
