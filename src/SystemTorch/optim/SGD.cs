// Stochastic gradient descent with momentum, as PyTorch's.
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class optim
        {
            public static SGD SGD(IEnumerable<Parameter> parameters, double learningRate, double momentum = 0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
                => new(parameters, learningRate, momentum, dampening, weight_decay, nesterov, maximize);
            public static SGD SGD(IEnumerable<(string name, Parameter parameter)> parameters, double learningRate, double momentum = 0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
                => new(parameters.Select(p => p.parameter), learningRate, momentum, dampening, weight_decay, nesterov, maximize);
            public static SGD SGD(IEnumerable<SGD.ParamGroup> parameters, double learningRate, double momentum = 0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
                => new(parameters, learningRate, momentum, dampening, weight_decay, nesterov, maximize);
        }
    }
}

namespace TorchSharp.Modules
{
    public class SGD : OptimizerHelper, optim.IMomentum
    {
        public SGD(IEnumerable<Parameter> parameters, double lr, double momentum = 0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
            : this([new ParamGroup(parameters, new Options())], lr, momentum, dampening, weight_decay, nesterov, maximize) { }

        public SGD(IEnumerable<ParamGroup> parameters, double lr, double momentum = 0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
        {
            if (lr < 0) throw new ArgumentException($"Invalid learning rate: {lr}");
            if (momentum < 0) throw new ArgumentException($"Invalid momentum value: {momentum}");
            if (weight_decay < 0) throw new ArgumentException($"Invalid weight_decay value: {weight_decay}");
            if (nesterov && (momentum <= 0 || dampening != 0)) throw new ArgumentException("Nesterov momentum requires a momentum and zero dampening");
            _defaults = new Options { LearningRate = lr, InitialLearningRate = lr, momentum = momentum, dampening = dampening, weight_decay = weight_decay, nesterov = nesterov, maximize = maximize };
            foreach (var group in parameters) add_param_group(group);
        }

        public double Momentum
        {
            get => _parameter_groups.Select(g => ((ParamGroup)g).Momentum).First();
            set { foreach (var g in _parameter_groups) ((ParamGroup)g).Momentum = value; }
        }

        public override void add_param_group(Modules.ParamGroup param_group)
        {
            var own = (Options)param_group.Options;
            var other = (Options)_defaults;
            own.momentum ??= other.momentum;
            own.dampening ??= other.dampening;
            own.weight_decay ??= other.weight_decay;
            own.nesterov ??= other.nesterov;
            own.maximize ??= other.maximize;
            Enter(param_group, p => new State(p));
        }

        public override Tensor? step(Func<Tensor>? closure = null) => _step<ParamGroup>(group =>
        {
            var o = group.Options;
            double lr = o.LearningRate!.Value, momentum = o.momentum!.Value, decay = o.weight_decay!.Value;
            foreach (var p in group.Parameters)
            {
                var grad = p.grad;
                if (grad is null) continue;
                if (o.maximize!.Value) grad = grad.neg();
                if (decay != 0) grad = grad.add(p, decay);
                if (momentum != 0)
                {
                    var s = State<State>(p);
                    if (s.momentum_buffer is null) s.momentum_buffer = grad.clone().detach().DetachFromDisposeScope();
                    else s.momentum_buffer.mul_(momentum).add_(grad, 1 - o.dampening!.Value);
                    grad = o.nesterov!.Value ? grad.add(s.momentum_buffer, momentum) : s.momentum_buffer;
                }
                p.add_(grad, -lr);
            }
        }, closure);

        public class Options : OptimizerOptions
        {
            public double? momentum;
            public double? dampening;
            public double? weight_decay;
            public bool? nesterov;
            public bool? maximize;
        }

        public class ParamGroup : ParamGroup<Options>, optim.IMomentum
        {
            public ParamGroup() { }
            public ParamGroup(IEnumerable<Parameter> parameters, Options options) : base(parameters, options) { }
            public ParamGroup(IEnumerable<Parameter> parameters, double lr = 0.001, double momentum = 0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
                : base(parameters, new Options { LearningRate = lr, momentum = momentum, dampening = dampening, weight_decay = weight_decay, nesterov = nesterov, maximize = maximize }) { }
            public double Momentum { get => Options.momentum ?? 0; set => Options.momentum = value; }
        }

        public class State(Parameter parameter) : OptimizerState(parameter), IDisposable
        {
            public Tensor? momentum_buffer;
            public override void Initialize(OptimizerOptions options) { }
            public override void to(Device device) => momentum_buffer = momentum_buffer?.to(device).DetachFromDisposeScope();
            public void Dispose() => momentum_buffer?.Dispose();
        }
    }
}
