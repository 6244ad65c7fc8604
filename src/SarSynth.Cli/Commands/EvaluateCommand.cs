// sarsynth evaluate: translated scenes against real airborne images and two baselines; the report.
using System.CommandLine;
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Figures;
using SarSynth.Translation;
using Spectre.Console;

namespace SarSynth.Cli.Commands;

static class EvaluateCommand
{
    public static Command Create()
    {
        var defaults = new TranslateRecipe();
        var model = new Option<string>("--model", "-m") { Description = "Model folder, or a model that comes with the kit.", DefaultValueFactory = _ => defaults.Model };
        var data = new Option<string>("--data", "-d") { Description = "Folder of paired scenes; its test scenes are used. The embedded ones when left out." };
        var simulated = new Option<int>("--simulated") { Description = "Instead of --data: this many freshly simulated scenes that no recipe of the kit trains on." };
        var size = new Option<int>("--size") { Description = "Side of simulated scenes, airborne pixels.", DefaultValueFactory = _ => 512 };
        var output = new Option<string>("--report") { Description = "Folder of the report (index.html); none when left out." };
        var steps = new Option<int>("--steps") { Description = "Denoising steps.", DefaultValueFactory = _ => defaults.Steps };
        var eta = new Option<double>("--eta") { Description = "DDIM's eta, 0 to 1.", DefaultValueFactory = _ => defaults.Eta };
        var command = new Command("evaluate", "Real against translated airborne images, with two baselines: amplitude KL, ENL, texture.")
        {
            model, data, simulated, size, output, steps, eta, CommonOptions.Device, CommonOptions.Seed, CommonOptions.Json,
        };
        command.SetAction((parsed, cancel) =>
        {
            Engine.SetThreads(parsed.GetValue(CommonOptions.Threads));
            var recipe = new TranslateRecipe
            {
                Model = parsed.GetRequiredValue(model),
                Device = parsed.GetValue(CommonOptions.Device) ?? defaults.Device,
                Seed = parsed.GetValue(CommonOptions.Seed),
                Steps = parsed.GetValue(steps),
                Eta = parsed.GetValue(eta),
            };
            // What can fail at once fails before scenes are simulated and translated.
            if (parsed.GetValue(output) is not null)
                EvaluationFigures.CheckReportTools();
            using var networks = Translator.Load(recipe.Model, ComputeDevice.Find(recipe.Device));
            var scenes = parsed.GetValue(simulated) is > 0 and var count
                ? SimulatedScenes.Generate(new() { Scenes = count, Size = parsed.GetValue(size), Seed = SimulatedScenes.UnseenSeed + recipe.Seed }, cancel: cancel).ToList()
                : TestScenes(parsed.GetValue(data) ?? EmbeddedData.Scenes);
            var evaluation = Progress.Run(parsed, "translating", report => Evaluation.Evaluation.Run(networks, scenes, recipe, report, cancel));
            if (parsed.GetValue(output) is { } folder)
                evaluation.WriteReport(folder, networks.Card);
            if (parsed.GetValue(CommonOptions.Json))
                Console.WriteLine(KitJson.Serialize(evaluation.Table));
            else
                Print(evaluation.Table);
            return Task.FromResult(0);
        });
        return command;
    }

    private static List<PairedScene> TestScenes(string folder)
    {
        var scenes = PairedDataset.Open(folder).Load(folder, Split.Test).ToList();
        return scenes.Count > 0 ? scenes : throw new InvalidDataException($"{Path.Combine(folder, PairedDataset.FileName)}: found no scene of the test part.");
    }

    private static void Print(SarSynth.Evaluation.LikenessTable result)
    {
        var table = new Table().Border(TableBorder.Rounded)
            .AddColumns("image", "KL(real||image)", "KL(image||real)", "W1", "ENL homogeneous", "power dB", "GLCM contrast", "GLCM homogeneity");
        foreach (var row in result.Rows.Prepend(result.Reference))
            table.AddRow(
                Markup.Escape(row.Name), $"{row.AmplitudeKl.Value:F4}", $"{row.AmplitudeKlReverse.Value:F4}", $"{row.Wasserstein.Value:F4}",
                $"{row.EnlHomogeneous.Value:F3}", $"{row.MeanPowerError:F2}", $"{row.GlcmContrast:F2}", $"{row.GlcmHomogeneity:F4}");
        AnsiConsole.Write(table);
    }
}
