// Training of a satellite-to-airborne latent diffusion model: autoencoder, then denoiser with text, then ControlNet.
// Rombach et al. (2022), latent diffusion; Zhang et al. (2023), ControlNet.
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
using SarSynth.Radar.Radiometry;
using SarSynth.Translation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.FineTuning;

/// <summary>Where a training stands.</summary>
/// <param name="Stage">"autoencoder", "denoiser" or "control".</param>
/// <param name="Step">Steps done in this stage.</param>
/// <param name="Steps">Steps of this stage.</param>
/// <param name="Loss">Loss of the step.</param>
/// <param name="Share">Share of the whole training that is done, 0 to 1.</param>
/// <param name="StepsPerSecond">Speed.</param>
public sealed record FineTuningProgress(string Stage, long Step, long Steps, double Loss, double Share,
    double StepsPerSecond);

/// <summary>Trains the networks of a <see cref="Translator"/> from nothing.</summary>
public static partial class FineTune
{
    /// <summary>
    /// Trains as the recipe says and writes the model folder; a run that was killed goes on from its last checkpoint.
    /// </summary>
    /// <param name="recipe">Data, networks and stages.</param>
    /// <param name="folder">Folder of the model; checkpoints go into its "training" folder until the end.</param>
    /// <param name="progress">Told every step; <see cref="Progress"/> is told when null.</param>
    /// <param name="cancel">Stops after a step, with a checkpoint.</param>
    /// <exception cref="ArgumentException">A device that is not known or not there.</exception>
    /// <exception cref="CheckpointException">
    /// A configuration that is not known, or checkpoints of another training.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled; run again to go on.</exception>
    public static void Run(TrainRecipe recipe, string folder, Action<FineTuningProgress>? progress = null,
        CancellationToken cancel = default)
    {
        ComputeDevice.Find(recipe.Device);  // A wrong word should not wait for the scenes.
        var scenes = SimulatedScenes.Generate(recipe.Data, cancel: cancel).ToList();
        Run(recipe, scenes, folder, progress, cancel);
    }

    /// <summary>Trains on given scenes.</summary>
    /// <inheritdoc cref="Run(TrainRecipe, string, Action{FineTuningProgress}?, CancellationToken)"/>
    /// <param name="recipe">Networks and stages; its data is not looked at.</param>
    /// <param name="scenes">The scenes to learn from.</param>
    /// <param name="folder">Folder of the model.</param>
    /// <param name="progress">Told every step; <see cref="Progress"/> is told when null.</param>
    /// <param name="cancel">Stops after a step, with a checkpoint.</param>
    public static void Run(
        TrainRecipe recipe, IReadOnlyList<PairedScene> scenes, string folder,
            Action<FineTuningProgress>? progress = null, CancellationToken cancel = default)
    {
        using var shown = progress is null ? Progress.Begin("training") : null;
        progress ??= p => shown!.At(
            p.Share, FormattableString.Invariant($"{p.Stage} {p.Step} of {p.Steps}, loss {p.Loss:F3}"));
        var run = new TrainingRun(recipe, scenes, folder, progress, cancel);
        using var vae = run.TrainAutoencoder();
        using var text = run.NewTextEncoder();
        using var unet = run.TrainDenoiser(vae, text);
        using var control = run.TrainControl(vae, text, unet);
        run.Save(vae, text, unet, control);
        shown?.At(1);
    }
}

