// torch.optim: what all optimizers share: parameter groups, their options, and the state of each parameter.
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class optim
        {
            public interface ILearningRateController
            {
                double LearningRate { get; set; }
                double InitialLearningRate { get; set; }
            }

            public interface IMomentum { double Momentum { get; set; } }
            public interface IBetas { (double, double) Betas { get; set; } }

            public abstract class Optimizer : IDisposable
            {
                protected internal IList<ParamGroup> _parameter_groups = new List<ParamGroup>();

                public virtual IEnumerable<ILearningRateController> ParamGroups => _parameter_groups;
                public virtual IEnumerable<Parameter> parameters() => _parameter_groups.SelectMany(g => g.Parameters);
                public virtual void add_param_group(ParamGroup param_group) => _parameter_groups.Add(param_group);
                public abstract Tensor? step(Func<Tensor>? closure = null);

                public virtual void zero_grad()
                {
                    foreach (var p in parameters()) p.grad = null;
                }

                public void Dispose()
                {
                    Dispose(true);
                    GC.SuppressFinalize(this);
                }

                protected virtual void Dispose(bool disposing) { }

                public class StateDictionary
                {
                    internal StateDictionary() { }
                    public List<OptimizerOptions> Options { get; } = [];
                    public List<OptimizerState> State { get; } = [];
                    public List<List<int>> StateIndexRef { get; } = [];
                }
            }
        }
    }
}

namespace TorchSharp.Modules
{
    public class OptimizerOptions
    {
        public double? LearningRate { get; set; }
        public double InitialLearningRate { get; set; }
    }

    public abstract class OptimizerState
    {
        protected internal Parameter _parameter;
        protected OptimizerState(Parameter parameter) => _parameter = parameter;
        public abstract void Initialize(OptimizerOptions options);
        public virtual void to(Device device) { }
    }

    public class ParamGroup : optim.ILearningRateController
    {
        public ParamGroup() { }
        internal ParamGroup(IEnumerable<Parameter> parameters, OptimizerOptions options) { Parameters = parameters.ToList(); Options = options; }

        public IEnumerable<Parameter> Parameters { get; set; } = [];
        public OptimizerOptions Options { get; set; } = new();
        public double LearningRate { get => Options.LearningRate ?? 0; set => Options.LearningRate = value; }
        public double InitialLearningRate { get => Options.InitialLearningRate; set => Options.InitialLearningRate = value; }
    }

    public class ParamGroup<TOptions> : ParamGroup where TOptions : OptimizerOptions, new()
    {
        public ParamGroup() => base.Options = new TOptions();
        public ParamGroup(IEnumerable<Parameter> parameters, TOptions? options = null) : base(parameters, options ?? new TOptions()) { }
        public new TOptions Options { get => (TOptions)base.Options; set => base.Options = value; }
    }

    public abstract class OptimizerHelper : optim.Optimizer
    {
        protected internal OptimizerOptions _defaults = new();
        protected internal OrderedDict<IntPtr, OptimizerState> _state = new();

        /// <summary>The state of a parameter, kept by its native handle.</summary>
        private protected T State<T>(Parameter p) where T : OptimizerState => (T)_state[p.Live];

        private protected void Enter(ParamGroup group, Func<Parameter, OptimizerState> make)
        {
            if (group.Options.LearningRate is null) group.Options.LearningRate = _defaults.LearningRate;
            group.Options.InitialLearningRate = group.Options.LearningRate ?? 0;
            group.Parameters = group.Parameters as IList<Parameter> ?? group.Parameters.ToList();
            base.add_param_group(group);
            foreach (var p in group.Parameters)
            {
                if (_state.ContainsKey(p.Live)) throw new ArgumentException("some parameters appear in more than one parameter group");
                var state = make(p);
                using (NewDisposeScope()) state.Initialize(group.Options);
                _state[p.Live] = state;
            }
        }

        protected Tensor? _step<T>(Action<T> body, Func<Tensor>? loss_closure = null) where T : ParamGroup
        {
            Tensor? loss = null;
            if (loss_closure is not null) using (enable_grad()) loss = loss_closure();
            using (no_grad())
            using (NewDisposeScope())
                foreach (var group in _parameter_groups) body((T)group);
            return loss;
        }

        public virtual StateDictionary state_dict()
        {
            var dict = new StateDictionary();
            foreach (var group in _parameter_groups)
            {
                dict.Options.Add(group.Options);
                var indices = new List<int>();
                foreach (var p in group.Parameters)
                {
                    indices.Add(dict.State.Count);
                    dict.State.Add(_state[p.Live]);
                }
                dict.StateIndexRef.Add(indices);
            }
            return dict;
        }

        public void to(Device device)
        {
            foreach (var (_, s) in _state) s.to(device);
        }

        protected override void Dispose(bool disposing)
        {
            if (!disposing) return;
            foreach (var (_, s) in _state) (s as IDisposable)?.Dispose();
            _state.Clear();
            _parameter_groups.Clear();
        }
    }
}
