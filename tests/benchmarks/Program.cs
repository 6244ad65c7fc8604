// Benchmarks by name: SarSynth.Benchmarks NAME [options]; ./sarsynth bench NAME calls this.
namespace SarSynth.Benchmarks;

internal static class Program
{
    private static readonly Dictionary<string, (string What, Func<string[], int> Run)> Benchmarks = new()
    {
        ["diffusion"] = ("UNet, training step and VAE beside figures of diffusers; --device cuda", Diffusion.Run),
        ["diffusion-pair"] =
            ("the same beside plain PyTorch in turns; conv, unet, bf16, vae, train, attention: only these; "
            + "--python ROOT: the PyTorch of another Debian root", DiffusionPair.Run),
        ["diffusion-full"] = ("SDXL at full size, random weights made on the spot: unet or pipeline",
            DiffusionFull.Run),
        ["radar"] = ("filters, transforms and streams beside numpy and scipy", Radar.Run),
        ["translation"] = ("the table that judges translations: sarsynth evaluate, with its options", Translation.Run),
        ["translation-full"] = ("sarsynth translate with SDXL at full size and two ControlNets, random weights made on "
            + "the spot (12 GB of files)", TranslationFull.Run),
        ["real"] = ("DIR: a folder of measured data translated: one flight at three bandwidths against its fine image, "
            + "satellites by what needs no truth", Real.Run),
        ["bridge"] = ("simulated to airborne-like: shares of each gap closed, places, use; -o REPORT, "
            + "--model NAME|none", Bridge.Run),
        ["kernel"] = ("the C# kernel beside ipykernel; --soak MINUTES for a long mixed run", Kernel.Run),
    };

    private static int Main(string[] args)
    {
        if (args is ["--list"]) { foreach (var (name, (what, _)) in Benchmarks) Console.WriteLine($"{name,-16} {what}");
            return 0; }
        if (args.Length > 0 && Benchmarks.TryGetValue(args[0], out var benchmark)) return benchmark.Run(args[1..]);
        Console.Error.WriteLine(args.Length > 0 ? $"no benchmark '{args[0]}'; there are:" : "which benchmark?");
        foreach (var (name, (what, _)) in Benchmarks) Console.Error.WriteLine($"  {name,-16} {what}");
        return 2;
    }
}
