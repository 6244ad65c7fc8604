// The posterior of an autoencoder's latents: Kingma and Welling (2014), appendix B.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>A normal distribution with independent components: the posterior of the latents.</summary>
public sealed class DiagonalGaussian : IDisposable
{
    private readonly Tensor moments;

    /// <param name="moments">Mean and log-variance, one after the other along the channels; owned from now on.</param>
    public DiagonalGaussian(Tensor moments)
    {
        this.moments = moments;
        using var scope = NewDisposeScope();
        var channels = moments.shape[1] / 2;
        Mean = moments.narrow(1, 0, channels).MoveToOuterDisposeScope();
        LogVar = moments.narrow(1, channels, channels).Clamped(-30, 20).MoveToOuterDisposeScope();
        Std = LogVar.Times(0.5).exp().MoveToOuterDisposeScope();
        Var = LogVar.exp().MoveToOuterDisposeScope();
    }

    /// <summary>Mean, [N, C, h, w].</summary>
    public Tensor Mean { get; }

    /// <summary>Logarithm of the variance, clamped to [-30, 20].</summary>
    public Tensor LogVar { get; }

    /// <summary>Standard deviation.</summary>
    public Tensor Std { get; }

    /// <summary>Variance.</summary>
    public Tensor Var { get; }

    /// <summary>Mean + std * noise.</summary>
    /// <param name="noise">Standard normal, of the mean's shape.</param>
    public Tensor Sample(Tensor noise)
    {
        using var fitting = noise.to(Mean.dtype);
        using var scaled = Std * fitting;
        return Mean.Plus(scaled);
    }

    /// <summary>A draw from the distribution.</summary>
    /// <param name="generator">Where the noise comes from; a CPU generator, the engine's default where null.</param>
    public Tensor Sample(Generator? generator = null)
    {
        using var drawn = randn(Mean.shape, device: CPU, dtype: Mean.dtype, generator: generator);
        using var noise = drawn.to(Mean.device);
        return Sample(noise);
    }

    /// <summary>The most likely value: the mean, in memory of its own.</summary>
    public Tensor Mode() => Mean.clone();

    /// <summary>
    /// Kullback-Leibler divergence from the standard normal, or from <paramref name="other"/>, summed over each sample.
    /// </summary>
    /// <returns>[N], nats.</returns>
    public Tensor Kl(DiagonalGaussian? other = null)
    {
        using var scope = NewDisposeScope();
        var terms = other is null
            ? Mean.Squared().Plus(Var).Minus(1) - LogVar
            : (((Mean - other.Mean).Squared() / other.Var).Plus(Var / other.Var).Minus(1) - LogVar).Plus(other.LogVar);
        return terms.sum([1, 2, 3]).Times(0.5).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in new[] { moments, Mean, LogVar, Std, Var })
            tensor.Dispose();
    }
}
