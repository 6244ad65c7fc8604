// The curves of a fine-tuning, as a notebook shows them while it goes on: losses by stage, figures of the last samples.
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using SarSynth.FineTuning;

namespace SarSynth.Figures;

/// <summary>Losses of a fine-tuning by stage; shown once, then updated in its place.</summary>
public sealed class TuningCurves
{
    private const int Width = 560, Height = 170, Left = 56, Bottom = 26, Margin = 10;
    private const string TrainColour = "#7f9fbf", HeldColour = "#c44e52";

    private readonly Dictionary<string, List<FineTuneLine>> stages = new(StringComparer.Ordinal);

    /// <summary>What follows a fine-tuning in the running cell: give it to <see cref="FineTune"/>.</summary>
    /// <param name="display">
    /// Shows a value, and gives what replaces it: <c>value =&gt; display(value).Update</c> in a cell.
    /// </param>
    public static Action<FineTuneLine> ShowWith(Func<object, Action<object>> display)
    {
        var curves = new TuningCurves();
        Action<object>? update = null;
        return line =>
        {
            curves.Add(line);
            if (update is null)
                update = display(curves);
            else
                update(curves);
        };
    }

    /// <summary>Adds a line of the log.</summary>
    public TuningCurves Add(FineTuneLine line)
    {
        if (!stages.TryGetValue(line.Stage, out var lines))
            stages[line.Stage] = lines = [];
        lines.Add(line);
        return this;
    }

    /// <summary>A curve for each stage, as a piece of a page.</summary>
    public string ToHtml()
    {
        var page = new StringBuilder("<div>");
        foreach (var (stage, lines) in stages)
        {
            page.Append(Svg(stage, lines));
            if (lines.LastOrDefault(l => l.Samples is { Count: > 0 })?.Samples is { } samples)
            {
                foreach (var sample in samples)
                    page.Append($"<div>{Report.Encode(Words(sample))}</div>");
            }
        }
        return page.Append("</div>").ToString();
    }

    /// <summary>Where each stage stands, in words.</summary>
    public override string ToString() => string.Join("; ", stages.Select(s =>
    {
        var held = s.Value.Where(l => l.Validation is not null).Select(l => l.Validation!.Value).ToList();
        var last = s.Value[^1];
        return FormattableString.Invariant($"{s.Key}: step {last.Step}, loss {last.Loss:F4}")
            + (held.Count == 0 ? "" : FormattableString.Invariant($", validation {held[0]:F4} to {held[^1]:F4}"));
    }));

    /// <summary>The lines that a finished or a running fine-tuning wrote, by stage: steps, losses (means of ten steps)
    /// and validations.</summary>
    /// <param name="folder">What was given to the fine-tuning.</param>
    /// <returns>Empty where there is no log.</returns>
    internal static IReadOnlyList<(string Name, double[] Steps, double[] Values)> Read(string folder)
    {
        var found = new List<(string, double[], double[])>();
        foreach (var (stage, path) in new[] { ("autoencoder", "training/vae"), ("denoiser", "training") })
        {
            var file = Path.Combine(folder, path, "log.jsonl");
            if (!File.Exists(file))
                continue;
            var rows = File.ReadLines(file).Select(l => JsonNode.Parse(l)!).ToList();
            var means = rows.Where(r => r["loss"] is not null).Chunk(10).ToList();
            found.Add((stage, [.. means.Select(m => (double)m[^1]["step"]!)],
                [.. means.Select(m => m.Average(r => (double)r["loss"]!))]));
            var held = rows.Where(r => r["validation"] is not null).ToList();
            if (held.Count > 0)
            {
                found.Add(($"{stage}, validation", [.. held.Select(r => (double)r["step"]!)],
                    [.. held.Select(r => (double)r["validation"]!)]));
            }
        }
        return found;
    }

    private static string Words(SampleStatistics sample) => FormattableString.Invariant(
        $"{sample.Prompt}: coefficient of variation {sample.CoefficientOfVariation:F3}, amplitude KL ")
        + FormattableString.Invariant($"{sample.AmplitudeKl:F3}");

    private static string Svg(string stage, IReadOnlyList<FineTuneLine> lines)
    {
        var losses = lines.Where(l => double.IsFinite(l.Loss) && l.Loss > 0).Select(l => (l.Step, l.Loss)).ToList();
        var held = lines.Where(l => l.Validation is > 0 and < double.PositiveInfinity)
            .Select(l => (l.Step, l.Validation!.Value)).ToList();
        var all = losses.Concat(held).ToList();
        if (all.Count == 0)
            return "";
        double low = Math.Log(all.Min(p => p.Item2)), high = Math.Log(all.Max(p => p.Item2));
        var span = Math.Max(high - low, 0.05);
        double most = Math.Max(1, all.Max(p => p.Step));
        string Point((long Step, double Loss) p) => string.Create(CultureInfo.InvariantCulture,
            $"{Left + (Width - Left - Margin) * p.Step / most:F1},"
            + $"{Margin + (Height - Bottom - Margin) * (1 - (Math.Log(p.Loss) - low) / span):F1}");
        string Line(IEnumerable<(long, double)> points, string colour) =>
            $"<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\""
            + string.Join(' ', points.Select(Point)) + "\"/>";
        string Text(double x, double y, string words, string colour, string anchor = "start") =>
            string.Create(CultureInfo.InvariantCulture, $"<text x=\"{x}\" y=\"{y}\" fill=\"{colour}\" ")
            + $"font-size=\"11\" text-anchor=\"{anchor}\">{Report.Encode(words)}</text>";
        var svg = new StringBuilder($"<svg width=\"{Width}\" height=\"{Height}\" font-family=\"sans-serif\" "
            + $"role=\"img\"><title>{Report.Encode(stage)}</title>");
        svg.Append(Line(losses, TrainColour)).Append(Line(held, HeldColour));
        svg.Append(Text(Left - 4, Margin + 8, Number(high), "currentColor", "end"));
        svg.Append(Text(Left - 4, Height - Bottom, Number(low), "currentColor", "end"));
        svg.Append(Text(Width - Margin, Height - 8, FormattableString.Invariant($"step {most}"), "currentColor",
            "end"));
        svg.Append(Text(Left, Height - 8, $"{stage}: ", "currentColor"));
        svg.Append(Text(Left + 90, Height - 8, "loss", TrainColour));
        if (held.Count > 0)
            svg.Append(Text(Left + 120, Height - 8, "validation", HeldColour));
        return svg.Append("</svg>").ToString();

        static string Number(double log) => Math.Exp(log).ToString("G3", CultureInfo.InvariantCulture);
    }
}
