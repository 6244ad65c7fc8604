using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Samplers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Samplers;

public sealed class SchedulerGoldenTests
{
    public static TheoryData<string> Variants => [.. Goldens.Cases("schedulers")];

    [Theory]
    [MemberData(nameof(Variants))]
    public void StepsEqualDiffusers(string variant)
    {
        var folder = Path.Combine(Goldens.Folder("schedulers"), variant);
        var cases = Goldens.Json(folder, "cases.json");
        double eta = cases.GetProperty("step_kwargs").TryGetProperty("eta", out var value) ? value.GetDouble() : 0;
        using var inputs = Goldens.Open(folder, "inputs");
        using var outputs = Goldens.Open(folder, "outputs");
        int compared = 0;
        foreach (var run in cases.GetProperty("runs").EnumerateObject())
            if (!run.Value.TryGetProperty("skipped", out _) && outputs.Contains(run.Name + ".trajectory"))
            {
                using var scope = NewDisposeScope();
                Compare(folder, run.Name, eta, inputs, outputs);
                compared++;
            }
        Assert.True(compared >= 2, $"{variant}: only {compared} runs found");
    }

    [Theory]
    [InlineData(BetaSchedule.Linear, "linear")]
    [InlineData(BetaSchedule.ScaledLinear, "scaled_linear")]
    [InlineData(BetaSchedule.Cosine, "squaredcos_cap_v2")]
    public void NoiseSchedulesEqualDiffusers(BetaSchedule shape, string name)
    {
        using var golden = Goldens.Open(Goldens.Folder("schedulers"), "betas");
        using var expected = golden.Read(name + ".alphas_cumprod");
        // As in scheduler configurations of Stable Diffusion, or diffusers' defaults for these forms.
        Goldens.Relative(name, Bars(NoiseSchedule.Create(shape)), expected);
        if (shape != BetaSchedule.ScaledLinear)
            return;
        using var zero = golden.Read(name + "_zsnr.alphas_cumprod");
        Goldens.Relative(name + "_zsnr", Bars(NoiseSchedule.Create(shape, zeroTerminalSnr: true)), zero);
    }

    private static void Compare(string folder, string run, double eta, SafeTensorsFile inputs, SafeTensorsFile outputs)
    {
        var json = File.ReadAllText(Path.Combine(folder, "config.json"));
        var prediction = run.StartsWith("v_", StringComparison.Ordinal) ? PredictionType.Velocity : PredictionType.Epsilon;
        var config = SamplerConfig.Parse(json, folder);
        config = config with { Schedule = config.Schedule with { Prediction = prediction } };
        var plan = SamplingPlan.Create(config, int.Parse(run[(run.LastIndexOf('n') + 1)..]));
        Goldens.Relative($"{run} alphas_cumprod", Bars(config.Schedule), outputs.Read("alphas_cumprod"));
        var timesteps = outputs.Read(run + ".timesteps");
        bool whole = timesteps.dtype == ScalarType.Int64;
        Goldens.Relative($"{run} timesteps", plan.Timesteps, timesteps, 0, whole ? 0 : 1e-3);
        Goldens.Relative($"{run} init_noise_sigma", [plan.InitNoiseSigma], outputs.Read(run + ".init_noise_sigma"));
        if (outputs.Contains(run + ".sigmas"))
            Goldens.Relative($"{run} sigmas", plan.Sigmas, outputs.Read(run + ".sigmas"));

        var noise = inputs.Contains(run + ".step_noise") ? inputs.Read(run + ".step_noise") : null;
        var trajectory = new List<Tensor> { inputs.Read("x_noise").mul(plan.InitNoiseSigma) };
        List<Tensor> scaled = [], denoised = [];
        Tensor Model(Tensor x, double t)
        {
            scaled.Add(x.alias().DetachFromDisposeScope());
            return x.mul(0.1).add_(0.05 * Math.Sin(t / 100));
        }
        using var last = Sampler.Sample(Model, trajectory[0], plan, new SamplingRun
        {
            Noise = (step, _) => noise!.select(0, step),
            OnStep = step =>
            {
                trajectory.Add(step.Latents.clone().DetachFromDisposeScope());
                denoised.Add(step.Denoised.clone().DetachFromDisposeScope());
            },
        }, eta);
        var expected = outputs.Read(run + ".trajectory");
        double tolerance = 1e-5 * Math.Max(1, Goldens.AbsMax(expected));
        Goldens.Near($"{run} trajectory", stack(trajectory), expected, tolerance);
        Goldens.Near($"{run} last", last, expected[-1], tolerance);
        if (outputs.Contains(run + ".scaled_inputs"))
            Goldens.Near($"{run} scaled_inputs", stack(scaled), outputs.Read(run + ".scaled_inputs"), tolerance);
        if (outputs.Contains(run + ".pred_original"))
            Goldens.Near($"{run} pred_original", stack(denoised), outputs.Read(run + ".pred_original"), tolerance);
        if (outputs.Contains(run + ".add_noise"))
            CompareForward(run, plan, inputs, outputs);
    }

    private static void CompareForward(string run, SamplingPlan plan, SafeTensorsFile inputs, SafeTensorsFile outputs)
    {
        Tensor x0 = inputs.Read("add_noise.x0"), noise = inputs.Read("add_noise.noise"), at = inputs.Read(run + ".add_noise_timesteps");
        var expected = outputs.Read(run + ".add_noise");
        if (plan.Sigmas.Count == 0)
        {
            Near("add_noise", plan.Config.Schedule.AddNoise(x0, noise, at), expected);
        }
        else
        {
            var values = at.to(ScalarType.Float64).data<double>().ToArray();
            for (int i = 0; i < values.Length; i++)
            {
                // Where the same timestep stands twice in a plan, diffusers takes the second.
                var found = Enumerable.Range(0, plan.Count).Where(k => Math.Abs(plan.Timesteps[k] - values[i]) < 1e-3).ToList();
                int index = found.Count > 1 ? found[1] : found[0];
                Near($"add_noise {i}", Sampler.AddNoise(plan, index, x0.narrow(0, i, 1), noise.narrow(0, i, 1)), expected.narrow(0, i, 1));
            }
        }
        if (outputs.Contains(run + ".velocity"))
            Near("velocity", plan.Config.Schedule.Velocity(x0, noise, at), outputs.Read(run + ".velocity"));

        void Near(string what, Tensor actual, Tensor wanted)
        {
            double excess = ((actual - wanted).abs() - wanted.abs() * 1e-5).max().ToDouble();
            Assert.True(excess <= 1e-6, $"{run} {what}: {excess:g3} over the tolerance");
        }
    }

    private static double[] Bars(NoiseSchedule schedule) => [.. schedule.AlphasCumprod.Select(a => (double)a)];
}
