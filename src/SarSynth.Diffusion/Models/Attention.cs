// Scaled dot-product attention, written once: the engine's fused kernel where it has one, else in pieces of bounded size.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>softmax(q kᵀ / sqrt(d) + bias) v over heads: Vaswani et al. (2017), eq. 1.</summary>
public static class ScaledDotProduct
{
    /// <summary>Attention of [N, L, heads * d] over keys and values [N, S, heads * d].</summary>
    /// <param name="query">[N, L, heads * d].</param>
    /// <param name="key">[N, S, heads * d].</param>
    /// <param name="value">[N, S, heads * d].</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="bias">Added to the scores, [N or 1, L or 1, S]; or null.</param>
    /// <param name="upcast">Scores in float32 whatever the inputs are.</param>
    /// <param name="scoreBytes">Most bytes of scores that exist at once where there is no fused kernel and no gradient is wanted.</param>
    /// <returns>[N, L, heads * d], contiguous.</returns>
    public static Tensor Attend(Tensor query, Tensor key, Tensor value, int heads, Tensor? bias = null, bool upcast = false, long scoreBytes = 16L << 20)
    {
        using var scope = NewDisposeScope();
        var result = Engine.HasFusedAttention(query) && (!upcast || query.dtype == ScalarType.Float32)
            ? Fused(query, key, value, heads, bias)
            : query.requires_grad || key.requires_grad || value.requires_grad || bias?.requires_grad == true
                ? Whole(query, key, value, heads, bias, upcast)
                : InPieces(query, key, value, heads, bias, upcast, scoreBytes);
        return result.MoveToOuterDisposeScope();
    }

    private static Tensor Fused(Tensor query, Tensor key, Tensor value, int heads, Tensor? bias)
    {
        Tensor Split(Tensor x) => x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2);
        var joined = nn.functional.scaled_dot_product_attention(Split(query), Split(key), Split(value), bias?.unsqueeze(1));
        return joined.transpose(1, 2).reshape(query.shape);
    }

    // Autograd keeps the scores anyway, so one product over all samples and heads is the fastest.
    private static Tensor Whole(Tensor query, Tensor key, Tensor value, int heads, Tensor? bias, bool upcast)
    {
        long n = query.shape[0], width = query.shape[2] / heads;
        Tensor Split(Tensor x)
        {
            using var split = x.view(n, x.shape[1], heads, width);
            using var turned = split.transpose(1, 2);
            return turned.reshape(n * heads, x.shape[1], width);
        }
        Tensor q = Split(query), k = Split(key), v = Split(value);
        var repeated = bias?.expand(n, bias.shape[1], bias.shape[2]).repeat_interleave(heads, 0);
        var weights = Weights(q, k, repeated, upcast);
        using var joined = weights.bmm(v);
        return joined.view(n, heads, query.shape[1], width).transpose(1, 2).reshape(query.shape);
    }

    // One sample at a time the heads are views, so nothing is copied; a piece of the queries bounds the scores.
    private static Tensor InPieces(Tensor query, Tensor key, Tensor value, int heads, Tensor? bias, bool upcast, long scoreBytes)
    {
        long n = query.shape[0], length = query.shape[1], width = query.shape[2] / heads;
        var result = empty_like(query);
        var perQuery = heads * key.shape[1] * (upcast ? 4 : query.ElementSize);
        var piece = Math.Clamp(scoreBytes / Math.Max(1, perQuery), 1, length);
        for (long i = 0; i < n; i++)
        {
            using var sample = NewDisposeScope();
            Tensor Split(Tensor x) => x.select(0, i).view(x.shape[1], heads, width).transpose(0, 1);
            Tensor q = Split(query), k = Split(key), v = Split(value), target = Split(result);
            var own = bias?.select(0, bias.shape[0] == 1 ? 0 : i).unsqueeze(0);
            for (long start = 0; start < length; start += piece)
            {
                using var inner = NewDisposeScope();
                var count = Math.Min(piece, length - start);
                var part = own is { } b && b.shape[1] > 1 ? b.narrow(1, start, count) : own;
                var weights = Weights(q.narrow(1, start, count), k, part, upcast);
                target.narrow(1, start, count).copy_(weights.bmm(v));
            }
        }
        return result;
    }

    private static Tensor Weights(Tensor query, Tensor key, Tensor? bias, bool upcast)
    {
        using var scope = NewDisposeScope();
        var scale = (float)(1 / Math.Sqrt(query.shape[2]));
        var type = query.dtype;
        if (upcast && type != ScalarType.Float32)
            (query, key) = (query.to(ScalarType.Float32), key.to(ScalarType.Float32));
        var turned = key.transpose(1, 2);
        var scores = bias is null ? query.mul(scale).bmm(turned) : baddbmm(bias.to(query.dtype), query, turned, beta: 1, alpha: scale);
        var weights = scores.softmax(-1);
        scores.Dispose();
        return (weights.dtype == type ? weights : weights.to(type)).MoveToOuterDisposeScope();
    }
}

