// A sampler's settings, with the names and defaults of diffusers; SamplerConfigJson.cs reads and writes them.
namespace SarSynth.Diffusion.Samplers;

/// <summary>A sampler and its settings; names as in diffusers' scheduler_config.json.</summary>
public sealed partial record SamplerConfig
{
    /// <summary>Which sampler.</summary>
    public SamplerKind Kind { get; init; } = SamplerKind.Ddim;

    /// <summary>The noise schedule and what the model predicts.</summary>
    public NoiseSchedule Schedule { get; init; } = NoiseSchedule.Create();

    /// <summary>How timesteps are spread.</summary>
    public TimestepSpacing Spacing { get; init; } = TimestepSpacing.Leading;

    /// <summary>Added to leading timesteps; 1 for Stable Diffusion.</summary>
    public int StepsOffset { get; init; } = 1;

    /// <summary>alphaBar before timestep 0 is 1; else it is alphaBar of timestep 0 (DDIM, PNDM, LCM).</summary>
    public bool SetAlphaToOne { get; init; }

    /// <summary>
    /// DDIM: each step leads T/n timesteps down, as in diffusers, which is the next planned timestep only with leading
    /// spacing; false leads to the next planned one (field "fixed_stride", which diffusers passes over).
    /// </summary>
    public bool FixedStride { get; init; } = true;

    /// <summary>Clip the predicted x0 to +-<see cref="ClipSampleRange"/> (DDPM, DDIM, LCM, Heun).</summary>
    public bool ClipSample { get; init; }

    /// <summary>Bound of a clipped x0.</summary>
    public double ClipSampleRange { get; init; } = 1;

    /// <summary>Dynamic thresholding of x0 (Saharia et al. 2022, Imagen); not for latents.</summary>
    public bool Thresholding { get; init; }

    /// <summary>Quantile of |x0| that becomes the threshold.</summary>
    public double DynamicThresholdingRatio { get; init; } = 0.995;

    /// <summary>Largest threshold.</summary>
    public double SampleMaxValue { get; init; } = 1;

    /// <summary>DDPM's variance: fixed_small, fixed_small_log, fixed_large or fixed_large_log.</summary>
    public string VarianceType { get; init; } = "fixed_small";

    /// <summary>Sigmas after Karras et al. (2022), eq. 5.</summary>
    public bool UseKarrasSigmas { get; init; }

    /// <summary>
    /// Sigmas evenly in their logarithm, over what the timesteps span (DPM-Solver: over all of the schedule).
    /// </summary>
    public bool UseExponentialSigmas { get; init; }

    /// <summary>DPM-Solver: steps even in lambda, half the logarithm of the signal-to-noise ratio.</summary>
    public bool UseLuLambdas { get; init; }

    /// <summary>Euler, Heun: sigmas between timesteps by "linear" or "log_linear" interpolation.</summary>
    public string InterpolationType { get; init; } = "linear";

    /// <summary>Smallest sigma of the Karras schedule, or null for the schedule's own.</summary>
    public double? SigmaMin { get; init; }

    /// <summary>Largest sigma of the Karras schedule, or null for the schedule's own.</summary>
    public double? SigmaMax { get; init; }

    /// <summary>Euler: the model is told "discrete" timesteps, or "continuous" ones, 0.25 ln(sigma).</summary>
    public string TimestepType { get; init; } = "discrete";

    /// <summary>DPM-Solver: order 1, 2 or 3.</summary>
    public int SolverOrder { get; init; } = 2;

    /// <summary>dpmsolver++, dpmsolver, sde-dpmsolver++ or sde-dpmsolver.</summary>
    public string AlgorithmType { get; init; } = "dpmsolver++";

    /// <summary>DPM-Solver, second order: midpoint or heun.</summary>
    public string SolverType { get; init; } = "midpoint";

    /// <summary>DPM-Solver: lower order in the last steps when there are fewer than 15.</summary>
    public bool LowerOrderFinal { get; init; } = true;

    /// <summary>DPM-Solver: the last step is first order.</summary>
    public bool EulerAtFinal { get; init; }

    /// <summary>DPM-Solver, Euler: the last sigma is "zero" or "sigma_min".</summary>
    public string FinalSigmasType { get; init; } = "zero";

    /// <summary>DPM-Solver: steps with log-SNR below this are left out.</summary>
    public double LambdaMinClipped { get; init; } = double.NegativeInfinity;

    /// <summary>LCM: steps of the schedule that was distilled.</summary>
    public int OriginalInferenceSteps { get; init; } = 50;

    /// <summary>LCM: scale of the timestep in the boundary condition.</summary>
    public double TimestepScaling { get; init; } = 10;
}
