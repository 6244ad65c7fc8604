// Training of a foundation model: autoencoder, then UNet and text encoders on its latents. Rombach et al. (2022);
// Podell et al. (2023), SDXL.
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tokenizers;
using SarSynth.Diffusion.Training;
using SarSynth.Radar.Images;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.FineTuning;

public static partial class FineTune
{
    /// <summary>
    /// Trains a foundation model and writes it as a pipeline in float16; a run that was
    /// killed goes on from its last checkpoint.
    /// </summary>
    /// <param name="recipe">Pictures, networks and stages.</param>
    /// <param name="folder">Folder of the model. Until the end its "training" folder holds checkpoints, losses,
    /// samples, and as "snapshot" a pipeline of the averaged weights at the last look.</param>
    /// <param name="progress">Told every step; <see cref="Progress"/> is told when null.</param>
    /// <param name="cancel">Stops after a step, with a checkpoint.</param>
    /// <exception cref="ArgumentException">A field that cannot be, or a device that is not there.</exception>
    /// <exception cref="CheckpointException">
    /// A configuration that is not known, or checkpoints of another training.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled; run again to go on.</exception>
    public static void Run(FoundationRecipe recipe, string folder, Action<FineTuningProgress>? progress = null,
        CancellationToken cancel = default)
    {
        ComputeDevice.Find(recipe.Device);
        var scenes = GenericRenders.Generate(recipe.Data, cancel).ToList();
        using var shown = progress is null ? Progress.Begin("training") : null;
        progress ??= p => shown!.At(
            p.Share, FormattableString.Invariant($"{p.Stage} {p.Step} of {p.Steps}, loss {p.Loss:F3}"));
        var run = new FoundationRun(recipe, scenes, folder, progress, cancel);
        using var vae = run.TrainAutoencoder();
        using var model = run.TrainDenoiser(vae);
        run.Save(model);
        shown?.At(1);
    }
}

/// <summary>One training of a foundation.</summary>
internal sealed class FoundationRun
{
    private readonly FoundationRecipe recipe;
    private readonly IReadOnlyList<RenderedScene> training, held;
    private readonly string folder;
    private readonly CancellationToken cancel;
    private readonly Device device;
    private readonly ClipTokenizer tokenizer;
    private readonly SamplerConfig sampler;
    private readonly TrainingStages stages;

    public FoundationRun(FoundationRecipe recipe, IReadOnlyList<RenderedScene> scenes, string folder,
        Action<FineTuningProgress>? progress, CancellationToken cancel)
    {
        (this.recipe, this.folder, this.cancel) = (recipe, folder, cancel);
        (training, held) = ([.. scenes.SkipLast(recipe.Data.Validation)],
            [.. scenes.TakeLast(recipe.Data.Validation)]);
        device = ComputeDevice.Find(recipe.Device);
        sampler = SamplerConfig.Parse(recipe.Scheduler.ToJsonString(), "recipe field 'scheduler'");
        var captions = scenes.SelectMany(s => s.Squares).SelectMany(s => s.Texts);
        tokenizer = ClipTokenizer.Train(captions.Concat(recipe.Sentences), recipe.Vocabulary,
            (int)recipe.TextEncoder["max_position_embeddings"]!);
        var (warn, heard) = (tokenizer.Warn, new HashSet<string>());
        tokenizer.Warn = message =>
        {
            if (heard.Add(message))
                warn(message);
        };
        stages = new TrainingStages(Path.Combine(folder, "training"), recipe.Seed,
            [("autoencoder", recipe.Autoencoder), ("denoiser", recipe.Denoiser)], progress, cancel);
    }

    private int Channels => (int)recipe.Vae["in_channels"]!;

