// One line that names the file and the reason, exit code 2; a stack trace only when asked for.
using System.CommandLine;

namespace SarSynth.Cli;

/// <summary>Turns exceptions into the message and exit code that a shell expects.</summary>
static class Failures
{
    /// <summary>Bad input: a file, an option, a recipe.</summary>
    public const int BadInput = 2;

    /// <summary>Runs the command line; no exception leaves it.</summary>
    public static int Run(RootCommand root, string[] args)
    {
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
                Console.Error.WriteLine($"sarsynth: {error.Message}");
            Console.Error.WriteLine($"sarsynth: '{string.Join(' ', CommandPath(parsed).Append("--help"))}' lists what it takes.");
            return BadInput;
        }
        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("sarsynth: interrupted; what was finished is kept.");
            return 130;
        }
        catch (Exception e)
        {
            Console.Error.WriteLine(parsed.GetValue(CommonOptions.Verbose) ? e.ToString() : $"sarsynth: {OneLine(e)}");
            return BadInput;
        }
    }

    private static IEnumerable<string> CommandPath(ParseResult parsed)
    {
        var names = new Stack<string>();
        for (System.CommandLine.Parsing.SymbolResult? r = parsed.CommandResult; r is not null; r = r.Parent)
            if (r is System.CommandLine.Parsing.CommandResult c && c.Command is not RootCommand)
                names.Push(c.Command.Name);
        return names.Prepend("sarsynth");
    }

    private static string OneLine(Exception e)
    {
        // A wrapper thrown by a parallel loop or a task says less than what it wraps.
        while (e is AggregateException or TypeInitializationException && e.InnerException is { } inner)
            e = inner;
        var line = string.Join(' ', e.Message.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        return e is ArgumentException or IOException or InvalidDataException or FormatException or NotSupportedException or UnauthorizedAccessException
            ? line
            : $"{line} ({e.GetType().Name}; --verbose shows where)";
    }
}
