// The timesteps and noise levels that one sampling run visits.
// Karras et al. (2022), eq. 5; Lin et al. (2024), table 2 (spacing); Luo et al. (2023), LCM (skipping steps).
namespace SarSynth.Diffusion.Samplers;

/// <summary>Timesteps and noise levels of a run, from the noisiest on.</summary>
/// <param name="Config">The sampler's settings.</param>
/// <param name="Timesteps">What the model is told at each step.</param>
/// <param name="Sigmas">Noise levels sigma at each step and after the last (one more than timesteps); empty for DDPM, DDIM, PNDM and LCM.</param>
/// <param name="InitNoiseSigma">Standard deviation of the pure noise to start from.</param>
/// <param name="Start">Index of the first step to take; over 0 in image-to-image.</param>
/// <param name="End">Index after the last step to take; null takes all that follow <paramref name="Start"/>.</param>
public sealed record SamplingPlan(SamplerConfig Config, IReadOnlyList<double> Timesteps, IReadOnlyList<double> Sigmas,
    double InitNoiseSigma, int Start = 0, int? End = null)
{
    /// <summary>Number of steps of the whole plan, those before <see cref="Start"/> and after <see cref="End"/> included.</summary>
    public int Count => Timesteps.Count;

    /// <summary>Index after the last step to take.</summary>
    public int Stop => End ?? Count;

    /// <summary>Training timesteps from one step to the next (DDPM, DDIM, PNDM).</summary>
    internal int Stride { get; init; }

    /// <summary>Whether a step repeats the one before, with what is known at its end (PNDM's first).</summary>
    internal bool RepeatsStep(int index) => Config.Kind == SamplerKind.Pndm && index == Start + 1 && index + 1 < Count && Timesteps[index] == Timesteps[index + 1];

    /// <summary>alphaBar one stride before a step's timestep: where the step began that it repeats.</summary>
    internal double AlphaBarBefore(int index) => Config.Schedule.AlphasCumprod[Math.Min((int)Timesteps[index] + Stride, Config.Schedule.TrainTimesteps - 1)];

    /// <summary>Plans <paramref name="steps"/> steps.</summary>
    /// <param name="config">The sampler's settings.</param>
    /// <param name="steps">1 to T (to the distilled schedule's length for LCM).</param>
    /// <exception cref="ArgumentOutOfRangeException">More or fewer steps than the schedule has.</exception>
    public static SamplingPlan Create(SamplerConfig config, int steps)
    {
        int total = config.Schedule.TrainTimesteps, most = config.Kind == SamplerKind.Lcm ? config.OriginalInferenceSteps : total;
        if (steps < 1 || steps > most)
            throw new ArgumentOutOfRangeException(nameof(steps), steps, $"expected 1 .. {most} steps");
        if (config.Kind is SamplerKind.Ddpm or SamplerKind.Ddim or SamplerKind.Lcm)
            return new SamplingPlan(config, config.Kind == SamplerKind.Lcm ? Distilled(config, steps) : Spread(config, steps, whole: true), [], 1) { Stride = total / steps };
        if (config.Kind == SamplerKind.Pndm)
        {
            var spread = Spread(config, steps, whole: true);
            return new SamplingPlan(config, [spread[0], .. spread.Skip(1).Take(1), .. spread.Skip(1)], [], 1) { Stride = total / steps };
        }

        var schedule = config.Schedule;
        var levels = Enumerable.Range(0, total).Select(t => (double)schedule.Sigma(t)).ToArray();
        var logLevels = levels.Select(level => Math.Log(level)).ToArray();
        bool dpm = config.Kind == SamplerKind.DpmSolver;
        var timesteps = dpm ? SpreadDpm(config, steps, logLevels) : Spread(config, steps, whole: false);
        double[] sigmas = config.InterpolationType == "log_linear" && !dpm
            ? [.. Linspace(logLevels[^1], logLevels[0], steps + 1).Take(steps).Select(log => Math.Exp(log))]
            : [.. timesteps.Select(t => Interpolate(levels, t))];
        if (config.UseKarrasSigmas)
        {
            // DPM-Solver spans all of the schedule, the others what the timesteps span.
            double smallest = dpm ? levels[0] : config.SigmaMin ?? sigmas[^1], largest = dpm ? levels[^1] : config.SigmaMax ?? sigmas[0];
            sigmas = Karras(smallest, largest, steps);
            timesteps = [.. sigmas.Select(s => TimestepOf(s, logLevels)).Select(t => dpm ? Math.Round(t) : t)];
        }
        else if (config.UseExponentialSigmas || (dpm && config.UseLuLambdas))
        {
            // Evenly in ln sigma, which is lambda but for its sign (Lu et al. 2022, section 4 of DPM-Solver).
            double smallest = dpm ? levels[0] : config.SigmaMin ?? sigmas[^1], largest = dpm ? levels[^1] : config.SigmaMax ?? sigmas[0];
            sigmas = [.. Linspace(Math.Log(largest), Math.Log(smallest), steps).Select(log => Math.Exp(log))];
            timesteps = [.. sigmas.Select(s => TimestepOf(s, logLevels)).Select(t => dpm ? Math.Round(t) : t)];
        }
        if (config.TimestepType == "continuous" && schedule.Prediction == PredictionType.Velocity && config.Kind == SamplerKind.Euler)
            timesteps = [.. sigmas.Select(s => 0.25 * Math.Log(s))];
        double last = config.Kind is SamplerKind.DpmSolver or SamplerKind.Euler && config.FinalSigmasType == "sigma_min" ? levels[0] : 0, first = sigmas.Max();
        double initial = dpm ? 1 : config.Spacing == TimestepSpacing.Leading ? Math.Sqrt(first * first + 1) : first;
        return new SamplingPlan(config, timesteps, [.. sigmas, last], initial);
    }

    /// <summary>The plan begun late, so that a noised image is denoised instead of pure noise.</summary>
    /// <param name="strength">Share of the steps to take, in [0, 1]; 1 takes all.</param>
    public SamplingPlan WithStrength(double strength)
    {
        if (!(strength is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(strength), strength, "expected 0 .. 1");
        return this with { Start = Count - Math.Min((int)(Count * strength), Count) };
    }

    /// <summary>
    /// The part of the plan between two shares of the training timesteps, for models that take turns (ensemble of experts: Podell
    /// et al. 2023, section 2.5). A plan that ends at a share and one that starts there together take every step once.
    /// </summary>
    /// <param name="start">Share in (0, 1) where to begin; null keeps the plan's start.</param>
    /// <param name="end">Share in (0, 1) where to end; null goes to the end.</param>
    /// <exception cref="ArgumentOutOfRangeException">A share that is not over 0 and under 1, or an end that is not after the start.</exception>
    public SamplingPlan Between(double? start, double? end)
    {
        if (start is not (null or (> 0 and < 1)))
            throw new ArgumentOutOfRangeException(nameof(start), start, "expected over 0 and under 1");
        if (end is not (null or (> 0 and < 1)) || end <= start)
            throw new ArgumentOutOfRangeException(nameof(end), end, $"expected over {start ?? 0} and under 1");
        // Python's round: halves go to the even number.
        int First(double share) => Timesteps.TakeWhile(t => t >= Math.Round(Config.Schedule.TrainTimesteps * (1 - share))).Count();
        return this with { Start = start is { } from ? First(from) : Start, End = end is { } to ? First(to) : End };
    }

    /// <summary>alphaBar at step <paramref name="index"/> (DDPM, DDIM, PNDM, LCM).</summary>
    internal double AlphaBar(int index) => Config.Schedule.AlphasCumprod[(int)Timesteps[index]];

    /// <summary>alphaBar at the timestep that a step leads to: T/n earlier for DDPM, DDIM and PNDM, the next planned one for LCM.</summary>
    internal double AlphaBarAfter(int index)
    {
        int t = (int)Timesteps[index];
        int previous = Config.Kind == SamplerKind.Lcm ? (int)Timesteps[Math.Min(index + 1, Count - 1)] : t - Stride;
        return previous >= 0 ? Config.Schedule.AlphasCumprod[previous]
            : Config.Kind == SamplerKind.Ddpm || Config.SetAlphaToOne ? 1 : Config.Schedule.AlphasCumprod[0];
    }

    // whole: DDPM and DDIM round linspace to training timesteps; Euler and Heun interpolate between them.
    private static double[] Spread(SamplerConfig config, int steps, bool whole)
    {
        int total = config.Schedule.TrainTimesteps;
        return config.Spacing switch
        {
            TimestepSpacing.Linspace => [.. Linspace(0, total - 1, steps).Select(t => whole ? Math.Round(t) : (float)t).Reverse()],
            TimestepSpacing.Leading => [.. Enumerable.Range(0, steps).Select(i => (double)(i * (total / steps) + config.StepsOffset)).Reverse()],
            _ => Down(total, (double)total / steps),
        };
    }

    private static double[] SpreadDpm(SamplerConfig config, int steps, double[] logLevels)
    {
        // log-SNR / 2 = -ln sigma; steps of the noisiest end that lie below the limit are left out.
        int total = config.Schedule.TrainTimesteps - logLevels.Count(s => -s < config.LambdaMinClipped);
        return config.Spacing switch
        {
            TimestepSpacing.Linspace => [.. Linspace(0, total - 1, steps + 1).Select(t => Math.Round(t)).Reverse().Take(steps)],
            TimestepSpacing.Leading => [.. Enumerable.Range(1, steps).Select(i => (double)(i * (total / (steps + 1)) + config.StepsOffset)).Reverse()],
            _ => Down(total, (double)config.Schedule.TrainTimesteps / steps),
        };
    }

    private static double[] Distilled(SamplerConfig config, int steps)
    {
        int skip = config.Schedule.TrainTimesteps / config.OriginalInferenceSteps;
        var origin = Enumerable.Range(1, config.OriginalInferenceSteps).Select(i => (double)(i * skip - 1)).Reverse().ToArray();
        return [.. Enumerable.Range(0, steps).Select(i => origin[(int)Math.Floor((double)i * origin.Length / steps)])];
    }

    private static double[] Down(int from, double ratio) =>
        [.. Enumerable.Range(0, (int)Math.Ceiling(from / ratio)).Select(i => Math.Round(from - i * ratio) - 1)];

    private static double[] Linspace(double start, double end, int count) =>
        count == 1 ? [start] : [.. Enumerable.Range(0, count).Select(i => i == count - 1 ? end : start + i * ((end - start) / (count - 1)))];

    private static double Interpolate(double[] values, double at)
    {
        int low = Math.Clamp((int)at, 0, values.Length - 2);
        return values[low] + (values[low + 1] - values[low]) * Math.Clamp(at - low, 0, 1);
    }

    private static double[] Karras(double smallest, double largest, int count)
    {
        const double rho = 7;
        double low = Math.Pow(smallest, 1 / rho), high = Math.Pow(largest, 1 / rho);
        return [.. Linspace(0, 1, count).Select(ramp => Math.Pow(high + ramp * (low - high), rho))];
    }

    private static double TimestepOf(double sigma, double[] logLevels)
    {
        double log = Math.Log(Math.Max(sigma, 1e-10));
        int low = Math.Clamp(Array.FindLastIndex(logLevels, level => level <= log), 0, logLevels.Length - 2);
        double weight = Math.Clamp((log - logLevels[low]) / (logLevels[low + 1] - logLevels[low]), 0, 1);
        return low + weight;
    }
}
