using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Samplers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Samplers;

/// <summary>Samplers against the exact flow of Gaussian data, and configurations that must be refused.</summary>
public sealed class SamplerTests
{
    // For data ~ N(0, s²) the best noise prediction at x = alpha x0 + sigma noise is sigma x / (alpha² s² + sigma²),
    // and the flow keeps x / sqrt(alpha² s² + sigma²) constant (Song et al. 2021, probability flow of a Gaussian).
    private const double Spread = 0.5;

    /// <summary>The recorded configurations.</summary>
    public static TheoryData<string> Variants => [.. Goldens.Cases("schedulers")];

    [Theory]
    [InlineData(SamplerKind.Ddim, 1, 1)]
    [InlineData(SamplerKind.Euler, 1, 1)]
    [InlineData(SamplerKind.Heun, 2, 1)]
    [InlineData(SamplerKind.DpmSolver, 1, 1)]
    [InlineData(SamplerKind.DpmSolver, 2, 2)]
    [InlineData(SamplerKind.DpmSolver, 2, 3)] // As published, with half of the third-order term: second order.
    [InlineData(SamplerKind.DpmSolver, 1, 1, "dpmsolver")]
    [InlineData(SamplerKind.DpmSolver, 2, 2, "dpmsolver")]
    [InlineData(SamplerKind.DpmSolver, 2, 3, "dpmsolver")]
    [InlineData(SamplerKind.Pndm, 2, 1)]
    [InlineData(SamplerKind.Ddim, 1, 1, "", TimestepSpacing.Linspace)]
    [InlineData(SamplerKind.Ddim, 1, 1, "", TimestepSpacing.Trailing)]
    [InlineData(SamplerKind.DpmSolver, 2, 2, "dpmsolver++", TimestepSpacing.Trailing)]
    public void ErrorsFallWithTheOrderOfTheMethod(SamplerKind kind, int order, int solverOrder,
        string algorithm = "dpmsolver++", TimestepSpacing? spacing = null)
    {
        double coarse = FlowError(kind, 40, solverOrder, algorithm, spacing);
        double fine = FlowError(kind, 80, solverOrder, algorithm, spacing);
        // Between the orders: 2^(order - 0.4) to 2^(order + 1).
        Assert.InRange(coarse / fine, Math.Pow(2, order - 0.4), Math.Pow(2, order + 1));
    }

    // The mean of the posterior q(x_prev | x_t) of Gaussian data is Cov(x_prev, x_t) / Var(x_t) of x_t, and Cov is
    // sqrt(alphaBar_t / alphaBar_prev) Var(x_prev): without noise the product of all steps telescopes.
    [Theory]
    [InlineData(TimestepSpacing.Linspace, 0)]
    [InlineData(TimestepSpacing.Trailing, 0)]
    [InlineData(TimestepSpacing.Leading, 0)]
    [InlineData(TimestepSpacing.Leading, 1)]
    public void AncestralMeansAreExactForAnyNumberOfSteps(TimestepSpacing spacing, int offset)
    {
        var config = Config(SamplerKind.Ddpm, 1) with { Spacing = spacing, StepsOffset = offset };
        foreach (int steps in new[] { 1, 2, 7, 10, 13, 61, 103, 121, 500, 667, 999 })
        {
            using var scope = NewDisposeScope();
            var plan = SamplingPlan.Create(config, steps);
            var run = new SamplingRun { Noise = (_, like) => zeros_like(like) };
            var start = ones(1, 1, 1, 1, ScalarType.Float64);
            double first = config.Schedule.AlphasCumprod[(int)plan.Timesteps[0]], s2 = Spread * Spread;
            double exact = Math.Sqrt(first) * s2 / (first * s2 + 1 - first);
            double found = Sampler.Sample(Gaussian(config.Schedule), start, plan, run).ToDouble();
            Assert.True(Math.Abs(found / exact - 1) < 1e-9, $"{spacing} {steps}: {found:g9}, exact {exact:g9}");
            if (spacing != TimestepSpacing.Leading)
                Assert.Equal(0.01712607, found, 2e-8); // By numpy, whose cumulative product is float32.
        }
    }

