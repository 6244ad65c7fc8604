// Stages of a training from nothing, one behind the other: checkpoints, losses and progress of each.
using System.Globalization;
using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
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
    private const int LossInterval = 10;
    private double done;

    private string LossFile => Path.Combine(folder, "losses.csv");

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
        var (recent, first) = (new List<double>(), true);
        using var result = Trainer.Run(options, parameters, batches, loss, Tell, cancel, validate);
        cancel.ThrowIfCancellationRequested();
        result.Ema?.CopyTo(parameters);
        done += Cost(s);

        void Tell(TrainingProgress p)
        {
            if (first)
                Forget(stage, p.Step);
            first = false;
            recent.Add(p.Loss);
            if (p.Step % LossInterval == 0 || p.Step == p.Steps)
            {
                Append(stage, p.Step, recent.Average());
                recent.Clear();
            }
            if (p.Validation is { } held)
                Append(stage + " validation", p.Step, held);
            progress?.Invoke(new(stage, p.Step, p.Steps, p.Loss,
                (done + Cost(s) * p.Step / p.Steps) / all.Sum(a => Cost(a.Recipe)), p.StepsPerSecond));
        }
    }

    /// <summary>Moves the losses beside the finished model and removes the checkpoints.</summary>
    public void Finish(string model)
    {
        // Not there where a run was killed between this and the next line.
        if (File.Exists(LossFile))
            File.Move(LossFile, Path.Combine(model, "losses.csv"), overwrite: true);
        Directory.Delete(folder, recursive: true);
    }

    private static double Cost(StageRecipe s) => (double)s.Steps * s.Batch * s.Tile * s.Tile;

    private void Append(string stage, long step, double loss) =>
        File.AppendAllText(LossFile, FormattableString.Invariant($"{stage},{step},{loss:G6}\n"));

    // A killed run may have written more lines than its last checkpoint has steps.
    private void Forget(string stage, long from)
    {
        if (!File.Exists(LossFile))
            return;
        var lines = File.ReadAllLines(LossFile);
        var kept = lines.Where(l => l.Split(',') is not [var name, var step, _] || !name.StartsWith(stage,
            StringComparison.Ordinal) || long.Parse(step, CultureInfo.InvariantCulture) < from).ToArray();
        if (kept.Length < lines.Length)
            AtomicFile.WriteText(LossFile, string.Concat(kept.Select(l => l + "\n")));
    }
}
