// Adam with decoupled weight decay. Loshchilov and Hutter (2019), algorithm 2; Kingma and Ba (2015).
// Its state is in named tensors, which checkpoints keep. The step is libtorch's
// fused one, which TorchSharp does not expose.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>Settings of AdamW.</summary>
/// <param name="Beta1">Decay of the mean gradient.</param>
/// <param name="Beta2">Decay of the mean squared gradient.</param>
/// <param name="Epsilon">Added to the root of the mean square.</param>
/// <param name="WeightDecay">Share of a weight that a step of rate 1 takes away.</param>
public sealed record AdamWOptions(
    double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8, double WeightDecay = 0.01) : OptimizerOptions
{
    /// <inheritdoc/>
    public override AdamWOptimizer Over(IReadOnlyDictionary<string, Parameter> parameters) => new(parameters, this);
}

/// <summary>AdamW over named parameters.</summary>
public sealed class AdamWOptimizer : ParameterOptimizer
{
    // grad_scale is what the gradients are divided by; the kernel writes the divided gradients back. The text must end
    // with a line's end. Numbers come in a tensor: TorchSharp hands a plain one over by an object of its own, which
    // nothing holds during the call, so that a collection may free it first.
    private static readonly Lazy<jit.CompilationUnit> Fused = new(() => jit.compile("""
        def step(parameters: List[Tensor], gradients: List[Tensor], means: List[Tensor], squares: List[Tensor],
                 steps: List[Tensor], numbers: Tensor, scale: Tensor):
            most: List[Tensor] = []
            torch._fused_adamw_(parameters, gradients, means, squares, most, steps, lr=float(numbers[0].item()),
                                beta1=float(numbers[1].item()), beta2=float(numbers[2].item()),
                                weight_decay=float(numbers[3].item()), eps=float(numbers[4].item()),
                                amsgrad=False, maximize=False, grad_scale=scale, found_inf=None)

        """));

    private readonly AdamWOptions options;
    private readonly Dictionary<string, Tensor> mean = [], square = [];

    /// <summary>An optimizer with a state of zeros.</summary>
    /// <param name="parameters">What it steps, by name.</param>
    /// <param name="options">Settings; null for the usual ones.</param>
    public AdamWOptimizer(IReadOnlyDictionary<string, Parameter> parameters, AdamWOptions? options = null)
        : base(parameters)
    {
        this.options = options ?? new AdamWOptions();
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, parameter) in parameters)
        {
            mean[name] = zeros_like(parameter, ScalarType.Float32).DetachFromDisposeScope();
            square[name] = zeros_like(parameter, ScalarType.Float32).DetachFromDisposeScope();
        }
    }

    /// <summary>Mean gradient (exp_avg) by parameter name.</summary>
    public IReadOnlyDictionary<string, Tensor> Mean => mean;

    /// <summary>Mean squared gradient (exp_avg_sq) by parameter name.</summary>
    public IReadOnlyDictionary<string, Tensor> Square => square;

    /// <inheritdoc/>
    protected override IEnumerable<KeyValuePair<string, Tensor>> Moments => Parameters.Keys.SelectMany(name => new[]
    {
        KeyValuePair.Create(name + ".exp_avg", mean[name]), KeyValuePair.Create(name + ".exp_avg_sq", square[name]),
    });

    /// <inheritdoc/>
    protected override void Step(string[] names, StepSize size, double gradientScale)
    {
        var targets = names.Select(Value).ToArray();
        var gradients = names.Select(name => Like(Parameters[name].grad!, Value(name))).ToArray();
        var device = targets[0].device;
        // All parameters have taken as many steps, so one tensor counts for all.
        var count = tensor((float)Steps, device: device);
        var scale = tensor((float)(1 / gradientScale), device: device);
        var numbers = tensor(new[]
        {
            size.Rate, options.Beta1, options.Beta2, size.WeightDecay ?? options.WeightDecay, options.Epsilon,
        }, device: CPU);
        Fused.Value.invoke("step", targets, gradients, names.Select(n => mean[n]).ToArray(),
            names.Select(n => square[n]).ToArray(), Enumerable.Repeat(count, names.Length).ToArray(), numbers, scale);
    }

    // The kernel walks the memory of all four side by side, so their order must be one.
    private static Tensor Like(Tensor gradient, Tensor target)
    {
        var wide = gradient.to(ScalarType.Float32);
        return wide.stride().AsSpan().SequenceEqual(target.stride()) ? wide : empty_like(target).copy_(wide);
    }
}
