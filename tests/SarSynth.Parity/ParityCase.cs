// One folder of recorded results: its inputs, its outputs, and how values are compared with them.
using System.Text.Json;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Parity;

/// <summary>One open case folder.</summary>
public sealed class ParityCase : IDisposable
{
    private const double Absolute = 5e-5;

    // Half precision is held to what PyTorch itself makes of the same case: half_precision.json beside it has its
    // bfloat16 error (relative L2), measured with plain modules. Another order of the same sums has the
    // same noise, not the same value.
    private const double HalfPrecisionMargin = 1.5;

    // Where a folder has no such file: PyTorch's largest error over the recorded cases of the
    // kind (tests/goldens/diffusion).
    private const double UNetHalfPrecision = 0.1, ControlNetHalfPrecision = 0.048, AutoencoderHalfPrecision = 0.054,
        TextHalfPrecision = 0.015;

    // bfloat16 keeps 8 bits, float16 11.
    private const double Float16Share = 1.0 / 8;

    private readonly SafeTensorsFile? inputs;
    private readonly SafeTensorsFile? outputs;
    private readonly SafeTensorsFile? intermediates;
    private readonly HashSet<string> compared = new(StringComparer.Ordinal);
    private readonly Dictionary<string, double> halfPrecision = new(StringComparer.Ordinal);

    internal ParityCase(string folder, Device? device, ScalarType dtype)
    {
        FolderPath = folder;
        Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        Device = device;
        Type = dtype;
        ConfigText = File.Exists(Path.Combine(folder, "config.json"))
            ? ModelFolder.ReadText(Path.Combine(folder, "config.json")) : "";
        inputs = OpenOptional("inputs.safetensors");
        outputs = OpenOptional("outputs.safetensors");
        intermediates = OpenOptional("intermediates.safetensors");
        Cases = Json("cases.json");
        using (var measured = Json("half_precision.json"))
        {
            foreach (var error in measured?.RootElement.GetProperty("bfloat16").EnumerateObject() ?? default)
                halfPrecision[error.Name] = error.Value.GetDouble();
        }

        SafeTensorsFile? OpenOptional(string name) => File.Exists(Path.Combine(folder, name))
            ? SafeTensorsFile.Open(Path.Combine(folder, name)) : null;
    }

    /// <summary>The folder.</summary>
    public string FolderPath { get; }

    /// <summary>The folder's own name.</summary>
    public string Name { get; }

    /// <summary>Where to compute; CPU where null.</summary>
    public Device? Device { get; }

    /// <summary>In what type.</summary>
    public ScalarType Type { get; }

    /// <summary>The text of config.json; empty where there is none.</summary>
    public string ConfigText { get; }

    /// <summary>cases.json, where there is one.</summary>
    public JsonDocument? Cases { get; }

    /// <summary>Names of all recorded outputs.</summary>
    public IEnumerable<string> OutputNames => outputs?.Header.Entries.Select(e => e.Name) ?? [];

    /// <summary>Names of all recorded inputs.</summary>
    public IEnumerable<string> InputNames => inputs?.Header.Entries.Select(e => e.Name) ?? [];

    /// <summary>Names of all recorded intermediates.</summary>
    public IEnumerable<string> IntermediateNames => intermediates?.Header.Entries.Select(e => e.Name) ?? [];

    /// <summary>The cases: what stands before the first dot of the outputs' names.</summary>
    public IEnumerable<string> CaseNames => OutputNames.Select(n => n.Split('.')[0]).Distinct();

    /// <summary>An input on the device, floats in the type wanted; null where it was not recorded.</summary>
    public Tensor? Input(string name)
    {
        if (inputs?.Contains(name) != true)
            return null;
        var isFloat = inputs[name].Type is SafeTensorType.F32 or SafeTensorType.F64;
        // Timesteps and sizes stay as they are: half precision has no 871.
        var keep = name.EndsWith("timestep", StringComparison.Ordinal)
            || name.EndsWith("time_ids", StringComparison.Ordinal);
        return inputs.Read(name, isFloat && !keep ? Type : null, Device);
    }

