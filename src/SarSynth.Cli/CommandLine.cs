// All commands under one name, and the one list that tells of them.
using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Text.RegularExpressions;
using SarSynth.Cli.Commands;

namespace SarSynth.Cli;

/// <summary>The program's command line.</summary>
static partial class CommandLine
{
    /// <summary>The list of all commands, those of the script ./sarsynth too; the script shows the same file.</summary>
    public static string Usage
    {
        get
        {
            using var stream = typeof(CommandLine).Assembly.GetManifestResourceStream("usage.txt")!;
            using var reader = new StreamReader(stream);
            return reader.ReadToEnd();
        }
    }

    /// <summary>The names in the list: those of the program and those of the script.</summary>
    public static IReadOnlyList<string> Names => [.. Listed().Matches(Usage).Select(found => found.Groups[1].Value)];

    /// <summary>The root, whose name is the script's: a program's file has another.</summary>
    public static Command Create()
    {
        var root = new Command("sarsynth", "Satellite and simulated SAR images made airborne-like.")
        {
            InfoCommand.Create(),
            StatsCommand.Create(),
            QuickLookCommand.Create(),
            CalibrateCommand.Create(),
            MultilookCommand.Create(),
            DespeckleCommand.Create(),
            NormaliseCommand.Create(),
            SatelliteCommand.Create(),
            SimulateCommand.Create(),
            TrainCommand.Create(),
            FinetuneCommand.Create(),
            ModelsCommand.Create(),
            TranslateCommand.Create(),
            GenerateCommand.Create(),
            EvaluateCommand.Create(),
            DataCommand.Create(),
            ReproduceCommand.Create(),
            CardCommand.Create(),
        };
        CommonOptions.AddTo(root);
        var help = new HelpOption();
        var own = (HelpAction)help.Action!;
        own.MaxWidth = Terminal.Width;
        help.Action = new UsageOrHelp(own, root);
        root.Options.Add(help);
        root.SetAction(_ =>
        {
            Console.Out.Write(Usage);
            return Failures.BadInput;
        });
        return root;
    }

    // A command stands at the margin of two, and its words in a column of their own.
    [GeneratedRegex("^  ([a-z]+) {2,}", RegexOptions.Multiline)]
    private static partial Regex Listed();

    private sealed class UsageOrHelp(SynchronousCommandLineAction help, Command root) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parsed)
        {
            if (parsed.CommandResult.Command != root)
                return help.Invoke(parsed);
            Console.Out.Write(Usage);
            return 0;
        }
    }
}