    [Theory] // Where steps do not divide the schedule, a fixed stride is not the way to the next timestep.
    [InlineData(TimestepSpacing.Linspace)]
    [InlineData(TimestepSpacing.Trailing)]
    public void DdimEndsOnTheFlowByThePlannedStepsOnly(TimestepSpacing spacing)
    {
        double Error(int steps, bool stride)
        {
            using var scope = NewDisposeScope();
            var config = Config(SamplerKind.Ddim, 1) with
            {
                Spacing = spacing, FixedStride = stride, SetAlphaToOne = true,
            };
            double bar = config.Schedule.AlphasCumprod[999];
            double exact = Spread / Math.Sqrt(bar * Spread * Spread + 1 - bar);
            var plan = SamplingPlan.Create(config, steps);
            return Sampler.Sample(Gaussian(config.Schedule), ones(1, 1, 1, 1, ScalarType.Float64), plan)
                .ToDouble() / exact - 1;
        }
        // First order: about half the error with twice the steps, dividing 1,000 or not; all steps come near.
        Assert.InRange(Error(61, stride: false) / Error(122, stride: false), 1.6, 2.4);
        Assert.InRange(Math.Abs(Error(1000, stride: false)), 0, 0.02);
        Assert.True(Math.Abs(Error(13, stride: true) - Error(13, stride: false)) > 0.01);
    }

    [Theory] // Steps that end where they begin (the smallest sigma, twice) change nothing.
    [InlineData("dpmsolver++", "midpoint", 2)]
    [InlineData("dpmsolver++", "heun", 2)]
    [InlineData("dpmsolver++", "midpoint", 3)]
    [InlineData("dpmsolver", "midpoint", 2)]
    [InlineData("sde-dpmsolver++", "midpoint", 2)]
    public void AStepOfNoLengthKeepsTheLatents(string algorithm, string solver, int order)
    {
        foreach (var (steps, karras) in new[] { (1000, false), (700, false), (20, true), (1, true) })
        {
            using var scope = NewDisposeScope();
            var config = Config(SamplerKind.DpmSolver, order) with
            {
                AlgorithmType = algorithm, SolverType = solver,
                Spacing = TimestepSpacing.Trailing, UseKarrasSigmas = karras,
            };
            var run = new SamplingRun { Noise = (_, like) => zeros_like(like) };
            var plan = SamplingPlan.Create(config, steps);
            var end = Sampler.Sample(Gaussian(config.Schedule), ones(1, 1, 1, 1, ScalarType.Float64), plan, run);
            Assert.True(double.IsFinite(end.ToDouble()), $"{steps} steps end at {end.ToDouble()}");
        }
    }

    [Fact]
    public void HigherOrderIsMoreExactAtTheSameSteps()
    {
        double euler = FlowError(SamplerKind.Euler, 40, 1), heun = FlowError(SamplerKind.Heun, 40, 1);
        Assert.True(heun < euler / 5, $"Heun {heun:g3}, Euler {euler:g3}");
        double second = FlowError(SamplerKind.DpmSolver, 40, 2), third = FlowError(SamplerKind.DpmSolver, 40, 3);
        Assert.True(third < second / 1.5, $"3M {third:g3}, 2M {second:g3}");
    }

