// SDXL at full size with random bfloat16 weights, made on the spot in diffusers' layout: opening, time
// and memory of the first steps.
using System.Diagnostics;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Benchmarks;

internal static class DiffusionFull
{
    private const int Steps = 2;

    /// <summary>
    /// <c>unet</c> (5.1 GB on disk) or <c>pipeline</c> (6.9 GB); --folder DIR for where, --keep to leave the files
    /// there, --threads N; --device cuda.
    /// </summary>
    internal static int Run(string[] args)
    {
        string Option(string name, string otherwise) => args.SkipWhile(a => a != name).Skip(1)
            .FirstOrDefault(otherwise);
        var on = ComputeDevice.Find(Option("--device", "cpu"));
        set_num_threads(int.Parse(Option("--threads", "2")));
        var what = args is ["pipeline", ..] ? "pipeline" : "unet";
        var folder = Option("--folder", Path.Combine(Path.GetTempPath(), $"sarsynth-full-{what}"));
        using var quiet = no_grad();
        if (args.Contains("--make"))
            return what == "unet" ? MakeUnet(folder) : MakePipeline(folder);
        if (args.Contains("--open"))
            return what == "unet" ? OpenUnet(folder, on) : OpenPipeline(folder, on);
        try
        {
            if (!File.Exists(Path.Combine(folder, what == "unet" ? "config.json" : "model_index.json")))
            {
                var watch = Stopwatch.StartNew();
                if (Self.Run("diffusion-full", what, "--make", "--folder", folder) != 0)
                    return 1;
                var bytes = new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories)
                    .Sum(f => f.Length);
                Console.WriteLine($"made {bytes / 1e9:F2} GB in {watch.Elapsed.TotalSeconds:F0} s");
            }
            // Each in a process of its own: the peak is that of opening and stepping, not of making the files.
            return Self.Run("diffusion-full", what, "--open", "--folder", folder, "--threads", $"{get_num_threads()}",
                "--device", on.ToString());
        }
        finally
        {
            if (!args.Contains("--keep") && Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
    }

    private static int MakeUnet(string folder)
    {
        using var unet = new UNet2DConditionModel(UNet2DConditionConfig.FromJson(Text("unet-sdxl.json")),
            dtype: ScalarType.BFloat16);
        ModelFolder.Save(unet, folder);
        return 0;
    }

    private static int MakePipeline(string folder)
    {
        var tokenizer = ClipTokenizer.Load(Path.Combine(AppContext.BaseDirectory, "tokenizer"));
        using var model = new LatentDiffusion
        {
            Unet = new(UNet2DConditionConfig.FromJson(Text("unet-sdxl.json")), dtype: ScalarType.BFloat16),
            Vae = new(AutoencoderKLConfig.FromJson(Text("vae-sdxl.json")), dtype: ScalarType.BFloat16),
            Prompts = new(
                tokenizer, new CLIPTextModel(CLIPTextConfig.FromJson(Text("text-encoder.json")),
                    dtype: ScalarType.BFloat16),
                tokenizer, new CLIPTextModelWithProjection(CLIPTextConfig.FromJson(Text("text-encoder-2.json")),
                    dtype: ScalarType.BFloat16)),
            Sampler = new() { Kind = SamplerKind.Euler },
        };
        model.Save(folder);
        return 0;
    }

    private static int OpenUnet(string folder, Device on)
    {
        var watch = Stopwatch.StartNew();
        using var unet = ModelFolder.Load<UNet2DConditionModel>(folder, new(on));
        var opened = watch.Elapsed.TotalSeconds;
        Tensor Random(params long[] shape) => randn(shape).to(ScalarType.BFloat16, on);
        watch.Restart();
        using var result = unet.forward(Random(1, 4, 64, 64), tensor(new long[] { 500 }, device: on),
            Random(1, 77, 2048), Random(1, 1280), randn(1, 6).to(on));
        Console.WriteLine($"SDXL UNet, {ModuleWeights.CountParameters(unet):N0} parameters, bfloat16: opened in "
            + $"{opened:F2} s (goal 2), first step at 512 x 512 {watch.Elapsed.TotalSeconds:F1} s");
        Wait(on);
        watch.Restart();
        using var second = unet.forward(Random(1, 4, 64, 64), tensor(new long[] { 250 }, device: on),
            Random(1, 77, 2048), Random(1, 1280), randn(1, 6).to(on));
        Wait(on);
        Console.WriteLine($"second step {watch.Elapsed.TotalSeconds:F1} s");
        return Report(opened, Bytes(unet), result);
    }

    private static int OpenPipeline(string folder, Device on)
    {
        var watch = Stopwatch.StartNew();
        using var model = LatentDiffusion.Load(folder, new(on));
        var opened = watch.Elapsed.TotalSeconds;
        var parameters = new nn.Module?[] { model.Unet, model.Vae, model.Prompts.Encoder,
            model.Prompts.Encoder2 }.Select(part => ModuleWeights.CountParameters(part!)).ToArray();
        Console.WriteLine($"SDXL pipeline, {string.Join(" + ", parameters.Select(p => $"{p:N0}"))} parameters, "
            + $"bfloat16: opened in {opened:F2} s (goal 2)");
        watch.Restart();
        using var image = model.Generate(new()
        {
            Text = new("an airborne radar image of fields and a river") { Negative = "" }, Steps = Steps, Height = 512,
            Width = 512, Seed = 1,
            OnStep = step => Console.WriteLine($"after step {step.Index + 1}: {watch.Elapsed.TotalSeconds:F1} s"),
        });
        Console.WriteLine($"text to image [{string.Join(", ", image.shape)}], {Steps} guided steps: "
            + $"{watch.Elapsed.TotalSeconds:F1} s");
        return Report(opened, Bytes(model.Unet) + Bytes(model.Vae) + Bytes(model.Prompts.Encoder!)
            + Bytes(model.Prompts.Encoder2!), image);
    }

    private static void Wait(Device on)
    {
        if (on.type == DeviceType.CUDA)
            cuda.synchronize();
    }

    private static int Report(double opened, long bytes, Tensor result)
    {
        long weights = bytes >> 20, peak = Self.PeakMegabytes;
        var finite = result.isfinite().all().item<bool>();
        Console.WriteLine($"peak resident {peak} MB, weights {weights} MB, over them {peak - weights} MB (goal 2048); "
            + $"all values finite: {finite}");
        return opened <= 2 && peak <= weights + 2048 && finite ? 0 : 1;
    }

    private static long Bytes(nn.Module module) => module.parameters().Sum(p => p.NumberOfElements * p.ElementSize);

    private static string Text(string name) =>
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "configs", name));
}
