// One browser for all charts and panels of a process, with plotly.js in its page.
using SarSynth.Diffusion.Checkpoints;

namespace SarSynth.Figures;

/// <summary>Starts the browser when it is first needed, and anew when it was ended from outside.</summary>
internal static class SharedBrowser
{
    private static readonly Lock gate = new();
    private static HeadlessBrowser? browser;

    // A browser that outlives its figures would leave its profile folder behind.
    static SharedBrowser() => AppDomain.CurrentDomain.ProcessExit += (_, _) => browser?.Dispose();

    /// <summary>Does something in the browser's page; one caller at a time.</summary>
    public static T Use<T>(Func<HeadlessBrowser, T> use)
    {
        lock (gate)
        {
            try
            {
                return use(browser ??= Start());
            }
            catch (BrowserException) when (browser is not null)
            {
                // A browser that was killed from outside is started anew, once.
                browser.Dispose();
                browser = null;
                return use(browser = Start());
            }
        }
    }

    private static HeadlessBrowser Start()
    {
        var page = Path.Combine(Path.GetTempPath(), $"sarsynth-plotly-{Environment.ProcessId}.html");
        var started = new HeadlessBrowser();
        try
        {
            var script = new Uri(ChartPage.FindScript()).AbsoluteUri;
            AtomicFile.WriteText(page,
                $"<!doctype html><meta charset=\"utf-8\"><script src=\"{script}\"></script><body>");
            started.Open(page);
            return started;
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
    }
}
