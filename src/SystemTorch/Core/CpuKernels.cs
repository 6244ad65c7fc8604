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
