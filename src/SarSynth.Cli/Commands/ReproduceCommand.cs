// sarsynth reproduce: the papers' figures from a clean state, each number held against the recorded one.
using System.CommandLine;
using SarSynth.Data;
using SarSynth.Experiments;
using SarSynth.Figures;

namespace SarSynth.Cli.Commands;

static class ReproduceCommand
{
    // Numbers that differ or are missing: neither bad input nor an error of the program.
    private const int NotTheSame = 1;

    private static readonly Option<string> output = new("--out", "-o")
    {
        Description = "Folder of the figures (PDF, SVG, PNG) and numbers; reproduction when left out.",
        DefaultValueFactory = _ => "reproduction",
    };

    private static readonly Option<string?> recorded = new("--recorded")
    {
        Description = "The numbers to compare with; notebooks/recorded/paper-figures.json when left out.",
    };

    private static readonly Option<string> mode = new("--mode")
    {
        Description = "smoke, demo or full: how many and how large scenes. Recorded is demo; in another mode nothing "
            + "is compared.",
        DefaultValueFactory = _ => "demo",
    };

    private static readonly Option<string?> full = new("--full")
    {
        Description = "A folder with sarlo-80 (shards or tiles) and, where there is one, sdxl: figures 5 to 7 are of "
            + "those.",
    };

    private static readonly Option<int> tiles = new("--tiles")
    {
        Description = "With --full: so many true tiles, as many others, and images of the base.",
        DefaultValueFactory = _ => 8,
    };

    public static Command Create()
    {
        var command = new Command("reproduce",
            "Makes the papers' figures and says of each number whether it is as recorded: same, differs or missing.")
        {
            output, recorded, mode, full, tiles, CommonOptions.Force, CommonOptions.Json,
        };
        command.SetAction((parsed, cancel) => Task.FromResult(Run(parsed, cancel)));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancel)
    {
        // What can fail at once fails before scenes are simulated and translated.
        var folder = parsed.GetRequiredValue(output);
        var settings = PaperSettings.Of(parsed.GetRequiredValue(mode));
        Finished.Refuse(Path.Combine(folder, PaperNumbers.FileName), parsed.GetValue(CommonOptions.Force));
        var others = parsed.GetValue(full) is { } given ? Names.ExistingPath(given) : null;
        foreach (var line in others is null ? [] : PaperStudy.Changes(others))
            Terminal.Remark(line);
        var known = Known(parsed.GetValue(recorded), settings);
        if (known is not null && known.Settings != settings)
            throw new ArgumentException($"--recorded: found numbers of {known.Settings}, expected of {settings}.");
        ComparisonFigures.CheckReportTools();
        Engine.SetThreads(parsed.GetValue(CommonOptions.Threads));

        using var progress = Progress.Begin("reproducing");
        progress.Part(0.8);
        var study = PaperStudy.Run(settings, cancel);
        if (others is not null)
            study = study.On(others, parsed.GetValue(tiles), cancel);
        progress.Part(1);
        study.Save(folder);
        progress.At(1);

        bool IsOther(string id) => others is not null && PaperStudy.OfTiles.Contains(id.Split('/')[0]);
        IReadOnlyList<ReproducedNumber> all = known is null ? []
            : [.. known.Compare(study.Numbers).Where(n => !IsOther(n.Id))];
        if (parsed.GetValue(CommonOptions.Json))
            Terminal.Line(KitJson.Serialize(new
            {
                Numbers = all, NotCompared = study.Numbers.Where(n => known is null || IsOther(n.Id)),
            }));
        else
            Print(all, study.Numbers.Where(n => known is null || IsOther(n.Id)), folder);
        return all.All(n => n.State == NumberState.Same) ? 0 : NotTheSame;
    }

    // Null where nothing can be compared; without numbers where none are recorded yet.
    private static PaperNumbers? Known(string? given, PaperSettings settings)
    {
        if (given is not null)
            return KitJson.Read<PaperNumbers>(Names.ExistingPath(given));
        if (settings != new PaperSettings())
            return null;
        var own = Path.Combine(PaperPlots.RecordedFolder, PaperNumbers.FileName);
        return File.Exists(own) ? KitJson.Read<PaperNumbers>(own) : new(settings, []);
    }

    private static void Print(
        IReadOnlyList<ReproducedNumber> all, IEnumerable<PaperNumber> other, string folder)
    {
        foreach (var n in all)
            Terminal.Line($"{n.State.ToString().ToLowerInvariant(),-8} {n.Id}: " + n.State switch
            {
                NumberState.Missing => n.Found is null ? $"recorded {Text.Number(n.Recorded)}, not made"
                    : $"{Text.Number(n.Found)}, not recorded",
                _ => $"{Text.Number(n.Found) ?? "no number"}, recorded {Text.Number(n.Recorded)} "
                    + $"± {Text.Number(n.Allowed)}",
            });
        foreach (var n in other)
            Terminal.Line($"{"-",-8} {n.Id}: {Text.Number(n.Value)}, nothing to compare with");
        int Count(NumberState state) => all.Count(n => n.State == state);
        Terminal.Line($"{Count(NumberState.Same)} same, {Count(NumberState.Differs)} differ, "
            + $"{Count(NumberState.Missing)} missing; figures in {folder}");
    }
}
