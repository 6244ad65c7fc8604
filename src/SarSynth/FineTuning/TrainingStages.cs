// Stages of a training from nothing, one behind the other: checkpoints, losses and progress of each.
using SarSynth.Data;
using SarSynth.Diffusion.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.FineTuning;

/// <summary>Trains stages.</summary>
/// <param name="folder">Of checkpoints and losses.</param>
/// <param name="seed">Of all.</param>
/// <param name="all">The stages of the training, for the share that is done.</param>
/// <param name="progress">Told every step.</param>
/// <param name="cancel">Stops after a step, with a checkpoint.</param>
internal sealed class TrainingStages(string folder, ulong seed, IReadOnlyList<(string Name, StageRecipe Recipe)> all,
    Action<FineTuningProgress>? progress, CancellationToken cancel)
{
    private readonly LossLog losses = new(Path.Combine(folder, "losses.csv"));
    private double done;

    /// <summary>Seed of what a stage draws.</summary>
    public ulong SeedOf(string stage) => seed ^ (ulong)stage.Length << 32 ^ stage[0];

    /// <summary>Before a stage's networks are made: how many numbers were drawn before hangs on where a run was killed.
    /// </summary>
    public void Seed(string stage) => manual_seed(unchecked((long)SeedOf(stage)));

    /// <summary>Trains one stage.</summary>
    public void Train<TBatch>(string stage, StageRecipe s, IReadOnlyDictionary<string, Parameter> parameters,
        Func<TrainingStep, TBatch> batches, Func<TBatch, TrainingStep, Tensor> loss, int validateEvery = int.MaxValue,
        Func<ValidationPoint, double>? validate = null)
    {
        var options = new TrainerOptions
        {
            Folder = Path.Combine(folder, stage), Steps = s.Steps, LearningRate = s.LearningRate,
            Schedule = new(LrShape.Cosine, s.Warmup), Optimizer = new AdamWOptions(WeightDecay: 1e-4),
            ClipNorm = s.ClipNorm, Ema = s.EmaDecay > 0 ? new(s.EmaDecay) : null, CheckpointEvery = s.CheckpointEvery,
            ValidateEvery = validateEvery, Seed = unchecked((long)seed),
        };
        Directory.CreateDirectory(options.Folder);
        using var result = Trainer.Run(options, parameters, batches, loss, Tell, cancel, validate);
        cancel.ThrowIfCancellationRequested();
        result.Ema?.CopyTo(parameters);
        done += Cost(s);

        void Tell(TrainingProgress p)
        {
            losses.Add(stage, p);
            progress?.Invoke(new(stage, p.Step, p.Steps, p.Loss,
                (done + Cost(s) * p.Step / p.Steps) / all.Sum(a => Cost(a.Recipe)), p.StepsPerSecond));
        }
    }

    /// <summary>Moves the losses beside the finished model and removes the checkpoints.</summary>
    public void Finish(string model)
    {
        losses.MoveTo(model);
        Directory.Delete(folder, recursive: true);
    }

    private static double Cost(StageRecipe s) => (double)s.Steps * s.Batch * s.Tile * s.Tile;
}
