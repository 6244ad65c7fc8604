// Which training timesteps a run visits: functions of (T, n), each n values from the noisiest on.
// Lin et al. (2024), table 2 (leading, trailing, linspace); Luo et al. (2023), section 4.3 (skipping steps).
namespace SarSynth.Diffusion.Samplers;

/// <summary>Spreads n steps over the training timesteps 0 .. T-1.</summary>
internal static class Spacing
{
    /// <summary>The timesteps of samplers that step in alphaBar (DDPM, DDIM, PNDM, LCM): whole numbers.</summary>
    public static double[] Whole(SamplerConfig config, int steps) => config.Kind == SamplerKind.Lcm
        ? Distilled(config.Schedule.TrainTimesteps, config.OriginalInferenceSteps, steps)
        : config.Spacing == TimestepSpacing.Linspace
            ? [.. Linspace(config.Schedule.TrainTimesteps, steps).Select(t => Math.Round(t))]
            : Even(config, config.Schedule.TrainTimesteps, steps);

    /// <summary>The timesteps of Euler's and Heun's methods: fractional with linspace.</summary>
    public static double[] Fractional(SamplerConfig config, int steps) => config.Spacing == TimestepSpacing.Linspace
        ? [.. Linspace(config.Schedule.TrainTimesteps, steps).Select(t => (double)(float)t)]
        : Even(config, config.Schedule.TrainTimesteps, steps);

    /// <summary>
    /// The timesteps of DPM-Solver: n of n + 1 points, without the last, which is where its last step leads.
    /// </summary>
    /// <param name="config">Spacing and offset.</param>
    /// <param name="total">Timesteps of the schedule that are not clipped for their low signal-to-noise ratio.</param>
    /// <param name="steps">n.</param>
    public static double[] DpmSolver(SamplerConfig config, int total, int steps) => config.Spacing switch
    {
        TimestepSpacing.Linspace => [.. Linspace(total, steps + 1).Take(steps).Select(t => Math.Round(t))],
        TimestepSpacing.Leading => Leading(total / (steps + 1), config.StepsOffset, steps + 1)[..steps],
        _ => Trailing(total, steps),
    };

    private static double[] Even(SamplerConfig config, int total, int steps) =>
        config.Spacing == TimestepSpacing.Leading
        ? Leading(total / steps, config.StepsOffset, steps)
        : Trailing(total, steps);

    private static double[] Leading(int stride, int offset, int steps) =>
        [.. Enumerable.Range(0, steps).Select(i => (double)((steps - 1 - i) * stride + offset))];

    private static double[] Trailing(int total, int steps) =>
        [.. Enumerable.Range(0, steps).Select(i => Math.Round(total - i * ((double)total / steps)) - 1)];

    // One point is the noisiest: a run starts from noise, and timestep 0 (numpy's answer for one point) knows of none.
    private static double[] Linspace(int total, int points) =>
        points == 1 ? [total - 1] : [.. Sequence(0, total - 1, points).Reverse()];

    private static double[] Distilled(int total, int original, int steps)
    {
        int stride = total / original;
        return [.. Enumerable.Range(0, steps)
            .Select(i => (double)((original - (int)Math.Floor((double)i * original / steps)) * stride - 1))];
    }

    /// <summary>Evenly spaced numbers, both ends in; the first alone where one is asked for.</summary>
    public static double[] Sequence(double start, double end, int count) => count == 1 ? [start]
        : [.. Enumerable.Range(0, count).Select(i => i == count - 1 ? end : start + i * ((end - start) / (count - 1)))];
}
