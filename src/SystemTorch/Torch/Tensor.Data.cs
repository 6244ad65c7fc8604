// The elements of a tensor as C# sees them: accessors, bytes, streams, and text.
using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace TorchSharp
{
    public static partial class torch
    {
        public partial class Tensor
        {
            /// <summary>Where the first element lies in memory; only for a tensor on the CPU.</summary>
            internal IntPtr DataPointer
            {
                get
                {
                    if (device_type != DeviceType.CPU) throw new InvalidOperationException("Reading data from non-CPU memory is not supported. Move or copy the tensor to the cpu before reading.");
                    Native.Check(Native.st_data(Live, out var p));
                    return p;
                }
            }

            /// <summary>Reads and writes the elements in place; T must be the tensor's element type.</summary>
            public Utils.TensorAccessor<T> data<T>() where T : unmanaged
            {
                var wanted = TypeOf(typeof(T));
                if (dtype != wanted) throw new ArgumentException($"data<{typeof(T).Name}>() reads {wanted}, the tensor has {dtype}");
                return new Utils.TensorAccessor<T>(this);
            }

            public unsafe Span<byte> bytes
            {
                get
                {
                    if (!is_contiguous()) throw new InvalidOperationException("bytes needs a contiguous tensor");
                    var length = numel() * element_size();
                    if (length > int.MaxValue) throw new InvalidOperationException($"the tensor has {length} bytes, more than a Span holds; use WriteBytesToStream");
                    return new Span<byte>((void*)DataPointer, (int)length);
                }
                set
                {
                    var mine = bytes;
                    if (value.Length != mine.Length) throw new ArgumentException($"{value.Length} bytes were given, the tensor has {mine.Length}");
                    value.CopyTo(mine);
                }
            }

            public void WriteBytesToStream(Stream stream, int bufferSize = 1024) => EachBlock((p, n) => { unsafe { stream.Write(new ReadOnlySpan<byte>((void*)p, n)); } });
            public void ReadBytesFromStream(Stream stream, int bufferSize = 1024) => EachBlock((p, n) => { unsafe { stream.ReadExactly(new Span<byte>((void*)p, n)); } });

            private void EachBlock(Action<IntPtr, int> action)
            {
                if (!is_contiguous()) throw new InvalidOperationException("the bytes of a tensor that is not contiguous have no order; call contiguous() first");
                const int block = 1 << 26;
                var length = numel() * element_size();
                var p = DataPointer;
                for (long at = 0; at < length; at += block) action((IntPtr)(p + at), (int)Math.Min(block, length - at));
                GC.KeepAlive(this);
            }

            private unsafe T Read<T>(long i) where T : unmanaged
            {
                var flat = is_contiguous() ? this : contiguous();
                if (i < 0 || i >= numel()) throw new ArgumentOutOfRangeException(nameof(i), $"element {i} of {numel()}");
                var v = ((T*)flat.DataPointer)[i];
                if (!ReferenceEquals(flat, this)) flat.Dispose();
                GC.KeepAlive(this);
                return v;
            }

            public T ReadCpuValue<T>(long i) where T : unmanaged => Read<T>(i);
            public bool ReadCpuBool(long i) => Read<bool>(i);
            public byte ReadCpuByte(long i) => Read<byte>(i);
            public sbyte ReadCpuSByte(long i) => Read<sbyte>(i);
            public short ReadCpuInt16(long i) => Read<short>(i);
            public int ReadCpuInt32(long i) => Read<int>(i);
            public long ReadCpuInt64(long i) => Read<long>(i);
            public float ReadCpuSingle(long i) => Read<float>(i);
            public double ReadCpuDouble(long i) => Read<double>(i);
            public float ReadCpuFloat16(long i) => (float)Read<Half>(i);
            public float ReadCpuBFloat16(long i) => BitConverter.UInt32BitsToSingle((uint)Read<ushort>(i) << 16);

            public override string ToString() => ToString(TensorStringStyle.Default);

            public string ToString(bool disamb, string? fltFormat = null, int? width = null, CultureInfo? cultureInfo = null, string? newLine = null)
                => ToString(disamb ? TensorStringStyle.Default : TensorStringStyle.Metadata, fltFormat, width, cultureInfo, newLine);

            public string ToString(TensorStringStyle style, string? fltFormat = null, int? width = null, CultureInfo? cultureInfo = null, string? newLine = null)
            {
                if (IsInvalid) return "(disposed tensor)";
                var head = $"[{string.Join("x", shape)}], type = {dtype}, device = {device}";
                if (style is TensorStringStyle.Default) style = torch.TensorStringStyle;
                if (style is TensorStringStyle.Metadata || device_type == DeviceType.META) return head;
                return head + ", value = " + TensorText.Write(this, fltFormat ?? "g5", width ?? 100, cultureInfo ?? CultureInfo.InvariantCulture, newLine ?? Environment.NewLine);
            }
        }

        public static TensorStringStyle TensorStringStyle { get; set; } = TensorStringStyle.Metadata;
        public static readonly TensorStringStyle julia = TensorStringStyle.Julia;
        public static readonly TensorStringStyle numpy = TensorStringStyle.Numpy;
        public static readonly TensorStringStyle csharp = TensorStringStyle.CSharp;
    }

    /// <summary>Writes a tensor's values as nested brackets, long dimensions shortened.</summary>
    internal static class TensorText
    {
        internal static string Write(torch.Tensor t, string format, int width, CultureInfo culture, string newLine)
        {
            using var values = t.detach().cpu();
            var text = new StringBuilder();
            Level(values, 0, format, culture, newLine, text);
            return text.ToString();
        }

        private static void Level(torch.Tensor t, int depth, string format, CultureInfo culture, string newLine, StringBuilder text)
        {
            if (t.dim() == 0)
            {
                var s = t.ToScalar();
                text.Append(s.Kind switch
                {
                    Tag.Bool => s.Bits != 0 ? "true" : "false",
                    Tag.Int => s.Bits.ToString(culture),
                    Tag.Complex => s.AsDouble.ToString(format, culture) + (s.Imaginary < 0 ? "-" : "+") + Math.Abs(s.Imaginary).ToString(format, culture) + "i",
                    _ => s.AsDouble.ToString(format, culture),
                });
                return;
            }
            const int edge = 4;
            var n = t.shape[0];
            text.Append('[');
            for (long k = 0; k < n; k++)
            {
                if (k > 0) text.Append(t.dim() == 1 ? ", " : "," + newLine + new string(' ', depth + 1));
                if (n > 2 * edge + 2 && k == edge) { text.Append("..."); k = n - edge - 1; continue; }
                using var row = t.select(0, k);
                Level(row, depth + 1, format, culture, newLine, text);
            }
            text.Append(']');
        }
    }
}

