// The loss of CLIP: every image finds its own text among those of the batch, and every text its image.
// Radford et al. (2021), figure 3; the cross-entropy is van den Oord et al. (2018), eq. 4.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>Losses of contrastive training.</summary>
public static class ContrastiveLoss
{
    /// <summary>Mean of the cross-entropies of images over texts and of texts over images.</summary>
    /// <param name="images">Vectors of the images [N, D], of any length.</param>
    /// <param name="texts">Vectors of their texts [N, D].</param>
    /// <param name="scale">Factor on the cosines, a scalar tensor.</param>
    /// <returns>A scalar to call backward on; ln N where nothing is told apart.</returns>
    /// <exception cref="ArgumentException">Shapes that differ, or fewer than two pairs.</exception>
    public static Tensor Of(Tensor images, Tensor texts, Tensor scale)
    {
        if (images.dim() != 2 || images.shape[0] < 2 || !images.shape.AsSpan().SequenceEqual(texts.shape))
            throw new ArgumentException($"contrastive loss: found [{string.Join(", ", images.shape)}] and "
                + $"[{string.Join(", ", texts.shape)}], expected [N, D] twice, N at least 2.", nameof(images));
        using var scope = NewDisposeScope();
        var logits = Cosines(images, texts).mul(scale);
        var own = Scalars.Range(images.shape[0], ScalarType.Int64, images.device);
        var ofImages = nn.functional.cross_entropy(logits, own);
        var ofTexts = nn.functional.cross_entropy(logits.t(), own);
        return ofImages.Plus(ofTexts).Over(2).MoveToOuterDisposeScope();
    }

    /// <summary>Cosines of all images with all texts.</summary>
    /// <param name="images">[N, D].</param>
    /// <param name="texts">[M, D].</param>
    /// <returns>[N, M], float32.</returns>
    public static Tensor Cosines(Tensor images, Tensor texts)
    {
        using var scope = NewDisposeScope();
        Tensor Unit(Tensor x) => x.to(ScalarType.Float32) is var f ? f / f.norm(1, keepdim: true) : f;
        return Unit(images).mm(Unit(texts).t()).MoveToOuterDisposeScope();
    }
}
