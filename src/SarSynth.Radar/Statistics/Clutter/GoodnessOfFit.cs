// How well a law fits a sample: Kolmogorov-Smirnov, Anderson-Darling, chi-squared.
namespace SarSynth.Radar.Statistics;

/// <summary>Tests of a sample against a law.</summary>
/// <remarks>
/// The p-values of Kolmogorov-Smirnov and Anderson-Darling are those of a law known beforehand: where the law was
/// fitted to the same sample they are too large (conservative). The chi-squared test allows for the fitted parameters.
/// Large p-values need independent pixels.
/// </remarks>
public sealed record GoodnessOfFit
{
    /// <summary>
    /// Kolmogorov-Smirnov: the largest gap between the empirical and the law's distribution function.
    /// </summary>
    public required TestResult KolmogorovSmirnov { get; init; }

    /// <summary>Anderson-Darling A², which weighs the tails.</summary>
    public required TestResult AndersonDarling { get; init; }

    /// <summary>Pearson's chi-squared over bins of equal probability.</summary>
    public required TestResult ChiSquared { get; init; }

    /// <summary>Degrees of freedom of the chi-squared test.</summary>
    public required int DegreesOfFreedom { get; init; }

    /// <summary>Tests a sample.</summary>
    /// <param name="pixels">Pixels; zeros and NaN are left out.</param>
    /// <param name="law">The law of these pixels.</param>
    /// <param name="fittedParameters">How many parameters of the law were fitted to the same pixels.</param>
    /// <exception cref="ArgumentException">Fewer than 32 positive pixels, a negative or an infinite one.</exception>
    public static GoodnessOfFit Of(ReadOnlySpan<float> pixels, ClutterLaw law, int fittedParameters = 0)
    {
        ArgumentNullException.ThrowIfNull(law);
        ArgumentOutOfRangeException.ThrowIfNegative(fittedParameters);
        var logs = PixelSums.Logarithms(pixels, nameof(pixels), 32, out _, out _);
        Array.Sort(logs);
        return OfSorted(logs, law, fittedParameters)
            ?? throw new ArgumentException($"law: found {law}, whose distribution function is "
                + $"not a number somewhere over the pixels' range.", nameof(law));
    }

    /// <summary>
    /// Tests sorted logarithms against the law of the pixels; null where its distribution
    /// function is not a number for one of them.
    /// </summary>
    internal static GoodnessOfFit? OfSorted(double[] sortedLogs, ClutterLaw law, int fittedParameters)
    {
        int n = sortedLogs.Length;
        var (lower, upper) = Distributions(sortedLogs, law);
        double ks = 0, anderson = 0;
        int bins = (int)Math.Clamp(2 * Math.Pow(n, 0.4), 6, 200);
        var counts = new int[bins];
        for (int i = 0; i < n; i++)
        {
            double f = Math.Exp(lower[i]);
            ks = Math.Max(ks, Math.Max(f - (double)i / n, (i + 1.0) / n - f));
            anderson -= (2 * i + 1.0) / n * (lower[i] + upper[n - 1 - i]);
            counts[Math.Clamp((int)(f * bins), 0, bins - 1)]++;
        }
        if (double.IsNaN(ks) || double.IsNaN(anderson))
            return null;
        anderson -= n;
        double expected = (double)n / bins, chi = 0;
        foreach (int count in counts)
            chi += (count - expected) * (count - expected) / expected;
        int freedom = Math.Max(1, bins - 1 - fittedParameters);
        return new GoodnessOfFit
        {
            KolmogorovSmirnov = new TestResult(
                Estimate.Normal(ks, double.NaN, n,
                    "Kolmogorov-Smirnov (Kolmogorov 1933; p by Marsaglia, Tsang & Wang 2003)"),
                    Kolmogorov.Survival(n, ks)),
            AndersonDarling = new TestResult(
                Estimate.Normal(anderson, double.NaN, n, "Anderson-Darling A² (1952; p by Marsaglia & Marsaglia 2004)"),
                    1 - AndersonDarlingLimit(anderson)),
            ChiSquared = new TestResult(
                Estimate.Normal(chi, Math.Sqrt(2.0 * freedom), n,
                    $"Pearson's chi-squared over {bins} equally probable bins"),
                LawMath.GammaUpper(freedom / 2.0, chi / 2)),
            DegreesOfFreedom = freedom,
        };
    }

    /// <summary>
    /// ln F and ln(1 - F) of every value: directly where there are few, by a table with
    /// cubic interpolation where there are many.
    /// </summary>
    private static (double[] Lower, double[] Upper) Distributions(double[] logs, ClutterLaw law)
    {
        const int direct = 2048;
        int n = logs.Length;
        var lower = new double[n];
        var upper = new double[n];
        double range = logs[^1] - logs[0];
        if (n <= direct || !(range > 0))
        {
            Parallel.For(0, n, i =>
            {
                double x = Math.Exp(logs[i]);
                lower[i] = Floor(Math.Log(law.CumulativeDistribution(x)));
                upper[i] = Floor(Math.Log(law.Survival(x)));
            });
            return (lower, upper);
        }
        int nodes = Math.Clamp((int)(range * 40), 400, 4000);
        double step = range / (nodes - 1);
        var table = new (double Lower, double LowerSlope, double Upper, double UpperSlope)[nodes];
        Parallel.For(0, nodes, k =>
        {
            double t = logs[0] + k * step, x = Math.Exp(t);
            double f = law.CumulativeDistribution(x), s = law.Survival(x), density = Math.Exp(law.LogDensity(x) + t);
            table[k] = (Floor(Math.Log(f)), f > 0 ? density / f : 0, Floor(Math.Log(s)), s > 0 ? -density / s : 0);
        });
        for (int i = 0; i < n; i++)
        {
            double position = (logs[i] - logs[0]) / step;
            int k = Math.Clamp((int)position, 0, nodes - 2);
            var (a, b) = (table[k], table[k + 1]);
            double u = position - k;
            lower[i] = Math.Min(0, Hermite(u, a.Lower, b.Lower, a.LowerSlope * step, b.LowerSlope * step));
            upper[i] = Math.Min(0, Hermite(u, a.Upper, b.Upper, a.UpperSlope * step, b.UpperSlope * step));
        }
        return (lower, upper);

        // A probability below the smallest double would make the statistic infinite; it stays very bad instead.
        static double Floor(double log) => Math.Max(log, -745);

        static double Hermite(double u, double a, double b, double da, double db)
        {
            double u2 = u * u, u3 = u2 * u;
            return (2 * u3 - 3 * u2 + 1) * a + (u3 - 2 * u2 + u) * da + (3 * u2 - 2 * u3) * b + (u3 - u2) * db;
        }
    }

    /// <summary>The limit law of A²: Marsaglia &amp; Marsaglia (2004), J. Stat. Software 9(2), to about 2e-6.</summary>
    internal static double AndersonDarlingLimit(double z)
    {
        if (!(z > 0))
            return 0;
        return z < 2
            ? Math.Exp(-1.2337141 / z) / Math.Sqrt(z)
                * (2.00012 + (0.247105 - (0.0649821 - (0.0347962 - (0.011672 - 0.00168691 * z) * z) * z) * z) * z)
            : Math.Exp(-Math.Exp(
                1.0776 - (2.30695 - (0.43424 - (0.082433 - (0.008056 - 0.0003146 * z) * z) * z) * z) * z));
    }
}
