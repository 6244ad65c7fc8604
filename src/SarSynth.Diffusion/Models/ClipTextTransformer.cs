// What the text encoders share: embeddings, layers with a causal mask, and which token is the pooled one.
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

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
