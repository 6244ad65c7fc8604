// The levels of the UNet: residual blocks with or without transformers, then a change of size.
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>What the levels of one UNet or ControlNet have in common.</summary>
internal sealed record LevelSettings(int Embedding, int Groups, double Eps, bool Linear, bool Upcast, Placement At)
{
    public ResnetBlock2D Resnet(int from, int to) => new(from, to, Embedding, Groups, Eps, At);

    public Transformer2DModel Transformer(int channels, int heads, int layers, int textWidth,
        bool onlyCrossAttention) =>
        new(channels, heads, layers, textWidth, Groups, Linear, onlyCrossAttention, Upcast, At);
}

/// <summary>
/// A level's attention: null in blocks without. Layers are the transformer blocks of each of its layers.
/// </summary>
internal sealed record AttentionSettings(int Heads, PerBlock<int> Layers, int TextWidth, bool OnlyCrossAttention);

/// <summary>DownBlock2D and CrossAttnDownBlock2D.</summary>
internal sealed class DownBlock : nn.Module<Tensor, BlockContext, List<Tensor>, Tensor>
{
    private readonly ModuleList<Transformer2DModel>? attentions;
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Downsample2D>? downsamplers;

    public DownBlock(int from, int to, int layers, AttentionSettings? attention, int? downsamplePadding,
        LevelSettings level)
        : base(attention is null ? "DownBlock2D" : "CrossAttnDownBlock2D")
    {
        resnets = nn.ModuleList<ResnetBlock2D>();
        attentions = attention is null ? null : nn.ModuleList<Transformer2DModel>();
        for (var i = 0; i < layers; i++)
        {
            resnets.Add(level.Resnet(i == 0 ? from : to, to));
            if (attention is { } a)
                attentions!.Add(level.Transformer(to, a.Heads, a.Layers.At(i), a.TextWidth, a.OnlyCrossAttention));
        }
        downsamplers = downsamplePadding is { } padding ? nn.ModuleList(new Downsample2D(to, padding, level.At)) : null;
        RegisterComponents();
    }

    /// <summary>Type of the normalisations' parameters, which autocast leaves as it is.</summary>
    public ScalarType NormType => resnets[0].norm1.weight.dtype;

    /// <summary>
    /// Appends each layer's result to <paramref name="skips"/>, which owns them; returns the last, not to be disposed.
    /// </summary>
    public override Tensor forward(Tensor input, BlockContext context, List<Tensor> skips)
    {
        var h = input;
        for (var i = 0; i < resnets.Count; i++)
        {
            h = context.Run(resnets[i], h);
            if (attentions != null)
            {
                var attended = context.Run(attentions[i], h);
                h.Dispose();
                h = attended;
            }
            skips.Add(h);
        }
        if (downsamplers != null)
            skips.Add(h = downsamplers[0].call(h));
        return h;
    }
}

/// <summary>UNetMidBlock2DCrossAttn; without attention UNetMidBlock2D, which has one residual block here.</summary>
internal sealed class MidBlock : nn.Module<Tensor, BlockContext, Tensor>
{
    private readonly ModuleList<Transformer2DModel>? attentions;
    private readonly ModuleList<ResnetBlock2D> resnets;

    public MidBlock(int channels, AttentionSettings? attention, LevelSettings level)
        : base(attention is null ? "UNetMidBlock2D" : "UNetMidBlock2DCrossAttn")
    {
        attentions = attention is null ? null
            : nn.ModuleList(level.Transformer(channels, attention.Heads, attention.Layers.At(0), attention.TextWidth,
                attention.OnlyCrossAttention));
        resnets = nn.ModuleList(level.Resnet(channels, channels));
        if (attention is not null)
            resnets.Add(level.Resnet(channels, channels));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input, BlockContext context)
    {
        if (attentions is null)
            return context.Run(resnets[0], input);
        using var first = context.Run(resnets[0], input);
        using var attended = context.Run(attentions[0], first);
        return context.Run(resnets[1], attended);
    }
}

/// <summary>UpBlock2D and CrossAttnUpBlock2D.</summary>
internal sealed class UpBlock : nn.Module<Tensor, BlockContext, SkipStack, Tensor>
{
    private readonly ModuleList<Transformer2DModel>? attentions;
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Upsample2D>? upsamplers;

    public UpBlock(int from, int to, int skip, int layers, AttentionSettings? attention, bool upsample,
        LevelSettings level)
        : base(attention is null ? "UpBlock2D" : "CrossAttnUpBlock2D")
    {
        resnets = nn.ModuleList<ResnetBlock2D>();
        attentions = attention is null ? null : nn.ModuleList<Transformer2DModel>();
        for (var i = 0; i < layers; i++)
        {
            resnets.Add(level.Resnet((i == 0 ? from : to) + (i == layers - 1 ? skip : to), to));
            if (attention is { } a)
                attentions!.Add(level.Transformer(to, a.Heads, a.Layers.At(i), a.TextWidth, a.OnlyCrossAttention));
        }
        upsamplers = upsample ? nn.ModuleList(new Upsample2D(to, level.At)) : null;
        RegisterComponents();
    }

    /// <summary>Takes one skip for each layer, and <paramref name="input"/>, which it disposes.</summary>
    public override Tensor forward(Tensor input, BlockContext context, SkipStack skips)
    {
        var h = input;
        for (var i = 0; i < resnets.Count; i++)
        {
            using (var joined = skips.JoinTo(h))
                h = context.Run(resnets[i], joined);
            if (attentions != null)
            {
                var attended = context.Run(attentions[i], h);
                h.Dispose();
                h = attended;
            }
        }
        if (upsamplers is null)
            return h;
        // The size of the skip that comes next: not twice this one's where a size was odd on the way down.
        using (h)
            return upsamplers[0].To(h, skips.NextSize);
    }
}

/// <summary>
/// The results of the way down, taken in reverse on the way up; a ControlNet's residuals are added as they are taken.
/// </summary>
internal sealed class SkipStack(List<Tensor> skips, IReadOnlyList<Tensor>? residuals)
{
    /// <summary>Height and width of the skip on top.</summary>
    public long[] NextSize => [skips[^1].shape[2], skips[^1].shape[3]];

    /// <summary>Concatenates the skip on top behind <paramref name="hidden"/>; disposes both.</summary>
    public Tensor JoinTo(Tensor hidden)
    {
        var skip = skips[^1];
        skips.RemoveAt(skips.Count - 1);
        if (residuals != null)
        {
            var sum = skip.Plus(residuals[skips.Count]);
            skip.Dispose();
            skip = sum;
        }
        var joined = cat([hidden, skip], 1);
        hidden.Dispose();
        skip.Dispose();
        return joined;
    }
}