/// <summary>One training: the recipe, the data and what the stages share.</summary>
file sealed class TrainingRun
{
    private readonly TrainRecipe recipe;
    private readonly string folder;
    private readonly IReadOnlyList<PairedScene> scenes;
    private readonly LogNormalisation airborne, satellite;
    private readonly double satelliteMeanLog;
    private readonly ClipTokenizer tokenizer;
    private readonly NoiseSchedule schedule;
    private readonly Device device;
    private readonly TrainingStages stages;

    public TrainingRun(
        TrainRecipe recipe, IReadOnlyList<PairedScene> scenes, string folder, Action<FineTuningProgress>? progress,
            CancellationToken cancel)
    {
        (this.recipe, this.scenes, this.folder) = (recipe, scenes, folder);
        device = ComputeDevice.Find(recipe.Device);
        airborne = FitLog(scenes.Select(s => s.Airborne.Pixels));
        satellite = FitLog(scenes.Select(s => s.Satellite.Pixels));
        satelliteMeanLog = SatelliteScene.MeanLogOf(scenes.SelectMany(s => s.Satellite.Pixels));
        tokenizer = ClipTokenizer.Train(
            scenes.SelectMany(s => s.Captions).Select(c => c.Text), recipe.Vocabulary,
                (int)recipe.TextEncoder["max_position_embeddings"]!);
        // Each caption comes up many times; once is enough to hear that it is too long.
        var (warn, heard) = (tokenizer.Warn, new HashSet<string>());
        tokenizer.Warn = message =>
        {
            if (heard.Add(message))
                warn(message);
        };
        schedule = SamplerConfig.Parse(recipe.Scheduler.ToJsonString(), "recipe field 'scheduler'").Schedule;
        stages = new TrainingStages(Path.Combine(folder, "training"), recipe.Seed,
            [("autoencoder", recipe.Autoencoder), ("denoiser", recipe.Denoiser), ("control", recipe.Control)],
            progress, cancel);
    }

    public AutoencoderKL TrainAutoencoder()
    {
        stages.Seed("autoencoder");
        var config = AutoencoderKLConfig.FromJson(recipe.Vae.ToJsonString(), "recipe field 'vae'");
        var vae = new AutoencoderKL(config);
        Initialisation.NearLinear(vae);
        vae.to(device);
        var tiles = Sampler("autoencoder", recipe.Autoencoder);
        Train("autoencoder", recipe.Autoencoder, vae, Parameters(("vae", vae)), tiles, (batch, step) =>
        {
            var images = Images(batch);
            using var posterior = vae.encode(images);
            var restored = vae.decode(posterior.Sample(step.Generator));
            return AutoencoderLoss.Of(new() { L1 = 0, L2 = 1, Kl = recipe.KlWeight }, images, restored, posterior.Mean,
                posterior.LogVar);
        });
        using (vae)
            return Whitened(vae);
    }

    public CLIPTextModel NewTextEncoder()
    {
        stages.Seed("text encoder");
        var json = (JsonObject)recipe.TextEncoder.DeepClone();
        json["vocab_size"] = tokenizer.VocabularySize;
        json["bos_token_id"] = tokenizer.BeginId;
        json["eos_token_id"] = tokenizer.EndId;
        json["pad_token_id"] = tokenizer.PadId;
        var text = new CLIPTextModel(CLIPTextConfig.FromJson(json.ToJsonString(), "recipe field 'textEncoder'"));
        text.to(device);
        return text;
    }

    public UNet2DConditionModel TrainDenoiser(AutoencoderKL vae, CLIPTextModel text)
    {
        stages.Seed("denoiser");
        var unet = new UNet2DConditionModel(UNet2DConditionConfig.FromJson(recipe.Unet.ToJsonString(),
            "recipe field 'unet'"));
        unet.to(device);
        Train("denoiser", recipe.Denoiser, unet, Parameters(("unet", unet), ("text_encoder", text)),
            Sampler("denoiser", recipe.Denoiser), (batch, step) =>
        {
            var (latents, embeddings) = (Latents(vae, batch, step), Embeddings(text, batch, step));
            return DiffusionLoss.Draw(schedule, (noisy, t) =>
                unet.forward(noisy, t, embeddings), latents, step.Generator);
        });
        return unet;
    }

    public ControlNetModel TrainControl(AutoencoderKL vae, CLIPTextModel text, UNet2DConditionModel unet)
    {
        stages.Seed("control");
        var config = ControlNetConfig.FromJson(recipe.Controlnet.ToJsonString(), "recipe field 'controlnet'");
        var control = ControlNetModel.FromUNet(unet, config.ConditioningChannels,
            config.ConditioningEmbeddingOutChannels);
        // The small model has seen little: the denoiser goes on learning beside its ControlNet.
        Train("control", recipe.Control, control,
            Parameters(("controlnet", control), ("unet", unet), ("text_encoder", text)),
            Sampler("control", recipe.Control), (batch, step) =>
        {
            var (latents, embeddings) = (Latents(vae, batch, step), Embeddings(text, batch, step));
            var condition = Condition(batch);
            return DiffusionLoss.Draw(schedule, (noisy, t) =>
            {
                using var residuals = control.forward(noisy, t, embeddings, condition);
                return unet.forward(noisy, t, embeddings, down_block_additional_residuals: residuals.Down,
                    mid_block_additional_residual: residuals.Mid);
            }, latents, step.Generator);
        });
        return control;
    }

    public void Save(AutoencoderKL vae, CLIPTextModel text, UNet2DConditionModel unet, ControlNetModel control)
    {
        var card = new ModelCard
        {
            Description = $"Satellite to airborne SAR, trained by the recipe '{recipe.Name}' on simulated scenes.",
            Scale = scenes[0].Scale,
            SatelliteSensor = scenes[0].Satellite.Metadata.Sensor ?? recipe.Data.Satellite,
            AirborneSensor = scenes[0].Airborne.Metadata.Sensor ?? recipe.Data.Airborne,
            TrainedOn = TrainedOn.Of(scenes[0].Satellite.Metadata, scenes[0].Satellite.GeoReference),
            Airborne = airborne,
            Satellite = satellite,
            SatelliteMeanLog = satelliteMeanLog,
        };
        using var model = new Translator(card, new LatentDiffusion
        {
            Unet = unet,
            Vae = vae,
            Prompts = new PromptEncoder(tokenizer, text),
            Sampler = SamplerConfig.Parse(recipe.Scheduler.ToJsonString(), "recipe field 'scheduler'"),
            ForceZerosForEmptyPrompt = false,
        }, control);
        model.Save(folder);
        Provenance.Of("train", recipe, recipe.Seed, [], [], device.ToString())
            .Write(Path.Combine(folder, "training.provenance.json"));
        stages.Finish(folder);
    }

    /// <summary>
    /// The autoencoder, its configuration told mean and deviation of each latent
    /// channel: the denoiser sees unit variance in all.
    /// </summary>
    private AutoencoderKL Whitened(AutoencoderKL vae)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        using var posterior = vae.encode(Images(Sampler("whitening", recipe.Denoiser).Batch(0, 32)));
        var whitened = new AutoencoderKL(vae.Config with
        {
            LatentsMean = ToArray(posterior.Mean.mean([0, 2, 3])),
            LatentsStd = ToArray(posterior.Mean.std([0, 2, 3], unbiased: true)),
        });
        whitened.to(device);
        whitened.load_state_dict(vae.state_dict());
        return whitened;
    }

    /// <summary>
    /// Epsilon is half the median amplitude: then speckle at that brightness is nearly
    /// normal after the logarithm (skewness -0.2).
    /// </summary>
    private static LogNormalisation FitLog(IEnumerable<float[]> images)
    {
        var pooled = images.SelectMany(p => p).Where(float.IsFinite).ToArray();
        var median = pooled.Order().ElementAt(pooled.Length / 2);
        return new NormalisationFit(epsilon: 0.5 * Math.Max(median, 1e-6f)).Add(pooled).Log();
    }

    private TileSampler Sampler(string stage, StageRecipe s) => new(scenes, stages.SeedOf(stage), s.Tile);

    /// <summary>Trains one stage; the network made for it is let go where that does not come to its end.</summary>
    private void Train(
        string stage, StageRecipe s, nn.Module made, IReadOnlyDictionary<string, Parameter> parameters,
            TileSampler tiles,
        Func<TileBatch, TrainingStep, Tensor> loss)
    {
        try
        {
            stages.Train(stage, s, parameters, step => tiles.Batch((int)step.Index, s.Batch), loss);
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    private Tensor Images(TileBatch batch)
    {
        var values = new float[batch.Airborne.Length];
        airborne.Apply(batch.Airborne, values);
        return tensor(values, device: device).reshape(batch.Count, 1, batch.Size, batch.Size);
    }

    private Tensor Condition(TileBatch batch)
    {
        var values = new float[batch.Satellite.Length];
        satellite.Apply(batch.Satellite, values);
        return tensor(values, device: device).reshape(batch.Count, 1, batch.Size / batch.Scale,
            batch.Size / batch.Scale);
    }

    private Tensor Latents(AutoencoderKL vae, TileBatch batch, TrainingStep step)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        using var posterior = vae.encode(Images(batch));
        return LatentScaling.Scaled(vae.Config, posterior.Sample(step.Generator)).MoveToOuterDisposeScope();
    }

    private Tensor Embeddings(CLIPTextModel text, TileBatch batch, TrainingStep step)
    {
        using var draws = rand([batch.Count], device: CPU, generator: step.Generator);
        var keep = draws.data<float>().ToArray();
        var ids = batch.Captions.SelectMany((c, i) => tokenizer.EncodePadded(keep[i] < recipe.CaptionDropout ? "" : c)
            .Ids).ToArray();
        using var scope = NewDisposeScope();
        return text.forward(tensor(ids, device: device).reshape(batch.Count, -1))
            .LastHiddenState.MoveToOuterDisposeScope();
    }

    private static Dictionary<string, Parameter> Parameters(params (string Name, nn.Module Module)[] modules) => modules
        .SelectMany(m => m.Module.named_parameters().Select(p => ($"{m.Name}.{p.name}", p.parameter)))
        .ToDictionary(p => p.Item1, p => p.parameter);

    private static double[] ToArray(Tensor values) =>
        [.. values.cpu().data<float>().ToArray().Select(v => Math.Round(v, 6))];
}
