// Training of the residual's diffusion beside a mean network that stands still. The truth is the simulator's; where
// there are measured images alone, multilooked ones take its place (their residual is then that of their looks).
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Training;
using SarSynth.Translation;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.FineTuning;

/// <summary>Trains the residual of a <see cref="Translator"/> of the mean way.</summary>
public static class ResidualTraining
{
    private const string CheckpointFolder = "training", LossFile = "residual-losses.csv";

    /// <summary>Trains as the recipe says and writes the model folder, the mean network in it; a run that was killed
    /// goes on from its last checkpoint.</summary>
    /// <param name="recipe">Scenes, network, length, and the model to stand on.</param>
    /// <param name="folder">Folder of the model; checkpoints lie in its "training" folder until the end.</param>
    /// <param name="progress">Told every step; <see cref="Progress"/> is told when null.</param>
    /// <param name="cancel">Stops after a step, with a checkpoint.</param>
    /// <exception cref="ArgumentException">A device that is not there, or sensors that do not pair.</exception>
    /// <exception cref="CheckpointException">A configuration that cannot be, a model without a mean network, or
    /// checkpoints of another training.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; run again to go on.</exception>
    public static void Run(ResidualRecipe recipe, string folder, Action<FineTuningProgress>? progress = null,
        CancellationToken cancel = default)
    {
        var device = ComputeDevice.Find(recipe.Device);
        var config = PlainUNetConfig.FromJson(recipe.Network.ToJsonString(), "recipe field 'network'");
        var from = EmbeddedData.FindModel(recipe.From);
        var card = KitJson.Read<ModelCard>(Path.Combine(from, ModelCard.FileName));
        ResidualField.RequireShape(config, card.Scale, "recipe field 'network'");
        var scenes = Scenes(recipe, card, from, device, cancel);
        var facts = Facts(scenes, recipe.Bound);
        manual_seed(unchecked((long)recipe.Seed));
        using var network = new PlainUNetModel(config);
        network.to(device);
        using var shown = progress is null ? Progress.Begin("training") : null;
        progress ??= p => shown!.At(p.Share, FormattableString.Invariant(
            $"{p.Stage} {p.Step} of {p.Steps}, loss {p.Loss:F3}"));
        var work = Path.Combine(folder, CheckpointFolder);
        Train(recipe, scenes, new(network, facts, card.Scale), network, work, device, progress, cancel);
        Save(recipe, network, card with
        {
            Residual = facts,
            Description = $"Satellite to airborne SAR as mean x residual x speckle, trained by the recipe "
                + $"'{recipe.Name}' on simulated scenes, beside the mean of '{Path.GetFileName(recipe.From)}'.",
        }, from, folder, device);
        shown?.At(1);
    }

    private static List<ResidualScene> Scenes(ResidualRecipe recipe, ModelCard card, string from, Device device,
        CancellationToken cancel)
    {
        using var mean = ModelFolder.Load<UpscalingUNetModel>(Path.Combine(from, MeanField.Folder),
            new(Device: device, Type: ScalarType.Float32));
        MeanField.RequireShape(mean.Config, Path.Combine(from, MeanField.Folder, "config.json"));
        mean.eval();
        var (field, scenes) = (new MeanField(mean, card), new List<ResidualScene>());
        foreach (var scene in Progress.Over("simulating scenes", recipe.Scenes.Plan(), s => s.Name))
        {
            cancel.ThrowIfCancellationRequested();
            scenes.Add(ResidualScene.Of(scene, recipe.Scenes.Size, field, device));
        }
        return scenes;
    }

    private static ResidualFacts Facts(List<ResidualScene> scenes, double bound)
    {
        var (sum, squares, count) = (0.0, 0.0, 0L);
        foreach (var n in scenes.SelectMany(s => s.Residual))
        {
            var kept = Math.Clamp(n, -bound, bound);
            (sum, squares, count) = (sum + kept, squares + kept * kept, count + 1);
        }
        return new(Math.Sqrt(squares / count - sum / count * (sum / count)), bound);
    }

    private static void Train(ResidualRecipe recipe, List<ResidualScene> scenes, ResidualField field,
        PlainUNetModel network, string folder, Device device, Action<FineTuningProgress> progress,
        CancellationToken cancel)
    {
        var (stage, scale) = (recipe.Residual, scenes[0].Residual.Length / scenes[0].Satellite.Length);
        scale = (int)Math.Round(Math.Sqrt(scale));
        var tiles = new ResidualTiles(scenes, recipe.Seed, stage.Tile / scale, scale);
        var parameters = network.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var options = new TrainerOptions
        {
            Folder = Path.Combine(folder, "residual"),
            Steps = stage.Steps,
            LearningRate = stage.LearningRate,
            Schedule = new(LrShape.Cosine, stage.Warmup),
            Optimizer = new AdamWOptions(WeightDecay: 1e-4),
            ClipNorm = stage.ClipNorm,
            Ema = stage.EmaDecay > 0 ? new(stage.EmaDecay) : null,
            CheckpointEvery = stage.CheckpointEvery,
            Seed = (long)recipe.Seed,
        };
        // Velocity's own weights: at the schedule's last step, where nothing is left of the signal, min-SNR has none.
        var loss = new LossRecipe { MinSnrGamma = null };
        var losses = new LossLog(Path.Combine(folder, LossFile));
        void OnStep(TrainingProgress p)
        {
            losses.Add("residual", p);
            progress(new("residual", p.Step, p.Steps, p.Loss, (double)p.Step / p.Steps, p.StepsPerSecond));
        }
        Directory.CreateDirectory(options.Folder);
        using var result = Trainer.Run(options, parameters, step => tiles.Batch(step.Index, stage.Batch),
            (batch, step) =>
            {
                using var scope = NewDisposeScope();
                var (count, side) = (batch.Count, batch.Side);
                Tensor Image(float[] values, int width) => tensor(values, device: device)
                    .reshape(count, 1, width, width);
                var told = field.Told(Image(batch.Mean, side * scale), Image(batch.Spread, side * scale),
                    Image(batch.Satellite, side));
                var conditions = tensor(batch.Told, device: device).reshape(count, -1);
                return DiffusionLoss.Draw(ResidualField.Sampling.Schedule,
                    (noisy, timesteps) => field.Predict(noisy, timesteps, told, conditions),
                    field.Latents(Image(batch.Residual, side * scale)), step, loss).MoveToOuterDisposeScope();
            }, OnStep, cancel);
        cancel.ThrowIfCancellationRequested();
        result.Ema?.CopyTo(parameters);
    }

    private static void Save(ResidualRecipe recipe, PlainUNetModel network, ModelCard card, string from, string folder,
        Device device)
    {
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(from, file);
            if (name is ModelCard.FileName or "model_index.json"
                || name.StartsWith(ResidualField.Folder, StringComparison.Ordinal))
                continue;
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, name))!);
            File.Copy(file, Path.Combine(folder, name), overwrite: true);
        }
        ModelFolder.Save(network, Path.Combine(folder, ResidualField.Folder), type: ScalarType.Float16);
        KitJson.Write(Path.Combine(folder, ModelCard.FileName), card);
        Provenance.Of("train", recipe, recipe.Seed, [Path.Combine(from, MeanField.Folder)], [], device.ToString())
            .Write(Path.Combine(folder, "residual.provenance.json"));
        new LossLog(Path.Combine(folder, CheckpointFolder, LossFile)).MoveTo(folder);
        // Last: a folder with it is a finished model.
        Translator.WriteIndex(folder, hasResidual: true);
        Directory.Delete(Path.Combine(folder, CheckpointFolder), recursive: true);
    }
}
