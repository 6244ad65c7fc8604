// Numbers on their way to libtorch and back. TorchSharp passes a number in an object that nothing holds during the
// native call: a collection on another thread may free it first, and the operator then computes with whatever lies
// there, in silence, or ends the process. Its x + y, add, square and arange make such objects too (a factor of one, an
// exponent, a step). Here each lives until after its call; a test sees to it that no other code makes one.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth;

/// <summary>
/// Tensors with numbers, and sums of tensors. An underscore at the end changes the tensor in place, as in PyTorch.
/// </summary>
internal static class Scalars
{
    // Held for good: libtorch only reads it.
    private static readonly Scalar one = 1;

    /// <summary>x + y.</summary>
    public static Tensor Plus(this Tensor x, Tensor y) => x.add(y, one);

    /// <summary>x + y in place of x.</summary>
    public static Tensor Plus_(this Tensor x, Tensor y) => x.add_(y, one);

    /// <summary>x + factor y in place of x.</summary>
    public static Tensor Plus_(this Tensor x, Tensor y, double factor)
    {
        using Scalar scalar = factor;
        return x.add_(y, scalar);
    }

    /// <summary>x + number.</summary>
    public static Tensor Plus(this Tensor x, double number)
    {
        using Scalar scalar = number;
        return x.add(scalar, one);
    }

    /// <summary>x + number in place of x.</summary>
    public static Tensor Plus_(this Tensor x, double number)
    {
        using Scalar scalar = number;
        return x.add_(scalar, one);
    }

    /// <summary>x - number.</summary>
    public static Tensor Minus(this Tensor x, double number)
    {
        using Scalar scalar = number;
        return x.sub(scalar);
    }

    /// <summary>x - number in place of x.</summary>
    public static Tensor Minus_(this Tensor x, double number)
    {
        using Scalar scalar = number;
        return x.sub_(scalar);
    }

    /// <summary>1 - x.</summary>
    public static Tensor Complement(this Tensor x)
    {
        using var negative = x.negative();
        return negative.add(one, one);
    }

    /// <summary>factor x.</summary>
    public static Tensor Times(this Tensor x, double factor)
    {
        using Scalar scalar = factor;
        return x.mul(scalar);
    }

    /// <summary>factor x; integers stay integers.</summary>
    public static Tensor Times(this Tensor x, long factor)
    {
        using Scalar scalar = factor;
        return x.mul(scalar);
    }

    /// <summary>factor x in place of x.</summary>
    public static Tensor Times_(this Tensor x, double factor)
    {
        using Scalar scalar = factor;
        return x.mul_(scalar);
    }

    /// <summary>x / divisor.</summary>
    public static Tensor Over(this Tensor x, double divisor)
    {
        using Scalar scalar = divisor;
        return x.div(scalar);
    }

    /// <summary>x / divisor in place of x.</summary>
    public static Tensor Over_(this Tensor x, double divisor)
    {
        using Scalar scalar = divisor;
        return x.div_(scalar);
    }

    /// <summary>x².</summary>
    public static Tensor Squared(this Tensor x)
    {
        using Scalar two = 2;
        return x.pow(two);
    }

    /// <summary>x with all below <paramref name="least"/> or above <paramref name="most"/> moved there.</summary>
    public static Tensor Clamped(this Tensor x, double least, double most)
    {
        using Scalar low = least, high = most;
        return x.clamp(low, high);
    }

    /// <summary>The same in place of x.</summary>
    public static Tensor Clamped_(this Tensor x, double least, double most)
    {
        using Scalar low = least, high = most;
        return x.clamp_(low, high);
    }

    /// <summary>Whether each element is <paramref name="least"/> or more.</summary>
    public static Tensor AtLeast(this Tensor x, double least)
    {
        using Scalar scalar = least;
        return x.ge(scalar);
    }

    /// <summary>Whether each element is <paramref name="number"/>.</summary>
    public static Tensor EqualTo(this Tensor x, long number)
    {
        using Scalar scalar = number;
        return x.eq(scalar);
    }

    /// <summary>x with <paramref name="number"/> where <paramref name="mask"/> is true.</summary>
    public static Tensor Filled(this Tensor x, Tensor mask, double number)
    {
        using Scalar scalar = number;
        return x.masked_fill(mask, scalar);
    }

    /// <summary>0, 1, ..., count - 1.</summary>
    public static Tensor Range(long count, ScalarType type, Device device)
    {
        using Scalar start = 0, stop = count;
        return arange(start, stop, one, type, device);
    }

    /// <summary>The value of a tensor of one element as float64.</summary>
    public static double ToDouble(this Tensor value)
    {
        using var scalar = value.ToScalar();
        return scalar.ToDouble();
    }

    /// <summary>The value of a tensor of one element as float32.</summary>
    public static float ToSingle(this Tensor value)
    {
        using var scalar = value.ToScalar();
        return scalar.ToSingle();
    }

    /// <summary>The value of a tensor of one element as a 64-bit integer.</summary>
    public static long ToInt64(this Tensor value)
    {
        using var scalar = value.ToScalar();
        return scalar.ToInt64();
    }
}
