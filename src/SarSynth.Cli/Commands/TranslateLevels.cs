// sarsynth translate --levels: of each input one result for each spacing that the model makes of it, finest first.
using System.Globalization;
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Translation;

namespace SarSynth.Cli.Commands;

/// <summary>Translates files to all of their levels, each as --spacing makes it.</summary>
/// <param name="reading">How inputs are read.</param>
/// <param name="recipe">How, but for the spacing.</param>
/// <param name="model">The model.</param>
/// <param name="translate">Makes one result by a recipe with its spacing.</param>
sealed class TranslateLevels(RasterOptions reading, TranslateRecipe recipe, Lazy<Translator> model,
    Func<TranslateRecipe, Job, Outcome> translate)
{
    /// <summary>What --json tells of a file.</summary>
    private sealed record Told(IReadOnlyList<JsonNode> Levels);

    // Results of this run, and what they are of.
    private readonly Dictionary<string, string> taken = [];

    /// <summary>All levels of an input: the finest as the output, a coarser one with its metres in the name.</summary>
    /// <exception cref="ArgumentException">The model makes one level alone of it, or a result would take the place of
    /// the input or of another result.</exception>
    public Outcome Run(Job job)
    {
        var levels = LevelsOf(job.Input).Select(level => (Level: level, Job: JobOf(job, level))).ToList();
        foreach (var (_, own) in levels)
            Take(own);
        var (made, files, told) = (false, new List<string>(), new List<JsonNode>());
        foreach (var (level, own) in Progress.Over("levels", levels, l => $"{l.Level.Metres} m"))
        {
            // The finest is what is made where no spacing is asked for.
            var outcome = translate(level.Covered == 1 ? recipe : recipe with
            {
                Spacing = double.Parse(level.Metres, CultureInfo.InvariantCulture),
            }, own);
            made |= outcome.Made;
            files.AddRange(outcome.Files ?? [own.Output]);
            var one = Batch.Told(own, outcome);
            one["spacing"] = level.Spacing;
            told.Add(one);
        }
        return new(made, new Told(told)) { Files = files };
    }

    private IReadOnlyList<TranslationLevel> LevelsOf(string input)
    {
        using var raster = RasterInput.Open(input, reading);
        var (levels, lacking) = model.Value.Levels(raster, recipe);
        var others = string.Join(" and ", lacking.Select(metres => $"{metres} m"));
        if (levels.Count == 1)
        {
            throw new ArgumentException($"--levels: found {levels[0].Metres} m alone, which is all that model "
                + $"'{model.Value.Name}' makes of {input}, expected coarser levels too"
                + $"{(lacking.Count > 0 ? $", {others}" : "")}. Leave --levels out.");
        }
        if (lacking.Count > 0)
            Terminal.Remark($"{input}: model '{model.Value.Name}' has no sensor for a level of {others}");
        return levels;
    }

    private static Job JobOf(Job job, TranslationLevel level) => level.Covered == 1 ? job : job with
    {
        Output = $"{Path.ChangeExtension(job.Output, null)}-{level.Metres}m{Path.GetExtension(job.Output)}",
    };

    private void Take(Job own)
    {
        var path = Path.GetFullPath(own.Output);
        if (path == Path.GetFullPath(own.Input))
        {
            throw new ArgumentException($"--levels: {own.Output} would overwrite the input {own.Input}. "
                + "Give another name or folder.");
        }
        TranslateJob.PictureOf(own.Input, own.Output);
        if (!taken.TryAdd(path, own.Input))
            throw new ArgumentException($"--levels: {taken[path]} and {own.Input} would both become {own.Output}.");
    }
}
