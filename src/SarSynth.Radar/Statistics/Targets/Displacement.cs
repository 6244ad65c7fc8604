// Where a part of one image lies in another: normalised cross-correlation of logarithms, to a fraction of a pixel.
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Statistics;

/// <summary>How far a part of an image is from its place.</summary>
/// <param name="Row">Displacement along rows, pixels.</param>
/// <param name="Column">Displacement along columns, pixels.</param>
/// <param name="Correlation">Correlation of the logarithms there, to 1.</param>
/// <param name="Axis">
/// Unit vector (row, column) across an edge, where the part shows so little else that its place along the edge is not
/// determined; null where both directions are.
/// </param>
public sealed record Shift(double Row, double Column, double Correlation, (double Row, double Column)? Axis)
{
    /// <summary>Distance from a displacement, pixels: only across the edge where there is but an edge.</summary>
    /// <param name="row">Displacement along rows.</param>
    /// <param name="column">Displacement along columns.</param>
    public double DistanceTo(double row, double column) => Axis is { } axis
        ? Math.Abs((Row - row) * axis.Row + (Column - column) * axis.Column)
        : Math.Sqrt((Row - row) * (Row - row) + (Column - column) * (Column - column));
}

/// <summary>Local displacement between two images of the same ground.</summary>
public static class Displacement
{
    // Logarithms are taken of means over so many pixels a side, held above this share of the image's mean: single
    // dark pixels of speckle, and shadows without noise, have logarithms far below all others.
    private const int Smoothing = 3;

    private const double Darkest = 1e-3;

    // The weaker curvature of the correlation's peak over the stronger one, below which there is but an edge.
    private const double EdgeRatio = 0.25;

    /// <summary>Displacement of parts of an image against a reference.</summary>
    /// <param name="image">Intensity, linear, row-major; NaN marks no data.</param>
    /// <param name="reference">Intensity of the same ground, of any brightness, with speckle or without.</param>
    /// <param name="rows">Rows of both.</param>
    /// <param name="columns">Columns of both.</param>
    /// <param name="places">The parts of the reference that are looked for.</param>
    /// <param name="reach">Largest displacement that is looked for, pixels.</param>
    /// <returns>
    /// One for each place; null where the place or its neighbourhood of <paramref name="reach"/> is not inside, has no
    /// data or no contrast, or correlates best at the end of the reach.
    /// </returns>
    /// <exception cref="ArgumentException">Sizes that do not match, or no reach.</exception>
    /// <remarks>
    /// Lewis (1995), fast normalised cross-correlation; the peak is that of the quadratic through the nine
    /// correlations around the largest (least squares).
    /// </remarks>
    public static Shift?[] Local(ReadOnlySpan<float> image, ReadOnlySpan<float> reference, int rows, int columns,
        IReadOnlyList<RasterWindow> places, int reach = 6)
    {
        ArgumentNullException.ThrowIfNull(places);
        ArgumentOutOfRangeException.ThrowIfLessThan(reach, 1);
        LocalStatistics.Check(image.Length, rows, columns, Smoothing);
        LocalStatistics.Check(reference.Length, rows, columns, Smoothing);
        var (own, other) = (Logarithms(image, rows, columns), Logarithms(reference, rows, columns));
        var shifts = new Shift?[places.Count];
        Parallel.For(0, shifts.Length, i => shifts[i] = Find(own, other, rows, columns, places[i], reach));
        return shifts;
    }

    private static float[] Logarithms(ReadOnlySpan<float> intensity, int rows, int columns)
    {
        var mean = LocalStatistics.Mean(intensity, rows, columns, Smoothing);
        var (sum, count) = (0.0, 0L);
        foreach (var i in mean)
            (sum, count) = float.IsNaN(i) ? (sum, count) : (sum + i, count + 1);
        var least = (float)(Darkest * sum / count);
        return Array.ConvertAll(mean, i => MathF.Log(i / least) is var log && !(log < 0) ? log : 0);
    }

    private static Shift? Find(float[] image, float[] reference, int rows, int columns, RasterWindow place, int reach)
    {
        if (place.Row < reach || place.Column < reach || place.Row + place.Rows + reach > rows
            || place.Column + place.Columns + reach > columns)
            return null;
        var side = 2 * reach + 1;
        var found = new double[side * side];
        var best = 0;
        for (var i = 0; i < found.Length; i++)
        {
            found[i] = Correlation(image, reference, columns, place, i / side - reach, i % side - reach);
            if (double.IsNaN(found[i]))
                return null;
            best = found[i] > found[best] ? i : best;
        }
        var (row, column) = (best / side, best % side);
        if (row == 0 || column == 0 || row == side - 1 || column == side - 1)
            return null;
        // Least squares of a + b x + c y + d x² + e y² + f x y on nine points around 0.
        double b = 0, c = 0, d = 0, e = 0, f = 0;
        for (var y = -1; y <= 1; y++)
        {
            for (var x = -1; x <= 1; x++)
            {
                var value = found[(row + y) * side + column + x];
                (b, c, f) = (b + x * value / 6, c + y * value / 6, f + x * y * value / 4);
                (d, e) = (d + (x * x - 2.0 / 3) * value / 2, e + (y * y - 2.0 / 3) * value / 2);
            }
        }
        var determinant = 4 * d * e - f * f;
        var (dx, dy) = determinant > 0 && d < 0 ? ((f * c - 2 * e * b) / determinant, (f * b - 2 * d * c) / determinant)
            : (0.0, 0.0);
        return new(row - reach + Math.Clamp(dy, -1, 1), column - reach + Math.Clamp(dx, -1, 1), found[best],
            Edge(2 * d, 2 * e, f));
    }

    // The direction of the stronger curvature where the other is much weaker.
    private static (double Row, double Column)? Edge(double xx, double yy, double xy)
    {
        double middle = (xx + yy) / 2, half = Math.Sqrt((xx - yy) * (xx - yy) / 4 + xy * xy),
            strong = middle - half, weak = middle + half;
        if (!(weak > EdgeRatio * strong))
            return null;
        var angle = Math.Atan2(strong - xx, xy);
        return xy != 0 ? (Math.Sin(angle), Math.Cos(angle)) : xx < yy ? (0, 1) : (1, 0);
    }

    private static double Correlation(float[] image, float[] reference, int columns, RasterWindow place, int down,
        int across)
    {
        double sumA = 0, sumB = 0, squareA = 0, squareB = 0, product = 0;
        for (var r = 0; r < place.Rows; r++)
        {
            var a = image.AsSpan((place.Row + r + down) * columns + place.Column + across, place.Columns);
            var b = reference.AsSpan((place.Row + r) * columns + place.Column, place.Columns);
            float lineA = 0, lineB = 0, lineAA = 0, lineBB = 0, lineAB = 0;
            for (var k = 0; k < a.Length; k++)
            {
                lineA += a[k];
                lineB += b[k];
                lineAA += a[k] * a[k];
                lineBB += b[k] * b[k];
                lineAB += a[k] * b[k];
            }
            (sumA, sumB, squareA, squareB, product) = (sumA + lineA, sumB + lineB, squareA + lineAA, squareB + lineBB,
                product + lineAB);
        }
        double count = (double)place.Rows * place.Columns, varianceA = squareA - sumA * sumA / count,
            varianceB = squareB - sumB * sumB / count;
        return varianceA > 1e-6 * count && varianceB > 1e-6 * count
            ? (product - sumA * sumB / count) / Math.Sqrt(varianceA * varianceB) : double.NaN;
    }
}
