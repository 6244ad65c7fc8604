// Strict reading of the config.json files of diffusers and transformers: what is not
// understood is named, never skipped.
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace SarSynth.Diffusion.Checkpoints;

/// <summary>Reads and writes configuration records whose properties map to snake_case fields.</summary>
public static class ConfigJson
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Reads a record from JSON text.</summary>
    /// <typeparam name="T">The record; each property is a field that may be there.</typeparam>
    /// <param name="json">The text.</param>
    /// <param name="source">Where it comes from, for errors.</param>
    /// <param name="without">Fields that are known to change nothing of the computation.</param>
    /// <exception cref="CheckpointException">
    /// Not a JSON object, an unknown field, or a value of the wrong kind.
    /// </exception>
    public static T Parse<T>(string json, string source, IReadOnlySet<string>? without = null)
    {
        JsonObject? fields = null;
        try
        {
            fields = JsonNode.Parse(json, documentOptions: new() { AllowDuplicateProperties = false }) as JsonObject;
            if (fields is null)
                throw new CheckpointException(source, "expected a JSON object");
            var known = typeof(T).GetProperties()
                .Where(p => p.CanWrite && p.GetCustomAttributes(typeof(JsonIgnoreAttribute), true).Length == 0)
                .Select(FieldName).ToHashSet(StringComparer.Ordinal);
            var unknown = new List<string>();
            foreach (var (name, _) in fields.ToList())
            {
                if (known.Contains(name))
                    continue;
                if (name.StartsWith('_') || without?.Contains(name) == true)
                    fields.Remove(name);
                else
                    unknown.Add(name);
            }
            if (unknown.Count > 0)
                throw new CheckpointException(source,
                    $"unknown field{(unknown.Count > 1 ? "s" : "")} '{string.Join("', '", unknown)}'");
            return fields.Deserialize<T>(Options) ?? throw new CheckpointException(source, "expected a JSON object");
        }
        catch (JsonException e) when (fields is not null && e.Path is ['$', '.', .. var path]
            && fields.ContainsKey(path.Split('[')[0]))
        {
            var field = path.Split('[')[0];
            throw new CheckpointException(source,
                $"field '{field}' is {fields[field]?.ToJsonString() ?? "null"}, expected a value of another kind", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new CheckpointException(source, e.Message.Split('\n')[0], e);
        }
    }

    /// <summary>Writes a record as JSON, with <c>_class_name</c> first as diffusers has it.</summary>
    public static string Write<T>(T config, string? className)
    {
        var fields = new JsonObject();
        if (className != null)
            fields["_class_name"] = className;
        foreach (var (name, value) in JsonSerializer.SerializeToNode(config, Options)!.AsObject())
            fields[name] = value?.DeepClone();
        return fields.ToJsonString(Options);
    }

    /// <summary>
    /// The class that a config.json names: <c>_class_name</c>, else the first of <c>architectures</c>, else
    /// <c>model_type</c>; null where none does.
    /// </summary>
    /// <exception cref="CheckpointException">Not a JSON object.</exception>
    public static string? ClassName(string json, string source)
    {
        try
        {
            var fields = JsonNode.Parse(json) as JsonObject
                ?? throw new CheckpointException(source, "expected a JSON object");
            return (string?)fields["_class_name"] ?? (string?)(fields["architectures"] as JsonArray)?.FirstOrDefault()
                ?? (string?)fields["model_type"];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new CheckpointException(source, e.Message.Split('\n')[0], e);
        }
    }

    private static string FieldName(System.Reflection.PropertyInfo property) =>
        property.GetCustomAttributes(typeof(JsonPropertyNameAttribute), true).OfType<JsonPropertyNameAttribute>()
            .FirstOrDefault()?.Name
        ?? JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
}

/// <summary>A field that is one value for all blocks or a list with one for each.</summary>
/// <typeparam name="T">The value's type.</typeparam>
[JsonConverter(typeof(PerBlockConverterFactory))]
public sealed record PerBlock<T>
{
    private readonly T[] values;
    private readonly bool isList;

    /// <summary>The same value for every block.</summary>
    public PerBlock(T value) => (values, isList) = ([value], false);

    /// <summary>One value for each block.</summary>
    public PerBlock(IEnumerable<T> values) => (this.values, isList) = ([.. values], true);

    /// <summary>Whether the field is a list.</summary>
    public bool IsList => isList;

    /// <summary>The value or values as written.</summary>
    public IReadOnlyList<T> Values => values;

