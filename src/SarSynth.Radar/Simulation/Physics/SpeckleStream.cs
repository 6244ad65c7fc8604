// Fully developed speckle over ground of given mean intensity, line by line, so that an image may have any size: a
// white circular Gaussian field times the square root of the mean, through the sensor's impulse response (Goodman
// 2007, ch. 3). Single scatterers do not fade: their phase is drawn, their amplitude is not.
using System.Numerics.Tensors;
using MathNet.Numerics;
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Simulation;

/// <summary>
/// Makes single-look complex lines of lines of mean intensity. What is drawn at a place hangs on seed, sensor and place
/// alone: an image is the same however its lines come. Around the image its mirror image goes on.
/// </summary>
public sealed class SpeckleStream
{
    // Half-length of the filter in resolution cells, as the simulator has it.
    private const double FilterReach = 24;

    private readonly int rows, columns;
    private readonly ulong seed, stream;
    private readonly float[] across, along;
    private readonly Action<int, Complex32[]> sink;
    private readonly Dictionary<int, (float[] Amplitude, bool[]? Single)> means = [];
    private readonly Dictionary<int, (float[] Real, float[] Imaginary)> filtered = [];
    private readonly Complex32[] line;
    private readonly int finished;
    private int added, next;

    /// <summary>Begins an image.</summary>
    /// <param name="sensor">
    /// Its bands and windows make the impulse response, which has unit energy: power stays.
    /// </param>
    /// <param name="seed">Seed of the speckle.</param>
    /// <param name="rows">Rows of the image.</param>
    /// <param name="columns">Columns of the image.</param>
    /// <param name="sink">Gets row and samples of each finished line, top to bottom; the array is used again.</param>
    /// <param name="first">
    /// The image's line that is added first; where that is not 0, the first finished line lies <see cref="ReachOf"/>
    /// below it.
    /// </param>
    /// <exception cref="ArgumentException">A sensor whose pixel is the mean of several samples.</exception>
    public SpeckleStream(Sensor sensor, ulong seed, int rows, int columns, Action<int, Complex32[]> sink,
        int first = 0)
    {
        ArgumentNullException.ThrowIfNull(sensor);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        sensor.Check();
        if (sensor.RangeLooks * sensor.AzimuthLooks != 1)
        {
            throw new ArgumentException($"sensor {sensor.Name}: found {sensor.AzimuthLooks} x {sensor.RangeLooks} "
                + "looks, expected 1 x 1: speckle is drawn for single-look samples.");
        }
        (this.seed, this.rows, this.columns, this.sink) = (seed, rows, columns, sink);
        // Not the stream of the simulator: an image made beside a simulated truth must not have its speckle.
        stream = SeededRandom.StreamCode("drawn speckle " + sensor.Name);
        (across, along) = (Kernel(sensor.RangeWindow, sensor.RangeBandFraction),
            Kernel(sensor.AzimuthWindow, sensor.AzimuthBandFraction));
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(first, rows);
        (added, next, finished) = first == 0 ? (0, -Reach, 0) : (first, first, first + Reach);
        line = new Complex32[columns];
    }

    private int Reach => along.Length / 2;

    /// <summary>The single-look complex image of a sensor over ground of given mean intensity.</summary>
    /// <param name="mean">Mean intensity, the sensor's noise in it; not negative.</param>
    /// <param name="sensor">The sensor.</param>
    /// <param name="seed">Seed of the speckle.</param>
    public static ComplexImage Draw(IntensityImage mean, Sensor sensor, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(mean);
        var samples = new Complex32[mean.Pixels.Length];
        var speckle = new SpeckleStream(sensor, seed, mean.Rows, mean.Columns,
            (row, line) => line.CopyTo(samples, row * mean.Columns));
        speckle.Add(mean.Pixels);
        return new(mean.Rows, mean.Columns, samples, mean.Metadata with { Looks = 1 }, mean.GeoReference);
    }

