// What more ranks are expected to bring, against sums done by hand.
using SarSynth.FineTuning;

namespace SarSynth.Tests.FineTuning;

public sealed class ScalingPlanTests
{
    private static readonly FineTuneRecipe recipe = new()
    {
        Base = "none", Data = "none", Strategy = [], Steps = 1, Batch = 2, Accumulation = 8,
    };

    // A step of 8 micro-batches in 4 s, so that the backward pass of one takes 1/3 s; 25 M numbers are 0.8 Gbit in 6
    // messages, of which the last leaves when that pass has ended; a link of 8 or 0.8 Gbit/s.
    [Theory]
    [InlineData(1, 8, 8, 4, 0, 4, 1)]
    [InlineData(2, 8, 8, 2 + 0.1 / 6, 0.1, 16 / (2 + 0.1 / 6), 4 / (2 + 0.1 / 6) / 2)]
    [InlineData(2, 0.8, 8, 3 - 1.0 / 3, 1, 16 / (3 - 1.0 / 3), 4 / (3 - 1.0 / 3) / 2)]
    [InlineData(8, 8, 8, 0.5 + 0.175 / 6, 0.175, 16 / (0.5 + 0.175 / 6), 0.5 / (0.5 + 0.175 / 6))]
    [InlineData(3, 8, 8, 1.5 + 0.4 / 18, 0.4 / 3, 16 / (1.5 + 0.4 / 18), 16 / (1.5 + 0.4 / 18) / 12)]
    [InlineData(16, 8, 16, 0.5 + 0.1875 / 6, 0.1875, 32 / (0.5 + 0.1875 / 6), 0.5 / (0.5 + 0.1875 / 6))]
    public void RanksShareMicroBatchesAndGradientsGoRound(int ranks, double gigabits, int microBatches, double step,
        double exchange, double tiles, double efficiency)
    {
        var plan = ScalingPlan.Of(recipe, 4, 25_000_000, gigabits, ranks, latency: 0);
        Assert.Equal(microBatches, plan.MicroBatches);
        Assert.Equal(step, plan.StepSeconds, 12);
        Assert.Equal(exchange, plan.ExchangeSeconds, 12);
        Assert.Equal(step, 0.5 * ((microBatches + ranks - 1) / ranks) + plan.WaitSeconds, 12);
        Assert.Equal(tiles, plan.TilesPerSecond, 10);
        Assert.Equal(efficiency, plan.Efficiency, 12);
    }

    [Fact]
    public void AMessageTakesTimeHoweverShort() =>
        Assert.Equal(2 * 511 * 1e-3, ScalingPlan.Of(recipe, 4, 0, 8, 512, latency: 1e-3).ExchangeSeconds, 12);
}
