// Arrays of any number of dimensions in NumPy's .npy format (NEP 1), from memory: members of shards are no files.
using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using MathNet.Numerics;

namespace SarSynth.Data;

/// <summary>An array in C order.</summary>
/// <param name="Shape">Sizes, outermost first.</param>
/// <param name="Type">Kind and bytes of an element as NumPy writes them, for example "c8" for complex64.</param>
/// <param name="Data">The elements' bytes.</param>
/// <param name="IsBigEndian">Whether elements have their highest byte first.</param>
internal sealed partial record NumpyArray(int[] Shape, string Type, ReadOnlyMemory<byte> Data, bool IsBigEndian)
{
    /// <summary>Bytes from the beginning that always hold the whole header of the arrays that NumPy writes.</summary>
    public const int HeaderBytes = 512;

    /// <summary>Reads an array.</summary>
    /// <param name="bytes">The file's bytes.</param>
    /// <exception cref="FormatException">They are no such array, or end early.</exception>
    public static NumpyArray Parse(ReadOnlyMemory<byte> bytes)
    {
        var (shape, type, start, isBig) = Header(bytes.Span);
        var expected = start + Count(shape) * int.Parse(type.AsSpan(1), CultureInfo.InvariantCulture);
        if (bytes.Length < expected)
            throw new FormatException($"found {bytes.Length} bytes of a NumPy array, expected {expected}");
        return new NumpyArray(shape, type, bytes[start..(int)expected], isBig);
    }

    /// <summary>Shape and type of an array from its first bytes, and how long its file must be.</summary>
    /// <exception cref="FormatException">They are no NumPy header.</exception>
    public static (int[] Shape, string Type, long Length) ParseHeader(ReadOnlySpan<byte> bytes)
    {
        var (shape, type, start, _) = Header(bytes);
        return (shape, type, start + Count(shape) * int.Parse(type.AsSpan(1), CultureInfo.InvariantCulture));
    }

    /// <summary>The shape as NumPy writes it.</summary>
    public static string Show(int[] shape) => $"({string.Join(", ", shape)})";

    /// <summary>The elements as real numbers.</summary>
    /// <exception cref="FormatException">They are complex, or of a type that is not read.</exception>
    public float[] ToReal()
    {
        var span = Data.Span;
        var values = new float[Count(Shape)];
        var size = span.Length / Math.Max(1, values.Length);
        if (Type == "u1")
        {
            for (var i = 0; i < values.Length; i++)
                values[i] = span[i];
            return values;
        }
        if (Type[0] == 'c')
            throw new FormatException($"found complex numbers ({Type}), expected real ones");
        for (var i = 0; i < values.Length; i++)
            values[i] = Number(span.Slice(i * size, size));
        return values;
    }

    /// <summary>The elements as complex numbers.</summary>
    /// <exception cref="FormatException">They are real.</exception>
    public Complex32[] ToComplex()
    {
        if (Type is not ("c8" or "c16"))
            throw new FormatException($"found numbers of type {Type}, expected complex64 (c8)");
        var values = new Complex32[Count(Shape)];
        if (Type == "c8" && !IsBigEndian && BitConverter.IsLittleEndian)
        {
            Data.Span.CopyTo(MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }
        var half = Type == "c8" ? 4 : 8;
        for (var i = 0; i < values.Length; i++)
            values[i] = new Complex32(Number(Data.Span.Slice(2 * i * half, half)),
                Number(Data.Span.Slice((2 * i + 1) * half, half)));
        return values;
    }

    private static long Count(int[] shape) => shape.Aggregate(1L, (count, size) => count * size);

    private float Number(ReadOnlySpan<byte> element)
    {
        Span<byte> bytes = stackalloc byte[8];
        element.CopyTo(bytes);
        if (IsBigEndian)
            bytes[..element.Length].Reverse();
        return (Type[0], element.Length) switch
        {
            ('f' or 'c', 2) => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes),
            ('f' or 'c', 4) => BinaryPrimitives.ReadSingleLittleEndian(bytes),
            ('f' or 'c', 8) => (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes),
            ('i', 1) => (sbyte)bytes[0],
            ('i', 2) => BinaryPrimitives.ReadInt16LittleEndian(bytes),
            ('i', 4) => BinaryPrimitives.ReadInt32LittleEndian(bytes),
            ('i', 8) => BinaryPrimitives.ReadInt64LittleEndian(bytes),
            ('u' or 'b', _) => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
            _ => throw new FormatException($"found numbers of type {Type}, expected integers or floats"),
        };
    }

    private static (int[] Shape, string Type, int Start, bool IsBigEndian) Header(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 12 || !bytes.StartsWith((ReadOnlySpan<byte>)[0x93, .. "NUMPY"u8])
            || bytes[6] is not (1 or 2 or 3))
            throw new FormatException("found no NumPy header, expected an array as numpy.save writes it");
        var (start, length) = bytes[6] == 1
            ? (10L, (long)BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]))
            : (12L, BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]));
        if (start + length > bytes.Length)
            throw new FormatException(
                $"found {bytes.Length} bytes of a NumPy array, expected {start + length} for its header");
        var header = Encoding.UTF8.GetString(bytes.Slice((int)start, (int)length));
        var type = TypePattern().Match(header);
        var shape = ShapePattern().Match(header);
        if (!type.Success || !shape.Success)
            throw new FormatException($"found NumPy header {header.Trim()}, expected descr and shape of numbers");
        if (header.Contains("'fortran_order': True", StringComparison.Ordinal))
            throw new FormatException(
                "found a NumPy array in Fortran order, expected C order (numpy.ascontiguousarray)");
        int[] sizes = [.. shape.Groups[1].Value.Split(',',
            StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
        return (sizes, type.Groups[2].Value, (int)(start + length), type.Groups[1].Value == ">");
    }

    [GeneratedRegex(@"'descr'\s*:\s*'([<>|=]?)([a-z]\d{1,2})'")]
    private static partial Regex TypePattern();

    [GeneratedRegex(@"'shape'\s*:\s*\(([^)]*)\)")]
    private static partial Regex ShapePattern();
}
