// Latent diffusion from request to image: SD 1.5, SD 2.x, SDXL and its refiner, with ControlNets, images and masks.
// Rombach et al. (2022); Podell et al. (2023); Ho and Salimans (2021), guidance; Meng et al. (2022), image to image.
using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tiling;
using SarSynth.Diffusion.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Pipelines;

/// <summary>A latent diffusion model with all its parts.</summary>
public sealed record LatentDiffusion : IDisposable
{
    /// <summary>The denoiser.</summary>
    public required UNet2DConditionModel Unet { get; init; }

    /// <summary>The autoencoder.</summary>
    public required AutoencoderKL Vae { get; init; }

    /// <summary>The text encoders.</summary>
    public required PromptEncoder Prompts { get; init; }

    /// <summary>Sampler and noise schedule.</summary>
    public SamplerConfig Sampler { get; init; } = new();

    /// <summary>No negative prompt is embeddings of zero (SDXL), not the empty prompt.</summary>
    public bool ForceZerosForEmptyPrompt { get; init; } = true;

    /// <summary>Where the models compute; null for where the denoiser's weights are.</summary>
    public Device? ComputeDevice { get; private init; }

    private IReadOnlyList<BlockOffload> Offloads { get; init; } = [];

    /// <summary>
    /// The same pipeline, computing on a device that need not hold its weights: each block's go there for its call
    /// only. Load the models on the CPU for this. ControlNets are given their own <see cref="BlockOffload"/>.
    /// </summary>
    /// <param name="device">Where to compute.</param>
    /// <returns>It shares the models, and owns them from now on.</returns>
    public LatentDiffusion Offloaded(Device device) => this with
    {
        ComputeDevice = device, Prompts = Prompts with { Device = device },
        Offloads = [.. new nn.Module?[] { Unet, Vae, Prompts.Encoder, Prompts.Encoder2 }.Where(m => m is not null)
            .Select(m => new BlockOffload(m!, device))],
    };

    /// <summary>Opens a single file with the original code's key names ("model.diffusion_model.", "first_stage_model.",
    /// "conditioner.embedders." or "cond_stage_model.").</summary>
    /// <param name="path">A safetensors file.</param>
    /// <param name="options">What the file does not hold: configurations, vocabulary.</param>
    /// <exception cref="CheckpointException">Tensors that are missing or unexpected, each named; a pickle; a family
    /// that the tensors do not tell.</exception>
    public static LatentDiffusion LoadFile(string path, SingleFileOptions? options = null) =>
        SingleFile.Load(path, options ?? new SingleFileOptions());

    /// <summary>Opens a pipeline's folder in diffusers' layout.</summary>
    /// <param name="folder">Holds model_index.json and a folder for each part; a single file is opened as
    /// <see cref="LoadFile"/> does.</param>
    /// <param name="options">Device, type and mapping of the weights.</param>
    /// <param name="variant">Weight files with this in their names, such as fp16.</param>
    /// <param name="sampler">A sampler to use with the folder's schedule instead of its own.</param>
    /// <param name="unet">Device, type and mapping of the denoiser's weights, where they differ from the others'.
    /// </param>
    /// <exception cref="CheckpointException">A part is missing, broken or not known.</exception>
    public static LatentDiffusion Load(string folder, WeightOptions? options = null, string? variant = null,
        SamplerKind? sampler = null, WeightOptions? unet = null)
    {
        if (File.Exists(folder))
            return LoadFile(folder, new SingleFileOptions { Weights = options, Unet = unet, Sampler = sampler });
        var index = PipelineFolder.Open(folder);
        bool Has(string part) => index.Components.ContainsKey(part);
        return new LatentDiffusion
        {
            Unet = index.Load<UNet2DConditionModel>("unet", unet ?? options, variant),
            Vae = index.Load<AutoencoderKL>("vae", options, variant),
            Prompts = new PromptEncoder(
                Has("tokenizer") ? ClipTokenizer.Load(index.PathOf("tokenizer")) : null,
                Has("text_encoder") ? index.Load<CLIPTextModel>("text_encoder", options, variant) : null,
                Has("tokenizer_2") ? ClipTokenizer.Load(index.PathOf("tokenizer_2")) : null,
                Has("text_encoder_2") ? index.Load<CLIPTextModelWithProjection>("text_encoder_2", options, variant)
                    : null),
            Sampler = SamplerConfig.Load(index.PathOf("scheduler"), sampler),
            ForceZerosForEmptyPrompt = ForcesZeros(index),
        };
    }

