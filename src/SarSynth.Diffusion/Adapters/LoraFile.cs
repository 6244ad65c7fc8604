// Reads a LoRA file of diffusers, PEFT or kohya into one entry for each layer.
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Adapters;

/// <summary>What a file has for one layer; the receiver disposes the tensors.</summary>
internal sealed record LoraEntry(
    string Component, string Path, nn.Module<Tensor, Tensor> Target, Tensor Down, Tensor Up, Tensor? Magnitude,
    double Scale);

/// <summary>Reads LoRA files.</summary>
internal static class LoraFile
{
    private static readonly string[] FolderNames = ["adapter_model.safetensors", Lora.FileName];

    /// <summary>The file that a path means: itself, or the one of a folder that PEFT or diffusers wrote.</summary>
    /// <exception cref="CheckpointException">A folder without such a file.</exception>
    public static string Find(string path)
    {
        if (!Directory.Exists(path))
            return path;
        return FolderNames.Select(name => Path.Combine(path, name)).FirstOrDefault(File.Exists)
            ?? throw new CheckpointException(path, $"expected {string.Join(" or ", FolderNames)} in this folder");
    }

    /// <summary>Reads all layers of a file, in the order of their names.</summary>
    /// <exception cref="CheckpointException">As <see cref="Lora.Load"/>.</exception>
    public static List<LoraEntry> Read(string path, IReadOnlyDictionary<string, nn.Module> components)
    {
        using var scope = NewDisposeScope();
        using var file = SafeTensorsFile.Open(path);
        var settings = LoraSettings.Of(path, file.Header.Metadata, components.Keys);
        var names = components.ToDictionary(c => c.Key, c => new LoraNames(c.Value), StringComparer.Ordinal);
        var found = new SortedDictionary<(string Component, string Path), Parts>();
        foreach (var entry in file.Header.Entries)
        {
            var key = LoraNames.Split(entry.Name) ?? throw NotLora(path, entry.Name);
            var (component, layer) = Place(path, entry.Name, key, names, settings, components);
            if (!found.TryGetValue((component, layer), out var parts))
                found.Add((component, layer), parts = new Parts(key.Name, entry.Name));
            // Two names may be of one layer (kohya's and diffusers'): which update is meant cannot be known.
            if (parts.Name != key.Name || !parts.Keys.TryAdd(key.Role, entry.Name))
                throw new CheckpointException(path, $"'{parts.Keys.GetValueOrDefault(key.Role, parts.FirstKey)}' and"
                    + $" '{entry.Name}' are both {component}.{layer}; expected one name for each layer");
        }
        var layers = found.Select(f => Entry(path, file, settings, f.Key.Component, f.Key.Path, f.Value, components))
            .ToList();
        foreach (var layer in layers)
            foreach (var tensor in new[] { layer.Down, layer.Up, layer.Magnitude })
                tensor?.MoveToOuterDisposeScope();
        return layers;
    }

    private static LoraEntry Entry(string path, SafeTensorsFile file, LoraSettings settings, string component,
        string layer, Parts parts, IReadOnlyDictionary<string, nn.Module> components)
    {
        Tensor? Read(LoraRole role) => parts.Keys.TryGetValue(role, out var key) ? file.Read(key) : null;
        var module = components[component].named_modules().First(m => m.Item1 == layer).Item2;
        var target = (nn.Module<Tensor, Tensor>)module;
        var weight = Lora.Weight(target).shape;
        string name = $"{component}.{layer}";
        if (Read(LoraRole.Down) is not { } down || Read(LoraRole.Up) is not { } up)
            throw new CheckpointException(path, $"'{parts.FirstKey}': the"
                + $" {(parts.Keys.ContainsKey(LoraRole.Down) ? "up" : "down")} matrix of {name} is missing");
        CheckShapes(path, name, weight, down.shape, up.shape);
        double? alpha = Read(LoraRole.Alpha) is { } said ? Alpha(path, parts.Keys[LoraRole.Alpha], said) : null;
        var magnitude = Magnitude(path, parts, weight, Read);
        return new LoraEntry(component, layer, target, down, up, magnitude,
            settings.ScaleOf(component, layer, down.shape[0], alpha, magnitude is not null));
    }

