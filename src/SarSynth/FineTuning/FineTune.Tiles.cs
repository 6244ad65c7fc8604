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
    long? BestStep, double? BestValidation, long Skipped)
{
    /// <summary>What should be known of the run, a line each: of its data, of its cache.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>What was looked at in this session, in its order: lines with a validation.</summary>
    public IReadOnlyList<FineTuneLine> Looks { get; init; } = [];

    /// <summary>
    /// Share of the steps' time that they waited for tiles, the first batch and validations left out.
    /// </summary>
    public double Waiting { get; init; }
}

/// <summary>Where a fine-tuning stands: told every ten steps and at each validation.</summary>
/// <param name="Step">Steps taken, of this stage.</param>
/// <param name="Loss">Mean training loss since it was told last.</param>
/// <param name="Rates">Learning rates by group.</param>
/// <param name="Validation">Loss on the validation tiles; null where it was not measured.</param>
/// <param name="Samples">What the sample images measure; null where none were made.</param>
/// <param name="Stage">"autoencoder" or "denoiser".</param>
public sealed record FineTuneLine(long Step, double Loss, IReadOnlyDictionary<string, double> Rates,
    double? Validation = null, IReadOnlyList<SampleStatistics>? Samples = null, string Stage = "denoiser");

public static partial class FineTune
{
    /// <summary>File that a finished run has, with recipe, versions and checksums.</summary>
    public const string ProvenanceFile = "fine-tuning.provenance.json";

    /// <summary>Brightness that images of the tuned model begin with, a <see cref="SignalLeak"/>.</summary>
    public const string LeakFile = "signal_leak.json";

    private const int MostLeakTiles = 64;

    private const string CheckpointFolder = "training";

