// Small steps that all blocks share: where new layers live, and how a tensor is handed on without being kept.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>Device and element type of the layers that a model makes.</summary>
/// <param name="device">The CPU where null, whatever the process's default device is.</param>
/// <param name="type">float32 where null.</param>
internal readonly struct Placement(Device? device, ScalarType? type)
{
    private Device Device { get; } = device ?? CPU;

    private ScalarType? Type { get; } = type;

    public Linear Linear(long from, long to, bool bias = true) =>
        nn.Linear(from, to, hasBias: bias, device: Device, dtype: Type);

    public Conv2d Conv2d(long from, long to, long kernel = 3, long stride = 1, long padding = 1,
        bool bias = true)
    {
        // TorchSharp forgets a handle of the kernel that it draws, which would keep its memory until a collection.
        using var scope = NewDisposeScope();
        var convolution = nn.Conv2d(from, to, kernel_size: kernel, stride: stride, padding: padding, bias: bias,
            device: Device, dtype: Type);
        convolution.weight.DetachFromDisposeScope();
        convolution.bias?.DetachFromDisposeScope();
        if (kernel == 1)
            return convolution;
        // In the order of the images that it is called with: else every call turns the whole kernel first.
        using var noGradients = no_grad();
        using var order = Steps.ChannelsInnermost(convolution.weight);
        // In memory of its own: a view made without gradients may not be changed where they are on.
        var turned = new Parameter(empty_strided(order.shape, order.stride(), order.dtype, order.device).copy_(order));
        turned.DetachFromDisposeScope();
        convolution.weight = turned;
        return convolution;
    }

    public GroupNorm GroupNorm(long groups, long channels, double eps)
    {
        // TorchSharp leaves the memory of these two as it was.
        var norm = nn.GroupNorm(groups, channels, eps: eps, device: Device, dtype: Type);
        nn.init.ones_(norm.weight);
        nn.init.zeros_(norm.bias);
        return norm;
    }

    public LayerNorm LayerNorm(long width, double eps = 1e-5) =>
        nn.LayerNorm(width, eps: eps, device: Device, dtype: Type);

    public Parameter Parameter(params ReadOnlySpan<long> shape) =>
        new(empty(shape.ToArray(), device: Device, dtype: Type ?? ScalarType.Float32));

    public Embedding Embedding(long count, long width)
    {
        // As with a convolution's kernel: on its way to the device TorchSharp forgets the table that it drew.
        using var scope = NewDisposeScope();
        var embedding = nn.Embedding(count, width, device: Device, dtype: Type);
        embedding.get_parameter("weight")!.DetachFromDisposeScope();
        return embedding;
    }
}

/// <summary>
/// Runs one block of a model on its tensor inputs. Training puts gradient checkpointing here: keep the inputs, drop
/// what the block computes inside, and compute it again on the way back.
/// </summary>
/// <param name="block">The block as a function of its inputs.</param>
/// <param name="inputs">All tensors that a gradient may flow to.</param>
public delegate Tensor BlockRunner(Func<IReadOnlyList<Tensor>, Tensor> block, IReadOnlyList<Tensor> inputs);

/// <summary>A group normalisation of the model, then SiLU.</summary>
internal sealed class NormThenSilu(GroupNorm norm)
{
    public Tensor Of(Tensor input) => norm.call(input).Silu();
}

internal static class Steps
{
    /// <summary>Hands a tensor that nobody else needs to the next layer, and lets it go.</summary>
    public static Tensor Into(this Tensor owned, nn.Module<Tensor, Tensor> next)
    {
        var result = next.call(owned);
        if (!ReferenceEquals(result, owned))
            owned.Dispose();
        return result;
    }

    /// <summary>Hands a tensor that nobody else needs to a block, which a runner may run, and lets it go.</summary>
    public static Tensor Into(this Tensor owned, nn.Module<Tensor, Tensor> block, BlockRunner? runner)
    {
        if (runner is null)
            return owned.Into(block);
        using (owned)
            return runner(inputs => block.call(inputs[0]), [owned]);
    }

    /// <summary>Hands a tensor that nobody else needs to a normalisation with SiLU, and lets it go.</summary>
    public static Tensor Into(this Tensor owned, NormThenSilu next)
    {
        using (owned)
            return next.Of(owned);
    }

    /// <summary>SiLU of a tensor that nobody else needs: over itself unless autograd watches it.</summary>
    public static Tensor Silu(this Tensor owned)
    {
        if (!owned.requires_grad)
        {
            owned.silu_();
            return owned;
        }
        var result = owned.silu();
        owned.Dispose();
        return result;
    }

    /// <summary>
    /// Adds in place to a tensor that nobody else needs, not even the layer that made it for its gradient. The two may
    /// differ in the order of their memory: the result has that of <paramref name="other"/>.
    /// </summary>
    public static Tensor PlusInOrderOf_(this Tensor owned, Tensor other)
    {
        if (owned.stride().AsSpan().SequenceEqual(other.stride()))
            return owned.Plus_(other);
        return owned.Contiguous().Plus_(other);
    }

    /// <summary>The usual order of memory for a tensor that nobody else needs.</summary>
    public static Tensor Contiguous(this Tensor owned)
    {
        if (owned.is_contiguous())
            return owned;
        var result = owned.contiguous();
        owned.Dispose();
        return result;
    }

    /// <summary>
    /// The same image with its channels innermost in memory, where that is faster: float32 (convolutions then reorder
    /// nothing). Convolutions and normalisations keep the order, and tokens are the same memory as the image.
    /// </summary>
    public static Tensor ChannelsInnermost(Tensor image)
    {
        if (image.dtype != ScalarType.Float32)
            return image.alias();
        using var turned = image.permute(0, 2, 3, 1);
        using var whole = turned.contiguous();
        return whole.permute(0, 3, 1, 2);
    }

    /// <summary>[N, C, H, W] to tokens [N, H*W, C]: a view where the channels are innermost.</summary>
    public static Tensor ToTokens(Tensor image)
    {
        using var turned = image.permute(0, 2, 3, 1);
        return turned.reshape(image.shape[0], -1, image.shape[1]);
    }

    /// <summary>Tokens [N, H*W, C] to [N, C, H, W] as a view, channels innermost.</summary>
    public static Tensor ToImage(Tensor tokens, long height, long width)
    {
        using var grid = tokens.view(tokens.shape[0], height, width, tokens.shape[2]);
        return grid.permute(0, 3, 1, 2);
    }
}
