// What all notebooks have alike, so that a reader of one knows the next: how they open, their mode, pictures, equations
// and exercises.
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SarSynth.Tests.Support;

namespace SarSynth.Notebooks.Tests;

public partial class Conventions
{
    private static readonly string folder = Path.Combine(TestData.Root, "notebooks");

    public static TheoryData<string> Notebooks => [.. Directory.GetFiles(folder, "*.ipynb")
        .Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Notebooks))]
    public void Opens_with_what_one_will_learn_how_long_it_takes_and_what_it_needs(string notebook)
    {
        var opening = Source(Cells(notebook)[0]);
        Assert.StartsWith("# ", opening);
        foreach (var promise in (string[])["**You will learn**", "**It takes**", "**It needs**"])
            Assert.Contains($"\n{promise} ", opening);
        Assert.Contains("`demo`", opening);
    }

    [Theory]
    [MemberData(nameof(Notebooks))]
    public void Takes_its_mode_and_data_of_ones_own_by_parameters_in_one_cell(string notebook)
    {
        var parameters = Code(notebook).Select(Source)
            .Single(s => s.StartsWith("// Parameters", StringComparison.Ordinal));
        Assert.Contains("var mode = Given(\"MODE\", \"demo\");", parameters);
        Assert.Matches("= Given\\(\"(?!MODE\")[A-Z]+\", \"", parameters);
        // Nowhere else: who changes a parameter changes it here.
        Assert.DoesNotContain(Code(notebook).Select(Source).Where(s => s != parameters),
            s => s.Contains("Given(", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Notebooks))]
    public void Shows_an_equation_and_a_picture_at_least_every_third_cell(string notebook)
    {
        Assert.Contains(Cells(notebook), c => IsProse(c) && Equation().IsMatch(Source(c)));
        var shown = Code(notebook).Skip(2).Where(c => Exercise(c) is null).ToArray();
        Assert.Empty(Enumerable.Range(0, Math.Max(1, shown.Length - 2))
            .Where(i => !shown.Skip(i).Take(3).Any(HasPicture)).Select(i => Source(shown[i])));
    }

    [Theory]
    [MemberData(nameof(Notebooks))]
    public void Asks_two_questions_or_more_each_with_a_solution(string notebook)
    {
        var cells = Cells(notebook);
        var asked = Enumerable.Range(0, cells.Length).Where(i => Exercise(cells[i]) is not null).ToArray();
        Assert.True(asked.Length >= 2, $"{asked.Length} exercises");
        foreach (var (n, i) in asked.Index())
        {
            Assert.StartsWith($"**Exercise {n + 1}.**", Source(cells[i - 1]));
            Assert.StartsWith($"{n + 1}: ", Exercise(cells[i]));
            // As it is handed out: open, and so it was run.
            Assert.Contains(NotebookRunner.Outputs(new JsonObject { ["cells"] = new JsonArray(cells[i].DeepClone()) }),
                o => NotebookRunner.Text(o["data"]?["text/plain"]).Contains("your turn", StringComparison.Ordinal));
            var (open, solution) = (Solutions.Open(Source(cells[i])), Solutions.Of(Source(cells[i + 1])));
            Assert.True(open is not null, $"no line like 'double? x = null;' in\n{Source(cells[i])}");
            Assert.StartsWith(open[..(open.IndexOf('=') + 1)], solution);
            Assert.NotEqual(open, solution);
        }
    }

    /// <summary>With a solution in its place the line of the answer, and nothing else, is another.</summary>
    [Fact]
    public void Solutions_are_put_where_answers_are_open()
    {
        var notebook = JsonNode.Parse("""
            { "cells": [
              { "cell_type": "code", "source": ["double? x = null;\n", "Exercise.Number(\"1: x\", x, 2, 0, \"\")"] },
              { "cell_type": "markdown", "source": "<details>\n\n```csharp\ndouble? x = 1 + 1;\n```\n\n</details>" },
              { "cell_type": "code", "source": "var y = \"\";" } ] }
            """)!;
        Assert.Equal(1, Solutions.PutIn(notebook));
        Assert.Equal("double? x = 1 + 1;\nExercise.Number(\"1: x\", x, 2, 0, \"\")",
            NotebookRunner.Text(notebook["cells"]![0]!["source"]));
        Assert.Equal("var y = \"\";", NotebookRunner.Text(notebook["cells"]![2]!["source"]));
    }

    private static JsonNode[] Cells(string notebook) =>
        [.. JsonNode.Parse(File.ReadAllText(Path.Combine(folder, notebook)))!["cells"]!.AsArray().Select(c => c!)];

    private static IEnumerable<JsonNode> Code(string notebook) => Cells(notebook).Where(c => !IsProse(c));

    private static bool IsProse(JsonNode cell) => (string?)cell["cell_type"] == "markdown";

    private static string Source(JsonNode cell) => NotebookRunner.Text(cell["source"]);

    private static string? Exercise(JsonNode cell) =>
        !IsProse(cell) && Asked().Match(Source(cell)) is { Success: true } found ? found.Groups[1].Value : null;

    private static bool HasPicture(JsonNode cell) =>
        cell["outputs"]!.AsArray().Any(o => o!["data"]?["image/png"] is not null);

    [GeneratedRegex("""Exercise\.(?:Number|Choice)\("([^"]+)["]""")]
    private static partial Regex Asked();

    [GeneratedRegex(@"\$[^$\n]+\$")]
    private static partial Regex Equation();
}

/// <summary>Solutions as notebooks hold them: in prose, folded, below the cell that asks.</summary>
public static partial class Solutions
{
    /// <summary>The line in which an answer is still open; null where there is none.</summary>
    public static string? Open(string code) => OpenLine().Match(code) is { Success: true } line ? line.Value : null;

    /// <summary>The code of a folded solution; empty where it is none.</summary>
    public static string Of(string prose) =>
        Folded().Match(prose) is { Success: true } found ? found.Groups[1].Value : "";

    /// <summary>Puts the solutions of a notebook into their cells.</summary>
    /// <returns>How many.</returns>
    public static int PutIn(JsonNode notebook)
    {
        var cells = notebook["cells"]!.AsArray();
        var count = 0;
        for (var i = 0; i + 1 < cells.Count; i++)
        {
            var code = NotebookRunner.Text(cells[i]!["source"]);
            if ((string?)cells[i]!["cell_type"] == "code" && Open(code) is { } line
                && Of(NotebookRunner.Text(cells[i + 1]!["source"])) is { Length: > 0 } solution)
            {
                cells[i]!["source"] = code.Replace(line, solution, StringComparison.Ordinal);
                count++;
            }
        }
        return count;
    }

    [GeneratedRegex("""^(?:double\?|var) \w+ = (?:null|"");$""", RegexOptions.Multiline)]
    private static partial Regex OpenLine();

    [GeneratedRegex(@"^<details>.*```csharp\n(.+?)\n```\n\n</details>$", RegexOptions.Singleline)]
    private static partial Regex Folded();
}
