// Numbers as HDF5 stores them, of either byte order and any width, and what they are in memory.
using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Reflection;
using System.Runtime.InteropServices;
using PureHDF;

namespace SarSynth.Radar.Formats;

/// <summary>An integer or IEEE floating-point type of a file.</summary>
/// <param name="IsFloat">Whether it has an exponent.</param>
/// <param name="IsSigned">Whether it may be negative.</param>
/// <param name="Size">Bytes: 1, 2, 4 or 8.</param>
/// <param name="IsBigEndian">Whether its first byte is the highest.</param>
internal readonly record struct Hdf5Number(bool IsFloat, bool IsSigned, int Size, bool IsBigEndian)
{
    /// <summary>"int16", "float32".</summary>
    public string Name => $"{(IsFloat ? "float" : IsSigned ? "int" : "uint")}{8 * Size}";

    /// <summary>The type of a dataset, attribute or member; null where it is none of numbers.</summary>
    /// <exception cref="NotSupportedException">Its byte order cannot be told.</exception>
    public static Hdf5Number? Of(IH5DataType type) => type.Class switch
    {
        H5DataTypeClass.FixedPoint when type.Size is 1 or 2 or 4 or 8 =>
            new Hdf5Number(false, type.FixedPoint.IsSigned, type.Size, type.Size > 1 && IsHighFirst(type)),
        H5DataTypeClass.FloatingPoint when type.Size is 2 or 4 or 8 =>
            new Hdf5Number(true, true, type.Size, IsHighFirst(type)),
        _ => null,
    };

    /// <summary>Turns stored numbers into single precision.</summary>
    /// <param name="stored">Their bytes; turned into this machine's order on the way.</param>
    /// <param name="numbers">As many.</param>
    public void ToSingles(Span<byte> stored, Span<float> numbers)
    {
        ToNative(stored);
        switch (IsFloat, IsSigned, Size)
        {
            case (true, _, 2): TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(stored), numbers); break;
            case (true, _, 4): MemoryMarshal.Cast<byte, float>(stored).CopyTo(numbers); break;
            case (true, _, _): Convert<double>(stored, numbers); break;
            case (_, true, 1): Convert<sbyte>(stored, numbers); break;
            case (_, true, 2): Convert<short>(stored, numbers); break;
            case (_, true, 4): Convert<int>(stored, numbers); break;
            case (_, true, _): Convert<long>(stored, numbers); break;
            case (_, _, 1): Convert<byte>(stored, numbers); break;
            case (_, _, 2): Convert<ushort>(stored, numbers); break;
            case (_, _, 4): Convert<uint>(stored, numbers); break;
            default: Convert<ulong>(stored, numbers); break;
        }

        static void Convert<T>(Span<byte> stored, Span<float> numbers)
            where T : unmanaged, System.Numerics.INumberBase<T> =>
            TensorPrimitives.ConvertTruncating<T, float>(MemoryMarshal.Cast<byte, T>(stored), numbers);
    }

    /// <summary>Turns stored numbers into double precision.</summary>
    /// <param name="stored">Their bytes; turned into this machine's order on the way.</param>
    public double[] ToDoubles(Span<byte> stored)
    {
        ToNative(stored);
        return (IsFloat, IsSigned, Size) switch
        {
            (true, _, 2) => Convert<Half>(stored),
            (true, _, 4) => Convert<float>(stored),
            (true, _, _) => Convert<double>(stored),
            (_, true, 1) => Convert<sbyte>(stored),
            (_, true, 2) => Convert<short>(stored),
            (_, true, 4) => Convert<int>(stored),
            (_, true, _) => Convert<long>(stored),
            (_, _, 1) => Convert<byte>(stored),
            (_, _, 2) => Convert<ushort>(stored),
            (_, _, 4) => Convert<uint>(stored),
            _ => Convert<ulong>(stored),
        };

        static double[] Convert<T>(Span<byte> stored)
            where T : unmanaged, System.Numerics.INumberBase<T>
        {
            var values = MemoryMarshal.Cast<byte, T>(stored);
            var numbers = new double[values.Length];
            for (var i = 0; i < numbers.Length; i++)
                numbers[i] = double.CreateTruncating(values[i]);
            return numbers;
        }
    }

    private void ToNative(Span<byte> stored)
    {
        if (IsBigEndian != BitConverter.IsLittleEndian)
            return;
        switch (Size)
        {
            case 2:
                var shorts = MemoryMarshal.Cast<byte, short>(stored);
                BinaryPrimitives.ReverseEndianness(shorts, shorts);
                break;
            case 4:
                var integers = MemoryMarshal.Cast<byte, int>(stored);
                BinaryPrimitives.ReverseEndianness(integers, integers);
                break;
            case 8:
                var longs = MemoryMarshal.Cast<byte, long>(stored);
                BinaryPrimitives.ReverseEndianness(longs, longs);
                break;
        }
    }

    // PureHDF 2.2 knows the byte order and keeps it to itself: it refuses to read such numbers, or, in compounds, hands
    // them over as they are. A test holds both orders.
    private static bool IsHighFirst(IH5DataType type)
    {
        const BindingFlags members = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        var message = type.GetType().GetField("_dataType", members)?.GetValue(type);
        var bits = message?.GetType().GetProperty("BitField", members)?.GetValue(message);
        return bits?.GetType().GetProperty("ByteOrder", members)?.GetValue(bits)?.ToString() switch
        {
            "LittleEndian" => false,
            "BigEndian" => true,
            var order => throw new NotSupportedException($"numbers of byte "
                + $"order {order ?? "unknown"}, expected little or big endian"),
        };
    }
}
