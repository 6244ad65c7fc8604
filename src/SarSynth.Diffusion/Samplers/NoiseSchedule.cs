// The forward process: x_t = sqrt(alphaBar_t) x_0 + sqrt(1 - alphaBar_t) noise, t = 0 .. T-1.
// Ho et al. (2020), eq. 4; Nichol and Dhariwal (2021), eq. 17 (cosine); Lin et al. (2024),
// algorithm 1 (zero terminal SNR).
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Samplers;

/// <summary>How beta goes from its first to its last value.</summary>
public enum BetaSchedule
{
    /// <summary>Linear in beta.</summary>
    Linear,

    /// <summary>Linear in the square root of beta: Stable Diffusion.</summary>
    ScaledLinear,

    /// <summary>alphaBar is a squared cosine ("squaredcos_cap_v2").</summary>
    Cosine,
}

/// <summary>What the model predicts.</summary>
public enum PredictionType
{
    /// <summary>The noise.</summary>
    Epsilon,

    /// <summary>Velocity, sqrt(alphaBar) noise - sqrt(1 - alphaBar) x0 (Salimans and Ho, 2022).</summary>
    Velocity,

    /// <summary>The clean sample x0.</summary>
    Sample,
}

/// <summary>A noise schedule: alphaBar at each training timestep, and what the model predicts.</summary>
public sealed record NoiseSchedule
{
    private readonly float[] alphasCumprod;

    private NoiseSchedule(float[] alphasCumprod, PredictionType prediction)
    {
        this.alphasCumprod = alphasCumprod;
        Prediction = prediction;
    }

    /// <summary>
    /// alphaBar_t, falling from nearly 1 to nearly (or exactly) 0; one value for each training timestep.
    /// </summary>
    public IReadOnlyList<float> AlphasCumprod => alphasCumprod;

    /// <summary>What the model predicts.</summary>
    public PredictionType Prediction { get; init; }

    /// <summary>
    /// How beta grows, its ends, and whether the last SNR was set to zero; null for a schedule from a list of betas.
    /// </summary>
    public (BetaSchedule Shape, double BetaStart, double BetaEnd, bool ZeroTerminalSnr)? Form { get; private init; }

    /// <summary>Number of training timesteps T.</summary>
    public int TrainTimesteps => alphasCumprod.Length;

