// sarsynth translate IN... -o: satellite images in, airborne-like GeoTIFFs out.
using System.CommandLine;
using System.CommandLine.Parsing;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Translation;

namespace SarSynth.Cli.Commands;

static class TranslateCommand
{
    private static readonly Option<string> output = CommonOptions.Output(".tif");

    private static readonly Option<TranslationWay?> way = new("--way")
    {
        Description = "mean-and-speckle: a mean network's intensity, times speckle of the airborne sensor; amplitude: "
            + "latent diffusion with its own speckle. The model's own when left out.",
        CustomParser = WayOf,
    };

    private static readonly Option<double?> texture = new("--texture")
    {
        Description = "Mean and speckle: factor on the spread of texture, 0 to 1.",
    };

    private static readonly Option<double?> consistency = new("--consistency")
    {
        Description = "Mean and speckle: share of what differs from the satellite image by more than its looks explain "
            + "that is corrected, 0 to 1.",
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

    private static readonly Option<bool> strict = new("--strict")
    {
        Description = "Refuse an input that is not what the model was trained on.",
    };

    public static Command Create()
    {
        var command = new Command("translate", "Satellite images into airborne-like ones, on the finer grid.")
        {
            CommonOptions.Inputs, output, ModelOptions.Model, way, complex, texture, consistency,
            ModelOptions.Prompt, ModelOptions.NegativePrompt,
            ModelOptions.Guidance, ModelOptions.Steps, ModelOptions.Eta, ModelOptions.Scheduler, strength, controlScale,
            controlNet, ModelOptions.Lora, ModelOptions.Token, radiometry, card, strict, CommonOptions.Device,
            CommonOptions.Seed, CommonOptions.Force, CommonOptions.Json,
        };
        RasterInput.AddTo(command);
        command.SetAction((parsed, cancel) =>
        {
            var reading = RasterInput.Options(parsed);
            var jobs = Batch.Plan(
                parsed.GetRequiredValue(CommonOptions.Inputs), parsed.GetRequiredValue(output), ".tif");
            foreach (var job in jobs)
                PictureOf(job);
            var recipe = Recipe(parsed);
            Engine.SetThreads(parsed.GetValue(CommonOptions.Threads));
            // The first input is opened before the model: a wrong path should not wait for weights.
            var model = new Lazy<Translator>(() => Translator.Load(recipe));
            try
            {
                return Task.FromResult(Batch.Run(
                    parsed, "translating", jobs, job => Translate(parsed, job, reading, recipe, model, cancel),
                        cancel));
            }
            finally
            {
                if (model.IsValueCreated)
                    model.Value.Dispose();
            }
        });
        return command;
    }

    private static TranslateRecipe Recipe(ParseResult parsed)
    {
        var recipe = ModelOptions.Recipe(parsed);
        return recipe with
        {
            Way = parsed.GetValue(way),
            Complex = parsed.GetValue(complex),
            Texture = parsed.GetValue(texture) ?? recipe.Texture,
            Consistency = parsed.GetValue(consistency) ?? recipe.Consistency,
            Card = parsed.GetValue(card) is { } file ? Names.ExistingPath(file) : null,
            Strength = parsed.GetValue(strength),
            ControlScale = parsed.GetValue(controlScale) ?? recipe.ControlScale,
            Controls = [.. (parsed.GetValue(controlNet) ?? []).Select(text => ModelOptions.Scaled("--controlnet", text))
                .Select(net => new ControlRecipe(net.Path, net.Scale))],
            Radiometry = parsed.GetValue(radiometry),
            Strict = parsed.GetValue(strict),
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

    private static bool Translate(ParseResult parsed, Job job, RasterOptions reading, TranslateRecipe recipe,
        Lazy<Translator> model, CancellationToken cancel)
    {
        Validity validity;
        using (var raster = RasterInput.Open(job.Input, reading))
        {
            validity = raster.Validity;
            var read = new
            {
                Pixels = raster.Kind, raster.Channel, raster.Part, ModelFiles = ModelFiles.Of(recipe),
            };
            var (files, force) = (Finished.FilesOf(job.Input), parsed.GetValue(CommonOptions.Force));
            // The provenance has no word for a value that only the command line called no data.
            if (reading.NoDataValue is not null)
                Finished.Refuse(job.Output, force);
            if (Finished.IsDone(job.Output, "translate", recipe, files, force, read))
                return false;
        }
        var result = model.Value.TranslateFile(job.Input, job.Output, recipe, reading, cancel: cancel);
        foreach (var remark in result.Remarks)
            Terminal.Remark($"{job.Input}: {remark}");
        using (var made = SarRaster.Open(job.Output))
            QuickLook.Write(made, PictureOf(job));
        if (result.LeftOut > 0)
        {
            Terminal.Remark($"{result.LeftOut} pixels of {job.Input} were left out and hold no data in the result: "
                + $"they are 0 or hold none (rule: {validity})");
        }
        return true;
    }

    /// <summary>Where the quick-look of a result goes; refused where it would take the place of the input.</summary>
    private static string PictureOf(Job job)
    {
        var picture = Path.ChangeExtension(job.Output, ".png");
        if (Path.GetFullPath(picture) == Path.GetFullPath(job.Input))
        {
            throw new ArgumentException($"--out {job.Output}: its quick-look would overwrite the input {job.Input}. "
                + "Give another name or folder.");
        }
        return picture;
    }
}
