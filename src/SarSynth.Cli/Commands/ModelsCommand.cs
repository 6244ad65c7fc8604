// sarsynth models: what a model's file is; adapters put into a base for good; a LoRA taken from two models.
using System.CommandLine;
using System.Globalization;
using SarSynth.Data;
using SarSynth.FineTuning;
using SarSynth.Translation;
using Spectre.Console;

namespace SarSynth.Cli.Commands;

static class ModelsCommand
{
    public static Command Create()
    {
        var command = new Command("models",
            "Model files: what they are, a LoRA put into a base, a LoRA taken from two models.");
        command.Subcommands.Add(List());
        command.Subcommands.Add(Info());
        command.Subcommands.Add(Merge());
        command.Subcommands.Add(Extract());
        return command;
    }

    private static Command List()
    {
        var command = new Command("list", "The models that come with the kit.") { CommonOptions.Json };
        command.SetAction(parsed =>
        {
            var models = Names.Models.Select(name => ModelInfo.Of(EmbeddedData.FindModel(name))).ToList();
            if (parsed.GetValue(CommonOptions.Json))
            {
                Terminal.Line(KitJson.Serialize(models));
                return;
            }
            foreach (var model in models)
                Terminal.Line(string.Create(CultureInfo.InvariantCulture,
                    $"{Path.GetFileName(model.Path),-24} {model.Parameters / 1e6,8:F1} million  "
                    + $"{model.Facts.GetValueOrDefault("about")}"));
        });
        return command;
    }

    private static Command Info()
    {
        var path = new Argument<string>("PATH")
        {
            Description = "A safetensors file, a model's folder, what finetune left, or a model of the kit.",
        };
        var command = new Command("info",
            "What a model's file or folder is: kind, base, parts, types, ranks, words; no weight is read.")
        {
            path, CommonOptions.Json,
        };
        command.SetAction(parsed =>
        {
            var name = Names.Model(parsed.GetRequiredValue(path));
            var info = ModelInfo.Of(Path.Exists(name) ? name : EmbeddedData.FindModel(name));
            if (parsed.GetValue(CommonOptions.Json))
                Terminal.Line(KitJson.Serialize(info));
            else
                Tell(info);
        });
        return command;
    }

    private static void Tell(ModelInfo info)
    {
        Terminal.Line($"{info.Path}: {info.Kind}");
        Row("base", info.Base ?? "its tensors do not tell");
        Row("parameters", info.Parameters.ToString("N0", CultureInfo.InvariantCulture));
        if (info.Tokens.Count > 0)
            Row("words", string.Join(' ', info.Tokens));
        foreach (var (what, text) in info.Facts)
            Row(what, text);
        var table = Terminal.Table("part", "what", "numbers", "type");
        table.Columns[2].RightAligned();
        foreach (var part in info.Parts)
        {
            table.AddRow(Markup.Escape(part.Name), Markup.Escape(part.What),
                part.Parameters.ToString("N0", CultureInfo.InvariantCulture), string.Join(", ", part.Types.Keys));
        }
        Terminal.Out.Write(table);
        foreach (var part in info.Parts.Where(p => p.Layers is not null))
        {
            Row(part.Name, $"{part.Layers} layers, rank {Words(part.Ranks!)}");
            Row("", Words(part.Targets!));
        }

        static void Row(string what, string text) => Terminal.Line($"  {what,-16} {text}");
        static string Words<T>(IReadOnlyDictionary<T, int> counted) where T : notnull => counted.Count == 1
            ? $"{counted.Keys.Single()}" : string.Join(", ", counted.Select(c => $"{c.Key} ({c.Value})"));
    }

