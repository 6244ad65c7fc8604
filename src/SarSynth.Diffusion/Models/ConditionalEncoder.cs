// The half that UNet and ControlNet share: time, class and added embeddings, the way down, and the middle.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>The way down of a UNet, with its conditioning; the parts have the checkpoint's names.</summary>
public abstract class ConditionalEncoder : nn.Module
{
    private readonly ConditionalEncoderConfig config;

    internal readonly Conv2d conv_in;
    internal readonly TimestepEmbedding time_embedding;
    internal readonly nn.Module? class_embedding;
    internal readonly TimestepEmbedding? add_embedding;
    internal readonly ModuleList<DownBlock> down_blocks;
    internal readonly MidBlock? mid_block;

    private protected ConditionalEncoder(string name, ConditionalEncoderConfig config, Placement at, int convInKernel,
        int? guidanceWidth, int? embeddingWidth)
        : base(name)
    {
        this.config = config;
        var channels = config.BlockOutChannels;
        int levels = config.Levels, embedding = embeddingWidth ?? config.TimeEmbedChannels;
        conv_in = at.Conv2d(config.InChannels, channels[0], convInKernel, padding: convInKernel / 2);
        time_embedding = new(channels[0], embedding, at, guidanceWidth);
        class_embedding = config.ClassEmbedType switch
        {
            null when config.NumClassEmbeds is { } count => at.Embedding(count, embedding),
            "timestep" => new TimestepEmbedding(channels[0], embedding, at),
            "projection" => new TimestepEmbedding(config.ProjectionClassEmbeddingsInputDim!.Value, embedding, at),
            "identity" => nn.Identity(),
            _ => null,
        };
        add_embedding = config.AdditionEmbedType is null ? null
            : new(config.ProjectionClassEmbeddingsInputDim!.Value, embedding, at);
        Level = new(embedding, config.NormNumGroups, config.NormEps, config.UseLinearProjection, config.UpcastAttention
            ?? false, at);
        var layers = config.LayersPerBlock.For(levels, "layers_per_block", name);
        Attention = [.. Enumerable.Range(0, levels).Select(i => new AttentionSettings(
            config.AttentionHeadDim.For(levels, "attention_head_dim", name)[i],
            config.TransformerLayersPerBlock.For(layers, "transformer_layers_per_block", name)[i],
            config.CrossAttentionDim.For(levels, "cross_attention_dim", name)[i],
            config.OnlyCrossAttention.For(levels, "only_cross_attention", name)[i]))];
        down_blocks = nn.ModuleList<DownBlock>();
        for (var i = 0; i < levels; i++)
        {
            down_blocks.Add(new(
                i == 0 ? channels[0] : channels[i - 1], channels[i], layers[i],
                config.DownBlockTypes[i] == "CrossAttnDownBlock2D" ? Attention[i] : null,
                i < levels - 1 ? config.DownsamplePadding : null, Level));
        }
        mid_block = config.MidBlockType is null ? null
            : new(channels[^1], config.MidBlockType == "UNetMidBlock2D" ? null
                : Attention[^1] with { OnlyCrossAttention = false }, Level);
    }

    /// <summary>How blocks are run: null for simply so; training sets gradient checkpointing here.</summary>
    public BlockRunner? BlockRunner { get; set; }

    private protected LevelSettings Level { get; }

    private protected AttentionSettings[] Attention { get; }

    // The width of text that every cross-attention expects; null where there is none, or where levels differ.
    private int? TextWidth => config.DownBlockTypes.Any(t => t.StartsWith("CrossAttn", StringComparison.Ordinal))
        && Attention.Select(a => a.TextWidth).Distinct().ToArray() is [var width] ? width : null;

