// What a run tells while it goes: losses as JSON lines and TensorBoard's events, sample images and what they measure.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Training;
using SarSynth.Radar.Images;
using SarSynth.Radar.Statistics;

namespace SarSynth.FineTuning;

/// <summary>SAR statistics of a sample image.</summary>
/// <param name="Prompt">What was asked for; of an autoencoder, which tile was put through it.</param>
/// <param name="File">The picture, beside the log.</param>
/// <param name="Mean">Mean amplitude, linear where the base has a normalisation of its own, else of the unit
/// range.</param>
/// <param name="CoefficientOfVariation">Of the amplitude; 0.523 is single-look speckle on flat ground.</param>
/// <param name="AmplitudeKl">
/// KL(validation tiles, or the tile || image) of amplitude, 64 bins up to mean + 3 sigma, nats.
/// </param>
public sealed record SampleStatistics(string Prompt, string File, double Mean, double CoefficientOfVariation,
    double AmplitudeKl);

/// <summary>The log of a run: log.jsonl, events/ for TensorBoard, samples/ with samples.jsonl.</summary>
internal sealed class TuningLog : IDisposable
{
    private const int Interval = 10, AmplitudeBins = 64;

    private static readonly JsonSerializerOptions Compact = new(KitJson.Options) { WriteIndented = false };

    private readonly string samplesFolder;
    private readonly ITuningStage stage;
    private readonly IReadOnlyList<CutTile> held;
    private readonly Action<FineTuneLine> onLine;
    private readonly Action<double, string> onShare;
    private readonly TrainingLog losses;
    private readonly Lazy<(Histogram Histogram, double Most)> truth;
    private readonly List<double> recent = [];
    private readonly Stopwatch looking = new();
    private IReadOnlyList<SampleStatistics>? samples;

    /// <param name="stage">What is trained.</param>
    /// <param name="held">Validation tiles.</param>
    /// <param name="tensors">Tiles to amplitudes.</param>
    /// <param name="folder">Where the log goes.</param>
    /// <param name="onLine">Told every ten steps and at each validation.</param>
    /// <param name="onShare">Told the share of the stage that is done, and how it goes.</param>
    public TuningLog(ITuningStage stage, IReadOnlyList<CutTile> held, TileTensors tensors, string folder,
        Action<FineTuneLine> onLine, Action<double, string> onShare)
    {
        (this.stage, this.held, this.onLine, this.onShare) = (stage, held, onLine, onShare);
        samplesFolder = Path.Combine(folder, "samples");
        losses = new TrainingLog(Path.Combine(folder, "log.jsonl"), Path.Combine(folder, "events"));
        truth = new(() => Truth([.. held.SelectMany(t => tensors.Amplitude(t.Tile))]));
    }

    /// <summary>Time that validations took.</summary>
    public TimeSpan Looked => looking.Elapsed;

    /// <summary>Writes a step.</summary>
    public void OnStep(TrainingProgress step)
    {
        losses.Write(step);
        recent.Add(step.Loss);
        onShare((double)step.Step / step.Steps, FormattableString.Invariant(
            $"{stage.Name} {step.Step}/{step.Steps}, loss {step.Loss:F4}, {step.StepsPerSecond:F2} steps/s"));
        if (step.Step % Interval != 0 && step.Step != step.Steps && step.Validation is null)
            return;
        onLine(new FineTuneLine(
            step.Step, recent.Average(), step.Rates, step.Validation, samples, stage.Name));
        samples = null;
        recent.Clear();
    }

    /// <summary>Validation loss; makes the sample images beside it.</summary>
    public double Look(ValidationPoint point)
    {
        looking.Start();
        samples = [.. stage.Samples(held).Select((sample, i) => Measured(point.Step, sample, i))];
        if (samples.Count > 0)
            WriteSamples(point.Step);
        var loss = stage.Validate(held, point.Generator);
        looking.Stop();
        return loss;
    }

    public void Dispose() => losses.Dispose();

    private SampleStatistics Measured(long step, StageSample sample, int number)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"step-{step:D6}-{number + 1}.png");
        Directory.CreateDirectory(samplesFolder);
        QuickLook.Write(sample.Picture, Path.Combine(samplesFolder, name));
        var moments = Moments.Of(sample.Image.Pixels);
        var (histogram, most) = sample.Truth is { } own ? Truth(own) : truth.Value;
        return new(sample.What, "samples/" + name, moments.Mean.Value, moments.CoefficientOfVariation.Value,
            Distance.KullbackLeibler(histogram, Amplitudes(sample.Image.Pixels, most)).Value);
    }

    private static (Histogram Histogram, double Most) Truth(float[] amplitudes)
    {
        float[] pixels = [.. amplitudes.Where(float.IsFinite)];
        var moments = Moments.Of(pixels);
        var most = moments.Mean.Value * (1 + 3 * moments.CoefficientOfVariation.Value);
        return (Amplitudes(pixels, most), most);
    }

    // Steps that are done again after a kill are written again, and once.
    private void WriteSamples(long step)
    {
        var file = Path.Combine(samplesFolder, "samples.jsonl");
        var kept = !File.Exists(file) ? []
            : File.ReadAllLines(file).Where(l => JsonSerializer.Deserialize<SampleLine>(l, Compact)!.Step < step);
        var lines = kept.Append(JsonSerializer.Serialize(new SampleLine(step, samples!), Compact));
        AtomicFile.WriteText(file, string.Concat(lines.Select(l => l + "\n")));
    }

    // The last bin holds all that is brighter.
    private static Histogram Amplitudes(float[] values, double most) => Histogram.Linear(
        Array.ConvertAll(values, v => (float)Math.Min(v, most)), AmplitudeBins, 0,
            most * AmplitudeBins / (AmplitudeBins - 1));

    private sealed record SampleLine(long Step, IReadOnlyList<SampleStatistics> Samples);
}
