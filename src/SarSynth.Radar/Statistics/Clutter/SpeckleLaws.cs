// Fully developed speckle over ground without texture: Goodman (1976); Oliver & Quegan (2004), ch. 4.
using System.Text.Json.Serialization;
using MathNet.Numerics;
using MathNet.Numerics.Distributions;

namespace SarSynth.Radar.Statistics;

/// <summary>Intensity of single-look speckle: exponential.</summary>
/// <param name="Mean">Mean intensity, above 0.</param>
/// <exception cref="ArgumentOutOfRangeException">A parameter is not finite and above 0.</exception>
public sealed record ExponentialLaw(double Mean) : ClutterLaw
{
    /// <summary>Mean intensity.</summary>
    public double Mean { get; } = Positive(Mean, nameof(Mean));

    /// <inheritdoc/>
    [JsonIgnore]
    public override IReadOnlyList<(string Name, double Value)> Parameters => [("mean", Mean)];

    /// <inheritdoc/>
    private protected override double LogDensityAt(double x) => -x / Mean - Math.Log(Mean);

    /// <inheritdoc/>
    private protected override double CumulativeDistributionAt(double x) => -LawMath.Expm1(-x / Mean);

    /// <inheritdoc/>
    private protected override double SurvivalAt(double x) => Math.Exp(-x / Mean);

    /// <inheritdoc/>
    [JsonIgnore]
    public override double ExpectedValue => Mean;

    /// <inheritdoc/>
    public override double Moment(double order) => Gamma.Moment(order);

    /// <inheritdoc/>
    public override double LogCumulant(int order) => Gamma.LogCumulant(order);

    /// <inheritdoc/>
    public override double Sample(Random random) => -Mean * Math.Log(1 - random.NextDouble());

    /// <inheritdoc/>
    public override ClutterLaw ToAmplitude() => new RayleighLaw(Mean);

    private GammaLaw Gamma => new(1, Mean);
}

/// <summary>Amplitude of single-look speckle: Rayleigh, by the mean of the intensity (2 sigma²).</summary>
/// <param name="MeanIntensity">Mean of the squared amplitude, above 0.</param>
/// <exception cref="ArgumentOutOfRangeException">A parameter is not finite and above 0.</exception>
public sealed record RayleighLaw(double MeanIntensity) : ClutterLaw
{
    private readonly AmplitudeLaw law = new(new ExponentialLaw(MeanIntensity));

    /// <summary>Mean of the squared amplitude.</summary>
    public double MeanIntensity => ((ExponentialLaw)law.Intensity).Mean;

    /// <inheritdoc/>
    [JsonIgnore]
    public override IReadOnlyList<(string Name, double Value)> Parameters => [("mean intensity", MeanIntensity)];

    /// <inheritdoc/>
    private protected override double LogDensityAt(double x) => law.LogDensity(x);

    /// <inheritdoc/>
    private protected override double CumulativeDistributionAt(double x) => law.CumulativeDistribution(x);

    /// <inheritdoc/>
    private protected override double SurvivalAt(double x) => law.Survival(x);

    /// <inheritdoc/>
    public override double Moment(double order) => law.Moment(order);

    /// <inheritdoc/>
    public override double LogCumulant(int order) => law.LogCumulant(order);

    /// <inheritdoc/>
    public override double Sample(Random random) => law.Sample(random);

    /// <inheritdoc/>
    public override ClutterLaw ToAmplitude() => new AmplitudeLaw(this);
}

/// <summary>Intensity of multilooked speckle: Gamma.</summary>
/// <param name="Looks">Equivalent number of looks L, above 0.</param>
/// <param name="Mean">Mean intensity, above 0.</param>
/// <exception cref="ArgumentOutOfRangeException">A parameter is not finite and above 0.</exception>
public sealed record GammaLaw(double Looks, double Mean) : ClutterLaw
{
    /// <summary>Equivalent number of looks L.</summary>
    public double Looks { get; } = Positive(Looks, nameof(Looks));

