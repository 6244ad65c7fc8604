// sarsynth train: a model folder, or the comparison of strategies, from a recipe; killed runs go on.
using System.CommandLine;
using SarSynth.Data;
using SarSynth.Evaluation;
using SarSynth.Experiments;
using SarSynth.FineTuning;
using Spectre.Console;

namespace SarSynth.Cli.Commands;

static class TrainCommand
{
    private static readonly Option<string> recipe = new("--recipe", "-r")
    {
        Description = "The kit's recipe of that name (smoke, small, mini, mini-more, mini-wide, mini-wider, "
            + "mini-residual, foundation, sar-text, strategies) or a JSON file.",
        DefaultValueFactory = _ => "smoke",
    };

    private static readonly Option<string?> output = new("--out", "-o")
    {
        Description = "Folder of what is made; training/NAME beside the current folder when left out.",
    };

    private static readonly Option<string?> start = new("--base", "-b")
    {
        Description = "Of strategies: the model that every run starts from, instead of the recipe's.",
    };

    private static readonly Option<bool> dry = new("--dry-run")
    {
        Description = "Of strategies: measure two steps of each and say how long all of it takes, and end.",
    };

    public static Command Create()
    {
        var command = new Command("train",
            "Trains a model from nothing, as a recipe says: for translation, a foundation to fine-tune, one of SAR "
            + "tiles and words; or compares strategies of fine-tuning.")
        {
            recipe, output, start, dry, CommonOptions.Device, CommonOptions.Force, CommonOptions.Json,
        };
        command.SetAction((parsed, cancel) => Task.FromResult(Run(parsed, cancel)));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancel)
    {
        var path = EmbeddedData.FindRecipe(Names.Recipe(parsed.GetRequiredValue(recipe)));
        var kind = KitJson.KindOf(path);
        if (kind != StrategiesRecipe.KindName && (parsed.GetValue(start) is not null || parsed.GetValue(dry)))
        {
            throw new ArgumentException(
                $"--base, --dry-run: found with the recipe {path}, expected one of strategies.");
        }
        Engine.SetThreads(parsed.GetValue(CommonOptions.Threads));
        var device = parsed.GetValue(CommonOptions.Device);
        switch (kind)
        {
            case StrategiesRecipe.KindName:
                var strategies = KitJson.Read<StrategiesRecipe>(path);
                strategies = strategies with
                {
                    Base = parsed.GetValue(start) ?? strategies.Base, Device = device ?? strategies.Device,
                };
                return Compare(parsed, strategies, FolderOf(parsed, strategies.Name), cancel);
            case SarTextRecipe.KindName:
                var words = KitJson.Read<SarTextRecipe>(path);
                return Words(parsed, words with { Device = device ?? words.Device }, FolderOf(parsed, words.Name),
                    cancel);
            case FoundationRecipe.KindName:
                var foundation = KitJson.Read<FoundationRecipe>(path);
                foundation = foundation with { Device = device ?? foundation.Device };
                return Train(parsed, foundation.Name, FolderOf(parsed, foundation.Name), (folder, told) =>
                    FineTune.Run(foundation, folder, told, cancel));
            case MeanRecipe.KindName:
                var mean = KitJson.Read<MeanRecipe>(path);
                mean = mean with { Device = device ?? mean.Device };
                return Train(parsed, mean.Name, FolderOf(parsed, mean.Name), (folder, told) =>
                    MeanTraining.Run(mean, folder, told, cancel));
            case ResidualRecipe.KindName:
                var residual = KitJson.Read<ResidualRecipe>(path);
                residual = residual with { Device = device ?? residual.Device };
                return Train(parsed, residual.Name, FolderOf(parsed, residual.Name), (folder, told) =>
                    ResidualTraining.Run(residual, folder, told, cancel));
            default:
                var training = KitJson.Read<TrainRecipe>(path);
                training = training with { Device = device ?? training.Device };
                return Train(parsed, training.Name, FolderOf(parsed, training.Name), (folder, told) =>
                    FineTune.Run(training, folder, told, cancel));
        }
    }

    private static string FolderOf(ParseResult parsed, string name) =>
        parsed.GetValue(output) ?? Path.Combine("training", name);

