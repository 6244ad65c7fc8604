// Activation functions, as functions and as modules.
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            public static partial class functional
            {
                private static Tensor Act(string name, Tensor x, bool inplace) => inplace ? name == "silu" ? CpuKernels.SiluOver(x) : Aten.Self(name + "_", x) : name == "gelu" ? CpuKernels.Gelu(x) : Aten.Call(name, x);

                public static Tensor relu(Tensor x, bool inplace = false) => Act("relu", x, inplace);
                public static Tensor relu6(Tensor x, bool inplace = false) => Act("relu6", x, inplace);
                public static Tensor silu(Tensor x, bool inplace = false) => Act("silu", x, inplace);
                public static Tensor SiLU(Tensor x, bool inplace = false) => Act("silu", x, inplace);
                public static Tensor mish(Tensor x, bool inplace = false) => Act("mish", x, inplace);
                public static Tensor Mish(Tensor x) => Act("mish", x, false);
                public static Tensor selu(Tensor x, bool inplace = false) => Act("selu", x, inplace);
                public static Tensor tanh(Tensor x, bool inplace = false) => Act("tanh", x, inplace);
                public static Tensor sigmoid(Tensor x) => Act("sigmoid", x, false);
                public static Tensor sigmoid(Tensor x, bool inplace) => Act("sigmoid", x, inplace);
                public static Tensor gelu(Tensor x) => Act("gelu", x, false);
                public static Tensor gelu(Tensor x, bool inplace) => Act("gelu", x, inplace);
                public static Tensor hardsigmoid(Tensor input, bool inplace = false) => Act("hardsigmoid", input, inplace);
                public static Tensor hardswish(Tensor input, bool inplace = false) => Act("hardswish", input, inplace);
                public static Tensor elu(Tensor x, double alpha, bool inplace = false) => inplace ? Aten.Self("elu_", x, alpha) : Aten.Call("elu", x, alpha);
                public static Tensor celu(Tensor x, double alpha, bool inplace = false) => inplace ? Aten.Self("celu_", x, alpha) : Aten.Call("celu", x, alpha);
                public static Tensor leaky_relu(Tensor input, double negative_slope = 0.01, bool inplace = false) => inplace ? Aten.Self("leaky_relu_", input, negative_slope) : Aten.Call("leaky_relu", input, negative_slope);
                public static Tensor hardtanh(Tensor x, double min_val = -1, double max_val = 1, bool inplace = false) => inplace ? Aten.Self("hardtanh_", x, min_val, max_val) : Aten.Call("hardtanh", x, min_val, max_val);
                public static Tensor threshold(Tensor x, double threshold, double value, bool inplace = false) => inplace ? Aten.Self("threshold_", x, threshold, value) : Aten.Call("threshold", x, threshold, value);
                public static Tensor softplus(Tensor x, double beta = 1, double threshold = 20) => Aten.Call("softplus", x, beta, threshold);
                public static Tensor softshrink(Tensor x, double lambda = 0.5) => Aten.Call("softshrink", x, lambda);
                public static Tensor hardshrink(Tensor x, double lambda = 0.5) => Aten.Call("hardshrink", x, lambda);
                public static Tensor logsigmoid(Tensor x) => Aten.Call("log_sigmoid", x);
                public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => Aten.Call("softmax.int", input, dim, dtype);
                public static Tensor log_softmax(Tensor x, long dim) => Aten.Call("log_softmax.int", x, dim);
                public static Tensor softmin(Tensor x, long dim) { using var minus = x.neg(); return softmax(minus, dim); }
                public static Tensor softmax2d(Tensor x) => softmax(x, -3);
                public static Tensor glu(Tensor input, long dim = -1) => Aten.Call("glu", input, dim);
                public static Tensor prelu(Tensor input, Tensor weight) => Aten.Call("prelu", input, weight);
                public static Tensor tanhshrink(Tensor x, bool inplace = false)
                {
                    using var t = x.tanh();
                    return inplace ? x.sub_(t) : x.sub(t);
                }

                public static Tensor softsign(Tensor x, bool inplace = false)
                {
                    using var size = x.abs();
                    using var below = size.add(1);
                    return inplace ? x.div_(below) : x.div(below);
                }
            }

            public static ReLU ReLU(bool inplace = false) => new(inplace);
            public static ReLU6 ReLU6(bool inplace = false) => new(inplace);
            public static SELU SELU(bool inplace = false) => new(inplace);
            public static Hardsigmoid Hardsigmoid(bool inplace = false) => new(inplace);
            public static Hardswish Hardswish(bool inplace = false) => new(inplace);
            public static SiLU SiLU() => new(false);
            public static SiLU SiLU(bool inplace) => new(inplace);
            public static GELU GELU() => new(false);
            public static GELU GELU(bool inplace) => new(inplace);
            public static Mish Mish() => new(false);
            public static Mish Mish(bool inplace) => new(inplace);
            public static Sigmoid Sigmoid() => new(false);
            public static Sigmoid Sigmoid(bool inplace) => new(inplace);
            public static Tanh Tanh() => new(false);
            public static Tanh Tanh(bool inplace = false) => new(inplace);
            public static Softsign Softsign() => new(false);
            public static Softsign Softsign(bool inplace) => new(inplace);
            public static ELU ELU(double alpha = 1, bool inplace = false) => new(alpha, inplace);
            public static CELU CELU(double alpha = 1, bool inplace = false) => new(alpha, inplace);
            public static LeakyReLU LeakyReLU(double negative_slope = 0.01, bool inplace = false) => new(negative_slope, inplace);
            public static Hardtanh Hardtanh(double min_val = -1, double max_val = 1, bool inplace = false) => new(min_val, max_val, inplace);
            public static Threshold Threshold(double threshold, double value, bool inplace = false) => new(threshold, value, inplace);
            public static Softplus Softplus(double beta = 1, double threshold = 20) => new(beta, threshold);
            public static Softshrink Softshrink(double lambda = 0.5) => new(lambda);
            public static Hardshrink Hardshrink(double lambda = 0.5) => new(lambda);
            public static Softmax Softmax(long dim) => new(dim);
            public static Softmin Softmin(long dim) => new(dim);
            public static LogSoftmax LogSoftmax(long dim) => new(dim);
            public static GLU GLU(long dim = -1) => new(dim);
            public static LogSigmoid LogSigmoid() => new();
            public static Softmax2d Softmax2d() => new();
            public static PReLU PReLU(long num_parameters, double init = 0.25, Device? device = null, ScalarType? dtype = null) => new(num_parameters, init, device, dtype);
        }
    }
}

