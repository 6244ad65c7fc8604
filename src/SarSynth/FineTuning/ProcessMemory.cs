// What this program takes of the machine's memory, as the kernel counts it.
using System.Globalization;

namespace SarSynth.FineTuning;

/// <summary>The largest resident size of this process (proc_pid_status(5), VmHWM).</summary>
internal static class ProcessMemory
{
    /// <summary>Lets the largest size be counted from now on.</summary>
    /// <returns>Whether the system can do that.</returns>
    public static bool CountFromNow()
    {
        try
        {
            GC.Collect();
            File.WriteAllText("/proc/self/clear_refs", "5");
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Bytes; null where the system does not tell.</summary>
    public static long? Largest() => File.Exists("/proc/self/status") ? Of(File.ReadLines("/proc/self/status")) : null;

    internal static long? Of(IEnumerable<string> lines)
    {
        var line = lines.FirstOrDefault(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        // A tab stands before the number and, up to 10 GB, spaces.
        return line?.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is [_, var number, "kB"]
            ? long.Parse(number, CultureInfo.InvariantCulture) * 1024 : null;
    }
}
