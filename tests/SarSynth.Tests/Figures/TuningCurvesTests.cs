using SarSynth.Figures;
using SarSynth.FineTuning;

namespace SarSynth.Tests.Figures;

public sealed class TuningCurvesTests
{
    private static FineTuneLine Line(long step, double loss, double? held = null, string stage = "denoiser") =>
        new(step, loss, new Dictionary<string, double>(), held,
            held is null ? null : [new SampleStatistics("a <field>", "x.png", 1, 0.52, 0.25)], stage);

    [Fact]
    public void AreShownOnceAndThenUpdated()
    {
        var shown = new List<string>();
        var follow = TuningCurves.ShowWith(value =>
        {
            shown.Add(value.ToString()!);
            return next => shown.Add(next.ToString()!);
        });
        follow(Line(10, 2, 1.5, "autoencoder"));
        follow(Line(10, 1));
        follow(Line(20, 0.5, 0.75));
        Assert.Equal(
        [
            "autoencoder: step 10, loss 2.0000, validation 1.5000 to 1.5000",
            "autoencoder: step 10, loss 2.0000, validation 1.5000 to 1.5000; denoiser: step 10, loss 1.0000",
            "autoencoder: step 10, loss 2.0000, validation 1.5000 to 1.5000; "
                + "denoiser: step 20, loss 0.5000, validation 0.7500 to 0.7500",
        ], shown);
    }

    [Fact]
    public void ThePieceOfAPageHasACurveForEachStage()
    {
        var html = new TuningCurves().Add(Line(10, 4)).Add(Line(20, 1, 2)).ToHtml();
        // Half of the steps at the highest loss, all of them at the lowest, between them the validation.
        Assert.Contains("points=\"303.0,10.0 550.0,144.0\"", html);
        Assert.Contains("points=\"550.0,77.0\"", html);
        Assert.Contains("a &lt;field&gt;: coefficient of variation 0.520, amplitude KL 0.250", html);
        // A loss that is not finite is a gap.
        Assert.DoesNotContain("NaN", new TuningCurves().Add(Line(10, double.NaN)).Add(Line(20, 1)).ToHtml());
        Assert.Single(System.Text.RegularExpressions.Regex.Matches(html, "<svg"));
    }
}
