// The table as a page and as files: pictures scene by scene, the worst first, at full size where it is worst.
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Evaluation;
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;
using SarSynth.Translation;

namespace SarSynth.Figures;

/// <summary>What the table is written as, and drawn beside.</summary>
public static class TableReport
{
    /// <summary>Names of the files of <see cref="Write"/>.</summary>
    public const string Page = "index.html", Json = "table.json", Csv = "table.csv", Markdown = "table.md",
        Latex = "table.tex", Picture = "worst-scene.png";

    // Bars of more images cannot be told apart; of heaps so many pictures are shown.
    private const int MostBars = 40, FromEachHeap = 4, PageWidth = 976;

    // Side of the squares that are looked at pixel by pixel.
    private const int Crop = 96;

    private const string ByWhat = "multilook-16";

    /// <summary>All ways of a model: its own is called as the model, another by what it makes.</summary>
    /// <param name="model">The model; the caller disposes of it after the last image.</param>
    /// <param name="recipe">How it translates; the seed is the way's.</param>
    /// <param name="name">What it is called; as it was loaded when null.</param>
    /// <param name="parts">Also what each part of mean and speckle brings: the mean alone, power that is not held to
    /// the satellite's, consistency with it.</param>
    public static IReadOnlyList<Way> ToWays(this Translator model, TranslateRecipe? recipe = null, string? name = null,
        bool parts = false)
    {
        recipe ??= new TranslateRecipe();
        var own = model.ToWay(recipe, name);
        var draws = model.Draws(recipe);
        Way But(string what, TranslateRecipe changed) => model.ToWay(changed, $"{own.Name}, {what}");
        return recipe.Way is not null ? [own] :
        [
            own, .. draws ? [But("no residual", recipe with { Residual = false })] : Array.Empty<Way>(),
            .. parts && model.Ways[0] == TranslationWay.MeanAndSpeckle
                ? [But("mean alone", recipe with { Texture = 0 }), But("consistent", recipe with { Consistency = 1 })]
                : Array.Empty<Way>(),
            .. parts && draws ? [But("power free", recipe with { KeepPower = false })] : Array.Empty<Way>(),
            .. model.Ways.Skip(1).Select(way => model.ToWay(recipe with { Way = way }, $"{own.Name}, "
                + (way == TranslationWay.Amplitude ? "amplitude" : "mean x speckle"))),
        ];
    }

    /// <summary>A model as a way of <see cref="Ways"/>.</summary>
    /// <param name="model">The model; the caller disposes of it after the last image.</param>
    /// <param name="recipe">How it translates; the seed is the way's.</param>
    /// <param name="name">What it is called.</param>
    public static Way ToWay(this Translator model, TranslateRecipe? recipe = null, string? name = null) => new(
        name ?? (model.Name.Length > 0 ? Path.GetFileName(Path.TrimEndingDirectorySeparator(model.Name)) : "model"),
        (scene, part, seed) => model.Translate(
            scene.SatelliteOf(part), (recipe ?? new TranslateRecipe()) with { Seed = seed }));

    /// <summary>Checksums of the files that a model was loaded from; null for one that was not.</summary>
    /// <param name="model">The model.</param>
    public static IReadOnlyDictionary<string, string>? FilesOf(Translator model) => model.Files?.Value;

    /// <summary>What runs, in words: "DDIMScheduler, 25 steps, eta 1".</summary>
    /// <param name="model">The model.</param>
    /// <param name="recipe">How it translates.</param>
    public static string SamplerOf(Translator model, TranslateRecipe recipe)
    {
        if ((recipe.Way ?? model.Ways[0]) == TranslationWay.MeanAndSpeckle)
        {
            var steps = recipe.Steps ?? TranslateRecipe.ResidualSteps;
            var drawn = model.Draws(recipe) ? $", residual by DPM-Solver++ in {steps} steps" : "";
            return FormattableString.Invariant($"mean x speckle, texture {recipe.Texture}, ")
                + FormattableString.Invariant($"consistency {recipe.Consistency}{drawn}");
        }
        var (plan, _) = model.PlanOf(recipe);
        var name = (string?)JsonNode.Parse(model.SamplerOf(recipe).ToJson())?["_class_name"] ?? "";
        // No other sampler looks at eta.
        var eta = name.StartsWith("DDIM", StringComparison.Ordinal) ? $", eta {recipe.Eta}" : "";
        return $"{name}, {plan.Stop - plan.Start} steps{eta}";
    }

