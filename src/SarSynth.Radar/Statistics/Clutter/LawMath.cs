// Special functions of the clutter laws, over MathNet.Numerics.
using MathNet.Numerics;

namespace SarSynth.Radar.Statistics;

/// <summary>Incomplete Gamma functions with their limits, and the logarithm of the modified Bessel function.</summary>
internal static class LawMath
{
    /// <summary>Regularised lower incomplete Gamma function P(a, x), for any x.</summary>
    public static double GammaLower(double a, double x) =>
        x <= 0 ? 0 : IsBeyond(a, x) ? 1 : double.IsNaN(x) ? double.NaN : a > LargeShape ? Uniform(a, x, -1)
            : SpecialFunctions.GammaLowerRegularized(a, x);

    /// <summary>Regularised upper incomplete Gamma function Q(a, x), for any x.</summary>
    public static double GammaUpper(double a, double x) =>
        x <= 0 ? 1 : IsBeyond(a, x) ? 0 : double.IsNaN(x) ? double.NaN : a > LargeShape ? Uniform(a, x, 1)
            : SpecialFunctions.GammaUpperRegularized(a, x);

    // Series and continued fraction take some sqrt(a) terms: too many above this, where the
    // expansion's first term has all digits.
    private const double LargeShape = 1e6;

    /// <summary>
    /// Q (sign 1) or P (sign -1) by Temme's expansion, uniform in x (DLMF 8.12.3 to
    /// 8.12.8); what is left out is below 1e-12.
    /// </summary>
    private static double Uniform(double a, double x, int sign)
    {
        double d = (x - a) / a;
        // d - ln(1 + d) with all its digits near 0.
        double half = Math.Abs(d) < 0.01
            ? d * d * (1.0 / 2 - d * (1.0 / 3 - d * (1.0 / 4 - d * (1.0 / 5 - d * (1.0 / 6 - d * (1.0 / 7 - d / 8))))))
            : d - Math.Log(x / a);
        double eta = Math.Sign(d) * Math.Sqrt(2 * half);
        double first = Math.Abs(eta) < 0.01 ? -1.0 / 3 + eta * (1.0 / 12 - eta * (2.0 / 135 - eta / 864))
            : 1 / d - 1 / eta;
        return SpecialFunctions.Erfc(sign * eta * Math.Sqrt(a / 2)) / 2
            + sign * Math.Exp(-a * half) / Math.Sqrt(2 * Math.PI * a) * first;
    }

    /// <summary>
    /// Whether Q(a, x) is below the smallest double, where the continued fraction has nothing left to do.
    /// </summary>
    private static bool IsBeyond(double a, double x) => x > 2 * a + 40 * Math.Sqrt(a) + 1500;

    /// <summary>exp(x) - 1 with all digits near 0.</summary>
    public static double Expm1(double x) => 2 * Math.Exp(x / 2) * Math.Sinh(x / 2);

    /// <summary>ln K_v(z) for any order and z > 0, without overflow.</summary>
    /// <remarks>
    /// K_v(z) = 1/2 integral exp(-z cosh t + v t) dt (DLMF 10.32.9) by the trapezoidal rule about the peak of the
    /// integrand, which converges exponentially for this analytic integrand (Trefethen &amp; Weideman 2014).
    /// </remarks>
    public static double LogBesselK(double v, double z)
    {
        v = Math.Abs(v);
        double root = z > v ? z * Math.Sqrt(1 + v / z * (v / z)) : v * Math.Sqrt(1 + z / v * (z / v));
        double peak = Math.Log((v + root) / z);
        double top = v * peak - root;
        if (root > 5000)
        {
            // Debye's expansion, uniform in the order (DLMF 10.41.4), with p = v / root; the next term is below 1e-12.
            double p2 = v / root * (v / root);
            double correction = -(3 - 5 * p2) / (24 * root) + (81 - 462 * p2 + 385 * p2 * p2) / (1152 * root * root);
            return top + Math.Log(Math.PI / 2 / root) / 2 + Math.Log(1 + correction);
        }
        double step = Math.Min(0.2, 0.55 / Math.Sqrt(root));
        double sum = 1;
        for (int direction = -1; direction <= 1; direction += 2)
        {
            // exp(t) follows by multiplication: one exponential per point instead of three.
            double growth = Math.Exp(direction * step), e = (v + root) / z;
            for (int k = 1; ; k++)
            {
                e *= growth;
                double log = v * (peak + direction * k * step) - z * (e + 1 / e) / 2 - top;
                if (!(log >= -40))
                    break;
                sum += Math.Exp(log);
            }
        }
        return top + Math.Log(sum * step / 2);
    }
}
