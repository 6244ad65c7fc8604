// Progress as a notebook shows it, on a clock of the test's own.
using SarSynth.Data;
using SarSynth.Figures;

namespace SarSynth.Tests.Figures;

public class ProgressViewTests
{
    private readonly ManualClock clock = new();

    [Fact]
    public void TellsShareDetailAndTheTimeThatRemains()
    {
        var view = new ProgressView("translating", clock);
        Assert.Equal("0 % \u00b7 translating", view.ToString());
        Assert.Equal("0 % \u00b7 translating", view.At(0).ToString());
        clock.Pass(10);
        Assert.Equal("25 % \u00b7 translating \u00b7 scene 1 \u00b7 30 s left", view.At(0.25, "scene 1").ToString());
        Assert.Equal("5 % \u00b7 translating \u00b7 3:10 min left", view.At(0.05).ToString());
        Assert.Equal("0 % \u00b7 translating \u00b7 2:46:30 h left", view.At(0.001).ToString());
        Assert.Contains("<progress max=\"1\" value=\"0.0010\"", view.ToHtml());
        clock.Pass(62);
        Assert.Equal("translating: done in 1:12 min", view.At(1).ToString());
    }

    [Fact]
    public void TellsWhereWorkWasBrokenOff()
    {
        var view = new ProgressView("translating", clock).At(0);
        clock.Pass(10);
        Assert.Equal("translating: broken off at 45 % after 10 s", view.At(0.456, "scene 1").Stopped().ToString());
    }

    [Fact]
    public void NotebookShowsTheKitsOwnProgressInOnePlace()
    {
        var (before, shown) = (Progress.Display, new List<string>());
        try
        {
            NotebookProgress.ShowWith(value =>
            {
                shown.Add($"shown {value}");
                return again => shown.Add($"again {again}");
            });
            using (var progress = Progress.Begin("reading"))
                progress.At(1);
            using (var progress = Progress.Begin("writing"))
                progress.At(0.5, "half");
        }
        finally
        {
            Progress.Display = before;
        }
        Assert.Equal(5, shown.Count);
        Assert.Equal("shown 0 % \u00b7 reading", shown[0]);
        Assert.StartsWith("again reading: done in", shown[1]);
        Assert.Equal("shown 0 % \u00b7 writing", shown[2]);
        Assert.StartsWith("again 50 % \u00b7 writing \u00b7 half", shown[3]);
        Assert.StartsWith("again writing: broken off at 50 %", shown[4]);
    }

    [Fact]
    public void ResumedWorkCountsFromWhereItBegan()
    {
        var view = new ProgressView("training", clock).At(0.8);
        clock.Pass(5);
        Assert.EndsWith("5 s left", view.At(0.9).ToString());
    }

    [Fact]
    public void SharesOutsideAreTheNearerEndAndNaNIsRefused()
    {
        Assert.StartsWith("0 %", new ProgressView("x", clock).At(-3).ToString());
        Assert.StartsWith("x: done", new ProgressView("x", clock).At(2).ToString());
        Assert.Throws<ArgumentException>(() => new ProgressView("x", clock).At(double.NaN));
    }

    [Fact]
    public void WordsAreEncoded() => Assert.Contains("a&lt;b", new ProgressView("a<b", clock).ToHtml());
}
