// The tiny random models of the goldens.
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tokenizers;
using SarSynth.Tests.Support;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests;

internal static class TinyModels
{
    public static UNet2DConditionModel Unet() => Load<UNet2DConditionModel>("unet_sdxl");

    public static ControlNetModel ControlNet() => Load<ControlNetModel>("controlnet_sdxl");

    public static AutoencoderKL Vae() => Load<AutoencoderKL>("vae");

    public static CLIPTextModel TextEncoder() => Load<CLIPTextModel>("clip_text");

    public static CLIPTextModelWithProjection TextEncoder2() => Load<CLIPTextModelWithProjection>("clip_text_proj");

    /// <summary>The SDXL pipeline; without tokenizers where the optional data is not there.</summary>
    public static LatentDiffusion Pipeline(SamplerConfig sampler)
    {
        var tokenizer = TestData.Optional("goldens/tokenizer_tiny");
        bool there = Directory.Exists(tokenizer);
        return new LatentDiffusion
        {
            Unet = Unet(), Vae = Vae(), Sampler = sampler,
            Prompts = new PromptEncoder(there ? ClipTokenizer.Load(tokenizer) : null, TextEncoder(),
                there ? ClipTokenizer.Load(tokenizer, padToken: "!") : null, TextEncoder2()),
        };
    }

    private static T Load<T>(string name) where T : nn.Module, IPretrainedModel<T>
    {
        var folder = Goldens.Folder(name);
        var model = T.Create(File.ReadAllText(Path.Combine(folder, "config.json")), folder, null, null);
        using var weights = WeightFiles.Open(Path.Combine(folder, "weights.safetensors"));
        ModuleWeights.Load(model, weights, new WeightOptions(Mapped: false));
        model.eval();
        return model;
    }
}
