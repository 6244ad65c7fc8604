// Comparison with recorded results of the reference library, folder by folder: what a case is follows from its config.json.
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Checkpoints;

/// <summary>One output that was compared.</summary>
/// <param name="Folder">Name of the case folder.</param>
/// <param name="Output">Name of the output, or of the intermediate after <c>intermediates/</c>.</param>
/// <param name="Error">
/// Largest absolute difference in float32; relative L2 distance in half precision, where single values say little.
/// NaN where a value is not a number or a shape differs.
/// </param>
/// <param name="Tolerance">The largest that passes.</param>
public sealed record ParityResult(string Folder, string Output, double Error, double Tolerance)
{
    /// <summary>Whether the error is within the tolerance.</summary>
    public bool Passes => Error <= Tolerance;
}

/// <summary>Runs one case folder of a class.</summary>
/// <param name="folder">The open folder.</param>
public delegate IReadOnlyList<ParityResult> ParityRunner(ParityCase folder);

/// <summary>Walks folders of recorded results: each holds config.json, weights, inputs and outputs, and perhaps intermediates and cases.json.</summary>
public static class Parity
{
    private static readonly Dictionary<string, ParityRunner> Runners = new(StringComparer.Ordinal)
    {
        [nameof(UNet2DConditionModel)] = ParityModels.UNet,
        [nameof(AutoencoderKL)] = ParityModels.Autoencoder,
        [nameof(ControlNetModel)] = ParityModels.ControlNet,
        [nameof(CLIPTextModel)] = ParityModels.ClipText,
        [nameof(CLIPTextModelWithProjection)] = ParityModels.ClipText,
        ["clip_text_model"] = ParityModels.ClipText,
        ["DDPMScheduler"] = SamplerParity.Run,
        ["DDIMScheduler"] = SamplerParity.Run,
        ["EulerDiscreteScheduler"] = SamplerParity.Run,
        ["EulerAncestralDiscreteScheduler"] = SamplerParity.Run,
        ["HeunDiscreteScheduler"] = SamplerParity.Run,
        ["DPMSolverMultistepScheduler"] = SamplerParity.Run,
        ["LCMScheduler"] = SamplerParity.Run,
    };

    /// <summary>Adds a kind of case folder: the class that its config.json names, and how to run it.</summary>
    public static void Register(string className, ParityRunner runner) => Runners[className] = runner;

    /// <summary>Runs every case folder in and under <paramref name="directory"/> whose class is known.</summary>
    /// <param name="directory">One case folder, or a folder of such at any depth.</param>
    /// <param name="device">Where to compute; CPU where null.</param>
    /// <param name="dtype">In what type; float32 where null.</param>
    /// <exception cref="CheckpointException">No case folder is there, or one is broken.</exception>
    public static IEnumerable<ParityResult> Walk(string directory, Device? device = null, ScalarType? dtype = null)
    {
        if (!Directory.Exists(directory))
            throw new CheckpointException(directory, "the folder is not there");
        var found = false;
        foreach (var folder in Directory.EnumerateDirectories(directory, "*", SearchOption.AllDirectories).Prepend(directory).Order(StringComparer.Ordinal))
        {
            var config = Path.Combine(folder, "config.json");
            if (!File.Exists(config) || !File.Exists(Path.Combine(folder, "outputs.safetensors")))
                continue;
            if (ConfigJson.ClassName(SamplerConfig.QuoteNonFinite(ModelFolder.ReadText(config)), config) is not { } name || !Runners.TryGetValue(name, out var runner))
                continue;
            found = true;
            using var opened = new ParityCase(folder, device, dtype ?? ScalarType.Float32);
            foreach (var result in runner(opened))
                yield return result;
        }
        if (!found)
            throw new CheckpointException(directory, $"found no folder with config.json and outputs.safetensors of a known class ({string.Join(", ", Runners.Keys.Order())})");
    }
}

/// <summary>One open case folder.</summary>
public sealed partial class ParityCase : IDisposable
{
    private const double Absolute = 5e-5;

    // In float32 random models of this family are within 1e-6 to 3e-6 (relative) of float64; bfloat16 has 16 bits less,
    // float16 13: the same noise is 7 to 20 % of the output there.
    private const double HalfPrecision = 0.2;

    private readonly SafeTensorsFile inputs;
    private readonly SafeTensorsFile outputs;
    private readonly SafeTensorsFile? intermediates;

