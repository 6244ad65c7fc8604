// The denoiser of Stable Diffusion 1.5, 2.x, SDXL and its refiner: Rombach et al. (2022), Podell et al. (2023).
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>
/// A UNet over latents, conditioned on time, text and (SDXL) pooled text and
/// sizes. Members carry the checkpoint's names.
/// </summary>
public sealed class UNet2DConditionModel : ConditionalEncoder, IPretrainedModel<UNet2DConditionModel>
{
    private readonly ModuleList<UpBlock> up_blocks;
    private readonly GroupNorm conv_norm_out;
    private readonly Conv2d conv_out;
    private readonly NormThenSilu last;

    /// <summary>A model with random weights.</summary>
    /// <param name="config">Its configuration.</param>
    /// <param name="device">Where it lives; the meta device gives a model without memory. CPU where null.</param>
    /// <param name="dtype">Type of its parameters; float32 where null.</param>
    /// <exception cref="CheckpointException">A value of the configuration that is not supported, named.</exception>
    public UNet2DConditionModel(UNet2DConditionConfig config, Device? device = null, ScalarType? dtype = null)
        : base(nameof(UNet2DConditionModel), Checked(config), new(device, dtype), config.ConvInKernel,
            config.TimeCondProjDim, config.TimeEmbeddingDim)
    {
        Config = config;
        var channels = config.BlockOutChannels;
        var levels = channels.Length;
        var layers = config.LayersPerBlock.For(levels, "layers_per_block", nameof(UNet2DConditionModel));
        var depths = config.ReverseTransformerLayersPerBlock?.For(
            [.. layers.Reverse().Select(l => l + 1)], "reverse_transformer_layers_per_block",
            nameof(UNet2DConditionModel));
        up_blocks = nn.ModuleList<UpBlock>();
        for (var i = 0; i < levels; i++)
        {
            var level = levels - 1 - i;
            var attention = depths is null ? Attention[level] : Attention[level] with { Layers = depths[i] };
            up_blocks.Add(new(
                from: channels[Math.Min(level + 1, levels - 1)], to: channels[level],
                    skip: channels[Math.Max(level - 1, 0)], layers[level] + 1,
                config.UpBlockTypes[i] == "CrossAttnUpBlock2D" ? attention : null, upsample: level > 0, Level));
        }
        conv_norm_out = Level.At.GroupNorm(config.NormNumGroups, channels[0], config.NormEps);
        conv_out = Level.At.Conv2d(channels[0], config.OutChannels, config.ConvOutKernel,
            padding: config.ConvOutKernel / 2);
        last = new(conv_norm_out);
        RegisterComponents();
    }

    /// <summary>The configuration it was made from.</summary>
    public UNet2DConditionConfig Config { get; }

    /// <summary>What the model predicts (noise, velocity or image, as it was trained) for noisy latents.</summary>
    /// <param name="sample">Noisy latents, [N, in_channels, H, W], any H and W.</param>
    /// <param name="timestep">One value or one for each sample, integer or float, 0 to 1000.</param>
    /// <param name="encoder_hidden_states">Text embeddings, [N, T, cross_attention_dim].</param>
    /// <param name="text_embeds">SDXL: pooled text, [N, P].</param>
    /// <param name="time_ids">
    /// SDXL: original size, crop and target size (refiner: aesthetic score), [N, 6] or [N, 5].
    /// </param>
    /// <param name="class_labels">
    /// Class labels, noise levels or embeddings, for models that have class embeddings.
    /// </param>
    /// <param name="timestep_cond">Guidance embedding of distilled models, [N, time_cond_proj_dim].</param>
    /// <param name="down_block_additional_residuals">A ControlNet's residuals, one for each skip.</param>
    /// <param name="mid_block_additional_residual">A ControlNet's residual for the middle.</param>
    /// <param name="encoder_attention_mask">[N, T]: 1 keeps a token, 0 drops it.</param>
    /// <param name="cache">Keeps the text's keys and values between steps; only without gradients.</param>
    /// <returns>[N, out_channels, H, W].</returns>
    /// <exception cref="ArgumentException">
    /// A shape that does not fit, or a condition that the model needs and was not given.
    /// </exception>
    public Tensor forward(
        Tensor sample, Tensor timestep, Tensor encoder_hidden_states,
        Tensor? text_embeds = null, Tensor? time_ids = null, Tensor? class_labels = null, Tensor? timestep_cond = null,
        IReadOnlyList<Tensor>? down_block_additional_residuals = null, Tensor? mid_block_additional_residual = null,
        Tensor? encoder_attention_mask = null, TextCache? cache = null)
    {
        CheckSample(sample);
        using var scope = NewDisposeScope();
        var embedding = Embed(sample, timestep, text_embeds, time_ids, class_labels, timestep_cond);
        var context = Context(sample, embedding, encoder_hidden_states, encoder_attention_mask, cache);
        var skips = new List<Tensor>();
        using var ordered = Steps.ChannelsInnermost(Config.CenterInputSample ? sample.Times(2).Minus(1) : sample);
        var first = conv_in.call(ordered);
        var deepest = Down(first, context, skips);
        if (down_block_additional_residuals is { } residuals && residuals.Count != skips.Count)
            throw new ArgumentException($"found {residuals.Count} residuals, expected "
                + $"{skips.Count}, one for each skip.", nameof(down_block_additional_residuals));
        for (var i = 0; i < down_block_additional_residuals?.Count; i++)
            CheckResidual(i, down_block_additional_residuals[i].shape, skips[i].shape);
        var h = mid_block?.call(deepest, context) ?? deepest.clone();
        if (mid_block_additional_residual is not null)
            h = h.Plus_(mid_block_additional_residual);
        var stack = new SkipStack(skips, down_block_additional_residuals);
        foreach (var block in up_blocks)
            h = block.call(h, context, stack);
        return h.Into(last).Into(conv_out).Contiguous().MoveToOuterDisposeScope();
    }

    /// <inheritdoc cref="forward(Tensor, Tensor, Tensor, Tensor?, Tensor?, Tensor?, Tensor?, IReadOnlyList{Tensor}?,
    /// Tensor?, Tensor?, TextCache?)"/>
    public Tensor forward(Tensor sample, double timestep, Tensor encoder_hidden_states, Tensor? text_embeds = null,
        Tensor? time_ids = null)
    {
        using var time = tensor((float)timestep, device: sample.device);
        return forward(sample, time, encoder_hidden_states, text_embeds, time_ids);
    }

    // A pooled residual has one value for each channel.
    private static void CheckResidual(int index, long[] found, long[] expected)
    {
        if (!found.AsSpan().SequenceEqual(expected) && !found.AsSpan().SequenceEqual([expected[0], expected[1], 1, 1]))
        {
            throw new ArgumentException($"residual {index}: found shape [{string.Join(", ", found)}], expected "
                + $"[{string.Join(", ", expected)}].",
                "down_block_additional_residuals");
        }
    }

    static string IPretrainedModel<UNet2DConditionModel>.WeightsName => "diffusion_pytorch_model";

    static UNet2DConditionModel IPretrainedModel<UNet2DConditionModel>.Create(string json, string source,
        Device? device, ScalarType? dtype) =>
        new(UNet2DConditionConfig.FromJson(json, source), device, dtype);

    string IPretrainedModel<UNet2DConditionModel>.ConfigJson => Config.ToJson();

    private static UNet2DConditionConfig Checked(UNet2DConditionConfig config)
    {
        config.Check(nameof(UNet2DConditionModel));
        return config;
    }
}
