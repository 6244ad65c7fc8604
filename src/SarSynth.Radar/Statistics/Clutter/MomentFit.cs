// Fits that match moments of the intensity or cumulants of its logarithm, with errors by the delta method.
// Nicolas (2002), Traitement du Signal 19(3); Tison et al. (2004); Li et al. (2011).
using MathNet.Numerics;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.RootFinding;

namespace SarSynth.Radar.Statistics;

internal static class MomentFit
{
    private const double ShapeLimit = 1e8;

    private delegate (double[]? Parameters, string? Reason) Solver(double a, double b, double c);

    public static (ClutterLaw? Law, double[] Errors, string? Reason) ByLogCumulants(FitSample sample,
        ClutterFamily family, double? looks)
    {
        double n = sample.Count;
        var m = sample.LogMoments;
        double k2 = m[2] * n / (n - 1), k3 = m[3] * n * n / ((n - 1) * (n - 2));
        var covariance = Matrix<double>.Build.DenseOfArray(new[,]
        {
            { m[2], m[3], m[4] - 3 * m[2] * m[2] },
            { m[3], m[4] - m[2] * m[2], m[5] - 4 * m[2] * m[3] },
            { m[4] - 3 * m[2] * m[2], m[5] - 4 * m[2] * m[3],
                m[6] - m[3] * m[3] - 6 * m[4] * m[2] + 9 * m[2] * m[2] * m[2] },
        }) / n;
        return Solve(family, (a, b, c) => FromLogCumulants(family, looks, a + sample.MeanLog, b, c), [0, k2, k3],
            covariance);
    }

    public static (ClutterLaw? Law, double[] Errors, string? Reason) ByMoments(FitSample sample, ClutterFamily family,
        double? looks)
    {
        var m = sample.RawMoments;
        var covariance = Matrix<double>.Build.Dense(3, 3, (i, j) =>
            (m[i + j + 2] - m[i + 1] * m[j + 1]) / sample.Count);
        double scale = Math.Exp(sample.MeanLog);
        return Solve(family, (a, b, c) => FromMoments(family, looks, a * scale, b / (a * a), c / (a * a * a)),
            [m[1], m[2], m[3]], covariance);
    }

    private static (ClutterLaw? Law, double[] Errors, string? Reason) Solve(
        ClutterFamily family, Solver solver, double[] statistics, Matrix<double> covariance)
    {
        var (parameters, reason) = solver(statistics[0], statistics[1], statistics[2]);
        if (parameters is null)
            return (null, [], reason);
        var jacobian = Matrix<double>.Build.Dense(parameters.Length, 3);
        for (int s = 0; s < 3; s++)
        {
            double h = 0.01 * Math.Sqrt(Math.Max(covariance[s, s], 1e-30));
            var up = At(s, h);
            var down = At(s, -h);
            for (int p = 0; p < parameters.Length; p++)
                jacobian[p, s] = up is null || down is null ? double.NaN : (up[p] - down[p]) / (2 * h);
        }
        var spread = jacobian * covariance * jacobian.Transpose();
        var errors = Enumerable.Range(0, parameters.Length).Select(p => Math.Sqrt(Math.Max(0, spread[p, p]))).ToArray();
        return (ClutterFamilies.Law(family, parameters), errors, null);

        double[]? At(int index, double change)
        {
            var moved = (double[])statistics.Clone();
            moved[index] += change;
            return solver(moved[0], moved[1], moved[2]).Parameters;
        }
    }

    private static (double[]? Parameters, string? Reason) FromLogCumulants(ClutterFamily family, double? looks,
        double k1, double k2, double k3)
    {
        if (!(k2 > 0) && family != ClutterFamily.Exponential)
            return (null, "the variance of ln I is not above 0");
        switch (family)
        {
            case ClutterFamily.Exponential:
                return ([Math.Exp(k1 + Constants.EulerMascheroni)], null);
            case ClutterFamily.Gamma:
                double l = looks ?? Polygamma.InverseTrigamma(k2);
                return ([l, Math.Exp(k1 - Polygamma.Of(0, l)) * l], null);
            case ClutterFamily.LogNormal:
                return ([Math.Exp(k1), Math.Sqrt(k2)], null);
            case ClutterFamily.Weibull:
                double shape = Math.PI / Math.Sqrt(6 * k2);
                return ([shape, Math.Exp(k1 + Constants.EulerMascheroni / shape)], null);
            case ClutterFamily.K or ClutterFamily.Fisher:
                return Texture(family, looks, k1, k2, k3);
            default:
                return Generalized(k1, k2, k3);
        }
    }