namespace TorchSharp.Utils
{
    /// <summary>Reads and writes the elements of a tensor on the CPU, in row-major order whatever its strides.</summary>
    public sealed class TensorAccessor<T> : IDisposable, IEnumerable<T> where T : unmanaged
    {
        private readonly torch.Tensor _tensor;
        private readonly IntPtr _data;
        private readonly long[] _shape, _strides;
        private readonly bool _contiguous;

        internal TensorAccessor(torch.Tensor tensor)
        {
            if (tensor.is_sparse) throw new InvalidOperationException("a sparse tensor has no elements in order");
            _tensor = tensor.alias();
            _data = _tensor.DataPointer;
            _shape = tensor.shape;
            _strides = tensor.stride();
            _contiguous = tensor.is_contiguous();
            Count = tensor.numel();
        }

        public long Count { get; }
        public bool IsReadOnly => false;

        private unsafe ref T At(long offset) => ref ((T*)(_tensor.IsInvalid ? throw new ObjectDisposedException("TensorAccessor") : _data))[offset];

        private long Offset(long flat)
        {
            if (_contiguous) return flat;
            long offset = 0;
            for (var d = _shape.Length - 1; d >= 0; d--) { offset += flat % _shape[d] * _strides[d]; flat /= _shape[d]; }
            return offset;
        }

