// Draws the papers' figures of a study, and saves each as PDF, SVG and PNG.
using System.Globalization;
using Plotly.NET;
using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Evaluation;
using SarSynth.Experiments;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using Chart = Plotly.NET.CSharp.Chart;

namespace SarSynth.Figures;

/// <summary>Figures of the papers, as charts and panels.</summary>
public static class PaperPlots
{
    private static readonly string[] extensions = [".pdf", ".svg", ".png"];

    /// <summary>Where a checkout keeps what was recorded for its notebooks.</summary>
    public static string RecordedFolder => Path.Combine(
        Path.GetDirectoryName(EmbeddedData.ManifestFolder.TrimEnd(Path.DirectorySeparatorChar))!, "notebooks",
        "recorded");

    /// <summary>Figure 1: one place at each scale.</summary>
    /// <param name="study">The study.</param>
    /// <param name="pictureSize">Longest side of a picture, pixels.</param>
    public static ImagePanel Scales(this PaperStudy study, int pictureSize = 160) => study.Scales.Aggregate(
        new ImagePanel("", pictureSize), (panel, level) => panel.Add(level.Name, level.Image))
        .Zoom(study.Settings.Size / 2);

    /// <summary>Figure 2: a scene seen by the satellite, translated, and true.</summary>
    /// <param name="study">The study.</param>
    /// <param name="pictureSize">Longest side of a picture, pixels.</param>
    /// <param name="scene">Which of its scenes.</param>
    public static ImagePanel Translation(this PaperStudy study, int pictureSize = 110, int scene = 1)
    {
        var place = study.Scenes[Math.Min(scene, study.Scenes.Count - 1)];
        return place.ToPanel([.. study.Candidates.Where(c => c.Name != Ways.Bicubic.Name)
            .Select(c => (c.Name, c.Images[Math.Min(scene, study.Scenes.Count - 1)]))], pictureSize);
    }

    /// <summary>Figure 3: the facet simulation, bridged, and the rich one, on one grey scale.</summary>
    /// <param name="study">The study.</param>
    /// <param name="pictureSize">Longest side of a picture, pixels.</param>
    public static ImagePanel Realism(this PaperStudy study, int pictureSize = 160)
    {
        var grey = new FixedRemap(new NormalisationFit().Add(study.Realism.Rich.Pixels).Clipped().Ceiling);
        string Kl(string image) => string.Create(CultureInfo.InvariantCulture,
            $"KL {study.Numbers.Single(n => n.Id == PaperStudy.RealismKl(image)).Value:0.000}");
        return new ImagePanel("", pictureSize)
            .Add("facet simulation", study.Realism.Facets, Kl("facets"), grey)
            .Add("bridged", study.Realism.Bridged, Kl("bridged"), grey)
            .Add("rich simulation", study.Realism.Rich, $"{Kl("again")} with other speckle", grey).Zoom(96);
    }

    /// <summary>Figure 4: what is left of the image, and what is noise, step by step.</summary>
    public static GenericChart Noising(this PaperStudy study)
    {
        var steps = Enumerable.Range(1, study.Schedule.TrainTimesteps).Where(s => s == 1 || s % 10 == 0).ToArray();
        double At(int step) => study.Schedule.AlphasCumprod[step - 1];
        return Chart.Combine([
                Plots.Line(steps, steps.Select(s => Math.Sqrt(At(s))), "image: sqrt(alpha_bar)"),
                Plots.Line(steps, steps.Select(s => Math.Sqrt(1 - At(s))), "noise: sqrt(1 - alpha_bar)",
                    LineStyle.Dash)])
            .WithTitle("Weights of image and noise in z_t").WithXAxis("step t").WithYAxis("weight");
    }

