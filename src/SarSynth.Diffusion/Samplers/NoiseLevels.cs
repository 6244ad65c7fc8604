// The noise levels sigma of a run, where the signal has scale 1, and the timesteps that belong to them.
// Karras et al. (2022), eq. 5; Lu et al. (2022a), section 4 (steps even in lambda = -ln sigma).
namespace SarSynth.Diffusion.Samplers;

/// <summary>A schedule's noise levels, and spacings of a run's over them.</summary>
internal sealed class NoiseLevels
{
    // Of alphaBar 2^-24, which diffusers puts in the place of a last step without signal; ln sigma stays finite.
    private static readonly double noSignal = Math.Sqrt(Math.ScaleB(1, 24) - 1);

    private readonly double[] levels, logarithms;

    public NoiseLevels(NoiseSchedule schedule)
    {
        levels = [.. Enumerable.Range(0, schedule.TrainTimesteps)
            .Select(t => Math.Min(schedule.Sigma(t), noSignal))];
        logarithms = Array.ConvertAll(levels, Math.Log);
    }

    /// <summary>Sigma at timestep 0.</summary>
    public double Smallest => levels[0];

    /// <summary>Sigma at the last timestep.</summary>
    public double Largest => levels[^1];

    /// <summary>Timesteps whose lambda, half the logarithm of the signal-to-noise ratio, is at least this.</summary>
    public int CountAbove(double lambda) => logarithms.Count(log => -log >= lambda);

    /// <summary>Sigma at a timestep, linear between whole ones.</summary>
    public double At(double timestep)
    {
        int low = Math.Clamp((int)timestep, 0, levels.Length - 2);
        return levels[low] + (levels[low + 1] - levels[low]) * Math.Clamp(timestep - low, 0, 1);
    }

    /// <summary>The timestep of a level: the inverse of <see cref="At"/>, linear in ln sigma.</summary>
    public double TimestepOf(double sigma)
    {
        double log = Math.Log(Math.Max(sigma, 1e-10));
        // The last level that is no higher; levels rise.
        int low = 0, over = logarithms.Length;
        while (low < over)
        {
            int middle = (low + over) / 2;
            (low, over) = logarithms[middle] <= log ? (middle + 1, over) : (low, middle);
        }
        low = Math.Clamp(low - 1, 0, logarithms.Length - 2);
        return low + Math.Clamp((log - logarithms[low]) / (logarithms[low + 1] - logarithms[low]), 0, 1);
    }

    /// <summary>All of the schedule in n of n + 1 points even in ln sigma, without the last.</summary>
    public double[] LogLinear(int steps) => Exponential(Smallest, Largest, steps + 1)[..steps];

    /// <summary>Even in sigma^(1/7).</summary>
    public static double[] Karras(double smallest, double largest, int steps)
    {
        const double rho = 7;
        double low = Math.Pow(smallest, 1 / rho), high = Math.Pow(largest, 1 / rho);
        return Between(largest, smallest, steps, ramp => Math.Pow(high + ramp * (low - high), rho));
    }

    /// <summary>Even in ln sigma.</summary>
    public static double[] Exponential(double smallest, double largest, int steps) => Between(largest, smallest, steps,
        ramp => Math.Exp(Math.Log(largest) + ramp * (Math.Log(smallest) - Math.Log(largest))));

    // Both ends exactly as given: the last step may lead from the smallest level to the same one, and never up.
    private static double[] Between(double first, double last, int steps, Func<double, double> at) =>
        [.. Spacing.Sequence(0, 1, steps).Select(ramp => ramp == 0 ? first : ramp == 1 ? last : at(ramp))];
}
