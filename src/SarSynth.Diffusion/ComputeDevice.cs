// Where tensors are computed: what the user names, or a GPU where libtorch sees one.
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion;

/// <summary>Finds the device that a word of a command or a recipe means.</summary>
public static class ComputeDevice
{
    /// <summary>A GPU where libtorch sees one, else the CPU.</summary>
    public const string Auto = "auto";

    /// <summary>What can be said, for help texts.</summary>
    public const string Words = "auto, cpu, cuda or cuda:N";

    /// <summary>The device of a word.</summary>
    /// <param name="word">"auto", "cpu", "cuda" (the first GPU), or "cuda:N" (the GPU with index N, from 0).</param>
    /// <exception cref="ArgumentException">
    /// Another word, or a GPU that libtorch does not see; the message says what there is.
    /// </exception>
    public static Device Find(string word = Auto) => Find(word, word == "cpu" ? 0 : Gpus);

    internal static Device Find(string word, int gpus)
    {
        int index;
        switch (word.Split(':'))
        {
            case [Auto] when gpus == 0:
            case ["cpu"]:
                return CPU;
            case [Auto]:
            case ["cuda"]:
                index = 0;
                break;
            case ["cuda", var number]
                when int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out index):
                break;
            default:
                throw new ArgumentException($"device: found '{word}', expected {Words} (N from 0).");
        }
        if (gpus == 0)
            throw new ArgumentException($"device '{word}': found no GPU that libtorch sees, expected cpu or auto. "
                + "A GPU needs NVIDIA's driver, and the kit built for it: environment/setup.sh --engine cuda.");
        if (index >= gpus)
            throw new ArgumentException(gpus == 1
                ? $"device '{word}': found one GPU, expected cuda:0."
                : $"device '{word}': found {gpus} GPUs, expected cuda:0 to cuda:{gpus - 1}.");
        return new Device(DeviceType.CUDA, index);
    }

    private static int Gpus => cuda.is_available() ? cuda.device_count() : 0;
}