    /// <summary>Figure 5: amplitudes over mu + 3 sigma, and where they are clipped.</summary>
    public static GenericChart Normalisation(this PaperStudy study)
    {
        var clipped = new NormalisationFit()
            .Add([.. study.Truth.Images.SelectMany(i => i.Pixels)]).Clipped();
        return Plots.Histogram(study.Truth.Images.SelectMany(i => i.Pixels).Select(a => a / clipped.Ceiling), 120,
                range: (0, 1.5))
            .WithTitle($"Amplitudes of images: {study.Truth.Name}").WithXAxis("A / (mu + 3 sigma)").WithYAxis("density")
            .WithVerticalLine(1, "clipped from here");
    }

    /// <summary>Figure 6: amplitude distributions.</summary>
    public static GenericChart Amplitude(this PaperStudy study) =>
        Plots.Amplitude(Comparison.Of(study.Truth, study.Judged));

    /// <summary>Figure 7: texture of each candidate over that of the truth.</summary>
    public static GenericChart Texture(this PaperStudy study)
    {
        var truth = study.Texture[0].Features;
        return Chart.Combine([.. study.Texture.Skip(1).Select(t => Plots.Bars(
                PaperStudy.Features.Select(f => f.ToString().ToLowerInvariant()),
                t.Features.Select((f, i) => f / truth[i]), t.Name))])
            .WithTitle("Co-occurrence features over those of the truth").WithXAxis("", AxisScale.Names)
            .WithYAxis("feature / true").WithHorizontalLine(1);
    }

    /// <summary>Figure 8: the recorded comparison of strategies; null where none is recorded.</summary>
    /// <param name="folder">Where it lies, as strategies.json; the kit's own when null.</param>
    public static GenericChart? Strategies(string? folder = null)
    {
        var file = StrategiesFile(folder);
        if (!File.Exists(file))
            return null;
        var table = KitJson.Read<StrategyTable>(file);
        // The base as it is would flatten all the others.
        var tuned = table.Rows.Where(r => r.Strategy != StrategyComparison.BaseName).ToList();
        var start = table.Rows.FirstOrDefault(r => r.Strategy == StrategyComparison.BaseName);
        double[] halves = [.. tuned.Select(r => double.IsFinite(r.AmplitudeKl.HalfWidth) ? r.AmplitudeKl.HalfWidth
            : 0)];
        // Student's interval may reach below 0, a divergence does not.
        var most = tuned.Select((r, i) => r.AmplitudeKl.Mean + halves[i]).DefaultIfEmpty(1).Max();
        return Plots.Bars(tuned.Select(r => r.Strategy.Replace("+", "<br>+ ", StringComparison.Ordinal)),
                tuned.Select(r => r.AmplitudeKl.Mean), errors: halves)
            .WithTitle("Amplitude KL by strategy, means and 95 % intervals over seeds" + (start is null ? ""
                : string.Create(CultureInfo.InvariantCulture, $"; the base as it is: {start.AmplitudeKl.Mean:0.0}")))
            .WithXAxis("", AxisScale.Names).WithYAxis("KL, nats", range: (0, 1.05 * most))
            // Names of eight strategies side by side.
            .WithSize(860, Theme.Height);
    }

