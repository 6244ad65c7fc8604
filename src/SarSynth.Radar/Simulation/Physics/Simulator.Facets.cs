// The facet simulator: a map of mean intensity on the sensor's grid, speckle that no response correlates, and the
// errors that such a simulation has beside a measured image.
using System.Numerics.Tensors;
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Simulation;

public static partial class Simulator
{
    /// <summary>Simulates a scene facet by facet, as it would look to a sensor.</summary>
    /// <param name="scene">The scene; its spacing must not exceed the sensor's.</param>
    /// <param name="sensor">The sensor whose geometry and grid it has.</param>
    /// <param name="seed">Seed of the speckle; calibration and registration errors belong to the scene.</param>
    /// <param name="facets">What the simulator has and how wrong it is.</param>
    /// <param name="threads">How many threads to use at most; 0 for as many as there are.</param>
    /// <returns>
    /// An observation with <see cref="Observation.SpeckleFree"/> and <see cref="Observation.Errors"/>. Its truth is
    /// what the simulator itself holds for true: its own levels, not displaced.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// A field of sensor or facets is out of range, the sensor's spacing is finer than the scene's, or the scene is
    /// smaller than one pixel.
    /// </exception>
    public static Observation Observe(Scene scene, Sensor sensor, ulong seed, FacetModel facets, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(facets);
        facets.Check();
        var (azimuth, range, workers) = Prepare(scene, sensor, threads);
        var geometry = new RadarGeometry(scene, sensor, facets.Detail(), workers);
        var truth = geometry.Project();
        for (int i = 0; i < truth.LitTargets.Length; i++)
            truth.LitTargets[i] &= facets.Scatterers.Contains(scene.Targets[i].Kind);
        var errors = facets.ErrorsOf(scene);
        double gain = Math.Pow(10, errors.Calibration / 10), down = errors.Row * azimuth.Factor * azimuth.Looks,
            across = errors.Column * range.Factor * range.Looks;
        var ground = Displaced(truth, down, across, (float)gain);
        Target[] targets = [.. scene.Targets.Select(t => t with
        {
            Row = t.Row + down, Column = t.Column + across, CrossSection = t.CrossSection * gain,
        })];
        float noise = facets.NoiseFloor ? Noise(sensor) : 0;
        var mean = MeanOfSamples(truth, ground, noise, azimuth, range);
        AddPower(targets, geometry, truth, sensor, azimuth, range, mean);
        float[] real, imaginary;
        if (facets.SensorResponse)
        {
            (real, imaginary) = DrawClutter(truth, ground, noise, sensor, azimuth, range, seed, workers);
            AddTargets(targets, scene.Spacing, geometry, truth, sensor, azimuth, range, seed, real, imaginary);
        }
        else
            (real, imaginary) = DrawWhite(mean, sensor, azimuth, range, seed, workers);
        var seen = Detect(sensor, azimuth, range, real, imaginary, truth, workers);
        SarMetadata Named(SarMetadata metadata) => metadata with { Sensor = FacetModel.NameOf(sensor.Name) };
        var map = new IntensityImage(azimuth.Samples, range.Samples, mean, Named(sensor.Metadata(detected: false)));
        return new(sensor,
            new ComplexImage(azimuth.Samples, range.Samples, seen.SingleLook.Pixels, map.Metadata),
            new AmplitudeImage(seen.Detected.Rows, seen.Detected.Columns, seen.Detected.Pixels,
                Named(seen.Detected.Metadata)), truth)
        {
            // Looks are the number of independent echoes in a pixel; a map of means has none to count.
            SpeckleFree = new IntensityImage(seen.Detected.Rows, seen.Detected.Columns,
                azimuth.Looks * range.Looks == 1 ? mean
                    : Multilook.Apply(map, azimuth.Looks, range.Looks).Pixels,
                Named(seen.Detected.Metadata) with { Looks = null }),
            Errors = errors,
        };
    }

