// The cooperative half of interruption: cells are compiled with a check in each loop, and catch-alls let it through.
using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace SarSynth.Kernel.Execution;

/// <summary>Called by compiled cells only.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class Guard
{
    private static readonly Lock Gate = new();
    private static volatile bool s_pending;
    private static Timer? s_timer;

    /// <summary>
    /// Throws where the cell that this code belongs to was interrupted; one read of a field otherwise.
    /// </summary>
    /// <exception cref="OperationCanceledException">The cell was interrupted.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Check()
    {
        if (s_pending)
            Throw();
    }

    /// <summary>As <see cref="Check"/>, for a lambda that is an expression.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Pass<T>(T value)
    {
        Check();
        return value;
    }

    /// <summary>Whether the cell that this code belongs to goes on; false once it was interrupted.</summary>
    public static bool GoesOn => !s_pending || Cell.Current is not { Interrupted.IsCancellationRequested: true };

    // For five seconds each check looks at its cell, then for a moment in each second: code of an interrupted cell that
    // was in a long native call meets a check later, and the loops of all other cells stay quick.
    internal static void Raise()
    {
        lock (Gate)
        {
            s_pending = true;
            s_timer?.Dispose();
            using (ExecutionContext.SuppressFlow())
                s_timer = new Timer(static _ => Pulse(), null, 5000, 1000);
        }
    }

    private static void Pulse()
    {
        s_pending = true;
        Thread.Sleep(5);
        s_pending = false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Throw()
    {
        if (Cell.Current is { Interrupted: { IsCancellationRequested: true } token })
            throw new OperationCanceledException("The cell was interrupted.", token);
    }
}
