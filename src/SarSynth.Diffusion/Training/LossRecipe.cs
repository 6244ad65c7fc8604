// What a diffusion loss is made of, as a record that serialises; the functions are in DiffusionLoss.
using System.Text.Json.Serialization;
using SarSynth.Diffusion.Samplers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>What the model is trained to predict.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TrainingTarget>))]
public enum TrainingTarget
{
    /// <summary>What the noise schedule says: that of a model which is trained further.</summary>
    OfSchedule,

    /// <summary>The noise (Ho et al. 2020).</summary>
    Epsilon,

    /// <summary>Velocity (Salimans and Ho 2022).</summary>
    Velocity,

    /// <summary>The clean latents.</summary>
    Sample,

    /// <summary>
    /// noise - x0 on the straight line between them (Lipman et al. 2023, Liu et al. 2023): a target of the training
    /// alone, no sampler here integrates such a model.
    /// </summary>
    FlowMatching,
}

/// <summary>How timesteps are drawn, as shares t of the schedule between clean (0) and noise (1).</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TimestepDistribution>))]
public enum TimestepDistribution
{
    /// <summary>All alike.</summary>
    Uniform,

    /// <summary>ln(t / (1 - t)) is normal (Esser et al. 2024, section 3.1): the middle more often.</summary>
    LogitNormal,
}

/// <summary>How timesteps are drawn.</summary>
/// <param name="Distribution">Their distribution between <paramref name="From"/> and <paramref name="To"/>.</param>
/// <param name="From">Least share of the schedule, in [0, 1).</param>
/// <param name="To">Largest share, in (From, 1].</param>
/// <param name="Mean">Mean of the logit; unused by the uniform one.</param>
/// <param name="Deviation">Standard deviation of the logit, more than 0; unused by the uniform one.</param>
public sealed record TimestepSampling(TimestepDistribution Distribution = TimestepDistribution.Uniform,
    double From = 0, double To = 1, double Mean = 0, double Deviation = 1)
{
    /// <summary>Draws shares of the schedule, float64 [count] in [From, To).</summary>
    /// <param name="count">How many.</param>
    /// <param name="generator">A CPU generator.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not 0 &lt;= From &lt; To &lt;= 1, or no deviation.</exception>
    public Tensor Shares(long count, Generator generator)
    {
        Check();
        using var scope = NewDisposeScope();
        var unit = Distribution == TimestepDistribution.Uniform
            ? rand([count], ScalarType.Float64, CPU, generator: generator)
            : randn([count], ScalarType.Float64, CPU, generator: generator).Times_(Deviation).Plus_(Mean).sigmoid_();
        return unit.Times_(To - From).Plus_(From).MoveToOuterDisposeScope();
    }

    /// <summary>Draws training timesteps, int64 [count].</summary>
    /// <param name="count">How many.</param>
    /// <param name="timesteps">Timesteps T of the schedule.</param>
    /// <param name="generator">A CPU generator.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// As <see cref="Shares"/>, or a range without a timestep.
    /// </exception>
    public Tensor Draw(long count, int timesteps, Generator generator)
    {
        Check();
        long first = (long)Math.Round(From * timesteps), last = (long)Math.Round(To * timesteps);
        if (first >= last)
            throw new ArgumentOutOfRangeException(nameof(From), From,
                $"no timestep of {timesteps} is in {From} .. {To}");
        if (Distribution == TimestepDistribution.Uniform)
            return randint(first, last, [count], ScalarType.Int64, CPU, generator: generator);
        using var scope = NewDisposeScope();
        return Shares(count, generator).Times(timesteps).floor().Clamped_(first, last - 1).to(ScalarType.Int64)
            .MoveToOuterDisposeScope();
    }

    private void Check()
    {
        if (!(From >= 0 && From < To && To <= 1))
            throw new ArgumentOutOfRangeException(nameof(From), From,
                $"range {From} .. {To}; expected 0 <= from < to <= 1");
        if (!(Deviation > 0))
            throw new ArgumentOutOfRangeException(nameof(Deviation), Deviation, "expected more than 0");
    }
}

/// <summary>How the Huber loss's c goes over the timesteps.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<HuberSchedule>))]
public enum HuberSchedule
{
    /// <summary>The same for all.</summary>
    Constant,

    /// <summary>From 1 at the clean end to c at the noisy end, c^(t/T).</summary>
    Exponential,

    /// <summary>(1 - c) / (1 + sigma)^2 + c, sigma^2 the inverse of the signal-to-noise ratio.</summary>
    Snr,
}

/// <summary>
/// Pseudo-Huber loss 2 c (sqrt(e^2 + c^2) - c): e^2 for errors below c, 2 c |e| for those above, so that outliers count
/// less. Khrapov et al. (2024), "Scheduled pseudo-Huber loss", equations 6 and 9.
/// </summary>
/// <param name="C">Where squares end, more than 0.</param>
/// <param name="Schedule">How c goes over the timesteps.</param>
public sealed record PseudoHuber(double C = 0.1, HuberSchedule Schedule = HuberSchedule.Snr)
{
    /// <summary>c at a timestep.</summary>
    /// <param name="timestep">Training timestep, or t T in flow matching.</param>
    /// <param name="timesteps">T.</param>
    /// <param name="snr">Signal-to-noise ratio there.</param>
    public double At(double timestep, int timesteps, double snr)
    {
        if (!(C > 0))
            throw new ArgumentOutOfRangeException(nameof(C), C, "expected more than 0");
        double sigma = Math.Sqrt(1 / snr);
        return Schedule switch
        {
            HuberSchedule.Constant => C,
            HuberSchedule.Exponential => Math.Pow(C, timestep / timesteps),
            _ => double.IsInfinity(sigma) ? C : (1 - C) / ((1 + sigma) * (1 + sigma)) + C,
        };
    }
}

/// <summary>A diffusion loss: target, weights, noise and timesteps.</summary>
public sealed record LossRecipe
{
    /// <summary>
    /// What the model predicts. Another target than the schedule's has to be said by the saved schedule.
    /// </summary>
    public TrainingTarget Target { get; init; } = TrainingTarget.OfSchedule;

    /// <summary>
    /// Weight min(SNR, gamma) of the error of x0 (Hang et al. 2023); null for equal weights. Flow
    /// matching is weighted by its timesteps alone.
    /// </summary>
    public double? MinSnrGamma { get; init; } = 5;

    /// <summary>Pseudo-Huber instead of squared error; null for squares.</summary>
    public PseudoHuber? Huber { get; init; }

    /// <summary>How timesteps are drawn.</summary>
    public TimestepSampling Timesteps { get; init; } = new();

    /// <summary>The noise.</summary>
    public NoiseRecipe Noise { get; init; } = new();

    /// <summary>The schedule with this recipe's target as its prediction: the one to save and to sample with.</summary>
    /// <exception cref="InvalidOperationException">Flow matching, which no schedule of timesteps has.</exception>
    public NoiseSchedule Schedule(NoiseSchedule schedule) => Target switch
    {
        TrainingTarget.OfSchedule => schedule,
        TrainingTarget.Epsilon => schedule with { Prediction = PredictionType.Epsilon },
        TrainingTarget.Velocity => schedule with { Prediction = PredictionType.Velocity },
        TrainingTarget.Sample => schedule with { Prediction = PredictionType.Sample },
        _ => throw new InvalidOperationException("flow matching has no noise schedule"),
    };
}
