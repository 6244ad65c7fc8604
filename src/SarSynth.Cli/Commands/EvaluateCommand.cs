// sarsynth evaluate: the table by which translation is judged, of simulated scenes, of pairs, or of any two folders.
using System.CommandLine;
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Evaluation;
using SarSynth.Figures;
using SarSynth.Translation;

namespace SarSynth.Cli.Commands;

static class EvaluateCommand
{
    private static readonly Option<string[]> models = new("--models", "-m")
    {
        Description = "Models that translate: names of the kit's or folders, with commas between. All of the kit's "
            + "that are trained to when left out.",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<bool> parts = new("--parts")
    {
        Description = "Also what each part of a model of mean and speckle brings: its mean alone, corrected to agree "
            + "with the satellite, and power not held to the satellite's.",
    };

    private static readonly Option<int> count = new("--scenes")
    {
        Description = "How many simulated scenes that no recipe of the kit trains on.",
        DefaultValueFactory = _ => 8,
    };

    private static readonly Option<int> size = new("--size")
    {
        Description = "Side of simulated scenes, airborne pixels.",
        DefaultValueFactory = _ => 512,
    };

    private static readonly Option<int> seeds = new("--seeds")
    {
        Description = "Images of as many seeds, of the middle of each scene, tell the spread; 1 leaves that out.",
        DefaultValueFactory = _ => Ways.DefaultSeeds,
    };

    private static readonly Option<string?> data = new("--data", "-d")
    {
        Description = "Instead of simulated scenes: a folder of paired scenes, whose test scenes are used.",
    };

    private static readonly Option<string?> real = new("--real")
    {
        Description = "Instead of translating: true images, measured or not, as a file, a folder or WebDataset shards,",
    };

    private static readonly Option<string?> generated = new("--generated")
    {
        Description = "and the images to judge: pairs where all names agree, else two heaps.",
    };

    private static readonly Option<string?> condition = new("--condition")
    {
        Description = "What they were made of: coarser images of the same names.",
    };

    private static readonly Option<string?> training = new("--training")
    {
        Description = "With --real: images that the model was trained on, to see what is a copy of them.",
    };

    private static readonly Option<string?> classes = new("--classes")
    {
        Description = "With --real, in pairs: class maps of the true images' names, 0 to 63 a pixel, 255 for none, to "
            + "see what can be learnt from the images.",
    };

    private static readonly Option<string?> words = new("--sar-text")
    {
        Description = "A SAR-text model ('train --recipe strategies' makes one): distances of its image features, and "
            + "where captions are known (metadata.jsonl, shards) how well images and captions agree.",
    };

    private static readonly Option<bool> noNetwork = new("--no-resnet18")
    {
        Description = "Leaves out the rows of ResNet-18, which take most of the time.",
    };

    private static readonly Option<string?> output = new("--out", "-o")
    {
        Description = "Folder of the report: page, pictures, JSON, CSV, Markdown, LaTeX; none when left out.",
    };

    public static Command Create()
    {
        var command = new Command("evaluate",
            "The table by which translation is judged: amplitude law, ground, speckle, lattice, spectrum, structure, "
                + "with intervals, beside the floor and two baselines.")
        {
            models, parts, count, size, seeds, data, real, generated, condition, training, classes, words, noNetwork,
            output, ModelOptions.Steps, ModelOptions.Eta, CommonOptions.Device, CommonOptions.Seed, CommonOptions.Force,
            CommonOptions.Json,
        };
        command.SetAction((parsed, cancel) =>
        {
            // What can fail at once fails before scenes are simulated and translated.
            var folder = parsed.GetValue(output);
            if (folder is not null)
            {
                Finished.Refuse(Path.Combine(folder, TableReport.Page), parsed.GetValue(CommonOptions.Force));
                ComparisonFigures.CheckReportTools();
            }
            if (parsed.GetValue(real) is null != parsed.GetValue(generated) is null)
                throw new ArgumentException("evaluate: found one of --real and --generated, expected both or none.");
            if (parsed.GetValue(real) is not null)
                Given(parsed, folder);
            else
                Translated(parsed, folder, cancel);
            return Task.FromResult(0);
        });
        return command;
    }

    private static void Translated(ParseResult parsed, string? folder, CancellationToken cancel)
    {
        var recipe = ModelOptions.Recipe(parsed);
        string[] names = [.. (parsed.GetValue(models) ?? []).SelectMany(m => m.Split(',')).Select(Names.Model)];
        if (names.Length == 0)
            names = [.. Names.Models.Where(n => Names.IsTranslator(EmbeddedData.FindModel(n)))];
        Engine.SetThreads(parsed.GetValue(CommonOptions.Threads));
        using var progress = Progress.Begin("evaluating");
        progress.Part(0.05);
        var pairs = parsed.GetValue(data);
        var scenes = pairs is null
            ? TruthScene.Unseen(parsed.GetValue(count), parsed.GetValue(size), cancel: cancel)
            : TestScenes(Names.ExistingPath(pairs));
        progress.Part(0.1);
        var classifier = pairs is null ? GroundClassifier.Train(TruthScene.Unseen(
            TruthScene.Kinds.Count, parsed.GetValue(size), GroundClassifier.FirstSeed, cancel)) : null;
        progress.Part(0.2);
        List<Candidate> candidates = [.. (pairs is null ? Ways.WithoutModel : [Ways.Lee, Ways.Bicubic])
            .Select(way => way.Candidate(scenes, parsed.GetValue(seeds), recipe.Seed, cancel))];
        var without = candidates.Count;
        var files = new Dictionary<string, IReadOnlyDictionary<string, string>?>();
        List<KeyValuePair<string, string>> ran = [];
        var own = "";
        foreach (var (i, name) in names.Index())
        {
            progress.Part(0.2 + 0.6 * (i + 1) / names.Length, name);
            using var model = Translator.Load(recipe with { Model = name });
            files[name] = TableReport.FilesOf(model);
            ran.Add(new(name, TableReport.SamplerOf(model, recipe)));
            var ways = model.ToWays(recipe with { Model = name }, parts: parsed.GetValue(parts));
            own = ways[0].Name;
            if (model.Draws(recipe))
                ran.Add(new(ways[1].Name, TableReport.SamplerOf(model, recipe with { Residual = false })));
            candidates.AddRange(ways.Select(way =>
                way.Candidate(scenes, parsed.GetValue(seeds), recipe.Seed, cancel)));
        }
        progress.Part(0.95);
        using var network = Network(parsed);
        using var text = Words(parsed);
        var table = TranslationTable.Of(
            scenes, candidates, Ways.Lee.Name, classifier, network: network, words: text);
        progress.Part(1);
        if (folder is not null)
        {
            // The last is the one that the page is about.
            string[] shown = [Ways.Lee.Name, .. candidates.Skip(without).Select(c => c.Name).Where(n => n != own), own];
            table.Write(folder, scenes, candidates, shown, [.. ran, .. Facts(recipe, table)], "Satellite to airborne");
            Provenance.Of("evaluate", recipe, recipe.Seed, [], [Path.Combine(folder, TableReport.Json)], recipe.Device)
                .With(new { ModelFiles = files, Ran = ran, table.Scenes }, [], [])
                .Write(Path.Combine(folder, "evaluation.provenance.json"));
        }
        progress.At(1);
        Print(parsed, table);
    }

    private static void Given(ParseResult parsed, string? folder)
    {
        var (truth, made) = (Existing(parsed, real)!, Existing(parsed, generated)!);
        var seen = Existing(parsed, condition);
        Engine.SetThreads(parsed.GetValue(CommonOptions.Threads));
        using var network = Network(parsed);
        using var text = Words(parsed);
        using var progress = Progress.Begin("evaluating");
        progress.Part(0.1);
        var images = GivenImages.Read(truth, made, seen, Existing(parsed, training), Existing(parsed, classes));
        if (images.Scenes.Count == 0)
        {
            Terminal.Remark("names do not agree in pairs: two heaps are judged, no place is held against another");
            foreach (var option in new[] { condition, classes }.Where(o => parsed.GetValue(o) is not null))
                Terminal.Remark($"{option.Name}: needs pairs, so it is not looked at");
        }
        progress.Part(0.9);
        var table = images.ToTable(network, text);
        progress.Part(1);
        if (folder is not null)
        {
            KeyValuePair<string, string>[] facts = [new("true images", truth), new("images", made)];
            table.Write(folder, images.Scenes, [images.Generated], null,
                seen is null ? facts : [.. facts, new("condition", seen)],
                $"{images.Generated.Name} against {images.Truth.Name}",
                images.Scenes.Count == 0 ? images.Truth : null);
            Provenance.Of("evaluate", new { Real = truth, Generated = made, Condition = seen }, 0, [truth, made],
                [Path.Combine(folder, TableReport.Json)]).Write(Path.Combine(folder, "evaluation.provenance.json"));
        }
        Print(parsed, table);
    }

    // Shards may be a range or an address, which no file is called.
    private static string? Existing(ParseResult parsed, Option<string?> option) =>
        parsed.GetValue(option) is not { } path ? null : GivenImages.IsShards(path) ? path : Names.ExistingPath(path);

    private static SarTextModel? Words(ParseResult parsed)
    {
        if (parsed.GetValue(words) is not { } folder)
            return null;
        var device = ComputeDevice.Find(parsed.GetValue(CommonOptions.Device) ?? ComputeDevice.Auto);
        return SarTextModel.Load(Names.ExistingPath(folder), device);
    }

    private static ResNet18? Network(ParseResult parsed)
    {
        if (parsed.GetValue(noNetwork))
            return null;
        if (ResNet18.Find() is not null)
            return ResNet18.Load();
        Terminal.Remark("ResNet-18 was not found where the kit is built: its rows are left out");
        return null;
    }

    private static void Print(ParseResult parsed, TranslationTable table)
    {
        if (parsed.GetValue(CommonOptions.Json))
            Terminal.Line(KitJson.Serialize(table));
        else
            Terminal.Line(table.ToText().TrimEnd('\n'));
    }

    private static IEnumerable<KeyValuePair<string, string>> Facts(
        TranslateRecipe recipe, TranslationTable table) =>
    [
        new("recipe", KitJson.Serialize(recipe)),
        new("scenes", string.Join(", ", table.Scenes)),
    ];

    private static List<TruthScene> TestScenes(string folder) => [.. Scenes.Open(folder, Split.Test).Select(s =>
        new TruthScene(s.Name, s.Airborne) { Satellite = s.Satellite })];
}
