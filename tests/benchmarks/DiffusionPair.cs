// The diffusion models beside the same models in plain PyTorch (diffusion.py), in turns on one
// machine: time, and peak memory.
using System.Diagnostics;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Benchmarks;

internal static class DiffusionPair
{
    private const int Rounds = 5;

    private static Device on = CPU;

    // Goals are shares of PyTorch's own time for the same: of 1.13, and of 2 and later; 0: none.
    private static readonly (string Key, string Name, double Goal1, double Goal2)[] Cases =
    [
        ("conv", "reference convolution 3x3 128->128 on 4x128x64x64", 0, 0),
        ("unet", "UNet of 33 M parameters, forward 1x4x64x64", 0.85, 0.95),
        ("bf16", "the same in bfloat16", 0, 0.95),
        ("vae", "VAE decode 1x4x32x32 to 256x256", 0.85, 0.9),
        ("train", "training step, batch 2, AdamW", 0.95, 0.95),
        ("attention", "attention 2 x 10 x 4096 x 64", 0, 1.0),
    ];

    private static readonly (string Key, string Name, double Goal1, double Goal2)[] Peaks =
    [
        ("unet", "peak resident memory, UNet forward", 0, 1.0),
        ("train", "peak resident memory, training step", 0, 0.8),
    ];

    internal static int Run(string[] args)
    {
        if (args.SkipWhile(a => a != "--device").Skip(1).FirstOrDefault() is { } word)
            on = ComputeDevice.Find(word);
        if (args is ["peak", var which, ..])
            return Peak(which, args is [_, _, var count] ? int.Parse(count) : Rounds);
        string? After(string option) => args.SkipWhile(a => a != option).Skip(1).FirstOrDefault();
        var threads = int.Parse(After("--threads") ?? "2");
        var root = After("--python");
        if (root is null && args.Contains("--python"))
        {
            Console.Error.WriteLine("--python needs the Debian root whose python3-torch is the other side");
            return 2;
        }
        set_num_threads(threads);
        var only = Cases.Select(c => c.Key).Intersect(args).ToArray();
        PythonScript? Peer() => root is null
            ? PythonScript.Start("diffusion.py", $"{threads}", on.ToString())
            : PythonScript.StartIn(root, "diffusion.py", $"{threads}", on.ToString());
        try
        {
            using var python = Peer();
            if (python is not null)
                return Compare(python, Peer, only, threads, root);
            Console.Error.WriteLine("python3-torch is not installed: nothing to compare with");
        }
        catch (InvalidOperationException e)
        {
            Console.Error.WriteLine(e.Message);
        }
        return 1;
    }

