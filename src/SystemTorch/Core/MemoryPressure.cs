// Tells .NET's collector about tensors: when the live bytes of storage have grown by much since the last look,
// unreachable tensors that nobody disposed are collected, and their finalizers free the memory.
using System.Runtime.CompilerServices;

namespace TorchSharp;

internal static unsafe class MemoryPressure
{
    private const long Step = 32L << 20;
    private const int LongestWait = 50; // ms

    private static readonly long* Live = Native.st_live_bytes();
    private static readonly ManualResetEventSlim Finalized = new();
    private static long _next = Step;
    private static int _busy, _count;

    /// <summary>Its finalizer is the last of those that a collection has made ready.</summary>
    private sealed class Sentinel
    {
        ~Sentinel() => Finalized.Set();
    }

    internal static void Look()
    {
        if (*Live > _next) Relieve();
    }

    private static void Relieve()
    {
        if (Interlocked.Exchange(ref _busy, 1) != 0) return;
        try
        {
            Finalized.Reset();
            Mark();
            // Most forgotten temporaries are young; older generations are looked at more rarely, as the collector does itself.
            _count++;
            GC.Collect(_count % 16 == 0 ? 2 : _count % 4 == 0 ? 1 : 0, GCCollectionMode.Forced, blocking: true);
            // A bounded wait: a finalizer of the program that waits for this thread must not stop it.
            var done = Finalized.Wait(LongestWait);
            var now = *Live;
            Volatile.Write(ref _next, now + (done ? Math.Max(Step, now / 4) : Step / 4));
        }
        finally { Volatile.Write(ref _busy, 0); }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Mark() => _ = new Sentinel();
}
