// Runs cells on a thread of their own and ends them when interrupted: checks in their own loops, dropped continuations,
// Thread.Interrupt for waits; what cannot be stopped is left behind and named. (ControlledExecution.Run would abort any
// managed code, but on .NET 10 for Linux it now and then ends the process with an unhandled PAL_SEHException.)
using System.Collections.Concurrent;

namespace SarSynth.Kernel.Execution;

/// <summary>How a cell ended: with a value, an exception, or by an interrupt (and what of it still runs).</summary>
internal sealed record Outcome(object? Value, Exception? Exception, bool WasInterrupted = false,
    string? StillRunning = null);

// How the states of a piece of work follow each other (those of a request around it: KernelServer.cs).
//
//   given     Run, on the server's thread, makes the cells' thread where there is none, notes the work as the current
//             one and waits for Done. A cell that was interrupted before this (while it was compiled) ends here, not
//             run.
//   running   The cells' thread is entered in the work's list, so that its waits can be broken, and calls Start. What
//             the cell awaits posts its continuations to the pump.
//   pumping   Start came back with a task that has not ended: the thread runs continuations until it does.
//   leaving   The thread leaves the list, swallowing an interrupt that is still on its way; the pump hands what comes
//             from now on to the pool.
//   done      The first outcome wins: a value, an exception, or "interrupted". A cell that reached its end although it
//             was interrupted has its value. Run goes on; the thread takes the next work.
//
// An interrupt comes at most once to a work and has a thread of its own, for the one that asks must not wait:
//
//     0 ms    Guard looks at each check that was compiled into loops; the cell's token is cancelled; the pump wakes,
//             drops what is queued and lets go of the task. Most cells end here.
//   250 ms    Thread.Interrupt, every 50 ms, to each thread in the list: sleeps, locks and waits end.
//  1200 ms    Abandoned: the thread is in code that has no place to stop. The work is done with the outcome that says
//             so, the queue is closed, and the next Run makes another queue and thread. The old thread ends when its
//             call comes back and it meets a check; its own outcome comes too late and is dropped. Had it been done
//             just before, its outcome stands, and only the thread is replaced.
//
// The pump while its cell lives: "busy" (the cell's own code holds the thread: continuations queue up, and after 10 ms
// without a pumping thread go to the pool, so that blocking on a task never deadlocks), "waiting" (the thread runs
// them), "left" (all go to the pool). What is posted once the cell was interrupted is dropped, in any of the three.

/// <summary>The thread that cells run on, one after the other.</summary>
internal sealed class CellRunner
{
    private const int CooperativeMilliseconds = 250, AbandonMilliseconds = 1200, StackBytes = 16 << 20;
    private readonly Lock _gate = new();
    private BlockingCollection<Work> _queue = [];
    private Thread? _thread;
    private Work? _current;

    /// <summary>Runs <paramref name="start"/> as the code of <paramref name="cell"/> and waits for its end.</summary>
    internal Outcome Run(Cell cell, Func<Task<object?>> start)
    {
        var work = new Work(cell, start);
        lock (_gate)
        {
            if (_thread is null)
            {
                var queue = _queue;
                _thread = new Thread(() => Loop(queue), StackBytes) { IsBackground = true, Name = "cells" };
                using (ExecutionContext.SuppressFlow())
                    _thread.Start();
            }
            _current = work;
            if (cell.Interrupted.IsCancellationRequested)
            {
                // The interrupt came while the cell was compiled.
                _current = null;
                return new Outcome(null, null, WasInterrupted: true);
            }
        }
        _queue.Add(work);
        work.Done.Wait();
        lock (_gate)
            _current = null;
        return work.Outcome!;
    }

    /// <summary>Interrupts the running cell, if there is one; returns at once.</summary>
    internal void Interrupt()
    {
        lock (_gate)
        {
            if (_current is not { } work || work.InterruptBegan)
                return;
            work.InterruptBegan = true;
            var thread = new Thread(() => Stop(work)) { IsBackground = true, Name = "interrupt" };
            using (ExecutionContext.SuppressFlow())
                thread.Start();
        }
    }

