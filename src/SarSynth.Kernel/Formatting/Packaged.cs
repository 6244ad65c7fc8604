// The meeting point with Microsoft.DotNet.Interactive.Formatting, where notebooks, libraries and packages
// register how their types look. Only the methods below name its types, and the runtime loads an assembly
// when a method that names it is first called.
using System.Runtime.CompilerServices;
using Microsoft.DotNet.Interactive.Formatting;
using SarSynth.Kernel.Execution;

namespace SarSynth.Kernel.Formatting;

/// <summary>
/// Formats with the package's formatters: the registered ones, those that a type names, its built-in ones.
/// </summary>
internal static class Packaged
{
    private const string AssemblyName = "Microsoft.DotNet.Interactive.Formatting";
    private static IReadOnlySet<object> s_builtIn = new HashSet<object>();
    private static volatile bool s_loaded;
    private static int s_begun;

    /// <summary>Whether anybody has used the package: before that, nothing can be registered.</summary>
    internal static bool IsLoaded => s_loaded;

    /// <summary>The text for null.</summary>
    internal static string NullText => s_loaded ? PackageNullText() : "<null>";

    /// <summary>
    /// From now on, what is displayed with the package's own methods, by whomever, is shown under the running cell.
    /// </summary>
    internal static void Watch()
    {
        AppDomain.CurrentDomain.AssemblyLoad += static (_, loaded) =>
        {
            if (loaded.LoadedAssembly.GetName().Name == AssemblyName)
                Begin();
        };
        if (AppDomain.CurrentDomain.GetAssemblies().Any(a => a.GetName().Name == AssemblyName))
            Begin();
    }

    /// <summary>The value in the MIME types asked for, or in those that suit its type, with a plain text.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static IReadOnlyList<MimeText> Bundle(object? value, IReadOnlyList<string> mimeTypes)
    {
        Begin();
        var type = value?.GetType() ?? typeof(object);
        // First of all, since it is what reads the formatters that a type names.
        IReadOnlyList<string> preferred = [.. Formatter.GetPreferredMimeTypesFor(type)];
        var custom = Custom(type);
        if (mimeTypes.Count == 0)
        {
            mimeTypes = custom.Count > 0 && preferred is [var only] && only == Formatter.DefaultMimeType
                ? [.. custom.Select(f => f.MimeType)] : preferred;
            if (!mimeTypes.Contains(MimeText.Plain))
                mimeTypes = [.. mimeTypes, MimeText.Plain];
        }
        var bundle = new List<MimeText>();
        foreach (var mimeType in mimeTypes) // A loop, so that a formatter's exception shows no frames of queries.
            if (!bundle.Exists(m => m.MimeType == mimeType))
                bundle.Add(new(mimeType, Text(value, mimeType, custom)));
        return bundle;
    }

    /// <summary>Whether somebody has said how values of this type look.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static bool HasCustom(Type type) => Custom(type).Count > 0;

    private static string Text(object? value, string mimeType, List<ITypeFormatter> custom)
    {
        if (value is not null && !custom.Exists(f => f.MimeType == mimeType))
        {
            if (mimeType == MimeText.Html && TableView.TryWrite(value) is { } table)
                return table;
            // A type with formatters of its own, but none for text, may hold anything (a
            // figure, megabytes of points); so may a fragment.
            if (mimeType == MimeText.Plain && (custom.Count > 0 || value is Microsoft.AspNetCore.Html.IHtmlContent))
                return Name(value);
        }
        return value.ToDisplayString(mimeType);
    }

    // F# writes the whole of a union or record in its ToString.
    private static string Name(object value) =>
        value.GetType().GetCustomAttributes(inherit: true).Any(a => a.GetType().Name == "CompilationMappingAttribute")
            ? ScalarText.TypeName(value.GetType()) : ScalarText.Of(value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string PackageNullText() => Formatter.NullString;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Begin()
    {
        if (s_loaded || Interlocked.Exchange(ref s_begun, 1) != 0)
            return;
        s_builtIn = new HashSet<object>(Formatter.RegisteredFormatters(), ReferenceEqualityComparer.Instance);
        Formatter.SubscribeToDisplayedValues(OnDisplayed);
        s_loaded = true;
    }

    private static void OnDisplayed(DisplayedValue displayed) =>
        Cell.CurrentOrLast.Display(
            [.. displayed.FormattedValues.Where(v => !v.SuppressDisplay)
                .Select(v => new MimeText(v.MimeType, v.Value))],
            displayed.DisplayId, displayed.IsUpdated);

    // Registered by anybody but the package, for the type or what it derives from; the most special first.
    private static List<ITypeFormatter> Custom(Type type) =>
        [.. Formatter.RegisteredFormatters()
            .Where(f => !s_builtIn.Contains(f) && IsFor(f.Type, type)).OrderByDescending(f => Depth(f.Type))];

    private static bool IsFor(Type registered, Type actual)
    {
        if (!registered.IsGenericTypeDefinition)
            return registered.IsAssignableFrom(actual);
        for (var t = actual; t is not null; t = t.BaseType)
            if (t.IsConstructedGenericType && t.GetGenericTypeDefinition() == registered)
                return true;
        return registered.IsInterface
            && actual.GetInterfaces()
                .Any(i => i.IsConstructedGenericType && i.GetGenericTypeDefinition() == registered);
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
