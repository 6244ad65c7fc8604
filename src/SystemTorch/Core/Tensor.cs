// torch.Tensor: the handle, its life, and its facts. The operators are in the other Tensor.*.cs files.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor : IDisposable
    {
        private readonly TensorHandle _keeper;
        private static long _total, _peak;

        internal Tensor(IntPtr pointer)
        {
            _keeper = new TensorHandle(pointer);
            var now = Interlocked.Increment(ref _total);
            if (now > _peak) _peak = now;
            var state = DisposeScopeManager.State;
            if (state.Current is { } scope) { scope.Add(_keeper); state.Statistics.Tensors.CreatedInScope++; }
            else state.Statistics.Tensors.CreatedOutsideScope++;
        }

        /// <summary>Wraps a native tensor that the caller owns; null for the undefined tensor.</summary>
        internal static Tensor? Own(IntPtr pointer) => pointer == IntPtr.Zero ? null : new Tensor(pointer);

        internal static void Uncount() => Interlocked.Decrement(ref _total);

        internal TensorHandle Keeper => _keeper;

        /// <summary>The native pointer of a tensor that is still alive.</summary>
        internal IntPtr Live
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get
            {
                var p = _keeper.Pointer;
                return p != IntPtr.Zero ? p : throw new InvalidOperationException("Tensor invalid -- it was disposed.");
            }
        }

        /// <summary>Tensors alive in this process.</summary>
        public static long TotalCount => Interlocked.Read(ref _total);

        /// <summary>The most tensors that were alive at once.</summary>
        public static long PeakCount => Interlocked.Read(ref _peak);

        public IntPtr Handle => Live;
        public bool IsInvalid => _keeper.Pointer == IntPtr.Zero;

        ~Tensor() => Dispose(false);

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            if (!disposing) { _keeper.Release(); return; }
            var scope = _keeper.Scope;
            scope?.Remove(_keeper);
            if (_keeper.Release())
            {
                var counts = DisposeScopeManager.State.Statistics.Tensors;
                if (scope is not null) counts.DisposedInScope++; else counts.DisposedOutsideScope++;
            }
        }

        /// <summary>Takes the native tensor away from this object; the caller owns it.</summary>
        public IntPtr DecoupleFromNativeHandle()
        {
            GC.SuppressFinalize(this);
            _keeper.Scope?.Remove(_keeper);
            var p = Interlocked.Exchange(ref _keeper.Pointer, IntPtr.Zero);
            if (p != IntPtr.Zero) Uncount();
            return p;
        }

        public static Tensor UnsafeCreateTensor(IntPtr handle) => new(handle);

        public Tensor MoveToOuterDisposeScope()
        {
            _keeper.Scope?.MoveToOuter(this);
            return this;
        }

        public Tensor MoveToOtherDisposeScope(Tensor other) => MoveToOtherDisposeScope(other._keeper.Scope);

        public Tensor MoveToOtherDisposeScope(DisposeScope? other)
        {
            if (other is null) return DetachFromDisposeScope();
            other.Attach(this);
            return this;
        }

        public Tensor DetachFromDisposeScope()
        {
            if (_keeper.Scope is { } scope)
            {
                scope.Remove(_keeper);
                DisposeScopeManager.State.Statistics.Tensors.Detached++;
            }
            return this;
        }

        public Tensor DetatchFromDisposeScope() => DetachFromDisposeScope();

        // ---- facts ----

        public long Dimensions => dim();
        public long ndim => dim();
        public long NumberOfElements => numel();
        public long ElementSize => element_size();

        public long dim() { var d = Native.st_dim(Live); GC.KeepAlive(this); return d; }
        public long numel() { var n = Native.st_numel(Live); GC.KeepAlive(this); return n; }
        public long element_size() => dtype.Bytes();

        public ScalarType dtype { get { var t = (ScalarType)Native.st_dtype(Live); GC.KeepAlive(this); return t; } }

        public unsafe Device device
        {
            get
            {
                int index;
                var type = (DeviceType)Native.st_device(Live, &index);
                GC.KeepAlive(this);
                return new Device(type, index);
            }
        }

        public unsafe DeviceType device_type { get { int index; var t = (DeviceType)Native.st_device(Live, &index); GC.KeepAlive(this); return t; } }
        public unsafe int device_index { get { int index; Native.st_device(Live, &index); GC.KeepAlive(this); return index; } }
        public bool is_cuda => device_type == DeviceType.CUDA;
        public bool is_meta => device_type == DeviceType.META;
        public bool is_cpu() => device_type == DeviceType.CPU;
        public bool is_sparse => Is(7);

        public long[] shape => size();

        public unsafe long[] size()
        {
            var sizes = new long[dim()];
            fixed (long* p = sizes) Native.Check(Native.st_sizes(Live, p));
            GC.KeepAlive(this);
            return sizes;
        }

        public long size(int dim) => shape[Wrap(dim, this.dim())];

        public unsafe long[] stride()
        {
            var strides = new long[dim()];
            fixed (long* p = strides) Native.Check(Native.st_strides(Live, p));
            GC.KeepAlive(this);
            return strides;
        }

        public long stride(int dim) => stride()[Wrap(dim, this.dim())];

        public long storage_offset()
        {
            Native.Check(Native.st_storage(Live, out _, out _, out var offset));
            GC.KeepAlive(this);
            return offset;
        }

        private static long Wrap(long dim, long count) =>
            dim >= -count && dim < count ? (dim + count) % Math.Max(count, 1)
                : throw new ArgumentOutOfRangeException(nameof(dim), $"Dimension out of range (expected to be in range of [{-count}, {count - 1}], but got {dim})");

        private bool Is(int what)
        {
            var r = Native.Check(Native.st_is(Live, what)) != 0;
            GC.KeepAlive(this);
            return r;
        }

        public bool is_contiguous() => Is(0);
        public bool is_leaf => Is(2);
        public bool is_pinned() => Is(4);
        public bool is_floating_point() => torch.is_floating_point(dtype);
        public bool is_complex() => torch.is_complex(dtype);
        public bool is_integral() => torch.is_integral(dtype);
        public bool is_nonzero() => Aten.CallBool("is_nonzero", this);
        public bool is_conj() => Aten.CallBool("is_conj", this);
        public bool is_neg() => Aten.CallBool("is_neg", this);
        internal bool IsInference => Is(3);
        internal bool IsChannelsLast => Is(5);
        internal bool HasHistory => Is(6);

        // ---- autograd ----

        public bool requires_grad
        {
            get => Is(1);
            set { Native.Check(Native.st_set_requires_grad(Live, value ? 1 : 0)); GC.KeepAlive(this); }
        }

        public Tensor requires_grad_(bool requires_grad = true)
        {
            this.requires_grad = requires_grad;
            return this;
        }

        public Tensor with_requires_grad(bool requires_grad = true) => requires_grad_(requires_grad);

        public Tensor? grad
        {
            get
            {
                Native.Check(Native.st_grad_of(Live, out var g));
                GC.KeepAlive(this);
                return Own(g);
            }
            set
            {
                Native.Check(Native.st_set_grad(Live, value?.Live ?? IntPtr.Zero));
                GC.KeepAlive(this);
                GC.KeepAlive(value);
            }
        }

        public void retain_grad()
        {
            Native.Check(Native.st_retain_grad(Live));
            GC.KeepAlive(this);
        }

        public void backward() => autograd.backward([this]);

        public void backward(IList<Tensor>? grad_tensors = null, bool retain_graph = false, bool create_graph = false, IList<Tensor>? inputs = null)
            => autograd.backward([this], grad_tensors, retain_graph, create_graph, inputs);

        // ---- identity ----

        public override bool Equals(object? obj) => obj is Tensor t && Equals(t);
        public bool Equals(Tensor target) => target is not null && (ReferenceEquals(this, target) || Aten.CallBool("equal", this, target));
        public override int GetHashCode() => RuntimeHelpers.GetHashCode(this);
    }
}
