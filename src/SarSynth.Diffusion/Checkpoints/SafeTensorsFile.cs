// A safetensors file read through a memory map: a tensor's bytes are touched only when that tensor is asked for.
using System.IO.MemoryMappedFiles;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Checkpoints;

/// <summary>An open safetensors file. Thread-safe for reading.</summary>
public sealed unsafe class SafeTensorsFile : IDisposable
{
    // Span<byte> counts in int; torch copies a tensor larger than this piece by piece.
    private const long PieceBytes = 1L << 28;

    private static readonly float[] Float8E4M3 = [.. Enumerable.Range(0, 256).Select(b => DecodeFloat8((byte)b, 3))];
    private static readonly float[] Float8E5M2 = [.. Enumerable.Range(0, 256).Select(b => DecodeFloat8((byte)b, 2))];

    private readonly Dictionary<string, TensorEntry> entries;
    private readonly MemoryMappedFile map;
    private readonly MemoryMappedViewAccessor view;
    private readonly byte* start;

    private SafeTensorsFile(string path)
    {
        FilePath = path;
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        var fileLength = stream.Length;
        Span<byte> prefix = stackalloc byte[8];
        var read = stream.ReadAtLeast(prefix, 8, throwOnEndOfStream: false);
        RefusePickle(prefix[..read], path);
        var length = SafeTensorsHeader.ReadLength(prefix[..read], fileLength, path);
        var json = new byte[length];
        stream.ReadExactly(json);
        Header = SafeTensorsHeader.Parse(json, fileLength, path);
        entries = Header.Entries.ToDictionary(e => e.Name, StringComparer.Ordinal);
        map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None,
            leaveOpen: false);
        view = map.CreateViewAccessor(0, fileLength, MemoryMappedFileAccess.Read);
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
    }

    /// <summary>Opens a file and validates its header; no tensor is read.</summary>
    /// <exception cref="CheckpointException">
    /// Not there, not a safetensors file (a pickle is named as such), or a broken header.
    /// </exception>
    public static SafeTensorsFile Open(string path)
    {
        if (!File.Exists(path))
            throw new CheckpointException(path,
                Directory.Exists(path) ? "found a folder, expected a file" : "the file is not there");
        try
        {
            return new SafeTensorsFile(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, e.Message, e);
        }
    }

    /// <summary>The file's path as it was opened.</summary>
    public string FilePath { get; }

    /// <summary>The validated header.</summary>
    public SafeTensorsHeader Header { get; }

    /// <summary>Where a tensor lies.</summary>
    /// <exception cref="CheckpointException">There is no tensor of this name.</exception>
    public TensorEntry this[string name] =>
        entries.TryGetValue(name, out var entry)
            ? entry : throw new CheckpointException(FilePath, $"there is no tensor '{name}' among its {entries.Count}");

    /// <summary>Whether the file holds a tensor of this name.</summary>
    public bool Contains(string name) => entries.ContainsKey(name);

    /// <summary>Reads one tensor into memory of its own.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="dtype">Element type wanted; the file's own where null (float32 for the 8-bit floats).</param>
    /// <param name="device">Where it is wanted; CPU where null.</param>
    /// <exception cref="CheckpointException">
    /// No such tensor, or a type that the engine has no equal for (U16, U32, U64).
    /// </exception>
    public Tensor Read(string name, ScalarType? dtype = null, Device? device = null)
    {
        var entry = this[name];
        var shape = entry.Shape.ToArray();
        var stored = EngineType(entry.Type) ?? throw NoEngineType(entry);
        using var scope = NewDisposeScope();
        var wanted = dtype ?? stored;
        var onCpu = device is null || device.type == DeviceType.CPU;
        var target = empty(shape, dtype: wanted, device: onCpu ? CPU : device);
        CopyTo(entry, target);
        return target.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Copies one tensor over <paramref name="target"/>, converting its type on the way in pieces of bounded size.
    /// </summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="target">A tensor of the same shape, on any device.</param>
    /// <exception cref="CheckpointException">
    /// No such tensor, another shape, or a type without an equal in the engine.
    /// </exception>
    public void CopyTo(string name, Tensor target)
    {
        var entry = this[name];
        if (!target.shape.AsSpan().SequenceEqual(entry.Shape.ToArray()))
            throw new CheckpointException(FilePath,
                $"tensor '{name}' has shape [{string.Join(", ", entry.Shape)}], "
                + $"expected [{string.Join(", ", target.shape)}]");
        CopyTo(entry, target);
    }

    /// <summary>
    /// A tensor whose memory is the file itself (private pages: what is written to it stays in memory); nothing is
    /// read until it is used. Null where the file's layout or type, or the system, does not allow it.
    /// </summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="whole">
    /// Keeps the mapping of the file by element type between calls; the caller disposes its values.
    /// </param>
    /// <exception cref="CheckpointException">There is no tensor of this name.</exception>
    public Tensor? TryMap(string name, IDictionary<ScalarType, Tensor> whole)
    {
        var entry = this[name];
        var size = SafeTensorsHeader.ElementSize(entry.Type);
        if (EngineType(entry.Type) is not { } type || IsFloat8(entry.Type)
            || entry.Offset % size != 0 || entry.Length == 0)
            return null;
        if (!whole.TryGetValue(type, out var file))
        {
            try
            {
                var fileLength = view.Capacity;
                file = from_file(FilePath, shared: false, size: fileLength / size, dtype: type, device: CPU)
                    .DetachFromDisposeScope();
            }
            catch (Exception e) when (e is not CheckpointException)
            {
                return null;
            }
            whole.Add(type, file);
        }
        using var flat = file.narrow(0, entry.Offset / size, entry.Length / size);
        return flat.view(entry.Shape.ToArray());
    }

    /// <summary>
    /// The engine's element type for a file's; null where it has none. The 8-bit floats become float32.
    /// </summary>
    public static ScalarType? EngineType(SafeTensorType type) => type switch
    {
        SafeTensorType.BOOL => ScalarType.Bool,
        SafeTensorType.U8 => ScalarType.Byte,
        SafeTensorType.I8 => ScalarType.Int8,
        SafeTensorType.I16 => ScalarType.Int16,
        SafeTensorType.I32 => ScalarType.Int32,
        SafeTensorType.I64 => ScalarType.Int64,
        SafeTensorType.F16 => ScalarType.Float16,
        SafeTensorType.BF16 => ScalarType.BFloat16,
        SafeTensorType.F32 or SafeTensorType.F8_E4M3 or SafeTensorType.F8_E5M2 => ScalarType.Float32,
        SafeTensorType.F64 => ScalarType.Float64,
        _ => null,
    };

    /// <summary>Unmaps the file. Tensors that were read stay valid.</summary>
    public void Dispose()
    {
        if (view.SafeMemoryMappedViewHandle.IsClosed)
            return;
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        map.Dispose();
    }

    private static bool IsFloat8(SafeTensorType type) => type is SafeTensorType.F8_E4M3 or SafeTensorType.F8_E5M2;

    private CheckpointException NoEngineType(TensorEntry entry) =>
        new(FilePath, $"tensor '{entry.Name}' has type {entry.Type}, which the tensor engine does not have");

    private void CopyTo(TensorEntry entry, Tensor target)
    {
        ObjectDisposedException.ThrowIf(view.SafeMemoryMappedViewHandle.IsClosed, this);
        var stored = EngineType(entry.Type) ?? throw NoEngineType(entry);
        if (entry.Length == 0)
            return;
        using var grad = no_grad();
        using var scope = NewDisposeScope();
        if (!target.is_contiguous())
        {
            target.copy_(Read(entry.Name));
            return;
        }
        var direct = target.dtype == stored && target.device_type == DeviceType.CPU && !IsFloat8(entry.Type);
        var flat = target.view(-1);
        long size = SafeTensorsHeader.ElementSize(entry.Type), elements = entry.Length / size;
        // Straight into the target where the types agree; else through a small buffer, so
        // that no second copy of a whole tensor exists.
        var piece = Math.Min(elements, (direct ? PieceBytes : PieceBytes / 64) / size);
        for (long done = 0; done < elements; done += piece)
        {
            using var inner = NewDisposeScope();
            var count = Math.Min(piece, elements - done);
            var part = flat.narrow(0, done, count);
            var source = new ReadOnlySpan<byte>(start + entry.Offset + done * size, checked((int)(count * size)));
            if (direct)
            {
                source.CopyTo(part.bytes);
                continue;
            }
            var buffer = empty(count, dtype: stored, device: CPU);
            if (IsFloat8(entry.Type))
                Decode(source, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(buffer.bytes),
                    entry.Type);
            else
                source.CopyTo(buffer.bytes);
            part.copy_(buffer);
        }
    }

    private static void Decode(ReadOnlySpan<byte> source, Span<float> target, SafeTensorType type)
    {
        var table = type == SafeTensorType.F8_E4M3 ? Float8E4M3 : Float8E5M2;
        for (var i = 0; i < source.Length; i++)
            target[i] = table[source[i]];
    }

    // OCP 8-bit floating point: E4M3 (finite, one NaN, bias 7) and E5M2 (IEEE-like, bias 15).
    private static float DecodeFloat8(byte bits, int mantissaBits)
    {
        int exponentBits = 7 - mantissaBits, bias = (1 << (exponentBits - 1)) - 1;
        int exponent = (bits >> mantissaBits) & ((1 << exponentBits) - 1), mantissa = bits & ((1 << mantissaBits) - 1);
        float sign = (bits & 0x80) != 0 ? -1 : 1, steps = 1 << mantissaBits;
        if (mantissaBits == 3 && (bits & 0x7F) == 0x7F)
            return float.NaN;
        if (mantissaBits == 2 && exponent == 31)
            return mantissa == 0 ? sign * float.PositiveInfinity : float.NaN;
        return exponent == 0
            ? sign * MathF.ScaleB(mantissa / steps, 1 - bias)
            : sign * MathF.ScaleB(1 + mantissa / steps, exponent - bias);
    }

    private static void RefusePickle(ReadOnlySpan<byte> prefix, string path)
    {
        // A zip archive (torch.save since 1.6) or a raw pickle stream (protocol 2 to 5).
        var zip = prefix.StartsWith("PK\u0003\u0004"u8);
        var pickle = prefix.Length > 1 && prefix[0] == 0x80 && prefix[1] is >= 2 and <= 5
            && (prefix.Length < 8 || prefix[6] != 0 || prefix[7] != 0);
        if (zip || pickle)
            throw Pickle(path);
    }

    internal static CheckpointException Pickle(string path) => new(path,
        "this is a pickle file, and opening one can run any code that its author put in; expected safetensors. "
        + "Convert it in Python with "
        + "safetensors.torch.save_file(torch.load(path, weights_only=True), 'model.safetensors'), "
        + "or download the .safetensors variant of this model");
}
