// A tensor's one value as a number. TorchSharp's own ToDouble reads a native scalar whose object nothing holds during the
// call: a collection on another thread may free it first, and what is then read ends the process ("Expected false to be
// true" in c10::Scalar). Here the object lives until after the call; these come before TorchSharp's by their namespace.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth;

/// <summary>Reads tensors of one element.</summary>
internal static class Scalars
{
    /// <summary>The value as float64.</summary>
    public static double ToDouble(this Tensor value)
    {
        using var scalar = value.ToScalar();
        return scalar.ToDouble();
    }

    /// <summary>The value as float32.</summary>
    public static float ToSingle(this Tensor value)
    {
        using var scalar = value.ToScalar();
        return scalar.ToSingle();
    }

    /// <summary>The value as a 64-bit integer.</summary>
    public static long ToInt64(this Tensor value)
    {
        using var scalar = value.ToScalar();
        return scalar.ToInt64();
    }
}
