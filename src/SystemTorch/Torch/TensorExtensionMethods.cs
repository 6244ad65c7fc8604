// Extension methods of TorchSharp: scalars from tensors, sizes of types, tensors as text.
using System.Globalization;
using System.Numerics;
using static TorchSharp.torch;

namespace TorchSharp;

public static class TensorExtensionMethods
{
    public static int ElementSize(this ScalarType type) => (int)type.Bytes();

    internal static long Bytes(this ScalarType type) => type switch
    {
        ScalarType.Byte or ScalarType.Int8 or ScalarType.Bool => 1,
        ScalarType.Int16 or ScalarType.Float16 or ScalarType.BFloat16 => 2,
        ScalarType.Int32 or ScalarType.Float32 => 4,
        ScalarType.ComplexFloat64 => 16,
        _ => 8,
    };

    public static long TotalSize(this IEnumerable<long> shape) => shape.Aggregate(1L, (a, b) => a * b);
    public static Modules.Parameter AsParameter(this Tensor tensor) => new(tensor, tensor.requires_grad);
    public static ReadOnlySpan<int> IntShape(this Tensor tensor) => tensor.shape.Select(n => (int)n).ToArray();

    public static Tensor ToTensor<T>(this T[] rawArray, long[] dimensions, bool doCopy = false, bool requires_grad = false) where T : unmanaged
    {
        var t = from_array(rawArray);
        return t.reshape(dimensions).requires_grad_(requires_grad);
    }

    public static byte ToByte(this Tensor value) => (byte)value.ToScalar().AsLong;
    public static sbyte ToSByte(this Tensor value) => (sbyte)value.ToScalar().AsLong;
    public static short ToInt16(this Tensor value) => (short)value.ToScalar().AsLong;
    public static int ToInt32(this Tensor value) => (int)value.ToScalar().AsLong;
    public static long ToInt64(this Tensor value) => value.ToScalar().AsLong;
    public static Half ToHalf(this Tensor value) => (Half)value.ToScalar().AsDouble;
    public static float ToSingle(this Tensor value) => (float)value.ToScalar().AsDouble;
    public static double ToDouble(this Tensor value) => value.ToScalar().AsDouble;
    public static bool ToBoolean(this Tensor value) => value.ToScalar().AsDouble != 0;
    public static (float, float) ToComplexFloat32(this Tensor value) => value.ToScalar().ToComplexFloat32();
    public static Complex ToComplexFloat64(this Tensor value) => value.ToScalar().AsComplex;

    public static string str(this Tensor tensor, string? fltFormat = null, int? width = null, string? newLine = null, CultureInfo? cultureInfo = null, TensorStringStyle style = TensorStringStyle.Default)
        => tensor.ToString(style == TensorStringStyle.Default ? TensorStringStyle.Julia : style, fltFormat, width, cultureInfo, newLine);
    public static string npstr(this Tensor tensor, string? fltFormat = "g5", int? width = 100, string? newLine = null, CultureInfo? cultureInfo = null) => tensor.ToString(TensorStringStyle.Numpy, fltFormat, width, cultureInfo, newLine);
    public static string jlstr(this Tensor tensor, string? fltFormat = null, int? width = null, string? newLine = null, CultureInfo? cultureInfo = null) => tensor.ToString(TensorStringStyle.Julia, fltFormat, width, cultureInfo, newLine);
    public static string cstr(this Tensor tensor, string? fltFormat = "g5", int? width = 100, string? newLine = null, CultureInfo? cultureInfo = null) => tensor.ToString(TensorStringStyle.CSharp, fltFormat, width, cultureInfo, newLine);
    public static string metastr(this Tensor tensor) => tensor.ToString(TensorStringStyle.Metadata);

    public static Tensor print(this Tensor t, string? fltFormat = "g5", int? width = 100, string? newLine = null, CultureInfo? cultureInfo = null, TensorStringStyle style = TensorStringStyle.Default)
    {
        Console.WriteLine(t.str(fltFormat, width, newLine, cultureInfo, style));
        return t;
    }
}
