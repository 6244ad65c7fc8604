// Impulse response measured on point targets: sub-pixel peak, 3 dB width, peak and integrated side-lobe ratios.
// Cumming & Wong (2005), Digital Processing of SAR Data, 2.3.3.
using System.Numerics;
using MathNet.Numerics;
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Statistics;

/// <summary>The response along one axis.</summary>
/// <param name="Position">Sub-pixel position of the peak, pixels.</param>
/// <param name="Width">Width at half power (IRW, 3 dB), pixels.</param>
/// <param name="Pslr">Peak side-lobe ratio, dB.</param>
/// <param name="Islr">Integrated side-lobe ratio: energy of the side lobes over that of the main lobe, dB.</param>
public sealed record AxisResponse(Estimate Position, Estimate Width, Estimate Pslr, Estimate Islr);

/// <summary>The response of a point target.</summary>
/// <param name="Range">Along the columns.</param>
/// <param name="Azimuth">Along the rows.</param>
/// <param name="PeakIntensity">Intensity at the sub-pixel peak.</param>
/// <param name="SignalToClutter">Peak intensity over the mean intensity of the chip's outer frame, dB.</param>
public sealed record PointTargetResponse(AxisResponse Range, AxisResponse Azimuth, double PeakIntensity,
    double SignalToClutter)
{
    /// <summary>The same response in an image of which this one's was a part that begins at the given place.</summary>
    internal PointTargetResponse Moved(int row, int column)
    {
        return this with { Range = By(Range, column), Azimuth = By(Azimuth, row) };

        static AxisResponse By(AxisResponse r, int by) => r with
        {
            Position = r.Position with { Value = r.Position.Value + by, Lower = r.Position.Lower + by,
                Upper = r.Position.Upper + by },
        };
    }
}

/// <summary>Measures impulse responses.</summary>
/// <remarks>
/// The signal between pixels is the band-limited one (Fourier interpolation about the centre of its spectrum). The main
/// lobe reaches to the first minimum on either side. Side lobes are looked at as far beyond it as their number times
/// half the main lobe's width from null to null, which is what the calibration tools of NISAR do (isce3,
/// compute_islr_pslr): an unweighted band has just so many lobes there, a weighted one, whose main lobe is wider, has
/// more. Standard errors are those that clutter of the given level and of the target's own band makes, to first order.
/// </remarks>
public static class ImpulseResponse
{
    private const int DefaultChip = 64;

    /// <summary>Measures the strongest peak of a line.</summary>
    /// <param name="line">Complex samples, 16 to 8192.</param>
    /// <param name="oversampling">Points per pixel on which the response is looked at, 4 to 256.</param>
    /// <param name="sidelobes">How far side lobes count on either side, in half main lobes (null to null).</param>
    /// <param name="clutter">Mean intensity of the clutter around the target, for the standard errors.</param>
    /// <exception cref="ArgumentException">
    /// A line too short or too long, a value that is not finite, or all zero.
    /// </exception>
    public static AxisResponse OfLine(ReadOnlySpan<Complex32> line, int oversampling = 32, int sidelobes = 10,
        double clutter = 0)
    {
        CheckOptions(oversampling, sidelobes);
        if (line.Length < 16 || line.Length > 8192)
            throw new ArgumentException($"line: found {line.Length} samples, expected 16 to 8192.", nameof(line));
        var signal = new BandLimitedSignal(Finite(line, nameof(line)));
        return Measure(signal, signal.Peak(0, line.Length - 1, oversampling), oversampling, sidelobes, clutter);
    }

