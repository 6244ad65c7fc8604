// Speckle over textured ground, as a product: texture Gamma (K law) or inverse Gamma (Fisher, G0).
// Jakeman & Pusey (1976); Frery et al. (1997), IEEE TGRS 35(3); Tison et al. (2004), IEEE TGRS 42(10).
using System.Text.Json.Serialization;
using MathNet.Numerics;

namespace SarSynth.Radar.Statistics;

/// <summary>
/// K law of intensity: Gamma speckle of L looks times Gamma texture of shape nu. Symmetric in looks and shape.
/// </summary>
/// <param name="Shape">Shape nu of the texture, above 0; large is nearly no texture.</param>
/// <param name="Looks">Equivalent number of looks L, above 0.</param>
/// <param name="Mean">Mean intensity, above 0.</param>
/// <exception cref="ArgumentOutOfRangeException">A parameter is not finite and above 0.</exception>
/// <remarks>The distribution function integrates one Gamma law over the other, to about 1e-12.</remarks>
public sealed record KLaw(double Shape, double Looks, double Mean) : ClutterLaw
{
    /// <summary>Shape nu of the texture.</summary>
    public double Shape { get; } = Positive(Shape, nameof(Shape));

    /// <summary>Equivalent number of looks L.</summary>
    public double Looks { get; } = Positive(Looks, nameof(Looks));

    /// <summary>Mean intensity.</summary>
    public double Mean { get; } = Positive(Mean, nameof(Mean));

    /// <inheritdoc/>
    [JsonIgnore]
    public override IReadOnlyList<(string Name, double Value)> Parameters =>
        [("shape", Shape), ("looks", Looks), ("mean", Mean)];

    /// <inheritdoc/>
    private protected override double LogDensityAt(double x)
    {
        double smaller = Math.Min(Shape, Looks), rate = Shape * Looks / Mean;
        if (IsGamma)
            return Limit.LogDensity(x);
        if (x == 0)
            return smaller != 1 ? AtZero(smaller, 0)
                : Shape == Looks ? double.PositiveInfinity
                : Math.Log(rate / (Math.Max(Shape, Looks) - 1));
        double half = (Shape + Looks) / 2, z = 2 * Math.Sqrt(rate) * Math.Sqrt(x);
        if (z > 1e150)
            return double.NegativeInfinity;
        return Math.Log(2) - SpecialFunctions.GammaLn(Shape) - SpecialFunctions.GammaLn(Looks) + half * Math.Log(rate)
            + (half - 1) * Math.Log(x) + LawMath.LogBesselK(Shape - Looks, z);
    }

    /// <inheritdoc/>
    private protected override double CumulativeDistributionAt(double x) =>
        IsGamma ? Limit.CumulativeDistribution(x) : Mix(x, LawMath.GammaLower);

    /// <inheritdoc/>
    private protected override double SurvivalAt(double x) => IsGamma ? Limit.Survival(x) : Mix(x, LawMath.GammaUpper);

    /// <inheritdoc/>
    [JsonIgnore]
    public override double ExpectedValue => Mean;

    /// <inheritdoc/>
    public override double Moment(double order) => new GammaLaw(Shape, Mean).Moment(order) * new GammaLaw(Looks, 1)
        .Moment(order);

    /// <inheritdoc/>
    public override double LogCumulant(int order) => new GammaLaw(Shape, Mean)
        .LogCumulant(order) + new GammaLaw(Looks, 1).LogCumulant(order);

    /// <inheritdoc/>
    public override double Sample(Random random) =>
        Mean * MathNet.Numerics.Distributions.Gamma.Sample(random, Shape,
            Shape) * MathNet.Numerics.Distributions.Gamma.Sample(random, Looks, Looks);

    /// <inheritdoc/>
    public override ClutterLaw ToAmplitude() => new AmplitudeLaw(this);

    // A Gamma factor of so large a shape is 1 to within 1e-4: the law differs from the other factor's
    // by less than its own rounding.
    private bool IsGamma => Math.Max(Shape, Looks) > 1e8;

    private GammaLaw Limit => new(Math.Min(Shape, Looks), Mean);

    /// <summary>
    /// The mean of the smaller shape's distribution over the larger shape's law,
    /// by the trapezoidal rule in ln(texture).
    /// </summary>
    private double Mix(double x, Func<double, double, double> distribution)
    {
        double a = Math.Max(Shape, Looks), b = Math.Min(Shape, Looks);
        double step = Math.Min(0.2, 0.6 / Math.Sqrt(a));
        double logNorm = LogNorm(a);
        double sum = 0;
        // The weight is highest at s = 0 and falls as exp(a s) on the left, doubly exponentially on the right.
        for (int direction = -1; direction <= 1; direction += 2)
        {
            for (int k = direction < 0 ? 1 : 0; ; k++)
            {
                double s = direction * k * step, log = -a * Beyond(s);
                if (!(log >= -80))
                    break;
                double argument = b * x / (Mean * Math.Exp(s));
                if (s < -40 && argument > 1000 + 20 * b)
                {
                    // The distribution has come to its end and the weight is exp(a s): what
                    // remains is a geometric series.
                    sum += Math.Exp(logNorm + log) * distribution(b, argument) / -LawMath.Expm1(-a * step);
                    break;
                }
                sum += Math.Exp(logNorm + log) * distribution(b, argument);
            }
        }
        return Math.Min(1, sum * step);

        // exp(s) - 1 - s with all its digits near 0.
        static double Beyond(double s) => Math.Abs(s) < 0.01
            ? s * s / 2 * (1 + s / 3 * (1 + s / 4 * (1 + s / 5 * (1 + s / 6)))) : Math.Exp(s) - 1 - s;

        // a ln a - a - ln Gamma(a): by Stirling's series (DLMF 5.11.1) where the difference would lose digits.
        static double LogNorm(double a) => a < 30 ? a * Math.Log(a) - a - SpecialFunctions.GammaLn(a)
            : Math.Log(a / (2 * Math.PI)) / 2 - (1 / (12 * a))
                + (1 / (360 * a * a * a)) - (1 / (1260 * Math.Pow(a, 5)));
    }
}

