// The convolutional blocks that UNet, ControlNet and VAE are built from.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>Two normalised 3x3 convolutions around a residual; the time embedding is added between them.</summary>
internal sealed class ResnetBlock2D : nn.Module<Tensor, BlockContext, Tensor>
{
    internal readonly GroupNorm norm1;
    private readonly Conv2d conv1;
    private readonly Linear? time_emb_proj;
    private readonly GroupNorm norm2;
    private readonly Conv2d conv2;
    private readonly Conv2d? conv_shortcut;
    private readonly NormThenSilu first, second;

    public ResnetBlock2D(long from, long to, long? embedding, long groups, double eps, Placement at)
        : base(nameof(ResnetBlock2D))
    {
        norm1 = at.GroupNorm(groups, from, eps);
        conv1 = at.Conv2d(from, to);
        time_emb_proj = embedding is { } width ? at.Linear(width, to) : null;
        norm2 = at.GroupNorm(groups, to, eps);
        conv2 = at.Conv2d(to, to);
        conv_shortcut = from != to ? at.Conv2d(from, to, kernel: 1, padding: 0) : null;
        (first, second) = (new(norm1), new(norm2));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input, BlockContext context)
    {
        var h = first.Of(input).Into(conv1);
        if (time_emb_proj != null)
        {
            using var time = time_emb_proj.call(context.Embedding!);
            using var perChannel = time.view(time.shape[0], time.shape[1], 1, 1);
            h = h.Plus_(perChannel);
        }
        h = h.Into(second).Into(conv2);
        if (conv_shortcut is null)
            return h.Plus_(input);
        using var shortcut = conv_shortcut.call(input);
        return h.Plus_(shortcut);
    }
}

/// <summary>Nearest-neighbour doubling (or to a given size), then a 3x3 convolution.</summary>
internal sealed class Upsample2D : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv;

    public Upsample2D(long channels, Placement at) : base(nameof(Upsample2D))
    {
        conv = at.Conv2d(channels, channels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => To(input, [2 * input.shape[2], 2 * input.shape[3]]);

    public Tensor To(Tensor input, long[] size) =>
        nn.functional.interpolate(input, size: size, mode: InterpolationMode.Nearest).Into(conv);
}

/// <summary>
/// A 3x3 convolution of stride 2; padding 0 means one row and column at the far edges only (the VAE's way).
/// </summary>
internal sealed class Downsample2D : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv;
    private readonly bool padFarEdges;

    public Downsample2D(long channels, int padding, Placement at) : base(nameof(Downsample2D))
    {
        padFarEdges = padding == 0;
        conv = at.Conv2d(channels, channels, stride: 2, padding: padding);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) =>
        padFarEdges ? nn.functional.pad(input, [0, 1, 0, 1]).Into(conv) : conv.call(input);
}
