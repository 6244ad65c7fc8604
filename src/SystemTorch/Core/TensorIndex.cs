// Indexing: t[1, 2..5, TensorIndex.Ellipsis, mask]. Plain indices make views; tensors go to aten::index and index_put_.
using System.Runtime.CompilerServices;

namespace TorchSharp;

public static partial class torch
{
    public struct TensorIndex
    {
        internal enum IndexKind { None, Ellipsis, Bool, Single, Slice, Tensor }

        internal IndexKind Kind;
        internal long? Start, Stop, Step;
        internal torch.Tensor? Values;

        public static TensorIndex Ellipsis = new() { Kind = IndexKind.Ellipsis };
        public static TensorIndex None = new() { Kind = IndexKind.None };
        public static TensorIndex Null = new() { Kind = IndexKind.None };
        public static TensorIndex Colon = new() { Kind = IndexKind.Slice };

        public static TensorIndex Bool(bool value) => new() { Kind = IndexKind.Bool, Start = value ? 1 : 0 };
        public static TensorIndex Single(long? index) => new() { Kind = IndexKind.Single, Start = index };
        public static TensorIndex Slice(long? start = null, long? stop = null, long? step = null) => new() { Kind = IndexKind.Slice, Start = start, Stop = stop, Step = step };
        public static TensorIndex Slice((int?, int?) range) => Slice(range.Item1, range.Item2);
        public static TensorIndex Slice(Range range) => Slice(Begin(range.Start), End(range.End));
        public static TensorIndex Tensor(torch.Tensor tensor) => new() { Kind = IndexKind.Tensor, Values = tensor };

        private static long? Begin(Index i) => i.IsFromEnd ? i.Value == 0 ? long.MaxValue : -i.Value : i.Value;
        private static long? End(Index i) => i.IsFromEnd ? i.Value == 0 ? null : -i.Value : i.Value;

        public static implicit operator TensorIndex(long value) => Single(value);
        public static implicit operator TensorIndex(Range range) => Slice(range);
        public static implicit operator TensorIndex(Index index) => Single(index.IsFromEnd ? -index.Value : index.Value);
        public static implicit operator TensorIndex((int?, int?) range) => Slice(range);
        public static implicit operator torch.Tensor?(TensorIndex value) => value.Values;
    }

    public partial class Tensor
    {
        [IndexerName("TensorItems")]
        public Tensor this[params TensorIndex[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        [IndexerName("TensorItems")]
        public Tensor this[params Tensor[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        [IndexerName("TensorItems")]
        public Tensor this[params long[] indices]
        {
            get => At(indices);
            set => At(indices).copy_(value);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1] { get => select(0, i1); set => select(0, i1).copy_(value); }
        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2] { get => At(i1, i2); set => At(i1, i2).copy_(value); }
        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3] { get => At(i1, i2, i3); set => At(i1, i2, i3).copy_(value); }
        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4] { get => At(i1, i2, i3, i4); set => At(i1, i2, i3, i4).copy_(value); }
        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4, long i5] { get => At(i1, i2, i3, i4, i5); set => At(i1, i2, i3, i4, i5).copy_(value); }
        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4, long i5, long i6] { get => At(i1, i2, i3, i4, i5, i6); set => At(i1, i2, i3, i4, i5, i6).copy_(value); }

        private Tensor At(params ReadOnlySpan<long> indices)
        {
            var t = this;
            foreach (var i in indices)
            {
                var next = t.select(0, i);
                if (!ReferenceEquals(t, this)) t.Dispose();
                t = next;
            }
            return t;
        }

        public Tensor index(params Tensor[] indices) => Aten.Call("index.Tensor", this, indices);

        public Tensor index(params TensorIndex[] indices)
        {
            var (view, tensors) = Apply(indices);
            if (tensors is null) return view;
            var result = Aten.Call("index.Tensor", view, tensors);
            if (!ReferenceEquals(view, this)) view.Dispose();
            return result;
        }

