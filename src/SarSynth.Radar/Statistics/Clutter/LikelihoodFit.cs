// Maximum likelihood for every family: Nelder-Mead in the logarithms of the parameters, errors from the Hessian.
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.Optimization;

namespace SarSynth.Radar.Statistics;

internal static class LikelihoodFit
{
    // Beyond this a texture or a shape cannot be told from none.
    private const double Largest = 1e4, Smallest = 1e-4;

    public static (ClutterLaw? Law, double[] Errors, string? Reason) Fit(FitSample sample, ClutterFamily family,
        double? looks)
    {
        var (_, parameters, sign) = Starts(sample, family, looks)
            .Select(start => Maximise(sample, family, looks, start.Parameters, start.Sign))
            .MaxBy(found => found.Likelihood);
        var law = Build(family, looks, sample, parameters, sign);
        string? reason = null;
        for (int i = 0; i < law.Parameters.Count; i++)
        {
            var (name, value) = law.Parameters[i];
            if (name is "shape" or "texture" or "looks" or "power"
                && (Math.Abs(value) > Largest / 2 || Math.Abs(value) < 2 * Smallest))
                reason = $"{name} ran to the border of its range: the pixels do not determine it";
        }
        return (law, reason is null ? Errors(sample, family, looks, parameters, sign, law)
            : [.. law.Parameters.Select(_ => double.NaN)], reason);
    }

    /// <summary>Starting points, as free parameters (logarithms, scale relative to the mean logarithm).</summary>
    private static IEnumerable<(double[] Parameters, double Sign)> Starts(FitSample sample, ClutterFamily family,
        double? looks)
    {
        var start = MomentFit.ByLogCumulants(sample, family, looks).Law;
        double k2 = sample.LogMoments[2];
        if (start is not null)
            yield return Free(start, family, looks, sample);
        if (start is not null && family != ClutterFamily.GeneralizedGamma)
            yield break;
        double mean = Math.Log(sample.RawMoments[1]);
        double shape = Math.Log(Math.Clamp(2 / k2, 0.5, 50));
        switch (family)
        {
            case ClutterFamily.K or ClutterFamily.Fisher:
                yield return (looks is null ? [shape + 0.7, shape, mean] : [Math.Log(10), mean], 1);
                break;
            case ClutterFamily.GeneralizedGamma:
                yield return ([0, Math.Log(1 / Math.Sqrt(k2)), 0], 1);
                yield return ([0, Math.Log(1 / Math.Sqrt(k2)), 0], -1);
                break;
            default:
                yield return ([.. Enumerable.Repeat(0.0, family == ClutterFamily.Exponential ? 1 : 2)], 1);
                break;
        }
    }

    private static (double[] Parameters, double Sign) Free(ClutterLaw law, ClutterFamily family, double? looks,
        FitSample sample)
    {
        var free = new List<double>();
        double sign = 1;
        for (int i = 0; i < law.Parameters.Count; i++)
        {
            var (name, value) = law.Parameters[i];
            if (looks is not null && name == "looks")
                continue;
            if (value < 0)
                sign = -1;
            free.Add(Math.Log(Math.Abs(value)) - (IsScale(name) ? sample.MeanLog : 0));
        }
        return ([.. free], sign);
    }

    private static bool IsScale(string name) => name is "mean" or "median" or "scale";

    private static ClutterLaw Build(ClutterFamily family, double? looks, FitSample sample, IReadOnlyList<double> free,
        double sign)
    {
        string[] names = Names(family);
        var values = new double[names.Length];
        int next = 0;
        for (int i = 0; i < names.Length; i++)
        {
            if (looks is not null && names[i] == "looks")
                values[i] = looks.Value;
            else if (IsScale(names[i]))
                values[i] = Math.Exp(Math.Clamp(free[next++] + sample.MeanLog, -700, 700));
            else
                values[i] = Math.Clamp(Math.Exp(free[next++]), Smallest, Largest) * (names[i] == "power" ? sign : 1);
        }
        return ClutterFamilies.Law(family, values);
    }

