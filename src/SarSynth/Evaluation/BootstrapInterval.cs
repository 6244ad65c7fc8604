// Bias-corrected and accelerated intervals: Efron (1987); Efron and Tibshirani (1993), ch. 14; as scipy has them.
using MathNet.Numerics.Distributions;

namespace SarSynth.Evaluation;

/// <summary>An interval of 95 % from bootstrap draws.</summary>
/// <param name="Lower">Lower end.</param>
/// <param name="Upper">Upper end.</param>
/// <param name="IsBiased">
/// Whether more than 97.5 % of the draws lie on one side of the value: a bias that outweighs the scatter. Then it is
/// the basic interval, of the value without that bias, which may leave the value itself outside.
/// </param>
internal readonly record struct BootstrapInterval(double Lower, double Upper, bool IsBiased = false)
{
    private const double Tail = 0.025;

    /// <summary>No interval.</summary>
    public static BootstrapInterval None => new(double.NaN, double.NaN);

    /// <summary>The interval of a value.</summary>
    /// <param name="value">The value of all scenes.</param>
    /// <param name="draws">Its values of scenes drawn with replacement; NaN is left out.</param>
    /// <param name="jackknife">
    /// For each sample that is drawn from (one where scenes are pairs, else the true ones and the others): its values
    /// without one scene each.
    /// </param>
    /// <remarks>
    /// BCa cannot reach beyond the draws, so where all lie on one side of the value only the basic interval is left:
    /// Davison and Hinkley (1997), sec. 5.2.
    /// </remarks>
    public static BootstrapInterval Of(double value, double[] draws, IReadOnlyList<double[]> jackknife)
    {
        double[] sorted = [.. draws.Where(v => !double.IsNaN(v)).Order()];
        if (sorted.Length == 0 || double.IsNaN(value))
            return None;
        var share = (sorted.Count(v => v < value) + sorted.Count(v => v <= value)) / (2.0 * sorted.Length);
        if (share is < Tail or > 1 - Tail)
            return new(2 * value - At(sorted, 1 - Tail), 2 * value - At(sorted, Tail), IsBiased: true);
        var (bias, acceleration) = (Normal.InvCDF(0, 1, share), Acceleration(jackknife));
        return new(At(sorted, Moved(Tail)), At(sorted, Moved(1 - Tail)));

        double Moved(double tail)
        {
            var z = bias + Normal.InvCDF(0, 1, tail);
            return Normal.CDF(0, 1, bias + z / (1 - acceleration * z));
        }
    }

    /// <summary>The interval held within bounds.</summary>
    public BootstrapInterval Within((double Least, double Most) bounds) => double.IsNaN(Lower) ? this
        : this with
        {
            Lower = Math.Clamp(Lower, bounds.Least, bounds.Most), Upper = Math.Clamp(Upper, bounds.Least, bounds.Most),
        };

    // Efron and Tibshirani, eq. 14.15 of one sample, 14.36 of several.
    private static double Acceleration(IReadOnlyList<double[]> jackknife)
    {
        var (third, second) = (0.0, 0.0);
        foreach (var sample in jackknife)
        {
            double[] there = [.. sample.Where(double.IsFinite)];
            if (there.Length < 2)
                continue;
            var (mean, n) = (there.Average(), (double)there.Length);
            third += there.Sum(v => Math.Pow((n - 1) * (mean - v), 3)) / (n * n * n);
            second += there.Sum(v => Math.Pow((n - 1) * (mean - v), 2)) / (n * n);
        }
        return second > 0 ? third / Math.Pow(second, 1.5) / 6 : 0;
    }

    private static double At(double[] sorted, double share)
    {
        var place = share * (sorted.Length - 1);
        var below = (int)place;
        return below + 1 < sorted.Length && sorted[below] != sorted[below + 1]
            ? sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]) : sorted[below];
    }
}