    /// <summary>Measures the point target next to a pixel.</summary>
    /// <param name="image">Complex image, row-major.</param>
    /// <param name="rows">Rows, at least 16.</param>
    /// <param name="columns">Columns, at least 16.</param>
    /// <param name="row">Row of the target, to within 3 pixels.</param>
    /// <param name="column">Column of the target, to within 3 pixels.</param>
    /// <param name="chip">Side of the chip that is looked at, 16 to 512; cut at the image's borders.</param>
    /// <param name="oversampling">Points per pixel on which the response is looked at, 4 to 256.</param>
    /// <param name="sidelobes">How far side lobes count on either side, in half main lobes (null to null).</param>
    /// <exception cref="ArgumentException">
    /// Sizes that do not match, a place outside the image, values that are not finite, or all zero.
    /// </exception>
    public static PointTargetResponse Of(
        ReadOnlySpan<Complex32> image, int rows, int columns, int row, int column,
        int chip = DefaultChip, int oversampling = 32, int sidelobes = 10)
    {
        CheckOptions(oversampling, sidelobes);
        if ((long)rows * columns != image.Length || rows < 16 || columns < 16)
            throw new ArgumentException($"image: found {image.Length} pixels for {rows} x "
                + $"{columns}, expected at least 16 x 16.", nameof(image));
        if ((uint)row >= (uint)rows || (uint)column >= (uint)columns)
            throw new ArgumentException($"row, column: found ({row}, {column}), expected a "
                + $"place within {rows} x {columns}.");
        if (chip < 16 || chip > 512)
            throw new ArgumentException($"chip: found {chip}, expected 16 to 512.", nameof(chip));
        (row, column) = Brightest(image, rows, columns, row, column);
        var (top, left, height, width) = Chip(rows, columns, row, column, chip);
        var pixels = new Complex[height][];
        for (int y = 0; y < height; y++)
            pixels[y] = Finite(image.Slice((top + y) * columns + left, width), nameof(image));
        double clutter = Frame(pixels);
        var lines = BandLimitedSignal.OfLines(pixels);
        var stacks = BandLimitedSignal.OfLines(Enumerable.Range(0, width)
            .Select(x => pixels.Select(p => p[x]).ToArray()));
        double atRow = row - top, atColumn = column - left;
        BandLimitedSignal across = lines[0], down = lines[0];
        for (int i = 0; i < 8; i++)
        {
            across = new BandLimitedSignal([.. stacks.Select(s => s.At(atRow))]);
            double nextColumn = across.Peak(Math.Max(0, atColumn - 2), Math.Min(width - 1, atColumn + 2), oversampling);
            down = new BandLimitedSignal([.. lines.Select(l => l.At(nextColumn))]);
            double nextRow = down.Peak(Math.Max(0, atRow - 2), Math.Min(height - 1, atRow + 2), oversampling);
            bool done = Math.Abs(nextRow - atRow) + Math.Abs(nextColumn - atColumn) < 1e-6;
            (atRow, atColumn) = (nextRow, nextColumn);
            if (done)
                break;
        }
        double peak = down.Intensity(atRow);
        var range = Measure(across, atColumn, oversampling, sidelobes, clutter);
        var azimuth = Measure(down, atRow, oversampling, sidelobes, clutter);
        return new PointTargetResponse(range, azimuth, peak, clutter > 0 ? 10 * Math.Log10(peak / clutter)
            : double.PositiveInfinity).Moved(top, left);
    }

    private static AxisResponse Measure(BandLimitedSignal signal, double peak, int oversampling, int sidelobes,
        double clutter)
    {
        double step = 1.0 / oversampling, top = signal.Intensity(peak), farthest = signal.Length / 2.0;
        double rightNull = FirstMinimum(signal, peak, step), leftNull = FirstMinimum(signal, peak, -step);
        double right = HalfPower(signal, peak, rightNull, top), left = HalfPower(signal, peak, leftNull, top);
        double lobe = (rightNull - leftNull) / 2;
        double rightEnd = Math.Min(rightNull + sidelobes * lobe, peak + farthest),
            leftEnd = Math.Max(leftNull - sidelobes * lobe, peak - farthest);
        double highest = 0, highestAt = peak;
        double main = Energy(leftNull, rightNull, out var mainPoints);
        double side = Energy(leftEnd, leftNull, out var leftPoints) + Energy(rightNull, rightEnd, out var rightPoints);
        foreach (var (at, value, _) in leftPoints.Concat(rightPoints))
        {
            double intensity = value.Real * value.Real + value.Imaginary * value.Imaginary;
            if (intensity > highest)
                (highest, highestAt) = (intensity, at);
        }
        const string method = "Fourier interpolation, main lobe between its first minima (Cumming & Wong 2005, 2.3.3)";
        var errors = new ClutterErrors(signal, clutter);
        bool cut = rightNull + sidelobes * lobe - peak > farthest || peak - leftNull + sidelobes * lobe > farthest;
        return new AxisResponse(
            Estimate.Normal(peak, errors.OfPeak(peak, (right - left) / 32), 1,
                "peak of the interpolated response, error to first order in the clutter"),
            Estimate.Normal(right - left, errors.OfWidth(peak, left, right), 1, method),
            Decibels(highest / top, () =>
                errors.OfRatio([(highestAt, signal.At(highestAt) / highest), (peak, -signal.At(peak) / top)])),
            Decibels(side / main, () => errors.OfRatio(
                [.. leftPoints.Concat(rightPoints).Select(p => (p.At, p.Value * p.Weight / side)),
                    .. mainPoints.Select(p => (p.At, -p.Value * p.Weight / main))])));

        // Trapezoids from border to border, so that the result does not hang on where the points fall.
        double Energy(double from, double to, out List<(double At, Complex Value, double Weight)> points)
        {
            int steps = Math.Max(1, (int)Math.Ceiling((to - from) * oversampling));
            points = [];
            double sum = 0;
            for (int i = 0; i <= steps; i++)
            {
                double at = from + (to - from) * i / steps, weight =
                    (to - from) / steps * (i == 0 || i == steps ? 0.5 : 1);
                var value = signal.At(at);
                points.Add((at, value, weight));
                sum += weight * (value.Real * value.Real + value.Imaginary * value.Imaginary);
            }
            return sum;
        }

        Estimate Decibels(double value, Func<double> error) => value > 0
            ? Estimate.Normal(10 * Math.Log10(value), error(), 1,
                $"{method}; side lobes as far as {sidelobes} half main lobes beyond it")
                with { Reason = cut ? "the line ends before all side lobes asked for" : null }
            : Estimate.Undefined("there are no side lobes", 1, method);
    }

