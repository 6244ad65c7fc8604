// A training that can be killed at any time and goes on where its last checkpoint was, with the same numbers.
// All randomness of a step comes from (seed, step, micro-batch), so no generator state has to be kept.
using System.Diagnostics;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Samplers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>Settings of a training.</summary>
public sealed record TrainerOptions
{
    /// <summary>Folder of the checkpoints, or null for a training that keeps none.</summary>
    public string? Folder { get; init; }

    /// <summary>Optimisation steps of the whole training.</summary>
    public required long Steps { get; init; }

    /// <summary>Learning rate after the warm-up.</summary>
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>How the learning rate goes over the steps.</summary>
    public LrSchedule Schedule { get; init; } = new();

    /// <summary>AdamW's settings.</summary>
    public AdamWOptions Optimizer { get; init; } = new();

    /// <summary>Gradients are scaled down to this L2 norm; null for no limit.</summary>
    public double? ClipNorm { get; init; } = 1;

    /// <summary>Micro-batches whose gradients are averaged in a step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>Average of the parameters to keep, or null for none.</summary>
    public EmaOptions? Ema { get; init; }

    /// <summary>Steps between checkpoints; the last step always has one.</summary>
    public long CheckpointEvery { get; init; } = 500;

    /// <summary>Newest checkpoints to keep.</summary>
    public int KeepCheckpoints { get; init; } = 2;

    /// <summary>Seed of all randomness.</summary>
    public long Seed { get; init; }

    /// <summary>
    /// Mixed precision of the model whose <see cref="Memory.Autocast.Masters"/> are trained: gradients reach the masters after each
    /// micro-batch, and the 16-bit copies follow after each step. Null for a model of one type.
    /// </summary>
    public Autocast? Autocast { get; init; }

    /// <summary>
    /// float16: the loss is multiplied by a scale that is halved when a gradient is not finite (such a step changes nothing) and
    /// doubled after <see cref="LossScaleGrowth"/> steps without one (Micikevicius et al. 2018, section 3.2). Null for none:
    /// bfloat16, float32.
    /// </summary>
    public double? LossScale { get; init; }

    /// <summary>Steps after which a loss scale is doubled.</summary>
    public int LossScaleGrowth { get; init; } = 2000;
}

/// <summary>The micro-batch that a training asks for.</summary>
/// <param name="Step">Steps taken before.</param>
/// <param name="Micro">Index of the micro-batch in the step.</param>
/// <param name="Generator">CPU generator seeded for this micro-batch; use it for the choice of data and for noise.</param>
/// <param name="Index">Index of the micro-batch in the whole training: the place in a sequence of batches.</param>
public readonly record struct TrainingStep(long Step, int Micro, Generator Generator, long Index);

/// <summary>Where a training stands after a step.</summary>
/// <param name="Step">Steps taken, this one included.</param>
/// <param name="Steps">Steps of the whole training.</param>
/// <param name="Loss">Loss of the step, mean over its micro-batches.</param>
/// <param name="GradientNorm">L2 norm of the gradients before clipping; 0 when there is no clipping.</param>
/// <param name="LearningRate">Rate of the step.</param>
/// <param name="StepsPerSecond">Mean speed since this run began.</param>
public readonly record struct TrainingProgress(long Step, long Steps, double Loss, double GradientNorm, double LearningRate, double StepsPerSecond);

/// <summary>What a training left behind.</summary>
/// <param name="Step">Steps taken; fewer than asked for when it was cancelled.</param>
/// <param name="LastLoss">Loss of the last step of this run, NaN when it had none.</param>
/// <param name="Ema">The average of the parameters; null when none was asked for.</param>
public sealed record TrainingResult(long Step, double LastLoss, Ema? Ema) : IDisposable
{
    /// <summary>Lets go of the average.</summary>
    public void Dispose() => Ema?.Dispose();
}

/// <summary>
/// Trains any set of parameters. Mixed precision: give parameters of a model that was converted to bfloat16; the
/// optimizer steps float32 copies of them, and the average and the checkpoints keep those.
/// </summary>
public static class Trainer
{
    /// <summary>Trains, going on from the newest checkpoint in the folder when there is one.</summary>
    /// <param name="options">Settings.</param>
    /// <param name="parameters">The parameters to train, by the name they have in checkpoints.</param>
    /// <param name="batches">Gives the batch of a micro-step; the same batch for the same step and generator.</param>
    /// <param name="loss">Loss of a batch, a scalar tensor; draws its noise from the step's generator.</param>
    /// <param name="onStep">Called after every step; what it throws ends the training, with a checkpoint.</param>
    /// <param name="cancellation">Ends the training after a step, with a checkpoint.</param>
    /// <returns>Where it ended; dispose it for the average's sake.</returns>
    /// <exception cref="CheckpointException">The folder holds a checkpoint of another training, or of other settings:
    /// each field that differs is named.</exception>
    /// <exception cref="InvalidOperationException">The loss became NaN or infinite; the last checkpoint is from before.
    /// </exception>
    /// <remarks>What ended the training is what is thrown, also where its last checkpoint could not be written; the
    /// exception's Data has the reason of that under "checkpoint".</remarks>
    public static TrainingResult Run<TBatch>(TrainerOptions options, IReadOnlyDictionary<string, Parameter> parameters,
        Func<TrainingStep, TBatch> batches, Func<TBatch, TrainingStep, Tensor> loss,
        Action<TrainingProgress>? onStep = null, CancellationToken cancellation = default)
    {
        if (parameters.Count == 0)
            throw new ArgumentException("no parameters to train", nameof(parameters));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Accumulation, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.CheckpointEvery, 1);

