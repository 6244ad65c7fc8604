// What a translation must beat: interpolation, interpolation with speckle drawn on it, and despeckling before both.
using MathNet.Numerics.Random;
using SarSynth.Data;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Simulation;
using SarSynth.Radar.Statistics;

namespace SarSynth.Evaluation;

/// <summary>Ways from a satellite image to the airborne grid that need no model.</summary>
public static class Baselines
{
    /// <summary>All of them for one scene: bicubic, bicubic + speckle, Lee x speckle.</summary>
    /// <param name="scene">The scene; sensors of the simulator are told by its images.</param>
    /// <param name="seed">Seed of the speckle.</param>
    public static IReadOnlyList<Candidate> All(PairedScene scene, ulong seed = 1) => All([scene], seed);

    /// <summary>All of them for several scenes.</summary>
    /// <param name="scenes">The scenes.</param>
    /// <param name="seed">Seed of the first scene's speckle; the next scenes take the next seeds.</param>
    public static IReadOnlyList<Candidate> All(IReadOnlyList<PairedScene> scenes, ulong seed = 1) =>
    [
        new("bicubic", [.. scenes.Select(s => Bicubic(s.Satellite, s.Scale))]),
        new("bicubic + speckle",
            [.. scenes.Select((s, i) => BicubicWithSpeckle(s.Satellite, s.Scale, seed + (ulong)i))]),
        new("Lee x speckle", [.. scenes.Select((s, i) => LeeWithSpeckle(s.Satellite, s.Scale, seed + (ulong)i,
            s.Satellite.SimulatedSensor(), s.Airborne.SimulatedSensor()))]),
    ];

    /// <summary>Bicubic interpolation of the intensity to a grid <paramref name="scale"/> times finer.</summary>
    /// <param name="satellite">The coarse image.</param>
    /// <param name="scale">Fine pixels per coarse pixel, 1 or more.</param>
    /// <returns>Amplitude on the fine grid; NaN where the coarse pixels around are NaN.</returns>
    /// <remarks>
    /// Keys (1981), cubic convolution with a = -1/2. Intensity is interpolated, not amplitude,
    /// so that the mean power stays.
    /// </remarks>
    public static AmplitudeImage Bicubic(AmplitudeImage satellite, int scale)
    {
        var intensity = BicubicIntensity(satellite.ToIntensity(), scale);
        var amplitude = Array.ConvertAll(intensity, MathF.Sqrt);
        return Fine(satellite, scale, amplitude);
    }

    /// <summary>
    /// Bicubic interpolation of the intensity, times unit-mean exponential speckle: what "just add speckle" gives.
    /// </summary>
    /// <param name="satellite">The coarse image.</param>
    /// <param name="scale">Fine pixels per coarse pixel, 1 or more.</param>
    /// <param name="seed">Seed of the speckle.</param>
    public static AmplitudeImage BicubicWithSpeckle(AmplitudeImage satellite, int scale, ulong seed)
    {
        var random = Random(seed);
        var amplitude = Array.ConvertAll(BicubicIntensity(satellite.ToIntensity(), scale),
            i => (float)Math.Sqrt(-i * Math.Log(1 - random.NextDouble())));
        return Fine(satellite, scale, amplitude);
    }

    /// <summary>
    /// Despeckled by Lee's filter, the satellite's noise taken off, interpolated, the airborne sensor's noise put on,
    /// times speckle as that sensor draws it.
    /// </summary>
    /// <param name="satellite">The coarse image.</param>
    /// <param name="scale">Fine pixels per coarse pixel, 1 or more.</param>
    /// <param name="seed">Seed of the speckle.</param>
    /// <param name="from">The satellite sensor, for its noise; null takes none off.</param>
    /// <param name="to">
    /// The airborne sensor, for its noise and its impulse response; null puts none on, and
    /// draws white single-look speckle.
    /// </param>
    /// <remarks>
    /// Lee (1980), windows of 7 x 7, with the looks of the image's own homogeneous windows (those that its metadata
    /// tells where there is none: pixels that overlap in their speckle have fewer).
    /// </remarks>
    public static AmplitudeImage LeeWithSpeckle(
        AmplitudeImage satellite, int scale, ulong seed, Sensor? from = null, Sensor? to = null)
    {
        var intensity = satellite.ToIntensity();
        var measured = Enl.Homogeneous(intensity.Pixels, intensity.Rows, intensity.Columns).Looks.Value;
        var looks = measured > 0 && double.IsFinite(measured) ? measured : satellite.Metadata.Looks ?? 1;
        var ground = new LeeFilter(Looks: looks).Apply(intensity);
        var (less, more) = (Noise(from), Noise(to));
        // A field near the noise may come out below it.
        var clean = Array.ConvertAll(ground.Pixels, i => float.IsNaN(i) ? i : MathF.Max(i - less, 0));
        var fine = BicubicIntensity(new(ground.Rows, ground.Columns, clean), scale);
        var speckle = Speckle(satellite.Rows * scale, satellite.Columns * scale, seed, to);
        for (var i = 0; i < fine.Length; i++)
            fine[i] = MathF.Sqrt((fine[i] + more) * speckle[i]);
        return Fine(satellite, scale, fine);

        static float Noise(Sensor? sensor) =>
            sensor is null ? 0 : (float)Math.Pow(10, sensor.NoiseEquivalentSigmaNought / 10);
    }

