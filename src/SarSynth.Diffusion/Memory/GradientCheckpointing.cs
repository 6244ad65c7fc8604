// Keep a block's inputs only, and compute the block again on the way back. Chen et al. (2016), section 4.
using System.Runtime.ExceptionServices;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Memory;

/// <summary>Gradient checkpointing over the engine's custom autograd function.</summary>
public static class GradientCheckpointing
{
    /// <summary>block(inputs), with the memory of its inputs and output only until backward.</summary>
    /// <param name="block">
    /// The block as a function of its inputs. Gradients reach its parameters too. What it draws from the default
    /// generators (drop-out) it draws again, the same.
    /// </param>
    /// <param name="inputs">All tensors that a gradient may flow to.</param>
    /// <remarks>
    /// Call <see cref="Backward"/> on the loss, not the tensor's own: it throws what a block threw on the way back.
    /// </remarks>
    public static Tensor Run(Func<IReadOnlyList<Tensor>, Tensor> block, IReadOnlyList<Tensor> inputs)
    {
        Rethrow();
        if (!is_grad_enabled())
            return block(inputs);
        // Autograd only asks for a backward when an input wants a gradient; the block's parameters may be all that do.
        using var anchor = zeros(1, device: inputs.Count > 0 ? inputs[0].device : CPU, requires_grad: true);
        return Recomputed.apply([block, anchor, .. inputs]);
    }

    /// <summary>The loss's backward pass, with the exception of a block that failed in it.</summary>
    /// <param name="loss">A scalar.</param>
    /// <exception cref="Exception">What a block threw when it was computed again.</exception>
    public static void Backward(Tensor loss)
    {
        loss.backward();
        Rethrow();
    }

    // An exception must not pass through libtorch's own frames, where it would end the process. The engine may call
    // back on a thread of its own (one for each GPU), so that the place where it waits is not the caller's.
    private static ExceptionDispatchInfo? failure;

    private static void Rethrow() => Interlocked.Exchange(ref failure, null)?.Throw();

    /// <summary>Where the default generators stood when a block began.</summary>
    private sealed record Draws(Tensor State, long? Seed)
    {
        public static Draws Begin(bool onGpu)
        {
            using var generator = Generator.Default;
            // The engine does not give a GPU generator's state away: it gets a seed of its own from the CPU's.
            long? seed = null;
            if (onGpu)
            {
                using var drawn = randint(0, long.MaxValue, [1], ScalarType.Int64, CPU);
                seed = drawn.ToInt64();
                cuda.manual_seed(seed.Value);
            }
            return new Draws(generator.get_state().DetachFromDisposeScope(), seed);
        }

        /// <summary>Puts them there again until what is returned is disposed.</summary>
        public IDisposable Again()
        {
            using var generator = Generator.Default;
            var now = generator.get_state().DetachFromDisposeScope();
            generator.set_state(State);
            State.Dispose();
            if (Seed is { } seed)
                cuda.manual_seed(seed);
            return new Return(now);
        }

        private sealed class Return(Tensor state) : IDisposable
        {
            public void Dispose()
            {
                using var generator = Generator.Default;
                generator.set_state(state);
                state.Dispose();
            }
        }
    }

    private sealed class Recomputed : autograd.SingleTensorFunction<Recomputed>
    {
        public override string Name => nameof(Recomputed);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var inputs = vars[2..].Cast<Tensor>().ToList();
            ctx.save_data("block", vars[0]);
            ctx.save_for_backward(inputs);
            ctx.save_data("draws", Draws.Begin(inputs.Any(i => i.device_type == DeviceType.CUDA)));
            using var noGradients = no_grad();
            return ((Func<IReadOnlyList<Tensor>, Tensor>)vars[0])(inputs);
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            try
            {
                return Recompute(ctx, grad_output);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
                // Whoever does not call Backward shall not take what is left for gradients.
                return [null!, null!, .. ctx.get_saved_variables()
                    .Select(s => s.requires_grad ? s.detach().Times(double.NaN) : null!)];
            }
        }

        private static List<Tensor> Recompute(autograd.AutogradContext ctx, Tensor grad_output)
        {
            var block = (Func<IReadOnlyList<Tensor>, Tensor>)ctx.get_data("block");
            var saved = ctx.get_saved_variables();
            using var draws = ((Draws)ctx.get_data("draws")).Again();
            using var gradients = enable_grad();
            var inputs = saved.Select(s => s.detach().requires_grad_(s.requires_grad)).ToList();
            using (var output = block(inputs))
            {
                // A block of frozen layers before the first that is trained has no gradient to give.
                if (output.requires_grad)
                    output.backward([grad_output]);
            }
            return [null!, null!, .. inputs.Select(i => i.requires_grad ? i.grad! : null!)];
        }
    }
}
