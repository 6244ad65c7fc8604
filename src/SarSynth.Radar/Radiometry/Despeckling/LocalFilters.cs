// Despeckling by local mean and variance: boxcar, Lee, Kuan, enhanced Lee, Gamma-MAP.
// Lopes, Touzi and Nezry (1990) compare them in one notation, which is used here: Cu =
// 1/sqrt(looks), Ci = deviation/mean.
using System.Numerics;
using System.Runtime.InteropServices;

namespace SarSynth.Radar.Radiometry;

/// <summary>Mean of a square window: multilooking without loss of pixels.</summary>
/// <param name="Size">Side of the window, odd, at least 3.</param>
public sealed record BoxcarFilter(int Size = 7) : SpeckleFilter
{
    private readonly int size = ValidSize(Size);

    /// <inheritdoc/>
    public override int Halo => size / 2;

    private protected override void Filter(float[] intensity, int rows, int columns, float[] result) =>
        LocalMoments.ForEachRow(intensity, rows, columns, size, result, static (_, means, _, row) => means.CopyTo(row));
}

/// <summary>Lee's filter: mean + W (pixel - mean) with W = 1 - Cu²/Ci², not below 0.</summary>
/// <remarks>Lee (1980), for multiplicative noise.</remarks>
/// <param name="Size">Side of the window, odd, at least 3.</param>
/// <param name="Looks">Equivalent number of looks of the input.</param>
public sealed record LeeFilter(int Size = 7, double Looks = 1) : SpeckleFilter
{
    private readonly int size = ValidSize(Size);
    private readonly double looks = ValidLooks(Looks);

    /// <inheritdoc/>
    public override int Halo => size / 2;

    private protected override void Filter(float[] intensity, int rows, int columns, float[] result) =>
        LinearWeight.Filter(intensity, rows, columns, size, result, 1 / looks, 1);
}

/// <summary>
/// Kuan's filter: as Lee's with W = (1 - Cu²/Ci²) / (1 + Cu²), the exact linear estimate of least square error.
/// </summary>
/// <remarks>Kuan, Sawchuk, Strand and Chavel (1985).</remarks>
/// <param name="Size">Side of the window, odd, at least 3.</param>
/// <param name="Looks">Equivalent number of looks of the input.</param>
public sealed record KuanFilter(int Size = 7, double Looks = 1) : SpeckleFilter
{
    private readonly int size = ValidSize(Size);
    private readonly double looks = ValidLooks(Looks);

    /// <inheritdoc/>
    public override int Halo => size / 2;

    private protected override void Filter(float[] intensity, int rows, int columns, float[] result) =>
        LinearWeight.Filter(intensity, rows, columns, size, result, 1 / looks, 1 / (1 + 1 / looks));
}

/// <summary>
/// Enhanced Lee filter: the mean in homogeneous windows (Ci ≤ Cu), the pixel itself at point targets (Ci ≥ sqrt(1 +
/// 2/looks)), between them mean W + pixel (1 - W) with W = exp(-damping (Ci - Cu) / (Cmax - Ci)).
/// </summary>
/// <remarks>Lopes, Touzi and Nezry (1990).</remarks>
/// <param name="Size">Side of the window, odd, at least 3.</param>
/// <param name="Looks">Equivalent number of looks of the input.</param>
/// <param name="Damping">Speed of the change from smoothing to keeping, above 0.</param>
public sealed record EnhancedLeeFilter(int Size = 7, double Looks = 1, double Damping = 1) : SpeckleFilter
{
    private readonly int size = ValidSize(Size);
    private readonly double looks = ValidLooks(Looks);

    /// <inheritdoc/>
    public override int Halo => size / 2;

