// A card as Markdown, with the figures of the recorded table as it is now.
using System.Globalization;
using System.Text;
using SarSynth.Data;
using SarSynth.Evaluation;

namespace SarSynth.Figures;

/// <summary>Cards as text.</summary>
public static class CardText
{
    /// <summary>The card as Markdown: all of it, with what the manifest and the recorded table say.</summary>
    /// <param name="card">The card.</param>
    /// <param name="recorded">Folder of the recorded tables; the kit's own when null.</param>
    /// <exception cref="FileNotFoundException">It has no manifest.</exception>
    /// <exception cref="ArgumentException">The table lacks a row or column that the card names.</exception>
    public static string ToMarkdown(this Card card, string? recorded = null)
    {
        var manifest = Manifest.Load(Path.Combine(EmbeddedData.ManifestFolder, card.Name + ".json"));
        var text = new StringBuilder();
        void Line(string line = "") => text.Append(line).Append('\n');
        void List(string heading, IReadOnlyList<string> items)
        {
            Line();
            Line($"## {heading}");
            Line();
            foreach (var item in items)
                Line($"- {item}");
        }
        var isModel = manifest.Kind == ManifestKind.Model;
        Line($"# {card.Name}");
        Line();
        Line(manifest.Title + ".");
        Line();
        Line(card.Summary);
        List("Meant for", card.UsedFor);
        List("Must not be used for", card.NotFor);
        List(isModel ? "Trained on" : "What it holds", card.Data);
        if (card.Figures is { } figures)
            Append(text, figures, Path.Combine(recorded ?? PaperPlots.RecordedFolder, figures.File));
        List("Known limits", card.Limits);
        List("Licence and duties", [manifest.Licence + (manifest.Duties.Count > 0 ? ":" : ", no further duties."),
            .. manifest.Duties]);
        List("Made by", [manifest.Recipe is { } recipe ? $"`{recipe.Command}`" : "not told",
            string.Create(CultureInfo.InvariantCulture, $"{manifest.Files.Count} files, {manifest.Size / 1e6:F1} MB; ")
                + $"their SHA-256 are in data-manifests/{card.Name}.json"]);
        return text.ToString();
    }

    private static void Append(StringBuilder text, CardFigures figures, string file)
    {
        text.Append("\n## Measured\n\n");
        if (!File.Exists(file))
        {
            text.Append($"Nothing is recorded ({figures.File}); `{figures.Command}` measures it.\n");
            return;
        }
        var table = KitJson.Read<TranslationTable>(file);
        string[] columns = [figures.Candidate, .. figures.Beside];
        text.Append($"Over {table.Scenes.Count} unseen scenes, by `{figures.Command}`; the 95 % interval over scenes "
            + "behind each value.\n\n");
        text.Append($"| | {string.Join(" | ", columns)} | goal |\n|---|")
            .Append(string.Concat(columns.Select(_ => "--:|"))).Append("--:|\n");
        foreach (var id in figures.Measures)
        {
            var row = table[id];
            var cells = columns.Select(c => table[id, c]).Select(c => Number(c.Value, row.Format)
                + (c.Lower is null ? "" : $" ({Number(c.Lower, row.Format)} to {Number(c.Upper, row.Format)})"));
            var name = TableText.FullName(row).Replace("|", "\\|", StringComparison.Ordinal);
            text.Append($"| {name} | {string.Join(" | ", cells)} | {row.Goal} |\n");
        }
    }

    private static string Number(double? value, string format) =>
        value?.ToString(format, CultureInfo.InvariantCulture) ?? "none";
}
