// Every notebook runs top to bottom, and is committed as it ran: small, with its outputs, without an error among them.
using System.Text.Json.Nodes;
using SarSynth.Tests.Support;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace SarSynth.Notebooks.Tests;

[TestCaseOrderer("SarSynth.Notebooks.Tests.ByName", "SarSynth.Notebooks.Tests")]
public class NotebookTests(NotebookRunner runner) : IClassFixture<NotebookRunner>
{
    private const int MaxSize = 1_000_000;

    public static TheoryData<string> Notebooks => [.. Names()];

    public static TheoryData<string> LaterNotebooks => [.. Names().Skip(1)];

    private static string Folder => Path.Combine(TestData.Root, "notebooks");

    [Theory]
    [MemberData(nameof(Notebooks))]
    public void Runs(string notebook)
    {
        var (code, said, executed) = runner.Execute(Path.Combine(Folder, notebook));
        Assert.True(code == 0, said);
        Assert.DoesNotContain(NotebookRunner.Outputs(executed!), IsError);
        Assert.Contains(NotebookRunner.Outputs(executed!), HasPicture);
        foreach (var html in NotebookRunner.Outputs(executed!)
            .Select(o => NotebookRunner.Text(o["data"]?["text/html"])))
            Assert.DoesNotMatch("<(?:script|img|link)[^>]+(?:src|href)=[\"']?https?:", html);
        EveryPictureIsAPngToo(executed!);
        var committed = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, notebook)))!;
        // A training multiplies what two processors round otherwise.
        Assert.Empty(Recorded.Differences(committed, executed!, notebook.StartsWith("02-", StringComparison.Ordinal)
            ? new(0.3, 0.05, 8) : new(0.1, 0.01, 4)));
    }

    /// <summary>In its shortest mode, and with the solutions in their places: every answer is right.</summary>
    [InteractiveTheory]
    [InlineData("00-tour.ipynb")]
    public void RunsOnDotnetInteractiveToo(string notebook)
    {
        var (code, said, executed) = runner.ExecuteSolved(notebook, interactive: true);
        Assert.True(code == 0, said);
        var judged = NotebookRunner.Outputs(executed!).Select(o => NotebookRunner.Text(o["data"]?["text/plain"]))
            .Where(words => words.StartsWith("Exercise ", StringComparison.Ordinal)).ToArray();
        Assert.True(judged.Length >= 2, $"{judged.Length} exercises");
        Assert.All(judged, words => Assert.EndsWith(": right.", words));
        Assert.DoesNotContain(NotebookRunner.Outputs(executed!), IsError);
        Assert.Contains(NotebookRunner.Outputs(executed!), HasPicture);
    }

    [InteractiveTheory(slow: true)]
    [Trait("Speed", "slow")]
    [MemberData(nameof(LaterNotebooks))]
    public void LaterOnesRunOnDotnetInteractiveToo(string notebook) => RunsOnDotnetInteractiveToo(notebook);

    /// <summary>Other words, numbers and pictures are seen; the machine's speed and folders are not.</summary>
    [Theory]
    [InlineData("found 0.31", "KL 0.25 in a/b", "KL 0.31 in c/d")]
    [InlineData("found\nLee x speckle 0.25", "floor 0.25", "Lee x speckle 0.25")]
    [InlineData("1 outputs, committed are 2", "KL 0.25", null)]
    [InlineData(null, "KL 0.25 in a/b", "KL 0.251 in c/d")]
    [InlineData(null, "KL .250   12345678abcdef", "KL .252 abcdef12345678")]
    public void WhatIsNotAsCommittedIsSeen(string? words, string committed, string? executed)
    {
        var found = Recorded.Differences(One(committed), One(executed), new(0.1, 0.01, 4));
        if (words is null)
            Assert.Empty(found);
        else
            Assert.Contains(words, found[0]);

        static JsonNode One(string? text) => new JsonObject
        {
            ["cells"] = new JsonArray(new JsonObject
            {
                ["cell_type"] = "code",
                ["outputs"] = new JsonArray(new[] { "translating: done in 3 s", text, "same" }.OfType<string>()
                    .Select(t => (JsonNode)new JsonObject { ["data"] = new JsonObject { ["text/plain"] = t } })
                    .ToArray()),
            }),
        };
    }

    [Theory]
    [MemberData(nameof(Notebooks))]
    public void IsCommittedAsItRan(string notebook)
    {
        var path = Path.Combine(Folder, notebook);
        Assert.InRange(new FileInfo(path).Length, 1, MaxSize);
        var content = JsonNode.Parse(File.ReadAllText(path))!;
        Assert.Equal(".net-csharp", (string?)content["metadata"]!["kernelspec"]!["name"]);
        Assert.All(NotebookRunner.CodeCells(content), cell => Assert.NotNull(cell["execution_count"]));
        Assert.DoesNotContain(NotebookRunner.Outputs(content), IsError);
        Assert.Contains(NotebookRunner.Outputs(content), HasPicture);
        EveryPictureIsAPngToo(content);
    }

    [Theory]
    [MemberData(nameof(Notebooks))]
    public void SaysWhatItDoesAndTakesItsParametersFirst(string notebook)
    {
        var content = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, notebook)))!;
        var cells = content["cells"]!.AsArray();
        Assert.Equal("markdown", (string?)cells[0]!["cell_type"]);
        Assert.StartsWith("# ", NotebookRunner.Text(cells[0]!["source"]));
        var code = NotebookRunner.CodeCells(content).ToArray();
        Assert.Equal("#!import \"kit.csx\"", NotebookRunner.Text(code[0]["source"]));
        Assert.Contains("parameters", code[1]["metadata"]?["tags"]?.AsArray().Select(t => (string?)t) ?? []);
        var prose = cells.Count(c => (string?)c!["cell_type"] == "markdown");
        Assert.True(2 * prose >= NotebookRunner.CodeCells(content).Count(),
            $"{prose} cells of prose for {NotebookRunner.CodeCells(content).Count()} of code");
    }

    /// <summary>Cells are read: what is longer is a verb that the library lacks.</summary>
    [Theory]
    [MemberData(nameof(Notebooks))]
    public void CellsAreShortAndWithoutPlumbing(string notebook)
    {
        var content = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, notebook)))!;
        foreach (var cell in NotebookRunner.CodeCells(content).Select(c => NotebookRunner.Text(c["source"])))
        {
            Assert.True(cell.Split('\n').Length <= 20,
                $"{cell.Split('\n').Length} lines, expected 20 or fewer:\n{cell}");
            Assert.DoesNotContain("bar.Update(", cell);
            Assert.DoesNotContain("progress:", cell);
            Assert.DoesNotContain(".Dispose()", cell);
            Assert.DoesNotMatch(@"Open\((.*)\)\.Load\(\1\)", cell);
            Assert.DoesNotMatch(@"\[[^\]\n]*\w+ \* (?:size|columns|\w+\.Columns)\b[^\]\n]*\]", cell);
        }
    }

    [Fact]
    public void AllAreThere() =>
        Assert.Superset(new HashSet<string> { "00", "01", "02", "03", "04", "ap" },
            Names().Select(name => name[..2]).ToHashSet());

    [Fact]
    public void FailingCellFailsTheRun()
    {
        var (code, said, _) =
            runner.Execute(Path.Combine(TestData.Root, "tests", "notebooks", "Fixtures", "failing.ipynb"));
        Assert.NotEqual(0, code);
        Assert.Contains("on purpose", said);
        Assert.DoesNotContain("never reached", said);
    }

    [Fact]
    public void ValuesTextAndStateArriveInTheNotebook()
    {
        var (code, said, executed) =
            runner.Execute(Path.Combine(TestData.Root, "tests", "notebooks", "Fixtures", "running.ipynb"));
        Assert.True(code == 0, said);
        var outputs = NotebookRunner.Outputs(executed!).ToArray();
        Assert.Contains(outputs, o => (string?)o["name"] == "stdout"
            && NotebookRunner.Text(o["text"]).Contains("6 x 7 = 42"));
        Assert.Contains(outputs, o => NotebookRunner.Text(o["data"]?["text/html"]).Contains("<b>bold</b>"));
        Assert.Contains(outputs, o => (string?)o["output_type"] == "execute_result"
            && NotebookRunner.Text(o["data"]?["text/plain"]).Contains("43"));
    }

    [Fact]
    public void LongCallIntoTheEngineIsInterrupted() => Passes("interrupt.py", NotebookRunner.Library("SarSynth"));

    [Fact]
    public void ForgottenTensorsAreFreed() => Passes("forgotten.py", NotebookRunner.Library("SarSynth"));

    [Fact]
    public void TourWorksInABrowser() =>
        Passes("tour_browser.py", Path.Combine(Folder, "00-tour.ipynb"), NotebookRunner.Library("SarSynth"),
        Path.Combine(TestData.Root, "tests", "SarSynth.Kernel.Tests", "python"));

    [Fact]
    public void ChartOfPlotlyNetAloneIsShownAsTheKitsAre()
    {
        var (code, said, executed) =
            runner.Execute(Path.Combine(TestData.Root, "tests", "notebooks", "Fixtures", "plotly.ipynb"));
        Assert.True(code == 0, said);
        var data = NotebookRunner.Outputs(executed!)
            .Single(o => (string?)o["output_type"] == "execute_result")["data"]!;
        Assert.StartsWith("iVBORw0KGgo", NotebookRunner.Text(data["image/png"]));
        var html = NotebookRunner.Text(data["text/html"]);
        Assert.Contains("data-sarsynth=", html);
        Assert.Contains("\"y\":[0.333333,null,2]", html);
        Assert.DoesNotContain("cdn", html);
    }

    // A code host that strips HTML has nothing else to show.
    private static void EveryPictureIsAPngToo(JsonNode notebook) => Assert.All(
        NotebookRunner.Outputs(notebook)
            .Where(o => NotebookRunner.Text(o["data"]?["text/html"]).Contains("<img", StringComparison.Ordinal)),
        o => Assert.StartsWith("iVBORw0KGgo", NotebookRunner.Text(o["data"]!["image/png"])));

    private void Passes(string script, params string[] arguments)
    {
        var (code, said) = runner.Script(Path.Combine(TestData.Root, "tests", "notebooks", "Fixtures", script),
            arguments);
        Assert.True(code == 0, said);
    }

    private static IEnumerable<string> Names() =>
        Directory.Exists(Folder) ? Directory.GetFiles(Folder, "*.ipynb").Select(f => Path.GetFileName(f))
            .Order(StringComparer.Ordinal) : [];

    private static bool IsError(JsonNode output) => (string?)output["output_type"] == "error";

    private static bool HasPicture(JsonNode output) =>
        output["data"]?["image/png"] is not null || NotebookRunner.Text(output["data"]?["text/html"])
            .Contains("<img", StringComparison.Ordinal);
}

/// <summary>A theory that needs .NET Interactive's own kernel; the slow ones run where SARSYNTH_SLOW is set.</summary>
public sealed class InteractiveTheoryAttribute : TheoryAttribute
{
    public InteractiveTheoryAttribute(bool slow = false) =>
        Skip = NotebookRunner.Interactive is null
            ? "dotnet-interactive is not installed (environment/setup.sh --kernel dotnet-interactive)"
            : slow && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("SARSYNTH_SLOW"))
                ? "slow: runs where SARSYNTH_SLOW is set" : null;
}

/// <summary>Notebooks in the order of their numbers: a later one may use what an earlier one left.</summary>
public sealed class ByName : ITestCaseOrderer
{
    public IEnumerable<TTestCase> OrderTestCases<TTestCase>(IEnumerable<TTestCase> testCases)
        where TTestCase : ITestCase => testCases.OrderBy(c => c.DisplayName, StringComparer.Ordinal);
}
