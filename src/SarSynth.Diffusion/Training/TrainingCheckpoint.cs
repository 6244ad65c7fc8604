// A training's state on disk: a folder that appears whole, step-N/{parameters,optimizer,ema}.safetensors and training.json.
using System.Globalization;
using System.Text.Json;
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>Saves and finds the state of a training.</summary>
public static class TrainingCheckpoint
{
    private const string Prefix = "step-";

    private sealed record State(long Step, long Seed, long Steps, double LearningRate, int Accumulation, int Parameters, bool Ema);

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

    internal static void Save(TrainerOptions options, long step, IReadOnlyDictionary<string, Parameter> parameters, AdamWOptimizer optimizer, Ema? ema)
    {
        var folder = Path.Combine(options.Folder!, Prefix + step.ToString("D8", CultureInfo.InvariantCulture));
        var beside = folder + ".part";
        if (Directory.Exists(beside))
            Directory.Delete(beside, recursive: true);
        Directory.CreateDirectory(beside);
        SafeTensors.Save(Path.Combine(beside, "parameters.safetensors"), parameters.ToDictionary(p => p.Key, p => (Tensor)p.Value));
        SafeTensors.Save(Path.Combine(beside, "optimizer.safetensors"), optimizer.State());
        if (ema is not null)
            SafeTensors.Save(Path.Combine(beside, "ema.safetensors"), ema.Values);
        var state = new State(step, options.Seed, options.Steps, options.LearningRate, options.Accumulation, parameters.Count, ema is not null);
        File.WriteAllText(Path.Combine(beside, "training.json"), JsonSerializer.Serialize(state, new JsonSerializerOptions { WriteIndented = true }));
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        Directory.Move(beside, folder);
        foreach (var (old, _) in All(options.Folder!).OrderByDescending(c => c.Step).Skip(Math.Max(1, options.KeepCheckpoints)))
            Directory.Delete(old, recursive: true);
    }

    internal static long Resume(TrainerOptions options, IReadOnlyDictionary<string, Parameter> parameters, AdamWOptimizer optimizer, Ema? ema)
    {
        if (Newest(options.Folder!) is not { } newest)
            return 0;
        var json = Path.Combine(newest.Folder, "training.json");
        State state;
        try
        {
            state = JsonSerializer.Deserialize<State>(File.ReadAllText(json))!;
        }
        catch (JsonException error)
        {
            throw new CheckpointException(json, $"not the state of a training: {error.Message}", error);
        }
        Same(json, "Seed", state.Seed, options.Seed);
        Same(json, "Accumulation", state.Accumulation, options.Accumulation);
        Same(json, "Parameters", state.Parameters, parameters.Count);
        Same(json, "Ema", state.Ema, ema is not null);

        LoadParameters(newest.Folder, parameters);
        using (var file = SafeTensorsFile.Open(Path.Combine(newest.Folder, "optimizer.safetensors")))
        {
            foreach (var (name, tensor) in optimizer.State())
                Check(file, name, tensor.shape);
            optimizer.Load(name => file.Read(name), state.Step);
        }
        if (ema is not null)
        {
            using var file = SafeTensorsFile.Open(Path.Combine(newest.Folder, "ema.safetensors"));
            foreach (var (name, tensor) in ema.Values)
                Check(file, name, tensor.shape);
            ema.Load(name => file.Read(name));
        }
        return state.Step;
    }

    private static IEnumerable<(string Folder, long Step)> All(string folder) => !Directory.Exists(folder) ? []
        : Directory.EnumerateDirectories(folder, Prefix + "*")
            .Where(d => long.TryParse(Path.GetFileName(d)[Prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out _))
            .Select(d => (d, long.Parse(Path.GetFileName(d)[Prefix.Length..], CultureInfo.InvariantCulture))).ToList();

    private static void Same<T>(string file, string field, T found, T expected)
    {
        if (!Equals(found, expected))
            throw new CheckpointException(file, $"{field} is {found}, this training has {expected}; use another folder or the same settings");
    }

    private static void Check(SafeTensorsFile file, string name, long[] shape)
    {
        if (!file.Contains(name))
            throw new CheckpointException(file.FilePath, $"tensor '{name}' is missing");
        if (!file[name].Shape.SequenceEqual(shape))
            throw new CheckpointException(file.FilePath, $"tensor '{name}' is [{string.Join(", ", file[name].Shape)}]; expected [{string.Join(", ", shape)}]");
    }
}
