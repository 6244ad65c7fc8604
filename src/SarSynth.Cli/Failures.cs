// One line that names the file and the reason, exit code 2; a stack trace only when asked for.
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;

namespace SarSynth.Cli;

/// <summary>Turns exceptions into the message and exit code that a shell expects.</summary>
static partial class Failures
{
    /// <summary>Bad input: a file, an option, a recipe.</summary>
    public const int BadInput = 2;

    private const int Interrupted = 130;

    // A command that is told to end does so between its steps, with what is done written: a checkpoint of SDXL's UNet
    // and its optimizer is 30 GB.
    private static readonly TimeSpan longestStep = TimeSpan.FromMinutes(20);

    /// <summary>Runs the command line; no exception leaves it.</summary>
    public static int Run(Command root, string[] args)
    {
        var parsed = root.Parse(args);
        var wrong = WrongWords(parsed).ToList();
        if (wrong.Count > 0)
        {
            wrong.ForEach(Terminal.Error);
            Terminal.Error($"'{string.Join(' ', CommandPath(parsed).Append("--help"))}' lists what it takes.");
            return BadInput;
        }
        Terminal.IsQuiet = parsed.GetValue(CommonOptions.Quiet);
        ProgressLine.Install(Terminal.IsQuiet);
        try
        {
            return parsed.Invoke(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = longestStep,
            });
        }
        catch (OperationCanceledException)
        {
            Terminal.Error("interrupted; what was finished is kept.");
            return Interrupted;
        }
        catch (Exception e)
        {
            Terminal.Error(Line(e, parsed));
            return BadInput;
        }
    }

    /// <summary>An exception in one line, or all of it with --verbose.</summary>
    public static string Line(Exception e, ParseResult parsed) =>
        parsed.GetValue(CommonOptions.Verbose) ? e.ToString() : OneLine(e);

    // An option that is not known would be taken for an input file where the command takes these.
    private static IEnumerable<string> WrongWords(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var options = parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens)
            .Select(token => token.Value).Where(word => word.StartsWith("--", StringComparison.Ordinal)).ToList();
        return options.Count > 0
            ? options.Select(word => $"there is no option '{word}'{Hint($"'{word}'", command)}")
            : parsed.Errors.Select(error => error.Message.TrimEnd('.') + Hint(error.Message, command));
    }

    // The name that was meant, where an unknown command or option is told between quotes.
    private static string Hint(string message, Command command) =>
        Quoted().Match(message) is { Success: true } found
            ? Nearest.Hint(found.Groups[1].Value, found.Groups[1].Value.StartsWith('-')
                ? OptionsOf(command).SelectMany(option => option.Aliases.Append(option.Name))
                : command.Parents.Any() ? command.Subcommands.Select(sub => sub.Name) : CommandLine.Names)
            : "";

    private static IEnumerable<Option> OptionsOf(Command command) => command.Options
        .Concat(command.Parents.OfType<Command>().SelectMany(OptionsOf).Where(option => option.Recursive));

    private static IEnumerable<string> CommandPath(ParseResult parsed)
    {
        var names = new Stack<string>();
        for (SymbolResult? r = parsed.CommandResult; r is not null; r = r.Parent)
        {
            if (r is CommandResult c)
                names.Push(c.Command.Name);
        }
        return names;
    }

    private static string OneLine(Exception e)
    {
        // A wrapper thrown by a parallel loop or a task says less than what it wraps.
        while (e is AggregateException or TypeInitializationException && e.InnerException is { } inner)
            e = inner;
        var line = string.Join(' ', e.Message.Split(
            ['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        return e is ArgumentException or IOException or InvalidDataException or FormatException or NotSupportedException
            or UnauthorizedAccessException ? line : $"{line} ({e.GetType().Name}; --verbose shows where)";
    }

    [GeneratedRegex("'([^']+)'")]
    private static partial Regex Quoted();
}