    private static void Loop(BlockingCollection<Work> queue)
    {
        foreach (var work in queue.GetConsumingEnumerable())
        {
            Cell.Current = work.Cell;
            SynchronizationContext.SetSynchronizationContext(work.Pump);
            Task<object?>? task = null;
            Exception? failure = null;
            try
            {
                Guarded(() =>
                {
                    task = work.Start();
                    work.Pump.RunUntil(task);
                }, work);
            }
            catch (Exception e)
            {
                failure = e;
            }
            work.Pump.Leave();
            Cell.Current = null;
            SynchronizationContext.SetSynchronizationContext(null);
            if (task is { IsFaulted: true })
                failure = task.Exception!.InnerException;
            var interrupted = work.Cell.Interrupted.IsCancellationRequested
                && (failure is not null || task is not { IsCompletedSuccessfully: true });
            work.Finish(interrupted ? new Outcome(null, null, true, work.Pump.StillRunning())
                : failure is not null ? new Outcome(null, failure)
                : task is { IsCanceled: true } ? new Outcome(null, new TaskCanceledException(task))
                : new Outcome(task!.Result, null));
            if (work.Abandoned)
                return; // Another thread has taken over.
        }
    }

    private void Stop(Work work)
    {
        var begun = System.Diagnostics.Stopwatch.StartNew();
        Guard.Raise();
        work.Cell.Interrupt();
        work.Pump.Wake();
        if (work.Done.Wait(CooperativeMilliseconds))
            return;
        while (begun.ElapsedMilliseconds < AbandonMilliseconds)
        {
            work.InterruptWaits();
            if (work.Done.Wait(50))
                return;
        }
        lock (_gate)
        {
            if (work.Done.IsSet)
                return;
            work.Abandoned = true;
            _queue.CompleteAdding();
            _queue = [];
            _thread = null;
            work.Finish(new Outcome(null, null, true,
                "The cell's thread is in code that has no place to stop (a native call, or a library's own loop). "
                + "It goes on until that call returns and ends then; your variables are kept, and you can work on."));
        }
    }

    // Runs code so that an interrupt ends its waits, and so that a late one does not hit whatever the thread does next.
    private static void Guarded(Action action, Work work)
    {
        work.Enter(Thread.CurrentThread);
        try
        {
            action();
        }
        finally
        {
            work.Exit(Thread.CurrentThread);
        }
    }

    private sealed class Work
    {
        private readonly HashSet<Thread> _threads = [];

        internal Work(Cell cell, Func<Task<object?>> start)
        {
            (Cell, Start) = (cell, start);
            Pump = new Pump(this);
        }

        internal Cell Cell { get; }
        internal Func<Task<object?>> Start { get; }
        internal Pump Pump { get; }
        internal ManualResetEventSlim Done { get; } = new();
        internal Outcome? Outcome { get; private set; }
        internal bool InterruptBegan { get; set; }
        internal volatile bool Abandoned;

        internal void Finish(Outcome outcome)
        {
            lock (_threads)
            {
                if (Done.IsSet)
                    return;
                Outcome = outcome;
                Done.Set();
            }
        }

        internal void Enter(Thread thread)
        {
            lock (_threads)
                _threads.Add(thread);
        }

        internal void Exit(Thread thread)
        {
            while (true)
            {
                try
                {
                    lock (_threads)
                        _threads.Remove(thread);
                    if (Cell.Interrupted.IsCancellationRequested)
                        Thread.Sleep(1);
                    return;
                }
                catch (ThreadInterruptedException)
                {
                    // The interrupt that was on its way: consumed here.
                }
            }
        }

        internal void InterruptWaits()
        {
            lock (_threads)
                foreach (var thread in _threads)
                    thread.Interrupt();
        }
    }

