// Comparison with recorded results of the reference library, folder by folder: what a case is follows from what its
// folder holds, so that a new folder of a known form needs no code.
using System.Text.Json;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tokenizers;
using SarSynth.Diffusion.Training;
using static TorchSharp.torch;

namespace SarSynth.Parity;

/// <summary>One output that was compared.</summary>
/// <param name="Folder">Name of the case folder.</param>
/// <param name="Output">Name of the output, or of the intermediate after <c>intermediates/</c>.</param>
/// <param name="Error">
/// Largest absolute difference in float32 (relative L2 distance for gradients); relative L2 distance in half precision,
/// where single values say little. NaN where a value is not a number, a shape differs, or nothing was computed for it.
/// </param>
/// <param name="Tolerance">The largest that passes.</param>
public sealed record ParityResult(string Folder, string Output, double Error, double Tolerance)
{
    /// <summary>Whether the error is within the tolerance.</summary>
    public bool Passes => Error <= Tolerance;
}

/// <summary>Runs one case folder of a class.</summary>
/// <param name="folder">The open folder.</param>
public delegate IReadOnlyList<ParityResult> ParityRunner(ParityCase folder);

/// <summary>
/// Walks folders of recorded results. Models and schedulers hold config.json, whose <c>_class_name</c> says what they
/// are; pipelines hold case.json; LoRA and training hold cases.json; tokenizers a JSON file of prompts and ids.
/// </summary>
public static class Parity
{
    // Compared in the type that is asked for; all others in float32, as they were recorded.
    private static readonly Dictionary<string, ParityRunner> Models = new(StringComparer.Ordinal)
    {
        [nameof(UNet2DConditionModel)] = ParityModels.UNet,
        [nameof(AutoencoderKL)] = ParityModels.Autoencoder,
        [nameof(ControlNetModel)] = ParityModels.ControlNet,
        [nameof(CLIPTextModel)] = ParityModels.ClipText,
        [nameof(CLIPTextModelWithProjection)] = ParityModels.ClipText,
        ["clip_text_model"] = ParityModels.ClipText,
    };

    private static readonly Dictionary<string, ParityRunner> Others =
        SamplerConfig.ClassNames.ToDictionary(name => name, _ =>
        (ParityRunner)SamplerParity.Run, StringComparer.Ordinal);

    /// <summary>Adds a kind of case folder: the class that its config.json names, and how to run it.</summary>
    public static void Register(string className, ParityRunner runner) => Models[className] = runner;

    /// <summary>The case folders in and under a folder, in order.</summary>
    /// <param name="directory">One case folder, or a folder of such at any depth.</param>
    /// <exception cref="CheckpointException">The folder is not there.</exception>
    public static IEnumerable<string> Folders(string directory)
    {
        if (!Directory.Exists(directory))
            throw new CheckpointException(directory, "the folder is not there");
        return Directory.EnumerateDirectories(directory, "*", SearchOption.AllDirectories).Prepend(directory)
            .Order(StringComparer.Ordinal)
            .Where(folder => RunnerOf(folder) is not null);
    }

    /// <summary>Runs every case folder in and under <paramref name="directory"/>.</summary>
    /// <param name="directory">One case folder, or a folder of such at any depth.</param>
    /// <param name="device">Where to compute; CPU where null.</param>
    /// <param name="dtype">
    /// In what type models are compared; float32 where null. All else is compared in float32.
    /// </param>
    /// <returns>
    /// One result for every output; a folder that cannot be run, and an output that nothing was compared with, are
    /// results that do not pass.
    /// </returns>
    /// <exception cref="CheckpointException">The folder is not there or has no case folder.</exception>
    public static IEnumerable<ParityResult> Walk(string directory, Device? device = null, ScalarType? dtype = null)
    {
        var found = false;
        foreach (var folder in Folders(directory))
        {
            found = true;
            foreach (var result in Run(folder, device, dtype ?? ScalarType.Float32))
                yield return result;
        }
        if (!found)
            throw new CheckpointException(directory,
                "found no folder with config.json (or case.json, cases.json) and outputs.safetensors, nor a "
                + "tokenizer's recorded prompts");
    }

    private static IReadOnlyList<ParityResult> Run(string folder, Device? device, ScalarType dtype)
    {
        var (runner, anyType) = RunnerOf(folder)!.Value;
        try
        {
            using var opened = new ParityCase(folder, device, anyType ? dtype : ScalarType.Float32);
            return [.. runner(opened), .. opened.NotCompared()];
        }
        catch (Exception e) when (e is CheckpointException or ArgumentException or InvalidOperationException
            or InvalidDataException or JsonException)
        {
            return [new(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
                $"not run: {e.Message}", double.NaN, 0)];
        }
    }

    // Null: no case folder.
    private static (ParityRunner Runner, bool AnyType)? RunnerOf(string folder)
    {
        if (TokenizerParity.FilesOf(folder).Any())
            return (TokenizerParity.Run, false);
        if (SamplerParity.HoldsSchedules(folder))
            return (SamplerParity.Schedules, false);
        if (!File.Exists(Path.Combine(folder, "outputs.safetensors")))
            return null;
        var config = Path.Combine(folder, "config.json");
        if (!File.Exists(config))
        {
            return PipelineParity.Holds(folder) ? (PipelineParity.Run, false)
                : LoraParity.Holds(folder) ? (LoraParity.Run, false)
                : TrainingParity.Holds(folder) ? (TrainingParity.Run, false)
                : (_ => throw new CheckpointException(folder,
                    "outputs.safetensors has neither a config.json, a pipeline's case.json, nor "
                    + "cases.json of a LoRA or training beside it"), false);
        }
        string? name;
        try
        {
            name = ConfigJson.ClassName(SamplerConfig.QuoteNonFinite(ModelFolder.ReadText(config)), config);
        }
        catch (CheckpointException error)
        {
            return (_ => throw error, false);
        }
        return name is not null && Models.TryGetValue(name, out var model) ? (model, true)
            : name is not null && Others.TryGetValue(name, out var other) ? (other, false)
            : (_ => throw new CheckpointException(config,
                $"class '{name}' is not known, only "
                + $"{string.Join(", ", Models.Keys.Concat(Others.Keys).Order(StringComparer.Ordinal))}"), false);
    }
}
