// One JSON dialect for recipes, provenance and reports.
using System.Text.Json;
using System.Text.Json.Serialization;
using SarSynth.Diffusion.Checkpoints;

namespace SarSynth.Data;

/// <summary>
/// The JSON options that the kit reads and writes with: camelCase, enums by name, unknown members refused.
/// </summary>
public static class KitJson
{
    /// <summary>The options; indented.</summary>
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    /// <summary>Writes <paramref name="value"/> as JSON.</summary>
    /// <param name="value">Any record.</param>
    public static string Serialize<T>(T value) => JsonSerializer.Serialize(value, Options);

    /// <summary>Reads a record from a JSON file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">
    /// The file is not JSON of this shape; the message names file and field.
    /// </exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static T Read<T>(string path)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"{path}: no such file.", path);
        try
        {
            return JsonSerializer.Deserialize<T>(File.ReadAllText(path), Options)
                ?? throw new InvalidDataException($"{path}: found null, expected a {typeof(T).Name}.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}: not a {typeof(T).Name}: {e.Message}", e);
        }
    }

    /// <summary>The field "kind" of a recipe; null where it has none, or where the file is no JSON object.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static string? KindOf(string path)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"{path}: no such file.", path);
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(path), new JsonDocumentOptions
            {
                CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true,
            });
            return json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("kind", out var kind) ? kind.GetString() : null;
        }
        catch (JsonException)
        {
            // Who reads the record says what is wrong with it.
            return null;
        }
    }

    /// <summary>Writes a record to a JSON file, whole or not at all.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="value">The record.</param>
    public static void Write<T>(string path, T value) => AtomicFile.WriteText(path, Serialize(value) + "\n");
}
