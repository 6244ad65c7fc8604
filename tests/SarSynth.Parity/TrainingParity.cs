// Recorded training: losses, gradients and AdamW steps of a UNet, of a LoRA on it and of a ControlNet; rules that are
// functions of the step. cases.json lists the gradients' norms, which tell the models beside the folder apart.
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Training;
using TorchSharp.Modules;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Parity;

/// <summary>How a folder of recorded training is run. Outputs are "CASE.WHAT": see each method for its cases.</summary>
internal static partial class TrainingParity
{
    private const double LossTolerance = 1e-5, GradientTolerance = 1e-3;

    public static bool Holds(string folder)
    {
        using var opened = new ParityCase(folder, null, ScalarType.Float32);
        return opened.Cases?.RootElement is { ValueKind: JsonValueKind.Object } cases
            && cases.EnumerateObject().Any(c => c.Name.EndsWith(Norms, StringComparison.Ordinal));
    }

    public static IReadOnlyList<ParityResult> Run(ParityCase folder)
    {
        using var scope = NewDisposeScope();
        var results = new List<ParityResult>();
        var cases = folder.OutputNames.Select(n => n.Split('.')[0]).Distinct().ToList();
        foreach (var name in cases)
        {
            using var inner = NewDisposeScope();
            if (Loss().Match(name) is { Success: true } loss)
                results.AddRange(Gradients(folder, name, loss));
            else if (Steps().Match(name) is { Success: true } steps)
                results.AddRange(Adam(folder, name, steps));
            else if (name == "lora")
                results.AddRange(OfLora(folder));
            else if (name == "controlnet")
                results.AddRange(OfControlNet(folder));
            else if (name == "snr")
                results.AddRange(Weights(folder));
        }
        return [.. results, .. Rates(folder), .. Decays(folder)];
    }

    private const string Norms = ".grad_l2_norms";

