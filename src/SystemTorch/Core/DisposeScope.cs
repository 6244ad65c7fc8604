// Scopes that dispose the tensors made inside them. A scope holds a tensor's native handle, not the managed object:
// a temporary that nothing refers to any more can be collected, and its memory freed, before the scope ends.
using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>The native handle of a tensor: who owns it and whether it is still alive.</summary>
internal sealed class TensorHandle : IDisposable
{
    internal IntPtr Pointer;
    internal DisposeScope? Scope;
    internal int Slot;

    internal TensorHandle(IntPtr pointer) => Pointer = pointer;

    /// <summary>Gives the native tensor back, once; safe from any thread.</summary>
    internal bool Release()
    {
        var p = Interlocked.Exchange(ref Pointer, IntPtr.Zero);
        if (p == IntPtr.Zero) return false;
        Native.st_release(p);
        Tensor.Uncount();
        return true;
    }

    public void Dispose() => Release();
}

public sealed class DisposeScope : IDisposable
{
    private readonly DisposeScopeManager.ThreadState _thread;
    internal readonly DisposeScope? Outer;
    private readonly List<IDisposable> _items = [];
    private int _sweepAt = 256;
    private bool _disposed;

    internal bool IsDisposed => _disposed;

    internal DisposeScope(DisposeScopeManager.ThreadState thread)
    {
        _thread = thread;
        Outer = thread.Current;
        thread.Current = this;
    }

    /// <summary>What the scope disposes at its end: handles of tensors and other disposables.</summary>
    public IReadOnlyList<IDisposable> DisposablesView { get { Sweep(); return _items; } }

    public int DisposablesCount { get { Sweep(); return _items.Count; } }

    internal void Add(TensorHandle handle)
    {
        if (_items.Count >= _sweepAt) { Sweep(); _sweepAt = Math.Max(256, _items.Count * 2); }
        handle.Scope = this;
        handle.Slot = _items.Count;
        _items.Add(handle);
    }

    internal void Remove(TensorHandle handle)
    {
        if (handle.Scope != this) return;
        handle.Scope = null;
        RemoveSlot(handle.Slot);
    }

    private void RemoveSlot(int slot)
    {
        var last = _items.Count - 1;
        if (slot != last)
        {
            _items[slot] = _items[last];
            if (_items[slot] is TensorHandle moved) moved.Slot = slot;
        }
        _items.RemoveAt(last);
    }

    /// <summary>Forgets the tensors that are gone already.</summary>
    private void Sweep()
    {
        for (var k = _items.Count - 1; k >= 0; k--)
            if (_items[k] is TensorHandle { Pointer: 0 } dead) { dead.Scope = null; RemoveSlot(k); }
    }

    private static IDisposable Unwrap(IDisposable disposable) => disposable is Tensor t ? t.Keeper : disposable;

    private void AddAny(IDisposable disposable)
    {
        switch (Unwrap(disposable))
        {
            case TensorHandle { Pointer: 0 }: return;
            case TensorHandle h:
                if (h.Scope == this) return;
                h.Scope?.Remove(h);
                Add(h);
                break;
            case var other:
                if (!_items.Contains(other)) _items.Add(other);
                break;
        }
    }

    private void RemoveAny(IDisposable disposable)
    {
        switch (Unwrap(disposable))
        {
            case TensorHandle h: Remove(h); break;
            case var other: var k = _items.IndexOf(other); if (k >= 0) RemoveSlot(k); break;
        }
    }

    public bool Contains(IDisposable disposable) => Unwrap(disposable) is TensorHandle h ? h.Scope == this && h.Pointer != IntPtr.Zero : _items.Contains(disposable);

    public void Attach(IDisposable disposable) => Attach([disposable]);
    public void Attach(params IDisposable[] disposables) => Attach((IEnumerable<IDisposable>)disposables);

    public IReadOnlyList<IDisposable> Attach(IEnumerable<IDisposable> disposables)
    {
        var list = disposables.ToList();
        foreach (var d in list) AddAny(d);
        return list;
    }

    public T Detach<T>(T disposable) where T : IDisposable { RemoveAny(disposable); return disposable; }
    public (T1 first, T2 second) Detach<T1, T2>(T1 first, T2 second) where T1 : IDisposable where T2 : IDisposable => (Detach(first), Detach(second));
    public (T1 first, T2 second, T3 third) Detach<T1, T2, T3>(T1 first, T2 second, T3 third) where T1 : IDisposable where T2 : IDisposable where T3 : IDisposable
        => (Detach(first), Detach(second), Detach(third));
    public void Detach(params IDisposable[] disposables) => Detach((IEnumerable<IDisposable>)disposables);
    public void Detach(IEnumerable<IDisposable> disposables) { foreach (var d in disposables) RemoveAny(d); }

    public T MoveToOuter<T>(T disposable) where T : IDisposable { MoveToOuter([disposable]); return disposable; }
    public (T1 first, T2 second) MoveToOuter<T1, T2>(T1 first, T2 second) where T1 : IDisposable where T2 : IDisposable => (MoveToOuter(first), MoveToOuter(second));
    public (T1 first, T2 second, T3 third) MoveToOuter<T1, T2, T3>(T1 first, T2 second, T3 third) where T1 : IDisposable where T2 : IDisposable where T3 : IDisposable
        => (MoveToOuter(first), MoveToOuter(second), MoveToOuter(third));
    public void MoveToOuter(params IDisposable[] disposables) => MoveToOuter((IEnumerable<IDisposable>)disposables);
    public void MoveToOuter(IEnumerable<IDisposable> disposables) => MoveTo(Outer, disposables);

