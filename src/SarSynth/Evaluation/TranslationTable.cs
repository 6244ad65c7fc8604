// The table by which translation is judged: every measure of every candidate, with an interval over scenes.
using SarSynth.Data;
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;

namespace SarSynth.Evaluation;

/// <summary>How a candidate stands to the baseline in one measure.</summary>
public enum Verdict
{
    /// <summary>Their intervals overlap, or fewer than four scenes tell of one.</summary>
    Undecided,

    /// <summary>Nearer to the ideal, and the intervals of both distances do not overlap.</summary>
    Better,

    /// <summary>Farther from it, likewise.</summary>
    Worse,
}

/// <summary>One measure of one candidate.</summary>
/// <param name="Value">The value over all scenes; null where there is none.</param>
/// <param name="Lower">
/// Lower end of the 95 % interval over scenes (bias-corrected and accelerated); null for a single scene.
/// </param>
/// <param name="Upper">Upper end.</param>
/// <param name="Meets">Whether it meets the goal; null where no goal is set or there is no value.</param>
/// <param name="Verdict">How it stands to the baseline.</param>
/// <param name="Scenes">The value of each scene alone; null where a scene has none of what is measured.</param>
public sealed record TableCell(
    double? Value, double? Lower, double? Upper, bool? Meets, Verdict Verdict, IReadOnlyList<double?> Scenes)
{
    /// <summary>
    /// Whether more than 97.5 % of the draws lie on one side of the value, as where few pixels make a distance that
    /// more of them would not: then the interval is that of the value without this bias.
    /// </summary>
    public bool IsBiased { get; init; }
}

/// <summary>One measure of all candidates.</summary>
/// <param name="Id">Short name, as "multilook-16".</param>
/// <param name="Group">Rows of one group stand together.</param>
/// <param name="Name">Name.</param>
/// <param name="Unit">Unit; may be empty.</param>
/// <param name="Goal">The goal in words; empty for none.</param>
/// <param name="Definition">How it is measured.</param>
/// <param name="Format">How values are written.</param>
/// <param name="Cells">One a candidate.</param>
public sealed record TableRow(string Id, string Group, string Name, string Unit, string Goal, string Definition,
    string Format, IReadOnlyList<TableCell> Cells)
{
    /// <summary>The value of a perfect image; null where tables of an older kit do not tell.</summary>
    public double? Ideal { get; init; }

    /// <summary>Whether it only details another row: files and the page's fold-out have it, tables do not.</summary>
    public bool IsDetail { get; init; }
}

