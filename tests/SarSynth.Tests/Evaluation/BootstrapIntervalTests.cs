// Intervals against scipy.stats.bootstrap(method="BCa") on the same draws (tests/goldens/evaluation/make_bootstrap.py).
using System.Text.Json;
using SarSynth.Evaluation;
using SarSynth.Tests.Support;

namespace SarSynth.Tests.Evaluation;

public class BootstrapIntervalTests
{
    public static TheoryData<int> Cases => [.. Enumerable.Range(0, Golden().GetArrayLength())];

    [Theory]
    [MemberData(nameof(Cases))]
    public void EqualsThatOfScipy(int index)
    {
        var c = Golden()[index];
        var found = BootstrapInterval.Of(c.GetProperty("value").GetDouble(), Numbers(c.GetProperty("draws")),
            [.. c.GetProperty("jackknife").EnumerateArray().Select(Numbers)]);
        Assert.False(found.IsBiased);
        Assert.Equal(c.GetProperty("lower").GetDouble(), found.Lower, 1e-9);
        Assert.Equal(c.GetProperty("upper").GetDouble(), found.Upper, 1e-9);
    }

    /// <summary>Where all draws lie above the value, the interval is of the value without the bias: below it.</summary>
    [Fact]
    public void ABiasThatOutweighsTheScatterIsSaid()
    {
        double[] draws = [.. Enumerable.Range(0, 1001).Select(i => 2 + i / 1000.0)];
        var found = BootstrapInterval.Of(1, draws, [[1.0, 1.1, 0.9]]);
        Assert.True(found.IsBiased);
        Assert.Equal(2 - 2.975, found.Lower, 1e-9);
        Assert.Equal(2 - 2.025, found.Upper, 1e-9);
        Assert.Equal(0, found.Within((0, double.PositiveInfinity)).Upper);
        Assert.True(double.IsNaN(BootstrapInterval.Of(1, [double.NaN], []).Lower));
        var same = BootstrapInterval.Of(1, [1.0, 1], []);
        Assert.Equal((1.0, 1.0), (same.Lower, same.Upper));
    }

    [Theory]
    [InlineData(1, false, 0.5, 2, 0, 1)]
    [InlineData(1, false, 2, 3, 1, 2)]
    [InlineData(1, true, 0.5, 0.25, 0.693147, 1.386294)]
    [InlineData(1, true, -1, 2, 0, double.PositiveInfinity)]
    public void DistancesFromTheIdealAreThoseOfTheInterval(
        double ideal, bool isRatio, double lower, double upper, double nearest, double farthest)
    {
        var found = new Goal(ideal, Ratio: isRatio).Distances(lower, upper);
        Assert.Equal(nearest, found.Nearest, 1e-6);
        Assert.Equal(farthest, found.Farthest, 1e-6);
    }

    private static JsonElement Golden() => JsonDocument.Parse(File.ReadAllText(
        TestData.Golden("evaluation/bootstrap.json"))).RootElement.GetProperty("cases");

    private static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(v => v.GetDouble())];
}
