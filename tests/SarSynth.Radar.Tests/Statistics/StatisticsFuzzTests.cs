// Pixels that no radar gives, to every estimator: a clear exception, or numbers, or a NaN with its reason.
using System.Collections;
using System.Diagnostics;
using System.Reflection;
using SarSynth.Radar.Images;
using SarSynth.Radar.Statistics;
using Complex32 = MathNet.Numerics.Complex32;

namespace SarSynth.Radar.Tests.Statistics;

public class StatisticsFuzzTests
{
    private delegate object Estimator(float[] pixels, float[] others, int rows, int columns, Random random);

    private static readonly (string Name, Estimator Run)[] estimators =
    [
        ("moments", (p, _, _, _, _) => Moments.Of(p)),
        ("log-cumulants", (p, _, _, _, _) => LogCumulants.Of(p)),
        ("ENL by moments", (p, _, _, _, _) => Enl.ByMoments(p)),
        ("ENL by log-cumulants", (p, _, _, _, _) => Enl.ByLogCumulants(p)),
        ("ENL by likelihood", (p, _, _, _, _) => Enl.MaximumLikelihood(p)),
        ("ENL map", (p, _, r, c, d) => Enl.Map(p, r, c, 2 * d.Next(1, 8) + 1)),
        ("ENL, median of windows", (p, _, r, c, d) => Enl.MedianOverWindows(p, r, c, d.Next(6, 20))),
        ("ENL, homogeneous windows", (p, _, r, c, d) => Enl.Homogeneous(p, r, c, 2 * d.Next(4, 10))),
        ("local moments", (p, _, r, c, d) => LocalStatistics.MeanAndVariance(p, r, c, 2 * d.Next(0, 8) + 1)),
        ("histogram", (p, _, _, _, d) => Histogram.Linear(p, d.Next(1, 300))),
        ("logarithmic histogram", (p, _, _, _, d) => Histogram.Logarithmic(p, d.Next(1, 300), 1e-3, 1e3)),
        ("Kullback-Leibler", (p, q, _, _, _) => Distance.KullbackLeibler(p, q)),
        ("Jensen-Shannon", (p, q, _, _, _) => Distance.JensenShannon(p, q)),
        ("Hellinger", (p, q, _, _, _) => Distance.Hellinger(p, q)),
        ("Wasserstein", (p, q, _, _, _) => Distance.Wasserstein1(p, q)),
        ("Kolmogorov-Smirnov", (p, q, _, _, _) => Distance.KolmogorovSmirnov(p, q)),
        ("mean discrepancy", (p, q, _, _, _) => Distance.MaximumMeanDiscrepancy(p, q, maximumSamples: 200)),
        ("co-occurrence", (p, _, r, c, d) =>
            Glcm.Compute(Glcm.Quantise(p, 16, 0, 3), r, c, 16, d.Next(1, 5), d.NextDouble() * 3).Features()),
        ("co-occurrence with gaps", (p, _, r, c, d) =>
        {
            var mask = new bool[p.Length];
            return Glcm.Compute(Glcm.Quantise(p, 16, 0, 3, mask), r, c, 16, d.Next(1, 5), mask: mask).Features();
        }),
        ("co-occurrence map", (p, _, r, c, d) =>
            Glcm.Map(Glcm.Quantise(p, 8, 0, 3), r, c, 8, 2 * d.Next(1, 6) + 1, (GlcmFeature)d.Next(8))),
        ("spectrum", (p, _, r, c, d) => Spectrum.Of(p, r, c, (ImageAxis)d.Next(2))),
        ("complex spectrum", (p, q, r, c, d) => Spectrum.Of(Complex(p, q), r, c, (ImageAxis)d.Next(2))),
        ("point targets", (p, _, r, c, _) => PointTargets.Detect(p, r, c)),
        ("impulse response", (p, q, r, c, d) =>
            ImpulseResponse.Of(Complex(p, q), r, c, d.Next(r), d.Next(c), d.Next(16, 40), 8)),
        ("impulse response of a line", (p, q, _, _, d) =>
            ImpulseResponse.OfLine(Complex(p, q).AsSpan(0, Math.Min(p.Length, 200)), 8, d.Next(1, 20), d.NextDouble())),
        ("coherence", (p, q, _, _, _) => Coherence.Of(Complex(p, q), Complex(q, p))),
        ("coherence map", (p, q, r, c, _) => Coherence.Map(Complex(p, q), Complex(q, p), r, c, 5)),
        ("circularity", (p, q, _, _, _) => Coherence.Circularity(Complex(p, q))),
        ("fits by moments", (p, _, _, _, _) => SpeckleFit.Ranking(p, method: FitMethod.Moments)),
        ("fits by log-cumulants", (p, _, _, _, d) =>
            SpeckleFit.Ranking(p, d.Next(2) == 0 ? null : Wide(d), FitMethod.LogCumulants)),
        ("laws of any parameters", (_, _, _, _, d) =>
            Distributions(AnyLaw(d), Math.Pow(10, d.Next(2) == 0 ? d.Next(-300, 300) : 6 * d.NextDouble() - 3))),
        ("diagram", (p, _, _, _, _) => LogCumulantDiagram.Ellipse(LogCumulants.Of(p))),
    ];

