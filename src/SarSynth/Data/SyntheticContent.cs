// What a generated file says of itself to a machine, and whether it is still that file. The assertions have the labels
// and fields of C2PA's (Technical Specification 2.1, sec. 18), with IPTC's digital source types; they are not signed.
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Radar.Images;

namespace SarSynth.Data;

/// <summary>A statement about a file in its provenance.</summary>
/// <param name="Label">What it states: "c2pa.actions.v2", "c2pa.hash.data", ...</param>
/// <param name="Data">Its fields.</param>
public sealed record Assertion(string Label, JsonNode Data);

/// <summary>Marks what no sensor measured: images of trained models, and of the simulator.</summary>
public static class SyntheticContent
{
    private const string Actions = "c2pa.actions.v2", Hash = "c2pa.hash.data", Ingredient = "c2pa.ingredient.v3",
        Model = "sarsynth.model";

    /// <summary>The kit's version.</summary>
    public static string Version { get; } = typeof(SyntheticContent).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "?";

    /// <summary>The facts of an image that a trained model makes.</summary>
    /// <param name="metadata">What is known of it otherwise.</param>
    /// <param name="model">The model's name or path; empty for one in memory.</param>
    /// <param name="files">Checksums of its files; null where nobody read them.</param>
    public static SarMetadata Mark(SarMetadata metadata, string model,
        IReadOnlyDictionary<string, string>? files = null) => metadata with
    {
        DigitalSourceType = SyntheticMark.TrainedAlgorithmicMedia,
        Generator = $"SarSynth {Version}" + (model.Length > 0 ? $", model {Path.GetFileName(model.TrimEnd('/'))}" : "")
            + (files is { Count: > 0 } ? $" (sha256 {HashOf(files)})" : ""),
    };

    /// <summary>The facts of an image that the simulator makes.</summary>
    /// <param name="metadata">What is known of it otherwise.</param>
    public static SarMetadata MarkSimulated(SarMetadata metadata) => metadata with
    {
        DigitalSourceType = SyntheticMark.AlgorithmicMedia, Generator = $"SarSynth {Version}, simulator",
    };

    /// <summary>A pair of the simulator's images with their mark.</summary>
    /// <param name="scene">Both of its images are the simulator's.</param>
    public static PairedScene MarkSimulated(PairedScene scene) => new(scene.Name,
        scene.Airborne.With(MarkSimulated(scene.Airborne.Metadata)),
        scene.Satellite.With(MarkSimulated(scene.Satellite.Metadata)), scene.Captions);

    /// <summary>One checksum of a model's files: of the lines "name checksum" in the order of names.</summary>
    /// <param name="files">Checksums by name.</param>
    public static string HashOf(IReadOnlyDictionary<string, string> files) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(
            files.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{f.Key} {f.Value}\n")))));

    /// <summary>The record with the assertions of a file that a trained model made.</summary>
    /// <param name="record">Of one output.</param>
    /// <param name="description">What was made, in a sentence.</param>
    /// <param name="model">The model's name; null or empty for one in memory.</param>
    /// <param name="files">Checksums of its files; null where nobody read them.</param>
    public static Provenance AsSynthetic(this Provenance record, string description, string? model,
        IReadOnlyDictionary<string, string>? files)
    {
        var all = Created(record, description, SyntheticMark.TrainedAlgorithmicMedia);
        if (model is { Length: > 0 })
        {
            var name = Path.GetFileName(model.TrimEnd('/'));
            all.Add(Of(Model, new { name, alg = "sha256", hash = files is null ? null : HashOf(files) }));
        }
        return record with { Assertions = all };
    }

    /// <summary>The record with the assertions of files that the simulator made.</summary>
    /// <param name="record">Of its outputs.</param>
    /// <param name="description">What was made, in a sentence.</param>
    public static Provenance AsSimulated(this Provenance record, string description) =>
        record with { Assertions = Created(record, description, SyntheticMark.AlgorithmicMedia) };

    // How the outputs came about, and the checksums of all files.
    private static List<Assertion> Created(Provenance record, string description, string word)
    {
        var action = new
        {
            action = "c2pa.created", when = record.Created, description,
            softwareAgent = new { name = "SarSynth", version = Version },
            digitalSourceType = SyntheticMark.Vocabulary + word,
        };
        return
        [
            Of(Actions, new { actions = new[] { action } }),
            .. record.Outputs.Select(o => Of(Hash, new { name = o.Path, alg = "sha256", hash = o.Sha256 })),
            .. record.Inputs.Select(i => Of(Ingredient, new
            {
                title = i.Path, relationship = "inputTo", alg = "sha256", hash = i.Sha256,
            })),
        ];
    }

    private static Assertion Of(string label, object data) =>
        new(label, JsonSerializer.SerializeToNode(data, data.GetType(), KitJson.Options)!);
}

/// <summary>Whether a file is the one that the record beside it tells of.</summary>
public enum RecordState
{
    /// <summary>No record lies beside it.</summary>
    Missing,

    /// <summary>It is.</summary>
    Agrees,

    /// <summary>It was changed, or is another.</summary>
    Differs,
}

/// <summary>A file against the provenance beside it.</summary>
/// <param name="Record">The provenance; null where there is none.</param>
/// <param name="State">Whether they agree.</param>
/// <param name="DigitalSourceType">What the record says of how the file came about; null for nothing.</param>
/// <param name="Expected">SHA-256 that the record has; null without.</param>
/// <param name="Found">SHA-256 of the file; null without a record.</param>
public sealed record RecordCheck(
    string? Record, RecordState State, string? DigitalSourceType, string? Expected, string? Found)
{
    private const string Extension = ".provenance.json";

    /// <summary>Reads the record and the file.</summary>
    /// <param name="path">The file, as a.b.tif: its record is a.b.tif.provenance.json, or the one of several files,
    /// a.b.provenance.json or a.provenance.json, that lists it.</param>
    /// <exception cref="InvalidDataException">The record is no JSON object.</exception>
    public static RecordCheck Of(string path)
    {
        if (!File.Exists(path) || Find(path) is not var (record, told))
            return new(null, RecordState.Missing, null, null, null);
        var own = Entry(told, path) ?? Outputs(told).FirstOrDefault();
        var source = (told["assertions"] as JsonArray)?
            .Select(a => a?["data"]?["actions"]?[0]?["digitalSourceType"]?.ToString())
            .FirstOrDefault(s => s is not null);
        var (expected, found) = ((string?)own?["sha256"], FileFingerprint.Of(path).Sha256);
        return new(record, expected == found ? RecordState.Agrees : RecordState.Differs,
            source?[(source.LastIndexOf('/') + 1)..], expected, found);
    }

    private static (string Record, JsonObject Told)? Find(string path)
    {
        if (File.Exists(path + Extension))
            return (path + Extension, Read(path + Extension));
        for (var stem = path; Path.GetExtension(stem).Length > 0;)
        {
            stem = Path.ChangeExtension(stem, null);
            if (File.Exists(stem + Extension) && Read(stem + Extension) is var told && Entry(told, path) is not null)
                return (stem + Extension, told);
        }
        return null;
    }

    private static JsonObject Read(string record)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(record)) as JsonObject
                ?? throw new InvalidDataException($"{record}: found no JSON object, expected a provenance.");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{record}: not a provenance: {error.Message}", error);
        }
    }

    private static List<JsonObject> Outputs(JsonObject told) =>
        (told["outputs"] as JsonArray)?.OfType<JsonObject>().ToList() ?? [];

    private static JsonObject? Entry(JsonObject told, string path) =>
        Outputs(told).Find(o => (string?)o["path"] == Path.GetFileName(path));
}
