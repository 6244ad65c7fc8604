// Recorded runs of diffusers' pipelines, compared step by step: case.json has the call, its
// parts lie in folders beside.
using System.Text.Json;
using System.Text.RegularExpressions;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Parity;

/// <summary>How case folders of pipelines are run.</summary>
internal static partial class PipelineParity
{
    private const double Latents = 3e-5, Images = 5e-4, Embeddings = 5e-5;

    private static readonly HashSet<string> KnownArguments =
    [
        "prompt", "prompt_2", "negative_prompt", "negative_prompt_2", "num_inference_steps", "guidance_scale",
        "guidance_rescale", "height", "width", "strength",
        "original_size", "crops_coords_top_left", "target_size", "negative_original_size",
        "negative_crops_coords_top_left", "negative_target_size",
        "aesthetic_score", "negative_aesthetic_score", "controlnet_conditioning_scale", "control_guidance_start",
        "control_guidance_end", "guess_mode",
        "clip_skip", "eta", "denoising_start", "denoising_end", "output_type", "num_images_per_prompt", "return_dict",
    ];

    /// <summary>Whether a folder is a pipeline's: its case.json names one.</summary>
    public static bool Holds(string folder)
    {
        var path = Path.Combine(folder, "case.json");
        if (!File.Exists(path))
            return false;
        using var json = JsonDocument.Parse(SamplerConfig.QuoteNonFinite(ModelFolder.ReadText(path)));
        return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("pipeline", out _);
    }

    public static IReadOnlyList<ParityResult> Run(ParityCase folder)
    {
        using var scope = NewDisposeScope();
        using var json = folder.Json("case.json")!;
        var root = json.RootElement;
        var kind = root.GetProperty("pipeline").GetString()!;
        var call = root.GetProperty("call");
        if (call.EnumerateObject().Select(p => p.Name).FirstOrDefault(name =>
            !KnownArguments.Contains(name)) is { } unknown)
            throw new CheckpointException(Path.Combine(folder.FolderPath, "case.json"),
                $"argument '{unknown}' of the call is not known");
        using var pipeline =
            Open(folder, SamplerConfig.Parse(root.GetProperty("scheduler").GetRawText(), folder.FolderPath),
            out var control);
        var results = new List<ParityResult>();
        var steps = new List<Tensor>();
        var timesteps = new List<double>();
        ModelCall? first = null;
        var noise = folder.Input("step_noise");
        var request = Request(call, kind) with
        {
            Noise = new GenerationNoise(folder.Input("latents"), folder.Input("vae_posterior"),
                folder.Input("img2img_noise"), noise is null ? null : (step, _) => noise.select(0, step)),
            OnStep = step =>
            {
                steps.Add(step.Latents.clone().DetachFromDisposeScope());
                timesteps.Add(step.Timestep);
            },
            Observe = made => first ??= made.Kept(),
        };
        bool controlled = kind.Contains("ControlNet", StringComparison.Ordinal),
            fromImage = kind.Contains("Img2Img", StringComparison.Ordinal)
            || kind.Contains("Inpaint", StringComparison.Ordinal);
        // Latents in the place of an image are passed on as they are (ensemble of experts).
        request = request with
        {
            Text = request.Text with
            {
                Embeddings = Recorded(folder, "prompt_embeds"),
                    NegativeEmbeddings = Recorded(folder, "negative_prompt_embeds"),
            },
            Start = fromImage ? new StartImage(folder.Needed("image"), Strength(call, kind),
                folder.Input("mask_image") ?? folder.Input("mask")) : null,
        };
        if (controlled)
        {
            request = request with
            {
                Control = new ControlRequest(
                    [new ControlInput(control ?? throw new CheckpointException(folder.FolderPath,
                    "the pipeline has no controlnet among its components"),
                    folder.Needed(fromImage ? "control_image" : "image"),
                    Number(call, "controlnet_conditioning_scale",
                        kind.Contains("XLControlNetImg2Img", StringComparison.Ordinal) || fromImage ? 0.8 : 1),
                    Number(call, "control_guidance_start", 0), Number(call, "control_guidance_end", 1))],
                    call.TryGetProperty("guess_mode", out var guess) && guess.GetBoolean()),
            };
        }
        try
        {
            results.AddRange(Prompts(folder, pipeline, request));
            var final = pipeline.Denoise(request);
            var recorded = folder.OutputNames.ToHashSet();
            void Check(string name, Func<Tensor> value, double tolerance, bool growing = false)
            {
                if (recorded.Contains(name))
                    results.Add(folder.Compare(name, value(), tolerance, growing));
            }
            Check("latents_steps", () => stack(steps), Latents, growing: true);
            Check("latents_final", () => final, Latents, growing: true);
            Check("unet_timesteps", () => tensor(timesteps.ToArray()), 1e-3);
            if (first is { } observed)
            {
                Check("unet_call0.sample", () => observed.Sample, Latents, growing: true);
                Check("unet_call0.timestep", () => tensor(new[] { observed.Timestep }), 1e-3);
                Check("unet_call0.encoder_hidden_states", () => observed.Text, Embeddings);
                if (observed.Pooled is { } pooled)
                    Check("unet_call0.text_embeds", () => pooled, Embeddings);
                if (observed.TimeIds is { } ids)
                    Check("unet_call0.time_ids", () => ids, 0);
                Check("unet_call0.output", () => observed.Output, Embeddings);
            }
            Check("decoded", () => pipeline.Decode(final), Images);
            Check("image", () => pipeline.Generate(request with { OnStep = null, Observe = null }), Images);
            return results;
        }
        finally
        {
            steps.ForEach(s => s.Dispose());
            first?.Dispose();
        }
    }

