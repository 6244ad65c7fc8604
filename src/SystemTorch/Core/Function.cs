// torch.autograd.Function: operators whose forward and backward are written in C#.
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace TorchSharp;

public static partial class torch
{
    public static partial class autograd
    {
        /// <summary>What a custom function keeps between its forward and its backward.</summary>
        public sealed class AutogradContext : IDisposable
        {
            internal IntPtr Native;
            private readonly Dictionary<string, object> _data = [];

            internal AutogradContext() { }

            public bool MaterializeGrads { get; private set; } = true;

            public object get_data(string key) => _data[key];
            public void save_data(string key, object value) => _data[key] = value;
            public void save_for_backward(List<Tensor> tensors) => Mark(0, tensors);
            public void mark_dirty(List<Tensor> tensors) => Mark(1, tensors);
            public void mark_non_differentiable(List<Tensor> tensors) => Mark(2, tensors);

            public void set_materialize_grads(bool value)
            {
                MaterializeGrads = value;
                TorchSharp.Native.Check(TorchSharp.Native.st_context_materialize(Native, value ? 1 : 0));
            }

            public unsafe List<Tensor> get_saved_variables()
            {
                var n = TorchSharp.Native.Check(TorchSharp.Native.st_context_saved(Native, null, 0));
                var pointers = new IntPtr[n];
                fixed (IntPtr* p = pointers) TorchSharp.Native.Check(TorchSharp.Native.st_context_saved(Native, p, n));
                return pointers.Select(p => Tensor.Own(p)!).ToList();
            }

            private unsafe void Mark(int what, List<Tensor> tensors)
            {
                var pointers = Pointers(tensors);
                fixed (IntPtr* p = pointers) TorchSharp.Native.Check(TorchSharp.Native.st_context_mark(Native, what, p, pointers.Length));
                GC.KeepAlive(tensors);
            }

            public void Dispose() { }
        }

        /// <summary>What SingleTensorFunction and MultiTensorFunction share: the way through libtorch's autograd.</summary>
        public abstract class Function<T> : IFunction
        {
            protected Function() { }

            public abstract string Name { get; }

            internal abstract IEnumerable<Tensor?> Forward(AutogradContext ctx, object[] vars);
            internal abstract IEnumerable<Tensor?> Backward(AutogradContext ctx, List<Tensor> grads);
            IEnumerable<Tensor?> IFunction.Forward(AutogradContext ctx, object[] vars) => Forward(ctx, vars);
            IEnumerable<Tensor?> IFunction.Backward(AutogradContext ctx, List<Tensor> grads) => Backward(ctx, grads);

            /// <summary>Runs forward on the arguments; the tensors among them take part in the graph.</summary>
            protected static List<Tensor> apply_internal(params object[] vars)
            {
                var function = (IFunction)Activator.CreateInstance(typeof(T), nonPublic: true)!;
                return FunctionCalls.Apply(function, vars);
            }
        }

        public abstract class SingleTensorFunction<T> : Function<T>
        {
            protected SingleTensorFunction() { }
            public abstract Tensor forward(AutogradContext ctx, params object[] vars);
            public abstract List<Tensor> backward(AutogradContext ctx, Tensor grad_output);
            internal override IEnumerable<Tensor?> Forward(AutogradContext ctx, object[] vars) => [forward(ctx, vars)];
            internal override IEnumerable<Tensor?> Backward(AutogradContext ctx, List<Tensor> grads) => backward(ctx, grads[0]);
            public static Tensor apply(params object[] vars) => apply_internal(vars)[0];
        }

        public abstract class MultiTensorFunction<T> : Function<T>
        {
            protected MultiTensorFunction() { }
            public abstract List<Tensor> forward(AutogradContext ctx, params object[] vars);
            public abstract List<Tensor> backward(AutogradContext ctx, List<Tensor> grad_outputs);
            internal override IEnumerable<Tensor?> Forward(AutogradContext ctx, object[] vars) => forward(ctx, vars);
            internal override IEnumerable<Tensor?> Backward(AutogradContext ctx, List<Tensor> grads) => backward(ctx, grads);
            public static List<Tensor> apply(params object[] vars) => apply_internal(vars);
        }

