// Whether an executed notebook says and shows what the committed one does: words exactly, numbers and pictures nearly.
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;

namespace SarSynth.Notebooks.Tests;

/// <summary>Compares the outputs of two runs of one notebook.</summary>
public static partial class Recorded
{
    /// <summary>Side of the grid of mean grey values by which pictures are compared.</summary>
    private const int Grid = 16;

    /// <summary>How far two runs on two machines may be apart.</summary>
    /// <param name="Relative">Of a number, of the larger one.</param>
    /// <param name="Absolute">Of a number.</param>
    /// <param name="Grey">Of pictures: mean difference of the greys of <see cref="Grid"/> x Grid parts, of 255.</param>
    public sealed record Tolerance(double Relative, double Absolute, double Grey);

    /// <summary>What differs, one line each; empty where the runs agree.</summary>
    /// <param name="committed">The notebook as it is committed.</param>
    /// <param name="executed">The notebook as it has run now.</param>
    /// <param name="tolerance">How far numbers and pictures may be apart.</param>
    public static IReadOnlyList<string> Differences(JsonNode committed, JsonNode executed, Tolerance tolerance)
    {
        var (before, now) =
            (NotebookRunner.CodeCells(committed).ToArray(), NotebookRunner.CodeCells(executed).ToArray());
        if (before.Length != now.Length)
            return [$"{now.Length} cells of code, committed are {before.Length}"];
        var found = new List<string>();
        foreach (var (i, cell) in before.Index())
        {
            var (expected, outputs) = (Shown(cell), Shown(now[i]));
            if (expected.Length != outputs.Length)
                found.Add($"cell {i}: {outputs.Length} outputs, committed are {expected.Length}");
            foreach (var (a, b) in expected.Zip(outputs))
            {
                if (Words(a, b, tolerance) is { } words)
                    found.Add($"cell {i}: {words}");
                if (Pictures(a, b, tolerance) is { } picture)
                    found.Add($"cell {i}: {picture}");
            }
        }
        return found;
    }

    // Progress comes when work takes long, and says how long: both are the machine's.
    private static JsonNode[] Shown(JsonNode cell) => [.. cell["outputs"]!.AsArray().Select(o => o!)
        .Where(o => !Progress().IsMatch(NotebookRunner.Text(o["data"]?["text/plain"])))];

    private static string? Words(JsonNode committed, JsonNode executed, Tolerance tolerance)
    {
        var (a, b) = (Plain(committed), Plain(executed));
        if (Number().Replace(a, "#") is var before && Number().Replace(b, "#") is var after && before != after)
            return $"found\n{b}\ncommitted is\n{a}";
        foreach (var (x, y) in Number().Matches(a).Zip(Number().Matches(b)))
        {
            double p = Value(x.Value), q = Value(y.Value);
            if (Math.Abs(p - q) > tolerance.Absolute + tolerance.Relative * Math.Max(Math.Abs(p), Math.Abs(q)))
                return $"found {y.Value}, committed is {x.Value}, in\n{b}";
        }
        return null;
    }

    private static double Value(string text) => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);

    // Paths, checksums, dates and the lines that tell of the machine are not the notebook's.
    private static string Plain(JsonNode output)
    {
        var text = NotebookRunner.Text(output["text"]) + NotebookRunner.Text(output["data"]?["text/plain"]);
        var html = NotebookRunner.Text(output["data"]?["text/html"]);
        if (html.Contains("<table", StringComparison.Ordinal))
            text += Tag().Replace(Style().Replace(html, ""), " ");
        text = Machine().Replace(text, "");
        text = Varying().Replace(text, "~");
        // A number that is padded is no wider or narrower for that; its sign and stars stay with it.
        return Blanks().Replace(text.Replace('\u2212', '-'), " ");
    }

    private static string? Pictures(JsonNode committed, JsonNode executed, Tolerance tolerance)
    {
        var (a, b) = (Png(committed), Png(executed));
        if (a is null || b is null)
            return a is null == b is null ? null
                : b is null ? "no picture, one is committed" : "a picture, none is committed";
        using var before = Image.Load<L8>(a);
        using var now = Image.Load<L8>(b);
        if (Math.Abs(before.Width - now.Width) > 2 || Math.Abs(before.Height - now.Height) > 2)
            return $"a picture of {now.Width} x {now.Height}, committed is {before.Width} x {before.Height}";
        var (p, q) = (Greys(before), Greys(now));
        var apart = p.Zip(q, (x, y) => Math.Abs(x - y)).Average();
        return apart <= tolerance.Grey ? null
            : string.Create(CultureInfo.InvariantCulture, $"a picture that differs by {apart:F1} of 255");
    }

    private static byte[]? Png(JsonNode output) =>
        NotebookRunner.Text(output["data"]?["image/png"]) is { Length: > 0 } png ? Convert.FromBase64String(png) : null;

    private static double[] Greys(Image<L8> image)
    {
        image.Mutate(i => i.Resize(new ResizeOptions
        {
            Size = new(Grid, Grid), Mode = ResizeMode.Stretch, Sampler = KnownResamplers.Box,
        }));
        return [.. Enumerable.Range(0, Grid * Grid).Select(i => (double)image[i % Grid, i / Grid].PackedValue)];
    }

    [GeneratedRegex(@": (?:done in|broken off)|^\d+ % ·")]
    private static partial Regex Progress();

    [GeneratedRegex(@"(?<![\w.])-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")]
    private static partial Regex Number();

    [GeneratedRegex("""[^\n]*["](?:os|dotnet|engine|libtorch|sarsynth|created|device|bytes|path|sha256)["]:[^\n]*\n""")]
    private static partial Regex Machine();

    [GeneratedRegex(@"\S*/\S*|\b[0-9a-f]{12,}\b|\b\d{4}-\d\d-\d\dT\S+|<>f__\S+")]
    private static partial Regex Varying();

    [GeneratedRegex("<style.*?</style>", RegexOptions.Singleline)]
    private static partial Regex Style();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tag();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
