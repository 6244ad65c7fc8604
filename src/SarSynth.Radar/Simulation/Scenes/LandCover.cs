// The classes of a scene's map.
namespace SarSynth.Radar.Simulation;

/// <summary>What covers a cell of a scene; the values are those of a class map's bytes.</summary>
public enum LandCover : byte
{
    /// <summary>Bare or ploughed soil.</summary>
    BareSoil = 0,

    /// <summary>Short grass, meadow, lawn.</summary>
    Grass = 1,

    /// <summary>Crops, taller than grass.</summary>
    Crop = 2,

    /// <summary>Shrubs, hedges, reeds.</summary>
    Shrub = 3,

    /// <summary>Tree crowns; the height map gives their shape.</summary>
    Tree = 4,

    /// <summary>Open water.</summary>
    Water = 5,

    /// <summary>Asphalt: roads, runways, parking areas.</summary>
    Asphalt = 6,

    /// <summary>Concrete: runways, aprons, quays.</summary>
    Concrete = 7,

    /// <summary>Gravel: railway ballast, yards, tracks.</summary>
    Gravel = 8,

    /// <summary>Roofs; steps of their height are walls.</summary>
    Roof = 9,

    /// <summary>Metal bodies: vehicles, aircraft, ships, containers, tanks.</summary>
    Metal = 10,

    /// <summary>Rails with their sleepers.</summary>
    Rail = 11,

    /// <summary>Sand: beaches, dry river beds.</summary>
    Sand = 12,

    /// <summary>Paved and cluttered ground between buildings.</summary>
    Pavement = 13,
}
