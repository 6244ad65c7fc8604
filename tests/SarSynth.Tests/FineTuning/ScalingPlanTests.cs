// What more ranks are expected to bring, against sums done by hand.
using SarSynth.FineTuning;

namespace SarSynth.Tests.FineTuning;

public sealed class ScalingPlanTests
{
    private static readonly FineTuneRecipe recipe = new()
    {
        Base = "none", Data = "none", Strategy = [], Steps = 1, Batch = 2, Accumulation = 8,
    };

    // A step of 8 micro-batches in 4 s; 25 M numbers are 0.8 Gbit; a link of 8 Gbit/s.
    [Theory]
    [InlineData(1, 8, 4, 0, 4, 1)]
    [InlineData(2, 8, 2.1, 0.1, 16 / 2.1, 4 / 2.1 / 2)]
    [InlineData(8, 8, 0.675, 0.175, 16 / 0.675, 0.5 / 0.675)]
    [InlineData(3, 8, 1.5 + 0.4 / 3, 0.4 / 3, 16 / (1.5 + 0.4 / 3), 16 / (1.5 + 0.4 / 3) / 12)]
    [InlineData(16, 16, 0.6875, 0.1875, 32 / 0.6875, 0.5 / 0.6875)]
    public void RanksShareMicroBatchesAndGradientsGoRound(int ranks, int microBatches, double step, double exchange,
        double tiles, double efficiency)
    {
        var plan = ScalingPlan.Of(recipe, 4, 25_000_000, 8, ranks, latency: 0);
        Assert.Equal(microBatches, plan.MicroBatches);
        Assert.Equal(step, plan.StepSeconds, 12);
        Assert.Equal(exchange, plan.ExchangeSeconds, 12);
        Assert.Equal(tiles, plan.TilesPerSecond, 10);
        Assert.Equal(efficiency, plan.Efficiency, 12);
    }

    [Fact]
    public void AMessageTakesTimeHoweverShort() =>
        Assert.Equal(2 * 511 * 1e-3, ScalingPlan.Of(recipe, 4, 0, 8, 512, latency: 1e-3).ExchangeSeconds, 12);
}
