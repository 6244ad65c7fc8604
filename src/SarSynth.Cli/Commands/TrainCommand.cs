// sarsynth train: a model folder from a recipe; killed runs go on.
using System.CommandLine;
using SarSynth.Data;
using SarSynth.FineTuning;

namespace SarSynth.Cli.Commands;

static class TrainCommand
{
    public static Command Create()
    {
        var recipe = new Option<string>("--recipe", "-r")
        {
            Description = "The kit's recipe of that name (smoke, small, foundation) or a JSON file.",
            DefaultValueFactory = _ => "smoke",
        };
        var output = new Option<string>("--out", "-o")
        {
            Description = "Model folder; training/NAME beside the current folder when left out.",
        };
        var command = new Command("train",
            "Trains a model from nothing, as a recipe says: for translation, or a foundation to fine-tune.")
        {
            recipe, output, CommonOptions.Device, CommonOptions.Force, CommonOptions.Json,
        };
        command.SetAction((parsed, cancel) =>
        {
            var training = Training.Read(EmbeddedData.FindRecipe(Names.Recipe(parsed.GetRequiredValue(recipe))),
                parsed.GetValue(CommonOptions.Device));
            var folder = parsed.GetValue(output) ?? Path.Combine("training", training.Name);
            // A folder of a training that was killed holds no finished model: it goes on.
            if (Names.IsModel(folder))
                Finished.Refuse(folder, parsed.GetValue(CommonOptions.Force), $"{folder}: a finished model");
            Engine.SetThreads(parsed.GetValue(CommonOptions.Threads));
            var curve = new List<FineTuningProgress>();
            using (var progress = Progress.Begin($"training {training.Name}"))
            {
                training.Run(folder, p =>
                {
                    curve.Add(p);
                    var speed = $"{p.StepsPerSecond:F1} steps/s";
                    progress.At(p.Share, $"{p.Stage} {p.Step}/{p.Steps}, loss {p.Loss:F4}, {speed}");
                }, cancel);
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
            return Task.FromResult(0);
        });
        return command;
    }

    /// <summary>A recipe of either kind.</summary>
    private sealed record Training(string Name, Action<string, Action<FineTuningProgress>, CancellationToken> Run)
    {
        public static Training Read(string path, string? device)
        {
            if (KitJson.KindOf(path) == FoundationRecipe.KindName)
            {
                var foundation = KitJson.Read<FoundationRecipe>(path);
                foundation = foundation with { Device = device ?? foundation.Device };
                return new(foundation.Name, (folder, told, cancel) =>
                    FineTune.Run(foundation, folder, told, cancel));
            }
            var recipe = KitJson.Read<TrainRecipe>(path);
            recipe = recipe with { Device = device ?? recipe.Device };
            return new(recipe.Name, (folder, told, cancel) => FineTune.Run(recipe, folder, told, cancel));
        }
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
