// sarsynth generate: images from words, with any latent diffusion model.
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using SarSynth.Data;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Translation;

namespace SarSynth.Cli.Commands;

static class GenerateCommand
{
    private static readonly Option<string> output = new("--out", "-o")
    {
        Description = "The image to write: .tif (amplitudes) or .png (a picture). Of several each has its seed in its "
            + "name.",
        Required = true,
    };

    private static readonly Option<string?> size = new("--size")
    {
        Description = "HEIGHT,WIDTH in pixels; the model's own when left out.",
    };

    private static readonly Option<string?> leak = new("--signal-leak")
    {
        Description = "The signal_leak.json of a fine-tuning: images begin as bright as its tiles were, not grey.",
    };

    private static readonly Option<int> count = new("--count", "-n")
    {
        Description = "How many images; each has the next seed.",
        DefaultValueFactory = _ => 1,
    };

    public static Command Create()
    {
        var command = new Command("generate",
            "Images from words, with a model of the kit, a diffusers folder or a single file.")
        {
            output, ModelOptions.Model, ModelOptions.Prompt, ModelOptions.NegativePrompt, ModelOptions.Guidance,
            ModelOptions.Steps, ModelOptions.Eta, ModelOptions.Scheduler, ModelOptions.Lora, ModelOptions.Token, leak,
            size, count, CommonOptions.Seed, CommonOptions.Device, CommonOptions.Force, CommonOptions.Json,
        };
        command.SetAction((parsed, cancel) =>
        {
            var path = parsed.GetRequiredValue(output);
            if (Path.GetExtension(path).ToLowerInvariant() is not (".tif" or ".tiff" or ".png"))
            {
                throw new ArgumentException(
                    $"--out {path}: found '{Path.GetExtension(path)}', expected .tif, .tiff or .png.");
            }
            if (string.IsNullOrEmpty(parsed.GetValue(ModelOptions.Prompt)))
                throw new ArgumentException("--prompt: is missing, expected what the image shows.");
            if (parsed.GetValue(count) is < 1 and var none)
                throw new ArgumentException($"--count: found {none}, expected 1 or more.");
            var recipe = Recipe(parsed);
            var paths = Paths(path, parsed.GetValue(count), recipe.Seed);
            foreach (var each in paths)
            {
                Finished.Refuse(each, parsed.GetValue(CommonOptions.Force));
                Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(each))!);
            }
            Run(parsed, recipe, paths, cancel);
            return Task.FromResult(0);
        });
        return command;
    }

    // Words alone lead here: guidance, steps and eta are those of text to image, not of translation.
    private static TranslateRecipe Recipe(ParseResult parsed)
    {
        var defaults = new GenerationRequest();
        return ModelOptions.Recipe(parsed, TranslateRecipe.DiffusionModel) with
        {
            Guidance = parsed.GetValue(ModelOptions.Guidance) ?? defaults.Guidance.Scale,
            Steps = parsed.GetValue(ModelOptions.Steps) ?? defaults.Steps,
            Eta = parsed.GetValue(ModelOptions.Eta) ?? defaults.Eta,
            SignalLeak = parsed.GetValue(leak) is { } file
                ? File.Exists(file) ? file : throw new FileNotFoundException($"--signal-leak {file}: is not there.")
                : null,
        };
    }

    private static void Run(ParseResult parsed, TranslateRecipe recipe, List<string> paths, CancellationToken cancel)
    {
        var sides = parsed.GetValue(size) is { } text
            ? RasterInput.Numbers("--size", text, "HEIGHT,WIDTH", n => RasterInput.Whole(n) && n >= 1) : null;
        Engine.SetThreads(parsed.GetValue(CommonOptions.Threads));
        using var model = Translator.Load(recipe);
        if (model.Pipeline.Vae.Config.OutChannels > 1)
        {
            Terminal.Remark($"{recipe.Model}: makes {model.Pipeline.Vae.Config.OutChannels} channels; their mean is "
                + "written, colour is not kept");
        }
        foreach (var (i, path) in Progress.Over("generating", paths.Index().ToList(), p => Path.GetFileName(p.Item)))
        {
            var one = recipe with { Seed = recipe.Seed + (ulong)i };
            var image = model.Generate(one, (int?)sides?[0], (int?)sides?[1], cancel);
            if (Path.GetExtension(path).Equals(".png", StringComparison.OrdinalIgnoreCase))
                QuickLook.Write(image, path, model.Card.Airborne is null ? new FixedRemap(1) : null);
            else
                GeoTiff.Write(image, path);
            var what = JsonSerializer.SerializeToNode(one, KitJson.Options)!;
            (what["height"], what["width"]) = (image.Rows, image.Columns);
            // Words are all that is read, beside the model.
            var files = ModelFiles.Of(one);
            Provenance.Of("generate", what, one.Seed, [], [path], model.Device.ToString())
                .With(new { ModelFiles = files }, [], [])
                .AsSynthetic("A SAR-like image, made of words by a trained model; no measurement.", model.Name, files)
                .Write(Finished.ProvenanceOf(path));
            if (!parsed.GetValue(CommonOptions.Json))
                Terminal.Line(path);
        }
        if (parsed.GetValue(CommonOptions.Json))
            Terminal.Line(KitJson.Serialize(new { Results = paths }));
    }

    // x.tif; of several x-7.tif, x-8.tif, ... by their seeds.
    private static List<string> Paths(string path, int count, ulong seed)
    {
        if (count == 1)
            return [path];
        var (folder, stem) = (Path.GetDirectoryName(path) ?? "", Path.GetFileNameWithoutExtension(path));
        return [.. Enumerable.Range(0, count).Select(i => (seed + (ulong)i).ToString(CultureInfo.InvariantCulture))
            .Select(number => Path.Combine(folder, $"{stem}-{number}{Path.GetExtension(path)}"))];
    }
}
