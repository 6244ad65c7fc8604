// Latent consistency models: jump to x0, noise it to the next timestep. Luo et al. (2023), algorithm 3.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Samplers;

public static partial class Sampler
{
    /// <summary>Multi-step consistency sampling.</summary>
    /// <param name="model">A distilled model.</param>
    /// <param name="latents">Start.</param>
    /// <param name="plan">A plan of an LCM configuration.</param>
    /// <param name="run">Noise, callbacks, cancelling.</param>
    public static Tensor Lcm(Denoiser model, Tensor latents, SamplingPlan plan, SamplingRun? run = null) =>
        Loop(latents, plan, run, (x, i, noiseOf) =>
    {
        double bar = plan.AlphaBar(i), barNext = plan.AlphaBarAfter(i);
        var output = model(x, plan.Timesteps[i]);
        var x0 = Bounded(plan.Config,
            Denoised(plan.Config.Schedule.Prediction, output, x, Math.Sqrt(bar), Math.Sqrt(1 - bar)));

        // The boundary condition: the identity at timestep 0. sigma_data is 0.5.
        double scaled = plan.Timesteps[i] * plan.Config.TimestepScaling, norm = scaled * scaled + 0.25;
        var consistent = Mix(scaled / Math.Sqrt(norm), x0, 0.25 / norm, x);
        return (i == plan.Count - 1 ? consistent.alias()
            : Mix(Math.Sqrt(barNext), consistent, Math.Sqrt(1 - barNext), noiseOf(i, x)), consistent);
    });
}
