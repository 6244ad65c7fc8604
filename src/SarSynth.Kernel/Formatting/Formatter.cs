// How values become MIME bundles: registered formatters first, then those that a type names, then the built-in ones.
using System.Collections.Concurrent;
using System.Globalization;

namespace Microsoft.DotNet.Interactive.Formatting;

/// <summary>Registration and use of formatters, in the shape that .NET Interactive's notebooks expect.</summary>
public static class Formatter
{
    internal sealed record Entry(Type Type, string MimeType, Func<object, TextWriter, bool> Format);

    private static readonly Lock Gate = new();
    private static readonly ConcurrentDictionary<Type, SourceFormatters> Sources = new();
    private static List<Entry> s_registered = [];
    private static List<(Type Type, string[] MimeTypes)> s_preferred = [];

    /// <summary>How many items of a sequence are shown; 20 unless set.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Set to less than 0.</exception>
    public static int ListExpansionLimit
    {
        get;
        set => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "must be at least 0");
    } = 20;

    /// <summary>How many levels of an object are shown; 6 unless set.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Set to less than 0.</exception>
    public static int RecursionLimit
    {
        get;
        set => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "must be at least 0");
    } = 6;

    /// <summary>The text for null.</summary>
    public static string NullString { get; set; } = "<null>";

    /// <summary>The MIME type of objects for which nothing else was said.</summary>
    public static string DefaultMimeType { get; set; } = HtmlFormatter.MimeType;

    /// <summary>Shows values of <typeparamref name="T"/> (and of types derived from it) as the text that <paramref name="formatter"/> returns.</summary>
    public static void Register<T>(Func<T, string> formatter, string mimeType = PlainTextFormatter.MimeType)
    {
        ArgumentNullException.ThrowIfNull(formatter);
        Add(new Entry(typeof(T), mimeType, (value, writer) =>
        {
            writer.Write(formatter((T)value));
            return true;
        }));
    }

    /// <summary>Shows values of <typeparamref name="T"/> as what <paramref name="formatter"/> writes.</summary>
    public static void Register<T>(Action<T, TextWriter> formatter, string mimeType = PlainTextFormatter.MimeType)
    {
        ArgumentNullException.ThrowIfNull(formatter);
        Register(typeof(T), (value, writer) => formatter((T)value, writer), mimeType);
    }

    /// <summary>Shows values of <paramref name="type"/>, which may be an open generic type, as what <paramref name="formatter"/> writes.</summary>
    public static void Register(Type type, Action<object, TextWriter> formatter, string mimeType = PlainTextFormatter.MimeType)
    {
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(formatter);
        Add(new Entry(type, mimeType, (value, writer) =>
        {
            formatter(value, writer);
            return true;
        }));
    }

    /// <summary>The MIME types in which values of <paramref name="type"/> are shown.</summary>
    public static void SetPreferredMimeTypesFor(Type type, params string[] preferredMimeTypes)
    {
        ArgumentNullException.ThrowIfNull(type);
        lock (Gate)
            s_preferred = [(type, preferredMimeTypes), .. s_preferred];
    }

    /// <summary>Forgets every registration and setting.</summary>
    public static void ResetToDefault()
    {
        lock (Gate)
        {
            s_registered = [];
            s_preferred = [];
        }
        (ListExpansionLimit, RecursionLimit, NullString, DefaultMimeType) = (20, 6, "<null>", HtmlFormatter.MimeType);
    }

    /// <summary>The value as text of a MIME type.</summary>
    public static string ToDisplayString(this object? value, string mimeType = PlainTextFormatter.MimeType)
    {
        var writer = new StringWriter(CultureInfo.InvariantCulture);
        FormatTo(value, writer, mimeType);
        return writer.ToString();
    }

    /// <summary>Writes the value as text of a MIME type.</summary>
    public static void FormatTo(object? value, TextWriter writer, string mimeType = PlainTextFormatter.MimeType)
    {
        ArgumentNullException.ThrowIfNull(writer);
        if (value is not null && TryCustom(value, writer, mimeType))
            return;
        if (value is IRichText rich && rich.MimeTypes.Contains(mimeType))
        {
            writer.Write(rich.Text(mimeType));
            return;
        }
        switch (mimeType)
        {
            case HtmlFormatter.MimeType:
                HtmlFormatter.Write(value, writer);
                break;
            case JsonMimeType:
                writer.Write(System.Text.Json.JsonSerializer.Serialize(value));
                break;
            default:
                PlainTextFormatter.Write(value, writer);
                break;
        }
    }

    internal const string JsonMimeType = "application/json";

    /// <summary>The MIME bundle of a value: in the MIME types asked for, or in those that suit its type.</summary>
    internal static List<FormattedValue> Bundle(object? value, IReadOnlyList<string> mimeTypes)
    {
        if (mimeTypes.Count == 0)
            mimeTypes = MimeTypesFor(value);
        var bundle = new List<FormattedValue>();
        foreach (var mimeType in mimeTypes) // A loop, so that a formatter's exception shows no frames of queries.
            if (!bundle.Exists(v => v.MimeType == mimeType))
                bundle.Add(new FormattedValue(mimeType, value.ToDisplayString(mimeType)));
        return bundle;
    }

    /// <summary>Writes with a registered formatter or one that the value's type names; false where there is none.</summary>
    internal static bool TryCustom(object value, TextWriter writer, string mimeType)
    {
        var type = value.GetType();
        foreach (var entry in Relevant(s_registered, type).Concat(SourceOf(type).Entries))
            if (entry.MimeType == mimeType && entry.Format(value, writer))
                return true;
        return false;
    }

    /// <summary>Whether a registered formatter, or one that the type names, writes this MIME type.</summary>
    internal static bool HasCustom(Type type, string mimeType) =>
        Relevant(s_registered, type).Concat(SourceOf(type).Entries).Any(e => e.MimeType == mimeType);

    private static IReadOnlyList<string> MimeTypesFor(object? value)
    {
        if (value is null)
            return [PlainTextFormatter.MimeType];
        var type = value.GetType();
        var preferred = s_preferred.Where(p => IsFor(p.Type, type)).OrderByDescending(p => Depth(p.Type)).FirstOrDefault().MimeTypes;
        if (preferred is { Length: > 0 })
            return preferred;
        var source = SourceOf(type);
        var registered = Relevant(s_registered, type).Select(e => e.MimeType).ToList();
        if (registered.Count == 0 && source.Preferred is { Length: > 0 })
            return WithPlainText(source.Preferred);
        if (registered.Count > 0 || source.Entries.Count > 0)
            return WithPlainText([.. registered, .. source.Entries.Select(e => e.MimeType)]);
        if (value is IRichText rich)
            return rich.MimeTypes;
        if (value is System.Text.Json.Nodes.JsonNode or System.Text.Json.JsonDocument or System.Text.Json.JsonElement)
            return [JsonMimeType, PlainTextFormatter.MimeType];
        if (value is string || PlainTextFormatter.IsScalar(type))
            return [PlainTextFormatter.MimeType];
        return WithPlainText([DefaultMimeType]);
    }

    private static IReadOnlyList<string> WithPlainText(IReadOnlyList<string> mimeTypes) =>
        mimeTypes.Contains(PlainTextFormatter.MimeType) ? mimeTypes : [.. mimeTypes, PlainTextFormatter.MimeType];

    private static void Add(Entry entry)
    {
        lock (Gate)
            s_registered = [entry, .. s_registered];
    }

    // The most derived type first, the latest registration first within a type.
    private static IEnumerable<Entry> Relevant(List<Entry> entries, Type type) =>
        entries.Count == 0 ? entries : entries.Where(e => IsFor(e.Type, type)).OrderByDescending(e => Depth(e.Type));

    private static SourceFormatters SourceOf(Type type) => Sources.GetOrAdd(type, SourceFormatters.Find);

    private static bool IsFor(Type registered, Type actual)
    {
        if (!registered.IsGenericTypeDefinition)
            return registered.IsAssignableFrom(actual);
        for (var t = actual; t is not null; t = t.BaseType)
            if (t.IsConstructedGenericType && t.GetGenericTypeDefinition() == registered)
                return true;
        return registered.IsInterface
            && actual.GetInterfaces().Any(i => i.IsConstructedGenericType && i.GetGenericTypeDefinition() == registered);
    }

    private static int Depth(Type type)
    {
        if (type.IsInterface)
            return 1; // More specific than object, less than any class.
        var depth = 0;
        for (var t = type.BaseType; t is not null; t = t.BaseType)
            depth += 2;
        return depth;
    }
}

/// <summary>A value in one MIME type; binary types in base64.</summary>
/// <param name="MimeType">For example text/html or image/png.</param>
/// <param name="Value">The text.</param>
public sealed record FormattedValue(string MimeType, string Value);

/// <summary>Values that know their own MIME types (HTML fragments, images, ...).</summary>
internal interface IRichText
{
    IReadOnlyList<string> MimeTypes { get; }
    string Text(string mimeType);
}
