// Progress as a notebook shows it, on a clock of the test's own.
using SarSynth.Figures;

namespace SarSynth.Tests.Figures;

public class ProgressViewTests
{
    private readonly Clock clock = new();

    [Fact]
    public void TellsShareDetailAndTheTimeThatRemains()
    {
        var view = new ProgressView("translating", clock);
        Assert.Equal("0 % \u00b7 translating", view.ToString());
        Assert.Equal("0 % \u00b7 translating", view.At(0).ToString());
        clock.Now += TimeSpan.FromSeconds(10);
        Assert.Equal("25 % \u00b7 translating \u00b7 scene 1 \u00b7 30 s left", view.At(0.25, "scene 1").ToString());
        Assert.Equal("5 % \u00b7 translating \u00b7 3:10 min left", view.At(0.05).ToString());
        Assert.Equal("0 % \u00b7 translating \u00b7 2:46:30 h left", view.At(0.001).ToString());
        Assert.Contains("<progress max=\"1\" value=\"0.0010\"", view.ToHtml());
        clock.Now += TimeSpan.FromSeconds(62);
        Assert.Equal("translating: done in 1:12 min", view.At(1).ToString());
    }

    [Fact]
    public void ResumedWorkCountsFromWhereItBegan()
    {
        var view = new ProgressView("training", clock).At(0.8);
        clock.Now += TimeSpan.FromSeconds(5);
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

    private sealed class Clock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