    /// <summary>Stage 1.</summary>
    public AutoencoderKL TrainAutoencoder()
    {
        stages.Seed("autoencoder");
        var vae = new AutoencoderKL(AutoencoderKLConfig.FromJson(recipe.Vae.ToJsonString(), "recipe field 'vae'"));
        try
        {
            Initialisation.NearLinear(vae);
            vae.to(device);
            var tiles = Tiles("autoencoder", training, recipe.Autoencoder.Tile, 1);
            stages.Train("autoencoder", recipe.Autoencoder, Parameters(("vae", vae)),
                step => tiles.Batch(step.Index, recipe.Autoencoder.Batch), (batch, step) =>
            {
                var images = Images(tiles.Pixels(batch), tiles.Size);
                using var posterior = vae.encode(images);
                var restored = vae.decode(posterior.Sample(step.Generator));
                return AutoencoderLoss.Of(new() { L1 = 0.5, L2 = 1, Kl = recipe.KlWeight }, images, restored,
                    posterior.Mean, posterior.LogVar);
            });
            return Whitened(vae);
        }
        finally
        {
            vae.Dispose();
        }
    }

    /// <summary>Stage 2, on latents that are computed once.</summary>
    public LatentDiffusion TrainDenoiser(AutoencoderKL vae)
    {
        stages.Seed("denoiser");
        var unet = new UNet2DConditionModel(UNet2DConditionConfig.FromJson(recipe.Unet.ToJsonString(),
            "recipe field 'unet'"));
        var first = new CLIPTextModel(Text(recipe.TextEncoder, "recipe field 'textEncoder'"));
        var second = new CLIPTextModelWithProjection(Text(recipe.TextEncoder2, "recipe field 'textEncoder2'"));
        Initialise(first);
        Initialise(second);
        foreach (var module in new nn.Module[] { unet, first, second })
            module.to(device);
        var model = new LatentDiffusion
        {
            Unet = unet, Vae = vae, Sampler = sampler,
            Prompts = new PromptEncoder(tokenizer, first, tokenizer, second),
        };
        var parameters = Parameters(("unet", unet), ("text_encoder", first), ("text_encoder_2", second));
        var (size, factor) = (recipe.Denoiser.Tile, vae.Config.Factor);
        var tiles = Tiles("denoiser", training, size, factor);
        var latents = LatentsOf(vae, training);
        Tensor Loss(RenderTile[] batch, IReadOnlyDictionary<RenderedScene, Tensor> of, TrainingStep step, bool drop)
        {
            using var scope = NewDisposeScope();
            var clean = cat([.. batch.Select(t => of[t.Scene]
                .narrow(2, t.Row / factor, size / factor).narrow(3, t.Column / factor, size / factor))]);
            var (text, pooled) = Embeddings(model, batch, step, drop);
            var sizes = tensor(tiles.Sizes(batch), device: device).reshape(batch.Length, 6);
            return DiffusionLoss.Draw(sampler.Schedule, (noisy, t) => unet.forward(noisy, t, text, pooled, sizes),
                clean, step, new LossRecipe()).MoveToOuterDisposeScope();
        }
        try
        {
            var looks = new FoundationLooks(recipe, model, Path.Combine(folder, "training"));
            var heldTiles = held.Count == 0 ? null : Tiles("validation", held, size, factor);
            var heldLatents = held.Count == 0 ? latents : LatentsOf(vae, held);
            stages.Train("denoiser", recipe.Denoiser, parameters, step =>
                tiles.Batch(step.Index, recipe.Denoiser.Batch),
                (batch, step) => Loss(batch, latents, step, drop: true), recipe.Validation.Every, point =>
                point.Ema is { } ema ? ema.With(parameters, Look) : Look());
            return model;

            double Look()
            {
                looks.Samples();
                looks.Snapshot();
                var batch = (heldTiles ?? tiles).Batch(0, recipe.Validation.Tiles);
                using var generator = Seeded.Generator(recipe.Seed);
                using var loss = Loss(batch, heldLatents, new TrainingStep(0, 0, generator, 0), drop: false);
                return loss.ToDouble();
            }
        }
        finally
        {
            foreach (var latent in latents.Values)
                latent.Dispose();
        }
    }

