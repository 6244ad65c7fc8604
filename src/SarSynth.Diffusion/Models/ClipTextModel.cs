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
