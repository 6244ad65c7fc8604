// Training losses. Ho et al. (2020), eq. 14; Salimans and Ho (2022), v; Hang et al. (2023), min-SNR weighting;
// Lipman et al. (2023), flow matching; Khrapov et al. (2024), pseudo-Huber.
using SarSynth.Diffusion.Samplers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>Losses of latent diffusion.</summary>
public static class DiffusionLoss
{
    /// <summary>Draws noise and timesteps as a recipe says, then <see cref="OfNoise(NoiseSchedule, Func{Tensor, Tensor,
    /// Tensor}, Tensor, Tensor, Tensor, LossRecipe,
    /// Tensor)"/> or <see cref="OfFlow"/>.</summary>
    /// <param name="schedule">The noise schedule; flow matching takes the number of its timesteps alone.</param>
    /// <param name="model">(noisy latents, timesteps [B]) to prediction.</param>
    /// <param name="x0">Clean latents [B, C, H, W].</param>
    /// <param name="at">The training's step: its generator draws, and its report says the timesteps.</param>
    /// <param name="recipe">The loss.</param>
    /// <param name="mask">Which latents count, [B, 1, H, W] of 0 and 1, or null for all.</param>
    public static Tensor Draw(NoiseSchedule schedule, Func<Tensor, Tensor, Tensor> model, Tensor x0, TrainingStep at,
        LossRecipe recipe, Tensor? mask = null)
    {
        using var scope = NewDisposeScope();
        var noise = recipe.Noise.Draw(x0.shape, at.Generator).to(x0.dtype, x0.device);
        if (recipe.Target == TrainingTarget.FlowMatching)
        {
            var shares = recipe.Timesteps.Shares(x0.shape[0], at.Generator).to(ScalarType.Float32);
            at.Note("times", shares.data<float>().ToArray().Select(t => $"{t:g4}"));
            return OfFlow(model, x0, noise, shares.to(x0.device), schedule.TrainTimesteps, recipe.Huber, mask)
                .MoveToOuterDisposeScope();
        }
        var timesteps = recipe.Timesteps.Draw(x0.shape[0], schedule.TrainTimesteps, at.Generator);
        at.Note("timesteps", timesteps.data<long>().ToArray().Select(t => $"{t}"));
        return OfNoise(schedule, model, x0, noise, timesteps.to(x0.device), recipe, mask).MoveToOuterDisposeScope();
    }

    /// <summary>Draws white noise and uniform timesteps, then the mean squared error.</summary>
    /// <param name="schedule">The noise schedule.</param>
    /// <param name="model">(noisy latents, timesteps [B]) to prediction.</param>
    /// <param name="x0">Clean latents [B, ...].</param>
    /// <param name="generator">Source of noise and timesteps; a CPU generator.</param>
    /// <param name="minSnrGamma">As in <see cref="LossRecipe"/>.</param>
    public static Tensor Draw(NoiseSchedule schedule, Func<Tensor, Tensor, Tensor> model, Tensor x0,
        Generator generator, double? minSnrGamma = null)
    {
        using var scope = NewDisposeScope();
        var noise = randn(x0.shape, device: CPU, generator: generator).to(x0.dtype, x0.device);
        var timesteps = new TimestepSampling().Draw(x0.shape[0], schedule.TrainTimesteps, generator).to(x0.device);
        return OfNoise(schedule, model, x0, noise, timesteps, minSnrGamma).MoveToOuterDisposeScope();
    }

    /// <summary>Mean squared error of the model's prediction at given timesteps.</summary>
    /// <inheritdoc cref="OfNoise(NoiseSchedule, Func{Tensor, Tensor, Tensor}, Tensor, Tensor, Tensor, LossRecipe,
    /// Tensor)"/>
    /// <param name="schedule">The noise schedule; says what the model predicts.</param>
    /// <param name="model">(noisy latents, timesteps [B]) to prediction.</param>
    /// <param name="x0">Clean latents [B, ...].</param>
    /// <param name="noise">Standard normal, shape of x0.</param>
    /// <param name="timesteps">Training timesteps [B], int64.</param>
    /// <param name="minSnrGamma">As in <see cref="LossRecipe"/>.</param>
    public static Tensor OfNoise(NoiseSchedule schedule, Func<Tensor, Tensor, Tensor> model, Tensor x0, Tensor noise,
        Tensor timesteps, double? minSnrGamma = null) =>
        OfNoise(schedule, model, x0, noise, timesteps, new LossRecipe { MinSnrGamma = minSnrGamma });

