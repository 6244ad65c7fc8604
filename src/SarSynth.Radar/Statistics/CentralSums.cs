// Central moments of numbers that come in blocks, without cancellation: Pébay (2008), SAND2008-6212,
// eq. 2.9 (the pairwise update).
namespace SarSynth.Radar.Statistics;

/// <summary>Count, mean and sums of powers of deviations up to an order; two of them merge into one.</summary>
internal sealed class CentralSums(int order)
{
    private double[] sums = new double[order + 1];

    /// <summary>How many numbers there were.</summary>
    public long Count { get; private set; }

    /// <summary>Their mean.</summary>
    public double Mean { get; private set; }

    /// <summary>The sums of a block, in two passes over it.</summary>
    public static CentralSums Of(ReadOnlySpan<double> values, int order)
    {
        var result = new CentralSums(order) { Count = values.Length };
        if (values.IsEmpty)
            return result;
        double sum = 0;
        foreach (double value in values)
            sum += value;
        result.Mean = sum / values.Length;
        foreach (double value in values)
        {
            double d = value - result.Mean, power = d;
            for (int p = 2; p <= order; p++)
                result.sums[p] += power *= d;
        }
        return result;
    }

    /// <summary>Takes in the numbers of another.</summary>
    public void Merge(CentralSums other)
    {
        if (other.Count == 0)
            return;
        double n = Count + other.Count, delta = other.Mean - Mean, mine = Count / n, theirs = other.Count / n;
        var merged = new double[sums.Length];
        for (int p = 2; p < sums.Length; p++)
        {
            merged[p] = sums[p] + other.sums[p]
                + Count * Math.Pow(-theirs * delta, p) + other.Count * Math.Pow(mine * delta, p);
            double binomial = p;
            for (int k = 1; k <= p - 2; k++)
            {
                merged[p] += binomial * (Math.Pow(-theirs * delta, k) * sums[p - k]
                    + Math.Pow(mine * delta, k) * other.sums[p - k]);
                binomial *= (p - k) / (k + 1.0);
            }
        }
        Mean += theirs * delta;
        Count += other.Count;
        sums = merged;
    }

    /// <summary>The biased central moments by their orders; 0 at orders 0 and 1.</summary>
    public double[] Moments() => Array.ConvertAll(sums, s => s / Count);
}
