// Incoherent averaging: resolution for radiometric quality.
using MathNet.Numerics;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Signal;

/// <summary>Averages intensity over rectangles of pixels.</summary>
public static class Multilook
{
    /// <summary>
    /// Mean intensity of rectangles; rows and columns that fill no whole rectangle at the end are left off.
    /// </summary>
    /// <param name="image">
    /// Complex, amplitude or intensity; its spacing, looks and georeference are carried to the coarser grid.
    /// </param>
    /// <param name="rowLooks">Height of a rectangle, at least 1 and at most the rows of the image.</param>
    /// <param name="columnLooks">Width of a rectangle, at least 1 and at most the columns of the image.</param>
    /// <returns>Mean of the valid pixels of each rectangle; NaN where there is none.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A factor is below 1 or larger than the image.</exception>
    public static IntensityImage Apply(SarImage image, int rowLooks, int columnLooks)
    {
        ArgumentNullException.ThrowIfNull(image);
        Check(rowLooks, image.Rows, nameof(rowLooks));
        Check(columnLooks, image.Columns, nameof(columnLooks));
        int rows = image.Rows / rowLooks, columns = image.Columns / columnLooks;
        var intensity = image.ToIntensity().Pixels;
        var result = GC.AllocateUninitializedArray<float>(rows * columns);
        Parallel.For(0, rows, row =>
        {
            Span<double> sums = new double[columns];
            Span<int> counts = new int[columns];
            for (var line = row * rowLooks; line < (row + 1) * rowLooks; line++)
            {
                var pixels = intensity.AsSpan(line * image.Columns, columns * columnLooks);
                for (int column = 0, at = 0; column < columns; column++)
                {
                    double sum = 0;
                    var count = 0;
                    for (var look = 0; look < columnLooks; look++, at++)
                    {
                        var value = pixels[at];
                        if (float.IsNaN(value))
                            continue;
                        sum += value;
                        count++;
                    }
                    sums[column] += sum;
                    counts[column] += count;
                }
            }
            var target = result.AsSpan(row * columns, columns);
            for (var column = 0; column < columns; column++)
                target[column] = counts[column] > 0 ? (float)(sums[column] / counts[column]) : float.NaN;
        });
        var metadata = image.Metadata with
        {
            RangeSpacing = image.Metadata.RangeSpacing * columnLooks,
            AzimuthSpacing = image.Metadata.AzimuthSpacing * rowLooks,
            Looks = image.Metadata.Looks * rowLooks * columnLooks,
        };
        return new IntensityImage(rows, columns, result, metadata,
            image.GeoReference?.Coarsened(rowLooks, columnLooks));
    }

    /// <summary>
    /// The equivalent number of looks that averaging rectangles of a single-look complex image will give, with the
    /// correlation between its neighbouring samples taken into account.
    /// </summary>
    /// <param name="image">Complex speckle; at least four rectangles in each axis.</param>
    /// <param name="rowLooks">Height of a rectangle.</param>
    /// <param name="columnLooks">Width of a rectangle.</param>
    /// <returns>Between 1 and rowLooks x columnLooks; NaN for an image of zeros.</returns>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A factor is below 1 or the image smaller than four rectangles.
    /// </exception>
    /// <remarks>
    /// ENL = N² / sum over lags of (m - |i|)(n - |j|) |g(i, j)|², where g is the normalised autocorrelation of the
    /// complex samples: the intensities of jointly Gaussian samples correlate as |g|² (Goodman 2007, sec. 3.3; Oliver
    /// and Quegan 2004, sec. 4.8).
    /// </remarks>
    public static double PredictEnl(ComplexImage image, int rowLooks, int columnLooks)
    {
        ArgumentNullException.ThrowIfNull(image);
        Check(rowLooks, image.Rows / 4, nameof(rowLooks));
        Check(columnLooks, image.Columns / 4, nameof(columnLooks));
        var correlation = Autocorrelation(image, out var pairs);
        double power = correlation[0].Real / pairs(0), sum = 0;
        if (!(power > 0))
            return double.NaN;
        for (var i = 1 - rowLooks; i < rowLooks; i++)
        {
            for (var j = 1 - columnLooks; j < columnLooks; j++)
            {
                var lag = (i + image.Rows) % image.Rows * image.Columns + (j + image.Columns) % image.Columns;
                var (g, n) = (correlation[lag], pairs(lag) * power);
                if (n == 0)
                    return double.NaN;
                var squared = ((double)g.Real * g.Real + (double)g.Imaginary * g.Imaginary) / (n * n);
                sum += (rowLooks - Math.Abs(i)) * (columnLooks - Math.Abs(j)) * squared;
            }
        }
        return Math.Pow((double)rowLooks * columnLooks, 2) / sum;
    }

    // Circular, by the power spectrum: the wrap touches a thin border only. Pairs: the share of
    // a lag's pairs that hold data.
    private static Complex32[] Autocorrelation(ComplexImage image, out Func<int, double> pairs)
    {
        // A power of two brings the samples to where their spectrum's square is far from float32's ends.
        var unit = UnitOf(image.Pixels);
        var valid = Array.ConvertAll(
            image.Pixels, s => float.IsFinite(s.Real) && float.IsFinite(s.Imaginary) ? Complex32.One : Complex32.Zero);
        var data = new Complex32[valid.Length];
        for (var i = 0; i < data.Length; i++)
            data[i] = valid[i] == Complex32.One ? image.Pixels[i] * unit : Complex32.Zero;
        Correlate(data);
        pairs = _ => 1;
        if (valid.Contains(Complex32.Zero))
        {
            Correlate(valid);
            // A lag's pairs are a whole number; rounding leaves a trace of one where there is none.
            pairs = lag => Math.Round(valid[lag].Real) / valid.Length;
        }
        return data;

        void Correlate(Complex32[] samples)
        {
            Fourier.Forward2D(samples, image.Rows, image.Columns);
            for (var i = 0; i < samples.Length; i++)
                samples[i] = new Complex32(samples[i].Real * samples[i].Real
                    + samples[i].Imaginary * samples[i].Imaginary, 0);
            Fourier.Inverse2D(samples, image.Rows, image.Columns);
        }
    }

    // 2^-k for samples of about 2^k.
    private static float UnitOf(Complex32[] samples)
    {
        double sum = 0;
        var count = 0;
        foreach (var s in samples)
        {
            if (!float.IsFinite(s.Real) || !float.IsFinite(s.Imaginary))
                continue;
            sum += (double)s.Real * s.Real + (double)s.Imaginary * s.Imaginary;
            count++;
        }
        return sum > 0 ? MathF.ScaleB(1, Math.Clamp(-Math.ILogB(Math.Sqrt(sum / count)), -126, 126)) : 1;
    }

    private static void Check(int looks, int limit, string name)
    {
        if (looks < 1 || looks > limit)
            throw new ArgumentOutOfRangeException(name, $"{name}: found {looks}, expected 1 to {limit}.");
    }
}
