// A SAR sensor as data: what the simulator needs of it, and reading it from JSON.
using System.Text.Json;
using System.Text.Json.Serialization;
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Simulation;

/// <summary>A SAR sensor in one mode. Spacings and bandwidths are those of the single-look complex image.</summary>
public sealed record Sensor
{
    /// <summary>
    /// Name, also the name of its random streams: two sensors with different names have independent speckle.
    /// </summary>
    public required string Name { get; init; }

    /// <summary>"airborne" or "spaceborne".</summary>
    public required string Platform { get; init; }

    /// <summary>Imaging mode ("stripmap", "spotlight", "IW", ...).</summary>
    public required string Mode { get; init; }

    /// <summary>Band by its letter ("X", "C", "L").</summary>
    public required string Band { get; init; }

    /// <summary>Carrier frequency, GHz.</summary>
    public required double FrequencyGHz { get; init; }

    /// <summary>Polarisation, "HH" or "VV".</summary>
    public required string Polarisation { get; init; }

    /// <summary>Side of the track the antenna looks to, "left" or "right". Column 0 is near range either way.</summary>
    public required string LookDirection { get; init; }

    /// <summary>
    /// Incidence angle at flat ground, degrees from the vertical, in [10, 80]; constant over a scene.
    /// </summary>
    public required double IncidenceAngle { get; init; }

    /// <summary>
    /// Range spacing of the single-look image on flat ground, metres (slant spacing = this times sin(incidence)).
    /// </summary>
    public required double GroundRangeSpacing { get; init; }

    /// <summary>Azimuth spacing of the single-look image, metres.</summary>
    public required double AzimuthSpacing { get; init; }

    /// <summary>Processed range bandwidth, MHz; at most the sampling rate c / (2 slant spacing).</summary>
    public required double RangeBandwidthMHz { get; init; }

    /// <summary>
    /// Processed azimuth bandwidth, cycles per metre (Doppler bandwidth over ground velocity); at most 1 / spacing.
    /// </summary>
    public required double AzimuthBandwidth { get; init; }

    /// <summary>Weighting of the range spectrum.</summary>
    public required SpectralWindow RangeWindow { get; init; }

    /// <summary>Weighting of the azimuth spectrum.</summary>
    public required SpectralWindow AzimuthWindow { get; init; }

    /// <summary>Noise-equivalent sigma nought, dB.</summary>
    public required double NoiseEquivalentSigmaNought { get; init; }

    /// <summary>Range samples averaged into one pixel of the detected image, at least 1.</summary>
    public int RangeLooks { get; init; } = 1;

    /// <summary>Azimuth samples averaged into one pixel of the detected image, at least 1.</summary>
    public int AzimuthLooks { get; init; } = 1;

    /// <summary>Where the figures come from, in words.</summary>
    public string? Source { get; init; }

    /// <summary>Carrier wavelength, metres.</summary>
    [JsonIgnore]
    public double Wavelength => SpeedOfLight / (FrequencyGHz * 1e9);

    /// <summary>Slant-range spacing of the single-look image, metres.</summary>
    [JsonIgnore]
    public double SlantRangeSpacing => GroundRangeSpacing * Math.Sin(IncidenceAngle * Math.PI / 180);

    /// <summary>Processed range bandwidth over the range sampling rate, in (0, 1].</summary>
    [JsonIgnore]
    public double RangeBandFraction => 2 * RangeBandwidthMHz * 1e6 / SpeedOfLight * SlantRangeSpacing;

    /// <summary>Processed azimuth bandwidth over the azimuth sampling rate, in (0, 1].</summary>
    [JsonIgnore]
    public double AzimuthBandFraction => AzimuthBandwidth * AzimuthSpacing;

    /// <summary>3 dB width of the impulse response along slant range, metres.</summary>
    [JsonIgnore]
    public double SlantRangeResolution => BandResponse.Of(RangeWindow)
        .HalfPowerWidth * SpeedOfLight / (2 * RangeBandwidthMHz * 1e6);

    /// <summary>3 dB width of the impulse response along azimuth, metres.</summary>
    [JsonIgnore]
    public double AzimuthResolution => BandResponse.Of(AzimuthWindow).HalfPowerWidth / AzimuthBandwidth;

