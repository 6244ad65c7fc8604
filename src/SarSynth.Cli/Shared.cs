// Commands whose work several processes share: started by mpiexec or srun, they find each other, and end together.
using System.CommandLine;
using SarSynth.Diffusion.Training;

namespace SarSynth.Cli;

/// <summary>Runs a command as one of the processes that mpiexec or srun started.</summary>
static class Shared
{
    /// <summary>Joins the ranks, runs, and takes leave; a failure of one ends them all, by name.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="run">The command; it meets the others as often, and in the same order, as they do.</param>
    /// <returns>What <paramref name="run"/> returns.</returns>
    public static int Run(ParseResult parsed, Func<Ranks, int> run)
    {
        using var ranks = MpiRanks.Join();
        try
        {
            return run(ranks);
        }
        catch (Exception failure) when (ranks.Count > 1 && failure is not OperationCanceledException)
        {
            // The others wait for this one, and would for ever.
            Terminal.Error($"{Who(ranks)}: {Failures.Line(failure, parsed)}");
            ranks.Abort();
            throw;
        }
    }

    /// <summary>What messages call a rank.</summary>
    public static string Who(Ranks ranks) =>
        $"rank {ranks.Rank} of {ranks.Count} ({Environment.MachineName}, process {Environment.ProcessId})";
}
