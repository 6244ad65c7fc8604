// Values on their way between the languages of a notebook: JSON, in which numbers
// that JSON does not have are {"$float": "NaN"}.
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace SarSynth.Kernel.Execution;

/// <summary>From .NET values to JSON and back.</summary>
public static class SharedValue
{
    private const string NotFinite = "$float";
    private static readonly JsonSerializerOptions Options =
        new() { Converters = { new Doubles(), new Floats(), new Matrices() } };
    private static object? s_waiting;

    /// <summary>Called by the code that declares a shared variable in the session.</summary>
    [System.ComponentModel.EditorBrowsable(System.ComponentModel.EditorBrowsableState.Never)]
    public static T Take<T>() => (T)Interlocked.Exchange(ref s_waiting, null)!;

    /// <summary>The C# that declares a variable with the value; it is to run at once.</summary>
    internal static string Declaration(string name, object? value)
    {
        s_waiting = value;
        var type = value is JsonElement ? "global::System.Text.Json.JsonElement" : value is null ? "object"
            : Formatting.ScalarText.TypeName(value.GetType());
        return $"{type} {name} = global::SarSynth.Kernel.Execution.SharedValue.Take<{type}>();";
    }

    /// <summary>A .NET value as JSON.</summary>
    /// <exception cref="MagicException">It has no JSON.</exception>
    internal static JsonNode? ToJson(string name, object? value)
    {
        try
        {
            return JsonSerializer.SerializeToNode(value, value?.GetType() ?? typeof(object), Options);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new MagicException($"'{name}' ({Formatting.ScalarText.TypeName(value!.GetType())}) cannot be shared, "
                + $"since it has no JSON: {e.Message}");
        }
    }

    /// <summary>
    /// JSON as the .NET value that one would have written: scalars, and arrays of
    /// one kind of scalar; else the JSON itself.
    /// </summary>
    internal static object? FromJson(JsonNode? json)
    {
        if (json is null)
            return null;
        if (Scalar(json) is { } scalar)
            return scalar;
        if (json is JsonArray { Count: > 0 } rows && rows.All(r => r is JsonArray a && a.Count > 0 && a.All(IsNumber)))
            return rows.Select(r => r!.AsArray().Select(Number).ToArray()).ToArray();
        if (json is not JsonArray { Count: > 0 } items)
            return JsonSerializer.SerializeToElement(json);
        var scalars = items.Select(i => i is null ? null : Scalar(i)).ToList();
        return scalars.TrueForAll(s => s is int) ? scalars.ConvertAll(s => (int)s!).ToArray()
            : scalars.TrueForAll(s => s is int or long)
                ? scalars.ConvertAll(s => Convert.ToInt64(s, CultureInfo.InvariantCulture)).ToArray()
            : scalars.TrueForAll(s => s is int or long or double) ? items.Select(Number).ToArray()
            : scalars.TrueForAll(s => s is string) ? scalars.ConvertAll(s => (string)s!).ToArray()
            : scalars.TrueForAll(s => s is bool) ? scalars.ConvertAll(s => (bool)s!).ToArray()
            : JsonSerializer.SerializeToElement(json);
    }

    private static object? Scalar(JsonNode json) => json switch
    {
        JsonValue value => value.GetValueKind() switch
        {
            JsonValueKind.String => value.GetValue<string>(),
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => WholeNumber(value) ?? (object)double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture),
        },
        JsonObject { Count: 1 } only when only[NotFinite] is { } number =>
            double.Parse(number.GetValue<string>(), CultureInfo.InvariantCulture),
        _ => null,
    };

    private static object? WholeNumber(JsonValue value) =>
        int.TryParse(value.ToJsonString(), CultureInfo.InvariantCulture, out var i) ? i
        : long.TryParse(value.ToJsonString(), CultureInfo.InvariantCulture, out var l) ? l : null;

    private static bool IsNumber(JsonNode? json) => json is not null && Scalar(json) is int or long or double;

    private static double Number(JsonNode? json) => Convert.ToDouble(Scalar(json!), CultureInfo.InvariantCulture);

    private static void WriteNumber(Utf8JsonWriter writer, double value, Action finite)
    {
        if (double.IsFinite(value))
        {
            finite();
            return;
        }
        writer.WriteStartObject();
        writer.WriteString(NotFinite, double.IsNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
        writer.WriteEndObject();
    }

    private sealed class Doubles : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options) =>
            WriteNumber(writer, value, () => writer.WriteNumberValue(value));
    }

    private sealed class Floats : JsonConverter<float>
    {
        public override float Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            reader.GetSingle();

        public override void Write(Utf8JsonWriter writer, float value, JsonSerializerOptions options) =>
            WriteNumber(writer, value, () => writer.WriteNumberValue(value));
    }

    // Arrays of more than one dimension, which the serialiser leaves out: rows of rows.
    private sealed class Matrices : JsonConverterFactory
    {
        public override bool CanConvert(Type type) => type.IsArray && type.GetArrayRank() > 1;

        public override JsonConverter CreateConverter(Type type, JsonSerializerOptions options) =>
            (JsonConverter)Activator.CreateInstance(typeof(Matrix<>).MakeGenericType(type))!;
    }

    private sealed class Matrix<T> : JsonConverter<T>
    {
        public override T Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            throw new NotSupportedException();

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
        {
            var array = (Array)(object)value!;
            var index = new int[array.Rank];
            Level(0);

            void Level(int dimension)
            {
                if (dimension == array.Rank)
                {
                    JsonSerializer.Serialize(writer, array.GetValue(index), array.GetType().GetElementType()!, options);
                    return;
                }
                writer.WriteStartArray();
                for (var i = array.GetLowerBound(dimension); i <= array.GetUpperBound(dimension); i++)
                {
                    index[dimension] = i;
                    Level(dimension + 1);
                }
                writer.WriteEndArray();
            }
        }
    }
}
