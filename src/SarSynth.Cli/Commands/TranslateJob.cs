// One input of sarsynth translate: its result, or the members and the statistics of an ensemble, with their pictures.
using System.Diagnostics;
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Translation;

namespace SarSynth.Cli.Commands;

/// <summary>Translates files by one recipe.</summary>
sealed class TranslateJob(RasterOptions reading, TranslateRecipe recipe, Shard? share, bool force,
    Lazy<Translator> model, CancellationToken cancel)
{
    /// <summary>What --json tells of a file.</summary>
    /// <param name="Stages">What its stages took.</param>
    /// <param name="PeakMegabytes">The most memory that the process ever held, 10^6 bytes.</param>
    private sealed record Told(IReadOnlyList<StageCost> Stages, double PeakMegabytes);

    /// <summary>What --json tells of an ensemble.</summary>
    private sealed record EnsembleTold(EnsembleFiles Ensemble, string Picture, IReadOnlyList<StageCost> Stages,
        double PeakMegabytes);

    private static double Peak => Math.Round(Process.GetCurrentProcess().PeakWorkingSet64 / 1e6, 1);

    /// <summary>Where the quick-look of a result goes; refused where it would take the place of the input.</summary>
    public static string PictureOf(string input, string output)
    {
        var picture = Path.ChangeExtension(output, ".png");
        if (Path.GetFullPath(picture) == Path.GetFullPath(input))
        {
            throw new ArgumentException($"--out {output}: its quick-look would overwrite the input {input}. "
                + "Give another name or folder.");
        }
        return picture;
    }

    /// <summary>One image of one seed.</summary>
    public Outcome Run(string input, string output)
    {
        var (made, stages, complete) = Make(input, output, recipe);
        return new(made, new Told(stages, Peak)) { Files = complete ? [output] : [] };
    }

    /// <summary>An image for each seed, and what they have in common.</summary>
    public Outcome Run(string input, string output, EnsembleRecipe ensemble)
    {
        var files = EnsembleFiles.Of(output, ensemble, recipe.Seed);
        var (anyMade, allComplete, stages) = (false, true, new List<StageCost>());
        foreach (var (i, member) in Progress.Over("seeds", files.Members.Index().ToList(),
            m => Path.GetFileName(m.Item)))
        {
            var (made, costs, complete) = Make(input, member, recipe with { Seed = recipe.Seed + (ulong)i });
            (anyMade, allComplete) = (anyMade | made, allComplete & complete);
            stages.AddRange(costs);
        }
        if (!allComplete)
            return new(anyMade, new Told(Summed(stages), Peak)) { Files = [] };
        var picture = Path.ChangeExtension(output, null) + ".ensemble.png";
        var what = new { Translation = recipe, ensemble.Members, ensemble.Cell, ensemble.Quantiles };
        if (anyMade || !File.Exists(picture)
            || files.Statistics.Any(path => !Finished.IsDone(path, "ensemble", what, files.Members, force)))
        {
            double mean;
            using (var progress = Progress.Begin("ensemble"))
            {
                mean = Ensemble.Write(files, ensemble, share => progress.At(share), cancel);
                progress.At(1);
            }
            foreach (var path in files.Statistics)
            {
                Record(path, "ensemble", what, files.Members,
                    $"A statistic over {ensemble.Members} translations by a trained model; no measurement.");
            }
            Picture(files, picture, mean);
            Record(picture, "quicklook", what, files.Statistics,
                "A picture of statistics over translations by a trained model: mean, quantiles, deviation.");
            anyMade = true;
        }
        return new(anyMade, new EnsembleTold(files, picture, Summed(stages), Peak))
        {
            Files = [.. files.Members, .. files.Statistics, picture],
        };
    }

    private (bool Made, IReadOnlyList<StageCost> Stages, bool Complete) Make(string input, string output,
        TranslateRecipe own)
    {
        Validity validity;
        using (var raster = RasterInput.Open(input, reading))
        {
            validity = raster.Validity;
            // Rows that another run left go on; a result beside them is the one that they shall replace.
            if (!Translator.IsBegun(output) && IsDone(raster, input, output, own))
                return (false, [], true);
        }
        var result = model.Value.TranslateFile(input, output, own, reading, shard: share, replace: force,
            cancel: cancel);
        foreach (var remark in result.Remarks)
            Terminal.Remark($"{input}: {remark}");
        if (!result.IsComplete)
        {
            Terminal.Remark($"{output}: rows of other shares are still missing");
            return (true, result.Stages, false);
        }
        using (var made = SarRaster.Open(output))
            QuickLook.Write(made, PictureOf(input, output));
        Record(PictureOf(input, output), "quicklook", new { Translation = own }, [output],
            "A picture of a translation by a trained model; no measurement.");
        if (result.LeftOut > 0)
        {
            Terminal.Remark($"{result.LeftOut} pixels of {input} were left out and hold no data in the result: "
                + $"they are 0 or hold none (rule: {validity})");
        }
        return (true, result.Stages, true);
    }

    private bool IsDone(SarRaster raster, string input, string output, TranslateRecipe own)
    {
        var read = new { Pixels = raster.Kind, raster.Channel, raster.Part, ModelFiles = ModelFiles.Of(own) };
        // The provenance has no word for a value that only the command line called no data.
        if (reading.NoDataValue is not null)
            Finished.Refuse(output, force);
        return Finished.IsDone(output, "translate", own, Finished.FilesOf(input), force, read);
    }

    private void Record(string path, string step, object what, IEnumerable<string> inputs, string description) =>
        Provenance.Of(step, what, recipe.Seed, inputs, [path]).AsSynthetic(description, recipe.Model, null)
            .Write(Finished.ProvenanceOf(path));

    // Mean, quantiles and deviation side by side: amplitudes within 15 dB of their mean, deviations from 0 to 12 dB.
    private static void Picture(EnsembleFiles files, string path, double mean)
    {
        var grey = double.IsNaN(mean) ? null : new DecibelRemap(mean - 15, mean + 15);
        var pictures = new List<byte[]>();
        SarMetadata? metadata = null;
        foreach (var file in files.Quantiles.Values.Prepend(files.Mean).Append(files.Deviation))
        {
            using var raster = SarRaster.Open(file);
            metadata ??= raster.Metadata;
            pictures.Add(QuickLook.ToPng(raster, file == files.Deviation ? new DecibelRemap(0, 12) : grey,
                new() { MaxSize = 512 }));
        }
        QuickLook.WriteRow(pictures, path, metadata!);
    }

    private static IReadOnlyList<StageCost> Summed(IEnumerable<StageCost> stages) =>
    [
        .. stages.GroupBy(s => s.Stage).Select(g => new StageCost(g.Key, Math.Round(g.Sum(s => s.Seconds), 3),
            Math.Round(g.Sum(s => s.CpuSeconds), 3), g.Max(s => s.Megabytes))),
    ];
}
