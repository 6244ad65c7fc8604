// The header of a safetensors file: an 8-byte little-endian length, then JSON that indexes the rest of the file without
// holes. Format: https://huggingface.co/docs/safetensors (the limits below are those of its reference implementation).
using System.Buffers.Binary;
using System.Text.Json;

namespace SarSynth.Diffusion.Checkpoints;

/// <summary>The element types that a safetensors file can hold, named as in its header.</summary>
public enum SafeTensorType
{
#pragma warning disable CS1591 // The names are the format's own.
    BOOL, U8, I8, F8_E5M2, F8_E4M3, I16, U16, F16, BF16, I32, U32, F32, F64, I64, U64,
#pragma warning restore CS1591
}

/// <summary>Where one tensor lies in a safetensors file.</summary>
/// <param name="Name">The tensor's name, as in a state dictionary.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Dimensions; empty for a scalar.</param>
/// <param name="Offset">First byte, from the start of the file.</param>
/// <param name="Length">Number of bytes.</param>
public sealed record TensorEntry(string Name, SafeTensorType Type, IReadOnlyList<long> Shape, long Offset, long Length);

/// <summary>The validated header of a safetensors file.</summary>
public sealed class SafeTensorsHeader
{
    /// <summary>The longest header that is read, in bytes (the reference implementation's limit).</summary>
    public const long MaximumLength = 100_000_000;

    private const int MaximumRank = 64;

    private SafeTensorsHeader(IReadOnlyList<TensorEntry> entries, IReadOnlyDictionary<string, string> metadata)
    {
        Entries = entries;
        Metadata = metadata;
    }

    /// <summary>All tensors in the order of their bytes.</summary>
    public IReadOnlyList<TensorEntry> Entries { get; }

    /// <summary>The free text fields under <c>__metadata__</c>; empty where there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Bytes of one element.</summary>
    public static int ElementSize(SafeTensorType type) => type switch
    {
        SafeTensorType.BOOL or SafeTensorType.U8 or SafeTensorType.I8
            or SafeTensorType.F8_E5M2 or SafeTensorType.F8_E4M3 => 1,
        SafeTensorType.I16 or SafeTensorType.U16 or SafeTensorType.F16 or SafeTensorType.BF16 => 2,
        SafeTensorType.I32 or SafeTensorType.U32 or SafeTensorType.F32 => 4,
        _ => 8,
    };

