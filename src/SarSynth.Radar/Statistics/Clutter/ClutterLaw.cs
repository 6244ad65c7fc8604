// What every clutter model offers: density, distribution, quantiles, moments, log-cumulants, samples.
using System.Text.Json.Serialization;

namespace SarSynth.Radar.Statistics;

/// <summary>
/// A distribution of SAR pixels (intensity, or amplitude where its name says so): immutable, the same members each.
/// </summary>
[JsonDerivedType(typeof(ExponentialLaw), "exponential")]
[JsonDerivedType(typeof(RayleighLaw), "rayleigh")]
[JsonDerivedType(typeof(GammaLaw), "gamma")]
[JsonDerivedType(typeof(NakagamiLaw), "nakagami")]
[JsonDerivedType(typeof(LogNormalLaw), "log-normal")]
[JsonDerivedType(typeof(WeibullLaw), "weibull")]
[JsonDerivedType(typeof(KLaw), "k")]
[JsonDerivedType(typeof(FisherLaw), "fisher")]
[JsonDerivedType(typeof(GeneralizedGammaLaw), "generalized-gamma")]
[JsonDerivedType(typeof(AmplitudeLaw), "amplitude")]
public abstract record ClutterLaw
{
    private protected ClutterLaw() { }

    /// <summary>The law's parameters by name.</summary>
    [JsonIgnore]
    public abstract IReadOnlyList<(string Name, double Value)> Parameters { get; }

    /// <summary>
    /// Natural logarithm of the density at <paramref name="x"/>; minus infinity below 0, NaN for NaN.
    /// </summary>
    public double LogDensity(double x) =>
        double.IsNaN(x) ? double.NaN : x < 0 || double.IsPositiveInfinity(x) ? double.NegativeInfinity
            : LogDensityAt(x);

    /// <summary>Density at <paramref name="x"/>; 0 below 0.</summary>
    public double Density(double x) => Math.Exp(LogDensity(x));

    /// <summary>P(X &lt;= x).</summary>
    public double CumulativeDistribution(double x) =>
        double.IsNaN(x) ? double.NaN : x <= 0 ? 0 : double.IsPositiveInfinity(x) ? 1 : CumulativeDistributionAt(x);

    /// <summary>P(X > x), with all its digits where it is small.</summary>
    public double Survival(double x) =>
        double.IsNaN(x) ? double.NaN : x <= 0 ? 1 : double.IsPositiveInfinity(x) ? 0 : SurvivalAt(x);

    /// <summary>E(X^order); infinite where the moment does not exist.</summary>
    /// <param name="order">Any real number.</param>
    public abstract double Moment(double order);

    /// <summary>Log-cumulant: the cumulant of ln X.</summary>
    /// <param name="order">1 to 4.</param>
    /// <exception cref="ArgumentOutOfRangeException">Order outside 1..4.</exception>
    public abstract double LogCumulant(int order);

    /// <summary>One draw.</summary>
    public abstract double Sample(Random random);

    /// <summary>E(X).</summary>
    [JsonIgnore]
    public virtual double ExpectedValue => Moment(1);

    /// <summary>Variance of X; infinite where it does not exist.</summary>
    [JsonIgnore]
    public double Variance
    {
        get
        {
            double second = Moment(2), mean = ExpectedValue;
            return double.IsInfinity(second) ? second : second - mean * mean;
        }
    }

    /// <summary>Fills <paramref name="pixels"/> with independent draws.</summary>
    public void Sample(Random random, Span<float> pixels)
    {
        ArgumentNullException.ThrowIfNull(random);
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = (float)Sample(random);
    }

