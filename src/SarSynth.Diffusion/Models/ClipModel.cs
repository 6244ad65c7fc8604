// CLIP with both of its towers: texts and images as vectors whose cosine says how well they go together.
// Radford et al. (2021), as transformers' CLIPModel has it.
using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>The configuration of CLIP's image encoder: fields of vision_config.</summary>
public sealed record CLIPVisionConfig
{
    private static readonly HashSet<string> WithoutEffect =
        ["architectures", "model_type", "torch_dtype", "transformers_version", "projection_dim", "dropout"];

    /// <summary>Width.</summary>
    public int HiddenSize { get; init; } = 768;

    /// <summary>Width inside the feed-forward layers.</summary>
    public int IntermediateSize { get; init; } = 3072;

    /// <summary>Layers.</summary>
    public int NumHiddenLayers { get; init; } = 12;

    /// <summary>Attention heads.</summary>
    public int NumAttentionHeads { get; init; } = 12;

    /// <summary>Channels of an image.</summary>
    public int NumChannels { get; init; } = 3;

    /// <summary>Side of an image, pixels.</summary>
    public int ImageSize { get; init; } = 224;

    /// <summary>Side of a patch, pixels.</summary>
    public int PatchSize { get; init; } = 32;

    /// <summary><c>quick_gelu</c> or <c>gelu</c>.</summary>
    public string HiddenAct { get; init; } = "quick_gelu";

    /// <summary>Epsilon of the layer normalisations.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>0.</summary>
    public double AttentionDropout { get; init; }

    /// <summary>Spread of the initial weights.</summary>
    public double InitializerRange { get; init; } = 0.02;

    /// <summary>Factor of the initial weights.</summary>
    public double InitializerFactor { get; init; } = 1;

    /// <summary>Reads the object vision_config.</summary>
    /// <exception cref="CheckpointException">An unknown field or value, named.</exception>
    internal static CLIPVisionConfig FromJson(JsonObject json, string source)
    {
        // Older files write every field that transformers has for any model; those of text encoders name the same.
        var fields = (JsonObject)json.DeepClone();
        foreach (var name in fields.Select(f => f.Key).Where(CLIPTextConfig.ChangesNothing).ToList())
            fields.Remove(name);
        var config = ConfigJson.Parse<CLIPVisionConfig>(fields.ToJsonString(), source, WithoutEffect);
        config.Check(source);
        return config;
    }

    internal void Check(string source)
    {
        void Require(string field, bool holds, object found, string expected)
        {
            if (!holds)
                throw new CheckpointException(source, $"field '{field}' is {found}, expected {expected}");
        }
        Require("patch_size", PatchSize > 0 && ImageSize % PatchSize == 0, PatchSize,
            $"a divisor of image_size ({ImageSize})");
        Require("attention_dropout", AttentionDropout == 0, AttentionDropout, "0");
        AsText().Check(source);
    }

    /// <summary>The transformer of the image encoder is that of the text encoder.</summary>
    internal CLIPTextConfig AsText() => new()
    {
        HiddenSize = HiddenSize, IntermediateSize = IntermediateSize, NumHiddenLayers = NumHiddenLayers,
        NumAttentionHeads = NumAttentionHeads, HiddenAct = HiddenAct, LayerNormEps = LayerNormEps,
    };
}