    /// <summary>Fine-tunes; a run that ended early goes on from its last checkpoint.</summary>
    /// <param name="recipe">Base, data, strategies.</param>
    /// <param name="folder">Where checkpoints, log, samples and results go.</param>
    /// <param name="onLine">Told each line of the log.</param>
    /// <param name="cancel">Stops after a step, with a checkpoint.</param>
    /// <param name="onRemark">Told what should be known: where no tile is of the training part, what the cache
    /// does; standard error when null.</param>
    /// <param name="ranks">The processes that share the micro-batches (<see cref="TrainerOptions.Ranks"/>), each of
    /// which calls this with the same recipe and folder; the first writes and reports.</param>
    /// <exception cref="ArgumentException">A field of the recipe that cannot be, or names what the base does not
    /// have.</exception>
    /// <exception cref="TileException">Tiles that cannot be read or lack what the recipe needs, found before the first
    /// step where headers tell.</exception>
    /// <exception cref="CheckpointException">The base cannot be opened, or the folder holds another
    /// training.</exception>
    /// <exception cref="IOException">The folder holds a finished run.</exception>
    /// <exception cref="InsufficientMemoryException">A base of Stable Diffusion's size needs more memory than there
    /// is; the message says by which settings it would fit.</exception>
    /// <exception cref="TrainingDivergedException">Losses or gradients stayed NaN or infinite.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; run again to go on.</exception>
    public static FineTuneResult Run(FineTuneRecipe recipe, string folder, Action<FineTuneLine>? onLine = null,
        CancellationToken cancel = default, Action<string>? onRemark = null, Ranks? ranks = null)
    {
        recipe.Check();
        ranks ??= Ranks.Alone;
        // Several can only end together, between steps.
        var atOnce = ranks.Count == 1 ? cancel : CancellationToken.None;
        if (File.Exists(Path.Combine(folder, ProvenanceFile)))
            throw new IOException($"{folder}: holds a finished fine-tuning ({ProvenanceFile}); give another folder.");
        var device = ComputeDevice.Find(recipe.Device);
        var remarks = new List<string>();
        void Remark(string text)
        {
            remarks.Add(text);
            if (ranks.IsFirst)
                (onRemark ?? Console.Error.WriteLine)(text);
        }
        using var progress = ranks.IsFirst ? Progress.Begin("fine-tuning") : null;
        using var tiles = OpenTiles(recipe, Remark, atOnce);
        RequireMemory(recipe, tiles);
        var path = BaseOf(recipe);
        using var model = OpenBase(recipe, path, device);
        var tensors = Tensors(path, model);
        Func<IEnumerable<CutTile>>? some = null;
        using var run = new TuningRun(recipe, model, tensors, Remark) { LeakTiles = () => some!() };
        some = () => Some(tiles.Training, recipe, run.Multiple);
        using var vae = recipe.Vae is null ? null : new VaeTuning(recipe, model, tensors);
        var stages = Stages(run, vae);
        stages.ForEach(stage => RequireSizes(stage.Recipe, run.Multiple));
        if (ranks.IsFirst)
            RequireSame(recipe, folder);
        var place = new Place(folder, tiles, tensors, run.Multiple, ranks);

        // The autoencoder first: what it makes of the tiles is what the others learn.
        var (done, all) = (0.0, (double)stages.Sum(s => s.Recipe.Steps));
        var (ended, looks) = (new List<Ended>(), new List<FineTuneLine>());
        void Tell(FineTuneLine line)
        {
            if (line.Validation is not null)
                looks.Add(line);
            onLine?.Invoke(line);
        }
        foreach (var stage in stages)
        {
            var from = done;
            done += stage.Recipe.Steps / all;
            ended.Add(Train(stage, place, Tell,
                (share, note) => progress?.At(from + share * stage.Recipe.Steps / all, note), cancel));
            if (stage == vae)
                vae.Finish();
        }
        if (recipe.Cache is not null)
            Remark(CacheRemark(recipe, run));
        var last = ended[^1];
        var waiting = ended.Sum(e => e.Waited) / Math.Max(1e-9, ended.Sum(e => e.Elapsed));
        if (!ranks.IsFirst)
            return Result(new Dictionary<string, string>());
        var made = run.Parts.Save(folder, path);
        if (vae is not null)
            made = made.Concat(vae.Save(folder)).ToDictionary();
        KitJson.Write(Path.Combine(folder, LeakFile), run.Leak);
        Provenance.Of("fine-tune", recipe, recipe.Seed, [path, .. Indices(DataOf(recipe))],
            made.Values.SelectMany(m => FilesOf(Path.Combine(folder, m))), device.ToString())
            .With(new
            {
                Stages = ended.Select(e => new { e.Stage, e.Steps, e.Loss }), Ranks = ranks.Count, Waiting = waiting,
            }, remarks, [])
            .Write(Path.Combine(folder, ProvenanceFile));
        progress?.At(1);
        return Result(made);

        FineTuneResult Result(IReadOnlyDictionary<string, string> written) =>
            new(folder, written, last.Loss, last.Best?.Step, last.Best?.Value, ended.Sum(e => e.Skipped))
            {
                Remarks = remarks, Waiting = waiting, Looks = looks,
            };
    }

    /// <summary>What the stages of a run share.</summary>
    private sealed record Place(string Folder, Sources Tiles, TileTensors Tensors, int Multiple, Ranks Ranks)
    {
        /// <summary>Checkpoints and log of a stage.</summary>
        public string Of(ITuningStage stage) => Path.Combine(Folder, CheckpointFolder, stage is VaeTuning
            ? VaeTuning.Folder : "");
    }

    private sealed record Ended(string Stage, long Steps, double Loss, (long Step, double Value)? Best, long Skipped,
        double Waited, double Elapsed);

    private static List<ITuningStage> Stages(TuningRun run, VaeTuning? vae) =>
        [.. vae is null ? [] : new ITuningStage[] { vae }, .. run.Parameters.Count == 0 ? [] : new[] { run }];

