// The folder layout of diffusers: one model is config.json with its weights; a pipeline is
// model_index.json with a folder for each part.
using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Checkpoints;

/// <summary>Opens and writes the folder of one model.</summary>
public static class ModelFolder
{
    /// <summary>Opens a model: its configuration, then its weights, with no memory beyond theirs.</summary>
    /// <typeparam name="T">The model's class.</typeparam>
    /// <param name="folder">Holds config.json and safetensors files.</param>
    /// <param name="options">Device, type and mapping.</param>
    /// <param name="variant">
    /// Such as <c>fp16</c>: the weight files with this in their names, where there are such.
    /// </param>
    /// <returns>The model in evaluation mode.</returns>
    /// <exception cref="CheckpointException">
    /// A file that is missing or broken, another class, or weights that do not fit.
    /// </exception>
    public static T Load<T>(string folder, WeightOptions? options = null, string? variant = null)
        where T : nn.Module, IPretrainedModel<T>
    {
        var path = Path.Combine(folder, "config.json");
        var json = ReadText(path);
        var found = ConfigJson.ClassName(json, path);
        if (found != null && found != typeof(T).Name && found != "clip_text_model"
            && !(found.StartsWith("CLIPText") && typeof(T).Name.StartsWith("CLIPText")))
            throw new CheckpointException(path, $"this is a {found}, expected a {typeof(T).Name}");
        var model = T.Create(json, path, device(DeviceType.META), options?.Type);
        using var weights = WeightFiles.Open(folder, variant);
        ModuleWeights.Load(model, weights, options);
        model.eval();
        return model;
    }

    /// <summary>Writes a model as diffusers and transformers read it; config.json comes last.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">Made where it is missing.</param>
    /// <param name="shardBytes">Most bytes in one file.</param>
    /// <param name="variant">Such as <c>fp16</c>, for the file names; or null.</param>
    /// <param name="type">Type of the weights in the files; null for the model's own. The model stays as it is.</param>
    /// <returns>All files written.</returns>
    public static IReadOnlyList<string> Save<T>(T model, string folder, long shardBytes = 10_000_000_000,
        string? variant = null, ScalarType? type = null) where T : nn.Module, IPretrainedModel<T>
    {
        var files = ModuleWeights.Save(model, folder, T.WeightsName, shardBytes, variant, type);
        var config = Path.Combine(folder, "config.json");
        AtomicFile.WriteText(config, model.ConfigJson);
        return [.. files, config];
    }

    internal static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, File.Exists(path) ? e.Message : "the file is not there", e);
        }
    }
}

/// <summary>A part of a pipeline, as model_index.json names it.</summary>
/// <param name="Library"><c>diffusers</c> or <c>transformers</c>.</param>
/// <param name="ClassName">The part's class.</param>
public sealed record PipelineComponent(string Library, string ClassName);

/// <summary>A pipeline's folder.</summary>
public sealed class PipelineFolder
{
    private PipelineFolder(string path, string className, IReadOnlyDictionary<string, PipelineComponent> components,
        IReadOnlyDictionary<string, JsonNode?> settings)
    {
        FolderPath = path;
        ClassName = className;
        Components = components;
        Settings = settings;
    }

    /// <summary>The folder.</summary>
    public string FolderPath { get; }

    /// <summary>The pipeline's class in diffusers, such as <c>StableDiffusionXLPipeline</c>.</summary>
    public string ClassName { get; }

    /// <summary>The parts that are there, by name (<c>unet</c>, <c>vae</c>, <c>text_encoder_2</c>, ...).</summary>
    public IReadOnlyDictionary<string, PipelineComponent> Components { get; }

    /// <summary>The other fields of model_index.json, such as <c>force_zeros_for_empty_prompt</c>.</summary>
    public IReadOnlyDictionary<string, JsonNode?> Settings { get; }

    /// <summary>Reads model_index.json.</summary>
    /// <exception cref="CheckpointException">It is missing or is not what it should be.</exception>
    public static PipelineFolder Open(string folder)
    {
        var path = Path.Combine(folder, "model_index.json");
        var text = ModelFolder.ReadText(path);
        try
        {
            var fields = JsonNode.Parse(text)?.AsObject()
                ?? throw new CheckpointException(path, "expected a JSON object");
            var components = new Dictionary<string, PipelineComponent>(StringComparer.Ordinal);
            var settings = new Dictionary<string, JsonNode?>(StringComparer.Ordinal);
            foreach (var (name, value) in fields)
            {
                if (value is JsonArray { Count: 2 } pair)
                {
                    if (pair[0] is { } library && pair[1] is { } type)
                        components.Add(name, new((string)library!, (string)type!));
                }
                else if (!name.StartsWith('_'))
                {
                    settings.Add(name, value);
                }
            }
            var className = (string?)fields["_class_name"]
                ?? throw new CheckpointException(path, "field '_class_name' is missing");
            return new(folder, className, components, settings);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new CheckpointException(path, e.Message.Split('\n')[0], e);
        }
    }

    /// <summary>The folder of one part.</summary>
    /// <exception cref="CheckpointException">The pipeline has no such part.</exception>
    public string PathOf(string component) => Components.ContainsKey(component)
        ? Path.Combine(FolderPath, component)
        : throw new CheckpointException(FolderPath,
            $"there is no part '{component}', only {string.Join(", ", Components.Keys)}");

    /// <summary>Opens one of the models.</summary>
    /// <inheritdoc cref="ModelFolder.Load{T}"/>
    public T Load<T>(string component, WeightOptions? options = null, string? variant = null)
        where T : nn.Module, IPretrainedModel<T> =>
        ModelFolder.Load<T>(PathOf(component), options, variant);

    /// <summary>Writes model_index.json; write the parts first.</summary>
    /// <param name="folder">The pipeline's folder.</param>
    /// <param name="className">The pipeline's class in diffusers.</param>
    /// <param name="components">
    /// Parts by name; null for one that the pipeline has in diffusers and this one has not.
    /// </param>
    /// <param name="settings">Further fields, or null.</param>
    public static void WriteIndex(string folder, string className, IReadOnlyDictionary<string,
        PipelineComponent?> components,
        IReadOnlyDictionary<string, JsonNode?>? settings = null)
    {
        // The version of diffusers whose form this is.
        var fields = new JsonObject { ["_class_name"] = className, ["_diffusers_version"] = "0.27.2" };
        foreach (var (name, value) in settings ?? new Dictionary<string, JsonNode?>())
            fields[name] = value?.DeepClone();
        foreach (var (name, component) in components.OrderBy(c => c.Key, StringComparer.Ordinal))
            fields[name] = new JsonArray(component?.Library, component?.ClassName);
        AtomicFile.WriteText(Path.Combine(folder, "model_index.json"),
            fields.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
    }
}