/// <summary>Attention with its projections, as the checkpoints name them; over tokens [N, L, C].</summary>
internal sealed class Attention : nn.Module<Tensor, BlockContext, Tensor>
{
    private readonly Linear to_q;
    private readonly Linear to_k;
    private readonly Linear to_v;
    private readonly ModuleList<Linear> to_out;
    private readonly int heads;
    private readonly bool upcast;
    private readonly bool overText;

    public Attention(long channels, long? textWidth, int heads, bool upcast, Placement at) : base(nameof(Attention))
    {
        (this.heads, this.upcast, overText) = (heads, upcast, textWidth != null);
        to_q = at.Linear(channels, channels, bias: false);
        to_k = at.Linear(textWidth ?? channels, channels, bias: false);
        to_v = at.Linear(textWidth ?? channels, channels, bias: false);
        to_out = nn.ModuleList(at.Linear(channels, channels));
        RegisterComponents();
    }

    public override Tensor forward(Tensor hidden, BlockContext context)
    {
        using var query = to_q.call(hidden);
        if (overText && context.Cache is { } cache && !is_grad_enabled())
        {
            if (!cache.TryGet(this, out var kept))
                cache.Add(this, (kept = (to_k.call(context.Text!), to_v.call(context.Text!))).Key, kept.Value);
            return ScaledDotProduct.Attend(query, kept.Key, kept.Value, heads, context.TextBias, upcast).Into(to_out[0]);
        }
        var source = overText ? context.Text! : hidden;
        using var key = to_k.call(source);
        using var value = to_v.call(source);
        return ScaledDotProduct.Attend(query, key, value, heads, overText ? context.TextBias : null, upcast).Into(to_out[0]);
    }
}

/// <summary>Self-attention over the pixels of a feature map, with its own normalisation and residual: the VAE's.</summary>
internal sealed class SpatialAttention : nn.Module<Tensor, BlockContext, Tensor>
{
    private readonly GroupNorm group_norm;
    private readonly Linear to_q;
    private readonly Linear to_k;
    private readonly Linear to_v;
    private readonly ModuleList<Linear> to_out;

    public SpatialAttention(long channels, long groups, double eps, Placement at) : base(nameof(SpatialAttention))
    {
        group_norm = at.GroupNorm(groups, channels, eps);
        to_q = at.Linear(channels, channels);
        to_k = at.Linear(channels, channels);
        to_v = at.Linear(channels, channels);
        to_out = nn.ModuleList(at.Linear(channels, channels));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input, BlockContext context)
    {
        using var normalised = group_norm.call(input);
        using var tokens = Steps.ToTokens(normalised);
        Tensor attended;
        using (var query = to_q.call(tokens))
        using (var key = to_k.call(tokens))
        using (var value = to_v.call(tokens))
            attended = ScaledDotProduct.Attend(query, key, value, heads: 1).Into(to_out[0]);
        var image = Steps.ToImage(attended, input.shape[2], input.shape[3]);
        attended.Dispose();
        return image.PlusInOrderOf(input);
    }
}
