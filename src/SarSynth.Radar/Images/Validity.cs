// Which pixels of a raster hold data: one notion for every format.
using System.Text.Json.Serialization;

namespace SarSynth.Radar.Images;

/// <summary>Where a raster keeps a mask of its valid pixels.</summary>
[Flags]
[JsonConverter(typeof(JsonStringEnumConverter<MaskKind>))]
public enum MaskKind
{
    /// <summary>It has none.</summary>
    None = 0,

    /// <summary>A mask inside the file.</summary>
    Internal = 1,

    /// <summary>A mask in a file of its own beside the raster (.msk).</summary>
    Sidecar = 2,

    /// <summary>A band of transparency: pixels whose alpha is 0 hold no data, all others do.</summary>
    Alpha = 4,

    /// <summary>One nodata value for each band: a pixel holds no data where all bands have theirs.</summary>
    BandValues = 8,

    /// <summary>The product tells the valid samples of every line.</summary>
    Lines = 16,
}

/// <summary>
/// What tells which pixels of a raster hold data. Several rules may stand together; a pixel holds data where none of
/// them denies it. NaN never does. In memory all of them are one: a pixel without data is NaN (complex: NaN in both
/// parts), whatever the rule was, and everything that reads pixels leaves NaN out.
/// </summary>
public sealed record Validity
{
    /// <summary>No rule: all pixels hold data, save NaN.</summary>
    public static Validity All { get; } = new();

    /// <summary>
    /// The stored value that means no data, before scale, offset and decibels; null where the file names none. A
    /// complex pixel holds no data where it is v + 0i, or v + vi: a real part of v alone is signal.
    /// </summary>
    [JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
    public double? NoDataValue { get; init; }

    /// <summary>Masks that the file has.</summary>
    public MaskKind Mask { get; init; }

    /// <summary>
    /// The stored value that the product's specification calls fill, told by the file or not; null for none.
    /// </summary>
    public double? Fill { get; init; }

    /// <summary>A value that the caller says means no data, as the numbers are read; null for none.</summary>
    public double? Told { get; init; }

    /// <summary>Whether there is no rule but NaN.</summary>
    [JsonIgnore]
    public bool IsAll => this == All;

    /// <summary>The rules in words: "nodata value 0, mask in the file".</summary>
    public override string ToString()
    {
        List<string> rules = [];
        if (NoDataValue is { } value)
            rules.Add(FormattableString.Invariant($"nodata value {value:G9}"));
        if (Fill is { } fill)
            rules.Add(FormattableString.Invariant($"fill value {fill:G9} of the product"));
        if (Told is { } told)
            rules.Add(FormattableString.Invariant($"value {told:G9} that was told to mean none"));
        if (Mask.HasFlag(MaskKind.Internal))
            rules.Add("mask in the file");
        if (Mask.HasFlag(MaskKind.Sidecar))
            rules.Add("mask beside the file (.msk)");
        if (Mask.HasFlag(MaskKind.Alpha))
            rules.Add("alpha band");
        if (Mask.HasFlag(MaskKind.BandValues))
            rules.Add("nodata values of all bands");
        if (Mask.HasFlag(MaskKind.Lines))
            rules.Add("valid samples of each line");
        return rules.Count > 0 ? string.Join(", ", rules) : "all pixels hold data, save NaN";
    }
}
