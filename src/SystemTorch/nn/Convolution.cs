// Convolutions in one, two and three dimensions, and transposed ones.
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            private static long[] Times(long v, int n) => Enumerable.Repeat(v, n).ToArray();
            private static long[] Pair((long, long) v) => [v.Item1, v.Item2];
            private static long[] Triple((long, long, long) v) => [v.Item1, v.Item2, v.Item3];
            private static long[] Pair((long, long)? v, long other) => v is { } x ? Pair(x) : [other, other];
            private static long[] Triple((long, long, long)? v, long other) => v is { } x ? Triple(x) : [other, other, other];

            public static Conv1d Conv1d(long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long dilation = 1, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null)
                => new(in_channels, out_channels, Times(kernel_size, 1), Times(stride, 1), Times(padding, 1), null, Times(dilation, 1), padding_mode, groups, bias, device, dtype);
            public static Conv1d Conv1d(long in_channels, long out_channels, long kernel_size, Padding padding, long stride = 1, long dilation = 1, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null)
                => new(in_channels, out_channels, Times(kernel_size, 1), Times(stride, 1), Times(0, 1), padding, Times(dilation, 1), padding_mode, groups, bias, device, dtype);
            public static ConvTranspose1d ConvTranspose1d(long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long output_padding = 0, long dilation = 1, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null)
                => new(in_channels, out_channels, Times(kernel_size, 1), Times(stride, 1), Times(padding, 1), Times(output_padding, 1), Times(dilation, 1), padding_mode, groups, bias, device, dtype);

            public static Conv2d Conv2d(long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long dilation = 1, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null)
                => new(in_channels, out_channels, Times(kernel_size, 2), Times(stride, 2), Times(padding, 2), null, Times(dilation, 2), padding_mode, groups, bias, device, dtype);
            public static Conv2d Conv2d(long in_channels, long out_channels, long kernel_size, Padding padding, long stride = 1, long dilation = 1, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null)
                => new(in_channels, out_channels, Times(kernel_size, 2), Times(stride, 2), Times(0, 2), padding, Times(dilation, 2), padding_mode, groups, bias, device, dtype);
            public static Conv2d Conv2d(long in_channels, long out_channels, (long, long) kernel_size, (long, long)? stride = null, (long, long)? padding = null, (long, long)? dilation = null, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null)
                => new(in_channels, out_channels, Pair(kernel_size), Pair(stride, 1), Pair(padding, 0), null, Pair(dilation, 1), padding_mode, groups, bias, device, dtype);
            public static Conv2d Conv2d(long in_channels, long out_channels, (long, long) kernel_size, Padding padding, (long, long)? stride = null, (long, long)? dilation = null, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null)
                => new(in_channels, out_channels, Pair(kernel_size), Pair(stride, 1), Times(0, 2), padding, Pair(dilation, 1), padding_mode, groups, bias, device, dtype);
            public static ConvTranspose2d ConvTranspose2d(long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long output_padding = 0, long dilation = 1, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null)
                => new(in_channels, out_channels, Times(kernel_size, 2), Times(stride, 2), Times(padding, 2), Times(output_padding, 2), Times(dilation, 2), padding_mode, groups, bias, device, dtype);
            public static ConvTranspose2d ConvTranspose2d(long in_channels, long out_channels, (long, long) kernel_size, (long, long)? stride = null, (long, long)? padding = null, (long, long)? output_padding = null, (long, long)? dilation = null, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null)
                => new(in_channels, out_channels, Pair(kernel_size), Pair(stride, 1), Pair(padding, 0), Pair(output_padding, 0), Pair(dilation, 1), padding_mode, groups, bias, device, dtype);

            public static Conv3d Conv3d(long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long dilation = 1, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null)
                => new(in_channels, out_channels, Times(kernel_size, 3), Times(stride, 3), Times(padding, 3), null, Times(dilation, 3), padding_mode, groups, bias, device, dtype);
            public static Conv3d Conv3d(long in_channels, long out_channels, long kernel_size, Padding padding, long stride = 1, long dilation = 1, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null)
                => new(in_channels, out_channels, Times(kernel_size, 3), Times(stride, 3), Times(0, 3), padding, Times(dilation, 3), padding_mode, groups, bias, device, dtype);
            public static Conv3d Conv3d(long in_channels, long out_channels, (long, long, long) kernel_size, (long, long, long)? stride = null, (long, long, long)? padding = null, (long, long, long)? dilation = null, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null)
                => new(in_channels, out_channels, Triple(kernel_size), Triple(stride, 1), Triple(padding, 0), null, Triple(dilation, 1), padding_mode, groups, bias, device, dtype);
            public static Conv3d Conv3d(long in_channels, long out_channels, (long, long, long) kernel_size, Padding padding, (long, long, long)? stride = null, (long, long, long)? dilation = null, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null)
                => new(in_channels, out_channels, Triple(kernel_size), Triple(stride, 1), Times(0, 3), padding, Triple(dilation, 1), padding_mode, groups, bias, device, dtype);
            public static ConvTranspose3d ConvTranspose3d(long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long output_padding = 0, long dilation = 1, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null)
                => new(in_channels, out_channels, Times(kernel_size, 3), Times(stride, 3), Times(padding, 3), Times(output_padding, 3), Times(dilation, 3), padding_mode, groups, bias, device, dtype);
            public static ConvTranspose3d ConvTranspose3d(long in_channels, long out_channels, (long, long, long) kernel_size, (long, long, long)? stride = null, (long, long, long)? padding = null, (long, long, long)? output_padding = null, (long, long, long)? dilation = null, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null)
                => new(in_channels, out_channels, Triple(kernel_size), Triple(stride, 1), Triple(padding, 0), Triple(output_padding, 0), Triple(dilation, 1), padding_mode, groups, bias, device, dtype);
        }
    }
}

