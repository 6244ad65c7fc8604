// The table by which translation is judged, as the command makes it: eight unseen scenes, the kit's models, baselines.
using System.Diagnostics;

namespace SarSynth.Benchmarks;

internal static class Translation
{
    /// <summary>Runs sarsynth evaluate, which lies beside this program.</summary>
    internal static int Run(string[] options)
    {
        var command = Path.Combine(AppContext.BaseDirectory, "sarsynth-cli.dll");
        using var process = Process.Start(new ProcessStartInfo("dotnet", [command, "evaluate", .. options]))!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
