// Writing safetensors: one file, or several of a given size with the index that diffusers and transformers read.
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Checkpoints;

/// <summary>Writes safetensors files, whole or not at all.</summary>
public static class SafeTensors
{
    private const long PieceBytes = 1L << 28;

    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes one file. Tensors may be on any device; one at a time is brought to the CPU.</summary>
    /// <param name="path">The file; its folder is made where it is missing.</param>
    /// <param name="tensors">Names and values; the order does not matter.</param>
    /// <param name="metadata">Free text fields for the header, or null.</param>
    /// <param name="type">
    /// Type that floating-point tensors have in the file; null for their own. The tensors stay as they are.
    /// </param>
    /// <exception cref="CheckpointException">A tensor of a type that the format does not have (complex).</exception>
    public static void Save(string path, IReadOnlyDictionary<string, Tensor> tensors,
        IReadOnlyDictionary<string, string>? metadata = null, ScalarType? type = null)
    {
        // Larger elements first, then by name, as the reference implementation
        // does: every tensor is aligned to its type.
        var ordered = tensors.OrderByDescending(t => ElementSize(t.Value, type))
            .ThenBy(t => t.Key, StringComparer.Ordinal).ToList();
        var header = Header(path, ordered, metadata, type);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            foreach (var (_, tensor) in ordered)
                WriteBytes(stream, tensor, InFile(tensor, type));
        });
    }

    /// <summary>
    /// Writes <c>NAME.safetensors</c>, or, where the tensors take more than <paramref name="shardBytes"/>,
    /// <c>NAME-00001-of-0000N.safetensors</c> and so on with <c>NAME.safetensors.index.json</c>.
    /// </summary>
    /// <param name="folder">Where to write.</param>
    /// <param name="name">First part of the file names, such as <c>diffusion_pytorch_model</c>.</param>
    /// <param name="tensors">Names and values, kept in their order.</param>
    /// <param name="shardBytes">Most bytes of tensors in one file (a larger tensor has a file of its own).</param>
    /// <param name="metadata">Free text fields for the headers, or null.</param>
    /// <param name="variant">Put before the extension, such as <c>fp16</c>; or null.</param>
    /// <param name="type">Type that floating-point tensors have in the files; null for their own.</param>
    /// <returns>The files written, the index last where there is one.</returns>
    /// <exception cref="CheckpointException">A tensor of a type that the format does not have.</exception>
    public static IReadOnlyList<string> SaveSharded(
        string folder, string name, IReadOnlyDictionary<string, Tensor> tensors, long shardBytes = 10_000_000_000,
        IReadOnlyDictionary<string, string>? metadata = null, string? variant = null, ScalarType? type = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shardBytes);
        var dotted = variant is null ? "" : $".{variant}";
        var shards = new List<Dictionary<string, Tensor>> { new(StringComparer.Ordinal) };
        long total = 0, inShard = 0;
        foreach (var (key, tensor) in tensors)
        {
            var bytes = BytesOf(tensor, type);
            if (inShard > 0 && inShard + bytes > shardBytes)
            {
                shards.Add(new(StringComparer.Ordinal));
                inShard = 0;
            }
            shards[^1].Add(key, tensor);
            inShard += bytes;
            total += bytes;
        }
        if (shards.Count == 1)
        {
            var single = Path.Combine(folder, $"{name}{dotted}.safetensors");
            Save(single, shards[0], metadata, type);
            return [single];
        }
        var written = new List<string>();
        var map = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < shards.Count; i++)
        {
            var file = $"{name}{dotted}-{i + 1:00000}-of-{shards.Count:00000}.safetensors";
            Save(Path.Combine(folder, file), shards[i], metadata, type);
            written.Add(Path.Combine(folder, file));
            foreach (var key in shards[i].Keys)
                map.Add(key, file);
        }
        var index = Path.Combine(folder, $"{name}.safetensors.index{dotted}.json");
        AtomicFile.Write(index, stream =>
        {
            using var json = new Utf8JsonWriter(stream,
                new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
            json.WriteStartObject();
            json.WriteStartObject("metadata");
            json.WriteNumber("total_size", total);
            json.WriteEndObject();
            json.WriteStartObject("weight_map");
            foreach (var (key, file) in map)
                json.WriteString(key, file);
            json.WriteEndObject();
            json.WriteEndObject();
        });
        written.Add(index);
        return written;
    }

    // What is no floating-point number, such as positions, keeps its type.
    private static ScalarType InFile(Tensor tensor, ScalarType? type) =>
        tensor.is_floating_point() ? type ?? tensor.dtype : tensor.dtype;

    private static long ElementSize(Tensor tensor, ScalarType? type) => InFile(tensor, type) switch
    {
        var own when own == tensor.dtype => tensor.ElementSize,
        ScalarType.Float64 => 8,
        ScalarType.Float32 => 4,
        ScalarType.Float16 or ScalarType.BFloat16 => 2,
        var other => throw new ArgumentException(
            $"{other} is no floating-point type that a file can have", nameof(type)),
    };

    private static long BytesOf(Tensor tensor, ScalarType? type) =>
        tensor.NumberOfElements * ElementSize(tensor, type);

    private static byte[] Header(string path, List<KeyValuePair<string, Tensor>> ordered,
        IReadOnlyDictionary<string, string>? metadata, ScalarType? type)
    {
        using var text = new MemoryStream();
        text.Write(new byte[8]);
        using (var json = new Utf8JsonWriter(text, Compact))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
                    json.WriteString(key, value);
                json.WriteEndObject();
            }
            long offset = 0;
            foreach (var (name, tensor) in ordered)
            {
                if (name == "__metadata__")
                    throw new CheckpointException(path, "a tensor cannot have the name '__metadata__'");
                json.WriteStartObject(name);
                json.WriteString("dtype", TypeOf(path, name, InFile(tensor, type)).ToString());
                json.WriteStartArray("shape");
                foreach (var dimension in tensor.shape)
                    json.WriteNumberValue(dimension);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += BytesOf(tensor, type));
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (text.Length % 8 != 0)
            text.WriteByte((byte)' ');
        var bytes = text.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(bytes, bytes.Length - 8);
        return bytes;
    }

    private static SafeTensorType TypeOf(string path, string name, ScalarType type) => type switch
    {
        ScalarType.Bool => SafeTensorType.BOOL,
        ScalarType.Byte => SafeTensorType.U8,
        ScalarType.Int8 => SafeTensorType.I8,
        ScalarType.Int16 => SafeTensorType.I16,
        ScalarType.Int32 => SafeTensorType.I32,
        ScalarType.Int64 => SafeTensorType.I64,
        ScalarType.Float16 => SafeTensorType.F16,
        ScalarType.BFloat16 => SafeTensorType.BF16,
        ScalarType.Float32 => SafeTensorType.F32,
        ScalarType.Float64 => SafeTensorType.F64,
        _ => throw new CheckpointException(path, $"tensor '{name}' has type {type}, which safetensors does not have"),
    };

    private static void WriteBytes(Stream stream, Tensor tensor, ScalarType type)
    {
        if (tensor.NumberOfElements == 0)
            return;
        using var grad = no_grad();
        using var scope = NewDisposeScope();
        var flat = tensor.detach().to(type).cpu().contiguous().view(-1);
        long elements = flat.NumberOfElements, piece = PieceBytes / flat.ElementSize;
        for (long done = 0; done < elements; done += piece)
        {
            using var part = flat.narrow(0, done, Math.Min(piece, elements - done));
            stream.Write(part.bytes);
        }
    }
}
