// The first cell should not pay for starting the compiler: a small one is compiled and run while nobody waits.
using SarSynth.Kernel.Formatting;
using SarSynth.Kernel.Execution;

namespace SarSynth.Kernel;

/// <summary>Runs a cell like those to come in a session that is thrown away.</summary>
internal static class WarmUp
{
    private const string Code =
        "var x = new[] { 1, 2, 3 }.Select(i "
        + "=> i * 2).ToList();\nConsole.WriteLine(x.Count);\nawait Task.Yield();\nx.Count";

    /// <summary>Compiles and runs; the real session's references are read on the way.</summary>
    internal static void Run(string directory)
    {
        try
        {
            Cell.Current = Cell.Nowhere; // What it prints must not appear under the first cell.
            var submission = new Session(directory).Prepare(Code, "warm-up");
            Bundles.Of(submission.Run!().GetAwaiter().GetResult());
            GC.Collect();
        }
        catch (Exception e)
        {
            Log.Write($"warm-up: {e.Message}");
        }
    }
}