/// <summary>Fisher (G0) law of intensity: Gamma speckle of L looks times inverse-Gamma texture of shape M.</summary>
/// <param name="Texture">Shape M of the texture (minus alpha of G0), above 0; small is extremely textured.</param>
/// <param name="Looks">Equivalent number of looks L, above 0.</param>
/// <param name="Scale">Scale gamma of G0, above 0; the mean is gamma / (M - 1).</param>
/// <exception cref="ArgumentOutOfRangeException">A parameter is not finite and above 0.</exception>
public sealed record FisherLaw(double Texture, double Looks, double Scale) : ClutterLaw
{
    /// <summary>Shape M of the texture (minus alpha of G0).</summary>
    public double Texture { get; } = Positive(Texture, nameof(Texture));

    /// <summary>Equivalent number of looks L.</summary>
    public double Looks { get; } = Positive(Looks, nameof(Looks));

    /// <summary>Scale gamma of G0.</summary>
    public double Scale { get; } = Positive(Scale, nameof(Scale));

    /// <inheritdoc/>
    [JsonIgnore]
    public override IReadOnlyList<(string Name, double Value)> Parameters =>
        [("texture", Texture), ("looks", Looks), ("scale", Scale)];

    /// <inheritdoc/>
    private protected override double LogDensityAt(double x)
    {
        double norm = SpecialFunctions.GammaLn(Looks
            + Texture) - SpecialFunctions.GammaLn(Looks) - SpecialFunctions.GammaLn(Texture)
            + Looks * Math.Log(Looks / Scale);
        if (x == 0)
            return AtZero(Looks, norm);
        return norm + (Looks - 1) * Math.Log(x) - (Looks + Texture) * SpecialFunctions.Log1p(Looks * x / Scale);
    }

    /// <inheritdoc/>
    private protected override double CumulativeDistributionAt(double x) => Tails(x).Lower;

    /// <inheritdoc/>
    private protected override double SurvivalAt(double x) => Tails(x).Upper;

    // Above this a difference of logarithms of Gamma functions has fewer than seven digits left.
    private const double LargeShape = 1e8;

    private (double Lower, double Upper) Tails(double x)
    {
        double below = Looks * x / (Looks * x + Scale), above = Scale / (Looks * x + Scale);
        if (Math.Max(Looks, Texture) > LargeShape && !double.IsNaN(below))
            return LimitTails(x);
        // Of two complements the one whose argument is the smaller keeps its digits; the other is
        // taken from it where it is large.
        double lower = SpecialFunctions.BetaRegularized(Looks, Texture, below),
            upper = SpecialFunctions.BetaRegularized(Texture, Looks, above);
        return below <= above ? (lower, upper > 0.5 ? 1 - lower : upper) : (lower > 0.5 ? 1 - upper : lower, upper);
    }

    // A factor of very large shape is a constant where the other one spreads at least ten times as far (error below
    // 0.002); where both are large the logarithm is normal, its skewness below 0.001.
    private (double Lower, double Upper) LimitTails(double x)
    {
        if (Looks > 100 * Texture)
            return (LawMath.GammaUpper(Texture, Scale / x), LawMath.GammaLower(Texture, Scale / x));
        if (Texture > 100 * Looks)
            return (LawMath.GammaLower(Looks, Looks / Scale * Texture * x),
                LawMath.GammaUpper(Looks, Looks / Scale * Texture * x));
        double deviations = Math.Log(x / Scale * Texture) / Math.Sqrt(1 / Looks + 1 / Texture);
        return (SpecialFunctions.Erfc(-deviations / Math.Sqrt(2)) / 2,
            SpecialFunctions.Erfc(deviations / Math.Sqrt(2)) / 2);
    }

    /// <inheritdoc/>
    public override double Moment(double order) => Looks + order <= 0 || Texture - order <= 0 ? double.PositiveInfinity
        : Math.Exp(order * Math.Log(Scale / Looks)
            + SpecialFunctions.GammaLn(Looks + order) - SpecialFunctions.GammaLn(Looks)
            + SpecialFunctions.GammaLn(Texture - order) - SpecialFunctions.GammaLn(Texture));

    /// <inheritdoc/>
    public override double LogCumulant(int order)
    {
        CheckOrder(order);
        double sign = order % 2 == 0 ? 1 : -1;
        return Polygamma.Of(order - 1, Looks) + sign * Polygamma.Of(order - 1, Texture)
            + (order == 1 ? Math.Log(Scale / Looks) : 0);
    }

    /// <inheritdoc/>
    public override double Sample(Random random) =>
        Scale * MathNet.Numerics.Distributions.Gamma.Sample(random, Looks,
            Looks) / MathNet.Numerics.Distributions.Gamma.Sample(random, Texture, 1);

    /// <inheritdoc/>
    public override ClutterLaw ToAmplitude() => new AmplitudeLaw(this);
}
