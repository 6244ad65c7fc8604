// How each class of a scene scatters. Models: Oh, Sarabandi and Ulaby (1992) for rough ground, geometric optics near
// the vertical (Ulaby, Moore and Fung, vol. II, 1982), the water cloud (Attema and Ulaby 1978), Bragg on a Phillips sea
// (Wright 1968). The parameters are ours, set to the usual levels of X, C and L band.
using System.Numerics;

namespace SarSynth.Radar.Simulation;

/// <summary>The law of a texture: how the mean power varies from place to place within one class.</summary>
public enum TextureLaw
{
    /// <summary>None: the intensity is exponential.</summary>
    None,

    /// <summary>Gamma texture of unit mean and order nu: the intensity follows the K law.</summary>
    K,

    /// <summary>
    /// Inverse Gamma texture of unit mean and order -alpha: the intensity follows the G0 (Fisher) law.
    /// </summary>
    G0,
}

/// <summary>A correlated texture.</summary>
/// <param name="Law">Its law.</param>
/// <param name="Shape">K: nu above 0. G0: -alpha above 1. Small is rough.</param>
/// <param name="CorrelationLength">
/// Metres at which the underlying Gaussian field's correlation is 1/e; 0: cells are independent.
/// </param>
public sealed record Texture(TextureLaw Law, double Shape = 0, double CorrelationLength = 0)
{
    /// <summary>No texture.</summary>
    public static Texture None { get; } = new(TextureLaw.None);
}

/// <summary>The scattering of one class. All parts that are above zero add up.</summary>
public sealed record Surface
{
    /// <summary>Rms height of the ground's roughness, metres; 0: no rough-surface part.</summary>
    public double RmsHeight { get; init; }

    /// <summary>Rms slope of the larger undulations, for the quasi-specular part; 0: none.</summary>
    public double RmsSlope { get; init; }

    /// <summary>Relative permittivity, real part.</summary>
    public double Permittivity { get; init; } = 5;

    /// <summary>Relative permittivity, imaginary part (loss, not negative).</summary>
    public double Loss { get; init; } = 0.5;

    /// <summary>
    /// The water cloud's A: sigma nought of an opaque canopy over cos(incidence), linear, at 9.6 GHz.
    /// </summary>
    public double CanopyGamma { get; init; }

    /// <summary>A grows with frequency to this power.</summary>
    public double CanopyGammaExponent { get; init; } = 0.3;

    /// <summary>One-way optical depth of the canopy at vertical incidence, 9.6 GHz (0: no canopy).</summary>
    public double OpticalDepth { get; init; }

    /// <summary>The optical depth grows with frequency to this power.</summary>
    public double OpticalDepthExponent { get; init; } = 0.9;

    /// <summary>Wave spectrum over that of a saturated sea, linear; 0: not water.</summary>
    public double BraggScale { get; init; }

    /// <summary>A part sigma nought = gamma cos(incidence) of small structures, linear.</summary>
    public double DiffuseGamma { get; init; }

    /// <summary>The texture.</summary>
    public Texture Texture { get; init; } = Texture.None;

    /// <summary>Sigma nought, linear, per unit area of the surface.</summary>
    /// <param name="incidence">Local incidence angle, radians in [0, pi/2].</param>
    /// <param name="frequencyGHz">Carrier, GHz.</param>
    /// <param name="polarisation">"HH" or "VV".</param>
    public double SigmaNought(double incidence, double frequencyGHz, string polarisation)
    {
        double cos = Math.Cos(incidence), sin = Math.Sin(incidence);
        if (cos < 1e-4)
            return 0;
        bool vertical = polarisation == "VV";
        double k = 2 * Math.PI * frequencyGHz * 1e9 / Sensor.SpeedOfLight;
        double ground = RoughGround(incidence, k, vertical) + QuasiSpecular(cos, sin);
        if (BraggScale > 0)
            ground += BraggScale * Bragg(cos, sin, vertical);
        double tau = OpticalDepth * Math.Pow(frequencyGHz / 9.6, OpticalDepthExponent);
        double transmission = Math.Exp(-2 * tau / cos);
        double canopy = CanopyGamma * Math.Pow(frequencyGHz / 9.6, CanopyGammaExponent) * cos * (1 - transmission);
        return canopy + (OpticalDepth > 0 ? transmission : 1) * ground + DiffuseGamma * cos;
    }

    /// <summary>Power that passes the canopy twice, linear.</summary>
    /// <param name="incidence">Radians.</param>
    /// <param name="frequencyGHz">Carrier, GHz.</param>
    public double TwoWayTransmission(double incidence, double frequencyGHz) =>
        Math.Exp(-2 * OpticalDepth * Math.Pow(frequencyGHz / 9.6, OpticalDepthExponent) / Math.Max(Math.Cos(incidence),
            1e-3));

    /// <summary>Fresnel power reflectivity of the surface taken as smooth.</summary>
    /// <param name="incidence">Radians.</param>
    /// <param name="vertical">True for vertical polarisation.</param>
    public double Reflectivity(double incidence, bool vertical)
    {
        var epsilon = new Complex(Permittivity, -Loss);
        double cos = Math.Cos(incidence), sin = Math.Sin(incidence);
        var root = Complex.Sqrt(epsilon - sin * sin);
        var ratio = vertical ? (epsilon * cos - root) / (epsilon * cos + root) : (cos - root) / (cos + root);
        return ratio.Real * ratio.Real + ratio.Imaginary * ratio.Imaginary;
    }

