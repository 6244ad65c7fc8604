using System.Runtime.CompilerServices;
using TorchSharp;
using static TorchSharp.torch;

namespace SystemTorch.Tests;

/// <summary>Life and death of tensors: scopes, counters, the finalizer.</summary>
public class ScopeTests
{
    [Fact]
    public void A_scope_disposes_what_was_made_in_it()
    {
        Tensor kept, lost, moved;
        using (var outer = NewDisposeScope())
        {
            using (NewDisposeScope())
            {
                lost = torch.ones(3);
                moved = (lost + 1).MoveToOuterDisposeScope();
                kept = (lost + 2).DetachFromDisposeScope();
            }
            Assert.True(lost.IsInvalid);
            Assert.False(moved.IsInvalid);
            Assert.True(outer.Contains(moved));
            Assert.Equal(1, outer.DisposablesCount);
        }
        Assert.True(moved.IsInvalid);
        Assert.Equal([3f, 3f, 3f], kept.data<float>().ToArray());
        kept.Dispose();
        Assert.Throws<InvalidOperationException>(() => lost + 1);
    }

    [Fact]
    public void A_disposed_tensor_leaves_its_scope()
    {
        using var scope = NewDisposeScope();
        for (var k = 0; k < 1000; k++) torch.ones(2).Dispose();
        Assert.Equal(0, scope.DisposablesCount);
        var a = torch.ones(1);
        var b = torch.ones(1);
        var c = torch.ones(1);
        scope.DisposeEverythingBut(b);
        Assert.True(a.IsInvalid && c.IsInvalid && !b.IsInvalid);
        b.Dispose();
        b.Dispose();
    }

    [Fact]
    public void Bytes_are_counted()
    {
        using var warm = torch.ones(10);
        var before = SystemTorchInfo.LiveBytes;
        SystemTorchInfo.ResetPeakBytes();
        using (NewDisposeScope())
        {
            var a = torch.zeros(1 << 20);
            var view = a.view(1 << 10, 1 << 10);
            Assert.InRange(SystemTorchInfo.LiveBytes - before, 4 << 20, (4 << 20) + (1 << 16));
            var b = a + view.reshape(-1);
            Assert.InRange(SystemTorchInfo.LiveBytes - before, 8 << 20, (8 << 20) + (1 << 16));
        }
        Assert.InRange(SystemTorchInfo.LiveBytes - before, -(1 << 16), 1 << 16);
        Assert.InRange(SystemTorchInfo.PeakBytes - before, 8 << 20, 9 << 20);
    }

    [Fact]
    public void Tensors_that_nobody_holds_are_freed_before_their_scope_ends()
    {
        var before = SystemTorchInfo.LiveBytes;
        SystemTorchInfo.ResetPeakBytes();
        using (NewDisposeScope())
        {
            Churn(300);
            Assert.InRange(SystemTorchInfo.PeakBytes - before, 4 << 20, 600 << 20);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Churn(int times)
    {
        for (var k = 0; k < times; k++) torch.zeros(1 << 20).add(k);
    }

    [Fact]
    public void Views_share_memory_and_outlive_their_base()
    {
        using var scope = NewDisposeScope();
        var a = torch.arange(12, dtype: float32).reshape(3, 4);
        var row = a[1];
        a[1, 2] = torch.tensor(99f);
        Assert.Equal([4f, 5f, 99f, 7f], row.data<float>().ToArray());
        a.Dispose();
        Assert.Equal(115f, row.sum().item<float>());
    }

    [Fact]
    public void A_scope_belongs_to_its_thread()
    {
        using var scope = NewDisposeScope();
        Tensor? other = null;
        var thread = new Thread(() => other = torch.ones(4));
        thread.Start();
        thread.Join();
        Assert.False(scope.Contains(other!));
        other!.Dispose();
    }

    [Fact]
    public void An_array_is_shared_with_frombuffer_and_copied_with_tensor()
    {
        using var scope = NewDisposeScope();
        var array = new float[] { 1, 2, 3, 4 };
        var shared = torch.frombuffer(array, float32, count: 3, offset: 1);
        var copied = torch.tensor(array);
        array[1] = 20;
        shared[2] = torch.tensor(40f);
        Assert.Equal([20f, 3f, 40f], shared.data<float>().ToArray());
        Assert.Equal(40f, array[3]);
        Assert.Equal([1f, 2f, 3f, 4f], copied.data<float>().ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => torch.frombuffer(array, float32, count: 4, offset: 1));
    }

    [Fact]
    public async Task Many_threads_at_once()
    {
        var sums = await Task.WhenAll(Enumerable.Range(0, 8).Select(seed => Task.Run(() =>
        {
            using var scope = NewDisposeScope();
            var w = torch.full([64, 64], seed / 100.0, float32).requires_grad_();
            for (var k = 0; k < 30; k++)
            {
                using var inner = NewDisposeScope();
                w.matmul(w).sum().backward();
                using (no_grad()) w.grad!.zero_();
            }
            return w.matmul(w).sum().item<float>();
        })));
        for (var seed = 0; seed < 8; seed++) Assert.Equal(64 * 64 * 64 * seed / 100.0 * seed / 100.0, sums[seed], 1e-3 * (1 + sums[seed]));
    }
}
