// Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019), step for step as PyTorch's single-tensor implementation.
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class optim
        {
            public static Adam Adam(IEnumerable<Parameter> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false) => new(parameters, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);
            public static Adam Adam(IEnumerable<(string name, Parameter parameter)> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false) => new(parameters.Select(p => p.parameter), lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);
            public static Adam Adam(IEnumerable<Adam.ParamGroup> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false) => new(parameters, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);
            public static AdamW AdamW(IEnumerable<Parameter> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false) => new(parameters, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);
            public static AdamW AdamW(IEnumerable<(string name, Parameter parameter)> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false) => new(parameters.Select(p => p.parameter), lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);
            public static AdamW AdamW(IEnumerable<AdamW.ParamGroup> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false) => new(parameters, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);
        }
    }
}

namespace TorchSharp.Modules
{
    /// <summary>The arithmetic that Adam and AdamW share.</summary>
    internal static class AdamStep
    {
        internal static void Apply(Tensor p, Tensor grad, Tensor exp_avg, Tensor exp_avg_sq, Tensor? max_exp_avg_sq, long step, double lr, double beta1, double beta2, double eps, double weight_decay, bool decoupled, bool maximize)
        {
            var correction1 = 1 - Math.Pow(beta1, step);
            var correction2 = Math.Sqrt(1 - Math.Pow(beta2, step));
            if (CpuKernels.Adam(p, grad, exp_avg, exp_avg_sq, max_exp_avg_sq, maximize, decoupled ? 1 - lr * weight_decay : 1, decoupled ? 0 : weight_decay, beta1, beta2, eps, correction2, lr / correction1)) return;
            if (maximize) grad = grad.neg();
            if (weight_decay != 0)
            {
                if (decoupled) p.mul_(1 - lr * weight_decay);
                else grad = grad.add(p, weight_decay);
            }
            exp_avg.mul_(beta1).add_(grad, 1 - beta1);
            exp_avg_sq.mul_(beta2);
            exp_avg_sq.addcmul_(grad, grad.is_complex() ? grad.conj() : grad, 1 - beta2);
            var second = exp_avg_sq;
            if (max_exp_avg_sq is not null)
            {
                Aten.Call("maximum.out", max_exp_avg_sq, exp_avg_sq, max_exp_avg_sq).Dispose();
                second = max_exp_avg_sq;
            }
            using var denominator = second.sqrt();
            denominator.div_(correction2).add_(eps);
            p.addcdiv_(exp_avg, denominator, -(lr / correction1));
        }
    }

    public class Adam : OptimizerHelper, optim.IBetas
    {
        public Adam(IEnumerable<Parameter> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false)
            : this([new ParamGroup(parameters, new Options())], lr, beta1, beta2, eps, weight_decay, amsgrad, maximize) { }

        public Adam(IEnumerable<ParamGroup> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false)
        {
            if (lr < 0) throw new ArgumentException($"Invalid learning rate: {lr}");
            if (eps < 0) throw new ArgumentException($"Invalid epsilon: {eps}");
            if (beta1 is < 0 or >= 1) throw new ArgumentException($"Invalid beta1: {beta1}");
            if (beta2 is < 0 or >= 1) throw new ArgumentException($"Invalid beta2: {beta2}");
            if (weight_decay < 0) throw new ArgumentException($"Invalid weight_decay: {weight_decay}");
            _defaults = new Options { LearningRate = lr, InitialLearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay, amsgrad = amsgrad, maximize = maximize };
            foreach (var group in parameters) add_param_group(group);
        }

        public (double, double) Betas
        {
            get => _parameter_groups.Select(g => ((ParamGroup)g).Betas).First();
            set { foreach (var g in _parameter_groups) ((ParamGroup)g).Betas = value; }
        }

        public override void add_param_group(Modules.ParamGroup param_group)
        {
            var own = (Options)param_group.Options;
            var other = (Options)_defaults;
            own.beta1 ??= other.beta1;
            own.beta2 ??= other.beta2;
            own.eps ??= other.eps;
            own.weight_decay ??= other.weight_decay;
            own.amsgrad ??= other.amsgrad;
            own.maximize ??= other.maximize;
            Enter(param_group, p => new State(p));
        }

        public override Tensor? step(Func<Tensor>? closure = null) => _step<ParamGroup>(group =>
        {
            var o = group.Options;
            foreach (var p in group.Parameters)
            {
                var grad = p.grad;
                if (grad is null) continue;
                var s = State<State>(p);
                s.step++;
                AdamStep.Apply(p, grad, s.exp_avg, s.exp_avg_sq, s.max_exp_avg_sq, s.step, o.LearningRate!.Value, o.beta1!.Value, o.beta2!.Value, o.eps!.Value, o.weight_decay!.Value, false, o.maximize!.Value);
            }
        }, closure);

        public class Options : OptimizerOptions
        {
            public double? beta1;
            public double? beta2;
            public double? eps;
            public double? weight_decay;
            public bool? amsgrad;
            public bool? maximize;
        }

        public class ParamGroup : ParamGroup<Options>, optim.IBetas
        {
            public ParamGroup() { }
            public ParamGroup(IEnumerable<Parameter> parameters, Options options) : base(parameters, options) { }
            public ParamGroup(IEnumerable<Parameter> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false)
                : base(parameters, new Options { LearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay, amsgrad = amsgrad, maximize = maximize }) { }
            public (double, double) Betas { get => (Options.beta1 ?? 0.9, Options.beta2 ?? 0.999); set => (Options.beta1, Options.beta2) = value; }
        }

