// Two things that data are made of and that the formatting package shows as trees or as one line: sequences of objects,
// as a table with a column for each property, and two-dimensional arrays.
using System.Collections;
using System.Globalization;
using System.Net;
using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.DotNet.Interactive.Formatting;

namespace SarSynth.Kernel.Formatting;

/// <summary>HTML tables; what is in their cells looks as the package says.</summary>
internal static class TableView
{
    private const string Left = " style=\"text-align: left\"";
    private static readonly ConditionalWeakTable<Type, MemberInfo[]> MembersByType = [];

    /// <summary>
    /// The value as a table, or null where it is neither a sequence of objects nor a two-dimensional array.
    /// </summary>
    internal static string? TryWrite(object value)
    {
        if (value is Array { Rank: 2 } matrix)
            return Write(context => Matrix(matrix, context));
        if (value is string or IDictionary || value is not IEnumerable sequence
            || value.GetType() is { IsArray: true } array && ScalarText.IsScalar(array.GetElementType()!))
            return null;
        var items = new List<object?>();
        var more = "";
        foreach (var item in sequence)
        {
            if (item is not null && !IsRow(item))
                return null;
            if (items.Count == Formatter.ListExpansionLimit)
            {
                more = sequence is ICollection all ? $"... ({all.Count - items.Count} more)" : "... (more)";
                break;
            }
            items.Add(item);
        }
        return items.Exists(i => i is not null) ? Write(context => Rows(items, more, context)) : null;
    }

    /// <summary>The public properties and fields of a type.</summary>
    internal static MemberInfo[] Members(Type type) => MembersByType.GetValue(type, static t =>
        [.. t.GetMembers(BindingFlags.Instance | BindingFlags.Public)
            .Where(m => m is PropertyInfo { CanRead: true } p && p.GetIndexParameters().Length == 0
                && p.GetMethod is { IsPublic: true }
                    && !p.PropertyType.IsByRef && !p.PropertyType.IsPointer && !p.PropertyType.IsByRefLike
                || m is FieldInfo { IsSpecialName: false } f && !f.FieldType.IsPointer)
            .Where(m => m.Name != "EqualityContract")
            .DistinctBy(m => m.Name)]);

    private static string Write(Action<FormatContext> write)
    {
        using var writer = new StringWriter(CultureInfo.InvariantCulture);
        using (var context = new FormatContext(writer))
            write(context);
        return writer.ToString();
    }

    private static void Rows(List<object?> items, string more, FormatContext context)
    {
        var columns = items.OfType<object>().SelectMany(i => Members(i.GetType()))
            .Select(m => m.Name).Distinct().ToList();
        var writer = context.Writer;
        writer.Write("<table><thead><tr><th><i>index</i></th>");
        foreach (var column in columns)
            writer.Write($"<th{Left}>{WebUtility.HtmlEncode(column)}</th>");
        writer.Write("</tr></thead><tbody>");
        for (var i = 0; i < items.Count; i++)
        {
            writer.Write($"<tr><td>{i}</td>");
            foreach (var column in columns)
            {
                writer.Write($"<td{Left}>");
                if (items[i] is { } item && Array.Find(Members(item.GetType()), m => m.Name == column) is { } member)
                    Cell(Read(member, item), context);
                writer.Write("</td>");
            }
            writer.Write("</tr>");
        }
        if (more.Length > 0)
            writer.Write($"<tr><td colspan=\"{columns.Count + 1}\"{Left}><i>{more}</i></td></tr>");
        writer.Write("</tbody></table>");
    }

    private static void Matrix(Array matrix, FormatContext context)
    {
        int rows = matrix.GetLength(0), columns = matrix.GetLength(1), limit = Formatter.ListExpansionLimit;
        var writer = context.Writer;
        writer.Write("<table><tbody>");
        for (var r = 0; r < Math.Min(rows, limit); r++)
        {
            writer.Write("<tr>");
            for (var c = 0; c < Math.Min(columns, limit); c++)
            {
                writer.Write("<td>");
                Cell(matrix.GetValue(r + matrix.GetLowerBound(0), c + matrix.GetLowerBound(1)), context);
                writer.Write("</td>");
            }
            writer.Write(columns > limit ? "<td>...</td></tr>" : "</tr>");
        }
        writer.Write($"</tbody></table>{(rows > limit || columns > limit ? $"<i>{rows} x {columns}</i>" : "")}");
    }

    private static void Cell(object? value, FormatContext context)
    {
        if (value is string || value is not null && ScalarText.IsScalar(value.GetType())
            && !Packaged.HasCustom(value.GetType()))
            context.Writer.Write(WebUtility.HtmlEncode(ScalarText.Of(value)));
        else
            value.FormatTo(context, MimeText.Html);
    }

    private static bool IsRow(object item) =>
        item is not (string or IEnumerable or ITuple or IRichText or Exception
            or Microsoft.AspNetCore.Html.IHtmlContent)
        && !ScalarText.IsScalar(item.GetType()) && Members(item.GetType()).Length > 0
        && !Packaged.HasCustom(item.GetType());

    // A getter that throws spoils its own cell only.
    private static object? Read(MemberInfo member, object target)
    {
        try
        {
            return member is PropertyInfo property ? property.GetValue(target) : ((FieldInfo)member).GetValue(target);
        }
        catch (Exception e) when (e is not ThreadInterruptedException)
        {
            var cause = e is TargetInvocationException { InnerException: { } inner } ? inner : e;
            return $"({cause.GetType().Name}: {cause.Message})";
        }
    }
}
