// Options that every command has.
using System.CommandLine;
using SarSynth.Diffusion;

namespace SarSynth.Cli;

/// <summary>--verbose, --quiet, --json and others that mean the same everywhere.</summary>
static class CommonOptions
{
    public static Option<bool> Verbose { get; } = new("--verbose") { Description = "Show stack traces of errors.", Recursive = true };

    public static Option<bool> Quiet { get; } = new("--quiet", "-q") { Description = "No progress.", Recursive = true };

    public static Option<bool> Json { get; } = new("--json") { Description = "Print the answer as JSON, and nothing else." };

    public static Option<ulong> Seed { get; } = new("--seed") { Description = "Seed of every random draw.", DefaultValueFactory = _ => 1 };

    public static Option<string?> Device { get; } = new("--device")
    {
        Description = $"Where the networks compute: {ComputeDevice.Words}. auto takes a GPU where libtorch sees one.",
    };

    public static Option<int> Threads { get; } = new("--threads")
    {
        Description = "Threads of the tensor engine; all cores when left out.",
        DefaultValueFactory = _ => Environment.ProcessorCount,
        Recursive = true,
    };

    public static void AddTo(RootCommand root)
    {
        root.Options.Add(Verbose);
        root.Options.Add(Quiet);
        root.Options.Add(Threads);
    }
}