    // The recorded embeddings again, made from the prompts, where the tokenizers are beside the folder.
    private static List<ParityResult> Prompts(ParityCase folder, LatentDiffusion pipeline, GenerationRequest request)
    {
        var prompts = pipeline.Prompts;
        var results = new List<ParityResult>();
        if ((prompts.Encoder is not null && prompts.Tokenizer is null)
            || (prompts.Encoder2 is not null && prompts.Tokenizer2 is null) || request.Text.Embeddings is null)
            return results;
        var (positive, negative) = pipeline.Embed(
            request with { Text = request.Text with { Embeddings = null, NegativeEmbeddings = null } },
            request.Text.NegativeEmbeddings is not null);
        void Near(string name, Tensor? actual)
        {
            if (actual is null || folder.Input(name) is not { } expected)
                return;
            results.Add(new(folder.Name, $"{name} (from the prompt)",
                actual.shape.AsSpan().SequenceEqual(expected.shape) ? (actual - expected).abs().max().ToDouble()
                : double.NaN, Embeddings));
        }
        Near("prompt_embeds", positive.Text);
        Near("pooled_prompt_embeds", positive.Pooled);
        Near("negative_prompt_embeds", negative?.Text);
        Near("negative_pooled_prompt_embeds", negative?.Pooled);
        return results;
    }

    private static LatentDiffusion Open(ParityCase folder, SamplerConfig sampler, out ControlNetModel? control)
    {
        using var settings = folder.Json("components.json") ?? folder.Json(Path.Combine("..", "README.json"))
            ?? throw new CheckpointException(folder.FolderPath,
                "README.json beside the case folders, which says where a pipeline's parts are, is missing");
        var root = settings.RootElement;
        // "../tokenizer_tiny with pad_token '!'": a path from the folder of the file, then words.
        (string Path, string Note)? Part(string name) => root.GetProperty("components")
            .TryGetProperty(name, out var value) && value.GetString() is { } said
            ? (Path.Combine("..", said.Split(' ')[0]), said) : null;
        T? Model<T>(string name) where T : nn.Module, IPretrainedModel<T>
        {
            if (Part(name) is not { } part)
                return null;
            using var beside = folder.Sibling(part.Path);
            return beside.Model<T>();
        }
        ClipTokenizer? Tokenizer(string name)
        {
            if (Part(name) is not { } part)
                return null;
            var path = Path.GetFullPath(Path.Combine(folder.FolderPath, part.Path));
            return Directory.Exists(path)
                ? ClipTokenizer.Load(path, PadToken().Match(part.Note) is { Success: true } pad
                ? pad.Groups[1].Value : null) : null;
        }
        T Needed<T>(string name) where T : nn.Module, IPretrainedModel<T> =>
            Model<T>(name) ?? throw new CheckpointException(folder.FolderPath,
            $"the pipeline has no '{name}' among its components");
        control = Model<ControlNetModel>("controlnet");
        return new LatentDiffusion
        {
            Unet = Needed<UNet2DConditionModel>("unet"), Vae = Needed<AutoencoderKL>("vae"), Sampler = sampler,
            Prompts = new PromptEncoder(Tokenizer("tokenizer"), Model<CLIPTextModel>("text_encoder"),
                Tokenizer("tokenizer_2"), Model<CLIPTextModelWithProjection>("text_encoder_2")),
            ForceZerosForEmptyPrompt = root.TryGetProperty("force_zeros_for_empty_prompt", out var zeros)
                && zeros.GetBoolean(),
        };
    }