        internal interface IFunction
        {
            IEnumerable<Tensor?> Forward(AutogradContext ctx, object[] vars);
            IEnumerable<Tensor?> Backward(AutogradContext ctx, List<Tensor> grads);
        }

        /// <summary>The live custom functions by number, and the two callbacks that libtorch calls.</summary>
        internal static unsafe class FunctionCalls
        {
            private const int MaximumResults = 256;

            private sealed record Entry(IFunction Function, AutogradContext Context, object[] Arguments);

            private static readonly ConcurrentDictionary<long, Entry> Entries = new();
            private static readonly ConcurrentDictionary<long, Exception> Failures = new();
            private static readonly int Ready = TorchSharp.Native.st_function_setup(&Run, &Drop);
            private static long _next;

            internal static int Count => Entries.Count;

            internal static List<Tensor> Apply(IFunction function, object[] vars)
            {
                _ = Ready;
                var tensors = vars.OfType<Tensor>().ToList();
                var id = Interlocked.Increment(ref _next);
                Entries[id] = new Entry(function, new AutogradContext(), vars);
                var inputs = Pointers(tensors);
                var results = stackalloc IntPtr[MaximumResults];
                int n;
                fixed (IntPtr* p = inputs) n = TorchSharp.Native.Check(TorchSharp.Native.st_function_apply(id, p, inputs.Length, results, MaximumResults));
                GC.KeepAlive(tensors);
                var list = new List<Tensor>(n);
                for (var k = 0; k < n; k++) list.Add(Tensor.Own(results[k])!);
                return list;
            }

            [UnmanagedCallersOnly]
            private static long Run(long id, int backward, IntPtr context, IntPtr* inputs, int count, IntPtr sink)
            {
                using var scope = NewDisposeScope();
                try
                {
                    var entry = Entries[id];
                    var tensors = new List<Tensor>(count);
                    for (var k = 0; k < count; k++) tensors.Add(Tensor.Own(inputs[k])!);
                    entry.Context.Native = context;
                    IEnumerable<Tensor?> results;
                    if (backward == 0)
                    {
                        var at = 0;
                        var arguments = entry.Arguments.Select(a => a is Tensor ? tensors[at++] : a).ToArray();
                        results = entry.Function.Forward(entry.Context, arguments);
                        Entries[id] = entry with { Arguments = arguments.Select(a => a is Tensor ? (object)typeof(Tensor) : a).ToArray() };
                    }
                    else
                    {
                        var given = entry.Function.Backward(entry.Context, tensors).ToList();
                        results = Aligned(entry.Arguments, given);
                    }
                    foreach (var r in results) TorchSharp.Native.st_sink(sink, r?.Live ?? IntPtr.Zero);
                    return 0;
                }
                catch (Exception e)
                {
                    Failures[id] = e;
                    return id;
                }
                finally
                {
                    if (Entries.TryGetValue(id, out var entry)) entry.Context.Native = IntPtr.Zero;
                }
            }

            /// <summary>Gradients are given one for each argument, or one for each tensor among them; libtorch wants the tensors'.</summary>
            private static IEnumerable<Tensor?> Aligned(object[] arguments, List<Tensor?> given)
            {
                var tensors = arguments.Count(a => ReferenceEquals(a, typeof(Tensor)));
                if (given.Count == tensors) return given;
                if (given.Count == arguments.Length) return given.Where((_, k) => ReferenceEquals(arguments[k], typeof(Tensor)));
                throw new InvalidOperationException($"backward returned {given.Count} gradients, forward took {tensors} tensors in {arguments.Length} arguments");
            }

            [UnmanagedCallersOnly]
            private static void Drop(long id) => Entries.TryRemove(id, out _);

            /// <summary>Throws the C# exception that a message of libtorch stands for, with its own stack.</summary>
            internal static void Rethrow(string message)
            {
                const string mark = "managed exception #";
                var at = message.IndexOf(mark, StringComparison.Ordinal);
                if (at < 0) return;
                at += mark.Length;
                var end = message.IndexOf('#', at);
                if (end > at && long.TryParse(message.AsSpan(at, end - at), out var id) && Failures.TryRemove(id, out var e)) ExceptionDispatchInfo.Throw(e);
            }
        }
    }
}
