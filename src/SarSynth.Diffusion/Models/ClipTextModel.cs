// The text encoders: CLIP's transformer over tokens (Radford et al. 2021), as transformers has it.
using System.Text.Json;
using System.Text.Json.Serialization;
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>
/// The configuration of a CLIP text encoder: the fields of config.json that change what it computes, and its tokens.
/// </summary>
public sealed record CLIPTextConfig
{
    // PretrainedConfig writes every one of its fields; none of these changes a text encoder's result.
    private static readonly HashSet<string> WithoutEffect =
    [
        "add_cross_attention", "architectures", "bad_words_ids", "begin_suppress_tokens", "chunk_size_feed_forward",
        "cross_attention_hidden_size", "decoder_start_token_id", "diversity_penalty", "do_sample", "dtype",
            "early_stopping",
        "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty", "finetuning_task", "forced_bos_token_id",
        "forced_eos_token_id", "gradient_checkpointing", "id2label", "is_decoder", "is_encoder_decoder", "label2id",
            "length_penalty", "max_length",
        "min_length", "model_type", "no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_return_sequences",
        "output_attentions", "output_hidden_states", "output_scores", "prefix", "problem_type", "remove_invalid_values",
        "repetition_penalty", "return_dict", "return_dict_in_generate", "sep_token_id", "suppress_tokens",
        "task_specific_params", "temperature", "tf_legacy_loss", "tie_encoder_decoder", "tie_word_embeddings",
        "tokenizer_class", "top_k", "top_p", "torch_dtype", "torchscript", "transformers_version", "typical_p",
            "use_bfloat16",
    ];

    /// <summary>Whether a field of a text or image encoder's configuration has no effect on its result.</summary>
    internal static bool ChangesNothing(string field) => WithoutEffect.Contains(field);

    /// <summary>Number of tokens.</summary>
    public int VocabSize { get; init; } = 49408;

    /// <summary>Width.</summary>
    public int HiddenSize { get; init; } = 512;

    /// <summary>Width inside the feed-forward layers.</summary>
    public int IntermediateSize { get; init; } = 2048;

    /// <summary>Width of the projected pooled text.</summary>
    public int ProjectionDim { get; init; } = 512;

    /// <summary>Layers.</summary>
    public int NumHiddenLayers { get; init; } = 12;

    /// <summary>Attention heads.</summary>
    public int NumAttentionHeads { get; init; } = 8;

    /// <summary>Most tokens in a text.</summary>
    public int MaxPositionEmbeddings { get; init; } = 77;

    /// <summary><c>quick_gelu</c> or <c>gelu</c>.</summary>
    public string HiddenAct { get; init; } = "quick_gelu";

    /// <summary>Epsilon of the layer normalisations.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>0.</summary>
    public double AttentionDropout { get; init; }

    /// <summary>0 (older files).</summary>
    public double Dropout { get; init; }

    /// <summary>Spread of the initial weights.</summary>
    public double InitializerRange { get; init; } = 0.02;

    /// <summary>Factor of the initial weights.</summary>
    public double InitializerFactor { get; init; } = 1;

    /// <summary>Token that pads.</summary>
    public int? PadTokenId { get; init; } = 1;

    /// <summary>Token that begins a text.</summary>
    public int? BosTokenId { get; init; } = 49406;

    /// <summary>
    /// Token that ends a text: the pooled text is taken at its first place. 2 is what OpenAI's files say by mistake;
    /// then it is taken at the largest token.
    /// </summary>
    public int EosTokenId { get; init; } = 49407;

    /// <summary>Heads to leave out; none.</summary>
    public Dictionary<string, JsonElement>? PrunedHeads { get; init; }

    /// <summary>Reads config.json text.</summary>
    /// <inheritdoc cref="UNet2DConditionConfig.FromJson"/>
    public static CLIPTextConfig FromJson(string json, string source = "CLIPTextModel config.json")
    {
        var config = ConfigJson.Parse<CLIPTextConfig>(json, source, WithoutEffect);
        config.Check(source);
        return config;
    }

    /// <summary>The text of a config.json that transformers reads.</summary>
    /// <param name="architecture"><c>CLIPTextModel</c> or <c>CLIPTextModelWithProjection</c>.</param>
    public string ToJson(string architecture = "CLIPTextModel")
    {
        var fields = System.Text.Json.Nodes.JsonNode.Parse(ConfigJson.Write(this, className: null))!.AsObject();
        fields.Remove("pruned_heads");
        fields["architectures"] = new System.Text.Json.Nodes.JsonArray(architecture);
        fields["model_type"] = "clip_text_model";
        return fields.ToJsonString(new JsonSerializerOptions { WriteIndented = true });
    }