    /// <summary>The x with P(X &lt;= x) = <paramref name="probability"/>.</summary>
    /// <param name="probability">In [0, 1]; 0 gives 0 and 1 gives infinity.</param>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 1] or NaN.</exception>
    public virtual double Quantile(double probability)
    {
        if (!(probability >= 0 && probability <= 1))
            throw new ArgumentOutOfRangeException(nameof(probability), probability,
                "Expected a probability in [0, 1].");
        if (probability is 0 or 1)
            return probability == 0 ? 0 : double.PositiveInfinity;
        // Newton in ln x on the logarithm of the smaller tail, kept inside a bracket.
        bool lower = probability <= 0.5;
        double target = Math.Log(lower ? probability : 1 - probability);
        double Gap(double t) => lower ? Math.Log(CumulativeDistribution(Math.Exp(t))) - target
            : target - Math.Log(Survival(Math.Exp(t)));
        double start = LogCumulant(1), step = Math.Sqrt(LogCumulant(2));
        double low = start - step, high = start + step;
        for (int i = 0; i < 60 && !(Gap(low) < 0); i++)
            low -= step * (1 << Math.Min(i, 20));
        for (int i = 0; i < 60 && !(Gap(high) > 0); i++)
            high += step * (1 << Math.Min(i, 20));
        double x = (low + high) / 2;
        for (int i = 0; i < 200; i++)
        {
            double gap = Gap(x);
            if (gap < 0)
                low = x;
            else
                high = x;
            double value = Math.Exp(x);
            double slope = Math.Exp(LogDensity(value) + x) / (lower ? CumulativeDistribution(value) : Survival(value));
            double next = x - gap / slope;
            if (!(next > low && next < high))
                next = (low + high) / 2;
            if (Math.Abs(next - x) < 1e-15 * Math.Max(1, Math.Abs(x)) || high - low < 1e-15)
                return Math.Exp(next);
            x = next;
        }
        return Math.Exp(x);
    }

    /// <summary>The law of the square root: of the amplitude, where this is one of intensity.</summary>
    public abstract ClutterLaw ToAmplitude();

    /// <summary>The law and its parameters, for tables.</summary>
    public sealed override string ToString() => $"{GetType().Name}("
        + string.Join(", ", Parameters.Select(p => FormattableString.Invariant($"{p.Name} {p.Value:G5}"))) + ")";

    /// <summary>Log-density at a finite x of 0 or more.</summary>
    private protected abstract double LogDensityAt(double x);

    /// <summary>P(X &lt;= x) at a finite x above 0.</summary>
    private protected abstract double CumulativeDistributionAt(double x);

    /// <summary>P(X > x) at a finite x above 0.</summary>
    private protected abstract double SurvivalAt(double x);

    /// <summary>Checks a parameter that must be positive and finite.</summary>
    private protected static double Positive(double value, string name) =>
        value > 0 && double.IsFinite(value) ? value
            : throw new ArgumentOutOfRangeException(name, value, "Expected a finite parameter above 0.");

    private protected static void CheckOrder(int order)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(order, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(order, 4);
    }

    /// <summary>Log-density at 0 of a law that goes as x^(power - 1) there, with the given limit for power 1.</summary>
    private protected static double AtZero(double power, double limit) =>
        power < 1 ? double.PositiveInfinity : power > 1 ? double.NegativeInfinity : limit;
}

/// <summary>The law of the square root of a variable with another law.</summary>
/// <param name="Intensity">The law of the intensity.</param>
public sealed record AmplitudeLaw(ClutterLaw Intensity) : ClutterLaw
{
    /// <summary>The law of the intensity.</summary>
    public ClutterLaw Intensity { get; } = Intensity ?? throw new ArgumentNullException(nameof(Intensity));

    /// <inheritdoc/>
    [JsonIgnore]
    public override IReadOnlyList<(string Name, double Value)> Parameters => Intensity.Parameters;

    /// <inheritdoc/>
    private protected override double LogDensityAt(double x) => Math.Log(2 * x) + Intensity.LogDensity(x * x);

    /// <inheritdoc/>
    private protected override double CumulativeDistributionAt(double x) => Intensity.CumulativeDistribution(x * x);

    /// <inheritdoc/>
    private protected override double SurvivalAt(double x) => Intensity.Survival(x * x);

    /// <inheritdoc/>
    public override double Quantile(double probability) => Math.Sqrt(Intensity.Quantile(probability));

    /// <inheritdoc/>
    public override double Moment(double order) => Intensity.Moment(order / 2);

    /// <inheritdoc/>
    public override double LogCumulant(int order) => Intensity.LogCumulant(order) / Math.Pow(2, order);

    /// <inheritdoc/>
    public override double Sample(Random random) => Math.Sqrt(Intensity.Sample(random));

    /// <inheritdoc/>
    public override ClutterLaw ToAmplitude() => new AmplitudeLaw((ClutterLaw)this);
}