    public T MoveToOther<T>(DisposeScope? scope, T disposable) where T : IDisposable { MoveTo(scope, [disposable]); return disposable; }
    public (T1 first, T2 second) MoveToOther<T1, T2>(DisposeScope? scope, T1 first, T2 second) where T1 : IDisposable where T2 : IDisposable
        => (MoveToOther(scope, first), MoveToOther(scope, second));
    public (T1 first, T2 second, T3 third) MoveToOther<T1, T2, T3>(DisposeScope? scope, T1 first, T2 second, T3 third) where T1 : IDisposable where T2 : IDisposable where T3 : IDisposable
        => (MoveToOther(scope, first), MoveToOther(scope, second), MoveToOther(scope, third));
    public void MoveToOther(DisposeScope? scope, params IDisposable[] disposables) => MoveTo(scope, disposables);
    public void MoveToOther(DisposeScope? scope, IEnumerable<IDisposable> disposables) => MoveTo(scope, disposables);

    private void MoveTo(DisposeScope? scope, IEnumerable<IDisposable> disposables)
    {
        foreach (var d in disposables)
        {
            RemoveAny(d);
            scope?.AddAny(d);
        }
    }

    public T DisposeEverythingBut<T>(T keep) where T : IDisposable { DisposeEverythingBut([keep]); return keep; }
    public (T1 first, T2 second) DisposeEverythingBut<T1, T2>(T1 first, T2 second) where T1 : IDisposable where T2 : IDisposable
    {
        DisposeEverythingBut([first, second]);
        return (first, second);
    }
    public (T1 first, T2 second, T3 third) DisposeEverythingBut<T1, T2, T3>(T1 first, T2 second, T3 third) where T1 : IDisposable where T2 : IDisposable where T3 : IDisposable
    {
        DisposeEverythingBut([first, second, third]);
        return (first, second, third);
    }
    public void DisposeEverythingBut(params IDisposable[] keep) => DisposeEverythingBut((IEnumerable<IDisposable>)keep);
    public void DisposeEverythingBut(IEnumerable<IDisposable> inKeep)
    {
        var keep = new HashSet<IDisposable>(inKeep.Select(Unwrap), ReferenceEqualityComparer.Instance);
        var gone = _items.Where(d => !keep.Contains(d)).ToList();
        foreach (var d in gone) RemoveAny(d);
        foreach (var d in gone) End(d);
    }

    public void DisposeEverything() => DisposeEverythingBut([]);

    public void MarkAsDisposed(IDisposable disposable) => RemoveAny(disposable);

    private void End(IDisposable d)
    {
        if (d is TensorHandle h)
        {
            h.Scope = null;
            if (h.Release()) _thread.Statistics.Tensors.DisposedInScope++;
        }
        else d.Dispose();
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _thread.Leave(this);
        foreach (var d in _items) End(d);
        _items.Clear();
    }
}

public sealed class DisposeScopeManager
{
    internal sealed class ThreadState
    {
        internal DisposeScope? Current;
        internal readonly ThreadDisposeScopeStatistics Statistics = new();

        /// <summary>A scope may be left out of order: the innermost scope that is still open becomes the current one.</summary>
        internal void Leave(DisposeScope scope)
        {
            if (Current == scope) Current = scope.Outer;
            while (Current is { IsDisposed: true }) Current = Current.Outer;
        }
    }

    [ThreadStatic] private static ThreadState? _state;

    internal static ThreadState State => _state ??= new ThreadState();

    public static ThreadDisposeScopeStatistics Statistics => State.Statistics;
}

/// <summary>Counts of one kind of disposable on one thread.</summary>
public sealed class LifetimeStatistics
{
    internal long CreatedInScope, CreatedOutsideScope, DisposedInScope, DisposedOutsideScope, Attached, Detached;

    public long AttachedToScopeCount => Attached;
    public long CreatedInScopeCount => CreatedInScope;
    public long CreatedOutsideScopeCount => CreatedOutsideScope;
    public long DetachedFromScopeCount => Detached;
    public long DisposedInScopeCount => DisposedInScope;
    public long DisposedOutsideScopeCount => DisposedOutsideScope;
    public long ThreadTotalLiveCount => CreatedInScope + CreatedOutsideScope - DisposedInScope - DisposedOutsideScope;

    public void Reset() => CreatedInScope = CreatedOutsideScope = DisposedInScope = DisposedOutsideScope = Attached = Detached = 0;

    public override string ToString() =>
        $"live {ThreadTotalLiveCount}, created in scope {CreatedInScope}, outside {CreatedOutsideScope}, disposed in scope {DisposedInScope}, outside {DisposedOutsideScope}";
}

public sealed class ThreadDisposeScopeStatistics
{
    internal readonly LifetimeStatistics Tensors = new();
    private readonly LifetimeStatistics _sequences = new();

    public LifetimeStatistics TensorStatistics => Tensors;
    public LifetimeStatistics PackedSequenceStatistics => _sequences;
    public long AttachedToScopeCount => Tensors.AttachedToScopeCount;
    public long CreatedInScopeCount => Tensors.CreatedInScopeCount;
    public long CreatedOutsideScopeCount => Tensors.CreatedOutsideScopeCount;
    public long DetachedFromScopeCount => Tensors.DetachedFromScopeCount;
    public long DisposedInScopeCount => Tensors.DisposedInScopeCount;
    public long DisposedOutsideScopeCount => Tensors.DisposedOutsideScopeCount;
    public long ThreadTotalLiveCount => Tensors.ThreadTotalLiveCount;

    public void Reset() => Tensors.Reset();

    public override string ToString() => Tensors.ToString();
}
