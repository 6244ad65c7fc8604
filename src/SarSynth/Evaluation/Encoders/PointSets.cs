// Distances between any choices of scenes from two sets of points, with every product of two points computed once.
using MathNet.Numerics.LinearAlgebra;

namespace SarSynth.Evaluation;

/// <summary>Points of true scenes and of others.</summary>
internal sealed class PointSets
{
    private readonly double[,] tt, oo, to;
    private readonly int length;
    private readonly int[][] truthOf, ownOf;

    /// <summary>Computes all inner products.</summary>
    /// <param name="truth">
    /// Of each true scene the length of a point, then its points one behind the other; null where it has none.
    /// </param>
    /// <param name="own">Those of the others.</param>
    /// <param name="most">Of more points than this in a set as many are taken, evenly.</param>
    public PointSets(IReadOnlyList<double[]?> truth, IReadOnlyList<double[]?> own, int most)
    {
        length = (int)(truth.Concat(own).FirstOrDefault(p => p is not null)?[0] ?? 1);
        (truthOf, var t) = Points(truth, length, most);
        (ownOf, var o) = Points(own, length, most);
        (tt, oo, to) = (Products(t, t), Products(o, o), Products(t, o));
    }

    /// <summary>Whether scenes have points enough for what is below.</summary>
    public bool IsEnough(int[] truth, int[] own) =>
        Distinct(truthOf, truth).Length > FeatureDistances.Neighbours && Distinct(ownOf, own).Length > 1;

    /// <summary><see cref="FeatureDistances.Frechet"/> of scenes, drawn twice or not.</summary>
    /// <remarks>
    /// With X and Y the centred points, the trace of (A B)^(1/2) is the sum of the singular values of X Y' over the
    /// roots of both n - 1: no matrix is larger than there are points.
    /// </remarks>
    public double Frechet(int[] truth, int[] own)
    {
        var ((t, w), (o, v)) = (Weighted(truthOf, truth), Weighted(ownOf, own));
        double n = w.Sum(), m = v.Sum();
        double[] row = new double[t.Length], column = new double[o.Length];
        double ofTruth = 0, ofOwn = 0, diagonalT = 0, diagonalO = 0;
        var cross = Matrix<double>.Build.Dense(t.Length, o.Length);
        for (var i = 0; i < t.Length; i++)
        {
            diagonalT += w[i] * tt[t[i], t[i]];
            for (var j = 0; j < t.Length; j++)
                ofTruth += w[i] * w[j] * tt[t[i], t[j]];
            for (var j = 0; j < o.Length; j++)
            {
                row[i] += v[j] * to[t[i], o[j]] / m;
                column[j] += w[i] * to[t[i], o[j]] / n;
            }
        }
        for (var i = 0; i < o.Length; i++)
        {
            diagonalO += v[i] * oo[o[i], o[i]];
            for (var j = 0; j < o.Length; j++)
                ofOwn += v[i] * v[j] * oo[o[i], o[j]];
        }
        (ofTruth, ofOwn) = (ofTruth / n / n, ofOwn / m / m);
        var between = row.Zip(w, (r, k) => r * k).Sum() / n;
        for (var i = 0; i < t.Length; i++)
            for (var j = 0; j < o.Length; j++)
                cross[i, j] = Math.Sqrt(w[i] * v[j]) * (to[t[i], o[j]] - row[i] - column[j] + between);
        var trace = cross.Svd(computeVectors: false).S.Sum() / Math.Sqrt((n - 1) * (m - 1));
        return ofTruth + ofOwn - 2 * between + (diagonalT - n * ofTruth) / (n - 1) + (diagonalO - m * ofOwn) / (m - 1)
            - 2 * trace;
    }

    /// <summary><see cref="FeatureDistances.Kernel"/> of scenes, each taken once.</summary>
    public double Kernel(int[] truth, int[] own)
    {
        var (t, o) = (Distinct(truthOf, truth), Distinct(ownOf, own));
        return Within(tt, t) + Within(oo, o) - 2 * t.Average(i => o.Average(j => Cubic(to[i, j])));

        double Within(double[,] products, int[] points) => points.Sum(i => points.Sum(j =>
            i == j ? 0 : Cubic(products[i, j]))) / ((double)points.Length * (points.Length - 1));

        double Cubic(double product)
        {
            var k = product / length + 1;
            return k * k * k;
        }
    }

    /// <summary><see cref="FeatureDistances.DensityAndCoverage"/> of scenes, each taken once.</summary>
    public (double Density, double Coverage) DensityAndCoverage(int[] truth, int[] own)
    {
        var (t, o) = (Distinct(truthOf, truth), Distinct(ownOf, own));
        var (inside, covered) = (0L, 0);
        foreach (var i in t)
        {
            double[] near = [.. t.Select(j => tt[i, i] + tt[j, j] - 2 * tt[i, j]).Order()];
            var held = o.Count(j => tt[i, i] + oo[j, j] - 2 * to[i, j] < near[FeatureDistances.Neighbours]);
            inside += held;
            covered += held > 0 ? 1 : 0;
        }
        return (inside / ((double)FeatureDistances.Neighbours * o.Length), covered / (double)t.Length);
    }

    private static int[] Distinct(int[][] of, int[] scenes) => [.. scenes.Distinct().SelectMany(s => of[s])];

    private static (int[] Points, double[] Weights) Weighted(int[][] of, int[] scenes)
    {
        var counts = scenes.CountBy(s => s).ToArray();
        return ([.. counts.SelectMany(c => of[c.Key])],
            [.. counts.SelectMany(c => of[c.Key].Select(_ => (double)c.Value))]);
    }

    // For each scene the indices of its points among those that are taken.
    private static (int[][] Of, Matrix<double> Points) Points(IReadOnlyList<double[]?> scenes, int length, int most)
    {
        var all = scenes.Index().SelectMany(s => (s.Item ?? []).Skip(1).Chunk(length).Select(p => (s.Index, Point: p)))
            .ToArray();
        if (all.Length > most)
            all = [.. Enumerable.Range(0, most).Select(i => all[(int)((i + 0.5) * all.Length / most)])];
        var of = new List<int>[scenes.Count];
        for (var s = 0; s < of.Length; s++)
            of[s] = [];
        foreach (var (i, point) in all.Index())
            of[point.Index].Add(i);
        return ([.. of.Select(o => o.ToArray())], Matrix<double>.Build.DenseOfRowArrays(
            all.Length > 0 ? all.Select(p => p.Point) : [new double[length]]));
    }

    private static double[,] Products(Matrix<double> a, Matrix<double> b) => a.TransposeAndMultiply(b).ToArray();
}
