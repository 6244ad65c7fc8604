// Adam with decoupled weight decay. Loshchilov and Hutter (2019), algorithm 2; Kingma and Ba (2015).
// Its state is in named tensors, which checkpoints keep. The step is libtorch's fused one, which TorchSharp does not expose.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>Settings of AdamW.</summary>
/// <param name="Beta1">Decay of the mean gradient.</param>
/// <param name="Beta2">Decay of the mean squared gradient.</param>
/// <param name="Epsilon">Added to the root of the mean square.</param>
/// <param name="WeightDecay">Share of a weight that a step of rate 1 takes away.</param>
public sealed record AdamWOptions(double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8, double WeightDecay = 0.01);

/// <summary>AdamW over named parameters. Parameters of less than float32 are stepped in a float32 master copy.</summary>
public sealed class AdamWOptimizer : IDisposable
{
    // grad_scale is what the gradients are divided by; the kernel writes the divided gradients back. The text must end
    // with a line's end. Numbers come in a tensor: TorchSharp hands a plain one over by an object of its own, which
    // nothing holds during the call, so that a collection may free it first.
    private static readonly Lazy<jit.CompilationUnit> Fused = new(() => jit.compile("""
        def step(parameters: List[Tensor], gradients: List[Tensor], means: List[Tensor], squares: List[Tensor], steps: List[Tensor],
                 numbers: Tensor, scale: Tensor):
            most: List[Tensor] = []
            torch._fused_adamw_(parameters, gradients, means, squares, most, steps, lr=float(numbers[0].item()),
                                beta1=float(numbers[1].item()), beta2=float(numbers[2].item()),
                                weight_decay=float(numbers[3].item()), eps=float(numbers[4].item()),
                                amsgrad=False, maximize=False, grad_scale=scale, found_inf=None)

        """));

    private readonly IReadOnlyDictionary<string, Parameter> parameters;
    private readonly AdamWOptions options;
    private readonly Dictionary<string, Tensor> mean = [], square = [], master = [];

    /// <summary>An optimizer with a state of zeros.</summary>
    public AdamWOptimizer(IReadOnlyDictionary<string, Parameter> parameters, AdamWOptions? options = null)
    {
        this.parameters = parameters;
        this.options = options ?? new AdamWOptions();
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, parameter) in parameters)
        {
            mean[name] = zeros_like(parameter, ScalarType.Float32).DetachFromDisposeScope();
            square[name] = zeros_like(parameter, ScalarType.Float32).DetachFromDisposeScope();
            if (parameter.dtype != ScalarType.Float32)
                master[name] = parameter.detach().to(ScalarType.Float32).DetachFromDisposeScope();
        }
    }

    /// <summary>Steps taken.</summary>
    public long Steps { get; private set; }

    /// <summary>A parameter in float32: its master copy where it has one.</summary>
    public Tensor Value(string name) => master.GetValueOrDefault(name) ?? parameters[name];

    /// <summary>Mean gradient (exp_avg) by parameter name.</summary>
    public IReadOnlyDictionary<string, Tensor> Mean => mean;

    /// <summary>Mean squared gradient (exp_avg_sq) by parameter name.</summary>
    public IReadOnlyDictionary<string, Tensor> Square => square;

    /// <summary>L2 norm of all gradients together.</summary>
    public double GradientNorm()
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var norms = parameters.Values.Select(p => p.grad).Where(g => g is not null).Select(g => g!.to(ScalarType.Float32).norm()).ToList();
        return norms.Count == 0 ? 0 : stack(norms).norm().ToDouble();
    }

    /// <summary>One step with the gradients as they stand; parameters without a gradient stay as they are.</summary>
    /// <param name="rate">Learning rate.</param>
    /// <param name="gradientScale">Factor on every gradient (clipping).</param>
    public void Step(double rate, double gradientScale = 1)
    {
        Steps++;
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var with = parameters.Where(p => p.Value.grad is not null).Select(p => p.Key).ToList();
        foreach (var together in with.GroupBy(name => Value(name).device.ToString()))
            Step([.. together], rate, gradientScale);
        foreach (var name in with.Where(master.ContainsKey))
            parameters[name].copy_(master[name]);
    }

    private void Step(string[] names, double rate, double gradientScale)
    {
        var targets = names.Select(Value).ToArray();
        var gradients = names.Select(name => Like(parameters[name].grad!, Value(name))).ToArray();
        var device = targets[0].device;
        // All parameters have taken as many steps, so one tensor counts for all.
        var count = tensor((float)Steps, device: device);
        var scale = tensor((float)(1 / gradientScale), device: device);
        var numbers = tensor(new[] { rate, options.Beta1, options.Beta2, options.WeightDecay, options.Epsilon },
            device: CPU);
        Fused.Value.invoke("step", targets, gradients, names.Select(n => mean[n]).ToArray(), names.Select(n => square[n]).ToArray(),
            Enumerable.Repeat(count, names.Length).ToArray(), numbers, scale);
    }

    // The kernel walks the memory of all four side by side, so their order must be one.
    private static Tensor Like(Tensor gradient, Tensor target)
    {
        var wide = gradient.to(ScalarType.Float32);
        return wide.stride().AsSpan().SequenceEqual(target.stride()) ? wide : empty_like(target).copy_(wide);
    }

    /// <summary>Drops all gradients.</summary>
    public void ZeroGrad()
    {
        foreach (var parameter in parameters.Values)
        {
            var gradient = parameter.grad;
            parameter.grad = null!;
            gradient?.Dispose();
        }
    }

    /// <summary>State as named tensors: NAME.exp_avg, NAME.exp_avg_sq and, where there is one, NAME.master.</summary>
    internal Dictionary<string, Tensor> State()
    {
        var state = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var name in parameters.Keys)
        {
            state[name + ".exp_avg"] = mean[name];
            state[name + ".exp_avg_sq"] = square[name];
            if (master.TryGetValue(name, out var copy))
                state[name + ".master"] = copy;
        }
        return state;
    }

    /// <summary>Sets the state (a resumed training).</summary>
    internal void Load(Func<string, Tensor> read, long steps)
    {
        using var noGradients = no_grad();
        foreach (var (name, target) in State())
        {
            using var value = read(name);
            target.copy_(value);
        }
        Steps = steps;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in State().Values)
            tensor.Dispose();
    }
}