    /// <summary>The values for <paramref name="blocks"/> blocks.</summary>
    /// <exception cref="CheckpointException">A list of another length.</exception>
    public T[] For(int blocks, string field, string source)
    {
        if (!isList)
            return [.. Enumerable.Repeat(values[0], blocks)];
        if (values.Length != blocks)
            throw new CheckpointException(source,
                $"field '{field}' has {values.Length} values, expected one for each of {blocks} blocks");
        return [.. values];
    }

    internal T At(int index) => values[isList ? index : 0];

    /// <summary>A value for all blocks.</summary>
    public static implicit operator PerBlock<T>(T value) => new(value);

    /// <summary>One value for each block.</summary>
    public static implicit operator PerBlock<T>(T[] values) => new((IEnumerable<T>)values);

    /// <inheritdoc/>
    public bool Equals(PerBlock<T>? other) => other is not null && isList == other.isList
        && values.SequenceEqual(other.values);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(isList, values.Length, values.FirstOrDefault());

    /// <inheritdoc/>
    public override string ToString() => isList ? $"[{string.Join(", ", values)}]" : $"{values[0]}";
}

/// <summary>
/// Transformer blocks: one number for all levels, one for each, or for each a list with one for each of its layers.
/// </summary>
[JsonConverter(typeof(BlockDepthsConverter))]
public sealed record BlockDepths
{
    private readonly PerBlock<PerBlock<int>> levels;

    internal BlockDepths(PerBlock<PerBlock<int>> levels) => this.levels = levels;

    /// <summary>Whether a level has a list.</summary>
    public bool IsNested => levels.Values.Any(l => l.IsList);

    internal PerBlock<PerBlock<int>> Levels => levels;

    /// <summary>The depths of each level.</summary>
    /// <param name="layers">Layers of each level.</param>
    /// <param name="field">The field, for errors.</param>
    /// <param name="source">Where it comes from, for errors.</param>
    /// <exception cref="CheckpointException">A list of another length, or a depth under 1.</exception>
    public PerBlock<int>[] For(int[] layers, string field, string source)
    {
        var all = levels.For(layers.Length, field, source);
        foreach (var (level, count) in all.Zip(layers))
        {
            if (level.For(count, field, source).FirstOrDefault(depth => depth < 1, 1) is var depth and < 1)
                throw new CheckpointException(source, $"field '{field}' is {depth}, expected at least 1");
        }
        return all;
    }

    /// <summary>The same depth everywhere.</summary>
    public static implicit operator BlockDepths(int depth) =>
        new(new PerBlock<PerBlock<int>>(new PerBlock<int>(depth)));

    /// <summary>One depth for each level.</summary>
    public static implicit operator BlockDepths(int[] depths) =>
        new(new PerBlock<PerBlock<int>>(depths.Select(d => new PerBlock<int>(d))));

    /// <summary>For each level one depth for each layer.</summary>
    public static implicit operator BlockDepths(int[][] depths) =>
        new(new PerBlock<PerBlock<int>>(depths.Select(d => new PerBlock<int>((IEnumerable<int>)d))));

    /// <inheritdoc/>
    public override string ToString() => levels.ToString();
}

/// <summary>Reads and writes <see cref="BlockDepths"/> as a value, a list, or a list of lists.</summary>
public sealed class BlockDepthsConverter : JsonConverter<BlockDepths>
{
    /// <inheritdoc/>
    public override BlockDepths Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        new(JsonSerializer.Deserialize<PerBlock<PerBlock<int>>>(ref reader, options)!);

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, BlockDepths value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, value.Levels, options);
}

/// <summary>Reads and writes <see cref="PerBlock{T}"/> as a value or a list.</summary>
public sealed class PerBlockConverterFactory : JsonConverterFactory
{
    /// <inheritdoc/>
    public override bool CanConvert(Type typeToConvert) =>
        typeToConvert.IsGenericType && typeToConvert.GetGenericTypeDefinition() == typeof(PerBlock<>);

    /// <inheritdoc/>
    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(Converter<>)
            .MakeGenericType(typeToConvert.GetGenericArguments()))!;

    private sealed class Converter<T> : JsonConverter<PerBlock<T>>
    {
        public override PerBlock<T>? Read(ref Utf8JsonReader reader, Type typeToConvert,
            JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.StartArray
                ? new((IEnumerable<T>)JsonSerializer.Deserialize<T[]>(ref reader, options)!)
                : new(JsonSerializer.Deserialize<T>(ref reader, options)!);

        public override void Write(Utf8JsonWriter writer, PerBlock<T> value, JsonSerializerOptions options)
        {
            if (value.IsList)
                JsonSerializer.Serialize(writer, value.Values, options);
            else
                JsonSerializer.Serialize(writer, value.Values[0], options);
        }
    }
}
