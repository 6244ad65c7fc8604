// What a translation must beat: interpolation, and interpolation with speckle drawn on it.
using MathNet.Numerics.Random;
using SarSynth.Radar.Images;

namespace SarSynth.Evaluation;

/// <summary>Ways from a satellite image to the airborne grid that need no model.</summary>
public static class Baselines
{
    /// <summary>Bicubic interpolation of the intensity to a grid <paramref name="scale"/> times finer.</summary>
    /// <param name="satellite">The coarse image.</param>
    /// <param name="scale">Fine pixels per coarse pixel, 1 or more.</param>
    /// <returns>Amplitude on the fine grid; NaN where the coarse pixels around are NaN.</returns>
    /// <remarks>Keys (1981), cubic convolution with a = -1/2. Intensity is interpolated, not amplitude, so that the mean power stays.</remarks>
    public static AmplitudeImage Bicubic(AmplitudeImage satellite, int scale)
    {
        var intensity = BicubicIntensity(satellite, scale);
        var amplitude = Array.ConvertAll(intensity, MathF.Sqrt);
        return Fine(satellite, scale, amplitude);
    }

    /// <summary>Bicubic interpolation of the intensity, times unit-mean exponential speckle: what "just add speckle" gives.</summary>
    /// <param name="satellite">The coarse image.</param>
    /// <param name="scale">Fine pixels per coarse pixel, 1 or more.</param>
    /// <param name="seed">Seed of the speckle.</param>
    public static AmplitudeImage BicubicWithSpeckle(AmplitudeImage satellite, int scale, ulong seed)
    {
        var random = new MersenneTwister(unchecked((int)(seed ^ (seed >> 32))), threadSafe: false);
        var amplitude = Array.ConvertAll(BicubicIntensity(satellite, scale), i => (float)Math.Sqrt(-i * Math.Log(1 - random.NextDouble())));
        return Fine(satellite, scale, amplitude);
    }

    private static AmplitudeImage Fine(AmplitudeImage satellite, int scale, float[] amplitude) => new(
        satellite.Rows * scale,
        satellite.Columns * scale,
        amplitude,
        satellite.Metadata with
        {
            RangeSpacing = satellite.Metadata.RangeSpacing / scale,
            AzimuthSpacing = satellite.Metadata.AzimuthSpacing / scale,
        },
        satellite.GeoReference?.Refined(scale));

    private static float[] BicubicIntensity(AmplitudeImage image, int scale)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(scale);
        var (rows, columns) = (image.Rows, image.Columns);
        var (weights, offset) = Kernel(scale);
        var wide = new float[rows * columns * scale];
        Parallel.For(0, rows, r =>
        {
            for (var c = 0; c < columns * scale; c++)
            {
                var (first, w) = (c / scale + offset[c % scale], weights[c % scale]);
                var sum = 0f;
                for (var k = 0; k < 4; k++)
                {
                    var a = image.Pixels[r * columns + Math.Clamp(first + k, 0, columns - 1)];
                    sum += w[k] * a * a;
                }
                wide[r * columns * scale + c] = sum;
            }
        });
        var width = columns * scale;
        var fine = new float[rows * scale * width];
        Parallel.For(0, rows * scale, r =>
        {
            var (first, w) = (r / scale + offset[r % scale], weights[r % scale]);
            for (var c = 0; c < width; c++)
            {
                var sum = 0f;
                for (var k = 0; k < 4; k++)
                    sum += w[k] * wide[Math.Clamp(first + k, 0, rows - 1) * width + c];
                // Cubic convolution overshoots beside bright points; power is not negative.
                fine[r * width + c] = MathF.Max(sum, 0);
            }
        });
        return fine;
    }

    /// <summary>For each fine position in a coarse pixel: four weights, and where the first lies relative to the pixel.</summary>
    private static (float[][] Weights, int[] Offset) Kernel(int scale)
    {
        var weights = new float[scale][];
        var offset = new int[scale];
        for (var p = 0; p < scale; p++)
        {
            var centre = (p + 0.5) / scale - 0.5;
            offset[p] = (int)Math.Floor(centre) - 1;
            weights[p] = [.. Enumerable.Range(0, 4).Select(k => (float)Keys(centre - offset[p] - k))];
        }
        return (weights, offset);
    }

    private static double Keys(double x) => Math.Abs(x) switch
    {
        <= 1 and var t => 1.5 * t * t * t - 2.5 * t * t + 1,
        < 2 and var t => -0.5 * t * t * t + 2.5 * t * t - 4 * t + 2,
        _ => 0,
    };
}