    internal ParityCase(string folder, Device? device, ScalarType dtype)
    {
        FolderPath = folder;
        Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        Device = device;
        Type = dtype;
        ConfigText = ModelFolder.ReadText(Path.Combine(folder, "config.json"));
        inputs = SafeTensorsFile.Open(Path.Combine(folder, "inputs.safetensors"));
        outputs = SafeTensorsFile.Open(Path.Combine(folder, "outputs.safetensors"));
        var between = Path.Combine(folder, "intermediates.safetensors");
        intermediates = File.Exists(between) ? SafeTensorsFile.Open(between) : null;
        var cases = Path.Combine(folder, "cases.json");
        Cases = File.Exists(cases) ? JsonDocument.Parse(File.ReadAllBytes(cases)) : null;
    }

    /// <summary>The folder.</summary>
    public string FolderPath { get; }

    /// <summary>The folder's own name.</summary>
    public string Name { get; }

    /// <summary>Where to compute; CPU where null.</summary>
    public Device? Device { get; }

    /// <summary>In what type.</summary>
    public ScalarType Type { get; }

    /// <summary>The text of config.json.</summary>
    public string ConfigText { get; }

    /// <summary>cases.json, where there is one.</summary>
    public JsonDocument? Cases { get; }

    /// <summary>Names of all recorded outputs.</summary>
    public IEnumerable<string> OutputNames => outputs.Header.Entries.Select(e => e.Name);

    /// <summary>Names of all recorded intermediates.</summary>
    public IEnumerable<string> IntermediateNames => intermediates?.Header.Entries.Select(e => e.Name) ?? [];

    /// <summary>The cases: what stands before the first dot of the outputs' names.</summary>
    public IEnumerable<string> CaseNames => OutputNames.Select(n => n.Split('.')[0]).Distinct();

    /// <summary>An input on the device, floats in the type wanted; null where it was not recorded.</summary>
    public Tensor? Input(string name)
    {
        if (!inputs.Contains(name))
            return null;
        var isFloat = inputs[name].Type is SafeTensorType.F32 or SafeTensorType.F64;
        // Timesteps and sizes stay as they are: half precision has no 871.
        var keep = name.EndsWith("timestep", StringComparison.Ordinal) || name.EndsWith("time_ids", StringComparison.Ordinal);
        return inputs.Read(name, isFloat && !keep ? Type : null, Device);
    }

    /// <summary>An input that must be there.</summary>
    /// <exception cref="CheckpointException">It is not.</exception>
    public Tensor Needed(string name) => Input(name) ?? throw new CheckpointException(FolderPath, $"inputs.safetensors has no '{name}'");

    /// <summary>Opens the model with the folder's weights.</summary>
    /// <param name="json">A configuration other than the folder's, or null.</param>
    public T Model<T>(string? json = null) where T : nn.Module, IPretrainedModel<T>
    {
        var model = T.Create(json ?? ConfigText, Path.Combine(FolderPath, "config.json"), device(DeviceType.META), Type);
        using var weights = WeightFiles.Open(FolderPath);
        ModuleWeights.Load(model, weights, new(Device, Type));
        model.eval();
        return model;
    }

    /// <summary>Compares an output.</summary>
    public ParityResult Compare(string output, Tensor actual) => Compare(outputs, output, output, actual, Absolute, relative: false);

    /// <summary>Compares an output with a tolerance of its own.</summary>
    /// <param name="output">Name.</param>
    /// <param name="actual">Value.</param>
    /// <param name="tolerance">Largest absolute difference.</param>
    /// <param name="growing">The tolerance grows with the largest value over 1.</param>
    /// <param name="perValue">Not null: the tolerance is relative to each value, plus this; the error shown is the largest over its bound, times the tolerance.</param>
    internal ParityResult Compare(string output, Tensor actual, double tolerance, bool growing = false, double? perValue = null)
    {
        if (perValue is not { } absolute)
            return Compare(outputs, output, output, actual, tolerance, growing);
        using var scope = NewDisposeScope();
        var expected = outputs.Read(output, ScalarType.Float64);
        if (!actual.shape.AsSpan().SequenceEqual(expected.shape))
            return new(Name, $"{output} (shape [{string.Join(", ", actual.shape)}], expected [{string.Join(", ", expected.shape)}])", double.NaN, tolerance);
        var bound = expected.abs().mul(tolerance).add(absolute);
        return new(Name, output, ((actual.cpu().to(ScalarType.Float64) - expected).abs() / bound).max().ToDouble() * tolerance, tolerance);
    }

    /// <summary>Compares an intermediate; its tolerance grows with its largest value.</summary>
    public ParityResult CompareIntermediate(string name, Tensor actual) => Compare(intermediates!, name, $"intermediates/{name}", actual, Absolute, relative: true);

    /// <inheritdoc/>
    public void Dispose()
    {
        inputs.Dispose();
        outputs.Dispose();
        intermediates?.Dispose();
        Cases?.Dispose();
    }

