// Processes that take the steps of one training together: who they are, and what they add up.
namespace SarSynth.Diffusion.Training;

/// <summary>
/// The processes ("ranks") that share a training. Each computes some of a step's micro-batches; the gradients are added
/// up, and all take the same step. Every member but <see cref="Rank"/> and <see cref="Count"/> is a meeting: it
/// returns when all ranks have called it, in the same order.
/// </summary>
public abstract class Ranks : IDisposable
{
    /// <summary>One process.</summary>
    public static Ranks Alone { get; } = new One();

    /// <summary>This process's number, from 0.</summary>
    public abstract int Rank { get; }

    /// <summary>How many there are.</summary>
    public abstract int Count { get; }

    /// <summary>Whether this is the one that writes and reports.</summary>
    public bool IsFirst => Rank == 0;

    /// <summary>Puts the sums over all ranks in the place of the values.</summary>
    /// <param name="values">As many on every rank.</param>
    public abstract void Sum(double[] values);

    /// <inheritdoc cref="Sum(double[])"/>
    public abstract void Sum(float[] values);

    /// <summary>Ends the processes of all ranks at once: for a failure of this one, which the others would wait for.
    /// </summary>
    public abstract void Abort();

    /// <summary>Whether it is so on any rank.</summary>
    public bool Any(bool here)
    {
        if (Count == 1)
            return here;
        double[] sum = [here ? 1 : 0];
        Sum(sum);
        return sum[0] > 0;
    }

    /// <summary>Waits for all.</summary>
    public void Meet() => Any(false);

    /// <summary>The value of the first rank.</summary>
    public double OfFirst(double value)
    {
        if (Count == 1)
            return value;
        double[] sum = [IsFirst ? value : 0];
        Sum(sum);
        return sum[0];
    }

    /// <summary>Whether a number is the same on all ranks.</summary>
    /// <param name="value">Any number; its 64 bits are compared.</param>
    public bool IsSame(long value)
    {
        if (Count == 1)
            return true;
        // Whole numbers of 22 bits, whose squares' sum over 512 ranks is exact: times the count it is the sum's square
        // only if all are the same (Cauchy-Schwarz).
        double[] parts = [value & 0x3FFFFF, (value >> 22) & 0x3FFFFF, (value >>> 44) & 0xFFFFF];
        double[] sums = [.. parts, .. parts.Select(p => p * p)];
        Sum(sums);
        return Enumerable.Range(0, parts.Length)
            .All(i => (Int128)(long)sums[i] * (long)sums[i] == (Int128)Count * (long)sums[parts.Length + i]);
    }

    /// <summary>Takes leave: returns when all ranks have come to their end.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Takes leave.</summary>
    /// <param name="disposing">Whether it was asked for.</param>
    protected virtual void Dispose(bool disposing)
    {
    }

    private sealed class One : Ranks
    {
        public override int Rank => 0;

        public override int Count => 1;

        public override void Sum(double[] values)
        {
        }

        public override void Sum(float[] values)
        {
        }

        public override void Abort() => Environment.Exit(1);
    }
}
