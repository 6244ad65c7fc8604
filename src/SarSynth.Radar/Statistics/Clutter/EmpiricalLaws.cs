// Laws that describe clutter without a model of the speckle: log-normal, Weibull, generalised Gamma.
// Oliver & Quegan (2004), 5.3; Stacy (1962), Ann. Math. Stat. 33(3); Li et al. (2011), IEEE TGRS 49(5).
using System.Text.Json.Serialization;
using MathNet.Numerics;
using MathNet.Numerics.Distributions;

namespace SarSynth.Radar.Statistics;

/// <summary>Log-normal law: ln X is normal.</summary>
/// <param name="Median">exp of the mean of ln X, above 0.</param>
/// <param name="Sigma">Standard deviation of ln X, above 0.</param>
/// <exception cref="ArgumentOutOfRangeException">A parameter is not finite and above 0.</exception>
public sealed record LogNormalLaw(double Median, double Sigma) : ClutterLaw
{
    /// <summary>exp of the mean of ln X.</summary>
    public double Median { get; } = Positive(Median, nameof(Median));

    /// <summary>Standard deviation of ln X.</summary>
    public double Sigma { get; } = Positive(Sigma, nameof(Sigma));

    /// <inheritdoc/>
    [JsonIgnore]
    public override IReadOnlyList<(string Name, double Value)> Parameters => [("median", Median), ("sigma", Sigma)];

    /// <inheritdoc/>
    private protected override double LogDensityAt(double x)
    {
        if (x == 0)
            return double.NegativeInfinity;
        double z = Z(x);
        return -z * z / 2 - Math.Log(x * Sigma * Math.Sqrt(2 * Math.PI));
    }

    /// <inheritdoc/>
    private protected override double CumulativeDistributionAt(double x) =>
        SpecialFunctions.Erfc(-Z(x) / Math.Sqrt(2)) / 2;

    /// <inheritdoc/>
    private protected override double SurvivalAt(double x) => SpecialFunctions.Erfc(Z(x) / Math.Sqrt(2)) / 2;

    /// <inheritdoc/>
    public override double Moment(double order) =>
        Math.Exp(order * Math.Log(Median) + order * order * Sigma * Sigma / 2);

    /// <inheritdoc/>
    public override double LogCumulant(int order)
    {
        CheckOrder(order);
        return order switch { 1 => Math.Log(Median), 2 => Sigma * Sigma, _ => 0 };
    }

    /// <inheritdoc/>
    public override double Sample(Random random) => Median * Math.Exp(Sigma * Normal.Sample(random, 0, 1));

    /// <inheritdoc/>
    public override ClutterLaw ToAmplitude() => new LogNormalLaw(Math.Sqrt(Median), Sigma / 2);

    private double Z(double x) => Math.Log(x / Median) / Sigma;
}

/// <summary>Weibull law: P(X > x) = exp(-(x / scale)^shape).</summary>
/// <param name="Shape">Shape, above 0; 1 is exponential intensity, 2 Rayleigh amplitude.</param>
/// <param name="Scale">Scale, above 0.</param>
/// <exception cref="ArgumentOutOfRangeException">A parameter is not finite and above 0.</exception>
public sealed record WeibullLaw(double Shape, double Scale) : ClutterLaw
{
    /// <summary>Shape.</summary>
    public double Shape { get; } = Positive(Shape, nameof(Shape));

    /// <summary>Scale.</summary>
    public double Scale { get; } = Positive(Scale, nameof(Scale));

    /// <inheritdoc/>
    [JsonIgnore]
    public override IReadOnlyList<(string Name, double Value)> Parameters => [("shape", Shape), ("scale", Scale)];

    /// <inheritdoc/>
    private protected override double LogDensityAt(double x)
    {
        if (x == 0)
            return AtZero(Shape, -Math.Log(Scale));
        double z = Math.Log(x / Scale);
        return Math.Log(Shape / x) + Shape * z - Math.Exp(Shape * z);
    }

    /// <inheritdoc/>
    private protected override double CumulativeDistributionAt(double x) => -LawMath.Expm1(-Math.Pow(x / Scale, Shape));

