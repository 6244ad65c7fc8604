// Impulse response measured on point targets: sub-pixel peak, 3 dB width, peak and integrated side-lobe ratios.
// Cumming & Wong (2005), Digital Processing of SAR Data, 2.3.3; Bamler & Eineder (2005) for the errors from clutter.
using System.Numerics;
using MathNet.Numerics;

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
public sealed record PointTargetResponse(AxisResponse Range, AxisResponse Azimuth, double PeakIntensity, double SignalToClutter);

/// <summary>Measures impulse responses.</summary>
/// <remarks>
/// The signal between pixels is the band-limited one (Fourier interpolation about the centre of its spectrum). The main lobe
/// reaches to the first minimum on either side; side lobes are counted by the minima that follow. Standard errors are those
/// that clutter of the given level makes, to first order.
/// </remarks>
public static class ImpulseResponse
{
    /// <summary>Measures the strongest peak of a line.</summary>
    /// <param name="line">Complex samples, 16 to 8192.</param>
    /// <param name="oversampling">Points per pixel on which the response is looked at, 4 to 256.</param>
    /// <param name="sidelobes">Side lobes on either side that count.</param>
    /// <param name="clutter">Mean intensity of the clutter around the target, for the standard errors.</param>
    /// <exception cref="ArgumentException">A line too short or too long, a value that is not finite, or all zero.</exception>
    public static AxisResponse OfLine(ReadOnlySpan<Complex32> line, int oversampling = 32, int sidelobes = 10, double clutter = 0)
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
    /// <param name="sidelobes">Side lobes on either side that count.</param>
    /// <exception cref="ArgumentException">Sizes that do not match, a place outside the image, values that are not finite, or all zero.</exception>
    public static PointTargetResponse Of(
        ReadOnlySpan<Complex32> image, int rows, int columns, int row, int column, int chip = 64, int oversampling = 32, int sidelobes = 10)
    {
        CheckOptions(oversampling, sidelobes);
        if ((long)rows * columns != image.Length || rows < 16 || columns < 16)
            throw new ArgumentException($"image: found {image.Length} pixels for {rows} x {columns}, expected at least 16 x 16.", nameof(image));
        if ((uint)row >= (uint)rows || (uint)column >= (uint)columns)
            throw new ArgumentException($"row, column: found ({row}, {column}), expected a place within {rows} x {columns}.");
        if (chip < 16 || chip > 512)
            throw new ArgumentException($"chip: found {chip}, expected 16 to 512.", nameof(chip));
        (row, column) = Brightest(image, rows, columns, row, column);
        int height = Math.Min(chip, rows), width = Math.Min(chip, columns);
        int top = Math.Clamp(row - height / 2, 0, rows - height), left = Math.Clamp(column - width / 2, 0, columns - width);
        var pixels = new Complex[height][];
        for (int y = 0; y < height; y++)
            pixels[y] = Finite(image.Slice((top + y) * columns + left, width), nameof(image));
        double clutter = Frame(pixels);
        var lines = pixels.Select(p => new BandLimitedSignal(p)).ToArray();
        var stacks = Enumerable.Range(0, width).Select(x => new BandLimitedSignal([.. pixels.Select(p => p[x])])).ToArray();
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
        return new PointTargetResponse(Moved(range, left), Moved(azimuth, top), peak, clutter > 0 ? 10 * Math.Log10(peak / clutter) : double.PositiveInfinity);

        static AxisResponse Moved(AxisResponse r, int by) => r with
        {
            Position = r.Position with { Value = r.Position.Value + by, Lower = r.Position.Lower + by, Upper = r.Position.Upper + by },
        };
    }

    private static AxisResponse Measure(BandLimitedSignal signal, double peak, int oversampling, int sidelobes, double clutter)
    {
        double step = 1.0 / oversampling, top = signal.Intensity(peak);
        var (rightNull, rightEnd) = Minima(signal, peak, step, sidelobes, out bool rightCut);
        var (leftNull, leftEnd) = Minima(signal, peak, -step, sidelobes, out bool leftCut);
        double right = HalfPower(signal, peak, rightNull, top), left = HalfPower(signal, peak, leftNull, top);
        double width = right - left, main = 0, side = 0, highest = 0;
        for (double x = leftEnd; x <= rightEnd; x += step)
        {
            double value = signal.Intensity(x);
            if (x > leftNull && x < rightNull)
                main += value;
            else
            {
                side += value;
                highest = Math.Max(highest, value);
            }
        }
        string? reason = rightCut || leftCut ? "the line ends before all side lobes asked for" : null;
        const string method = "Fourier interpolation, main lobe between its first minima (Cumming & Wong 2005, 2.3.3)";
        double noise = Math.Sqrt(clutter / 2), ratio = clutter / top;
        double slope = (Math.Sqrt(signal.Intensity(right - step)) - Math.Sqrt(signal.Intensity(right + step))) / (2 * step);
        const double decibel = 8.685889638;
        double pslrError = highest > 0 ? decibel * noise * Math.Sqrt(1 / highest + 1 / top) : double.NaN;
        double islrError = side > 0 ? decibel / 2 * clutter * (rightEnd - leftEnd - (rightNull - leftNull)) * oversampling / side : double.NaN;
        return new AxisResponse(
            Estimate.Normal(peak, Math.Sqrt(1.5 * ratio) / Math.PI * width / 0.886, 1, "peak of the interpolated response (Bamler & Eineder 2005)"),
            Estimate.Normal(width, Math.Sqrt(3) * noise / slope, 1, method),
            Decibels(highest / top, pslrError, sidelobes),
            Decibels(side / main, islrError, sidelobes));

        Estimate Decibels(double value, double error, int lobes) => value > 0
            ? Estimate.Normal(10 * Math.Log10(value), error, 1, $"{method}; {lobes} side lobes on either side") with { Reason = reason }
            : Estimate.Undefined("there are no side lobes", 1, method);
    }

