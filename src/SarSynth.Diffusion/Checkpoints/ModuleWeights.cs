// Weights between files and modules: what a module expects is compared with what is there before a byte is read.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace SarSynth.Diffusion.Checkpoints;

/// <summary>How weights reach a module.</summary>
/// <param name="Device">Where the module lives; CPU where null.</param>
/// <param name="Type">Element type of its parameters; the file's own where null (float32 for 8-bit floats).</param>
/// <param name="Mapped">
/// Let parameters be the file's own pages where type, alignment and device allow: opening takes no time and no memory.
/// Off: every parameter has memory of its own.
/// </param>
public sealed record WeightOptions(Device? Device = null, ScalarType? Type = null, bool Mapped = true);

/// <summary>Loads and saves the parameters of modules under their checkpoint names.</summary>
public static class ModuleWeights
{
    private const int NamesShown = 12;

    /// <summary>
    /// Gives a module that was made on the meta device (or anywhere else) its parameters from files. Only the
    /// parameters' own memory is taken.
    /// </summary>
    /// <param name="module">The module; its parameters and buffers are replaced.</param>
    /// <param name="weights">The open weights.</param>
    /// <param name="options">Device, type and mapping.</param>
    /// <param name="rename">
    /// From a file's key to the module's, or null for keys to leave out; see <see cref="KeyRenames"/>.
    /// </param>
    /// <exception cref="CheckpointException">
    /// Tensors that are missing, unexpected, or of another shape: all are listed.
    /// </exception>
    public static void Load(Module module, WeightFiles weights, WeightOptions? options = null, Func<string,
        string?>? rename = null) =>
        Fill(module, weights, options, rename);

    /// <inheritdoc cref="Load"/>
    internal static void Fill(Module module, IWeightSource weights, WeightOptions? options = null, Func<string,
        string?>? rename = null)
    {
        options ??= new();
        var sources = Match(module, weights, rename ?? KeyRenames.Current);
        using var grad = no_grad();
        foreach (var (prefix, child) in Leaves(module))
        {
            foreach (var (name, parameter) in child.named_parameters(recurse: false).ToList())
            {
                var key = sources[prefix + name];
                var tensor = Materialise(weights, key, options, parameter);
                var requiresGrad = parameter.requires_grad;
                Replace(child, name, new Parameter(tensor, requiresGrad), weights.Source);
            }
        }
    }

    /// <summary>Copies weights over the parameters that a module has already, converting types on the way.</summary>
    /// <inheritdoc cref="Load" path="/exception"/>
    public static void CopyInto(Module module, WeightFiles weights, Func<string, string?>? rename = null)
    {
        var sources = Match(module, weights, rename ?? KeyRenames.Current);
        using var grad = no_grad();
        foreach (var (name, parameter) in module.named_parameters())
            weights.CopyTo(sources[name], parameter);
    }

    /// <summary>Writes a module's parameters, sharded by size.</summary>
    /// <inheritdoc cref="SafeTensors.SaveSharded"/>
    public static IReadOnlyList<string> Save(
        Module module, string folder, string name, long shardBytes = 10_000_000_000, string? variant = null,
        ScalarType? type = null) =>
        SafeTensors.SaveSharded(folder, name, module.state_dict(), shardBytes,
            new Dictionary<string, string> { ["format"] = "pt" }, variant, type);

    /// <summary>Rows of a table.</summary>
    internal static long Rows(this Embedding table)
    {
        // TorchSharp makes a new handle at every call, which somebody must let go.
        using var weight = table.weight!;
        return weight.shape[0];
    }

    /// <summary>Number of scalar parameters; works on the meta device too.</summary>
    public static long CountParameters(Module module) => module.parameters().Sum(p => p.NumberOfElements);

