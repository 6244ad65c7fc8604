// config.json of UNet2DConditionModel and ControlNetModel (diffusers 0.17 and later), field by field.
using SarSynth.Diffusion.Checkpoints;

namespace SarSynth.Diffusion.Models;

/// <summary>
/// What a UNet and a ControlNet have in common: the way down and the conditioning. Properties are the fields of
/// config.json; the defaults are those of diffusers.
/// </summary>
public abstract record ConditionalEncoderConfig
{
    // diffusers' EMA helper writes its own state into config.json; it changes nothing of the model.
    private protected static readonly HashSet<string> AverageState =
        ["decay", "inv_gamma", "min_decay", "optimization_step", "power", "update_after_step", "use_ema_warmup"];

    private protected static readonly string[] CrossAttentionDown =
        ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"];

    /// <summary>Latent channels in.</summary>
    public int InChannels { get; init; } = 4;

    /// <summary>cos before sin in the timestep embedding.</summary>
    public bool FlipSinToCos { get; init; } = true;

    /// <summary>Shift of the frequencies of the timestep embedding.</summary>
    public double FreqShift { get; init; }

    /// <summary><c>DownBlock2D</c> or <c>CrossAttnDownBlock2D</c>, from the finest level to the coarsest.</summary>
    public string[] DownBlockTypes { get; init; } = CrossAttentionDown;

    /// <summary>
    /// <c>UNetMidBlock2DCrossAttn</c>; <c>UNetMidBlock2D</c> (one residual block: distilled SDXL) or
    /// null (none: distilled SD 1.5).
    /// </summary>
    public string? MidBlockType { get; init; } = "UNetMidBlock2DCrossAttn";

    /// <summary>Blocks whose self-attention looks at the text too instead.</summary>
    public PerBlock<bool> OnlyCrossAttention { get; init; } = false;

    /// <summary>Channels of each level.</summary>
    public int[] BlockOutChannels { get; init; } = [320, 640, 1280, 1280];

    /// <summary>Residual blocks at each level (one more on the way up).</summary>
    public PerBlock<int> LayersPerBlock { get; init; } = 2;

    /// <summary>Padding of the strided convolutions.</summary>
    public int DownsamplePadding { get; init; } = 1;

    /// <summary>1: the only value that published checkpoints have.</summary>
    public double MidBlockScaleFactor { get; init; } = 1;

    /// <summary><c>silu</c>.</summary>
    public string ActFn { get; init; } = "silu";

    /// <summary>Groups of the group normalisations.</summary>
    public int NormNumGroups { get; init; } = 32;

    /// <summary>Epsilon of the residual blocks' normalisations.</summary>
    public double NormEps { get; init; } = 1e-5;

    /// <summary>Width of the text embeddings.</summary>
    public PerBlock<int> CrossAttentionDim { get; init; } = 1280;

    /// <summary>
    /// Transformer blocks in each attention layer of a level; a level may have a list with one for each of its layers.
    /// </summary>
    public BlockDepths TransformerLayersPerBlock { get; init; } = 1;

    /// <summary>Null: no projection of the text in published checkpoints of these families.</summary>
    public int? EncoderHidDim { get; init; }

    /// <summary>Null, see <see cref="EncoderHidDim"/>.</summary>
    public string? EncoderHidDimType { get; init; }

    /// <summary>
    /// Number of attention heads of a level (diffusers keeps this misleading name for its checkpoints).
    /// </summary>
    public PerBlock<int> AttentionHeadDim { get; init; } = 8;

    /// <summary>Null: diffusers refuses it because of the name above.</summary>
    public PerBlock<int>? NumAttentionHeads { get; init; }

    /// <summary>Linear projections around the transformer blocks, else convolutions of kernel 1.</summary>
    public bool UseLinearProjection { get; init; }

    /// <summary>null, <c>timestep</c>, <c>identity</c> or <c>projection</c>: what class labels become.</summary>
    public string? ClassEmbedType { get; init; }

