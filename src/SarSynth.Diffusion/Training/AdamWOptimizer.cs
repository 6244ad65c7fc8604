// Adam with decoupled weight decay. Loshchilov and Hutter (2019), algorithm 2; Kingma and Ba (2015).
// Written here because its state must go to named tensors, and because one pass over memory beats a dozen operators.
using System.Numerics;
using System.Runtime.InteropServices;
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
    private const int Piece = 1 << 16;

    private readonly IReadOnlyDictionary<string, Parameter> parameters;
    private readonly AdamWOptions options;
    private readonly Dictionary<string, Tensor> mean = [], square = [], master = [];

    /// <summary>An optimizer with a state of zeros.</summary>
    public AdamWOptimizer(IReadOnlyDictionary<string, Parameter> parameters, AdamWOptions? options = null)
    {
        this.parameters = parameters;
        this.options = options ?? new AdamWOptions();
        using var noGradients = no_grad();
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

    /// <summary>One step with the gradients as they stand.</summary>
    /// <param name="rate">Learning rate.</param>
    /// <param name="gradientScale">Factor on every gradient (clipping).</param>
    public void Step(double rate, double gradientScale = 1)
    {
        Steps++;
        using var noGradients = no_grad();
        foreach (var (name, parameter) in parameters)
        {
            using var scope = NewDisposeScope();
            if (parameter.grad is not { } gradient)
                continue;
            var target = Value(name);
            gradient = gradient.to(ScalarType.Float32);
            if (target.device.type == DeviceType.CPU && target.is_contiguous() && gradient.is_contiguous())
                StepOnCpu(target, gradient, mean[name], square[name], rate, gradientScale);
            else
                StepAnywhere(target, gradient, mean[name], square[name], rate, gradientScale);
            if (!ReferenceEquals(target, parameter))
                parameter.copy_(target);
        }
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

    private (double Correction1, double Root2) Corrections() =>
        (1 - Math.Pow(options.Beta1, Steps), Math.Sqrt(1 - Math.Pow(options.Beta2, Steps)));

    private void StepAnywhere(Tensor p, Tensor g, Tensor m, Tensor v, double rate, double scale)
    {
        var (correction1, root2) = Corrections();
        p.mul_(1 - rate * options.WeightDecay);
        m.mul_(options.Beta1).add_(g, (1 - options.Beta1) * scale);
        v.mul_(options.Beta2).addcmul_(g, g, (1 - options.Beta2) * scale * scale);
        p.addcdiv_(m, v.sqrt().div_(root2).add_(options.Epsilon), -rate / correction1);
    }

    private void StepOnCpu(Tensor p, Tensor g, Tensor m, Tensor v, double rate, double scale)
    {
        var (correction1, root2) = Corrections();
        float keep = (float)(1 - rate * options.WeightDecay), b1 = (float)options.Beta1, b2 = (float)options.Beta2;
        float g1 = (float)((1 - options.Beta1) * scale), g2 = (float)((1 - options.Beta2) * scale * scale);
        float inverseRoot = (float)(1 / root2), epsilon = (float)options.Epsilon, stride = (float)(rate / correction1);
        int count = checked((int)p.numel());
        void Range(int from, int to)
        {
            Span<float> ps = Floats(p)[from..to], ms = Floats(m)[from..to], vs = Floats(v)[from..to], gs = Floats(g)[from..to];
            int i = 0;
            for (; i <= ps.Length - Vector<float>.Count; i += Vector<float>.Count)
            {
                Vector<float> gradient = new(gs[i..]), mi = new Vector<float>(ms[i..]) * b1 + gradient * g1;
                var vi = new Vector<float>(vs[i..]) * b2 + gradient * gradient * g2;
                var step = mi * stride / (Vector.SquareRoot(vi) * inverseRoot + new Vector<float>(epsilon));
                (new Vector<float>(ps[i..]) * keep - step).CopyTo(ps[i..]);
                mi.CopyTo(ms[i..]);
                vi.CopyTo(vs[i..]);
            }
            for (; i < ps.Length; i++)
            {
                ms[i] = ms[i] * b1 + gs[i] * g1;
                vs[i] = vs[i] * b2 + gs[i] * gs[i] * g2;
                ps[i] = ps[i] * keep - ms[i] * stride / (MathF.Sqrt(vs[i]) * inverseRoot + epsilon);
            }
        }
        if (count <= Piece)
            Range(0, count);
        else
            Parallel.For(0, (count + Piece - 1) / Piece, piece => Range(piece * Piece, Math.Min(count, (piece + 1) * Piece)));
    }

    private static Span<float> Floats(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);
}
