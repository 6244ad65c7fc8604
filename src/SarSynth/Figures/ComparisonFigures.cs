// A comparison as a table, as panels and as the report: pictures, statistics, and where all came from.
using System.Text.Json.Nodes;
using SarSynth.Evaluation;
using SarSynth.Radar.Images;
using SarSynth.Translation;

namespace SarSynth.Figures;

/// <summary>Draws what a comparison found.</summary>
public static class ComparisonFigures
{
    /// <summary>The statistics as a table; the best value of each distance is marked.</summary>
    public static ReportTable ToTable(this LikenessTable likeness)
    {
        var truth = likeness.Reference.Name;
        var table = new ReportTable(
            $"Statistics against {truth} images of the same ground",
            "image",
            new($"KL({truth} || image)", "nats", Best.Lowest, "F4"),
            new($"KL(image || {truth})", "nats", Best.Lowest, "F4"),
            new("Wasserstein-1", "of mean amplitude", Best.Lowest, "F4"),
            new("ENL, homogeneous", "looks", Best.None, "F3"),
            new("mean power error", "dB", Best.None, "F2"),
            new("GLCM contrast", "", Best.None, "F2"),
            new("GLCM homogeneity", "", Best.None, "F4"));
        table.Row(truth, null, null, null, likeness.Reference.EnlHomogeneous.Value, null,
            likeness.Reference.GlcmContrast, likeness.Reference.GlcmHomogeneity);
        foreach (var row in likeness.Rows)
            table.Row(row.Name, row.AmplitudeKl.Value, row.AmplitudeKlReverse.Value, row.Wasserstein.Value,
                row.EnlHomogeneous.Value, row.MeanPowerError, row.GlcmContrast, row.GlcmHomogeneity);
        return table;
    }

    /// <summary>
    /// One place in a row: the satellite image where there is one, the candidates, the truth, all on one grey scale.
    /// </summary>
    /// <param name="comparison">The comparison.</param>
    /// <param name="place">Index of the scene.</param>
    /// <param name="pictureSize">Longest side of a picture, pixels.</param>
    public static ImagePanel ToPanel(this Comparison comparison, int place = 0, int pictureSize = 320)
    {
        var grey = new FixedRemap(comparison.Table.Normalisation.Ceiling);
        var scene = comparison.Scenes.Count > 0 ? comparison.Scenes[place] : null;
        var panel = new ImagePanel(scene?.Name ?? "", pictureSize);
        if (scene is not null)
            panel = panel.Add("satellite", scene.Satellite, remap: grey);
        foreach (var candidate in comparison.Candidates)
            panel = panel.Add(candidate.Name, candidate.Images[place], remap: grey);
        return panel.Add(comparison.Truth.Name, comparison.Truth.Images[place], remap: grey);
    }

    /// <summary>
    /// Whether <see cref="WriteReport"/> has what it draws with; worth asking before hours of translation.
    /// </summary>
    /// <exception cref="FileNotFoundException">plotly.js was not fetched.</exception>
    /// <exception cref="BrowserException">No Chromium was found.</exception>
    public static void CheckReportTools()
    {
        _ = ChartPage.FindScript();
        _ = HeadlessBrowser.Find() ?? throw HeadlessBrowser.NotFound();
    }