    private ParityResult Compare(SafeTensorsFile file, string name, string shown, Tensor actual, double tolerance, bool relative)
    {
        using var scope = NewDisposeScope();
        var expected = file.Read(name, ScalarType.Float64);
        var largest = expected.NumberOfElements == 0 ? 0 : expected.abs().max().ToDouble();
        if (relative)
            tolerance *= Math.Max(1, largest);
        if (!actual.shape.AsSpan().SequenceEqual(expected.shape))
            return new(Name, $"{shown} (shape [{string.Join(", ", actual.shape)}], expected [{string.Join(", ", expected.shape)}])", double.NaN, tolerance);
        if (expected.NumberOfElements == 0)
            return new(Name, shown, 0, tolerance);
        var difference = actual.detach().cpu().to(ScalarType.Float64) - expected;
        if (Type is ScalarType.BFloat16 or ScalarType.Float16)
            return new(Name, shown, difference.norm().ToDouble() / expected.norm().ToDouble(), Type == ScalarType.BFloat16 ? HalfPrecision : HalfPrecision / 8);
        return new(Name, shown, difference.abs().max().ToDouble(), tolerance);
    }
}

/// <summary>How each model's case folders are run.</summary>
internal static partial class ParityModels
{
    public static IReadOnlyList<ParityResult> UNet(ParityCase folder)
    {
        var results = new List<ParityResult>();
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        using var model = folder.Model<UNet2DConditionModel>();
        foreach (var name in folder.CaseNames)
        {
            using var probe = new Probe(model, name == "base" ? folder.IntermediateNames : []);
            var residuals = Enumerable.Range(0, int.MaxValue).Select(i => folder.Input($"{name}.down_res_{i}")).TakeWhile(t => t is not null).Select(t => t!).ToList();
            var sample = model.forward(
                folder.Needed($"{name}.sample"), folder.Needed($"{name}.timestep"), folder.Needed($"{name}.encoder_hidden_states"),
                folder.Input($"{name}.text_embeds"), folder.Input($"{name}.time_ids"), folder.Input($"{name}.class_labels"),
                folder.Input($"{name}.timestep_cond"), residuals.Count > 0 ? residuals : null, folder.Input($"{name}.mid_res"),
                folder.Input($"{name}.encoder_attention_mask"));
            results.Add(folder.Compare($"{name}.sample", sample));
            results.AddRange(probe.Compare(folder));
        }
        return results;
    }

    public static IReadOnlyList<ParityResult> Autoencoder(ParityCase folder)
    {
        var results = new List<ParityResult>();
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        using var model = folder.Model<AutoencoderKL>();
        foreach (var name in folder.CaseNames)
        {
            var encodes = folder.Input($"{name}.image");
            var half = name == "encode" ? "encoder." : name == "decode" ? "decoder." : "-";
            using var probe = new Probe(model, folder.IntermediateNames.Where(n => n.StartsWith(half) || (half == "decoder." && n == "post_quant_conv") || (half == "encoder." && n == "quant_conv")));
            if (encodes is null)
            {
                results.Add(folder.Compare($"{name}.sample", model.decode(folder.Needed($"{name}.latents"))));
            }
            else
            {
                using var posterior = model.encode(encodes);
                foreach (var output in folder.OutputNames.Where(o => o.StartsWith($"{name}.", StringComparison.Ordinal)))
                {
                    results.Add(folder.Compare(output, output[(name.Length + 1)..] switch
                    {
                        "mean" => posterior.Mean,
                        "logvar" => posterior.LogVar,
                        "std" => posterior.Std,
                        "kl" => posterior.Kl(),
                        var other => throw new CheckpointException(folder.FolderPath, $"output '{other}' of an encoder is not known"),
                    }));
                }
            }
            results.AddRange(probe.Compare(folder));
        }
        return results;
    }

    public static IReadOnlyList<ParityResult> ControlNet(ParityCase folder)
    {
        var results = new List<ParityResult>();
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        using var model = folder.Model<ControlNetModel>();
        foreach (var name in folder.CaseNames)
        {
            double scale = 1;
            var guess = false;
            var from = name;
            if (folder.Cases?.RootElement.TryGetProperty(name, out var settings) == true)
            {
                scale = settings.TryGetProperty("conditioning_scale", out var s) ? s.GetDouble() : 1;
                guess = settings.TryGetProperty("guess_mode", out var g) && g.GetBoolean();
                from = settings.TryGetProperty("inputs_of", out var o) ? o.GetString()! : name;
            }
            using var probe = new Probe(model, name == "base" ? folder.IntermediateNames : []);
            using var residuals = model.forward(
                folder.Needed($"{from}.sample"), folder.Needed($"{from}.timestep"), folder.Needed($"{from}.encoder_hidden_states"),
                folder.Needed($"{from}.controlnet_cond"), scale, guess, folder.Input($"{from}.text_embeds"), folder.Input($"{from}.time_ids"),
                folder.Input($"{from}.class_labels"), folder.Input($"{from}.encoder_attention_mask"));
            for (var i = 0; i < residuals.Down.Count; i++)
                results.Add(folder.Compare($"{name}.down_{i}", residuals.Down[i]));
            results.Add(folder.Compare($"{name}.mid", residuals.Mid));
            results.AddRange(probe.Compare(folder));
        }
        return results;
    }

