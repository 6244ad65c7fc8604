// Training losses. Ho et al. (2020), eq. 14; Salimans and Ho (2022), v; Hang et al. (2023), min-SNR weighting;
// Rombach et al. (2022), section 3.1 and appendix G (autoencoder with a small KL term).
using SarSynth.Diffusion.Samplers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>Losses of latent diffusion.</summary>
public static class DiffusionLoss
{
    /// <summary>Mean squared error of the model's prediction at given timesteps.</summary>
    /// <param name="schedule">The noise schedule; says what the model predicts.</param>
    /// <param name="model">(noisy latents, timesteps [B]) to prediction.</param>
    /// <param name="x0">Clean latents [B, ...].</param>
    /// <param name="noise">Standard normal, shape of x0.</param>
    /// <param name="timesteps">Training timesteps [B], int64.</param>
    /// <param name="minSnrGamma">Weight samples by min(SNR, gamma) / SNR (5 is usual), or null for equal weights.</param>
    /// <returns>A scalar to call backward on.</returns>
    public static Tensor OfNoise(NoiseSchedule schedule, Func<Tensor, Tensor, Tensor> model, Tensor x0, Tensor noise, Tensor timesteps,
        double? minSnrGamma = null)
    {
        using var scope = NewDisposeScope();
        var prediction = model(schedule.AddNoise(x0, noise, timesteps), timesteps);
        var target = schedule.Target(x0, noise, timesteps);
        var error = (prediction.to(ScalarType.Float32) - target.to(ScalarType.Float32)).Squared();
        if (minSnrGamma is not { } gamma)
            return error.mean().MoveToOuterDisposeScope();
        var weights = timesteps.cpu().data<long>().ToArray().Select(t => (float)MinSnrWeight(schedule, (int)t, gamma)).ToArray();
        return (error.flatten(1).mean([1]) * tensor(weights, device: error.device)).mean().MoveToOuterDisposeScope();
    }

    /// <summary>Draws noise and uniform timesteps, then <see cref="OfNoise"/>.</summary>
    /// <param name="schedule">The noise schedule.</param>
    /// <param name="model">(noisy latents, timesteps [B]) to prediction.</param>
    /// <param name="x0">Clean latents [B, ...].</param>
    /// <param name="generator">Source of noise and timesteps; a CPU generator.</param>
    /// <param name="minSnrGamma">As in <see cref="OfNoise"/>.</param>
    public static Tensor Draw(NoiseSchedule schedule, Func<Tensor, Tensor, Tensor> model, Tensor x0, Generator generator, double? minSnrGamma = null)
    {
        using var scope = NewDisposeScope();
        var noise = randn(x0.shape, device: CPU, generator: generator).to(x0.dtype, x0.device);
        var timesteps = randint(schedule.TrainTimesteps, [x0.shape[0]], ScalarType.Int64, CPU, generator: generator).to(x0.device);
        return OfNoise(schedule, model, x0, noise, timesteps, minSnrGamma).MoveToOuterDisposeScope();
    }

    /// <summary>Min-SNR weight of a timestep: min(SNR, gamma) over SNR (noise), SNR + 1 (velocity) or 1 (x0).</summary>
    public static double MinSnrWeight(NoiseSchedule schedule, int timestep, double gamma)
    {
        double snr = schedule.Snr(timestep), least = Math.Min(snr, gamma);
        return schedule.Prediction switch
        {
            PredictionType.Epsilon => snr == 0 ? 1 : least / snr,
            PredictionType.Velocity => least / (snr + 1),
            _ => least,
        };
    }

    /// <summary>Autoencoder: mean absolute error of the reconstruction plus weighted KL divergence of the posterior from N(0, 1).</summary>
    /// <param name="image">[B, C, H, W].</param>
    /// <param name="reconstruction">Shape of the image.</param>
    /// <param name="mean">Posterior mean.</param>
    /// <param name="logVariance">Posterior log-variance, shape of the mean.</param>
    /// <param name="klWeight">Weight of the KL term, each taken as a mean over elements; 1e-6 is usual.</param>
    /// <param name="squared">Squared instead of absolute error.</param>
    public static Tensor OfAutoencoder(Tensor image, Tensor reconstruction, Tensor mean, Tensor logVariance, double klWeight = 1e-6, bool squared = false)
    {
        using var scope = NewDisposeScope();
        var error = reconstruction.to(ScalarType.Float32) - image.to(ScalarType.Float32);
        var fidelity = squared ? error.Squared().mean() : error.abs().mean();
        return fidelity.Plus(Kl(mean, logVariance).Times(klWeight)).MoveToOuterDisposeScope();
    }

    /// <summary>KL divergence of N(mean, exp(logVariance)) from N(0, 1), mean over elements.</summary>
    public static Tensor Kl(Tensor mean, Tensor logVariance)
    {
        using var scope = NewDisposeScope();
        return (mean.Squared().Plus(logVariance.exp()).Minus(1) - logVariance).mean().Times(0.5).MoveToOuterDisposeScope();
    }
}
