// Denoising diffusion implicit models. Song et al. (2021), eq. 12 and 16.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Samplers;

public static partial class Sampler
{
    /// <summary>DDIM: deterministic for eta 0.</summary>
    /// <param name="model">The model.</param>
    /// <param name="latents">Start.</param>
    /// <param name="plan">A plan of a DDIM configuration.</param>
    /// <param name="run">Noise (for eta over 0), callbacks, cancelling.</param>
    /// <param name="eta">0 deterministic, 1 as noisy as DDPM.</param>
    public static Tensor Ddim(Denoiser model, Tensor latents, SamplingPlan plan, SamplingRun? run = null,
        double eta = 0) => Loop(latents, plan, run, (x, i, noiseOf) =>
    {
        double bar = plan.AlphaBar(i), barPrevious = plan.AlphaBarAfter(i), alpha = Math.Sqrt(bar),
            sigma = Math.Sqrt(1 - bar);
        var output = model(x, plan.Timesteps[i]);
        var x0 = Bounded(plan.Config, Denoised(plan.Config.Schedule.Prediction, output, x, alpha, sigma));
        var noise = Noise(plan.Config.Schedule.Prediction, output, x, alpha, sigma);

        double deviation = eta * Math.Sqrt((1 - barPrevious) / (1 - bar) * (1 - bar / barPrevious));
        // From pure noise (bar 0) with eta 1 all of the noise is new: what is left of the
        // old is 0, or less by rounding.
        double kept = Math.Sqrt(Math.Max(0, 1 - barPrevious - deviation * deviation));
        var next = Mix(Math.Sqrt(barPrevious), x0, kept, noise);
        return (deviation > 0 ? next.Plus_(noiseOf(i, x), deviation) : next, x0);
    });
}
