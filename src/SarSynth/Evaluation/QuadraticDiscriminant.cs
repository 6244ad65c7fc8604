// Gaussian classes: each by its own mean and covariance. Hastie, Tibshirani and Friedman (2009), sec. 4.3.
using MathNet.Numerics.LinearAlgebra;

namespace SarSynth.Evaluation;

/// <summary>Quadratic discriminant analysis with equal priors.</summary>
public sealed class QuadraticDiscriminant
{
    private readonly Vector<double>[] means;
    private readonly Matrix<double>[] whitening;
    private readonly double[] offsets;
    private int[]? names;

    private QuadraticDiscriminant(Vector<double>[] means, Matrix<double>[] whitening, double[] offsets) =>
        (this.means, this.whitening, this.offsets) = (means, whitening, offsets);

    /// <summary>Number of classes.</summary>
    public int Classes => means.Length;

    /// <summary>Learns from examples.</summary>
    /// <param name="features">Features of each example, all of one length.</param>
    /// <param name="classes">Class of each, 0 to <paramref name="count"/> - 1.</param>
    /// <param name="count">Number of classes.</param>
    /// <param name="ridge">Added to variances, in units of the features squared.</param>
    /// <exception cref="ArgumentException">
    /// Lengths differ, or a class has no more examples than there are features.
    /// </exception>
    public static QuadraticDiscriminant Fit(
        IReadOnlyList<double[]> features, IReadOnlyList<int> classes, int count, double ridge = 1e-6)
    {
        if (features.Count != classes.Count)
            throw new ArgumentException($"classes: found {classes.Count}, expected one for each of {features.Count} "
                + "examples.", nameof(classes));
        var (means, whitening, offsets) = (new Vector<double>[count], new Matrix<double>[count], new double[count]);
        for (var k = 0; k < count; k++)
        {
            double[][] own = [.. features.Where((_, i) => classes[i] == k)];
            var length = features[0].Length;
            if (own.Length <= length)
                throw new ArgumentException($"class {k}: found {own.Length} examples, expected more than the {length} "
                    + "features.", nameof(classes));
            var data = Matrix<double>.Build.DenseOfRowArrays(own);
            means[k] = data.ColumnSums() / own.Length;
            var centred = data - Matrix<double>.Build.Dense(own.Length, length, (_, j) => means[k][j]);
            var covariance = centred.TransposeThisAndMultiply(centred) / (own.Length - 1)
                + Matrix<double>.Build.DenseIdentity(length) * ridge;
            var factor = covariance.Cholesky().Factor;
            whitening[k] = factor.Inverse();
            offsets[k] = -factor.Diagonal().Sum(Math.Log);
        }
        return new(means, whitening, offsets);
    }

    /// <summary>Learns the classes that have more examples than there are features.</summary>
    /// <returns>Null where there is no such class.</returns>
    internal static QuadraticDiscriminant? OfThoseThereAre(
        IReadOnlyList<double[]> features, IReadOnlyList<int> classes, int count, double ridge = 1e-6)
    {
        if (features.Count == 0)
            return null;
        int[] known = [.. Enumerable.Range(0, count).Where(k => classes.Count(c => c == k) > features[0].Length)];
        if (known.Length == 0)
            return null;
        int[] kept = [.. Enumerable.Range(0, classes.Count).Where(i => known.Contains(classes[i]))];
        var learnt = Fit([.. kept.Select(i => features[i])], [.. kept.Select(i => Array.IndexOf(known, classes[i]))],
            known.Length, ridge);
        return new(learnt.means, learnt.whitening, learnt.offsets) { names = known };
    }

    /// <summary>Whether it can call an example so.</summary>
    internal bool Knows(int which) => names is null ? which < Classes : names.Contains(which);

    /// <summary>Logarithm of each class's density, up to one constant.</summary>
    /// <param name="features">Of one example.</param>
    public double[] Scores(double[] features)
    {
        var scores = new double[means.Length];
        var x = Vector<double>.Build.Dense(features);
        for (var k = 0; k < scores.Length; k++)
        {
            var white = whitening[k] * (x - means[k]);
            scores[k] = offsets[k] - 0.5 * (white * white);
        }
        return scores;
    }

    /// <summary>The most likely class.</summary>
    /// <param name="features">Of one example.</param>
    public int Classify(double[] features)
    {
        var scores = Scores(features);
        var best = Array.IndexOf(scores, scores.Max());
        return names is null ? best : names[best];
    }
}
