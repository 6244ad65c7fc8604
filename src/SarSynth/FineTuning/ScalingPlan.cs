// What more processes would bring, from one measured step: before anyone queues for 512 GPUs.
using SarSynth.Diffusion.Training;

namespace SarSynth.FineTuning;

/// <summary>One number of ranks, and what it is expected to bring.</summary>
/// <param name="Ranks">Processes, one for each device.</param>
/// <param name="MicroBatches">Micro-batches of a step: the recipe's, or one for each rank where that is more.</param>
/// <param name="StepSeconds">Seconds of a step.</param>
/// <param name="ExchangeSeconds">How long gradients are on their way.</param>
/// <param name="WaitSeconds">How much of it the step waits for them.</param>
/// <param name="TilesPerSecond">Tiles that are learned from in a second.</param>
/// <param name="Efficiency">Those, over so many times what one rank learns from.</param>
public sealed record ScalingPlan(int Ranks, int MicroBatches, double StepSeconds, double ExchangeSeconds,
    double WaitSeconds, double TilesPerSecond, double Efficiency)
{
    /// <summary>
    /// Gradients go round the ranks, 2 (N - 1) / N times their bytes over each link in 2 (N - 1) messages a bucket
    /// (Patarasuk and Yuan 2009), while the last micro-batch's backward pass goes on, which is two thirds of its time:
    /// twice the forward pass's products. The last bucket leaves when that has ended, and sending is taken to cost the
    /// device nothing. Micro-batches are shared as evenly as they can be.
    /// </summary>
    /// <param name="recipe">Batch and micro-batches of a step.</param>
    /// <param name="stepSeconds">Seconds of a step of the recipe on one device.</param>
    /// <param name="numbers">Numbers that are trained; their gradients travel in float32.</param>
    /// <param name="gigabits">What the slowest link between two ranks carries, Gbit/s.</param>
    /// <param name="ranks">How many.</param>
    /// <param name="latency">Seconds that a message takes however short it is.</param>
    /// <exception cref="ArgumentException">A time, a speed or a count that is not above 0.</exception>
    public static ScalingPlan Of(FineTuneRecipe recipe, double stepSeconds, long numbers, double gigabits, int ranks,
        double latency = 5e-6)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stepSeconds);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(gigabits);
        ArgumentOutOfRangeException.ThrowIfLessThan(ranks, 1);
        var microSeconds = stepSeconds / recipe.Accumulation;
        var all = Math.Max(recipe.Accumulation, ranks);
        var buckets = Math.Max(1, Math.Ceiling(numbers / (double)TrainerOptions.DefaultGradientBucket));
        var exchange = 2.0 * (ranks - 1)
            * (latency * buckets + numbers * sizeof(float) * 8.0 / ranks / (gigabits * 1e9));
        var wait = Math.Max(exchange / buckets, exchange - 2.0 / 3 * microSeconds);
        var step = microSeconds * ((all + ranks - 1) / ranks) + wait;
        var tiles = all * recipe.Batch / step;
        return new(ranks, all, step, exchange, wait, tiles, tiles * microSeconds / recipe.Batch / ranks);
    }
}