    /// <summary>
    /// The time, class and added embeddings as one vector for each sample, after SiLU: every block starts with it.
    /// </summary>
    private protected Tensor Embed(Tensor sample, Tensor timestep, Tensor? text_embeds, Tensor? time_ids,
        Tensor? class_labels, Tensor? timestep_cond)
    {
        using var scope = NewDisposeScope();
        var batch = sample.shape[0];
        var timesteps = (timestep.dim() == 0 ? timestep.unsqueeze(0) : timestep).to(sample.device);
        if (timesteps.dim() != 1 || (timesteps.shape[0] != 1 && timesteps.shape[0] != batch))
            throw new ArgumentException($"timestep: found shape [{string.Join(", ", timestep.shape)}], expected one "
                + $"value or {batch}, as sample.", nameof(timestep));
        var encoded = Encode(timesteps, config.BlockOutChannels[0]).to(sample.dtype);
        var embedding = time_embedding.call(timesteps.shape[0] == batch ? encoded
            : encoded.expand(batch, -1), timestep_cond);
        if (class_embedding != null)
        {
            var labels = class_labels
                ?? throw new ArgumentNullException(nameof(class_labels),
                "this model has class embeddings; class_labels is needed.");
            embedding = embedding.Plus(class_embedding switch
            {
                Embedding table => table.call(labels),
                TimestepEmbedding layers when config.ClassEmbedType == "timestep" =>
                    layers.call(Encode(labels.reshape(-1), config.BlockOutChannels[0]).to(sample.dtype), null),
                TimestepEmbedding layers => layers.call(labels.to(sample.dtype), null),
                _ => labels.to(sample.dtype),
            });
        }
        if (add_embedding != null)
        {
            var pooled = text_embeds
                ?? throw new ArgumentNullException(nameof(text_embeds),
                "this model has added conditions; the pooled text is needed.");
            var sizes = time_ids
                ?? throw new ArgumentNullException(nameof(time_ids),
                "this model has added conditions; sizes and crops are needed.");
            var times = Encode(sizes.reshape(-1), config.AdditionTimeEmbedDim!.Value).reshape(pooled.shape[0], -1);
            var added = cat([pooled.to(times.dtype), times], -1);
            if (added.shape[1] != config.ProjectionClassEmbeddingsInputDim)
                throw new ArgumentException($"text_embeds and time_ids make {added.shape[1]} values for each sample, "
                    + $"expected {config.ProjectionClassEmbeddingsInputDim}.", nameof(time_ids));
            embedding = embedding.Plus(add_embedding.call(added.to(sample.dtype), null));
        }
        return nn.functional.silu(embedding).MoveToOuterDisposeScope();
    }

    /// <summary>What all blocks of one pass share.</summary>
    private protected BlockContext Context(Tensor sample, Tensor embedding, Tensor text, Tensor? mask, TextCache? cache)
    {
        if (text.dim() != 3 || text.shape[0] != sample.shape[0])
            throw new ArgumentException($"encoder_hidden_states: found shape [{string.Join(", ", text.shape)}], "
                + $"expected [{sample.shape[0]}, tokens, width].");
        if (TextWidth is { } width && text.shape[2] != width)
            throw new ArgumentException($"encoder_hidden_states: found shape [{string.Join(", ", text.shape)}], "
                + $"expected a width of {width}.");
        CheckType("encoder_hidden_states", text);
        // 1 keeps a token and 0 drops it, as diffusers has it: -10000 on the scores.
        var bias = mask is null ? null : mask.to(sample.dtype).Complement().Times(-10000.0).unsqueeze(1);
        return new() { Embedding = embedding, Text = text, TextBias = bias, Cache = cache, Runner = BlockRunner };
    }

    /// <summary>The way down. <paramref name="skips"/> owns all results; the last is returned too.</summary>
    private protected Tensor Down(Tensor first, BlockContext context, List<Tensor> skips)
    {
        skips.Add(first);
        var h = first;
        foreach (var block in down_blocks)
            h = block.call(h, context, skips);
        return h;
    }

    private protected void CheckSample(Tensor sample)
    {
        if (sample.dim() != 4 || sample.shape[1] != config.InChannels)
            throw new ArgumentException($"sample: found shape [{string.Join(", ", sample.shape)}], expected [N, "
                + $"{config.InChannels}, H, W].", nameof(sample));
        CheckType("sample", sample);
    }

    // Where libtorch meets a product of two types or widths, it may end the process. Under autocast, which leaves norms
    // in float32, the layers take either type.
    private void CheckType(string name, Tensor given)
    {
        ScalarType type = conv_in.weight.dtype, norms = down_blocks[0].NormType;
        if (given.dtype != type && given.dtype != norms)
            throw new ArgumentException($"{name} is {given.dtype}, expected {norms}, as the model's weights are.",
                name);
    }

    private Tensor Encode(Tensor values, int width) =>
        TimestepEncoding.Encode(values, width, config.FlipSinToCos, config.FreqShift);
}