    /// <summary>A scene in a row, and below it the square where the last candidate is worst, pixel by pixel.</summary>
    /// <param name="scene">The scene.</param>
    /// <param name="images">Names and images on the airborne grid, the last one the one that matters.</param>
    /// <param name="pictureSize">Longest side of a picture, pixels.</param>
    public static ImagePanel ToPanel(
        this TruthScene scene, IReadOnlyList<(string Name, AmplitudeImage Image)> images, int pictureSize = 240)
    {
        var grey = new FixedRemap(Ceiling(scene.Airborne));
        var panel = new ImagePanel(scene.Name, pictureSize);
        if (scene.Satellite is { } satellite)
            panel = panel.Add("satellite", satellite, remap: grey);
        foreach (var (name, image) in images)
            panel = panel.Add(name, image, remap: grey);
        panel = panel.Add(scene.Airborne.AirborneName(), scene.Airborne, remap: grey);
        var side = Math.Min(Crop, Math.Min(scene.Airborne.Rows, scene.Airborne.Columns));
        var (down, across) = images.Count > 0 ? Worst(scene.Airborne, images[^1].Image, side) : (0.5, 0.5);
        return panel.Zoom(side, down, across);
    }

    /// <summary>Writes page, JSON, CSV, Markdown, LaTeX, a picture of the worst scene, and the provenance.</summary>
    /// <param name="table">The table.</param>
    /// <param name="folder">Receives the files; each appears whole or not at all.</param>
    /// <param name="scenes">The scenes, for the pictures; none for unpaired images.</param>
    /// <param name="candidates">The images.</param>
    /// <param name="shown">Names of the candidates that are shown, the one that matters last; all when null.</param>
    /// <param name="facts">Where all came from, for the end of the page.</param>
    /// <param name="title">Title of the page.</param>
    /// <param name="truth">True images that are no scenes, for the pictures; null for none.</param>
    public static void Write(this TranslationTable table, string folder, IReadOnlyList<TruthScene> scenes,
        IReadOnlyList<Candidate> candidates, IReadOnlyList<string>? shown = null,
        IEnumerable<KeyValuePair<string, string>>? facts = null, string title = "Images against the truth",
        Candidate? truth = null)
    {
        using var progress = Progress.Begin("writing the report");
        Candidate[] pictured = [.. (shown ?? [.. candidates.Select(c => c.Name)])
            .Select(n => candidates.First(c => c.Name == n))];
        int[] order = [.. Enumerable.Range(0, scenes.Count)];
        if (scenes.Count > 0 && table.Rows.Any(r => r.Id == ByWhat))
            order = [.. order.OrderByDescending(s => table[ByWhat, pictured[^1].Name].Scenes[s] ?? 0)];
        Directory.CreateDirectory(folder);
        AtomicFile.WriteText(Path.Combine(folder, Json), KitJson.Serialize(table) + "\n");
        AtomicFile.WriteText(Path.Combine(folder, Csv), table.ToCsv());
        AtomicFile.WriteText(Path.Combine(folder, Markdown), table.ToMarkdown());
        AtomicFile.WriteText(Path.Combine(folder, Latex), table.ToLatex());
        var report = new Report(title, Summary(table.Truth, scenes.Count > 0))
            .Section("In short").KeyFigures(Keys(table, pictured[^1].Name)).Prose(Verdicts(table, pictured[^1].Name))
            .Section("The table").Prose(Words(table)).Raw(table.ToHtml());
        string[] told = [.. new[] { "kl", "spectrum", "glcm", "resnet-kernel", "perceptual", "use-segment-train" }
            .Where(id => table.Rows.Any(r => r.Id == id))];
        report.Section("With their intervals").Charts(told.Select(id =>
            (Plots.Intervals(table, id), table[id].Definition)));
        string[] drawn = [.. new[] { "kl", ByWhat, "lattice" }.Where(id => table.Rows.Any(r => r.Id == id))];
        if (table.Rows[0].Cells.Max(c => c.Scenes.Count) <= MostBars)
            report.Section("Scene by scene").Charts(drawn.Select(id =>
                (Plots.Scenes(table, id), table[id].Definition)));
        if (truth is not null)
            report.Section("Pictures").Prose("The first of each; each row has its own grey scale.")
                .Panel(Heaps([truth, .. pictured]));
        if (order.Length > 0)
        {
            report.Section("Pictures").Prose($"The worst scene first (by the RMS of {pictured[^1].Name} at 16 x 16 "
                + "pixels). A row has one grey scale, A / (mu + 3 sigma) of its true image. The second row shows, "
                + $"pixel by pixel, the square where {pictured[^1].Name} is farthest from the truth.");
            foreach (var (i, s) in order.Index())
            {
                progress.At((i + 1.0) / (order.Length + 1), scenes[s].Name);
                report.Panel(Panel(s));
            }
            Panel(order[0]).Save(Path.Combine(folder, Picture));
        }
        report.Section("Where this comes from").Provenance(facts ?? []).Save(Path.Combine(folder, Page));
        progress.At(1);

        ImagePanel Panel(int s) => scenes[s].ToPanel([.. pictured.Select(c => (c.Name, c.Images[s]))],
            Math.Clamp(PageWidth / (pictured.Length + 2) - 12, 120, 240));
    }