    private static double Number(JsonElement call, string key, double missing) =>
        call.TryGetProperty(key, out var value) ? value.GetDouble() : missing;

    // What a call leaves out has the default of its pipeline.
    private static GenerationRequest Request(JsonElement call, string kind)
    {
        string? Text(string key) => call.TryGetProperty(key, out var value) ? value.GetString() : null;
        int? Integer(string key) => call.TryGetProperty(key, out var value)
            && value.ValueKind == JsonValueKind.Number ? value.GetInt32() : null;
        double? Share(string key) => call.TryGetProperty(key, out var value)
            && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
        (int, int)? Pair(string key) => call.TryGetProperty(key, out var value)
            && value.ValueKind == JsonValueKind.Array ? (value[0].GetInt32(), value[1].GetInt32()) : null;
        bool xl = kind.Contains("XL", StringComparison.Ordinal),
            inpaint = kind.Contains("Inpaint", StringComparison.Ordinal),
            controlled = kind.Contains("ControlNet", StringComparison.Ordinal);
        return new GenerationRequest
        {
            Text = new TextRequest(Text("prompt") ?? "")
            {
                Second = Text("prompt_2"), Negative = Text("negative_prompt"),
                    NegativeSecond = Text("negative_prompt_2"),
                ClipSkip = Integer("clip_skip"),
            },
            Steps = Integer("num_inference_steps") ?? 50, Eta = Number(call, "eta", 0), Height = Integer("height"),
                Width = Integer("width"),
            Guidance = new Guidance(Number(call, "guidance_scale", xl && !(inpaint && !controlled) ? 5 : 7.5),
                Number(call, "guidance_rescale", 0)),
            Sizes = new SizeConditioning
            {
                Original = Pair("original_size"), Crop = Pair("crops_coords_top_left") ?? default,
                    Target = Pair("target_size"),
                NegativeOriginal = Pair("negative_original_size"),
                    NegativeCrop = Pair("negative_crops_coords_top_left") ?? default,
                NegativeTarget = Pair("negative_target_size"),
                AestheticScore = Number(call, "aesthetic_score", 6),
                    NegativeAestheticScore = Number(call, "negative_aesthetic_score", 2.5),
            },
            Share = new ExpertShare(Share("denoising_start"), Share("denoising_end")),
        };
    }

    private static double Strength(JsonElement call, string kind)
    {
        bool xl = kind.Contains("XL", StringComparison.Ordinal),
            controlled = kind.Contains("ControlNet", StringComparison.Ordinal);
        return Number(call, "strength", kind.Contains("Inpaint", StringComparison.Ordinal) ? (xl ? 0.9999 : 1) : xl
            && !controlled ? 0.3 : 0.8);
    }

    private static PromptEmbeddings? Recorded(ParityCase folder, string name) => folder.Input(name) is { } text
        ? new PromptEmbeddings(text,
            folder.Input(name.Replace("prompt_embeds", "pooled_prompt_embeds", StringComparison.Ordinal))) : null;

    [GeneratedRegex("pad_token '(.+?)'")]
    private static partial Regex PadToken();
}
