// torch.autograd: backward, grad; grad modes as disposable scopes.
namespace TorchSharp;

public static partial class torch
{
    private sealed class GradMode : IDisposable
    {
        private readonly int _before = Native.st_grad_enabled();
        internal GradMode(bool enabled) => Native.st_set_grad_enabled(enabled ? 1 : 0);
        public void Dispose() => Native.st_set_grad_enabled(_before);
    }

    private sealed class InferenceMode(bool mode) : IDisposable
    {
        private IntPtr _guard = Native.st_inference_enter(mode ? 1 : 0);

        public void Dispose()
        {
            var g = Interlocked.Exchange(ref _guard, IntPtr.Zero);
            if (g != IntPtr.Zero) Native.st_inference_leave(g);
        }
    }

    public static IDisposable no_grad() => new GradMode(false);
    public static IDisposable enable_grad(bool enabled = true) => new GradMode(enabled);
    public static IDisposable set_grad_enabled(bool mode = true) => new GradMode(mode);
    public static IDisposable inference_mode(bool mode = true) => new InferenceMode(mode);
    public static bool is_grad_enabled() => Native.st_grad_enabled() != 0;
    public static bool is_inference_mode_enabled() => Native.st_inference_enabled() != 0;

    public static partial class autograd
    {
        private static IntPtr[] Pointers(IList<Tensor>? tensors)
        {
            if (tensors is null) return [];
            var p = new IntPtr[tensors.Count];
            for (var k = 0; k < p.Length; k++) p[k] = tensors[k]?.Live ?? IntPtr.Zero;
            return p;
        }

        public static unsafe IList<Tensor> grad(IList<Tensor> outputs, IList<Tensor> inputs, IList<Tensor>? grad_outputs = null, bool retain_graph = false, bool create_graph = false, bool allow_unused = false)
        {
            IntPtr[] outs = Pointers(outputs), ins = Pointers(inputs), grads = Pointers(grad_outputs);
            var results = new IntPtr[ins.Length];
            fixed (IntPtr* o = outs, i = ins, g = grads, r = results)
                Check(Native.st_grad(o, outs.Length, i, ins.Length, g, grads.Length, retain_graph || create_graph ? 1 : 0, create_graph ? 1 : 0, allow_unused ? 1 : 0, r));
            GC.KeepAlive(outputs);
            GC.KeepAlive(inputs);
            GC.KeepAlive(grad_outputs);
            return results.Select(r => Tensor.Own(r)!).ToList();
        }

        public static unsafe void backward(IList<Tensor> tensors, IList<Tensor>? grad_tensors = null, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null)
        {
            IntPtr[] outs = Pointers(tensors), grads = Pointers(grad_tensors), ins = Pointers(inputs);
            fixed (IntPtr* o = outs, g = grads, i = ins)
                Check(Native.st_backward(o, outs.Length, g, grads.Length, retain_graph ?? create_graph ? 1 : 0, create_graph ? 1 : 0, i, ins.Length));
            GC.KeepAlive(tensors);
            GC.KeepAlive(grad_tensors);
            GC.KeepAlive(inputs);
        }

        public static void backward(Tensor tensor, IList<Tensor>? grad_tensors = null, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null)
            => backward([tensor], grad_tensors, retain_graph, create_graph, inputs);

        public static void backward(Tensor tensor, Tensor grad_tensor, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null)
            => backward([tensor], [grad_tensor], retain_graph, create_graph, inputs);

        private static void Check(int status) => Native.Check(status);
    }
}
