// Group, layer, batch and instance normalisation.
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            public static GroupNorm GroupNorm(long num_groups, long num_channels, double eps = 1e-05, bool affine = true, Device? device = null, ScalarType? dtype = null) => new(num_groups, num_channels, eps, affine, device, dtype);
            public static LayerNorm LayerNorm(long[] normalized_shape, double eps = 1e-05, bool elementwise_affine = true, bool bias = true, Device? device = null, ScalarType? dtype = null) => new(normalized_shape, eps, elementwise_affine, bias, device, dtype);
            public static LayerNorm LayerNorm(long normalized_shape, double eps = 1e-05, bool elementwise_affine = true, bool bias = true, Device? device = null, ScalarType? dtype = null) => new([normalized_shape], eps, elementwise_affine, bias, device, dtype);
            public static BatchNorm1d BatchNorm1d(long num_features, double eps = 1e-05, double momentum = 0.1, bool affine = true, bool track_running_stats = true, Device? device = null, ScalarType? dtype = null) => new(num_features, eps, momentum, affine, track_running_stats, device, dtype);
            public static BatchNorm2d BatchNorm2d(long num_features, double eps = 1e-05, double momentum = 0.1, bool affine = true, bool track_running_stats = true, Device? device = null, ScalarType? dtype = null) => new(num_features, eps, momentum, affine, track_running_stats, device, dtype);
            public static BatchNorm3d BatchNorm3d(long num_features, double eps = 1e-05, double momentum = 0.1, bool affine = true, bool track_running_stats = true, Device? device = null, ScalarType? dtype = null) => new(num_features, eps, momentum, affine, track_running_stats, device, dtype);
            public static InstanceNorm1d InstanceNorm1d(long num_features, double eps = 1e-05, double momentum = 0.1, bool affine = false, bool track_running_stats = false, Device? device = null, ScalarType? dtype = null) => new(num_features, eps, momentum, affine, track_running_stats, device, dtype);
            public static InstanceNorm2d InstanceNorm2d(long num_features, double eps = 1e-05, double momentum = 0.1, bool affine = false, bool track_running_stats = false, Device? device = null, ScalarType? dtype = null) => new(num_features, eps, momentum, affine, track_running_stats, device, dtype);
            public static InstanceNorm3d InstanceNorm3d(long num_features, double eps = 1e-05, double momentum = 0.1, bool affine = false, bool track_running_stats = false, Device? device = null, ScalarType? dtype = null) => new(num_features, eps, momentum, affine, track_running_stats, device, dtype);
        }
    }
}

namespace TorchSharp.Modules
{
    public sealed class GroupNorm : nn.Module<Tensor, Tensor>
    {
        internal GroupNorm(long num_groups, long num_channels, double eps, bool affine, Device? device, ScalarType? dtype) : base(nameof(GroupNorm))
        {
            if (num_channels % num_groups != 0) throw new ArgumentException($"num_channels must be divisible by num_groups: {num_channels} by {num_groups}");
            this.num_groups = num_groups;
            this.eps = eps;
            this.affine = affine;
            if (!affine) return;
            register_parameter("weight", new Parameter(torch.ones(num_channels, dtype, device)));
            register_parameter("bias", new Parameter(torch.zeros(num_channels, dtype, device)));
        }

        public long num_groups { get; set; }
        public double eps { get; set; }
        public bool affine { get; set; }
        public Parameter? weight { get => _internal_params.TryGetValue("weight", out var w) ? w : null; set => ConditionallyRegisterParameter("weight", value); }
        public Parameter? bias { get => _internal_params.TryGetValue("bias", out var b) ? b : null; set => ConditionallyRegisterParameter("bias", value); }

        public override Tensor forward(Tensor tensor) => F.group_norm(tensor, num_groups, weight, bias, eps);

        internal Tensor ForwardThenSilu(Tensor tensor) => CpuKernels.GroupNorm(tensor, num_groups, weight, bias, eps, silu: true);
    }

    public sealed class LayerNorm : nn.Module<Tensor, Tensor>
    {
        internal LayerNorm(long[] normalized_shape, double eps, bool elementwise_affine, bool bias, Device? device, ScalarType? dtype) : base(nameof(LayerNorm))
        {
            this.normalized_shape = normalized_shape;
            this.eps = eps;
            this.elementwise_affine = elementwise_affine;
            if (!elementwise_affine) return;
            register_parameter("weight", new Parameter(torch.ones(normalized_shape, dtype, device)));
            if (bias) register_parameter("bias", new Parameter(torch.zeros(normalized_shape, dtype, device)));
        }

        public long[] normalized_shape { get; set; }
        public double eps { get; set; }
        public bool elementwise_affine { get; set; }
        public Parameter? weight { get => _internal_params.TryGetValue("weight", out var w) ? w : null; set => ConditionallyRegisterParameter("weight", value); }
        public Parameter? bias { get => _internal_params.TryGetValue("bias", out var b) ? b : null; set => ConditionallyRegisterParameter("bias", value); }

        public void reset_parameters()
        {
            if (weight is { } w) nn.init.ones_(w);
            if (bias is { } b) nn.init.zeros_(b);
        }

        public override Tensor forward(Tensor tensor) => F.layer_norm(tensor, normalized_shape, weight, bias, eps);
    }

