// The curve of a training: JSON lines, one for each step, which a resumed training
// goes on with; TensorBoard's events beside it.
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;

namespace SarSynth.Diffusion.Training;

/// <summary>
/// Appends what a training tells to a file of JSON lines: {"step":1,"loss":0.5,"gradientNorm":1.2,"rate":0.0001}, with
/// "rates", "validation" and "skipped" where there are such. Numbers that are not finite are null. Each line is handed
/// to the system at once; a resumed training writes no step twice, and a line that a kill cut short goes.
/// </summary>
public sealed class TrainingLog : IDisposable
{
    private const string EventFiles = "events.out.tfevents.*";

    private readonly string path;
    private readonly string? events;
    private FileStream? lines;
    private SummaryWriter? writer;

    /// <summary>A log; nothing is opened before the first line.</summary>
    /// <param name="path">The file of JSON lines; its folder is made where it is missing.</param>
    /// <param name="events">
    /// A folder of its own for TensorBoard's event files, or null for none. They are made from the lines, anew when a
    /// training goes on: TensorBoard would show steps twice.
    /// </param>
    public TrainingLog(string path, string? events = null) =>
        (this.path, this.events) = (Path.GetFullPath(path), events);

    /// <summary>Writes a step: give it to the trainer as what it tells after every step.</summary>
    /// <param name="progress">The step; later ones that the file has already are taken out first.</param>
    /// <exception cref="IOException">The disk is full.</exception>
    public void Write(TrainingProgress progress)
    {
        if (lines is null)
            Open(progress.Step);
        var line = new JsonObject
        {
            ["step"] = progress.Step, ["loss"] = Finite(progress.Loss),
            ["gradientNorm"] = Finite(progress.GradientNorm), ["rate"] = progress.LearningRate,
        };
        if (progress.Rates.Count > 0)
            line["rates"] = new JsonObject(progress.Rates.Select(r => KeyValuePair.Create(r.Key, (JsonNode?)r.Value)));
        if (progress.Validation is { } validation)
            line["validation"] = Finite(validation);
        if (progress.Skipped > 0)
            line["skipped"] = progress.Skipped;
        lines!.Write(Encoding.UTF8.GetBytes(line.ToJsonString() + "\n"));
        lines.Flush();
        Tell(line);
    }

    /// <summary>Closes the file of lines; that of events is closed after each.</summary>
    public void Dispose() => lines?.Dispose();

    private void Open(long step)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        List<JsonObject> kept = [];
        if (File.Exists(path))
        {
            var text = File.ReadAllText(path);
            kept = [.. text.Split('\n').Select(Parse).OfType<JsonObject>().Where(l => (long)l["step"]! < step)];
            var whole = string.Concat(kept.Select(l => l.ToJsonString() + "\n"));
            if (whole != text)
                AtomicFile.WriteText(path, whole);
        }
        lines = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
        if (events is null)
            return;
        Directory.CreateDirectory(events);
        foreach (var old in Directory.EnumerateFiles(events, EventFiles))
            File.Delete(old);
        writer = torch.utils.tensorboard.SummaryWriter(events);
        kept.ForEach(Tell);
    }

    private void Tell(JsonObject line)
    {
        if (writer is null)
            return;
        int step = (int)(long)line["step"]!;
        void Add(string tag, JsonNode? value)
        {
            if (value is not null)
                writer.add_scalar(tag, (float)(double)value, step);
        }
        Add("loss", line["loss"]);
        Add("gradient norm", line["gradientNorm"]);
        Add("learning rate", line["rate"]);
        Add("validation", line["validation"]);
        foreach (var (prefix, rate) in line["rates"] as JsonObject ?? [])
            Add($"learning rate/{prefix}", rate);
    }

    private static JsonNode? Finite(double value) => double.IsFinite(value) ? value : null;

    private static JsonObject? Parse(string line)
    {
        try
        {
            return line.Length == 0 ? null
                : JsonNode.Parse(line) is JsonObject found && found["step"] is JsonValue ? found : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