    /// <summary>Loss of the model's prediction at given timesteps with given noise.</summary>
    /// <param name="schedule">The noise schedule; says what the model predicts where the recipe does not.</param>
    /// <param name="model">(noisy latents, timesteps [B]) to prediction.</param>
    /// <param name="x0">Clean latents [B, ...].</param>
    /// <param name="noise">Noise, shape of x0.</param>
    /// <param name="timesteps">Training timesteps [B], int64.</param>
    /// <param name="recipe">Target, weights and error; its noise and timesteps are not looked at.</param>
    /// <param name="mask">Which latents count, [B, 1, H, W] of 0 and 1, or null for all.</param>
    /// <returns>A scalar to call backward on: the mean over samples of the mean over the latents that count.</returns>
    public static Tensor OfNoise(NoiseSchedule schedule, Func<Tensor, Tensor, Tensor> model, Tensor x0, Tensor noise,
        Tensor timesteps, LossRecipe recipe, Tensor? mask = null)
    {
        using var scope = NewDisposeScope();
        schedule = recipe.Schedule(schedule);
        var prediction = model(schedule.AddNoise(x0, noise, timesteps), timesteps);
        var target = schedule.Target(x0, noise, timesteps);
        var steps = timesteps.cpu().data<long>().ToArray();
        var error = Error(prediction, target, recipe.Huber is not { } huber ? null
            : [.. steps.Select(t => huber.At(t, schedule.TrainTimesteps, schedule.Snr((int)t)))]);
        double[]? weights = recipe.MinSnrGamma is not { } gamma ? null
            : [.. steps.Select(t => MinSnrWeight(schedule, (int)t, gamma))];
        return Mean(error, weights, mask).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Flow matching: the model sees (1 - t) x0 + t noise and predicts the velocity noise - x0 of the straight line
    /// between them. Lipman et al. (2023), eq. 23 with sigma_min 0; Esser et al. (2024), eq. 13.
    /// </summary>
    /// <param name="model">(noisy latents, t T [B], float32) to prediction.</param>
    /// <param name="x0">Clean latents [B, ...].</param>
    /// <param name="noise">Noise, shape of x0.</param>
    /// <param name="times">t in [0, 1] for each sample [B]: 0 is clean.</param>
    /// <param name="timesteps">T: what the model is told is between 0 and T.</param>
    /// <param name="huber">Pseudo-Huber instead of squares; its signal-to-noise ratio is ((1 - t) / t)^2.</param>
    /// <param name="mask">Which latents count, [B, 1, H, W] of 0 and 1, or null for all.</param>
    public static Tensor OfFlow(Func<Tensor, Tensor, Tensor> model, Tensor x0, Tensor noise, Tensor times,
        int timesteps = 1000, PseudoHuber? huber = null, Tensor? mask = null)
    {
        using var scope = NewDisposeScope();
        long[] shape = [x0.shape[0], .. Enumerable.Repeat(1L, (int)x0.ndim - 1)];
        var t = times.reshape(shape).to(x0.dtype);
        var prediction = model((t.Complement() * x0).Plus(t * noise), times.to(ScalarType.Float32).Times(timesteps));
        var shares = times.to(ScalarType.Float64).cpu().data<double>().ToArray();
        var error = Error(prediction, noise - x0, huber is null ? null
            : [.. shares.Select(s => huber.At(s * timesteps, timesteps, (1 - s) * (1 - s) / (s * s)))]);
        return Mean(error, null, mask).MoveToOuterDisposeScope();
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

    /// <summary>A mask of pixels as a mask of latents: one counts where all pixels that it stands for do.</summary>
    /// <param name="valid">[B, 1, H, W] of 0 and 1.</param>
    /// <param name="factor">Pixels to a latent in each direction; H and W are multiples of it.</param>
    /// <returns>[B, 1, H / factor, W / factor] of 0 and 1, float32.</returns>
    public static Tensor MaskOfLatents(Tensor valid, int factor)
    {
        if (valid.ndim != 4 || valid.shape[1] != 1 || valid.shape[2] % factor != 0 || valid.shape[3] % factor != 0)
            throw new ArgumentException($"valid: found shape [{string.Join(", ", valid.shape)}], expected"
                + $" [B, 1, H, W] with H and W multiples of {factor}", nameof(valid));
        using var scope = NewDisposeScope();
        var invalid = valid.to(ScalarType.Float32).Complement();
        return nn.functional.max_pool2d(invalid, factor).Complement().MoveToOuterDisposeScope();
    }

    /// <summary>Squares, or pseudo-Huber with c of each sample, element by element in float32.</summary>
    private static Tensor Error(Tensor prediction, Tensor target, double[]? c)
    {
        var difference = prediction.to(ScalarType.Float32) - target.to(ScalarType.Float32);
        var squares = difference.Squared();
        if (c is null)
            return squares;
        long[] shape = [c.Length, .. Enumerable.Repeat(1L, (int)squares.ndim - 1)];
        var limit = tensor(c.Select(v => (float)v).ToArray(), device: squares.device).reshape(shape);
        // 2 c (sqrt(e^2 + c^2) - c) = 2 c e^2 / (sqrt(e^2 + c^2) + c), which loses no digits of small errors.
        return squares * limit.Times(2) / squares.Plus(limit.Squared()).sqrt().Plus(limit);
    }

    /// <summary>
    /// Mean over the samples of their weighted means over what counts; samples of which nothing counts are left out.
    /// </summary>
    private static Tensor Mean(Tensor error, double[]? weights, Tensor? mask)
    {
        if (weights is null && mask is null)
            return error.mean();
        Tensor samples;
        double count = error.shape[0];
        if (mask is null)
            samples = error.flatten(1).mean([1]);
        else
        {
            if (mask.ndim != 4 || mask.shape[0] != error.shape[0] || mask.shape[1] != 1
                || !mask.shape.AsSpan(2).SequenceEqual(error.shape.AsSpan(2)))
                throw new ArgumentException($"mask: found shape [{string.Join(", ", mask.shape)}], expected"
                    + $" [{error.shape[0]}, 1, {string.Join(", ", error.shape.Skip(2))}]", nameof(mask));
            var counted = mask.to(ScalarType.Float32, error.device);
            var elements = counted.flatten(1).sum(1).Times(error.shape[1]);
            count = Math.Max(1, elements.gt(zeros(1, device: error.device)).sum().ToInt64());
            samples = (error * counted).flatten(1).sum(1) / elements.Clamped(1, double.PositiveInfinity);
        }
        if (weights is not null)
            samples = samples * tensor(weights.Select(w => (float)w).ToArray(), device: error.device);
        return samples.sum().Over(count);
    }
}
