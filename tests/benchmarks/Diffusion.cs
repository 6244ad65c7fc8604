// Latent diffusion beside diffusers' recorded figures: the mid-size UNet, its training step, the VAE's decoder.
// The figures were taken on another two-core machine; a 3x3 convolution of the same run scales them to this one.
using System.Diagnostics;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Benchmarks;

internal static class Diffusion
{
    private const int Rounds = 5;

    // Milliseconds of diffusers 0.27.2 on torch 1.13, two threads, and of the reference convolution
    // there (middle of what was seen).
    private const double Reference = 32.5, Forward = 271, Decode = 241, Training = 1636;

    internal static int Run(string[] args)
    {
        var on = args is ["--device", var name] ? ComputeDevice.Find(name) : CPU;
        set_num_threads(2);
        var rows = new List<(string Name, double Milliseconds, double Theirs, double Goal)>();
        double convolution = Convolution(on);
        Console.WriteLine($"reference convolution {convolution:F1} ms here, {Reference} ms there: figures are scaled "
            + $"by {convolution / Reference:F2}");
        using (var unet = new UNet2DConditionModel(MidSize, on))
        {
            unet.eval();
            rows.Add(("UNet forward, float32", UNetForward(unet, on, ScalarType.Float32), Forward, 0.85));
            rows.Add(("training step, batch 2, float32", TrainingStep(unet, on, null), Training, 0.85));
            rows.Add(("the same, blocks recomputed", TrainingStep(unet, on, GradientCheckpointing.Run), Training, 0));
            unet.to(ScalarType.BFloat16);
            rows.Add(("UNet forward, bfloat16", UNetForward(unet, on, ScalarType.BFloat16), Forward, 0.6));
        }
        rows.Add(("VAE decode to 256 x 256, float32", VaeDecode(on), Decode, 0.85));
        Console.WriteLine($"{"",-36}{"here",12}{"diffusers",12}{"ratio",8}{"goal",8}");
        bool missed = false;
        foreach (var (what, milliseconds, theirs, goal) in rows)
        {
            double scaled = theirs * convolution / Reference, ratio = milliseconds / scaled;
            missed |= goal > 0 && ratio > goal;
            Console.WriteLine($"{what,-36}{milliseconds,9:F0} ms{scaled,9:F0} "
                + $"ms{ratio,8:F2}{(goal > 0 ? $"{goal:F2}" : ""),8}");
        }
        return missed ? 1 : 0;
    }

    // 32,926,852 parameters, the one that the figures are for.
    private static UNet2DConditionConfig MidSize => new()
    {
        SampleSize = 64, InChannels = 4, OutChannels = 4, BlockOutChannels = [64, 128, 256], LayersPerBlock = 2,
        DownBlockTypes = ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        UpBlockTypes = ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        TransformerLayersPerBlock = new[] { 1, 1, 2 }, AttentionHeadDim = new[] { 1, 2, 4 }, CrossAttentionDim = 256,
        UseLinearProjection = true,
        AdditionEmbedType = "text_time", AdditionTimeEmbedDim = 64, ProjectionClassEmbeddingsInputDim = 640,
    };

    private static double Convolution(Device on)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        Tensor x = randn([4, 128, 64, 64], device: on), w = randn([128, 128, 3, 3], device: on);
        return Best(on, () => nn.functional.conv2d(x, w, padding: [1, 1]));
    }

    private static double UNetForward(UNet2DConditionModel unet, Device on, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        var (x, text, pooled, ids) = Inputs(1, on, type);
        return Best(on, () => unet.forward(x, 500, text, pooled, ids));
    }

    private static double TrainingStep(UNet2DConditionModel unet, Device on, BlockRunner? runner)
    {
        using var scope = NewDisposeScope();
        unet.BlockRunner = runner;
        var (x, text, pooled, ids) = Inputs(2, on, ScalarType.Float32);
        Tensor noise = randn([2, 4, 64, 64], device: on), timesteps = tensor(new long[] { 213, 871 }, device: on);
        var schedule = NoiseSchedule.Create();
        var parameters = unet.named_parameters().ToDictionary(p => p.Item1, p => p.Item2);
        var times = new List<double>();
        var clock = Stopwatch.StartNew();
        Trainer.Run(new TrainerOptions { Steps = Rounds + 1, ClipNorm = null }, parameters, _ => 0,
            (_, _) => DiffusionLoss.OfNoise(schedule, (noisy, t) =>
                unet.forward(noisy, t, text, pooled, ids), x, noise, timesteps),
            _ =>
            {
                Synchronize(on);
                times.Add(clock.Elapsed.TotalMilliseconds);
                clock.Restart();
            });
        unet.BlockRunner = null;
        return times.Skip(1).Min();
    }

    private static double VaeDecode(Device on)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        using var vae = new AutoencoderKL(new AutoencoderKLConfig
        {
            BlockOutChannels = [32, 64, 128, 128], LayersPerBlock = 2, LatentChannels = 4, NormNumGroups = 32,
            DownBlockTypes = [.. Enumerable.Repeat("DownEncoderBlock2D", 4)],
            UpBlockTypes = [.. Enumerable.Repeat("UpDecoderBlock2D", 4)],
        }, on);
        vae.eval();
        var latents = randn([1, 4, 32, 32], device: on);
        return Best(on, () => vae.decode(latents));
    }

    private static (Tensor X, Tensor Text, Tensor Pooled, Tensor Ids) Inputs(long batch, Device on, ScalarType type) =>
        (randn([batch, 4, 64, 64], type, on), randn([batch, 77, 256], type, on), randn([batch, 256], type, on),
            ones([batch, 6], type, on).mul(512));

    /// <summary>Best of the rounds after one to warm up, in milliseconds.</summary>
    private static double Best(Device on, Func<Tensor> work)
    {
        double best = double.MaxValue;
        for (int i = 0; i <= Rounds; i++)
        {
            var clock = Stopwatch.StartNew();
            work().Dispose();
            Synchronize(on);
            if (i > 0)
                best = Math.Min(best, clock.Elapsed.TotalMilliseconds);
        }
        return best;
    }

    private static void Synchronize(Device on)
    {
        if (on.type == DeviceType.CUDA)
            cuda.synchronize();
    }
}
