// A denoiser without normalisation and attention: what it makes of a place hangs on what lies around it alone, so that
// windows of a large image agree where they overlap. Residual blocks that begin as the identity (Zhang et al. 2019,
// Fixup), time as a bias of each block (Ho et al. 2020), sub-pixel convolution on the way up (Shi et al. 2016).
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>The configuration of a <see cref="PlainUNetModel"/>.</summary>
public sealed record PlainUNetConfig
{
    /// <summary>Channels of the noisy image and of what is predicted.</summary>
    public int Channels { get; init; } = 16;

    /// <summary>Channels of the image that it is told.</summary>
    public int ImageConditionChannels { get; init; }

    /// <summary>Numbers that each image comes with.</summary>
    public int ConditionChannels { get; init; }

    /// <summary>Channels of each level; each but the first has half the size of the one before.</summary>
    public int[] BlockOutChannels { get; init; } = [48, 72, 96];

    /// <summary>Residual blocks of each level, on the way down and again on the way up.</summary>
    public int LayersPerBlock { get; init; } = 2;

    /// <summary>Width of what blocks are told of time and conditions.</summary>
    public int EmbeddingChannels { get; init; } = 96;

    /// <summary>Timesteps are shares of this.</summary>
    public int TrainTimesteps { get; init; } = 1000;

    /// <summary>Height and width must be multiples of this.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public int Multiple => 1 << (BlockOutChannels.Length - 1);

    /// <summary>Reads config.json text.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">Where it comes from, for errors.</param>
    /// <exception cref="CheckpointException">An unknown field or a value that cannot be, named.</exception>
    public static PlainUNetConfig FromJson(string json, string source = "PlainUNetModel config.json")
    {
        var config = ConfigJson.Parse<PlainUNetConfig>(json, source);
        config.Check(source);
        return config;
    }

    /// <summary>The text of a config.json.</summary>
    public string ToJson() => ConfigJson.Write(this, nameof(PlainUNetModel));

    private void Check(string source)
    {
        void AtLeast(string field, int found, int least)
        {
            if (found < least)
                throw new CheckpointException(source, $"field '{field}' is {found}, expected {least} or more");
        }
        AtLeast("channels", Channels, 1);
        AtLeast("image_condition_channels", ImageConditionChannels, 0);
        AtLeast("condition_channels", ConditionChannels, 0);
        AtLeast("layers_per_block", LayersPerBlock, 1);
        AtLeast("embedding_channels", EmbeddingChannels, 1);
        AtLeast("train_timesteps", TrainTimesteps, 2);
        if (BlockOutChannels.Length == 0)
            throw new CheckpointException(source, "field 'block_out_channels' is [], expected one value a level");
        foreach (var channels in BlockOutChannels)
            AtLeast("block_out_channels", channels, 1);
    }
}

/// <summary>Noisy image, a clean image of conditions, timestep and numbers to a prediction.</summary>
public sealed class PlainUNetModel : nn.Module, IPretrainedModel<PlainUNetModel>
{
    // Waves of the timestep: t T / 2^k of a half turn.
    private const int Waves = 8;

    private readonly Linear time_in;
    private readonly Linear time_out;
    private readonly Conv2d conv_in;
    private readonly ModuleList<TimedLevel> down_blocks;
    private readonly ModuleList<TimedLevel> up_blocks;
    private readonly Conv2d conv_out;

    /// <summary>Makes a network that predicts zero: its last layer is zero.</summary>
    /// <param name="config">Its shape.</param>
    /// <param name="device">Where it lives; the CPU where null.</param>
    /// <param name="dtype">Type of its parameters; float32 where null.</param>
    public PlainUNetModel(PlainUNetConfig config, Device? device = null, ScalarType? dtype = null)
        : base(nameof(PlainUNetModel))
    {
        Config = config;
        var at = new Placement(device, dtype);
        var channels = config.BlockOutChannels;
        time_in = at.Linear(2 * Waves + config.ConditionChannels, config.EmbeddingChannels);
        time_out = at.Linear(config.EmbeddingChannels, config.EmbeddingChannels);
        conv_in = at.Conv2d(config.Channels + config.ImageConditionChannels, channels[0]);
        down_blocks = nn.ModuleList<TimedLevel>();
        up_blocks = nn.ModuleList<TimedLevel>();
        for (var i = 0; i < channels.Length; i++)
        {
            down_blocks.Add(new(channels[i], config.LayersPerBlock, config.EmbeddingChannels,
                i + 1 < channels.Length ? at.Conv2d(channels[i], channels[i + 1], stride: 2) : null, at));
        }
        for (var i = channels.Length - 2; i >= 0; i--)
        {
            up_blocks.Add(new(channels[i], config.LayersPerBlock, config.EmbeddingChannels,
                at.Conv2d(channels[i + 1], 4 * channels[i]), at));
        }
        conv_out = at.Conv2d(channels[0], config.Channels);
        PlainResnetBlock.Silence(conv_out);
        RegisterComponents();
    }

