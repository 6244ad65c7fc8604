// Values of libraries hold memory that the garbage collector does not see, a tensor's megabytes behind some bytes of an
// object: a notebook that forgets such values would fill the machine before a collection came by itself.
using System.Runtime.InteropServices;

namespace SarSynth.Kernel.Execution;

/// <summary>Collects after a cell when the process has grown much since the last time.</summary>
internal sealed partial class ForgottenMemory
{
    private const long Growth = 500 << 20;
    private const int FinalizerMilliseconds = 10_000;
    private long _atLast = Environment.WorkingSet;

    [LibraryImport("libc")] private static partial int malloc_trim(nuint keep);

    /// <summary>To be called when no cell runs.</summary>
    internal void AfterCell()
    {
        var now = Environment.WorkingSet;
        _atLast = Math.Min(_atLast, now);
        if (now - _atLast <= Growth)
            return;
        // What a finalizer lets go of may itself have held something. A finalizer
        // that hangs does not stop the notebook.
        for (var i = 0; i < 2; i++)
        {
            GC.Collect();
            if (!Task.Run(GC.WaitForPendingFinalizers).Wait(FinalizerMilliseconds))
                break;
        }
        GiveBack();
        _atLast = Environment.WorkingSet;
    }

    // The C library keeps what was freed, for later.
    private static void GiveBack()
    {
        try
        {
            if (OperatingSystem.IsLinux())
                malloc_trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // Not the GNU C library.
        }
    }
}
