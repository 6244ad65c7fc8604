// The sums over a co-occurrence matrix from which every feature follows, kept up to date pair by pair.
namespace SarSynth.Radar.Statistics;

/// <summary>
/// Counts of pairs with their marginals and running sums: adding or removing a pair
/// costs the same for any number of levels.
/// </summary>
internal sealed class CooccurrenceSums(int levels)
{
    private readonly long[] cells = new long[levels * levels];
    private readonly long[] first = new long[levels], second = new long[levels];
    private readonly long[] sum = new long[2 * levels - 1], difference = new long[levels];
    private double total, squares;
    private double sumI, sumJ, sumII, sumJJ, sumIJ;
    private double xLogCells, xLogFirst, xLogSecond, xLogSum, xLogDifference;

    /// <summary>Adds (or, with a negative count, removes) pairs of grey levels i and j.</summary>
    public void AddCell(int i, int j, long count)
    {
        long old = cells[i * levels + j];
        squares += (double)(old + count) * (old + count) - (double)old * old;
        xLogCells += Change(ref cells[i * levels + j], count);
        xLogFirst += Change(ref first[i], count);
        xLogSecond += Change(ref second[j], count);
        xLogSum += Change(ref sum[i + j], count);
        xLogDifference += Change(ref difference[Math.Abs(i - j)], count);
        double n = count;
        total += n;
        sumI += n * i;
        sumJ += n * j;
        sumII += n * i * i;
        sumJJ += n * j * j;
        sumIJ += n * i * j;
    }

    /// <summary>Forgets all pairs.</summary>
    public void Clear()
    {
        Array.Clear(cells);
        Array.Clear(first);
        Array.Clear(second);
        Array.Clear(sum);
        Array.Clear(difference);
        total = squares = sumI = sumJ = sumII = sumJJ = sumIJ = 0;
        xLogCells = xLogFirst = xLogSecond = xLogSum = xLogDifference = 0;
    }

    /// <summary>A feature; NaN when there is no pair.</summary>
    public double Feature(GlcmFeature feature)
    {
        if (total == 0)
            return double.NaN;
        double meanI = sumI / total, meanJ = sumJ / total;
        // The sums are whole numbers, exact in double, so that these differences lose nothing.
        double varianceI = Math.Max(0, (sumII * total - sumI * sumI) / (total * total));
        double varianceJ = Math.Max(0, (sumJJ * total - sumJ * sumJ) / (total * total));
        double covariance = (sumIJ * total - sumI * sumJ) / (total * total);
        double contrast = (sumII + sumJJ - 2 * sumIJ) / total;
        switch (feature)
        {
            case GlcmFeature.Contrast:
                return contrast;
            case GlcmFeature.Dissimilarity:
                return OverDifferences(static d => d);
            case GlcmFeature.Homogeneity:
                return OverDifferences(static d => 1.0 / (1.0 + (double)d * d));
            case GlcmFeature.AngularSecondMoment:
                return squares / (total * total);
            case GlcmFeature.Energy:
                return Math.Sqrt(squares) / total;
            case GlcmFeature.Correlation:
                return varianceI == 0 || varianceJ == 0 ? 1 : covariance / Math.Sqrt(varianceI * varianceJ);
            case GlcmFeature.Variance:
                return varianceI;
            case GlcmFeature.SumAverage:
                return meanI + meanJ;
            case GlcmFeature.SumVariance:
                return Math.Max(0, varianceI + varianceJ + 2 * covariance);
            case GlcmFeature.SumEntropy:
                return Entropy(xLogSum);
            case GlcmFeature.Entropy:
                return Entropy(xLogCells);
            case GlcmFeature.DifferenceVariance:
                double mean = OverDifferences(static d => d);
                return Math.Max(0, contrast - mean * mean);
            case GlcmFeature.DifferenceEntropy:
                return Entropy(xLogDifference);
            case GlcmFeature.InformationCorrelation1:
                // -sum p ln(px py) is HX + HY, and so is the entropy of px py: HXY1 = HXY2 = HX + HY.
                double larger = Math.Max(Entropy(xLogFirst), Entropy(xLogSecond));
                return larger > 0 ? (Entropy(xLogCells) - Entropy(xLogFirst) - Entropy(xLogSecond)) / larger : 0;
            case GlcmFeature.InformationCorrelation2:
                double shared = Math.Max(0, Entropy(xLogFirst) + Entropy(xLogSecond) - Entropy(xLogCells));
                return Math.Sqrt(-Math.Exp(-2 * shared) + 1);
            case GlcmFeature.MaximumProbability:
                return System.Numerics.Tensors.TensorPrimitives.Max<long>(cells) / total;
            case GlcmFeature.Autocorrelation:
                return sumIJ / total;
            case GlcmFeature.ClusterShade:
                return OverSums(meanI + meanJ, 3);
            case GlcmFeature.ClusterProminence:
                return OverSums(meanI + meanJ, 4);
            default:
                throw new ArgumentOutOfRangeException(nameof(feature), feature,
                    "Expected a feature of a co-occurrence matrix.");
        }
    }

    private double Entropy(double xLog)
    {
        double entropy = Math.Log(total) - xLog / total;
        return entropy > 1e-12 ? entropy : 0;
    }

    private double OverDifferences(Func<int, double> weight)
    {
        double result = 0;
        for (int d = 0; d < difference.Length; d++)
            if (difference[d] != 0)
                result += difference[d] * weight(d);
        return result / total;
    }

    private double OverSums(double mean, int power)
    {
        double result = 0;
        for (int s = 0; s < sum.Length; s++)
            if (sum[s] != 0)
                result += sum[s] * Math.Pow(s - mean, power);
        return result / total;
    }

    /// <summary>Changes a count and returns the change of n ln n.</summary>
    private static double Change(ref long cell, long count)
    {
        long old = cell;
        cell = old + count;
        return XLogX(cell) - XLogX(old);
    }

    private static double XLogX(long n) =>
        n < Table.Length ? Table[n] : n * Math.Log(n);

    private static readonly double[] Table = [.. Enumerable.Range(0, 8192).Select(n => n == 0 ? 0 : n * Math.Log(n))];
}
