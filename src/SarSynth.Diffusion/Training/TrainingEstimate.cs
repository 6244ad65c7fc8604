// What a training will need, before it begins: people run out of memory hours later, in the first validation.
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>Memory that a training takes on its device, in bytes.</summary>
/// <param name="Weights">Parameters of all models.</param>
/// <param name="Masters">float32 copies of trained parameters that are narrower.</param>
/// <param name="Optimizer">The optimizer's moments.</param>
/// <param name="Average">The exponential moving average.</param>
/// <param name="Gradients">Gradients of the trained parameters, at the end of a backward pass.</param>
/// <param name="Activations">What autograd keeps of one micro-batch, at the end of its forward pass.</param>
/// <param name="Step">Most that activations and gradients take together during a step.</param>
/// <param name="Validation">Most that activations take during a validation.</param>
public sealed record TrainingEstimate(long Weights, long Masters, long Optimizer, long Average, long Gradients,
    long Activations, long Step, long Validation)
{
    /// <summary>What is there all the time.</summary>
    public long Constant => Weights + Masters + Optimizer + Average;

    /// <summary>The most that is needed at once: during a step or during a validation, whichever is more.</summary>
    public long Peak => Constant + Math.Max(Step, Validation);

    /// <summary>
    /// Estimates by two small forward passes of the training and of the validation, whose layers are counted: each
    /// keeps a part that goes with the area of the latents, and one that does not.
    /// </summary>
    /// <param name="options">The training's settings.</param>
    /// <param name="parameters">What it trains.</param>
    /// <param name="models">All networks that take part, the frozen ones too.</param>
    /// <param name="loss">Loss of a micro-batch of the training's size on latents of SIDE x SIDE.</param>
    /// <param name="side">Side of the training's latents.</param>
    /// <param name="validate">
    /// What a validation computes, the decoding of its images too, on latents of SIDE x SIDE; null for none.
    /// </param>
    /// <param name="validationSide">Side of the validation's latents; null for the training's.</param>
    /// <param name="runner">
    /// Sets the models' block runner where the training has gradient checkpointing; null for a training without. It is
    /// set to <see cref="GradientCheckpointing.Run"/> in the end.
    /// </param>
    /// <param name="probe">
    /// Side of the smaller pass, the larger has twice as much; a multiple of what the models need.
    /// </param>
    /// <remarks>
    /// The models are on the CPU while they are counted. What the runtime and the engine take for
    /// themselves comes on top: some 60 MB on the CPU. Attention must be of a kind that keeps no matrix
    /// of scores (flash attention, on the CPU too).
    /// </remarks>
    public static TrainingEstimate Of(TrainerOptions options, IReadOnlyDictionary<string, Parameter> parameters,
        IReadOnlyList<nn.Module> models, Func<long, Tensor> loss, long side, Func<long, Tensor>? validate = null,
        long? validationSide = null, Action<BlockRunner>? runner = null, long probe = 16)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 1);
        long gradients = parameters.Values.Sum(Bytes), moments, masters;
        // Shapes alone: the state of SDXL's UNet would take 20 GB.
        var shapes = parameters.ToDictionary(p => p.Key, p => new Parameter(empty(p.Value.shape, p.Value.dtype,
            torch.device(DeviceType.META)), requires_grad: false));
        using (var optimizer = options.Optimizer.Over(shapes))
        {
            var state = optimizer.State();
            masters = state.Where(s => s.Key.EndsWith(".master", StringComparison.Ordinal)).Sum(s => Bytes(s.Value));
            moments = state.Values.Sum(Bytes) - masters;
        }
        foreach (var shape in shapes.Values)
            shape.Dispose();
        if (options.Autocast is not null)
            masters += options.Autocast.Masters.Values.Sum(Bytes);
        long average = options.Ema is null ? 0 : parameters.Values.Sum(p => p.NumberOfElements * sizeof(float));

        var calls = Fitted(side, probe, at => Calls(models, loss, at, runner));
        var (kept, step) = Backward(calls, gradients, runner is not null, options.Optimizer is AdamWOptions);
        double validation = 0;
        if (validate is not null)
            validation = Fitted(validationSide ?? side, probe,
                at => [new LayerCall(-1, false, Live(models, validate, at), 0)]).Single().Kept;
        long weights = models.SelectMany(m => m.parameters()).Distinct().Sum(Bytes);
        return new TrainingEstimate(weights, masters, moments, average, gradients, (long)kept, (long)step,
            (long)validation);
    }

    /// <summary>The calls of a pass whose size is extrapolated from two.</summary>
    private static List<LayerCall> Fitted(long side, long probe, Func<long, List<LayerCall>> at)
    {
        if (side <= 2 * probe)
            return at(side);
        List<LayerCall> small = at(probe), large = at(2 * probe);
        if (small.Count != large.Count)
            throw new InvalidOperationException($"a pass at {probe} calls {small.Count} layers, one at {2 * probe}"
                + $" calls {large.Count}; expected the same");
        // Areas 1 and 4.
        double area = (double)side * side / ((double)probe * probe);
        return [.. small.Zip(large, (a, b) => a with { Kept = a.Kept + (b.Kept - a.Kept) / 3 * (area - 1) })];
    }

    private static List<LayerCall> Calls(IReadOnlyList<nn.Module> models, Func<long, Tensor> loss, long side,
        Action<BlockRunner>? runner)
    {
        using var scope = NewDisposeScope();
        using var counter = new ActivationCounter(models);
        try
        {
            runner?.Invoke(counter.Run);
            loss(side);
            return counter.Calls;
        }
        finally
        {
            runner?.Invoke(GradientCheckpointing.Run);
        }
    }

    private static long Live(IReadOnlyList<nn.Module> models, Func<long, Tensor> validate, long side)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        using var counter = new ActivationCounter(models);
        validate(side);
        return counter.Peak;
    }

    /// <summary>
    /// Walks the calls back: what is kept goes, gradients come. Says what is kept at first, and the most at once.
    /// </summary>
    private static (double Kept, double Most) Backward(List<LayerCall> calls, long allGradients, bool recomputed,
        bool copied)
    {
        double kept = 0;
        foreach (var call in calls)
            kept += Held(call);
        double first = kept, most = kept, came = 0;
        for (int i = calls.Count - 1; i >= 0; i--)
        {
            var call = calls[i];
            // A block is computed again when its last layer is reached.
            double inside = recomputed && call.Block >= 0 && (i == calls.Count - 1 || calls[i + 1].Block != call.Block)
                ? calls.Where(c => c.Block == call.Block && !c.IsInput).Sum(c => c.Kept) : 0;
            came += call.Gradients;
            most = Math.Max(most, kept + inside + came);
            kept -= Held(call);
        }
        // The optimizer holds a second copy of gradients whose order of memory is not the parameters'.
        return (first, Math.Max(most, copied ? 2 * allGradients : allGradients));

        // Without recomputation a block's inputs are kept by the layers that get them.
        double Held(LayerCall call) =>
            (recomputed ? call.IsInput || call.Block < 0 : !call.IsInput) ? call.Kept : 0;
    }

    private static long Bytes(Tensor tensor) => tensor.NumberOfElements * tensor.ElementSize;
}