        public class State(Parameter parameter) : OptimizerState(parameter), IDisposable
        {
            public long step;
            public Tensor exp_avg = null!;
            public Tensor exp_avg_sq = null!;
            public Tensor? max_exp_avg_sq;

            public override void Initialize(OptimizerOptions options)
            {
                step = 0;
                exp_avg = _parameter.zeros_like().DetachFromDisposeScope();
                exp_avg_sq = _parameter.zeros_like().DetachFromDisposeScope();
                if (((Options)options).amsgrad == true) max_exp_avg_sq = _parameter.zeros_like().DetachFromDisposeScope();
            }

            public override void to(Device device)
            {
                exp_avg = exp_avg.to(device).DetachFromDisposeScope();
                exp_avg_sq = exp_avg_sq.to(device).DetachFromDisposeScope();
                max_exp_avg_sq = max_exp_avg_sq?.to(device).DetachFromDisposeScope();
            }

            public void Dispose()
            {
                exp_avg.Dispose();
                exp_avg_sq.Dispose();
                max_exp_avg_sq?.Dispose();
            }
        }
    }

    public class AdamW : OptimizerHelper, optim.IBetas
    {
        public AdamW(IEnumerable<Parameter> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false)
            : this([new ParamGroup(parameters, new Options())], lr, beta1, beta2, eps, weight_decay, amsgrad, maximize) { }

        public AdamW(IEnumerable<ParamGroup> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false)
        {
            if (lr < 0) throw new ArgumentException($"Invalid learning rate: {lr}");
            if (eps < 0) throw new ArgumentException($"Invalid epsilon: {eps}");
            if (beta1 is < 0 or >= 1) throw new ArgumentException($"Invalid beta1: {beta1}");
            if (beta2 is < 0 or >= 1) throw new ArgumentException($"Invalid beta2: {beta2}");
            if (weight_decay < 0) throw new ArgumentException($"Invalid weight_decay: {weight_decay}");
            _defaults = new Options { LearningRate = lr, InitialLearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay, amsgrad = amsgrad, maximize = maximize };
            foreach (var group in parameters) add_param_group(group);
        }

        public (double, double) Betas
        {
            get => _parameter_groups.Select(g => ((ParamGroup)g).Betas).First();
            set { foreach (var g in _parameter_groups) ((ParamGroup)g).Betas = value; }
        }

        public override void add_param_group(Modules.ParamGroup param_group)
        {
            var own = (Options)param_group.Options;
            var other = (Options)_defaults;
            own.beta1 ??= other.beta1;
            own.beta2 ??= other.beta2;
            own.eps ??= other.eps;
            own.weight_decay ??= other.weight_decay;
            own.amsgrad ??= other.amsgrad;
            own.maximize ??= other.maximize;
            Enter(param_group, p => new State(p));
        }

        public override Tensor? step(Func<Tensor>? closure = null) => _step<ParamGroup>(group =>
        {
            var o = group.Options;
            foreach (var p in group.Parameters)
            {
                var grad = p.grad;
                if (grad is null) continue;
                var s = State<State>(p);
                s.step++;
                AdamStep.Apply(p, grad, s.exp_avg, s.exp_avg_sq, s.max_exp_avg_sq, s.step, o.LearningRate!.Value, o.beta1!.Value, o.beta2!.Value, o.eps!.Value, o.weight_decay!.Value, true, o.maximize!.Value);
            }
        }, closure);

        public class Options : OptimizerOptions
        {
            public double? beta1;
            public double? beta2;
            public double? eps;
            public double? weight_decay;
            public bool? amsgrad;
            public bool? maximize;
        }

        public class ParamGroup : ParamGroup<Options>, optim.IBetas
        {
            public ParamGroup() { }
            public ParamGroup(IEnumerable<Parameter> parameters, Options options) : base(parameters, options) { }
            public ParamGroup(IEnumerable<Parameter> parameters, double lr = 0.001, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-08, double weight_decay = 0, bool amsgrad = false, bool maximize = false)
                : base(parameters, new Options { LearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay, amsgrad = amsgrad, maximize = maximize }) { }
            public (double, double) Betas { get => (Options.beta1 ?? 0.9, Options.beta2 ?? 0.999); set => (Options.beta1, Options.beta2) = value; }
        }

        public class State(Parameter parameter) : OptimizerState(parameter), IDisposable
        {
            public long step;
            public Tensor exp_avg = null!;
            public Tensor exp_avg_sq = null!;
            public Tensor? max_exp_avg_sq;

            public override void Initialize(OptimizerOptions options)
            {
                step = 0;
                exp_avg = _parameter.zeros_like().DetachFromDisposeScope();
                exp_avg_sq = _parameter.zeros_like().DetachFromDisposeScope();
                if (((Options)options).amsgrad == true) max_exp_avg_sq = _parameter.zeros_like().DetachFromDisposeScope();
            }

            public override void to(Device device)
            {
                exp_avg = exp_avg.to(device).DetachFromDisposeScope();
                exp_avg_sq = exp_avg_sq.to(device).DetachFromDisposeScope();
                max_exp_avg_sq = max_exp_avg_sq?.to(device).DetachFromDisposeScope();
            }

            public void Dispose()
            {
                exp_avg.Dispose();
                exp_avg_sq.Dispose();
                max_exp_avg_sq?.Dispose();
            }
        }
    }
}
