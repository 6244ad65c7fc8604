// DPM-Solver (Lu et al. 2022a), DPM-Solver++ and its SDE form (Lu et al. 2022b), multistep, orders 1 to 3.
// lambda = ln(alpha / sigma); h is the step in lambda. The usual one, 2M, stands in DpmSolver2M.cs.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Samplers;

public static partial class Sampler
{
    /// <summary>
    /// DPM-Solver in its four algorithms: an exponential integrator of the flow,
    /// with earlier predictions for higher order.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="latents">Start.</param>
    /// <param name="plan">A plan of a DPM-Solver configuration.</param>
    /// <param name="run">Noise (SDE forms), callbacks, cancelling.</param>
    public static Tensor DpmSolver(Denoiser model, Tensor latents, SamplingPlan plan, SamplingRun? run = null)
    {
        var config = plan.Config;
        if (config is { AlgorithmType: "dpmsolver++", SolverType: "midpoint", SolverOrder: <= 2 })
            return DpmSolver2M(model, latents, plan, run);
        bool fromData = config.AlgorithmType.EndsWith("++", StringComparison.Ordinal);
        bool sde = config.AlgorithmType.StartsWith("sde", StringComparison.Ordinal);
        var earlier = new List<Tensor>();
        try
        {
            return Loop(latents, plan, run, (x, i, noiseOf) =>
            {
                var (alpha, sigma) = AlphaSigma(plan.Sigmas[i]);
                var output = model(x, plan.Timesteps[i]);
                var x0 = Denoised(config.Schedule.Prediction, output, x, alpha, sigma);
                x0 = config.Thresholding ? Thresholded(config, x0) : x0;
                var m0 = fromData ? x0.alias()
                    : config.Thresholding ? Mix(1 / sigma, x, -alpha / sigma, x0)
                    : Noise(config.Schedule.Prediction, output, x, alpha, sigma);
                int order = OrderAt(plan, i, earlier.Count);
                var (d1, d2) = Differences(plan, i, order, m0, earlier);

                var (c, c0, c1, c2, cNoise) = Coefficients(plan, i, order, fromData, sde);
                var next = Mix(c, x, c0, m0);
                if (d1 is not null)
                    next.Plus_(d1, c1);
                if (d2 is not null)
                    next.Plus_(d2, c2);
                if (sde)
                    next.Plus_(noiseOf(i, x), cNoise);

                earlier.Insert(0, m0.DetachFromDisposeScope());
                while (earlier.Count >= Math.Max(config.SolverOrder, 2))
                {
                    earlier[^1].Dispose();
                    earlier.RemoveAt(earlier.Count - 1);
                }
                return (next, x0);
            });
        }
        finally
        {
            earlier.ForEach(m => m.Dispose());
        }
    }

    // Lower order while there is no history, and at the end where the step in lambda is large, or none at all.
    private static int OrderAt(SamplingPlan plan, int index, int history)
    {
        var config = plan.Config;
        bool few = plan.Count < 15, final = index == plan.Count - 1;
        if (final && (config.EulerAtFinal || (config.LowerOrderFinal && few) || config.FinalSigmasType == "zero"))
            return 1;
        if (plan.Sigmas[index + 1] == plan.Sigmas[index])
            return 1;
        int limit = index == plan.Count - 2 && config.LowerOrderFinal && few ? 2 : 3;
        return Math.Min(Math.Min(config.SolverOrder, limit), history + 1);
    }

    private static double Lambda(SamplingPlan plan, int index) => -Math.Log(plan.Sigmas[index]);

    // Divided differences of the predictions in units of h (Lu et al. 2022b, eq. 10 and appendix D). The second is half
    // of the second
    // derivative, and the published multistep form takes it for the whole: its third order is second order with a
    // smaller error.
    // diffusers has it so, and so have its recorded results.
    private static (Tensor? D1, Tensor? D2) Differences(SamplingPlan plan, int i, int order, Tensor m0,
        List<Tensor> earlier)
    {
        if (order == 1)
            return (null, null);
        double h = Lambda(plan, i + 1) - Lambda(plan, i), r0 = (Lambda(plan, i) - Lambda(plan, i - 1)) / h;
        var first = (m0 - earlier[0]).Over_(r0);
        if (order == 2)
            return (first, null);
        double r1 = (Lambda(plan, i - 1) - Lambda(plan, i - 2)) / h;
        var change = first - (earlier[0] - earlier[1]).Over_(r1);
        return (Mix(1, first, r0 / (r0 + r1), change), change.Over(r0 + r1));
    }

    /// <summary>Factors of x, of the prediction, of its first and second differences, and of fresh noise.</summary>
    private static (double X, double M0, double D1, double D2, double Noise) Coefficients(
        SamplingPlan plan, int i, int order, bool fromData, bool sde)
    {
        var (alphaS, sigmaS) = AlphaSigma(plan.Sigmas[i]);
        var (alphaT, sigmaT) = AlphaSigma(plan.Sigmas[i + 1]);
        double h = Lambda(plan, i + 1) - Lambda(plan, i);
        bool heun = order == 3 || plan.Config.SolverType == "heun";
        if (fromData && sde)
        {
            double e = 1 - Math.Exp(-2 * h);
            if (order == 3)
                throw new NotSupportedException("sde-dpmsolver++ has orders 1 and 2; set solver_order to 2");
            double d1 = heun ? alphaT * (e / (-2 * h) + 1) : 0.5 * alphaT * e;
            return (sigmaT / sigmaS * Math.Exp(-h), alphaT * e, d1, 0, sigmaT * Math.Sqrt(e));
        }
        if (fromData)
        {
            double e = Math.Exp(-h) - 1;
            double d1 = heun ? alphaT * (e / h + 1) : -0.5 * alphaT * e, d2 = -alphaT * ((e + h) / (h * h) - 0.5);
            return (sigmaT / sigmaS, -alphaT * e, d1, d2, 0);
        }
        double grow = Math.Exp(h) - 1;
        if (sde)
        {
            if (order == 3)
                throw new NotSupportedException("sde-dpmsolver has orders 1 and 2; set solver_order to 2");
            double d1 = heun ? -2 * sigmaT * (grow / h - 1) : -sigmaT * grow;
            return (alphaT / alphaS, -2 * sigmaT * grow, d1, 0, sigmaT * Math.Sqrt(Math.Exp(2 * h) - 1));
        }
        double first = heun ? -sigmaT * (grow / h - 1) : -0.5 * sigmaT * grow;
        return (alphaT / alphaS, -sigmaT * grow, first, -sigmaT * ((grow - h) / (h * h) - 0.5), 0);
    }
}