    /// <summary>Writes the report and its provenance into a folder.</summary>
    /// <param name="comparison">The comparison of scenes; the translated images are its last candidate.</param>
    /// <param name="folder">Receives index.html, translation.png (the first scene) and
    /// evaluation.provenance.json.</param>
    /// <param name="model">The model that translated, for the facts at the end.</param>
    /// <param name="recipe">How the model translated; scene i took its seed + i.</param>
    /// <param name="unseen">Whether the scenes are simulated, of seeds from
    /// <see cref="Data.SimulatedScenes.UnseenSeed"/> on.</param>
    public static void WriteReport(this Comparison comparison, string folder, Translator model, TranslateRecipe recipe,
        bool unseen = false)
    {
        var card = model.Card;
        var truth = comparison.Truth.Name;
        var (own, best) = (comparison.Table.Rows[^1],
            comparison.Table.Rows.SkipLast(1).MinBy(r => r.AmplitudeKl.Value));
        var report = new Report("Satellite to airborne",
            "How airborne-like the translated images are, by SAR statistics, "
            + $"against {truth} images of the same ground.")
            .KeyFigures(
            [
                new KeyFigure("Amplitude KL of the translation", own.AmplitudeKl.Value.ToString("F4"), "nats",
                    $"KL({truth} || translated), 0 is equal"),
                .. best is null ? Array.Empty<KeyFigure>()
                    : [new KeyFigure("Best baseline", best.AmplitudeKl.Value.ToString("F4"), "nats", best.Name)],
                new KeyFigure("ENL, translated", own.EnlHomogeneous.Value.ToString("F3"), "looks",
                    $"{truth} {comparison.Table.Reference.EnlHomogeneous.Value:F3}, "
                    + $"{comparison.Table.HomogeneousWindows} homogeneous windows"),
                new KeyFigure("Scenes", comparison.Truth.Images.Count.ToString(), "",
                    unseen ? "simulated, of seeds that no recipe of the kit trains on" : ""),
            ])
            .Section("Pictures")
            .Prose("One row a scene. All images of a row share one grey scale, "
                + $"A / (mu + 3 sigma) of the {truth} images.");
        for (var i = 0; i < Math.Min(comparison.Truth.Images.Count, 4); i++)
            report = report.Panel(comparison.ToPanel(i));
        report.Section("Statistics")
            .Prose($"""
                The amplitude distribution says whether speckle and brightness are right together; the ENL, on windows
                that are homogeneous in the {truth} image, whether the speckle alone is; the co-occurrence features (32
                levels, distance 1, mean of four directions) whether the texture is.
                """)
            .Table(comparison.Table.ToTable())
            .Chart(Plots.Amplitude(comparison),
                "Densities of the normalised amplitude. A model that smooths lacks the tail; "
                + "speckle drawn on top of speckle has too much of it.")
            .Chart(Plots.Spectrum(comparison),
                "Densities of the intensity's spectrum: where the sensor's band ends, "
                + "and a lattice that a decoder leaves.")
            .Section("Where this comes from")
            .Provenance(
            [
                new("model", card.Description),
                new("sensors",
                    $"{card.SatelliteSensor} to {card.AirborneSensor}, "
                    + $"{card.Scale} x {card.Scale} airborne pixels a satellite pixel"),
                new("seed", recipe.Seed.ToString()),
                new("sampler", SamplerOf(model, recipe)),
                new("scenes", string.Join(", ", comparison.Scenes.Select(s => s.Name))),
            ])
            .Save(Path.Combine(folder, "index.html"));
        comparison.ToPanel().Save(Path.Combine(folder, "translation.png"));
        Data.Provenance.Of("evaluate", recipe, recipe.Seed, [], [Path.Combine(folder, "index.html")], recipe.Device)
            .With(new { ModelFiles = model.Files?.Value, Scenes = comparison.Scenes.Select(s => s.Name) }, [], [])
            .Write(Path.Combine(folder, "evaluation.provenance.json"));
    }

    /// <summary>What ran, in words: "DDIMScheduler, 25 steps, eta 1".</summary>
    internal static string SamplerOf(Translator model, TranslateRecipe recipe)
    {
        var (plan, _) = model.PlanOf(recipe);
        var name = (string?)JsonNode.Parse(model.SamplerOf(recipe).ToJson())?["_class_name"] ?? "";
        // No other sampler looks at eta.
        var eta = name.StartsWith("DDIM", StringComparison.Ordinal) ? $", eta {recipe.Eta}" : "";
        return $"{name}, {plan.Stop - plan.Start} steps{eta}";
    }
}
