// Random draws come from seeded generators; engines differ in what a generator made with seed 0 is.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Samplers;

internal static class Seeded
{
    /// <summary>A CPU generator with this seed, zero too.</summary>
    public static Generator Generator(ulong seed)
    {
        var generator = new Generator(seed, CPU);
        generator.manual_seed(unchecked((long)seed));
        return generator;
    }
}
