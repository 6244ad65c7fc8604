// What a training is said to need, and what its process took: in a child, whose resident memory is its own.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Training;
using TorchSharp;
using TorchSharp.Modules;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Training;

/// <summary>The child: estimates a training of the mid-size UNet, does it, and prints both.</summary>
internal static class EstimatedTraining
{
    // 32,926,852 parameters: the benchmarks' UNet.
    private static readonly UNet2DConditionConfig MidSize = new()
    {
        SampleSize = 64, InChannels = 4, OutChannels = 4, BlockOutChannels = [64, 128, 256], LayersPerBlock = 2,
        DownBlockTypes = ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        UpBlockTypes = ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        TransformerLayersPerBlock = new[] { 1, 1, 2 }, AttentionHeadDim = new[] { 1, 2, 4 }, CrossAttentionDim = 256,
        UseLinearProjection = true, AdditionEmbedType = "text_time", AdditionTimeEmbedDim = 64,
        ProjectionClassEmbeddingsInputDim = 640,
    };

    public static int Run(string strategy, long batch, long side)
    {
        // What the runtime and the engine take of themselves is there before.
        using (var warm = nn.Conv2d(8, 8, 3))
        using (var x = randn(1, 8, 64, 64))
        using (var made = warm.call(x))
            made.sum().backward();
        double before = Megabytes("VmRSS");
        using var scope = NewDisposeScope();
        using var unet = new UNet2DConditionModel(MidSize);
        Lora? lora = null;
        var parameters = unet.named_parameters().ToDictionary(p => p.Item1, p => p.Item2);
        if (strategy == "lora")
        {
            foreach (var parameter in unet.parameters())
                parameter.requires_grad_(false);
            lora = Lora.Create(new Dictionary<string, nn.Module> { ["unet"] = unet }, Lora.UNetAttention, rank: 8);
            parameters = new Dictionary<string, Parameter>(lora.Parameters);
        }
        Tensor Inputs(params long[] shape) => randn(shape);
        Tensor text = Inputs(batch, 77, 256), pooled = Inputs(batch, 256), ids = ones(batch, 6);
        var schedule = NoiseSchedule.Create();
        Tensor Loss(long at) => DiffusionLoss.OfNoise(schedule, (noisy, t) => unet.forward(noisy, t, text, pooled, ids),
            Inputs(batch, 4, at, at), Inputs(batch, 4, at, at), randint(0, 1000, [batch], ScalarType.Int64));
        Tensor Validate(long at)
        {
            using var noGradients = no_grad();
            return Loss(at);
        }
        var options = new TrainerOptions
        {
            Steps = 2, ClipNorm = 1, Ema = strategy == "full" ? new EmaOptions() : null,
            Optimizer = strategy == "adafactor" ? new AdafactorOptions() : new AdamWOptions(),
        };
        bool recompute = strategy == "recompute";
        var estimate = TrainingEstimate.Of(options, parameters, [unet], Loss, side, Validate,
            runner: recompute ? r => unet.BlockRunner = r : null);
        // Only what a training does is measured.
        GC.Collect();
        File.WriteAllText("/proc/self/clear_refs", "5");
        Trainer.Run(options, parameters, _ => 0, (_, _) => Loss(side)).Dispose();
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            estimate, Peak = estimate.Peak / 1048576.0, Measured = Megabytes("VmHWM") - before,
        }));
        lora?.Dispose();
        return 0;
    }

    private static double Megabytes(string field)
    {
        var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith(field + ":"));
        var kilobytes = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return double.Parse(kilobytes, CultureInfo.InvariantCulture) / 1024;
    }
}

public sealed class EstimateTests(ITestOutputHelper output)
{
    [Theory, Trait("Speed", "slow")]
    [InlineData("full", 2, 64)]
    [InlineData("adafactor", 1, 64)]
    [InlineData("lora", 2, 64)]
    [InlineData("recompute", 2, 64)]
    public void WhatIsSaidIsWithinAQuarterOfWhatIsTaken(string strategy, int batch, int side)
    {
        var start = new ProcessStartInfo("dotnet",
            ["exec", typeof(EstimatedTraining).Assembly.Location, "estimate", strategy, $"{batch}", $"{side}"])
        {
            RedirectStandardOutput = true,
        };
        start.Environment["OMP_NUM_THREADS"] = "1";
        // Freed memory goes back to the system: what is measured is what is held.
        start.Environment["MALLOC_TRIM_THRESHOLD_"] = "131072";
        start.Environment["MALLOC_MMAP_THRESHOLD_"] = "131072";
        using var child = Process.Start(start)!;
        var said = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        Assert.Equal(0, child.ExitCode);
        output.WriteLine(said);
        var json = JsonDocument.Parse(said).RootElement;
        double ratio = json.GetProperty("Peak").GetDouble() / json.GetProperty("Measured").GetDouble();
        Assert.InRange(ratio, 0.75, 1.25);
    }

    [Fact]
    public void ConstantPartsAreCountedExactly()
    {
        using var scope = NewDisposeScope();
        var model = nn.Linear(10, 6);
        var frozen = nn.Linear(6, 6);
        foreach (var parameter in frozen.parameters())
            parameter.requires_grad_(false);
        var parameters = model.named_parameters().ToDictionary(p => p.Item1, p => p.Item2);
        var options = new TrainerOptions { Steps = 1, Ema = new EmaOptions() };
        Tensor Loss(long side) => frozen.call(model.call(randn(3, side, 10))).sum();
        var estimate = TrainingEstimate.Of(options, parameters, [model, frozen], Loss, 400, validate: Loss);
        Assert.Equal(4 * (66 + 42), estimate.Weights);
        Assert.Equal(4 * 66, estimate.Gradients);
        Assert.Equal(8 * 66, estimate.Optimizer);
        Assert.Equal(4 * 66, estimate.Average);
        Assert.Equal(0, estimate.Masters);
        // Both layers keep their inputs, 10 and 6 numbers a row; without gradients the output of 6 is there beside
        // them.
        // Passes of side 16 and 32 have 48 and 96 rows here, and are taken for areas of 1 and 4; 400 x 400 has 625.
        static double At(double numbers) => 4 * numbers * (48 + (96 - 48) / 3.0 * 624);
        Assert.Equal(At(10 + 6), estimate.Activations, 1.0);
        Assert.Equal(At(10 + 6 + 6), estimate.Validation, 1.0);
        Assert.Equal(estimate.Constant + Math.Max(estimate.Step, estimate.Validation), estimate.Peak);
        options = options with { Optimizer = new AdafactorOptions() };
        var half = TrainingEstimate.Of(options, parameters, [model], Loss, 16);
        Assert.Equal(4 * (10 + 6 + 6), half.Optimizer);
        Assert.Equal(4 * 48 * 10, half.Activations);
    }
}
