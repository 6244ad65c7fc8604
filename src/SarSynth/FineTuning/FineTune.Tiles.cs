// Fine-tuning of a base model on tiles of one's own, from a recipe to files that diffusers opens.
using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Training;
using SarSynth.Radar.Images;
using SarSynth.Translation;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.FineTuning;

/// <summary>What a fine-tuning left behind.</summary>
/// <param name="Folder">Where it is.</param>
/// <param name="Made">Files and folders in it, by what they are.</param>
/// <param name="Loss">Loss of the last step.</param>
/// <param name="BestStep">The step with the lowest validation loss; null where there was none.</param>
/// <param name="BestValidation">That loss.</param>
/// <param name="Skipped">Steps skipped because something was not finite.</param>
public sealed record FineTuneResult(string Folder, IReadOnlyDictionary<string, string> Made, double Loss,
    long? BestStep,
    double? BestValidation, long Skipped);

/// <summary>Where a fine-tuning stands: told every ten steps and at each validation.</summary>
/// <param name="Step">Steps taken.</param>
/// <param name="Loss">Mean training loss since it was told last.</param>
/// <param name="Rates">Learning rates by group.</param>
/// <param name="Validation">Loss on the validation tiles; null where it was not measured.</param>
/// <param name="Samples">What the sample images measure; null where none were made.</param>
public sealed record FineTuneLine(long Step, double Loss, IReadOnlyDictionary<string, double> Rates,
    double? Validation = null, IReadOnlyList<SampleStatistics>? Samples = null);

/// <summary>What a fine-tuning would need.</summary>
/// <param name="Trained">Numbers that are trained, by group.</param>
/// <param name="Memory">Bytes on the device, validation included; what runtime and engine take comes on top.</param>
/// <param name="CheckpointBytes">Bytes on disk of the checkpoints that are kept, and of the one being written.</param>
public sealed record FineTuneEstimate(
    IReadOnlyDictionary<string, long> Trained, TrainingEstimate Memory, long CheckpointBytes);

public static partial class FineTune
{
    /// <summary>File that a finished run has, with recipe, versions and checksums.</summary>
    public const string ProvenanceFile = "fine-tuning.provenance.json";

    private const string CheckpointFolder = "training";

    /// <summary>Fine-tunes; a run that ended early goes on from its last checkpoint.</summary>
    /// <param name="recipe">Base, data, strategies.</param>
    /// <param name="folder">Where checkpoints, log, samples and results go.</param>
    /// <param name="onLine">Told each line of the log.</param>
    /// <param name="cancel">Stops after a step, with a checkpoint.</param>
    /// <exception cref="ArgumentException">A field of the recipe that cannot be, or names what the base does not
    /// have.</exception>
    /// <exception cref="TileException">Tiles that cannot be read or lack what the recipe needs, found before the first
    /// step where headers tell.</exception>
    /// <exception cref="CheckpointException">The base cannot be opened, or the folder holds another
    /// training.</exception>
    /// <exception cref="IOException">The folder holds a finished run.</exception>
    /// <exception cref="TrainingDivergedException">Losses or gradients stayed NaN or infinite.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; run again to go on.</exception>
    public static FineTuneResult Run(FineTuneRecipe recipe, string folder, Action<FineTuneLine>? onLine = null,
        CancellationToken cancel = default)
    {
        recipe.Check();
        if (File.Exists(Path.Combine(folder, ProvenanceFile)))
            throw new IOException($"{folder}: holds a finished fine-tuning ({ProvenanceFile}); give another folder.");
        var device = ComputeDevice.Find(recipe.Device);
        using var progress = Progress.Begin("fine-tuning");
        using var tiles = OpenTiles(recipe, cancel);
        var path = File.Exists(recipe.Base) ? recipe.Base : EmbeddedData.FindModel(recipe.Base);
        using var model = LatentDiffusion.Load(path, new WeightOptions(Device: device, Type: ScalarType.Float32));
        var tensors = Tensors(path, model);
        using var run = new TuningRun(recipe, model, tensors);
        RequireCrop(recipe, run.Multiple);
        RequireSame(recipe, folder);
        using var feed = new TileFeed(tiles.Training, recipe, run.Multiple);
        var held = Held(recipe, tiles.Validation, run.Multiple);
        using var log = new TuningLog(
            recipe, run, held, tensors, Path.Combine(folder, CheckpointFolder), onLine, progress);
        var options = Options(recipe, run, feed, folder);

        using var result = Trainer.Run(options, run.Parts.Parameters, step => feed.Batch(step, cancel),
            (batch, step) => run.Loss(batch, step), log.OnStep, cancel,
            held.Count == 0 ? null : point => Averaged(point, run.Parts, () => log.Look(point)));
        cancel.ThrowIfCancellationRequested();
        result.Ema?.CopyTo(run.Parts.Parameters);
        var made = run.Parts.Save(folder, path);
        Provenance.Of("fine-tune", recipe, recipe.Seed, [path, .. Indices(recipe.Data)],
            made.Values.SelectMany(m => FilesOf(Path.Combine(folder, m))), device.ToString())
            .Write(Path.Combine(folder, ProvenanceFile));
        progress.At(1);
        return new(folder, made, result.LastLoss, result.Best?.Step, result.Best?.Value, result.Skipped);
    }

