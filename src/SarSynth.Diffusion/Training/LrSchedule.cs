// Learning rates over the steps of a training, as diffusers' get_scheduler gives them.
namespace SarSynth.Diffusion.Training;

/// <summary>How the learning rate goes after the warm-up.</summary>
public enum LrShape
{
    /// <summary>Constant; no warm-up.</summary>
    Constant,

    /// <summary>Constant after the warm-up.</summary>
    ConstantWithWarmup,

    /// <summary>Linear to zero.</summary>
    Linear,

    /// <summary>Cosine to zero (half a period, or <see cref="LrSchedule.Cycles"/> periods).</summary>
    Cosine,

    /// <summary>Cosine to zero, several times over.</summary>
    CosineWithRestarts,

    /// <summary>A power of the remaining share, down to <see cref="LrSchedule.End"/>.</summary>
    Polynomial,
}

/// <summary>
/// A learning-rate schedule; <see cref="At"/> is a function of the step alone, so that a resumed training has it too.
/// </summary>
/// <param name="Shape">How the rate goes after the warm-up.</param>
/// <param name="Warmup">Steps over which the rate rises linearly from zero.</param>
/// <param name="Cycles">Periods of a cosine; null for its default (0.5 for Cosine, 1 for CosineWithRestarts).</param>
/// <param name="Power">Power of a polynomial.</param>
/// <param name="End">Final rate of a polynomial.</param>
public sealed record LrSchedule(LrShape Shape = LrShape.Constant, int Warmup = 0, double? Cycles = null,
    double Power = 1, double End = 1e-7)
{
    /// <summary>The learning rate at a step.</summary>
    /// <param name="step">Steps taken before, 0 for the first one.</param>
    /// <param name="steps">Steps of the whole training.</param>
    /// <param name="baseRate">The rate after the warm-up.</param>
    public double At(long step, long steps, double baseRate)
    {
        if (Shape == LrShape.Constant)
            return baseRate;
        if (step < Warmup)
            return baseRate * step / Math.Max(1, Warmup);
        double progress = (double)(step - Warmup) / Math.Max(1, steps - Warmup);
        return Shape switch
        {
            LrShape.ConstantWithWarmup => baseRate,
            LrShape.Linear => baseRate * Math.Max(0, 1 - progress),
            LrShape.Cosine => baseRate * Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * (Cycles ?? 0.5) * 2 * progress))),
            LrShape.CosineWithRestarts =>
                progress >= 1 ? 0 : baseRate * 0.5 * (1 + Math.Cos(Math.PI * ((Cycles ?? 1) * progress % 1))),
            LrShape.Polynomial => step > steps ? End : (baseRate - End) * Math.Pow(1 - progress, Power) + End,
            _ => throw new InvalidOperationException($"no learning-rate schedule {Shape}"),
        };
    }
}