    /// <summary>Length of the JSON text, from the first eight bytes of a file.</summary>
    /// <param name="prefix">The first bytes of the file.</param>
    /// <param name="fileLength">Length of the whole file in bytes.</param>
    /// <param name="source">The file's name, for errors.</param>
    /// <exception cref="CheckpointException">
    /// The file is too short, or the length is absurd or reaches beyond the file.
    /// </exception>
    public static int ReadLength(ReadOnlySpan<byte> prefix, long fileLength, string source)
    {
        if (fileLength < 8 || prefix.Length < 8)
            throw new CheckpointException(source,
                $"found {fileLength} bytes, expected a safetensors file of at least 10");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length < 2)
            throw new CheckpointException(source, $"header length is {length}, expected at least 2");
        if (length > MaximumLength)
            throw new CheckpointException(source,
                $"header length is {length}, expected at most {MaximumLength}; is this a safetensors file?");
        if ((long)length > fileLength - 8)
            throw new CheckpointException(source,
                $"header length is {length}, but only {fileLength - 8} bytes follow; is the file truncated?");
        return (int)length;
    }

    /// <summary>Parses and validates the JSON text of a header.</summary>
    /// <param name="json">The text, without the eight bytes before it.</param>
    /// <param name="fileLength">Length of the whole file in bytes.</param>
    /// <param name="source">The file's name, for errors.</param>
    /// <exception cref="CheckpointException">
    /// Bad UTF-8 or JSON, a duplicate name, an unknown type, a size that does not fit its shape, or tensors that
    /// overlap, leave gaps or reach beyond the file.
    /// </exception>
    public static SafeTensorsHeader Parse(ReadOnlySpan<byte> json, long fileLength, string source)
    {
        var dataStart = 8L + json.Length;
        var entries = new List<TensorEntry>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        if (json.Length == 0 || json[0] != (byte)'{')
            throw new CheckpointException(source, "the header does not start with '{'; is this a safetensors file?");
        try
        {
            var reader = new Utf8JsonReader(json);
            reader.Read();
            while (ReadNext(ref reader) != JsonTokenType.EndObject)
            {
                var name = reader.GetString()!;
                if (!names.Add(name))
                    throw new CheckpointException(source, $"the name '{name}' occurs twice in the header");
                reader.Read();
                if (name == "__metadata__")
                    ReadMetadata(ref reader, metadata, source);
                else
                    entries.Add(ReadEntry(ref reader, name, dataStart, source));
            }
            if (reader.Read())
                throw new CheckpointException(source, "the header goes on after its closing brace");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new CheckpointException(source, $"the header is not valid JSON: {FirstLine(e.Message)}", e);
        }
        entries.Sort((a, b) => a.Offset != b.Offset ? a.Offset.CompareTo(b.Offset) : a.Length.CompareTo(b.Length));
        CheckCoverage(entries, dataStart, fileLength, source);
        return new(entries, metadata);
    }

    private static JsonTokenType ReadNext(ref Utf8JsonReader reader)
    {
        if (!reader.Read())
            throw new JsonException("the text ends too early");
        return reader.TokenType;
    }

    private static void ReadMetadata(ref Utf8JsonReader reader, Dictionary<string, string> metadata, string source)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new CheckpointException(source, "__metadata__ is not an object of strings");
        while (ReadNext(ref reader) != JsonTokenType.EndObject)
        {
            var key = reader.GetString()!;
            if (ReadNext(ref reader) != JsonTokenType.String)
                throw new CheckpointException(source, $"__metadata__: field '{key}' is not a string");
            if (!metadata.TryAdd(key, reader.GetString()!))
                throw new CheckpointException(source, $"__metadata__: field '{key}' occurs twice");
        }
    }

    private static TensorEntry ReadEntry(ref Utf8JsonReader reader, string name, long dataStart, string source)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new CheckpointException(source,
                $"tensor '{name}': expected an object with dtype, shape and data_offsets");
        SafeTensorType? type = null;
        List<long>? shape = null, offsets = null;
        while (ReadNext(ref reader) != JsonTokenType.EndObject)
        {
            var field = reader.GetString()!;
            ReadNext(ref reader);
            var twice = field switch { "dtype" => type != null, "shape" => shape != null, "data_offsets" =>
                offsets != null, _ => false };
            if (twice)
                throw new CheckpointException(source, $"tensor '{name}': field '{field}' occurs twice");
            switch (field)
            {
                case "dtype":
                    var text = reader.GetString();
                    if (!Enum.TryParse<SafeTensorType>(text, out var parsed) || parsed.ToString() != text)
                        throw new CheckpointException(source,
                            $"tensor '{name}': dtype '{text}' is not known, expected one of "
                            + $"{string.Join(", ", Enum.GetNames<SafeTensorType>())}");
                    type = parsed;
                    break;
                case "shape":
                    shape = ReadNumbers(ref reader, name, field, source);
                    break;
                case "data_offsets":
                    offsets = ReadNumbers(ref reader, name, field, source);
                    break;
                default:
                    throw new CheckpointException(source,
                        $"tensor '{name}': field '{field}' is not known, expected dtype, shape and data_offsets");
            }
        }
        if (type is null || shape is null || offsets is null)
            throw new CheckpointException(source,
                $"tensor '{name}': {(type is null ? "dtype" : shape is null ? "shape" : "data_offsets")} is missing");
        if (offsets.Count != 2 || offsets[1] < offsets[0] || offsets[1] > long.MaxValue - dataStart)
            throw new CheckpointException(source,
                $"tensor '{name}': data_offsets are [{string.Join(", ", offsets)}], expected [begin, end]");
        UInt128 bytes = (UInt128)ElementSize(type.Value);
        foreach (var dimension in shape)
        {
            bytes *= (UInt128)dimension;
            if (bytes > long.MaxValue)
                throw new CheckpointException(source,
                    $"tensor '{name}': shape [{string.Join(", ", shape)}] is too large");
        }
        var length = offsets[1] - offsets[0];
        if ((long)bytes != length)
            throw new CheckpointException(source,
                $"tensor '{name}': {length} bytes in the file, expected {bytes} for {type} "
                + $"[{string.Join(", ", shape)}]");
        return new(name, type.Value, shape, dataStart + offsets[0], length);
    }

    private static List<long> ReadNumbers(ref Utf8JsonReader reader, string name, string field, string source)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new CheckpointException(source, $"tensor '{name}': {field} is not a list");
        var numbers = new List<long>();
        while (ReadNext(ref reader) != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number) || number < 0)
                throw new CheckpointException(source,
                    $"tensor '{name}': {field} holds a value that is not an integer from 0 to 2^63-1");
            if (numbers.Count == MaximumRank)
                throw new CheckpointException(source, $"tensor '{name}': {field} has more than {MaximumRank} values");
            numbers.Add(number);
        }
        return numbers;
    }

    private static void CheckCoverage(List<TensorEntry> entries, long dataStart, long fileLength, string source)
    {
        var end = dataStart;
        string before = "the header";
        foreach (var entry in entries)
        {
            if (entry.Offset < end)
                throw new CheckpointException(source, $"tensor '{entry.Name}' overlaps {before}");
            if (entry.Offset > end)
                throw new CheckpointException(source,
                    $"{entry.Offset - end} bytes between {before} and tensor '{entry.Name}' belong to no tensor");
            end = entry.Offset + entry.Length;
            before = $"tensor '{entry.Name}'";
        }
        if (end > fileLength)
            throw new CheckpointException(source,
                $"the file has {fileLength} bytes, but {before} ends at {end}; is it truncated?");
        if (end < fileLength)
            throw new CheckpointException(source, $"{fileLength - end} bytes after {before} belong to no tensor");
    }

    private static string FirstLine(string text) => text.Split('\n')[0];
}