    public abstract class NormBase : nn.Module<Tensor, Tensor>
    {
        public NormBase(long num_features, double eps, double? momentum, bool affine, bool track_running_stats, Device? device, ScalarType? dtype, string name) : base(name)
        {
            this.num_features = num_features;
            this.eps = eps;
            this.momentum = momentum;
            this.affine = affine;
            this.track_running_stats = track_running_stats;
            if (affine)
            {
                register_parameter("weight", new Parameter(torch.ones(num_features, dtype, device)));
                register_parameter("bias", new Parameter(torch.zeros(num_features, dtype, device)));
            }
            if (!track_running_stats) return;
            register_buffer("running_mean", torch.zeros(num_features, dtype, device));
            register_buffer("running_var", torch.ones(num_features, dtype, device));
            register_buffer("num_batches_tracked", torch.zeros(Array.Empty<long>(), ScalarType.Int64, device));
        }

        public long num_features { get; }
        public double eps { get; set; }
        public double? momentum { get; set; }
        public bool affine { get; }
        public bool track_running_stats { get; }
        public Parameter? weight { get => _internal_params.TryGetValue("weight", out var w) ? w : null; set => ConditionallyRegisterParameter("weight", value); }
        public Parameter? bias { get => _internal_params.TryGetValue("bias", out var b) ? b : null; set => ConditionallyRegisterParameter("bias", value); }
        public Tensor? running_mean { get => get_buffer("running_mean"); set => ConditionallyRegisterBuffer("running_mean", value); }
        public Tensor? running_var { get => get_buffer("running_var"); set => ConditionallyRegisterBuffer("running_var", value); }
        public Tensor? num_batches_tracked { get => get_buffer("num_batches_tracked"); set => ConditionallyRegisterBuffer("num_batches_tracked", value); }

        public void reset_running_stats()
        {
            running_mean?.zero_();
            running_var?.fill_(1);
            num_batches_tracked?.zero_();
        }

        public void reset_parameters()
        {
            reset_running_stats();
            if (weight is { } w) nn.init.ones_(w);
            if (bias is { } b) nn.init.zeros_(b);
        }

        protected abstract void ValidateInputDimensions(Tensor input);

        private protected void Want(Tensor input, params int[] dimensions)
        {
            if (!dimensions.Contains((int)input.dim())) throw new ArgumentException($"{name} expects an input of {string.Join(" or ", dimensions)} dimensions, got {input.dim()}");
        }

        private protected Tensor Normalise(Tensor input, bool instance)
        {
            ValidateInputDimensions(input);
            if (instance) return F.instance_norm(input, running_mean, running_var, weight, bias, training || !track_running_stats, momentum ?? 0, eps);
            var factor = momentum ?? 0;
            if (training && track_running_stats && num_batches_tracked is { } count)
            {
                count.add_(1);
                if (momentum is null) factor = 1.0 / count.item<long>();
            }
            return F.batch_norm(input, running_mean, running_var, weight, bias, training || running_mean is null, factor, eps);
        }
    }

    public abstract class BatchNorm : NormBase
    {
        public BatchNorm(long num_features, double eps, double momentum, bool affine, bool track_running_stats, Device? device, ScalarType? dtype, string name)
            : base(num_features, eps, momentum, affine, track_running_stats, device, dtype, name) { }
        public override Tensor forward(Tensor input) => Normalise(input, false);
    }

    public sealed class BatchNorm1d : BatchNorm
    {
        internal BatchNorm1d(long n, double eps, double momentum, bool affine, bool track, Device? device, ScalarType? dtype) : base(n, eps, momentum, affine, track, device, dtype, nameof(BatchNorm1d)) { }
        protected override void ValidateInputDimensions(Tensor input) => Want(input, 2, 3);
    }

    public sealed class BatchNorm2d : BatchNorm
    {
        internal BatchNorm2d(long n, double eps, double momentum, bool affine, bool track, Device? device, ScalarType? dtype) : base(n, eps, momentum, affine, track, device, dtype, nameof(BatchNorm2d)) { }
        protected override void ValidateInputDimensions(Tensor input) => Want(input, 4);
    }

    public sealed class BatchNorm3d : BatchNorm
    {
        internal BatchNorm3d(long n, double eps, double momentum, bool affine, bool track, Device? device, ScalarType? dtype) : base(n, eps, momentum, affine, track, device, dtype, nameof(BatchNorm3d)) { }
        protected override void ValidateInputDimensions(Tensor input) => Want(input, 5);
    }

    public abstract class InstanceNorm : NormBase
    {
        private protected InstanceNorm(long num_features, double eps, double momentum, bool affine, bool track_running_stats, Device? device, ScalarType? dtype, string name)
            : base(num_features, eps, momentum, affine, track_running_stats, device, dtype, name) { }
        public override Tensor forward(Tensor input) => Normalise(input, true);
    }

    public sealed class InstanceNorm1d : InstanceNorm
    {
        internal InstanceNorm1d(long n, double eps, double momentum, bool affine, bool track, Device? device, ScalarType? dtype) : base(n, eps, momentum, affine, track, device, dtype, nameof(InstanceNorm1d)) { }
        protected override void ValidateInputDimensions(Tensor input) => Want(input, 2, 3);
    }

    public sealed class InstanceNorm2d : InstanceNorm
    {
        internal InstanceNorm2d(long n, double eps, double momentum, bool affine, bool track, Device? device, ScalarType? dtype) : base(n, eps, momentum, affine, track, device, dtype, nameof(InstanceNorm2d)) { }
        protected override void ValidateInputDimensions(Tensor input) => Want(input, 3, 4);
    }

    public sealed class InstanceNorm3d : InstanceNorm
    {
        internal InstanceNorm3d(long n, double eps, double momentum, bool affine, bool track, Device? device, ScalarType? dtype) : base(n, eps, momentum, affine, track, device, dtype, nameof(InstanceNorm3d)) { }
        protected override void ValidateInputDimensions(Tensor input) => Want(input, 4, 5);
    }
}
