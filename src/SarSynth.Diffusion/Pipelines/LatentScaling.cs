// Between what an autoencoder encodes and what the denoiser sees: Rombach et al. (2022), section D.1.
using SarSynth.Diffusion.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Pipelines;

/// <summary>
/// The scale of latents: one factor and a shift, or, for autoencoders that tell both, mean and spread of each channel
/// (Playground 2.5), which replace the shift.
/// </summary>
internal static class LatentScaling
{
    /// <summary>Encoded latents [N, C, h, w] as the denoiser sees them.</summary>
    public static Tensor Scaled(AutoencoderKLConfig vae, Tensor latents)
    {
        using var scope = NewDisposeScope();
        return (PerChannel(vae, latents.device) is var (mean, std) ? latents.sub(mean).div_(std)
            : latents.Minus(vae.ShiftFactor ?? 0)).Times_(vae.ScalingFactor).MoveToOuterDisposeScope();
    }

    /// <summary>The denoiser's latents [N, C, h, w] as the autoencoder decodes them.</summary>
    public static Tensor Unscaled(AutoencoderKLConfig vae, Tensor latents)
    {
        using var scope = NewDisposeScope();
        var plain = latents.Over(vae.ScalingFactor);
        return (PerChannel(vae, latents.device) is var (mean, std) ? plain.mul_(std).Plus_(mean)
            : plain.Plus_(vae.ShiftFactor ?? 0)).MoveToOuterDisposeScope();
    }

    private static (Tensor Mean, Tensor Std)? PerChannel(AutoencoderKLConfig vae, Device device)
    {
        Tensor Channels(double[] values) =>
            tensor(Array.ConvertAll(values, v => (float)v), device: device).reshape(1, -1, 1, 1);
        return vae is { LatentsMean: { } mean, LatentsStd: { } std } ? (Channels(mean), Channels(std)) : null;
    }
}
