// Tensors from C#'s arrays, lists and numbers.
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>A tensor whose memory is a file, mapped: privately, or shared so that writes reach the file.</summary>
    public static Tensor from_file(string filename, bool? shared = null, long? size = 0, ScalarType? dtype = null, Device? device = null, bool requires_grad = false)
        => Make(Aten.Call("from_file", filename, shared ?? false, size ?? 0, dtype, Arg.None, At(device), Arg.None), requires_grad);

    internal static ScalarType TypeOf(Type t) =>
        t == typeof(float) ? ScalarType.Float32 :
        t == typeof(double) ? ScalarType.Float64 :
        t == typeof(long) ? ScalarType.Int64 :
        t == typeof(int) ? ScalarType.Int32 :
        t == typeof(short) ? ScalarType.Int16 :
        t == typeof(byte) ? ScalarType.Byte :
        t == typeof(sbyte) ? ScalarType.Int8 :
        t == typeof(bool) ? ScalarType.Bool :
        t == typeof(Half) ? ScalarType.Float16 :
        t == typeof((float, float)) ? ScalarType.ComplexFloat32 :
        t == typeof(Complex) ? ScalarType.ComplexFloat64 :
        throw new NotSupportedException($"no tensor has elements of type {t.Name}");

    /// <summary>A new tensor with a copy of the values; converted and moved when another dtype or device is asked for.</summary>
    private static unsafe Tensor Copied<T>(ReadOnlySpan<T> values, ReadOnlySpan<long> shape, ScalarType? dtype, Device? device, bool requires_grad) where T : unmanaged
    {
        long count = 1;
        foreach (var n in shape) count *= n;
        if (count != values.Length) throw new ArgumentException($"{values.Length} values do not make a tensor of shape [{string.Join(", ", shape.ToArray())}], which has {count}");
        var made = Aten.Call("empty.memory_format", shape, TypeOf(typeof(T)), Arg.None, CPU);
        if (values.Length > 0)
        {
            Native.Check(Native.st_data(made.Live, out var data));
            values.CopyTo(new Span<T>((void*)data, values.Length));
        }
        var wanted = made;
        if (dtype is { } d && d != made.dtype) { wanted = made.to_type(d); made.Dispose(); }
        if ((device ?? _defaultDevice) is { type: not DeviceType.CPU } elsewhere) { var moved = wanted.to(elsewhere); wanted.Dispose(); wanted = moved; }
        return Make(wanted, requires_grad);
    }

    private static Tensor Copied<T>(IList<T> values, ReadOnlySpan<long> shape, ScalarType? dtype, Device? device, bool requires_grad) where T : unmanaged => values switch
    {
        T[] array => Copied<T>(array.AsSpan(), shape, dtype, device, requires_grad),
        List<T> list => Copied<T>(CollectionsMarshal.AsSpan(list), shape, dtype, device, requires_grad),
        _ => Copied<T>(values.ToArray().AsSpan(), shape, dtype, device, requires_grad),
    };

    private static Tensor Grid<T>(Array values, ScalarType? dtype, Device? device, bool requires_grad) where T : unmanaged
    {
        var shape = new long[values.Rank];
        for (var d = 0; d < shape.Length; d++) shape[d] = values.GetLongLength(d);
        var flat = values.Length == 0 ? [] : MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<byte, T>(ref MemoryMarshal.GetArrayDataReference(values)), values.Length);
        return Copied(flat, shape, dtype, device, requires_grad);
    }

    public static Tensor from_array(Array rawArray, Device? device = null) => from_array(rawArray, null, device);

    public static Tensor from_array(Array rawArray, ScalarType? dtype, Device? device = null, bool requires_grad = false, string[]? names = null) => rawArray.GetType().GetElementType() switch
    {
        var t when t == typeof(float) => Grid<float>(rawArray, dtype, device, requires_grad),
        var t when t == typeof(double) => Grid<double>(rawArray, dtype, device, requires_grad),
        var t when t == typeof(long) => Grid<long>(rawArray, dtype, device, requires_grad),
        var t when t == typeof(int) => Grid<int>(rawArray, dtype, device, requires_grad),
        var t when t == typeof(short) => Grid<short>(rawArray, dtype, device, requires_grad),
        var t when t == typeof(byte) => Grid<byte>(rawArray, dtype, device, requires_grad),
        var t when t == typeof(sbyte) => Grid<sbyte>(rawArray, dtype, device, requires_grad),
        var t when t == typeof(bool) => Grid<bool>(rawArray, dtype, device, requires_grad),
        var t when t == typeof(Half) => Grid<Half>(rawArray, dtype, device, requires_grad),
        var t when t == typeof((float, float)) => Grid<(float, float)>(rawArray, dtype, device, requires_grad),
        var t when t == typeof(Complex) => Grid<Complex>(rawArray, dtype, device, requires_grad),
        var t => throw new NotSupportedException($"no tensor has elements of type {t?.Name}"),
    };

    public static Tensor as_tensor(Array data, ScalarType? dtype = null, Device? device = null) => from_array(data, dtype, device);
    public static Tensor as_tensor(Tensor data, ScalarType? dtype = null, Device? device = null) => data.to(dtype ?? data.dtype, device ?? data.device);

    /// <summary>A one-dimensional tensor that shares the array's memory; the array stays pinned as long as the tensor lives.</summary>
    public static unsafe Tensor frombuffer(Array rawArray, ScalarType dtype, long count = -1, long offset = 0, bool requires_grad = false)
    {
        var own = TypeOf(rawArray.GetType().GetElementType()!);
        var bytes = rawArray.LongLength * own.Bytes() - offset * own.Bytes();
        var available = bytes / dtype.Bytes();
        if (offset < 0 || bytes < 0) throw new ArgumentOutOfRangeException(nameof(offset), $"offset {offset} lies outside an array of {rawArray.LongLength} elements");
        if (count < 0) count = available;
        if (count > available) throw new ArgumentOutOfRangeException(nameof(count), $"{count} elements of {dtype} were asked for, the array has {available} from offset {offset}");
        var pin = GCHandle.Alloc(rawArray, GCHandleType.Pinned);
        var status = Native.st_from_blob((byte*)pin.AddrOfPinnedObject() + offset * own.Bytes(), &count, 1, (int)dtype, &Unpin, GCHandle.ToIntPtr(pin), out var pointer);
        if (status < 0) { pin.Free(); throw Native.Error(); }
        return Make(Tensor.Own(pointer)!, requires_grad);
    }

    [UnmanagedCallersOnly]
    private static void Unpin(IntPtr pin) => GCHandle.FromIntPtr(pin).Free();

    public static Tensor tensor((double, double) scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => tensor(new Complex(scalar.Item1, scalar.Item2), dtype, device, requires_grad);
    public static Tensor tensor(double real, double imaginary, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => tensor(new Complex(real, imaginary), dtype, device, requires_grad);
    public static Tensor tensor(float real, float imaginary, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => tensor((real, imaginary), dtype, device, requires_grad);
    public static Tensor tensor(byte scalar, Device? device = null, bool requires_grad = false) => Copied<byte>([scalar], [], null, device, requires_grad);
    public static Tensor tensor(sbyte scalar, Device? device = null, bool requires_grad = false) => Copied<sbyte>([scalar], [], null, device, requires_grad);
    public static Tensor tensor(short scalar, Device? device = null, bool requires_grad = false) => Copied<short>([scalar], [], null, device, requires_grad);
    public static Tensor tensor(int scalar, Device? device = null, bool requires_grad = false) => Copied<int>([scalar], [], null, device, requires_grad);
    public static Tensor tensor(long scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Copied<long>([scalar], [], dtype, device, requires_grad);
    public static Tensor tensor(float scalar, Device? device = null, bool requires_grad = false) => Copied<float>([scalar], [], null, device, requires_grad);
    public static Tensor tensor(double scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Copied<double>([scalar], [], dtype, device, requires_grad);
    public static Tensor tensor(bool scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Copied<bool>([scalar], [], dtype, device, requires_grad);
    public static Tensor tensor((float, float) scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Copied<(float, float)>([scalar], [], dtype, device, requires_grad);
    public static Tensor tensor(Complex scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => Copied<Complex>([scalar], [], dtype, device, requires_grad);

    public static Tensor tensor(byte[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<byte>(rawArray.AsSpan(), [rawArray.LongLength], dtype, device, requires_grad);
    public static Tensor tensor(byte[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<byte>(rawArray.AsSpan(), dimensions, dtype, device, requires_grad);
    public static Tensor tensor(byte[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<byte>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(byte[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<byte>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(byte[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<byte>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(IList<byte> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rawArray.Count], dtype, device, requires_grad);
    public static Tensor tensor(IList<byte> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, dimensions, dtype, device, requires_grad);
    public static Tensor tensor(IList<byte> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rows, columns], dtype, device, requires_grad);
    public static Tensor tensor(IList<byte> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2], dtype, device, requires_grad);
    public static Tensor tensor(IList<byte> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2, dim3], dtype, device, requires_grad);
    public static Tensor tensor(Memory<byte> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<byte>(rawArray.Span, dimensions, dtype, device, requires_grad);
    public static Tensor as_tensor(byte[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<byte> rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);

    public static Tensor tensor(sbyte[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<sbyte>(rawArray.AsSpan(), [rawArray.LongLength], dtype, device, requires_grad);
    public static Tensor tensor(sbyte[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<sbyte>(rawArray.AsSpan(), dimensions, dtype, device, requires_grad);
    public static Tensor tensor(sbyte[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<sbyte>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(sbyte[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<sbyte>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(sbyte[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<sbyte>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(IList<sbyte> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rawArray.Count], dtype, device, requires_grad);
    public static Tensor tensor(IList<sbyte> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, dimensions, dtype, device, requires_grad);
    public static Tensor tensor(IList<sbyte> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rows, columns], dtype, device, requires_grad);
    public static Tensor tensor(IList<sbyte> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2], dtype, device, requires_grad);
    public static Tensor tensor(IList<sbyte> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2, dim3], dtype, device, requires_grad);
    public static Tensor tensor(Memory<sbyte> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<sbyte>(rawArray.Span, dimensions, dtype, device, requires_grad);
    public static Tensor as_tensor(sbyte[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<sbyte> rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);

    public static Tensor tensor(short[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<short>(rawArray.AsSpan(), [rawArray.LongLength], dtype, device, requires_grad);
    public static Tensor tensor(short[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<short>(rawArray.AsSpan(), dimensions, dtype, device, requires_grad);
    public static Tensor tensor(short[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<short>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(short[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<short>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(short[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<short>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(IList<short> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rawArray.Count], dtype, device, requires_grad);
    public static Tensor tensor(IList<short> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, dimensions, dtype, device, requires_grad);
    public static Tensor tensor(IList<short> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rows, columns], dtype, device, requires_grad);
    public static Tensor tensor(IList<short> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2], dtype, device, requires_grad);

    public static Tensor tensor(Memory<short> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<short>(rawArray.Span, dimensions, dtype, device, requires_grad);
    public static Tensor as_tensor(short[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<short> rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);

    public static Tensor tensor(int[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<int>(rawArray.AsSpan(), [rawArray.LongLength], dtype, device, requires_grad);
    public static Tensor tensor(int[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<int>(rawArray.AsSpan(), dimensions, dtype, device, requires_grad);
    public static Tensor tensor(int[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<int>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(int[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<int>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(int[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<int>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(IList<int> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rawArray.Count], dtype, device, requires_grad);
    public static Tensor tensor(IList<int> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, dimensions, dtype, device, requires_grad);
    public static Tensor tensor(IList<int> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rows, columns], dtype, device, requires_grad);
    public static Tensor tensor(IList<int> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2], dtype, device, requires_grad);
    public static Tensor tensor(int[] rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2, dim3], dtype, device, requires_grad);
    public static Tensor tensor(Memory<int> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<int>(rawArray.Span, dimensions, dtype, device, requires_grad);
    public static Tensor as_tensor(int[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<int> rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);

    public static Tensor tensor(long[] dataArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<long>(dataArray.AsSpan(), [dataArray.LongLength], dtype, device, requires_grad);
    public static Tensor tensor(long[] dataArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<long>(dataArray.AsSpan(), dimensions, dtype, device, requires_grad);
    public static Tensor tensor(long[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<long>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(long[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<long>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(long[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<long>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(IList<long> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rawArray.Count], dtype, device, requires_grad);
    public static Tensor tensor(IList<long> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, dimensions, dtype, device, requires_grad);
    public static Tensor tensor(IList<long> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rows, columns], dtype, device, requires_grad);
    public static Tensor tensor(IList<long> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2], dtype, device, requires_grad);
    public static Tensor tensor(IList<long> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2, dim3], dtype, device, requires_grad);
    public static Tensor tensor(Memory<long> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<long>(rawArray.Span, dimensions, dtype, device, requires_grad);
    public static Tensor as_tensor(long[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<long> rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);

    public static Tensor tensor(Half[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<Half>(rawArray.AsSpan(), [rawArray.LongLength], dtype, device, requires_grad);
    public static Tensor tensor(Half[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<Half>(rawArray.AsSpan(), dimensions, dtype, device, requires_grad);
    public static Tensor tensor(Half[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<Half>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(Half[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<Half>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(Half[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<Half>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(IList<Half> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rawArray.Count], dtype, device, requires_grad);
    public static Tensor tensor(IList<Half> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, dimensions, dtype, device, requires_grad);
    public static Tensor tensor(IList<Half> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rows, columns], dtype, device, requires_grad);
    public static Tensor tensor(IList<Half> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2], dtype, device, requires_grad);
    public static Tensor tensor(IList<Half> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2, dim3], dtype, device, requires_grad);
    public static Tensor tensor(Memory<Half> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<Half>(rawArray.Span, dimensions, dtype, device, requires_grad);

    public static Tensor tensor(float[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<float>(rawArray.AsSpan(), [rawArray.LongLength], dtype, device, requires_grad);
    public static Tensor tensor(float[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<float>(rawArray.AsSpan(), dimensions, dtype, device, requires_grad);
    public static Tensor tensor(float[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<float>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(float[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<float>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(float[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<float>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(IList<float> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rawArray.Count], dtype, device, requires_grad);
    public static Tensor tensor(IList<float> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, dimensions, dtype, device, requires_grad);
    public static Tensor tensor(IList<float> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rows, columns], dtype, device, requires_grad);
    public static Tensor tensor(IList<float> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2], dtype, device, requires_grad);
    public static Tensor tensor(IList<float> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2, dim3], dtype, device, requires_grad);
    public static Tensor tensor(Memory<float> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<float>(rawArray.Span, dimensions, dtype, device, requires_grad);
    public static Tensor as_tensor(float[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<float> rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);

    public static Tensor tensor(double[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<double>(rawArray.AsSpan(), [rawArray.LongLength], dtype, device, requires_grad);
    public static Tensor tensor(double[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<double>(rawArray.AsSpan(), dimensions, dtype, device, requires_grad);
    public static Tensor tensor(double[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<double>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(double[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<double>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(double[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<double>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(IList<double> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rawArray.Count], dtype, device, requires_grad);
    public static Tensor tensor(IList<double> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rows, columns], dtype, device, requires_grad);
    public static Tensor tensor(IList<double> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2], dtype, device, requires_grad);
    public static Tensor tensor(IList<double> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2, dim3], dtype, device, requires_grad);
    public static Tensor tensor(Memory<double> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<double>(rawArray.Span, dimensions, dtype, device, requires_grad);
    public static Tensor as_tensor(double[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<double> rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);

    public static Tensor tensor(bool[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<bool>(rawArray.AsSpan(), [rawArray.LongLength], dtype, device, requires_grad);
    public static Tensor tensor(bool[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<bool>(rawArray.AsSpan(), dimensions, dtype, device, requires_grad);
    public static Tensor tensor(bool[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<bool>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(bool[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<bool>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(bool[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<bool>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(IList<bool> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rawArray.Count], dtype, device, requires_grad);
    public static Tensor tensor(IList<bool> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, dimensions, dtype, device, requires_grad);
    public static Tensor tensor(IList<bool> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rows, columns], dtype, device, requires_grad);
    public static Tensor tensor(IList<bool> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2], dtype, device, requires_grad);
    public static Tensor tensor(IList<bool> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2, dim3], dtype, device, requires_grad);
    public static Tensor as_tensor(bool[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<bool> rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);

    public static Tensor tensor((float, float)[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<(float, float)>(rawArray.AsSpan(), [rawArray.LongLength], dtype, device, requires_grad);
    public static Tensor tensor((float, float)[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<(float, float)>(rawArray.AsSpan(), dimensions, dtype, device, requires_grad);
    public static Tensor tensor((float, float)[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<(float, float)>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor((float, float)[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<(float, float)>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor((float, float)[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<(float, float)>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(IList<(float, float)> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rawArray.Count], dtype, device, requires_grad);
    public static Tensor tensor(IList<(float, float)> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, dimensions, dtype, device, requires_grad);
    public static Tensor tensor(IList<(float, float)> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rows, columns], dtype, device, requires_grad);
    public static Tensor tensor(IList<(float, float)> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2], dtype, device, requires_grad);
    public static Tensor tensor(IList<(float, float)> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2, dim3], dtype, device, requires_grad);
    public static Tensor as_tensor((float, float)[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<(float, float)> rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);

    public static Tensor tensor(Complex[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<Complex>(rawArray.AsSpan(), [rawArray.LongLength], dtype, device, requires_grad);
    public static Tensor tensor(Complex[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<Complex>(rawArray.AsSpan(), dimensions, dtype, device, requires_grad);
    public static Tensor tensor(Complex[,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<Complex>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(Complex[,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<Complex>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(Complex[,,,] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Grid<Complex>(rawArray, dtype, device, requires_grad);
    public static Tensor tensor(IList<Complex> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rawArray.Count], dtype, device, requires_grad);
    public static Tensor tensor(IList<Complex> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, dimensions, dtype, device, requires_grad);
    public static Tensor tensor(IList<Complex> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [rows, columns], dtype, device, requires_grad);
    public static Tensor tensor(IList<Complex> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2], dtype, device, requires_grad);
    public static Tensor tensor(IList<Complex> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied(rawArray, [dim0, dim1, dim2, dim3], dtype, device, requires_grad);
    public static Tensor tensor(Memory<Complex> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Copied<Complex>(rawArray.Span, dimensions, dtype, device, requires_grad);
    public static Tensor as_tensor(Complex[] rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
    public static Tensor as_tensor(IList<Complex> rawArray, ScalarType? dtype = null, Device? device = null) => tensor(rawArray, dtype, device);
}
