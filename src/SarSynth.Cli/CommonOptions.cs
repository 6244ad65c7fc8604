// Options that mean the same on every command that has them.
using System.CommandLine;
using SarSynth.Diffusion;

namespace SarSynth.Cli;

/// <summary>--verbose, --quiet, --json, --force and others, each defined once.</summary>
static class CommonOptions
{
    public static Option<bool> Verbose { get; } =
        new("--verbose") { Description = "Show stack traces of errors.", Recursive = true };

    public static Option<bool> Quiet { get; } =
        new("--quiet", "-q") { Description = "No progress and no remarks: results and errors only.", Recursive = true };

    public static Option<bool> Json { get; } =
        new("--json") { Description = "Print the answer as JSON, and nothing else." };

    public static Option<bool> Force { get; } =
        new("--force")
        {
            Description = "Replace what is finished already; without it nothing finished is overwritten.",
        };

    public static Option<ulong> Seed { get; } =
        new("--seed") { Description = "Seed of every random draw.", DefaultValueFactory = _ => 1 };

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

    /// <summary>Input files of a command that makes one result of each.</summary>
    public static Argument<string[]> Inputs { get; } = new("IN")
    {
        Description = "SAR products, rasters, or folders of them.",
        Arity = ArgumentArity.OneOrMore,
    };

    /// <summary>Where the results of <see cref="Inputs"/> go.</summary>
    /// <param name="extension">What a single result's file ends with.</param>
    public static Option<string> Output(string extension) => new("--out", "-o")
    {
        Description = $"The {extension} file to write, or a folder: there each result has its input's name.",
        Required = true,
    };

    public static void AddTo(Command root)
    {
        root.Options.Add(Verbose);
        root.Options.Add(Quiet);
        root.Options.Add(Threads);
    }
}
