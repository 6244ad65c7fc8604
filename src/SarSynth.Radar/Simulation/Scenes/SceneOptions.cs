// Size and kind of a generated scene.
using System.Text.Json.Serialization;

namespace SarSynth.Radar.Simulation;

/// <summary>What a scene shows.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SceneKind>))]
public enum SceneKind
{
    /// <summary>One of the kinds below, drawn from the seed.</summary>
    Any,

    /// <summary>Fields, hedges, a farm, a road, perhaps a stream.</summary>
    Farmland,

    /// <summary>Forest with clearings, tracks and a lake.</summary>
    Woodland,

    /// <summary>Detached houses with gardens along streets.</summary>
    Suburb,

    /// <summary>Urban blocks around courtyards.</summary>
    City,

    /// <summary>Halls, tanks, containers and parking areas.</summary>
    Industry,

    /// <summary>Runway, taxiways, apron, hangars and aircraft.</summary>
    Airfield,

    /// <summary>Quays, piers, ships and open water with waves.</summary>
    Harbour,

    /// <summary>A railway line with trains, poles and yards.</summary>
    Railway,

    /// <summary>Maps from outside.</summary>
    Custom,
}

/// <summary>Size and kind of a scene.</summary>
public sealed record SceneOptions
{
    /// <summary>Number of rows (azimuth), in [32, 16384].</summary>
    public int Rows { get; init; } = 1024;

    /// <summary>Number of columns (ground range), in [32, 16384].</summary>
    public int Columns { get; init; } = 1024;

    /// <summary>Cell size, metres, in [0.1, 10].</summary>
    public double Spacing { get; init; } = 0.4;

    /// <summary>What the scene shows.</summary>
    public SceneKind Kind { get; init; } = SceneKind.Any;

    /// <summary>Height range of the terrain under everything, metres, not negative.</summary>
    public double Relief { get; init; } = 3;
}