    private static Ended Train(ITuningStage stage, Place place, Action<FineTuneLine> onLine,
        Action<double, string> onShare, CancellationToken cancel)
    {
        var ranks = place.Ranks;
        using var feed = new TileFeed(place.Tiles.Training, stage.Recipe, place.Multiple, ranks);
        var held = Held(stage.Recipe, place.Tiles.Validation, place.Multiple);
        using var log = ranks.IsFirst
            ? new TuningLog(stage, held, place.Tensors, place.Of(stage), onLine, onShare) : null;
        var options = Options(stage, feed, place.Of(stage)) with { Ranks = ranks };
        using var result = Trainer.Run(options, stage.Parameters,
            step => feed.Batch(step, ranks.Count == 1 ? cancel : CancellationToken.None), stage.Loss,
            log is null ? null : log.OnStep, cancel,
            held.Count == 0 ? null : point => Averaged(point, stage, () => log!.Look(point)));
        if (result.Step < options.Steps)
            throw new OperationCanceledException(cancel);
        result.Ema?.CopyTo(stage.Parameters);
        return new(stage.Name, result.Step, result.LastLoss, result.Best, result.Skipped, feed.Waited.TotalSeconds,
            (feed.Elapsed - (log?.Looked ?? TimeSpan.Zero)).TotalSeconds);
    }

    private static string CacheRemark(FineTuneRecipe recipe, TuningRun run)
    {
        var (read, made) = run.Cache.Counts;
        var left = new List<string>();
        if (run.Parameters.Count == 0)
            left.Add("the autoencoder is what is trained");
        else if (recipe.Crop is not null)
            left.Add("latents of tiles that are cut at random (recipe field 'crop') are made anew in each step");
        if (run.Parameters.Count > 0 && run.Parts.TrainsText)
            left.Add("captions are encoded anew in each step, for what encodes them is trained");
        return $"cache {recipe.Cache}: {read} results read, {made} made"
            + string.Concat(left.Select(l => "; " + l));
    }

    // The kit's own scenes may be meant by their name.
    private static string DataOf(FineTuneRecipe recipe) =>
        recipe.Data == "paired-scenes" && !Path.Exists(recipe.Data) ? EmbeddedData.Scenes : recipe.Data;

    private static string BaseOf(FineTuneRecipe recipe) =>
        File.Exists(recipe.Base) ? recipe.Base : EmbeddedData.FindModel(recipe.Base);

    // A denoiser that stays as it is, in 16 bits, is read as its file has it: SDXL's would take 10 GB in float32.
    private static LatentDiffusion OpenBase(FineTuneRecipe recipe, string path, Device device) =>
        LatentDiffusion.Load(path, new WeightOptions(device, ScalarType.Float32),
            unet: KeepsDenoiser(recipe) ? new WeightOptions(device) : null);

    private static bool KeepsDenoiser(FineTuneRecipe recipe) => recipe.Precision == Precision.Bfloat16
        && !recipe.Strategy.Any(s => s is FullStrategy or ControlStrategy);

    private static void RequireSizes(FineTuneRecipe recipe, int multiple)
    {
        foreach (var (field, size) in new[] { ("crop", recipe.Crop), ("bucket", recipe.Bucket) })
        {
            if (size is { } side && side % multiple != 0)
                throw new ArgumentException($"recipe field '{field}': found {side}, expected a multiple of {multiple}: "
                    + "what the base's networks halve.");
        }
    }

    // What tells the tiles: hashing all of their pixels could take longer than the training.
    private static IEnumerable<string> Indices(string data) => Directory.Exists(data)
        ? Directory.EnumerateFiles(data, "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f) is
            "metadata.jsonl" or "metadata.csv" or "tiles.json" or PairedDataset.FileName).Order(StringComparer.Ordinal)
        : File.Exists(data) ? [data] : [];