    /// <summary>Mean intensity.</summary>
    public double Mean { get; } = Positive(Mean, nameof(Mean));

    /// <inheritdoc/>
    [JsonIgnore]
    public override IReadOnlyList<(string Name, double Value)> Parameters => [("looks", Looks), ("mean", Mean)];

    /// <inheritdoc/>
    private protected override double LogDensityAt(double x)
    {
        if (x == 0)
            return AtZero(Looks, -Math.Log(Mean));
        return Looks * Math.Log(Looks / Mean) - SpecialFunctions.GammaLn(Looks)
            + (Looks - 1) * Math.Log(x) - Looks * x / Mean;
    }

    /// <inheritdoc/>
    private protected override double CumulativeDistributionAt(double x) => LawMath.GammaLower(Looks, Looks * x / Mean);

    /// <inheritdoc/>
    private protected override double SurvivalAt(double x) => LawMath.GammaUpper(Looks, Looks * x / Mean);

    /// <inheritdoc/>
    [JsonIgnore]
    public override double ExpectedValue => Mean;

    /// <inheritdoc/>
    public override double Moment(double order) => Looks + order <= 0 ? double.PositiveInfinity
        : Math.Exp(order * Math.Log(Mean / Looks)
            + SpecialFunctions.GammaLn(Looks + order) - SpecialFunctions.GammaLn(Looks));

    /// <inheritdoc/>
    public override double LogCumulant(int order)
    {
        CheckOrder(order);
        return Polygamma.Of(order - 1, Looks) + (order == 1 ? Math.Log(Mean / Looks) : 0);
    }

    /// <inheritdoc/>
    public override double Sample(Random random) =>
        MathNet.Numerics.Distributions.Gamma.Sample(random, Looks, Looks / Mean);

    /// <inheritdoc/>
    public override ClutterLaw ToAmplitude() => new NakagamiLaw(Looks, Mean);
}

/// <summary>Amplitude of multilooked speckle (the root of the multilooked intensity): Nakagami.</summary>
/// <param name="Looks">Equivalent number of looks, above 0.</param>
/// <param name="MeanIntensity">Mean of the squared amplitude, above 0.</param>
/// <exception cref="ArgumentOutOfRangeException">A parameter is not finite and above 0.</exception>
public sealed record NakagamiLaw(double Looks, double MeanIntensity) : ClutterLaw
{
    private readonly AmplitudeLaw law = new(new GammaLaw(Looks, MeanIntensity));

    /// <summary>Equivalent number of looks.</summary>
    public double Looks => ((GammaLaw)law.Intensity).Looks;

    /// <summary>Mean of the squared amplitude.</summary>
    public double MeanIntensity => ((GammaLaw)law.Intensity).Mean;

    /// <inheritdoc/>
    [JsonIgnore]
    public override IReadOnlyList<(string Name, double Value)> Parameters =>
        [("looks", Looks), ("mean intensity", MeanIntensity)];

    /// <inheritdoc/>
    private protected override double LogDensityAt(double x) =>
        x == 0 ? AtZero(2 * Looks, Math.Log(2 / Math.Sqrt(2 * Math.PI * MeanIntensity))) : law.LogDensity(x);

    /// <inheritdoc/>
    private protected override double CumulativeDistributionAt(double x) => law.CumulativeDistribution(x);

    /// <inheritdoc/>
    private protected override double SurvivalAt(double x) => law.Survival(x);

    /// <inheritdoc/>
    public override double Moment(double order) => law.Moment(order);

    /// <inheritdoc/>
    public override double LogCumulant(int order) => law.LogCumulant(order);

    /// <inheritdoc/>
    public override double Sample(Random random) => law.Sample(random);

    /// <inheritdoc/>
    public override ClutterLaw ToAmplitude() => new AmplitudeLaw(this);
}