    internal void Check(string source)
    {
        void Require(string field, bool holds, string found, string expected)
        {
            if (!holds)
                throw new CheckpointException(source, $"field '{field}' is {found}, expected {expected}");
        }
        Require("hidden_act", HiddenAct is "quick_gelu" or "gelu", $"'{HiddenAct}'", "quick_gelu or gelu");
        Require("attention_dropout", AttentionDropout == 0, $"{AttentionDropout}", "0");
        Require("dropout", Dropout == 0, $"{Dropout}", "0");
        Require("pruned_heads", PrunedHeads is null or { Count: 0 }, "not empty", "{}");
        Require("num_attention_heads", NumAttentionHeads > 0
            && HiddenSize % NumAttentionHeads == 0, $"{NumAttentionHeads}",
            $"a number of heads that divides hidden_size ({HiddenSize})");
    }
}

/// <summary>What a text encoder gives.</summary>
/// <param name="LastHiddenState">[N, T, C], after the final layer normalisation.</param>
/// <param name="PoolerOutput">[N, C]: the state at the end of the text.</param>
/// <param name="TextEmbeds">[N, P]: the pooled text projected; null without projection.</param>
/// <param name="HiddenStates">
/// The embeddings and each layer's result, without the final normalisation; null unless asked for.
/// </param>
public sealed record CLIPTextOutput(Tensor LastHiddenState, Tensor PoolerOutput, Tensor? TextEmbeds,
    IReadOnlyList<Tensor>? HiddenStates) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in (HiddenStates ?? []).Append(LastHiddenState).Append(PoolerOutput))
            tensor.Dispose();
        TextEmbeds?.Dispose();
    }
}

/// <summary>CLIP's text encoder: SD 1.5, SD 2.x, and the first of SDXL.</summary>
public sealed class CLIPTextModel : nn.Module, IPretrainedModel<CLIPTextModel>
{
    private readonly CLIPTextTransformer text_model;

    /// <inheritdoc cref="UNet2DConditionModel(UNet2DConditionConfig, Device?, ScalarType?)"/>
    public CLIPTextModel(CLIPTextConfig config, Device? device = null, ScalarType? dtype = null)
        : base(nameof(CLIPTextModel))
    {
        config.Check(nameof(CLIPTextModel));
        Config = config;
        text_model = new(config, new(device, dtype));
        RegisterComponents();
    }

    /// <summary>The configuration it was made from.</summary>
    public CLIPTextConfig Config { get; }

    /// <summary>The table of token embeddings, [vocab_size, C]: learned tokens are put here.</summary>
    public Embedding TokenEmbedding => text_model.embeddings.token_embedding;

    /// <summary>Encodes texts.</summary>
    /// <param name="input_ids">Tokens, int64 [N, T], T at most max_position_embeddings.</param>
    /// <param name="attention_mask">[N, T]: 1 keeps a token, 0 drops it; all where null.</param>
    /// <param name="output_hidden_states">Give every layer's result (clip skip, SDXL).</param>
    /// <exception cref="ArgumentException">A shape that does not fit.</exception>
    public CLIPTextOutput forward(Tensor input_ids, Tensor? attention_mask = null, bool output_hidden_states = false) =>
        text_model.Encode(input_ids, attention_mask, output_hidden_states, projection: null);

    /// <summary>A layer's result after the final layer normalisation: what SD 1.5 and 2.x use with clip skip.</summary>
    /// <param name="hidden">One of <see cref="CLIPTextOutput.HiddenStates"/>.</param>
    public Tensor FinalLayerNorm(Tensor hidden) => text_model.final_layer_norm.call(hidden);

    static string IPretrainedModel<CLIPTextModel>.WeightsName => "model";

    static CLIPTextModel IPretrainedModel<CLIPTextModel>.Create(string json, string source, Device? device,
        ScalarType? dtype) =>
        new(CLIPTextConfig.FromJson(json, source), device, dtype);

    string IPretrainedModel<CLIPTextModel>.ConfigJson => (Config with { VocabSize = (int)TokenEmbedding.Rows() })
        .ToJson();
}

/// <summary>
/// CLIP's text encoder with the projection of its pooled text: the second of SDXL, and the refiner's.
/// </summary>
public sealed class CLIPTextModelWithProjection : nn.Module, IPretrainedModel<CLIPTextModelWithProjection>
{
    private readonly CLIPTextTransformer text_model;
    private readonly Linear text_projection;