namespace TorchSharp.Modules
{
    public abstract class Convolution : nn.Module<Tensor, Tensor>
    {
        protected readonly long[] _reversed_padding_repeated_twice;
        private readonly int _dimensions;
        private long[] _padding;

        protected Convolution(string name, long in_channels, long out_channels, long[] kernel_size, long[] stride, long[] padding, Padding? padding_type, long[] dilation, bool transposed,
            long[] output_padding, long groups, bool bias, PaddingModes padding_mode, Device? device = null, ScalarType? dtype = null) : base(name)
        {
            if (in_channels % groups != 0) throw new ArgumentException($"in_channels must be divisible by groups: {in_channels} by {groups}");
            if (out_channels % groups != 0) throw new ArgumentException($"out_channels must be divisible by groups: {out_channels} by {groups}");
            if (padding_type == Padding.Same && stride.Any(s => s != 1)) throw new ArgumentException("padding Same is not supported for strided convolutions");
            _dimensions = kernel_size.Length;
            this.in_channels = in_channels;
            this.out_channels = out_channels;
            this.kernel_size = kernel_size;
            this.stride = stride;
            _padding = padding;
            this.padding_type = padding_type;
            this.dilation = dilation;
            this.transposed = transposed;
            this.output_padding = output_padding;
            this.groups = groups;
            this.padding_mode = padding_mode;
            var sides = padding_type switch
            {
                Padding.Same => kernel_size.Zip(dilation, (k, d) => (before: d * (k - 1) / 2, after: d * (k - 1) - d * (k - 1) / 2)),
                Padding.Valid => kernel_size.Select(_ => (before: 0L, after: 0L)),
                _ => padding.Select(p => (before: p, after: p)),
            };
            _reversed_padding_repeated_twice = sides.Reverse().SelectMany(s => new[] { s.before, s.after }).ToArray();
            long[] shape = transposed ? [in_channels, out_channels / groups, .. kernel_size] : [out_channels, in_channels / groups, .. kernel_size];
            register_parameter("weight", new Parameter(torch.empty(shape, dtype, device)));
            if (bias) register_parameter("bias", new Parameter(torch.empty(out_channels, dtype, device)));
            reset_parameters();
        }

        public long in_channels { get; }
        public long out_channels { get; }
        public long[] kernel_size { get; set; }
        public long[] stride { get; set; }
        public long[] padding => _padding;
        public Padding? padding_type { get; private set; }
        public PaddingModes padding_mode { get; set; }
        public long[] dilation { get; set; }
        public bool transposed { get; }
        public long[] output_padding { get; set; }
        public long groups { get; set; }
        public Parameter weight { get => _internal_params["weight"]!; set => ConditionallyRegisterParameter("weight", value); }
        public Parameter? bias { get => _internal_params.TryGetValue("bias", out var b) ? b : null; set => ConditionallyRegisterParameter("bias", value); }

        public void SetPadding(Padding padding) => padding_type = padding;
        public void SetPadding(long[] padding) { padding_type = null; _padding = padding; }

        public void reset_parameters()
        {
            nn.init.kaiming_uniform_(weight, Math.Sqrt(5));
            if (bias is not { } b) return;
            var fanIn = nn.init.CalculateFanInAndFanOut(weight).Item1;
            var bound = fanIn > 0 ? 1 / Math.Sqrt(fanIn) : 0;
            nn.init.uniform_(b, -bound, bound);
        }

        private protected Tensor Convolve(Tensor input)
        {
            var op = _dimensions switch { 1 => "conv1d", 2 => "conv2d", _ => "conv3d" };
            if (padding_mode != PaddingModes.Zeros)
            {
                using var padded = nn.functional.pad(input, _reversed_padding_repeated_twice, padding_mode);
                return Aten.Call(op, padded, weight, bias, stride, new long[_dimensions], dilation, groups);
            }
            return padding_type is { } p
                ? Aten.Call(op + ".padding", input, weight, bias, stride, p == Padding.Same ? "same" : "valid", dilation, groups)
                : _dimensions == 2 ? CpuKernels.Convolution(input, weight, bias, stride, padding, dilation, groups)
                : Aten.Call(op, input, weight, bias, stride, padding, dilation, groups);
        }
    }

