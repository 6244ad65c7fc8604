// A folder of tiles that the kit made: what was cut from which scenes, and how.
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;

namespace SarSynth.Data;

/// <summary>A scene that was cut.</summary>
/// <param name="Name">Name, unique in the set.</param>
/// <param name="Source">The product's file or folder name.</param>
/// <param name="Sha256">Checksum of the product's file; null for products of many files.</param>
/// <param name="Rows">Rows on the tiles' grid.</param>
/// <param name="Columns">Columns on the tiles' grid.</param>
/// <param name="RowSpacing">Metres along azimuth; null where nothing tells.</param>
/// <param name="ColumnSpacing">Metres along range.</param>
/// <param name="Radiometry">What the amplitudes are, in words.</param>
/// <param name="Normalisation">What they were divided by.</param>
/// <param name="Place">Where the tiles' grid lies on the ground; null where nothing tells.</param>
/// <param name="Kept">How many tiles were kept.</param>
/// <param name="Dropped">How many were not, by reason: "empty", "saturated", "border" (between two parts).</param>
/// <param name="Remarks">What was assumed, a sentence each.</param>
public sealed record TiledScene(
    string Name, string Source, string? Sha256, int Rows, int Columns, double? RowSpacing, double? ColumnSpacing,
    string Radiometry, ClippedNormalisation Normalisation, GeoReference? Place, int Kept,
    IReadOnlyDictionary<string, int> Dropped, IReadOnlyList<string> Remarks);

/// <summary>What tiles.json in a folder of tiles tells.</summary>
/// <param name="Recipe">How the tiles were cut.</param>
/// <param name="Scenes">Scenes that are cut wholly; empty while the first ones are being cut.</param>
/// <param name="Tiles">How many tiles each part has.</param>
public sealed record TileSet(TilingRecipe Recipe, IReadOnlyList<TiledScene> Scenes,
    IReadOnlyDictionary<string, int> Tiles)
{
    /// <summary>Name of the file in the folder.</summary>
    public const string FileName = "tiles.json";

    /// <summary>Name of the file that tells the words of class maps' codes, where vector layers gave such.</summary>
    public const string ClassesFile = "classes.json";

    /// <summary>What remarks on scenes begin with that are of vector layers.</summary>
    public const string VectorRemark = "Vector layers: ";

    internal const string SceneFolder = "scenes";

    /// <summary>Names of the parts' folders.</summary>
    internal static IReadOnlyList<(Split Split, string Folder)> Parts { get; } =
        [(Split.Train, "train"), (Split.Validation, "validation"), (Split.Test, "test")];

    /// <summary>Reads the set of a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="FileNotFoundException">It has no tiles.json.</exception>
    /// <exception cref="InvalidDataException">tiles.json is not such a set.</exception>
    public static TileSet Open(string folder) => KitJson.Read<TileSet>(Path.Combine(folder, FileName));
}
