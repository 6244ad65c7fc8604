// Training of the mean network on single-look airborne images as they are: the likelihood of their intensities needs no
// clean truth. Dalsasso et al. (2021) learn despeckling so; here the input is another sensor's image.
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Training;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Simulation;
using SarSynth.Translation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.FineTuning;

/// <summary>Trains the mean network of a <see cref="Translator"/>.</summary>
public static class MeanTraining
{
    private const string CheckpointFolder = "training", LossFile = "losses.csv";

    /// <summary>Trains as the recipe says and writes the model folder; a run that was killed goes on from its last
    /// checkpoint.</summary>
    /// <param name="recipe">Scenes, network, length.</param>
    /// <param name="folder">Folder of the model; scenes and checkpoints lie in its "training" folder until the
    /// end.</param>
    /// <param name="progress">Told every step; <see cref="Progress"/> is told when null.</param>
    /// <param name="cancel">Stops after a step, with a checkpoint.</param>
    /// <exception cref="ArgumentException">A device that is not there, or sensors that do not pair.</exception>
    /// <exception cref="CheckpointException">A configuration that cannot be, or checkpoints of another
    /// training.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; run again to go on.</exception>
    public static void Run(MeanRecipe recipe, string folder, Action<FineTuningProgress>? progress = null,
        CancellationToken cancel = default)
    {
        var device = ComputeDevice.Find(recipe.Device);
        var config = UpscalingUNetConfig.FromJson(recipe.Network.ToJsonString(), "recipe field 'network'");
        MeanField.RequireShape(config, "recipe field 'network'");
        var work = Path.Combine(folder, CheckpointFolder);
        var scenes = recipe.Scenes.Load(Path.Combine(work, "scenes"), cancel).ToList();
        var card = Card(recipe, scenes);
        manual_seed(unchecked((long)recipe.Seed));
        using var network = new UpscalingUNetModel(config);
        string[] begun = recipe.From is { } from ? [Path.Combine(EmbeddedData.FindModel(from), MeanField.Folder)] : [];
        foreach (var start in begun)
        {
            using var weights = WeightFiles.Open(start);
            ModuleWeights.CopyInto(network, weights);
        }
        network.to(device);
        using var shown = progress is null ? Progress.Begin("training") : null;
        progress ??= p => shown!.At(p.Share, FormattableString.Invariant(
            $"{p.Stage} {p.Step} of {p.Steps}, loss {p.Loss:F3}"));
        new MeanRun(recipe, scenes, card, network, work, device).Train(progress, cancel);
        Save(recipe, network, card, folder, device, begun);
        shown?.At(1);
    }

    private static ModelCard Card(MeanRecipe recipe, List<(MixedScene Scene, PairedScene Pair)> scenes)
    {
        var (airborne, satellite) = (SimulatedScenes.FindSensor(recipe.Scenes.Airborne),
            SimulatedScenes.FindSensor(recipe.Scenes.Satellite));
        var pooled = scenes.SelectMany(s => s.Pair.Satellite.Pixels).Where(float.IsFinite).ToArray();
        var median = pooled.Order().ElementAt(pooled.Length / 2);
        var facets = recipe.Scenes.Facets is not null;
        return new()
        {
            Description = $"{(facets ? "Facet simulation" : "Satellite")} to airborne SAR as mean x texture x speckle, "
                + $"trained by the recipe '{recipe.Name}' on simulated scenes.",
            Scale = scenes[0].Pair.Scale,
            SatelliteSensor = facets ? FacetModel.NameOf(airborne.Name) : satellite.Name,
            AirborneSensor = airborne.Name,
            // A map of means has neither looks nor noise.
            TrainedOn = facets ? TrainedOn.Of(airborne) with { Looks = null, Noise = null } : TrainedOn.Of(satellite),
            ZerosAreShadow = facets,
            Target = airborne,
            TextureLength = recipe.TextureLength,
            // Nearly the logarithm itself: an epsilon only for pixels of 0.
            Satellite = new NormalisationFit(epsilon: 0.02 * Math.Max(median, 1e-6f)).Add(pooled).Log(),
            SatelliteMeanLog = SatelliteScene.MeanLogOf(pooled),
        };
    }

