// A trained satellite-to-airborne model: the diffusers folder layout, and one file that says what its pixels mean.
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Translation;

/// <summary>The networks of a satellite-to-airborne model, ready to run.</summary>
public sealed partial class Translator : IDisposable
{
    /// <summary>Gathers the parts.</summary>
    public Translator(
        ModelCard card, AutoencoderKL vae, UNet2DConditionModel unet, ControlNetModel controlnet, CLIPTextModel textEncoder, ClipTokenizer tokenizer, SamplerConfig sampler)
    {
        (Card, Vae, Unet, ControlNet, TextEncoder, Tokenizer, Sampler) = (card, vae, unet, controlnet, textEncoder, tokenizer, sampler);
        foreach (var module in Modules)
            module.eval();
    }

    /// <summary>What the pixels mean.</summary>
    public ModelCard Card { get; }

    /// <summary>Airborne tiles to latents and back.</summary>
    public AutoencoderKL Vae { get; }

    /// <summary>The denoiser.</summary>
    public UNet2DConditionModel Unet { get; }

    /// <summary>The satellite image's way into the denoiser; its condition has the latents' grid.</summary>
    public ControlNetModel ControlNet { get; }

    /// <summary>Captions to embeddings.</summary>
    public CLIPTextModel TextEncoder { get; }

    /// <summary>Captions to tokens.</summary>
    public ClipTokenizer Tokenizer { get; }

    /// <summary>Noise schedule and sampler.</summary>
    public SamplerConfig Sampler { get; }

    /// <summary>Where the weights are, and where it computes.</summary>
    public Device Device => DeviceOf(Unet);

    private IEnumerable<nn.Module> Modules => [Vae, Unet, ControlNet, TextEncoder];

    /// <summary>Reads a model folder.</summary>
    /// <param name="folder">A folder with <see cref="ModelCard.FileName"/>, or the name of a model that comes with the kit ("sarsynth-small").</param>
    /// <param name="device">Where the weights go; a GPU where there is one when null, else the CPU.</param>
    /// <exception cref="FileNotFoundException">No such model.</exception>
    /// <exception cref="CheckpointException">Weights or configuration that do not fit; the message names the tensor or field.</exception>
    public static Translator Load(string folder, Device? device = null)
    {
        var path = EmbeddedData.FindModel(folder);
        var card = KitJson.Read<ModelCard>(Path.Combine(path, ModelCard.FileName));
        var options = new WeightOptions(Device: device ?? ComputeDevice.Find(), Type: ScalarType.Float32);
        return new(
            card,
            ModelFolder.Load<AutoencoderKL>(Path.Combine(path, "vae"), options),
            ModelFolder.Load<UNet2DConditionModel>(Path.Combine(path, "unet"), options),
            ModelFolder.Load<ControlNetModel>(Path.Combine(path, "controlnet"), options),
            ModelFolder.Load<CLIPTextModel>(Path.Combine(path, "text_encoder"), options),
            ClipTokenizer.Load(Path.Combine(path, "tokenizer")),
            SamplerConfig.Load(Path.Combine(path, "scheduler", "scheduler_config.json")));
    }

    /// <summary>Writes the model folder: weights as float16, configurations, tokenizer, scheduler, card.</summary>
    /// <param name="folder">Created when it is not there.</param>
    /// <param name="scheduler">scheduler_config.json.</param>
    public void Save(string folder, JsonObject scheduler)
    {
        foreach (var module in Modules)
            module.to(ScalarType.Float16);
        ModelFolder.Save(Vae, Path.Combine(folder, "vae"));
        ModelFolder.Save(Unet, Path.Combine(folder, "unet"));
        ModelFolder.Save(ControlNet, Path.Combine(folder, "controlnet"));
        ModelFolder.Save(TextEncoder, Path.Combine(folder, "text_encoder"));
        foreach (var module in Modules)
            module.to(ScalarType.Float32);
        Tokenizer.Save(Path.Combine(folder, "tokenizer"));
        KitJson.Write(Path.Combine(folder, "scheduler", "scheduler_config.json"), scheduler);
        KitJson.Write(Path.Combine(folder, ModelCard.FileName), Card);
        PipelineFolder.WriteIndex(folder, "StableDiffusionControlNetPipeline", new Dictionary<string, PipelineComponent?>
        {
            ["vae"] = new("diffusers", nameof(AutoencoderKL)),
            ["unet"] = new("diffusers", nameof(UNet2DConditionModel)),
            ["controlnet"] = new("diffusers", nameof(ControlNetModel)),
            ["text_encoder"] = new("transformers", nameof(CLIPTextModel)),
            ["tokenizer"] = new("transformers", "CLIPTokenizer"),
            ["scheduler"] = new("diffusers", (string)scheduler["_class_name"]!),
            ["safety_checker"] = null, ["feature_extractor"] = null, ["image_encoder"] = null,
        }, new Dictionary<string, JsonNode?> { ["requires_safety_checker"] = false });
    }

    /// <summary>Embeddings of captions, [captions, tokens, width].</summary>
    /// <param name="captions">One a sample; the empty caption means "not told".</param>
    public Tensor Embed(IReadOnlyList<string> captions) => Embed(TextEncoder, Tokenizer, captions);

    /// <summary>Images to whitened latents.</summary>
    /// <param name="vae">The autoencoder.</param>
    /// <param name="images">Normalised airborne tiles [N, 1, H, W].</param>
    /// <param name="generator">Draws from the posterior; its mean when null.</param>
    internal static Tensor Encode(AutoencoderKL vae, Tensor images, Generator? generator)
    {
        using var scope = NewDisposeScope();
        using var posterior = vae.encode(images);
        var latents = generator is null ? posterior.Mode() : posterior.Sample(generator);
        var (mean, std) = Whitening(vae);
        return latents.sub(mean).div(std).MoveToOuterDisposeScope();
    }

    /// <summary>Whitened latents to normalised airborne images.</summary>
    internal static Tensor Decode(AutoencoderKL vae, Tensor latents)
    {
        using var scope = NewDisposeScope();
        var (mean, std) = Whitening(vae);
        return vae.decode(latents.mul(std).Plus(mean)).MoveToOuterDisposeScope();
    }

    internal static Tensor Embed(CLIPTextModel encoder, ClipTokenizer tokenizer, IReadOnlyList<string> captions)
    {
        using var scope = NewDisposeScope();
        var ids = captions.SelectMany(c => tokenizer.EncodePadded(c).Ids).ToArray();
        var tokens = tensor(ids, device: DeviceOf(encoder)).reshape(captions.Count, -1);
        return encoder.forward(tokens).LastHiddenState.MoveToOuterDisposeScope();
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose()
    {
        foreach (var module in Modules)
            module.Dispose();
    }

    internal static Device DeviceOf(nn.Module module) => module.parameters().First().device;

    private static (Tensor Mean, Tensor Std) Whitening(AutoencoderKL vae)
    {
        var (config, device) = (vae.Config, DeviceOf(vae));
        var mean = tensor(Array.ConvertAll(config.LatentsMean ?? new double[config.LatentChannels], v => (float)v), device: device);
        var std = tensor(Array.ConvertAll(config.LatentsStd ?? [.. Enumerable.Repeat(1.0, config.LatentChannels)], v => (float)(v / config.ScalingFactor)),
            device: device);
        return (mean.reshape(1, -1, 1, 1), std.reshape(1, -1, 1, 1));
    }
}
