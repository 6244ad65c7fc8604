// The few facts in which tensor engines differ.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>What the tensor engine beneath can do.</summary>
public static class Engine
{
    /// <summary>
    /// Whether scaled_dot_product_attention is one fused kernel for tensors like this one: libtorch 2.0 and later has it for
    /// all, SystemTorch over an older libtorch for float32 on the CPU.
    /// </summary>
    public static bool HasFusedAttention(Tensor like) => Major >= 2 || (like.dtype == ScalarType.Float32 && like.device_type == DeviceType.CPU);

    private static readonly int Major = MajorVersion();

    private static int MajorVersion() => int.TryParse(__version__.TrimStart('v').Split('.')[0], out var major) ? major : 0;
}
