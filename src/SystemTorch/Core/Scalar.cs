// A number for an operator: integer, real, complex or truth value, with the implicit conversions of TorchSharp.
using System.Numerics;
using static TorchSharp.torch;

namespace TorchSharp;

public sealed class Scalar : IDisposable
{
    internal readonly Tag Kind;
    internal readonly long Bits;
    internal readonly double Imaginary;

    internal Scalar(Tag kind, long bits, double imaginary = 0, ScalarType? type = null)
    {
        Kind = kind;
        Bits = bits;
        Imaginary = imaginary;
        Type = type ?? kind switch
        {
            Tag.Int => ScalarType.Int64,
            Tag.Bool => ScalarType.Bool,
            Tag.Complex => ScalarType.ComplexFloat64,
            _ => ScalarType.Float64,
        };
    }

    public ScalarType Type { get; }

    private static Scalar Integer(long v) => new(Tag.Int, v);
    private static Scalar Real(double v) => new(Tag.Double, BitConverter.DoubleToInt64Bits(v));

    public static implicit operator Scalar(byte value) => Integer(value);
    public static implicit operator Scalar(sbyte value) => Integer(value);
    public static implicit operator Scalar(short value) => Integer(value);
    public static implicit operator Scalar(int value) => Integer(value);
    public static implicit operator Scalar(long value) => Integer(value);
    public static implicit operator Scalar(Half value) => Real((double)value);
    public static implicit operator Scalar(float value) => Real(value);
    public static implicit operator Scalar(double value) => Real(value);
    public static implicit operator Scalar(bool value) => new(Tag.Bool, value ? 1 : 0);
    public static implicit operator Scalar((float, float) value) => new Complex(value.Item1, value.Item2);
    public static implicit operator Scalar(Complex value) => new(Tag.Complex, BitConverter.DoubleToInt64Bits(value.Real), value.Imaginary);

    internal double AsDouble => Kind is Tag.Int or Tag.Bool ? Bits : BitConverter.Int64BitsToDouble(Bits);
    internal long AsLong => Kind is Tag.Int or Tag.Bool ? Bits : (long)BitConverter.Int64BitsToDouble(Bits);
    internal Complex AsComplex => new(AsDouble, Imaginary);

    public void Dispose() { }
}

public static class ScalarExtensionMethods
{
    public static Scalar ToScalar(this byte value) => value;
    public static Scalar ToScalar(this sbyte value) => value;
    public static Scalar ToScalar(this short value) => value;
    public static Scalar ToScalar(this int value) => value;
    public static Scalar ToScalar(this long value) => value;
    public static Scalar ToScalar(this Half value) => value;
    public static Scalar ToScalar(this float value) => value;
    public static Scalar ToScalar(this double value) => value;
    public static Scalar ToScalar(this bool value) => value;
    public static Scalar ToScalar(this (float, float) value) => value;
    public static Scalar ToScalar(this Complex value) => value;
    public static Scalar ToBFloat16Scalar(this float value) => value;
    public static byte ToByte(this Scalar value) => (byte)value.AsLong;
    public static sbyte ToSByte(this Scalar value) => (sbyte)value.AsLong;
    public static short ToInt16(this Scalar value) => (short)value.AsLong;
    public static int ToInt32(this Scalar value) => (int)value.AsLong;
    public static long ToInt64(this Scalar value) => value.AsLong;
    public static Half ToHalf(this Scalar value) => (Half)value.AsDouble;
    public static float ToSingle(this Scalar value) => (float)value.AsDouble;
    public static double ToDouble(this Scalar value) => value.AsDouble;
    public static bool ToBoolean(this Scalar value) => value.AsDouble != 0;
    public static (float, float) ToComplexFloat32(this Scalar value) => ((float)value.AsDouble, (float)value.Imaginary);
    public static Complex ToComplexFloat64(this Scalar value) => value.AsComplex;
}