    /// <summary>Reads a sensor from a JSON file (schema: data-manifests/sensors/sensor.schema.json).</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">
    /// It is not such JSON, a field is missing or a value is out of range.
    /// </exception>
    public static Sensor Load(string path)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"{path}: there is no such sensor file.", path);
        return Parse(File.ReadAllText(path), path);
    }

    /// <summary>Writes the sensor as JSON; the file appears whole or not at all.</summary>
    /// <param name="path">The file.</param>
    public void Save(string path)
    {
        using var file = new AtomicFile(path, ".json");
        File.WriteAllText(file.Temporary, JsonSerializer.Serialize(this, JsonOptions) + "\n");
        file.Complete();
    }

    /// <summary>Throws where a value is out of its range or the bands do not fit the sampling.</summary>
    /// <exception cref="ArgumentException">A field is out of range; the message names it.</exception>
    public void Check()
    {
        Require(Polarisation is "HH" or "VV", nameof(Polarisation), Polarisation, "HH or VV");
        Require(LookDirection is "left" or "right", nameof(LookDirection), LookDirection, "left or right");
        Require(FrequencyGHz is >= 0.3 and <= 40, nameof(FrequencyGHz), FrequencyGHz, "0.3 to 40");
        Require(IncidenceAngle is >= 10 and <= 80, nameof(IncidenceAngle), IncidenceAngle, "10 to 80 degrees");
        Require(GroundRangeSpacing is > 0 and < 1e4, nameof(GroundRangeSpacing), GroundRangeSpacing, "above 0 metres");
        Require(AzimuthSpacing is > 0 and < 1e4, nameof(AzimuthSpacing), AzimuthSpacing, "above 0 metres");
        Require(RangeBandwidthMHz > 0 && RangeBandFraction <= 1, nameof(RangeBandwidthMHz), RangeBandwidthMHz,
            $"above 0 and at most the sampling rate, {SpeedOfLight / (2e6 * SlantRangeSpacing):F2} MHz");
        Require(AzimuthBandwidth > 0 && AzimuthBandFraction <= 1, nameof(AzimuthBandwidth), AzimuthBandwidth,
            $"above 0 and at most the sampling rate, {1 / AzimuthSpacing:F4} cycles per metre");
        Require(double.IsFinite(NoiseEquivalentSigmaNought), nameof(NoiseEquivalentSigmaNought),
            NoiseEquivalentSigmaNought, "a finite number of dB");
        Require(RangeLooks is >= 1 and <= 64, nameof(RangeLooks), RangeLooks, "1 to 64");
        Require(AzimuthLooks is >= 1 and <= 64, nameof(AzimuthLooks), AzimuthLooks, "1 to 64");
        CheckWindow(RangeWindow, nameof(RangeWindow));
        CheckWindow(AzimuthWindow, nameof(AzimuthWindow));
    }

    internal const double SpeedOfLight = 299792458;

    internal static Sensor Parse(string json, string origin)
    {
        try
        {
            var sensor = JsonSerializer.Deserialize<Sensor>(json, JsonOptions)
                ?? throw new InvalidDataException($"{origin}: found null, expected a sensor object.");
            sensor.Check();
            return sensor;
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{origin}: not a sensor: {error.Message}", error);
        }
        catch (NotSupportedException error)
        {
            throw new InvalidDataException($"{origin}: not a sensor: {error.Message}", error);
        }
        catch (ArgumentException error)
        {
            throw new InvalidDataException($"{origin}: {error.Message}", error);
        }
    }

    /// <summary>What travels with an image of this sensor.</summary>
    internal SarMetadata Metadata(bool detected) => new()
    {
        Sensor = Name,
        Band = Band,
        Polarisation = Polarisation,
        Mode = Mode,
        RangeSpacing = SlantRangeSpacing * (detected ? RangeLooks : 1),
        AzimuthSpacing = AzimuthSpacing * (detected ? AzimuthLooks : 1),
        RangeResolution = SlantRangeResolution,
        AzimuthResolution = AzimuthResolution,
        IncidenceAngle = IncidenceAngle,
        LookDirection = LookDirection,
        Looks = detected ? RangeLooks * AzimuthLooks : 1,
    };

    private static readonly JsonSerializerOptions JsonOptions = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        ReadCommentHandling = JsonCommentHandling.Skip,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    private void CheckWindow(SpectralWindow window, string field) => Require(window switch
    {
        null => false,
        HammingWindow hamming => hamming.Coefficient is >= 0.5 and <= 1,
        KaiserWindow kaiser => kaiser.Beta is >= 0 and <= 20,
        _ => true,
    }, field, (object?)window ?? "nothing", "a window; Hamming's coefficient in [0.5, 1], Kaiser's beta in [0, 20]");

    private void Require(bool fine, string field, object found, string expected)
    {
        if (!fine)
            throw new ArgumentException($"sensor {Name}, {field}: found {found}, expected {expected}.");
    }
}