    /// <summary>Intensity of speckle over ground of mean intensity 1, row by row.</summary>
    private static float[] Speckle(int rows, int columns, ulong seed, Sensor? sensor)
    {
        if (sensor is null)
        {
            var random = Random(seed);
            return [.. Enumerable.Range(0, rows * columns).Select(_ => (float)-Math.Log(1 - random.NextDouble()))];
        }
        // What the sensor's own simulator sees of flat ground; under another name, so that its speckle is not that
        // which the truth has where that was simulated with the same seed.
        var spacing = Math.Min(sensor.AzimuthSpacing, sensor.GroundRangeSpacing);
        int tall = Cells(rows * sensor.AzimuthLooks * sensor.AzimuthSpacing),
            wide = Cells(columns * sensor.RangeLooks * sensor.GroundRangeSpacing);
        var asphalt = new byte[tall * wide];
        Array.Fill(asphalt, (byte)LandCover.Asphalt);
        var flat = Scene.FromMaps(asphalt, new float[tall * wide], tall, wide, spacing, []);
        var seen = Simulator.Observe(flat, sensor with { Name = sensor.Name + " again" }, seed, Fidelity.Plain);
        var mean = seen.Truth.Reflectivity[0] + (float)Math.Pow(10, sensor.NoiseEquivalentSigmaNought / 10);
        var image = seen.Detected.Crop(new RasterWindow(0, 0, rows, columns)).ToIntensity();
        return Array.ConvertAll(image.Pixels, i => i / mean);

        int Cells(double metres) => (int)Math.Ceiling(metres / spacing - 1e-6);
    }

    private static MersenneTwister Random(ulong seed) => new(unchecked((int)(seed ^ (seed >> 32))), threadSafe: false);

    private static AmplitudeImage Fine(AmplitudeImage satellite, int scale, float[] amplitude) => new(
        satellite.Rows * scale,
        satellite.Columns * scale,
        amplitude,
        satellite.Metadata with
        {
            RangeSpacing = satellite.Metadata.RangeSpacing / scale,
            AzimuthSpacing = satellite.Metadata.AzimuthSpacing / scale,
        },
        satellite.GeoReference?.Refined(scale));

    private static float[] BicubicIntensity(IntensityImage image, int scale)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(scale);
        var (rows, columns) = (image.Rows, image.Columns);
        var (weights, offset) = Kernel(scale);
        var wide = new float[rows * columns * scale];
        Parallel.For(0, rows, r =>
        {
            for (var c = 0; c < columns * scale; c++)
            {
                var (first, w) = (c / scale + offset[c % scale], weights[c % scale]);
                var sum = 0f;
                for (var k = 0; k < 4; k++)
                    sum += w[k] * image.Pixels[r * columns + Math.Clamp(first + k, 0, columns - 1)];
                wide[r * columns * scale + c] = sum;
            }
        });
        var width = columns * scale;
        var fine = new float[rows * scale * width];
        Parallel.For(0, rows * scale, r =>
        {
            var (first, w) = (r / scale + offset[r % scale], weights[r % scale]);
            for (var c = 0; c < width; c++)
            {
                var sum = 0f;
                for (var k = 0; k < 4; k++)
                    sum += w[k] * wide[Math.Clamp(first + k, 0, rows - 1) * width + c];
                // Cubic convolution overshoots beside bright points; power is not negative.
                fine[r * width + c] = MathF.Max(sum, 0);
            }
        });
        return fine;
    }

    /// <summary>
    /// For each fine position in a coarse pixel: four weights, and where the first lies relative to the pixel.
    /// </summary>
    private static (float[][] Weights, int[] Offset) Kernel(int scale)
    {
        var weights = new float[scale][];
        var offset = new int[scale];
        for (var p = 0; p < scale; p++)
        {
            var centre = (p + 0.5) / scale - 0.5;
            offset[p] = (int)Math.Floor(centre) - 1;
            weights[p] = [.. Enumerable.Range(0, 4).Select(k => (float)Keys(centre - offset[p] - k))];
        }
        return (weights, offset);
    }

    private static double Keys(double x) => Math.Abs(x) switch
    {
        <= 1 and var t => 1.5 * t * t * t - 2.5 * t * t + 1,
        < 2 and var t => -0.5 * t * t * t + 2.5 * t * t - 4 * t + 2,
        _ => 0,
    };
}
