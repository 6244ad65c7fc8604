// Linear layers, embeddings, dropout, identity and reshaping modules.
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            public static Linear Linear(long inputSize, long outputSize, bool hasBias = true, Device? device = null, ScalarType? dtype = null) => new(inputSize, outputSize, hasBias, device, dtype);
            public static Embedding Embedding(long num_embeddings, long embedding_dims, long? padding_idx = null, double? max_norm = null, double norm_type = 2, bool scale_grad_by_freq = false, bool sparse = false, Device? device = null, ScalarType? dtype = null)
                => new(torch.randn(num_embeddings, embedding_dims, dtype, device), padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, true);
            public static Embedding Embedding_from_pretrained(Tensor embeddings, bool freeze = true, long? padding_idx = null, double? max_norm = null, double norm_type = 2, bool scale_grad_by_freq = false, bool sparse = false, Device? device = null, ScalarType? dtype = null)
                => new(embeddings.to(dtype ?? embeddings.dtype, device ?? embeddings.device), padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, !freeze);
            public static Identity Identity() => new();
            public static Flatten Flatten(long start_dim = 1, long end_dim = -1) => new(start_dim, end_dim);
            public static Unflatten Unflatten(long dim, long[] unflattened_size) => new(dim, unflattened_size);
            public static Dropout Dropout(double p = 0.5, bool inplace = false) => new(p, inplace);
            public static Dropout1d Dropout1d(double p = 0.5, bool inplace = false) => new(p, inplace);
            public static Dropout2d Dropout2d(double p = 0.5, bool inplace = false) => new(p, inplace);
            public static Dropout3d Dropout3d(double p = 0.5, bool inplace = false) => new(p, inplace);
            public static PixelShuffle PixelShuffle(long upscale_factor) => new(upscale_factor);
            public static PixelUnshuffle PixelUnshuffle(long downscale_factor) => new(downscale_factor);
            public static CosineSimilarity CosineSimilarity(long dim = 1, double eps = 1e-08) => new(dim, eps);
            public static Parameter Parameter(Tensor data, bool requires_grad = true) => new(data, requires_grad);
        }
    }
}

namespace TorchSharp.Modules
{
    /// <summary>A module without parameters of its own.</summary>
    public abstract class ParameterLessModule<T1, TResult> : nn.Module<T1, TResult> { protected ParameterLessModule(string name) : base(name) { } }

    /// <summary>A module of two inputs without parameters of its own.</summary>
    public abstract class ParameterLessModule<T1, T2, TResult> : nn.Module<T1, T2, TResult> { protected ParameterLessModule(string name) : base(name) { } }

    /// <summary>y = x Wᵀ + b.</summary>
    public sealed class Linear : nn.Module<Tensor, Tensor>
    {
        internal Linear(long inputSize, long outputSize, bool hasBias, Device? device, ScalarType? dtype) : base(nameof(Linear))
        {
            in_features = inputSize;
            out_features = outputSize;
            register_parameter("weight", new Parameter(torch.empty(outputSize, inputSize, dtype, device)));
            nn.init.kaiming_uniform_(weight, Math.Sqrt(5));
            if (!hasBias) return;
            register_parameter("bias", new Parameter(torch.empty(outputSize, dtype, device)));
            var bound = inputSize > 0 ? 1 / Math.Sqrt(inputSize) : 0;
            nn.init.uniform_(bias!, -bound, bound);
        }

        public long in_features { get; set; }
        public long out_features { get; set; }
        public Parameter weight { get => _internal_params["weight"]!; set => ConditionallyRegisterParameter("weight", value); }
        public Parameter? bias { get => _internal_params.TryGetValue("bias", out var b) ? b : null; set => ConditionallyRegisterParameter("bias", value); }

        public override Tensor forward(Tensor tensor) => F.linear(tensor, weight, bias);
    }

    public sealed class Embedding : nn.Module<Tensor, Tensor>
    {
        private readonly long? _padding;
        private readonly double? _maxNorm;
        private readonly double _normType;
        private readonly bool _scale, _sparse;

