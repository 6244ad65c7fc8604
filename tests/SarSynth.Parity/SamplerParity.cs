// Recorded runs of diffusers' schedulers, compared step by step. The recorded model is m(x, t)
// = 0.1 x + 0.05 sin(t / 100).
using System.Globalization;
using System.Text.Json;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Samplers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Parity;

/// <summary>
/// How case folders of schedulers are run: names "PREDICTION.nSTEPS.WHAT", kinds of runs in cases.json.
/// </summary>
internal static class SamplerParity
{
    private const string BetasName = "betas.safetensors";
    private const double Trajectory = 1e-5, Relative = 1e-5, Absolute = 1e-6;

    /// <summary>Whether a folder has a file of noise schedules, by the names of their forms.</summary>
    public static bool HoldsSchedules(string folder) => File.Exists(Path.Combine(folder, BetasName))
        && !File.Exists(Path.Combine(folder, "config.json"));

    /// <summary>Compares noise schedules, "FORM[_zsnr].alphas_cumprod", between Stable Diffusion's ends.</summary>
    public static IReadOnlyList<ParityResult> Schedules(ParityCase folder)
    {
        using var file = SafeTensorsFile.Open(Path.Combine(folder.FolderPath, BetasName));
        var results = new List<ParityResult>();
        foreach (var name in file.Header.Entries.Select(e => e.Name).Order(StringComparer.Ordinal))
        {
            using var scope = NewDisposeScope();
            var parts = name.Split('.');
            var zero = parts[0].EndsWith("_zsnr", StringComparison.Ordinal);
            var schedule = (zero ? parts[0][..^5] : parts[0]) switch
            {
                "linear" => NoiseSchedule.Create(BetaSchedule.Linear, zeroTerminalSnr: zero),
                "scaled_linear" => NoiseSchedule.Create(BetaSchedule.ScaledLinear, zeroTerminalSnr: zero),
                "squaredcos_cap_v2" => NoiseSchedule.Create(BetaSchedule.Cosine, zeroTerminalSnr: zero),
                _ => null,
            };
            var expected = file.Read(name, ScalarType.Float64).data<double>().ToArray();
            var actual = parts[^1] == "alphas_cumprod" ? schedule?.AlphasCumprod : null;
            results.Add(actual is null || actual.Count != expected.Length
                ? new(folder.Name, $"{name} (nothing was compared with it)", double.NaN, Relative)
                : new(folder.Name, name,
                    actual.Select((value, t) =>
                    Math.Abs(value - expected[t]) / (Relative * Math.Abs(expected[t]) + Absolute))
                    .Max() * Relative, Relative));
        }
        return results;
    }

    public static IReadOnlyList<ParityResult> Run(ParityCase folder)
    {
        var results = new List<ParityResult>();
        var cases = folder.Cases?.RootElement
            ?? throw new CheckpointException(folder.FolderPath,
            "cases.json is missing; it says which runs were recorded");
        double eta = cases.TryGetProperty("step_kwargs", out var step)
            && step.TryGetProperty("eta", out var value) ? value.GetDouble() : 0;
        var config = SamplerConfig.Parse(folder.ConfigText, folder.FolderPath);
        var names = folder.OutputNames.ToHashSet();
        if (names.Contains("alphas_cumprod"))
            results.Add(Values(folder, "alphas_cumprod", [.. config.Schedule.AlphasCumprod.Select(a => (double)a)]));
        foreach (var run in cases.GetProperty("runs").EnumerateObject()
            .Where(r => names.Contains(r.Name + ".trajectory")))
        {
            using var scope = NewDisposeScope();
            var prediction = run.Name.StartsWith("v_", StringComparison.Ordinal) ? PredictionType.Velocity
                : run.Name.StartsWith("sample", StringComparison.Ordinal) ? PredictionType.Sample
                    : PredictionType.Epsilon;
            var own = config with { Schedule = config.Schedule with { Prediction = prediction } };
            var plan = SamplingPlan.Create(own,
                int.Parse(run.Name[(run.Name.LastIndexOf('n') + 1)..], CultureInfo.InvariantCulture));
            results.AddRange(Steps(folder, run.Name, plan, eta, names));
            if (names.Contains(run.Name + ".add_noise"))
                results.Add(folder.Compare(run.Name + ".add_noise", Forward(folder, run.Name, plan), Relative,
                    perValue: Absolute));
            if (names.Contains(run.Name + ".velocity"))
                results.Add(folder.Compare(run.Name + ".velocity",
                    own.Schedule.Velocity(folder.Needed("add_noise.x0"), folder.Needed("add_noise.noise"),
                    folder.Needed(run.Name + ".add_noise_timesteps")), Relative, perValue: Absolute));
        }
        return results;
    }

