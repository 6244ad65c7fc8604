// A comparison as a table and as panels.
using SarSynth.Evaluation;
using SarSynth.Radar.Images;

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
    /// Whether <see cref="TableReport.Write"/> has what it draws with; worth asking before hours of translation.
    /// </summary>
    /// <exception cref="FileNotFoundException">plotly.js was not fetched.</exception>
    /// <exception cref="BrowserException">No Chromium was found.</exception>
    public static void CheckReportTools()
    {
        _ = ChartPage.FindScript();
        _ = HeadlessBrowser.Find() ?? throw HeadlessBrowser.NotFound();
    }
}