    /// <summary>The surfaces that scenes have unless they say otherwise, by class.</summary>
    public static IReadOnlyDictionary<LandCover, Surface> Defaults { get; } = new Dictionary<LandCover, Surface>
    {
        [LandCover.BareSoil] = new() { RmsHeight = 0.009, Permittivity = 8, Loss = 1.5, RmsSlope = 0.25,
            Texture = new(TextureLaw.K, 9, 0.9) },
        [LandCover.Grass] = new() { RmsHeight = 0.006, Permittivity = 8, Loss = 1.5, CanopyGamma = 0.075,
            OpticalDepth = 0.45, Texture = new(TextureLaw.K, 14, 0.9) },
        [LandCover.Crop] = new() { RmsHeight = 0.010, Permittivity = 9, Loss = 1.8, CanopyGamma = 0.14,
            OpticalDepth = 0.8, Texture = new(TextureLaw.K, 11, 0.9) },
        [LandCover.Shrub] = new() { RmsHeight = 0.010, Permittivity = 8, Loss = 1.5, CanopyGamma = 0.18,
            OpticalDepth = 1.2, Texture = new(TextureLaw.G0, 5, 0.9) },
        [LandCover.Tree] = new() { RmsHeight = 0.012, Permittivity = 9, Loss = 1.8, CanopyGamma = 0.22,
            OpticalDepth = 1.3, OpticalDepthExponent = 0.75, CanopyGammaExponent = 0.1,
            Texture = new(TextureLaw.G0, 4, 0.9) },
        [LandCover.Water] = new() { RmsSlope = 0.1, Permittivity = 60, Loss = 30, BraggScale = 0.04,
            Texture = new(TextureLaw.K, 6, 3) },
        [LandCover.Asphalt] = new() { RmsHeight = 0.0007, Permittivity = 4.5, Loss = 0.3, RmsSlope = 0.05,
            DiffuseGamma = 0.0008, Texture = new(TextureLaw.K, 12, 3) },
        [LandCover.Concrete] = new() { RmsHeight = 0.0009, Permittivity = 6, Loss = 0.6, RmsSlope = 0.05,
            DiffuseGamma = 0.0015, Texture = new(TextureLaw.K, 12, 3) },
        [LandCover.Gravel] = new() { RmsHeight = 0.012, Permittivity = 4, Loss = 0.2, RmsSlope = 0.35,
            Texture = new(TextureLaw.K, 6, 0.9) },
        [LandCover.Roof] = new() { RmsHeight = 0.004, Permittivity = 4, Loss = 0.2, RmsSlope = 0.15,
            DiffuseGamma = 0.022, Texture = new(TextureLaw.G0, 3, 0.9) },
        [LandCover.Metal] = new() { RmsSlope = 0.2, Permittivity = 1e6, Loss = 1e6, DiffuseGamma = 0.08,
            Texture = new(TextureLaw.G0, 2, 0.9) },
        [LandCover.Rail] = new() { RmsHeight = 0.012, Permittivity = 4, Loss = 0.2, DiffuseGamma = 0.25,
            Texture = new(TextureLaw.G0, 3, 0.9) },
        [LandCover.Sand] = new() { RmsHeight = 0.002, Permittivity = 3.2, Loss = 0.1, RmsSlope = 0.1,
            Texture = new(TextureLaw.K, 12, 3) },
        [LandCover.Pavement] = new() { RmsHeight = 0.002, Permittivity = 5, Loss = 0.5, RmsSlope = 0.1,
            DiffuseGamma = 0.02, Texture = new(TextureLaw.G0, 2.5, 0.9) },
    };

    /// <summary>A building's wall: plaster, glass, window frames.</summary>
    internal static Surface Wall { get; } = new() { RmsHeight = 0.002, Permittivity = 5, Loss = 0.4, RmsSlope = 0.12,
        DiffuseGamma = 0.10 };

    // Oh et al. (1992), eqs. 1 to 3; ks is held within the range of their measurements.
    private double RoughGround(double theta, double k, bool vertical)
    {
        if (RmsHeight <= 0)
            return 0;
        double ks = Math.Clamp(k * RmsHeight, 0.02, 6), gammaNadir = Reflectivity(0, false);
        double p = 1 - Math.Pow(2 * theta / Math.PI, 1 / (3 * gammaNadir)) * Math.Exp(-ks);
        double g = 0.7 * (1 - Math.Exp(-0.65 * Math.Pow(ks, 1.8)));
        double both = g * Math.Pow(Math.Cos(theta), 3) * (Reflectivity(theta, true) + Reflectivity(theta, false));
        return vertical ? both / p : both * p;
    }

    private double QuasiSpecular(double cos, double sin)
    {
        if (RmsSlope <= 0)
            return 0;
        double variance = 2 * RmsSlope * RmsSlope, tan = sin / cos;
        return Reflectivity(0, false) * Math.Exp(-tan * tan / variance) / (variance * Math.Pow(cos, 4));
    }

    // First-order Bragg scattering on Phillips' spectrum 0.006 K^-4 at K = 2 k sin(theta):
    // Wright (1968), Valenzuela (1978).
    private double Bragg(double cos, double sin, bool vertical)
    {
        sin = Math.Max(sin, 0.17);
        var epsilon = new Complex(Permittivity, -Loss);
        var root = Complex.Sqrt(epsilon - sin * sin);
        var g = vertical
            ? (epsilon - 1) * (epsilon * (1 + sin * sin) - sin * sin) / Complex.Pow(epsilon * cos + root, 2)
            : (epsilon - 1) / Complex.Pow(cos + root, 2);
        double square = g.Real * g.Real + g.Imaginary * g.Imaginary;
        return 4 * Math.PI * Math.Pow(cos, 4) * square * 0.006 / (16 * Math.Pow(sin, 4));
    }
}