    // Cells share their power with the two or four on which they come to lie; beyond its borders the scene goes on as
    // it ends.
    private static float[] Displaced(RadarTruth truth, double down, double across, float gain)
    {
        if (down == 0 && across == 0 && gain == 1)
            return truth.Reflectivity;
        int rows = truth.Rows, columns = truth.Columns;
        var (rowStep, rowShare) = Split(down);
        var (columnStep, columnShare) = Split(across);
        float[] result = new float[truth.Reflectivity.Length], line = new float[columns];
        for (int r = 0; r < rows; r++)
        {
            var near = Row(r - rowStep);
            var far = Row(r - rowStep - 1);
            for (int c = 0; c < columns; c++)
                line[c] = (1 - rowShare) * near[c] + rowShare * far[c];
            for (int c = 0; c < columns; c++)
            {
                result[r * columns + c] = gain * ((1 - columnShare) * line[Math.Clamp(c - columnStep, 0, columns - 1)]
                    + columnShare * line[Math.Clamp(c - columnStep - 1, 0, columns - 1)]);
            }
        }
        return result;

        ReadOnlySpan<float> Row(int row) =>
            truth.Reflectivity.AsSpan(Math.Clamp(row, 0, rows - 1) * columns, columns);

        static (int Step, float Share) Split(double shift) =>
            ((int)Math.Floor(shift), (float)(shift - Math.Floor(shift)));
    }

    // The mean of the cells that a single-look sample covers.
    private static float[] MeanOfSamples(RadarTruth truth, float[] ground, float noise, Axis azimuth, Axis range)
    {
        var wide = new float[truth.Rows * range.Samples];
        for (int r = 0; r < truth.Rows; r++)
        {
            for (int j = 0; j < range.Samples; j++)
                wide[r * range.Samples + j] = Covered(ground, r * truth.Columns, 1, j, range.Factor, truth.Columns);
        }
        var mean = new float[azimuth.Samples * range.Samples];
        for (int i = 0; i < azimuth.Samples; i++)
        {
            for (int j = 0; j < range.Samples; j++)
            {
                mean[i * range.Samples + j] = noise
                    + Covered(wide, j, range.Samples, i, azimuth.Factor, truth.Rows);
            }
        }
        return mean;
    }

    private static float Covered(float[] source, int start, int step, int sample, double factor, int cells)
    {
        if (factor == 1)
            return source[start + sample * step];
        double from = sample * factor, to = Math.Min(from + factor, cells), sum = 0;
        for (int cell = (int)from; cell < to; cell++)
            sum += source[start + cell * step] * (Math.Min(to, cell + 1) - Math.Max(from, cell));
        return (float)(sum / (to - from));
    }

    private static void AddPower(Target[] targets, RadarGeometry geometry, RadarTruth truth, Sensor sensor,
        Axis azimuth, Axis range, float[] mean)
    {
        double area = sensor.AzimuthSpacing * sensor.GroundRangeSpacing;
        for (int i = 0; i < targets.Length; i++)
        {
            int row = (int)Math.Floor((targets[i].Row + 0.5) / azimuth.Factor),
                column = (int)Math.Floor((geometry.ProjectedColumn(targets[i]) + 0.5) / range.Factor);
            if (truth.LitTargets[i] && row >= 0 && row < azimuth.Samples && column >= 0 && column < range.Samples)
                mean[row * range.Samples + column] += (float)(targets[i].CrossSection / area);
        }
    }

    private static (float[] Real, float[] Imaginary) DrawWhite(float[] mean, Sensor sensor, Axis azimuth, Axis range,
        ulong seed, ParallelOptions workers)
    {
        int samples = range.Samples;
        ulong stream = SeededRandom.StreamCode("facet speckle " + sensor.Name);
        float[] real = new float[mean.Length], imaginary = new float[mean.Length];
        Parallel.For(0, azimuth.Samples, workers, () => new float[samples], (line, _, amplitude) =>
        {
            TensorPrimitives.Sqrt(mean.AsSpan(line * samples, samples), amplitude);
            Span<float> re = real.AsSpan(line * samples, samples), im = imaginary.AsSpan(line * samples, samples);
            new SeededRandom(seed, stream, line).FillCircularNormal(re, im);
            TensorPrimitives.Multiply(re, amplitude, re);
            TensorPrimitives.Multiply(im, amplitude, im);
            return amplitude;
        }, _ => { });
        return (real, imaginary);
    }
}
