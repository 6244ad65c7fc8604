using System.Globalization;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Training;

public sealed class ScheduleTests
{
    [Theory]
    [InlineData(LrShape.Constant, "constant")]
    [InlineData(LrShape.ConstantWithWarmup, "constant_with_warmup")]
    [InlineData(LrShape.Linear, "linear")]
    [InlineData(LrShape.Cosine, "cosine")]
    [InlineData(LrShape.CosineWithRestarts, "cosine_with_restarts")]
    [InlineData(LrShape.Polynomial, "polynomial")]
    public void LearningRatesEqualDiffusers(LrShape shape, string name)
    {
        var golden = Goldens.Json(Goldens.Folder("training"), "lr_schedules.json");
        var expected = golden.GetProperty("lr_at_step").GetProperty(name).EnumerateArray().Select(v => v.GetDouble())
            .ToArray();
        var schedule = new LrSchedule(shape, golden.GetProperty("num_warmup_steps").GetInt32(),
            shape == LrShape.CosineWithRestarts ? 2 : null);
        for (int step = 0; step < expected.Length; step++)
            Assert.Equal(expected[step],
                schedule.At(step, golden.GetProperty("num_training_steps").GetInt32(),
                golden.GetProperty("base_lr").GetDouble()), 1e-15);
    }

    [Fact]
    public void DecayOfTheAverageEqualsDiffusers()
    {
        var golden = Goldens.Json(Goldens.Folder("training"), "ema_decay.json");
        double decay = golden.GetProperty("decay").GetDouble();
        var cases = golden.GetProperty("get_decay(step)");
        foreach (var (name, options) in new[]
                 {
                     ("default", new EmaOptions(decay)),
                     ("warmup_inv1_pow0.667", new EmaOptions(decay, UseWarmup: true, InvGamma: 1, Power: 2.0 / 3)),
                 })
            foreach (var value in cases.GetProperty(name).EnumerateObject())
                Assert.Equal(value.Value.GetDouble(),
                    options.DecayAt(long.Parse(value.Name, CultureInfo.InvariantCulture)), 1e-12);
    }

    [Theory]
    [InlineData(PredictionType.Epsilon, "eps")]
    [InlineData(PredictionType.Velocity, "v")]
    public void MinSnrWeightsEqualDiffusers(PredictionType prediction, string name)
    {
        using var golden = Goldens.Open(Goldens.Folder("training"), "outputs");
        using var steps = golden.Read("snr.timesteps");
        var timesteps = steps.data<long>().ToArray();
        var schedule = NoiseSchedule.Create(prediction: prediction);
        using var snr = golden.Read("snr.snr");
        Goldens.Relative("snr", [.. timesteps.Select(t => schedule.Snr((int)t))], snr, 1e-4);
        foreach (int gamma in new[] { 1, 5, 20 })
        {
            using var expected = golden.Read($"snr.weight.{name}.gamma{gamma}");
            Goldens.Relative($"gamma {gamma}",
                [.. timesteps.Select(t => DiffusionLoss.MinSnrWeight(schedule, (int)t, gamma))], expected, 1e-4);
        }
    }
}
