// The physics that joins a scene and a sensor: geometry and reflectivity, fully developed speckle as a white complex
// field, band-limited by the sensor's spectrum, noise, point scatterers with their side lobes.
using System.Numerics.Tensors;
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Simulation;

/// <summary>Simulates SAR images of scenes.</summary>
/// <remarks>
/// Images are in slant range divided by sin(incidence): rows are azimuth lines, columns run from near to far range,
/// flat ground at height 0 stays on the scene's grid and everything higher is displaced towards column 0 by height /
/// tan(incidence). Sensors of the same incidence angle therefore give registered images: detected pixel (r, c) covers
/// exactly the scene's cells from r f to (r + 1) f, where f is its spacing over the scene's.
/// </remarks>
public static partial class Simulator
{
    // Half-length of the filter on clutter, in resolution cells; point scatterers have theirs from their brightness.
    private const double FilterReach = 24;

    /// <summary>Sees a scene with a sensor.</summary>
    /// <param name="scene">The scene; its spacing must not exceed the sensor's.</param>
    /// <param name="sensor">The sensor.</param>
    /// <param name="seed">
    /// Seed of the speckle; sensors of different names have independent speckle for the same seed.
    /// </param>
    /// <param name="fidelity">How rich.</param>
    /// <param name="threads">
    /// How many threads to use at most; 0 for as many as there are. The result is the same.
    /// </param>
    /// <exception cref="ArgumentException">
    /// A field of the sensor is out of range, its spacing is finer than the scene's,
    /// or the scene is smaller than one pixel.
    /// </exception>
    public static Observation Observe(Scene scene, Sensor sensor, ulong seed, Fidelity fidelity = Fidelity.Truth,
        int threads = 0)
    {
        if (fidelity == Fidelity.Simulator)
            return Observe(scene, sensor, seed, new FacetModel(), threads);
        var (azimuth, range, workers) = Prepare(scene, sensor, threads);
        var geometry = new RadarGeometry(scene, sensor,
            fidelity == Fidelity.Truth ? GroundDetail.Full : GroundDetail.Plain, workers);
        var truth = geometry.Project();
        var (real, imaginary) = DrawClutter(truth, truth.Reflectivity, Noise(sensor), sensor, azimuth, range, seed,
            workers);
        AddTargets(scene.Targets, scene.Spacing, geometry, truth, sensor, azimuth, range, seed, real, imaginary);
        return Detect(sensor, azimuth, range, real, imaginary, truth, workers);
    }

