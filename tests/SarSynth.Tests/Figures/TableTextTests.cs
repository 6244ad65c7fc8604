// The table as text, Markdown, LaTeX, CSV and HTML: it fits, and says what it says everywhere alike.
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Evaluation;
using SarSynth.Figures;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;

namespace SarSynth.Tests.Figures;

public class TableTextTests
{
    private static readonly TranslationTable table = new("simulated airborne",
        ["floor", "Lee x speckle", "bicubic x speckle", "sarsynth-small", "a_model-of-a-very-long-name"],
        "Lee x speckle", ["woodland-1", "city-2"], 1000,
        [
            new("kl", "amplitude law", "KL, log bins", "", "≤ 0.003", "KL, in nats.", "0.0000",
            [
                new(0.00004, 0.00001, 0.0001, true, Verdict.Better, [0.00003, 0.00005]),
                new(0.042, 0.031, 0.055, false, Verdict.Undecided, [0.03, 0.05]),
                new(12.5, 2.0991, 133.8757, false, Verdict.Worse, [2, 133]),
                new(null, null, null, null, Verdict.Undecided, [null, null]),
                new(0.5, null, null, false, Verdict.Undecided, [0.5, null]),
            ]),
            new("spike-4", "signal", "azimuth spike, 4 px", "dB", "", "Power.", "0.00",
                [.. Enumerable.Repeat(new TableCell(-0.25, -1.5, 0.125, null, Verdict.Undecided, [-0.5, 0]), 5)]),
        ]);

    [Fact]
    public void FitsEightyColumnsAndNothingTouches()
    {
        var lines = table.ToText().Split('\n');
        Assert.All(lines, line => Assert.True(line.Length <= 80, line));
        // Five candidates: the fifth stands in a block of its own.
        Assert.Equal(4, lines.Count(l => l.EndsWith("goal", StringComparison.Ordinal)));
        Assert.Contains(lines, l => l.Contains("KL, log bins") && l.Contains("  .0000*+") && l.Contains("  .0420 ")
            && l.Contains(" 12.5000- ") && l.EndsWith("≤ 0.003", StringComparison.Ordinal));
        // An interval that is wider than its column loses decimals, never its neighbour's blank.
        Assert.Contains(lines, l => l.Contains(".0550 2.10–133.88 "));
        Assert.Contains("+ better, - worse than Lee x speckle", table.ToText());
    }

    [Fact]
    public void MarkdownHasARowForEachMeasureAndEqualColumns()
    {
        var lines = table.ToMarkdown().TrimEnd().Split('\n');
        Assert.Equal(4, lines.Length);
        Assert.All(lines, l => Assert.Equal(8, l.Count(c => c == '|')));
        Assert.Contains("| **.0000+** <sub>.0000–.0001</sub> |", lines[2]);
        Assert.Contains("azimuth spike, 4 px, dB", lines[3]);
    }

    [Fact]
    public void LatexIsATabularOfEqualRows()
    {
        var lines = table.ToLatex().Split('\n');
        Assert.Contains("\\begin{tabular}{lrrrrrr}", lines);
        Assert.Contains(lines, l => l.Contains("a\\_model-of-a-very-long-name"));
        Assert.All(lines.Where(l => l.Contains(" & ")), l => Assert.Equal(6, l.Count(c => c == '&')));
        Assert.Contains(lines, l => l.Contains("\\textbf{.0000$^{+}$}") && l.Contains("$\\le$ 0.003"));
    }

    [Fact]
    public void CsvHasEveryNumberInFull()
    {
        var lines = table.ToCsv().TrimEnd().Split('\n');
        Assert.Equal(1 + 2 * 5 * 3, lines.Length);
        Assert.Contains("kl,amplitude law,\"KL, log bins\",,≤ 0.003,floor,all,4E-05,1E-05,0.0001,yes,better", lines);
        Assert.Contains("kl,amplitude law,\"KL, log bins\",,≤ 0.003,bicubic x speckle,city-2,133,,,,", lines);
        Assert.Contains("kl,amplitude law,\"KL, log bins\",,≤ 0.003,sarsynth-small,all,,,,,", lines);
    }

