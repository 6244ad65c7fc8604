// torch.optim.lr_scheduler: learning rates as functions of the number of steps taken.
namespace TorchSharp;

public static partial class torch
{
    public static partial class optim
    {
        public static partial class lr_scheduler
        {
            /// <summary>Sets the learning rate of each parameter group after every step.</summary>
            public abstract class LRScheduler
            {
                protected internal int _step_count;
                private readonly Optimizer? _optimizer;
                private readonly double[] _base = [];
                private double[] _last = [];
                private int _epoch;

                protected LRScheduler() { }

                protected LRScheduler(Optimizer optimizer, int last_epoch = -1, bool verbose = false)
                {
                    _optimizer = optimizer;
                    _epoch = last_epoch;
                    _base = optimizer.ParamGroups.Select(g => last_epoch < 0 ? g.InitialLearningRate = g.LearningRate : g.InitialLearningRate).ToArray();
                }

                private protected IReadOnlyList<double> Base => _base;
                private protected int Epoch => _epoch;
                private protected IReadOnlyList<double> Last => _last;

                /// <summary>The rate of each parameter group at the present epoch.</summary>
                protected abstract IEnumerable<double> get_lr();

                public IEnumerable<double> get_last_lr() => _last;

                public virtual void step() => step((int?)null);

                public virtual void step(int? epoch)
                {
                    _step_count++;
                    _epoch = epoch ?? _epoch + 1;
                    Set(get_lr().ToArray());
                }

                public virtual void step(double current, int? epoch = null) => step(epoch);

                private protected void Set(double[] rates)
                {
                    _last = rates;
                    var k = 0;
                    foreach (var g in _optimizer!.ParamGroups) g.LearningRate = rates[k++];
                }
            }

            /// <summary>A rate that is a function of the group's first rate, the epoch and the group's number.</summary>
            private sealed class Closed : LRScheduler
            {
                private readonly Func<double, int, double> _rate;

                internal Closed(Optimizer optimizer, int last_epoch, Func<double, int, double> rate) : base(optimizer, last_epoch)
                {
                    _rate = rate;
                    step();
                }

                protected override IEnumerable<double> get_lr() => Base.Select(b => _rate(b, Epoch));
            }

            /// <summary>A rate that follows from the one before.</summary>
            private sealed class Recursive : LRScheduler
            {
                private readonly Func<double, int, double> _next;

                internal Recursive(Optimizer optimizer, int last_epoch, Func<double, int, double> next) : base(optimizer, last_epoch)
                {
                    _next = next;
                    step();
                }

                protected override IEnumerable<double> get_lr() => Epoch == 0 ? Base : Last.Select(l => _next(l, Epoch));
            }

            private sealed class Chained(LRScheduler[] schedulers) : LRScheduler
            {
                public override void step(int? epoch) { foreach (var s in schedulers) s.step(epoch); }
                protected override IEnumerable<double> get_lr() => schedulers[^1].get_last_lr();
            }

            private sealed class Plateau : LRScheduler
            {
                private readonly bool _smaller, _relative;
                private readonly double _factor, _threshold, _eps;
                private readonly int _patience, _cooldown;
                private readonly Optimizer _optimizer;
                private readonly IList<double>? _floor;
                private double _best;
                private int _bad, _rest;

                internal Plateau(Optimizer optimizer, string mode, double factor, int patience, double threshold, string threshold_mode, int cooldown, IList<double>? min_lr, double eps) : base(optimizer)
                {
                    if (factor >= 1) throw new ArgumentException("Factor should be < 1.0");
                    if (mode is not ("min" or "max")) throw new ArgumentException($"mode {mode} is unknown; it is min or max");
                    if (threshold_mode is not ("rel" or "abs")) throw new ArgumentException($"threshold_mode {threshold_mode} is unknown; it is rel or abs");
                    _optimizer = optimizer;
                    (_smaller, _relative, _factor, _patience, _threshold, _cooldown, _eps, _floor) = (mode == "min", threshold_mode == "rel", factor, patience, threshold, cooldown, eps, min_lr);
                    _best = _smaller ? double.PositiveInfinity : double.NegativeInfinity;
                }