    private static int Train(
        ParseResult parsed, string name, string folder, Action<string, Action<FineTuningProgress>> train)
    {
        // A folder of a training that was killed holds no finished model: it goes on.
        if (Names.IsModel(folder))
            Finished.Refuse(folder, parsed.GetValue(CommonOptions.Force), $"{folder}: a finished model");
        var curve = new List<FineTuningProgress>();
        using (var progress = Progress.Begin($"training {name}"))
        {
            train(folder, p =>
            {
                curve.Add(p);
                var speed = $"{p.StepsPerSecond:F1} steps/s";
                progress.At(p.Share, $"{p.Stage} {p.Step}/{p.Steps}, loss {p.Loss:F4}, {speed}");
            });
            progress.At(1);
        }
        var stages = curve.GroupBy(p => p.Stage).Select(Summary).ToList();
        if (parsed.GetValue(CommonOptions.Json))
            Terminal.Line(KitJson.Serialize(new { Folder = folder, Stages = stages }));
        else
        {
            foreach (var s in stages)
                Terminal.Line($"{s.Stage,-12} {s.Steps,6} steps   loss {s.First:F4} -> {s.Last:F4}");
            Terminal.Line($"model: {folder}");
        }
        return 0;
    }

    private static int Words(ParseResult parsed, SarTextRecipe words, string folder, CancellationToken cancel)
    {
        if (File.Exists(Path.Combine(folder, SarText.ProvenanceFile)))
            Finished.Refuse(folder, parsed.GetValue(CommonOptions.Force), $"{folder}: a finished model");
        var retrieval = SarText.Train(words, folder, cancel: cancel);
        if (parsed.GetValue(CommonOptions.Json))
            Terminal.Line(KitJson.Serialize(new { Folder = folder, Retrieval = retrieval }));
        else
        {
            Terminal.Line(FormattableString.Invariant($"{retrieval.Images} images, {retrieval.Captions} captions: ")
                + FormattableString.Invariant($"retrieval@1 {retrieval.At1:P1}, @5 {retrieval.At5:P1}, ")
                + FormattableString.Invariant($"@10 {retrieval.At10:P1}; score {retrieval.Score:F1} against ")
                + FormattableString.Invariant($"{retrieval.OtherScore:F1} of other captions"));
            Terminal.Line($"model: {folder}");
        }
        return 0;
    }

    private static int Compare(
        ParseResult parsed, StrategiesRecipe strategies, string folder, CancellationToken cancel)
    {
        if (parsed.GetValue(dry))
        {
            var plan = StrategyComparison.Plan(strategies, folder, cancel);
            if (parsed.GetValue(CommonOptions.Json))
            {
                Terminal.Line(KitJson.Serialize(plan));
                return 0;
            }
            static string Time(double? seconds) => seconds is { } s && double.IsFinite(s)
                ? Text.Time(TimeSpan.FromSeconds(s)) : "not measured";
            foreach (var (name, seconds) in plan.Strategies)
                Terminal.Line($"{name,-36} {Time(seconds),12} a training");
            Terminal.Line($"{plan.All - plan.Finished} of {plan.All} runs are left: {Time(plan.Seconds)}");
            return 0;
        }
        var table = StrategyComparison.Run(strategies, folder, run =>
            Terminal.Remark(FormattableString.Invariant($"{run.Strategy}, seed {run.Seed}: KL ")
                + FormattableString.Invariant($"{run.Measures.AmplitudeKl:F3}, GLCM {run.Measures.GlcmDistance:F3}, ")
                + FormattableString.Invariant($"text {run.Measures.TextAlignment:F1}")), cancel);
        if (parsed.GetValue(CommonOptions.Json))
        {
            Terminal.Line(KitJson.Serialize(table));
            return 0;
        }
        // The name and the three measures are as wide as a terminal; the files have the rest.
        var cells = table.Cells().Select(row => new[] { row[0], row[2], row[3], row[4] }).ToList();
        var shown = Terminal.Table(cells[0]);
        shown.Columns[0].NoWrap();
        foreach (var row in cells.Skip(1))
            shown.AddRow([.. row.Select(Markup.Escape)]);
        Terminal.Out.Write(shown);
        foreach (var best in strategies.Strategies.Where(s => s.Paper == "best"))
            Terminal.Line($"best in arXiv 2506.13307, on SDXL and measured images: {best.Name}");
        Terminal.Line($"{folder}: strategies.md, strategies.csv, strategies.json; images of each run in runs");
        return 0;
    }

    private sealed record StageSummary(string Stage, long Steps, double First, double Last);

    /// <summary>First and last tenth of a stage's losses, averaged: single steps are noisy.</summary>
    private static StageSummary Summary(IGrouping<string, FineTuningProgress> stage)
    {
        var losses = stage.Select(p => p.Loss).ToList();
        var tenth = Math.Max(1, losses.Count / 10);
        return new(stage.Key, losses.Count, losses.Take(tenth).Average(), losses.TakeLast(tenth).Average());
    }
}
