// What a fine-tuning would need, before it begins: numbers that are trained, memory, disk, time.
using System.Diagnostics;
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.FineTuning;

/// <summary>What a fine-tuning would need.</summary>
/// <param name="Trained">Numbers that are trained, by group.</param>
/// <param name="Memory">Bytes on the device, validation included, of the stage that needs most; what runtime and engine
/// take comes on top.</param>
/// <param name="CheckpointBytes">Bytes on disk of the checkpoints that are kept, and of the one being written.</param>
public sealed record FineTuneEstimate(
    IReadOnlyDictionary<string, long> Trained, TrainingEstimate Memory, long CheckpointBytes)
{
    /// <summary>Seconds of a step by stage, the second of two that were taken where the recipe computes; empty where
    /// they were not.</summary>
    public IReadOnlyDictionary<string, double> StepSeconds { get; init; } = new Dictionary<string, double>();

    /// <summary>Most bytes that the whole program had of the machine's memory in those two steps, with what runtime and
    /// engine take; null where no step was measured on the CPU.</summary>
    public long? MeasuredMemory { get; init; }

    /// <summary>Why no step was measured; null where one was.</summary>
    public string? NotMeasured { get; init; }

    /// <summary>Seconds of all steps, validations and checkpoints left out; null where no step was measured.</summary>
    public double? Seconds { get; init; }

    /// <summary>Bytes that the cache of latents would take on disk; null without one, or where the number of tiles is
    /// not known.</summary>
    public long? CacheBytes { get; init; }

    /// <summary>What should be known of the data, a line each.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];
}

public static partial class FineTune
{
    // Where a run takes nearly all of the memory, steps to measure it would end the program.
    private const double MostMemory = 0.8;

    /// <summary>What a fine-tuning would train, and what it needs in memory, on disk and of time, before it begins: two
    /// steps of each stage are taken where they fit.</summary>
    /// <param name="recipe">Base, data, strategies.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="ArgumentException">As <see cref="Run(FineTuneRecipe, string, Action{FineTuneLine}?,
    /// CancellationToken, Action{string}?, Ranks?)"/>; so are the other exceptions.</exception>
    public static FineTuneEstimate Estimate(FineTuneRecipe recipe, CancellationToken cancel = default)
    {
        recipe = recipe with { Cache = null };
        var remarks = new List<string>();
        recipe.Check();
        using var progress = Progress.Begin("estimating");
        using var tiles = OpenTiles(recipe, remarks.Add, cancel);
        progress.At(0.1, "memory");
        var estimate = Needs(recipe, tiles, remarks);
        progress.At(0.5, "two steps");
        estimate = Measured(recipe, tiles, estimate, cancel);
        progress.At(1);
        return estimate;
    }

    private static FineTuneEstimate Needs(FineTuneRecipe recipe, Sources tiles, IReadOnlyList<string> remarks)
    {
        var path = BaseOf(recipe);
        using var model = OpenBase(recipe, path, CPU);
        var tensors = Tensors(path, model);
        using var run = new TuningRun(recipe with { Device = "cpu" }, model, tensors, _ => { });
        using var vae = recipe.Vae is null ? null : new VaeTuning(recipe, model, tensors);
        var trained = new Dictionary<string, long>();
        var (most, disk) = (default(TrainingEstimate), 0L);
        long? cached = null;
        foreach (var stage in Stages(run, vae))
        {
            RequireSizes(stage.Recipe, run.Multiple);
            using var feed = new TileFeed(tiles.Training, stage.Recipe, run.Multiple);
            var tile = tiles.Training.Sequence(new TileOrder { Seed = recipe.Seed }).First().Load();
            var like = TileFeed.Cut(tile, stage.Recipe, run.Multiple, 0, 0);
            var options = Options(stage, feed, null);
            var memory = stage == vae
                ? vae.Estimate(options, like, run.Models.Where(m => m != model.Vae).ToList(),
                    tiles.Validation is not null)
                : run.Estimate(options, like, tiles.Validation is not null);
            // The average takes the weights' place while it is looked at, and they wait beside it.
            memory = memory with { Validation = memory.Validation + memory.Average };
            foreach (var group in stage.Groups)
                trained[group.Prefix] = stage.Parameters.Where(p => group.Holds(p.Key))
                    .Sum(p => p.Value.NumberOfElements);
            // A checkpoint holds the parameters, the optimizer's state and the average; one more while it is written.
            var numbers = stage.Groups.Sum(g => trained[g.Prefix]);
            disk += (numbers * sizeof(float) + memory.Optimizer + memory.Average) * (recipe.KeepCheckpoints + 2);
            most = most is null || memory.Peak > most.Peak ? memory : most;
            var factor = model.Vae.Config.Factor;
            cached = tiles.Training.Count * 2 * model.Vae.Config.LatentChannels * sizeof(float)
                * (like.Tile.Rows / factor) * (like.Tile.Columns / factor);
        }
        return new(trained, most!, disk) { Remarks = remarks, CacheBytes = recipe.Crop is null ? cached : null };
    }

    private static FineTuneEstimate Measured(FineTuneRecipe recipe, Sources tiles, FineTuneEstimate estimate,
        CancellationToken cancel)
    {
        var device = ComputeDevice.Find(recipe.Device);
        var there = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (device.type == DeviceType.CPU && estimate.Memory.Peak > MostMemory * there)
        {
            return estimate with
            {
                NotMeasured = FormattableString.Invariant(
                    $"a step needs {estimate.Memory.Peak / 1e9:F1} GB of the {there / 1e9:F1} GB that are here"),
            };
        }
        try
        {
            var path = BaseOf(recipe);
            var counts = device.type == DeviceType.CPU && ProcessMemory.CountFromNow();
            using var model = OpenBase(recipe, path, device);
            var tensors = Tensors(path, model);
            using var run = new TuningRun(recipe, model, tensors, _ => { });
            using var vae = recipe.Vae is null ? null : new VaeTuning(recipe, model, tensors);
            var (seconds, all) = (new Dictionary<string, double>(), 0.0);
            foreach (var stage in Stages(run, vae))
            {
                seconds[stage.Name] = SecondsOfAStep(stage, tiles, run.Multiple, cancel);
                all += seconds[stage.Name] * stage.Recipe.Steps;
                if (stage == vae)
                    vae.Finish();
            }
            return estimate with
            {
                StepSeconds = seconds, Seconds = all, MeasuredMemory = counts ? ProcessMemory.Largest() : null,
            };
        }
        catch (System.Runtime.InteropServices.ExternalException failure)
            when (failure.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase))
        {
            return estimate with { NotMeasured = $"{device}: a step does not fit: {failure.Message.Split('\n')[0]}" };
        }
    }

    // The first step fills the engine's caches of kernels and memory.
    private static double SecondsOfAStep(ITuningStage stage, Sources tiles, int multiple, CancellationToken cancel)
    {
        using var feed = new TileFeed(tiles.Training, stage.Recipe, multiple);
        var (before, last) = (Stopwatch.GetTimestamp(), 0.0);
        Trainer.Run(Options(stage, feed, null) with { Steps = 2 }, stage.Parameters, step => feed.Batch(step, cancel),
            stage.Loss, _ =>
        {
            last = Stopwatch.GetElapsedTime(before).TotalSeconds;
            before = Stopwatch.GetTimestamp();
        }, cancel).Dispose();
        cancel.ThrowIfCancellationRequested();
        return last;
    }
}
