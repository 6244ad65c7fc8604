// What is left of the images in the last noise of a schedule, so that sampling begins as training saw it.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Pipelines;

/// <summary>
/// The brightness of training images as wholes: mean over the pixels of each latent channel, as a normal law over the
/// images.
/// </summary>
/// <param name="Mean">Mean over the images, a number for each latent channel, in scaled latents.</param>
/// <param name="Deviation">Standard deviation over the images, likewise.</param>
/// <remarks>
/// The last step of Stable Diffusion's schedules keeps 7 % of the signal, in which a model reads how bright the image
/// is to be. Pure noise says "as bright as the mean of all latents, 0", whatever a fine-tuning has taught: a model of
/// dark images makes grey ones. Everaert et al. (2024), "Exploiting the signal-leak bias in diffusion models", begin
/// with noise on a draw of the images' own low frequencies instead; here it is of the lowest alone.
/// </remarks>
public sealed record SignalLeak(IReadOnlyList<float> Mean, IReadOnlyList<float> Deviation)
{
    /// <summary>Of images' latents.</summary>
    /// <param name="latents">Scaled latents, [1, C, h, w] each, of any sizes; one or more.</param>
    /// <exception cref="ArgumentException">No latents.</exception>
    public static SignalLeak Of(IEnumerable<Tensor> latents)
    {
        using var scope = NewDisposeScope();
        var each = latents.Select(l => l.to(ScalarType.Float32).mean([2, 3]).cpu().MoveToOuterDisposeScope()).ToList();
        if (each.Count == 0)
            throw new ArgumentException("found no latents, expected one or more.", nameof(latents));
        var all = cat(each);
        return new(Numbers(all.mean([0])), Numbers(all.std([0], unbiased: false)));

        static float[] Numbers(Tensor values) => [.. values.data<float>().ToArray().Select(v => MathF.Round(v, 5))];
    }

    /// <summary>Draws the brightness of an image.</summary>
    /// <param name="channels">Latent channels of the model.</param>
    /// <param name="generator">A CPU generator.</param>
    /// <returns>[1, C, 1, 1], float32 on the CPU.</returns>
    /// <exception cref="ArgumentException">Another number of channels.</exception>
    public Tensor Draw(int channels, Generator generator)
    {
        if (Mean.Count != channels || Deviation.Count != channels)
        {
            throw new ArgumentException($"signal leak: found {Mean.Count} means and {Deviation.Count} deviations, "
                + $"expected {channels} each, one for each latent channel of the model.");
        }
        using var scope = NewDisposeScope();
        var normal = randn([channels], device: CPU, generator: generator);
        return tensor(Mean.ToArray()).Plus(tensor(Deviation.ToArray()).mul(normal)).reshape(1, channels, 1, 1)
            .MoveToOuterDisposeScope();
    }
}
