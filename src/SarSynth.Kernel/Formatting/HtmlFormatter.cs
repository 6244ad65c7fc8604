// text/html: tables for sequences, dictionaries and matrices, a collapsible tree for objects; all text is encoded.
using System.Collections;
using System.Globalization;
using System.Net;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Microsoft.DotNet.Interactive.Formatting;

/// <summary>HTML.</summary>
public static class HtmlFormatter
{
    /// <summary>text/html</summary>
    public const string MimeType = "text/html";

    private const string Left = " style=\"text-align:left\"";

    internal static void Write(object? value, TextWriter writer) => Write(value, writer, 0, []);

    private static void Write(object? value, TextWriter writer, int depth, HashSet<object> path)
    {
        if (value is IRichText rich && rich.MimeTypes.Contains(MimeType))
        {
            writer.Write(rich.Text(MimeType));
            return;
        }
        if (value is not null && depth > 0 && Formatter.TryCustom(value, writer, MimeType))
            return;
        if (value is null or string || PlainTextFormatter.IsScalar(value.GetType()) || depth >= Formatter.RecursionLimit)
        {
            var text = value is string s ? s : value is null ? Formatter.NullString : PlainTextFormatter.Scalar(value);
            writer.Write(depth == 0 ? $"<pre>{WebUtility.HtmlEncode(text)}</pre>" : WebUtility.HtmlEncode(text));
            return;
        }
        var type = value.GetType();
        if (!type.IsValueType && !path.Add(value))
        {
            writer.Write(WebUtility.HtmlEncode($"({ObjectView.Name(type)}: shown above)"));
            return;
        }
        try
        {
            switch (value)
            {
                case Exception exception:
                    writer.Write($"<pre>{WebUtility.HtmlEncode(depth == 0 ? exception.ToString() : $"{exception.GetType().Name}: {exception.Message}")}</pre>");
                    break;
                case IDictionary dictionary:
                    Dictionary(dictionary, writer, depth, path);
                    break;
                case Array { Rank: 2 } matrix:
                    Matrix(matrix, writer, depth, path);
                    break;
                case IEnumerable sequence:
                    Sequence(sequence, writer, depth, path);
                    break;
                case ITuple tuple:
                    Rows(writer, Enumerable.Range(0, tuple.Length).Select(i => ($"Item{i + 1}", tuple[i])), depth, path);
                    break;
                default:
                    Object(value, type, writer, depth, path);
                    break;
            }
        }
        finally
        {
            path.Remove(value);
        }
    }

