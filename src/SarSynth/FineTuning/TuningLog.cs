// What a run tells while it goes: losses as JSON lines and TensorBoard's events, sample images and what they measure.
using System.Globalization;
using System.Text.Json;
using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Training;
using SarSynth.Radar.Images;
using SarSynth.Radar.Statistics;

namespace SarSynth.FineTuning;

/// <summary>SAR statistics of a sample image.</summary>
/// <param name="Prompt">What was asked for.</param>
/// <param name="File">The picture, beside the log.</param>
/// <param name="Mean">Mean amplitude, linear where the base has a normalisation of its own, else of the unit
/// range.</param>
/// <param name="CoefficientOfVariation">Of the amplitude; 0.523 is single-look speckle on flat ground.</param>
/// <param name="AmplitudeKl">KL(validation tiles || image) of amplitude, 64 bins up to mean + 3 sigma, nats.</param>
public sealed record SampleStatistics(string Prompt, string File, double Mean, double CoefficientOfVariation,
    double AmplitudeKl);

/// <summary>The log of a run: log.jsonl, events/ for TensorBoard, samples/ with samples.jsonl.</summary>
internal sealed class TuningLog : IDisposable
{
    private const int Interval = 10, AmplitudeBins = 64;

    private static readonly JsonSerializerOptions Compact = new(KitJson.Options) { WriteIndented = false };

    private readonly FineTuneRecipe recipe;
    private readonly TuningRun run;
    private readonly IReadOnlyList<CutTile> held;
    private readonly string samplesFolder;
    private readonly Action<FineTuneLine>? onLine;
    private readonly Progress progress;
    private readonly TrainingLog losses;
    private readonly Lazy<(Histogram Histogram, double Most)> truth;
    private readonly List<double> recent = [];
    private IReadOnlyList<SampleStatistics>? samples;

    public TuningLog(FineTuneRecipe recipe, TuningRun run, IReadOnlyList<CutTile> held, TileTensors tensors,
        string folder, Action<FineTuneLine>? onLine, Progress progress)
    {
        (this.recipe, this.run, this.held, this.onLine, this.progress) = (recipe, run, held, onLine, progress);
        samplesFolder = Path.Combine(folder, "samples");
        losses = new TrainingLog(Path.Combine(folder, "log.jsonl"), Path.Combine(folder, "events"));
        truth = new(() =>
        {
            float[] pixels = [.. held.SelectMany(t => tensors.Amplitude(t.Tile)).Where(float.IsFinite)];
            var moments = Moments.Of(pixels);
            var most = moments.Mean.Value * (1 + 3 * moments.CoefficientOfVariation.Value);
            return (Amplitudes(pixels, most), most);
        });
    }

    /// <summary>Writes a step.</summary>
    public void OnStep(TrainingProgress step)
    {
        losses.Write(step);
        recent.Add(step.Loss);
        progress.At((double)step.Step / step.Steps, FormattableString.Invariant(
            $"step {step.Step}/{step.Steps}, loss {step.Loss:F4}, {step.StepsPerSecond:F2} steps/s"));
        if (step.Step % Interval != 0 && step.Step != step.Steps && step.Validation is null)
            return;
        onLine?.Invoke(new FineTuneLine(step.Step, recent.Average(), step.Rates, step.Validation, samples));
        samples = null;
        recent.Clear();
    }

    /// <summary>Validation loss; makes the sample images beside it.</summary>
    public double Look(ValidationPoint point)
    {
        var prompts = recipe.Validation.Prompts ?? [.. held.Select(t => t.Tile).Where(t => t.Captions.Count > 0)
            .Select(t => t.Caption(recipe.Caption)).Take(2)];
        var size = (held[0].Tile.Rows, held[0].Tile.Columns);
        samples = [.. prompts.Select((prompt, i) => Sample(point.Step, prompt, i, size))];
        if (samples.Count > 0)
            WriteSamples(point.Step);
        return run.Validate(held, point.Generator);
    }

    public void Dispose() => losses.Dispose();

    private SampleStatistics Sample(long step, string prompt, int number, (int Rows, int Columns) size)
    {
        var image = run.Sample(prompt, number, size);
        var name = string.Create(CultureInfo.InvariantCulture, $"step-{step:D6}-{number + 1}.png");
        Directory.CreateDirectory(samplesFolder);
        QuickLook.Write(image, Path.Combine(samplesFolder, name));
        var moments = Moments.Of(image.Pixels);
        return new(prompt, "samples/" + name, moments.Mean.Value, moments.CoefficientOfVariation.Value,
            Distance.KullbackLeibler(truth.Value.Histogram, Amplitudes(image.Pixels, truth.Value.Most)).Value);
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
