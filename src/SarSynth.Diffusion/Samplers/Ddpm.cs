// Ancestral sampling of the trained Markov chain. Ho et al. (2020), algorithm 2 and eq. 7.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Samplers;

public static partial class Sampler
{
    /// <summary>DDPM: each step draws from the posterior q(x_prev | x_t, x0).</summary>
    /// <param name="model">The model.</param>
    /// <param name="latents">Start.</param>
    /// <param name="plan">A plan of a DDPM configuration.</param>
    /// <param name="run">Noise, callbacks, cancelling.</param>
    public static Tensor Ddpm(Denoiser model, Tensor latents, SamplingPlan plan, SamplingRun? run = null) =>
        Loop(latents, plan, run, (x, i, noiseOf) =>
    {
        double bar = plan.AlphaBar(i), barPrevious = plan.AlphaBarAfter(i), alpha = bar / barPrevious, beta = 1 - alpha;
        var output = model(x, plan.Timesteps[i]);
        var x0 = Bounded(plan.Config,
            Denoised(plan.Config.Schedule.Prediction, output, x, Math.Sqrt(bar), Math.Sqrt(1 - bar)));

        var mean = Mix(Math.Sqrt(barPrevious) * beta / (1 - bar), x0, Math.Sqrt(alpha) * (1 - barPrevious) / (1 - bar),
            x);
        double small = Math.Max((1 - barPrevious) / (1 - bar) * beta, 1e-20);
        // The "_log" forms name how a learned variance is stored; the value is the same.
        double deviation = Math.Sqrt(plan.Config.VarianceType.StartsWith("fixed_large", StringComparison.Ordinal)
            ? beta : small);
        return (plan.Timesteps[i] > 0 ? mean.Plus_(noiseOf(i, x), deviation) : mean, x0);
    });
}