/// <summary>The configuration of a <see cref="CLIPModel"/>.</summary>
/// <param name="Text">Of the text encoder.</param>
/// <param name="Vision">Of the image encoder.</param>
/// <param name="ProjectionDim">Width of the joint space.</param>
/// <param name="LogitScaleInitValue">Logarithm of the first factor on the cosines.</param>
public sealed record CLIPConfig(CLIPTextConfig Text, CLIPVisionConfig Vision, int ProjectionDim = 512,
    double LogitScaleInitValue = 2.6592)
{
    private sealed record Fields
    {
        public int ProjectionDim { get; init; } = 512;

        public double LogitScaleInitValue { get; init; } = 2.6592;

        public double InitializerFactor { get; init; } = 1;

        public JsonObject TextConfig { get; init; } = [];

        public JsonObject VisionConfig { get; init; } = [];
    }

    /// <summary>Reads config.json text.</summary>
    /// <inheritdoc cref="UNet2DConditionConfig.FromJson"/>
    public static CLIPConfig FromJson(string json, string source = "CLIPModel config.json")
    {
        // Both names of the same objects are in files of older versions.
        HashSet<string> without = ["architectures", "model_type", "torch_dtype", "transformers_version",
            "text_config_dict", "vision_config_dict"];
        var fields = ConfigJson.Parse<Fields>(json, source, without);
        return new(CLIPTextConfig.FromJson(fields.TextConfig.ToJsonString(), source + ", text_config"),
            CLIPVisionConfig.FromJson(fields.VisionConfig, source + ", vision_config"),
            fields.ProjectionDim, fields.LogitScaleInitValue);
    }

    /// <summary>The text of a config.json that transformers reads.</summary>
    public string ToJson()
    {
        var vision = JsonNode.Parse(ConfigJson.Write(Vision, className: null))!.AsObject();
        vision["model_type"] = "clip_vision_model";
        return new JsonObject
        {
            ["architectures"] = new JsonArray(nameof(CLIPModel)),
            ["model_type"] = "clip",
            ["projection_dim"] = ProjectionDim,
            ["logit_scale_init_value"] = LogitScaleInitValue,
            ["text_config"] = JsonNode.Parse(Text.ToJson()),
            ["vision_config"] = vision,
        }.ToJsonString(new JsonSerializerOptions { WriteIndented = true });
    }
}

/// <summary>CLIP: a text encoder and an image encoder into one space.</summary>
public sealed class CLIPModel : nn.Module, IPretrainedModel<CLIPModel>, IOwnsParameters
{
    private readonly CLIPTextTransformer text_model;
    private readonly CLIPVisionTransformer vision_model;
    private readonly Linear text_projection;
    private readonly Linear visual_projection;
    private Parameter logit_scale;

    /// <inheritdoc cref="UNet2DConditionModel(UNet2DConditionConfig, Device?, ScalarType?)"/>
    public CLIPModel(CLIPConfig config, Device? device = null, ScalarType? dtype = null) : base(nameof(CLIPModel))
    {
        config.Text.Check(nameof(CLIPModel));
        config.Vision.Check(nameof(CLIPModel));
        Config = config;
        var at = new Placement(device, dtype);
        text_model = new(config.Text, at);
        vision_model = new(config.Vision, at);
        text_projection = at.Linear(config.Text.HiddenSize, config.ProjectionDim, bias: false);
        visual_projection = at.Linear(config.Vision.HiddenSize, config.ProjectionDim, bias: false);
        logit_scale = at.Parameter();
        nn.init.ones_(logit_scale);
        using (no_grad())
            logit_scale.Times_(config.LogitScaleInitValue);
        RegisterComponents();
    }

    /// <summary>The configuration it was made from.</summary>
    public CLIPConfig Config { get; }

    /// <summary>Factor on the cosines before the softmax: the exponential of the learned logarithm.</summary>
    public Tensor LogitScale => logit_scale.exp();

    /// <summary>Where it lives.</summary>
    internal Device Device => logit_scale.device;

    /// <summary>Texts as vectors.</summary>
    /// <param name="input_ids">Tokens, int64 [N, T].</param>
    /// <returns>[N, projection_dim], of any length.</returns>
    /// <exception cref="ArgumentException">A shape that does not fit.</exception>
    public Tensor get_text_features(Tensor input_ids)
    {
        using var output = text_model.Encode(input_ids, mask: null, keepStates: false, text_projection);
        return output.TextEmbeds!.alias();
    }