    /// <summary>An input that must be there.</summary>
    /// <exception cref="CheckpointException">It is not.</exception>
    public Tensor Needed(string name) =>
        Input(name) ?? throw new CheckpointException(FolderPath, $"inputs.safetensors has no '{name}'");

    /// <summary>A recorded output on the device, as it was written.</summary>
    /// <exception cref="CheckpointException">There is none of this name.</exception>
    internal Tensor Output(string name) => Outputs.Read(name, device: Device);

    /// <summary>A JSON file of the folder; null where it is not there. Python's infinities are understood.</summary>
    internal JsonDocument? Json(string name)
    {
        var path = Path.Combine(FolderPath, name);
        return File.Exists(path) ? JsonDocument.Parse(SamplerConfig.QuoteNonFinite(ModelFolder.ReadText(path))) : null;
    }

    /// <summary>Another case folder, by its path from this one, on the same device and in the same type.</summary>
    internal ParityCase Sibling(string path) => new(Path.GetFullPath(Path.Combine(FolderPath, path)), Device, Type);

    /// <summary>Folders beside this one that hold a model of one of these classes.</summary>
    internal IEnumerable<string> SiblingModels(params string[] classes) =>
        Directory.EnumerateDirectories(Path.GetDirectoryName(Path.GetFullPath(FolderPath))!)
            .Order(StringComparer.Ordinal)
            .Where(folder => Path.Combine(folder, "config.json") is var config && File.Exists(config)
                && classes.Contains(ConfigJson.ClassName(
                    SamplerConfig.QuoteNonFinite(ModelFolder.ReadText(config)), folder)));

    /// <summary>Opens the model with the folder's weights.</summary>
    /// <param name="json">A configuration other than the folder's, or null.</param>
    public T Model<T>(string? json = null) where T : nn.Module, IPretrainedModel<T>
    {
        var model = T.Create(json ?? ConfigText, Path.Combine(FolderPath, "config.json"),
            device(DeviceType.META), Type);
        using var weights = WeightFiles.Open(FolderPath);
        ModuleWeights.Load(model, weights, new(Device, Type));
        model.eval();
        return model;
    }

    /// <summary>Compares an output.</summary>
    public ParityResult Compare(string output, Tensor actual) =>
        Compare(Outputs, output, output, actual, Absolute, relative: false);

    /// <summary>Compares an output with a tolerance of its own.</summary>
    /// <param name="output">Name.</param>
    /// <param name="actual">Value.</param>
    /// <param name="tolerance">Largest absolute difference.</param>
    /// <param name="growing">The tolerance grows with the largest value over 1.</param>
    /// <param name="perValue">
    /// Not null: the tolerance is relative to each value, plus this; the error shown is the largest over its bound,
    /// times the tolerance.
    /// </param>
    /// <param name="shown">The name in the result; null for the output's own.</param>
    internal ParityResult Compare(string output, Tensor actual, double tolerance, bool growing = false,
        double? perValue = null, string? shown = null)
    {
        shown ??= output;
        if (perValue is not { } absolute)
            return Compare(Outputs, output, shown, actual, tolerance, growing);
        using var scope = NewDisposeScope();
        var expected = Outputs.Read(output, ScalarType.Float64);
        compared.Add(output);
        if (!actual.shape.AsSpan().SequenceEqual(expected.shape))
            return WrongShape(shown, actual, expected, tolerance);
        var bound = expected.abs().mul(tolerance).add(absolute);
        return new(Name, shown, ((actual.cpu().to(ScalarType.Float64) - expected).abs() / bound).max()
            .ToDouble() * tolerance, tolerance);
    }

    /// <summary>Compares an output by the L2 norm of the difference over that of the output.</summary>
    internal ParityResult CompareNorm(string output, Tensor actual, double tolerance)
    {
        using var scope = NewDisposeScope();
        var expected = Outputs.Read(output, ScalarType.Float64);
        compared.Add(output);
        if (!actual.shape.AsSpan().SequenceEqual(expected.shape))
            return WrongShape(output, actual, expected, tolerance);
        return new(Name, output, (actual.detach().cpu().to(ScalarType.Float64) - expected).norm()
            .ToDouble() / expected.norm().ToDouble(), tolerance);
    }

