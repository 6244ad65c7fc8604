// sarsynth finetune: a base model on tiles of one's own, by a recipe or by a strategy's name; killed runs go on.
using System.CommandLine;
using SarSynth.Data;
using SarSynth.Diffusion.Training;
using SarSynth.FineTuning;

namespace SarSynth.Cli.Commands;

static class FinetuneCommand
{
    private static readonly Argument<string?> recipeFile = new("RECIPE")
    {
        Description = "A JSON file or one of the kit's (finetune-lora, ...); left out, --base and --data make one.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> output = new("--out", "-o")
    {
        Description = "Folder of checkpoints, log, samples and results; a run that ended early goes on there.",
    };

    private static readonly Option<string?> from = new("--base", "-b")
    {
        Description = "The model to start from: a diffusers folder (SDXL, SD 1.5, ...), a single file, or one of the "
            + "kit.",
    };

    private static readonly Option<string?> data = new("--data", "-d")
    {
        Description = "Tiles: a folder with metadata.jsonl (data tile makes one), WebDataset shards, paired scenes.",
    };

    private static readonly Option<string[]> strategy = new("--strategy", "-s")
    {
        Description = "best (whole UNet, LoRA on the text encoders, a learned word), lora, unet, text, token, "
            + "control:CONDITION; vae, vae-decoder or vae-lora. Several are trained together, an autoencoder before "
            + "the others.",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<double?> rate = new("--learning-rate")
    {
        Description = "Learning rate of every strategy named; each has its own when left out.",
    };

    private static readonly Option<int> rank = new("--rank")
    {
        Description = "Rank of LoRA.", DefaultValueFactory = _ => 16,
    };

    private static readonly Option<string> word = new("--word")
    {
        Description = "The word that token learns.", DefaultValueFactory = _ => "<SAR>",
    };

    private static readonly Option<int?> steps = new("--steps")
    {
        Description = "Optimizer steps; 1000 when left out.",
    };

    private static readonly Option<int?> batch = new("--batch")
    {
        Description = "Tiles in a micro-batch; 1 when left out.",
    };

    private static readonly Option<int?> accumulation = new("--accumulation")
    {
        Description = "Micro-batches of a step; 1 when left out.",
    };

    private static readonly Option<int?> crop = new("--crop")
    {
        Description = "Side of the squares cut out of the tiles; tiles whole when left out (on the CPU, of a base of "
            + "Stable Diffusion's size, 512).",
    };

    private static readonly Option<Precision?> precision = new("--precision")
    {
        Description = "float32 or bfloat16 (the UNet's layers, the autoencoder's where it is trained; the masters of "
            + "weights that are trained stay float32). bfloat16 for bases of Stable Diffusion's size where no recipe "
            + "says otherwise.",
    };

    private static readonly Option<bool?> checkpointing = new("--gradient-checkpointing")
    {
        Description = "Compute blocks again on the way back: less memory, a third more time. On for bases of Stable "
            + "Diffusion's size where no recipe says otherwise; false turns it off.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> cache = new("--cache")
    {
        Description = "Folder where latents and text embeddings are kept between epochs and runs (of tiles that are "
            + "not cut at random, of text encoders that are not trained).",
    };

    private static readonly Option<bool> dry = new("--dry-run")
    {
        Description = "Say what would be trained and what memory, disk and time it needs, validation's memory "
            + "included, and end.",
    };

    private static readonly Option<double?> plan = new("--plan")
    {
        Description = "With --dry-run: what 2 to 512 processes would bring, by the measured step and a link of so many "
            + "Gbit/s between them.",
    };

    private static readonly Option<bool> show = new("--show")
    {
        Description = "Print the recipe that would run, as JSON, and end.",
    };

    public static Command Create()
    {
        var command = new Command("finetune",
            "Fine-tunes a base model on tiles: whole networks, LoRA, a learned word, ControlNets, together if wanted.")
        {
            recipeFile, output, from, data, strategy, rate, rank, word, steps, batch, accumulation, crop, precision,
            checkpointing, cache, CommonOptions.Seed, CommonOptions.Device, dry, plan, show, CommonOptions.Json,
        };
        command.SetAction((parsed, cancel) => Task.FromResult(Run(parsed, cancel)));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancel)
    {
        var recipe = Recipe(parsed);
        recipe.Check();
        if (parsed.GetValue(show))
        {
            Terminal.Line(KitJson.Serialize(recipe));
            return 0;
        }
        Engine.SetThreads(parsed.GetValue(CommonOptions.Threads));
        if (parsed.GetValue(dry))
            return Estimate(parsed, recipe, cancel);
        return Shared.Run(parsed, ranks => Train(parsed, recipe, ranks, cancel));
    }

    private static int Train(ParseResult parsed, FineTuneRecipe recipe, Ranks ranks, CancellationToken cancel)
    {
        if (ranks.Count > 1)
            Terminal.Remark(Shared.Who(ranks));
        var folder = parsed.GetValue(output)
            ?? throw new ArgumentException("--out: is missing, expected a folder for what is made.");
        var result = FineTune.Run(recipe, folder, line =>
        {
            if (line.Validation is { } validation && !parsed.GetValue(CommonOptions.Json))
                Terminal.Remark(FormattableString.Invariant(
                    $"{line.Stage} step {line.Step}: validation loss {validation:F4}"));
        }, cancel, Terminal.Remark, ranks);
        if (!ranks.IsFirst)
            return 0;
        if (parsed.GetValue(CommonOptions.Json))
        {
            Terminal.Line(KitJson.Serialize(result));
            return 0;
        }
        foreach (var (what, name) in result.Made)
            Terminal.Line($"{what,-24} {Path.Combine(folder, name)}");
        return 0;
    }

    private static int Estimate(ParseResult parsed, FineTuneRecipe recipe, CancellationToken cancel)
    {
        var estimate = FineTune.Estimate(recipe, cancel);
        if (parsed.GetValue(CommonOptions.Json))
        {
            Terminal.Line(KitJson.Serialize(estimate));
            return 0;
        }
        foreach (var remark in estimate.Remarks)
            Terminal.Remark(remark);
        foreach (var (group, numbers) in estimate.Trained)
            Terminal.Line(FormattableString.Invariant($"trained {group,-28} {numbers,16:N0} numbers"));
        var memory = estimate.Memory;
        void Row(string what, long bytes) =>
            Terminal.Line(FormattableString.Invariant($"{what,-36} {bytes / 1e6,13:N0} MB"));
        Row("weights", memory.Weights + memory.Masters);
        Row("optimizer and average", memory.Optimizer + memory.Average);
        Row("most during a step", memory.Step);
        Row("most during a validation", memory.Validation);
        Row("memory, most at once", memory.Peak);
        if (estimate.MeasuredMemory is { } measured)
            Row("the whole program in two steps", measured);
        Row("checkpoints on disk", estimate.CheckpointBytes);
        if (recipe.Cache is not null && estimate.CacheBytes is { } cached)
            Row("cache of latents on disk", cached);
        foreach (var (stage, seconds) in estimate.StepSeconds)
            Terminal.Line(FormattableString.Invariant($"{"a step of the " + stage,-36} {seconds,13:F2} s"));
        Terminal.Line(estimate.Seconds is { } all
            ? FormattableString.Invariant($"{"all steps, without validations",-36} {all / 60,13:F1} minutes")
            : $"time was not measured: {estimate.NotMeasured}");
        if (parsed.GetValue(plan) is { } gigabits && estimate.StepSeconds.Count > 0)
            Terminal.Out.Write(Plans(recipe, estimate, gigabits));
        return 0;
    }

    private static Spectre.Console.Table Plans(FineTuneRecipe recipe, FineTuneEstimate estimate, double gigabits)
    {
        var table = Terminal.Table("ranks", "micro-batches", "step, s", "exchange, s", "waits, s", "tiles/s",
            "efficiency");
        var (seconds, numbers) = (estimate.StepSeconds.Values.Last(), estimate.Trained.Values.Sum());
        foreach (var ranks in new[] { 1, 2, 4, 8, 64, 512 })
        {
            var made = ScalingPlan.Of(recipe, seconds, numbers, gigabits, ranks);
            string[] row =
            [
                $"{made.Ranks}", $"{made.MicroBatches}", FormattableString.Invariant($"{made.StepSeconds:G3}"),
                FormattableString.Invariant($"{made.ExchangeSeconds:G3}"),
                FormattableString.Invariant($"{made.WaitSeconds:G3}"),
                FormattableString.Invariant($"{made.TilesPerSecond:G3}"),
                FormattableString.Invariant($"{made.Efficiency:P0}"),
            ];
            Spectre.Console.TableExtensions.AddRow(table, row);
        }
        return table;
    }

    private static FineTuneRecipe Recipe(ParseResult parsed)
    {
        var named = Strategies(parsed);
        FineTuneRecipe recipe;
        if (parsed.GetValue(recipeFile) is { } file)
        {
            recipe = KitJson.Read<FineTuneRecipe>(EmbeddedData.FindRecipe(Names.Recipe(file)));
            if (named.Count > 0)
                recipe = recipe with { Strategy = named };
        }
        else
        {
            recipe = new FineTuneRecipe
            {
                Base = parsed.GetValue(from) ?? throw Missing("--base", "the model to start from"),
                Data = parsed.GetValue(data) ?? throw Missing("--data", "tiles"),
                Strategy = named.Count > 0 ? named : throw Missing("--strategy", "what is trained"),
                Steps = 1000,
            };
            // A short run would end before the recipe's own warm-up does.
            recipe = recipe with
            {
                Schedule = recipe.Schedule with { Warmup = Math.Min(recipe.Schedule.Warmup,
                    (parsed.GetValue(steps) ?? recipe.Steps) / 10) },
            };
        }
        recipe = recipe with
        {
            Base = Names.Model(parsed.GetValue(from) ?? recipe.Base), Data = parsed.GetValue(data) ?? recipe.Data,
            Steps = parsed.GetValue(steps) ?? recipe.Steps, Batch = parsed.GetValue(batch) ?? recipe.Batch,
            Accumulation = parsed.GetValue(accumulation) ?? recipe.Accumulation,
            Cache = parsed.GetValue(cache) ?? recipe.Cache,
            Crop = parsed.GetValue(crop) ?? recipe.Crop, Precision = parsed.GetValue(precision) ?? recipe.Precision,
            GradientCheckpointing = parsed.GetResult(checkpointing) is null ? recipe.GradientCheckpointing
                : parsed.GetValue(checkpointing) ?? true,
            Seed = parsed.GetResult(CommonOptions.Seed) is { Implicit: false } ? parsed.GetValue(CommonOptions.Seed)
                : recipe.Seed,
            Device = parsed.GetValue(CommonOptions.Device) ?? recipe.Device,
        };
        if (parsed.GetValue(recipeFile) is not null)
            return recipe;
        // Class maps that data tile made tell their codes themselves.
        if (Path.Combine(recipe.Data, TileSet.ClassesFile) is var legend && File.Exists(legend))
        {
            int[] codes = [.. ClassLegend.Find(legend).Names.Keys.Order()];
            recipe = recipe with
            {
                Strategy = [.. recipe.Strategy.Select(s => s is ControlStrategy { Condition: "classes", Classes: null }
                    control ? control with { Classes = codes } : s)],
            };
        }
        var (suited, chosen) = FineTune.Suited(recipe, parsed.GetResult(precision) is not null,
            parsed.GetResult(checkpointing) is not null, parsed.GetResult(crop) is not null);
        if (chosen is not null)
            Terminal.Remark(chosen);
        return suited;

        static ArgumentException Missing(string option, string what) =>
            new($"{option}: is missing, expected {what}, or a recipe's file.");
    }

    private static List<Strategy> Strategies(ParseResult parsed)
    {
        var made = (parsed.GetValue(strategy) ?? []).SelectMany(Named).ToList();
        return parsed.GetValue(rate) is { } own ? [.. made.Select(s => s with { LearningRate = own })] : made;

        IEnumerable<Strategy> Named(string name) => name switch
        {
            "best" => [Full.Unet(), Low(Lora.TextEncoders()),
                SarSynth.FineTuning.Strategies.Token(parsed.GetRequiredValue(word))],
            "unet" => [Full.Unet()],
            "lora" => [Low(Lora.Unet()), Low(Lora.TextEncoders())],
            "text" => [Low(Lora.TextEncoders())],
            "vae" => [Vae.Full()],
            "vae-decoder" => [Vae.Decoder()],
            "vae-lora" => [Vae.Lora(parsed.GetValue(rank))],
            "token" => [SarSynth.FineTuning.Strategies.Token(parsed.GetRequiredValue(word))],
            _ when name.StartsWith("control:", StringComparison.Ordinal) && name.Length > 8 =>
                [SarSynth.FineTuning.Strategies.Control(name[8..])],
            _ => throw new ArgumentException(
                $"--strategy: found '{name}', expected best, unet, lora, text, token, control:CONDITION, vae, "
                + "vae-decoder or vae-lora."),
        };

        LoraStrategy Low(LoraStrategy lora) => lora with { Rank = parsed.GetValue(rank) };
    }
}
