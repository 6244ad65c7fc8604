// Adafactor: the second moment of a matrix of n x m weights is kept as n row and m column means instead of n m numbers.
// Shazeer and Stern (2018), algorithms 4 (matrices), 5 (vectors) and sections 5 to 8; no first moment.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>Settings of Adafactor.</summary>
/// <param name="DecayPower">The second moment's decay at step t is 1 - t^-DecayPower.</param>
/// <param name="ClipThreshold">Largest root mean square of a parameter's update before the rate.</param>
/// <param name="Epsilon">Added to every squared gradient.</param>
/// <param name="Relative">
/// Multiply the rate by the root mean square of the parameter, at least <paramref name="LeastScale"/> (the paper's
/// relative steps). Off: rates mean what they do for AdamW.
/// </param>
/// <param name="LeastScale">Least scale of a parameter for relative steps.</param>
/// <param name="WeightDecay">Share of a weight that a step of rate 1 takes away.</param>
public sealed record AdafactorOptions(
    double DecayPower = 0.8, double ClipThreshold = 1, double Epsilon = 1e-30, bool Relative = false,
    double LeastScale = 1e-3, double WeightDecay = 0) : OptimizerOptions
{
    /// <inheritdoc/>
    public override AdafactorOptimizer Over(IReadOnlyDictionary<string, Parameter> parameters) =>
        new(parameters, this);
}

/// <summary>
/// Adafactor over named parameters. A kernel [out, in, k, k] counts as the matrix [out, in k k]; vectors, and matrices
/// of one row or column, have their whole second moment.
/// </summary>
public sealed class AdafactorOptimizer : ParameterOptimizer
{
    private readonly AdafactorOptions options;
    private readonly Dictionary<string, Tensor> rows = [], columns = [], whole = [];

    /// <summary>An optimizer with a state of zeros.</summary>
    /// <param name="parameters">What it steps, by name.</param>
    /// <param name="options">Settings; null for the usual ones.</param>
    public AdafactorOptimizer(IReadOnlyDictionary<string, Parameter> parameters, AdafactorOptions? options = null)
        : base(parameters)
    {
        this.options = options ?? new AdafactorOptions();
        using var noGradients = no_grad();
        foreach (var (name, parameter) in parameters)
        {
            long height = parameter.ndim == 0 ? 1 : parameter.shape[0], width = parameter.numel() / height;
            Tensor Zeros(long count) =>
                zeros(count, ScalarType.Float32, parameter.device).DetachFromDisposeScope();
            if (height == 1 || width == 1)
            {
                whole[name] = Zeros(parameter.numel());
                continue;
            }
            rows[name] = Zeros(height);
            columns[name] = Zeros(width);
        }
    }

    /// <inheritdoc/>
    protected override IEnumerable<KeyValuePair<string, Tensor>> Moments =>
    [
        .. rows.Select(r => KeyValuePair.Create(r.Key + ".exp_avg_sq_row", r.Value)),
        .. columns.Select(c => KeyValuePair.Create(c.Key + ".exp_avg_sq_col", c.Value)),
        .. whole.Select(w => KeyValuePair.Create(w.Key + ".exp_avg_sq", w.Value)),
    ];

    /// <inheritdoc/>
    protected override void Step(string[] names, StepSize size, double gradientScale)
    {
        double keep = 1 - Math.Pow(Steps, -options.DecayPower);
        foreach (var name in names)
        {
            using var scope = NewDisposeScope();
            var target = Value(name);
            var update = Direction(name, Parameters[name].grad!.to(ScalarType.Float32).Times(gradientScale), keep);
            update.div_(Rms(update).Over(options.ClipThreshold).Clamped(1, double.PositiveInfinity));
            update.Times_(size.Rate);
            double decay = size.Rate * (size.WeightDecay ?? options.WeightDecay);
            if (options.Relative)
            {
                var scale = Rms(target).Clamped(options.LeastScale, double.PositiveInfinity);
                update.mul_(scale);
                if (decay != 0)
                    target.sub_((target * scale).Times(decay));
            }
            else if (decay != 0)
                target.Times_(1 - decay);
            target.sub_(update.reshape(target.shape));
        }
    }

    /// <summary>The gradient over the root of its second moment, as a matrix or a vector.</summary>
    private Tensor Direction(string name, Tensor gradient, double keep)
    {
        if (whole.TryGetValue(name, out var moment))
        {
            var vector = gradient.reshape(-1);
            moment.Times_(keep).Plus_(vector.Squared().Plus_(options.Epsilon), 1 - keep);
            return vector * moment.rsqrt();
        }
        var matrix = gradient.reshape(gradient.shape[0], -1);
        var squares = matrix.Squared().Plus_(options.Epsilon);
        Tensor row = rows[name], column = columns[name];
        row.Times_(keep).Plus_(squares.mean([1]), 1 - keep);
        column.Times_(keep).Plus_(squares.mean([0]), 1 - keep);
        // V = row column / mean(row): its root factor by factor, so that no third matrix is made.
        return (matrix * (row / row.mean()).rsqrt_().unsqueeze(1)).mul_(column.rsqrt().unsqueeze(0));
    }

    private static Tensor Rms(Tensor values) => values.Squared().mean().sqrt();
}
