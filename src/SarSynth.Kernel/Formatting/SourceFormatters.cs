// Formatters that a type names through an attribute called TypeFormatterSourceAttribute, whoever declares the attribute.
using System.Collections;
using System.Reflection;

namespace Microsoft.DotNet.Interactive.Formatting;

/// <summary>What a type's TypeFormatterSource attributes offer; found by names only, so that libraries need no reference.</summary>
/// <remarks>
/// The convention of .NET Interactive: the attribute has <c>FormatterSourceType</c> and perhaps <c>PreferredMimeTypes</c>;
/// that type has <c>CreateTypeFormatters()</c>; each object it yields has <c>MimeType</c> and <c>Format(object, TextWriter)</c>
/// which returns bool (false: try the next) or nothing.
/// </remarks>
internal sealed record SourceFormatters(List<Formatter.Entry> Entries, string[]? Preferred)
{
    private static readonly SourceFormatters None = new([], null);

    internal static SourceFormatters Find(Type type)
    {
        var entries = new List<Formatter.Entry>();
        string[]? preferred = null;
        foreach (var attribute in Attributes(type))
        {
            if (Property(attribute, "FormatterSourceType") is not Type sourceType)
                continue;
            var source = Activator.CreateInstance(sourceType, nonPublic: true)!;
            var create = sourceType.GetMethod("CreateTypeFormatters", BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic, [])
                ?? throw new InvalidOperationException(
                    $"The formatter source {sourceType} of {type} has no method CreateTypeFormatters().");
            foreach (var formatter in (IEnumerable?)create.Invoke(source, null) ?? Array.Empty<object>())
                if (Property(formatter, "MimeType") is string mimeType && FormatMethod(formatter) is { } format)
                    entries.Add(new(Property(formatter, "Type") as Type ?? type, mimeType, format));
            preferred ??= Property(attribute, "PreferredMimeTypes") as string[];
        }
        return entries.Count == 0 && preferred is null ? None : new(entries, preferred);
    }

    // A class's own and inherited attributes, then those of its interfaces.
    private static IEnumerable<object> Attributes(Type type) =>
        type.GetCustomAttributes(inherit: true)
            .Concat(type.GetInterfaces().SelectMany(i => i.GetCustomAttributes(inherit: false)))
            .Where(a => a.GetType().Name == "TypeFormatterSourceAttribute");

    private static Func<object, TextWriter, bool>? FormatMethod(object formatter)
    {
        var method = formatter.GetType().GetMethods()
            .FirstOrDefault(m => m.Name == "Format" && m.GetParameters() is [_, { ParameterType: var second }]
                && second.IsAssignableFrom(typeof(StringWriter)));
        if (method is null)
            return null;
        return (value, writer) =>
        {
            try
            {
                return method.Invoke(formatter, [value, writer]) is not false;
            }
            catch (TargetInvocationException e) when (e.InnerException is not null)
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerException);
                throw;
            }
        };
    }

    private static object? Property(object from, string name) =>
        from.GetType().GetProperty(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)?.GetValue(from);
}