    /// <summary>A schedule of one of the usual forms; the defaults are Stable Diffusion's.</summary>
    /// <param name="shape">How beta grows.</param>
    /// <param name="betaStart">First beta, in (0, 1); unused by the cosine form.</param>
    /// <param name="betaEnd">Last beta, in [betaStart, 1); unused by the cosine form.</param>
    /// <param name="trainTimesteps">T, at least 2.</param>
    /// <param name="prediction">What the model predicts.</param>
    /// <param name="zeroTerminalSnr">Rescale so that alphaBar at T-1 is zero: the last step is pure noise.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public static NoiseSchedule Create(BetaSchedule shape = BetaSchedule.ScaledLinear, double betaStart = 0.00085,
        double betaEnd = 0.012,
        int trainTimesteps = 1000, PredictionType prediction = PredictionType.Epsilon, bool zeroTerminalSnr = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trainTimesteps, 2);
        if (!(betaStart > 0 && betaStart <= betaEnd && betaEnd < 1))
            throw new ArgumentOutOfRangeException(nameof(betaStart),
                $"betas {betaStart} .. {betaEnd}; expected 0 < start <= end < 1");
        var betas = shape switch
        {
            BetaSchedule.Linear => Linspace((float)betaStart, (float)betaEnd, trainTimesteps),
            BetaSchedule.ScaledLinear =>
                [.. Linspace((float)Math.Sqrt(betaStart), (float)Math.Sqrt(betaEnd), trainTimesteps)
                .Select(b => b * b)],
            BetaSchedule.Cosine => [.. Enumerable.Range(0, trainTimesteps).Select(t =>
                (float)Math.Min(1 - CosineAlphaBar((t + 1.0) / trainTimesteps)
                    / CosineAlphaBar((double)t / trainTimesteps), 0.999))],
            _ => throw new ArgumentOutOfRangeException(nameof(shape), shape, "unknown beta schedule"),
        };
        return FromBetas(betas, prediction, zeroTerminalSnr) with
        {
            Form = (shape, betaStart, betaEnd, zeroTerminalSnr),
        };
    }

    /// <summary>A schedule from its betas.</summary>
    /// <param name="betas">One beta in (0, 1) for each training timestep.</param>
    /// <param name="prediction">What the model predicts.</param>
    /// <param name="zeroTerminalSnr">Rescale so that alphaBar at T-1 is zero.</param>
    /// <exception cref="ArgumentException">Fewer than two betas, or one out of (0, 1).</exception>
    public static NoiseSchedule FromBetas(IReadOnlyList<float> betas,
        PredictionType prediction = PredictionType.Epsilon, bool zeroTerminalSnr = false)
    {
        if (betas.Count < 2 || betas.Any(b => !(b > 0 && b < 1)))
            throw new ArgumentException($"{betas.Count} betas; expected at least 2, each in (0, 1)", nameof(betas));
        var alphaBar = CumulativeProduct([.. betas.Select(b => 1 - b)]);
        if (zeroTerminalSnr)
            alphaBar = CumulativeProduct(ZeroTerminal(alphaBar));
        return new NoiseSchedule(alphaBar, prediction);
    }

    /// <summary>The schedule with alphaBar at T-1 at least 2^-24, so that sigma stays finite there.</summary>
    /// <remarks>Samplers that step in sigma use this floor, as diffusers does.</remarks>
    public NoiseSchedule WithFiniteSigma()
    {
        var floored = (float[])alphasCumprod.Clone();
        floored[^1] = MathF.Max(floored[^1], MathF.Pow(2, -24));
        return new NoiseSchedule(floored, Prediction) { Form = Form };
    }

    /// <summary>sigma_t = sqrt((1 - alphaBar_t) / alphaBar_t), the noise level where the signal has scale 1.</summary>
    public float Sigma(int timestep) => MathF.Sqrt((1 - alphasCumprod[timestep]) / alphasCumprod[timestep]);

    /// <summary>Signal-to-noise ratio alphaBar / (1 - alphaBar) at <paramref name="timestep"/>.</summary>
    public double Snr(int timestep) => alphasCumprod[timestep] / (1.0 - alphasCumprod[timestep]);

    /// <summary>The forward process: <paramref name="x0"/> noised to the given timesteps.</summary>
    /// <param name="x0">Clean samples [B, ...].</param>
    /// <param name="noise">Standard normal, shape of x0.</param>
    /// <param name="timesteps">Training timesteps [B] or [1], integers in [0, T).</param>
    public Tensor AddNoise(Tensor x0, Tensor noise, Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        var (signal, sigma) = Scales(timesteps, x0);
        return (signal * x0).Plus_(sigma * noise).MoveToOuterDisposeScope();
    }

    /// <summary>Velocity sqrt(alphaBar) noise - sqrt(1 - alphaBar) x0 at the given timesteps.</summary>
    /// <param name="x0">Clean samples [B, ...].</param>
    /// <param name="noise">Standard normal, shape of x0.</param>
    /// <param name="timesteps">Training timesteps [B] or [1], integers in [0, T).</param>
    public Tensor Velocity(Tensor x0, Tensor noise, Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        var (signal, sigma) = Scales(timesteps, x0);
        return (signal * noise).sub_(sigma * x0).MoveToOuterDisposeScope();
    }

    /// <summary>What the model is trained to predict for x0 noised with <paramref name="noise"/>.</summary>
    /// <param name="x0">Clean samples [B, ...].</param>
    /// <param name="noise">Standard normal, shape of x0.</param>
    /// <param name="timesteps">Training timesteps [B] or [1].</param>
    public Tensor Target(Tensor x0, Tensor noise, Tensor timesteps) => Prediction switch
    {
        PredictionType.Epsilon => noise.alias(),
        PredictionType.Velocity => Velocity(x0, noise, timesteps),
        _ => x0.alias(),
    };

    /// <summary>
    /// (sqrt(alphaBar), sqrt(1 - alphaBar)) at timesteps, shaped to multiply <paramref name="like"/>.
    /// </summary>
    private (Tensor Signal, Tensor Sigma) Scales(Tensor timesteps, Tensor like)
    {
        var steps = timesteps.to(ScalarType.Int64).cpu().data<long>().ToArray();
        foreach (long t in steps)
            if (t < 0 || t >= TrainTimesteps)
                throw new ArgumentOutOfRangeException(nameof(timesteps), t, $"expected 0 .. {TrainTimesteps - 1}");
        if (steps.Length != 1 && steps.Length != like.shape[0])
            throw new ArgumentException($"{steps.Length} timesteps for a batch of {like.shape[0]}", nameof(timesteps));
        var shape = new long[like.ndim];
        Array.Fill(shape, 1);
        shape[0] = steps.Length;
        Tensor Scale(Func<float, float> of) =>
            tensor(steps.Select(t => MathF.Sqrt(of(alphasCumprod[t])))
                .ToArray(), device: CPU).reshape(shape).to(like.dtype, like.device);
        return (Scale(a => a), Scale(a => 1 - a));
    }

    // Single precision and torch.linspace's two halves: betas must equal those that checkpoints were trained with.
    private static float[] Linspace(float start, float end, int count)
    {
        float step = (end - start) / (count - 1);
        return [.. Enumerable.Range(0, count)
            .Select(i => i < count / 2 ? start + step * i : end - step * (count - 1 - i))];
    }

    private static double CosineAlphaBar(double t) => Math.Pow(Math.Cos((t + 0.008) / 1.008 * Math.PI / 2), 2);

    private static float[] CumulativeProduct(float[] alphas)
    {
        double product = 1;
        return [.. alphas.Select(a => (float)(product *= a))];
    }

    private static float[] ZeroTerminal(float[] alphaBar)
    {
        var root = alphaBar.Select(MathF.Sqrt).ToArray();
        float first = root[0], last = root[^1];
        var shifted = root.Select(r => (r - last) * (first / (first - last))).Select(r => r * r).ToArray();
        return [.. shifted.Select((bar, t) => t == 0 ? bar : bar / shifted[t - 1])];
    }
}
