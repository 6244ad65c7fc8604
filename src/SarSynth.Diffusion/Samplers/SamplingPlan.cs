// The timesteps and noise levels that one sampling run visits: n distinct ones, or an error that says which are not.
namespace SarSynth.Diffusion.Samplers;

/// <summary>Timesteps and noise levels of a run, from the noisiest on.</summary>
/// <param name="Config">The sampler's settings.</param>
/// <param name="Timesteps">What the model is told at each step.</param>
/// <param name="Sigmas">
/// Noise levels sigma at each step and after the last (one more than timesteps); empty for DDPM, DDIM, PNDM and LCM.
/// </param>
/// <param name="InitNoiseSigma">Standard deviation of the pure noise to start from.</param>
/// <param name="Start">Index of the first step to take; over 0 in image-to-image.</param>
/// <param name="End">Index after the last step to take; null takes all that follow <paramref name="Start"/>.</param>
public sealed record SamplingPlan(SamplerConfig Config, IReadOnlyList<double> Timesteps, IReadOnlyList<double> Sigmas,
    double InitNoiseSigma, int Start = 0, int? End = null)
{
    /// <summary>
    /// Number of steps of the whole plan, those before <see cref="Start"/> and after <see cref="End"/> included.
    /// </summary>
    public int Count => Timesteps.Count;

    /// <summary>Index after the last step to take.</summary>
    public int Stop => End ?? Count;

    /// <summary>Whether a step repeats the one before, with what is known at its end (PNDM's first).</summary>
    internal bool RepeatsStep(int index) => Config.Kind == SamplerKind.Pndm && index == Start + 1 && index + 1 < Count
        && Timesteps[index] == Timesteps[index + 1];

    /// <summary>Plans a run of n distinct steps within the schedule, from the noisiest on.</summary>
    /// <param name="config">The sampler's settings.</param>
    /// <param name="steps">
    /// n, 1 to T (to the distilled schedule's length for LCM). PNDM takes its second timestep twice.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">More or fewer steps than the schedule has, or than its spacing and
    /// offset leave room for: the message names the step, its value and what would fit.</exception>
    public static SamplingPlan Create(SamplerConfig config, int steps)
    {
        int most = config.Kind == SamplerKind.Lcm ? config.OriginalInferenceSteps : config.Schedule.TrainTimesteps;
        if (steps < 1 || steps > most)
            throw new ArgumentOutOfRangeException(nameof(steps), steps, $"expected 1 .. {most} steps");
        return config.Kind is SamplerKind.Ddpm or SamplerKind.Ddim or SamplerKind.Pndm or SamplerKind.Lcm
            ? InAlphaBar(config, steps) : InSigma(config, steps);
    }

    private static SamplingPlan InAlphaBar(SamplerConfig config, int steps)
    {
        var timesteps = Spacing.Whole(config, steps);
        CheckTimesteps(config, timesteps);
        return new SamplingPlan(config,
            config.Kind == SamplerKind.Pndm ? [.. timesteps.Take(2), .. timesteps.Skip(1)] : timesteps, [], 1);
    }

    private static SamplingPlan InSigma(SamplerConfig config, int steps)
    {
        bool dpm = config.Kind == SamplerKind.DpmSolver;
        var levels = new NoiseLevels(config.Schedule);
        var timesteps = dpm ? Spacing.DpmSolver(config, levels.CountAbove(config.LambdaMinClipped), steps)
            : Spacing.Fractional(config, steps);
        var sigmas = config.InterpolationType == "log_linear" && !dpm ? levels.LogLinear(steps)
            : Array.ConvertAll(timesteps, levels.At);
        bool karras = config.UseKarrasSigmas, exponential = config.UseExponentialSigmas || (dpm && config.UseLuLambdas);
        if (!karras && !exponential)
        {
            CheckTimesteps(config, timesteps);
        }
        else
        {
            // DPM-Solver spans all of the schedule, the others what the timesteps span.
            double smallest = dpm ? levels.Smallest : config.SigmaMin ?? sigmas[^1];
            double largest = dpm ? levels.Largest : config.SigmaMax ?? sigmas[0];
            sigmas = karras ? NoiseLevels.Karras(smallest, largest, steps)
                : NoiseLevels.Exponential(smallest, largest, steps);
            timesteps = [.. sigmas.Select(levels.TimestepOf).Select(t => dpm ? Math.Round(t) : t)];
        }
        bool euler = config.Kind == SamplerKind.Euler;
        if (euler && config is { TimestepType: "continuous", Schedule.Prediction: PredictionType.Velocity })
            timesteps = Array.ConvertAll(sigmas, s => 0.25 * Math.Log(s));

        bool toSmallest = (dpm || euler) && config.FinalSigmasType == "sigma_min";
        double last = toSmallest ? levels.Smallest : 0, first = sigmas[0];
        CheckSigmas(config, sigmas, last);
        double initial = dpm ? 1 : config.Spacing == TimestepSpacing.Leading ? Math.Sqrt(first * first + 1) : first;
        return new SamplingPlan(config, timesteps, [.. sigmas, last], initial);
    }

    private static void CheckTimesteps(SamplerConfig config, double[] timesteps)
    {
        int last = config.Schedule.TrainTimesteps - 1;
        for (int i = 0; i < timesteps.Length; i++)
            if (timesteps[i] < 0 || timesteps[i] > last)
                throw Refused(config, timesteps.Length, $"step {i + 1} is timestep {timesteps[i]} of 0 .. {last}");
            else if (i > 0 && timesteps[i] >= timesteps[i - 1])
                throw Refused(config, timesteps.Length, $"steps {i} and {i + 1} are timestep {timesteps[i]}");
    }

    // The last step may have no length: where the smallest sigma is the schedule's own, and is led to as well.
    private static void CheckSigmas(SamplerConfig config, double[] sigmas, double last)
    {
        for (int i = 0; i < sigmas.Length; i++)
            if (!(double.IsFinite(sigmas[i]) && sigmas[i] > 0))
                throw Refused(config, sigmas.Length, $"step {i + 1} has sigma {sigmas[i]}, expected over 0 and finite");
            else if (i > 0 && sigmas[i] >= sigmas[i - 1])
                throw Refused(config, sigmas.Length, $"step {i + 1} has sigma {sigmas[i]} after {sigmas[i - 1]}");
        if (last > sigmas[^1])
            throw Refused(config, sigmas.Length, $"the last step leads up, from sigma {sigmas[^1]} to {last}");
    }

    private static ArgumentOutOfRangeException Refused(SamplerConfig config, int steps, string found) =>
        new(nameof(steps), steps,
            $"{config.Kind} cannot plan {steps} steps with {config.Spacing.ToString().ToLowerInvariant()}"
            + $" spacing{(config.Spacing == TimestepSpacing.Leading ? $" and steps_offset {config.StepsOffset}" : "")}"
            + $" over {config.Schedule.TrainTimesteps} timesteps: {found}; take fewer steps or another spacing");

    /// <summary>The plan begun late, so that a noised image is denoised instead of pure noise.</summary>
    /// <param name="strength">Share of the steps to take, in [0, 1]; 1 takes all.</param>
    public SamplingPlan WithStrength(double strength)
    {
        if (!(strength is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(strength), strength, "expected 0 .. 1");
        return this with { Start = Count - Math.Min((int)(Count * strength), Count) };
    }

    /// <summary>
    /// The part of the plan between two shares of the training timesteps, for models that take turns
    /// (ensemble of experts: Podell et al. 2023, section 2.5). A plan that ends at a share and one
    /// that starts there together take every step once.
    /// </summary>
    /// <param name="start">Share in (0, 1) where to begin; null keeps the plan's start.</param>
    /// <param name="end">Share in (0, 1) where to end; null goes to the end.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A share that is not over 0 and under 1, or an end before the start.
    /// </exception>
    public SamplingPlan Between(double? start, double? end)
    {
        if (start is not (null or (> 0 and < 1)))
            throw new ArgumentOutOfRangeException(nameof(start), start, "expected over 0 and under 1");
        if (end is not (null or (> 0 and < 1)) || end <= start)
            throw new ArgumentOutOfRangeException(nameof(end), end, $"expected over {start ?? 0} and under 1");
        // Python's round: halves go to the even number.
        int First(double share) =>
            Timesteps.TakeWhile(t => t >= Math.Round(Config.Schedule.TrainTimesteps * (1 - share))).Count();
        return this with { Start = start is { } from ? First(from) : Start, End = end is { } to ? First(to) : End };
    }

    /// <summary>alphaBar at step <paramref name="index"/> (DDPM, DDIM, PNDM, LCM).</summary>
    internal double AlphaBar(int index) => Config.Schedule.AlphasCumprod[(int)Timesteps[index]];

    /// <summary>
    /// alphaBar where a step leads to: the next planned timestep, and after the last one 1 or alphaBar of timestep 0
    /// (<see cref="SamplerConfig.SetAlphaToOne"/>; DDPM ends at 1). DDIM as diffusers has it goes T/n timesteps down
    /// instead, wherever the plan goes on (<see cref="SamplerConfig.FixedStride"/>).
    /// </summary>
    internal double AlphaBarAfter(int index)
    {
        int previous = Config is { Kind: SamplerKind.Ddim, FixedStride: true }
            ? (int)Timesteps[index] - Config.Schedule.TrainTimesteps / Count
            : index + 1 < Count ? (int)Timesteps[index + 1] : -1;
        return previous >= 0 ? Config.Schedule.AlphasCumprod[previous]
            : Config.Kind == SamplerKind.Ddpm || Config.SetAlphaToOne ? 1 : Config.Schedule.AlphasCumprod[0];
    }
}
