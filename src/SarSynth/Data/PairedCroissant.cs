// What a folder of paired scenes holds, in the words of Croissant 1.0 and its responsible-AI extension (MLCommons).
using System.Text.Json.Nodes;

namespace SarSynth.Data;

/// <summary>Writes croissant.json beside scenes.json.</summary>
internal static class PairedCroissant
{
    private const string Index = "scenes";

    private static readonly (string Name, string Type, string Path, string What)[] fields =
    [
        ("name", "sc:Text", "name", "Name of the scene."),
        ("split", "sc:Text", "split", "train, validation or test: scenes, never tiles, are split."),
        ("airborne", "sc:Text", "airborne.path", "The fine image: a GeoTIFF of linear amplitude."),
        ("satellite", "sc:Text", "satellite.path", "The coarse image: each pixel holds a whole number of fine ones."),
    ];

    /// <summary>Writes the description of scenes whose list is in place.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="dataset">Its list.</param>
    /// <param name="isSimulated">Whether all of its images are the simulator's: more can be said of them.</param>
    public static void Write(string folder, PairedDataset dataset, bool isSimulated)
    {
        var list = Path.Combine(folder, PairedDataset.FileName);
        var json = new JsonObject
        {
            ["@context"] = Context(),
            ["@type"] = "sc:Dataset",
            ["conformsTo"] = new JsonArray("http://mlcommons.org/croissant/1.0",
                "http://mlcommons.org/croissant/RAI/1.0"),
            ["name"] = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
            ["description"] = dataset.Description,
            ["license"] = dataset.Licence,
            ["version"] = "1.0.0",
            ["distribution"] = new JsonArray(
                new JsonObject
                {
                    ["@type"] = "cr:FileObject", ["@id"] = Index, ["name"] = Index,
                    ["contentUrl"] = PairedDataset.FileName, ["encodingFormat"] = "application/json",
                    ["sha256"] = ManifestStore.Sha256(list),
                },
                new JsonObject
                {
                    ["@type"] = "cr:FileSet", ["@id"] = "images", ["name"] = "images",
                    ["encodingFormat"] = "image/tiff", ["includes"] = "*.tif",
                }),
            ["recordSet"] = new JsonArray(new JsonObject
            {
                ["@type"] = "cr:RecordSet", ["@id"] = "pairs", ["name"] = "pairs",
                ["field"] = new JsonArray([.. fields.Select(f => (JsonNode)new JsonObject
                {
                    ["@type"] = "cr:Field", ["@id"] = $"pairs/{f.Name}", ["name"] = f.Name, ["description"] = f.What,
                    ["dataType"] = f.Type,
                    ["source"] = new JsonObject
                    {
                        ["fileObject"] = new JsonObject { ["@id"] = Index },
                        ["extract"] = new JsonObject { ["jsonPath"] = $"$.scenes[*].{f.Path}" },
                    },
                })]),
            }),
        };
        foreach (var (word, says) in isSimulated ? Simulated() : Unknown())
            json["rai:" + word] = says;
        KitJson.Write(Path.Combine(folder, Croissant.FileName), json);
    }

    private static (string, JsonNode)[] Simulated() =>
    [
        ("dataCollection", "No collection: scenes are drawn at random by rules and seen by a simulator of radar "
            + "geometry, speckle and impulse responses."),
        ("dataCollectionType", new JsonArray("Synthetic data generation")),
        ("dataAnnotationProtocol", "Captions are the simulator's own description of the ground; no person wrote any."),
        ("dataUseCases", new JsonArray("Training, validation and testing of SAR image translation; teaching.")),
        ("dataLimitations", new JsonArray("One simulator stands for measured data: a model that is good here may fail "
            + "on measured images.")),
        ("dataBiases", new JsonArray("Land cover and buildings follow the simulator's rules, not any country's.")),
        ("personalSensitiveInformation", new JsonArray("None: no measured place is in them.")),
    ];

    private static (string, JsonNode)[] Unknown() =>
    [
        ("dataCollection", "Pairs made of images that somebody gave; what is known of them is in their provenance."),
        ("dataUseCases", new JsonArray("Training, validation and testing of SAR image translation.")),
        ("dataLimitations", new JsonArray("Licence, places and duties are those of the images that went in.")),
    ];

    private static JsonObject Context()
    {
        var context = new JsonObject
        {
            ["@language"] = "en", ["@vocab"] = "https://schema.org/", ["sc"] = "https://schema.org/",
            ["cr"] = "http://mlcommons.org/croissant/", ["rai"] = "http://mlcommons.org/croissant/RAI/",
            ["dct"] = "http://purl.org/dc/terms/", ["conformsTo"] = "dct:conformsTo",
        };
        foreach (var word in (string[])["extract", "field", "fileObject", "fileSet", "includes", "jsonPath",
            "recordSet", "source"])
            context[word] = "cr:" + word;
        context["dataType"] = new JsonObject { ["@id"] = "cr:dataType", ["@type"] = "@vocab" };
        return context;
    }
}
