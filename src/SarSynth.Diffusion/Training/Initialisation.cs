// Starting weights under which a small autoencoder learns to keep fine texture instead of averaging it away.
using SarSynth.Diffusion.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>Initial weights of networks that are trained from nothing.</summary>
public static class Initialisation
{
    /// <summary>
    /// Makes an autoencoder begin as a nearly linear, nearly invertible map: orthogonal convolutions
    /// (Saxe et al. 2014), no biases, and residual branches that begin at zero (Goyal et al. 2017),
    /// so that detail passes from the first step on.
    /// </summary>
    /// <param name="vae">An autoencoder with fresh weights.</param>
    public static void NearLinear(AutoencoderKL vae)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, module) in vae.named_modules())
        {
            if (module is not Conv2d convolution)
                continue;
            if (name.EndsWith(".conv2", StringComparison.Ordinal))
                nn.init.zeros_(convolution.weight);
            else
            {
                // The orthogonal matrix is made in the usual order of memory; the kernel may lie in another.
                var drawn = empty(convolution.weight.shape, device: convolution.weight.device);
                convolution.weight.copy_(nn.init.orthogonal_(drawn));
            }
            if (convolution.bias is { } bias)
                nn.init.zeros_(bias);
        }
    }
}