    private static void Sequence(IEnumerable sequence, TextWriter writer, int depth, HashSet<object> path)
    {
        var (items, more) = ObjectView.Take(sequence, Formatter.ListExpansionLimit);
        var columns = new List<string>();
        foreach (var item in items)
            if (item is not null && IsRow(item))
                foreach (var member in ObjectView.Members(item.GetType()))
                    if (!columns.Contains(member.Name))
                        columns.Add(member.Name);
        writer.Write("<table><thead><tr><th><i>index</i></th>");
        writer.Write(columns.Count == 0 ? $"<th{Left}>value</th>" : string.Concat(columns.Select(c => $"<th{Left}>{WebUtility.HtmlEncode(c)}</th>")));
        writer.Write("</tr></thead><tbody>");
        for (var i = 0; i < items.Count; i++)
        {
            writer.Write($"<tr><td>{i}</td>");
            var item = items[i];
            if (columns.Count == 0 || item is null || !IsRow(item))
            {
                writer.Write($"<td{(columns.Count > 1 ? $" colspan=\"{columns.Count}\"" : "")}{Left}>");
                Write(item, writer, depth + 1, path);
                writer.Write("</td>");
            }
            else
            {
                var members = ObjectView.Members(item.GetType());
                foreach (var column in columns)
                {
                    writer.Write($"<td{Left}>");
                    if (Array.Find(members, m => m.Name == column) is { } member)
                        Write(ObjectView.Read(member, item), writer, depth + 2, path);
                    writer.Write("</td>");
                }
            }
            writer.Write("</tr>");
        }
        if (more is not null)
            writer.Write($"<tr><td colspan=\"{Math.Max(columns.Count, 1) + 1}\"{Left}><i>{WebUtility.HtmlEncode(more)}</i></td></tr>");
        writer.Write("</tbody></table>");
    }

    private static void Dictionary(IDictionary dictionary, TextWriter writer, int depth, HashSet<object> path)
    {
        writer.Write($"<table><thead><tr><th{Left}><i>key</i></th><th{Left}>value</th></tr></thead><tbody>");
        var shown = 0;
        foreach (DictionaryEntry entry in dictionary)
        {
            if (shown++ == Formatter.ListExpansionLimit)
            {
                writer.Write($"<tr><td colspan=\"2\"{Left}><i>... ({dictionary.Count - Formatter.ListExpansionLimit} more)</i></td></tr>");
                break;
            }
            writer.Write($"<tr><td{Left}>");
            Write(entry.Key, writer, depth + 1, path);
            writer.Write($"</td><td{Left}>");
            Write(entry.Value, writer, depth + 1, path);
            writer.Write("</td></tr>");
        }
        writer.Write("</tbody></table>");
    }

    private static void Matrix(Array matrix, TextWriter writer, int depth, HashSet<object> path)
    {
        int rows = matrix.GetLength(0), columns = matrix.GetLength(1), limit = Formatter.ListExpansionLimit;
        writer.Write("<table><tbody>");
        for (var r = 0; r < Math.Min(rows, limit); r++)
        {
            writer.Write("<tr>");
            for (var c = 0; c < Math.Min(columns, limit); c++)
            {
                writer.Write("<td>");
                Write(matrix.GetValue(r, c), writer, depth + 1, path);
                writer.Write("</td>");
            }
            writer.Write(columns > limit ? "<td>...</td></tr>" : "</tr>");
        }
        writer.Write($"</tbody></table>{(rows > limit || columns > limit ? $"<i>{rows} x {columns}</i>" : "")}");
    }

    private static void Object(object value, Type type, TextWriter writer, int depth, HashSet<object> path)
    {
        var members = ObjectView.Members(type);
        if (members.Length == 0)
        {
            writer.Write($"<pre>{WebUtility.HtmlEncode(PlainTextFormatter.Scalar(value))}</pre>");
            return;
        }
        var own = type.GetMethod(nameof(ToString), Type.EmptyTypes)?.DeclaringType is { } declaring
            && declaring != typeof(object) && declaring != typeof(ValueType);
        var title = own ? PlainTextFormatter.Scalar(value) : ObjectView.Name(type);
        writer.Write($"<details{(depth == 0 ? " open" : "")}><summary><code>{WebUtility.HtmlEncode(Short(title))}</code></summary>");
        Rows(writer, members.Select(m => (m.Name, ObjectView.Read(m, value))), depth, path);
        writer.Write("</details>");
    }

    private static void Rows(TextWriter writer, IEnumerable<(string Name, object? Value)> rows, int depth, HashSet<object> path)
    {
        writer.Write("<table><tbody>");
        foreach (var (name, value) in rows)
        {
            writer.Write($"<tr><td{Left}>{WebUtility.HtmlEncode(name)}</td><td{Left}>");
            Write(value, writer, depth + 1, path);
            writer.Write("</td></tr>");
        }
        writer.Write("</tbody></table>");
    }

    private static bool IsRow(object item)
    {
        var type = item.GetType();
        return item is not (string or IEnumerable or ITuple or IRichText or Exception) && !PlainTextFormatter.IsScalar(type)
            && !Formatter.HasCustom(type, MimeType) && ObjectView.Members(type).Length > 0;
    }

    private static string Short(string text) => text.Length <= 160 ? text : text[..157] + "...";
}