    /// <inheritdoc cref="UNet2DConditionModel(UNet2DConditionConfig, Device?, ScalarType?)"/>
    public CLIPTextModelWithProjection(CLIPTextConfig config, Device? device = null, ScalarType? dtype = null)
        : base(nameof(CLIPTextModelWithProjection))
    {
        config.Check(nameof(CLIPTextModelWithProjection));
        Config = config;
        var at = new Placement(device, dtype);
        text_model = new(config, at);
        text_projection = at.Linear(config.HiddenSize, config.ProjectionDim, bias: false);
        RegisterComponents();
    }

    /// <inheritdoc cref="CLIPTextModel.Config"/>
    public CLIPTextConfig Config { get; }

    /// <inheritdoc cref="CLIPTextModel.TokenEmbedding"/>
    public Embedding TokenEmbedding => text_model.embeddings.token_embedding;

    /// <inheritdoc cref="CLIPTextModel.forward"/>
    public CLIPTextOutput forward(Tensor input_ids, Tensor? attention_mask = null, bool output_hidden_states = false) =>
        text_model.Encode(input_ids, attention_mask, output_hidden_states, text_projection);

    /// <inheritdoc cref="CLIPTextModel.FinalLayerNorm"/>
    public Tensor FinalLayerNorm(Tensor hidden) => text_model.final_layer_norm.call(hidden);

    static string IPretrainedModel<CLIPTextModelWithProjection>.WeightsName => "model";

    static CLIPTextModelWithProjection IPretrainedModel<CLIPTextModelWithProjection>.Create(string json, string source,
        Device? device, ScalarType? dtype) =>
        new(CLIPTextConfig.FromJson(json, source), device, dtype);

    string IPretrainedModel<CLIPTextModelWithProjection>.ConfigJson =>
        (Config with { VocabSize = (int)TokenEmbedding.Rows() }).ToJson(nameof(CLIPTextModelWithProjection));
}

internal sealed class CLIPTextTransformer : nn.Module
{
    private readonly CLIPTextConfig config;

    internal readonly CLIPTextEmbeddings embeddings;
    private readonly CLIPEncoder encoder;
    internal readonly LayerNorm final_layer_norm;

    public CLIPTextTransformer(CLIPTextConfig config, Placement at) : base(nameof(CLIPTextTransformer))
    {
        this.config = config;
        embeddings = new(config, at);
        encoder = new(config, at);
        final_layer_norm = at.LayerNorm(config.HiddenSize, config.LayerNormEps);
        RegisterComponents();
    }

    public CLIPTextOutput Encode(Tensor ids, Tensor? mask, bool keepStates, Linear? projection)
    {
        if (ids.dim() != 2 || ids.shape[1] > config.MaxPositionEmbeddings)
            throw new ArgumentException($"input_ids: found shape [{string.Join(", ", ids.shape)}], expected [N, T] "
                + $"with at most {config.MaxPositionEmbeddings} tokens.", nameof(ids));
        using var scope = NewDisposeScope();
        long most = ids.numel() == 0 ? 0 : ids.max().ToInt64(), known = embeddings.token_embedding.Rows();
        if (most >= known)
            throw new ArgumentException($"input_ids: found a token {most}, expected "
                + $"at most {known - 1}: another vocabulary?", nameof(ids));
        var h = embeddings.call(ids);
        var bias = Bias(ids, mask, h.dtype);
        var states = keepStates ? new List<Tensor> { h } : null;
        foreach (var layer in encoder.layers)
        {
            var next = layer.call(h, bias);
            if (!keepStates)
                h.Dispose();
            states?.Add(next);
            h = next;
        }
        var last = final_layer_norm.call(h);
        // OpenAI's config says eos is 2, which no text has; the true end has the largest number of all tokens.
        var end = (config.EosTokenId == 2 ? ids : ids.EqualTo(config.EosTokenId)).to(ScalarType.Int32).argmax(-1);
        var rows = Scalars.Range(ids.shape[0], ScalarType.Int64, ids.device).Times(ids.shape[1]).Plus(end);
        var pooled = last.reshape(-1, last.shape[2]).index_select(0, rows);
        var projected = projection?.call(pooled).MoveToOuterDisposeScope();
        states?.ForEach(s => s.MoveToOuterDisposeScope());
        return new(last.MoveToOuterDisposeScope(), pooled.MoveToOuterDisposeScope(), projected, states);
    }