    public class Conv1d : Convolution
    {
        internal Conv1d(long i, long o, long[] k, long[] s, long[] p, Padding? t, long[] d, PaddingModes m, long g, bool b, Device? device, ScalarType? dtype)
            : base(nameof(Conv1d), i, o, k, s, p, t, d, false, [0], g, b, m, device, dtype) { }
        public override Tensor forward(Tensor input) => Convolve(input);
    }

    public class Conv2d : Convolution
    {
        internal Conv2d(long i, long o, long[] k, long[] s, long[] p, Padding? t, long[] d, PaddingModes m, long g, bool b, Device? device, ScalarType? dtype)
            : base(nameof(Conv2d), i, o, k, s, p, t, d, false, [0, 0], g, b, m, device, dtype) { }
        public override Tensor forward(Tensor input) => Convolve(input);
    }

    public class Conv3d : Convolution
    {
        internal Conv3d(long i, long o, long[] k, long[] s, long[] p, Padding? t, long[] d, PaddingModes m, long g, bool b, Device? device, ScalarType? dtype)
            : base(nameof(Conv3d), i, o, k, s, p, t, d, false, [0, 0, 0], g, b, m, device, dtype) { }
        public override Tensor forward(Tensor input) => Convolve(input);
    }

    public abstract class ConvolutionTranspose : Convolution
    {
        private protected ConvolutionTranspose(string name, long i, long o, long[] k, long[] s, long[] p, long[] q, long[] d, PaddingModes m, long g, bool b, Device? device, ScalarType? dtype)
            : base(name, i, o, k, s, p, null, d, true, q, g, b, m, device, dtype)
        {
            if (m != PaddingModes.Zeros) throw new ArgumentException($"only Zeros padding mode is supported for {name}");
        }

        public override Tensor forward(Tensor input) => forward(input, null);

        public abstract Tensor forward(Tensor input, long[]? output_size);

        /// <summary>The output padding that makes the output as large as asked for.</summary>
        protected long[] _output_padding(Tensor input, long[]? output_size, long[] kernel_size, long[] stride, long[] padding, long[] dilation, long num_spatial_dims)
        {
            if (output_size is null) return output_padding;
            var n = (int)num_spatial_dims;
            var wanted = output_size.Length == n + 2 ? output_size[2..] : output_size;
            if (wanted.Length != n) throw new ArgumentException($"output_size must have {n} or {n + 2} elements, got {output_size.Length}");
            var spatial = input.shape[^n..];
            return Enumerable.Range(0, n).Select(d =>
            {
                var smallest = (spatial[d] - 1) * stride[d] - 2 * padding[d] + dilation[d] * (kernel_size[d] - 1) + 1;
                var extra = wanted[d] - smallest;
                return extra >= 0 && extra < stride[d] ? extra : throw new ArgumentException($"requested an output size of {wanted[d]}, valid sizes are from {smallest} to {smallest + stride[d] - 1}");
            }).ToArray();
        }

        private protected Tensor Transpose(string op, Tensor input, long[]? output_size)
            => Aten.Call(op, input, weight, bias, stride, padding, _output_padding(input, output_size, kernel_size, stride, padding, dilation, kernel_size.Length), groups, dilation);
    }

    public class ConvTranspose1d : ConvolutionTranspose
    {
        internal ConvTranspose1d(long i, long o, long[] k, long[] s, long[] p, long[] q, long[] d, PaddingModes m, long g, bool b, Device? device, ScalarType? dtype) : base(nameof(ConvTranspose1d), i, o, k, s, p, q, d, m, g, b, device, dtype) { }
        public override Tensor forward(Tensor input, long[]? output_size) => Transpose("conv_transpose1d", input, output_size);
    }

    public class ConvTranspose2d : ConvolutionTranspose
    {
        internal ConvTranspose2d(long i, long o, long[] k, long[] s, long[] p, long[] q, long[] d, PaddingModes m, long g, bool b, Device? device, ScalarType? dtype) : base(nameof(ConvTranspose2d), i, o, k, s, p, q, d, m, g, b, device, dtype) { }
        public override Tensor forward(Tensor input, long[]? output_size) => Transpose("conv_transpose2d.input", input, output_size);
    }

    public class ConvTranspose3d : ConvolutionTranspose
    {
        internal ConvTranspose3d(long i, long o, long[] k, long[] s, long[] p, long[] q, long[] d, PaddingModes m, long g, bool b, Device? device, ScalarType? dtype) : base(nameof(ConvTranspose3d), i, o, k, s, p, q, d, m, g, b, device, dtype) { }
        public override Tensor forward(Tensor input, long[]? output_size) => Transpose("conv_transpose3d.input", input, output_size);
    }
}
