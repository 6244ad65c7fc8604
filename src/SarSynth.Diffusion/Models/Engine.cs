// The few facts in which tensor engines differ.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>What the tensor engine beneath can do.</summary>
public static class Engine
{
    /// <summary>Whether scaled_dot_product_attention is one fused kernel: libtorch 2.0 and later.</summary>
    public static bool HasFusedAttention { get; } = MajorVersion() >= 2;

    private static int MajorVersion() => int.TryParse(__version__.TrimStart('v').Split('.')[0], out var major) ? major : 0;
}