    private static Dictionary<string, string> Match(Module module, IWeightSource weights, Func<string, string?> rename)
    {
        var expected = module.named_parameters().ToDictionary(p => p.Item1, p => p.Item2.shape, StringComparer.Ordinal);
        var sources = new Dictionary<string, string>(StringComparer.Ordinal);
        List<string> unexpected = [], shapes = [];
        foreach (var key in weights.Names.Order(StringComparer.Ordinal))
        {
            if (rename(key) is not { } name)
                continue;
            if (!expected.TryGetValue(name, out var shape))
                unexpected.Add(key);
            else if (!sources.TryAdd(name, key))
                throw new CheckpointException(weights.Source,
                    $"tensors '{sources[name]}' and '{key}' both mean '{name}'");
            else if (!SameShape(shape, weights[key].Shape))
                shapes.Add($"'{key}' is [{string.Join(", ", weights[key].Shape)}], expected "
                    + $"[{string.Join(", ", shape)}]");
        }
        var missing = expected.Keys.Where(name => !sources.ContainsKey(name)).Order(StringComparer.Ordinal).ToList();
        if (missing.Count + unexpected.Count + shapes.Count > 0)
        {
            throw new CheckpointException(weights.Source, $"the weights do not fit {module.GetName()}"
                + Listed("missing", missing) + Listed("unexpected", unexpected) + Listed("of another shape", shapes));
        }
        return sources;
    }

    // Convolutions of kernel 1 and linear layers hold the same numbers; old VAE files have the one for the other.
    private static bool SameShape(long[] expected, IReadOnlyList<long> found) =>
        expected.AsSpan().SequenceEqual(found.ToArray())
        || (expected.Length == 2 && found.Count == 4 && found[2] == 1 && found[3] == 1 && expected[0] == found[0]
            && expected[1] == found[1]);

    private static string Listed(string what, List<string> names) => names.Count == 0
        ? ""
        : $"; {names.Count} {what}: "
            + $"{string.Join(", ", names.Take(NamesShown))}{(names.Count > NamesShown ? ", ..." : "")}";

    private static Tensor Materialise(IWeightSource weights, string key, WeightOptions options, Parameter like)
    {
        var onCpu = options.Device is null || options.Device.type == DeviceType.CPU;
        var stored = SafeTensorsFile.EngineType(weights[key].Type);
        var tensor = options.Mapped && onCpu && (options.Type ?? stored) == stored ? weights.TryMap(key) : null;
        if (tensor is not null)
            return tensor;
        tensor = weights.Read(key, options.Type, options.Device);
        if (like.is_contiguous() || !tensor.shape.AsSpan().SequenceEqual(like.shape))
            return tensor;
        // A kernel keeps the order of memory that its layer was made with.
        using (tensor)
            return empty_strided(like.shape, like.stride(), tensor.dtype, tensor.device).copy_(tensor);
    }

    private static IEnumerable<(string Prefix, Module Module)> Leaves(Module module)
    {
        yield return ("", module);
        foreach (var (name, child) in module.named_modules())
        {
            if (name.Length > 0)
                yield return ($"{name}.", child);
        }
    }

    /// <summary>Gives one layer another parameter; the old one's handle is let go by the layer.</summary>
    internal static void Replace(Module module, string name, Parameter value, string source)
    {
        if (value.shape.Length == 4 && module is Linear)
            value = new Parameter(value.squeeze(-1).squeeze(-1), value.requires_grad);
        // A setter leaves the parameter in the caller's dispose scope, whose end would take it from the module.
        value.DetachFromDisposeScope();
        switch (module, name)
        {
            case (Linear m, "weight"): m.weight = value; break;
            case (Linear m, "bias"): m.bias = value; break;
            case (Convolution m, "weight"): m.weight = value; break;
            case (Convolution m, "bias"): m.bias = value; break;
            case (GroupNorm m, "weight"): m.weight = value; break;
            case (GroupNorm m, "bias"): m.bias = value; break;
            case (LayerNorm m, "weight"): m.weight = value; break;
            case (LayerNorm m, "bias"): m.bias = value; break;
            case (Embedding m, "weight"):
                // This setter alone does not let the old one go.
                var old = m.get_parameter(name);
                m.weight = value;
                old!.Dispose();
                break;
            case (IOwnsParameters m, _): m.Set(name, value); break;
            default: throw new CheckpointException(source, $"{module.GetName()}: no rule to set parameter '{name}'");
        }
    }
}

/// <summary>A module with parameters of its own beside those of its layers.</summary>
internal interface IOwnsParameters
{
    /// <summary>Puts another parameter in the place of one, which is let go.</summary>
    /// <param name="name">Its name in the module.</param>
    /// <param name="value">The new one.</param>
    void Set(string name, Parameter value);
}
