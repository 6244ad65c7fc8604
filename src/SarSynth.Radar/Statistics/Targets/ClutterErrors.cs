// Standard errors of what is measured on a point target in clutter, to first order.
// Clutter passes the same filter as the target: a circular Gaussian process whose power spectrum is the target's.
using System.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Statistics;

/// <summary>
/// An intensity |y|² that clutter n changes by 2 Re(conj(y) n) makes any measure q change by dq = Re sum(conj(w_j)
/// n(t_j)), with a standard deviation of sqrt(c/2 sum_k P_k |sum_j conj(w_j) exp(i f_k t_j)|²): c is the clutter's mean
/// intensity, P_k its share at f_k.
/// </summary>
internal sealed class ClutterErrors(BandLimitedSignal signal, double clutter)
{
    /// <summary>Error of the peak's position: minus the change of the slope over the curvature.</summary>
    public double OfPeak(double peak, double step)
    {
        double curvature =
            (signal.Intensity(peak + step)
            + signal.Intensity(peak - step) - 2 * signal.Intensity(peak)) / (step * step);
        double scale = 1 / (step * curvature);
        return OfSum([(peak + step, -scale * signal.At(peak + step)), (peak - step, scale * signal.At(peak - step))]);
    }

    /// <summary>Error of the width: either edge moves by (half the peak's change - its own) over its slope.</summary>
    public double OfWidth(double peak, double left, double right)
    {
        double step = (right - left) / 64, leftSlope = Slope(left), rightSlope = Slope(right);
        return OfSum([
            (peak, signal.At(peak) * (1 / rightSlope - 1 / leftSlope)), (right, -2 * signal.At(right) / rightSlope),
                (left, 2 * signal.At(left) / leftSlope)]);

        double Slope(double at) => (signal.Intensity(at + step) - signal.Intensity(at - step)) / (2 * step);
    }

    /// <summary>
    /// Error in dB of a ratio of sums of intensity: every point with its value over
    /// the sum it is in, minus for the lower one.
    /// </summary>
    public double OfRatio(IEnumerable<(double At, Complex Weight)> points) => 20 / Math.Log(10) * OfSum(points);

    private double OfSum(IEnumerable<(double At, Complex Weight)> points)
    {
        if (clutter == 0)
            return 0;
        var all = points.ToArray();
        double variance = 0;
        foreach (var (share, frequency) in signal.Band())
        {
            // Less than 1e-9 of the energy: the many empty bins of a narrow band.
            if (share < 1e-9)
                continue;
            var sum = Complex.Zero;
            foreach (var (at, weight) in all)
                sum += Complex.Conjugate(weight) * Complex.FromPolarCoordinates(1, frequency * at);
            variance += share * (sum.Real * sum.Real + sum.Imaginary * sum.Imaginary);
        }
        return Math.Sqrt(clutter / 2 * variance);
    }
}
