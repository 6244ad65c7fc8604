// A discriminator of patches for the adversarial term of an autoencoder. Isola et al. (2017), section 3.2.2;
// hinge losses: Lim and Ye (2017); in a latent diffusion model's autoencoder: Rombach et al. (2022), appendix G.
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>Tells images from reconstructions, patch by patch; it has no state beside its parameters.</summary>
public sealed class PatchDiscriminator : nn.Module<Tensor, Tensor>
{
    /// <summary>Pixels that the sides of an image need at least.</summary>
    public const int LeastSide = 16;

    private readonly Sequential layers;

    /// <summary>Fresh weights, drawn from the engine's default generator.</summary>
    /// <param name="channels">Channels of the images.</param>
    /// <param name="width">Channels of its first layer, a multiple of 8; each further one has twice as many.</param>
    public PatchDiscriminator(long channels, int width = 32) : base(nameof(PatchDiscriminator))
    {
        if (width < 8 || width % 8 != 0)
            throw new ArgumentOutOfRangeException(nameof(width), width, "expected a multiple of 8");
        // Groups in the place of batches: statistics of a batch would be state outside of the
        // checkpoints. SiLU for the leaky rectifier.
        layers = nn.Sequential(
            ("conv_in", nn.Conv2d(channels, width, 4, stride: 2, padding: 1)), ("act_in", nn.SiLU()),
            ("conv_1", nn.Conv2d(width, 2 * width, 4, stride: 2, padding: 1)), ("norm_1", Norm(2 * width)),
            ("act_1", nn.SiLU()),
            ("conv_2", nn.Conv2d(2 * width, 4 * width, 4, stride: 1, padding: 1)), ("norm_2", Norm(4 * width)),
            ("act_2", nn.SiLU()),
            ("conv_out", nn.Conv2d(4 * width, 1, 4, stride: 1, padding: 1)));
        RegisterComponents();
    }

    /// <summary>Scores of patches, higher for images.</summary>
    /// <param name="image">[B, channels, H, W], sides of <see cref="LeastSide"/> or more.</param>
    /// <returns>[B, 1, h, w].</returns>
    public override Tensor forward(Tensor image) => layers.call(image);

    /// <summary>
    /// What the autoencoder is told: minus the mean score of its reconstructions.
    /// No gradient reaches the discriminator.
    /// </summary>
    /// <param name="reconstruction">[B, channels, H, W], with gradients.</param>
    public Tensor GeneratorLoss(Tensor reconstruction)
    {
        using var scope = NewDisposeScope();
        Frozen(true);
        try
        {
            return call(reconstruction).mean().negative().MoveToOuterDisposeScope();
        }
        finally
        {
            Frozen(false);
        }
    }

    /// <summary>
    /// What the discriminator is told: the mean hinge of both kinds, half of each. No gradient reaches the autoencoder.
    /// </summary>
    /// <param name="image">[B, channels, H, W].</param>
    /// <param name="reconstruction">Shape of the image.</param>
    public Tensor DiscriminatorLoss(Tensor image, Tensor reconstruction)
    {
        using var scope = NewDisposeScope();
        var ofImages = nn.functional.relu(call(image.detach()).Complement()).mean();
        var ofOthers = nn.functional.relu(call(reconstruction.detach()).Plus(1)).mean();
        return ofImages.Plus(ofOthers).Times(0.5).MoveToOuterDisposeScope();
    }

    // What a forward pass records hangs on what wants gradients while it runs.
    private void Frozen(bool frozen)
    {
        foreach (var parameter in parameters())
            parameter.requires_grad = !frozen;
    }

    private static GroupNorm Norm(long channels)
    {
        var norm = nn.GroupNorm(8, channels);
        nn.init.ones_(norm.weight);
        nn.init.zeros_(norm.bias);
        return norm;
    }
}
