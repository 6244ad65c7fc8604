// Timesteps, sizes and condition images as vectors and feature maps.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>
/// Sinusoidal timestep embeddings: Vaswani et al. (2017), as Ho et al. (2020) use them for diffusion.
/// </summary>
public static class TimestepEncoding
{
    /// <summary>
    /// cos and sin of t at <paramref name="dim"/>/2 frequencies from 1 to 1/<paramref name="max_period"/>.
    /// </summary>
    /// <param name="timesteps">[N], integer or float; any value.</param>
    /// <param name="dim">Width of the result.</param>
    /// <param name="flip_sin_to_cos">cos first.</param>
    /// <param name="downscale_freq_shift">Taken off dim/2 in the spacing of the frequencies.</param>
    /// <param name="max_period">The longest period over 2 pi.</param>
    /// <returns>float32 [N, dim].</returns>
    public static Tensor Encode(Tensor timesteps, int dim, bool flip_sin_to_cos = true, double downscale_freq_shift = 0,
        double max_period = 10000)
    {
        if (timesteps.dim() != 1)
            throw new ArgumentException($"timesteps: found "
                + $"shape [{string.Join(", ", timesteps.shape)}], expected one dimension.", nameof(timesteps));
        using var scope = NewDisposeScope();
        var half = dim / 2;
        var frequencies = Scalars.Range(half, ScalarType.Float32, timesteps.device)
            .Times(-Math.Log(max_period)).Over(half - downscale_freq_shift).exp();
        var angles = timesteps.to(ScalarType.Float32).unsqueeze(1) * frequencies.unsqueeze(0);
        Tensor sin = angles.sin(), cos = angles.cos();
        var both = flip_sin_to_cos ? cat([cos, sin], -1) : cat([sin, cos], -1);
        if (dim % 2 == 1)
            both = nn.functional.pad(both, [0, 1]);
        return both.MoveToOuterDisposeScope();
    }
}

/// <summary>
/// Two linear layers with SiLU between them; the guidance embedding of distilled models is added to the input.
/// </summary>
internal sealed class TimestepEmbedding : nn.Module<Tensor, Tensor?, Tensor>
{
    private readonly Linear linear_1;
    private readonly Linear? cond_proj;
    private readonly Linear linear_2;

    public TimestepEmbedding(long from, long to, Placement at, int? condition = null) : base(nameof(TimestepEmbedding))
    {
        linear_1 = at.Linear(from, to);
        cond_proj = condition is { } width ? at.Linear(width, from, bias: false) : null;
        linear_2 = at.Linear(to, to);
        RegisterComponents();
    }

    public override Tensor forward(Tensor sample, Tensor? condition)
    {
        if (condition is null || cond_proj is null)
            return linear_1.call(sample).Silu().Into(linear_2);
        return cond_proj.call(condition).Plus_(sample).Into(linear_1).Silu().Into(linear_2);
    }
}

/// <summary>
/// A condition image as features of the latent's size: each stride halves it (Zhang et al. 2023, section 3.2).
/// </summary>
internal sealed class ControlNetConditioningEmbedding : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv_in;
    private readonly ModuleList<Conv2d> blocks;
    private readonly Conv2d conv_out;

    public ControlNetConditioningEmbedding(int conditioningChannels, int[] channels, int to, Placement at)
        : base(nameof(ControlNetConditioningEmbedding))
    {
        conv_in = at.Conv2d(conditioningChannels, channels[0]);
        blocks = nn.ModuleList<Conv2d>();
        for (var i = 0; i + 1 < channels.Length; i++)
        {
            blocks.Add(at.Conv2d(channels[i], channels[i]));
            blocks.Add(at.Conv2d(channels[i], channels[i + 1], stride: 2));
        }
        conv_out = at.Conv2d(channels[^1], to);
        RegisterComponents();
        ControlNetModel.Zero(conv_out);
    }

    public override Tensor forward(Tensor conditioning)
    {
        var h = conv_in.call(conditioning).Silu();
        foreach (var block in blocks)
            h = h.Into(block).Silu();
        return h.Into(conv_out);
    }
}
