// Pseudo linear multistep: DDIM's step with the slopes of up to four predictions. Liu et al. (2022), eq. 11 and 12.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Samplers;

public static partial class Sampler
{
    // Adams and Bashforth: factors of the newest prediction and of those before it.
    private static readonly double[][] AdamsBashforth = [[1], [3.0 / 2, -1.0 / 2], [23.0 / 12, -16.0 / 12, 5.0 / 12],
        [55.0 / 24, -59.0 / 24, 37.0 / 24, -9.0 / 24]];

    /// <summary>
    /// PNDM without Runge-Kutta steps (PLMS): what Stable Diffusion 1.5 comes with. The first step is made twice, the
    /// second time with the mean of the slopes at both its ends. A plan that is begun late
    /// starts with lower order instead.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="latents">Start.</param>
    /// <param name="plan">A plan of a PNDM configuration.</param>
    /// <param name="run">Callbacks, cancelling.</param>
    public static Tensor Pndm(Denoiser model, Tensor latents, SamplingPlan plan, SamplingRun? run = null)
    {
        var prediction = plan.Config.Schedule.Prediction;
        var outputs = new List<Tensor>();
        Tensor? begin = null;
        try
        {
            return Loop(latents, plan, run, (x, i, noiseOf) =>
            {
                bool again = plan.RepeatsStep(i);
                var output = model(x, plan.Timesteps[i]);
                if (!again)
                    Keep(outputs, output);
                var slope = again ? output.Plus(outputs[0]).Over_(2) : Combined(outputs);
                var from = again ? begin! : x;
                if (i == plan.Start)
                    begin = x.alias().DetachFromDisposeScope();

                double bar = plan.AlphaBar(i), barNext = plan.AlphaBarAfter(i);
                if (again)
                    (bar, barNext) = (plan.AlphaBar(plan.Start), bar);
                double alpha = Math.Sqrt(bar), sigma = Math.Sqrt(1 - bar);
                var x0 = Denoised(prediction, slope, from, alpha, sigma);
                return (Mix(Math.Sqrt(barNext), x0, Math.Sqrt(1 - barNext),
                    Noise(prediction, slope, from, alpha, sigma)), x0);
            });
        }
        finally
        {
            outputs.ForEach(o => o.Dispose());
            begin?.Dispose();
        }
    }

    private static void Keep(List<Tensor> outputs, Tensor newest)
    {
        outputs.Insert(0, newest.alias().DetachFromDisposeScope());
        if (outputs.Count <= AdamsBashforth.Length)
            return;
        outputs[^1].Dispose();
        outputs.RemoveAt(outputs.Count - 1);
    }

    private static Tensor Combined(List<Tensor> outputs)
    {
        var factors = AdamsBashforth[outputs.Count - 1];
        var sum = outputs[0].Times(factors[0]);
        for (int k = 1; k < factors.Length; k++)
            sum.Plus_(outputs[k], factors[k]);
        return sum;
    }
}