namespace TorchSharp.Modules
{
    public sealed class ReLU : ParameterLessModule<Tensor, Tensor>
    {
        internal ReLU(bool inplace) : base(nameof(ReLU)) { this.inplace = inplace; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.relu(tensor, inplace);
    }

    public sealed class ReLU6 : ParameterLessModule<Tensor, Tensor>
    {
        internal ReLU6(bool inplace) : base(nameof(ReLU6)) { this.inplace = inplace; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.relu6(tensor, inplace);
    }

    public sealed class SELU : ParameterLessModule<Tensor, Tensor>
    {
        internal SELU(bool inplace) : base(nameof(SELU)) { this.inplace = inplace; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.selu(tensor, inplace);
    }

    public sealed class Hardsigmoid : ParameterLessModule<Tensor, Tensor>
    {
        internal Hardsigmoid(bool inplace) : base(nameof(Hardsigmoid)) { this.inplace = inplace; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.hardsigmoid(tensor, inplace);
    }

    public sealed class Hardswish : ParameterLessModule<Tensor, Tensor>
    {
        internal Hardswish(bool inplace) : base(nameof(Hardswish)) { this.inplace = inplace; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.hardswish(tensor, inplace);
    }

    public sealed class SiLU : ParameterLessModule<Tensor, Tensor>
    {
        internal SiLU(bool inplace) : base(nameof(SiLU)) { this.inplace = inplace; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.silu(tensor, inplace);
    }

    public sealed class GELU : ParameterLessModule<Tensor, Tensor>
    {
        internal GELU(bool inplace) : base(nameof(GELU)) { this.inplace = inplace; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.gelu(tensor, inplace);
    }

    public sealed class Mish : ParameterLessModule<Tensor, Tensor>
    {
        internal Mish(bool inplace) : base(nameof(Mish)) { this.inplace = inplace; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.mish(tensor, inplace);
    }

    public sealed class Sigmoid : ParameterLessModule<Tensor, Tensor>
    {
        internal Sigmoid(bool inplace) : base(nameof(Sigmoid)) { this.inplace = inplace; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.sigmoid(tensor, inplace);
    }

    public sealed class Tanh : ParameterLessModule<Tensor, Tensor>
    {
        internal Tanh(bool inplace) : base(nameof(Tanh)) { this.inplace = inplace; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.tanh(tensor, inplace);
    }

    public sealed class Softsign : ParameterLessModule<Tensor, Tensor>
    {
        internal Softsign(bool inplace) : base(nameof(Softsign)) { this.inplace = inplace; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.softsign(tensor, inplace);
    }

    public sealed class ELU : ParameterLessModule<Tensor, Tensor>
    {
        internal ELU(double alpha, bool inplace) : base(nameof(ELU)) { this.alpha = alpha; this.inplace = inplace; }
        public double alpha { get; set; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.elu(tensor, alpha, inplace);
    }

