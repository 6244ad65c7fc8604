// Tells .NET's collector about tensors: when the live bytes of storage have grown by much since the last look,
// unreachable tensors that nobody disposed are collected, and their finalizers free the memory.
namespace TorchSharp;

internal static unsafe class MemoryPressure
{
    private const long Step = 32L << 20;
    private const int LongestWait = 50; // ms

    private static readonly long* Live = Native.st_live_bytes();
    private static long _next = Step;
    private static int _busy, _count;
    private static Task _finalizers = Task.CompletedTask;

    internal static void Look()
    {
        if (*Live > _next) Relieve();
    }

    private static void Relieve()
    {
        if (Interlocked.Exchange(ref _busy, 1) != 0) return;
        try
        {
            // Forgotten temporaries are young: in use at the last look at most. Old ones are looked at more rarely, as the collector does itself.
            _count++;
            GC.Collect(_count % 16 == 0 ? 2 : 1, GCCollectionMode.Forced, blocking: true);
            // A bounded wait: a finalizer of the program that waits for this thread must not stop it.
            if (_finalizers.IsCompleted)
                _finalizers = Task.Factory.StartNew(GC.WaitForPendingFinalizers, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            var done = _finalizers.Wait(LongestWait);
            var now = *Live;
            Volatile.Write(ref _next, now + (done ? Math.Max(Step, now / 4) : Step / 4));
        }
        finally { Volatile.Write(ref _busy, 0); }
    }
}
