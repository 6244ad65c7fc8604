// text/plain: scalars as C# prints them in the invariant culture, sequences and objects as an indented, bounded tree.
using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Microsoft.DotNet.Interactive.Formatting;

/// <summary>Plain text.</summary>
public static class PlainTextFormatter
{
    /// <summary>text/plain</summary>
    public const string MimeType = "text/plain";

    private const int LineWidth = 100;

    internal static bool IsScalar(Type type) => ObjectView.IsScalar(type);

    internal static void Write(object? value, TextWriter writer) => writer.Write(Text(value, 0, []));

    internal static string Scalar(object value)
    {
        try
        {
            return value switch
            {
                bool b => b ? "True" : "False",
                Type type => ObjectView.Name(type),
                IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
                _ => value.ToString() ?? "",
            };
        }
        catch (Exception e) when (e is not ThreadInterruptedException)
        {
            return $"({e.GetType().Name}: {e.Message})";
        }
    }

    private static string Text(object? value, int depth, HashSet<object> path)
    {
        if (value is null)
            return Formatter.NullString;
        var type = value.GetType();
        if (value is IRichText rich)
            return rich.Text(MimeType);
        if (depth > 0 && Formatter.HasCustom(type, MimeType))
        {
            var writer = new StringWriter(CultureInfo.InvariantCulture);
            if (Formatter.TryCustom(value, writer, MimeType))
                return writer.ToString();
        }
        // A type with formatters of its own, but none for text, may hold anything (a figure, megabytes of points).
        if (Formatter.HasCustom(type, HtmlFormatter.MimeType))
            return Scalar(value);
        if (value is string text)
            return depth == 0 ? text : $"\"{text}\"";
        if (value is Exception exception)
            return depth == 0 ? exception.ToString() : $"{exception.GetType().Name}: {exception.Message}";
        if (IsScalar(type) || depth >= Formatter.RecursionLimit)
            return Scalar(value);
        if (value is ITuple tuple)
            return $"({string.Join(", ", Enumerable.Range(0, tuple.Length).Select(i => Text(tuple[i], depth + 1, path)))})";
        // A value that says how it reads (a record, a struct with its own ToString) is believed.
        if (value is not IEnumerable && type.GetMethod(nameof(ToString), Type.EmptyTypes) is { } toString
            && toString.DeclaringType != typeof(object) && toString.DeclaringType != typeof(ValueType)
            && !type.Name.StartsWith("<>f__AnonymousType", StringComparison.Ordinal))
            return Scalar(value);
        if (!type.IsValueType && !path.Add(value))
            return $"({ObjectView.Name(type)}: shown above)";
        try
        {
            if (value is IDictionary dictionary)
                return Block(ObjectView.Name(type), dictionary.Keys.Cast<object>().Take(Formatter.ListExpansionLimit)
                    .Select(k => $"{Text(k, depth + 1, path)}: {Text(dictionary[k], depth + 1, path)}"),
                    dictionary.Count > Formatter.ListExpansionLimit ? $"... ({dictionary.Count - Formatter.ListExpansionLimit} more)" : null);
            if (value is IEnumerable sequence)
            {
                var (items, more) = ObjectView.Take(sequence, Formatter.ListExpansionLimit);
                return Block(ObjectView.Name(type) is var name && name.Contains("Iterator") ? "" : name,
                    items.Select(i => Text(i, depth + 1, path)), more, '[', ']');
            }
            var members = ObjectView.Members(type);
            return members.Length == 0 ? Scalar(value)
                : Block(ObjectView.Name(type), members.Select(m => $"{m.Name}: {Text(ObjectView.Read(m, value), depth + 1, path)}"), null);
        }
        finally
        {
            path.Remove(value);
        }
    }

    private static string Block(string name, IEnumerable<string> parts, string? more, char open = '{', char close = '}')
    {
        var all = parts.ToList();
        if (more is not null)
            all.Add(more);
        var head = name.Length > 0 ? name + " " : "";
        if (all.Count == 0)
            return $"{head}{open} {close}";
        var line = $"{head}{open} {string.Join(", ", all)} {close}";
        if (line.Length <= LineWidth && !line.Contains('\n'))
            return line;
        return $"{head}{open}\n  {string.Join(",\n  ", all.Select(p => p.Replace("\n", "\n  ")))}\n{close}";
    }
}