    /// <summary>What model_index.json says of empty prompts; SDXL's default where it says nothing.</summary>
    internal static bool ForcesZeros(PipelineFolder index) =>
        index.Settings.TryGetValue("force_zeros_for_empty_prompt", out var zeros)
        ? zeros?.GetValue<bool>() ?? false : index.Components.ContainsKey("text_encoder_2");

    /// <summary>Writes the pipeline as a folder that diffusers opens; model_index.json comes last.</summary>
    /// <param name="folder">Made where it is missing.</param>
    /// <param name="shardBytes">Most bytes of weights in one file.</param>
    /// <param name="controls">ControlNets that belong to it; null for none.</param>
    /// <param name="type">
    /// Type of the weights in the files; null for each part's own. The parts stay as they are.
    /// </param>
    public void Save(string folder, long shardBytes = 10_000_000_000, IReadOnlyList<ControlNetModel>? controls = null,
        ScalarType? type = null)
    {
        var parts = new Dictionary<string, PipelineComponent?>();
        void Model<T>(string name, string library, T? model) where T : nn.Module, IPretrainedModel<T>
        {
            if (model is null)
                return;
            ModelFolder.Save(model, Path.Combine(folder, name), shardBytes, type: type);
            parts[name] = new PipelineComponent(library, typeof(T).Name);
        }
        void Tokenizer(string name, ClipTokenizer? tokenizer)
        {
            if (tokenizer is null)
                return;
            tokenizer.Save(Path.Combine(folder, name));
            parts[name] = new PipelineComponent("transformers", "CLIPTokenizer");
        }
        // diffusers numbers the folders of several, and gives them one name.
        foreach (var (i, net) in (controls ?? []).Index())
        {
            ModelFolder.Save(net, Path.Combine(folder, i == 0 ? "controlnet" : $"controlnet_{i}"), shardBytes,
                type: type);
        }
        if (controls?.Count > 0)
        {
            parts["controlnet"] = new PipelineComponent("diffusers",
                controls.Count == 1 ? nameof(ControlNetModel) : "MultiControlNetModel");
        }
        Model("unet", "diffusers", Unet);
        Model("vae", "diffusers", Vae);
        Model("text_encoder", "transformers", Prompts.Encoder);
        Model("text_encoder_2", "transformers", Prompts.Encoder2);
        Tokenizer("tokenizer", Prompts.Tokenizer);
        Tokenizer("tokenizer_2", Prompts.Tokenizer2);
        var scheduler = Sampler.ToJson();
        AtomicFile.WriteText(Path.Combine(folder, "scheduler", "scheduler_config.json"), scheduler);
        using var json = JsonDocument.Parse(scheduler);
        parts["scheduler"] = new PipelineComponent("diffusers", json.RootElement.GetProperty("_class_name")
            .GetString()!);
        WriteIndex(folder, parts);
    }