    /// <summary>null or <c>text_time</c> (SDXL: pooled text and sizes).</summary>
    public string? AdditionEmbedType { get; init; }

    /// <summary>Width of the embedding of each size (text_time).</summary>
    public int? AdditionTimeEmbedDim { get; init; }

    /// <summary>Number of learned classes, or null.</summary>
    public int? NumClassEmbeds { get; init; }

    /// <summary>Attention scores in float32 (SD 2.1, where half precision overflows); null means no.</summary>
    public bool? UpcastAttention { get; init; } = false;

    /// <summary><c>default</c>.</summary>
    public string ResnetTimeScaleShift { get; init; } = "default";

    /// <summary>Width of the input of the added embedding (text_time, or classes of type projection).</summary>
    public int? ProjectionClassEmbeddingsInputDim { get; init; }

    /// <summary>Only for addition types with attention, which published checkpoints of these families lack.</summary>
    public int AdditionEmbedTypeNumHeads { get; init; } = 64;

    internal int Levels => BlockOutChannels.Length;

    internal int TimeEmbedChannels => BlockOutChannels[0] * 4;

    private protected void CheckEncoder(string source)
    {
        Require(source, "block_out_channels", BlockOutChannels.Length > 0, "[]", "one value for each block");
        Require(source, "down_block_types", DownBlockTypes.Length == Levels, $"{DownBlockTypes.Length} values",
            $"{Levels}, as block_out_channels");
        foreach (var type in DownBlockTypes)
            Require(source, "down_block_types", type is "DownBlock2D" or "CrossAttnDownBlock2D", $"'{type}'",
                "DownBlock2D or CrossAttnDownBlock2D");
        Require(source, "mid_block_type", MidBlockType is "UNetMidBlock2DCrossAttn" or "UNetMidBlock2D" or null,
            $"'{MidBlockType}'", "UNetMidBlock2DCrossAttn, UNetMidBlock2D or null");
        Require(source, "act_fn", ActFn is "silu" or "swish", $"'{ActFn}'", "silu");
        Require(source, "mid_block_scale_factor", MidBlockScaleFactor == 1, $"{MidBlockScaleFactor}", "1");
        Require(source, "num_attention_heads", NumAttentionHeads is null, $"{NumAttentionHeads}",
            "null (attention_head_dim holds the number of heads)");
        Require(source, "encoder_hid_dim_type", EncoderHidDimType is null
            && EncoderHidDim is null, $"'{EncoderHidDimType}'", "null");
        Require(source, "resnet_time_scale_shift", ResnetTimeScaleShift == "default", $"'{ResnetTimeScaleShift}'",
            "default");
        Require(source, "class_embed_type", ClassEmbedType is null or "timestep" or "identity" or "projection",
            $"'{ClassEmbedType}'", "null, timestep, identity or projection");
        Require(source, "addition_embed_type", AdditionEmbedType is null or "text_time", $"'{AdditionEmbedType}'",
            "null or text_time");
        Require(source, "projection_class_embeddings_input_dim", ProjectionClassEmbeddingsInputDim is not null
            || (AdditionEmbedType is null && ClassEmbedType != "projection"), "null",
            "the width of the added embedding's input");
        Require(source, "addition_time_embed_dim", AdditionTimeEmbedDim is not null
            || AdditionEmbedType is null, "null", "the width of the embedding of a size");
        OnlyCrossAttention.For(Levels, "only_cross_attention", source);
        var layers = LayersPerBlock.For(Levels, "layers_per_block", source);
        CrossAttentionDim.For(Levels, "cross_attention_dim", source);
        TransformerLayersPerBlock.For(layers, "transformer_layers_per_block", source);
        var heads = AttentionHeadDim.For(Levels, "attention_head_dim", source);
        for (var i = 0; i < Levels; i++)
        {
            Require(source, "block_out_channels", BlockOutChannels[i] > 0
                && BlockOutChannels[i] % NormNumGroups == 0, $"{BlockOutChannels[i]}",
                $"a multiple of norm_num_groups ({NormNumGroups})");
            Require(source, "attention_head_dim", heads[i] > 0
                && BlockOutChannels[i] % heads[i] == 0, $"{heads[i]}",
                $"a number of heads that divides {BlockOutChannels[i]} channels");
        }
    }