    public static IReadOnlyList<ParityResult> ClipText(ParityCase folder)
    {
        var results = new List<ParityResult>();
        using var scope = NewDisposeScope();
        using var grad = no_grad();
        var config = CLIPTextConfig.FromJson(folder.ConfigText, Path.Combine(folder.FolderPath, "config.json"));
        using var weights = WeightFiles.Open(folder.FolderPath);
        var projects = weights.Contains("text_projection.weight");
        foreach (var name in folder.CaseNames)
        {
            // A case called eosN is the same model with another end token.
            var own = EndToken().Match(name) is { Success: true } match
                ? config with { EosTokenId = int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) }
                : config;
            var ids = folder.Input($"{name}.input_ids") ?? folder.Needed("input_ids");
            var mask = folder.Input($"{name}.attention_mask");
            using var model = projects ? folder.Model<CLIPTextModelWithProjection>(own.ToJson()) : (nn.Module)folder.Model<CLIPTextModel>(own.ToJson());
            using var result = model is CLIPTextModelWithProjection projecting
                ? projecting.forward(ids, mask, output_hidden_states: true)
                : ((CLIPTextModel)model).forward(ids, mask, output_hidden_states: true);
            foreach (var output in folder.OutputNames.Where(o => o.StartsWith($"{name}.", StringComparison.Ordinal)))
            {
                results.Add(folder.Compare(output, output[(name.Length + 1)..] switch
                {
                    "last_hidden_state" => result.LastHiddenState,
                    "pooler_output" or "pooled_before_projection" => result.PoolerOutput,
                    "text_embeds" => result.TextEmbeds!,
                    var state when state.StartsWith("hidden_states.", StringComparison.Ordinal) => result.HiddenStates![int.Parse(state[14..], CultureInfo.InvariantCulture)],
                    var other => throw new CheckpointException(folder.FolderPath, $"output '{other}' of a text encoder is not known"),
                }));
            }
        }
        return results;
    }

    [GeneratedRegex(@"^eos(\d+)$")]
    private static partial Regex EndToken();

    /// <summary>Catches what named submodules return, through forward hooks.</summary>
    private sealed class Probe : IDisposable
    {
        private readonly Dictionary<string, Tensor> caught = new(StringComparer.Ordinal);
        private readonly List<Action> removers = [];

        public Probe(nn.Module model, IEnumerable<string> names)
        {
            var modules = model.named_modules().ToDictionary(m => m.Item1, m => m.Item2, StringComparer.Ordinal);
            foreach (var name in names)
            {
                Tensor Keep(Tensor output)
                {
                    caught[name] = output.clone().DetachFromDisposeScope();
                    return output;
                }
                switch (modules.GetValueOrDefault(name))
                {
                    case nn.Module<Tensor, Tensor> m:
                        var one = m.register_forward_hook((_, _, output) => Keep(output));
                        removers.Add(one.remove);
                        break;
                    case nn.Module<Tensor, Tensor?, Tensor> m:
                        var two = m.register_forward_hook((_, _, _, output) => Keep(output));
                        removers.Add(two.remove);
                        break;
                    case nn.Module<Tensor, BlockContext, Tensor> m:
                        var block = m.register_forward_hook((_, _, _, output) => Keep(output));
                        removers.Add(block.remove);
                        break;
                    case nn.Module<Tensor, BlockContext, List<Tensor>, Tensor> m:
                        var down = m.register_forward_hook((_, _, _, _, output) => Keep(output));
                        removers.Add(down.remove);
                        break;
                    case nn.Module<Tensor, BlockContext, SkipStack, Tensor> m:
                        var up = m.register_forward_hook((_, _, _, _, output) => Keep(output));
                        removers.Add(up.remove);
                        break;
                    default:
                        throw new CheckpointException(name, "the model has no such submodule");
                }
            }
        }

        public IEnumerable<ParityResult> Compare(ParityCase folder) => caught.OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => folder.CompareIntermediate(c.Key, c.Value));

        public void Dispose()
        {
            foreach (var remove in removers)
                remove();
            foreach (var tensor in caught.Values)
                tensor.Dispose();
        }
    }
}
