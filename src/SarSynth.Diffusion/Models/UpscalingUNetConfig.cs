// config.json of the up-scaling network, field by field.
using SarSynth.Diffusion.Checkpoints;

namespace SarSynth.Diffusion.Models;

/// <summary>The configuration of an <see cref="UpscalingUNetModel"/>.</summary>
public sealed record UpscalingUNetConfig
{
    /// <summary>Channels of the coarse image.</summary>
    public int InChannels { get; init; } = 1;

    /// <summary>Numbers that each image comes with, told at every pixel.</summary>
    public int ConditionChannels { get; init; }

    /// <summary>Channels of the fine image; the first are the coarse image's own, interpolated, plus a
    /// residual.</summary>
    public int OutChannels { get; init; } = 1;

    /// <summary>Fine pixels per coarse pixel.</summary>
    public int Scale { get; init; } = 4;

    /// <summary>Channels of each level; each but the first has half the size of the one before.</summary>
    public int[] BlockOutChannels { get; init; } = [40, 64, 96];

    /// <summary>Residual blocks of each level, on the way down and again on the way up.</summary>
    public int LayersPerBlock { get; init; } = 2;

    /// <summary>Channels of the fine grid.</summary>
    public int FineChannels { get; init; } = 16;

    /// <summary>Residual blocks on the fine grid.</summary>
    public int FineLayers { get; init; } = 1;

    /// <summary>Height and width of the coarse image must be multiples of this.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public int Multiple => 1 << (BlockOutChannels.Length - 1);

    /// <summary>Reads config.json text.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">Where it comes from, for errors.</param>
    /// <exception cref="CheckpointException">An unknown field or a value that cannot be, named.</exception>
    public static UpscalingUNetConfig FromJson(string json, string source = "UpscalingUNetModel config.json")
    {
        var config = ConfigJson.Parse<UpscalingUNetConfig>(json, source);
        config.Check(source);
        return config;
    }

    /// <summary>The text of a config.json.</summary>
    public string ToJson() => ConfigJson.Write(this, nameof(UpscalingUNetModel));

    internal void Check(string source)
    {
        void AtLeast(string field, int found, int least)
        {
            if (found < least)
                throw new CheckpointException(source, $"field '{field}' is {found}, expected {least} or more");
        }
        AtLeast("in_channels", InChannels, 1);
        AtLeast("condition_channels", ConditionChannels, 0);
        AtLeast("out_channels", OutChannels, InChannels);
        AtLeast("scale", Scale, 1);
        AtLeast("layers_per_block", LayersPerBlock, 1);
        AtLeast("fine_channels", FineChannels, 1);
        AtLeast("fine_layers", FineLayers, 0);
        if (BlockOutChannels.Length == 0)
            throw new CheckpointException(source, "field 'block_out_channels' is [], expected one value a level");
        foreach (var channels in BlockOutChannels)
            AtLeast("block_out_channels", channels, 1);
    }
}
