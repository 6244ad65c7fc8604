// How long a comparison would take, before it begins.
using System.Diagnostics;
using SarSynth.Data;
using SarSynth.Evaluation;
using SarSynth.FineTuning;

namespace SarSynth.Experiments;

/// <summary>How long a comparison would take.</summary>
/// <param name="All">Runs of the whole comparison.</param>
/// <param name="Finished">How many of them are finished.</param>
/// <param name="Strategies">Seconds of one training by strategy, from two measured steps; null where none fits.</param>
/// <param name="ImageSeconds">Seconds of one image, measured.</param>
/// <param name="Seconds">Seconds of what is left: trainings and images; tiles and the contrastive model come on top.
/// </param>
public sealed record StrategyPlan(int All, int Finished, IReadOnlyDictionary<string, double?> Strategies,
    double ImageSeconds, double Seconds);

public static partial class StrategyComparison
{
    /// <summary>How long it would take, from two steps of each strategy and one image.</summary>
    /// <param name="recipe">The comparison.</param>
    /// <param name="folder">Where it would run, or has run in part; simulated tiles are made there.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="ArgumentException">A field that cannot be.</exception>
    public static StrategyPlan Plan(StrategiesRecipe recipe, string folder, CancellationToken cancel = default)
    {
        recipe.Check();
        var start = BaseOf(recipe);
        using var progress = Progress.Begin("planning");
        progress.Part(0.4);
        var tiles = TilesOf(recipe, folder, cancel);
        using var source = Tiles.Open(tiles, new TileOptions { Split = Split.Train, Conditions = [] });
        var side = source.Sequence(new TileOrder { IsShuffled = false }).First().Load().Rows;
        double image;
        using (var model = Load(recipe, start, null))
        {
            var clock = Stopwatch.StartNew();
            Generate(recipe, model, null, [], ["water"], 1, side, cancel);
            image = clock.Elapsed.TotalSeconds;
        }
        var each = new Dictionary<string, double?> { [BaseName] = 0 };
        foreach (var (i, entry) in recipe.Strategies.Index())
        {
            progress.Part(0.4 + 0.6 * (i + 1) / recipe.Strategies.Count, entry.Name);
            each[entry.Name] = FineTune.Estimate(recipe.Budget.Recipe(entry.Name, start, tiles, entry.Strategy,
                recipe.Seeds[0], recipe.Device), cancel).Seconds;
        }
        var all = Planned(recipe).ToList();
        var left = all.Where(p => !File.Exists(ResultOf(folder, p.Entry.Name, p.Seed))).ToList();
        progress.At(1);
        return new(all.Count, all.Count - left.Count, each, image,
            left.Sum(p => (each[p.Entry.Name] ?? double.NaN) + image * recipe.Images));
    }
}