    // The pipeline of diffusers that these parts make, with the parts that it has and this one has not as null.
    private void WriteIndex(string folder, Dictionary<string, PipelineComponent?> parts)
    {
        bool xl = Prompts.Encoder2 is not null, refiner = xl && Prompts.Encoder is null;
        bool inpainting = Unet.Config.InChannels == 2 * Vae.Config.LatentChannels + 1;
        var name = (xl ? "StableDiffusionXL" : "StableDiffusion")
            + (parts.ContainsKey("controlnet") ? "ControlNet" : "")
            + (inpainting ? "Inpaint" : refiner ? "Img2Img" : "")
            + "Pipeline";
        var settings = new Dictionary<string, JsonNode?>();
        if (xl || ForceZerosForEmptyPrompt)
            settings["force_zeros_for_empty_prompt"] = ForceZerosForEmptyPrompt;
        if (xl && (refiner || inpainting))
            settings["requires_aesthetics_score"] = refiner;
        if (!xl)
            settings["requires_safety_checker"] = false;
        string[] others = xl
            ? ["text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "image_encoder", "feature_extractor"]
            : ["text_encoder", "tokenizer", "safety_checker", "image_encoder", "feature_extractor"];
        foreach (var part in others)
            parts.TryAdd(part, null);
        PipelineFolder.WriteIndex(folder, name, parts, settings);
    }

    /// <summary>Generates an image.</summary>
    /// <returns>[1, channels, H, W] in [0, 1], float32.</returns>
    /// <exception cref="ArgumentException">A size that does not fit, a mask without image.</exception>
    public Tensor Generate(GenerationRequest request)
    {
        using var latents = Denoise(request);
        using var decoded = Decode(latents, request.Tiling);
        using var noGradients = no_grad();
        return decoded.Over(2).Plus_(0.5).Clamped_(0, 1);
    }

    /// <summary>Generates latents: all of a request but decoding.</summary>
    /// <returns>Scaled latents [1, C, h, w], float32.</returns>
    /// <exception cref="ArgumentException">A size that does not fit, a mask without image.</exception>
    public Tensor Denoise(GenerationRequest request)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var (height, width) = Size(request);

        // Noise: recorded, by position, or from one generator in diffusers' order (posterior, image or latents, steps).
        using var generator = Seeded.Generator(request.Seed);
        var field = new PositionalNoise(request.Seed);
        long[] shape = [1, Vae.Config.LatentChannels, height / Vae.Config.Factor, width / Vae.Config.Factor];
        Tensor Draw(Tensor? recorded, int stream) =>
            (recorded ?? (request.Tiling is null ? randn(shape, device: CPU, generator: generator)
            : field.Window(stream, (int)shape[1], 0, 0, (int)shape[2], (int)shape[3]))).to(ScalarType.Float32, Device);

        // Where to start: pure noise, or an image noised to the level of the first step taken.
        var plan = SamplingPlan.Create(Sampler, request.Steps).Between(request.Share?.Start, request.Share?.End);
        Tensor? image = null, noise = null;
        Tensor latents;
        if (request.Start is not { } start)
        {
            var drawn = Draw(request.Noise.Latents, PositionalNoise.InitialStep);
            latents = request.Leak is not { } leak ? drawn.Times(plan.InitNoiseSigma)
                : Samplers.Sampler.AddNoise(plan, leak.Draw((int)shape[1], generator).to(Device).expand_as(drawn),
                    drawn);
        }
        else if (request.Share?.Start is not null)
        {
            // Another model's noisy latents, or an image that is taken for such.
            var given = start.Image.Whole;
            latents = given.shape[1] == shape[1] ? given.to(ScalarType.Float32, Device)
                : Encode(given, Draw(request.Noise.Posterior, PositionalNoise.InitialStep - 1));
        }
        else
        {
            plan = plan.WithStrength(start.Strength);
            image = Encode(start.Image, Draw(request.Noise.Posterior, PositionalNoise.InitialStep - 1), request.Tiling);
            noise = Draw(request.Noise.Image, PositionalNoise.InitialStep);
            latents = start.Mask is not null && plan.Start == 0 ? noise.Times(plan.InitNoiseSigma)
                : Samplers.Sampler.AddNoise(plan, image, noise);
        }
        var inpainting = request.Start?.Mask is null ? null : Inpainting.Of(this, request, image!, shape);

        // The steps.
        using var prediction = new GuidedPrediction(this, request, plan, height, width, inpainting);
        Denoiser model = request.Tiling is null ? (x, t) => prediction.Predict(x, t, null)
            : request.Tiling.Over(prediction.Predict);
        var run = new SamplingRun
        {
            Noise = request.Noise.Steps
                ?? (request.Tiling is null ? (_, like) =>
                randn(like.shape, device: CPU, generator: generator).to(like.device) : field.Source()),
            OnStep = request.OnStep,
            Adjust = inpainting is null ? null : step => inpainting.KeepOutside(plan, step, noise!),
            Cancellation = request.Cancellation,
        };
        return Samplers.Sampler.Sample(model, latents, plan, run, request.Eta).MoveToOuterDisposeScope();
    }

