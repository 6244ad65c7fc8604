// Keep a block's inputs only, and compute the block again on the way back. Chen et al. (2016), section 4.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>Gradient checkpointing over the engine's custom autograd function.</summary>
public static class GradientCheckpointing
{
    /// <summary>block(inputs), with the memory of its inputs and output only until backward.</summary>
    /// <param name="block">The block as a function of its inputs; draws no random numbers. Gradients reach its parameters too.</param>
    /// <param name="inputs">All tensors that a gradient may flow to.</param>
    public static Tensor Run(Func<IReadOnlyList<Tensor>, Tensor> block, IReadOnlyList<Tensor> inputs)
    {
        if (!is_grad_enabled())
            return block(inputs);
        // Autograd only asks for a backward when an input wants a gradient; the block's parameters may be all that do.
        using var anchor = zeros(1, requires_grad: true);
        return Recomputed.apply([block, anchor, .. inputs]);
    }

    private sealed class Recomputed : autograd.SingleTensorFunction<Recomputed>
    {
        public override string Name => nameof(Recomputed);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var inputs = vars[2..].Cast<Tensor>().ToList();
            ctx.save_data("block", vars[0]);
            ctx.save_for_backward(inputs);
            using var noGradients = no_grad();
            return ((Func<IReadOnlyList<Tensor>, Tensor>)vars[0])(inputs);
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            var block = (Func<IReadOnlyList<Tensor>, Tensor>)ctx.get_data("block");
            var saved = ctx.get_saved_variables();
            using var gradients = enable_grad();
            var inputs = saved.Select(s => s.detach().requires_grad_(s.requires_grad)).ToList();
            using (var output = block(inputs))
                output.backward([grad_output]);
            return [null!, null!, .. inputs.Select(i => i.requires_grad ? i.grad! : null!)];
        }
    }
}