        using var optimizer = new AdamWOptimizer(parameters, options.Optimizer);
        var ema = options.Ema is null ? null : new Ema(parameters, options.Ema);
        var state = new TrainingState(0, options.LossScale ?? 1, 0);
        long saved = 0;
        double last = double.NaN;
        var whole = false;  // Whether parameters, optimizer and average are all of the same step.
        try
        {
            // Where the last run stopped.
            if (options.Folder is not null)
                state = TrainingCheckpoint.Resume(options, parameters, optimizer, ema) ?? state;
            long first = saved = state.Step;
            options.Autocast?.Refresh();
            whole = true;
            var clock = Stopwatch.StartNew();
            while (state.Step < options.Steps && !cancellation.IsCancellationRequested)
            {
                last = MicroBatches(options, state, batches, loss);
                // Parameters that lead to no loss are not worth a checkpoint; half a step is none either.
                whole = false;
                if (!double.IsFinite(last))
                    throw new InvalidOperationException(
                        $"step {state.Step + 1}: the loss is {last}; the last checkpoint is of step {saved}");
                var (norm, rate) = Update(options, optimizer, ref state);
                ema?.Update(optimizer.Value, state.Step);
                whole = true;

                // What the outside sees of it.
                if (state.Step % options.CheckpointEvery == 0 || state.Step == options.Steps)
                    Keep();
                double speed = (state.Step - first) / clock.Elapsed.TotalSeconds;
                onStep?.Invoke(new TrainingProgress(state.Step, options.Steps, last, norm, rate, speed));
            }
            Keep();
            return new TrainingResult(state.Step, last, ema);
        }
        catch (Exception failure)
        {
            // However this ends, no whole step is lost.
            KeepBeside(failure);
            optimizer.ZeroGrad();
            ema?.Dispose();
            throw;
        }

        void Keep()
        {
            if (options.Folder is null || state.Step == saved)
                return;
            TrainingCheckpoint.Save(options, state, parameters, optimizer, ema);
            saved = state.Step;
        }

        void KeepBeside(Exception failure)
        {
            try
            {
                if (whole)
                    Keep();
            }
            catch (Exception second)
            {
                failure.Data["checkpoint"] = $"no checkpoint of step {state.Step} could be written: {second.Message}";
            }
        }
    }

    /// <summary>Adds up the gradients of a step's micro-batches in place.</summary>
    /// <returns>Their mean loss.</returns>
    private static double MicroBatches<TBatch>(TrainerOptions options, TrainingState state,
        Func<TrainingStep, TBatch> batches, Func<TBatch, TrainingStep, Tensor> loss)
    {
        double total = 0;
        for (int micro = 0; micro < options.Accumulation; micro++)
        {
            using var scope = NewDisposeScope();
            using var generator = GeneratorOf(options.Seed, state.Step, micro);
            var at = new TrainingStep(state.Step, micro, generator, state.Step * options.Accumulation + micro);
            var value = loss(batches(at), at);
            if (value.numel() != 1)
                throw new ArgumentException($"loss: found shape [{string.Join(", ", value.shape)}], expected a scalar.", nameof(loss));
            GradientCheckpointing.Backward(value.Times(state.LossScale / options.Accumulation));
            options.Autocast?.CollectGradients();
            total += value.ToDouble() / options.Accumulation;
        }
        return total;
    }

    /// <summary>Steps the parameters by the gradients as they stand, and takes the gradients away.</summary>
    private static (double Norm, double Rate) Update(TrainerOptions options, AdamWOptimizer optimizer,
        ref TrainingState state)
    {
        double rate = options.Schedule.At(state.Step, options.Steps, options.LearningRate), norm = 0, clip = 1;
        if (options.ClipNorm is not null || options.LossScale is not null)
            norm = optimizer.GradientNorm() / state.LossScale;
        if (options.ClipNorm is { } limit)
            clip = Math.Min(1, limit / (norm + 1e-6));
        bool scaled = options.LossScale is not null;
        if (!scaled || double.IsFinite(norm))
            optimizer.Step(rate, clip / state.LossScale);
        optimizer.ZeroGrad();
        options.Autocast?.Refresh();
        state = scaled ? state.AfterScaledStep(double.IsFinite(norm), options.LossScaleGrowth)
            : state with { Step = state.Step + 1 };
        return (norm, rate);
    }

    /// <summary>
    /// A CPU generator that depends on seed, step and micro-batch only; it seeds the default generator too (dropout).
    /// </summary>
    internal static Generator GeneratorOf(long seed, long step, int micro)
    {
        // SplitMix64's finaliser: neighbouring steps get unrelated seeds.
        ulong z = unchecked((ulong)seed * 0x9E3779B97F4A7C15 + (ulong)step * 0xBF58476D1CE4E5B9
            + (ulong)micro * 0x94D049BB133111EB + 1);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        long mixed = (long)((z ^ (z >> 31)) >> 1);
        manual_seed(mixed);
        return Seeded.Generator((ulong)mixed);
    }
}