    private static string Summary(string truth, bool paired) => paired
        ? $"The truth: {truth}, of the same ground."
        : $"The truth: {truth}. Names do not pair, so two heaps are judged, and no place is held against another.";

    // What a reader asks first, of the candidate that matters.
    private static IEnumerable<KeyFigure> Keys(TranslationTable table, string name)
    {
        foreach (var id in new[] { "kl", "power-all", ByWhat, "flat-enl", "spectrum", "resnet-kernel" })
        {
            if (table.Rows.FirstOrDefault(r => r.Id == id) is not { } row || table[id, name] is not { Value: { } } cell)
                continue;
            var other = table.Baseline.Length > 0 && table.Baseline != name
                && table[id, table.Baseline].Value is { } told
                ? $"{table.Baseline}: {TableText.Minus(TableText.Text(told, row))}" : row.Goal;
            yield return new(TableText.FullName(row with { Unit = "" }),
                TableText.Minus(TableText.Text(cell.Value, row)), row.Unit, other);
        }
    }

    // Where the candidate is told apart from the baseline; nothing is said where nothing is compared.
    private static string Verdicts(TranslationTable table, string name)
    {
        if (table.Baseline.Length == 0 || table.Baseline == name)
            return "";
        var rows = table.Rows.Where(r => !r.IsDetail && table[r.Id, name].Value is not null
            && table[r.Id, table.Baseline].Value is not null).ToArray();
        string Of(Verdict verdict) => string.Join(", ", rows.Where(r => table[r.Id, name].Verdict == verdict)
            .Select(r => TableText.Typeset(TableText.FullName(r)))) is { Length: > 0 } names ? names : "none";
        var (worse, better) = (Of(Verdict.Worse), Of(Verdict.Better));
        var floor = table.Baseline == TranslationTable.Halves
            ? " (every second true image against the others: how far sets of true images lie apart)" : "";
        var undecided = rows.Count(r => table[r.Id, name].Verdict == Verdict.Undecided);
        return (worse, better) == ("none", "none")
            ? $"No measure tells **{name}** from **{table.Baseline}**{floor} beyond the intervals."
            : $"Against **{table.Baseline}**{floor}, beyond the intervals:\n\n**worse**: {worse}.\n\n"
                + $"**better**: {better}.\n\nIn {undecided} of {rows.Length} measures the intervals overlap.";
    }

    private static string Words(TranslationTable table) =>
        FormattableString.Invariant($"Under each value its 95 % interval, by bootstrap over {table.Scenes.Count} ")
        + FormattableString.Invariant($"images (BCa, {table.Resamples} draws). **Bold** meets the goal.")
        + (table.Rows.Any(r => r.Cells.Any(c => c.IsBiased)) ? " † is biased: over 97.5 % of the draws lie on one "
            + "side of it, and the interval is of the value without that." : "")
        + (table.Baseline.Length == 0 ? "" : $" + and − say that a candidate is better or worse than {table.Baseline}: "
            + "only where the intervals of their distances from the ideal do not overlap.");

    private static ImagePanel Heaps(IReadOnlyList<Candidate> heaps)
    {
        var panel = new ImagePanel(pictureSize: PageWidth / FromEachHeap - 12);
        foreach (var heap in heaps)
        {
            var grey = new FixedRemap(Ceiling(heap.Images[0]));
            panel = heap.Images.Take(FromEachHeap).Index().Aggregate(panel.Row(), (row, image) =>
                row.Add($"{heap.Name} {image.Index + 1}", image.Item, remap: grey));
        }
        return panel;
    }

    // mu + 3 sigma of one image.
    private static double Ceiling(AmplitudeImage image) =>
        new Radar.Radiometry.NormalisationFit().Add(image.Pixels).Clipped().Ceiling;

    // Where the mean amplitude of a square is farthest from the true one, as shares of what Zoom can reach.
    private static (double Down, double Across) Worst(AmplitudeImage truth, AmplitudeImage image, int side)
    {
        var (a, b) = (Multilook.Apply(truth, side, side), Multilook.Apply(image, side, side));
        var (worst, at) = (-1.0, 0);
        for (var i = 0; i < a.Pixels.Length; i++)
            if (Math.Abs(Math.Sqrt(b.Pixels[i]) - Math.Sqrt(a.Pixels[i])) is var error && error > worst)
                (worst, at) = (error, i);
        return (Share(at / a.Columns, truth.Rows), Share(at % a.Columns, truth.Columns));

        double Share(int block, int length) => length > side ? Math.Min(1, block * side / (double)(length - side)) : 0;
    }
}
