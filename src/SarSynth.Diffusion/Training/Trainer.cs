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

/// <summary>
/// Trains any set of parameters. Mixed precision: give parameters of a model that was converted to bfloat16; the
/// optimizer steps float32 copies of them, and the average and the checkpoints keep those.
/// </summary>
public static class Trainer
{
    /// <summary>Trains, going on from the newest whole checkpoint in the folder when there is one.</summary>
    /// <param name="options">Settings.</param>
    /// <param name="parameters">The parameters to train, by the name they have in checkpoints.</param>
    /// <param name="batches">Gives the batch of a micro-step; the same batch for the same step and generator. Of
    /// several ranks each asks for its own, in order.</param>
    /// <param name="loss">Loss of a batch, a scalar tensor; draws its noise from the step's generator.</param>
    /// <param name="onStep">Called after every step; what it throws ends the training, with a checkpoint.</param>
    /// <param name="validate">
    /// A value that is the lower the better, such as the loss on data that are not trained on; computed without
    /// gradients.
    /// The checkpoint with the lowest one is kept. The same value for the same parameters and generator.
    /// </param>
    /// <param name="cancellation">Ends the training after a step, with a checkpoint.</param>
    /// <returns>Where it ended; dispose it for the average's sake.</returns>
    /// <exception cref="ArgumentException">Nothing to train, a group that holds no parameter, or fewer micro-batches in
    /// a step than ranks.</exception>
    /// <exception cref="CheckpointException">The folder holds a checkpoint of another training, or of other settings:
    /// each field that differs is named. Or all of its checkpoints are damaged.</exception>
    /// <exception cref="TrainingDivergedException">Too many steps in a row had a loss or gradients that are not
    /// finite: the
    /// last one's are named.</exception>
    /// <remarks>What ended the training is what is thrown, also where its last checkpoint could not be written; the
    /// exception's data then say so under "checkpoint".</remarks>
    public static TrainingResult Run<TBatch>(TrainerOptions options, IReadOnlyDictionary<string, Parameter> parameters,
        Func<TrainingStep, TBatch> batches, Func<TBatch, TrainingStep, Tensor> loss,
        Action<TrainingProgress>? onStep = null, CancellationToken cancellation = default,
        Func<ValidationPoint, double>? validate = null)
    {
        if (parameters.Count == 0)
            throw new ArgumentException("no parameters to train", nameof(parameters));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Accumulation, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.CheckpointEvery, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ValidateEvery, 1);
        var ranks = options.Ranks;
        if (options.Accumulation < ranks.Count)
            throw new ArgumentException($"accumulation: found {options.Accumulation} micro-batches in a step, expected "
                + $"at least one for each of the {ranks.Count} ranks.", nameof(options));
        var groups = new Groups(options, parameters.Keys);
        var exchange = new GradientExchange(options, parameters);

        using var optimizer = options.Optimizer.Over(parameters);
        var ema = options.Ema is null ? null : new Ema(parameters, options.Ema);
        var state = new TrainingState(0, options.LossScale ?? 1, 0);
        long saved = 0;
        double last = double.NaN;
        var course = new LossCourse();
        var whole = false;  // Whether parameters, optimizer and average are all of the same step.
        try
        {
            // Where the last run stopped.
            if (options.Folder is not null)
                state = TrainingCheckpoint.Resume(options, parameters, optimizer, ema) ?? state;
            exchange.RequireSame(state.Step);
            long first = saved = state.Step;
            options.Autocast?.Refresh();
            whole = true;
            var clock = Stopwatch.StartNew();
            while (state.Step < options.Steps && !ranks.Any(cancellation.IsCancellationRequested))
            {
                var made = MicroBatches(options, state, batches, loss, exchange);
                // Half a step is no checkpoint, and parameters that lead to no loss are not worth one.
                whole = false;
                exchange.Finish();
                last = made.Loss;
                if (course.Add(state.Step + 1, last) is { } risen && ranks.IsFirst)
                    options.Warn(risen);
                double norm = double.IsFinite(last) ? optimizer.GradientNorm() / state.LossScale : double.NaN;
                long number = state.Step;
                bool stepped = double.IsFinite(norm);
                if (stepped)
                {
                    Update(options, groups, optimizer, state, norm);
                    state = state.AfterStep(options.LossScale is not null, options.LossScaleGrowth);
                    ema?.Update(optimizer.Value, state.Step);
                }
                else
                    state = Skip(options, optimizer, state, made, saved);
                optimizer.ZeroGrad();
                options.Autocast?.Refresh();

                // From here on a failure, of a validation above all, leaves a checkpoint of this step.
                whole = true;
                double? validation = null;
                if (validate is not null
                    && (state.Step % options.ValidateEvery == 0 || state.Step == options.Steps))
                    validation = Validate(options, validate, ref state, ema);

                // What the outside sees of it.
                if (state.Step % options.CheckpointEvery == 0 || state.Step == options.Steps
                    || state.BestStep == state.Step)
                    Keep();
                double speed = (state.Step - first) / clock.Elapsed.TotalSeconds;
                onStep?.Invoke(new TrainingProgress(state.Step, options.Steps, last, norm,
                    options.Schedule.At(number, options.Steps, options.LearningRate), speed)
                {
                    Rates = groups.Rates(number), Validation = validation, Skipped = state.Skipped,
                });
            }
            Keep();
            return new TrainingResult(state.Step, last, ema)
            {
                Skipped = state.Skipped,
                Best = state.BestValue is { } value ? (state.BestStep, value) : null,
            };
        }
        catch (Exception failure)
        {
            exchange.Abandon();
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
            exchange.RequireSame(state.Step);
            if (ranks.IsFirst)
                TrainingCheckpoint.Save(options, state, parameters, optimizer, ema);
            saved = state.Step;
        }

