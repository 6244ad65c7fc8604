// Models made of models: adapters, words and an autoencoder put into a base for good, and a LoRA taken from two models.
using SarSynth.Data;
using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Translation;
using TorchSharp;
using static TorchSharp.torch;
using Adapter = SarSynth.Diffusion.Adapters.Lora;

namespace SarSynth.FineTuning;

/// <summary>Types of weights in files.</summary>
public enum WeightType
{
    /// <summary>Four bytes.</summary>
    Float32,

    /// <summary>Two bytes, eight bits of exponent.</summary>
    Bfloat16,

    /// <summary>Two bytes, five bits of exponent.</summary>
    Float16,
}

/// <summary>What is put into a base.</summary>
public sealed record MergeRecipe
{
    /// <summary>A diffusers folder, a single file, or a model that comes with the kit.</summary>
    public required string Base { get; init; }

    /// <summary>LoRAs and DoRAs, fused in this order.</summary>
    public IReadOnlyList<AdapterRecipe> Adapters { get; init; } = [];

    /// <summary>Learned words, which tokenizers and encoders then know.</summary>
    public IReadOnlyList<TokenRecipe> Tokens { get; init; } = [];

    /// <summary>Folder of an autoencoder that takes the base's place; null keeps it.</summary>
    public string? Vae { get; init; }

    /// <summary>Type of the weights that are written; null for the base's own.</summary>
    public WeightType? Type { get; init; }
}

/// <summary>What is taken from two models.</summary>
public sealed record ExtractRecipe
{
    /// <summary>The model that the LoRA will be put on.</summary>
    public required string Base { get; init; }

    /// <summary>The same model after a training.</summary>
    public required string Tuned { get; init; }

    /// <summary>Rank of every layer, at most; null for what the energy needs.</summary>
    public int? Rank { get; init; } = 16;

    /// <summary>
    /// Share of each layer's squared difference to keep, over 0 to 1; null for all that the rank holds.
    /// </summary>
    public double? Energy { get; init; }

    /// <summary>Networks that are compared; null for UNet and text encoders.</summary>
    public IReadOnlyList<string>? Parts { get; init; }

    /// <summary>Key names of kohya, with alpha, in the place of diffusers' and PEFT's.</summary>
    public bool Kohya { get; init; }
}

/// <summary>What an extraction found.</summary>
/// <param name="Layers">Layers that it updates.</param>
/// <param name="Kept">Share of the squared difference of these layers that the file holds, 0 to 1.</param>
/// <param name="LeftOut">Parameters that differ and that no LoRA can hold.</param>
public sealed record Extracted(int Layers, double Kept, IReadOnlyList<string> LeftOut);

