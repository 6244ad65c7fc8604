// A training's state on disk: a folder that appears whole, step-N/{parameters,optimizer,ema}.safetensors and
// training.json, which has the SHA-256 of each of them and of itself.
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>Where a training stands, beside its tensors.</summary>
/// <param name="Step">Steps taken.</param>
/// <param name="LossScale">Factor on the loss; 1 for none.</param>
/// <param name="FiniteSteps">Steps since the scale last changed.</param>
internal readonly record struct TrainingState(long Step, double LossScale, int FiniteSteps)
{
    /// <summary>Steps that changed nothing because something was not finite.</summary>
    public long Skipped { get; init; }

    /// <summary>Those of them that came last, one after the other.</summary>
    public int SkippedInARow { get; init; }

    /// <summary>The step with the lowest validation.</summary>
    public long BestStep { get; init; }

    /// <summary>That validation; null where there was none.</summary>
    public double? BestValue { get; init; }

    /// <summary>What <see cref="TrainerOptions.Companion"/> gave.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Companion { get; init; }

    /// <summary>
    /// The state after a step whose gradients were finite: a loss scale doubles after a number of them.
    /// </summary>
    public TrainingState AfterStep(bool scaled, int growth)
    {
        var next = this with { Step = Step + 1, SkippedInARow = 0 };
        return !scaled ? next : FiniteSteps + 1 >= growth
            ? next with { LossScale = LossScale * 2, FiniteSteps = 0 } : next with { FiniteSteps = FiniteSteps + 1 };
    }
}

/// <summary>Saves and finds the state of a training.</summary>
public static class TrainingCheckpoint
{
    private const string Prefix = "step-", StateName = "training.json";
    private const string ParametersName = "parameters.safetensors", OptimizerName = "optimizer.safetensors",
        AverageName = "ema.safetensors";

