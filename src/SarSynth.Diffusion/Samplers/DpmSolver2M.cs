// DPM-Solver++(2M): multistep, second order, deterministic. Lu et al. (2022b), algorithm 2 and eq. 9.
// lambda = ln(alpha / sigma) falls with the noise; sigma and alpha below are those of x = alpha x0 + sigma noise.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Samplers;

public static partial class Sampler
{
    /// <summary>DPM-Solver++(2M): each step integrates the flow exactly for an x0 that is linear in lambda.</summary>
    /// <param name="model">The model.</param>
    /// <param name="latents">Start.</param>
    /// <param name="plan">A plan of a DPM-Solver configuration.</param>
    /// <param name="run">Callbacks, cancelling.</param>
    public static Tensor DpmSolver2M(Denoiser model, Tensor latents, SamplingPlan plan, SamplingRun? run = null)
    {
        Tensor? earlier = null;
        try
        {
            return Loop(latents, plan, run, (x, i, _) =>
            {
                var (alpha, sigma) = AlphaSigma(plan.Sigmas[i]);
                var (alphaNext, sigmaNext) = AlphaSigma(plan.Sigmas[i + 1]);
                var output = model(x, plan.Timesteps[i]);
                var x0 = Denoised(plan.Config.Schedule.Prediction, output, x, alpha, sigma);
                x0 = plan.Config.Thresholding ? Thresholded(plan.Config, x0) : x0;

                double h = Lambda(plan, i + 1) - Lambda(plan, i);
                var d = x0;
                if (OrderAt(plan, i, earlier is null ? 0 : 1) == 2)
                {
                    double r = (Lambda(plan, i) - Lambda(plan, i - 1)) / h;
                    d = Mix(1 + 1 / (2 * r), x0, -1 / (2 * r), earlier!);
                }
                earlier?.Dispose();
                earlier = x0.alias().DetachFromDisposeScope();
                return (Mix(sigmaNext / sigma, x, -alphaNext * (Math.Exp(-h) - 1), d), x0);
            });
        }
        finally
        {
            earlier?.Dispose();
        }
    }
}