        void KeepBeside(Exception failure)
        {
            try
            {
                // The other ranks may be anywhere.
                if (whole && ranks.Count == 1)
                    Keep();
            }
            catch (Exception second)
            {
                failure.Data["checkpoint"] = $"no checkpoint of step {state.Step} could be written: {second.Message}";
            }
        }
    }

    /// <summary>What came of a step's micro-batches: their mean loss, and what they said of themselves.</summary>
    internal readonly record struct Made(double Loss, IReadOnlyList<(string What, string Values)> Notes)
    {
        /// <summary>Whether this rank has something to say of it that the first has not.</summary>
        public bool IsOwn { get; init; }
    }

    /// <summary>Adds up the gradients of this rank's micro-batches of a step in place, and sends them from the last
    /// one's backward pass on; ends at a micro-batch whose loss is not finite, and before that pass where another
    /// rank's is not.</summary>
    private static Made MicroBatches<TBatch>(TrainerOptions options, TrainingState state,
        Func<TrainingStep, TBatch> batches, Func<TBatch, TrainingStep, Tensor> loss, GradientExchange exchange)
    {
        double total = 0, all = double.NaN;
        List<(string, string)> notes = [];
        var ranks = options.Ranks;
        for (int micro = ranks.Rank; micro < options.Accumulation && double.IsFinite(total); micro += ranks.Count)
        {
            using var scope = NewDisposeScope();
            using var generator = GeneratorOf(options.Seed, state.Step, micro);
            var at = new TrainingStep(state.Step, micro, generator, state.Step * options.Accumulation + micro);
            var isLast = micro + ranks.Count >= options.Accumulation;
            Tensor value;
            using (isLast ? exchange.Mark() : null)
                value = loss(batches(at), at);
            if (value.numel() != 1)
                throw new ArgumentException(
                    $"loss: found shape [{string.Join(", ", value.shape)}], expected a scalar.", nameof(loss));
            notes.AddRange(at.Notes);
            total += value.ToDouble() / options.Accumulation;
            if (isLast || !double.IsFinite(total))
            {
                all = exchange.Sum(total);
                if (!double.IsFinite(all))
                    break;
                exchange.Begin();
            }
            GradientCheckpointing.Backward(value.Times(state.LossScale / options.Accumulation));
            options.Autocast?.CollectGradients();
        }
        return new Made(all, notes) { IsOwn = !double.IsFinite(total) };
    }

    /// <summary>Steps the parameters by the gradients as they stand.</summary>
    private static void Update(TrainerOptions options, Groups groups, ParameterOptimizer optimizer,
        TrainingState state, double norm)
    {
        double clip = options.ClipNorm is { } limit ? Math.Min(1, limit / (norm + 1e-6)) : 1;
        optimizer.Step(name => groups.Size(name, state.Step), clip / state.LossScale);
    }

    /// <summary>A step that is not finite: halves the loss scale where that may be the reason, or counts it and says
    /// so.</summary>
    private static TrainingState Skip(TrainerOptions options, ParameterOptimizer optimizer, TrainingState state,
        Made made, long saved)
    {
        if (double.IsFinite(made.Loss) && options.LossScale is not null && state.LossScale > 1)
            return state with { Step = state.Step + 1, LossScale = state.LossScale / 2, FiniteSteps = 0 };
        var skipped = state with
        {
            Step = state.Step + 1, FiniteSteps = 0, Skipped = state.Skipped + 1,
            SkippedInARow = state.SkippedInARow + 1,
        };
        IReadOnlyList<string> gradients = double.IsFinite(made.Loss) ? optimizer.WithoutFiniteGradients() : [];
        var report = $"step {skipped.Step}: " + (double.IsFinite(made.Loss)
            ? $"the gradients of {Some(gradients)} are not finite" : $"the loss is {made.Loss}");
        if (optimizer.WithoutFiniteValues() is { Count: > 0 } values)
            report += $"; the values of {Some(values)} are not finite";
        foreach (var (what, text) in made.Notes)
            report += $"; {what} {text}";
        if (skipped.SkippedInARow <= options.SkipsInARow)
        {
            if (options.Ranks.IsFirst || made.IsOwn)
            {
                var who = options.Ranks.Count == 1 ? "" : $"rank {options.Ranks.Rank}: ";
                options.Warn(
                    $"{who}{report}; skipped ({skipped.SkippedInARow} in a row, {skipped.Skipped} in all)");
            }
            return skipped;
        }
        var ending = options.Folder is null ? "" : $"; the last checkpoint is of step {saved}";
        throw new TrainingDivergedException(
            $"{report}; {skipped.SkippedInARow} such steps in a row end the training{ending}",
            skipped.Step, made.Loss, gradients);
    }

    private static string Some(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(5)) + (names.Count > 5 ? $" and {names.Count - 5} more" : "");

    private static double Validate(TrainerOptions options, Func<ValidationPoint, double> validate,
        ref TrainingState state, Ema? ema)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        // Before the first step of all: a seed that no step has.
        using var generator = GeneratorOf(options.Seed, -1, 0);
        double value = options.Ranks.OfFirst(options.Ranks.IsFirst
            ? validate(new ValidationPoint(state.Step, generator, ema)) : 0);
        if (!double.IsFinite(value))
            options.Warn($"step {state.Step}: the validation is {value}");
        else if (value < (state.BestValue ?? double.PositiveInfinity))
            state = state with { BestStep = state.Step, BestValue = value };
        return value;
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

    /// <summary>Which group each parameter is in, and the group's step.</summary>
    private sealed class Groups
    {
        private readonly TrainerOptions options;
        private readonly Dictionary<string, ParameterGroup?> groupOf;

        public Groups(TrainerOptions options, IEnumerable<string> names)
        {
            this.options = options;
            foreach (var group in options.Groups)
            {
                if (!(group.LearningRate >= 0 && double.IsFinite(group.LearningRate)))
                    throw new ArgumentException(
                        $"group '{group.Prefix}': learning rate {group.LearningRate}; expected 0 or more");
                if (options.Groups.Count(g => g.Prefix == group.Prefix) > 1)
                    throw new ArgumentException($"group '{group.Prefix}' is there twice");
            }
            groupOf = names.ToDictionary(name => name, name => options.Groups.Where(g => g.Holds(name))
                .MaxBy(g => g.Prefix.Length), StringComparer.Ordinal);
            if (options.Groups.FirstOrDefault(g => !groupOf.ContainsValue(g)) is { } empty)
                throw new ArgumentException($"group '{empty.Prefix}' holds no parameter; the parameters begin with "
                    + string.Join(", ", groupOf.Keys.Select(n => n.Split('.')[0]).Distinct().Order().Take(10)));
        }

        public StepSize Size(string name, long step)
        {
            var group = groupOf[name];
            return new StepSize(At(step, group?.LearningRate ?? options.LearningRate), group?.WeightDecay);
        }

        public IReadOnlyDictionary<string, double> Rates(long step) =>
            options.Groups.ToDictionary(g => g.Prefix, g => At(step, g.LearningRate), StringComparer.Ordinal);

        private double At(long step, double rate) => options.Schedule.At(step, options.Steps, rate);
    }
}