        internal Embedding(Tensor values, long? padding_idx, double? max_norm, double norm_type, bool scale_grad_by_freq, bool sparse, bool trained) : base(nameof(Embedding))
        {
            _padding = padding_idx < 0 ? padding_idx + values.shape[0] : padding_idx;
            _maxNorm = max_norm;
            _normType = norm_type;
            _scale = scale_grad_by_freq;
            _sparse = sparse;
            if (_padding is { } row && trained) using (no_grad()) values[row].zero_();
            register_parameter("weight", new Parameter(values, trained));
        }

        public Parameter weight { get => _internal_params["weight"]!; set => ConditionallyRegisterParameter("weight", value); }

        public override Tensor forward(Tensor input)
        {
            if (_maxNorm is { } limit) using (no_grad()) Aten.Self("embedding_renorm_", weight, input.contiguous(), limit, _normType);
            return Aten.Call("embedding", weight, input, _padding ?? -1, _scale, _sparse);
        }
    }

    public sealed class Identity : ParameterLessModule<Tensor, Tensor>
    {
        internal Identity() : base(nameof(Identity)) { }
        public override Tensor forward(Tensor tensor) => tensor.alias();
    }

    public sealed class Flatten : ParameterLessModule<Tensor, Tensor>
    {
        internal Flatten(long start, long end) : base(nameof(Flatten)) { start_dim = start; end_dim = end; }
        public long start_dim { get; set; }
        public long end_dim { get; set; }
        public override Tensor forward(Tensor input) => input.flatten(start_dim, end_dim);
    }

    public sealed class Unflatten : ParameterLessModule<Tensor, Tensor>
    {
        internal Unflatten(long dim, long[] size) : base(nameof(Unflatten)) { this.dim = dim; unflattened_size = size; }
        public long dim { get; set; }
        public long[] unflattened_size { get; set; }
        public override Tensor forward(Tensor tensor) => tensor.unflatten(dim, unflattened_size);
    }

    public sealed class Dropout : ParameterLessModule<Tensor, Tensor>
    {
        internal Dropout(double p, bool inplace) : base(nameof(Dropout)) { this.p = p; this.inplace = inplace; }
        public double p { get; set; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.dropout(tensor, p, training, inplace);
    }

    public sealed class Dropout1d : ParameterLessModule<Tensor, Tensor>
    {
        internal Dropout1d(double p, bool inplace) : base(nameof(Dropout1d)) { this.p = p; this.inplace = inplace; }
        public double p { get; set; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.dropout1d(tensor, p, training, inplace);
    }

    public sealed class Dropout2d : ParameterLessModule<Tensor, Tensor>
    {
        internal Dropout2d(double p, bool inplace) : base(nameof(Dropout2d)) { this.p = p; this.inplace = inplace; }
        public double p { get; set; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor input) => F.dropout2d(input, p, training, inplace);
    }

    public sealed class Dropout3d : ParameterLessModule<Tensor, Tensor>
    {
        internal Dropout3d(double p, bool inplace) : base(nameof(Dropout3d)) { this.p = p; this.inplace = inplace; }
        public double p { get; set; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor input) => F.dropout3d(input, p, training, inplace);
    }

    public sealed class PixelShuffle : ParameterLessModule<Tensor, Tensor>
    {
        private readonly long _factor;
        internal PixelShuffle(long factor) : base(nameof(PixelShuffle)) => _factor = factor;
        public override Tensor forward(Tensor tensor) => F.pixel_shuffle(tensor, _factor);
    }

    public sealed class PixelUnshuffle : ParameterLessModule<Tensor, Tensor>
    {
        private readonly long _factor;
        internal PixelUnshuffle(long factor) : base(nameof(PixelUnshuffle)) => _factor = factor;
        public override Tensor forward(Tensor tensor) => F.pixel_unshuffle(tensor, _factor);
    }

    public sealed class CosineSimilarity : ParameterLessModule<Tensor, Tensor, Tensor>
    {
        internal CosineSimilarity(long dim, double eps) : base(nameof(CosineSimilarity)) { this.dim = dim; this.eps = eps; }
        public long dim { get; set; }
        public double eps { get; set; }
        public override Tensor forward(Tensor input1, Tensor input2) => F.cosine_similarity(input1, input2, dim, eps);
    }
}
