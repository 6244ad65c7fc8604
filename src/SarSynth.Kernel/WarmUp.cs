// The first cell should not pay for starting the compiler: a small one is compiled while nobody waits.
using SarSynth.Kernel.Execution;

namespace SarSynth.Kernel;

/// <summary>Compiles, but does not keep, a submission like those to come.</summary>
internal static class WarmUp
{
    internal static void Run(Session session)
    {
        try
        {
            session.WarmUp("var x = new[] { 1, 2, 3 }.Select(i => i * 2).ToList();\nConsole.WriteLine(x.Count);\ndisplay(x);\nx.Count");
        }
        catch (Exception e)
        {
            Log.Write($"warm-up: {e.Message}");
        }
    }
}
