// The range of a block of intensities, and the power of two that brings it to where squares fit into float32.
using System.Collections.Concurrent;
using System.Numerics.Tensors;

namespace SarSynth.Radar.Radiometry;

/// <summary>One look at a block before it is filtered.</summary>
/// <param name="Scale">
/// A power of two: the brightest pixel times it lies well inside float32's range, and its square too;
/// 1 where it does so by itself.
/// </param>
/// <param name="RowsWithGaps">Rows with pixels that are not finite.</param>
internal readonly record struct BlockRange(float Scale, IReadOnlyCollection<int> RowsWithGaps)
{
    // Brightest pixels that are filtered as they come. Squares of the brightest stay below 2^120, so that 256 of them
    // can be summed; what lies 19 decades below the brightest still has a square.
    private const int LowestExponent = 0, HighestExponent = 59, WantedExponent = 30;

    /// <summary>Looks at an image [rows x columns].</summary>
    public static BlockRange Of(float[] intensity, int rows, int columns)
    {
        var gaps = new ConcurrentBag<int>();
        var highest = new float[rows];
        Parallel.For(0, rows, row =>
        {
            var pixels = intensity.AsSpan(row * columns, columns);
            // NaN and infinity come through the maximum: one pass tells the range and whether there are gaps.
            highest[row] = TensorPrimitives.MaxMagnitude<float>(pixels);
            if (float.IsFinite(highest[row]))
                return;
            gaps.Add(row);
            highest[row] = 0;
            foreach (var pixel in pixels)
            {
                if (float.IsFinite(pixel))
                    highest[row] = MathF.Max(highest[row], MathF.Abs(pixel));
            }
        });
        var brightest = highest.Length > 0 ? TensorPrimitives.Max<float>(highest) : 0;
        var exponent = brightest > 0 ? MathF.ILogB(brightest) : WantedExponent;
        var isSafe = exponent is >= LowestExponent and <= HighestExponent;
        return new BlockRange(isSafe ? 1 : MathF.ScaleB(1, Math.Min(WantedExponent - exponent, 126)), gaps);
    }
}