    private static IEnumerable<string> FilesOf(string path) => Directory.Exists(path)
        ? Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal) : [path];

    // The 16-bit layers follow their masters when the average goes in and when it comes out.
    private static double Averaged(ValidationPoint point, ITuningStage stage, Func<double> look)
    {
        if (point.Ema is not { } ema)
            return look();
        try
        {
            return ema.With(stage.Parameters, () =>
            {
                stage.Autocast?.Refresh();
                return look();
            });
        }
        finally
        {
            stage.Autocast?.Refresh();
        }
    }

    /// <summary>A run goes on only with the recipe that it began with, but for where it computes and how often it is
    /// looked at and kept.</summary>
    private static void RequireSame(FineTuneRecipe recipe, string folder)
    {
        var path = Path.Combine(folder, CheckpointFolder, "recipe.json");
        // Without a checkpoint nothing hangs on the recipe that was tried before.
        string[] folders = [CheckpointFolder, Path.Combine(CheckpointFolder, VaeTuning.Folder)];
        if (!File.Exists(path) || folders.All(f => TrainingCheckpoint.Newest(Path.Combine(folder, f)) is null))
        {
            KitJson.Write(path, recipe);
            return;
        }
        var begun = JsonSerializer.SerializeToNode(KitJson.Read<FineTuneRecipe>(path), KitJson.Options)!.AsObject();
        var now = JsonSerializer.SerializeToNode(recipe, KitJson.Options)!.AsObject();
        string[] free = ["name", "device", "cache", "validation", "checkpointEvery", "keepCheckpoints"];
        foreach (var field in begun.Select(f => f.Key).Union(now.Select(f => f.Key)).Except(free))
        {
            if (!JsonNode.DeepEquals(begun[field], now[field]))
                throw new CheckpointException(path,
                    $"recipe field '{field}': found {now[field]?.ToJsonString() ?? "none"}, the run in this folder "
                    + $"began with {begun[field]?.ToJsonString() ?? "none"}; use another folder");
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
    private static Sources OpenTiles(FineTuneRecipe recipe, Action<string> remark, CancellationToken cancel)
    {
        var wanted = recipe.Reading with
        {
            Conditions = recipe.Reading.Conditions
                ?? ([.. recipe.Strategy.OfType<ControlStrategy>().Select(c => c.Condition).Distinct()]),
            // A ControlNet and an autoencoder learn without words.
            RequireCaptions = recipe.Reading.RequireCaptions
                && !recipe.Strategy.All(s => s is ControlStrategy or VaeStrategy),
        };
        ITileSource? Part(Split split)
        {
            try
            {
                return Tiles.Open(DataOf(recipe), wanted with { Split = split });
            }
            catch (TileException none) when (none.Key.Length == 0)
            {
                return null;
            }
        }
        var training = wanted.Split is null ? Part(Split.Train) : null;
        var validation = training is null ? null : Part(Split.Validation);
        if (training is null)
        {
            training = Tiles.Open(DataOf(recipe), wanted);
            remark(wanted.Split is { } own
                ? $"{recipe.Data}: trained on its part '{own.ToString().ToLowerInvariant()}', as the recipe says; "
                    + "nothing is held out for validation"
                : $"{recipe.Data}: no tile lies in the training part: all tiles, whatever their part, are trained on, "
                    + "and nothing is held out for validation");
        }
        else if (validation is null)
            remark($"{recipe.Data}: no tile lies in the validation part: nothing is held out, no validation is made");
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

    // Different tiles from all over the data, the same at every call.
    private static IEnumerable<CutTile> Some(ITileSource source, FineTuneRecipe recipe, int multiple)
    {
        var seen = new HashSet<TileReference>();
        foreach (var step in source.Sequence(new TileOrder { Buffer = MostLeakTiles }))
        {
            if (seen.Count == MostLeakTiles || !seen.Add(step.Reference))
                break;
            yield return TileFeed.Cut(step.Load(), recipe, multiple, ulong.MaxValue, (ulong)seen.Count);
        }
    }

    private static TrainerOptions Options(ITuningStage stage, TileFeed feed, string? folder)
    {
        var recipe = stage.Recipe;
        return new()
        {
            Folder = folder,
            Steps = recipe.Steps,
            Groups = stage.Groups,
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
            Autocast = stage.Autocast,
            Networks = stage.Networks,
            Companion = feed,
        };
    }
}
