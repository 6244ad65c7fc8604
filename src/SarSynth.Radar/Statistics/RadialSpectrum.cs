// The spectrum of an image in rings: power by spatial frequency, whatever its direction.
using MathNet.Numerics;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Statistics;

/// <summary>Two-dimensional periodograms, averaged over rings of equal width.</summary>
public static class RadialSpectrum
{
    /// <summary>Mean power density in rings of spatial frequency.</summary>
    /// <param name="image">Any real, finite image, row-major; its mean is taken off.</param>
    /// <param name="rows">Rows, at least 8.</param>
    /// <param name="columns">Columns, at least 8.</param>
    /// <param name="rings">Rings from 0 to half a cycle per pixel, at least 2; corners beyond are left out.</param>
    /// <returns>
    /// [rings], such that white noise of variance s² has s² in each; images of other sizes have the same rings.
    /// </returns>
    /// <exception cref="ArgumentException">Sizes that do not match, or an image smaller than 8 x 8.</exception>
    /// <remarks>One segment with a Hann window in both axes (Welch 1967).</remarks>
    public static double[] Of(ReadOnlySpan<float> image, int rows, int columns, int rings = 32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rings, 2);
        if (rows < 8 || columns < 8 || (long)rows * columns != image.Length)
            throw new ArgumentException($"image: found {image.Length} pixels, expected {rows} x {columns}, each at "
                + "least 8.", nameof(image));
        double mean = 0;
        foreach (var value in image)
            mean += value;
        mean /= image.Length;
        var (down, across) = (Hann(rows), Hann(columns));
        double energy = down.Sum(w => w * w) * across.Sum(w => w * w);
        var data = new Complex32[image.Length];
        for (int row = 0; row < rows; row++)
            for (int column = 0; column < columns; column++)
                data[row * columns + column] = (float)((image[row * columns + column] - mean) * down[row]
                    * across[column]);
        Fourier.Forward2D(data, rows, columns);
        double[] sums = new double[rings];
        long[] counts = new long[rings];
        for (int row = 0; row < rows; row++)
        {
            double y = Frequency(row, rows);
            for (int column = 0; column < columns; column++)
            {
                double x = Frequency(column, columns);
                int ring = (int)(Math.Sqrt(x * x + y * y) * 2 * rings);
                // The mean was taken off, and the window spreads what is missing over its neighbours.
                if (ring >= rings || (row is 0 or 1 || row == rows - 1) && (column is 0 or 1 || column == columns - 1))
                    continue;
                var z = data[row * columns + column];
                sums[ring] += (double)z.Real * z.Real + (double)z.Imaginary * z.Imaginary;
                counts[ring]++;
            }
        }
        for (int i = 0; i < rings; i++)
            sums[i] /= counts[i] * energy;
        return sums;

        static double Frequency(int k, int n) => (2 * k <= n ? k : k - n) / (double)n;
    }

    private static double[] Hann(int n) =>
        [.. Enumerable.Range(0, n).Select(k => 0.5 - 0.5 * Math.Cos(2 * Math.PI * k / n))];
}
