// Writes LoRAs as one file: the names of diffusers (PEFT's) or kohya's.
using System.Text.Json;
using SarSynth.Diffusion.Checkpoints;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Adapters;

public sealed partial class Lora
{
    /// <summary>The name under which diffusers looks for a LoRA in a folder.</summary>
    public const string FileName = "pytorch_lora_weights.safetensors";

    /// <summary>Writes the update with diffusers' key names (PEFT form) or kohya's, which carry alpha.</summary>
    /// <param name="path">The file.</param>
    /// <param name="kohya">Kohya's names.</param>
    /// <exception cref="InvalidOperationException">Magnitudes of columns, which only kohya's form has.</exception>
    public void Save(string path, bool kohya = false) => Save(path, [this], kohya);

    /// <summary>Writes several LoRAs, each on layers of its own, as one file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="loras">The LoRAs.</param>
    /// <param name="kohya">Kohya's names in the place of diffusers'.</param>
    /// <exception cref="ArgumentException">As <see cref="RequireOneFile"/>.</exception>
    /// <exception cref="InvalidOperationException">Magnitudes of columns, which only kohya's form has.</exception>
    public static void Save(string path, IReadOnlyList<Lora> loras, bool kohya = false)
    {
        RequireOneFile(loras);
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (component, layerPath, target, layer) in loras.SelectMany(l => l.layers))
        {
            if (kohya)
            {
                var prefix = LoraNames.Prefixes.First(p => p.Component == component && p.Prefix.EndsWith('_')).Prefix
                    + layerPath.Replace('.', '_');
                tensors[prefix + ".lora_down.weight"] = layer.Down.detach();
                tensors[prefix + ".lora_up.weight"] = layer.Up.detach();
                tensors[prefix + ".alpha"] = tensor((float)layer.Alpha, device: CPU);
                if (layer.Magnitude is { } scales)
                    tensors[prefix + ".dora_scale"] = scales.detach();
                continue;
            }
            foreach (var (name, value) in Named(component, layerPath, layer))
                tensors[name] = value.detach();
            // The scale goes into B, so that alpha is the rank: every reader takes that where no alpha is told.
            tensors[$"{component}.{layerPath}.lora_B.weight"] = layer.Up.detach().Times(layer.Scale);
            if (layer.Magnitude is not { } magnitude)
                continue;
            long[] weight = Weight(target).shape;
            if (magnitude.shape[0] != weight[0])
                throw new InvalidOperationException(
                    $"{component}.{layerPath} has magnitudes of its inputs; save with kohya's names");
            tensors[$"{component}.{layerPath}.lora_magnitude_vector"] = magnitude.detach()
                .reshape(weight.Length == 2 ? [weight[0]] : [1, weight[0], 1, 1]);
        }
        var metadata = new Dictionary<string, string> { ["format"] = "pt" };
        if (!kohya && Ranks(loras) is { Count: > 0 } ranks)
            metadata[LoraSettings.MetadataKey] = JsonSerializer.Serialize(ranks);
        SafeTensors.Save(path, tensors, metadata);
    }

    /// <summary>Refuses LoRAs that one file in diffusers' form cannot hold.</summary>
    /// <param name="loras">The LoRAs.</param>
    /// <exception cref="ArgumentException">
    /// Two of them update one layer; a model has layers with magnitudes (DoRA) and layers without.
    /// </exception>
    public static void RequireOneFile(IReadOnlyList<Lora> loras)
    {
        foreach (var model in loras.SelectMany(l => l.layers).GroupBy(l => l.Component))
        {
            if (model.GroupBy(l => l.Path).FirstOrDefault(g => g.Count() > 1) is { } twice)
                throw new ArgumentException($"found {twice.Count()} LoRAs on {model.Key}.{twice.Key}, expected one on"
                    + " each layer: they are written as one file", nameof(loras));
            if (model.Any(l => l.Layer.Magnitude is null) && model.Any(l => l.Layer.Magnitude is not null))
                throw new ArgumentException($"found DoRA on some layers of {model.Key} and LoRA on others, expected"
                    + " one of the two: they are written as one file", nameof(loras));
        }
    }

    // Where the layers of a model have several ranks, diffusers scales all of them by one alpha unless each is told:
    // PEFT's LoraConfig, each field with the model's name in front.
    private static SortedDictionary<string, object> Ranks(IReadOnlyList<Lora> loras)
    {
        var told = new SortedDictionary<string, object>(StringComparer.Ordinal);
        foreach (var model in loras.SelectMany(l => l.layers).GroupBy(l => l.Component))
        {
            var byRank = model.GroupBy(l => l.Layer.Rank).OrderByDescending(g => g.Count()).ThenBy(g => g.Key).ToList();
            if (byRank.Count == 1)
                continue;
            var others = new SortedDictionary<string, long>(
                byRank.Skip(1).SelectMany(g => g).ToDictionary(l => l.Path, l => l.Layer.Rank), StringComparer.Ordinal);
            told[$"{model.Key}.r"] = told[$"{model.Key}.lora_alpha"] = byRank[0].Key;
            told[$"{model.Key}.rank_pattern"] = told[$"{model.Key}.alpha_pattern"] = others;
            told[$"{model.Key}.target_modules"] = model.Select(l => l.Path).Order(StringComparer.Ordinal).ToList();
            told[$"{model.Key}.use_dora"] = model.First().Layer.Magnitude is not null;
        }
        return told;
    }
}
