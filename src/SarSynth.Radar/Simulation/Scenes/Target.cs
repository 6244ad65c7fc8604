// Point scatterers of a scene.
namespace SarSynth.Radar.Simulation;

/// <summary>What a point scatterer is.</summary>
public enum TargetKind
{
    /// <summary>A trihedral corner reflector.</summary>
    CornerReflector,

    /// <summary>A mast, lamp post, pole or pylon.</summary>
    Pole,

    /// <summary>A post or corner of a fence.</summary>
    Fence,

    /// <summary>A corner on a vehicle.</summary>
    Vehicle,

    /// <summary>A corner on an aircraft.</summary>
    Aircraft,

    /// <summary>A corner on a ship.</summary>
    Ship,

    /// <summary>A corner on a building: equipment of a roof, a balcony.</summary>
    Building,
}

/// <summary>A point scatterer: the same radar cross-section from every side.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Row">Azimuth position, cells of the scene from the centre of row 0; fractions allowed.</param>
/// <param name="Column">Ground-range position, cells of the scene from the centre of column 0.</param>
/// <param name="Height">Height above the scene's zero, metres.</param>
/// <param name="CrossSection">Radar cross-section, m², above 0.</param>
public sealed record Target(TargetKind Kind, double Row, double Column, double Height, double CrossSection)
{
    /// <summary>
    /// Peak cross-section of a triangular trihedral: 4 pi a^4 / (3 lambda²) (Knott, Shaeffer and Tuley 2004).
    /// </summary>
    /// <param name="edge">Length a of its inner edges, metres.</param>
    /// <param name="wavelength">Metres.</param>
    /// <returns>m².</returns>
    public static double Trihedral(double edge, double wavelength) =>
        4 * Math.PI * Math.Pow(edge, 4) / (3 * wavelength * wavelength);
}