    // A token sees itself and those before it that the mask keeps.
    private static Tensor Bias(Tensor ids, Tensor? mask, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var length = ids.shape[1];
        var hidden = ones([length, length], dtype: ScalarType.Bool, device: ids.device).triu(1).unsqueeze(0);
        if (mask is not null)
            hidden = hidden.logical_or(mask.EqualTo(0).unsqueeze(1));
        return zeros(hidden.shape, dtype: type, device: ids.device).Filled(hidden, finfo(type).min)
            .MoveToOuterDisposeScope();
    }
}

internal sealed class CLIPTextEmbeddings : nn.Module<Tensor, Tensor>
{
    internal readonly Embedding token_embedding;
    private readonly Embedding position_embedding;

    public CLIPTextEmbeddings(CLIPTextConfig config, Placement at) : base(nameof(CLIPTextEmbeddings))
    {
        token_embedding = at.Embedding(config.VocabSize, config.HiddenSize);
        position_embedding = at.Embedding(config.MaxPositionEmbeddings, config.HiddenSize);
        RegisterComponents();
    }

    public override Tensor forward(Tensor ids)
    {
        using var positions = Scalars.Range(ids.shape[1], ScalarType.Int64, ids.device);
        using var place = position_embedding.call(positions);
        return token_embedding.call(ids).Plus_(place);
    }
}

// Of texts and of images alike.
internal sealed class CLIPEncoder : nn.Module
{
    internal readonly ModuleList<CLIPEncoderLayer> layers;

    public CLIPEncoder(CLIPTextConfig config, Placement at) : base(nameof(CLIPEncoder))
    {
        layers = nn.ModuleList<CLIPEncoderLayer>();
        for (var i = 0; i < config.NumHiddenLayers; i++)
            layers.Add(new(config, at));
        RegisterComponents();
    }
}

internal sealed class CLIPEncoderLayer : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly CLIPAttention self_attn;
    private readonly LayerNorm layer_norm1;
    private readonly CLIPMLP mlp;
    private readonly LayerNorm layer_norm2;

    public CLIPEncoderLayer(CLIPTextConfig config, Placement at) : base(nameof(CLIPEncoderLayer))
    {
        self_attn = new(config, at);
        layer_norm1 = at.LayerNorm(config.HiddenSize, config.LayerNormEps);
        mlp = new(config, at);
        layer_norm2 = at.LayerNorm(config.HiddenSize, config.LayerNormEps);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input, Tensor bias)
    {
        Tensor h, result;
        using (var normalised = layer_norm1.call(input))
            h = self_attn.call(normalised, bias).Plus_(input);
        using (var normalised = layer_norm2.call(h))
            result = mlp.call(normalised).Plus_(h);
        h.Dispose();
        return result;
    }
}

internal sealed class CLIPAttention : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Linear k_proj;
    private readonly Linear v_proj;
    private readonly Linear q_proj;
    private readonly Linear out_proj;
    private readonly int heads;

    public CLIPAttention(CLIPTextConfig config, Placement at) : base(nameof(CLIPAttention))
    {
        heads = config.NumAttentionHeads;
        k_proj = at.Linear(config.HiddenSize, config.HiddenSize);
        v_proj = at.Linear(config.HiddenSize, config.HiddenSize);
        q_proj = at.Linear(config.HiddenSize, config.HiddenSize);
        out_proj = at.Linear(config.HiddenSize, config.HiddenSize);
        RegisterComponents();
    }

    public override Tensor forward(Tensor hidden, Tensor bias)
    {
        using var query = q_proj.call(hidden);
        using var key = k_proj.call(hidden);
        using var value = v_proj.call(hidden);
        return ScaledDotProduct.Attend(query, key, value, heads, bias).Into(out_proj);
    }
}

internal sealed class CLIPMLP : nn.Module<Tensor, Tensor>
{
    private readonly Linear fc1;
    private readonly Linear fc2;
    private readonly bool quick;

    public CLIPMLP(CLIPTextConfig config, Placement at) : base(nameof(CLIPMLP))
    {
        quick = config.HiddenAct == "quick_gelu";
        fc1 = at.Linear(config.HiddenSize, config.IntermediateSize);
        fc2 = at.Linear(config.IntermediateSize, config.HiddenSize);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var wide = fc1.call(input);
        using var activated = quick ? QuickGelu(wide) : nn.functional.gelu(wide);
        return fc2.call(activated);
    }

    private static Tensor QuickGelu(Tensor x)
    {
        using var scaled = x.Times(1.702);
        using var gate = scaled.sigmoid();
        return x.mul(gate);
    }
}
