// The kernel's own log: the stderr it was started with, which a cell's output never mixes with.
namespace SarSynth.Kernel;

/// <summary>Lines for the person who runs the server, not for the notebook.</summary>
internal static class Log
{
    /// <summary>Where lines go; replaced when the process's own stderr is captured for cells.</summary>
    internal static Stream Target { get; set; } = Stream.Null;

    /// <summary>Writes one line.</summary>
    internal static void Write(string line)
    {
        try
        {
            Target.Write(System.Text.Encoding.UTF8.GetBytes($"[sarsynth-kernel] {line}\n"));
        }
        catch (IOException)
        {
            // The server's terminal is gone; the kernel goes on.
        }
    }
}
