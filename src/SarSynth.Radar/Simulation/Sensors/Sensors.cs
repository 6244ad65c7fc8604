// The sensors that come with the kit: the JSON files of data-manifests/sensors, embedded.
using System.Collections.Concurrent;

namespace SarSynth.Radar.Simulation;

/// <summary>Well-known sensors. Each file in data-manifests/sensors says where its figures come from.</summary>
public static class Sensors
{
    private static readonly ConcurrentDictionary<string, Sensor> Loaded = new();

    /// <summary>Airborne X band, 0.4 m pixels, single look, 45 degrees.</summary>
    public static Sensor AirborneX040 => Named("airborne-x-040");

    /// <summary>The same at 0.8 m.</summary>
    public static Sensor AirborneX080 => Named("airborne-x-080");

    /// <summary>The same at 1.6 m.</summary>
    public static Sensor AirborneX160 => Named("airborne-x-160");

    /// <summary>
    /// Spaceborne X band, detected pixels of 1.6 m from 2 x 2 samples of 0.8 m, in the airborne sensors' geometry.
    /// </summary>
    public static Sensor SatelliteX160 => Named("satellite-x-160");

    /// <summary>TerraSAR-X high-resolution spotlight, 300 MHz.</summary>
    public static Sensor TerraSarXSpotlight => Named("terrasar-x-spotlight");

    /// <summary>TerraSAR-X stripmap, 150 MHz.</summary>
    public static Sensor TerraSarXStripmap => Named("terrasar-x-stripmap");

    /// <summary>Sentinel-1 interferometric wide swath, sub-swath IW1.</summary>
    public static Sensor Sentinel1Iw => Named("sentinel-1-iw");

    /// <summary>UAVSAR, airborne L band, 80 MHz.</summary>
    public static Sensor UavsarL => Named("uavsar-l");

    /// <summary>The names that <see cref="Named"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. typeof(Sensors).Assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith("sensors/", StringComparison.Ordinal)
                && !name.EndsWith(".schema.json", StringComparison.Ordinal))
            .Select(name => name["sensors/".Length..^".json".Length]).Order(StringComparer.Ordinal)];

    /// <summary>An embedded sensor by its file's name without ".json".</summary>
    /// <exception cref="ArgumentException">There is none of that name; the message lists those there are.</exception>
    public static Sensor Named(string name) => Loaded.GetOrAdd(name, static key =>
    {
        using var stream = typeof(Sensors).Assembly.GetManifestResourceStream($"sensors/{key}.json")
            ?? throw new ArgumentException($"sensor: found '{key}', expected one of {string.Join(", ", Names)}.");
        using var reader = new StreamReader(stream);
        return Sensor.Parse(reader.ReadToEnd(), key);
    });
}
