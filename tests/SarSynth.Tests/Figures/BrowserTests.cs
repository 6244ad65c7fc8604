// Figures, panels and reports as a real browser shows them, without a network.
using System.Buffers.Binary;
using System.Text;
using SarSynth.Figures;

namespace SarSynth.Tests.Figures;

public sealed class BrowserTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-figures-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static void Keep(string name, byte[] picture)
    {
        if (Environment.GetEnvironmentVariable("SARSYNTH_KEEP_SCREENSHOTS") is { Length: > 0 } keep)
            File.WriteAllBytes(Path.Combine(keep, name), picture);
    }

    private static (int Width, int Height) Size(byte[] png) =>
        (BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20)));

    [Fact]
    public void ChartBecomesPngSvgAndPdf()
    {
        var figure = ReportSample.Histogram();
        Assert.Equal((1440, 840), Size(figure.ToPng()));
        var svg = figure.ToSvg();
        Assert.StartsWith("<svg", svg);
        Assert.Contains("Rayleigh", svg);
        Assert.Contains("amplitude, mean intensity 1", svg);
        var pdf = figure.ToPdf();
        Assert.StartsWith("%PDF", Encoding.Latin1.GetString(pdf, 0, 8));
        // One page of 720 x 420 CSS pixels, at 72 points an inch.
        Assert.Matches(@"/MediaBox\s*\[0 0 540 315(\.\d+)?\]", Encoding.Latin1.GetString(pdf));
        Assert.Single(System.Text.RegularExpressions.Regex.Matches(Encoding.Latin1.GetString(pdf), @"/Type\s*/Page\b"));
        Assert.Equal(figure.ToPng(), figure.ToPng());
        Keep("figure.png", figure.ToPng());
        Keep("figure.pdf", pdf);
    }

    [Fact]
    public void ReportDrawsEveryPlotWithoutErrorOrNetwork()
    {
        var path = Path.Combine(folder, "report.html");
        ReportSample.Make().Save(path);
        using var browser = new HeadlessBrowser();
        browser.Open(path);
        Assert.Equal("3",
            browser.Evaluate("document.querySelectorAll('.plot .main-svg').length && "
            + "document.querySelectorAll('.plot.js-plotly-plot').length"));
        Assert.Equal("0",
            browser.Evaluate(
                "performance.getEntriesByType('resource').filter(r => !r.name.startsWith('data:')).length"));
        Assert.Equal("0",
            browser.Evaluate("[...document.images].filter(i => !i.alt || !i.complete || i.naturalWidth === 0).length"));
        Assert.Equal("0",
            browser.Evaluate("[...document.querySelectorAll('.plot')].filter(p => "
            + "!p.getAttribute('aria-label')).length"));
        Assert.Equal("0",
            browser.Evaluate("[...document.querySelectorAll('.modebar-btn')].filter(b => "
            + "/share|cloud|studio/i.test(b.dataset.title)).length"));
        foreach (var (width, dark) in ((int, bool)[])[(1200, false), (1200, true), (420, false)])
        {
            var picture = browser.Screenshot(width, 0, 1, dark);
            Assert.Equal(width, Size(picture).Width);
            Assert.Equal("false",
                browser.Evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"));
            Keep($"report-{width}{(dark ? "-dark" : "")}.png", picture);
        }
        Assert.Empty(browser.Errors);
    }

    [Fact]
    public void NotebookFragmentIsStaticAloneAndLiveWithPlotly()
    {
        var fragment = ReportSample.Histogram().ToHtml();
        var alone = Path.Combine(folder, "alone.html");
        File.WriteAllText(alone, $"<!doctype html><meta charset=utf-8>{fragment}", Encoding.UTF8);
        using var browser = new HeadlessBrowser();
        browser.Open(alone);
        Assert.Equal("1080", browser.Evaluate("document.querySelector('img').naturalWidth"));
        var live = Path.Combine(folder, "live.html");
        ReportSample.Histogram().Save(Path.Combine(folder, "figure.html"));
        var plotly = File.ReadAllText(Path.Combine(folder, "figure.html"));
        var script = plotly[plotly.IndexOf("<script>",
            StringComparison.Ordinal)..(plotly.IndexOf("</script>", StringComparison.Ordinal) + 9)];
        File.WriteAllText(live, $"<!doctype html><meta charset=utf-8>{script}{fragment}{fragment}", Encoding.UTF8);
        browser.Open(live);
        Assert.Equal("2", browser.Evaluate("document.querySelectorAll('.js-plotly-plot').length"));
        Assert.Equal("0", browser.Evaluate("document.querySelectorAll('img').length"));
        Assert.Empty(browser.Errors);
    }

    [Fact]
    public void PanelBecomesOnePng()
    {
        var path = Path.Combine(folder, "panel.png");
        ReportSample.Panel().Save(path);
        var (width, height) = Size(File.ReadAllBytes(path));
        Assert.InRange(width, 2 * 540, 2 * 620);
        Assert.InRange(height, 2 * 400, 2 * 800);
        Keep("panel.png", File.ReadAllBytes(path));
    }

    [Fact]
    public void BrowsersFailuresHaveWords()
    {
        using var browser = new HeadlessBrowser();
        Assert.Contains("no-such-page",
            Assert.Throws<BrowserException>(() => browser.Open(Path.Combine(folder, "no-such-page.html"))).Message);
        Assert.Contains("here it is",
            Assert.Throws<BrowserException>(() => browser.Evaluate("(() => { throw new Error('here it is'); })()"))
            .Message);
    }

    [Fact]
    public void BrowserLeavesNothingRunning()
    {
        string profile;
        using (var browser = new HeadlessBrowser())
        {
            profile = browser.ProfileFolder;
            browser.Open("data:text/html,<p>a page");
            Assert.True(Directory.Exists(profile));
            Assert.Contains(Path.GetFileName(profile), Profiles());
        }
        Assert.DoesNotContain(Path.GetFileName(profile), Profiles());
        Assert.False(Directory.Exists(profile));

        static string[] Profiles() =>
            [.. Directory.GetDirectories("/proc").Where(p => char.IsDigit(Path.GetFileName(p)[0])).Select(p =>
        {
            try { return File.ReadAllText(Path.Combine(p, "cmdline")); }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return ""; }
        }).Where(c => c.Contains("sarsynth-browser-"))
            .Select(c => c[c.IndexOf("sarsynth-browser-", StringComparison.Ordinal)..].Split('\0')[0]).Distinct()];
    }
}
