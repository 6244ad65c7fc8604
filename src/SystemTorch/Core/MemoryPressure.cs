// Tells .NET's collector about tensors: when the live bytes of storage have grown by much since the last look,
// unreachable tensors that nobody disposed are collected, and their finalizers free the memory.
namespace TorchSharp;

internal static unsafe class MemoryPressure
{
    private const long Step = 48L << 20;

    private static readonly long* Live = Native.st_live_bytes();
    private static long _next = Step;
    private static int _busy, _count;

    internal static void Look()
    {
        if (*Live > _next) Relieve();
    }

    private static void Relieve()
    {
        if (Interlocked.Exchange(ref _busy, 1) != 0) return;
        try
        {
            // Most forgotten temporaries are young; older generations are looked at more rarely, as the collector does itself.
            _count++;
            GC.Collect(_count % 16 == 0 ? 2 : _count % 4 == 0 ? 1 : 0, GCCollectionMode.Forced, blocking: true);
            // The finalizer thread frees them; it gets a short while, not a guarantee, so that nothing can block here.
            var before = *Live;
            var last = before;
            for (var k = 0; k < 10; k++)
            {
                Thread.Sleep(1);
                var left = *Live;
                if (left == last && left < before) break;
                last = left;
            }
            var now = *Live;
            Volatile.Write(ref _next, now + Math.Max(Step, now / 4));
        }
        finally { Volatile.Write(ref _busy, 0); }
    }
}
