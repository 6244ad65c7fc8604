// "#!set", "#!share" and "#!value", as .NET Interactive has them: values from one language of a notebook to another.
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp;

namespace SarSynth.Kernel.Execution;

/// <summary>Moves values between C#, the languages of other programs, and the texts of "#!value".</summary>
internal sealed partial class ValueSharing(Session session, Polyglot others, Func<Cell, string, CellError?> csharp,
    string directory)
{
    private static readonly string[] Kernels = ["csharp", "python", "bash", "pwsh", "value"];

    [GeneratedRegex("""(?<quoted>"(?:[^"\\]|\\.)*")|(?<plain>\S+)""")] private static partial Regex Word { get; }

    /// <summary>Runs such a line; null where all went well.</summary>
    internal CellError? Run(Cell cell, Segment segment) => segment.Language switch
    {
        "set" => Set(cell, segment.Text, segment.Target!),
        "share" => Share(cell, segment.Text, segment.Target!),
        _ => Value(cell, segment.Text),
    };

    // #!set --name x --value @python:y, or a literal as JSON or text, or @input:prompt
    private CellError? Set(Cell cell, string line, string target)
    {
        var (options, rest) = Options("#!set", line, ["--name", "--value", "--mime-type"], ["--byref"]);
        if (!options.TryGetValue("--name", out var name) || !options.TryGetValue("--value", out var text)
            || rest.Count > 0)
            throw new MagicException($"'#!set {line}': expected #!set --name NAME --value VALUE "
                + "(JSON, text, @KERNEL:NAME or @input:PROMPT)");
        JsonNode? value;
        if (text is not ['@', .. var source])
        {
            value = Literal(text);
        }
        else
        {
            var parts = source.Split(':', 2);
            if (parts[0] is "input" or "password")
            {
                var answer = cell.Input(parts.ElementAtOrDefault(1) ?? name, password: parts[0] == "password");
                if (parts[0] == "password" && target == "csharp")
                    return csharp(cell, SharedValue.Declaration(name, Hidden(answer)));
                value = answer;
            }
            else if (Get(cell, parts.Length == 2 ? parts[0] : "csharp", parts[^1], out value) is { } error)
                return error;
        }
        return Put(cell, target, name, value);
    }

    // #!share --from csharp x --as y
    private CellError? Share(Cell cell, string line, string target)
    {
        var (options, rest) = Options("#!share", line, ["--from", "--as", "--mime-type"], []);
        if (!options.TryGetValue("--from", out var from) || rest is not [var name])
            throw new MagicException($"'#!share {line}': expected #!share --from KERNEL NAME, perhaps with --as NAME");
        return Get(cell, from, name, out var value) is { } error ? error
            : Put(cell, target, options.GetValueOrDefault("--as", name), value);
    }

    // #!value --name x and then its text, or --from-file PATH
    private CellError? Value(Cell cell, string segment)
    {
        var end = segment.IndexOf('\n');
        var (line, text) = end < 0 ? (segment, "") : (segment[..end], segment[(end + 1)..]);
        var (options, rest) = Options("#!value", line, ["--name", "--from-file", "--mime-type"], []);
        if (!options.TryGetValue("--name", out var name) || rest.Count > 0)
            throw new MagicException(
                $"'#!value {line}': expected #!value --name NAME and then its text, or --from-file PATH");
        if (options.TryGetValue("--from-file", out var file))
        {
            if (Path.GetFullPath(file, directory) is var path && !File.Exists(path))
                throw new MagicException($"'#!value --from-file': there is no file {path}");
            text = File.ReadAllText(path);
        }
        if (options.TryGetValue("--mime-type", out var mimeType))
            cell.Display([new(mimeType, text)], Guid.NewGuid().ToString("N"), update: false);
        return others.Set(cell, "value", name, text);
    }

    private CellError? Get(Cell cell, string kernel, string name, out JsonNode? value)
    {
        value = null;
        if (Name(kernel) is not "csharp" and var other)
            return others.Get(cell, other, name, out value);
        if (session.Variables().FirstOrDefault(v => v.Name == name) is not { } variable)
            return CellError.Plain("MagicError", $"csharp has no variable '{name}'");
        value = SharedValue.ToJson(name, variable.Value());
        return null;
    }

    private CellError? Put(Cell cell, string kernel, string name, JsonNode? value)
    {
        if (!SyntaxFacts.IsValidIdentifier(name))
            throw new MagicException($"'{name}' cannot be the name of a variable");
        return kernel == "csharp" ? csharp(cell, SharedValue.Declaration(name, SharedValue.FromJson(value)))
            : others.Set(cell, kernel, name, value);
    }

    // By itself, since it brings another assembly into the process.
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static object Hidden(string password) => new Microsoft.DotNet.Interactive.PasswordString(password);

    private static string Name(string kernel) => kernel switch
    {
        "c#" or "cs" or "C#" => "csharp",
        "powershell" => "pwsh",
        _ when Kernels.Contains(kernel) => kernel,
        _ => throw new MagicException(
            $"there is no kernel '{kernel}' with variables; there are {string.Join(", ", Kernels)}"),
    };

    private static JsonNode? Literal(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return text; // Not JSON: the text itself.
        }
    }

    private static (Dictionary<string, string> Given, List<string> Others) Options(string magic, string line,
        string[] known, string[] flags)
    {
        var words = Word.Matches(line).Select(m =>
            (Text: m.Groups["quoted"].Success ? Unquoted(m.Value) : m.Value, m.Groups["quoted"].Success)).ToList();
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        var rest = new List<string>();
        for (var i = 0; i < words.Count; i++)
        {
            var (word, quoted) = words[i];
            if (quoted || !word.StartsWith("--", StringComparison.Ordinal))
                rest.Add(word);
            else if (known.Contains(word) && i + 1 < words.Count)
                options[word] = words[++i].Text;
            else if (!flags.Contains(word))
                throw new MagicException(known.Contains(word) ? $"{magic}: '{word}' needs a value after it"
                    : $"{magic} has no option '{word}'; it has {string.Join(", ", known.Concat(flags))}");
        }
        return (options, rest);
    }

    private static string Unquoted(string word) => word[1..^1].Replace("\\\"", "\"").Replace("\\\\", "\\");
}
