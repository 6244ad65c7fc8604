// Lee's refined filter: statistics from the half of the window that lies on the pixel's side of an edge.
using System.Numerics;

namespace SarSynth.Radar.Radiometry;

/// <summary>
/// Refined Lee filter, 7 x 7: the means of nine 3 x 3 blocks give the strongest edge direction of four and the side the
/// pixel lies on; local statistics are taken from that edge-aligned half window (28 pixels) only.
/// </summary>
/// <remarks>
/// Lee (1981); Lee and Pottier (2009), sec. 5.3: reflectivity variance (var - mean² / looks) / (1 + 1 / looks), not
/// below 0, weight that over var.
/// </remarks>
/// <param name="Looks">Equivalent number of looks of the input.</param>
public sealed record RefinedLeeFilter(double Looks = 1) : SpeckleFilter
{
    private const int Half = 3;
    private readonly double looks = ValidLooks(Looks);

    /// <inheritdoc/>
    public override int Halo => Half;

    // For each of four edge directions, the two half windows: the pixels whose product with the
    // edge's normal is not negative, or not positive.
    private static readonly (int Row, int Column)[][] Sides =
        [.. ((int Row, int Column)[])[(0, 1), (1, 0), (1, 1), (1, -1)] is var normals
            ? normals.SelectMany(normal => (int[])[1, -1], (normal, side) =>
            (from row in Enumerable.Range(-Half, 7)
             from column in Enumerable.Range(-Half, 7)
             where side * (row * normal.Row + column * normal.Column) >= 0
             select (row, column)).ToArray()) : []];

    private protected override void Filter(float[] intensity, int rows, int columns, float[] result)
    {
        var stride = columns + 2 * Half + Vector<float>.Count;
        var offsets = Array.ConvertAll(Sides, side => Array.ConvertAll(side, at => at.Row * stride + at.Column));
        Parallel.For(0, rows, row =>
        {
            var padded = FrostFilter.Pad(intensity, rows, columns, row, Half);
            // Means of 3 x 3 blocks around every pixel of the rows above, here and below: nine pixels share each.
            var means = new double[3 * (columns + 4)];
            for (var line = 0; line < 3; line++)
            {
                for (var column = 0; column < columns + 4; column++)
                    means[line * (columns + 4) + column] = BlockMean(padded,
                        (Half + 2 * line - 2) * stride + Half - 2 + column, stride);
            }
            Span<double> blocks = stackalloc double[9];
            for (var column = 0; column < columns; column++)
            {
                var centre = Half * stride + Half + column;
                for (var block = 0; block < 9; block++)
                    blocks[block] = means[block / 3 * (columns + 4) + column + block % 3 * 2];
                result[row * columns + column] = Estimate(padded, centre, offsets[Side(blocks)]);
            }
        });
    }

    // Blocks are 0 1 2 / 3 4 5 / 6 7 8. Strongest gradient, then the side whose mean is nearer to the centre's.
    private static int Side(ReadOnlySpan<double> m)
    {
        ReadOnlySpan<double> gradients =
        [
            Math.Abs(m[2] + m[5] + m[8] - m[0] - m[3] - m[6]),
            Math.Abs(m[6] + m[7] + m[8] - m[0] - m[1] - m[2]),
            Math.Abs(m[5] + m[7] + m[8] - m[0] - m[1] - m[3]),
            Math.Abs(m[3] + m[6] + m[7] - m[1] - m[2] - m[5]),
        ];
        var direction = 0;
        for (var i = 1; i < 4; i++)
        {
            if (gradients[i] > gradients[direction])
                direction = i;
        }
        var (forward, backward) = direction switch
        {
            0 => (m[5], m[3]),
            1 => (m[7], m[1]),
            2 => (m[8], m[0]),
            _ => (m[6], m[2]),
        };
        return 2 * direction + (Math.Abs(forward - m[4]) <= Math.Abs(backward - m[4]) ? 0 : 1);
    }

    private static double BlockMean(float[] padded, int centre, int stride)
    {
        double sum = 0;
        var count = 0;
        for (var r = -1; r <= 1; r++)
        {
            for (var c = -1; c <= 1; c++)
            {
                var value = padded[centre + r * stride + c];
                if (!float.IsFinite(value))
                    continue;
                sum += value;
                count++;
            }
        }
        return count > 0 ? sum / count : 0;
    }

    private float Estimate(float[] padded, int centre, int[] side)
    {
        double sum = 0, squares = 0;
        var count = 0;
        foreach (var offset in side)
        {
            var value = padded[centre + offset];
            if (!float.IsFinite(value))
                continue;
            sum += value;
            squares += (double)value * value;
            count++;
        }
        var mean = sum / count;
        var variance = squares / count - mean * mean;
        if (!(variance > 0))
            return (float)mean;
        var noise = 1 / looks;
        var weight = Math.Max((variance - mean * mean * noise) / (1 + noise), 0) / variance;
        return (float)(mean + weight * (padded[centre] - mean));
    }
}