    // "eps", "v" or "sample", with "_minsnrG": loss, gradients, their norm, the noisy latents and the prediction.
    private static IEnumerable<ParityResult> Gradients(ParityCase folder, string name, Match match)
    {
        using var unet = Unet(folder);
        var batch = new Batch(folder, unet, Prediction(match.Groups[1].Value),
            match.Groups[2].Success ? double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture) : null);
        using var loss = batch.Loss();
        loss.backward();
        foreach (var result in Compared(folder, name, loss, Named(unet)))
            yield return result;
        if (folder.OutputNames.Contains($"{name}.total_grad_norm"))
        {
            using var optimizer = new AdamWOptimizer(Named(unet));
            yield return folder.Compare($"{name}.total_grad_norm", tensor(new[] { optimizer.GradientNorm() }), 1e-4,
                perValue: 0);
        }
        if (folder.OutputNames.Contains($"{name}.noisy_latents"))
            yield return folder.Compare($"{name}.noisy_latents", batch.Noisy, 5e-6);
        if (folder.OutputNames.Contains($"{name}.model_pred"))
            yield return folder.Compare($"{name}.model_pred", batch.Predicted, 5e-5);
    }

    // "adamw", with "_clipC" and "_epsE": steps on all parameters, the loss before each and after the last.
    private static IEnumerable<ParityResult> Adam(ParityCase folder, string name, Match match)
    {
        using var unet = Unet(folder);
        var batch = new Batch(folder, unet, PredictionType.Epsilon, null);
        var settings = folder.Cases!.RootElement.GetProperty("adamw");
        double epsilon = match.Groups[2].Success ? Number(match.Groups[2].Value)
            : settings.GetProperty("eps").GetDouble();
        double? clip = match.Groups[1].Success ? Number(match.Groups[1].Value) : null;
        return Stepped(folder, name, Named(unet), settings, epsilon, clip, batch);
        static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
    }

    private static IEnumerable<ParityResult> Stepped(ParityCase folder, string name,
        IReadOnlyDictionary<string, Parameter> parameters, JsonElement settings, double epsilon, double? clip,
        Batch batch)
    {
        // eps 1e-8 turns the rounding of near-zero gradients into whole steps: there only the mean is tight.
        var tight = epsilon >= 1e-4;
        double largest = tight ? 5e-5 : 2e-3, lossTolerance = tight ? 1e-4 : 1e-3;
        var betas = settings.GetProperty("betas");
        using var optimizer = new AdamWOptimizer(parameters,
            new AdamWOptions(betas[0].GetDouble(), betas[1].GetDouble(), epsilon,
            settings.GetProperty("weight_decay").GetDouble()));
        var recorded = folder.OutputNames.ToHashSet();
        var results = new List<ParityResult>();
        var losses = new List<double>();
        for (var step = 1; step <= settings.GetProperty("steps").GetInt32(); step++)
        {
            using var scope = NewDisposeScope();
            var loss = batch.Loss();
            losses.Add(loss.ToDouble());
            loss.backward();
            if (step == 1)
                results.AddRange(Compared(folder, name, null, parameters));
            optimizer.Step(settings.GetProperty("lr").GetDouble(),
                clip is { } limit ? Math.Min(1, limit / (optimizer.GradientNorm() + 1e-6)) : 1);
            optimizer.ZeroGrad();
            var prefix = $"{name}.step{step}.";
            results.AddRange(recorded.Where(n => n.StartsWith(prefix, StringComparison.Ordinal))
                .Order(StringComparer.Ordinal)
                .Select(n => folder.CompareMean(n, parameters[n[prefix.Length..]], largest, 5e-5)));
        }
        foreach (var (what, state) in new[] { ("exp_avg", optimizer.Mean), ("exp_avg_sq", optimizer.Square) })
        {
            var prefix = $"{name}.{what}.";
            results.AddRange(recorded.Where(n => n.StartsWith(prefix, StringComparison.Ordinal))
                .Select(n => folder.CompareNorm(n, state[n[prefix.Length..]],
                tight ? GradientTolerance : 10 * GradientTolerance)));
        }
        if (recorded.Contains($"{name}.losses"))
        {
            using var scope = NewDisposeScope();
            using var noGradients = no_grad();
            var expected = folder.Output($"{name}.losses").shape[0];
            if (expected > losses.Count)
                losses.Add(batch.Loss().ToDouble());
            results.Add(folder.Compare($"{name}.losses", tensor(losses.ToArray()), lossTolerance));
        }
        return results;
    }

    // "lora": gradients of A and B, and steps on them, from the file that cases.json names.
    private static IEnumerable<ParityResult> OfLora(ParityCase folder)
    {
        using var unet = Unet(folder);
        foreach (var parameter in unet.parameters())
            parameter.requires_grad_(false);
        var start = folder.Cases!.RootElement.GetProperty("lora.start_weights").GetString()!.Split(' ')[0];
        using var lora = Lora.Load(Path.Combine(folder.FolderPath, start),
            new Dictionary<string, nn.Module> { ["unet"] = unet });
        var parameters = lora.Parameters.ToDictionary(p => p.Key["unet.".Length..], p =>
            p.Value, StringComparer.Ordinal);
        foreach (var parameter in parameters.Values)
            parameter.requires_grad_(true);
        var settings = folder.Cases.RootElement.GetProperty("adamw");
        return Stepped(folder, "lora", parameters, settings, settings.GetProperty("eps").GetDouble(), null,
            new Batch(folder, unet, PredictionType.Epsilon, null));
    }

    // "controlnet": gradients of a ControlNet under a UNet that is not trained.
    private static IEnumerable<ParityResult> OfControlNet(ParityCase folder)
    {
        using var unet = Unet(folder);
        foreach (var parameter in unet.parameters())
            parameter.requires_grad_(false);
        using var net = Fitting<ControlNetModel>(folder, "controlnet" + Norms);
        using var loss = new Batch(folder, unet, PredictionType.Epsilon, null, net).Loss();
        loss.backward();
        return Compared(folder, "controlnet", loss, Named(net)).ToList();
    }

    private static IEnumerable<ParityResult> Weights(ParityCase folder)
    {
        var timesteps = folder.Output("snr.timesteps").to(ScalarType.Int64).cpu().data<long>().ToArray();
        folder.Counts("snr.timesteps");
        foreach (var output in folder.OutputNames.Where(n =>
            n.StartsWith("snr.", StringComparison.Ordinal) && n != "snr.timesteps").Order(StringComparer.Ordinal))
        {
            using var scope = NewDisposeScope();
            double[]? actual = output == "snr.snr" ? [.. timesteps.Select(t => NoiseSchedule.Create().Snr((int)t))]
                : Weight().Match(output) is { Success: true } match
                    ? [.. timesteps.Select(t =>
                        DiffusionLoss.MinSnrWeight(NoiseSchedule.Create(prediction: Prediction(match.Groups[1].Value)),
                        (int)t, double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture)))]
                    : null;
            // diffusers squares float32 roots of alphaBar: at the last timesteps that costs three digits.
            if (actual is not null)
                yield return folder.Compare(output, tensor(actual), 1e-4, perValue: 1e-6);
        }
    }

    private static IEnumerable<ParityResult> Rates(ParityCase folder)
    {
        using var json = folder.Json("lr_schedules.json");
        if (json is null)
            yield break;
        var root = json.RootElement;
        foreach (var recorded in root.GetProperty("lr_at_step").EnumerateObject())
        {
            var shape = recorded.Name switch
            {
                "constant" => LrShape.Constant, "constant_with_warmup" => LrShape.ConstantWithWarmup, "linear" =>
                    LrShape.Linear,
                "cosine" => LrShape.Cosine, "cosine_with_restarts" => LrShape.CosineWithRestarts, "polynomial" =>
                    LrShape.Polynomial, _ => (LrShape?)null,
            };
            double? cycles = root.TryGetProperty($"{recorded.Name} num_cycles", out var count) ? count.GetDouble()
                : null;
            var error = shape is not { } known ? double.NaN : recorded.Value.EnumerateArray()
                .Select((expected, step) =>
                Math.Abs(expected.GetDouble() - new LrSchedule(known, root.GetProperty("num_warmup_steps").GetInt32(),
                cycles)
                .At(step, root.GetProperty("num_training_steps").GetInt32(), root.GetProperty("base_lr").GetDouble())))
                    .Max();
            yield return new(folder.Name, $"lr_schedules/{recorded.Name}", error, 1e-15);
        }
    }

    private static IEnumerable<ParityResult> Decays(ParityCase folder)
    {
        using var json = folder.Json("ema_decay.json");
        if (json is null)
            yield break;
        foreach (var recorded in json.RootElement.GetProperty("get_decay(step)").EnumerateObject())
        {
            var warmup = Warmup().Match(recorded.Name);
            var options = new EmaOptions(json.RootElement.GetProperty("decay").GetDouble());
            // "pow0.667" is two thirds, written short.
            double Short(string text) => Math.Abs(double.Parse(text, CultureInfo.InvariantCulture) - 2.0 / 3) < 5e-4
                ? 2.0 / 3 : double.Parse(text, CultureInfo.InvariantCulture);
            if (warmup.Success)
                options = options with { UseWarmup = true, InvGamma = Short(warmup.Groups[1].Value),
                    Power = Short(warmup.Groups[2].Value) };
            var error = recorded.Name != "default" && !warmup.Success ? double.NaN
                : recorded.Value.EnumerateObject()
                    .Select(v => Math.Abs(v.Value.GetDouble() - options.DecayAt(long.Parse(v.Name,
                    CultureInfo.InvariantCulture)))).Max();
            yield return new(folder.Name, $"ema_decay/{recorded.Name}", error, 1e-12);
        }
    }

    // The loss, every recorded gradient, and the norms of all gradients.
    private static List<ParityResult> Compared(ParityCase folder, string name, Tensor? loss,
        IReadOnlyDictionary<string, Parameter> parameters)
    {
        var results = new List<ParityResult>();
        if (loss is not null && folder.OutputNames.Contains($"{name}.loss"))
            results.Add(folder.Compare($"{name}.loss", loss.detach().reshape(1), LossTolerance, perValue: 0));
        var prefix = $"{name}.grad.";
        results.AddRange(folder.OutputNames.Where(n => n.StartsWith(prefix, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(n => folder.CompareNorm(n, parameters[n[prefix.Length..]].grad!, GradientTolerance)));
        if (folder.Cases!.RootElement.TryGetProperty(name + Norms, out var norms))
        {
            var expected = norms.EnumerateObject()
                .ToDictionary(p => p.Name, p => p.Value.GetDouble(), StringComparer.Ordinal);
            // A gradient that is zero but for rounding (of a bias before a normalisation) is measured by the largest.
            var floor = 1e-4 * expected.Values.Max();
            var worst = expected.Select(e =>
                (e.Key, Error: parameters.GetValueOrDefault(e.Key)?.grad is { } gradient
                ? Math.Abs(gradient.norm().ToDouble() - e.Value) / Math.Max(e.Value, floor) : double.NaN))
                .MaxBy(e => double.IsNaN(e.Error) ? double.MaxValue : e.Error);
            results.Add(new(folder.Name, $"{name}: norms of {expected.Count} gradients (largest error: {worst.Key})",
                worst.Error, GradientTolerance));
        }
        return results;
    }

    private static UNet2DConditionModel Unet(ParityCase folder) =>
        Fitting<UNet2DConditionModel>(folder, folder.Cases!.RootElement.EnumerateObject()
        .Select(c => c.Name)
            .First(n => n.EndsWith(Norms, StringComparison.Ordinal)
            && n is not ("lora" + Norms or "controlnet" + Norms)));

    // The model beside the folder that has the parameters whose gradients were recorded, and takes the recorded inputs.
    private static T Fitting<T>(ParityCase folder, string norms) where T : nn.Module, IPretrainedModel<T>
    {
        var names = folder.Cases!.RootElement.GetProperty(norms).EnumerateObject().Select(p => p.Name)
            .ToHashSet(StringComparer.Ordinal);
        var gradients = folder.OutputNames.Where(n =>
            n.StartsWith(norms[..^Norms.Length] + ".grad.", StringComparison.Ordinal)).ToList();
        foreach (var path in folder.SiblingModels(typeof(T).Name))
        {
            using var beside = folder.Sibling(path);
            var model = beside.Model<T>();
            var shapes = model.named_parameters()
                .ToDictionary(p => p.Item1, p => p.Item2.shape, StringComparer.Ordinal);
            if (names.SetEquals(shapes.Keys) && gradients.All(g =>
                shapes[g[(norms.Length - Norms.Length + ".grad.".Length)..]].AsSpan()
                .SequenceEqual(folder.Output(g).shape)))
                return model;
            model.Dispose();
        }
        throw new CheckpointException(folder.FolderPath,
            $"no {typeof(T).Name} beside it has the {names.Count} parameters of '{norms}' in cases.json");
    }

    private static PredictionType Prediction(string name) => name switch
    {
        "v" => PredictionType.Velocity, "sample" => PredictionType.Sample, _ => PredictionType.Epsilon,
    };

    private static Dictionary<string, Parameter> Named(nn.Module module) =>
        module.named_parameters().ToDictionary(p => p.Item1, p => p.Item2, StringComparer.Ordinal);

    /// <summary>The recorded batch, and what the last loss was made of.</summary>
    private sealed class Batch(ParityCase folder, UNet2DConditionModel unet, PredictionType prediction, double? gamma,
        ControlNetModel? net = null)
    {
        private readonly Tensor latents = folder.Needed("latents"), noise = folder.Needed("noise"),
            timesteps = folder.Needed("timesteps"), text = folder.Needed("encoder_hidden_states");
        private readonly Tensor? pooled = folder.Input("text_embeds"), sizes = folder.Input("time_ids"),
            condition = folder.Input("controlnet_cond");

        public Tensor Noisy { get; private set; } = null!;

        public Tensor Predicted { get; private set; } = null!;

        public Tensor Loss() => DiffusionLoss.OfNoise(NoiseSchedule.Create(prediction: prediction), (noisy, t) =>
        {
            var control = net?.forward(noisy, t, text, condition!, text_embeds: pooled, time_ids: sizes);
            var predicted = unet.forward(noisy, t, text, pooled, sizes, down_block_additional_residuals: control?.Down,
                mid_block_additional_residual: control?.Mid);
            Noisy = noisy.detach().clone().MoveToOuterDisposeScope();
            Predicted = predicted.detach().clone().MoveToOuterDisposeScope();
            return predicted;
        }, latents, noise, timesteps, gamma);
    }

    [GeneratedRegex(@"^(eps|v|sample)(?:_minsnr([0-9.]+))?$")]
    private static partial Regex Loss();

    [GeneratedRegex(@"^adamw(?:_clip([0-9.]+))?(?:_eps([0-9.e-]+))?$")]
    private static partial Regex Steps();

    [GeneratedRegex(@"^snr\.weight\.(eps|v|sample)\.gamma([0-9.]+)$")]
    private static partial Regex Weight();

    [GeneratedRegex(@"^warmup_inv([0-9.]+)_pow([0-9.]+)$")]
    private static partial Regex Warmup();
}