    /// <summary>The next lines of the image; those that are finished go to the sink.</summary>
    /// <param name="mean">Mean intensity, whole lines; not negative, and without gaps.</param>
    /// <param name="single">Pixels that hold one scatterer, which does not fade; none when empty.</param>
    /// <exception cref="ArgumentException">No whole lines, or more of them than the image has.</exception>
    public void Add(ReadOnlySpan<float> mean, ReadOnlySpan<bool> single = default)
    {
        if (mean.Length % columns != 0 || added + mean.Length / columns > rows)
        {
            throw new ArgumentException($"lines: found {mean.Length} pixels after {added} of {rows} lines, expected "
                + $"whole lines of {columns}.");
        }
        if (!single.IsEmpty && single.Length != mean.Length)
        {
            throw new ArgumentException($"single: found {single.Length} pixels, expected none or the {mean.Length} of "
                + "the mean.");
        }
        for (var at = 0; at < mean.Length; at += columns)
        {
            var amplitude = new float[columns];
            TensorPrimitives.Sqrt(mean.Slice(at, columns), amplitude);
            var alone = single.IsEmpty ? single : single.Slice(at, columns);
            means[added++] = (amplitude, alone.Contains(true) ? alone.ToArray() : null);
            Advance();
        }
    }

    private void Advance()
    {
        var reach = Reach;
        // Above the first line and below the last the mirrored lines go on, with speckle of their own.
        while (next < rows + reach && means.TryGetValue(Mirror(next, rows), out var source))
        {
            filtered[next] = Filtered(source, next);
            // The mirror image below the last line comes back to lines this far up.
            means.Remove(next - 2 * reach);
            if (next - reach >= finished)
                Finish(next - reach);
            next++;
        }
    }

    private (float[] Real, float[] Imaginary) Filtered((float[] Amplitude, bool[]? Single) source, int row)
    {
        var reach = across.Length / 2;
        float[] real = new float[columns + 2 * reach], imaginary = new float[real.Length],
            wide = new float[real.Length];
        for (var i = 0; i < wide.Length; i++)
            wide[i] = source.Amplitude[Mirror(i - reach, columns)];
        new SeededRandom(seed, stream, row).FillCircularNormal(real, imaginary);
        for (var i = 0; source.Single is { } single && i < wide.Length; i++)
        {
            if (single[Mirror(i - reach, columns)])
                (real[i], imaginary[i]) = Phase(real[i], imaginary[i]);
        }
        TensorPrimitives.Multiply(real, wide, real);
        TensorPrimitives.Multiply(imaginary, wide, imaginary);
        return (Sum(across, k => real.AsSpan(k, columns)), Sum(across, k => imaginary.AsSpan(k, columns)));
    }

    // A sample's phase as a number of size 1; a sample of 0, which is drawn once in 16 million, has phase 0.
    private static (float Real, float Imaginary) Phase(float real, float imaginary)
    {
        var size = MathF.Sqrt(real * real + imaginary * imaginary);
        return size == 0 ? (1, 0) : (real / size, imaginary / size);
    }

    private void Finish(int row)
    {
        var reach = Reach;
        var real = Sum(along, k => filtered[row + k - reach].Real);
        var imaginary = Sum(along, k => filtered[row + k - reach].Imaginary);
        for (var i = 0; i < columns; i++)
            line[i] = new Complex32(real[i], imaginary[i]);
        filtered.Remove(row - reach);
        sink(row, line);
    }

    private delegate ReadOnlySpan<float> Part(int index);

    private float[] Sum(float[] weights, Part part)
    {
        var sum = new float[columns];
        for (var k = 0; k < weights.Length; k++)
            TensorPrimitives.MultiplyAdd(part(k), weights[k], sum, sum);
        return sum;
    }

    /// <summary>Lines above and below that a line of a sensor's speckle is made of.</summary>
    public static int ReachOf(Sensor sensor)
    {
        ArgumentNullException.ThrowIfNull(sensor);
        return (int)Math.Ceiling(FilterReach / sensor.AzimuthBandFraction);
    }

    // Unit energy, so that white noise keeps its power.
    private static float[] Kernel(SpectralWindow window, double band)
    {
        var (response, reach) = (BandResponse.Of(window), (int)Math.Ceiling(FilterReach / band));
        double[] weights = [.. Enumerable.Range(-reach, 2 * reach + 1).Select(k => response.At(k * band))];
        var norm = 1 / Math.Sqrt(weights.Sum(w => w * w));
        return Array.ConvertAll(weights, w => (float)(w * norm));
    }

    // -1 -> 0, -2 -> 1, n -> n - 1, n + 1 -> n - 2, and so on for any distance.
    private static int Mirror(int index, int count)
    {
        int period = 2 * count, inside = ((index % period) + period) % period;
        return inside < count ? inside : period - 1 - inside;
    }
}
