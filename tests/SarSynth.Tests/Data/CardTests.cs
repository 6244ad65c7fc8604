// Cards: everything that ships has one, its figures are those of the recorded table, and what it promises is said.
using System.Globalization;
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Evaluation;
using SarSynth.Figures;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;

namespace SarSynth.Tests.Data;

public class CardTests
{
    private static string[] Shipped => [.. Directory.GetDirectories(EmbeddedData.Folder)
        .Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    public static TheoryData<string> Names => [.. Shipped];

    [Theory]
    [MemberData(nameof(Names))]
    public void What_ships_has_a_card_that_says_all_of_it(string name)
    {
        var text = Card.Load(name).ToMarkdown();
        var manifest = Manifest.Load(Path.Combine(EmbeddedData.ManifestFolder, name + ".json"));
        Assert.StartsWith($"# {name}\n", text);
        foreach (var heading in (string[])["Meant for", "Must not be used for", "Known limits", "Licence and duties",
            "Made by", manifest.Kind == ManifestKind.Model ? "Trained on" : "What it holds"])
            Assert.Contains($"\n## {heading}\n\n- ", text);
        Assert.Contains($"- {manifest.Licence}", text);
        Assert.Contains(manifest.Recipe!.Command, text);
        Assert.All(manifest.Duties, duty => Assert.Contains(duty, text));
    }

    [Fact]
    public void There_is_a_card_of_nothing_else() => Assert.Equal(Shipped, Card.Names);

    /// <summary>The numbers of a card are the recorded table's, which a change of that table changes.</summary>
    [Theory]
    [InlineData("sarsynth-mini")]
    [InlineData("sarsynth-small")]
    public void Figures_are_the_recorded_ones(string name)
    {
        var card = Card.Load(name);
        var figures = card.Figures!;
        var table = KitJson.Read<TranslationTable>(Path.Combine(PaperPlots.RecordedFolder, figures.File));
        var text = card.ToMarkdown();
        foreach (var id in figures.Measures)
        {
            var line = text.Split('\n').Single(l =>
                l.StartsWith($"| {TableText.FullName(table[id])} |", StringComparison.Ordinal));
            var value = table[id, name].Value!.Value.ToString(table[id].Format, CultureInfo.InvariantCulture);
            Assert.StartsWith(value + " (", line.Split('|')[2].Trim());
        }
        Assert.DoesNotMatch(@"\d\.\d{2,}", card.Summary + string.Concat(card.Limits) + string.Concat(card.Data));

        var folder = Directory.CreateTempSubdirectory("sarsynth-card-").FullName;
        try
        {
            Assert.Contains("Nothing is recorded", card.ToMarkdown(folder));
            var row = table.Rows.Single(r => r.Id == figures.Measures[0]);
            KitJson.Write(Path.Combine(folder, figures.File), table with
            {
                Rows = [.. table.Rows.Select(r => r == row ? r with
                {
                    Cells = [.. r.Cells.Select(c => c with { Value = 0.5 })],
                } : r)],
            });
            Assert.Contains($"| {0.5.ToString(row.Format, CultureInfo.InvariantCulture)} (", card.ToMarkdown(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Paired_scenes_are_described_for_other_tools()
    {
        var folder = Directory.CreateTempSubdirectory("sarsynth-croissant-").FullName;
        try
        {
            PairedDataset.Write(folder, "two sizes", "MIT", Scenes.Unseen(1, size: 64).Select(s => (s, Split.Train)));
            var simulated = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "croissant.json")))!;
            Assert.Equal(ManifestStore.Sha256(Path.Combine(folder, PairedDataset.FileName)),
                (string?)simulated["distribution"]![0]!["sha256"]);
            Assert.Contains("None", (string?)simulated["rai:personalSensitiveInformation"]![0]);
            // Every field can be found where it says.
            var list = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, PairedDataset.FileName)))!;
            foreach (var field in simulated["recordSet"]![0]!["field"]!.AsArray())
            {
                var path = (string)field!["source"]!["extract"]!["jsonPath"]!;
                Assert.StartsWith("$.scenes[*].", path);
                Assert.NotNull(path["$.scenes[*].".Length..].Split('.')
                    .Aggregate(list["scenes"]![0], (node, name) => node?[name]));
            }
            // Of images that somebody gave nothing is claimed.
            var given = new PairedScene("given", new AmplitudeImage(8, 8, new float[64]),
                new AmplitudeImage(2, 2, new float[4]), []);
            PairedDataset.Write(folder, "mixed", "unknown", [(given, Split.Test)]);
            Assert.Null(JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "croissant.json")))!
                ["rai:personalSensitiveInformation"]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_embedded_scenes_are_described_as_they_are() => Assert.Equal(
        ManifestStore.Sha256(Path.Combine(EmbeddedData.Scenes, PairedDataset.FileName)),
        (string?)JsonNode.Parse(File.ReadAllText(Path.Combine(EmbeddedData.Scenes, "croissant.json")))!
            ["distribution"]![0]!["sha256"]);

    [Fact]
    public void The_citation_is_of_this_version_and_licence()
    {
        var lines = File.ReadAllLines(Path.Combine(TestData.Root, "CITATION.cff"));
        var version = System.Xml.Linq.XDocument.Load(Path.Combine(TestData.Root, "Directory.Build.props"))
            .Descendants("Version").Single().Value;
        Assert.Contains("cff-version: 1.2.0", lines);
        Assert.Contains($"version: {version}", lines);
        Assert.Contains("license: MIT", lines);
        Assert.Contains(lines, l => l.Contains("arXiv:2505.03844", StringComparison.Ordinal));
    }
}
