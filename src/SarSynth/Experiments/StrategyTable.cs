// The table of the comparison: means and intervals over the seeds, as Markdown, CSV and JSON.
using System.Globalization;
using System.Text;
using MathNet.Numerics.Distributions;
using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Evaluation;

namespace SarSynth.Experiments;

/// <summary>A finished run.</summary>
/// <param name="Strategy">Name of the strategy, or of the base as it is.</param>
/// <param name="Seed">Its seed.</param>
/// <param name="Trained">Numbers that were trained.</param>
/// <param name="Seconds">Time of the training: of its last stretch where it was killed in between.</param>
/// <param name="Measures">What its images measure.</param>
public sealed record StrategyRun(
    string Strategy, ulong Seed, long Trained, double Seconds, StrategyMeasures Measures);

/// <summary>A mean over seeds with Student's 95 % interval.</summary>
/// <param name="Mean">Mean.</param>
/// <param name="HalfWidth">Half the interval's width; NaN of one run.</param>
public sealed record SeedInterval(double Mean, double HalfWidth)
{
    /// <summary>Of values that are normally spread.</summary>
    public static SeedInterval Of(IReadOnlyList<double> values)
    {
        var mean = values.Average();
        if (values.Count < 2)
            return new(mean, double.NaN);
        var deviation = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Count - 1));
        var quantile = StudentT.InvCDF(0, 1, values.Count - 1, 0.975);
        return new(mean, quantile * deviation / Math.Sqrt(values.Count));
    }

    /// <inheritdoc/>
    public override string ToString() => double.IsNaN(HalfWidth) ? Mean.ToString("F3", CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{Mean:F3} ± {HalfWidth:F3}");
}

/// <summary>A row of the table.</summary>
/// <param name="Strategy">Name.</param>
/// <param name="Paper">What arXiv 2506.13307 says of it.</param>
/// <param name="Runs">Finished runs.</param>
/// <param name="Trained">Numbers that were trained.</param>
/// <param name="AmplitudeKl">See <see cref="StrategyMeasures"/>.</param>
/// <param name="GlcmDistance">Likewise.</param>
/// <param name="TextAlignment">Likewise.</param>
/// <param name="Seconds">Of a training.</param>
public sealed record StrategyRow(string Strategy, string Paper, int Runs, long Trained, SeedInterval AmplitudeKl,
    SeedInterval GlcmDistance, SeedInterval TextAlignment, SeedInterval Seconds);

/// <summary>The comparison as far as it has run.</summary>
/// <param name="Rows">The base as it is, then the strategies in the recipe's order; those without a finished run are
/// left out.</param>
/// <param name="Expected">Runs of the whole comparison.</param>
/// <param name="OtherTiles">What true tiles of the validation part measure: what no model need be better than; null
/// where there are none.</param>
/// <param name="Retrieval">How well the contrastive model tells captions apart.</param>
public sealed record StrategyTable(IReadOnlyList<StrategyRow> Rows, int Expected, StrategyMeasures? OtherTiles,
    RetrievalResult Retrieval)
{
    /// <summary>Finished runs.</summary>
    public int Finished => Rows.Sum(r => r.Runs);

    /// <summary>The table's cells as text, header first.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Cells()
    {
        var cells = new List<IReadOnlyList<string>>
        {
            new[] { "strategy", "trained", "amplitude KL", "GLCM distance", "text alignment", "seconds", "runs",
                "arXiv 2506.13307" },
        };
        cells.AddRange(Rows.Select(r => new[]
        {
            r.Strategy, r.Trained.ToString("N0", CultureInfo.InvariantCulture), r.AmplitudeKl.ToString(),
            r.GlcmDistance.ToString(), r.TextAlignment.ToString(),
            r.Seconds.Mean.ToString("F0", CultureInfo.InvariantCulture),
            r.Runs.ToString(CultureInfo.InvariantCulture), r.Paper,
        }));
        if (OtherTiles is { } other)
        {
            string Number(double value) => value.ToString("F3", CultureInfo.InvariantCulture);
            cells.Add(["(other true tiles)", "", Number(other.AmplitudeKl), Number(other.GlcmDistance),
                Number(other.TextAlignment), "", "", ""]);
        }
        return cells;
    }

    /// <summary>The table with what its columns are, as Markdown.</summary>
    public string ToMarkdown(StrategiesRecipe recipe)
    {
        var text = new StringBuilder();
        void Line(string line) => text.Append(line).Append('\n');
        Line("# Fine-tuning strategies on a small base");
        Line("");
        Line(string.Create(CultureInfo.InvariantCulture,
            $"{Finished} of {Expected} runs from {recipe.Base}: {recipe.Budget.Steps} steps of {recipe.Budget.Batch} "
            + $"tiles each, seeds {string.Join(", ", recipe.Seeds)}; {recipe.Images} images a run. Mean ± half of "
            + $"Student's 95 % interval over the seeds."));
        Line("");
        var cells = Cells();
        Line("| " + string.Join(" | ", cells[0]) + " |");
        Line("| --- |" + string.Concat(Enumerable.Repeat(" ---: |", cells[0].Count - 2)) + " --- |");
        foreach (var row in cells.Skip(1))
            Line("| " + string.Join(" | ", row) + " |");
        Line("");
        Line("- amplitude KL: KL(test tiles || images), pooled A / (mu + 3 sigma), nats; lower is better.");
        Line($"- GLCM distance: mean of {string.Join(", ", StrategyJudge.Features)} in deviations of the test tiles; "
            + "lower is better.");
        Line(string.Create(CultureInfo.InvariantCulture,
            $"- text alignment: mean cosine with the caption x 100 by the contrastive model, which has retrieval@1 "
            + $"{Retrieval.At1:P1} and @5 {Retrieval.At5:P1} over {Retrieval.Captions} captions; higher is better."));
        Line("- arXiv 2506.13307 compares full fine-tuning and LoRA of UNet, autoencoder and text encoders, and a "
            + "learned token, on SDXL and measured airborne images; best there is the full UNet with LoRA on the text "
            + "encoders and the token. Tiles here are simulated, the base is small.");
        return text.ToString();
    }

    /// <summary>Writes strategies.json, .csv and .md.</summary>
    public void Write(string folder, StrategiesRecipe recipe)
    {
        KitJson.Write(Path.Combine(folder, "strategies.json"), this);
        AtomicFile.WriteText(Path.Combine(folder, "strategies.md"), ToMarkdown(recipe));
        var csv = new StringBuilder("strategy,runs,trained,amplitude_kl,amplitude_kl_half,glcm_distance,"
            + "glcm_distance_half,text_alignment,text_alignment_half,seconds,paper\n");
        foreach (var r in Rows)
        {
            csv.Append(CultureInfo.InvariantCulture, $"{r.Strategy},{r.Runs},{r.Trained},");
            csv.Append(CultureInfo.InvariantCulture, $"{r.AmplitudeKl.Mean:G6},{r.AmplitudeKl.HalfWidth:G6},");
            csv.Append(CultureInfo.InvariantCulture, $"{r.GlcmDistance.Mean:G6},{r.GlcmDistance.HalfWidth:G6},");
            csv.Append(CultureInfo.InvariantCulture, $"{r.TextAlignment.Mean:G6},{r.TextAlignment.HalfWidth:G6},");
            csv.Append(CultureInfo.InvariantCulture, $"{r.Seconds.Mean:F1},{r.Paper}\n");
        }
        AtomicFile.WriteText(Path.Combine(folder, "strategies.csv"), csv.ToString());
    }
}
