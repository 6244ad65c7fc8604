// Fits of clutter laws to pixels by moments, log-cumulants and maximum likelihood, with errors and goodness.
using System.Text.Json.Serialization;

namespace SarSynth.Radar.Statistics;

/// <summary>
/// A family of clutter laws of intensity (amplitudes are squared first, so that each also stands for its root's law).
/// </summary>
public enum ClutterFamily
{
    /// <summary>Exponential intensity, Rayleigh amplitude.</summary>
    Exponential,
    /// <summary>Gamma intensity, Nakagami amplitude.</summary>
    Gamma,
    /// <summary>Log-normal.</summary>
    LogNormal,
    /// <summary>Weibull.</summary>
    Weibull,
    /// <summary>K.</summary>
    K,
    /// <summary>Fisher, which is G0.</summary>
    Fisher,
    /// <summary>Generalised Gamma.</summary>
    GeneralizedGamma,
}

/// <summary>How the parameters of a law are found.</summary>
public enum FitMethod
{
    /// <summary>Moments of the intensity of the first orders.</summary>
    Moments,
    /// <summary>Cumulants of ln I (Nicolas 2002).</summary>
    LogCumulants,
    /// <summary>Maximum likelihood.</summary>
    MaximumLikelihood,
}

/// <summary>What pixels are.</summary>
public enum DetectedKind
{
    /// <summary>Intensity.</summary>
    Intensity,
    /// <summary>Amplitude.</summary>
    Amplitude,
}

/// <summary>A parameter with its estimate.</summary>
/// <param name="Name">Name, as in <see cref="ClutterLaw.Parameters"/>.</param>
/// <param name="Estimate">Value and standard error.</param>
public sealed record ParameterEstimate(string Name, Estimate Estimate);

/// <summary>A fitted clutter law, with how well it fits.</summary>
public sealed record ClutterFit
{
    /// <summary>The family.</summary>
    public required ClutterFamily Family { get; init; }

    /// <summary>The method.</summary>
    public required FitMethod Method { get; init; }

    /// <summary>
    /// The law of the pixels (of the amplitude where amplitudes were given); null
    /// where the family cannot match the pixels.
    /// </summary>
    public ClutterLaw? Law { get; init; }

    /// <summary>Why there is no law, or what limits it; null when there is nothing to say.</summary>
    public string? Reason { get; init; }

    /// <summary>Parameters of the law of the intensity, with standard errors for independent pixels.</summary>
    public IReadOnlyList<ParameterEstimate> Parameters { get; init; } = [];

    /// <summary>Log-likelihood of the pixels.</summary>
    [JsonConverter(typeof(NaNAsNullConverter))]
    public double LogLikelihood { get; init; } = double.NaN;

    /// <summary>Akaike's information criterion, smaller is better.</summary>
    [JsonConverter(typeof(NaNAsNullConverter))]
    public double Aic { get; init; } = double.NaN;

    /// <summary>Bayesian information criterion (Schwarz), smaller is better.</summary>
    [JsonConverter(typeof(NaNAsNullConverter))]
    public double Bic { get; init; } = double.NaN;

    /// <summary>Goodness of fit; null where there is no law.</summary>
    public GoodnessOfFit? Goodness { get; init; }
}

/// <summary>Fits clutter laws to pixels.</summary>
/// <remarks>
/// Zeros and NaN are left out (zeros have no place in a continuous law of speckle and mark no data in most products).
/// </remarks>
public static class SpeckleFit
{
    private const int MinimumPixels = 32;

    /// <summary>Fits one family.</summary>
    /// <param name="pixels">Intensities or amplitudes, linear.</param>
    /// <param name="family">The family.</param>
    /// <param name="method">How.</param>
    /// <param name="looks">Number of looks where it is known (Gamma, K, Fisher); null estimates it.</param>
    /// <param name="kind">What the pixels are.</param>
    /// <param name="goodness">
    /// Whether <see cref="ClutterFit.Goodness"/> is wanted: for the K law it takes a hundred times as long as the fit.
    /// </param>
    /// <returns>The fit; where the family cannot match the pixels, without a law and with the reason.</returns>
    /// <exception cref="ArgumentException">
    /// Fewer than 32 positive pixels, a negative or infinite one, or looks not above 0.
    /// </exception>
    /// <remarks>
    /// Moments and log-cumulants: standard errors by the delta method from the sample's own moments. Likelihood: by the
    /// observed information. Nicolas (2002); Tison et al. (2004); Li et al. (2011).
    /// </remarks>
    public static ClutterFit Fit(
        ReadOnlySpan<float> pixels, ClutterFamily family, FitMethod method = FitMethod.MaximumLikelihood,
        double? looks = null, DetectedKind kind = DetectedKind.Intensity, bool goodness = true) =>
        Fit(new FitSample(pixels, MinimumPixels, kind), family, method, looks, goodness);