    /// <summary>Writes the pipeline with its card, losses and provenance.</summary>
    public void Save(LatentDiffusion model)
    {
        model.Save(folder, type: ScalarType.Float16);
        stages.Finish(folder);
        var weights = Directory.EnumerateFiles(folder, "*.safetensors", SearchOption.AllDirectories)
            .Where(f => !f.StartsWith(Path.Combine(folder, "training"), StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).ToList();
        AtomicFile.WriteText(Path.Combine(folder, "README.md"), FoundationCard.Of(recipe, model, weights));
        Provenance.Of("train", recipe, recipe.Seed, [], weights, device.ToString())
            .Write(Path.Combine(folder, "training.provenance.json"));
    }

    private RenderTiles Tiles(string stage, IReadOnlyList<RenderedScene> scenes, int size, int grid) =>
        new(scenes, stages.SeedOf(stage), size, grid);

    private CLIPTextConfig Text(JsonObject config, string source)
    {
        var json = (JsonObject)config.DeepClone();
        json["vocab_size"] = tokenizer.VocabularySize;
        json["bos_token_id"] = tokenizer.BeginId;
        json["eos_token_id"] = tokenizer.EndId;
        json["pad_token_id"] = tokenizer.PadId;
        return CLIPTextConfig.FromJson(json.ToJsonString(), source);
    }

    // Tables of embeddings start at a deviation of one, which the small residual stream takes long to unlearn.
    private static void Initialise(nn.Module text)
    {
        using var noGradients = no_grad();
        foreach (var (_, module) in text.named_modules())
        {
            if (module is Embedding table)
                nn.init.normal_(table.weight!, 0, 0.1);
        }
    }

    private Tensor Images(float[] pixels, int size) =>
        tensor(pixels, device: device).reshape(-1, 1, size, size).repeat(1, Channels, 1, 1).Times_(2).Minus_(1);

    private (Tensor Text, Tensor Pooled) Embeddings(
        LatentDiffusion model, RenderTile[] batch, TrainingStep step, bool drop)
    {
        var (text, pooled) = model.Prompts.Encode([.. batch.Select(t => t.Caption)], gradients: is_grad_enabled());
        if (!drop)
            return (text, pooled!);
        // SDXL's empty prompt is zeros.
        using var draws = rand([batch.Length], device: CPU, generator: step.Generator);
        var keep = draws.AtLeast(recipe.CaptionDropout).to(ScalarType.Float32).to(device);
        return (text.mul(keep.reshape(-1, 1, 1)), pooled!.mul(keep.reshape(-1, 1)));
    }

    /// <summary>Latents of whole scenes as the denoiser sees them, by scene.</summary>
    private Dictionary<RenderedScene, Tensor> LatentsOf(AutoencoderKL vae, IReadOnlyList<RenderedScene> scenes)
    {
        using var noGradients = no_grad();
        var latents = new Dictionary<RenderedScene, Tensor>();
        foreach (var scene in Progress.Over("encoding scenes", scenes, s => s.Name))
        {
            cancel.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            using var posterior = vae.encode(Images(scene.Pixels, scene.Size));
            latents[scene] = LatentScaling.Scaled(vae.Config, posterior.Mode()).DetachFromDisposeScope();
        }
        return latents;
    }

    /// <summary>The autoencoder, its configuration told mean and deviation of each latent channel.</summary>
    private AutoencoderKL Whitened(AutoencoderKL vae)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var tiles = Tiles("whitening", training, recipe.Denoiser.Tile, 1);
        using var posterior = vae.encode(Images(tiles.Pixels(tiles.Batch(0, 64)), tiles.Size));
        double[] Rounded(Tensor values) => [.. values.cpu().data<float>().ToArray().Select(v => Math.Round(v, 6))];
        var whitened = new AutoencoderKL(vae.Config with
        {
            ScalingFactor = 1, LatentsMean = Rounded(posterior.Mean.mean([0, 2, 3])),
            LatentsStd = Rounded(posterior.Mean.std([0, 2, 3], unbiased: true)),
        });
        whitened.to(device);
        whitened.load_state_dict(vae.state_dict());
        foreach (var parameter in whitened.parameters())
            parameter.requires_grad = false;
        return whitened;
    }

    private static Dictionary<string, Parameter> Parameters(params (string Name, nn.Module Module)[] modules) => modules
        .SelectMany(m => m.Module.named_parameters().Select(p => ($"{m.Name}.{p.name}", p.parameter)))
        .ToDictionary(p => p.Item1, p => p.parameter);
}