    /// <summary>What a fine-tuning would train, and what it needs in memory and on disk, before it begins.</summary>
    /// <param name="recipe">Base, data, strategies.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="ArgumentException">As <see cref="Run(FineTuneRecipe, string, Action{FineTuneLine}?,
    /// CancellationToken)"/>; so are the other exceptions.</exception>
    public static FineTuneEstimate Estimate(FineTuneRecipe recipe, CancellationToken cancel = default)
    {
        recipe.Check();
        using var progress = Progress.Begin("estimating");
        using var tiles = OpenTiles(recipe, cancel);
        var path = File.Exists(recipe.Base) ? recipe.Base : EmbeddedData.FindModel(recipe.Base);
        using var model = LatentDiffusion.Load(path, new WeightOptions(Device: CPU, Type: ScalarType.Float32));
        using var run = new TuningRun(recipe with { Device = "cpu" }, model, Tensors(path, model));
        RequireCrop(recipe, run.Multiple);
        using var feed = new TileFeed(tiles.Training, recipe, run.Multiple);
        var tile = tiles.Training.Sequence(new TileOrder { Seed = recipe.Seed }).First().Load();
        var like = TileFeed.Cut(tile, recipe, run.Multiple, 0, 0);
        var memory = run.Estimate(Options(recipe, run, feed, ""), like, tiles.Validation is not null);
        progress.At(1);
        var trained = run.Parts.Groups.ToDictionary(g => g.Prefix, g => run.Parts.Parameters
            .Where(p => g.Holds(p.Key)).Sum(p => p.Value.NumberOfElements));
        // The average takes the weights' place while it is looked at, and they wait beside it.
        memory = memory with { Validation = memory.Validation + memory.Average };
        // A checkpoint holds the parameters, the optimizer's state and the average; one more while it is written.
        var checkpoint = trained.Values.Sum() * sizeof(float) + memory.Optimizer + memory.Average;
        return new(trained, memory, checkpoint * (recipe.KeepCheckpoints + 2));
    }

    private static void RequireCrop(FineTuneRecipe recipe, int multiple)
    {
        if (recipe.Crop is { } crop && crop % multiple != 0)
            throw new ArgumentException(
                $"recipe field 'crop': found {crop}, expected a multiple of {multiple}: what the base's networks "
                + "halve.");
    }

    // What tells the tiles: hashing all of their pixels could take longer than the training.
    private static IEnumerable<string> Indices(string data) => Directory.Exists(data)
        ? Directory.EnumerateFiles(data, "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f) is
            "metadata.jsonl" or "metadata.csv" or "tiles.json" or PairedDataset.FileName).Order(StringComparer.Ordinal)
        : File.Exists(data) ? [data] : [];

