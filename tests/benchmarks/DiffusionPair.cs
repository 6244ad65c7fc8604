// The diffusion models beside the same models in plain PyTorch (diffusion.py), in turns on the same machine: time, and peak memory.
using System.Diagnostics;
using SarSynth.Diffusion.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Benchmarks;

internal static class DiffusionPair
{
    private const int Rounds = 5;

    // The goal for each case is a share of PyTorch's float32 time; bf16 is compared with PyTorch's float32 too.
    private static readonly (string Key, string Name, double Goal, string Against)[] Cases =
    [
        ("conv", "reference convolution 3x3 128->128 on 4x128x64x64", 0, "conv"),
        ("unet", "UNet of 33 M parameters, forward 1x4x64x64", 0.85, "unet"),
        ("bf16", "the same in bfloat16, against float32", 0.60, "unet"),
        ("vae", "VAE decode 1x4x32x32 to 256x256", 0.85, "vae"),
        ("train", "training step, batch 2, AdamW", 0.85, "train"),
    ];

    internal static int Run(string[] args)
    {
        var threads = args.SkipWhile(a => a != "--threads").Skip(1).Select(int.Parse).FirstOrDefault(2);
        set_num_threads(threads);
        var only = Cases.Select(c => c.Key).Intersect(args).ToArray();
        if (args is ["peak", var which, ..])
            return Peak(which, args is [_, _, var count] ? int.Parse(count) : 3);
        using var python = PythonScript.Start("diffusion.py", $"{threads}");
        if (python is null)
        {
            Console.Error.WriteLine("python3-torch is not installed: nothing to compare with");
            return 1;
        }
        Console.WriteLine($"{threads} threads; the best of {Rounds} rounds in turns: time on the clock, and of the process's CPU (which other load disturbs less)");
        Console.WriteLine($"{"",-52}{"here",12}{"python3",12}{"ratio",8}{"goal",8}{"CPU ratio",12}");
        var missed = false;
        foreach (var (key, name, goal, against) in Cases)
        {
            if (only.Length > 0 && !only.Contains(key))
                continue;
            using var scope = NewDisposeScope();
            var ours = Make(key);
            ours();
            double[] mine = [double.MaxValue, double.MaxValue], theirs = [double.MaxValue, double.MaxValue];
            for (var round = 0; round < Rounds; round++)
            {
                var watch = Stopwatch.StartNew();
                var before = Process.GetCurrentProcess().TotalProcessorTime;
                ours();
                mine = Least(mine, [watch.Elapsed.TotalSeconds, (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds]);
                theirs = Least(theirs, python.Ask(against));
            }
            var ratio = mine[0] / theirs[0];
            missed |= goal > 0 && ratio > goal;
            Console.WriteLine($"{name,-52}{1000 * mine[0],9:F1} ms{1000 * theirs[0],9:F1} ms{ratio,8:F2}{(goal > 0 ? $"{goal:F2}" : ""),8}{mine[1] / theirs[1],12:F2}");
        }
        if (only.Length > 0)
            return missed ? 1 : 0;
        foreach (var (key, name, limit) in new[] { ("unet", "peak resident memory, UNet forward", 343), ("train", "peak resident memory, training step", 1232) })
        {
            var peak = Self.Number("diffusion-pair", "peak", key);
            missed |= peak > limit;
            Console.WriteLine($"{name,-52}{peak,9:F0} MB{"",12}{"",8}{$"{limit} MB",8}");
        }
        return missed ? 1 : 0;
    }

    private static double[] Least(double[] a, double[] b) => [.. a.Zip(b, Math.Min)];

    internal static Action Make(string key)
    {
        manual_seed(0);
        switch (key)
        {
            case "conv":
                Tensor image = randn(4, 128, 64, 64), weight = randn(128, 128, 3, 3), bias = randn(128);
                return Quiet(() => nn.functional.conv2d(image, weight, bias, padding: [1L, 1L]));
            case "vae":
                var vae = new AutoencoderKL(new()
                {
                    BlockOutChannels = [32, 64, 128, 128],
                    LayersPerBlock = 2,
                    DownBlockTypes = [.. Enumerable.Repeat("DownEncoderBlock2D", 4)],
                    UpBlockTypes = [.. Enumerable.Repeat("UpDecoderBlock2D", 4)],
                });
                var latents = randn(1, 4, 32, 32);
                return Quiet(() => vae.decode(latents));
            case "train":
                var trained = new UNet2DConditionModel(MidSize);
                var optimizer = optim.AdamW(trained.parameters(), lr: 1e-4);
                var (noisy, text, pooled, ids) = Inputs(2, ScalarType.Float32);
                Tensor times = tensor(new long[] { 213, 871 }), noise = randn(2, 4, 64, 64);
                return () =>
                {
                    using var scope = NewDisposeScope();
                    trained.zero_grad();  // To none, as the other side does.
                    nn.functional.mse_loss(trained.forward(noisy, times, text, pooled, ids), noise).backward();
                    optimizer.step();
                };
            default:
                var type = key == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32;
                var unet = new UNet2DConditionModel(MidSize, dtype: type);
                var (sample, context, embeds, sizes) = Inputs(1, type);
                var step = tensor(new long[] { 500 });
                return Quiet(() => unet.forward(sample, step, context, embeds, sizes));
        }
    }

    private static Action Quiet(Func<Tensor> run) => () =>
    {
        using var grad = no_grad();
        run().Dispose();
    };

    private static (Tensor, Tensor, Tensor, Tensor) Inputs(int n, ScalarType type) =>
        (randn(n, 4, 64, 64).to(type), randn(n, 77, 256).to(type), randn(n, 256).to(type), randn(n, 6));

    private static int Peak(string key, int rounds)
    {
        var run = Make(key);
        for (var i = 0; i < rounds; i++)
            run();
        Console.WriteLine(Self.PeakMegabytes);
        return 0;
    }

    private static UNet2DConditionConfig MidSize => new()
    {
        DownBlockTypes = ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        UpBlockTypes = ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        BlockOutChannels = [64, 128, 256],
        TransformerLayersPerBlock = new[] { 1, 1, 2 },
        AttentionHeadDim = new[] { 1, 2, 4 },
        CrossAttentionDim = 256,
        UseLinearProjection = true,
        AdditionEmbedType = "text_time",
        AdditionTimeEmbedDim = 64,
        ProjectionClassEmbeddingsInputDim = 640,
    };
}