    // Stands where the state's own checksum comes.
    private static readonly string Unsigned = new('0', 64);

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter() },
    };

    // Updates: steps that changed the parameters; where something was not finite, fewer than the training's steps.
    // Files: SHA-256 by name. Sha256: of this file with zeros in the place of these digits.
    private sealed record Saved(TrainingState State, long Updates, JsonObject Options,
        IReadOnlyDictionary<string, string> Files, string Sha256);

    // All that the numbers of a training hang on, and nothing else: where checkpoints go and how often is free.
    private sealed record Settings(long Seed, long? Steps, double LearningRate,
        IReadOnlyDictionary<string, ParameterGroup> Groups, LrSchedule Schedule, OptimizerOptions Optimizer,
        double? ClipNorm, int Accumulation, EmaOptions? Ema, double? LossScale, int LossScaleGrowth, string? Autocast,
        int Parameters)
    {
        public static JsonObject Of(TrainerOptions options, int parameters)
        {
            // A rate that does not fall towards an end leaves the end free: such a training may be made longer.
            bool open = options.Schedule.Shape is LrShape.Constant or LrShape.ConstantWithWarmup;
            var settings = new Settings(options.Seed, open ? null : options.Steps, options.LearningRate,
                options.Groups.ToDictionary(g => g.Prefix, StringComparer.Ordinal), options.Schedule, options.Optimizer,
                options.ClipNorm, options.Accumulation, options.Ema, options.LossScale, options.LossScaleGrowth,
                options.Autocast?.Type.ToString(), parameters);
            return JsonSerializer.SerializeToNode(settings, Indented)!.AsObject();
        }
    }

    /// <summary>The newest checkpoint in a training's folder whose files are as they were written, or null.</summary>
    /// <param name="folder">The folder of <see cref="TrainerOptions.Folder"/>.</param>
    /// <param name="warn">Told of each newer one that is damaged, and how.</param>
    public static (string Folder, long Step)? Newest(string folder, Action<string>? warn = null) =>
        Whole(folder, warn) is { } found ? (found.Folder, found.Saved.State.Step) : null;

    /// <summary>The checkpoint with the lowest validation, or null where there was no validation.</summary>
    /// <param name="folder">The folder of <see cref="TrainerOptions.Folder"/>.</param>
    /// <param name="warn">Told of damaged checkpoints, and how they are.</param>
    /// <exception cref="CheckpointException">The best one is damaged, or gone.</exception>
    public static (string Folder, long Step, double Value)? Best(string folder, Action<string>? warn = null)
    {
        if (Whole(folder, warn)?.Saved.State is not { BestValue: { } value } state)
            return null;
        var best = FolderOf(folder, state.BestStep);
        Verify(best);
        return (best, state.BestStep, value);
    }

    /// <summary>Reads trained parameters of a checkpoint into a model.</summary>
    /// <param name="checkpoint">A folder that <see cref="Newest"/> or <see cref="Best"/> gave.</param>
    /// <param name="parameters">The parameters by name.</param>
    /// <param name="ema">Read the average instead of the last step's.</param>
    /// <exception cref="CheckpointException">A tensor is missing or has another shape.</exception>
    public static void LoadParameters(string checkpoint, IReadOnlyDictionary<string, Parameter> parameters,
        bool ema = false)
    {
        using var noGradients = no_grad();
        using var file = SafeTensorsFile.Open(Path.Combine(checkpoint, ema ? AverageName : ParametersName));
        foreach (var (name, parameter) in parameters)
        {
            Check(file, name, parameter.shape);
            using var value = file.Read(name);
            parameter.copy_(value);
        }
    }

    internal static void Save(TrainerOptions options, TrainingState state,
        IReadOnlyDictionary<string, Parameter> parameters, ParameterOptimizer optimizer, Ema? ema)
    {
        var folder = FolderOf(options.Folder!, state.Step);
        var beside = folder + ".part";
        // What a killed run left would fill the disk.
        foreach (var left in Directory.Exists(options.Folder) ? Leftovers(options.Folder) : [])
            Directory.Delete(left, recursive: true);
        try
        {
            Directory.CreateDirectory(beside);
            SafeTensors.Save(Path.Combine(beside, ParametersName),
                parameters.ToDictionary(p => p.Key, p => (Tensor)p.Value));
            SafeTensors.Save(Path.Combine(beside, OptimizerName), optimizer.State());
            if (ema is not null)
                SafeTensors.Save(Path.Combine(beside, AverageName), ema.Values);
            var files = new SortedDictionary<string, string>(Directory.EnumerateFiles(beside)
                .ToDictionary(f => Path.GetFileName(f)!, HashOf), StringComparer.Ordinal);
            state = state with { Companion = options.Companion?.State(state.Step) };
            var saved = new Saved(state, optimizer.Steps, Settings.Of(options, parameters.Count), files, Unsigned);
            var text = JsonSerializer.Serialize(saved, Indented);
            AtomicFile.WriteText(Path.Combine(beside, StateName), text.Replace(Unsigned, HashOfText(text)));
            Remove(folder);
            Directory.Move(beside, folder);
        }
        catch
        {
            if (Directory.Exists(beside))
                Directory.Delete(beside, recursive: true);
            throw;
        }
        foreach (var (old, step) in All(options.Folder!).Skip(Math.Max(1, options.KeepCheckpoints)))
            if (state.BestValue is null || step != state.BestStep)
                Remove(old);
    }

    /// <summary>
    /// Sets parameters, optimizer and average to the newest whole checkpoint; null where there is none.
    /// </summary>
    /// <exception cref="CheckpointException">Another training's, or all are damaged.</exception>
    internal static TrainingState? Resume(TrainerOptions options, IReadOnlyDictionary<string, Parameter> parameters,
        ParameterOptimizer optimizer, Ema? ema)
    {
        if (Whole(options.Folder!, options.Warn) is not var (folder, saved))
        {
            if (All(options.Folder!).FirstOrDefault() is { Folder: { } damaged })
                throw new CheckpointException(damaged, "this checkpoint and all before it are damaged;"
                    + " remove them to begin anew, or use another folder");
            return null;
        }
        var differences = Differences(saved.Options, Settings.Of(options, parameters.Count), "").ToList();
        if (differences.Count > 0)
            throw new CheckpointException(Path.Combine(folder, StateName), string.Join("; ", differences)
                + "; use another folder or the same settings");

        LoadParameters(folder, parameters);
        using (var file = SafeTensorsFile.Open(Path.Combine(folder, OptimizerName)))
        {
            foreach (var (name, tensor) in optimizer.State())
                Check(file, name, tensor.shape);
            optimizer.Load(name => file.Read(name), saved.Updates);
        }
        if (ema is not null)
        {
            using var file = SafeTensorsFile.Open(Path.Combine(folder, AverageName));
            foreach (var (name, tensor) in ema.Values)
                Check(file, name, tensor.shape);
            ema.Load(name => file.Read(name));
        }
        if (options.Companion is { } companion)
        {
            companion.Restore(saved.State.Companion ?? throw new CheckpointException(Path.Combine(folder, StateName),
                "found no state of the data, expected one: it is of another training; use another folder"));
        }
        return saved.State;
    }

    private static (string Folder, Saved Saved)? Whole(string folder, Action<string>? warn)
    {
        foreach (var (candidate, _) in All(folder))
        {
            try
            {
                return (candidate, Verify(candidate));
            }
            catch (Exception error) when (error is CheckpointException or IOException)
            {
                warn?.Invoke($"checkpoint {candidate} is damaged and left out: {error.Message}");
            }
        }
        return null;
    }

    /// <summary>Reads a checkpoint's state when all of its files are as they were written.</summary>
    /// <exception cref="CheckpointException">One is not, or is not there.</exception>
    private static Saved Verify(string checkpoint)
    {
        var json = Path.Combine(checkpoint, StateName);
        var text = ModelFolder.ReadText(json);
        Saved? saved;
        try
        {
            saved = JsonSerializer.Deserialize<Saved>(text, Indented);
        }
        catch (JsonException error)
        {
            throw new CheckpointException(json, $"not the state of a training: {error.Message}", error);
        }
        if (saved?.Options is null || saved.Files is null || saved.Sha256 is null)
            throw new CheckpointException(json, "not the state of a training: its options or checksums are missing");
        Compare(json, saved.Sha256, HashOfText(text.Replace(saved.Sha256, Unsigned)));
        foreach (var (name, expected) in saved.Files)
        {
            var file = Path.Combine(checkpoint, name);
            if (!File.Exists(file))
                throw new CheckpointException(file, "the file is not there");
            Compare(file, expected, HashOf(file));
        }
        return saved;
    }

    private static void Compare(string file, string expected, string found)
    {
        if (found != expected)
            throw new CheckpointException(file, $"SHA-256 is {found}; {expected} was written");
    }

    private static string HashOf(string file)
    {
        using var stream = File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static string HashOfText(string text) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    // A folder goes at once, by its name: one that is half removed would be a damaged checkpoint.
    private static void Remove(string folder)
    {
        if (!Directory.Exists(folder))
            return;
        var removed = folder + ".old";
        if (Directory.Exists(removed))
            Directory.Delete(removed, recursive: true);
        Directory.Move(folder, removed);
        Directory.Delete(removed, recursive: true);
    }

    private static string[] Leftovers(string folder) =>
        [.. Directory.GetDirectories(folder, Prefix + "*.part"), .. Directory.GetDirectories(folder, Prefix + "*.old")];

    private static string FolderOf(string folder, long step) =>
        Path.Combine(folder, Prefix + step.ToString("D8", CultureInfo.InvariantCulture));

    /// <summary>Checkpoints, the newest first.</summary>
    private static IEnumerable<(string Folder, long Step)> All(string folder) => !Directory.Exists(folder) ? []
        : Directory.EnumerateDirectories(folder, Prefix + "*")
            .Select(d => (d, Known: long.TryParse(Path.GetFileName(d)[Prefix.Length..], NumberStyles.None,
                CultureInfo.InvariantCulture, out long step), step))
            .Where(d => d.Known).Select(d => (d.d, d.step)).OrderByDescending(d => d.step).ToList();

    // Field by field, so that the one that was changed is named ("Optimizer.Beta1").
    private static IEnumerable<string> Differences(JsonNode? found, JsonNode? expected, string field)
    {
        if (found is JsonObject a && expected is JsonObject b)
            return b.Select(p => p.Key).Union(a.Select(p => p.Key))
                .SelectMany(key => Differences(a[key], b[key], field.Length == 0 ? key : $"{field}.{key}"));
        static string Text(JsonNode? value) => value?.ToJsonString() ?? "none";
        return JsonNode.DeepEquals(found, expected) ? []
            : [$"{field} is {Text(found)}, this training has {Text(expected)}"];
    }

    private static void Check(SafeTensorsFile file, string name, long[] shape)
    {
        if (!file.Contains(name))
            throw new CheckpointException(file.FilePath, $"tensor '{name}' is missing");
        if (!file[name].Shape.SequenceEqual(shape))
            throw new CheckpointException(file.FilePath, $"tensor '{name}' is [{string.Join(", ", file[name].Shape)}];"
                + $" expected [{string.Join(", ", shape)}]");
    }
}
