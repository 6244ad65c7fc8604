using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Samplers;
using TorchSharp;

namespace SarSynth.Diffusion.Tests.Samplers;

public sealed class SchedulerGoldenTests
{
    public static TheoryData<string> Variants => [.. Goldens.Cases("schedulers")];

    [Theory]
    [MemberData(nameof(Variants))]
    public void EveryStepEqualsDiffusers(string variant)
    {
        var results = Parity.Walk(Path.Combine(Goldens.Folder("schedulers"), variant)).ToList();
        var misses = results.Where(r => !r.Passes).Select(r => $"{r.Output}: error {r.Error:g3}, tolerance {r.Tolerance:g3}").ToList();
        Assert.True(misses.Count == 0, string.Join("; ", misses));
        // At least two runs, each with timesteps, start, trajectory and scaled inputs.
        Assert.True(results.Count(r => r.Output.EndsWith(".trajectory", StringComparison.Ordinal)) >= 2);
        Assert.True(results.Count >= 9, $"only {results.Count} outputs were compared");
    }

    [Theory]
    [InlineData(BetaSchedule.Linear, "linear")]
    [InlineData(BetaSchedule.ScaledLinear, "scaled_linear")]
    [InlineData(BetaSchedule.Cosine, "squaredcos_cap_v2")]
    public void NoiseSchedulesEqualDiffusers(BetaSchedule shape, string name)
    {
        using var golden = Goldens.Open(Goldens.Folder("schedulers"), "betas");
        using var expected = golden.Read(name + ".alphas_cumprod");
        Goldens.Relative(name, Bars(NoiseSchedule.Create(shape)), expected);
        if (shape != BetaSchedule.ScaledLinear)
            return;
        using var zero = golden.Read(name + "_zsnr.alphas_cumprod");
        Goldens.Relative(name + "_zsnr", Bars(NoiseSchedule.Create(shape, zeroTerminalSnr: true)), zero);
    }

    private static double[] Bars(NoiseSchedule schedule) => [.. schedule.AlphasCumprod.Select(a => (double)a)];
}
