// sarsynth card NAME: what a model or data of the kit is for, and what it must not be used for.
using System.CommandLine;
using SarSynth.Data;
using SarSynth.Figures;

namespace SarSynth.Cli.Commands;

static class CardCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("NAME")
        {
            Description = "A model or data set that comes with the kit.",
        };
        var command = new Command("card",
            "The card of a model or of data: what it is for, what it must not be used for, what it was trained on, "
                + "its figures as recorded, licence and duties, as Markdown.")
        {
            name,
        };
        command.SetAction((parsed, _) =>
        {
            Terminal.Line(Card.Load(Names.Card(parsed.GetRequiredValue(name))).ToMarkdown().TrimEnd('\n'));
            return Task.FromResult(0);
        });
        return command;
    }
}
