// The kit without a notebook: one command a step, the same recipes.
using System.CommandLine;
using SarSynth.Cli;
using SarSynth.Cli.Commands;

var root = new RootCommand("SarSynth: satellite SAR images into airborne-like ones, and the statistics that say how true they are.")
{
    InfoCommand.Create(),
    StatsCommand.Create(),
    SimulateCommand.Create(),
    TrainCommand.Create(),
    TranslateCommand.Create(),
    EvaluateCommand.Create(),
    DataCommand.Create(),
};
CommonOptions.AddTo(root);
return Failures.Run(root, args);
