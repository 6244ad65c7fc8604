// The kit's translation with SDXL at full size and two ControlNets, random bfloat16 weights made on the spot.
using System.Diagnostics;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Benchmarks;

internal static class TranslationFull
{
    private const int Rows = 96, Columns = 96, Classes = 6;

    /// <summary>
    /// --folder DIR (12 GB of files), --keep, --steps N, --device cuda: makes the model, then sarsynth translate of a
    /// small scene with the satellite image for the first ControlNet and a class map for the second; prints its --json.
    /// </summary>
    internal static int Run(string[] args)
    {
        string Option(string name, string otherwise) => args.SkipWhile(a => a != name).Skip(1)
            .FirstOrDefault(otherwise);
        var folder = Option("--folder", Path.Combine(Path.GetTempPath(), "sarsynth-translation-full"));
        var model = Path.Combine(folder, "model");
        if (args.Contains("--make"))
            return Make(model);
        try
        {
            // In a process of its own: what follows is the memory of the translation.
            if (!File.Exists(Path.Combine(model, "model_index.json"))
                && (Self.Run("diffusion-full", "pipeline", "--make", "--folder", model) != 0
                    || Self.Run("translation-full", "--make", "--folder", folder) != 0))
                return 1;
            var (scene, classes) = (Path.Combine(folder, "scene.tif"), Path.Combine(folder, "classes.tif"));
            var random = new Random(1);
            GeoTiff.Write(new AmplitudeImage(Rows, Columns, [.. Enumerable.Range(0, Rows * Columns)
                .Select(_ => 0.1f + (float)random.NextDouble())]), scene);
            GeoTiff.Write(new AmplitudeImage(Rows, Columns, [.. Enumerable.Range(0, Rows * Columns)
                .Select(i => (float)(i / Columns / 16 % Classes))]), classes);
            var watch = Stopwatch.StartNew();
            using var process = Process.Start(new ProcessStartInfo("dotnet",
            [
                Path.Combine(AppContext.BaseDirectory, "sarsynth-cli.dll"), "translate", scene, "-o",
                Path.Combine(folder, "made.tif"), "-m", model, "--condition", $"2={classes}", "--stored-precision",
                "--steps", Option("--steps", "1"), "--device", Option("--device", "cpu"), "--prompt", "fields",
                "--force", "--json",
            ]))!;
            process.WaitForExit();
            Console.WriteLine($"exit code {process.ExitCode} after {watch.Elapsed.TotalSeconds:F0} s");
            return process.ExitCode;
        }
        finally
        {
            if (!args.Contains("--keep") && Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
    }

    // The way down of SDXL's UNet, once for the satellite image and once for six classes.
    private static int Make(string model)
    {
        using var quiet = no_grad();
        using var unet = ModelFolder.Load<UNet2DConditionModel>(Path.Combine(model, "unet"), new());
        foreach (var (name, channels) in new[] { ("controlnet", 1), ("controlnet_1", Classes) })
        {
            using var scope = NewDisposeScope();
            using var net = ControlNetModel.FromUNet(unet, channels);
            // Zero convolutions let nothing through; a net that was trained has others.
            foreach (var (_, weight) in net.named_parameters().Where(p => p.name.Contains("controlnet_")))
                weight.normal_(0, 0.01);
            ModelFolder.Save(net, Path.Combine(model, name), type: ScalarType.BFloat16);
        }
        return 0;
    }
}
