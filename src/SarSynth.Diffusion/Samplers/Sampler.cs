// What all samplers share: the model as a function, the loop over the steps, and the choice by configuration.
// Each sampler is one function in a file of its own and keeps nothing between runs.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Samplers;

/// <summary>The model as samplers see it.</summary>
/// <param name="input">Noisy latents [B, C, H, W], scaled as the sampler's model expects them.</param>
/// <param name="timestep">Training timestep; fractional in Karras schedules.</param>
/// <returns>The prediction, shape of the input.</returns>
public delegate Tensor Denoiser(Tensor input, double timestep);

/// <summary>Gives the standard normal noise that a step adds.</summary>
/// <param name="step">Index of the step in the plan.</param>
/// <param name="like">The latents; the noise has their shape, type and device.</param>
public delegate Tensor NoiseSource(int step, Tensor like);

/// <summary>Where a run stands after a step.</summary>
/// <param name="Index">Index of the step in the plan.</param>
/// <param name="Count">Steps of the plan.</param>
/// <param name="Timestep">The timestep that was told to the model.</param>
/// <param name="Latents">Latents after the step; valid during the call.</param>
/// <param name="Denoised">The step's estimate of x0, for previews; valid during the call.</param>
public readonly record struct SamplingStep(int Index, int Count, double Timestep, Tensor Latents, Tensor Denoised);

/// <summary>What a run is given beside model, latents and plan.</summary>
public sealed record SamplingRun
{
    /// <summary>Noise of the steps; samplers that draw none do not call it.</summary>
    public NoiseSource Noise { get; init; } = static (step, _) =>
        throw new InvalidOperationException($"step {step} draws noise and the run has no noise source");

    /// <summary>Called after each step: progress, previews.</summary>
    public Action<SamplingStep>? OnStep { get; init; }

    /// <summary>Gives the latents to go on with after a step, or null to keep them (inpainting).</summary>
    public Func<SamplingStep, Tensor?>? Adjust { get; init; }

    /// <summary>Ends the run between two steps with <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>Samplers of diffusion models: functions of (model, latents, plan).</summary>
public static partial class Sampler
{
    /// <summary>Samples as the plan's configuration says.</summary>
    /// <param name="model">The model.</param>
    /// <param name="latents">
    /// Start: standard normal noise times <see cref="SamplingPlan.InitNoiseSigma"/>, or a noised image. Not changed.
    /// </param>
    /// <param name="plan">Timesteps and noise levels.</param>
    /// <param name="run">Noise, callbacks, cancelling.</param>
    /// <param name="eta">DDIM only: 0 deterministic, 1 as noisy as DDPM.</param>
    /// <returns>Latents after the last step.</returns>
    public static Tensor Sample(Denoiser model, Tensor latents, SamplingPlan plan, SamplingRun? run = null,
        double eta = 0) => plan.Config.Kind switch
    {
        SamplerKind.Ddpm => Ddpm(model, latents, plan, run),
        SamplerKind.Ddim => Ddim(model, latents, plan, run, eta),
        SamplerKind.Euler => Euler(model, latents, plan, run),
        SamplerKind.EulerAncestral => EulerAncestral(model, latents, plan, run),
        SamplerKind.Heun => Heun(model, latents, plan, run),
        SamplerKind.DpmSolver => DpmSolver(model, latents, plan, run),
        SamplerKind.Pndm => Pndm(model, latents, plan, run),
        SamplerKind.Lcm => Lcm(model, latents, plan, run),
        _ => throw new ArgumentException($"no sampler for {plan.Config.Kind}", nameof(plan)),
    };

    /// <summary>An image's latents noised to the level where the plan starts.</summary>
    /// <param name="plan">The plan; its start is where the noise level is taken.</param>
    /// <param name="x0">Clean latents.</param>
    /// <param name="noise">Standard normal, shape of x0.</param>
    public static Tensor AddNoise(SamplingPlan plan, Tensor x0, Tensor noise) => AddNoise(plan, plan.Start, x0, noise);