    private protected static void Require(string source, string field, bool holds, string found, string expected)
    {
        if (!holds)
            throw new CheckpointException(source, $"field '{field}' is {found}, expected {expected}");
    }
}

/// <summary>The configuration of a <see cref="UNet2DConditionModel"/>.</summary>
public sealed record UNet2DConditionConfig : ConditionalEncoderConfig
{
    /// <summary>
    /// The latent size the model was trained at (a number, or height and width); a default for pipelines.
    /// </summary>
    public PerBlock<int>? SampleSize { get; init; }

    /// <summary>Latent channels out.</summary>
    public int OutChannels { get; init; } = 4;

    /// <summary>Scale the input from [0, 1] to [-1, 1].</summary>
    public bool CenterInputSample { get; init; }

    /// <summary><c>UpBlock2D</c> or <c>CrossAttnUpBlock2D</c>, from the coarsest level to the finest.</summary>
    public string[] UpBlockTypes { get; init; } = ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D",
        "CrossAttnUpBlock2D"];

    /// <summary>0: dropout that no published checkpoint has.</summary>
    public double Dropout { get; init; }

    /// <summary>
    /// Transformer blocks on the way up where they differ from those on the way down reversed; null where they do not.
    /// </summary>
    public BlockDepths? ReverseTransformerLayersPerBlock { get; init; }

    /// <summary>False: two attentions side by side, in no checkpoint of these families.</summary>
    public bool DualCrossAttention { get; init; }

    /// <summary>False.</summary>
    public bool ResnetSkipTimeAct { get; init; }

    /// <summary>1.</summary>
    public double ResnetOutScaleFactor { get; init; } = 1;

    /// <summary><c>positional</c>.</summary>
    public string TimeEmbeddingType { get; init; } = "positional";

    /// <summary>Width of the time embedding; four times the first level where null.</summary>
    public int? TimeEmbeddingDim { get; init; }

    /// <summary>null.</summary>
    public string? TimeEmbeddingActFn { get; init; }

    /// <summary>null.</summary>
    public string? TimestepPostAct { get; init; }

    /// <summary>Width of the guidance embedding of distilled models (LCM: 256), or null.</summary>
    public int? TimeCondProjDim { get; init; }

    /// <summary>Kernel of the first convolution.</summary>
    public int ConvInKernel { get; init; } = 3;

    /// <summary>Kernel of the last convolution.</summary>
    public int ConvOutKernel { get; init; } = 3;

    /// <summary><c>default</c>.</summary>
    public string AttentionType { get; init; } = "default";

    /// <summary>False.</summary>
    public bool ClassEmbeddingsConcat { get; init; }

    /// <summary>null or false: it has no effect on UNetMidBlock2DCrossAttn.</summary>
    public bool? MidBlockOnlyCrossAttention { get; init; }

    /// <summary>null.</summary>
    public string? CrossAttentionNorm { get; init; }

    /// <summary>Reads config.json text.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">Where it comes from, for errors.</param>
    /// <exception cref="CheckpointException">An unknown field, block type or value, named.</exception>
    public static UNet2DConditionConfig FromJson(string json, string source = "UNet2DConditionModel config.json")
    {
        var config = ConfigJson.Parse<UNet2DConditionConfig>(json, source, AverageState);
        config.Check(source);
        return config;
    }

    /// <summary>The text of a config.json that diffusers reads.</summary>
    public string ToJson() => ConfigJson.Write(this, "UNet2DConditionModel");

    internal void Check(string source)
    {
        CheckEncoder(source);
        Require(source, "up_block_types", UpBlockTypes.Length == Levels, $"{UpBlockTypes.Length} values",
            $"{Levels}, as block_out_channels");
        foreach (var type in UpBlockTypes)
            Require(source, "up_block_types", type is "UpBlock2D" or "CrossAttnUpBlock2D", $"'{type}'",
                "UpBlock2D or CrossAttnUpBlock2D");
        Require(source, "dropout", Dropout == 0, $"{Dropout}", "0");
        Require(source, "dual_cross_attention", !DualCrossAttention, "true", "false");
        Require(source, "resnet_skip_time_act", !ResnetSkipTimeAct, "true", "false");
        Require(source, "resnet_out_scale_factor", ResnetOutScaleFactor == 1, $"{ResnetOutScaleFactor}", "1");
        Require(source, "time_embedding_type", TimeEmbeddingType == "positional", $"'{TimeEmbeddingType}'",
            "positional");
        Require(source, "time_embedding_act_fn", TimeEmbeddingActFn is null, $"'{TimeEmbeddingActFn}'", "null");
        Require(source, "timestep_post_act", TimestepPostAct is null, $"'{TimestepPostAct}'", "null");
        Require(source, "attention_type", AttentionType == "default", $"'{AttentionType}'", "default");
        Require(source, "class_embeddings_concat", !ClassEmbeddingsConcat, "true", "false");
        Require(source, "cross_attention_norm", CrossAttentionNorm is null, $"'{CrossAttentionNorm}'", "null");
        Require(source, "conv_in_kernel", ConvInKernel % 2 == 1
            && ConvInKernel > 0, $"{ConvInKernel}", "an odd number");
        Require(source, "conv_out_kernel", ConvOutKernel % 2 == 1
            && ConvOutKernel > 0, $"{ConvOutKernel}", "an odd number");
        Require(source, "reverse_transformer_layers_per_block", ReverseTransformerLayersPerBlock is not null
            || !TransformerLayersPerBlock.IsNested, "null",
            "the depths of the way up, as transformer_layers_per_block has lists");
        ReverseTransformerLayersPerBlock?.For(
            [.. LayersPerBlock.For(Levels, "layers_per_block", source).Reverse().Select(l => l + 1)],
            "reverse_transformer_layers_per_block", source);
    }
}

