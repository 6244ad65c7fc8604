// What can be said of a translation of measured ground whose true fine image nobody has.
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;
using SarSynth.Radar.Statistics;

namespace SarSynth.Evaluation;

/// <summary>A translation against the satellite image alone.</summary>
/// <param name="SeenAgain">
/// RMS over squares of 4 x 4 satellite pixels of their mean intensity over the satellite's, dB.
/// </param>
/// <param name="Slope">
/// How much of local contrast is kept: slope of the square's brightness, dB less its mean over 3 x 3 squares, on that
/// of the satellite image without the part that its speckle has in it. 1 keeps the ground's, above 1 exaggerates or
/// takes speckle for ground, below 1 smooths.
/// </param>
/// <param name="Flat">
/// Standard deviation, dB, of the brightness of squares of 8 x 8 fine pixels within the most homogeneous tenth of the
/// ground (squares of 8 x 8 satellite pixels, by their coefficient of variation): what speckle alone does not explain
/// of it was invented, or was there.
/// </param>
/// <param name="Power">Mean intensity over the satellite's, dB.</param>
public sealed record WithoutTruth(double SeenAgain, double Slope, double Flat, double Power)
{
    private const int Square = 4, Ground = 8, Fine = 8;

    private const double Homogeneous = 0.1;

    /// <summary>Measures.</summary>
    /// <param name="satellite">The satellite image.</param>
    /// <param name="image">The translation, whole pixels for each of the satellite's.</param>
    /// <param name="looks">
    /// Looks of a satellite pixel, for the speckle in its squares; null for those of its homogeneous windows.
    /// </param>
    /// <exception cref="ArgumentException">Grids that do not fit, or too few pixels: 12 x 12 at least.</exception>
    public static WithoutTruth Of(SarImage satellite, SarImage image, double? looks = null)
    {
        var scale = image.Rows / satellite.Rows;
        if (scale < 1 || (image.Rows, image.Columns) != (satellite.Rows * scale, satellite.Columns * scale))
        {
            throw new ArgumentException($"image: found {image.Rows} x {image.Columns}, expected a whole number of "
                + $"pixels for each of {satellite.Rows} x {satellite.Columns}.");
        }
        if (Math.Min(satellite.Rows, satellite.Columns) < 3 * Square)
        {
            throw new ArgumentException($"satellite: found {satellite.Rows} x {satellite.Columns} pixels, expected "
                + $"{3 * Square} x {3 * Square} or more.");
        }
        var seen = Multilook.Apply(satellite, Square, Square);
        var made = Multilook.Apply(image, Square * scale, Square * scale);
        var (before, after) = (Decibels(seen.Pixels), Decibels(made.Pixels));
        double[] errors = [.. before.Zip(after, (a, b) => (b - a) * (b - a)).Where(double.IsFinite)];
        var (local, own) = (Local(before, seen.Rows, seen.Columns), Local(after, seen.Rows, seen.Columns));
        var (product, square) = (0.0, 0.0);
        var speckle = Speckle(satellite, looks);
        foreach (var (x, y) in local.Zip(own))
        {
            if (double.IsFinite(x) && double.IsFinite(y))
                (product, square) = (product + x * y, square + x * x - speckle);
        }
        return new(Math.Sqrt(errors.Average()), product / square, FlatSpread(satellite, image, scale),
            10 * Math.Log10(Mean(image) / Mean(satellite)));
    }

    // Variance that independent speckle has in the decibels of a square less the mean of nine: trigamma of its looks.
    private static double Speckle(SarImage satellite, double? looks)
    {
        if (looks is null)
        {
            var found = Enl.Homogeneous(satellite.ToIntensity().Pixels, satellite.Rows, satellite.Columns).Looks.Value;
            looks = found > 0 && double.IsFinite(found) ? found : satellite.Metadata.Looks ?? 1;
        }
        var l = looks.Value * Square * Square;
        var trigamma = 1 / l + 1 / (2 * l * l) + 1 / (6 * l * l * l);
        return Math.Pow(10 / Math.Log(10), 2) * trigamma * 8 / 9;
    }

    private static double FlatSpread(SarImage satellite, SarImage image, int scale)
    {
        var intensity = satellite.ToIntensity();
        var means = Multilook.Apply(intensity, Ground, Ground);
        var squares = Multilook.Apply(new IntensityImage(intensity.Rows, intensity.Columns,
            Array.ConvertAll(intensity.Pixels, i => i * i)), Ground, Ground);
        // Variance over the squared mean.
        var variation = means.Pixels.Zip(squares.Pixels, (m, s) => s / m / m - 1).Select((v, at) => (v, at))
            .Where(p => float.IsFinite(p.v)).OrderBy(p => p.v).ToArray();
        var fine = Multilook.Apply(image, Fine, Fine);
        var perSide = Ground * scale / Fine;
        var (sum, count) = (0.0, 0);
        foreach (var (_, at) in variation.Take(Math.Max(1, (int)(Homogeneous * variation.Length))))
        {
            var (row, column) = (at / means.Columns * perSide, at % means.Columns * perSide);
            double[] values = [.. from r in Enumerable.Range(row, perSide) from c in Enumerable.Range(column, perSide)
                select 10 * Math.Log10(fine.Pixels[r * fine.Columns + c])];
            if (values.Any(v => !double.IsFinite(v)))
                continue;
            var mean = values.Average();
            (sum, count) = (sum + values.Sum(v => (v - mean) * (v - mean)), count + values.Length - 1);
        }
        return count > 0 ? Math.Sqrt(sum / count) : double.NaN;
    }

    private static double[] Decibels(float[] intensity) => Array.ConvertAll(intensity, i => 10 * Math.Log10(i));

    // Each square less the mean of those around it; not at the border.
    private static double[] Local(double[] values, int rows, int columns)
    {
        List<double> local = [];
        for (var r = 1; r + 1 < rows; r++)
        {
            for (var c = 1; c + 1 < columns; c++)
            {
                var around = from dr in Enumerable.Range(-1, 3) from dc in Enumerable.Range(-1, 3)
                    select values[(r + dr) * columns + c + dc];
                local.Add(values[r * columns + c] - around.Average());
            }
        }
        return [.. local];
    }

    private static double Mean(SarImage image) =>
        image.ToIntensity().Pixels.Where(float.IsFinite).Average(i => (double)i);
}