    private static Command Merge()
    {
        var from = new Option<string>("--base", "-b")
        {
            Description = "The model that they are put into: a diffusers folder, a single file, or one of the kit.",
            Required = true,
        };
        var weight = new Option<double?>("--weight")
        {
            Description = "Factor on every LoRA that has none of its own (FILE:SCALE); 1 when left out.",
        };
        var vae = new Option<string?>("--vae")
        {
            Description = "Folder of an autoencoder that takes the base's place (finetune --strategy vae makes one).",
        };
        var type = new Option<WeightType?>("--type")
        {
            Description = "float32, bfloat16 or float16; the base's own when left out.",
        };
        var output = new Option<string>("--out", "-o") { Description = "The folder to write.", Required = true };
        var command = new Command("merge",
            "Puts LoRAs, learned words and an autoencoder into a base: a folder that diffusers opens.")
        {
            from, ModelOptions.Lora, weight, ModelOptions.Token, vae, type, output, CommonOptions.Force,
        };
        command.SetAction(parsed =>
        {
            var words = ModelOptions.Recipe(parsed);
            var folder = parsed.GetRequiredValue(output);
            Finished.Refuse(Path.Combine(folder, "model_index.json"), parsed.GetValue(CommonOptions.Force),
                $"{folder}: a model");
            var factor = parsed.GetValue(weight) ?? 1;
            var recipe = new MergeRecipe
            {
                Base = Names.Model(parsed.GetRequiredValue(from)),
                Adapters = [.. words.Adapters.Select(a => a with { Scale = a.Scale == 1 ? factor : a.Scale })],
                Tokens = words.Tokens,
                Vae = parsed.GetValue(vae) is { } own ? Names.ExistingPath(own) : null,
                Type = parsed.GetValue(type),
            };
            ModelEdits.Merge(recipe, folder);
            Terminal.Line(folder);
        });
        return command;
    }

    private static Command Extract()
    {
        var from = new Option<string>("--base", "-b")
        {
            Description = "The model that the LoRA will be put on.", Required = true,
        };
        var tuned = new Option<string>("--tuned", "-t")
        {
            Description = "The same model after a training.", Required = true,
        };
        var rank = new Option<int?>("--rank") { Description = "Rank of every layer at most; 16 when left out." };
        var energy = new Option<double?>("--energy")
        {
            Description = "Share of each layer's squared difference to keep, over 0 to 1: each gets the least rank "
                + "that does, below --rank where that is given.",
        };
        var parts = new Option<string[]>("--parts")
        {
            Description = "Networks to compare: unet, text_encoder, text_encoder_2, vae; the first three that are "
                + "there when left out.",
            AllowMultipleArgumentsPerToken = true,
        };
        var kohya = new Option<bool>("--kohya") { Description = "Key names of kohya in the place of diffusers'." };
        var output = new Option<string>("--out", "-o")
        {
            Description = "The safetensors file to write.", Required = true,
        };
        var command = new Command("extract", "Takes the LoRA that leads from one model to another.")
        {
            from, tuned, rank, energy, parts, kohya, output, CommonOptions.Force, CommonOptions.Json,
        };
        command.SetAction(parsed =>
        {
            var file = parsed.GetRequiredValue(output);
            Finished.Refuse(file, parsed.GetValue(CommonOptions.Force));
            var share = parsed.GetValue(energy);
            var found = ModelEdits.Extract(new ExtractRecipe
            {
                Base = Names.Model(parsed.GetRequiredValue(from)), Tuned = Names.Model(parsed.GetRequiredValue(tuned)),
                Rank = parsed.GetValue(rank) ?? (share is null ? 16 : null), Energy = share,
                Parts = parsed.GetValue(parts) is { Length: > 0 } named ? named : null,
                Kohya = parsed.GetValue(kohya),
            }, file);
            if (parsed.GetValue(CommonOptions.Json))
            {
                Terminal.Line(KitJson.Serialize(found));
                return;
            }
            if (found.LeftOut.Count > 0)
                Terminal.Remark($"{found.LeftOut.Count} parameters differ that no LoRA holds (biases, normalisations, "
                    + $"tables): {string.Join(", ", found.LeftOut.Take(3))}{(found.LeftOut.Count > 3 ? ", ..." : "")}");
            Terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"{file}: {found.Layers} layers, {100 * found.Kept:F2} % of their squared difference"));
        });
        return command;
    }
}
