// sarsynth evaluate: translated scenes against airborne images and the baselines; the report.
using System.CommandLine;
using System.Globalization;
using SarSynth.Data;
using SarSynth.Evaluation;
using SarSynth.Figures;
using SarSynth.Translation;
using Spectre.Console;

namespace SarSynth.Cli.Commands;

static class EvaluateCommand
{
    public static Command Create()
    {
        var data = new Option<string?>("--data", "-d")
        {
            Description = "Folder of paired scenes; its test scenes are used. The embedded ones when left out.",
        };
        var simulated = new Option<int>("--simulated")
        {
            Description = "Instead of --data: this many freshly simulated scenes that no recipe of the kit trains on.",
        };
        var size = new Option<int>("--size")
        {
            Description = "Side of simulated scenes, airborne pixels.",
            DefaultValueFactory = _ => 512,
        };
        var output = new Option<string?>("--report")
        {
            Description = "Folder of the report (index.html); none when left out.",
        };
        var command = new Command("evaluate",
            "Translated scenes against airborne ones, beside three baselines: amplitude KL, ENL, texture.")
        {
            ModelOptions.Model, data, simulated, size, output, ModelOptions.Steps, ModelOptions.Eta,
                CommonOptions.Device,
            CommonOptions.Seed, CommonOptions.Force, CommonOptions.Json,
        };
        command.SetAction((parsed, cancel) =>
        {
            // What can fail at once fails before scenes are simulated and translated.
            var report = parsed.GetValue(output);
            if (report is not null)
            {
                Finished.Refuse(Path.Combine(report, "index.html"), parsed.GetValue(CommonOptions.Force));
                ComparisonFigures.CheckReportTools();
            }
            var recipe = ModelOptions.Recipe(parsed);
            Engine.SetThreads(parsed.GetValue(CommonOptions.Threads));
            using var networks = Translator.Load(recipe);
            var scenes = parsed.GetValue(simulated) is > 0 and var count
                ? Simulated(count, parsed.GetValue(size), recipe.Seed, cancel)
                : TestScenes(Names.ExistingPath(parsed.GetValue(data) ?? EmbeddedData.Scenes));
            var translated = networks.Translate(scenes, recipe, cancel);
            var comparison = Comparison.Of(scenes,
                [.. Baselines.All(scenes, recipe.Seed), new("SarSynth", translated)]);
            if (report is not null)
            {
                comparison.WriteReport(report, networks, recipe with { Device = networks.Device.ToString() },
                    unseen: parsed.GetValue(simulated) > 0);
            }
            if (parsed.GetValue(CommonOptions.Json))
                Terminal.Line(KitJson.Serialize(comparison.Table));
            else
                Print(comparison.Table);
            return Task.FromResult(0);
        });
        return command;
    }

    private static List<PairedScene> Simulated(int count, int size, ulong seed, CancellationToken cancel)
    {
        var recipe = new SimulationRecipe { Scenes = count, Size = size, Seed = SimulatedScenes.UnseenSeed + seed };
        return SimulatedScenes.Generate(recipe, cancel: cancel).ToList();
    }

    private static List<PairedScene> TestScenes(string folder)
    {
        var scenes = PairedDataset.Open(folder).Load(folder, Split.Test).ToList();
        return scenes.Count > 0 ? scenes
            : throw new InvalidDataException(
                $"{Path.Combine(folder, PairedDataset.FileName)}: found no scene of the test part.");
    }

    // A column for each image: the statistics have long names, and there may be more of them.
    private static void Print(LikenessTable result)
    {
        LikenessRow[] rows = [result.Reference, .. result.Rows];
        var table = Terminal.Table(["", .. rows.Select(row => Markup.Escape(row.Name))]);
        void Row(string name, Func<LikenessRow, double> value, string format) => table.AddRow(
            [Markup.Escape(name), .. rows.Select(row => value(row).ToString(format, CultureInfo.InvariantCulture))]);
        Row("KL to image", row => row.AmplitudeKl.Value, "F4");
        Row("KL to airborne", row => row.AmplitudeKlReverse.Value, "F4");
        Row("Wasserstein-1", row => row.Wasserstein.Value, "F4");
        Row("ENL, homogeneous", row => row.EnlHomogeneous.Value, "F3");
        Row("mean power, dB", row => row.MeanPowerError, "F2");
        Row("GLCM contrast", row => row.GlcmContrast, "F2");
        Row("GLCM homogeneity", row => row.GlcmHomogeneity, "F4");
        table.Columns[0].NoWrap();
        Terminal.Out.Write(table);
        Terminal.Line("KL to image: KL(airborne || image) of amplitudes, nats; to airborne: reversed.");
        Terminal.Line("Wasserstein-1 in mean amplitudes of the airborne images.");
    }
}
