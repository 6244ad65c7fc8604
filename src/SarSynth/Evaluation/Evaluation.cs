// The report of a translation: pictures, the comparison with real airborne images and with the baselines, and where all came from.
using SarSynth.Data;
using SarSynth.Figures;
using SarSynth.Radar.Images;
using SarSynth.Recipes;

namespace SarSynth.Evaluation;

/// <summary>What an evaluation made, ready for tables, plots and a report.</summary>
/// <param name="Scenes">The scenes, with the real airborne images.</param>
/// <param name="Candidates">The baselines first, the model last.</param>
/// <param name="Table">Their statistics against the real ones.</param>
/// <param name="Recipe">How the model translated.</param>
public sealed record Evaluation(IReadOnlyList<PairedScene> Scenes, IReadOnlyList<Candidate> Candidates, LikenessTable Table, TranslateRecipe Recipe)
{
    /// <summary>Translates scenes, makes the baselines, and compares all with the real airborne images.</summary>
    /// <param name="model">The model.</param>
    /// <param name="scenes">Scenes that training never saw.</param>
    /// <param name="recipe">How to translate; scene i takes seed + i.</param>
    /// <param name="progress">Told the share that is done and the scene's name.</param>
    /// <param name="cancel">Ends between denoising steps.</param>
    public static Evaluation Run(
        TranslationModel model, IReadOnlyList<PairedScene> scenes, TranslateRecipe recipe, Action<double, string>? progress = null, CancellationToken cancel = default)
    {
        var translated = new List<AmplitudeImage>();
        foreach (var (i, scene) in scenes.Index())
            translated.Add(Translation.Run(
                model, scene.Satellite, recipe with { Seed = recipe.Seed + (ulong)i }, share => progress?.Invoke((i + share) / scenes.Count, scene.Name), cancel));
        IReadOnlyList<Candidate> candidates =
        [
            new("bicubic", [.. scenes.Select(s => Baselines.Bicubic(s.Satellite, s.Scale))]),
            new("bicubic + speckle", [.. scenes.Select((s, i) => Baselines.BicubicWithSpeckle(s.Satellite, s.Scale, recipe.Seed + (ulong)i))]),
            new("SarSynth", translated),
        ];
        return new(scenes, candidates, AirborneLikeness.Compare([.. scenes.Select(s => s.Airborne)], candidates), recipe);
    }

    /// <summary>The comparison as a table; the best value of each distance is marked.</summary>
    public ReportTable ToTable()
    {
        var table = new ReportTable(
            "Statistics against the real airborne images of the same ground",
            "image",
            new("KL(real || image)", "nats", Best.Lowest, "F4"),
            new("KL(image || real)", "nats", Best.Lowest, "F4"),
            new("Wasserstein-1", "of mean amplitude", Best.Lowest, "F4"),
            new("ENL, homogeneous", "looks", Best.None, "F3"),
            new("mean power error", "dB", Best.None, "F2"),
            new("GLCM contrast", "", Best.None, "F2"),
            new("GLCM homogeneity", "", Best.None, "F4"));
        foreach (var row in Table.Rows.Prepend(Table.Reference))
        {
            var real = row == Table.Reference;
            table.Row(
                row.Name, real ? null : row.AmplitudeKl.Value, real ? null : row.AmplitudeKlReverse.Value, real ? null : row.Wasserstein.Value,
                row.EnlHomogeneous.Value, real ? null : row.MeanPowerError, row.GlcmContrast, row.GlcmHomogeneity);
        }
        return table;
    }

    /// <summary>Amplitude densities of all images, normalised by the real images' mu + 3 sigma.</summary>
    public Figure ToHistogram()
    {
        var figure = new Figure("Amplitude distributions").XAxis("A / (mu + 3 sigma)").YAxis("density", AxisScale.Log);
        foreach (var candidate in Candidates.Prepend(new("real airborne", [.. Scenes.Select(s => s.Airborne)])))
        {
            var histogram = AirborneLikeness.AmplitudeHistogram([.. candidate.Images.SelectMany(i => i.Pixels)], Table.Normalisation);
            // The last bin holds all that was clipped; it is no density.
            var bins = histogram.Counts.Count - 1;
            figure = figure.Line(Enumerable.Range(0, bins).Select(histogram.Center), histogram.Densities().Take(bins).Select(d => Math.Max(d, 1e-6)), candidate.Name);
        }
        return figure;
    }

