// What the simulator knows of the ground behind an image: classes, mean backscatter, and where ground alone is seen.
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;
using SarSynth.Radar.Statistics;

namespace SarSynth.Evaluation;

/// <summary>Classes of ground that the table tells apart.</summary>
public enum GroundClass : byte
{
    /// <summary>Soil, grass, crops and sand.</summary>
    Fields,

    /// <summary>Trees and shrubs.</summary>
    Trees,

    /// <summary>Asphalt and concrete.</summary>
    Paved,

    /// <summary>Roofs, metal, rails, gravel, and the ground between buildings.</summary>
    Built,

    /// <summary>Open water.</summary>
    Water,

    /// <summary>Nothing that is lit.</summary>
    None,
}

/// <summary>The ground behind an airborne image, row-major on its grid.</summary>
/// <param name="Rows">Rows.</param>
/// <param name="Columns">Columns.</param>
/// <param name="Classes">Class of each pixel, values of <see cref="GroundClass"/>.</param>
/// <param name="Reflectivity">Mean intensity of ground and noise, linear, without speckle and point targets.</param>
/// <param name="Flat">
/// Where a pixel shows level ground alone: fields, paved ground or water, lit, of nearly one reflectivity around, clear
/// of targets and their side lobes.
/// </param>
public sealed record GroundTruth(int Rows, int Columns, byte[] Classes, float[] Reflectivity, bool[] Flat)
{
    // A side lobe may be this share of the ground's power.
    private const double SideLobeShare = 0.02;

    /// <summary>Thermal noise of the airborne sensor, intensity.</summary>
    public float AirborneNoise { get; init; }

    /// <summary>Thermal noise of the satellite sensor, intensity.</summary>
    public float SatelliteNoise { get; init; }

    /// <summary>The class of a class of the simulator's maps.</summary>
    /// <param name="cover">A <see cref="LandCover"/> value or <see cref="RadarTruth.NoClass"/>.</param>
    public static GroundClass ClassOf(byte cover) => cover == RadarTruth.NoClass ? GroundClass.None
        : (LandCover)cover switch
        {
            LandCover.BareSoil or LandCover.Grass or LandCover.Crop or LandCover.Sand => GroundClass.Fields,
            LandCover.Shrub or LandCover.Tree => GroundClass.Trees,
            LandCover.Asphalt or LandCover.Concrete => GroundClass.Paved,
            LandCover.Water => GroundClass.Water,
            _ => GroundClass.Built,
        };

    /// <summary>Gathers what is known of a simulated scene.</summary>
    /// <param name="scene">The scene, with cells as large as the image's pixels.</param>
    /// <param name="seen">The airborne observation.</param>
    /// <param name="whole">The part of it that the image shows.</param>
    /// <param name="satellite">The satellite sensor, for its noise.</param>
    public static GroundTruth Of(Scene scene, Observation seen, RasterWindow whole, Sensor satellite)
    {
        var truth = seen.Truth.ToGrid(seen.Detected.Rows, seen.Detected.Columns);
        var noise = Linear(seen.Sensor.NoiseEquivalentSigmaNought);
        int rows = truth.Rows, columns = truth.Columns;
        var reflectivity = Array.ConvertAll(truth.Reflectivity, r => r + noise);
        var classes = Array.ConvertAll(truth.Classes, c => (byte)ClassOf(c));
        var (near, wide) = (LocalStatistics.Mean(reflectivity, rows, columns, 5),
            LocalStatistics.Mean(reflectivity, rows, columns, 17));
        var flat = new bool[classes.Length];
        for (var i = 0; i < flat.Length; i++)
            flat[i] = (GroundClass)classes[i] is GroundClass.Fields or GroundClass.Paved or GroundClass.Water
                && truth.Shadow[i] == 0 && truth.Layover[i] == 0
                && Alike(near[i], reflectivity[i], 1.5f) && Alike(wide[i], reflectivity[i], 2);
        foreach (var target in scene.Targets)
            Clear(flat, reflectivity, rows, columns, target, scene, seen.Sensor);
        return new(whole.Rows, whole.Columns, Part(classes), Part(reflectivity), Part(flat))
        {
            AirborneNoise = noise, SatelliteNoise = Linear(satellite.NoiseEquivalentSigmaNought),
        };

        static bool Alike(float a, float b, float ratio) => a < b * ratio && b < a * ratio;

        static float Linear(double decibels) => (float)Math.Pow(10, decibels / 10);

        T[] Part<T>(T[] map) => whole.Columns == columns ? map[..(whole.Rows * columns)]
            : [.. Enumerable.Range(0, whole.Rows).SelectMany(r => map.Skip(r * columns).Take(whole.Columns))];
    }

    // What stands higher is displaced towards the sensor; a response's side lobes lie along rows and columns.
    private static void Clear(bool[] flat, float[] reflectivity, int rows, int columns, Target target, Scene scene,
        Sensor sensor)
    {
        const int core = 8;
        var shift = target.Height / Math.Tan(sensor.IncidenceAngle * Math.PI / 180) / scene.Spacing;
        int row = (int)Math.Round(target.Row), column = (int)Math.Round(target.Column - shift);
        var peak = target.CrossSection / (sensor.AzimuthSpacing * sensor.GroundRangeSpacing);
        var ground = row >= 0 && row < rows && column >= 0 && column < columns ? reflectivity[row * columns + column]
            : reflectivity[0];
        var reach = (int)Math.Min(1024, Math.Sqrt(peak / (SideLobeShare * ground)) / Math.PI);
        Fill(row - core, row + core, column - core, column + core);
        Fill(row - reach, row + reach, column - 2, column + 2);
        Fill(row - 2, row + 2, column - reach, column + reach);

        void Fill(int top, int bottom, int left, int right)
        {
            for (var r = Math.Max(0, top); r <= Math.Min(rows - 1, bottom); r++)
                for (var c = Math.Max(0, left); c <= Math.Min(columns - 1, right); c++)
                    flat[r * columns + c] = false;
        }
    }
}
