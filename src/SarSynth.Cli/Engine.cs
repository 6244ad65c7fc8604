// Threads of the tensor engine are set deliberately: libtorch's own default is not the number of cores everywhere.
namespace SarSynth.Cli;

static class Engine
{
    /// <summary>Sets the threads of tensor operators.</summary>
    /// <exception cref="ArgumentException">Fewer than one.</exception>
    public static void SetThreads(int threads)
    {
        if (threads < 1)
            throw new ArgumentException($"--threads: found {threads}, expected 1 or more.");
        TorchSharp.torch.set_num_threads(threads);
    }
}
