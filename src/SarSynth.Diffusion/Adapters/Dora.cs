// Weight-decomposed low-rank adaptation: W' = m (W + dW) / |W + dW|, the norm taken over each row or column.
// Liu et al. (2024), DoRA, eq. 5; its section 4.3 takes the norm as a constant in the gradient.
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Adapters;

/// <summary>The magnitudes of an adapted layer, one for each output channel, or for each input channel.</summary>
internal static class Dora
{
    /// <summary>
    /// Magnitudes in the form [out, 1, ...] or [1, in, 1, ...] that multiplies a weight, or null where none fits.
    /// </summary>
    /// <param name="magnitude">As a file has it: PEFT's lora_magnitude_vector or kohya's dora_scale.</param>
    /// <param name="weight">Shape of the layer's weight.</param>
    /// <param name="perOutput">PEFT's are of the outputs, whatever their shape (a convolution's are [1, out, 1, 1]);
    /// kohya's are of the axis that is not 1.</param>
    public static Tensor? Shaped(Tensor magnitude, long[] weight, bool perOutput)
    {
        long[] shape = magnitude.shape, outputs = Axis(weight, 0), inputs = Axis(weight, 1);
        long count = magnitude.numel();
        if (perOutput || shape.Length == 1)
            return count == weight[0] ? magnitude.reshape(outputs) : null;
        return count == weight[0] && shape[0] == count ? magnitude.reshape(outputs)
            : count == weight[1] && shape.Length > 1 && shape[1] == count ? magnitude.reshape(inputs) : null;
    }

    /// <summary>The norms of a weight in the form of <paramref name="magnitude"/>.</summary>
    public static Tensor Norm(Tensor weight, Tensor magnitude)
    {
        bool ofRows = magnitude.numel() == weight.shape[0] && magnitude.shape[0] == weight.shape[0];
        var rows = ofRows ? weight.flatten(1) : weight.transpose(0, 1).flatten(1);
        return rows.Squared().sum(1).sqrt().reshape(magnitude.shape);
    }

    /// <summary>W' - W for a low-rank update dW, float32.</summary>
    public static Tensor Update(Tensor weight, Tensor lowRank, Tensor magnitude)
    {
        using var scope = NewDisposeScope();
        var plain = weight.detach().to(ScalarType.Float32);
        var directed = plain.Plus(lowRank.to(ScalarType.Float32));
        var norm = Norm(directed.detach(), magnitude);
        return (directed * (magnitude.to(ScalarType.Float32) / norm) - plain).MoveToOuterDisposeScope();
    }

    private static long[] Axis(long[] weight, int axis) => [.. weight.Select((size, i) => i == axis ? size : 1)];
}
