// What the rows of a table are joined from: the sums of each measure over each scene, of the true images and of others.
using SarSynth.Data;
using SarSynth.Radar.Images;

namespace SarSynth.Evaluation;

/// <summary>Sums of measures over scenes.</summary>
/// <param name="Measures">The measures.</param>
/// <param name="Truth">Sums of the true images, [measure, scene]; null where a scene has none.</param>
/// <param name="Own">Those of each candidate.</param>
internal sealed record TableParts(
    IReadOnlyList<Measure> Measures, double[]?[,] Truth, IReadOnlyList<double[]?[,]> Own)
{
    /// <summary>Looks at all images.</summary>
    /// <param name="scenes">The scenes.</param>
    /// <param name="candidates">An image for each.</param>
    /// <param name="classifier">Tells classes of ground apart; without one that row is left out.</param>
    /// <param name="training">Images that a model was trained on; null where not known.</param>
    /// <param name="network">Looks at squares of the images; its rows are left out without it.</param>
    /// <param name="words">A SAR-text model; its rows are left out without it.</param>
    public static TableParts Of(IReadOnlyList<TruthScene> scenes, IReadOnlyList<Candidate> candidates,
        GroundClassifier? classifier, IReadOnlyList<AmplitudeImage>? training = null, ResNet18? network = null,
        SarTextModel? words = null)
    {
        var yardstick = TranslationTable.Trained(Yardstick.Of(scenes.Select(s => s.Airborne), classifier) with
        {
            Images = scenes.Count, ResNet = network, Words = TranslationTable.All(words, scenes.Select(s => s.Caption)
                .Concat(candidates.SelectMany(c => c.Captions ?? []))),
        }, training);
        var measures = Evaluation.Measures.For(scenes, candidates, yardstick);
        var truth = new double[]?[measures.Count, scenes.Count];
        var own = candidates.Select(_ => new double[]?[measures.Count, scenes.Count]).ToArray();
        var use = candidates.Select(c => measures.Any(m => m.Needs.HasFlag(MeasureNeeds.Classes))
            ? UseMeasures.Study(scenes, c.Images, yardstick) : null).ToArray();
        foreach (var s in Progress.Over("measuring", [.. Enumerable.Range(0, scenes.Count)], s => scenes[s].Name))
        {
            var look = new SceneLook(scenes[s], scenes[s].Airborne, yardstick) { Caption = scenes[s].Caption };
            TranslationTable.Fill(measures, look, truth, s);
            for (var c = 0; c < candidates.Count; c++)
                TranslationTable.Fill(measures, new SceneLook(scenes[s], candidates[c].Images[s], yardstick, look)
                {
                    Seeds = candidates[c].Seeds is { Count: > 0 } seeds ? seeds[s] : [],
                    Use = use[c]?[s], Caption = candidates[c].Captions?[s] ?? scenes[s].Caption,
                }, own[c], s);
        }
        return new(measures, truth, own);
    }

    /// <summary>Joins them.</summary>
    /// <param name="scenes">The scenes.</param>
    /// <param name="candidates">What was looked at.</param>
    /// <param name="baseline">The candidate that verdicts compare with; none when empty.</param>
    /// <param name="resamples">Draws of scenes behind the intervals.</param>
    /// <param name="halves">Whether the last candidate and the baseline is that of halves.</param>
    public TranslationTable ToTable(IReadOnlyList<TruthScene> scenes, IReadOnlyList<Candidate> candidates,
        string baseline, int resamples, bool halves = false)
    {
        var draws = SceneBootstrap.Draw(scenes.Count, resamples, "scenes");
        var rows = Measures.Select((measure, m) =>
        {
            var truth = TranslationTable.PartsOf(Truth, m);
            return TranslationTable.Row(measure, [.. Own.Select(o =>
                new SceneBootstrap(measure, truth, TranslationTable.PartsOf(o, m), draws, draws)),
                .. TranslationTable.OfHalves(halves, measure, truth, resamples)],
                halves ? candidates.Count : candidates.Select(c => c.Name).ToList().IndexOf(baseline));
        });
        var names = scenes.Select(s => s.Airborne.AirborneName()).Distinct().ToArray();
        return new(names.Length == 1 ? names[0] : "airborne", TranslationTable.Names(candidates, halves),
            halves ? TranslationTable.Halves : baseline, [.. scenes.Select(s => s.Name)], resamples, [.. rows]);
    }
}
