// A fine mean held to what the satellite saw, as far as its speckle does not explain the difference.
using MathNet.Numerics;
using SarSynth.Radar.Statistics;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Translation;

/// <summary>
/// Corrects a fine mean whose average over a satellite pixel differs from that pixel by more than the looks explain:
/// only what is beyond goes into the correction, or the satellite's speckle would come in with it.
/// </summary>
public static class DataConsistency
{
    /// <summary>Half-width of the dead zone in deviations of the logarithm of an intensity of so many looks.</summary>
    public const double Deviations = 1;

    /// <summary>The corrected mean.</summary>
    /// <param name="logMean">ln of the fine mean intensity [B, 1, H k, W k], the satellite's noise in it.</param>
    /// <param name="seen">ln of the satellite's intensity [B, 1, H, W].</param>
    /// <param name="looks">Looks of a satellite pixel, above 0.</param>
    /// <param name="weight">Share of what is beyond the dead zone that is corrected, 0 to 1.</param>
    /// <returns>As <paramref name="logMean"/>; the same tensor for a weight of 0.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A weight or looks out of range.</exception>
    public static Tensor Correct(Tensor logMean, Tensor seen, double looks, double weight)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(looks);
        if (!(weight is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(weight), weight, "expected 0 to 1");
        if (weight == 0)
            return logMean;
        using var scope = NewDisposeScope();
        var scale = logMean.shape[2] / seen.shape[2];
        var averaged = nn.functional.avg_pool2d(logMean.exp(), [scale, scale]).log();
        // The logarithm of L-look speckle has the mean psi(L) - ln L and the variance psi'(L).
        var difference = seen.sub(averaged).Minus(SpecialFunctions.DiGamma(looks) - Math.Log(looks));
        var zone = Deviations * Math.Sqrt(Polygamma.Of(1, looks));
        var beyond = difference.sub(difference.Clamped(-zone, zone)).Times(weight);
        var fine = nn.functional.interpolate(beyond, size: [logMean.shape[2], logMean.shape[3]],
            mode: InterpolationMode.Bilinear, align_corners: false);
        return logMean.Plus(fine).MoveToOuterDisposeScope();
    }
}
