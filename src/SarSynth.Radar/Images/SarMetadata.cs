// What a product tells of its sensor, its sampling and its place on the ground.
using System.Text.Json.Serialization;

namespace SarSynth.Radar.Images;

/// <summary>The sensor's facts that travel with an image. What a product does not tell is null, never guessed.</summary>
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

/// <summary>Where pixels lie on the ground: GDAL's affine transform and the projection.</summary>
/// <param name="Transform">Six values: x = T0 + column T1 + row T2, y = T3 + column T4 + row T5, at pixel corners.</param>
/// <param name="Projection">Coordinate reference system as WKT; empty when the file has none.</param>
public sealed record GeoReference(IReadOnlyList<double> Transform, string Projection)
{
    /// <summary>The same ground on a grid whose pixels are <paramref name="factor"/> times finer in both axes.</summary>
    /// <param name="factor">Greater than 0; 4 turns pixels of 1.6 m into pixels of 0.4 m.</param>
    public GeoReference Refined(double factor)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(factor);
        var t = Transform;
        return this with { Transform = [t[0], t[1] / factor, t[2] / factor, t[3], t[4] / factor, t[5] / factor] };
    }

    /// <summary>Height and width of a pixel in metres; null unless the reference system is projected in metres.</summary>
    public (double Row, double Column)? PixelSize
    {
        get
        {
            // The last unit of a projected system is that of its axes.
            var unit = Projection.LastIndexOf("UNIT[\"", StringComparison.Ordinal);
            if (!Projection.StartsWith("PROJC", StringComparison.Ordinal) || unit < 0 || !Projection.AsSpan(unit + 6).StartsWith("met", StringComparison.OrdinalIgnoreCase))
                return null;
            return (Math.Sqrt(Transform[2] * Transform[2] + Transform[5] * Transform[5]), Math.Sqrt(Transform[1] * Transform[1] + Transform[4] * Transform[4]));
        }
    }

    /// <summary>The same ground on a grid whose pixels are larger by a factor per axis, from the same corner.</summary>
    /// <param name="rowFactor">Greater than 0; height of a new pixel in old ones.</param>
    /// <param name="columnFactor">Greater than 0; width of a new pixel in old ones.</param>
    public GeoReference Coarsened(double rowFactor, double columnFactor)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rowFactor);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columnFactor);
        var t = Transform;
        return this with { Transform = [t[0], t[1] * columnFactor, t[2] * rowFactor, t[3], t[4] * columnFactor, t[5] * rowFactor] };
    }

    /// <summary>The same grid seen from another first pixel.</summary>
    /// <param name="row">Row that becomes row 0.</param>
    /// <param name="column">Column that becomes column 0.</param>
    public GeoReference Shifted(double row, double column)
    {
        var t = Transform;
        return this with { Transform = [t[0] + column * t[1] + row * t[2], t[1], t[2], t[3] + column * t[4] + row * t[5], t[4], t[5]] };
    }

    /// <summary>Equal when all six values and the projection are.</summary>
    public bool Equals(GeoReference? other) => other is not null && Projection == other.Projection && Transform.SequenceEqual(other.Transform);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Projection, Transform[0], Transform[3]);
}
