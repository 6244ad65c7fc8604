// Exponential moving average of the parameters, with the decay rules of diffusers' EMAModel.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>How fast the average follows.</summary>
/// <param name="Decay">Largest decay.</param>
/// <param name="MinDecay">Smallest decay once averaging has begun.</param>
/// <param name="UpdateAfterStep">Until this step the average is the parameters themselves.</param>
/// <param name="UseWarmup">Decay 1 - (1 + step / InvGamma)^-Power instead of (1 + step) / (10 + step).</param>
/// <param name="InvGamma">Inverse multiplicative factor of the warm-up.</param>
/// <param name="Power">Power of the warm-up; 2/3 for a million steps and more, 3/4 for fewer.</param>
public sealed record EmaOptions(double Decay = 0.9999, double MinDecay = 0, int UpdateAfterStep = 0,
    bool UseWarmup = false,
    double InvGamma = 1, double Power = 2.0 / 3)
{
    /// <summary>The decay at a step.</summary>
    /// <param name="step">Optimisation steps taken, this one included.</param>
    public double DecayAt(long step)
    {
        long averaged = Math.Max(0, step - UpdateAfterStep - 1);
        if (averaged <= 0)
            return 0;
        double decay = UseWarmup ? 1 - Math.Pow(1 + averaged / InvGamma, -Power) : (1.0 + averaged) / (10 + averaged);
        return Math.Max(Math.Min(decay, Decay), MinDecay);
    }
}

/// <summary>The average of named parameters, kept in float32.</summary>
public sealed class Ema : IDisposable
{
    private readonly Dictionary<string, Tensor> shadow;
    private readonly EmaOptions options;

    /// <summary>An average that starts as a copy of the parameters.</summary>
    /// <param name="parameters">The parameters by name.</param>
    /// <param name="options">How fast the average follows.</param>
    public Ema(IReadOnlyDictionary<string, Parameter> parameters, EmaOptions options)
    {
        this.options = options;
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        shadow = parameters.ToDictionary(p => p.Key,
            p => p.Value.detach().to(ScalarType.Float32, copy: true).DetachFromDisposeScope(), StringComparer.Ordinal);
    }

    /// <summary>The averaged values by name.</summary>
    public IReadOnlyDictionary<string, Tensor> Values => shadow;

    /// <summary>Takes the parameters of a step into the average.</summary>
    /// <param name="parameters">The parameters by name.</param>
    /// <param name="step">Optimisation steps taken, this one included.</param>
    public void Update(IReadOnlyDictionary<string, Parameter> parameters, long step) =>
        Update(name => parameters[name], step);

    /// <summary>Takes values into the average (an optimizer's float32 copies of half-precision parameters).</summary>
    /// <param name="value">A parameter's value by its name.</param>
    /// <param name="step">Optimisation steps taken, this one included.</param>
    public void Update(Func<string, Tensor> value, long step)
    {
        double weight = 1 - options.DecayAt(step);
        using var noGradients = no_grad();
        foreach (var (name, average) in shadow)
        {
            using var scope = NewDisposeScope();
            // average + weight (parameter - average), in two passes and without a temporary for float32.
            average.Times_(1 - weight).Plus_(value(name).to(ScalarType.Float32), weight);
        }
    }

    /// <summary>Copies the average into the parameters.</summary>
    public void CopyTo(IReadOnlyDictionary<string, Parameter> parameters)
    {
        using var noGradients = no_grad();
        foreach (var (name, average) in shadow)
            parameters[name].copy_(average);
    }

    /// <summary>
    /// Runs <paramref name="action"/> with the average in the parameters' place, then puts them back.
    /// </summary>
    public T With<T>(IReadOnlyDictionary<string, Parameter> parameters, Func<T> action)
    {
        using var noGradients = no_grad();
        var kept = parameters.ToDictionary(p => p.Key, p => Copy(p.Value));
        try
        {
            CopyTo(parameters);
            return action();
        }
        finally
        {
            foreach (var (name, value) in kept)
            {
                parameters[name].copy_(value);
                value.Dispose();
            }
        }

        static Tensor Copy(Tensor value)
        {
            using var plain = value.detach();
            return plain.clone().DetachFromDisposeScope();
        }
    }

    /// <summary>Sets the average (a resumed training).</summary>
    internal void Load(Func<string, Tensor> read)
    {
        using var noGradients = no_grad();
        foreach (var (name, average) in shadow)
        {
            using var value = read(name);
            average.copy_(value);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var value in shadow.Values)
            value.Dispose();
        shadow.Clear();
    }
}