    private static double Alpha(string path, string key, Tensor value)
    {
        if (value.numel() != 1)
            throw new CheckpointException(path, $"'{key}' has shape {Shape(value.shape)}; expected one number");
        return value.to(ScalarType.Float64).reshape(1).ToDouble();
    }

    private static Tensor? Magnitude(string path, Parts parts, long[] weight, Func<LoraRole, Tensor?> read)
    {
        Tensor? magnitude = null;
        foreach (var role in new[] { LoraRole.Magnitude, LoraRole.DoraScale })
        {
            if (read(role) is not { } value)
                continue;
            if (magnitude is not null)
                throw new CheckpointException(path, $"'{parts.FirstKey}': two magnitudes for one layer");
            magnitude = Dora.Shaped(value, weight, perOutput: role == LoraRole.Magnitude)
                ?? throw new CheckpointException(path, $"'{parts.Keys[role]}' has shape {Shape(value.shape)};"
                    + $" expected one magnitude for each output channel of a weight {Shape(weight)}");
        }
        return magnitude;
    }

    private static (string Component, string Layer) Place(string path, string entry, LoraKey key,
        Dictionary<string, LoraNames> names, LoraSettings settings, IReadOnlyDictionary<string, nn.Module> components)
    {
        if (key.Component is { } said)
        {
            if (!names.TryGetValue(said, out var known))
                throw new CheckpointException(path, $"key '{entry}' is for '{said}', which was not given");
            return (said, known.Find(key.Layer)
                ?? throw new CheckpointException(path, $"key '{entry}': {said} has no layer '{key.Layer}'"));
        }
        // PEFT's file of one model does not name it; its configuration may name the class.
        var candidates = components.Where(c =>
            settings.BaseModelClass is not { } name || name == c.Value.GetType().Name)
            .Select(c => (c.Key, Layer: names[c.Key].Find(key.Layer))).Where(c => c.Layer is not null).ToList();
        if (candidates.Count > 1)
            throw new CheckpointException(path,
                $"key '{entry}' may be for {string.Join(" or ", candidates.Select(c => c.Key))};"
                + " give the one that is meant");
        return candidates.Count == 1 ? (candidates[0].Key, candidates[0].Layer!) : throw new CheckpointException(path,
            $"key '{entry}': {string.Join(", ", components.Keys)} has no layer '{key.Layer}'");
    }

    private static CheckpointException NotLora(string path, string key) => LoraNames.Unsupported(key) is { } kind
        ? new(path, $"key '{key}' is of {kind}, which is not supported; LoRA and DoRA are")
        : new(path, $"key '{key}' is not a LoRA's (expected lora_A/lora_B, lora.down/up, lora_down/up, alpha,"
            + " lora_magnitude_vector or dora_scale)");

    private static void CheckShapes(string path, string layer, long[] weight, long[] down, long[] up)
    {
        long Elements(long[] shape) => shape.Skip(1).Aggregate(1L, (a, b) => a * b);
        if (down.Length < 2 || up.Length < 2 || down[0] != Elements(up) || up[0] != weight[0]
            || Elements(down) != Elements(weight))
            throw new CheckpointException(path,
                $"{layer} is {Shape(weight)}; down {Shape(down)} and up {Shape(up)} do not fit");
    }

    private static string Shape(long[] shape) => $"[{string.Join(", ", shape)}]";

    /// <summary>The keys of one layer by their roles, its name in the file, and the first key.</summary>
    private sealed record Parts(string Name, string FirstKey)
    {
        public Dictionary<LoraRole, string> Keys { get; } = [];
    }
}
