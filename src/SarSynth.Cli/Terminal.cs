// Where the program speaks: tables and lines on standard output, remarks and progress on standard error.
using System.Globalization;
using Spectre.Console;

namespace SarSynth.Cli;

/// <summary>Output that suits what it goes to: 80 columns and plain text unless it is a terminal.</summary>
static class Terminal
{
    private const int PlainWidth = 80;

    private static readonly Lock gate = new();

    /// <summary>Whether nothing but errors and results is to be said.</summary>
    public static bool IsQuiet { get; set; }

    /// <summary>Whether colours and other codes may be written to standard output.</summary>
    private static bool IsPlain =>
        Console.IsOutputRedirected || Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 };

    /// <summary>Standard output for tables.</summary>
    public static IAnsiConsole Out { get; } = For(Console.Out, IsPlain);

    /// <summary>Columns of standard output.</summary>
    public static int Width => Out.Profile.Width;

    /// <summary>A remark on standard error, in one line; nothing with --quiet.</summary>
    public static void Remark(string line)
    {
        if (!IsQuiet)
            Error(line);
    }

    /// <summary>An error on standard error, in one line.</summary>
    public static void Error(string line)
    {
        lock (gate)
        {
            ProgressLine.Clear();
            Console.Error.WriteLine($"sarsynth: {line}");
        }
    }

    /// <summary>A line of results on standard output, as it is: paths are not broken.</summary>
    public static void Line(string line)
    {
        lock (gate)
        {
            ProgressLine.Clear();
            Console.Out.WriteLine(line);
        }
    }

    /// <summary>A table in the program's style.</summary>
    /// <param name="columns">Their heads; none shows no heads.</param>
    public static Table Table(params string[] columns)
    {
        var table = new Table().Border(TableBorder.Rounded);
        foreach (var column in columns)
            table.AddColumn(column);
        return table;
    }

    /// <summary>A console for a writer.</summary>
    internal static IAnsiConsole For(TextWriter writer, bool plain)
    {
        var settings = new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) };
        if (plain)
        {
            // Spectre would write codes into a pipe where it finds itself on a build server.
            settings.Ansi = AnsiSupport.No;
            settings.ColorSystem = ColorSystemSupport.NoColors;
            settings.Interactive = InteractionSupport.No;
            settings.Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false };
        }
        var console = AnsiConsole.Create(settings);
        if (plain)
            console.Profile.Width = PlainWidth;
        return console;
    }
}

/// <summary>Numbers as text.</summary>
static class Text
{
    /// <summary>A number with its unit; null stays null.</summary>
    public static string? Number(double? value, string unit = "") =>
        value is { } v ? $"{v.ToString("G5", CultureInfo.InvariantCulture)} {unit}".TrimEnd() : null;

    /// <summary>A time as people say it: "40 s", "3 min 20 s", "2 h 5 min".</summary>
    public static string Time(TimeSpan time) => time switch
    {
        { TotalSeconds: < 60 } => $"{Math.Max(0, (int)time.TotalSeconds)} s",
        { TotalMinutes: < 60 } => $"{(int)time.TotalMinutes} min {time.Seconds} s",
        _ => $"{(int)time.TotalHours} h {time.Minutes} min",
    };
}
