// What the autoencoder is made of: encoder, decoder and their blocks, with the checkpoint's names.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>UNetMidBlock2D: a residual block, self-attention, a residual block.</summary>
internal sealed class VaeMidBlock : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<SpatialAttention>? attentions;
    private readonly ModuleList<ResnetBlock2D> resnets;

    public VaeMidBlock(AutoencoderKLConfig config, Placement at) : base("UNetMidBlock2D")
    {
        var channels = config.BlockOutChannels[^1];
        attentions = config.MidBlockAddAttention
            ? nn.ModuleList(new SpatialAttention(channels, config.NormNumGroups, 1e-6, at)) : null;
        resnets = nn.ModuleList(
            new ResnetBlock2D(channels, channels, null, config.NormNumGroups, 1e-6, at),
                new ResnetBlock2D(channels, channels, null, config.NormNumGroups, 1e-6, at));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var h = resnets[0].call(input, BlockContext.None);
        if (attentions != null)
        {
            var attended = attentions[0].call(h, BlockContext.None);
            h.Dispose();
            h = attended;
        }
        using (h)
            return resnets[1].call(h, BlockContext.None);
    }
}

/// <summary>DownEncoderBlock2D.</summary>
internal sealed class DownEncoderBlock : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Downsample2D>? downsamplers;

    public DownEncoderBlock(int from, int to, int layers, int groups, bool downsample, Placement at)
        : base("DownEncoderBlock2D")
    {
        resnets = nn.ModuleList<ResnetBlock2D>();
        for (var i = 0; i < layers; i++)
            resnets.Add(new(i == 0 ? from : to, to, null, groups, 1e-6, at));
        downsamplers = downsample ? nn.ModuleList(new Downsample2D(to, padding: 0, at)) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var h = input;
        foreach (var resnet in resnets)
        {
            var next = resnet.call(h, BlockContext.None);
            if (!ReferenceEquals(h, input))
                h.Dispose();
            h = next;
        }
        return downsamplers is null ? h : h.Into(downsamplers[0]);
    }
}

/// <summary>UpDecoderBlock2D.</summary>
internal sealed class UpDecoderBlock : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Upsample2D>? upsamplers;

    public UpDecoderBlock(int from, int to, int layers, int groups, bool upsample, Placement at)
        : base("UpDecoderBlock2D")
    {
        resnets = nn.ModuleList<ResnetBlock2D>();
        for (var i = 0; i < layers; i++)
            resnets.Add(new(i == 0 ? from : to, to, null, groups, 1e-6, at));
        upsamplers = upsample ? nn.ModuleList(new Upsample2D(to, at)) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var h = input;
        foreach (var resnet in resnets)
        {
            var next = resnet.call(h, BlockContext.None);
            if (!ReferenceEquals(h, input))
                h.Dispose();
            h = next;
        }
        return upsamplers is null ? h : h.Into(upsamplers[0]);
    }
}

/// <summary>Image to the moments of the latents.</summary>
internal sealed class Encoder : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv_in;
    private readonly ModuleList<DownEncoderBlock> down_blocks;
    private readonly VaeMidBlock mid_block;
    private readonly GroupNorm conv_norm_out;
    private readonly NormThenSilu last;
    private readonly Conv2d conv_out;

    public Encoder(AutoencoderKLConfig config, Placement at) : base(nameof(Encoder))
    {
        var channels = config.BlockOutChannels;
        conv_in = at.Conv2d(config.InChannels, channels[0]);
        down_blocks = nn.ModuleList<DownEncoderBlock>();
        for (var i = 0; i < channels.Length; i++)
            down_blocks.Add(new(channels[Math.Max(i - 1, 0)], channels[i], config.LayersPerBlock, config.NormNumGroups,
                i < channels.Length - 1, at));
        mid_block = new(config, at);
        conv_norm_out = at.GroupNorm(config.NormNumGroups, channels[^1], 1e-6);
        last = new(conv_norm_out);
        conv_out = at.Conv2d(channels[^1], 2 * config.LatentChannels);
        RegisterComponents();
    }

    public BlockRunner? Runner { get; set; }

    public override Tensor forward(Tensor image)
    {
        using var ordered = Steps.ChannelsInnermost(image);
        var h = conv_in.call(ordered);
        foreach (var block in down_blocks)
            h = h.Into(block, Runner);
        return h.Into(mid_block, Runner).Into(last).Into(conv_out).Contiguous();
    }
}

/// <summary>Latents to image.</summary>
internal sealed class Decoder : nn.Module<Tensor, Tensor>
{
    internal readonly Conv2d conv_in;
    private readonly ModuleList<UpDecoderBlock> up_blocks;
    private readonly VaeMidBlock mid_block;
    private readonly GroupNorm conv_norm_out;
    private readonly NormThenSilu last;
    private readonly Conv2d conv_out;

    public Decoder(AutoencoderKLConfig config, Placement at) : base(nameof(Decoder))
    {
        int[] channels = [.. config.BlockOutChannels.Reverse()];
        conv_in = at.Conv2d(config.LatentChannels, channels[0]);
        mid_block = new(config, at);
        up_blocks = nn.ModuleList<UpDecoderBlock>();
        for (var i = 0; i < channels.Length; i++)
            up_blocks.Add(new(channels[Math.Max(i - 1, 0)], channels[i], config.LayersPerBlock + 1,
                config.NormNumGroups, i < channels.Length - 1, at));
        conv_norm_out = at.GroupNorm(config.NormNumGroups, channels[^1], 1e-6);
        last = new(conv_norm_out);
        conv_out = at.Conv2d(channels[^1], config.OutChannels);
        RegisterComponents();
    }

    public BlockRunner? Runner { get; set; }

    public override Tensor forward(Tensor latents)
    {
        using var ordered = Steps.ChannelsInnermost(latents);
        var h = conv_in.call(ordered).Into(mid_block, Runner);
        foreach (var block in up_blocks)
            h = h.Into(block, Runner);
        return h.Into(last).Into(conv_out).Contiguous();
    }
}
