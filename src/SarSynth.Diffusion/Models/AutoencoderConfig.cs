// config.json of AutoencoderKL, field by field.
using SarSynth.Diffusion.Checkpoints;

namespace SarSynth.Diffusion.Models;

/// <summary>
/// The configuration of an <see cref="AutoencoderKL"/>. Properties are the fields
/// of config.json with diffusers' defaults.
/// </summary>
public sealed record AutoencoderKLConfig
{
    /// <summary>Image channels in.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>Image channels out.</summary>
    public int OutChannels { get; init; } = 3;

    /// <summary><c>DownEncoderBlock2D</c> for each level; each but the last halves the size.</summary>
    public string[] DownBlockTypes { get; init; } = ["DownEncoderBlock2D"];

    /// <summary><c>UpDecoderBlock2D</c> for each level.</summary>
    public string[] UpBlockTypes { get; init; } = ["UpDecoderBlock2D"];

    /// <summary>Channels of each level.</summary>
    public int[] BlockOutChannels { get; init; } = [64];

    /// <summary>Residual blocks at each level (one more in the decoder).</summary>
    public int LayersPerBlock { get; init; } = 1;

    /// <summary><c>silu</c>.</summary>
    public string ActFn { get; init; } = "silu";

    /// <summary>Latent channels.</summary>
    public int LatentChannels { get; init; } = 4;

    /// <summary>Groups of the group normalisations.</summary>
    public int NormNumGroups { get; init; } = 32;

    /// <summary>The image size of training; tiles have this size.</summary>
    public PerBlock<int> SampleSize { get; init; } = 32;

    /// <summary>Latents are multiplied by this before the UNet, and divided by it before decoding.</summary>
    public double ScalingFactor { get; init; } = 0.18215;

    /// <summary>Taken off the latents before scaling; null for 0.</summary>
    public double? ShiftFactor { get; init; }

    /// <summary>Mean of each latent channel, for pipelines that normalise; or null.</summary>
    public double[]? LatentsMean { get; init; }

    /// <summary>Standard deviation of each latent channel, or null.</summary>
    public double[]? LatentsStd { get; init; }

    /// <summary>Decoding overflows in float16 and is done in float32.</summary>
    public bool ForceUpcast { get; init; } = true;

    /// <summary>A 1x1 convolution after the encoder.</summary>
    public bool UseQuantConv { get; init; } = true;

    /// <summary>A 1x1 convolution before the decoder.</summary>
    public bool UsePostQuantConv { get; init; } = true;

    /// <summary>Self-attention at the coarsest level.</summary>
    public bool MidBlockAddAttention { get; init; } = true;

    /// <summary>How many image pixels a latent pixel stands for, along one side.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public int Factor => 1 << (BlockOutChannels.Length - 1);

    /// <summary>Reads config.json text.</summary>
    /// <inheritdoc cref="UNet2DConditionConfig.FromJson"/>
    public static AutoencoderKLConfig FromJson(string json, string source = "AutoencoderKL config.json")
    {
        var config = ConfigJson.Parse<AutoencoderKLConfig>(json, source);
        config.Check(source);
        return config;
    }

    /// <summary>The text of a config.json that diffusers reads.</summary>
    public string ToJson() => ConfigJson.Write(this, "AutoencoderKL");

    internal void Check(string source)
    {
        void Require(string field, bool holds, string found, string expected)
        {
            if (!holds)
                throw new CheckpointException(source, $"field '{field}' is {found}, expected {expected}");
        }
        var levels = BlockOutChannels.Length;
        Require("block_out_channels", levels > 0, "[]", "one value for each block");
        Require("down_block_types", DownBlockTypes.Length == levels, $"{DownBlockTypes.Length} values",
            $"{levels}, as block_out_channels");
        Require("up_block_types", UpBlockTypes.Length == levels, $"{UpBlockTypes.Length} values",
            $"{levels}, as block_out_channels");
        foreach (var type in DownBlockTypes)
            Require("down_block_types", type == "DownEncoderBlock2D", $"'{type}'", "DownEncoderBlock2D");
        foreach (var type in UpBlockTypes)
            Require("up_block_types", type == "UpDecoderBlock2D", $"'{type}'", "UpDecoderBlock2D");
        Require("act_fn", ActFn is "silu" or "swish", $"'{ActFn}'", "silu");
        Require("latents_mean", LatentsMean is null || LatentsMean.Length == LatentChannels,
            $"{LatentsMean?.Length} values", $"{LatentChannels}, one for each latent channel");
        Require("latents_std", (LatentsStd?.Length ?? LatentChannels) == LatentChannels
            && LatentsStd is null == LatentsMean is null, $"{LatentsStd?.Length ?? 0} values",
            "as many as latents_mean");
        foreach (var channels in BlockOutChannels)
            Require("block_out_channels", channels > 0 && channels % NormNumGroups == 0, $"{channels}",
                $"a multiple of norm_num_groups ({NormNumGroups})");
    }
}
