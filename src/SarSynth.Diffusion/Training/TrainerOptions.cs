// What a training is told, what it asks for, and what it tells: plain records.
using SarSynth.Diffusion.Memory;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>Parameters that are stepped by a rate of their own.</summary>
/// <param name="Prefix">
/// Beginning of their names, whole words between dots: "text_encoder" means "text_encoder.x" and not
/// "text_encoder_2.x".
/// Where several groups fit a name, the longest prefix counts.
/// </param>
/// <param name="LearningRate">Learning rate after the warm-up; 0 or more.</param>
/// <param name="WeightDecay">Share of a weight that a step of rate 1 takes away; null for the optimizer's own.</param>
public sealed record ParameterGroup(string Prefix, double LearningRate, double? WeightDecay = null)
{
    /// <summary>Whether a parameter's name begins with the prefix.</summary>
    public bool Holds(string name) => name.StartsWith(Prefix, StringComparison.Ordinal)
        && (name.Length == Prefix.Length || name[Prefix.Length] == '.' || Prefix.EndsWith('.'));
}

/// <summary>Settings of a training.</summary>
public sealed record TrainerOptions
{
    /// <summary>Folder of the checkpoints, or null for a training that keeps none.</summary>
    public string? Folder { get; init; }

    /// <summary>Optimisation steps of the whole training.</summary>
    public required long Steps { get; init; }

    /// <summary>Learning rate after the warm-up, of the parameters that are in no group.</summary>
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>Parameters with rates of their own; <see cref="Schedule"/> goes for all.</summary>
    public IReadOnlyList<ParameterGroup> Groups { get; init; } = [];

    /// <summary>How the learning rates go over the steps.</summary>
    public LrSchedule Schedule { get; init; } = new();

    /// <summary>The optimizer's settings: <see cref="AdamWOptions"/> or <see cref="AdafactorOptions"/>.</summary>
    public OptimizerOptions Optimizer { get; init; } = new AdamWOptions();

    /// <summary>Gradients are scaled down to this L2 norm; null for no limit.</summary>
    public double? ClipNorm { get; init; } = 1;

    /// <summary>Micro-batches whose gradients are averaged in a step, of all ranks together.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>
    /// The processes that share the micro-batches: micro-batch m is rank m mod N's. Draws depend on the micro-batch's
    /// number alone, so that their number changes the time and not the numbers, but for the rounding of sums; a
    /// training may go on with another number of them. The first validates and writes checkpoints, all read them.
    /// </summary>
    public Ranks Ranks { get; init; } = Ranks.Alone;

    /// <summary>
    /// Networks by the beginning of their parameters' names: the gradients of their blocks travel between ranks while
    /// the backward pass goes on, those of all other parameters after it. A loss uses a block's parameters in the block
    /// alone.
    /// </summary>
    public IReadOnlyList<(string Prefix, nn.Module Network)> Networks { get; init; } = [];

    /// <summary><see cref="GradientBucket"/>, unless told: 16 MB of float32. Few large messages, for a meeting costs
    /// microseconds to milliseconds, whatever its length.</summary>
    public const int DefaultGradientBucket = 4 << 20;

    /// <summary>Most numbers in one message between ranks, unless one parameter has more.</summary>
    public int GradientBucket { get; init; } = DefaultGradientBucket;

    /// <summary>Average of the parameters to keep, or null for none.</summary>
    public EmaOptions? Ema { get; init; }

    /// <summary>Steps between checkpoints; the last step always has one.</summary>
    public long CheckpointEvery { get; init; } = 500;

    /// <summary>Newest checkpoints to keep, beside the best.</summary>
    public int KeepCheckpoints { get; init; } = 2;

    /// <summary>Steps between validations, where the training is given one; the last step always has one.</summary>
    public long ValidateEvery { get; init; } = 500;

    /// <summary>
    /// Steps in a row that may be skipped because their loss or a gradient is NaN or infinite; the next such step
    /// ends the
    /// training. A skipped step counts as a step and changes no parameter.
    /// </summary>
    public int SkipsInARow { get; init; } = 4;

    /// <summary>Seed of all randomness.</summary>
    public long Seed { get; init; }

    /// <summary>
    /// Mixed precision of the model whose <see cref="Memory.Autocast.Masters"/> are trained: gradients reach the
    /// masters
    /// after each micro-batch, and the 16-bit copies follow after each step. Null for a model of one type.
    /// </summary>
    public Autocast? Autocast { get; init; }

    /// <summary>
    /// float16: the loss is multiplied by a scale that is halved when a gradient is not finite (such a step changes
    /// nothing) and doubled after <see cref="LossScaleGrowth"/> steps without one (Micikevicius et al. 2018, section
    /// 3.2).
    /// Null for none: bfloat16, float32.
    /// </summary>
    public double? LossScale { get; init; }

