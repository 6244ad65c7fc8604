// Scaled dot-product attention, written once, and the layers around it.
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
    /// <param name="upcast">In float32 whatever the inputs are.</param>
    /// <returns>[N, L, heads * d], contiguous.</returns>
    /// <exception cref="ArgumentException">Shapes or types that do not fit each other.</exception>
    public static Tensor Attend(Tensor query, Tensor key, Tensor value, int heads, Tensor? bias = null,
        bool upcast = false)
    {
        Check(query, key, value, heads);
        using var scope = NewDisposeScope();
        var type = upcast ? ScalarType.Float32 : query.dtype;
        Tensor Split(Tensor x) => x.to(type).view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2);
        var joined = nn.functional.scaled_dot_product_attention(Split(query), Split(key), Split(value),
            bias?.to(type).unsqueeze(1));
        return joined.transpose(1, 2).reshape(query.shape).to(query.dtype).MoveToOuterDisposeScope();
    }

    private static void Check(Tensor query, Tensor key, Tensor value, int heads)
    {
        long[] q = query.shape, k = key.shape, v = value.shape;
        var fits = q.Length == 3 && k.Length == 3 && v.AsSpan().SequenceEqual(k) && q[0] == k[0] && q[2] == k[2]
            && heads > 0 && q[2] % heads == 0;
        if (!fits)
        {
            throw new ArgumentException($"attention with {heads} heads: found query [{string.Join(", ", q)}], key "
                + $"[{string.Join(", ", k)}], "
                + $"value [{string.Join(", ", v)}]; expected [N, L, heads * d] and twice [N, S, heads * d].");
        }
        if (query.dtype != key.dtype || query.dtype != value.dtype)
            throw new ArgumentException($"attention: found query {query.dtype}, "
                + $"key {key.dtype}, value {value.dtype}; expected one type.");
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
            return ScaledDotProduct.Attend(query, kept.Key, kept.Value, heads, context.TextBias, upcast)
                .Into(to_out[0]);
        }
        var source = overText ? context.Text! : hidden;
        using var key = to_k.call(source);
        using var value = to_v.call(source);
        return ScaledDotProduct.Attend(query, key, value, heads, overText ? context.TextBias : null, upcast)
            .Into(to_out[0]);
    }
}

/// <summary>
/// Self-attention over the pixels of a feature map, with its own normalisation and residual: the VAE's.
/// </summary>
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
        return image.PlusInOrderOf_(input);
    }
}
