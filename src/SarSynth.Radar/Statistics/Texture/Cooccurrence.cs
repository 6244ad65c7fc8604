// One co-occurrence matrix and the features of Haralick et al. (1973) with their usual companions.
using System.Text.Json.Serialization;
using MathNet.Numerics.LinearAlgebra;

namespace SarSynth.Radar.Statistics;

/// <summary>
/// A feature of a co-occurrence matrix; p is the normalised matrix, i and j the grey levels of a pair.
/// </summary>
public enum GlcmFeature
{
    /// <summary>sum (i - j)² p.</summary>
    Contrast,
    /// <summary>sum |i - j| p.</summary>
    Dissimilarity,
    /// <summary>sum p / (1 + (i - j)²), Haralick's inverse difference moment.</summary>
    Homogeneity,
    /// <summary>sum p² (ASM).</summary>
    AngularSecondMoment,
    /// <summary>Square root of the angular second moment.</summary>
    Energy,
    /// <summary>Correlation of i and j; 1 where one of them is constant (scikit-image's rule).</summary>
    Correlation,
    /// <summary>Sum of squares: sum (i - mean of i)² p.</summary>
    Variance,
    /// <summary>Mean of i + j.</summary>
    SumAverage,
    /// <summary>Variance of i + j.</summary>
    SumVariance,
    /// <summary>Entropy of i + j, nats.</summary>
    SumEntropy,
    /// <summary>Entropy of p, nats.</summary>
    Entropy,
    /// <summary>Variance of |i - j|.</summary>
    DifferenceVariance,
    /// <summary>Entropy of |i - j|, nats.</summary>
    DifferenceEntropy,
    /// <summary>
    /// Information measure of correlation 1: (H - HXY1) / max(HX, HY), 0 where both marginals are constant.
    /// </summary>
    InformationCorrelation1,
    /// <summary>Information measure of correlation 2: sqrt(1 - exp(-2 (HXY2 - H))).</summary>
    InformationCorrelation2,
    /// <summary>The largest p.</summary>
    MaximumProbability,
    /// <summary>sum i j p.</summary>
    Autocorrelation,
    /// <summary>sum (i + j - mean)³ p.</summary>
    ClusterShade,
    /// <summary>sum (i + j - mean)⁴ p.</summary>
    ClusterProminence,
}

/// <summary>A co-occurrence matrix: how often grey level j stands at an offset from grey level i.</summary>
public sealed class Cooccurrence
{
    private readonly long[] counts;

    internal Cooccurrence(int levels, double distance, double angle, bool symmetric, long[] counts)
    {
        Levels = levels;
        Distance = distance;
        Angle = angle;
        IsSymmetric = symmetric;
        this.counts = counts;
        Total = counts.Sum();
    }

    /// <summary>Number of grey levels.</summary>
    public int Levels { get; }

    /// <summary>Distance of a pair, pixels.</summary>
    public double Distance { get; }

    /// <summary>Direction of a pair, radians.</summary>
    public double Angle { get; }

    /// <summary>Whether each pair is counted in both orders.</summary>
    public bool IsSymmetric { get; }

    /// <summary>Sum of all counts; 0 when no pair fits into the image or its mask.</summary>
    public long Total { get; }

    /// <summary>Number of pairs with grey levels i, then j.</summary>
    public long Count(int i, int j) => counts[Cell(i, j)];

    /// <summary>Share of pairs with grey levels i, then j; NaN when there is no pair.</summary>
    public double Probability(int i, int j) => (double)counts[Cell(i, j)] / Total;

    /// <summary>The normalised matrix, [levels x levels], row-major; NaN when there is no pair.</summary>
    public double[] Normalised()
    {
        double total = Total;
        return Array.ConvertAll(counts, c => c / total);
    }

    /// <summary>The pairs of this matrix and of another of the same kind.</summary>
    internal Cooccurrence Plus(Cooccurrence other) =>
        new(Levels, Distance, Angle, IsSymmetric, [.. counts.Zip(other.counts, (mine, theirs) => mine + theirs)]);

