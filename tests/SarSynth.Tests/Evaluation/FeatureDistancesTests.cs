// Distances of point sets against closed forms and a count by hand.
using MathNet.Numerics.Distributions;
using SarSynth.Evaluation;

namespace SarSynth.Tests.Evaluation;

public class FeatureDistancesTests
{
    [Fact]
    public void FrechetOfTwoNormalLawsIsTheClosedForm()
    {
        // Independent axes: sum of (m - n)² + (s - t)².
        var (x, y) = (Points(1, 20_000, 0, 1, 0, 2), Points(2, 20_000, 1, 1, -0.5, 3));
        Assert.Equal(1 + 0.25 + 1, FeatureDistances.Frechet(x, y), 0.1);
        Assert.Equal(0, FeatureDistances.Frechet(x, x), 1e-9);
    }

    [Fact]
    public void KernelDistanceIsUnbiased()
    {
        // Means of 40 draws, with the standard error of their own scatter: of equal laws 0.
        Within(0, 0);
        // E k(x, y) of x, y ~ N(0, I), N(m, I), d = 2, is known by moments of s = x·y / 2: 1 + 3 E s + 3 E s² + E s³.
        // Among the first: 1 + 3 * 2/4. Among the others (a = 4): s has mean 2, variance (2 + 2 * 4) / 4 = 2.5 and
        // third moment 8 + 3 * 2 * 2.5 + 3 * 4 / 4: 1 + 6 + 3 * 6.5 + 26. Between: 0, (2 + 4) / 4, none.
        Within(2.5 + 52.5 - 2 * (1 + 3 * 1.5), 2);

        static void Within(double expected, double apart)
        {
            double[] values = [.. Enumerable.Range(0, 40).Select(k =>
                FeatureDistances.Kernel(Points(100 + k, 200, 0, 1, 0, 1), Points(900 + k, 200, apart, 1, 0, 1)))];
            var mean = values.Average();
            var error = Math.Sqrt(values.Average(v => (v - mean) * (v - mean)) / values.Length);
            Assert.InRange(mean, expected - 4 * error, expected + 4 * error);
            Assert.InRange(error, 0, 2);
        }
    }

    [Fact]
    public void DensityAndCoverageAreCounted()
    {
        // Points 0, 1, ..., 9: the ball of an inner point reaches to its fifth neighbour, 3 away; that of 0 to 5.
        double[][] truth = [.. Enumerable.Range(0, 10).Select(i => new double[] { i })];
        var (density, coverage) = FeatureDistances.DensityAndCoverage(truth, [[0.0], [100.0]]);
        // 0 lies in the balls of 0 (5), 1 (radius 4) and 2 (radius 3), on the border of 3's: 3 of 5 expected, over two.
        Assert.Equal(3 / (5.0 * 2), density, 1e-12);
        Assert.Equal(0.3, coverage, 1e-12);
        Assert.Equal([0.0, 91], FeatureDistances.Nearest(truth, [[0.0], [100.0]]));
    }

    [Fact]
    public void TooFewPointsAreNamed()
    {
        double[][] one = [[1.0]];
        Assert.Contains("found 1 points, expected 2",
            Assert.Throws<ArgumentException>(() => FeatureDistances.Frechet(one, one)).Message);
        Assert.Contains("expected 6 or more",
            Assert.Throws<ArgumentException>(() => FeatureDistances.DensityAndCoverage(one, one)).Message);
    }

    private static double[][] Points(int seed, int count, double m, double s, double n, double t)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
            new[] { Normal.Sample(random, m, s), Normal.Sample(random, n, t) })];
    }
}