    /// <summary>Scaled latents of an image.</summary>
    /// <param name="image">[1, channels, H, W] in [0, 1].</param>
    /// <param name="noise">Standard normal for the sample of the posterior; null for its mean.</param>
    public Tensor Encode(Tensor image, Tensor? noise = null)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        using var posterior = Vae.encode(image.to(VaeType, Device).Times(2).Minus_(1));
        var latents = (noise is null ? posterior.Mode() : posterior.Sample(noise)).to(ScalarType.Float32);
        return LatentScaling.Scaled(Vae.Config, latents).MoveToOuterDisposeScope();
    }

    /// <summary>Scaled latents of an image of any size, encoded in windows.</summary>
    /// <param name="image">[1, channels, H, W] in [0, 1].</param>
    /// <param name="noise">
    /// Standard normal of the latents' size for the sample of the posterior; null for its mean.
    /// </param>
    /// <param name="tiling">Windows in latents; null encodes in one piece.</param>
    internal Tensor Encode(WindowedImage image, Tensor? noise, TileGrid? tiling)
    {
        if (tiling is null)
            return Encode(image.Whole, noise);
        int factor = Vae.Config.Factor;
        var bands = tiling.Bands(image.Height / factor, image.Width / factor, 1, windows => Encode(
            cat([.. windows.Select(w => image.Of(w.Scaled(factor)))]),
            noise is null ? null : cat([.. windows.Select(w => w.Of(noise))]))).Select(b => b.Rows).ToList();
        var whole = cat(bands, 2);
        bands.ForEach(b => b.Dispose());
        return whole;
    }

    /// <summary>The image of scaled latents.</summary>
    /// <param name="latents">[1, C, h, w].</param>
    /// <param name="tiling">Windows in latents; null decodes in one piece.</param>
    /// <returns>[1, channels, H, W], about -1 to 1, float32.</returns>
    public Tensor Decode(Tensor latents, TileGrid? tiling = null)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        if (tiling is null)
            return Vae.decode(LatentScaling.Unscaled(Vae.Config, latents).to(VaeType, Device)).to(ScalarType.Float32)
                .MoveToOuterDisposeScope();
        var bands = DecodeBands(latents, tiling).Select(b => b.Rows).ToList();
        var whole = cat(bands, 2).MoveToOuterDisposeScope();
        bands.ForEach(b => b.Dispose());
        return whole;
    }

    /// <summary>
    /// The image of scaled latents in bands of finished rows: memory for one row of windows, whatever the height.
    /// </summary>
    /// <param name="latents">[1, C, h, w].</param>
    /// <param name="tiling">Windows in latents.</param>
    /// <returns>
    /// Bands [1, channels, rows, W] with their first row, about -1 to 1, float32; the receiver disposes them.
    /// </returns>
    public IEnumerable<(int Top, Tensor Rows)> DecodeBands(Tensor latents, TileGrid tiling) =>
        tiling.Bands((int)latents.shape[2], (int)latents.shape[3], Vae.Config.Factor, windows =>
            Vae.decode(LatentScaling.Unscaled(Vae.Config, cat([.. windows.Select(w => w.Of(latents))])).to(VaeType,
                Device))
                .to(ScalarType.Float32));

    /// <summary>Embeddings of a request's prompts; the negative ones are null without guidance.</summary>
    internal (PromptEmbeddings Positive, PromptEmbeddings? Negative) Embed(GenerationRequest request, bool guided)
    {
        var text = request.Text;
        var positive = text.Embeddings ?? Prompts.Encode(text.Prompt, text.Second, text.ClipSkip);
        if (!guided)
            return (positive, null);
        if (text.NegativeEmbeddings is not null)
            return (positive, text.NegativeEmbeddings);
        if (text.Negative is null && ForceZerosForEmptyPrompt)
            return (positive,
                new PromptEmbeddings(zeros_like(positive.Text), positive.Pooled is { } pooled ? zeros_like(pooled)
                : null));
        bool xl = Prompts.Encoder2 is not null;
        return (positive, Prompts.Encode(text.Negative ?? "", text.NegativeSecond, xl ? null : text.ClipSkip));
    }

    /// <summary>Where the denoiser lives.</summary>
    internal Device Device => ComputeDevice ?? Unet.parameters().First().device;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var offload in Offloads)
            offload.Dispose();
        Unet.Dispose();
        Vae.Dispose();
        Prompts.Encoder?.Dispose();
        Prompts.Encoder2?.Dispose();
    }

    private ScalarType VaeType => Vae.parameters().First().dtype;

    private (int Height, int Width) Size(GenerationRequest request)
    {
        var start = request.Start;
        bool goesOn = request.Share?.Start is not null;
        if (goesOn && start is not { Mask: null })
            throw new ArgumentException("a start within the schedule needs the latents of the "
                + "model before as the image, and has no mask", nameof(request));
        int factor = Vae.Config.Factor;
        int side = (Unet.Config.SampleSize is { } size ? size.Values[0] : 64) * factor;
        int scale = goesOn && start!.Image.Whole.shape[1] == Vae.Config.LatentChannels ? factor : 1;
        int height = start is not null ? start.Image.Height * scale : request.Height ?? side;
        int width = start is not null ? start.Image.Width * scale : request.Width ?? side;
        if (height < factor || width < factor || height % factor != 0 || width % factor != 0)
            throw new ArgumentException($"image size {height} x {width}; expected "
                + $"multiples of {factor}, the autoencoder's factor", nameof(request));
        if (start?.Mask is { } mask && (mask.shape[^2] != height || mask.shape[^1] != width))
            throw new ArgumentException($"mask [{string.Join(", ", mask.shape)}]; expected [1, 1, {height}, {width}]",
                nameof(request));
        return (height, width);
    }
}