    private static (Axis Azimuth, Axis Range, ParallelOptions Workers) Prepare(Scene scene, Sensor sensor, int threads)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        ArgumentNullException.ThrowIfNull(scene);
        ArgumentNullException.ThrowIfNull(sensor);
        sensor.Check();
        return (new Axis(scene.Rows, scene.Spacing, sensor.AzimuthSpacing, sensor.AzimuthBandFraction,
                sensor.AzimuthWindow, sensor.AzimuthLooks, sensor.Name, "azimuth"),
            new Axis(scene.Columns, scene.Spacing, sensor.GroundRangeSpacing, sensor.RangeBandFraction,
                sensor.RangeWindow, sensor.RangeLooks, sensor.Name, "range"),
            new ParallelOptions { MaxDegreeOfParallelism = threads == 0 ? -1 : threads });
    }

    private static float Noise(Sensor sensor) => (float)Math.Pow(10, sensor.NoiseEquivalentSigmaNought / 10);

    // One axis of the single-look image: which of the scene's cells make each sample, and with which weights.
    private sealed class Axis
    {
        public readonly int Samples, Margin, Looks;
        public readonly double Factor, Band;
        public readonly BandResponse Response;
        public readonly int[] First;
        public readonly float[][] Weights;

        public Axis(int cells, double cellSize, double spacing, double band, SpectralWindow window, int looks,
            string sensor, string axis)
        {
            (Factor, Band, Response, Looks) = (spacing / cellSize, band, BandResponse.Of(window), looks);
            if (Factor < 1 - 1e-9)
                throw new ArgumentException($"sensor {sensor}: found a {axis} spacing of {spacing} m, expected at "
                    + $"least the scene's {cellSize} m.");
            Samples = (int)Math.Floor(cells / Factor + 1e-6) / looks * looks;
            if (Samples < 1)
                throw new ArgumentException($"scene: found {cells} cells along {axis}, expected at least one pixel of "
                    + $"sensor {sensor} ({spacing * looks} m).");
            int reach = (int)Math.Ceiling(FilterReach * Factor / band);
            Margin = reach + 1;
            First = new int[Samples];
            Weights = new float[Samples][];
            var shared = new Dictionary<long, float[]>();
            for (int i = 0; i < Samples; i++)
            {
                double centre = (i + 0.5) * Factor - 0.5;
                int nearest = (int)Math.Round(centre);
                First[i] = nearest - reach + Margin;
                long phase = (long)Math.Round((centre - nearest) * 1e9);
                if (!shared.TryGetValue(phase, out var weights))
                    shared[phase] = weights = Kernel(centre - nearest, reach);
                Weights[i] = weights;
            }
        }

        // Unit energy, so that white noise keeps its power: the image is calibrated to sigma nought.
        private float[] Kernel(double shift, int reach)
        {
            var weights = new double[2 * reach + 1];
            double energy = 0;
            for (int k = 0; k < weights.Length; k++)
            {
                weights[k] = Response.At((k - reach - shift) * Band / Factor);
                energy += weights[k] * weights[k];
            }
            double norm = 1 / Math.Sqrt(energy);
            return Array.ConvertAll(weights, w => (float)(w * norm));
        }
    }

    private static (float[] Real, float[] Imaginary) DrawClutter(RadarTruth truth, float[] reflectivity, float noise,
        Sensor sensor, Axis azimuth, Axis range, ulong seed, ParallelOptions workers)
    {
        int rows = truth.Rows, columns = truth.Columns, tall = rows + 2 * azimuth.Margin,
            wide = columns + 2 * range.Margin, samples = range.Samples;
        ulong stream = SeededRandom.StreamCode("speckle " + sensor.Name);
        float[] real = new float[tall * samples], imaginary = new float[tall * samples];
        Parallel.For(0, tall, workers, () => (Amplitude: new float[wide], Re: new float[wide], Im: new float[wide]),
            (line, _, buffer) =>
        {
            // Around the scene its mirror image continues, with speckle of its own, so that borders
            // are as bright as the inside.
            var source = reflectivity.AsSpan(Mirror(line - azimuth.Margin, rows) * columns, columns);
            for (int i = 0; i < wide; i++)
                buffer.Amplitude[i] = source[Mirror(i - range.Margin, columns)] + noise;
            TensorPrimitives.Sqrt(buffer.Amplitude, buffer.Amplitude);
            new SeededRandom(seed, stream, line - azimuth.Margin).FillCircularNormal(buffer.Re, buffer.Im);
            TensorPrimitives.Multiply(buffer.Re, buffer.Amplitude, buffer.Re);
            TensorPrimitives.Multiply(buffer.Im, buffer.Amplitude, buffer.Im);
            FilterLine(range, buffer.Re, real.AsSpan(line * samples, samples));
            FilterLine(range, buffer.Im, imaginary.AsSpan(line * samples, samples));
            return buffer;
        }, _ => { });
        return (FilterColumns(azimuth, real, samples, workers), FilterColumns(azimuth, imaginary, samples, workers));
    }

    private static void FilterLine(Axis axis, float[] source, Span<float> target)
    {
        if (axis.Factor == 1)
        {
            target.Clear();
            var weights = axis.Weights[0];
            for (int k = 0; k < weights.Length; k++)
                TensorPrimitives.MultiplyAdd<float>(source.AsSpan(axis.First[0] + k, target.Length), weights[k], target,
                    target);
            return;
        }
        for (int j = 0; j < target.Length; j++)
            target[j] = TensorPrimitives.Dot<float>(source.AsSpan(axis.First[j], axis.Weights[j].Length),
                axis.Weights[j]);
    }

    private static float[] FilterColumns(Axis axis, float[] source, int width, ParallelOptions workers)
    {
        var result = new float[axis.Samples * width];
        Parallel.For(0, axis.Samples, workers, r =>
        {
            var line = result.AsSpan(r * width, width);
            var weights = axis.Weights[r];
            for (int k = 0; k < weights.Length; k++)
                TensorPrimitives.MultiplyAdd<float>(source.AsSpan((axis.First[r] + k) * width, width), weights[k], line,
                    line);
        });
        return result;
    }

    private static void AddTargets(IReadOnlyList<Target> targets, double spacing, RadarGeometry geometry,
        RadarTruth truth, Sensor sensor, Axis azimuth, Axis range, ulong seed, float[] real, float[] imaginary)
    {
        double noise = Math.Sqrt(Math.Pow(10, sensor.NoiseEquivalentSigmaNought / 10)),
            area = sensor.AzimuthSpacing * sensor.GroundRangeSpacing;
        double theta = sensor.IncidenceAngle * Math.PI / 180;
        for (int i = 0; i < targets.Count; i++)
        {
            if (!truth.LitTargets[i])
                continue;
            var target = targets[i];
            double r = (target.Row + 0.5) / azimuth.Factor - 0.5,
                c = (geometry.ProjectedColumn(target) + 0.5) / range.Factor - 0.5;
            double amplitude = Math.Sqrt(target.CrossSection / area);
            // The phase is that of the two-way path, of which only the part below a wavelength matters.
            double path = target.Column * spacing * Math.Sin(theta) - target.Height * Math.Cos(theta);
            (double sin, double cos) = Math.SinCos(-4 * Math.PI * path / sensor.Wavelength
                + new SeededRandom(seed, "target phase", i).Uniform() * 2 * Math.PI);
            var (rowStart, rowWeights) = Response(azimuth, r, amplitude, noise);
            var (columnStart, columnWeights) = Response(range, c, amplitude, noise);
            for (int k = 0; k < rowWeights.Length; k++)
            {
                int line = rowStart + k;
                if (line < 0 || line >= azimuth.Samples)
                    continue;
                // Off the axes the product of two side lobes sinks under the noise sooner.
                double peak = amplitude * rowWeights[k];
                int centre = columnWeights.Length / 2, reach = Math.Min(centre, Reach(range, Math.Abs(peak), noise));
                float re = (float)(peak * cos), im = (float)(peak * sin);
                int first = Math.Max(columnStart + centre - reach, 0),
                    last = Math.Min(columnStart + centre + reach, range.Samples - 1);
                for (int column = first; column <= last; column++)
                {
                    float weight = columnWeights[column - columnStart];
                    real[line * range.Samples + column] += re * weight;
                    imaginary[line * range.Samples + column] += im * weight;
                }
            }
        }
    }

    // How many samples away the side lobes of a sinc still rise over a third of the noise amplitude.
    private static int Reach(Axis axis, double amplitude, double noise) =>
        (int)Math.Clamp(amplitude / (noise * axis.Band), 6, 1024);

    // Samples of the impulse response around a position, as far as its side lobes matter.
    private static (int Start, float[] Weights) Response(Axis axis, double position, double amplitude, double noise)
    {
        int reach = Reach(axis, amplitude, noise), start = (int)Math.Round(position) - reach;
        var weights = new float[2 * reach + 1];
        for (int k = 0; k < weights.Length; k++)
            weights[k] = (float)(Math.Sqrt(axis.Band) * axis.Response.At((start + k - position) * axis.Band));
        return (start, weights);
    }

    private static Observation Detect(Sensor sensor, Axis azimuth, Axis range, float[] real, float[] imaginary,
        RadarTruth truth, ParallelOptions workers)
    {
        int samples = range.Samples, rows = azimuth.Samples / azimuth.Looks, columns = samples / range.Looks;
        var pixels = new Complex32[real.Length];
        var amplitude = new float[rows * columns];
        float scale = 1f / (azimuth.Looks * range.Looks);
        Parallel.For(0, rows, workers, r =>
        {
            for (int line = r * azimuth.Looks; line < (r + 1) * azimuth.Looks; line++)
            {
                for (int j = 0; j < samples; j++)
                {
                    int at = line * samples + j;
                    pixels[at] = new Complex32(real[at], imaginary[at]);
                    amplitude[r * columns + j / range.Looks] += scale * (real[at] * real[at]
                        + imaginary[at] * imaginary[at]);
                }
            }
            var detected = amplitude.AsSpan(r * columns, columns);
            TensorPrimitives.Sqrt(detected, detected);
        });
        return new Observation(sensor,
            new ComplexImage(azimuth.Samples, samples, pixels, sensor.Metadata(detected: false)),
            new AmplitudeImage(rows, columns, amplitude, sensor.Metadata(detected: true)), truth);
    }

    // -1 -> 0, -2 -> 1, n -> n - 1, n + 1 -> n - 2, and so on for any distance.
    private static int Mirror(int index, int count)
    {
        int period = 2 * count, inside = ((index % period) + period) % period;
        return inside < count ? inside : period - 1 - inside;
    }
}
