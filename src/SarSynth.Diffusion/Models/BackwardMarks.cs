// Which blocks of a model have all of their gradients, told while the backward pass goes on.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>
/// Marks the inputs of blocks in the forward pass that this thread makes until it is disposed. A mark is an identity
/// whose backward is reached when the block's own gradients are complete: the engine takes the operations that were
/// recorded last first (PyTorch, autograd/engine.cpp), and all that the block is made of was recorded after its input.
/// </summary>
internal sealed class BackwardMarks : IDisposable
{
    [ThreadStatic]
    private static BackwardMarks? current;

    private readonly Action<nn.Module> reached;
    private readonly Dictionary<nn.Module, int> open = new(ReferenceEqualityComparer.Instance);
    private readonly List<nn.Module> order = [];

    /// <param name="reached">Told each block once, by the thread that goes backward; throws nothing.</param>
    public BackwardMarks(Action<nn.Module> reached)
    {
        this.reached = reached;
        current = this;
    }

    /// <summary>The blocks in the order in which they ran first.</summary>
    public IReadOnlyList<nn.Module> Order => order;

    /// <summary>A block's input with a mark, to be disposed after the block; null where nothing is marked.</summary>
    public static Tensor? On(nn.Module block, Tensor input)
    {
        if (current is not { } marks || !is_grad_enabled())
            return null;
        var calls = marks.open.GetValueOrDefault(block);
        if (calls == 0 && !marks.order.Contains(block))
            marks.order.Add(block);
        if (!input.requires_grad)
            return null;
        marks.open[block] = calls + 1;
        return Mark.apply([marks, block, input]);
    }

    /// <summary>Ends the marking; marks that are set stay.</summary>
    public void Dispose() => current = null;

    // A block that runs several times has its gradients when its first run's mark is reached.
    private void Reach(nn.Module block)
    {
        if (--open[block] == 0)
            reached(block);
    }

    private sealed class Mark : autograd.SingleTensorFunction<Mark>
    {
        public override string Name => nameof(Mark);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            ctx.save_data("marks", vars[0]);
            ctx.save_data("block", vars[1]);
            return ((Tensor)vars[2]).alias();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            ((BackwardMarks)ctx.get_data("marks")).Reach((nn.Module)ctx.get_data("block"));
            return [null!, null!, grad_output];
        }
    }
}
