// A Gaussian field with a Gaussian correlation, line by line and at any place: the texture of ground.
using System.Numerics.Tensors;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Simulation;

/// <summary>
/// Standard normal values whose correlation over d pixels is exp(-d² / (4 length²)); what stands at a place hangs on
/// seed, name and place alone.
/// </summary>
public sealed class CorrelatedField
{
    private readonly ulong seed, stream;
    private readonly int columns;
    private readonly float[] weights;
    private readonly Dictionary<int, float[]> smooth = [];

    /// <summary>A field.</summary>
    /// <param name="seed">Its seed.</param>
    /// <param name="name">What it is for.</param>
    /// <param name="columns">Columns of the lines that will be asked for.</param>
    /// <param name="length">Deviation of the smoothing that makes it, pixels; 0 leaves it white.</param>
    public CorrelatedField(ulong seed, string name, int columns, double length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        (this.seed, this.columns, stream) = (seed, columns, SeededRandom.StreamCode(name));
        var reach = (int)Math.Ceiling(4 * length);
        double[] raw = [.. Enumerable.Range(-reach, 2 * reach + 1)
            .Select(k => k == 0 ? 1 : Math.Exp(-k * k / (2 * length * length)))];
        var norm = 1 / Math.Sqrt(raw.Sum(w => w * w));
        weights = Array.ConvertAll(raw, w => (float)(w * norm));
    }

    /// <summary>A line of the field.</summary>
    /// <param name="row">Which; lines in turn cost least.</param>
    public float[] Line(int row)
    {
        var reach = weights.Length / 2;
        foreach (var old in smooth.Keys.Where(k => Math.Abs(k - row) > reach).ToArray())
            smooth.Remove(old);
        var sum = new float[columns];
        for (var k = 0; k < weights.Length; k++)
        {
            var at = row + k - reach;
            if (!smooth.TryGetValue(at, out var line))
                smooth[at] = line = Across(at, reach);
            TensorPrimitives.MultiplyAdd(line, weights[k], sum, sum);
        }
        return sum;
    }

    private float[] Across(int row, int reach)
    {
        var white = new float[columns + 2 * reach];
        new SeededRandom(seed, stream, row).FillNormal(white);
        var sum = new float[columns];
        for (var k = 0; k < weights.Length; k++)
            TensorPrimitives.MultiplyAdd(white.AsSpan(k, columns), weights[k], sum, sum);
        return sum;
    }
}