    // The likelihood of the laws is searched for, and everything together: slower, and so fewer.
    private static readonly (string Name, Estimator Run)[] slow =
    [
        ("goodness", (p, _, _, _, d) =>
            GoodnessOfFit.Of(p, new KLaw(Math.Exp(6 * d.NextDouble() - 3), Math.Exp(6 * d.NextDouble() - 3), 1))),
        ("fits by likelihood", (p, _, _, _, d) => SpeckleFit.Ranking(p, d.Next(2) == 0 ? null : 2)),
        ("everything", (p, _, r, c, _) => ImageStatistics.Compute(new IntensityImage(r, c, p))),
        ("everything, complex", (p, q, r, c, _) => ImageStatistics.Compute(new ComplexImage(r, c, Complex(p, q)))),
    ];

    public static TheoryData<string> Names => [.. estimators.Concat(slow).Select(e => e.Name)];

    [Theory, MemberData(nameof(Names))]
    public void Every_estimator_answers_or_says_why_not(string name) =>
        Run(name, slow.Any(e => e.Name == name) ? 12 : 120);

    [Theory, MemberData(nameof(Names)), Trait("Speed", "slow")]
    public void Two_thousand_times(string name) => Run(name, slow.Any(e => e.Name == name) ? 200 : 2000);

    private static void Run(string name, int trials)
    {
        var estimator = estimators.Concat(slow).Single(e => e.Name == name).Run;
        var random = new Random(name.Length * 7919 + 1);
        for (int t = 0; t < trials; t++)
        {
            // 0 to 40 pixels a side: nothing, one pixel, one line, and images that are large enough.
            int rows = random.Next(8) == 0 ? random.Next(3) : random.Next(1, 41), columns = random.Next(8) == 0
                ? random.Next(3) : random.Next(1, 41);
            var (pixels, others) = (Pixels(random, rows * columns), Pixels(random, rows * columns));
            var clock = Stopwatch.StartNew();
            try
            {
                Check($"{name}, trial {t}", estimator(pixels, others, rows, columns, random), 0);
            }
            catch (ArgumentException error)
            {
                // Says what was found where, not that an index of our own was out of range.
                Assert.Matches("found|expected|Expected|must be|bandwidth", error.Message);
                Assert.DoesNotContain("Index was out of range", error.Message);
            }
            catch (Exception error) when (error is not Xunit.Sdk.XunitException)
            {
                throw new InvalidOperationException($"{name}, trial {t}, "
                    + $"{rows} x {columns}: {error.GetType().Name}: {error.Message}", error);
            }
            Assert.True(clock.Elapsed.TotalMinutes < 3, $"{name}, trial {t}, {rows} x {columns}: {clock.Elapsed}");
        }
    }