    private protected override void Filter(float[] intensity, int rows, int columns, float[] result)
    {
        float cu = (float)(1 / Math.Sqrt(looks)), cmax = (float)Math.Sqrt(1 + 2 / looks), damping = (float)Damping;
        LocalMoments.ForEachRow(intensity, rows, columns, size, result, (pixels, means, variances, row) =>
        {
            for (var i = 0; i < pixels.Length; i++)
            {
                var ci = MathF.Sqrt(variances[i]) / means[i];
                if (ci >= cmax)
                    row[i] = pixels[i];
                else if (ci > cu)
                    row[i] = pixels[i] + (means[i] - pixels[i]) * MathF.Exp(-damping * (ci - cu) / (cmax - ci));
                else
                    row[i] = means[i];
            }
        });
    }
}

/// <summary>
/// Gamma maximum a posteriori: the most probable reflectivity when it and the speckle are Gamma distributed; the mean
/// where Ci ≤ Cu, the pixel itself where Ci ≥ sqrt(2) Cu.
/// </summary>
/// <remarks>
/// Lopes, Nezry, Touzi and Laur (1990): positive root of a R² + (looks + 1 - a) mean R -
/// looks mean pixel = 0, a = (1 + Cu²)/(Ci² - Cu²).
/// </remarks>
/// <param name="Size">Side of the window, odd, at least 3.</param>
/// <param name="Looks">Equivalent number of looks of the input.</param>
public sealed record GammaMapFilter(int Size = 7, double Looks = 1) : SpeckleFilter
{
    private readonly int size = ValidSize(Size);
    private readonly double looks = ValidLooks(Looks);

    /// <inheritdoc/>
    public override int Halo => size / 2;

    private protected override void Filter(float[] intensity, int rows, int columns, float[] result)
    {
        double cu2 = 1 / looks, cmax2 = 2 * cu2;
        LocalMoments.ForEachRow(intensity, rows, columns, size, result, (pixels, means, variances, row) =>
        {
            for (var i = 0; i < pixels.Length; i++)
            {
                double mean = means[i], ci2 = variances[i] / (mean * mean);
                if (ci2 >= cmax2)
                {
                    row[i] = pixels[i];
                }
                else if (ci2 > cu2)
                {
                    var a = (1 + cu2) / (ci2 - cu2);
                    var b = (a - looks - 1) * mean;
                    row[i] = (float)((b + Math.Sqrt(b * b + 4 * a * looks * mean * pixels[i])) / (2 * a));
                }
                else
                {
                    row[i] = means[i];
                }
            }
        });
    }
}

/// <summary>mean + gain (1 - Cu²/Ci²) (pixel - mean), vectorised.</summary>
internal static class LinearWeight
{
    public static void Filter(float[] intensity, int rows, int columns, int size, float[] result, double cu2,
        double gain) =>
        LocalMoments.ForEachRow(intensity, rows, columns, size, result, (pixels, means, variances, row) =>
        {
            Vector<float> noise = new((float)cu2), scale = new((float)gain);
            ref var x = ref MemoryMarshal.GetReference(pixels);
            ref var m = ref MemoryMarshal.GetReference(means);
            ref var v = ref MemoryMarshal.GetReference(variances);
            ref var y = ref MemoryMarshal.GetReference(row);
            var i = 0;
            for (; i <= pixels.Length - Vector<float>.Count; i += Vector<float>.Count)
            {
                var mean = Vector.LoadUnsafe(ref m, (nuint)i);
                var variance = Vector.LoadUnsafe(ref v, (nuint)i);
                // Where the variance is zero the pixel is the mean, whatever the weight: keep it finite.
                var explained = noise * mean * mean / Vector.Max(variance, new Vector<float>(float.Epsilon * 16777216));
                var weight = Vector.Max(Vector<float>.One - explained, Vector<float>.Zero) * scale;
                Vector.FusedMultiplyAdd(weight, Vector.LoadUnsafe(ref x, (nuint)i) - mean, mean)
                    .StoreUnsafe(ref y, (nuint)i);
            }
            for (; i < pixels.Length; i++)
            {
                var weight = variances[i] > 0
                    ? MathF.Max(1 - (float)cu2 * means[i] * means[i] / variances[i], 0) * (float)gain : 0;
                row[i] = means[i] + weight * (pixels[i] - means[i]);
            }
        });
}