    /// <summary>Images as vectors.</summary>
    /// <param name="pixel_values">[N, num_channels, image_size, image_size], normalised as the model was trained
    /// with.</param>
    /// <returns>[N, projection_dim], of any length.</returns>
    /// <exception cref="ArgumentException">A shape that does not fit.</exception>
    public Tensor get_image_features(Tensor pixel_values)
    {
        using var pooled = vision_model.call(pixel_values);
        return visual_projection.call(pooled);
    }

    void IOwnsParameters.Set(string name, Parameter value)
    {
        logit_scale.Dispose();
        logit_scale = value;
        ConditionallyRegisterParameter(nameof(logit_scale), value);
    }

    static string IPretrainedModel<CLIPModel>.WeightsName => "model";

    static CLIPModel IPretrainedModel<CLIPModel>.Create(string json, string source, Device? device,
        ScalarType? dtype) => new(CLIPConfig.FromJson(json, source), device, dtype);

    string IPretrainedModel<CLIPModel>.ConfigJson => Config.ToJson();
}

internal sealed class CLIPVisionTransformer : nn.Module<Tensor, Tensor>
{
    private readonly CLIPVisionConfig config;
    private readonly CLIPVisionEmbeddings embeddings;
    // The misspelling is the checkpoints'.
    private readonly LayerNorm pre_layrnorm;
    private readonly CLIPEncoder encoder;
    private readonly LayerNorm post_layernorm;

    public CLIPVisionTransformer(CLIPVisionConfig config, Placement at) : base(nameof(CLIPVisionTransformer))
    {
        this.config = config;
        embeddings = new(config, at);
        pre_layrnorm = at.LayerNorm(config.HiddenSize, config.LayerNormEps);
        encoder = new(config.AsText(), at);
        post_layernorm = at.LayerNorm(config.HiddenSize, config.LayerNormEps);
        RegisterComponents();
    }

    public override Tensor forward(Tensor pixels)
    {
        long channels = config.NumChannels, side = config.ImageSize;
        if (pixels.dim() != 4 || pixels.shape[1] != channels || pixels.shape[2] != side || pixels.shape[3] != side)
            throw new ArgumentException($"pixel_values: found shape [{string.Join(", ", pixels.shape)}], expected "
                + $"[N, {channels}, {side}, {side}].", nameof(pixels));
        using var scope = NewDisposeScope();
        var hidden = pre_layrnorm.call(embeddings.call(pixels));
        // Every patch sees every other.
        foreach (var layer in encoder.layers)
            hidden = layer.call(hidden, null!);
        return post_layernorm.call(hidden.select(1, 0)).MoveToOuterDisposeScope();
    }
}

internal sealed class CLIPVisionEmbeddings : nn.Module<Tensor, Tensor>, IOwnsParameters
{
    private Parameter class_embedding;
    private readonly Conv2d patch_embedding;
    private readonly Embedding position_embedding;

    public CLIPVisionEmbeddings(CLIPVisionConfig config, Placement at) : base(nameof(CLIPVisionEmbeddings))
    {
        var patches = (long)(config.ImageSize / config.PatchSize) * (config.ImageSize / config.PatchSize);
        class_embedding = at.Parameter(config.HiddenSize);
        nn.init.normal_(class_embedding, 0, config.InitializerRange);
        patch_embedding = at.Conv2d(config.NumChannels, config.HiddenSize, config.PatchSize, config.PatchSize,
            padding: 0, bias: false);
        position_embedding = at.Embedding(patches + 1, config.HiddenSize);
        RegisterComponents();
    }

    public override Tensor forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var patches = patch_embedding.call(pixels).flatten(2).transpose(1, 2);
        var all = cat([class_embedding.expand(pixels.shape[0], 1, -1), patches], 1);
        var positions = Scalars.Range(all.shape[1], ScalarType.Int64, all.device);
        return all.Plus(position_embedding.call(positions)).MoveToOuterDisposeScope();
    }

    void IOwnsParameters.Set(string name, Parameter value)
    {
        class_embedding.Dispose();
        class_embedding = value;
        ConditionallyRegisterParameter(nameof(class_embedding), value);
    }
}
