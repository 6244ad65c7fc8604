// What a product tells of its sensor and its sampling.
using System.Text.Json.Serialization;

namespace SarSynth.Radar.Images;

/// <summary>
/// The sensor's facts that travel with an image. What a product does not tell is null, never guessed.
/// </summary>
public sealed record SarMetadata
{
    /// <summary>Metadata of an image of which nothing is known.</summary>
    public static SarMetadata Unknown { get; } = new();

    /// <summary>Name of the sensor or platform, as the product gives it (for example "S1A").</summary>
    public string? Sensor { get; init; }

    /// <summary>Radar band by its letter ("X", "C", "L", ...).</summary>
    public string? Band { get; init; }

    /// <summary>Polarisation, transmit then receive ("HH", "VV", "HV", "VH").</summary>
    public string? Polarisation { get; init; }

    /// <summary>Imaging mode, as the product gives it ("IW", "spotlight", ...).</summary>
    public string? Mode { get; init; }

    /// <summary>Pixel spacing along range (slant range in radar geometry, ground otherwise), metres.</summary>
    public double? RangeSpacing { get; init; }

    /// <summary>Pixel spacing along azimuth, metres.</summary>
    public double? AzimuthSpacing { get; init; }

    /// <summary>3 dB width of the impulse response along range, metres.</summary>
    public double? RangeResolution { get; init; }

    /// <summary>3 dB width of the impulse response along azimuth, metres.</summary>
    public double? AzimuthResolution { get; init; }

    /// <summary>Incidence angle at scene centre, degrees from the vertical.</summary>
    public double? IncidenceAngle { get; init; }

    /// <summary>Side the antenna looks to: "left" or "right".</summary>
    public string? LookDirection { get; init; }

    /// <summary>Start of the acquisition, UTC.</summary>
    public DateTime? Date { get; init; }

    /// <summary>Nominal number of looks that were averaged.</summary>
    public double? Looks { get; init; }

    /// <summary>Kind of product, as the product gives it ("GRD", "SLC", "RSLC", "SICD", ...).</summary>
    public string? ProductType { get; init; }

    /// <summary>Whether range is slant range (true) or projected on the ground (false).</summary>
    public bool? SlantRange { get; init; }

    /// <summary>Centre frequency of the radar, hertz.</summary>
    public double? CentreFrequency { get; init; }

    /// <summary>Processed bandwidth along range, hertz.</summary>
    public double? RangeBandwidth { get; init; }

    /// <summary>Processed Doppler bandwidth along azimuth, hertz.</summary>
    public double? AzimuthBandwidth { get; init; }

    /// <summary>What the squared pixels are in radiometric terms; null when they are not calibrated.</summary>
    public Backscatter? Quantity { get; init; }

    /// <summary>
    /// How pixels came about that no sensor measured: a word of IPTC's vocabulary of digital source types, such as
    /// <see cref="SyntheticMark.TrainedAlgorithmicMedia"/>; null for measured ones, and where nobody told.
    /// </summary>
    public string? DigitalSourceType { get; init; }

    /// <summary>Program and model that made the pixels; null as <see cref="DigitalSourceType"/>.</summary>
    public string? Generator { get; init; }
}

/// <summary>Radar cross section of the ground, normalised by one of three areas.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Backscatter>))]
public enum Backscatter
{
    /// <summary>Beta nought: per area in the slant plane, radar brightness.</summary>
    BetaNought,

    /// <summary>Sigma nought: per area on the ground, beta nought x sin(incidence).</summary>
    SigmaNought,

    /// <summary>Gamma nought: per area perpendicular to the line of sight, beta nought x tan(incidence).</summary>
    GammaNought,
}
