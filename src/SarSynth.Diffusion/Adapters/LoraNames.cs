// The names that LoRA files give to layers: diffusers, PEFT, kohya, and kohya with
// the names of the original SDXL code ("sgm").
using System.Text.RegularExpressions;
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Adapters;

/// <summary>Finds a model's layer from the name it has in a LoRA file.</summary>
internal sealed partial class LoraNames
{
    /// <summary>Components of a pipeline by the prefixes that files use for them.</summary>
    public static readonly (string Prefix, string Component)[] Prefixes =
    [
        ("lora_unet_", "unet"), ("lora_te1_", "text_encoder"), ("lora_te2_", "text_encoder_2"),
        ("lora_te_", "text_encoder"), ("lycoris_", "unet"), ("unet.", "unet"), ("text_encoder_2.", "text_encoder_2"),
        ("text_encoder.", "text_encoder"), ("vae.", "vae"),
    ];

    // PEFT's file of one model, which it does not name.
    private const string PeftPrefix = "base_model.model.";

    private readonly Dictionary<string, string> paths = new(StringComparer.Ordinal);

    /// <param name="module">A UNet or text encoder; its linear layers and convolutions get their names.</param>
    public LoraNames(nn.Module module)
    {
        foreach (var (path, child) in module.named_modules())
            if (child is Linear or Convolution)
            {
                paths[path] = path;
                paths[path.Replace('.', '_')] = path;
            }
        var layers = paths.Values.Distinct().ToList();
        var original = OriginalNames.UNet(layers);
        foreach (var path in layers)
            if (original(path) is { } name)
                paths[name.Replace('.', '_')] = path;
    }

    /// <summary>The layer's path in the module, or null.</summary>
    /// <param name="name">Name without component prefix and without the role of the tensor.</param>
    public string? Find(string name) => paths.GetValueOrDefault(name)
        ?? paths.GetValueOrDefault(Processor().Replace(name,
            m => m.Groups[1].Value == "out" ? ".to_out.0" : $".to_{m.Groups[1].Value}"));

    /// <summary>Splits a file's key into component, layer and role, or null for a key that is no LoRA's.</summary>
    /// <param name="key">A tensor's name in a file.</param>
    public static LoraKey? Split(string key)
    {
        foreach (var (suffix, role) in Roles)
        {
            if (!key.EndsWith(suffix, StringComparison.Ordinal))
                continue;
            var name = key[..^suffix.Length];
            foreach (var (prefix, component) in Prefixes)
                if (name.StartsWith(prefix, StringComparison.Ordinal))
                    return new LoraKey(name, component, name[prefix.Length..], role);
            return new LoraKey(name, null, name.StartsWith(PeftPrefix, StringComparison.Ordinal)
                ? name[PeftPrefix.Length..] : name, role);
        }
        return null;
    }

    /// <summary>
    /// The kind of adapter that a key belongs to, where it is a known one without support; else null.
    /// </summary>
    public static string? Unsupported(string key) => Kinds.FirstOrDefault(k => k.Part.IsMatch(key)).Kind;

    private static readonly (string Suffix, LoraRole Role)[] Roles =
    [
        (".lora_A.default.weight", LoraRole.Down), (".lora_B.default.weight", LoraRole.Up),
        (".lora_A.weight", LoraRole.Down), (".lora_B.weight", LoraRole.Up),
        (".lora_linear_layer.down.weight", LoraRole.Down), (".lora_linear_layer.up.weight", LoraRole.Up),
        (".lora.down.weight", LoraRole.Down), (".lora.up.weight", LoraRole.Up),
        (".lora_down.weight", LoraRole.Down), (".lora_up.weight", LoraRole.Up),
        ("_lora.down.weight", LoraRole.Down), ("_lora.up.weight", LoraRole.Up), (".alpha", LoraRole.Alpha),
        (".lora_magnitude_vector.default.weight", LoraRole.Magnitude),
            (".lora_magnitude_vector.default", LoraRole.Magnitude),
        (".lora_magnitude_vector.weight", LoraRole.Magnitude), (".lora_magnitude_vector", LoraRole.Magnitude),
        (".dora_scale", LoraRole.DoraScale),
    ];

    private static readonly (Regex Part, string Kind)[] Kinds =
    [
        (Lokr(), "LoKr"), (Loha(), "LoHa"), (Oft(), "OFT"), (Tucker(), "a LoRA in Tucker form"), (Ia3(), "(IA)3"),
        (Vera(), "VeRA"), (Difference(), "a full difference of weights"), (Embedding(), "a LoRA of an embedding"),
        (Bias(), "a LoRA with biases"),
    ];

    [GeneratedRegex(@"\.lokr_")]
    private static partial Regex Lokr();

    [GeneratedRegex(@"\.hada_")]
    private static partial Regex Loha();

    [GeneratedRegex(@"\.b?oft_")]
    private static partial Regex Oft();

    [GeneratedRegex(@"\.lora_mid\.")]
    private static partial Regex Tucker();

    [GeneratedRegex(@"\.ia3_|\.on_input$")]
    private static partial Regex Ia3();

    [GeneratedRegex(@"\.?vera_(?:lambda|A|B)")]
    private static partial Regex Vera();

    [GeneratedRegex(@"\.diff(?:_b)?$")]
    private static partial Regex Difference();

    [GeneratedRegex(@"\.lora_embedding_")]
    private static partial Regex Embedding();

    [GeneratedRegex(@"\.lora(?:_B|_A|_up|_down|\.up|\.down)(?:\.default)?\.bias$")]
    private static partial Regex Bias();

    [GeneratedRegex(@"\.processor\.to_(q|k|v|out)$")]
    private static partial Regex Processor();
}

/// <summary>What a tensor of a LoRA file is.</summary>
internal enum LoraRole
{
    /// <summary>From the layer's input to the rank.</summary>
    Down,

    /// <summary>From the rank to the layer's output.</summary>
    Up,

    /// <summary>Numerator of the scale.</summary>
    Alpha,

    /// <summary>Magnitudes of the outputs (DoRA, PEFT).</summary>
    Magnitude,

    /// <summary>Magnitudes of the outputs or the inputs (DoRA, kohya).</summary>
    DoraScale,
}

/// <summary>A key of a LoRA file.</summary>
/// <param name="Name">The key without its role: the same for all tensors of a layer.</param>
/// <param name="Component">The model; null where the key does not say.</param>
/// <param name="Layer">Name of the layer in the model, as the file has it.</param>
/// <param name="Role">What the tensor is.</param>
internal sealed record LoraKey(string Name, string? Component, string Layer, LoraRole Role);
