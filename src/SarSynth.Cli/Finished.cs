// Nothing finished is overwritten without being told to; and what is finished needs not be made again.
using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Data;

namespace SarSynth.Cli;

/// <summary>Looks at results that are there before a command makes its own.</summary>
static class Finished
{
    /// <summary>What the provenance of a result is called.</summary>
    public static string ProvenanceOf(string result) => result + ".provenance.json";

    // What a recipe may hold that changes nothing in a finished result.
    private static readonly string[] besideTheResult = [Found, "strict", "outside"];

    /// <summary>The field of a recipe in the provenance that holds what the step itself found out.</summary>
    public const string Found = "found";

    /// <summary>Refuses a place where a result is, unless it is to be replaced.</summary>
    /// <param name="path">File, or file that a finished folder holds.</param>
    /// <param name="force">Whether to replace it.</param>
    /// <param name="what">What the error calls it; null for its path.</param>
    /// <exception cref="IOException">It is there.</exception>
    public static void Refuse(string path, bool force, string? what = null)
    {
        if (!force && Path.Exists(path))
            throw new IOException($"{what ?? path}: is there already; --force replaces it");
    }

    /// <summary>Whether a result is there that the same step has made of the same input by the same recipe.</summary>
    /// <param name="result">The result's file.</param>
    /// <param name="step">The step's name in the provenance.</param>
    /// <param name="recipe">The recipe.</param>
    /// <param name="inputs">The input's files.</param>
    /// <param name="force">Whether to make it anew whatever is there.</param>
    /// <param name="ran">What the provenance must tell besides of how it ran; null for nothing.</param>
    /// <returns>Whether there is nothing to do.</returns>
    /// <exception cref="IOException">Another result is there; the message says what it differs in.</exception>
    public static bool IsDone(
        string result, string step, object recipe, IReadOnlyList<string> inputs, bool force, object? ran = null)
    {
        if (force || !Path.Exists(result))
            return false;
        if (Difference(result, step, recipe, inputs, ran) is not { } difference)
            return true;
        throw new IOException($"{result}: is there already, {difference}; --force replaces it");
    }

    /// <summary>The files of an input: itself, or all files of a product's folder.</summary>
    public static IReadOnlyList<string> FilesOf(string input) => Directory.Exists(input)
        ? [.. Directory.GetFiles(input, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)] : [input];

    private static string? Difference(
        string result, string step, object recipe, IReadOnlyList<string> inputs, object? ran)
    {
        JsonNode? told;
        try
        {
            if (!File.Exists(ProvenanceOf(result)))
                return "without a provenance that says how it was made";
            told = JsonNode.Parse(File.ReadAllText(ProvenanceOf(result)));
        }
        catch (JsonException)
        {
            return $"and its provenance {ProvenanceOf(result)} is no JSON";
        }
        if ((string?)told?["step"] != step)
            return $"made by '{(string?)told?["step"]}'";
        if (FirstDifference(told?["recipe"], Json(recipe), "") is { } field)
            return $"made by another recipe ({field})";
        foreach (var (name, value) in ran is null ? [] : Json(ran).AsObject())
        {
            if (FirstDifference(told?["ran"]?[name], value, name) is { } other)
                return $"made otherwise ({other})";
        }
        if (Sums(told?["inputs"]) is var made && !made.SequenceEqual(inputs.Select(f => FileFingerprint.Of(f).Sha256)))
            return $"made from another input than {Path.GetFileName(inputs[0])} as it is now";
        return Sums(told?["outputs"]).FirstOrDefault() == FileFingerprint.Of(result).Sha256 ? null
            : "and it is not the file that its provenance tells of";
    }

    // As it is read back from a file, so that both sides are of one kind.
    private static JsonNode Json(object value) =>
        JsonNode.Parse(JsonSerializer.Serialize(value, value.GetType(), KitJson.Options))!;

    private static IEnumerable<string?> Sums(JsonNode? files) =>
        files is JsonArray all ? all.Select(file => (string?)file?["sha256"]) : [];

    // "steps 25, now 50": the first field in which two recipes differ.
    private static string? FirstDifference(JsonNode? made, JsonNode? wanted, string name)
    {
        if (JsonNode.DeepEquals(made, wanted))
            return null;
        if (made is JsonObject a && wanted is JsonObject b)
        {
            return a.Select(f => f.Key).Union(b.Select(f => f.Key)).Where(key => !besideTheResult.Contains(key))
                .Select(key => FirstDifference(a[key], b[key], name.Length > 0 ? $"{name}.{key}" : key))
                .FirstOrDefault(found => found is not null);
        }
        return $"{name} {Word(made)}, now {Word(wanted)}";
    }

    private static string Word(JsonNode? value) => value?.ToJsonString() switch
    {
        null => "not told",
        { Length: > 80 } text => text[..77] + "...",
        var text => text,
    };
}
