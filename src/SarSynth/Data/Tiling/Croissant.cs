// What a folder of tiles holds, in the words of Croissant 1.0 (MLCommons): other tools load the tiles by it.
using System.Text.Json.Nodes;

namespace SarSynth.Data;

/// <summary>Writes croissant.json.</summary>
internal static class Croissant
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "croissant.json";

    private static readonly (string Name, string Type, string What)[] fields =
    [
        ("file_name", "sc:Text", "The tile's image, relative to the part's folder."),
        ("text", "sc:Text", "Caption."),
        ("classes_file_name", "sc:Text", "The tile's class map, relative to the part's folder; classes.json tells its "
            + "codes, 0 is ground of which nothing is known."),
        ("scene", "sc:Text", "The scene that the tile was cut from."),
        ("row", "sc:Integer", "First row in the scene, on the tiles' grid."),
        ("column", "sc:Integer", "First column in the scene, on the tiles' grid."),
        ("ceiling", "sc:Float", "The linear amplitude that a pixel of 1 stands for: mean + 3 standard deviations of "
            + "the scene."),
        ("mean", "sc:Float", "Mean of the calibrated amplitude."),
        ("sigma", "sc:Float", "Standard deviation of the calibrated amplitude."),
        ("enl", "sc:Float", "Equivalent number of looks, median over windows of 25 x 25."),
        ("no_data", "sc:Float", "Share of the pixels without data."),
        ("fill", "sc:Float", "Share of the pixels that are exactly 0 among zeros."),
        ("saturated", "sc:Float", "Share of the pixels above the ceiling."),
        ("sha256", "sc:Text", "Checksum of the image's file."),
    ];

    /// <summary>Writes the description of a set whose parts are in place.</summary>
    /// <param name="folder">The set's folder.</param>
    /// <param name="set">The set.</param>
    public static void Write(string folder, TileSet set)
    {
        string[] parts = [.. TileSet.Parts.Select(part => part.Folder).Where(part =>
            File.Exists(Path.Combine(folder, part, TileIndex.JsonLines)))];
        var (extension, encoding) = set.Recipe.Format == TileFormat.Png ? ("png", "image/png") : ("tif", "image/tiff");
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        KitJson.Write(Path.Combine(folder, FileName), new JsonObject
        {
            ["@context"] = Context(),
            ["@type"] = "sc:Dataset",
            ["conformsTo"] = "http://mlcommons.org/croissant/1.0",
            ["name"] = name,
            ["description"] = $"SAR amplitude tiles of {set.Recipe.Size} x {set.Recipe.Size} pixels, cut from "
                + $"{set.Scenes.Count} scenes: "
                + string.Join(", ", set.Tiles.Select(part => $"{part.Value} {part.Key}")) + ".",
            ["distribution"] = new JsonArray([
                .. parts.Select(part => (JsonNode)new JsonObject
                {
                    ["@type"] = "cr:FileObject", ["@id"] = $"{part}-index", ["name"] = $"{part}-index",
                    ["contentUrl"] = $"{part}/{TileIndex.JsonLines}", ["encodingFormat"] = "application/jsonlines",
                    ["sha256"] = ManifestStore.Sha256(Path.Combine(folder, part, TileIndex.JsonLines)),
                }),
                .. parts.Select(part => (JsonNode)new JsonObject
                {
                    ["@type"] = "cr:FileSet", ["@id"] = $"{part}-images", ["name"] = $"{part}-images",
                    ["encodingFormat"] = encoding, ["includes"] = $"{part}/*.{extension}",
                })]),
            ["recordSet"] = new JsonArray([.. parts.Select(part => (JsonNode)new JsonObject
            {
                ["@type"] = "cr:RecordSet", ["@id"] = part, ["name"] = part,
                ["field"] = Fields(part, TileIndex.JsonRows(Path.Combine(folder, part, TileIndex.JsonLines)).First()
                    .Fields),
            })]),
        });
    }

    // Fields that the rows have: captions may come later.
    private static JsonArray Fields(string part, JsonObject row) =>
        new([.. fields.Where(f => row.ContainsKey(f.Name)).Select(f => (JsonNode)new JsonObject
        {
            ["@type"] = "cr:Field", ["@id"] = $"{part}/{f.Name}", ["name"] = f.Name, ["description"] = f.What,
            ["dataType"] = f.Type,
            ["source"] = new JsonObject
            {
                ["fileObject"] = new JsonObject { ["@id"] = $"{part}-index" },
                ["extract"] = new JsonObject { ["column"] = f.Name },
            },
        })]);

    // The context that the specification asks for, as far as the words are used here.
    private static JsonObject Context()
    {
        var context = new JsonObject
        {
            ["@language"] = "en", ["@vocab"] = "https://schema.org/", ["sc"] = "https://schema.org/",
            ["cr"] = "http://mlcommons.org/croissant/", ["dct"] = "http://purl.org/dc/terms/",
            ["conformsTo"] = "dct:conformsTo",
        };
        foreach (var word in (string[])["column", "extract", "field", "fileObject", "fileSet", "includes", "recordSet",
            "source"])
            context[word] = "cr:" + word;
        context["dataType"] = new JsonObject { ["@id"] = "cr:dataType", ["@type"] = "@vocab" };
        return context;
    }
}