    /// <summary>
    /// The first minimum of the intensity away from the peak; half the line away where there is none.
    /// </summary>
    private static double FirstMinimum(BandLimitedSignal signal, double peak, double step)
    {
        double before = signal.Intensity(peak), value = signal.Intensity(peak + step), reach = signal.Length / 2.0;
        for (double x = peak + step; ; x += step)
        {
            double after = signal.Intensity(x + step);
            if (value <= before && value < after)
                return signal.Extreme(x - Math.Abs(step), x + Math.Abs(step), highest: false);
            if (Math.Abs(x + step - peak) >= reach)
                return x;
            (before, value) = (value, after);
        }
    }

    private static double HalfPower(BandLimitedSignal signal, double peak, double outside, double top)
    {
        double low = peak, high = outside;
        for (int i = 0; i < 50; i++)
        {
            double middle = (low + high) / 2;
            if (signal.Intensity(middle) > top / 2)
                low = middle;
            else
                high = middle;
        }
        return (low + high) / 2;
    }

    /// <summary>
    /// The response next to a pixel; null where the default chip around it has a sample without data.
    /// </summary>
    internal static PointTargetResponse? OfWhole(ComplexImage image, int row, int column)
    {
        var (brightRow, brightColumn) = Brightest(image.Pixels, image.Rows, image.Columns, row, column);
        var chip = Chip(image.Rows, image.Columns, brightRow, brightColumn, DefaultChip);
        for (int y = chip.Row; y < chip.Row + chip.Rows; y++)
        {
            foreach (var sample in image.Pixels.AsSpan(y * image.Columns + chip.Column, chip.Columns))
            {
                if (!float.IsFinite(sample.Real) || !float.IsFinite(sample.Imaginary))
                    return null;
            }
        }
        return Of(image.Pixels, image.Rows, image.Columns, row, column);
    }

    // A square around a place, moved inside the image.
    private static RasterWindow Chip(int rows, int columns, int row, int column, int side)
    {
        int height = Math.Min(side, rows), width = Math.Min(side, columns);
        int top = Math.Clamp(row - height / 2, 0, rows - height),
            left = Math.Clamp(column - width / 2, 0, columns - width);
        return new(top, left, height, width);
    }

    private static (int Row, int Column) Brightest(ReadOnlySpan<Complex32> image, int rows, int columns, int row,
        int column)
    {
        var (bestRow, bestColumn, best) = (row, column, -1f);
        for (int y = Math.Max(0, row - 3); y <= Math.Min(rows - 1, row + 3); y++)
            for (int x = Math.Max(0, column - 3); x <= Math.Min(columns - 1, column + 3); x++)
                if (image[y * columns + x].MagnitudeSquared > best)
                    (bestRow, bestColumn, best) = (y, x, image[y * columns + x].MagnitudeSquared);
        return (bestRow, bestColumn);
    }

    /// <summary>Mean intensity of the chip's four corners, which the side lobes along the axes do not reach.</summary>
    private static double Frame(Complex[][] pixels)
    {
        int height = pixels.Length, width = pixels[0].Length;
        var corners = new List<double>();
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                if ((y < height / 4 || y >= height - height / 4) && (x < width / 4 || x >= width - width / 4))
                    corners.Add(pixels[y][x].Real * pixels[y][x].Real
                        + pixels[y][x].Imaginary * pixels[y][x].Imaginary);
        return corners.Average();
    }

    private static Complex[] Finite(ReadOnlySpan<Complex32> values, string name)
    {
        var result = new Complex[values.Length];
        bool any = false;
        for (int i = 0; i < result.Length; i++)
        {
            if (!float.IsFinite(values[i].Real) || !float.IsFinite(values[i].Imaginary))
                throw new ArgumentException($"{name}: found a value that is not finite in the chip, expected numbers.",
                    name);
            result[i] = new Complex(values[i].Real, values[i].Imaginary);
            any |= result[i] != Complex.Zero;
        }
        return any || name == "image" ? result
            : throw new ArgumentException($"{name}: found only zeros, expected a target.", name);
    }

    private static void CheckOptions(int oversampling, int sidelobes)
    {
        if (oversampling < 4 || oversampling > 256 || sidelobes < 1 || sidelobes > 100)
            throw new ArgumentException($"oversampling, sidelobes: found {oversampling} and "
                + $"{sidelobes}, expected 4 to 256 and 1 to 100.");
    }
}