    private static int Compare(PythonScript python, Func<PythonScript?> peer, string[] only, int threads, string? root)
    {
        var version = python.Ready[0];
        var second = int.Parse(version.Split('.')[0]) >= 2;
        Console.WriteLine($"beside PyTorch {version} {(root is null ? "of this system" : $"in {root}")}"
            + (root is null || PythonScript.CoreType is not { } type
                ? "" : $", with OPENBLAS_CORETYPE={type} for it alone"));
        if (python.Ready.ElementAtOrDefault(1) is { } blas)
            Console.WriteLine($"whose BLAS is {blas}" + (blas.Contains("openblas", StringComparison.Ordinal) ? ""
                : ": not OpenBLAS, so that nothing below says how fast PyTorch can be (libopenblas0-openmp has it)"));
        Console.WriteLine($"{threads} threads; the best of {Rounds} rounds in turns: time on the "
            + $"clock, and of the process's CPU "
            + "(which other load disturbs less)");
        Console.WriteLine($"{"",-52}{"here",12}{"PyTorch",12}{"ratio",8}{"goal",8}{"CPU ratio",12}");
        var missed = false;
        foreach (var (key, name, goal1, goal2) in Cases)
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
                var cpu = Process.GetCurrentProcess().TotalProcessorTime - before;
                mine = Least(mine, [watch.Elapsed.TotalSeconds, cpu.TotalSeconds]);
                theirs = Least(theirs, python.Ask(key));
            }
            Row(name, mine[0] * 1000, theirs[0] * 1000, "ms", second ? goal2 : goal1, $"{mine[1] / theirs[1]:F2}");
        }
        foreach (var (key, name, goal1, goal2) in only.Length > 0 || on.type != DeviceType.CPU ? [] : Peaks)
        {
            using var fresh = peer()!;
            for (var round = 0; round < Rounds; round++)
                fresh.Ask(key);
            var own = Self.Number("diffusion-pair", "peak", key);
            Row(name, own, fresh.Ask("peak")[0], "MB", second ? goal2 : goal1, "");
        }
        return missed ? 1 : 0;

        void Row(string name, double mine, double theirs, string unit, double goal, string cpu)
        {
            var ratio = mine / theirs;
            missed |= goal > 0 && ratio > goal;
            Console.WriteLine($"{name,-52}{mine,9:F1} {unit}{theirs,9:F1} {unit}{ratio,8:F2}"
                + $"{(goal > 0 ? $"{goal:F2}" : ""),8}{cpu,12}");
        }
    }

    private static double[] Least(double[] a, double[] b) => [.. a.Zip(b, Math.Min)];

    internal static Action Make(string key)
    {
        manual_seed(0);
        switch (key)
        {
            case "conv":
                Tensor image = Normal(4, 128, 64, 64), weight = Normal(128, 128, 3, 3), bias = Normal(128);
                return Quiet(() => nn.functional.conv2d(image, weight, bias, padding: [1L, 1L]));
            case "attention":
                Tensor q = Normal(2, 4096, 640), k = Normal(2, 4096, 640), v = Normal(2, 4096, 640);
                return Quiet(() => ScaledDotProduct.Attend(q, k, v, heads: 10));
            case "vae":
                var vae = new AutoencoderKL(new()
                {
                    BlockOutChannels = [32, 64, 128, 128],
                    LayersPerBlock = 2,
                    DownBlockTypes = [.. Enumerable.Repeat("DownEncoderBlock2D", 4)],
                    UpBlockTypes = [.. Enumerable.Repeat("UpDecoderBlock2D", 4)],
                }, on);
                var latents = Normal(1, 4, 32, 32);
                return Quiet(() => vae.decode(latents));
            case "train":
                var trained = new UNet2DConditionModel(MidSize, on);
                var optimizer = new AdamWOptimizer(trained.named_parameters()
                    .ToDictionary(p => p.name, p => p.parameter));
                var (noisy, text, pooled, ids) = Inputs(2, ScalarType.Float32);
                Tensor times = tensor(new long[] { 213, 871 }, device: on), noise = Normal(2, 4, 64, 64);
                return () =>
                {
                    using var scope = NewDisposeScope();
                    optimizer.ZeroGrad();  // To none, as the other side does.
                    nn.functional.mse_loss(trained.forward(noisy, times, text, pooled, ids), noise).backward();
                    optimizer.Step(1e-4);
                    Wait();
                };
            default:
                var type = key == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32;
                var unet = new UNet2DConditionModel(MidSize, on, type);
                var (sample, context, embeds, sizes) = Inputs(1, type);
                var step = tensor(new long[] { 500 }, device: on);
                return Quiet(() => unet.forward(sample, step, context, embeds, sizes));
        }
    }

    private static Action Quiet(Func<Tensor> run) => () =>
    {
        using var grad = no_grad();
        run().Dispose();
        Wait();
    };

    private static Tensor Normal(params long[] shape) => randn(shape, device: on);

    // A GPU works on while the program goes on: time is up when it is done.
    private static void Wait()
    {
        if (on.type == DeviceType.CUDA)
            cuda.synchronize();
    }

    private static (Tensor, Tensor, Tensor, Tensor) Inputs(int n, ScalarType type) =>
        (Normal(n, 4, 64, 64).to(type), Normal(n, 77, 256).to(type), Normal(n, 256).to(type), Normal(n, 6));

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