    /// <summary>
    /// Compares an output by its largest and its mean difference; the one nearer to its tolerance is shown.
    /// </summary>
    internal ParityResult CompareMean(string output, Tensor actual, double largest, double mean)
    {
        using var scope = NewDisposeScope();
        var expected = Outputs.Read(output, ScalarType.Float64);
        compared.Add(output);
        if (!actual.shape.AsSpan().SequenceEqual(expected.shape))
            return WrongShape(output, actual, expected, largest);
        var difference = (actual.detach().cpu().to(ScalarType.Float64) - expected).abs();
        double most = difference.max().ToDouble(), average = difference.mean().ToDouble();
        return most / largest >= average / mean ? new(Name, output, most, largest)
            : new(Name, $"{output} (mean)", average, mean);
    }

    /// <summary>Compares an intermediate; its tolerance grows with its largest value.</summary>
    public ParityResult CompareIntermediate(string name, Tensor actual) =>
        Compare(intermediates!, name, $"intermediates/{name}", actual, Absolute, relative: true);

    /// <summary>
    /// Says that an output needs no comparison of its own: it is an input of one, or repeats another.
    /// </summary>
    internal void Counts(string output) => compared.Add(output);

    /// <summary>A result that does not pass for every output and intermediate that nothing was compared with.</summary>
    internal IEnumerable<ParityResult> NotCompared() =>
        OutputNames.Concat(IntermediateNames.Select(n => $"intermediates/{n}")).Where(n => !compared.Contains(n))
        .Select(n => new ParityResult(Name, $"{n} (nothing was compared with it)", double.NaN, 0)).ToList();

    /// <inheritdoc/>
    public void Dispose()
    {
        inputs?.Dispose();
        outputs?.Dispose();
        intermediates?.Dispose();
        Cases?.Dispose();
    }

    private SafeTensorsFile Outputs =>
        outputs ?? throw new CheckpointException(FolderPath, "outputs.safetensors is missing");

    private ParityResult WrongShape(string shown, Tensor actual, Tensor expected, double tolerance) =>
        new(Name, $"{shown} (shape [{string.Join(", ", actual.shape)}], expected "
            + $"[{string.Join(", ", expected.shape)}])", double.NaN, tolerance);

    private ParityResult Compare(SafeTensorsFile file, string name, string shown, Tensor actual, double tolerance,
        bool relative)
    {
        using var scope = NewDisposeScope();
        var expected = file.Read(name, ScalarType.Float64);
        compared.Add(ReferenceEquals(file, intermediates) ? $"intermediates/{name}" : name);
        var largest = expected.NumberOfElements == 0 ? 0 : expected.abs().max().ToDouble();
        if (relative)
            tolerance *= Math.Max(1, largest);
        if (!actual.shape.AsSpan().SequenceEqual(expected.shape))
            return WrongShape(shown, actual, expected, tolerance);
        if (expected.NumberOfElements == 0)
            return new(Name, shown, 0, tolerance);
        var difference = actual.detach().cpu().to(ScalarType.Float64) - expected;
        if (Type is ScalarType.BFloat16 or ScalarType.Float16)
            return new(Name, shown, difference.norm().ToDouble() / expected.norm().ToDouble(),
                HalfPrecisionOf(ReferenceEquals(file, intermediates) ? $"intermediates/{name}" : name));
        return new(Name, shown, difference.abs().max().ToDouble(), tolerance);
    }

    private double HalfPrecisionOf(string output)
    {
        var torch = halfPrecision.TryGetValue(output, out var own) ? own
            : ConfigText.Contains("UNet2DConditionModel", StringComparison.Ordinal) ? UNetHalfPrecision
            : ConfigText.Contains("ControlNetModel", StringComparison.Ordinal) ? ControlNetHalfPrecision
            : ConfigText.Contains("AutoencoderKL", StringComparison.Ordinal) ? AutoencoderHalfPrecision
                : TextHalfPrecision;
        return HalfPrecisionMargin * torch * (Type == ScalarType.Float16 ? Float16Share : 1);
    }
}