    /// <summary>Latents noised to the level of a step (of no step after the last one: unchanged).</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="index">Step, 0 to <see cref="SamplingPlan.Count"/>.</param>
    /// <param name="x0">Clean latents.</param>
    /// <param name="noise">Standard normal, shape of x0.</param>
    public static Tensor AddNoise(SamplingPlan plan, int index, Tensor x0, Tensor noise)
    {
        if (index >= plan.Count)
            return x0.alias();
        if (plan.Sigmas.Count == 0)
        {
            double bar = plan.AlphaBar(index);
            return Mix(Math.Sqrt(bar), x0, Math.Sqrt(1 - bar), noise);
        }
        var (alpha, sigma) = AlphaSigma(plan.Sigmas[index]);
        return plan.Config.Kind == SamplerKind.DpmSolver ? Mix(alpha, x0, sigma, noise)
            : Mix(1, x0, plan.Sigmas[index], noise);
    }

    /// <summary>The loop: body(latents, index, noise) gives the next latents and the estimate of x0.</summary>
    private static Tensor Loop(Tensor latents, SamplingPlan plan, SamplingRun? run, Func<Tensor, int, NoiseSource,
        (Tensor Next, Tensor Denoised)> body)
    {
        using var noGradients = no_grad();
        run ??= new SamplingRun();
        var current = latents.alias();
        for (int i = plan.Start; i < plan.Stop; i++)
        {
            run.Cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var (next, denoised) = body(current, i, run.Noise);
            var step = new SamplingStep(i, plan.Count, plan.Timesteps[i], next, denoised);
            next = run.Adjust?.Invoke(step) ?? next;
            run.OnStep?.Invoke(step with { Latents = next });
            current.Dispose();
            current = next.MoveToOuterDisposeScope();
        }
        return current;
    }

    /// <summary>a x + b y.</summary>
    private static Tensor Mix(double a, Tensor x, double b, Tensor y) => x.Times(a).Plus_(y, b);

    /// <summary>
    /// Signal and noise scales (alpha, sigma) with alpha² + sigma² = 1 for a noise level where the signal has scale 1.
    /// </summary>
    private static (double Alpha, double Sigma) AlphaSigma(double level)
    {
        double alpha = 1 / Math.Sqrt(level * level + 1);
        return (alpha, level * alpha);
    }

    /// <summary>x0 from the prediction at x = alpha x0 + sigma noise.</summary>
    internal static Tensor Denoised(PredictionType prediction, Tensor output, Tensor x, double alpha, double sigma) =>
        prediction switch
    {
        PredictionType.Epsilon when alpha == 0 => throw new InvalidOperationException(
            "a model that predicts noise cannot start at zero signal; use v_prediction or another timestep spacing"),
        PredictionType.Epsilon => Mix(1 / alpha, x, -sigma / alpha, output),
        PredictionType.Velocity => Mix(alpha, x, -sigma, output),
        _ => output.alias(),
    };

    /// <summary>The noise from the prediction at x = alpha x0 + sigma noise.</summary>
    private static Tensor Noise(PredictionType prediction, Tensor output, Tensor x, double alpha, double sigma) =>
        prediction switch
    {
        PredictionType.Epsilon => output.alias(),
        PredictionType.Velocity => Mix(alpha, output, sigma, x),
        _ => Mix(1 / sigma, x, -alpha / sigma, output),
    };

    /// <summary>x0 bounded as configured: dynamic thresholding, clipping, or neither.</summary>
    private static Tensor Bounded(SamplerConfig config, Tensor x0) =>
        config.Thresholding ? Thresholded(config, x0)
        : config.ClipSample ? x0.Clamped(-config.ClipSampleRange, config.ClipSampleRange)
        : x0;

    private static Tensor Thresholded(SamplerConfig config, Tensor x0)
    {
        var ratio = tensor((float)config.DynamicThresholdingRatio, device: x0.device);
        var limit = x0.abs().flatten(1).quantile(ratio, dim: 1).Clamped(1, config.SampleMaxValue).reshape(-1, 1, 1, 1);
        return x0.minimum(limit).maximum(-limit).div_(limit);
    }
}