    // Ancestral sampling of exact Gaussian data ends with the data's variance: 95 % of chi-square with 65,536 values.
    [Theory]
    [InlineData(SamplerKind.Ddpm)]
    [InlineData(SamplerKind.EulerAncestral)]
    public void StochasticSamplersEndWithTheVarianceOfTheData(SamplerKind kind)
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(11);
        var config = Config(kind, 1) with { Spacing = TimestepSpacing.Trailing };
        var plan = SamplingPlan.Create(config, 500);
        var start = randn([1, 4, 128, 128], generator: generator).mul(plan.InitNoiseSigma);
        var run = new SamplingRun { Noise = (_, like) => randn(like.shape, generator: generator) };
        double variance = Sampler.Sample(Gaussian(config.Schedule), start, plan, run).@var().ToDouble();
        // The discretisation adds under 2 %; the statistical error of a variance from 65,536 values is 0.55 %.
        Assert.InRange(variance / (Spread * Spread), 0.96, 1.04);
    }

    // The SDE's solvers are of first and second order: what the discretisation adds at 500
    // steps is bounded by the first.
    [Theory]
    [InlineData("sde-dpmsolver++", 1)]
    [InlineData("sde-dpmsolver++", 2)]
    [InlineData("sde-dpmsolver", 1)]
    [InlineData("sde-dpmsolver", 2)]
    public void SdeSolversEndWithTheVarianceOfTheData(string algorithm, int order)
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(14);
        var config = Config(SamplerKind.DpmSolver, order) with { AlgorithmType = algorithm };
        var plan = SamplingPlan.Create(config, 500);
        var start = randn([1, 4, 128, 128], generator: generator);
        var run = new SamplingRun { Noise = (_, like) => randn(like.shape, generator: generator) };
        double variance = Sampler.Sample(Gaussian(config.Schedule), start, plan, run).@var().ToDouble();
        // It ends at the smallest sigma: the data's variance shrunk by alphaBar, and its noise.
        double bar = config.Schedule.AlphasCumprod[0], expected = bar * Spread * Spread + 1 - bar;
        Assert.InRange(variance / expected, 0.96, 1.04);
    }

    // An exact consistency model jumps along the flow to x0: every number of steps gives the data's
    // variance, within 4 standard errors.
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(8)]
    public void AnExactConsistencyModelGivesTheVarianceOfTheData(int steps)
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(15);
        var config = Config(SamplerKind.Lcm, 1);
        var plan = SamplingPlan.Create(config, steps);
        // c_skip x + c_out x0 = s x / sqrt(alphaBar s² + 1 - alphaBar), solved for the noise that makes it
        // so (Luo et al. 2023, eq. 9).
        Tensor Exact(Tensor x, double t)
        {
            double bar = config.Schedule.AlphasCumprod[(int)t], scaled = t * config.TimestepScaling,
                norm = scaled * scaled + 0.25;
            double x0 = (Spread / Math.Sqrt(bar * Spread * Spread + 1 - bar) - 0.25 / norm) * Math.Sqrt(norm) / scaled;
            return x.mul((1 - Math.Sqrt(bar) * x0) / Math.Sqrt(1 - bar));
        }
        double first = config.Schedule.AlphasCumprod[(int)plan.Timesteps[0]];
        var start = randn([1, 4, 128, 128], generator: generator).mul(Math.Sqrt(first * Spread * Spread + 1 - first));
        var run = new SamplingRun { Noise = (_, like) => randn(like.shape, generator: generator) };
        double variance = Sampler.Sample(Exact, start, plan, run).@var().ToDouble();
        Assert.InRange(variance / (Spread * Spread), 1 - 4 * Math.Sqrt(2.0 / 65536), 1 + 4 * Math.Sqrt(2.0 / 65536));
    }

    [Fact] // The first step has no signal, and eta 1 replaces all of its noise. Bounds as above.
    public void StochasticDdimFromPureNoiseEndsWithTheVarianceOfTheData()
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(12);
        var schedule = NoiseSchedule.Create(zeroTerminalSnr: true, prediction: PredictionType.Velocity);
        var plan = SamplingPlan.Create(Config(SamplerKind.Ddim, 1) with { Schedule = schedule,
            Spacing = TimestepSpacing.Trailing }, 500);
        Assert.Equal(0, plan.AlphaBar(0));
        var start = randn([1, 4, 128, 128], generator: generator);
        var run = new SamplingRun { Noise = (_, like) => randn(like.shape, generator: generator) };
        // The best velocity: alpha E[noise] - sigma E[x0] = alpha sigma (1 - s²) x / (alpha² s² + sigma²).
        Tensor Velocity(Tensor x, double t)
        {
            double bar = schedule.AlphasCumprod[(int)t];
            return x.mul(Math.Sqrt(bar * (1 - bar)) * (1 - Spread * Spread) / (bar * Spread * Spread + 1 - bar));
        }
        double variance = Sampler.Sample(Velocity, start, plan, run, eta: 1).@var().ToDouble();
        Assert.InRange(variance / (Spread * Spread), 0.96, 1.04);
    }

    [Fact] // Of normal data the flow is known: what starts as x ends as x times the data's deviation.
    public void DpmSolverFromPureNoiseComesNearerInTwelveStepsThanDdimInFifty()
    {
        using var scope = NewDisposeScope();
        var schedule = NoiseSchedule.Create(BetaSchedule.Cosine, prediction: PredictionType.Velocity,
            zeroTerminalSnr: true);
        Tensor Velocity(Tensor x, double t)
        {
            double bar = schedule.AlphasCumprod[(int)t];
            return x.mul(Math.Sqrt(bar * (1 - bar)) * (1 - Spread * Spread) / (bar * Spread * Spread + 1 - bar));
        }
        double Error(SamplerKind kind, int steps)
        {
            var plan = SamplingPlan.Create(new()
            {
                Kind = kind, Schedule = schedule, Spacing = TimestepSpacing.Trailing, FixedStride = false,
                SetAlphaToOne = true,
            }, steps);
            return Math.Abs(Sampler.Sample(Velocity, ones(1), plan).ToDouble() - Spread);
        }
        var (first, second) = (Error(SamplerKind.Ddim, 50), Error(SamplerKind.DpmSolver, 12));
        Assert.True(second < first, $"{second} against {first}");
        Assert.InRange(second, 0, 0.03 * Spread);
    }

    [Fact]
    public void CancellingStopsBetweenSteps()
    {
        using var source = new CancellationTokenSource();
        var plan = SamplingPlan.Create(Config(SamplerKind.Ddim, 1), 10);
        int steps = 0;
        var run = new SamplingRun { Cancellation = source.Token, OnStep = step =>
            { if (++steps == 3) source.Cancel(); } };
        using var start = randn(1, 1, 4, 4);
        Assert.Throws<OperationCanceledException>(() => Sampler.Sample((x, _) => x.mul(0.1), start, plan, run));
        Assert.Equal(3, steps);
    }

    [Theory]
    [InlineData("""{"_class_name": "KDPM2DiscreteScheduler"}""", "KDPM2DiscreteScheduler")]
    [InlineData("""{"_class_name": "PNDMScheduler", "skip_prk_steps": false}""", "skip_prk_steps")]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++","""
        + """ "solver_order": 3}""", "solver_order")]
    [InlineData("""{"_class_name": "DDIMScheduler", "beta_shedule": "linear"}""", "beta_shedule")]
    [InlineData("""{"_class_name": "DDIMScheduler", "beta_schedule": "wavy"}""", "wavy")]
    [InlineData("""{"_class_name": "DDIMScheduler", "num_train_timesteps": "many"}""", "num_train_timesteps")]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "use_beta_sigmas": true}""", "use_beta_sigmas")]
    [InlineData("""{"_class_name": "DDIMScheduler", "beta_start": 0.5, "beta_end": 0.1}""", "0 < start")]
    [InlineData("""{"_class_name": """, "not JSON")]
    [InlineData("[1]", "object")]
    public void AnUnknownConfigurationIsNamed(string json, string named)
    {
        var error = Assert.Throws<CheckpointException>(() => SamplerConfig.Parse(json, "x/scheduler_config.json"));
        Assert.Contains(named, error.Message);
        Assert.StartsWith("x/scheduler_config.json", error.Message);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void AConfigurationIsWrittenAsItIsRead(string variant)
    {
        var read = SamplerConfig.Load(Path.Combine(Goldens.Folder("schedulers"), variant, "config.json"));
        var again = SamplerConfig.Parse(read.ToJson());
        Assert.Equal(read.Schedule.AlphasCumprod, again.Schedule.AlphasCumprod);
        var (plan, same) = (SamplingPlan.Create(read, 7), SamplingPlan.Create(again, 7));
        Assert.Equal(plan.Timesteps, same.Timesteps);
        Assert.Equal(plan.Sigmas, same.Sigmas);
        Assert.Equal(read.ToJson(), again.ToJson());
    }

    [Fact]
    public void AnotherSamplerTakesThisSchedule()
    {
        // Stable Diffusion 1.5 comes with PNDM; its fields serve any sampler.
        var config = SamplerConfig.Parse("""
            {"_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", "beta_end": 0.012,
             "beta_schedule": "scaled_linear", "beta_start": 0.00085, "num_train_timesteps": 1000,
             "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1, "trained_betas": null,
             "clip_sample": false}
            """, kind: SamplerKind.DpmSolver);
        Assert.Equal(SamplerKind.DpmSolver, config.Kind);
        Assert.Equal(NoiseSchedule.Create().AlphasCumprod, config.Schedule.AlphasCumprod);
    }

    [Fact]
    public void StartingAtZeroSignalWithNoisePredictionIsRefused()
    {
        var config = Config(SamplerKind.Ddim, 1) with { Schedule = NoiseSchedule.Create(zeroTerminalSnr: true),
            Spacing = TimestepSpacing.Trailing };
        using var start = randn(1, 1, 4, 4);
        Assert.Throws<InvalidOperationException>(() =>
            Sampler.Sample((x, _) => x.alias(), start, SamplingPlan.Create(config, 5)));
    }

    private static SamplerConfig Config(SamplerKind kind, int solverOrder) =>
        new() { Kind = kind, Spacing = TimestepSpacing.Linspace, StepsOffset = 0, SolverOrder = solverOrder,
            FinalSigmasType = "sigma_min", LowerOrderFinal = false };

    private static Denoiser Gaussian(NoiseSchedule schedule) => (x, t) =>
    {
        double bar = Bar(schedule, t);
        return x.mul(Math.Sqrt(1 - bar) / (bar * Spread * Spread + 1 - bar));
    };

    // alphaBar at a fractional timestep, as sigma is interpolated by the plan.
    private static double Bar(NoiseSchedule schedule, double t)
    {
        if (t == Math.Floor(t))
            return schedule.AlphasCumprod[(int)t];
        int low = Math.Min((int)t, schedule.TrainTimesteps - 2);
        double sigma = schedule.Sigma(low) + (schedule.Sigma(low + 1) - schedule.Sigma(low)) * (t - low);
        return 1 / (1 + sigma * sigma);
    }

    /// <summary>
    /// Relative error of the flow over the first three quarters of the plan, where levels are spaced smoothly.
    /// </summary>
    private static double FlowError(SamplerKind kind, int steps, int solverOrder, string algorithm = "dpmsolver++",
        TimestepSpacing? spacing = null)
    {
        using var scope = NewDisposeScope();
        var config = Config(kind, solverOrder) with { AlgorithmType = algorithm };
        // Adams and Bashforth's factors are for even steps.
        if (spacing is { } own)
            config = config with { Spacing = own, FixedStride = false };
        else if (kind is SamplerKind.Ddim or SamplerKind.Pndm)
            config = config with { Spacing = TimestepSpacing.Leading };
        var plan = SamplingPlan.Create(config, steps);
        var start = ones(1, 1, 1, 1, ScalarType.Float64);
        double before = double.NaN;
        Sampler.Sample(Gaussian(config.Schedule), start, plan, new SamplingRun
        {
            OnStep = step => before = step.Index == steps * 3 / 4 - 1 ? step.Latents.ToDouble() : before,
        });
        double Norm(int index)
        {
            double bar = Bar(config.Schedule, plan.Timesteps[index]), total = bar * Spread * Spread + 1 - bar;
            // Euler and Heun work where the signal has scale 1.
            return Math.Sqrt(kind is SamplerKind.Euler or SamplerKind.Heun ? total / bar : total);
        }
        return Math.Abs(before / (Norm(steps * 3 / 4) / Norm(0)) - 1);
    }
}