/// <summary>The table.</summary>
/// <param name="Truth">What the true images are called.</param>
/// <param name="Candidates">Names of what is judged.</param>
/// <param name="Baseline">The candidate that verdicts compare with; empty for none.</param>
/// <param name="Scenes">Names of the scenes; of the true images where they are not paired.</param>
/// <param name="Resamples">Draws of scenes behind the intervals.</param>
/// <param name="Rows">The measures.</param>
public sealed record TranslationTable(string Truth, IReadOnlyList<string> Candidates, string Baseline,
    IReadOnlyList<string> Scenes, int Resamples, IReadOnlyList<TableRow> Rows)
{
    /// <summary>Draws of scenes behind an interval.</summary>
    public const int DefaultResamples = 1000;

    /// <summary>
    /// The candidate that is every second true image, held against the other true ones: what chance and the number of
    /// images alone make.
    /// </summary>
    public const string Halves = "true halves";

    /// <summary>The row of a measure.</summary>
    /// <param name="id">Its <see cref="TableRow.Id"/>.</param>
    /// <exception cref="ArgumentException">There is none; the message lists those there are.</exception>
    public TableRow this[string id] => Rows.FirstOrDefault(r => r.Id == id)
        ?? throw new ArgumentException($"measure: found '{id}', "
            + $"expected one of {string.Join(", ", Rows.Select(r => r.Id))}.");

    /// <summary>A cell.</summary>
    /// <param name="id">The measure.</param>
    /// <param name="candidate">Name of the candidate.</param>
    /// <exception cref="ArgumentException">There is no such measure or candidate.</exception>
    public TableCell this[string id, string candidate] => Candidates.ToList().IndexOf(candidate) is >= 0 and var at
        ? this[id].Cells[at]
        : throw new ArgumentException($"candidate: found '{candidate}', "
            + $"expected one of {string.Join(", ", Candidates)}.");

    /// <summary>Judges images of scenes, each against the true image of the same ground.</summary>
    /// <param name="scenes">At least one.</param>
    /// <param name="candidates">An image for each scene, on its airborne grid.</param>
    /// <param name="baseline">The candidate that verdicts compare with; none when empty.</param>
    /// <param name="classifier">Tells classes of ground apart; without one that row is left out.</param>
    /// <param name="resamples">Draws of scenes behind the intervals.</param>
    /// <param name="training">Images that a model was trained on, to see what is a copy; null where not known.</param>
    /// <param name="network">Looks at squares of the images; its rows are left out without it.</param>
    /// <param name="words">A SAR-text model; its rows are left out without it.</param>
    /// <param name="halves">
    /// Whether <see cref="Halves"/> is the last candidate and the baseline: the floor where nothing else is.
    /// </param>
    /// <returns>The measures that all scenes have what is needed for.</returns>
    /// <exception cref="ArgumentException">
    /// No scene, no such baseline, or a candidate whose images differ from the true ones in number or size.
    /// </exception>
    public static TranslationTable Of(IReadOnlyList<TruthScene> scenes, IReadOnlyList<Candidate> candidates,
        string baseline = "", GroundClassifier? classifier = null, int resamples = DefaultResamples,
        IReadOnlyList<AmplitudeImage>? training = null, ResNet18? network = null, SarTextModel? words = null,
        bool halves = false)
    {
        Check(scenes, candidates, baseline);
        return TableParts.Of(scenes, candidates, classifier, training, network, words)
            .ToTable(scenes, candidates, baseline, resamples, halves);
    }

    /// <summary>
    /// Judges a heap of images against a heap of true ones: other ground, other numbers, other sizes.
    /// </summary>
    /// <param name="truth">True images and what they are called.</param>
    /// <param name="candidates">Heaps of images.</param>
    /// <param name="baseline">The candidate that verdicts compare with; none when empty.</param>
    /// <param name="resamples">Draws of images behind the intervals.</param>
    /// <param name="training">Images that a model was trained on, to see what is a copy; null where not known.</param>
    /// <param name="network">Looks at squares of the images; its rows are left out without it.</param>
    /// <param name="words">A SAR-text model; its rows are left out without it.</param>
    /// <param name="halves">
    /// Whether <see cref="Halves"/> is the last candidate and the baseline: the floor where nothing else is.
    /// </param>
    /// <returns>The measures that need no pairs.</returns>
    /// <exception cref="ArgumentException">A heap is empty, or there is no such baseline.</exception>
    public static TranslationTable Unpaired(Candidate truth, IReadOnlyList<Candidate> candidates, string baseline = "",
        int resamples = DefaultResamples, IReadOnlyList<AmplitudeImage>? training = null, ResNet18? network = null,
        SarTextModel? words = null, bool halves = false)
    {
        foreach (var heap in candidates.Prepend(truth))
            if (heap.Images.Count == 0)
                throw new ArgumentException($"'{heap.Name}': found no image, expected at least one.");
        CheckBaseline(candidates, baseline);
        var yardstick = Trained(Yardstick.Of(truth.Images) with
        {
            Images = candidates.Prepend(truth).Max(heap => heap.Images.Count), ResNet = network,
            Words = All(words, candidates.Prepend(truth).SelectMany(c => c.Captions ?? [])),
        }, training);
        var measures = Measures.For(yardstick);
        var parts = candidates.Prepend(truth).Select(heap =>
        {
            var own = new double[]?[measures.Count, heap.Images.Count];
            foreach (var i in Progress.Over($"measuring {heap.Name}", [.. Enumerable.Range(0, heap.Images.Count)]))
                Fill(measures, new SceneLook(new(heap.Name, heap.Images[i]), heap.Images[i], yardstick)
                {
                    Caption = heap.Captions?[i],
                }, own, i);
            return (Parts: own, Draws: SceneBootstrap.Draw(heap.Images.Count, resamples, heap.Name));
        }).ToArray();
        var rows = measures.Select((measure, m) => Row(measure, [.. parts.Skip(1).Select(p =>
            new SceneBootstrap(measure, PartsOf(parts[0].Parts, m), PartsOf(p.Parts, m), parts[0].Draws, p.Draws)),
            .. OfHalves(halves, measure, PartsOf(parts[0].Parts, m), resamples)],
            halves ? candidates.Count : candidates.Select(c => c.Name).ToList().IndexOf(baseline)));
        return new(truth.Name, Names(candidates, halves), halves ? Halves : baseline,
            [.. truth.Images.Select((_, i) => $"image {i + 1}")], resamples, [.. rows]);
    }

    internal static string[] Names(IReadOnlyList<Candidate> candidates, bool halves) =>
        [.. candidates.Select(c => c.Name), .. halves ? [Halves] : (string[])[]];

    // Every second true image against the others: no pairs, so measures of pairs have no value.
    internal static IEnumerable<SceneBootstrap> OfHalves(
        bool wanted, Measure measure, double[]?[] truth, int resamples)
    {
        if (!wanted)
            yield break;
        double[]?[] one = [.. truth.Where((_, s) => s % 2 == 0)], other = [.. truth.Where((_, s) => s % 2 == 1)];
        yield return new(measure, one, measure.Needs.HasFlag(MeasureNeeds.Pairs) ? new double[]?[other.Length] : other,
            SceneBootstrap.Draw(one.Length, resamples, "first half"),
            SceneBootstrap.Draw(other.Length, resamples, "second half"));
    }

    internal static Words? All(SarTextModel? model, IEnumerable<string?> captions) =>
        model is null ? null : new(model, [.. captions.OfType<string>().Distinct(StringComparer.Ordinal)]);

    internal static TableRow Row(Measure measure, IReadOnlyList<SceneBootstrap> own, int baseline) => new(
        measure.Id, measure.Group, measure.Name, measure.Unit, measure.Goal.ToString(), measure.Definition,
        measure.Format, [.. own.Select((o, i) => new TableCell(Number(o.Value), Number(o.Interval.Lower),
            Number(o.Interval.Upper), measure.Goal.Meets(o.Value),
            baseline < 0 || i == baseline ? Verdict.Undecided : o.Against(own[baseline]), o.Scenes)
        {
            IsBiased = o.Interval.IsBiased,
        })]) { IsDetail = measure.IsDetail, Ideal = measure.Goal.Ideal };

    internal static Yardstick Trained(Yardstick yardstick, IReadOnlyList<AmplitudeImage>? training) =>
        training is null or [] ? yardstick
            : yardstick with { Training = FeatureMeasures.TilesOf(training, yardstick) };

    private static double? Number(double value) => double.IsFinite(value) ? value : null;

    internal static void Fill(IReadOnlyList<Measure> measures, SceneLook look, double[]?[,] parts, int scene)
    {
        for (var m = 0; m < measures.Count; m++)
            parts[m, scene] = measures[m].Parts(look);
    }

    internal static double[]?[] PartsOf(double[]?[,] parts, int measure) =>
        [.. Enumerable.Range(0, parts.GetLength(1)).Select(s => parts[measure, s])];

    private static void Check(IReadOnlyList<TruthScene> scenes, IReadOnlyList<Candidate> candidates, string baseline)
    {
        if (scenes.Count == 0)
            throw new ArgumentException("scenes: found none, expected at least one.");
        CheckBaseline(candidates, baseline);
        foreach (var candidate in candidates)
        {
            if (candidate.Images.Count != scenes.Count)
                throw new ArgumentException($"candidate '{candidate.Name}': found {candidate.Images.Count} images, "
                    + $"expected {scenes.Count}.");
            foreach (var (scene, image) in scenes.Zip(candidate.Images))
                if ((image.Rows, image.Columns) != (scene.Airborne.Rows, scene.Airborne.Columns))
                    throw new ArgumentException($"candidate '{candidate.Name}', scene '{scene.Name}': found "
                        + $"{image.Rows} x {image.Columns}, expected "
                        + $"{scene.Airborne.Rows} x {scene.Airborne.Columns}.");
        }
    }

    private static void CheckBaseline(IReadOnlyList<Candidate> candidates, string baseline)
    {
        if (baseline.Length > 0 && candidates.All(c => c.Name != baseline))
            throw new ArgumentException($"baseline: found '{baseline}', expected one of "
                + $"{string.Join(", ", candidates.Select(c => c.Name))}.");
    }
}
