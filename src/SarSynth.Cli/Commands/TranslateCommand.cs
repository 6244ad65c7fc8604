// sarsynth translate IN... -o: satellite images in, airborne-like GeoTIFFs out.
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using SarSynth.Diffusion.Training;
using SarSynth.Translation;

namespace SarSynth.Cli.Commands;

static class TranslateCommand
{
    private static readonly Option<string> output = CommonOptions.Output(".tif");

    private static readonly Option<TranslationWay?> way = new("--way")
    {
        Description = "mean-and-speckle: a mean network's intensity, times the residual that diffusion draws, times "
            + "speckle of the airborne sensor; amplitude: "
            + "latent diffusion with its own speckle. The model's own when left out.",
        CustomParser = WayOf,
    };

    private static readonly Option<double?> texture = new("--texture")
    {
        Description = "Mean and speckle: factor on the residual or the spread of texture, 0 to 1; 0 leaves the mean.",
    };

    private static readonly Option<bool> noResidual = new("--no-residual")
    {
        Description = "Mean and speckle: texture without form in place of the residual that the model draws: nearer to "
            + "the ground by squares, farther from the amplitudes' law and from targets; much faster.",
    };

    private static readonly Option<double?> consistency = new("--consistency")
    {
        Description = "Mean and speckle: share of what differs from the satellite image by more than its looks explain "
            + "that is corrected, 0 to 1.",
    };

    private static readonly Option<double?> spacing = new("--spacing")
    {
        Description = "Mean and speckle: metres between the pixels that are made, such as 0.8 or 1.6 instead of 0.4 of "
            + "an input of 1.6 m: the same ground, with the speckle of that level's sensor.",
    };

    private static readonly Option<bool> levels = new("--levels")
    {
        Description = "Mean and speckle: make each spacing that the model has, as --spacing does: of -o OUT.tif also "
            + "OUT-0.8m.tif and OUT-1.6m.tif.",
    };

    private static readonly Option<bool> complex = new("--complex")
    {
        Description = "Mean and speckle: write single-look complex samples instead of amplitudes.",
    };

    private static readonly Option<double?> controlScale = new("--control-scale")
    {
        Description = "Weight of the satellite image in the model's own ControlNets.",
    };

