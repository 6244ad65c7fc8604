using System.Text.Json;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Samplers;
using SarSynth.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Pipelines;

public sealed class PipelineGoldenTests
{
    public static TheoryData<string> Names => [.. Goldens.Cases("pipelines")];

    [Theory]
    [MemberData(nameof(Names))]
    public void EveryStepEqualsDiffusers(string name)
    {
        using var scope = NewDisposeScope();
        var (folder, json, sampler) = Case(name);
        using var inputs = Goldens.Open(folder, "inputs");
        using var outputs = Goldens.Open(folder, "outputs");
        using var pipeline = TinyModels.Pipeline(sampler);
        Tensor? Input(string key) => inputs.Contains(key) ? inputs.Read(key) : null;
        var steps = new List<Tensor>();
        var request = Request(json.GetProperty("call"), pipeline) with
        {
            Embeddings = new PromptEmbeddings(inputs.Read("prompt_embeds"), inputs.Read("pooled_prompt_embeds")),
            NegativeEmbeddings = Input("negative_prompt_embeds") is { } negative ? new PromptEmbeddings(negative, inputs.Read("negative_pooled_prompt_embeds")) : null,
            Noise = new GenerationNoise(Input("latents"), Input("vae_posterior"), Input("img2img_noise"),
                Input("step_noise") is { } noise ? (step, _) => noise.select(0, step) : null),
            OnStep = step => steps.Add(step.Latents.clone().DetachFromDisposeScope()),
        };
        bool fromImage = json.GetProperty("pipeline").GetString()!.Contains("Img2Img", StringComparison.Ordinal);
        if (fromImage)
            request = request with { Image = inputs.Read("image") };
        if (json.GetProperty("pipeline").GetString()!.Contains("ControlNet", StringComparison.Ordinal))
        {
            var call = json.GetProperty("call");
            double Of(string key, double missing) => call.TryGetProperty(key, out var value) ? value.GetDouble() : missing;
            request = request with
            {
                Controls = [new ControlInput(TinyModels.ControlNet(), inputs.Read(fromImage ? "control_image" : "image"), Of("controlnet_conditioning_scale", 1),
                    Of("control_guidance_start", 0), Of("control_guidance_end", 1))],
            };
        }

        var final = pipeline.Denoise(request);
        var expected = outputs.Read("latents_steps");
        double tolerance = 3e-5 * Math.Max(1, Goldens.AbsMax(expected));
        Goldens.Near("steps", stack(steps), expected, tolerance);
        Goldens.Near("final", final, outputs.Read("latents_final"), tolerance);
        if (outputs.Contains("decoded"))
            Goldens.Near("decoded", pipeline.Decode(final), outputs.Read("decoded"), 5e-4);
        if (outputs.Contains("image"))
            Goldens.Near("image", pipeline.Generate(request), outputs.Read("image"), 5e-4);
    }

    [OptionalDataTheory("goldens/tokenizer_tiny")]
    [InlineData("t2i_euler")]
    [InlineData("t2i_euler_prompt2_negsizes")]
    [InlineData("t2i_dpm_karras_noneg")]
    public void PromptsAreEncodedAsByDiffusers(string name)
    {
        using var scope = NewDisposeScope();
        var (folder, json, sampler) = Case(name);
        using var inputs = Goldens.Open(folder, "inputs");
        using var pipeline = TinyModels.Pipeline(sampler);
        var (positive, negative) = pipeline.Embed(Request(json.GetProperty("call"), pipeline), guided: true);
        Goldens.Near("prompt", positive.Text, inputs.Read("prompt_embeds"), 5e-5);
        Goldens.Near("pooled", positive.Pooled!, inputs.Read("pooled_prompt_embeds"), 5e-5);
        Goldens.Near("negative", negative!.Text, inputs.Read("negative_prompt_embeds"), 5e-5);
        Goldens.Near("negative pooled", negative.Pooled!, inputs.Read("negative_pooled_prompt_embeds"), 5e-5);
    }

    private static (string Folder, JsonElement Json, SamplerConfig Sampler) Case(string name)
    {
        var folder = Path.Combine(Goldens.Folder("pipelines"), name);
        var json = Goldens.Json(folder, "case.json");
        return (folder, json, SamplerConfig.Parse(json.GetProperty("scheduler").GetRawText(), folder));
    }

    private static GenerationRequest Request(JsonElement call, LatentDiffusion pipeline)
    {
        string? Text(string key) => call.TryGetProperty(key, out var value) ? value.GetString() : null;
        double Number(string key, double missing) => call.TryGetProperty(key, out var value) ? value.GetDouble() : missing;
        int? Integer(string key) => call.TryGetProperty(key, out var value) ? value.GetInt32() : null;
        (int, int)? Pair(string key) => call.TryGetProperty(key, out var value) ? (value[0].GetInt32(), value[1].GetInt32()) : null;
        var known = new HashSet<string>
        {
            "prompt", "prompt_2", "negative_prompt", "negative_prompt_2", "num_inference_steps", "guidance_scale", "guidance_rescale", "height", "width", "strength",
            "original_size", "crops_coords_top_left", "target_size", "negative_original_size", "negative_crops_coords_top_left", "negative_target_size",
            "controlnet_conditioning_scale", "control_guidance_start", "control_guidance_end", "clip_skip", "eta",
        };
        Assert.DoesNotContain(call.EnumerateObject(), p => !known.Contains(p.Name));
        return new GenerationRequest
        {
            Prompt = Text("prompt")!, Prompt2 = Text("prompt_2"), NegativePrompt = Text("negative_prompt"), NegativePrompt2 = Text("negative_prompt_2"),
            Steps = Integer("num_inference_steps")!.Value, GuidanceScale = Number("guidance_scale", 5), GuidanceRescale = Number("guidance_rescale", 0),
            Height = Integer("height"), Width = Integer("width"), Strength = Number("strength", 0.3), ClipSkip = Integer("clip_skip"), Eta = Number("eta", 0),
            OriginalSize = Pair("original_size"), Crop = Pair("crops_coords_top_left") ?? default, TargetSize = Pair("target_size"),
            NegativeOriginalSize = Pair("negative_original_size"), NegativeCrop = Pair("negative_crops_coords_top_left") ?? default,
            NegativeTargetSize = Pair("negative_target_size"),
        };
    }
}
