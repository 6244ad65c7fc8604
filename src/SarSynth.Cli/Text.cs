// Numbers and progress as a terminal shows them.
using System.Globalization;
using Spectre.Console;

namespace SarSynth.Cli;

/// <summary>Numbers as text.</summary>
static class Text
{
    /// <summary>A number with its unit; null stays null.</summary>
    public static string? Number(double? value, string unit = "") =>
        value is { } v ? $"{v.ToString("G5", CultureInfo.InvariantCulture)} {unit}".TrimEnd() : null;
}

/// <summary>Progress of what takes over a second: a bar for a person, nothing for a pipe or with --quiet.</summary>
static class Progress
{
    /// <summary>Runs <paramref name="work"/> with a reporter of (done, total, message).</summary>
    public static T Run<T>(System.CommandLine.ParseResult parsed, string title, Func<Action<double, string>, T> work)
    {
        if (parsed.GetValue(CommonOptions.Quiet) || Console.IsErrorRedirected || !Environment.UserInteractive)
            return work((_, _) => { });
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                var task = context.AddTask(Markup.Escape(title));
                var result = work((share, message) =>
                {
                    task.Value = 100 * share;
                    task.Description = Markup.Escape(message.Length > 0 ? $"{title}: {message}" : title);
                });
                task.Value = 100;
                return result;
            });
    }
}