    /// <summary>
    /// K and Fisher laws: trigamma(L) + trigamma(M) = k2, and psi''(L) +- psi''(M) = k3 where L is not known.
    /// </summary>
    private static (double[]? Parameters, string? Reason) Texture(ClutterFamily family, double? looks, double k1,
        double k2, double k3)
    {
        double sign = family == ClutterFamily.K ? 1 : -1;
        double fromLooks;
        if (looks is not null)
        {
            fromLooks = Polygamma.Of(1, looks.Value);
            if (!(k2 - fromLooks > 1 / ShapeLimit))
                return (null, $"ln I varies no more than speckle of {looks} looks: no texture is "
                    + $"left for the {family} law");
        }
        else
        {
            double Third(double part) => Polygamma.Of(2, Polygamma.InverseTrigamma(part));
            double Gap(double part) => Third(part) + sign * Third(k2 - part) - k3;
            // For K the sum is symmetric: the looks are taken as the larger of the two shapes (the smaller part).
            double low = k2 * 1e-6, high = family == ClutterFamily.K ? k2 / 2 : k2 * (1 - 1e-6);
            if (!(Gap(low) * Gap(high) < 0))
                return (null, $"(kappa2, kappa3) lies outside the region of the {family} law");
            fromLooks = Brent.FindRoot(Gap, low, high, 1e-14 * k2, 200);
        }
        double l = looks ?? Polygamma.InverseTrigamma(fromLooks), m = Polygamma.InverseTrigamma(k2 - fromLooks);
        return family == ClutterFamily.K
            ? ([m, l, Math.Exp(k1 - Polygamma.Of(0, l) - Polygamma.Of(0, m)) * l * m], null)
            : ([m, l, Math.Exp(k1 - Polygamma.Of(0, l) + Polygamma.Of(0, m)) * l], null);
    }

    private static (double[]? Parameters, string? Reason) Generalized(double k1, double k2, double k3)
    {
        double skew = Math.Abs(k3) / Math.Pow(k2, 1.5);
        double Skew(double l) => -Polygamma.Of(2, l) / Math.Pow(Polygamma.Of(1, l), 1.5);
        if (!(skew < 1.9999 && skew > 1e-3))
            return (null, skew >= 1.9999 ? "ln I is more skewed than any generalised Gamma law"
                : "ln I is not skewed: the law is log-normal");
        double shape = Math.Exp(Brent.FindRoot(t => Skew(Math.Exp(t)) - skew, Math.Log(1e-6), Math.Log(1e8), 1e-14,
            300));
        double power = (k3 < 0 ? 1 : -1) * Math.Sqrt(Polygamma.Of(1, shape) / k2);
        return ([shape, power, Math.Exp(k1 - Polygamma.Of(0, shape) / power)], null);
    }

    /// <summary>From the mean and the normalised moments m2 / m1² and m3 / m1³.</summary>
    private static (double[]? Parameters, string? Reason) FromMoments(ClutterFamily family, double? looks, double mean,
        double second, double third)
    {
        double variation = second - 1;
        if (!(variation > 0) && family != ClutterFamily.Exponential)
            return (null, "the variance of I is not above 0");
        switch (family)
        {
            case ClutterFamily.Exponential:
                return ([mean], null);
            case ClutterFamily.Gamma:
                return ([looks ?? 1 / variation, mean], null);
            case ClutterFamily.LogNormal:
                double s2 = Math.Log(second);
                return ([mean * Math.Exp(-s2 / 2), Math.Sqrt(s2)], null);
            case ClutterFamily.Weibull:
                double Ratio(double t) =>
                    SpecialFunctions.GammaLn(1 + 2 * t) - 2 * SpecialFunctions.GammaLn(1 + t) - Math.Log(second);
                if (Ratio(50) < 0)
                    return (null, "I varies more than any Weibull law of shape above 0.02");
                double t = Brent.FindRoot(Ratio, 1e-9, 50, 1e-14, 300);
                return ([1 / t, mean / SpecialFunctions.Gamma(1 + t)], null);
            case ClutterFamily.K:
                return KFromMoments(looks, mean, second, third);
            case ClutterFamily.Fisher:
                return FisherFromMoments(looks, mean, second, third);
            default:
                return GeneralizedFromMoments(mean, second, third);
        }
    }

