// How charts, panels, tables and reports show in a notebook: several MIME types in one bundle, registered with .NET
// Interactive.
using System.Reflection;
using System.Runtime.CompilerServices;
using Plotly.NET;
using SarSynth.Evaluation;

namespace SarSynth.Figures;

/// <summary>Registers the kit's formatters with the Formatter of .NET Interactive that this process runs in.</summary>
/// <remarks>
/// It is found by its name among the loaded assemblies, so that the library asks for no notebook: the kit's own kernel
/// and dotnet-interactive have it both. A kernel that loads it late is waited for.
/// </remarks>
public static class NotebookFormatters
{
    private const string Html = "text/html", Png = "image/png", Plain = "text/plain",
        Name = "Microsoft.DotNet.Interactive.Formatting.Formatter";

    private static int registered;

    /// <summary>
    /// Makes the kit's theme the default and registers its formatters, once. Using any of the kit's types does the
    /// same; a notebook calls it so that charts made with Plotly.NET alone are shown so, too.
    /// </summary>
    /// <returns>Whether this process is a notebook's.</returns>
    public static bool Register()
    {
        if (Formatter() is not { } formatter
            || formatter.GetMethod("Register", [typeof(Type), typeof(Action<object, TextWriter>), typeof(string)])
                is not { } register
            || formatter.GetMethod("SetPreferredMimeTypesFor", [typeof(Type), typeof(string[])]) is not { } prefer)
            return false;
        if (Interlocked.Exchange(ref registered, 1) == 1)
            return true;
        Theme.Apply();
        Add<GenericChart>((Html, c => c.ToHtml()), (Png, c => Convert.ToBase64String(ChartPage.NotebookPng(c))),
            (Plain, c => c.ToWords()));
        Add<ImagePanel>((Html, p => p.ToHtml()), (Png, p => Convert.ToBase64String(p.ToNotebookPng())),
            (Plain, p => p.ToString()));
        Add<ReportTable>((Html, t => t.ToHtml()), (Plain, t => t.ToString()));
        Add<LikenessTable>((Html, t => t.ToTable().ToHtml()), (Plain, t => t.ToTable().ToString()));
        Add<TranslationTable>((Html, t => t.ToHtml()), (Plain, t => t.ToText()));
        Add<Report>((Html, r => r.ToFragment()), (Plain, r => r.ToString()));
        Add<ProgressView>((Html, p => p.ToHtml()), (Plain, p => p.ToString()));
        Add<PaperStandings>((Html, s => s.ToHtml()), (Plain, s => s.ToString()));
        Add<Exercise>((Html, e => e.ToHtml()), (Plain, e => e.ToString()));
        Add<TuningCurves>((Html, c => c.ToHtml()), (Plain, c => c.ToString()));
        return true;

        void Add<T>(params (string MimeType, Func<T, string> Text)[] formats)
        {
            // Without a Chromium, figures show as HTML alone.
            if (HeadlessBrowser.Find() is null)
                formats = [.. formats.Where(f => f.MimeType != Png)];
            foreach (var (mimeType, text) in formats)
                register.Invoke(null,
                    [typeof(T), (object value, TextWriter writer) => writer.Write(text((T)value)), mimeType]);
            prefer.Invoke(null, [typeof(T), formats.Select(f => f.MimeType).ToArray()]);
        }
    }

#pragma warning disable CA2255 // What the kit makes shall show in a notebook without a call that one can forget.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Begin()
    {
        if (!Register())
            AppDomain.CurrentDomain.AssemblyLoad += OnLoad;

        static void OnLoad(object? sender, AssemblyLoadEventArgs loaded)
        {
            if (registered == 0 && IsFormatting(loaded.LoadedAssembly) && Register())
                AppDomain.CurrentDomain.AssemblyLoad -= OnLoad;
        }
    }

    private static Type? Formatter() =>
        AppDomain.CurrentDomain.GetAssemblies().Where(IsFormatting).Select(a => a.GetType(Name))
            .FirstOrDefault(t => t is not null);

    private static bool IsFormatting(Assembly assembly) =>
        assembly.GetName().Name == "Microsoft.DotNet.Interactive.Formatting";
}
