// Inpainting: with a model of its own (mask and masked image as further input channels), or with any model by putting
// the noised image back outside the mask after every step. Lugmayr et al. (2022), RePaint, eq. 8 without resampling.
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tiling;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Pipelines;

/// <summary>What inpainting adds to a generation.</summary>
/// <param name="Mask">[1, 1, h, w] in latents: 1 where the image is made anew.</param>
/// <param name="Image">Scaled latents of the image.</param>
/// <param name="Masked">
/// Scaled latents of the image with the masked part grey; null for models without these channels.
/// </param>
internal sealed record Inpainting(Tensor Mask, Tensor Image, Tensor? Masked)
{
    /// <summary>Prepares a request's mask and image.</summary>
    public static Inpainting Of(LatentDiffusion model, GenerationRequest request, Tensor image, long[] shape)
    {
        var (whole, mask) = (request.Start!.Image.Whole, request.Start.Mask!);
        var binary = mask.reshape(1, 1, mask.shape[^2], mask.shape[^1])
            .AtLeast(0.5).to(ScalarType.Float32, model.Device);
        var small = nn.functional.interpolate(binary, size: [shape[2], shape[3]], mode: InterpolationMode.Nearest);
        int extra = model.Unet.Config.InChannels - model.Vae.Config.LatentChannels;
        if (extra == 0)
            return new Inpainting(small, image, null);
        if (extra != 1 + model.Vae.Config.LatentChannels)
            throw new ArgumentException($"the UNet has {model.Unet.Config.InChannels} input channels; inpainting "
                + $"models have {2 * model.Vae.Config.LatentChannels + 1}", nameof(model));
        // Zero after the image is mapped to -1 .. 1.
        var grey = (whole.to(ScalarType.Float32, model.Device) * binary.Complement()).Plus(binary.Times(0.5));
        return new Inpainting(small, image, model.Encode(grey));
    }

    /// <summary>The further input channels, of the windows or of all; null for models without.</summary>
    public Tensor? Extra(IReadOnlyList<TileWindow>? windows)
    {
        if (Masked is null)
            return null;
        var all = cat([Mask, Masked], 1);
        return windows is null ? all : cat([.. windows.Select(w => w.Of(all))]);
    }

    /// <summary>The latents after a step with the noised image put back outside the mask; null for inpainting models,
    /// which need none of it.</summary>
    public Tensor? KeepOutside(SamplingPlan plan, SamplingStep step, Tensor noise)
    {
        if (Masked is not null)
            return null;
        var outside = Sampler.AddNoise(plan, step.Index + 1, Image, noise);
        return outside.Plus((step.Latents - outside) * Mask);
    }
}
