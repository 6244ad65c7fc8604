// A training's state on disk: a folder that appears whole, step-N/{parameters,optimizer,ema}.safetensors and training.json.
using System.Globalization;
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
    /// <summary>The state after a step with a scaled loss: the scale halves when a gradient was not finite, and doubles
    /// after a number of steps when all were.</summary>
    public TrainingState AfterScaledStep(bool finite, int growth) =>
        !finite ? new(Step + 1, LossScale / 2, 0)
        : FiniteSteps + 1 >= growth ? new(Step + 1, LossScale * 2, 0)
        : new(Step + 1, LossScale, FiniteSteps + 1);
}

/// <summary>Saves and finds the state of a training.</summary>
public static class TrainingCheckpoint
{
    private const string Prefix = "step-";

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter() },
    };

    // Updates: steps that changed the parameters; where a scaled loss overflowed, fewer than the training's steps.
    private sealed record Saved(TrainingState State, long Updates, JsonObject Options);

    // All that the numbers of a training hang on, and nothing else: where checkpoints go and how often is free.
    private sealed record Settings(long Seed, long? Steps, double LearningRate, LrSchedule Schedule,
        AdamWOptions Optimizer,
        double? ClipNorm, int Accumulation, EmaOptions? Ema, double? LossScale, int LossScaleGrowth, string? Autocast,
            int Parameters)
    {
        public static JsonObject Of(TrainerOptions options, int parameters)
        {
            // A rate that does not fall towards an end leaves the end free: such a training may be made longer.
            bool open = options.Schedule.Shape is LrShape.Constant or LrShape.ConstantWithWarmup;
            var settings = new Settings(options.Seed, open ? null
                : options.Steps, options.LearningRate, options.Schedule,
                options.Optimizer, options.ClipNorm, options.Accumulation, options.Ema, options.LossScale,
                options.LossScaleGrowth, options.Autocast?.Type.ToString(), parameters);
            return JsonSerializer.SerializeToNode(settings, Indented)!.AsObject();
        }
    }

    /// <summary>The newest whole checkpoint in a training's folder, or null.</summary>
    /// <param name="folder">The folder of <see cref="TrainerOptions.Folder"/>.</param>
    public static (string Folder, long Step)? Newest(string folder) => All(folder).OrderByDescending(c => c.Step).Cast<(string, long)?>().FirstOrDefault();

    /// <summary>Reads trained parameters of a checkpoint into a model.</summary>
    /// <param name="checkpoint">A folder that <see cref="Newest"/> gave.</param>
    /// <param name="parameters">The parameters by name.</param>
    /// <param name="ema">Read the average instead of the last step's.</param>
    /// <exception cref="CheckpointException">A tensor is missing or has another shape.</exception>
    public static void LoadParameters(string checkpoint, IReadOnlyDictionary<string, Parameter> parameters, bool ema = false)
    {
        using var noGradients = no_grad();
        using var file = SafeTensorsFile.Open(Path.Combine(checkpoint, ema ? "ema.safetensors" : "parameters.safetensors"));
        foreach (var (name, parameter) in parameters)
        {
            Check(file, name, parameter.shape);
            using var value = file.Read(name);
            parameter.copy_(value);
        }
    }

    internal static void Save(TrainerOptions options, TrainingState state, IReadOnlyDictionary<string,
        Parameter> parameters,
        AdamWOptimizer optimizer, Ema? ema)
    {
        var folder = Path.Combine(options.Folder!, Prefix + state.Step.ToString("D8", CultureInfo.InvariantCulture));
        var beside = folder + ".part";
        if (Directory.Exists(beside))
            Directory.Delete(beside, recursive: true);
        Directory.CreateDirectory(beside);
        SafeTensors.Save(Path.Combine(beside, "parameters.safetensors"), parameters.ToDictionary(p => p.Key, p => (Tensor)p.Value));
        SafeTensors.Save(Path.Combine(beside, "optimizer.safetensors"), optimizer.State());
        if (ema is not null)
            SafeTensors.Save(Path.Combine(beside, "ema.safetensors"), ema.Values);
        var saved = new Saved(state, optimizer.Steps, Settings.Of(options, parameters.Count));
        AtomicFile.WriteText(Path.Combine(beside, "training.json"), JsonSerializer.Serialize(saved, Indented));
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        Directory.Move(beside, folder);
        foreach (var (old, _) in All(options.Folder!).OrderByDescending(c => c.Step).Skip(Math.Max(1, options.KeepCheckpoints)))
            Directory.Delete(old, recursive: true);
    }

    /// <summary>Sets parameters, optimizer and average to the newest checkpoint; null where there is none.</summary>
    internal static TrainingState? Resume(TrainerOptions options, IReadOnlyDictionary<string, Parameter> parameters,
        AdamWOptimizer optimizer, Ema? ema)
    {
        if (Newest(options.Folder!) is not { } newest)
            return null;
        var json = Path.Combine(newest.Folder, "training.json");
        Saved saved;
        try
        {
            saved = JsonSerializer.Deserialize<Saved>(ModelFolder.ReadText(json), Indented)!;
        }
        catch (JsonException error)
        {
            throw new CheckpointException(json, $"not the state of a training: {error.Message}", error);
        }
        if (saved?.Options is null)
            throw new CheckpointException(json, "not the state of a training: its options are missing");
        var differences = Differences(saved.Options, Settings.Of(options, parameters.Count), "").ToList();
        if (differences.Count > 0)
            throw new CheckpointException(json, string.Join("; ", differences)
                + "; use another folder or the same settings");

        LoadParameters(newest.Folder, parameters);
        using (var file = SafeTensorsFile.Open(Path.Combine(newest.Folder, "optimizer.safetensors")))
        {
            foreach (var (name, tensor) in optimizer.State())
                Check(file, name, tensor.shape);
            optimizer.Load(name => file.Read(name), saved.Updates);
        }
        if (ema is not null)
        {
            using var file = SafeTensorsFile.Open(Path.Combine(newest.Folder, "ema.safetensors"));
            foreach (var (name, tensor) in ema.Values)
                Check(file, name, tensor.shape);
            ema.Load(name => file.Read(name));
        }
        return saved.State;
    }

    private static IEnumerable<(string Folder, long Step)> All(string folder) => !Directory.Exists(folder) ? []
        : Directory.EnumerateDirectories(folder, Prefix + "*")
            .Where(d => long.TryParse(Path.GetFileName(d)[Prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out _))
            .Select(d => (d, long.Parse(Path.GetFileName(d)[Prefix.Length..], CultureInfo.InvariantCulture))).ToList();

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
            throw new CheckpointException(file.FilePath, $"tensor '{name}' is [{string.Join(", ", file[name].Shape)}]; expected [{string.Join(", ", shape)}]");
    }
}
