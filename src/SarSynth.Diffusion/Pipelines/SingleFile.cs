// Checkpoints of one file with the original code's key names: what most people have of Stable Diffusion and SDXL.
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Pipelines;

/// <summary>What a single file does not hold itself.</summary>
public sealed record SingleFileOptions
{
    /// <summary>Folder of the model's configurations in diffusers' layout; its weights, if any, are not read. Null for
    /// what the tensors show: Stable Diffusion 1, SDXL or its refiner.</summary>
    public string? Configurations { get; init; }

    /// <summary>Folder with CLIP's vocab.json and merges.txt; null for those of <see cref="Configurations"/>. Without
    /// any, embeddings must be given instead of prompts.</summary>
    public string? Tokenizer { get; init; }

    /// <summary>A sampler to use with the model's schedule instead of its own.</summary>
    public SamplerKind? Sampler { get; init; }

    /// <summary>Device, type and mapping of the weights.</summary>
    public WeightOptions? Weights { get; init; }

    /// <summary>The same for the denoiser, where its weights are to differ from the others'.</summary>
    public WeightOptions? Unet { get; init; }
}

/// <summary>Reads single files into the modules of a pipeline.</summary>
internal static class SingleFile
{
    private const string VaePrefix = "first_stage_model.";

    // Buffers of the original code that carry no weights.
    private static readonly string[] Buffers = ["embeddings.position_ids", "logit_scale", "attn_mask"];

    public static LatentDiffusion Load(string path, SingleFileOptions options)
    {
        using var files = WeightFiles.Open(path);
        var folder = options.Configurations is null ? null : PipelineFolder.Open(options.Configurations);
        var family = folder is null ? OriginalFamily.Of(path, key => files.Contains(key) ? files[key].Shape : null)
            : null;
        string? Config(string part, Func<OriginalFamily, string?> own) => family is not null ? own(family)
            : folder!.Components.ContainsKey(part)
                ? ModelFolder.ReadText(Path.Combine(folder.PathOf(part), "config.json")) : null;
        string Needed(string part, Func<OriginalFamily, string> own) => Config(part, own)
            ?? throw new CheckpointException(options.Configurations!,
                $"there is no part '{part}' among its configurations");

        var made = new List<nn.Module>();
        try
        {
            T Kept<T>(T model) where T : nn.Module
            {
                made.Add(model);
                return model;
            }
            var unet = Kept(Model<UNet2DConditionModel>(files, Needed("unet", f => f.Unet.ToJson()),
                options with { Weights = options.Unet ?? options.Weights }, OriginalFamily.UNetPrefix,
                model => Layered(OriginalNames.UNet(Layers(model)))));
            var vae = Kept(Model<AutoencoderKL>(files, Needed("vae", f => f.Vae.ToJson()), options, VaePrefix,
                model => Layered(layer => OriginalNames.Autoencoder(layer, model.Config.BlockOutChannels.Length))));
            var text = Config("text_encoder", f => f.TextEncoder?.ToJson("CLIPTextModel")) is { } first
                ? Kept(Text<CLIPTextModel>(files, first, options,
                    ["cond_stage_model.transformer.", "conditioner.embedders.0.transformer."],
                    ["cond_stage_model.model."])) : null;
            var text2 = Config("text_encoder_2", f =>
                f.TextEncoder2?.ToJson("CLIPTextModelWithProjection")) is { } second
                ? Kept(Text<CLIPTextModelWithProjection>(files, second, options, [],
                    ["conditioner.embedders.1.model.", "conditioner.embedders.0.model."])) : null;
            ClipTokenizer? Tokenizer(string part, string? pad) =>
                options.Tokenizer is { } own ? ClipTokenizer.Load(own, pad)
                : folder?.Components.ContainsKey(part) == true
                    && Directory.Exists(folder.PathOf(part)) ? ClipTokenizer.Load(folder.PathOf(part)) : null;
            var sampler = family?.Sampler ?? SamplerConfig.Load(folder!.PathOf("scheduler"), options.Sampler);
            return new LatentDiffusion
            {
                Unet = unet, Vae = vae, Sampler = options.Sampler is { } kind ? sampler with { Kind = kind } : sampler,
                // OpenCLIP's texts are filled up with the token of id 0, "!".
                Prompts = new PromptEncoder(text is null ? null : Tokenizer("tokenizer", null), text,
                    text2 is null ? null : Tokenizer("tokenizer_2", "!"), text2),
                ForceZerosForEmptyPrompt = family?.ForceZerosForEmptyPrompt ?? LatentDiffusion.ForcesZeros(folder!),
            };
        }
        catch
        {
            made.ForEach(m => m.Dispose());
            throw;
        }
    }

    private static T Text<T>(WeightFiles files, string config, SingleFileOptions options, string[] transformers,
        string[] openClip)
        where T : nn.Module, IPretrainedModel<T>
    {
        bool Has(string prefix) => files.Names.Any(n => n.StartsWith(prefix, StringComparison.Ordinal));
        if (transformers.FirstOrDefault(Has) is { } prefix)
        {
            // Some files leave out the level "text_model".
            bool bare = files.Contains(prefix + "embeddings.token_embedding.weight");
            const string Level = "text_model.";
            return Model<T>(files, config, options, prefix, _ => name =>
                new(bare && name.StartsWith(Level, StringComparison.Ordinal) ? name[Level.Length..] : name));
        }
        var open = openClip.FirstOrDefault(Has) ?? throw new CheckpointException(files.Source,
            $"there is no text encoder: expected keys that begin with "
                + $"{string.Join(" or ", transformers.Concat(openClip))}");
        return Model<T>(files, config, options, open, _ => OriginalNames.OpenClip);
    }

    private static T Model<T>(WeightFiles files, string config, SingleFileOptions options, string prefix,
        Func<T, Func<string, OriginalTensor?>> names) where T : nn.Module, IPretrainedModel<T>
    {
        var model = T.Create(config, $"the configuration of {typeof(T).Name}", device(DeviceType.META),
            options.Weights?.Type);
        try
        {
            var parameters = model.named_parameters().Select(p => p.Item1).ToList();
            bool projects = parameters.Contains("text_projection.weight");
            int layers = parameters.Count(p => p.EndsWith(".self_attn.q_proj.weight", StringComparison.Ordinal));
            var weights = new OriginalWeights(files, prefix, parameters, names(model), key =>
                Array.Exists(Buffers, key.EndsWith)
                || (key == "text_projection" && !projects) || Beyond(key, layers));
            ModuleWeights.Fill(model, weights, options.Weights);
            model.eval();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    // Stable Diffusion 2 takes the last layer but one of OpenCLIP's text model, and diffusers leaves the last one out.
    private static bool Beyond(string key, int layers) => layers > 0
        && key.StartsWith($"transformer.resblocks.{layers}.", StringComparison.Ordinal);

    private static Func<string, OriginalTensor?> Layered(Func<string, string?> layerOf) => name =>
    {
        int dot = name.LastIndexOf('.');
        return layerOf(name[..dot]) is { } layer ? new OriginalTensor(layer + name[dot..]) : null;
    };

    private static List<string> Layers(nn.Module model) =>
        [.. model.named_parameters().Select(p => p.Item1[..p.Item1.LastIndexOf('.')]).Distinct()];
}
