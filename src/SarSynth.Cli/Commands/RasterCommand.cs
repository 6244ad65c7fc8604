// What the commands share that make one raster or picture of each input: inputs, output, reading, progress, provenance.
using System.CommandLine;
using SarSynth.Radar.Formats;

namespace SarSynth.Cli.Commands;

/// <summary>What a command does with one opened input.</summary>
/// <param name="Recipe">All that counts for the result, as an object that becomes JSON.</param>
/// <param name="Make">
/// Writes the result to a path, tells the share that is done, and gives what it found out or null.
/// </param>
internal sealed record RasterStep(Func<SarRaster, object> Recipe, Func<SarRaster, string, Action<double>,
    object?> Make);

/// <summary>Builds such a command.</summary>
static class RasterCommand
{
    /// <param name="name">The command, and the step's name in the provenance.</param>
    /// <param name="description">One sentence.</param>
    /// <param name="doing">What it does, for progress: "despeckling".</param>
    /// <param name="extension">Of the results: ".tif" or ".png".</param>
    /// <param name="options">The command's own options.</param>
    /// <param name="step">
    /// The step, from the command line; what is wrong there is found before any input is opened.
    /// </param>
    public static Command Create(string name, string description, string doing, string extension,
        IReadOnlyList<Option> options, Func<ParseResult, RasterOptions, RasterStep> step)
    {
        var output = CommonOptions.Output(extension);
        var command = new Command(name, description) { CommonOptions.Inputs, output };
        foreach (var option in options)
            command.Options.Add(option);
        RasterInput.AddTo(command);
        command.Options.Add(CommonOptions.Force);
        command.Options.Add(CommonOptions.Json);
        command.SetAction((parsed, cancel) =>
        {
            var reading = RasterInput.Options(parsed);
            var made = step(parsed, reading);
            var jobs = Batch.Plan(parsed.GetRequiredValue(CommonOptions.Inputs), parsed.GetRequiredValue(output),
                extension);
            return Task.FromResult(Batch.Run(parsed, doing, jobs, job => Batch.Make(
                parsed, job, name, reading, made.Recipe, (raster, progress) =>
                    made.Make(raster, job.Output, progress)), cancel));
        });
        return command;
    }
}