    /// <inheritdoc/>
    private protected override double SurvivalAt(double x) => Math.Exp(-Math.Pow(x / Scale, Shape));

    /// <inheritdoc/>
    public override double Moment(double order) => order <= -Shape ? double.PositiveInfinity
        : Math.Exp(order * Math.Log(Scale) + SpecialFunctions.GammaLn(1 + order / Shape));

    /// <inheritdoc/>
    public override double LogCumulant(int order)
    {
        CheckOrder(order);
        return Polygamma.Of(order - 1, 1) / Math.Pow(Shape, order) + (order == 1 ? Math.Log(Scale) : 0);
    }

    /// <inheritdoc/>
    public override double Sample(Random random) => Scale * Math.Pow(-Math.Log(1 - random.NextDouble()), 1 / Shape);

    /// <inheritdoc/>
    public override ClutterLaw ToAmplitude() => new WeibullLaw(2 * Shape, Math.Sqrt(Scale));
}

/// <summary>Generalised Gamma law (Stacy): (X / scale)^power is Gamma with the given shape and unit scale.</summary>
/// <param name="Shape">Shape, above 0.</param>
/// <param name="Power">Power, not 0; negative gives the inverse branch (heavy upper tail).</param>
/// <param name="Scale">Scale, above 0.</param>
/// <exception cref="ArgumentOutOfRangeException">
/// Shape or scale is not finite and above 0, or power is 0 or not finite.
/// </exception>
public sealed record GeneralizedGammaLaw(double Shape, double Power, double Scale) : ClutterLaw
{
    /// <summary>Shape.</summary>
    public double Shape { get; } = Positive(Shape, nameof(Shape));

    /// <summary>Power.</summary>
    public double Power { get; } = Power != 0 && double.IsFinite(Power) ? Power
        : throw new ArgumentOutOfRangeException(nameof(Power), Power, "Expected a finite power other than 0.");

    /// <summary>Scale.</summary>
    public double Scale { get; } = Positive(Scale, nameof(Scale));

    /// <inheritdoc/>
    [JsonIgnore]
    public override IReadOnlyList<(string Name, double Value)> Parameters =>
        [("shape", Shape), ("power", Power), ("scale", Scale)];

    /// <inheritdoc/>
    private protected override double LogDensityAt(double x)
    {
        if (x == 0)
            return Power < 0 ? double.NegativeInfinity
                : AtZero(Shape * Power, Math.Log(Power / Scale) - SpecialFunctions.GammaLn(Shape));
        double z = Power * Math.Log(x / Scale);
        return Math.Log(Math.Abs(Power) / x) - SpecialFunctions.GammaLn(Shape) + Shape * z - Math.Exp(z);
    }

    /// <inheritdoc/>
    private protected override double CumulativeDistributionAt(double x) =>
        Power > 0 ? LawMath.GammaLower(Shape, Math.Pow(x / Scale, Power))
        : LawMath.GammaUpper(Shape, Math.Pow(x / Scale, Power));

    /// <inheritdoc/>
    private protected override double SurvivalAt(double x) =>
        Power > 0 ? LawMath.GammaUpper(Shape, Math.Pow(x / Scale, Power))
        : LawMath.GammaLower(Shape, Math.Pow(x / Scale, Power));

    /// <inheritdoc/>
    public override double Moment(double order) => Shape + order / Power <= 0 ? double.PositiveInfinity
        : Math.Exp(order * Math.Log(Scale)
            + SpecialFunctions.GammaLn(Shape + order / Power) - SpecialFunctions.GammaLn(Shape));

    /// <inheritdoc/>
    public override double LogCumulant(int order)
    {
        CheckOrder(order);
        return Polygamma.Of(order - 1, Shape) / Math.Pow(Power, order) + (order == 1 ? Math.Log(Scale) : 0);
    }

    /// <inheritdoc/>
    public override double Sample(Random random) =>
        Scale * Math.Pow(MathNet.Numerics.Distributions.Gamma.Sample(random, Shape, 1), 1 / Power);

    /// <inheritdoc/>
    public override ClutterLaw ToAmplitude() => new GeneralizedGammaLaw(Shape, 2 * Power, Math.Sqrt(Scale));
}
