// The kit without a notebook: one command a step, the same recipes.
using SarSynth.Cli;

return Failures.Run(CommandLine.Create(), args);
