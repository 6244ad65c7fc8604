// Derivatives of ln Gamma beyond the digamma, which MathNet.Numerics lacks; Abramowitz & Stegun (1964), 6.4.
using MathNet.Numerics;

namespace SarSynth.Radar.Statistics;

/// <summary>Polygamma functions and the inverses that speckle statistics need.</summary>
public static class Polygamma
{
    // Bernoulli numbers B2, B4, ... of the asymptotic series.
    private static readonly double[] Bernoulli =
        [1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6, -3617.0 / 510, 43867.0 / 798];

    /// <summary>The polygamma function of an order: the (order+1)-th derivative of ln Γ at x.</summary>
    /// <param name="order">0 digamma, 1 trigamma, ... up to 6.</param>
    /// <param name="x">Greater than 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">Order outside 0..6, or x not greater than 0.</exception>
    /// <remarks>
    /// Abramowitz &amp; Stegun (1964), 6.4.6 (recurrence) and 6.4.11 (asymptotic series); relative error about 1e-14.
    /// </remarks>
    public static double Of(int order, double x)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(order);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(order, 6);
        if (!(x > 0))
            throw new ArgumentOutOfRangeException(nameof(x), x, "Expected x > 0.");
        if (order == 0)
            return SpecialFunctions.DiGamma(x);
        double sign = order % 2 == 0 ? -1 : 1;
        double factorial = SpecialFunctions.Factorial(order);
        double sum = 0;
        for (; x < 16; x++)
            sum += factorial / Math.Pow(x, order + 1);
        double power = Math.Pow(x, -order);
        sum += factorial / order * power + factorial / (2 * x) * power;
        // Term k: B(2k) (2k+order-1)! / ((2k)! x^(2k+order)).
        for (int k = 1; k <= Bernoulli.Length; k++)
        {
            power /= x * x;
            sum += Bernoulli[k - 1] * SpecialFunctions.Factorial(2 * k
                + order - 1) / SpecialFunctions.Factorial(2 * k) * power;
        }
        return sign * sum;
    }

    /// <summary>The x with trigamma(x) = y.</summary>
    /// <param name="y">Greater than 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">y is not a finite number greater than 0.</exception>
    /// <remarks>Newton on 1/trigamma, which is nearly linear (Smyth 2004, appendix).</remarks>
    public static double InverseTrigamma(double y)
    {
        if (!(y > 0) || double.IsInfinity(y))
            throw new ArgumentOutOfRangeException(nameof(y), y, "Expected a finite y > 0.");
        if (y > 1e14)
            return 1 / Math.Sqrt(y);
        if (y < 1e-12)
            return 1 / y + 0.5;
        double x = 0.5 + 1 / y;
        for (int i = 0; i < 100; i++)
        {
            double value = Of(1, x);
            double step = value * (1 - value / y) / Of(2, x);
            x += step;
            if (Math.Abs(step) < 1e-15 * x)
                break;
        }
        return x;
    }

    /// <summary>The x with ln(x) - digamma(x) = y.</summary>
    /// <param name="y">Greater than 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">y is not a finite number greater than 0.</exception>
    /// <remarks>
    /// The maximum-likelihood equation of the Gamma law's shape; starting value of Minka (2002), then Newton in 1/x.
    /// </remarks>
    public static double InverseLogMinusDigamma(double y)
    {
        if (!(y > 0) || double.IsInfinity(y))
            throw new ArgumentOutOfRangeException(nameof(y), y, "Expected a finite y > 0.");
        if (y < 1e-10)
            return 0.5 / y;
        double x = (3 - y + Math.Sqrt((y - 3) * (y - 3) + 24 * y)) / (12 * y);
        for (int i = 0; i < 100; i++)
        {
            double error = LogMinusDigamma(x) - y;
            double slope = 1 / x - Of(1, x);
            double next = 1 / (1 / x + error / (x * x * slope));
            if (!(next > 0))
                next = x / 2;
            if (Math.Abs(next - x) < 1e-14 * x)
                return next;
            x = next;
        }
        return x;
    }

    /// <summary>ln(x) - digamma(x), without the cancellation that the difference has for large x.</summary>
    /// <param name="x">Greater than 0.</param>
    internal static double LogMinusDigamma(double x)
    {
        if (x < 16)
            return Math.Log(x) - SpecialFunctions.DiGamma(x);
        double sum = 0.5 / x;
        double power = 1;
        for (int k = 1; k <= Bernoulli.Length; k++)
        {
            power /= x * x;
            sum += Bernoulli[k - 1] / (2 * k) * power;
        }
        return sum;
    }
}