    /// <summary>
    /// Fits all families and orders them by a criterion, best first; families that cannot match come last.
    /// </summary>
    /// <param name="pixels">Intensities or amplitudes, linear.</param>
    /// <param name="looks">Number of looks where it is known; null estimates it.</param>
    /// <param name="method">How.</param>
    /// <param name="kind">What the pixels are.</param>
    /// <exception cref="ArgumentException">
    /// Fewer than 32 positive pixels, a negative or infinite one, or looks not above 0.
    /// </exception>
    public static IReadOnlyList<ClutterFit> Ranking(
        ReadOnlySpan<float> pixels, double? looks = null, FitMethod method = FitMethod.MaximumLikelihood,
            DetectedKind kind = DetectedKind.Intensity)
    {
        var sample = new FitSample(pixels, MinimumPixels, kind);
        return [.. Enum.GetValues<ClutterFamily>().Select(family => Fit(sample, family, method, looks))
            .OrderBy(fit => double.IsNaN(fit.Bic) ? double.PositiveInfinity : fit.Bic)];
    }

    /// <summary>The family with the smallest BIC.</summary>
    /// <inheritdoc cref="Ranking"/>
    public static ClutterFit Best(
        ReadOnlySpan<float> pixels, double? looks = null, FitMethod method = FitMethod.MaximumLikelihood,
            DetectedKind kind = DetectedKind.Intensity) =>
        Ranking(pixels, looks, method, kind)[0];

    private static ClutterFit Fit(
        FitSample sample, ClutterFamily family, FitMethod method, double? looks, bool wantsGoodness = true)
    {
        if (looks is not null && !(looks > 0 && double.IsFinite(looks.Value)))
            throw new ArgumentException($"looks: found {looks}, expected a finite number above 0.", nameof(looks));
        if (!Enum.IsDefined(family) || !Enum.IsDefined(method))
            throw new ArgumentException($"family, method: found {family} and {method}, expected ones of their kinds.");
        var fit = new ClutterFit { Family = family, Method = method };
        if (sample.IsConstant && family != ClutterFamily.Exponential)
            return fit with { Reason = "all positive pixels are equal" };
        var (law, errors, reason) = method switch
        {
            FitMethod.Moments => MomentFit.ByMoments(sample, family, looks),
            FitMethod.LogCumulants => MomentFit.ByLogCumulants(sample, family, looks),
            _ => LikelihoodFit.Fit(sample, family, looks),
        };
        if (law is null)
            return fit with { Reason = reason };
        int free = law.Parameters.Count - (looks is not null && ClutterFamilies.HasLooks(family) ? 1 : 0);
        double likelihood = sample.LogLikelihood(law);
        var goodness = wantsGoodness ? GoodnessOfFit.OfSorted(sample.SortedLogarithms, law, free) : null;
        if (wantsGoodness && goodness is null || !double.IsFinite(likelihood))
            return fit with { Reason = $"the best parameters found ({law}) lie where the law "
                + $"cannot be evaluated over the pixels' range" };
        string source = method switch
        {
            FitMethod.Moments => "moments of intensity, delta method",
            FitMethod.LogCumulants => "log-cumulants (Nicolas 2002), delta method",
            _ => "maximum likelihood, observed information",
        };
        var parameters = law.Parameters.Select((p, i) => new ParameterEstimate(p.Name,
            p.Name == "power" ? Estimate.Normal(p.Value, errors[i], sample.Count, source)
                : Estimate.Positive(p.Value, errors[i], sample.Count, source)));
        return fit with
        {
            Law = sample.Kind == DetectedKind.Amplitude ? law.ToAmplitude() : law,
            Reason = reason,
            Parameters = [.. parameters],
            LogLikelihood = likelihood,
            Aic = 2 * free - 2 * likelihood,
            Bic = free * Math.Log(sample.Count) - 2 * likelihood,
            Goodness = goodness,
        };
    }
}

/// <summary>What the fits know of a family: its parameters and how a law is built from them.</summary>
internal static class ClutterFamilies
{
    public static bool HasLooks(ClutterFamily family) =>
        family is ClutterFamily.Gamma or ClutterFamily.K or ClutterFamily.Fisher;

    /// <summary>A law from its parameters, in the order of <see cref="ClutterLaw.Parameters"/>.</summary>
    public static ClutterLaw Law(ClutterFamily family, IReadOnlyList<double> p) => family switch
    {
        ClutterFamily.Exponential => new ExponentialLaw(p[0]),
        ClutterFamily.Gamma => new GammaLaw(p[0], p[1]),
        ClutterFamily.LogNormal => new LogNormalLaw(p[0], p[1]),
        ClutterFamily.Weibull => new WeibullLaw(p[0], p[1]),
        ClutterFamily.K => new KLaw(p[0], p[1], p[2]),
        ClutterFamily.Fisher => new FisherLaw(p[0], p[1], p[2]),
        _ => new GeneralizedGammaLaw(p[0], p[1], p[2]),
    };

    /// <summary>Index of the looks among the parameters.</summary>
    public static int LooksIndex(ClutterFamily family) => family == ClutterFamily.Gamma ? 0 : 1;
}