    /// <summary>Its shape.</summary>
    public PlainUNetConfig Config { get; }

    /// <inheritdoc/>
    public static string WeightsName => "diffusion_pytorch_model";

    /// <inheritdoc/>
    public string ConfigJson => Config.ToJson();

    /// <inheritdoc/>
    public static PlainUNetModel Create(string json, string source, Device? device, ScalarType? dtype) =>
        new(PlainUNetConfig.FromJson(json, source), device, dtype);

    /// <summary>Predicts.</summary>
    /// <param name="noisy">[B, channels, H, W]; H and W are multiples of
    /// <see cref="PlainUNetConfig.Multiple"/>.</param>
    /// <param name="timesteps">[B] or [1], 0 to <see cref="PlainUNetConfig.TrainTimesteps"/>.</param>
    /// <param name="image">[B, image_condition_channels, H, W].</param>
    /// <param name="conditions">[B, condition_channels].</param>
    /// <returns>[B, channels, H, W].</returns>
    public Tensor call(Tensor noisy, Tensor timesteps, Tensor image, Tensor conditions)
    {
        using var scope = NewDisposeScope();
        var share = timesteps.to(ScalarType.Float32).Over(Config.TrainTimesteps).reshape(-1, 1)
            .expand(noisy.shape[0], 1);
        var angle = share.mul(tensor(Enumerable.Range(0, Waves).Select(k => MathF.PI * (1 << k) / 2).ToArray(),
            device: noisy.device));
        var told = time_in.call(cat([angle.sin(), angle.cos(), conditions], 1).to(noisy.dtype));
        var time = nn.functional.silu(time_out.call(nn.functional.silu(told)));
        var h = conv_in.call(Steps.ChannelsInnermost(cat([noisy, image], 1)));
        var skips = new Stack<Tensor>();
        foreach (var level in down_blocks)
        {
            h = level.Residuals(h, time);
            if (level.conv is null)
                break;
            skips.Push(h);
            h = level.conv.call(h);
        }
        foreach (var level in up_blocks)
            h = level.Residuals(UpscalingUNetModel.Shuffled(level.conv!.call(h), 2).Plus(skips.Pop()), time);
        return conv_out.call(nn.functional.silu(h)).contiguous().MoveToOuterDisposeScope();
    }
}

/// <summary>Residual blocks of one level, and the convolution to the next level or from the one below.</summary>
internal sealed class TimedLevel : nn.Module
{
    internal readonly Conv2d? conv;
    private readonly ModuleList<TimedResnetBlock> resnets;

    public TimedLevel(long channels, int layers, long embedding, Conv2d? conv, Placement at) : base(nameof(TimedLevel))
    {
        this.conv = conv;
        resnets = nn.ModuleList<TimedResnetBlock>();
        for (var i = 0; i < layers; i++)
            resnets.Add(new(channels, embedding, at));
        RegisterComponents();
    }

    public Tensor Residuals(Tensor input, Tensor time)
    {
        var h = input;
        foreach (var block in resnets)
            h = block.call(h, time);
        return h;
    }
}

/// <summary>Two 3x3 convolutions around a residual, a bias of time between them.</summary>
internal sealed class TimedResnetBlock : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly Linear time_emb_proj;
    private readonly Conv2d conv2;

    public TimedResnetBlock(long channels, long embedding, Placement at) : base(nameof(TimedResnetBlock))
    {
        conv1 = at.Conv2d(channels, channels);
        time_emb_proj = at.Linear(embedding, channels);
        conv2 = at.Conv2d(channels, channels);
        PlainResnetBlock.Silence(conv2);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input, Tensor time)
    {
        var bias = time_emb_proj.call(time);
        var h = conv1.call(nn.functional.silu(input)).Plus(bias.unsqueeze(2).unsqueeze(3));
        return conv2.call(nn.functional.silu(h)).Plus(input);
    }
}
