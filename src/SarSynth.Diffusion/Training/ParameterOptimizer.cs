// What all optimizers have in common: named parameters, float32 masters of those that are narrower, norms of gradients.
using System.Text.Json.Serialization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>An optimizer and its settings.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "Kind")]
[JsonDerivedType(typeof(AdamWOptions), "AdamW")]
[JsonDerivedType(typeof(AdafactorOptions), "Adafactor")]
public abstract record OptimizerOptions
{
    /// <summary>An optimizer with a state of zeros.</summary>
    /// <param name="parameters">What it steps, by name.</param>
    public abstract ParameterOptimizer Over(IReadOnlyDictionary<string, Parameter> parameters);
}

/// <summary>How far a parameter is stepped.</summary>
/// <param name="Rate">Learning rate.</param>
/// <param name="WeightDecay">Share of a weight that a step of rate 1 takes away; null for the optimizer's own.</param>
public readonly record struct StepSize(double Rate, double? WeightDecay = null);

/// <summary>
/// Steps named parameters by their gradients. Parameters of less than float32 are stepped in a float32 master copy.
/// </summary>
public abstract class ParameterOptimizer : IDisposable
{
    private readonly Dictionary<string, Tensor> master = new(StringComparer.Ordinal);

    /// <summary>Makes the master copies.</summary>
    /// <param name="parameters">What is stepped, by name.</param>
    protected ParameterOptimizer(IReadOnlyDictionary<string, Parameter> parameters)
    {
        Parameters = parameters;
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, parameter) in parameters)
            if (parameter.dtype != ScalarType.Float32)
                master[name] = parameter.detach().to(ScalarType.Float32).DetachFromDisposeScope();
    }

    /// <summary>What is stepped, by name.</summary>
    public IReadOnlyDictionary<string, Parameter> Parameters { get; }

    /// <summary>Steps taken.</summary>
    public long Steps { get; private set; }

    /// <summary>A parameter in float32: its master copy where it has one.</summary>
    public Tensor Value(string name) => master.GetValueOrDefault(name) ?? Parameters[name];

    /// <summary>L2 norm of all gradients together; NaN or infinite where one of them is.</summary>
    public double GradientNorm()
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var norms = Parameters.Values.Select(p => p.grad).Where(g => g is not null)
            .Select(g => g!.to(ScalarType.Float32).norm()).ToList();
        return norms.Count == 0 ? 0 : stack(norms).norm().ToDouble();
    }

    /// <summary>Names of the parameters whose gradients have a NaN or an infinity.</summary>
    public IReadOnlyList<string> WithoutFiniteGradients() => NotFinite(p => p.grad);

    /// <summary>Names of the parameters that have a NaN or an infinity themselves.</summary>
    public IReadOnlyList<string> WithoutFiniteValues() => NotFinite(p => p.alias());

    /// <summary>One step with the gradients as they stand; parameters without a gradient stay as they are.</summary>
    /// <param name="rate">Learning rate of all.</param>
    /// <param name="gradientScale">Factor on every gradient (clipping).</param>
    public void Step(double rate, double gradientScale = 1) => Step(_ => new StepSize(rate), gradientScale);

    /// <summary>One step, each parameter with a size of its own.</summary>
    /// <param name="size">Size of the step of a parameter by its name.</param>
    /// <param name="gradientScale">Factor on every gradient (clipping).</param>
    public void Step(Func<string, StepSize> size, double gradientScale = 1)
    {
        Steps++;
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var with = Parameters.Where(p => p.Value.grad is not null).Select(p => p.Key).ToList();
        foreach (var together in with.GroupBy(name => (Value(name).device.ToString(), size(name))))
            Step([.. together], together.Key.Item2, gradientScale);
        foreach (var name in with.Where(master.ContainsKey))
            Parameters[name].copy_(master[name]);
    }

    /// <summary>Drops all gradients.</summary>
    public void ZeroGrad()
    {
        foreach (var parameter in Parameters.Values)
        {
            var gradient = parameter.grad;
            parameter.grad = null!;
            gradient?.Dispose();
        }
    }

    /// <summary>Steps parameters of one device and one size. <see cref="Steps"/> counts this step already.</summary>
    /// <param name="names">Parameters that have a gradient.</param>
    /// <param name="size">How far.</param>
    /// <param name="gradientScale">Factor on every gradient.</param>
    protected abstract void Step(string[] names, StepSize size, double gradientScale);

    /// <summary>The optimizer's own tensors, by the names that they have in checkpoints.</summary>
    protected abstract IEnumerable<KeyValuePair<string, Tensor>> Moments { get; }

    /// <summary>State as named tensors: the moments and, where there is one, NAME.master.</summary>
    internal Dictionary<string, Tensor> State()
    {
        var state = new Dictionary<string, Tensor>(Moments, StringComparer.Ordinal);
        foreach (var (name, copy) in master)
            state[name + ".master"] = copy;
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
        GC.SuppressFinalize(this);
    }

    private List<string> NotFinite(Func<Parameter, Tensor?> part)
    {
        using var noGradients = no_grad();
        var found = new List<string>();
        foreach (var (name, parameter) in Parameters)
        {
            using var scope = NewDisposeScope();
            if (part(parameter) is { } values && values.isfinite().all().to(ScalarType.Int64).ToInt64() == 0)
                found.Add(name);
        }
        return found;
    }
}