        public T this[params long[] indices]
        {
            get => At(Place(indices));
            set => At(Place(indices)) = value;
        }

        private long Place(long[] indices)
        {
            if (indices.Length == 1 && _shape.Length != 1)
            {
                if (indices[0] < 0 || indices[0] >= Count) throw new IndexOutOfRangeException($"element {indices[0]} of {Count}");
                return Offset(indices[0]);
            }
            if (indices.Length != _shape.Length) throw new ArgumentException($"{indices.Length} indices for a tensor of dimension {_shape.Length}");
            long offset = 0;
            for (var d = 0; d < indices.Length; d++)
            {
                if (indices[d] < 0 || indices[d] >= _shape[d]) throw new IndexOutOfRangeException($"index {indices[d]} of dimension {d}, which has {_shape[d]}");
                offset += indices[d] * _strides[d];
            }
            return offset;
        }

        public unsafe T[] ToArray()
        {
            var result = GC.AllocateUninitializedArray<T>(checked((int)Count));
            CopyTo(result);
            return result;
        }

        public Array ToNDArray()
        {
            if (_shape.Length < 2) return ToArray();
            var result = Array.CreateInstance(typeof(T), _shape);
            var indices = new long[_shape.Length];
            for (long k = 0; k < Count; k++)
            {
                var rest = k;
                for (var d = _shape.Length - 1; d >= 0; d--) { indices[d] = rest % _shape[d]; rest /= _shape[d]; }
                result.SetValue(At(Offset(k)), indices);
            }
            return result;
        }

        public void CopyTo(T[] array, int arrayIndex = 0, long tensorIndex = 0) => CopyTo(array.AsSpan(), arrayIndex, tensorIndex);

        public unsafe void CopyTo(Span<T> array, int arrayIndex = 0, long tensorIndex = 0)
        {
            var n = (int)Math.Min(Count - tensorIndex, array.Length - arrayIndex);
            if (n <= 0) return;
            if (_contiguous) new ReadOnlySpan<T>((T*)_data + tensorIndex, n).CopyTo(array[arrayIndex..]);
            else for (var k = 0; k < n; k++) array[arrayIndex + k] = At(Offset(tensorIndex + k));
            GC.KeepAlive(_tensor);
        }

        public void CopyFrom(T[] array, int arrayIndex = 0, long tensorIndex = 0) => CopyFrom((ReadOnlySpan<T>)array, arrayIndex, tensorIndex);

        public unsafe void CopyFrom(ReadOnlySpan<T> array, int arrayIndex = 0, long tensorIndex = 0)
        {
            var n = (int)Math.Min(Count - tensorIndex, array.Length - arrayIndex);
            if (n <= 0) return;
            if (_contiguous) array.Slice(arrayIndex, n).CopyTo(new Span<T>((T*)_data + tensorIndex, n));
            else for (var k = 0; k < n; k++) At(Offset(tensorIndex + k)) = array[arrayIndex + k];
            GC.KeepAlive(_tensor);
        }

        public IEnumerator<T> GetEnumerator()
        {
            for (long k = 0; k < Count; k++) yield return At(Offset(k));
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        public override bool Equals(object? obj) => obj is TensorAccessor<T> other && this.SequenceEqual(other);
        public static bool operator ==(TensorAccessor<T> left, TensorAccessor<T> right) => left.Equals(right);
        public static bool operator !=(TensorAccessor<T> left, TensorAccessor<T> right) => !left.Equals(right);
        public override int GetHashCode() => HashCode.Combine(Count, _data);

        public void Dispose() => _tensor.Dispose();
    }
}