    /// <summary>All features but the maximal correlation coefficient; NaN, each, when there is no pair.</summary>
    public GlcmFeatures Features()
    {
        var sums = new CooccurrenceSums(Levels);
        for (int i = 0; i < Levels; i++)
            for (int j = 0; j < Levels; j++)
                if (counts[i * Levels + j] > 0)
                    sums.AddCell(i, j, counts[i * Levels + j]);
        return GlcmFeatures.From(sums);
    }

    /// <summary>
    /// Maximal correlation coefficient (Haralick's f14): the second singular value of p(i, j) / sqrt(px(i) py(j)).
    /// </summary>
    /// <returns>In [0, 1]; 0 where one marginal is constant, NaN when there is no pair.</returns>
    public double MaximalCorrelation()
    {
        if (Total == 0)
            return double.NaN;
        var p = Matrix<double>.Build.Dense(Levels, Levels, (i, j) => Probability(i, j));
        var (px, py) = (p.RowSums(), p.ColumnSums());
        int[] rows = [.. Enumerable.Range(0, Levels).Where(i => px[i] > 0)],
            columns = [.. Enumerable.Range(0, Levels).Where(j => py[j] > 0)];
        if (rows.Length < 2 || columns.Length < 2)
            return 0;
        var scaled = Matrix<double>.Build.Dense(rows.Length, columns.Length,
            (i, j) => p[rows[i], columns[j]] / Math.Sqrt(px[rows[i]] * py[columns[j]]));
        return Math.Clamp(scaled.Svd(computeVectors: false).S[1], 0, 1);
    }

    private int Cell(int i, int j)
    {
        if ((uint)i >= (uint)Levels || (uint)j >= (uint)Levels)
            throw new ArgumentOutOfRangeException(nameof(i),
                $"Grey levels: found ({i}, {j}), expected 0 to {Levels - 1}.");
        return i * Levels + j;
    }
}

/// <summary>Features of one co-occurrence matrix, see <see cref="GlcmFeature"/>.</summary>
public sealed record GlcmFeatures
{
    private readonly double[] values = new double[Enum.GetValues<GlcmFeature>().Length];

    internal GlcmFeatures() { }

    /// <summary>Features from their names, as JSON has them; those that are missing are NaN.</summary>
    /// <param name="values">Values by the names of <see cref="GlcmFeature"/>.</param>
    [JsonConstructor]
    public GlcmFeatures(IReadOnlyDictionary<string, double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        foreach (var feature in Enum.GetValues<GlcmFeature>())
            this.values[(int)feature] = values.TryGetValue(feature.ToString(), out double value) ? value : double.NaN;
    }

    /// <summary>A feature by its name.</summary>
    [JsonIgnore]
    public double this[GlcmFeature feature] => values[(int)feature];

    /// <summary>All features by name, for tables and JSON (NaN where there was no pair).</summary>
    [JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
    public IReadOnlyDictionary<string, double> Values => Enum.GetValues<GlcmFeature>()
        .ToDictionary(f => f.ToString(), f => this[f]);

    /// <summary>The mean of several matrices' features, as is usual over angles.</summary>
    /// <param name="several">At least one.</param>
    /// <exception cref="ArgumentException">None given.</exception>
    public static GlcmFeatures Average(IEnumerable<GlcmFeatures> several)
    {
        var all = several.ToList();
        if (all.Count == 0)
            throw new ArgumentException("several: found none, expected at least one set of features.", nameof(several));
        var mean = new GlcmFeatures();
        foreach (var one in all)
            for (int i = 0; i < mean.values.Length; i++)
                mean.values[i] += one.values[i] / all.Count;
        return mean;
    }

    internal static GlcmFeatures From(CooccurrenceSums sums)
    {
        var features = new GlcmFeatures();
        foreach (var feature in Enum.GetValues<GlcmFeature>())
            features.values[(int)feature] = sums.Feature(feature);
        return features;
    }
}
