// How scenes become tiles: the steps of the papers with their numbers, as a plain record.
using System.Text.Json.Serialization;
using SarSynth.Radar.Images;

namespace SarSynth.Data;

/// <summary>What tiles are written as.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TileFormat>))]
public enum TileFormat
{
    /// <summary>
    /// Grey PNG of 16 bits, A / (mu + 3 sigma) clipped to 0 ... 1: what the tools
    /// around Hugging Face's image folders read.
    /// </summary>
    Png,

    /// <summary>
    /// GeoTIFF of float32, not clipped, with its place on the ground: for GIS and for other normalisations.
    /// </summary>
    GeoTiff,

    /// <summary>GeoTIFF of complex float32, for what needs the phase: the satellite's view is made from it.</summary>
    Complex,
}

/// <summary>How scenes become tiles.</summary>
/// <remarks>
/// Debuysere et al. (2025), arXiv 2506.13307: calibrated, refocused and down-sampled in the frequency domain,
/// normalised by A / (mu + 3 sigma), cut to 1024 x 1024. Thresholds, blocks and shares of the splits are the kit's own.
/// </remarks>
public sealed record TilingRecipe
{
    /// <summary>Side of a tile, pixels.</summary>
    public int Size { get; init; } = 1024;

    /// <summary>Pixels that neighbours share.</summary>
    public int Overlap { get; init; }

    /// <summary>Spacing of the tiles' pixels in both axes, metres; null keeps the product's grid.</summary>
    public double? Spacing { get; init; }

    /// <summary>What amplitudes are calibrated to where the product tells how; null leaves them.</summary>
    public Backscatter? Quantity { get; init; } = Backscatter.SigmaNought;

    /// <summary>What tiles are written as.</summary>
    public TileFormat Format { get; init; } = TileFormat.Png;

    /// <summary>Standard deviations above the mean that become 1.</summary>
    public double Deviations { get; init; } = 3;

    /// <summary>Which channel of a product; null takes the first.</summary>
    public string? Channel { get; init; }

    /// <summary>What the pixels of plain rasters are, where these do not tell.</summary>
    public PixelKind? Kind { get; init; }

    /// <summary>
    /// Caption of every tile, or of those of which <see cref="Vectors"/> tell nothing; null leaves them without, to be
    /// written later.
    /// </summary>
    public string? Caption { get; init; }

    /// <summary>
    /// Vector layers that tell what is on the ground: captions and class maps are made of them; null for none.
    /// </summary>
    public IReadOnlyList<VectorSource>? Vectors { get; init; }

    /// <summary>Words of the layers' values; null takes the values as they are.</summary>
    public IReadOnlyDictionary<string, string>? Words { get; init; }

    /// <summary>
    /// Largest share of a tile that may hold no data or be filled: exact zeros among zeros, as no focused image has.
    /// </summary>
    public double MostEmpty { get; init; } = 0.05;

    /// <summary>
    /// Largest share of a tile that may be clipped at mu + 3 sigma of its scene: speckle alone brings 0.6 % of
    /// homogeneous ground there, towns a tenth and more; a tile a quarter of which is white shows little.
    /// </summary>
    public double MostSaturated { get; init; } = 0.25;

    /// <summary>
    /// Side of the blocks of ground that go to one part as a whole, metres (pixels times spacing where a scene has no
    /// georeference); null takes eight tiles of the first scene.
    /// </summary>
    public double? Block { get; init; }

    /// <summary>Share of the blocks kept for validation.</summary>
    public double Validation { get; init; } = 0.1;

    /// <summary>Share of the blocks kept for the test.</summary>
    public double Test { get; init; } = 0.1;

    /// <summary>Seed of the parts that blocks fall into.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Refuses what cannot be.</summary>
    /// <exception cref="ArgumentException">The message names field, value and range.</exception>
    public void Check()
    {
        Require(Size >= 16, "size", Size, "16 pixels or more");
        Require(Overlap >= 0 && Overlap < Size, "overlap", Overlap, $"0 to {Size - 1} pixels");
        Require(Spacing is null or > 0, "spacing", Spacing, "metres above 0");
        Require(Deviations > 0, "deviations", Deviations, "a number above 0");
        Require(MostEmpty is >= 0 and <= 1, "most empty", MostEmpty, "a share from 0 to 1");
        Require(MostSaturated is >= 0 and <= 1, "most saturated", MostSaturated, "a share from 0 to 1");
        Require(Block is null or > 0, "block", Block, "metres above 0");
        Require(Validation >= 0 && Test >= 0 && Validation + Test <= 1, "validation + test", Validation + Test,
            "shares, together at most 1");

        static void Require(bool holds, string field, object? found, string expected)
        {
            if (!holds)
                throw new ArgumentException(FormattableString.Invariant(
                    $"{field}: found {found}, expected {expected}."));
        }
    }
}