    /// <summary>One row a scene: satellite, bicubic, bicubic with speckle, translation, real airborne, all on one grey scale.</summary>
    /// <param name="scene">Index of the scene.</param>
    public ImagePanel ToPanel(int scene)
    {
        var s = Scenes[scene];
        var grey = new FixedRemap(Table.Normalisation.Ceiling);
        var panel = new ImagePanel(s.Name).Add("satellite", s.Satellite, remap: grey);
        foreach (var candidate in Candidates)
            panel = panel.Add(candidate.Name, candidate.Images[scene], remap: grey);
        return panel.Add("real airborne", s.Airborne, remap: grey);
    }

    /// <summary>Whether <see cref="WriteReport"/> has what it draws with; worth asking before hours of translation.</summary>
    /// <exception cref="FileNotFoundException">plotly.js was not fetched.</exception>
    /// <exception cref="BrowserException">No Chromium was found.</exception>
    public static void CheckReportTools()
    {
        _ = FigurePage.Script;
        _ = HeadlessBrowser.Find() ?? throw HeadlessBrowser.NotFound();
    }

    /// <summary>Writes the report and the evaluation's provenance into a folder.</summary>
    /// <param name="folder">Receives index.html, translation.png (the first scene) and evaluation.provenance.json.</param>
    /// <param name="model">The model's card, for the facts at the end.</param>
    public void WriteReport(string folder, ModelCard model)
    {
        var (own, best) = (Table.Rows[^1], Table.Rows.SkipLast(1).MinBy(r => r.AmplitudeKl.Value)!);
        var report = new Report("Satellite to airborne", "How airborne-like the translated images are, by SAR statistics, against real airborne images of the same ground.")
            .KeyFigures(
                new KeyFigure("Amplitude KL of the translation", own.AmplitudeKl.Value.ToString("F4"), "nats", "KL(real || translated), 0 is equal"),
                new KeyFigure("Best baseline", best.AmplitudeKl.Value.ToString("F4"), "nats", best.Name),
                new KeyFigure("ENL, translated", own.EnlHomogeneous.Value.ToString("F3"), "looks", $"real {Table.Reference.EnlHomogeneous.Value:F3}, {Table.HomogeneousWindows} homogeneous windows"),
                new KeyFigure("Scenes", Scenes.Count.ToString(), "", "none of them seen by training"))
            .Section("Pictures")
            .Prose("One row a scene. All images of a row share one grey scale, A / (mu + 3 sigma) of the real airborne images.");
        for (var i = 0; i < Math.Min(Scenes.Count, 4); i++)
            report = report.Panel(ToPanel(i));
        report.Section("Statistics")
            .Prose("""
                The amplitude distribution says whether speckle and brightness are right together; the ENL, on windows that are homogeneous in the real
                image, whether the speckle alone is; the co-occurrence features (32 levels, distance 1, mean of four directions) whether the texture is.
                """)
            .Table(ToTable())
            .Figure(ToHistogram(), "Densities of the normalised amplitude. A model that smooths lacks the tail; speckle drawn on top of speckle has too much of it.")
            .Section("Where this comes from")
            .Provenance(
            [
                new("model", model.Description),
                new("sensors", $"{model.SatelliteSensor} to {model.AirborneSensor}, {model.Scale} x {model.Scale} airborne pixels a satellite pixel"),
                new("seed", Recipe.Seed.ToString()),
                new("sampler", $"DDIM, {Recipe.Steps} steps, eta {Recipe.Eta}"),
                new("scenes", string.Join(", ", Scenes.Select(s => s.Name))),
            ])
            .Save(Path.Combine(folder, "index.html"));
        ToPanel(0).Save(Path.Combine(folder, "translation.png"));
        Data.Provenance.Of("evaluate", Recipe, Recipe.Seed, [], [Path.Combine(folder, "index.html")]).Write(Path.Combine(folder, "evaluation.provenance.json"));
    }
}