    private static string[] Names(ClutterFamily family) => family switch
    {
        ClutterFamily.Exponential => ["mean"],
        ClutterFamily.Gamma => ["looks", "mean"],
        ClutterFamily.LogNormal => ["median", "sigma"],
        ClutterFamily.Weibull => ["shape", "scale"],
        ClutterFamily.K => ["shape", "looks", "mean"],
        ClutterFamily.Fisher => ["texture", "looks", "scale"],
        _ => ["shape", "power", "scale"],
    };

    private static (double Likelihood, double[] Parameters, double Sign) Maximise(
        FitSample sample, ClutterFamily family, double? looks, double[] start, double sign)
    {
        double[] best = start;
        double lowest = double.PositiveInfinity;
        double Cost(IReadOnlyList<double> free)
        {
            double value = -sample.MeanLogLikelihood(Build(family, looks, sample, free, sign));
            if (value < lowest)
                (lowest, best) = (value, [.. free]);
            return double.IsFinite(value) ? value : 1e300;
        }
        // A second start from the first answer frees a simplex that has collapsed too early.
        foreach (double size in new[] { 0.25, 0.02 })
        {
            try
            {
                NelderMeadSimplex.Minimum(
                    ObjectiveFunction.Value(v => Cost(v.ToArray())), Vector<double>.Build.DenseOfArray(best),
                    Vector<double>.Build.Dense(start.Length, size), 1e-14, 600);
            }
            catch (MaximumIterationsException)
            {
                // The likelihood is flat along some direction; the best point so far is kept,
                // and its border or error tells.
            }
        }
        var polished = Polished(best, Cost);
        return (-Cost(polished), polished, sign);
    }

    /// <summary>Newton steps with a numerical gradient and Hessian, kept only where they lower the cost.</summary>
    private static double[] Polished(double[] point, Func<IReadOnlyList<double>, double> cost)
    {
        for (int round = 0; round < 3; round++)
        {
            var (gradient, hessian) = Derivatives(point, cost);
            if (!IsPositiveDefinite(hessian))
                return point;
            var step = hessian.Solve(gradient);
            var next = point.Zip(step, (p, s) => p - s).ToArray();
            if (!(cost(next) <= cost(point)))
                return point;
            point = next;
        }
        return point;
    }

    private static double[] Errors(
        FitSample sample, ClutterFamily family, double? looks, double[] parameters, double sign, ClutterLaw law)
    {
        var (_, hessian) =
            Derivatives(parameters, free => -sample.MeanLogLikelihood(Build(family, looks, sample, free, sign)));
        var errors = new double[law.Parameters.Count];
        if (!IsPositiveDefinite(hessian))
        {
            Array.Fill(errors, double.NaN);
            return errors;
        }
        var covariance = hessian.Inverse() / sample.Count;
        int next = 0;
        for (int i = 0; i < errors.Length; i++)
        {
            bool isFixed = looks is not null && law.Parameters[i].Name == "looks";
            errors[i] = isFixed ? 0 : Math.Abs(law.Parameters[i].Value) * Math.Sqrt(covariance[next, next]);
            next += isFixed ? 0 : 1;
        }
        return errors;
    }

    private static (Vector<double> Gradient, Matrix<double> Hessian) Derivatives(double[] point,
        Func<IReadOnlyList<double>, double> cost)
    {
        const double h = 1e-3;
        int n = point.Length;
        var gradient = Vector<double>.Build.Dense(n);
        var hessian = Matrix<double>.Build.Dense(n, n);
        double centre = cost(point);
        double At(int i, double a, int j, double b)
        {
            var moved = (double[])point.Clone();
            moved[i] += a;
            moved[j] += b;
            return cost(moved);
        }
        for (int i = 0; i < n; i++)
        {
            double up = At(i, h, i, 0), down = At(i, -h, i, 0);
            gradient[i] = (up - down) / (2 * h);
            hessian[i, i] = (up - 2 * centre + down) / (h * h);
            for (int j = 0; j < i; j++)
                hessian[i, j] = hessian[j, i] = (At(i, h, j, h) - At(i, h, j, -h) - At(i, -h, j, h)
                    + At(i, -h, j, -h)) / (4 * h * h);
        }
        return (gradient, hessian);
    }

    private static bool IsPositiveDefinite(Matrix<double> matrix) =>
        matrix.ForAll(double.IsFinite) && matrix.Evd(Symmetricity.Symmetric).EigenValues.Real().Minimum() > 1e-9;
}