    /// <summary>The recorded comparison of strategies as a table, or how to make it where none is recorded.</summary>
    /// <param name="folder">Where it lies, as strategies.json; the kit's own when null.</param>
    public static object StrategiesTable(string? folder = null)
    {
        var file = StrategiesFile(folder);
        if (!File.Exists(file))
            return $"There is no {Path.GetFileName(file)} among the recorded results. "
                + "./sarsynth train --recipe strategies -o strategies makes it in some hours.";
        var recorded = KitJson.Read<StrategyTable>(file);
        // The floor is no strategy: in a row of its own it would be the best of them.
        var floor = recorded.OtherTiles is not { } other ? "" : string.Create(CultureInfo.InvariantCulture,
            $"; other true tiles have {other.AmplitudeKl:F3}, {other.GlcmDistance:F3} and {other.TextAlignment:F2}");
        var words = string.Create(CultureInfo.InvariantCulture, $"the model behind text alignment finds the caption "
            + $"of {recorded.Retrieval.At1:P1} of true tiles among {recorded.Retrieval.Captions}");
        var table = new ReportTable(
            $"Strategies, {recorded.Finished} of {recorded.Expected} runs{floor}; {words}", "strategy",
            new("trained", "numbers", Best.None, "N0"),
            new("amplitude KL", "nats", Best.Lowest, "F3"), new("±", "", Best.None, "F3"),
            new("GLCM distance", "sd", Best.Lowest, "F3"), new("±", "", Best.None, "F3"),
            new("text alignment", "", Best.Highest, "F2"), new("±", "", Best.None, "F2"),
            new("runs", "", Best.None, "F0"));
        foreach (var r in recorded.Rows)
            table.Row(r.Paper.Length > 0 ? $"{r.Strategy} ({r.Paper})" : r.Strategy, r.Trained, r.AmplitudeKl.Mean,
                r.AmplitudeKl.HalfWidth, r.GlcmDistance.Mean, r.GlcmDistance.HalfWidth, r.TextAlignment.Mean,
                r.TextAlignment.HalfWidth, r.Runs);
        return table;
    }

    /// <summary>Figure 9: whether a translation still agrees with what is true at coarser levels.</summary>
    public static GenericChart Cascade(this PaperStudy study) => Chart.Combine([
            Plots.Bars(study.Cascade.Select(l => l.Level), study.Cascade.Select(l => l.Floor), "seen again"),
            Plots.Bars(study.Cascade.Select(l => l.Level), study.Cascade.Select(l => l.Translated), "translated")])
        .WithTitle("Agreement with the truth at each level").WithXAxis("", AxisScale.Names)
        .WithYAxis("correlation of ln mean intensity", range: (0, 1));

    /// <summary>Figure 10: the large scene.</summary>
    /// <param name="study">The study.</param>
    /// <param name="pictureSize">Longest side of a picture, pixels.</param>
    public static ImagePanel LargeScene(this PaperStudy study, int pictureSize = 160) =>
        new ImagePanel("", pictureSize).Add("satellite", study.Large.Satellite)
        .Add("translated in parts", study.Large.Translated)
        .Zoom(Math.Min(pictureSize / 2, study.Large.Translated.Rows));

    /// <summary>Draws and saves all figures of a study, each as PDF, SVG and PNG, and its numbers.</summary>
    /// <param name="study">The study.</param>
    /// <param name="folder">Where they go; made where it is not.</param>
    /// <returns>The files.</returns>
    /// <exception cref="BrowserException">There is no Chromium that draws them.</exception>
    public static IReadOnlyList<string> Save(this PaperStudy study, string folder)
    {
        Directory.CreateDirectory(folder);
        // In print no pixel is averaged away that the page can hold.
        object?[] drawn = [study.Scales(320), study.Translation(240), study.Realism(320), study.Noising(),
            study.Normalisation(), study.Amplitude(), study.Texture(), Strategies(), study.Cascade(),
            study.LargeScene(512)];
        var files = new List<string>();
        foreach (var figure in Progress.Over("drawing", PaperFigure.All, f => f.Title))
        {
            var path = Path.Combine(folder,
                string.Create(CultureInfo.InvariantCulture, $"figure-{figure.Number:D2}-{figure.Id}"));
            foreach (var extension in drawn[figure.Number - 1] is null ? [] : extensions)
            {
                if (drawn[figure.Number - 1] is ImagePanel panel)
                    panel.Save(path + extension);
                else
                    ((GenericChart)drawn[figure.Number - 1]!).Save(path + extension);
                files.Add(path + extension);
            }
        }
        files.Add(Path.Combine(folder, PaperNumbers.FileName));
        KitJson.Write(files[^1], new PaperNumbers(study.Settings, study.Numbers));
        return files;
    }

    private static string StrategiesFile(string? folder) => Path.Combine(folder ?? RecordedFolder, "strategies.json");
}
