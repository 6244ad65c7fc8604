// Patterns that repeat every few pixels: what interpolation and the up-sampling of a decoder leave in an image.
using MathNet.Numerics;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Statistics;

/// <summary>Measures of a pixel lattice. Ground and speckle know nothing of it: a sensor's image has none.</summary>
public static class Lattice
{
    /// <summary>
    /// Local variance by pixel phase: squared deviations of the amplitude over its local mean from 1, that ratio held
    /// to 3 (of 1,200 pixels of single-look speckle one is above), lest a few targets tell more than all else.
    /// </summary>
    /// <param name="amplitude">Amplitude, linear, row-major; NaN, and what has a local mean of 0, is left out.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="period">Period of the lattice, pixels, at least 2.</param>
    /// <param name="window">Side of the window of the local mean, pixels, odd.</param>
    /// <returns>
    /// Sums and numbers, each [period x period] by row mod period and column mod period: sums of several images add up.
    /// </returns>
    /// <exception cref="ArgumentException">Sizes that do not match, or an even window.</exception>
    public static (double[] Sums, double[] Counts) ByPhase(
        ReadOnlySpan<float> amplitude, int rows, int columns, int period = 4, int window = 7)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(period, 2);
        LocalStatistics.Check(amplitude.Length, rows, columns, window);
        var mean = LocalStatistics.Mean(amplitude, rows, columns, window);
        double[] sums = new double[period * period], counts = new double[period * period];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                int i = row * columns + column;
                if (!(mean[i] > 0) || float.IsNaN(amplitude[i]))
                    continue;
                double deviation = Math.Min(amplitude[i] / (double)mean[i], 3) - 1;
                int phase = row % period * period + column % period;
                sums[phase] += deviation * deviation;
                counts[phase]++;
            }
        }
        return (sums, counts);
    }

    /// <summary>
    /// How far the local variance differs between phases: (largest - smallest) / mean, 0 without a lattice. Of n pixels
    /// of independent speckle in each of 16 phases some 5 / sqrt(n) is left by chance.
    /// </summary>
    /// <param name="sums">Of <see cref="ByPhase"/>.</param>
    /// <param name="counts">Likewise.</param>
    /// <returns>A ratio; NaN where a phase has no pixel or nothing varies.</returns>
    public static double Spread(ReadOnlySpan<double> sums, ReadOnlySpan<double> counts)
    {
        double low = double.PositiveInfinity, high = 0, total = 0;
        for (int i = 0; i < sums.Length; i++)
        {
            double variance = sums[i] / counts[i];
            if (!double.IsFinite(variance))
                return double.NaN;
            (low, high, total) = (Math.Min(low, variance), Math.Max(high, variance), total + variance);
        }
        return (high - low) / (total / sums.Length);
    }

    /// <summary>Power at one period along an axis, and that of the frequencies beside it.</summary>
    /// <param name="image">Any real image, for example of log intensity; finite.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="axis">The axis.</param>
    /// <param name="period">Period, pixels, at least 2; the axis is cut to a multiple of it.</param>
    /// <param name="beside">How many frequencies on either side are taken, without the nearest one.</param>
    /// <returns>
    /// Mean power over all lines at the period, and the mean power of the others: a spike of 10 log10 of their ratio.
    /// </returns>
    /// <exception cref="ArgumentException">Sizes that do not match, or an axis too short for it.</exception>
    public static (double Power, double Beside) Spike(
        ReadOnlySpan<float> image, int rows, int columns, ImageAxis axis, int period, int beside = 8)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(period, 2);
        if ((long)rows * columns != image.Length)
            throw new ArgumentException($"image: found {image.Length} pixels, expected {rows} x {columns}.",
                nameof(image));
        int length = axis == ImageAxis.Azimuth ? rows : columns, lines = axis == ImageAxis.Azimuth ? columns : rows;
        int used = length / period * period, centre = used / period;
        if (centre <= beside + 1)
            throw new ArgumentException($"image: found {length} pixels along {axis}, expected at least "
                + $"{period * (beside + 2)} for a period of {period}.", nameof(image));
        var (down, across) = axis == ImageAxis.Azimuth ? (columns, 1) : (1, columns);
        double power = 0, others = 0;
        int number = 0;
        var line = new Complex32[used];
        for (int l = 0; l < lines; l++)
        {
            double mean = 0;
            for (int k = 0; k < used; k++)
                mean += image[l * across + k * down];
            mean /= used;
            // A Hann window: what the borders of the ground leak would else hide a spike.
            for (int k = 0; k < used; k++)
                line[k] = (float)((image[l * across + k * down] - mean)
                    * (0.5 - 0.5 * Math.Cos(2 * Math.PI * k / used)));
            Fourier.Forward(line);
            power += Squared(line[centre]);
            for (int k = 2; k < beside + 2; k++)
            {
                others += Squared(line[centre - k]);
                number++;
                // Beyond half a cycle per pixel the same frequencies come again.
                if (2 * (centre + k) > used)
                    continue;
                others += Squared(line[centre + k]);
                number++;
            }
        }
        return (power / lines, others / number);

        static double Squared(Complex32 z) => (double)z.Real * z.Real + (double)z.Imaginary * z.Imaginary;
    }
}
