using TorchSharp;
using static TorchSharp.torch;

namespace SystemTorch.Tests;

/// <summary>Custom autograd functions against the gradients of the same formula in plain operators.</summary>
public class FunctionTests
{
    private sealed class Cube : autograd.SingleTensorFunction<Cube>
    {
        public override string Name => nameof(Cube);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var x = (Tensor)vars[0];
            ctx.save_for_backward([x]);
            ctx.save_data("factor", (double)vars[1]);
            return x * x * x * (double)vars[1];
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            var x = ctx.get_saved_variables()[0];
            return [grad_output * x * x * 3 * (double)ctx.get_data("factor"), null!];
        }
    }

    private sealed class Failing : autograd.MultiTensorFunction<Failing>
    {
        public override string Name => nameof(Failing);
        public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars) => [((Tensor)vars[0]).clone(), ((Tensor)vars[0]) * 2];
        public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> grad_outputs) => throw new InvalidDataException("backward of Failing");
    }

    [Fact]
    public void Gradient_of_a_custom_function()
    {
        using var scope = NewDisposeScope();
        var x = torch.tensor(new double[] { 1, 2, -3 }, requires_grad: true);
        var y = Cube.apply(x, 0.5);
        Assert.Equal([0.5, 4, -13.5], y.data<double>().ToArray());
        y.sum().backward();
        Assert.Equal([1.5, 6, 13.5], x.grad!.data<double>().ToArray());
    }

    [Fact]
    public void An_exception_in_backward_arrives_as_itself()
    {
        using var scope = NewDisposeScope();
        var x = torch.ones(3, requires_grad: true);
        var outs = Failing.apply(x);
        var e = Assert.Throws<InvalidDataException>(() => (outs[0] + outs[1]).sum().backward());
        Assert.Equal("backward of Failing", e.Message);
        Assert.Equal(6, torch.ones(6).sum().item<float>());
    }

    [Fact]
    public void Functions_are_freed_with_their_graph()
    {
        var before = autograd.FunctionCalls.Count;
        for (var k = 0; k < 10; k++)
        {
            using var scope = NewDisposeScope();
            var x = torch.ones(3, requires_grad: true);
            Cube.apply(x, 1.0).sum().backward();
        }
        Assert.InRange(autograd.FunctionCalls.Count, 0, before + 2);
    }
}
