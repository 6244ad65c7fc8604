// Euler steps of the probability flow, plain and ancestral, and Heun's second-order step.
// Karras et al. (2022), algorithm 1 without churn; ancestral form after k-diffusion's sample_euler_ancestral.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Samplers;

public static partial class Sampler
{
    /// <summary>Euler's method in sigma.</summary>
    /// <param name="model">The model.</param>
    /// <param name="latents">Start, in the scale where the signal is not shrunk (x = x0 + sigma noise).</param>
    /// <param name="plan">A plan with sigmas.</param>
    /// <param name="run">Callbacks, cancelling.</param>
    public static Tensor Euler(Denoiser model, Tensor latents, SamplingPlan plan, SamplingRun? run = null) =>
        Loop(latents, plan, run, (x, i, noiseOf) =>
    {
        double sigma = plan.Sigmas[i], next = plan.Sigmas[i + 1];
        var x0 = DenoisedAt(model, x, sigma, plan.Timesteps[i], plan);
        return (Mix(next / sigma, x, 1 - next / sigma, x0), x0);
    });

    /// <summary>Euler's method to a lower level, then noise up to the next one.</summary>
    /// <param name="model">The model.</param>
    /// <param name="latents">Start, in the scale where the signal is not shrunk.</param>
    /// <param name="plan">A plan with sigmas.</param>
    /// <param name="run">Noise, callbacks, cancelling.</param>
    public static Tensor EulerAncestral(Denoiser model, Tensor latents, SamplingPlan plan, SamplingRun? run = null) =>
        Loop(latents, plan, run, (x, i, noiseOf) =>
    {
        double sigma = plan.Sigmas[i], next = plan.Sigmas[i + 1];
        double up = Math.Sqrt(next * next * (sigma * sigma - next * next) / (sigma * sigma)),
            down = Math.Sqrt(next * next - up * up);
        var x0 = DenoisedAt(model, x, sigma, plan.Timesteps[i], plan);
        return (Mix(down / sigma, x, 1 - down / sigma, x0).Plus_(noiseOf(i, x), up), x0);
    });

    /// <summary>
    /// Heun's method in sigma: the mean of the slopes at both ends of the step; the model
    /// is called twice in all but the last step.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="latents">Start, in the scale where the signal is not shrunk.</param>
    /// <param name="plan">A plan with sigmas.</param>
    /// <param name="run">Callbacks, cancelling.</param>
    public static Tensor Heun(Denoiser model, Tensor latents, SamplingPlan plan, SamplingRun? run = null) =>
        Loop(latents, plan, run, (x, i, noiseOf) =>
    {
        double sigma = plan.Sigmas[i], next = plan.Sigmas[i + 1];
        var x0 = Clipped(DenoisedAt(model, x, sigma, plan.Timesteps[i], plan));
        var guess = Mix(next / sigma, x, 1 - next / sigma, x0);
        if (next == 0)
            return (guess, x0);
        var guessed = Clipped(DenoisedAt(model, guess, next, plan.Timesteps[i + 1], plan));
        // x + (next - sigma) (d + d') / 2 with d = (x - x0) / sigma and d' = (guess - guessed) / next.
        double half = (next - sigma) / 2;
        return (Mix(1 + half / sigma, x, -half / sigma, x0).Plus_(guess, half / next).Plus_(guessed, -half / next), x0);

        Tensor Clipped(Tensor estimate) => plan.Config.ClipSample
            ? estimate.Clamped_(-plan.Config.ClipSampleRange, plan.Config.ClipSampleRange) : estimate;
    });

    private static Tensor DenoisedAt(Denoiser model, Tensor x, double level, double timestep, SamplingPlan plan)
    {
        var (alpha, sigma) = AlphaSigma(level);
        var scaled = x.Times(alpha);
        return Denoised(plan.Config.Schedule.Prediction, model(scaled, timestep), scaled, alpha, sigma);
    }
}