    public sealed class CELU : ParameterLessModule<Tensor, Tensor>
    {
        internal CELU(double alpha, bool inplace) : base(nameof(CELU)) { this.alpha = alpha; this.inplace = inplace; }
        public double alpha { get; set; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.celu(tensor, alpha, inplace);
    }

    public sealed class LeakyReLU : ParameterLessModule<Tensor, Tensor>
    {
        internal LeakyReLU(double negative_slope, bool inplace) : base(nameof(LeakyReLU)) { this.negative_slope = negative_slope; this.inplace = inplace; }
        public double negative_slope { get; set; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.leaky_relu(tensor, negative_slope, inplace);
    }

    public sealed class Hardtanh : ParameterLessModule<Tensor, Tensor>
    {
        internal Hardtanh(double min_val, double max_val, bool inplace) : base(nameof(Hardtanh)) { this.min_val = min_val; this.max_val = max_val; this.inplace = inplace; }
        public double min_val { get; set; }
        public double max_val { get; set; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.hardtanh(tensor, min_val, max_val, inplace);
    }

    public sealed class Threshold : ParameterLessModule<Tensor, Tensor>
    {
        internal Threshold(double threshold, double value, bool inplace) : base(nameof(Threshold)) { this.threshold = threshold; this.value = value; this.inplace = inplace; }
        public double threshold { get; set; }
        public double value { get; set; }
        public bool inplace { get; set; }
        public override Tensor forward(Tensor tensor) => F.threshold(tensor, threshold, value, inplace);
    }

    public sealed class Softplus : ParameterLessModule<Tensor, Tensor>
    {
        internal Softplus(double beta, double threshold) : base(nameof(Softplus)) { this.beta = beta; this.threshold = threshold; }
        public double beta { get; set; }
        public double threshold { get; set; }
        public override Tensor forward(Tensor tensor) => F.softplus(tensor, beta, threshold);
    }

    public sealed class Softshrink : ParameterLessModule<Tensor, Tensor>
    {
        internal Softshrink(double lambda) : base(nameof(Softshrink)) { this.lambda = lambda; }
        public double lambda { get; set; }
        public override Tensor forward(Tensor tensor) => F.softshrink(tensor, lambda);
    }

    public sealed class Hardshrink : ParameterLessModule<Tensor, Tensor>
    {
        internal Hardshrink(double lambda) : base(nameof(Hardshrink)) { this.lambda = lambda; }
        public double lambda { get; set; }
        public override Tensor forward(Tensor tensor) => F.hardshrink(tensor, lambda);
    }

    public sealed class Softmax : ParameterLessModule<Tensor, Tensor>
    {
        internal Softmax(long dim) : base(nameof(Softmax)) { this.dim = dim; }
        public long dim { get; set; }
        public override Tensor forward(Tensor tensor) => F.softmax(tensor, dim);
    }

    public sealed class Softmin : ParameterLessModule<Tensor, Tensor>
    {
        internal Softmin(long dim) : base(nameof(Softmin)) { this.dim = dim; }
        public long dim { get; set; }
        public override Tensor forward(Tensor tensor) => F.softmin(tensor, dim);
    }

    public sealed class LogSoftmax : ParameterLessModule<Tensor, Tensor>
    {
        internal LogSoftmax(long dim) : base(nameof(LogSoftmax)) { this.dim = dim; }
        public long dim { get; set; }
        public override Tensor forward(Tensor tensor) => F.log_softmax(tensor, dim);
    }

    public sealed class GLU : ParameterLessModule<Tensor, Tensor>
    {
        internal GLU(long dim) : base(nameof(GLU)) { this.dim = dim; }
        public long dim { get; set; }
        public override Tensor forward(Tensor tensor) => F.glu(tensor, dim);
    }

    public sealed class LogSigmoid : ParameterLessModule<Tensor, Tensor>
    {
        internal LogSigmoid() : base(nameof(LogSigmoid)) { }
        public override Tensor forward(Tensor tensor) => F.logsigmoid(tensor);
    }

    public sealed class Softmax2d : ParameterLessModule<Tensor, Tensor>
    {
        internal Softmax2d() : base(nameof(Softmax2d)) { }
        public override Tensor forward(Tensor tensor) => F.softmax2d(tensor);
    }

    public sealed class PReLU : nn.Module<Tensor, Tensor>
    {
        internal PReLU(long num_parameters, double init, Device? device, ScalarType? dtype) : base(nameof(PReLU))
        {
            this.num_parameters = num_parameters;
            this.init = init;
            register_parameter("weight", new Parameter(torch.full(num_parameters, init, dtype ?? get_default_dtype(), device)));
        }

        public long num_parameters { get; }
        public double init { get; }
        public Parameter weight { get => _internal_params["weight"]!; set => ConditionallyRegisterParameter("weight", value); }
        public override Tensor forward(Tensor tensor) => F.prelu(tensor, weight);
    }
}