    /// <summary>Steps after which a loss scale is doubled.</summary>
    public int LossScaleGrowth { get; init; } = 2000;

    /// <summary>What goes with the checkpoints beside the parameters, such as the place in the data; null for nothing.
    /// </summary>
    public ITrainingCompanion? Companion { get; init; }

    /// <summary>Told what does not end the training but should be known: steps skipped, checkpoints damaged.</summary>
    public Action<string> Warn { get; init; } = Console.Error.WriteLine;
}

/// <summary>
/// State outside of the trainer that its checkpoints keep, so that a resumed training goes on with it.
/// </summary>
public interface ITrainingCompanion
{
    /// <summary>The state with which a training goes on after a number of steps.</summary>
    /// <param name="step">Steps taken: the last one, or one whose successor has begun and failed.</param>
    string State(long step);

    /// <summary>Sets the state of a checkpoint that the training goes on from.</summary>
    void Restore(string state);
}

/// <summary>The micro-batch that a training asks for.</summary>
/// <param name="Step">Steps taken before.</param>
/// <param name="Micro">Index of the micro-batch in the step.</param>
/// <param name="Generator">
/// CPU generator seeded for this micro-batch; use it for the choice of data and for noise.
/// </param>
/// <param name="Index">Index of the micro-batch in the whole training: the place in a sequence of batches.</param>
public readonly record struct TrainingStep(long Step, int Micro, Generator Generator, long Index)
{
    private readonly List<(string What, string Values)> notes = [];

    /// <summary>Says what this micro-batch is, for the report should its loss be NaN: "timesteps", "tiles".</summary>
    /// <param name="what">What the values are.</param>
    /// <param name="values">The values, one for each sample.</param>
    public void Note(string what, IEnumerable<string> values) => notes?.Add((what, string.Join(", ", values)));

    internal IReadOnlyList<(string What, string Values)> Notes => notes ?? [];
}

/// <summary>When a validation is asked for.</summary>
/// <param name="Step">Steps taken.</param>
/// <param name="Generator">CPU generator with the same seed at every validation: the same noise each time.</param>
/// <param name="Ema">The average of the parameters, which may be put in their place; null where none is kept.</param>
public readonly record struct ValidationPoint(long Step, Generator Generator, Ema? Ema);

/// <summary>Where a training stands after a step.</summary>
/// <param name="Step">Steps taken, this one included.</param>
/// <param name="Steps">Steps of the whole training.</param>
/// <param name="Loss">Loss of the step, mean over its micro-batches; not finite where the step was skipped.</param>
/// <param name="GradientNorm">L2 norm of the gradients before clipping; NaN where the loss had none.</param>
/// <param name="LearningRate">Rate of the step, of the parameters in no group.</param>
/// <param name="StepsPerSecond">Mean speed since this run began.</param>
public readonly record struct TrainingProgress(
    long Step, long Steps, double Loss, double GradientNorm, double LearningRate, double StepsPerSecond)
{
    /// <summary>Rate of the step by the group's prefix.</summary>
    public IReadOnlyDictionary<string, double> Rates { get; init; } = new Dictionary<string, double>();

    /// <summary>The validation after this step; null where there was none.</summary>
    public double? Validation { get; init; }

    /// <summary>Steps skipped so far because something was not finite.</summary>
    public long Skipped { get; init; }
}

/// <summary>What a training left behind.</summary>
/// <param name="Step">Steps taken; fewer than asked for when it was cancelled.</param>
/// <param name="LastLoss">Loss of the last step of this run, NaN when it had none.</param>
/// <param name="Ema">The average of the parameters; null when none was asked for.</param>
public sealed record TrainingResult(long Step, double LastLoss, Ema? Ema) : IDisposable
{
    /// <summary>Steps skipped in the whole training because something was not finite.</summary>
    public long Skipped { get; init; }

    /// <summary>The step with the lowest validation, and that validation; null where there was none.</summary>
    public (long Step, double Value)? Best { get; init; }

    /// <summary>Lets go of the average.</summary>
    public void Dispose() => Ema?.Dispose();
}

/// <summary>A training whose loss or gradients stayed NaN or infinite.</summary>
public sealed class TrainingDivergedException : InvalidOperationException
{
    internal TrainingDivergedException(string message, long step, double loss, IReadOnlyList<string> gradients)
        : base(message) => (Step, Loss, Gradients) = (step, loss, gradients);

    /// <summary>The step that ended the training, counted from 1.</summary>
    public long Step { get; }

    /// <summary>Its loss.</summary>
    public double Loss { get; }

    /// <summary>Parameters whose gradients were not finite; none where the loss itself was not.</summary>
    public IReadOnlyList<string> Gradients { get; }
}
