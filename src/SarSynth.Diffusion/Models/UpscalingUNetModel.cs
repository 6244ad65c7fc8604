// A fine image from a coarse one by regression: a residual U-shaped network on the coarse grid (Ronneberger et al.
// 2015), then sub-pixel convolution (Shi et al. 2016). Without normalisation: what it makes of a place does not hang on
// places far off.
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>Coarse image and conditions to a fine image: interpolation and what a network adds to it.</summary>
public sealed class UpscalingUNetModel : nn.Module<Tensor, Tensor, Tensor>, IPretrainedModel<UpscalingUNetModel>
{
    private readonly Conv2d conv_in;
    private readonly ModuleList<UpscalingLevel> down_blocks;
    private readonly ModuleList<UpscalingLevel> up_blocks;
    private readonly Conv2d conv_shuffle;
    private readonly ModuleList<PlainResnetBlock> fine_blocks;
    private readonly Conv2d conv_out;

    /// <summary>Makes a network whose result is the interpolated image: its last layer is zero.</summary>
    /// <param name="config">Its shape.</param>
    /// <param name="device">Where it lives; the CPU where null.</param>
    /// <param name="dtype">Type of its parameters; float32 where null.</param>
    public UpscalingUNetModel(UpscalingUNetConfig config, Device? device = null, ScalarType? dtype = null)
        : base(nameof(UpscalingUNetModel))
    {
        Config = config;
        var at = new Placement(device, dtype);
        var channels = config.BlockOutChannels;
        conv_in = at.Conv2d(config.InChannels + config.ConditionChannels, channels[0]);
        down_blocks = nn.ModuleList<UpscalingLevel>();
        up_blocks = nn.ModuleList<UpscalingLevel>();
        for (var i = 0; i < channels.Length; i++)
        {
            down_blocks.Add(new(channels[i], config.LayersPerBlock,
                i + 1 < channels.Length ? at.Conv2d(channels[i], channels[i + 1], stride: 2) : null, at));
        }
        for (var i = channels.Length - 2; i >= 0; i--)
            up_blocks.Add(new(channels[i], config.LayersPerBlock, at.Conv2d(channels[i + 1], 4 * channels[i]), at));
        conv_shuffle = at.Conv2d(channels[0], (long)config.FineChannels * config.Scale * config.Scale);
        fine_blocks = nn.ModuleList<PlainResnetBlock>();
        for (var i = 0; i < config.FineLayers; i++)
            fine_blocks.Add(new(config.FineChannels, at));
        conv_out = at.Conv2d(config.FineChannels, config.OutChannels);
        PlainResnetBlock.Silence(conv_out);
        RegisterComponents();
    }

    /// <summary>Its shape.</summary>
    public UpscalingUNetConfig Config { get; }

    /// <inheritdoc/>
    public static string WeightsName => "diffusion_pytorch_model";

    /// <inheritdoc/>
    public string ConfigJson => Config.ToJson();

    /// <inheritdoc/>
    public static UpscalingUNetModel Create(string json, string source, Device? device, ScalarType? dtype) =>
        new(UpscalingUNetConfig.FromJson(json, source), device, dtype);

    /// <summary>Makes the fine image.</summary>
    /// <param name="image">[B, in_channels, H, W]; H and W are multiples of
    /// <see cref="UpscalingUNetConfig.Multiple"/>.</param>
    /// <param name="conditions">[B, condition_channels].</param>
    /// <returns>[B, out_channels, H * scale, W * scale].</returns>
    public override Tensor forward(Tensor image, Tensor conditions)
    {
        using var scope = NewDisposeScope();
        var (batch, height, width) = (image.shape[0], image.shape[2], image.shape[3]);
        var told = Config.ConditionChannels == 0 ? image : cat([image, conditions
            .view(batch, Config.ConditionChannels, 1, 1).expand(batch, Config.ConditionChannels, height, width)], 1);
        var h = conv_in.call(Steps.ChannelsInnermost(told));
        var skips = new Stack<Tensor>();
        foreach (var block in down_blocks)
        {
            h = block.Residuals(h);
            if (block.conv is null)
                break;
            skips.Push(h);
            h = block.conv.call(h);
        }
        foreach (var block in up_blocks)
            h = block.Residuals(Shuffled(block.conv!.call(h), 2).Plus(skips.Pop()));
        h = Shuffled(conv_shuffle.call(h), Config.Scale);
        foreach (var block in fine_blocks)
            h = block.call(h);
        h = conv_out.call(nn.functional.silu(h));
        var smooth = nn.functional.interpolate(image, size: [height * Config.Scale, width * Config.Scale],
            mode: InterpolationMode.Bicubic, align_corners: false);
        var more = Config.OutChannels - Config.InChannels;
        if (more > 0)
        {
            smooth = cat([smooth, zeros([batch, more, smooth.shape[2], smooth.shape[3]], smooth.dtype,
                smooth.device)], 1);
        }
        return h.Plus(smooth).contiguous().MoveToOuterDisposeScope();
    }

    // Sub-pixel convolution's last step, the channels innermost in memory before and after.
    internal static Tensor Shuffled(Tensor image, long factor)
    {
        var (batch, channels, height, width) = (image.shape[0], image.shape[1] / factor / factor, image.shape[2],
            image.shape[3]);
        return image.permute(0, 2, 3, 1).reshape(batch, height, width, channels, factor, factor)
            .permute(0, 1, 4, 2, 5, 3).reshape(batch, height * factor, width * factor, channels).permute(0, 3, 1, 2);
    }
}

/// <summary>Residual blocks of one level, and the convolution to the next level or from the one below.</summary>
internal sealed class UpscalingLevel : nn.Module
{
    internal readonly Conv2d? conv;
    private readonly ModuleList<PlainResnetBlock> resnets;

    public UpscalingLevel(long channels, int layers, Conv2d? conv, Placement at) : base(nameof(UpscalingLevel))
    {
        this.conv = conv;
        resnets = nn.ModuleList<PlainResnetBlock>();
        for (var i = 0; i < layers; i++)
            resnets.Add(new(channels, at));
        RegisterComponents();
    }

    public Tensor Residuals(Tensor input)
    {
        var h = input;
        foreach (var block in resnets)
            h = block.call(h);
        return h;
    }
}

/// <summary>Two 3x3 convolutions around a residual, without normalisation; it begins as the identity (Zhang et al.
/// 2019, Fixup).</summary>
internal sealed class PlainResnetBlock : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly Conv2d conv2;

    public PlainResnetBlock(long channels, Placement at) : base(nameof(PlainResnetBlock))
    {
        conv1 = at.Conv2d(channels, channels);
        conv2 = at.Conv2d(channels, channels);
        Silence(conv2);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var h = conv1.call(nn.functional.silu(input));
        return conv2.call(nn.functional.silu(h)).Plus(input);
    }

    /// <summary>Makes a convolution's result zero.</summary>
    public static void Silence(Conv2d convolution)
    {
        if (convolution.weight.device.type == DeviceType.META)
            return;
        using var noGradients = no_grad();
        nn.init.zeros_(convolution.weight);
        nn.init.zeros_(convolution.bias!);
    }
}
