// Distances between two sets of feature vectors: Fréchet, kernel, density and coverage.
using MathNet.Numerics.LinearAlgebra;

namespace SarSynth.Evaluation;

/// <summary>Distances of sets of points, each a vector of one length.</summary>
public static class FeatureDistances
{
    /// <summary>Neighbours that a point's ball holds, in <see cref="DensityAndCoverage"/>.</summary>
    public const int Neighbours = 5;

    /// <summary>
    /// Squared Fréchet distance of the normal laws with the sets' means and covariances:
    /// |m - n|² + trace(A + B - 2 (A B)^(1/2)). It is biased upwards for small sets.
    /// </summary>
    /// <param name="x">A set of two points or more.</param>
    /// <param name="y">The other.</param>
    /// <remarks>Dowson and Landau (1982), J. Multivariate Analysis 12(3); Heusel et al. (2017) for images.</remarks>
    /// <exception cref="ArgumentException">A set has fewer than two points.</exception>
    public static double Frechet(IReadOnlyList<double[]> x, IReadOnlyList<double[]> y)
    {
        var ((m, a), (n, b)) = (Moments(x, nameof(x)), Moments(y, nameof(y)));
        // (A B)^(1/2) has the trace of (A^(1/2) B A^(1/2))^(1/2), which is symmetric.
        var root = Root(a);
        var trace = (root * b * root).Evd(Symmetricity.Symmetric).EigenValues
            .Sum(v => Math.Sqrt(Math.Max(0, v.Real)));
        var gap = m - n;
        return gap * gap + a.Trace() + b.Trace() - 2 * trace;
    }

    /// <summary>
    /// Squared maximum mean discrepancy with the kernel (x·y / d + 1)³, unbiased: 0 in the mean for equal laws, and
    /// below 0 by chance.
    /// </summary>
    /// <param name="x">A set of two points or more.</param>
    /// <param name="y">The other.</param>
    /// <remarks>Binkowski et al. (2018), the kernel inception distance, on any features.</remarks>
    /// <exception cref="ArgumentException">A set has fewer than two points.</exception>
    public static double Kernel(IReadOnlyList<double[]> x, IReadOnlyList<double[]> y)
    {
        Check(x, nameof(x), 2);
        Check(y, nameof(y), 2);
        return Within(x) + Within(y) - 2 * Mean(x, y);

        static double Within(IReadOnlyList<double[]> set)
        {
            var sum = 0.0;
            for (var i = 0; i < set.Count; i++)
                for (var j = 0; j < i; j++)
                    sum += Cubic(set[i], set[j]);
            return 2 * sum / ((double)set.Count * (set.Count - 1));
        }

        static double Mean(IReadOnlyList<double[]> a, IReadOnlyList<double[]> b) =>
            a.Sum(p => b.Sum(q => Cubic(p, q))) / ((double)a.Count * b.Count);

        static double Cubic(double[] a, double[] b)
        {
            var dot = 0.0;
            for (var i = 0; i < a.Length; i++)
                dot += a[i] * b[i];
            var k = dot / a.Length + 1;
            return k * k * k;
        }
    }

    /// <summary>
    /// Balls around the true points reach to their fifth neighbour. Density: how many balls a made point lies in, over
    /// the five that are expected; coverage: the share of balls that hold a made point.
    /// </summary>
    /// <param name="truth">More than <see cref="Neighbours"/> points.</param>
    /// <param name="made">One or more.</param>
    /// <remarks>Naeem et al. (2020), ICML.</remarks>
    /// <exception cref="ArgumentException">Too few points.</exception>
    public static (double Density, double Coverage) DensityAndCoverage(
        IReadOnlyList<double[]> truth, IReadOnlyList<double[]> made)
    {
        Check(truth, nameof(truth), Neighbours + 1);
        Check(made, nameof(made), 1);
        var (inside, covered) = (0L, 0);
        for (var i = 0; i < truth.Count; i++)
        {
            // Its own distance, 0, is the first.
            var own = truth.Select(t => Squared(truth[i], t)).ToArray();
            Array.Sort(own);
            var held = made.Count(m => Squared(truth[i], m) < own[Neighbours]);
            inside += held;
            covered += held > 0 ? 1 : 0;
        }
        return (inside / ((double)Neighbours * made.Count), covered / (double)truth.Count);
    }

    /// <summary>
    /// How near each point of a set is to a training set: memorised images are nearer than held-out ones.
    /// </summary>
    /// <param name="training">The training set.</param>
    /// <param name="points">The points.</param>
    /// <returns>The distance of each to its nearest.</returns>
    /// <exception cref="ArgumentException">The training set is empty.</exception>
    public static double[] Nearest(IReadOnlyList<double[]> training, IReadOnlyList<double[]> points)
    {
        Check(training, nameof(training), 1);
        return [.. points.Select(p => Math.Sqrt(training.Min(t => Squared(p, t))))];
    }

    private static double Squared(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
            sum += (a[i] - b[i]) * (a[i] - b[i]);
        return sum;
    }

    private static (Vector<double> Mean, Matrix<double> Covariance) Moments(IReadOnlyList<double[]> set, string name)
    {
        Check(set, name, 2);
        var data = Matrix<double>.Build.DenseOfRowArrays(set);
        var mean = data.ColumnSums() / set.Count;
        var centred = data - Matrix<double>.Build.Dense(set.Count, mean.Count, (_, j) => mean[j]);
        return (mean, centred.TransposeThisAndMultiply(centred) / (set.Count - 1));
    }

    private static Matrix<double> Root(Matrix<double> a)
    {
        var parts = a.Evd(Symmetricity.Symmetric);
        var values = parts.EigenValues.Map(v => Math.Sqrt(Math.Max(0, v.Real)));
        return parts.EigenVectors * Matrix<double>.Build.DiagonalOfDiagonalVector(values)
            * parts.EigenVectors.Transpose();
    }

    private static void Check(IReadOnlyList<double[]> set, string name, int least)
    {
        if (set.Count < least)
            throw new ArgumentException($"{name}: found {set.Count} points, expected {least} or more.", name);
    }
}
