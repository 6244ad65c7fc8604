// What lies between a facet simulator and a measured image, each difference a switch or a figure of its own.
using System.Text.Json.Serialization;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Simulation;

/// <summary>
/// A simulator that computes the radar's echo facet by facet from a model of surfaces, as those of the field do
/// (Auer, Hinz and Bamler 2010; Franceschetti et al. 1992): its geometry is right, its radiometry as good as its table
/// of materials. The defaults switch off all that such a simulator does not have; <see cref="AsMeasured"/> switches
/// everything on.
/// </summary>
/// <remarks>
/// Range and azimuth ambiguities are missing here and in <see cref="Fidelity.Truth"/> alike: they are no part of the
/// difference. The sizes of the errors are ours, argued field by field.
/// </remarks>
public sealed record FacetModel
{
    /// <summary>
    /// Texture of ground, canopies and roofs. A facet has one level for each class and angle, so none by default.
    /// </summary>
    public bool Texture { get; init; }

    /// <summary>
    /// Brightness of parcels, rows and tracks. Maps of land cover tell crops from grass, not how moist or ripe they
    /// are, so none by default.
    /// </summary>
    public bool Parcels { get; init; }

    /// <summary>
    /// Windows and storeys of facades. City models of level of detail 2 have flat walls (CityGML), so none by default.
    /// </summary>
    public bool Facades { get; init; }

    /// <summary>
    /// Canopies as volumes that the wave passes in part. A crown of facets is opaque: nothing shines through and no
    /// ground is seen below, so none by default.
    /// </summary>
    public bool Canopy { get; init; }

    /// <summary>
    /// Standard deviation of the error of a material's level, dB. Published means of one class differ by 1 to 3 dB
    /// between campaigns (Ulaby and Dobson 1989), and a simulator takes one of them for all its scenes.
    /// </summary>
    public double MaterialError { get; init; } = 1.5;

    /// <summary>Seed of the table of materials; simulators of one seed make the same error in all scenes.</summary>
    public ulong MaterialSeed { get; init; } = 1;

    /// <summary>
    /// The point scatterers that somebody modelled. Reflectors, aircraft and ships come as models of their own; lamp
    /// posts, fences, balconies and the corners of parked cars do not.
    /// </summary>
    public IReadOnlyList<TargetKind> Scatterers { get; init; } =
        [TargetKind.CornerReflector, TargetKind.Aircraft, TargetKind.Ship];

    /// <summary>The sensor's thermal noise. An echo is computed without a receiver, so none by default.</summary>
    public bool NoiseFloor { get; init; }

    /// <summary>
    /// The sensor's impulse response: speckle that neighbours share, side lobes beside bright points. By default each
    /// pixel is a sum of its own: white speckle, a scatterer in a single pixel.
    /// </summary>
    public bool SensorResponse { get; init; }

    /// <summary>
    /// Standard deviation over scenes of the error of the radiometric calibration between simulation and sensor, dB:
    /// that of an airborne campaign without a corner reflector in each strip, about twice the 0.5 dB that satellite
    /// products promise.
    /// </summary>
    public double CalibrationError { get; init; } = 1;

    /// <summary>
    /// Largest displacement of a simulated scene along either axis, pixels of the detected image, uniform over scenes:
    /// what a map of 0.3 to 0.6 m accuracy and a track known to a few decimetres leave at pixels of 0.4 m.
    /// </summary>
    public double RegistrationError { get; init; } = 1.5;

    /// <summary>All that the truth has, without error: the image is <see cref="Fidelity.Truth"/>'s.</summary>
    [JsonIgnore]
    public static FacetModel AsMeasured { get; } = new()
    {
        Texture = true, Parcels = true, Facades = true, Canopy = true, MaterialError = 0,
        Scatterers = Enum.GetValues<TargetKind>(), NoiseFloor = true, SensorResponse = true, CalibrationError = 0,
        RegistrationError = 0,
    };

    /// <summary>The name under which images of a sensor's facet simulations travel.</summary>
    /// <param name="sensor">Name of the sensor.</param>
    public static string NameOf(string sensor) => $"{sensor} facets";

    /// <summary>Error of a material's level in this simulator's table, dB.</summary>
    /// <param name="cover">The class; null for the walls of buildings.</param>
    public double ErrorOf(LandCover? cover) => MaterialError * Held(new SeededRandom(MaterialSeed, "facet materials",
        cover is { } code ? (int)code : GroundDetail.Wall));

    /// <summary>The errors of calibration and registration of a scene.</summary>
    /// <param name="scene">The scene; its seed draws them.</param>
    public FacetErrors ErrorsOf(Scene scene)
    {
        ArgumentNullException.ThrowIfNull(scene);
        double Shift(int axis) => RegistrationError
            * new SeededRandom(scene.Seed, "facet registration", axis).Uniform(-1, 1);
        return new(CalibrationError * Held(new SeededRandom(scene.Seed, "facet calibration")), Shift(0), Shift(1));
    }

    /// <summary>Throws where a value cannot be.</summary>
    /// <exception cref="ArgumentException">A field is out of range; the message names it.</exception>
    public void Check()
    {
        Require(nameof(MaterialError), MaterialError, 20, "dB");
        Require(nameof(CalibrationError), CalibrationError, 20, "dB");
        Require(nameof(RegistrationError), RegistrationError, 64, "pixels");

        static void Require(string field, double found, double most, string unit)
        {
            if (!(found >= 0 && found <= most))
                throw new ArgumentException($"facet model, {field}: found {found}, expected 0 to {most} {unit}.");
        }
    }

    /// <summary>What the projection shows.</summary>
    internal GroundDetail Detail() => new(Texture, Parcels, Facades, Canopy)
    {
        Level = MaterialError == 0 ? null : code =>
            Math.Pow(10, ErrorOf(code == GroundDetail.Wall ? null : (LandCover)code) / 10),
    };

    // A standard normal value, no farther out than anybody would let a calibration be.
    private static double Held(SeededRandom random) => Math.Clamp(random.Normal(), -2, 2);
}

/// <summary>How wrong a facet simulation of one scene is.</summary>
/// <param name="Calibration">Its intensities over the right ones, dB.</param>
/// <param name="Row">Displacement of what it shows along azimuth, pixels of the detected image.</param>
/// <param name="Column">Displacement along range.</param>
public sealed record FacetErrors(double Calibration, double Row, double Column);

/// <summary>What of the ground a projection shows.</summary>
/// <param name="Texture">Texture within a class.</param>
/// <param name="Parcels">Brightness of parcels.</param>
/// <param name="Facades">Windows and storeys.</param>
/// <param name="Canopy">Canopies that the wave passes.</param>
internal sealed record GroundDetail(bool Texture, bool Parcels, bool Facades, bool Canopy)
{
    /// <summary>In <see cref="Level"/>, the walls of buildings: no class of a map.</summary>
    public const int Wall = 256;

    public static GroundDetail Full { get; } = new(true, true, true, true);

    public static GroundDetail Plain { get; } = new(false, false, false, true);

    /// <summary>Factor on the sigma nought of a class; null for none.</summary>
    public Func<int, double>? Level { get; init; }

    public double LevelOf(int code) => Level?.Invoke(code) ?? 1;
}
