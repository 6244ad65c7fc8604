// Data of the (kappa2, kappa3) diagram on which clutter laws are told apart: Nicolas (2002); Tison et al. (2004).
namespace SarSynth.Radar.Statistics;

/// <summary>Curves and points of the log-cumulant diagram of intensity.</summary>
public static class LogCumulantDiagram
{
    /// <summary>A point of the diagram.</summary>
    /// <param name="K2">Second log-cumulant.</param>
    /// <param name="K3">Third log-cumulant.</param>
    public readonly record struct Point(double K2, double K3);

    /// <summary>
    /// The curve of a family of two parameters, or of three with the looks given, as its shape varies.
    /// </summary>
    /// <param name="family">
    /// Gamma, LogNormal, Weibull (curves by themselves), K or Fisher (curves for given looks).
    /// </param>
    /// <param name="maximumK2">Where the curve ends, above 0.</param>
    /// <param name="looks">Number of looks; needed for K and Fisher.</param>
    /// <param name="points">Number of points, at least 2.</param>
    /// <exception cref="ArgumentException">
    /// A family that fills an area, looks missing, or a range without points.
    /// </exception>
    /// <remarks>The generalised Gamma laws fill the area between the Gamma curve and its mirror image.</remarks>
    public static IReadOnlyList<Point> Curve(ClutterFamily family, double maximumK2, double? looks = null,
        int points = 100)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(points, 2);
        double start = family is ClutterFamily.K or ClutterFamily.Fisher
            ? Polygamma.Of(1, looks
                ?? throw new ArgumentException($"looks: found none, expected the number of "
                + $"looks of the {family} curve.", nameof(looks)))
            : 0;
        if (!(maximumK2 > start && double.IsFinite(maximumK2)))
            throw new ArgumentException($"maximumK2: found {maximumK2}, expected more than {start}.",
                nameof(maximumK2));
        Func<double, double> third = family switch
        {
            ClutterFamily.Gamma => k2 => Polygamma.Of(2, Polygamma.InverseTrigamma(k2)),
            ClutterFamily.LogNormal => _ => 0,
            // ln X is a Gumbel variable: k3 / k2^1.5 is the same for every shape.
            ClutterFamily.Weibull => k2 => Polygamma.Of(2, 1) * Math.Pow(k2 / Polygamma.Of(1, 1), 1.5),
            ClutterFamily.K => k2 => Polygamma.Of(2, looks!.Value)
                + Polygamma.Of(2, Polygamma.InverseTrigamma(k2 - start)),
            ClutterFamily.Fisher => k2 =>
                Polygamma.Of(2, looks!.Value) - Polygamma.Of(2, Polygamma.InverseTrigamma(k2 - start)),
            _ => throw new ArgumentException($"family: found {family}, expected one that is a curve in the diagram.",
                nameof(family)),
        };
        return [.. Enumerable.Range(1, points).Select(i => start + (maximumK2 - start) * i / points)
            .Select(k2 => new Point(k2, third(k2)))];
    }

    /// <summary>The confidence ellipse of a sample's point, as a closed polygon.</summary>
    /// <param name="cumulants">The sample's log-cumulants.</param>
    /// <param name="confidence">In (0, 1).</param>
    /// <param name="points">Number of corners, at least 3; the first is repeated at the end.</param>
    public static IReadOnlyList<Point> Ellipse(LogCumulants cumulants, double confidence = 0.95, int points = 64)
    {
        ArgumentNullException.ThrowIfNull(cumulants);
        ArgumentOutOfRangeException.ThrowIfLessThan(points, 3);
        if (!(confidence > 0 && confidence < 1))
            throw new ArgumentOutOfRangeException(nameof(confidence), confidence, "Expected a confidence in (0, 1).");
        // Cholesky factor of the covariance, times the radius of a circle that holds the wanted
        // share of a plane normal law.
        double radius = Math.Sqrt(-2 * Math.Log(1 - confidence));
        double a = cumulants.K2.StandardError, b = a > 0 ? cumulants.CovarianceK2K3 / a : 0;
        double c = Math.Sqrt(Math.Max(0, cumulants.K3.StandardError * cumulants.K3.StandardError - b * b));
        return [.. Enumerable.Range(0, points + 1).Select(i => 2 * Math.PI * (i % points) / points)
            .Select(t => new Point(
            cumulants.K2.Value + radius * a * Math.Cos(t),
            cumulants.K3.Value + radius * (b * Math.Cos(t) + c * Math.Sin(t))))];
    }
}