    /// <summary>The first minimum of the intensity away from the peak, and the one that ends the last side lobe.</summary>
    private static (double Null, double End) Minima(BandLimitedSignal signal, double peak, double step, int sidelobes, out bool cut)
    {
        double first = double.NaN, before = signal.Intensity(peak), value = signal.Intensity(peak + step);
        double reach = signal.Length / 2.0;
        int found = 0;
        double x = peak + step;
        while (true)
        {
            double after = signal.Intensity(x + step);
            if (value <= before && value < after)
            {
                if (found == 0)
                    first = x;
                if (++found > sidelobes)
                {
                    cut = false;
                    return (first, x);
                }
            }
            if (Math.Abs(x + step - peak) >= reach)
            {
                cut = true;
                return (double.IsNaN(first) ? x : first, x);
            }
            (before, value) = (value, after);
            x += step;
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

    private static (int Row, int Column) Brightest(ReadOnlySpan<Complex32> image, int rows, int columns, int row, int column)
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
                    corners.Add(pixels[y][x].Real * pixels[y][x].Real + pixels[y][x].Imaginary * pixels[y][x].Imaginary);
        return corners.Average();
    }

    private static Complex[] Finite(ReadOnlySpan<Complex32> values, string name)
    {
        var result = new Complex[values.Length];
        bool any = false;
        for (int i = 0; i < result.Length; i++)
        {
            if (!float.IsFinite(values[i].Real) || !float.IsFinite(values[i].Imaginary))
                throw new ArgumentException($"{name}: found a value that is not finite in the chip, expected numbers.", name);
            result[i] = new Complex(values[i].Real, values[i].Imaginary);
            any |= result[i] != Complex.Zero;
        }
        return any || name == "image" ? result : throw new ArgumentException($"{name}: found only zeros, expected a target.", name);
    }

    private static void CheckOptions(int oversampling, int sidelobes)
    {
        if (oversampling < 4 || oversampling > 256 || sidelobes < 1 || sidelobes > 100)
            throw new ArgumentException($"oversampling, sidelobes: found {oversampling} and {sidelobes}, expected 4 to 256 and 1 to 100.");
    }

    /// <summary>A line of samples as the band-limited, periodic signal through them.</summary>
    private sealed class BandLimitedSignal
    {
        private readonly Complex[] spectrum;
        private readonly int lowest;

        public BandLimitedSignal(Complex[] samples)
        {
            int n = samples.Length;
            var bins = (Complex[])samples.Clone();
            MathNet.Numerics.IntegralTransforms.Fourier.Forward(bins, MathNet.Numerics.IntegralTransforms.FourierOptions.Matlab);
            // The band is cut opposite to the centre of the spectrum, wherever the Doppler centroid has moved it.
            var centre = Complex.Zero;
            for (int k = 0; k < n; k++)
                centre += bins[k].Magnitude * bins[k].Magnitude * Complex.FromPolarCoordinates(1, 2 * Math.PI * k / n);
            lowest = (int)Math.Round(centre.Phase / (2 * Math.PI) * n) - (n - 1) / 2;
            spectrum = new Complex[n];
            for (int i = 0; i < n; i++)
                spectrum[i] = bins[(((lowest + i) % n) + n) % n] / n;
        }

        public int Length => spectrum.Length;

        public Complex At(double position)
        {
            // Horner's scheme in exp(2 pi i x / n).
            var turn = Complex.FromPolarCoordinates(1, 2 * Math.PI * position / Length);
            var sum = Complex.Zero;
            for (int i = Length - 1; i >= 0; i--)
                sum = sum * turn + spectrum[i];
            return sum * Complex.FromPolarCoordinates(1, 2 * Math.PI * position * lowest / Length);
        }

        public double Intensity(double position)
        {
            var value = At(position);
            return value.Real * value.Real + value.Imaginary * value.Imaginary;
        }

        /// <summary>Position of the highest intensity in a range, to about 1e-8 pixels.</summary>
        public double Peak(double from, double to, int oversampling)
        {
            double step = 1.0 / oversampling, best = from, highest = -1;
            double coarse = Math.Max(step, 0.125);
            for (double x = from; x <= to; x += coarse)
            {
                double value = Intensity(x);
                if (value > highest)
                    (best, highest) = (x, value);
            }
            // Golden section between the neighbours of the best point.
            double a = best - coarse, b = best + coarse;
            const double golden = 0.6180339887498949;
            for (int i = 0; i < 60 && b - a > 1e-9; i++)
            {
                double c = b - golden * (b - a), d = a + golden * (b - a);
                if (Intensity(c) > Intensity(d))
                    b = d;
                else
                    a = c;
            }
            return (a + b) / 2;
        }
    }
}
