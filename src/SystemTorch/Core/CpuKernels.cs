// Where the shim's own kernels, or float32, stand in for operators that are slow on the CPU in libtorch 1.13.
using static TorchSharp.torch;

namespace TorchSharp;

internal static class CpuKernels
{
    // libtorch 2 normalises bfloat16 with float32 sums in one pass; 1.13 takes ten times as long as for float32.
    private static readonly bool SlowHalves = !Operator.Exists("scaled_dot_product_attention");
    private static readonly bool HasAttention = Native.st_attention_ready() != 0;

    /// <summary>Attention in one pass, or null where it does not suit: float32 of four dimensions, a mask of float32 without gradient.</summary>
    internal static Tensor? Attention(Tensor query, Tensor key, Tensor value, Tensor? mask)
    {
        static bool Suits(Tensor x) => x.dim() == 4 && x.dtype == ScalarType.Float32 && x.device_type == DeviceType.CPU && x.NumberOfElements > 0;
        if (!HasAttention || !Suits(query) || !Suits(key) || !Suits(value) || mask is not null && (mask.dtype != ScalarType.Float32 || mask.requires_grad)) return null;
        Native.Check(Native.st_attention(query.Live, key.Live, value.Live, mask?.Live ?? IntPtr.Zero, 1 / Math.Sqrt(query.shape[^1]), out var result));
        GC.KeepAlive((query, key, value, mask));
        return Tensor.Own(result)!;
    }

    /// <summary>A convolution in two dimensions: 3x3 in tiles where that suits, libtorch's else.</summary>
    internal static Tensor Convolution(Tensor input, Tensor weight, Tensor? bias, long[] stride, long[] padding, long[] dilation, long groups)
    {
        if (groups == 1 && stride is [1, 1] && dilation is [1, 1] && padding.Length == 2 && input.device_type == DeviceType.CPU)
        {
            var status = Native.Check(Native.st_convolution(input.Live, weight.Live, bias?.Live ?? IntPtr.Zero, padding[0], padding[1], out var result));
            GC.KeepAlive((input, weight, bias));
            if (status == 0) return Tensor.Own(result)!;
        }
        return Aten.Call("conv2d", input, weight, bias, stride, padding, dilation, groups);
    }

    /// <summary>Group normalisation, then SiLU if wanted, in one pass on the CPU; libtorch's operators else.</summary>
    internal static Tensor GroupNorm(Tensor input, long groups, Tensor? weight, Tensor? bias, double eps, bool silu)
    {
        if (input.device_type == DeviceType.CPU)
        {
            var status = Native.Check(Native.st_group_norm(input.Live, weight?.Live ?? IntPtr.Zero, bias?.Live ?? IntPtr.Zero, groups, eps, silu ? 1 : 0, out var result));
            GC.KeepAlive((input, weight, bias));
            if (status == 0) return Tensor.Own(result)!;
        }
        var normalised = Aten.Call("group_norm", input, groups, weight, bias, eps);
        if (!silu) return normalised;
        using (normalised) return Aten.Call("silu", normalised);
    }

    /// <summary>A step of Adam in one pass; false where the tensors do not suit.</summary>
    internal static bool Adam(Tensor p, Tensor grad, Tensor mean, Tensor square, Tensor? most, bool maximize, double keep, double penalty, double beta1, double beta2, double eps, double root, double rate)
    {
        if (p.device_type != DeviceType.CPU || p.dtype != ScalarType.Float32) return false;
        var status = Native.Check(Native.st_adam(p.Live, grad.Live, mean.Live, square.Live, most?.Live ?? IntPtr.Zero, maximize ? 1 : 0, keep, penalty, beta1, beta2, eps, root, rate));
        GC.KeepAlive((p, grad, mean, square, most));
        return status == 0;
    }

    internal static Tensor Gelu(Tensor x)
    {
        if (!Pointwise(x)) return Aten.Call("gelu", x);
        Native.Check(Native.st_gelu(x.Live, out var result));
        GC.KeepAlive(x);
        return Tensor.Own(result)!;
    }

    internal static Tensor SiluOver(Tensor x)
    {
        if (x.dtype != ScalarType.BFloat16 || !Pointwise(x) || x.requires_grad || !(x.is_contiguous() || x.IsChannelsLast)) return Aten.Self("silu_", x);
        Native.Check(Native.st_silu_over(x.Live));
        GC.KeepAlive(x);
        return x;
    }

    /// <summary>Runs a normalisation in float32 where this libtorch is slow in half precision.</summary>
    internal static Tensor Widened(Tensor input, Func<Tensor, Tensor> run)
    {
        if (!SlowHalves || input.dtype is not (ScalarType.BFloat16 or ScalarType.Float16) || input.device_type != DeviceType.CPU) return run(input);
        using var scope = NewDisposeScope();
        return run(input.to(ScalarType.Float32)).to(input.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>A parameter in the type of the widened input; as it is where the input was not widened.</summary>
    internal static Tensor? Like(Tensor input, Tensor widened, Tensor? parameter) => ReferenceEquals(input, widened) ? parameter : parameter?.to(widened.dtype);

    private static bool Pointwise(Tensor x) => x.dtype is ScalarType.Float32 or ScalarType.BFloat16 && x.device_type == DeviceType.CPU && x.NumberOfElements > 0;
}