        public Tensor index_put_(Tensor value, params Tensor[] indices) => index_put_(value, indices, false);
        public Tensor index_put_(Tensor value, Tensor[] indices, bool accumulate = false) => Aten.Self("index_put_", this, indices, value, accumulate);
        public Tensor index_put_(Scalar value, params Tensor[] indices) => index_put_(Filled(value), indices, false);
        public Tensor index_put_(Scalar value, params TensorIndex[] indices) => index_put_(Filled(value), indices, false);
        public Tensor index_put_(Tensor value, params TensorIndex[] indices) => index_put_(value, indices, false);

        public Tensor index_put_(Tensor value, TensorIndex[] indices, bool accumulate = false)
        {
            var (view, tensors) = Apply(indices);
            if (tensors is null)
            {
                if (accumulate) view.add_(value); else view.copy_(Fitted(value, view));
            }
            else Aten.Self("index_put_", view, tensors, value.device_type == view.device_type || value.dim() == 0 ? value : value.to(view.device), accumulate);
            if (!ReferenceEquals(view, this)) view.Dispose();
            return this;
        }

        private Tensor Filled(Scalar value) => full([], value, dtype, device);

        /// <summary>As in PyTorch, leading ones of an assigned value that the target does not have are dropped.</summary>
        private static Tensor Fitted(Tensor value, Tensor target)
        {
            var shape = value.shape;
            var extra = (int)(shape.Length - target.dim());
            return extra > 0 && shape.Take(extra).All(n => n == 1) ? value.view(shape[extra..]) : value;
        }

        /// <summary>Turns plain indices into a view, and lists the tensors that index what is left (null: none).</summary>
        private (Tensor view, Tensor?[]? tensors) Apply(TensorIndex[] indices)
        {
            long consumed = 0;
            foreach (var i in indices)
                consumed += i.Kind switch
                {
                    TensorIndex.IndexKind.Single or TensorIndex.IndexKind.Slice => 1,
                    TensorIndex.IndexKind.Tensor => i.Values!.dtype is ScalarType.Bool or ScalarType.Byte ? i.Values.dim() : 1,
                    _ => 0,
                };
            if (consumed > dim()) throw new ArgumentException($"too many indices for a tensor of dimension {dim()}: {consumed}");
            var t = alias();
            long at = 0;
            List<Tensor?>? tensors = null;
            void Step(Tensor next) { t.Dispose(); t = next; }
            void Advanced(Tensor values, long dims)
            {
                tensors ??= [];
                while (tensors.Count < at) tensors.Add(null);
                tensors.Add(values);
                at += dims;
            }
            foreach (var i in indices)
            {
                switch (i.Kind)
                {
                    case TensorIndex.IndexKind.None: Step(t.unsqueeze(at++)); break;
                    case TensorIndex.IndexKind.Ellipsis: at += dim() - consumed; break;
                    case TensorIndex.IndexKind.Single: Step(t.select(at, i.Start ?? 0)); break;
                    case TensorIndex.IndexKind.Slice:
                        if (i.Start is not null || i.Stop is not null || i.Step is not null) Step(Aten.Call("slice.Tensor", t, at, i.Start, i.Stop, i.Step ?? 1));
                        at++;
                        break;
                    case TensorIndex.IndexKind.Bool:
                        Step(t.unsqueeze(at));
                        Advanced(i.Start != 0 ? zeros([1], int64, device) : empty([0], int64, device), 1);
                        break;
                    default:
                        // A mask of several dimensions takes as many dimensions of the tensor; aten::index expands it itself.
                        if (i.Values!.dtype is ScalarType.Bool or ScalarType.Byte && i.Values.dim() > 1)
                            foreach (var where in i.Values.nonzero().unbind(1)) Advanced(where, 1);
                        else Advanced(i.Values, 1);
                        break;
                }
            }
            return (t, tensors?.ToArray());
        }
    }
}
