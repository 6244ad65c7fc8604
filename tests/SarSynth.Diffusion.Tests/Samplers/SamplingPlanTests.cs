using SarSynth.Diffusion.Samplers;

namespace SarSynth.Diffusion.Tests.Samplers;

/// <summary>
/// Every plan that can be asked for: n distinct steps within the schedule, in order, or an error that says why not.
/// </summary>
public sealed class SamplingPlanTests
{
    private static readonly NoiseSchedule Schedule = NoiseSchedule.Create();

    /// <summary>
    /// All samplers, spacings and offsets over 1,000 timesteps, with the numbers of steps that have no plan.
    /// </summary>
    public static TheoryData<SamplerKind, TimestepSpacing, int, int[]> Plans
    {
        get
        {
            var data = new TheoryData<SamplerKind, TimestepSpacing, int, int[]>();
            foreach (var kind in Enum.GetValues<SamplerKind>())
                foreach (var spacing in Enum.GetValues<TimestepSpacing>())
                    foreach (int offset in new[] { 0, 1 })
                        data.Add(kind, spacing, offset, (kind, spacing, offset) switch
                        {
                            // LCM skips through the 50 steps that were distilled.
                            (SamplerKind.Lcm, _, _) => [.. Enumerable.Range(51, 950)],
                            // DPM-Solver's last step ends at a point of its own, which 1,000 steps leave no room for.
                            (SamplerKind.DpmSolver, TimestepSpacing.Linspace, _) => [1000],
                            (SamplerKind.DpmSolver, TimestepSpacing.Leading, 0) => [1000],
                            (SamplerKind.DpmSolver, TimestepSpacing.Leading, _) => [999, 1000],
                            // 0 + 1 .. 999 + 1: the last is not in the schedule.
                            (_, TimestepSpacing.Leading, 1) => [1000],
                            _ => [],
                        });
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Plans))]
    public void APlanHasDistinctStepsWithinTheScheduleInOrder(
        SamplerKind kind, TimestepSpacing spacing, int offset, int[] refused)
    {
        var config = new SamplerConfig { Kind = kind, Schedule = Schedule, Spacing = spacing, StepsOffset = offset };
        var without = new List<int>();
        for (int n = 1; n <= 1000; n++)
        {
            SamplingPlan plan;
            try
            {
                plan = SamplingPlan.Create(config, n);
            }
            catch (ArgumentOutOfRangeException error)
            {
                Assert.Equal("steps", error.ParamName);
                Assert.Contains(kind == SamplerKind.Lcm ? "1 .. 50" : spacing.ToString()
                    .ToLowerInvariant(), error.Message);
                without.Add(n);
                continue;
            }
            // PNDM makes its first step twice, the second time from where it led.
            var distinct = kind == SamplerKind.Pndm
                && n > 1 ? [.. plan.Timesteps.Take(1), .. plan.Timesteps.Skip(2)] : plan.Timesteps;
            Assert.Equal(n, distinct.Count);
            AssertFalling(distinct, 0, 999, $"{n} steps");
            if (plan.Sigmas.Count == 0)
                AssertLeadsToTheNext(plan);
            else
                AssertLevels(plan, n);
        }
        Assert.Equal(refused, without);
    }

    [Theory]
    [InlineData(SamplerKind.Euler, "karras")]
    [InlineData(SamplerKind.Euler, "exponential")]
    [InlineData(SamplerKind.Euler, "log_linear")]
    [InlineData(SamplerKind.EulerAncestral, "plain")]
    [InlineData(SamplerKind.Heun, "karras")]
    [InlineData(SamplerKind.Heun, "exponential")]
    [InlineData(SamplerKind.DpmSolver, "karras")]
    [InlineData(SamplerKind.DpmSolver, "exponential")]
    [InlineData(SamplerKind.DpmSolver, "lambdas")]
    public void LevelsFallWhateverTheirSpacing(SamplerKind kind, string levels)
    {
        foreach (var spacing in Enum.GetValues<TimestepSpacing>())
            foreach (var final in new[] { "zero", "sigma_min" })
            {
                var config = new SamplerConfig
                {
                    Kind = kind, Schedule = Schedule, Spacing = spacing, StepsOffset = 0, FinalSigmasType = final,
                    UseKarrasSigmas = levels == "karras", UseExponentialSigmas = levels == "exponential",
                    UseLuLambdas = levels == "lambdas",
                    InterpolationType = levels == "log_linear" ? "log_linear" : "linear",
                };
                for (int n = 1; n <= 999; n++)
                    AssertLevels(SamplingPlan.Create(config, n), n);
            }
    }

    [Theory] // A level under the smallest leads up to it.
    [InlineData(0.0, "sigma 0")]
    [InlineData(0.001, "leads up")]
    public void LevelsThatNoStepCanTakeAreNamed(double smallest, string named)
    {
        var config = new SamplerConfig
        {
            Kind = SamplerKind.Euler, Schedule = NoiseSchedule.Create(), Spacing = TimestepSpacing.Trailing,
            UseExponentialSigmas = true, SigmaMin = smallest, FinalSigmasType = "sigma_min",
        };
        Assert.Contains(named, Assert.Throws<ArgumentOutOfRangeException>(() => SamplingPlan.Create(config, 10))
            .Message);
    }

    [Theory]
    [InlineData(SamplerKind.Euler)]
    [InlineData(SamplerKind.DpmSolver)]
    public void ALastStepWithoutSignalHasTheFiniteLevelOfDiffusers(SamplerKind kind)
    {
        var plan = SamplingPlan.Create(new()
        {
            Kind = kind, Schedule = NoiseSchedule.Create(zeroTerminalSnr: true), Spacing = TimestepSpacing.Trailing,
        }, 10);
        Assert.Equal(999, plan.Timesteps[0]);
        Assert.Equal(Math.ScaleB(1, -24), 1 / (plan.Sigmas[0] * plan.Sigmas[0] + 1), 1e-20);
        Assert.True(plan.Sigmas[1] < 100);
    }

    [Fact]
    public void OtherLengthsOfScheduleHoldToo()
    {
        foreach (int total in new[] { 2, 3, 7, 50, 77 })
            foreach (var kind in Enum.GetValues<SamplerKind>().Except([SamplerKind.Lcm]))
            {
                var config = new SamplerConfig
                {
                    Kind = kind, Schedule = NoiseSchedule.Create(trainTimesteps: total),
                        Spacing = TimestepSpacing.Trailing,
                };
                for (int n = 1; n <= total; n++)
                    AssertFalling(SamplingPlan.Create(config, n).Timesteps.Distinct()
                        .ToList(), 0, total - 1, $"{kind} {n} of {total}");
            }
    }

    // alphaBar clipped at the noisiest end: cosine schedules with DPM-Solver.
    [Fact]
    public void StepsAreCountedOverWhatIsNotClipped()
    {
        var config = new SamplerConfig
        {
            Kind = SamplerKind.DpmSolver, Schedule = NoiseSchedule.Create(BetaSchedule.Cosine),
                Spacing = TimestepSpacing.Trailing,
            LambdaMinClipped = -5.1,
        };
        int within = Enumerable.Range(0, 1000).Count(t => -Math.Log(config.Schedule.Sigma(t)) >= -5.1);
        Assert.InRange(within, 900, 999);
        foreach (int n in new[] { 5, 20, 333, within })
        {
            var plan = SamplingPlan.Create(config, n);
            Assert.Equal(n, plan.Count);
            AssertFalling(plan.Timesteps, 0, within - 1, $"{n} steps");
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => SamplingPlan.Create(config, within + 1));
    }

    // Tens of millions of steps are looked at: words are made for the one that is wrong.
    private static void AssertFalling(IReadOnlyList<double> timesteps, double least, double most, string what)
    {
        for (int i = 0; i < timesteps.Count; i++)
            if (!(timesteps[i] >= least && timesteps[i] <= most && (i == 0 || timesteps[i] < timesteps[i - 1])))
                Assert.Fail($"{what}: step {i} is timestep {timesteps[i]}"
                    + (i == 0 ? "" : $" after {timesteps[i - 1]}"));
    }

    private static void AssertLeadsToTheNext(SamplingPlan plan)
    {
        if (plan.Config.Kind == SamplerKind.Ddim)
            plan = plan with { Config = plan.Config with { FixedStride = false } };
        for (int i = 0; i < plan.Count - 1; i++)
            if (plan.AlphaBar(i + 1) != plan.AlphaBarAfter(i))
                Assert.Fail($"{plan.Count} steps: after step {i} alphaBar is {plan.AlphaBarAfter(i)}, "
                    + $"the next begins with {plan.AlphaBar(i + 1)}");
        Assert.Equal(plan.Config.Kind == SamplerKind.Ddpm ? 1.0
            : Schedule.AlphasCumprod[0], plan.AlphaBarAfter(plan.Count - 1));
    }

    private static void AssertLevels(SamplingPlan plan, int n)
    {
        Assert.Equal(n, plan.Count);
        Assert.Equal(n + 1, plan.Sigmas.Count);
        for (int i = 0; i < n; i++)
        {
            if (!(double.IsFinite(plan.Sigmas[i]) && plan.Sigmas[i] > 0
                && (i == 0 || plan.Sigmas[i] < plan.Sigmas[i - 1])))
                Assert.Fail($"{n} steps: sigma {i} is {plan.Sigmas[i]}");
            if (plan.Timesteps[i] is not (>= 0 and <= 999))
                Assert.Fail($"{n} steps: step {i} is timestep {plan.Timesteps[i]}");
        }
        Assert.InRange(plan.Sigmas[n], 0, plan.Sigmas[n - 1]);
    }
}