    private static readonly Option<string[]> controlNet = new("--controlnet")
    {
        Description = "FOLDER[:SCALE] of a further ControlNet that sees the satellite image; several add.",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<string[]> condition = new("--condition")
    {
        Description = "N=FILE[:CODE,CODE,...]: what the N-th ControlNet sees instead of the satellite image, from 1, "
            + "the model's own first: a class map, whose codes (0, 1, 2, ... when left out) become its channels, or a "
            + "picture of as many bands.",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<bool> stored = new("--stored-precision")
    {
        Description = "Compute in the number type of the model's files (bfloat16) instead of float32.",
    };

    private static readonly Option<bool> asIs = new("--as-is")
    {
        Description = "Do not average pixels that are finer than those that the model was trained on. Pixels that are "
            + "far coarser are refused without --force.",
    };

    private static readonly Option<double?> strength = new("--strength")
    {
        Description = "Image to image: share of the steps that the satellite image is taken through.",
    };

    private static readonly Option<RadiometryMatch?> radiometry = new("--radiometry")
    {
        Description = "absolute: calibrated like the training data; scene: match the mean brightness. "
            + "Chosen by the product when left out.",
    };

    private static readonly Option<string?> card = new("--card")
    {
        Description = "JSON file that says what the pixels of a model mean that has no card.",
    };

    private static readonly Option<int?> ensemble = new("--ensemble")
    {
        Description = "Translate with so many seeds, from --seed on, and write mean, standard deviation (dB) and "
            + "quantile bands of them beside the members.",
    };

    private static readonly Option<int> cell = new("--ensemble-cell")
    {
        Description = "Side of the squares of pixels whose mean intensity the ensemble's statistics compare: 8 takes "
            + "most of the speckle out of them.",
        DefaultValueFactory = _ => 1,
    };

    private static readonly Option<string> quantiles = new("--quantiles")
    {
        Description = "The ensemble's quantile bands, 0 to 1, between commas.",
        DefaultValueFactory = _ => "0.05,0.5,0.95",
    };

    private static readonly Option<string?> shard = new("--shard")
    {
        Description = "I/N: make the I-th of N shares of the rows, I from 1; processes that run all N make one "
            + "result, which is there when the last of them ends (SLURM: "
            + "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT of --array=1-N). Under mpiexec or srun each "
            + "rank takes its own share.",
    };

    private static readonly Option<bool> strict = new("--strict")
    {
        Description = "Refuse an input that is not what the model was trained on.",
    };

    public static Command Create()
    {
        var command = new Command("translate", "Satellite images into airborne-like ones, on the finer grid.")
        {
            CommonOptions.Inputs, output, ModelOptions.Model, way, spacing, levels, complex, texture, noResidual,
            consistency,
            ModelOptions.Prompt, ModelOptions.NegativePrompt,
            ModelOptions.Guidance, ModelOptions.Steps, ModelOptions.Eta, ModelOptions.Scheduler, strength, controlScale,
            controlNet, condition, ModelOptions.Lora, ModelOptions.Token, radiometry, card, strict, asIs, stored,
            ensemble, cell, quantiles, shard, CommonOptions.Device, CommonOptions.Seed,
            CommonOptions.Force, CommonOptions.Json,
        };
        RasterInput.AddTo(command);
        command.SetAction((parsed, cancel) =>
        {
            var reading = RasterInput.Options(parsed);
            var jobs = Batch.Plan(
                parsed.GetRequiredValue(CommonOptions.Inputs), parsed.GetRequiredValue(output), ".tif");
            foreach (var job in jobs)
                TranslateJob.PictureOf(job.Input, job.Output);
            var recipe = Recipe(parsed);
            if (parsed.GetValue(levels) && recipe.Spacing is not null)
                throw new ArgumentException("--levels: found --spacing too, expected one of them: all levels, or one.");
            var members = Ensemble(parsed);
            Engine.SetThreads(parsed.GetValue(CommonOptions.Threads));
            return Task.FromResult(Shared.Run(parsed, ranks =>
            {
                // The first input is opened before the model: a wrong path should not wait for weights.
                var model = new Lazy<Translator>(() => Translator.Load(recipe));
                var share = Share(parsed, ranks);
                Outcome Translate(TranslateRecipe own, Job job)
                {
                    var one = new TranslateJob(reading, own, share, parsed.GetValue(CommonOptions.Force), model,
                        cancel);
                    return members is null ? one.Run(job.Input, job.Output) : one.Run(job.Input, job.Output, members);
                }

                var all = new TranslateLevels(reading, recipe, model, Translate);
                try
                {
                    return Batch.Run(parsed, "translating", jobs, job => parsed.GetValue(levels) ? all.Run(job)
                        : Translate(recipe, job), cancel);
                }
                finally
                {
                    if (model.IsValueCreated)
                        model.Value.Dispose();
                }
            }));
        });
        return command;
    }

    private static TranslateRecipe Recipe(ParseResult parsed)
    {
        var recipe = ModelOptions.Recipe(parsed);
        return recipe with
        {
            Way = parsed.GetValue(way),
            Spacing = parsed.GetValue(spacing),
            Complex = parsed.GetValue(complex),
            Texture = parsed.GetValue(texture) ?? recipe.Texture,
            Residual = !parsed.GetValue(noResidual),
            Consistency = parsed.GetValue(consistency) ?? recipe.Consistency,
            Card = parsed.GetValue(card) is { } file ? Names.ExistingPath(file) : null,
            Strength = parsed.GetValue(strength),
            ControlScale = parsed.GetValue(controlScale) ?? recipe.ControlScale,
            Controls = [.. (parsed.GetValue(controlNet) ?? []).Select(text => ModelOptions.Scaled("--controlnet", text))
                .Select(net => new ControlRecipe(net.Path, net.Scale))],
            Radiometry = parsed.GetValue(radiometry),
            Conditions = [.. (parsed.GetValue(condition) ?? []).Select(ConditionOf)],
            Precision = parsed.GetValue(stored) ? WeightPrecision.Stored : WeightPrecision.Float32,
            AsIs = parsed.GetValue(asIs),
            Outside = parsed.GetValue(CommonOptions.Force),
            Strict = parsed.GetValue(strict),
        };
    }

    private static ConditionRecipe ConditionOf(string text)
    {
        var (equals, colon) = (text.IndexOf('='), text.LastIndexOf(':'));
        if (equals < 1 || !int.TryParse(text[..equals], NumberStyles.None, CultureInfo.InvariantCulture, out var net))
            throw new ArgumentException($"--condition: found '{text}', expected N=FILE or N=FILE:CODE,CODE,...");
        if (colon < equals || Path.Exists(text[(equals + 1)..]))
            return new(net, Names.ExistingPath(text[(equals + 1)..]));
        var codes = text[(colon + 1)..];
        return new(net, Names.ExistingPath(text[(equals + 1)..colon]))
        {
            Classes = [.. RasterInput.Numbers("--condition", codes, string.Join(',', codes.Split(',')
                .Select(_ => "a whole number")), RasterInput.Whole).Select(n => (int)n)],
        };
    }

    private static TranslationWay? WayOf(ArgumentResult result)
    {
        var names = Enum.GetValues<TranslationWay>().ToDictionary(w =>
            string.Concat(w.ToString().Select((c, i) => i > 0 && char.IsUpper(c) ? $"-{char.ToLowerInvariant(c)}"
                : $"{char.ToLowerInvariant(c)}")));
        var word = result.Tokens.Single().Value;
        if (names.TryGetValue(word, out var way))
            return way;
        result.AddError($"--way: found '{word}', expected one of {string.Join(", ", names.Keys)}"
            + $"{Nearest.Hint(word, [.. names.Keys])}.");
        return null;
    }

    private static EnsembleRecipe? Ensemble(ParseResult parsed) => parsed.GetValue(ensemble) is not { } members ? null
        : new EnsembleRecipe
        {
            Members = members,
            Cell = parsed.GetValue(cell),
            Quantiles = Quantiles(parsed.GetValue(quantiles)!),
        }.Checked();

    private static double[] Quantiles(string text) => RasterInput.Numbers("--quantiles", text,
        string.Join(',', text.Split(',').Select(_ => "0 to 1")), q => q is >= 0 and <= 1);

    // What --shard says, or the launcher of several processes; null for a process by itself.
    private static Shard? Share(ParseResult parsed, Ranks ranks)
    {
        if (parsed.GetValue(shard) is not { } text)
            return ranks.Count > 1 ? new(ranks.Rank, ranks.Count) : null;
        return text.Split('/') is [var left, var right]
            && int.TryParse(left, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            && int.TryParse(right, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && index >= 1 && index <= count ? new(index - 1, count)
            : throw new ArgumentException($"--shard: found '{text}', expected I/N with I from 1 to N, as 2/8.");
    }
}
