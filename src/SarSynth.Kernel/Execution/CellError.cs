// What went wrong in a cell, as the person who wrote it wants to read it: message, the marked line, no kernel frames.
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.CodeAnalysis;
using SarSynth.Kernel.Formatting;

namespace SarSynth.Kernel.Execution;

/// <summary>An error reply: name, value, traceback lines (with ANSI colours).</summary>
internal sealed record CellError(string Name, string Value, IReadOnlyList<string> Traceback)
{
    private const string Red = "\u001b[31m", Dim = "\u001b[90m", Off = "\u001b[0m";
    private const int Around = 2;

    internal JsonObject ToJson() => new()
    {
        ["ename"] = Name,
        ["evalue"] = Value,
        ["traceback"] = new JsonArray([.. Traceback.Select(l => (JsonNode)JsonValue.Create(l)!)]),
    };

    /// <summary>An error without a place in the code.</summary>
    internal static CellError Plain(string name, string value) => new(name, value, [$"{Red}{name}{Off}: {value}"]);

    /// <summary>The compiler's errors, each with its line and a caret.</summary>
    /// <param name="written">The text of a cell by its path as it was written, or null.</param>
    internal static CellError FromDiagnostics(IEnumerable<Diagnostic> diagnostics, Func<string, string?> written)
    {
        // Of an extension block that is out of place, the compiler cannot write the
        // documentation either (CS1569): nobody asked for it.
        var errors = diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error && d.Id != "CS1569")
            .OrderBy(d => d.Location.SourceSpan.Start).ToList();
        var lines = new List<string>();
        foreach (var error in errors.Take(20))
        {
            var place = error.Location.GetLineSpan();
            var message = error.GetMessage(CultureInfo.InvariantCulture);
            lines.Add($"{Red}error {error.Id}{Off}: {message}");
            if (error.Location.SourceTree is { } tree)
            {
                var source = (written(place.Path) is { } cell ? Microsoft.CodeAnalysis.Text.SourceText.From(cell)
                    : tree.GetText()).Lines;
                var line = place.StartLinePosition.Line;
                var text = line < source.Count ? source[line].ToString() : "";
                var column = place.StartLinePosition.Character;
                var length = place.EndLinePosition.Line == line ? Math.Max(1, place.EndLinePosition.Character - column)
                    : Math.Max(1, text.Length - column);
                var head = $"{Label(place.Path)} line {line + 1}: ";
                lines.Add($"{Dim}{head}{Off}{text.Replace('\t', ' ')}");
                lines.Add(new string(' ', head.Length + column) + Red + new string('^', length) + Off);
            }
        }
        if (errors.Exists(e => e.Id == "CS1109"))
            lines.Add("A class of a cell is inside the script's own. Leave it out: declare "
                + "the extension method by itself, "
                + "as a static function of the cell.");
        if (errors.Exists(e => e.Id == "CS9283"))
            lines.Add("A script has no top-level classes, so no extension blocks: declare a "
                + "static function of the cell "
                + "whose first parameter has \"this\".");
        if (errors.Count > 20)
            lines.Add($"... and {errors.Count - 20} more errors");
        var first = errors.FirstOrDefault();
        var at = first?.Location.GetLineSpan().StartLinePosition;
        return new("CompilationError",
            first is null ? ""
                : $"({at!.Value.Line + 1},{at.Value.Character + 1}): error {first.Id}: "
                + $"{first.GetMessage(CultureInfo.InvariantCulture)}", lines);
    }

    /// <summary>An exception of a cell's code; the frames of cells come with their lines.</summary>
    /// <param name="source">The text of a cell by its path, or null.</param>
    internal static CellError FromException(Exception exception, Func<string, string?> source)
    {
        while (exception is AggregateException { InnerExceptions: [var only] })
            exception = only;
        var lines = new List<string>();
        for (Exception? e = exception; e is not null; e = e.InnerException)
        {
            lines.Add($"{(e == exception ? "" : "---> ")}{Red}{TypeName(e)}{Off}: {e.Message}");
            Frames(e, source, lines, mark: e == exception);
        }
        return new(TypeName(exception), exception.Message, lines);
    }

    private static string TypeName(Exception e) => IsCell(e.GetType()) ? e.GetType().Name : e.GetType().FullName
        ?? e.GetType().Name;

    /// <summary>Whether a type is a cell or was declared in one.</summary>
    private static bool IsCell(Type type) => type.FullName is { } name
        && (name == "Script" || name.StartsWith("Script+", StringComparison.Ordinal))
        && type.Assembly.GetName().Name!.StartsWith("Submission", StringComparison.Ordinal);

    private static void Frames(Exception e, Func<string, string?> source, List<string> lines, bool mark)
    {
        var marked = !mark;
        foreach (var frame in new StackTrace(e, fNeedFileInfo: true).GetFrames())
        {
            var method = frame.GetMethod();
            var type = method?.DeclaringType;
            if (type is null ? method?.Name.StartsWith("InvokeStub_", StringComparison.Ordinal) ?? true
                : type.Assembly == typeof(CellError).Assembly || IsPlumbing(type))
                continue;
            var path = frame.GetFileName();
            var text = path is null ? null : source(path);
            if (text is null && path is null && type is not null && IsCell(type))
                continue;
            lines.Add(Describe(frame, method, path, text is not null));
            if (text is not null && !marked && frame.GetFileLineNumber() is var line and > 0)
            {
                marked = true;
                Excerpt(text, line, lines);
            }
            if (type is not null && IsCell(type) && IsEntry(method!))
                break; // Below the cell there is only what runs it.
        }
    }

    private static string Describe(StackFrame frame, System.Reflection.MethodBase? method, string? path, bool inCell)
    {
        var place = path is null ? "" : inCell
            ? $" {Label(path)}, line {frame.GetFileLineNumber()}"
            : $" in {path}:line {frame.GetFileLineNumber()}";
        return $"   {Dim}at{Off} {MethodName(method)}{place}";
    }

    private static string MethodName(System.Reflection.MethodBase? method)
    {
        if (method?.DeclaringType is not { } type)
            return method?.Name ?? "?";
        // A state machine or closure class carries the method's name between angle brackets.
        var name = method.Name;
        for (Type? t = type; t is not null && (name == "MoveNext" || name.StartsWith('<')); t = t.DeclaringType)
        {
            var carrier = name.StartsWith('<') ? name : t.Name;
            var close = carrier.IndexOf('>');
            if (carrier.StartsWith('<') && close > 1)
            {
                name = carrier[1..close].TrimStart('<');
                type = t.DeclaringType ?? t;
                break;
            }
        }
        if (IsCell(type) && name is "Initialize" or "Main")
            return "cell";
        var parameters = string.Join(", ", method.GetParameters().Select(p => ScalarText.TypeName(p.ParameterType)));
        var owner = IsCell(type) && type.FullName is { } full
            ? full.Contains('+') ? full[(full.IndexOf('+') + 1)..].Replace('+', '.') + "." : ""
            : type.Namespace is { Length: > 0 } ns ? $"{ns}.{ScalarText.TypeName(type)}."
            : ScalarText.TypeName(type) + ".";
        return $"{(owner.Contains("<>c") ? "" : owner)}{name}({parameters})";
    }

    private static bool IsEntry(System.Reflection.MethodBase method) =>
        method.Name == "MoveNext" && method.DeclaringType!.Name.Contains("<Initialize>", StringComparison.Ordinal);

    private static void Excerpt(string text, int line, List<string> lines)
    {
        var all = text.Split('\n');
        var excerpt = new StringBuilder();
        for (var i = Math.Max(1, line - Around); i <= Math.Min(all.Length, line + Around); i++)
            excerpt.Append(i == line ? $"{Red}----> {i,3}{Off} {all[i - 1].TrimEnd()}\n"
                : $"{Dim}      {i,3}{Off} {all[i - 1].TrimEnd()}\n");
        lines.Add(excerpt.ToString().TrimEnd('\n'));
    }

    // The machinery of async, scripts and threads, which says nothing about the cell.
    private static bool IsPlumbing(Type type) =>
        type.Namespace is "System.Runtime.CompilerServices" or "System.Runtime.ExceptionServices" or "System.Runtime"
            or "System.Reflection"
        || type.FullName is "System.Threading.ExecutionContext" or "System.Threading.Thread"
            or "System.Threading.ThreadPoolWorkQueue"
            or "System.Threading.Tasks.Task" or "System.Threading.Thread+StartHelper"
            or "System.Threading.PortableThreadPool+WorkerThread";

    private static string Label(string path) => $"in {Path.GetFileName(path)}";
}
