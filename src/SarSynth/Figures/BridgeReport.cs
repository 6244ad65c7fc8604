// The comparison of simulated, bridged and true images as text, files and pictures.
using System.Globalization;
using System.Text;
using SarSynth.Data;
using SarSynth.Evaluation;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;

namespace SarSynth.Figures;

/// <summary>Writes and draws a <see cref="BridgeComparison"/>.</summary>
public static class BridgeReport
{
    /// <summary>Names of the files that <see cref="Write"/> adds to those of the table.</summary>
    public const string Json = "bridge.json", Markdown = "bridge.md", Picture = "bridge.png";

    // What a user asks first.
    private const double GapGoal = 0.7, GainGoal = 0.5, PlaceGoal = 1;

    /// <summary>
    /// Simulated, bridged and true image of a scene in a row, and below it the same part of each, pixel by pixel; all
    /// of one grey scale, A / (mu + 3 sigma) of the true image.
    /// </summary>
    /// <param name="scene">The scene.</param>
    /// <param name="bridged">What the bridge made of its map.</param>
    /// <param name="part">Side of the part, pixels.</param>
    /// <param name="down">Where the part lies, 0 (top) to 1 (bottom).</param>
    /// <param name="across">Likewise, 0 (left) to 1 (right).</param>
    /// <param name="pictureSize">Longest side of a picture, pixels.</param>
    public static ImagePanel ToPanel(this BridgeScene scene, AmplitudeImage bridged, int part = 96,
        double down = 0.5, double across = 0.5, int pictureSize = 300)
    {
        var grey = new FixedRemap(new NormalisationFit().Add(scene.Truth.Airborne.Pixels).Clipped().Ceiling);
        return new ImagePanel("", pictureSize)
            .Add("facet simulator", scene.Facets.Detected, remap: grey)
            .Add("bridged", bridged, remap: grey)
            .Add(scene.Truth.Airborne.AirborneName(), scene.Truth.Airborne, remap: grey)
            .Zoom(part, down, across);
    }

    /// <summary>Shares closed, places and use as Markdown tables.</summary>
    /// <param name="comparison">The comparison.</param>
    public static string ToMarkdown(this BridgeComparison comparison)
    {
        var text = new StringBuilder();
        var table = comparison.Table;
        var bridged = comparison.Gaps.Count > 0;
        text.Append($"| measure |{string.Concat(table.Candidates.Select(c => $" {c} |"))}")
            .Append(bridged ? " gap closed, % |\n" : "\n").Append("|---|")
            .Append(string.Concat(Enumerable.Repeat("--:|", table.Candidates.Count + (bridged ? 1 : 0)))).Append('\n');
        foreach (var (i, row) in table.Rows.Index())
        {
            text.Append($"| {row.Name}{(row.Unit.Length > 0 ? $", {row.Unit}" : "")} |");
            foreach (var cell in row.Cells)
                text.Append($" {TableText.Text(cell.Value, row)} |");
            text.Append(bridged ? $" {Percent(comparison.Gaps[i])} |\n" : "\n");
        }
        text.Append("\n| displaced, median px | layover | shadow | edges |\n|---|--:|--:|--:|\n");
        foreach (var line in comparison.Places.GroupBy(p => (p.Image, p.IsRegistered)))
        {
            text.Append($"| {line.Key.Image}{(line.Key.IsRegistered ? ", known error taken off" : "")} |")
                .Append(string.Concat(line.Select(p => $" {Place(p)} |"))).Append('\n');
        }
        if (comparison.Use is { } use)
        {
            text.Append(Invariant($"\nA classifier of ground recalls on true images {use.OfTrue:0.000} when it "))
                .Append(Invariant($"learned from true images, {use.OfSimulated:0.000} from the simulator's, "))
                .Append(Invariant($"{use.OfBridged:0.000} from bridged ones: {100 * use.Gain:0} % of the gain "))
                .Append(Invariant($"({100 * use.Lower:0}–{100 * use.Upper:0}).\n"));
        }
        return text.ToString();
    }

    /// <summary>Whether the goals are met, a line each: the KL's gap, the places, the use.</summary>
    /// <param name="comparison">The comparison of a bridge.</param>
    public static IReadOnlyList<(string Goal, string Found, bool Meets)> Goals(this BridgeComparison comparison)
    {
        var lines = new List<(string, string, bool)>();
        if (comparison.Gaps.FirstOrDefault(g => g.Id == "kl") is { Closed: { } closed } kl)
            lines.Add(("KL: at least 70 % of the gap closed", $"{Percent(kl)} %", closed >= GapGoal));
        foreach (var place in comparison.Places.Where(p => p.Image == BridgeComparison.Bridged && p.IsRegistered))
            lines.Add(($"{place.What}: displaced by less than 1 px, the known registration error taken off",
                $"{Place(place)} px", place.Median < PlaceGoal));
        if (comparison.Use is { } use)
        {
            lines.Add(("use: at least half of what true images give", Invariant(
                $"{100 * use.Gain:0} ({100 * use.Lower:0}–{100 * use.Upper:0}) %"), use.Gain >= GainGoal));
        }
        return lines;
    }

    /// <summary>Writes the table's page and files, bridge.json, bridge.md and a picture of one scene.</summary>
    /// <param name="comparison">The comparison.</param>
    /// <param name="folder">Receives the files; each appears whole or not at all.</param>
    /// <param name="scenes">The scenes.</param>
    /// <param name="candidates">The images.</param>
    /// <param name="facts">Where all came from, for the end of the page.</param>
    public static void Write(this BridgeComparison comparison, string folder, IReadOnlyList<BridgeScene> scenes,
        IReadOnlyList<Candidate> candidates, IEnumerable<KeyValuePair<string, string>> facts)
    {
        string[] shown = [.. candidates.Select(c => c.Name).Where(n => n != BridgeComparison.Floor)];
        comparison.Table.Write(folder, [.. scenes.Select(s => s.Truth)], candidates, shown, facts,
            "Simulated to airborne-like");
        AtomicFile.WriteText(Path.Combine(folder, Json), KitJson.Serialize(new
        {
            comparison.Gaps, comparison.Places, comparison.Use,
            Errors = scenes.ToDictionary(s => s.Truth.Name, s => s.Facets.Errors),
        }) + "\n");
        AtomicFile.WriteText(Path.Combine(folder, Markdown), comparison.ToMarkdown());
        if (candidates.FirstOrDefault(c => c.Name == BridgeComparison.Bridged) is { } bridged)
            scenes[0].ToPanel(bridged.Images[0]).Save(Path.Combine(folder, Picture));
    }

    private static string Percent(BridgedGap gap) => gap.Closed is not { } closed ? "no gap"
        : gap is { Lower: { } lower, Upper: { } upper }
            ? Invariant($"{100 * closed:0} ({100 * lower:0}–{100 * upper:0})") : Invariant($"{100 * closed:0}");

    private static string Place(BridgedPlace place) => Invariant(
        $"{place.Median:0.00} ({place.Lower:0.00}–{place.Upper:0.00})");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