/// <summary>Verbs on model files.</summary>
public static class ModelEdits
{
    /// <summary>Puts adapters, words and an autoencoder into a base and writes what diffusers opens.</summary>
    /// <param name="recipe">What into what.</param>
    /// <param name="folder">Where to; model_index.json comes last.</param>
    /// <exception cref="ArgumentException">Nothing to put in.</exception>
    /// <exception cref="CheckpointException">A file that is none, or of another base: the tensor is named.</exception>
    public static void Merge(MergeRecipe recipe, string folder)
    {
        if (recipe.Adapters.Count + recipe.Tokens.Count == 0 && recipe.Vae is null && recipe.Type is null)
            throw new ArgumentException("merge: found nothing to put in, expected a LoRA, a token, a vae or a type.");
        using var progress = Progress.Begin("merging");
        var path = PathOf(recipe.Base);
        var loaded = LatentDiffusion.Load(path, new WeightOptions(Device: CPU));
        progress.At(0.3, "adapters");
        using var model = recipe.Vae is null ? loaded
            : loaded with { Vae = ModelFolder.Load<AutoencoderKL>(recipe.Vae, new WeightOptions(Device: CPU)) };
        if (recipe.Vae is not null)
        {
            RequireFit(recipe.Vae, loaded.Vae.Config, model.Vae.Config);
            loaded.Vae.Dispose();
        }
        // Words first: they make the encoders' tables longer.
        var words = recipe.Tokens.SelectMany(token => Words(token, model)).ToList();
        words.ForEach(word => word.Bake());
        foreach (var adapter in recipe.Adapters)
        {
            using var lora = Adapter.Load(adapter.File, Parts(model), adapter.Scale);
            lora.Fuse();
        }
        progress.At(0.6, "writing");
        var controls = Translator.ControlFolders(path).Select(f => ModelFolder.Load<ControlNetModel>(f)).ToList();
        model.Save(folder, controls: controls, type: recipe.Type switch
        {
            WeightType.Float32 => ScalarType.Float32, WeightType.Bfloat16 => ScalarType.BFloat16,
            WeightType.Float16 => ScalarType.Float16, _ => null,
        });
        controls.ForEach(net => net.Dispose());
        words.ForEach(word => word.Dispose());
        var card = Path.Combine(path, ModelCard.FileName);
        if (File.Exists(card))
            KitJson.Write(Path.Combine(folder, ModelCard.FileName), KitJson.Read<ModelCard>(card));
        Provenance.Of("merge", recipe, 0, [path, .. recipe.Adapters.Select(a => a.File),
            .. recipe.Tokens.Select(t => t.File), .. recipe.Vae is { } own ? [own] : Array.Empty<string>()],
            Directory.GetFiles(folder, "*.safetensors", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            .Write(Path.Combine(folder, "merge.provenance.json"));
        progress.At(1);
    }

    /// <summary>Takes the LoRA that leads from one model to another: singular vectors of their difference.</summary>
    /// <param name="recipe">From which two, and how much.</param>
    /// <param name="file">The safetensors file.</param>
    /// <exception cref="ArgumentException">
    /// A part that one of them does not have, layers of other shapes, models that do not differ.
    /// </exception>
    /// <exception cref="CheckpointException">A model that cannot be opened.</exception>
    public static Extracted Extract(ExtractRecipe recipe, string file)
    {
        using var progress = Progress.Begin("extracting");
        var (path, tunedPath) = (PathOf(recipe.Base), PathOf(recipe.Tuned));
        using var model = LatentDiffusion.Load(path, new WeightOptions(Device: CPU));
        using var tuned = LatentDiffusion.Load(tunedPath, new WeightOptions(Device: CPU));
        var (own, others) = (Chosen(recipe, model, path), Chosen(recipe, tuned, tunedPath));
        if (recipe.Kohya && own.ContainsKey("vae"))
            throw new ArgumentException("parts: found vae, for which kohya's files have no names; expected others.");
        var found = Adapter.Extract(own, others, recipe.Rank, recipe.Energy,
            progress: share => progress.At(0.1 + 0.85 * share));
        using var lora = found.Lora;
        lora.Save(file, recipe.Kohya);
        Provenance.Of("extract", recipe, 0, [path, tunedPath], [file]).Write(file + ".provenance.json");
        progress.At(1);
        return new(lora.Layers.Count, found.Kept, found.LeftOut);
    }

    private static string PathOf(string model) => File.Exists(model) ? model : EmbeddedData.FindModel(model);

    private static IEnumerable<LearnedToken> Words(TokenRecipe token, LatentDiffusion model)
    {
        if (model.Prompts is { Tokenizer: { } first, Encoder: { } encoder })
            yield return LearnedToken.Load(token.File, first, encoder.TokenEmbedding, token.Word);
        if (model.Prompts is { Tokenizer2: { } second, Encoder2: { } encoder2 })
            yield return LearnedToken.Load(token.File, second, encoder2.TokenEmbedding, token.Word);
    }

    private static Dictionary<string, nn.Module> Parts(LatentDiffusion model) => new Dictionary<string, nn.Module?>
    {
        ["unet"] = model.Unet, ["text_encoder"] = model.Prompts.Encoder, ["text_encoder_2"] = model.Prompts.Encoder2,
        ["vae"] = model.Vae,
    }.Where(p => p.Value is not null).ToDictionary(p => p.Key, p => p.Value!);

    private static Dictionary<string, nn.Module> Chosen(ExtractRecipe recipe, LatentDiffusion model, string path)
    {
        var parts = Parts(model);
        if (recipe.Parts is null)
        {
            parts.Remove("vae");
            return parts;
        }
        return recipe.Parts.ToDictionary(p => p, p => parts.GetValueOrDefault(p) ?? throw new ArgumentException(
            $"parts: found '{p}', expected what {path} has: {string.Join(", ", parts.Keys)}."));
    }

    // A UNet knows one number of channels and one factor.
    private static void RequireFit(string path, AutoencoderKLConfig own, AutoencoderKLConfig other)
    {
        if (own.LatentChannels != other.LatentChannels || own.Factor != other.Factor
            || own.InChannels != other.InChannels)
            throw new CheckpointException(path, $"found an autoencoder of {other.InChannels} channels to "
                + $"{other.LatentChannels} at 1/{other.Factor}, expected the base's {own.InChannels} to "
                + $"{own.LatentChannels} at 1/{own.Factor}");
    }
}