                public override void step(int? epoch) => throw new InvalidOperationException("step() of ReduceLROnPlateau needs the metric: step(current)");

                public override void step(double current, int? epoch = null)
                {
                    _step_count++;
                    var target = _relative ? _best * (_smaller ? 1 - _threshold : 1 + _threshold) : _smaller ? _best - _threshold : _best + _threshold;
                    if (_smaller ? current < target : current > target) { _best = current; _bad = 0; } else _bad++;
                    if (_rest > 0) { _rest--; _bad = 0; }
                    var rates = get_lr().ToArray();
                    if (_bad > _patience)
                    {
                        rates = rates.Select((r, k) => { var next = Math.Max(r * _factor, _floor is null ? 0 : _floor[Math.Min(k, _floor.Count - 1)]); return r - next > _eps ? next : r; }).ToArray();
                        _rest = _cooldown;
                        _bad = 0;
                    }
                    Set(rates);
                }

                protected override IEnumerable<double> get_lr() => _optimizer.ParamGroups.Select(g => g.LearningRate);
            }

            public static LRScheduler LambdaLR(Optimizer optimizer, Func<int, double> lr_lambda, int last_epoch = -1, bool verbose = false)
                => new Closed(optimizer, last_epoch, (b, e) => b * lr_lambda(e));
            public static LRScheduler MultiplicativeLR(Optimizer optimizer, Func<int, double> lr_lambda, int last_epoch = -1, bool verbose = false)
                => new Recursive(optimizer, last_epoch, (l, e) => l * lr_lambda(e));
            public static LRScheduler StepLR(Optimizer optimizer, int step_size, double gamma = 0.1, int last_epoch = -1, bool verbose = false)
                => new Closed(optimizer, last_epoch, (b, e) => b * Math.Pow(gamma, e / step_size));
            public static LRScheduler MultiStepLR(Optimizer optimizer, IList<int> milestones, double gamma = 0.1, int last_epoch = -1, bool verbose = false)
                => new Closed(optimizer, last_epoch, (b, e) => b * Math.Pow(gamma, milestones.Count(m => m <= e)));
            public static LRScheduler ExponentialLR(Optimizer optimizer, double gamma = 0.1, int last_epoch = -1, bool verbose = false)
                => new Closed(optimizer, last_epoch, (b, e) => b * Math.Pow(gamma, e));
            public static LRScheduler ConstantLR(Optimizer optimizer, double factor = 1.0 / 3, int total_iters = 5, int last_epoch = -1, bool verbose = false)
                => new Closed(optimizer, last_epoch, (b, e) => e < total_iters ? b * factor : b);
            public static LRScheduler LinearLR(Optimizer optimizer, double start_factor = 1.0 / 3, double end_factor = 1, int total_iters = 5, int last_epoch = -1, bool verbose = false)
                => new Closed(optimizer, last_epoch, (b, e) => b * (start_factor + (end_factor - start_factor) * Math.Min(total_iters, e) / total_iters));
            public static LRScheduler PolynomialLR(Optimizer optimizer, int total_iters = 5, double power = 1, int last_epoch = -1, bool verbose = false)
                => new Closed(optimizer, last_epoch, (b, e) => b * Math.Pow(1 - (double)Math.Min(total_iters, e) / total_iters, power));
            public static LRScheduler CosineAnnealingLR(Optimizer optimizer, double T_max, double eta_min = 0, int last_epoch = -1, bool verbose = false)
                => new Closed(optimizer, last_epoch, (b, e) => eta_min + (b - eta_min) * (1 + Math.Cos(Math.PI * e / T_max)) / 2);
            public static LRScheduler ChainedLR(IEnumerable<LRScheduler> schedulers) => new Chained(schedulers.ToArray());
            public static LRScheduler ReduceLROnPlateau(Optimizer optimizer, string mode = "min", double factor = 0.1, int patience = 10, double threshold = 0.0001, string threshold_mode = "rel", int cooldown = 0, IList<double>? min_lr = null, double eps = 1e-08, bool verbose = false)
                => new Plateau(optimizer, mode, factor, patience, threshold, threshold_mode, cooldown, min_lr, eps);
        }
    }
}
