// The transformer layers between residual blocks: self-attention, attention over the text, and a gated feed-forward.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>
/// Linear layer whose one half is gated by the GELU of the other: Shazeer (2020), "GLU variants improve transformer".
/// </summary>
internal sealed class GEGLU : nn.Module<Tensor, Tensor>
{
    private readonly Linear proj;

    public GEGLU(long from, long to, Placement at) : base(nameof(GEGLU))
    {
        proj = at.Linear(from, 2 * to);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var both = proj.call(input);
        var width = both.shape[^1] / 2;
        using var hidden = both.narrow(-1, 0, width);
        using var gate = both.narrow(-1, width, width);
        var gated = nn.functional.gelu(gate);
        if (!gated.requires_grad)
        {
            gated.mul_(hidden);
            return gated;
        }
        var result = gated.mul(hidden);
        gated.Dispose();
        return result;
    }
}

/// <summary>Widen four times with a gate, and back.</summary>
internal sealed class FeedForward : nn.Module<Tensor, Tensor>
{
    // The checkpoint's number 1 is a dropout without parameters.
    private readonly ModuleList<nn.Module<Tensor, Tensor>> net;

    public FeedForward(long channels, Placement at) : base(nameof(FeedForward))
    {
        net = nn.ModuleList<nn.Module<Tensor,
            Tensor>>(new GEGLU(channels, 4 * channels, at), nn.Identity(), at.Linear(4 * channels, channels));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => net[0].call(input).Into(net[2]);
}

/// <summary>Self-attention, cross-attention and feed-forward, each normalised before and added after.</summary>
internal sealed class BasicTransformerBlock : nn.Module<Tensor, BlockContext, Tensor>
{
    private readonly LayerNorm norm1;
    private readonly Attention attn1;
    private readonly LayerNorm norm2;
    private readonly Attention attn2;
    private readonly LayerNorm norm3;
    private readonly FeedForward ff;

    public BasicTransformerBlock(long channels, int heads, long textWidth, bool onlyCrossAttention, bool upcast,
        Placement at)
        : base(nameof(BasicTransformerBlock))
    {
        norm1 = at.LayerNorm(channels);
        attn1 = new(channels, onlyCrossAttention ? textWidth : null, heads, upcast, at);
        norm2 = at.LayerNorm(channels);
        attn2 = new(channels, textWidth, heads, upcast, at);
        norm3 = at.LayerNorm(channels);
        ff = new(channels, at);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input, BlockContext context)
    {
        Tensor h, attended, result;
        using (var normalised = norm1.call(input))
            h = attn1.call(normalised, context).Plus_(input);
        using (var normalised = norm2.call(h))
            attended = attn2.call(normalised, context).Plus_(h);
        h.Dispose();
        using (var normalised = norm3.call(attended))
            result = ff.call(normalised).Plus_(attended);
        attended.Dispose();
        return result;
    }
}

/// <summary>Transformer blocks over the pixels of a feature map, around a residual.</summary>
internal sealed class Transformer2DModel : nn.Module<Tensor, BlockContext, Tensor>
{
    private readonly GroupNorm norm;
    private readonly nn.Module<Tensor, Tensor> proj_in;
    private readonly ModuleList<BasicTransformerBlock> transformer_blocks;
    private readonly nn.Module<Tensor, Tensor> proj_out;
    private readonly bool linear;

    public Transformer2DModel(
        long channels, int heads, int layers, long textWidth, int groups, bool linear, bool onlyCrossAttention,
            bool upcast, Placement at)
        : base(nameof(Transformer2DModel))
    {
        this.linear = linear;
        norm = at.GroupNorm(groups, channels, 1e-6);
        proj_in = linear ? at.Linear(channels, channels) : at.Conv2d(channels, channels, kernel: 1, padding: 0);
        transformer_blocks = nn.ModuleList<BasicTransformerBlock>();
        for (var i = 0; i < layers; i++)
            transformer_blocks.Add(new(channels, heads, textWidth, onlyCrossAttention, upcast, at));
        proj_out = linear ? at.Linear(channels, channels) : at.Conv2d(channels, channels, kernel: 1, padding: 0);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input, BlockContext context)
    {
        long height = input.shape[2], width = input.shape[3];
        var h = norm.call(input);
        h = linear ? Tokens(h).Into(proj_in) : Tokens(h.Into(proj_in));
        foreach (var block in transformer_blocks)
        {
            var next = context.Run(block, h);
            h.Dispose();
            h = next;
        }
        h = linear ? Image(h.Into(proj_out), height, width) : Image(h, height, width).Into(proj_out);
        return h.PlusInOrderOf_(input);
    }

    private static Tensor Tokens(Tensor owned)
    {
        var tokens = Steps.ToTokens(owned);
        owned.Dispose();
        return tokens;
    }

    private static Tensor Image(Tensor owned, long height, long width)
    {
        var image = Steps.ToImage(owned, height, width);
        owned.Dispose();
        return image;
    }
}
