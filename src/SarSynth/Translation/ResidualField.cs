// What the mean cannot know: the log of true over mean intensity, drawn by diffusion at the satellite's resolution.
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Translation;

/// <summary>What a model's residual was measured to be over its training scenes.</summary>
/// <param name="Deviation">
/// Standard deviation of the residual over the spread that the mean network says: latents are divided by it.
/// </param>
/// <param name="Bound">Largest size of the residual over that spread; larger ones do not come out.</param>
public sealed record ResidualFacts(double Deviation, double Bound);

/// <summary>
/// The residual as radar has it. With the mean m and the spread s of the mean network, the intensity of ground is
/// (m + noise) exp(s n - s²/2), and n is what is drawn: nearly standard normal at each place, but formed as edges,
/// crowns, facades and targets are. Its k x k pixels in a satellite pixel are the channels of a latent.
/// </summary>
/// <param name="network">The denoiser; predicts velocity.</param>
/// <param name="facts">What its latents are.</param>
/// <param name="scale">Fine pixels per satellite pixel.</param>
internal sealed class ResidualField(PlainUNetModel network, ResidualFacts facts, int scale)
{
    /// <summary>The network's folder in a model folder.</summary>
    public const string Folder = "residual";

    /// <summary>
    /// Denoising: deterministic, of second order, from pure noise, steps spread back from the last of the schedule
    /// (Lin et al. 2024).
    /// </summary>
    public static SamplerConfig Sampling { get; } = new()
    {
        Kind = SamplerKind.DpmSolver,
        Schedule = NoiseSchedule.Create(BetaSchedule.Cosine, prediction: PredictionType.Velocity,
            zeroTerminalSnr: true),
        Spacing = TimestepSpacing.Trailing,
    };

    /// <summary>
    /// Channels of what the denoiser is told at each place: mean and spread pixel by pixel, satellite.
    /// </summary>
    public static int ImageChannels(int scale) => 2 * scale * scale + 1;

    /// <summary>Rows and columns of windows are multiples of this.</summary>
    public int Multiple => network.Config.Multiple;

    /// <summary>Throws where a network has other channels than these.</summary>
    /// <exception cref="CheckpointException">It has.</exception>
    public static void RequireShape(PlainUNetConfig config, int scale, string source)
    {
        var found = (config.Channels, config.ImageConditionChannels, config.ConditionChannels);
        var expected = (scale * scale, ImageChannels(scale), SatelliteFacts.Count);
        if (found != expected)
        {
            throw new CheckpointException(source, "channels, image_condition_channels, condition_channels are "
                + $"{found}, expected {expected}: a denoiser of the residual");
        }
    }

    /// <summary>What the denoiser is told.</summary>
    /// <param name="mean">ln of the mean intensity with noise as the mean network sees amplitudes,
    /// [B, 1, H k, W k].</param>
    /// <param name="spread">The spread, likewise.</param>
    /// <param name="satellite">The satellite image as the mean network sees it [B, 1, H, W].</param>
    /// <returns>[B, 2 k² + 1, H, W].</returns>
    public Tensor Told(Tensor mean, Tensor spread, Tensor satellite)
    {
        using var scope = NewDisposeScope();
        return cat([Unshuffled(mean), Unshuffled(spread.log().Plus(1.5)), satellite], 1).MoveToOuterDisposeScope();
    }

    /// <summary>n as latents of unit deviation.</summary>
    /// <param name="n">[B, 1, H k, W k].</param>
    public Tensor Latents(Tensor n)
    {
        using var scope = NewDisposeScope();
        return Unshuffled(n.Clamped(-facts.Bound, facts.Bound).Over(facts.Deviation)).MoveToOuterDisposeScope();
    }

    /// <summary>The denoiser's prediction.</summary>
    public Tensor Predict(Tensor latents, Tensor timesteps, Tensor told, Tensor conditions) =>
        network.call(latents, timesteps, told, conditions);

    /// <summary>Draws n.</summary>
    /// <param name="noise">Standard normal [B, k², H, W].</param>
    /// <param name="told">Of <see cref="Told"/>.</param>
    /// <param name="conditions">[B, 3] of <see cref="SatelliteFacts.Values"/>.</param>
    /// <param name="steps">Denoising steps.</param>
    /// <param name="cancel">Ends between steps.</param>
    /// <returns>[B, 1, H k, W k].</returns>
    public Tensor Draw(Tensor noise, Tensor told, Tensor conditions, int steps, CancellationToken cancel = default)
    {
        using var scope = NewDisposeScope();
        var plan = SamplingPlan.Create(Sampling, steps);
        var made = Sampler.Sample((latents, timestep) =>
        {
            using var at = tensor([(float)timestep], device: latents.device);
            return network.call(latents, at, told, conditions);
        }, noise, plan, new() { Cancellation = cancel });
        return Shuffled(made).Times(facts.Deviation).Clamped(-facts.Bound, facts.Bound).MoveToOuterDisposeScope();
    }

    private Tensor Unshuffled(Tensor image)
    {
        var (batch, height, width) = (image.shape[0], image.shape[2] / scale, image.shape[3] / scale);
        return image.reshape(batch, height, scale, width, scale).permute(0, 2, 4, 1, 3)
            .reshape(batch, scale * scale, height, width);
    }

    private Tensor Shuffled(Tensor latents)
    {
        var (batch, height, width) = (latents.shape[0], latents.shape[2], latents.shape[3]);
        return latents.reshape(batch, scale, scale, height, width).permute(0, 3, 1, 4, 2)
            .reshape(batch, 1, height * scale, width * scale);
    }
}