    private static void Save(MeanRecipe recipe, UpscalingUNetModel network, ModelCard card, string folder,
        Device device, IReadOnlyList<string> begun)
    {
        ModelFolder.Save(network, Path.Combine(folder, MeanField.Folder), type: ScalarType.Float16);
        KitJson.Write(Path.Combine(folder, ModelCard.FileName), card);
        Provenance.Of("train", recipe, recipe.Seed, begun, [], device.ToString())
            .Write(Path.Combine(folder, "training.provenance.json"));
        new LossLog(Path.Combine(folder, CheckpointFolder, LossFile)).MoveTo(folder);
        // Last: a folder with it is a finished model.
        Translator.WriteIndex(folder, hasResidual: false);
        Directory.Delete(Path.Combine(folder, CheckpointFolder), recursive: true);
    }

    /// <summary>One training.</summary>
    private sealed class MeanRun
    {
        private readonly MeanRecipe recipe;
        private readonly UpscalingUNetModel network;
        private readonly MeanField field;
        private readonly Dictionary<string, float[]> conditions;
        private readonly TileSampler tiles;
        private readonly string folder;
        private readonly Device device;
        private readonly double noise;

        public MeanRun(MeanRecipe recipe, List<(MixedScene Scene, PairedScene Pair)> scenes, ModelCard card,
            UpscalingUNetModel network, string folder, Device device)
        {
            (this.recipe, this.network, this.folder, this.device) = (recipe, network, folder, device);
            field = new(network, card);
            noise = Math.Pow(10, card.Target!.NoiseEquivalentSigmaNought / 10);
            conditions = scenes.ToDictionary(s => s.Pair.Name,
                s => SatelliteFacts.Of(s.Scene.Sensors.Satellite).Values());
            tiles = new([.. scenes.Select(s => s.Pair)], recipe.Seed, recipe.Mean.Tile);
        }

        public void Train(Action<FineTuningProgress> progress, CancellationToken cancel)
        {
            var stage = recipe.Mean;
            var parameters = network.named_parameters().ToDictionary(p => p.name, p => p.parameter);
            var options = new TrainerOptions
            {
                Folder = Path.Combine(folder, "mean"),
                Steps = stage.Steps,
                LearningRate = stage.LearningRate,
                Schedule = new(LrShape.Cosine, stage.Warmup),
                Optimizer = new AdamWOptions(WeightDecay: 1e-4),
                ClipNorm = stage.ClipNorm,
                Ema = stage.EmaDecay > 0 ? new(stage.EmaDecay) : null,
                CheckpointEvery = stage.CheckpointEvery,
                Seed = (long)recipe.Seed,
            };
            var losses = new LossLog(Path.Combine(folder, LossFile));
            void OnStep(TrainingProgress p)
            {
                losses.Add("mean", p);
                progress(new("mean", p.Step, p.Steps, p.Loss, (double)p.Step / p.Steps, p.StepsPerSecond));
            }
            Directory.CreateDirectory(options.Folder);
            using var result = Trainer.Run(options, parameters,
                step => tiles.Batch((int)step.Index, stage.Batch), Loss, OnStep, cancel);
            cancel.ThrowIfCancellationRequested();
            result.Ema?.CopyTo(parameters);
        }

        private Tensor Loss(TileBatch batch, TrainingStep step)
        {
            using var scope = NewDisposeScope();
            var told = tensor(batch.Captions.SelectMany(name => conditions[name]).ToArray(), device: device)
                .reshape(batch.Count, -1);
            var (logMean, spread) = field.Of(field.Input(batch.Satellite, batch.Count, batch.Size / batch.Scale,
                batch.Size / batch.Scale, device), told);
            var inner = batch.Size - 2 * recipe.Margin;
            Tensor Inner(Tensor image) =>
                image.narrow(2, recipe.Margin, inner).narrow(3, recipe.Margin, inner);
            var intensity = Inner(tensor(batch.Airborne, device: device)
                .reshape(batch.Count, 1, batch.Size, batch.Size).Squared());
            // What the sensor sees is the ground and its own noise.
            var seen = Inner(MeanField.WithNoise(logMean, noise));
            // The mean is the likelihood's alone: power stays, whatever the spread is.
            var loss = ExponentialLoss.Of(seen, intensity)
                .Plus(ExponentialLoss.Compound(seen.detach(), Inner(spread), intensity));
            var share = recipe.LogSteps > 0 ? Math.Min(1, (double)step.Step / recipe.LogSteps) : 1;
            if (share < 1)
            {
                loss = loss.Times(share).Plus(ExponentialLoss.OfLogarithms(seen, intensity, noise / 100)
                    .Times(1 - share));
            }
            return loss.MoveToOuterDisposeScope();
        }
    }
}