    [Fact]
    public void HtmlNeedsNoNetworkAndTellsDefinitions()
    {
        var html = table.ToHtml();
        Assert.Contains("<strong>.0000+</strong><br><small>.0000–.0001</small>", html);
        Assert.Contains("<dd>KL, in nats.</dd>", html);
        Assert.DoesNotContain("http", html);
    }

    [Fact]
    public void APageHasMinusSignsAndNoDashBesideThem()
    {
        var named = table with { Rows = [table.Rows[0], table.Rows[1] with { Name = "target / clutter - true" }] };
        var html = named.ToHtml();
        Assert.Contains("<td>\u2212.25<br><small>\u22121.50 to .13</small></td>", html);
        Assert.Contains("<td>12.5000\u2212<br><small>2.0991\u2013133.8757</small></td>", html);
        Assert.Contains("target / clutter \u2212 true <small>dB</small>", html);
        // What a program may read stays as it was.
        Assert.Contains("| -.25 <sub>-1.50\u2013.13</sub> |", named.ToMarkdown());
    }

    [Theory]
    [InlineData(true, "The truth: simulated airborne, of the same ground.", "\u2212.25")]
    [InlineData(false, "two heaps are judged", "\u2212.25")]
    public void TheReportSaysWhetherImagesArePairs(bool paired, params string[] words)
    {
        var folder = Directory.CreateTempSubdirectory("sarsynth-report-").FullName;
        try
        {
            var images = Enumerable.Range(0, 2).Select(i => new AmplitudeImage(16, 16,
                [.. Enumerable.Range(0, 256).Select(p => 1 + (p + i) % 7f)])).ToArray();
            TruthScene[] scenes = [new("a", images[0]), new("b", images[1])];
            var shown = table with { Rows = [table.Rows[0], table.Rows[1] with { Id = "power-all" }] };
            Candidate[] candidates = [.. table.Candidates.Select(name => new Candidate(name, images))];
            shown.Write(folder, paired ? scenes : [], candidates, ["Lee x speckle", "floor"],
                truth: paired ? null : new("true-images", images));
            var page = WebUtility.HtmlDecode(File.ReadAllText(Path.Combine(folder, TableReport.Page)));
            Assert.All(words, word => Assert.Contains(word, page[..page.IndexOf("<table>", StringComparison.Ordinal)]));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void ScenesWhoseNamesAreNumbersStandSideBySide()
    {
        var chart = ChartJson.Write(Plots.Scenes(table with { Scenes = ["1000101", "1000112"] }, "kl"));
        Assert.Equal("category", (string?)JsonNode.Parse(chart)!["layout"]!["xaxis"]!["type"]);
    }

    /// <summary>What notebook 04 shows as recorded has the measures and scenes that the command has.</summary>
    [Fact]
    public void TheRecordedTableIsThatOfToday()
    {
        var recorded = KitJson.Read<TranslationTable>(
            Path.Combine(TestData.Root, "notebooks", "recorded", "translation.json"));
        // The command has no training images and no words.
        var without = MeasureNeeds.Training | MeasureNeeds.Words | MeasureNeeds.Captions;
        var today = Measures.All.Where(m => (m.Needs & without) == 0).Select(m => (m.Id, m.Definition));
        Assert.Equal(today.Order(), recorded.Rows.Select(r => (r.Id, r.Definition)).Order());
        Assert.Equal(["floor", "Lee x speckle", "bicubic x speckle"], recorded.Candidates.Take(3));
        Assert.Equal(TruthScene.Kinds.Select((kind, i) =>
            $"{kind.ToString().ToLowerInvariant()}-{TruthScene.FirstSeed + (ulong)i}"), recorded.Scenes);
    }

    [Fact]
    public void JsonComesBackAsItWas()
    {
        var again = JsonSerializer.Deserialize<TranslationTable>(KitJson.Serialize(table), KitJson.Options)!;
        Assert.Equal(table.ToCsv(), again.ToCsv());
        Assert.Equal(table.ToText(), again.ToText());
        Assert.Equal(0.042.ToString("R", CultureInfo.InvariantCulture),
            again["kl", "Lee x speckle"].Value!.Value.ToString("R", CultureInfo.InvariantCulture));
    }
}
