// Lines that begin with "#!" and the "#r nuget" directives: what they are, and the cell without them, line for line.
namespace SarSynth.Kernel.Execution;

/// <summary>A cell's error that is in a magic command.</summary>
internal sealed class MagicException(string message) : Exception(message);

/// <summary>A stretch of a cell in one language.</summary>
/// <param name="Language">
/// csharp, html, markdown, javascript, bash, python, pwsh, mermaid; or set, share, value or import.
/// </param>
/// <param name="Text">
/// The text; for C# with empty lines in the place of everything else, so that line numbers hold.
/// </param>
/// <param name="Target">Of set and share: the language whose part of the cell they are in.</param>
internal sealed record Segment(string Language, string Text, string? Target = null);

/// <summary>A cell taken apart.</summary>
/// <param name="Commands">time, who, whos, lsmagic, about, in order.</param>
/// <param name="Packages">The text after "nuget:" of each "#r" line.</param>
/// <param name="Sources">Package sources of "#i" lines.</param>
internal sealed record ParsedCell(IReadOnlyList<Segment> Segments, IReadOnlyList<string> Commands,
    IReadOnlyList<string> Packages, IReadOnlyList<string> Sources);

/// <summary>Reads magic commands.</summary>
internal static class Magics
{
    private static readonly Dictionary<string, string> Languages = new()
    {
        ["#!csharp"] = "csharp", ["#!c#"] = "csharp", ["#!cs"] = "csharp", ["#!html"] = "html",
            ["#!markdown"] = "markdown", ["#!md"] = "markdown",
        ["#!javascript"] = "javascript", ["#!js"] = "javascript", ["#!bash"] = "bash", ["#!sh"] = "bash",
            ["#!python"] = "python",
        ["#!pwsh"] = "pwsh", ["#!powershell"] = "pwsh", ["#!mermaid"] = "mermaid", ["#!value"] = "value",
    };

    private static readonly string[] Commands = ["#!time", "#!who", "#!whos", "#!lsmagic", "#!about"];
    private static readonly string[] Sharing = ["#!set", "#!share"];
    private const string Import = "#!import";

    /// <summary>All magic commands.</summary>
    internal static IReadOnlyList<string> Known { get; } =
        [.. Languages.Keys.Concat(Commands).Concat(Sharing).Append(Import).Order(StringComparer.Ordinal)];

    /// <summary>Takes a cell apart.</summary>
    /// <exception cref="MagicException">An unknown magic command, named.</exception>
    internal static ParsedCell Parse(string code)
    {
        var segments = new List<Segment>();
        var commands = new List<string>();
        var packages = new List<string>();
        var sources = new List<string>();
        var lines = code.ReplaceLineEndings("\n").Split('\n');
        var language = "csharp";
        var begin = 0;
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].Trim();
            if (line.StartsWith("#!", StringComparison.Ordinal) && Word(line) is var word
                && (language == "csharp" || IsKnown(word)))
            {
                if (word == Import || Sharing.Contains(word))
                {
                    Close(i, keepBlank: false);
                    segments.Add(new Segment(word[2..], line[word.Length..].Trim(), language));
                    (begin, lines[i]) = (i + 1, "");
                }
                else if (word == "#!value")
                {
                    Close(i);
                    (language, begin) = ("value", i);
                    lines[i] = line[word.Length..].Trim();
                }
                else if (Languages.TryGetValue(word, out var next))
                {
                    Close(i);
                    (language, begin) = (next, i + 1);
                    // Text on the same line belongs to the segment.
                    if (line.Length > word.Length && next != "csharp")
                        lines[begin = i] = line[word.Length..].TrimStart();
                    else
                        lines[i] = "";
                }
                else if (Commands.Contains(word))
                {
                    commands.Add(word[2..]);
                    lines[i] = "";
                }
                else
                {
                    throw new MagicException($"Unknown magic command '{word}' in line {i + 1}. Known: "
                        + $"{string.Join(", ", Known)}");
                }
            }
            else if (language == "csharp" && Quoted(line, "#r") is { } reference
                && reference.StartsWith("nuget:", StringComparison.OrdinalIgnoreCase))
            {
                packages.Add(reference["nuget:".Length..].Trim());
                lines[i] = "";
            }
            else if (language == "csharp" && Quoted(line, "#i") is { } source)
            {
                sources.Add(source.StartsWith("nuget:", StringComparison.OrdinalIgnoreCase)
                    ? source["nuget:".Length..].Trim() : source);
                lines[i] = "";
            }
        }
        Close(lines.Length);
        return new ParsedCell(segments, commands, packages, sources);

        void Close(int end, bool keepBlank = true)
        {
            var text = string.Join('\n', lines[begin..end]);
            var blank = text.Trim().Length == 0;
            if (language != "csharp" && (!blank || keepBlank && segments.LastOrDefault()?.Target != language))
                segments.Add(new Segment(language, text));
            else if (language == "csharp" && !blank)
                segments.Add(new Segment(language, new string('\n', begin) + text));
        }
    }

    /// <summary>
    /// The C# of a cell with everything else blanked out, position for position; for
    /// questions about code that may be half typed.
    /// </summary>
    internal static string Blanked(string code)
    {
        if (!code.Contains("#!") && !code.Contains("nuget:") && !code.Contains("#i"))
            return code;
        var lines = code.Split('\n');
        var csharp = true;
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].Trim();
            var isMagic = line.StartsWith("#!", StringComparison.Ordinal);
            if (isMagic && Languages.TryGetValue(Word(line), out var language))
                csharp = language == "csharp";
            if (isMagic || !csharp || Quoted(line, "#i") is not null
                || Quoted(line, "#r")?.StartsWith("nuget:", StringComparison.OrdinalIgnoreCase) == true)
                lines[i] = new string(' ', lines[i].Length);
        }
        return string.Join('\n', lines);
    }

    /// <summary>Whether a cell has a part in another language than C#.</summary>
    internal static bool HasOtherLanguage(string code) =>
        code.Split('\n').Any(l => Languages.TryGetValue(Word(l.Trim()), out var language) && language != "csharp");

    /// <summary>A .dib file's cells without the head that is meant for its editor.</summary>
    internal static string WithoutMetadata(string dib)
    {
        var lines = dib.ReplaceLineEndings("\n").Split('\n');
        var meta = true;
        return string.Join('\n', lines.SkipWhile(l =>
        {
            if (l.StartsWith("#!", StringComparison.Ordinal))
                meta = Word(l) == "#!meta";
            return meta;
        }));
    }

    private static bool IsKnown(string word) =>
        word == Import || Languages.ContainsKey(word) || Commands.Contains(word) || Sharing.Contains(word);

    private static string Word(string line) => line.Split(' ', '\t')[0];

    private static string? Quoted(string line, string directive)
    {
        if (!line.StartsWith(directive, StringComparison.Ordinal))
            return null;
        var rest = line[directive.Length..].Trim();
        return rest is ['"', .. var text] && text.IndexOf('"') is var end and >= 0 ? text[..end] : null;
    }
}