    /// <summary>Speckle, and what can go wrong with it.</summary>
    private static float[] Pixels(Random random, int count)
    {
        var pixels = new float[count];
        double power = random.Next(4) == 0 ? random.Next(-44, 38) : 0;
        int kind = random.Next(9);
        for (int i = 0; i < count; i++)
        {
            double speckle = -Math.Log(1 - random.NextDouble()) * Math.Pow(10, power);
            pixels[i] = (float)(kind switch
            {
                0 => Math.Pow(10, power),
                1 => 0,
                2 => random.Next(2) * Math.Pow(10, power),
                3 => i == count / 2 ? 1e30 : 0,
                4 => Math.Pow(speckle, 12),
                _ => speckle,
            });
        }
        if (random.Next(2) == 0)
            for (int n = random.Next(1, Math.Max(2, count / 2)); n > 0 && count > 0; n--)
                pixels[random.Next(count)] = 0;
        float[] spoilers = [float.NaN, float.NaN, float.NaN, float.PositiveInfinity, float.NegativeInfinity, -1,
            float.MaxValue, float.Epsilon];
        if (random.Next(3) == 0)
        {
            float spoiler = spoilers[random.Next(spoilers.Length)];
            for (int n = random.Next(1, 2 * count + 2); n > 0 && count > 0; n--)
                pixels[random.Next(count)] = spoiler;
        }
        return pixels;
    }

    /// <summary>Mostly what radars give, sometimes a trillion times more or less.</summary>
    private static double Wide(Random random) =>
        Math.Pow(10, random.Next(3) == 0 ? random.Next(-12, 13) : 8 * random.NextDouble() - 3);

    private static ClutterLaw AnyLaw(Random random) => random.Next(6) switch
    {
        0 => new GammaLaw(Wide(random), Wide(random)),
        1 => new KLaw(Wide(random), Wide(random), Wide(random)),
        2 => new FisherLaw(Wide(random), Wide(random), Wide(random)),
        3 => new WeibullLaw(Wide(random), Wide(random)),
        4 => new LogNormalLaw(Wide(random), Wide(random)),
        _ => new GeneralizedGammaLaw(Wide(random), Wide(random), Wide(random)),
    };

    /// <summary>A law's functions at a place: probabilities, or NaN where the law cannot be evaluated.</summary>
    private static double Distributions(ClutterLaw law, double x)
    {
        double lower = law.CumulativeDistribution(x), upper = law.Survival(x), density = law.Density(x);
        Assert.True(lower is >= 0 and <= 1.0000001 || double.IsNaN(lower), $"{law} at {x}: P {lower}");
        Assert.True(upper is >= 0 and <= 1.0000001 || double.IsNaN(upper), $"{law} at {x}: Q {upper}");
        Assert.True(density >= 0 || double.IsNaN(density), $"{law} at {x}: density {density}");
        Assert.True(double.IsNaN(lower + upper) || Math.Abs(lower + upper - 1) < 1e-6,
            $"{law} at {x}: P {lower}, Q {upper}");
        return lower;
    }

    private static Complex32[] Complex(float[] real, float[] imaginary) =>
        [.. real.Zip(imaginary, (a, b) => new Complex32(a, b))];

    /// <summary>Every estimate in a result: a number, or a reason; a probability within [0, 1].</summary>
    private static void Check(string what, object? value, int depth)
    {
        if (value is null || value.GetType().IsPrimitive || depth > 6)
            return;
        switch (value)
        {
            case string or Enum:
                break;
            case Estimate e:
                Assert.True(e.IsDefined || !string.IsNullOrEmpty(e.Reason),
                    $"{what}: a NaN without a reason ({e.Method})");
                Assert.True(!(e.StandardError < 0), $"{what}: {e} ({e.Method})");
                Assert.True(double.IsNaN(e.Lower) || e.Lower <= e.Upper, $"{what}: {e} ({e.Method})");
                break;
            case TestResult test:
                Check(what, test.Statistic, depth + 1);
                Assert.True(test.PValue is >= 0 and <= 1 || !test.Statistic.IsDefined, $"{what}: p {test.PValue}");
                break;
            case Array { Rank: 1 } array when array.GetType().GetElementType()!.IsPrimitive:
                break;
            case IEnumerable list:
                foreach (var item in list)
                    Check(what, item, depth + 1);
                break;
            default:
                foreach (var property in value.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
                {
                    if (property.GetIndexParameters().Length == 0)
                        Check($"{what}, {property.Name}", property.GetValue(value), depth + 1);
                }
                break;
        }
    }
}
