// What a caller knows of a file and wants of it: channel, kind of pixels, a part of the raster.
using System.Text.Json.Serialization;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>What the caller knows about a file, and which part of a product is wanted.</summary>
public sealed record RasterOptions
{
    /// <summary>
    /// What the pixels are; needed where the file does not tell. Complex samples stay complex, and a product whose
    /// own rules tell its kind keeps it; that decibels are asked for there is an error.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PixelKind? Kind { get; init; }

    /// <summary>
    /// Which channel of a product: a polarisation ("VV"), with its swath and number if there are
    /// several ("IW1/VV", "A/HH", "WV1/VV/003"), or the number of a band ("2"). A part of the name will
    /// do if it fits one only. Null takes the first.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Channel { get; init; }

    /// <summary>The part of the raster to open, in its pixels; null for all of it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RasterWindow? Window { get; init; }

    /// <summary>The part of the raster to open, on the ground; null for all of it. Not together with
    /// <see cref="Window"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public GroundBox? Box { get; init; }

    /// <summary>
    /// A value that means no data, as the file's numbers are read (after scale and offset, before decibels become
    /// linear), beside those that the file names itself; null for none.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? NoDataValue { get; init; }
}

/// <summary>A rectangle on the ground.</summary>
/// <param name="West">Least easting or longitude.</param>
/// <param name="South">Least northing or latitude.</param>
/// <param name="East">Largest easting or longitude.</param>
/// <param name="North">Largest northing or latitude.</param>
/// <param name="IsLonLat">Whether the numbers are degrees of longitude and latitude on WGS 84; if not, they are in the
/// raster's own reference system.</param>
public sealed record GroundBox(double West, double South, double East, double North, bool IsLonLat = false)
{
    /// <summary>The box in words, for messages.</summary>
    public override string ToString() => FormattableString.Invariant($"{West:G9},{South:G9},{East:G9},{North:G9}")
        + (IsLonLat ? " (longitude, latitude)" : "");
}