    private static (double[]? Parameters, string? Reason) KFromMoments(double? looks, double mean, double second,
        double third)
    {
        // With x = 1/L and y = 1/nu: second = (1+x)(1+y), third = second (1+2x)(1+2y).
        double x, y;
        if (looks is not null)
        {
            x = 1 / looks.Value;
            y = second / (1 + x) - 1;
        }
        else
        {
            double q = (third / second - 1 - 2 * (second - 1)) / 2, p = second - 1 - q;
            double root = p * p / 4 - q;
            if (!(root >= 0))
                return (null, "the moments lie outside the region of the K law");
            x = p / 2 - Math.Sqrt(root);
            y = p / 2 + Math.Sqrt(root);
        }
        return x > 1 / ShapeLimit && y > 1 / ShapeLimit ? ([1 / y, 1 / x, mean], null)
            : (null, looks is null ? "the moments lie outside the region of the K law"
                : $"I varies no more than speckle of {looks} looks: no texture is left for the K law");
    }

    private static (double[]? Parameters, string? Reason) FisherFromMoments(double? looks, double mean, double second,
        double third)
    {
        // With a = 1 + 1/L: second = a (M-1)/(M-2), third / second = (2a - 1)(M-1)/(M-3).
        double m, l;
        if (looks is not null)
        {
            l = looks.Value;
            double excess = second / (1 + 1 / l);
            if (!(excess > 1 + 1 / ShapeLimit))
                return (null, $"I varies no more than speckle of {looks} looks: no texture is left for the Fisher law");
            m = (2 * excess - 1) / (excess - 1);
        }
        else
        {
            double r = third / second;
            m = (3 * r - 4 * second + 1) / (r - 2 * second + 1);
            double a = second * (m - 2) / (m - 1);
            if (!(m > 3 && m < ShapeLimit && a > 1))
                return (null, "the moments lie outside the region of the Fisher law with three moments");
            l = 1 / (a - 1);
        }
        return ([m, l, mean * (m - 1)], null);
    }

    private static (double[]? Parameters, string? Reason) GeneralizedFromMoments(double mean, double second,
        double third)
    {
        // For a power, the shape that gives the second moment; then the power that gives the third.
        // Both are sought in logarithms.
        double LogMoment(double shape, double power, double r) =>
            SpecialFunctions.GammaLn(shape + r / power) - SpecialFunctions.GammaLn(shape);
        double Second(double shape, double power) =>
            LogMoment(shape, power, 2) - 2 * LogMoment(shape, power, 1) - Math.Log(second);
        double? Shape(double power)
        {
            double low = Math.Log(1e-6), high = Math.Log(1e7);
            double Gap(double t) => Second(Math.Exp(t), power);
            return Gap(low) * Gap(high) < 0 ? Math.Exp(Brent.FindRoot(Gap, low, high, 1e-13, 300)) : null;
        }
        double? Third(double logPower)
        {
            double power = Math.Exp(logPower);
            return Shape(power) is double shape
                ? LogMoment(shape, power, 3) - 3 * LogMoment(shape, power, 1) - Math.Log(third) : null;
        }
        double? previous = null;
        double before = 0;
        for (double logPower = Math.Log(0.02); logPower <= Math.Log(50); logPower += 0.1)
        {
            if (Third(logPower) is double gap)
            {
                if (previous is double last && last * gap <= 0)
                {
                    double power = Math.Exp(Brent.FindRoot(t => Third(t) ?? double.NaN, before, logPower, 1e-12, 300));
                    double shape = Shape(power)!.Value;
                    return ([shape, power, mean / Math.Exp(LogMoment(shape, power, 1))], null);
                }
                (previous, before) = (gap, logPower);
            }
            else
            {
                previous = null;
            }
        }
        return (null, "no generalised Gamma law of positive power has these three moments");
    }
}
