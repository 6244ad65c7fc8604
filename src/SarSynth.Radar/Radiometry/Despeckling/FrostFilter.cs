// Frost's filter: exponential weights whose width follows the local contrast.
using System.Numerics;

namespace SarSynth.Radar.Radiometry;

/// <summary>
/// Weights exp(-damping Ci² distance) in a square window, normalised; Ci is the window's deviation over its mean.
/// </summary>
/// <remarks>
/// Frost, Stiles, Shanmugan and Holtzman (1982), in the form of Lopes, Touzi and
/// Nezry (1990); Euclidean distance in pixels.
/// </remarks>
/// <param name="Size">Side of the window, odd, at least 3.</param>
/// <param name="Damping">Above 0; larger keeps more detail.</param>
public sealed record FrostFilter(int Size = 7, double Damping = 2) : SpeckleFilter
{
    private readonly int size = ValidSize(Size);
    private readonly double damping = double.IsFinite(Damping)
        && Damping > 0 ? Damping : throw new ArgumentException($"damping: found {Damping}, expected above 0.");

    /// <inheritdoc/>
    public override int Halo => size / 2;

    private protected override void Filter(float[] intensity, int rows, int columns, float[] result)
    {
        var half = size / 2;
        // Pixels at the same distance share their weight: one exponential per ring.
        var rings = (from row in Enumerable.Range(-half, size)
                     from column in Enumerable.Range(-half, size)
                     group (row, column) by row * row + column * column into ring
                     orderby ring.Key
                     select (Distance: MathF.Sqrt(ring.Key), Offsets: ring.ToArray())).ToArray();
        var moments = GC.AllocateUninitializedArray<float>(rows * columns);
        LocalMoments.ForEachRow(intensity, rows, columns, size, moments, (pixels, means, variances, row) =>
        {
            for (var i = 0; i < pixels.Length; i++)
                row[i] = means[i] > 0 ? variances[i] / (means[i] * means[i]) : 0;
        });
        Parallel.For(0, rows, row =>
        {
            var padded = Pad(intensity, rows, columns, row, half);
            var stride = columns + 2 * half + Vector<float>.Count;
            var target = result.AsSpan(row * columns, columns);
            var column = 0;
            for (; column <= columns - Vector<float>.Count; column += Vector<float>.Count)
            {
                var rate = new Vector<float>(moments, row * columns + column) * (float)-damping;
                Vector<float> sum = default, total = default;
                foreach (var (distance, offsets) in rings)
                {
                    Vector<float> ring = default;
                    foreach (var (r, c) in offsets)
                        ring += new Vector<float>(padded, (r + half) * stride + column + c + half);
                    var weight = Vector.Exp(rate * distance);
                    sum += weight * ring;
                    total += weight * offsets.Length;
                }
                (sum / total).CopyTo(target[column..]);
            }
            for (; column < columns; column++)
                target[column] = One(padded, stride, half, column, moments[row * columns + column]);
            for (column = 0; column < columns; column++)
            {
                if (!float.IsFinite(target[column]))
                    target[column] = One(padded, stride, half, column, moments[row * columns + column]);
            }
        });
    }

    private float One(float[] padded, int stride, int half, int column, float contrast)
    {
        double sum = 0, total = 0;
        for (var r = -half; r <= half; r++)
        {
            for (var c = -half; c <= half; c++)
            {
                var value = padded[(r + half) * stride + column + c + half];
                if (!float.IsFinite(value))
                    continue;
                var weight = Math.Exp(-damping * contrast * Math.Sqrt(r * r + c * c));
                sum += weight * value;
                total += weight;
            }
        }
        return (float)(sum / total);
    }

    /// <summary>
    /// The rows around a row, mirrored at the borders; each is columns + 2 half pixels and a vector more.
    /// </summary>
    internal static float[] Pad(float[] image, int rows, int columns, int row, int half)
    {
        var stride = columns + 2 * half + Vector<float>.Count;
        var padded = new float[(2 * half + 1) * stride];
        for (var r = -half; r <= half; r++)
        {
            var source = image.AsSpan(LocalMoments.Mirror(row + r, rows) * columns, columns);
            var target = padded.AsSpan((r + half) * stride, stride);
            source.CopyTo(target[half..]);
            for (var c = 0; c < half; c++)
            {
                target[half - 1 - c] = source[LocalMoments.Mirror(-1 - c, columns)];
                target[half + columns + c] = source[LocalMoments.Mirror(columns + c, columns)];
            }
        }
        return padded;
    }
}