    /// <summary>
    /// Continuations of a cell's awaits run on the cell's thread while that waits for the cell's end (thread-bound
    /// state of libraries survives an await), else on the pool (so that blocking on a task never deadlocks). Those of
    /// an interrupted cell are dropped.
    /// </summary>
    private sealed class Pump(Work work) : SynchronizationContext
    {
        private const int PatienceMilliseconds = 10;
        private readonly object _gate = new();
        private readonly Queue<(SendOrPostCallback Callback, object? State)> _queue = new();
        private Timer? _overflow;
        private bool _left, _waiting;
        private int _onPool;

        public override SynchronizationContext CreateCopy() => this;

        public override void Send(SendOrPostCallback d, object? state) => d(state);

        public override void Post(SendOrPostCallback d, object? state)
        {
            if (work.Cell.Interrupted.IsCancellationRequested)
                return;
            bool left;
            lock (_gate)
            {
                left = _left;
                if (!left)
                {
                    _queue.Enqueue((d, state));
                    if (_waiting)
                        Monitor.Pulse(_gate);
                    else
                        (_overflow ??= new Timer(static p =>
                            ((Pump)p!).Overflow(), this, Timeout.Infinite, Timeout.Infinite))
                            .Change(PatienceMilliseconds, Timeout.Infinite);
                }
            }
            if (left)
                ToPool(d, state);
        }

        internal void Wake()
        {
            lock (_gate)
                Monitor.PulseAll(_gate);
        }

        /// <summary>Runs continuations until <paramref name="task"/> ends or the cell is interrupted.</summary>
        internal void RunUntil(Task task)
        {
            if (task.IsCompleted)
                return;
            task.ContinueWith(static (_, p) => ((Pump)p!).Wake(), this, CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            while (!task.IsCompleted)
            {
                (SendOrPostCallback Callback, object? State) item;
                lock (_gate)
                {
                    _waiting = true;
                    while (_queue.Count == 0 && !task.IsCompleted && !work.Cell.Interrupted.IsCancellationRequested)
                        Monitor.Wait(_gate);
                    _waiting = false;
                    if (work.Cell.Interrupted.IsCancellationRequested)
                    {
                        // A cell that heeds the interrupt by itself may be at its end.
                        if (!task.IsCompleted)
                            throw new OperationCanceledException(work.Cell.Interrupted);
                        return;
                    }
                    if (_queue.Count == 0)
                        continue;
                    item = _queue.Dequeue();
                }
                item.Callback(item.State);
            }
        }

        /// <summary>The cell's thread is leaving: what comes now runs on the pool.</summary>
        internal void Leave()
        {
            lock (_gate)
                _left = true;
            Overflow();
        }

        internal string? StillRunning() => Volatile.Read(ref _onPool) > 0
            ? "A part of the cell still runs on another thread; it is being stopped." : null;

        private void Overflow()
        {
            while (true)
            {
                (SendOrPostCallback Callback, object? State) item;
                lock (_gate)
                {
                    if (_queue.Count == 0)
                        return;
                    item = _queue.Dequeue();
                }
                ToPool(item.Callback, item.State);
            }
        }

        private void ToPool(SendOrPostCallback d, object? state)
        {
            if (work.Cell.Interrupted.IsCancellationRequested)
                return;
            ThreadPool.UnsafeQueueUserWorkItem(_ =>
            {
                Interlocked.Increment(ref _onPool);
                SetSynchronizationContext(this);
                try
                {
                    Guarded(() => d(state), work);
                }
                catch (Exception e) when (work.Cell.Interrupted.IsCancellationRequested
                    && e is OperationCanceledException or ThreadInterruptedException)
                {
                    // The interrupted cell's own end.
                }
                finally
                {
                    SetSynchronizationContext(null);
                    Interlocked.Decrement(ref _onPool);
                }
            }, null);
        }
    }
}
