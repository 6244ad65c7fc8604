using SarSynth.Diffusion.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Training;

public sealed class LossCourseTests
{
    // Losses of a normal law: falling, and from a step on about another mean.
    private static List<string> Said(int steps, int from, double rise, int seed)
    {
        var random = new Random(seed);
        var course = new LossCourse();
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()))
            * Math.Cos(2 * Math.PI * random.NextDouble());
        return [.. Enumerable.Range(1, steps).Select(step => course.Add(step, 0.6 + Math.Exp(-step / 200.0)
            + 0.15 * Normal() + (step > from ? rise : 0))).OfType<string>()];
    }

    [Fact]
    public void ARiseIsToldOnceAfterTwoWindows()
    {
        var said = Assert.Single(Said(5000, 750, 0.4, seed: 1));
        Assert.StartsWith("step 1000: the loss has risen, from 0.6", said, StringComparison.Ordinal);
        Assert.Matches(@"up to [4-7]00 to (1\.0|0\.9)", said);
    }

    [Fact]
    public void NoiseAboutALevelIsNot() =>
        Assert.All(Enumerable.Range(1, 20), seed => Assert.Empty(Said(20_000, int.MaxValue, 0, seed)));

    [Fact]
    public void TheTrainerTellsIt()
    {
        var warned = new List<string>();
        var weight = new Parameter(ones(1));
        Trainer.Run(new TrainerOptions { Steps = 1000, LearningRate = 0, Warn = warned.Add },
            new Dictionary<string, Parameter> { ["w"] = weight }, step => step.Step < 600 ? 1.0 : 3.0, (scale, step) =>
                weight.sum() * scale + randn(1, generator: step.Generator).sum() * 0.1).Dispose();
        Assert.StartsWith("step 800: the loss has risen", Assert.Single(warned), StringComparison.Ordinal);
    }
}
