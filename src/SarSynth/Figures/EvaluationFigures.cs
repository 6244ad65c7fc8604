// An evaluation as a table, as panels and as the report: pictures, statistics, and where all came from.
using SarSynth.Data;
using SarSynth.Evaluation;
using SarSynth.Radar.Images;
using SarSynth.Translation;
using EvaluationResult = SarSynth.Evaluation.Evaluation;

namespace SarSynth.Figures;

/// <summary>Draws what an evaluation found.</summary>
public static class EvaluationFigures
{
    /// <summary>The comparison as a table; the best value of each distance is marked.</summary>
    public static ReportTable ToTable(this EvaluationResult evaluation)
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
        foreach (var row in evaluation.Table.Rows.Prepend(evaluation.Table.Reference))
        {
            var real = row == evaluation.Table.Reference;
            table.Row(
                row.Name, real ? null : row.AmplitudeKl.Value, real ? null : row.AmplitudeKlReverse.Value,
                    real ? null : row.Wasserstein.Value,
                row.EnlHomogeneous.Value, real ? null : row.MeanPowerError, row.GlcmContrast, row.GlcmHomogeneity);
        }
        return table;
    }

    /// <summary>
    /// One row a scene: satellite, bicubic, bicubic with speckle, translation, real airborne, all on one grey scale.
    /// </summary>
    /// <param name="evaluation">The evaluation.</param>
    /// <param name="scene">Index of the scene.</param>
    /// <param name="pictureSize">Longest side of a picture, pixels.</param>
    public static ImagePanel ToPanel(this EvaluationResult evaluation, int scene, int pictureSize = 320)
    {
        var s = evaluation.Scenes[scene];
        var grey = new FixedRemap(evaluation.Table.Normalisation.Ceiling);
        var panel = new ImagePanel(s.Name, pictureSize).Add("satellite", s.Satellite, remap: grey);
        foreach (var candidate in evaluation.Candidates)
            panel = panel.Add(candidate.Name, candidate.Images[scene], remap: grey);
        return panel.Add("real airborne", s.Airborne, remap: grey);
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

    /// <summary>Writes the report and the evaluation's provenance into a folder.</summary>
    /// <param name="evaluation">The evaluation.</param>
    /// <param name="folder">Receives index.html, translation.png (the first scene) and
    /// evaluation.provenance.json.</param>
    /// <param name="model">The model's card, for the facts at the end.</param>
    public static void WriteReport(this EvaluationResult evaluation, string folder, ModelCard model)
    {
        var (own, best) = (evaluation.Table.Rows[^1],
            evaluation.Table.Rows.SkipLast(1).MinBy(r => r.AmplitudeKl.Value)!);
        var report = new Report("Satellite to airborne",
            "How airborne-like the translated images are, by SAR statistics, against real airborne images of the same ground.")
            .KeyFigures(
                new KeyFigure("Amplitude KL of the translation", own.AmplitudeKl.Value.ToString("F4"), "nats",
                    "KL(real || translated), 0 is equal"),
                new KeyFigure("Best baseline", best.AmplitudeKl.Value.ToString("F4"), "nats", best.Name),
                new KeyFigure("ENL, translated", own.EnlHomogeneous.Value.ToString("F3"), "looks",
                    $"real {evaluation.Table.Reference.EnlHomogeneous.Value:F3}, {evaluation.Table.HomogeneousWindows} homogeneous windows"),
                new KeyFigure("Scenes", evaluation.Scenes.Count.ToString(), "", "none of them seen by training"))
            .Section("Pictures")
            .Prose("One row a scene. All images of a row share one grey scale, A / (mu + 3 sigma) of the real airborne images.");
        for (var i = 0; i < Math.Min(evaluation.Scenes.Count, 4); i++)
            report = report.Panel(evaluation.ToPanel(i));
        report.Section("Statistics")
            .Prose("""
                The amplitude distribution says whether speckle and brightness are right together; the ENL, on windows that are homogeneous in the real
                image, whether the speckle alone is; the co-occurrence features (32 levels, distance 1, mean of four directions) whether the texture is.
                """)
            .Table(evaluation.ToTable())
            .Chart(Plots.Amplitude(evaluation),
                "Densities of the normalised amplitude. A model that smooths lacks the tail; speckle drawn on top of speckle has too much of it.")
            .Section("Where this comes from")
            .Provenance(
            [
                new("model", model.Description),
                new("sensors",
                    $"{model.SatelliteSensor} to {model.AirborneSensor}, {model.Scale} x {model.Scale} airborne pixels a satellite pixel"),
                new("seed", evaluation.Recipe.Seed.ToString()),
                new("sampler", $"DDIM, {evaluation.Recipe.Steps} steps, eta {evaluation.Recipe.Eta}"),
                new("scenes", string.Join(", ", evaluation.Scenes.Select(s => s.Name))),
            ])
            .Save(Path.Combine(folder, "index.html"));
        evaluation.ToPanel(0).Save(Path.Combine(folder, "translation.png"));
        Data.Provenance.Of("evaluate", evaluation.Recipe, evaluation.Recipe.Seed, [],
            [Path.Combine(folder, "index.html")], evaluation.Recipe.Device).Write(Path.Combine(folder, "evaluation.provenance.json"));
    }
}