    private static IEnumerable<ParityResult> Steps(ParityCase folder, string run, SamplingPlan plan, double eta,
        HashSet<string> names)
    {
        // diffusers makes Heun's step in two calls, and lists each time and level but the first and last twice.
        var doubled = plan.Config.Kind == SamplerKind.Heun;
        yield return Values(folder, run + ".timesteps", doubled
            ? [plan.Timesteps[0], .. plan.Timesteps.Skip(1).SelectMany(t => new[] { t, t })] : plan.Timesteps);
        yield return Values(folder, run + ".init_noise_sigma", [plan.InitNoiseSigma]);
        if (names.Contains(run + ".sigmas"))
            yield return Values(folder, run + ".sigmas", doubled
                ? [plan.Sigmas[0], .. plan.Sigmas.Skip(1).SkipLast(1).SelectMany(s => new[] { s, s }), plan.Sigmas[^1]]
                : plan.Sigmas);
        var noise = folder.Input(run + ".step_noise");
        double[] calledAt = doubled
            ? [plan.Sigmas[0], .. plan.Sigmas.Skip(1).SkipLast(1).SelectMany(s => new[] { s, s })] : [];
        List<Tensor> scaled = [], denoised = [], trajectory =
            [folder.Needed("x_noise").to(ScalarType.Float32).mul(plan.InitNoiseSigma)];
        Tensor Kept(Tensor tensor) => tensor.clone().DetachFromDisposeScope();
        try
        {
            Sampler.Sample((x, t) =>
            {
                scaled.Add(Kept(x));
                var output = x.mul(0.1).add_(0.05 * Math.Sin(t / 100));
                if (doubled)
                {
                    // The second call's input is what the first came to; both have an estimate of their own.
                    double level = calledAt[scaled.Count - 1], scale = Math.Sqrt(1 + level * level);
                    if (scaled.Count % 2 == 0)
                        trajectory.Add(Kept(x.mul(scale)));
                    denoised.Add(Kept(Sampler.Denoised(plan.Config.Schedule.Prediction, output, x, 1 / scale,
                        level / scale)));
                }
                return output;
            }, trajectory[0], plan, new SamplingRun
            {
                Noise = (index, like) => noise?.select(0, index).to(like.dtype)
                    ?? throw new CheckpointException(folder.FolderPath, $"no recorded noise for {run}"),
                OnStep = at =>
                {
                    trajectory.Add(Kept(at.Latents));
                    if (!doubled)
                        denoised.Add(Kept(at.Denoised));
                },
            }, eta).Dispose();
            foreach (var (name, steps) in new[] { ("trajectory", trajectory), ("scaled_inputs", scaled),
                ("pred_original", denoised) })
                if (names.Contains($"{run}.{name}"))
                    yield return folder.Compare($"{run}.{name}", stack(steps), Trajectory, growing: true);
        }
        finally
        {
            foreach (var tensor in scaled.Concat(denoised).Concat(trajectory))
                tensor.Dispose();
        }
    }

    private static Tensor Forward(ParityCase folder, string run, SamplingPlan plan)
    {
        Tensor x0 = folder.Needed("add_noise.x0"), noise = folder.Needed("add_noise.noise"),
            at = folder.Needed(run + ".add_noise_timesteps");
        if (plan.Sigmas.Count == 0)
            return plan.Config.Schedule.AddNoise(x0, noise, at);
        var parts = at.to(ScalarType.Float64).cpu().data<double>().ToArray().Select((timestep, i) =>
        {
            // Where a timestep stands twice in a plan, diffusers takes the second.
            var found = Enumerable.Range(0, plan.Count).Where(k => Math.Abs(plan.Timesteps[k] - timestep) < 1e-2)
                .ToList();
            return Sampler.AddNoise(plan, found.Count > 1 ? found[1] : found[0], x0.narrow(0, i, 1),
                noise.narrow(0, i, 1));
        });
        return cat(parts.ToList());
    }

    // Interpolated timesteps carry the rounding of float32 logarithms; whole ones must be exact.
    private static ParityResult Values(ParityCase folder, string name, IReadOnlyList<double> values)
    {
        using var actual = tensor(values.ToArray());
        bool timesteps = name.EndsWith("timesteps", StringComparison.Ordinal);
        return timesteps && values.All(v => v == Math.Floor(v)) ? folder.Compare(name, actual, 0)
            : timesteps ? folder.Compare(name, actual, 1e-3)
            : folder.Compare(name, actual, Relative, perValue: Absolute);
    }
}
