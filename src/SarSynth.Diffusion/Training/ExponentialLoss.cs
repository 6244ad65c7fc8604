// Likelihoods of positive values that scatter exponentially around a mean that is sought: their minimum is the mean
// itself, whatever noise the values have.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>Negative log-likelihoods, mean over all elements.</summary>
public static class ExponentialLoss
{
    // Minus the mean of ln x of an exponential x of mean 1 (Euler's constant).
    private const double MeanLog = 0.5772156649015329;

    // Gauss-Hermite quadrature of seven points for a standard normal variable.
    private static readonly (double At, double Weight)[] nodes =
    [
        (0, 0.45714285714285714), (1.154405394739968, 0.24012317860501272), (-1.154405394739968, 0.24012317860501272),
        (2.366759410734541, 0.030757123967586512), (-2.366759410734541, 0.030757123967586512),
        (3.750439717725742, 0.00054826885597221883), (-3.750439717725742, 0.00054826885597221883),
    ];

    /// <summary>ln m + x / m of exponential values x with mean m; lowest where m is the mean of x.</summary>
    /// <param name="logMean">ln m.</param>
    /// <param name="values">x, not negative, of the same shape.</param>
    public static Tensor Of(Tensor logMean, Tensor values)
    {
        using var scope = NewDisposeScope();
        return logMean.Plus(values.mul(logMean.neg().exp())).mean().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The same of values whose mean itself scatters log-normally: m exp(s z - s²/2), z standard normal (compound
    /// exponential; Gauss-Hermite quadrature over z).
    /// </summary>
    /// <param name="logMean">ln m.</param>
    /// <param name="spread">s, 0 or more.</param>
    /// <param name="values">x, not negative, of the same shape.</param>
    public static Tensor Compound(Tensor logMean, Tensor spread, Tensor values)
    {
        using var scope = NewDisposeScope();
        var centre = logMean.sub(spread.Squared().Over(2));
        var terms = nodes.Select(node =>
        {
            var log = centre.Plus(spread.Times(node.At));
            return log.Plus(values.mul(log.neg().exp())).neg().Plus(Math.Log(node.Weight));
        }).ToArray();
        return stack(terms).logsumexp(0).mean().neg().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Smooth L1 between the logarithms, the values' moved to where the mean's is: a start from far away, where the
    /// likelihood's gradients are few bright values.
    /// </summary>
    /// <param name="logMean">ln m.</param>
    /// <param name="values">x, not negative, of the same shape.</param>
    /// <param name="least">Values below it count as this.</param>
    public static Tensor OfLogarithms(Tensor logMean, Tensor values, double least)
    {
        using var scope = NewDisposeScope();
        var target = values.Clamped(least, double.PositiveInfinity).log().Plus(MeanLog);
        return nn.functional.smooth_l1_loss(logMean, target).MoveToOuterDisposeScope();
    }
}