/// <summary>The configuration of a <see cref="ControlNetModel"/>.</summary>
public sealed record ControlNetConfig : ConditionalEncoderConfig
{
    /// <summary>Channels of the condition image.</summary>
    public int ConditioningChannels { get; init; } = 3;

    /// <summary><c>rgb</c>, or <c>bgr</c>: the condition's channels are reversed first.</summary>
    public string ControlnetConditioningChannelOrder { get; init; } = "rgb";

    /// <summary>
    /// Channels of the condition's embedding; each entry after the first halves its size: four entries for a
    /// condition of eight times the latent size, three for four times.
    /// </summary>
    public int[] ConditioningEmbeddingOutChannels { get; init; } = [16, 32, 96, 256];

    /// <summary>Average the residuals over the image.</summary>
    public bool GlobalPoolConditions { get; init; }

    /// <summary>Reads config.json text.</summary>
    /// <inheritdoc cref="UNet2DConditionConfig.FromJson"/>
    public static ControlNetConfig FromJson(string json, string source = "ControlNetModel config.json")
    {
        var config = ConfigJson.Parse<ControlNetConfig>(json, source, AverageState);
        config.Check(source);
        return config;
    }

    /// <summary>The text of a config.json that diffusers reads.</summary>
    public string ToJson() => ConfigJson.Write(this, "ControlNetModel");

    internal void Check(string source)
    {
        CheckEncoder(source);
        Require(source, "mid_block_type", MidBlockType is not null, "null",
            "UNetMidBlock2DCrossAttn or UNetMidBlock2D");
        Require(source, "controlnet_conditioning_channel_order", ControlnetConditioningChannelOrder is "rgb" or "bgr",
            $"'{ControlnetConditioningChannelOrder}'", "rgb or bgr");
        Require(source, "conditioning_embedding_out_channels", ConditioningEmbeddingOutChannels.Length > 0, "[]",
            "at least one value");
    }
}