    private static IEnumerable<string> FilesOf(string path) => Directory.Exists(path)
        ? Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal) : [path];

    // The 16-bit layers follow their masters when the average goes in and when it comes out.
    private static double Averaged(ValidationPoint point, TunedParts parts, Func<double> look)
    {
        if (point.Ema is not { } ema)
            return look();
        try
        {
            return ema.With(parts.Parameters, () =>
            {
                parts.Autocast?.Refresh();
                return look();
            });
        }
        finally
        {
            parts.Autocast?.Refresh();
        }
    }

    /// <summary>A run goes on only with the recipe that it began with, but for where it computes and how often it is
    /// looked at and kept.</summary>
    private static void RequireSame(FineTuneRecipe recipe, string folder)
    {
        var path = Path.Combine(folder, CheckpointFolder, "recipe.json");
        // Without a checkpoint nothing hangs on the recipe that was tried before.
        if (!File.Exists(path) || TrainingCheckpoint.Newest(Path.Combine(folder, CheckpointFolder)) is null)
        {
            KitJson.Write(path, recipe);
            return;
        }
        var begun = JsonSerializer.SerializeToNode(KitJson.Read<FineTuneRecipe>(path), KitJson.Options)!.AsObject();
        var now = JsonSerializer.SerializeToNode(recipe, KitJson.Options)!.AsObject();
        string[] free = ["name", "device", "validation", "checkpointEvery", "keepCheckpoints"];
        foreach (var field in begun.Select(f => f.Key).Union(now.Select(f => f.Key)).Except(free))
        {
            if (!JsonNode.DeepEquals(begun[field], now[field]))
                throw new CheckpointException(path,
                    $"recipe field '{field}': found {now[field]?.ToJsonString() ?? "none"}, the "
                        + $"run in this folder began "
                    + $"with {begun[field]?.ToJsonString() ?? "none"}; use another folder");
        }
    }

    private sealed record Sources(ITileSource Training, ITileSource? Validation) : IDisposable
    {
        public void Dispose()
        {
            Training.Dispose();
            Validation?.Dispose();
        }
    }

    // The data's own parts where it has them; else all of it is trained on and nothing is held out.
    private static Sources OpenTiles(FineTuneRecipe recipe, CancellationToken cancel)
    {
        var wanted = recipe.Reading with
        {
            Conditions = recipe.Reading.Conditions
                ?? ([.. recipe.Strategy.OfType<ControlStrategy>().Select(c => c.Condition).Distinct()]),
            RequireCaptions = recipe.Reading.RequireCaptions && !recipe.Strategy.All(s => s is ControlStrategy),
        };
        ITileSource? Part(Split split)
        {
            try
            {
                return Tiles.Open(recipe.Data, wanted with { Split = split });
            }
            catch (TileException none) when (none.Key.Length == 0)
            {
                return null;
            }
        }
        var training = wanted.Split is null ? Part(Split.Train) : null;
        var validation = training is null ? null : Part(Split.Validation);
        training ??= Tiles.Open(recipe.Data, wanted);
        try
        {
            training.Check(cancel: cancel).Require();
            validation?.Check(cancel: cancel).Require();
            return new(training, validation);
        }
        catch
        {
            training.Dispose();
            validation?.Dispose();
            throw;
        }
    }

    private static TileTensors Tensors(string path, LatentDiffusion model)
    {
        var card = Path.Combine(path, ModelCard.FileName);
        var known = File.Exists(card) ? KitJson.Read<ModelCard>(card) : null;
        return new((int)model.Vae.Config.InChannels, known?.Airborne, known?.Satellite);
    }

    private static List<CutTile> Held(FineTuneRecipe recipe, ITileSource? source, int multiple)
    {
        var (held, seen) = (new List<CutTile>(), new HashSet<TileReference>());
        foreach (var step in source?.Sequence(new TileOrder { IsShuffled = false }) ?? [])
        {
            // A sequence begins anew where it has come to its end.
            if (held.Count == recipe.Validation.Tiles || !seen.Add(step.Reference))
                break;
            held.Add(TileFeed.Cut(step.Load(), recipe, multiple, ulong.MaxValue, (ulong)held.Count));
        }
        return held;
    }

    private static TrainerOptions Options(FineTuneRecipe recipe, TuningRun run, TileFeed feed, string folder) => new()
    {
        Folder = Path.Combine(folder, CheckpointFolder),
        Steps = recipe.Steps,
        Groups = run.Parts.Groups,
        Schedule = recipe.Schedule,
        Optimizer = recipe.Optimizer == OptimizerKind.AdamW
            ? new AdamWOptions(WeightDecay: recipe.WeightDecay) : new AdafactorOptions(),
        ClipNorm = recipe.ClipNorm,
        Accumulation = recipe.Accumulation,
        Ema = recipe.EmaDecay > 0 ? new EmaOptions(recipe.EmaDecay, UseWarmup: true) : null,
        CheckpointEvery = recipe.CheckpointEvery,
        KeepCheckpoints = recipe.KeepCheckpoints,
        ValidateEvery = recipe.Validation.Every,
        Seed = unchecked((long)recipe.Seed),
        Autocast = run.Parts.Autocast,
        Companion = feed,
    };
}
