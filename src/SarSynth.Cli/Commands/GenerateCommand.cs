// sarsynth generate: images from words, with any latent diffusion model.
using System.CommandLine;
using System.Globalization;
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Translation;
using static TorchSharp.torch;

namespace SarSynth.Cli.Commands;

static class GenerateCommand
{
    /// <summary>All that counts for an image, as the provenance has it.</summary>
    private sealed record Recipe
    {
        public required string Model { get; init; }
        public required string Prompt { get; init; }
        public string? NegativePrompt { get; init; }
        public required double Guidance { get; init; }
        public required int Steps { get; init; }
        public required double Eta { get; init; }
        public string? Scheduler { get; init; }
        public int? Height { get; init; }
        public int? Width { get; init; }
        public required ulong Seed { get; init; }
    }

    public static Command Create()
    {
        var defaults = new GenerationRequest();
        var output = new Option<string>("--out", "-o")
        {
            Description = "The image to write: .tif (amplitudes) or .png (a picture). Of several each has its seed in "
                + "its name.",
            Required = true,
        };
        var size = new Option<string?>("--size")
        {
            Description = "HEIGHT,WIDTH in pixels; the model's own when left out.",
        };
        var count = new Option<int>("--count", "-n")
        {
            Description = "How many images; each has the next seed.",
            DefaultValueFactory = _ => 1,
        };
        var command = new Command("generate",
            "Images from words, with a model of the kit, a diffusers folder or a single file.")
        {
            output, ModelOptions.Model, ModelOptions.Prompt, ModelOptions.NegativePrompt, ModelOptions.Guidance,
            ModelOptions.Steps, ModelOptions.Eta, ModelOptions.Scheduler, size, count, CommonOptions.Seed,
            CommonOptions.Device, CommonOptions.Force, CommonOptions.Json,
        };
        command.SetAction((parsed, cancel) =>
        {
            var path = parsed.GetRequiredValue(output);
            if (Path.GetExtension(path).ToLowerInvariant() is not (".tif" or ".tiff" or ".png"))
            {
                throw new ArgumentException(
                    $"--out {path}: found '{Path.GetExtension(path)}', expected .tif, .tiff or .png.");
            }
            var sides = parsed.GetValue(size) is { } text
                ? RasterInput.Numbers("--size", text, "HEIGHT,WIDTH", n => RasterInput.Whole(n) && n >= 1) : null;
            var scheduler = ModelOptions.SchedulerOf(parsed);
            var recipe = new Recipe
            {
                Model = Names.Model(parsed.GetRequiredValue(ModelOptions.Model)),
                Prompt = parsed.GetValue(ModelOptions.Prompt)
                    ?? throw new ArgumentException("--prompt: is missing, expected what the image shows."),
                NegativePrompt = parsed.GetValue(ModelOptions.NegativePrompt),
                Guidance = parsed.GetValue(ModelOptions.Guidance) ?? defaults.Guidance.Scale,
                Steps = parsed.GetValue(ModelOptions.Steps) ?? defaults.Steps,
                Eta = parsed.GetValue(ModelOptions.Eta) ?? defaults.Eta,
                Scheduler = scheduler?.ToString(),
                Height = (int?)sides?[0],
                Width = (int?)sides?[1],
                Seed = parsed.GetValue(CommonOptions.Seed),
            };
            if (parsed.GetValue(count) is < 1 and var none)
                throw new ArgumentException($"--count: found {none}, expected 1 or more.");
            return Task.FromResult(Run(parsed, recipe, Paths(path, parsed.GetValue(count), recipe.Seed), cancel));
        });
        return command;
    }

    private static int Run(ParseResult parsed, Recipe recipe, IReadOnlyList<string> paths, CancellationToken cancel)
    {
        foreach (var path in paths)
        {
            Finished.Refuse(path, parsed.GetValue(CommonOptions.Force));
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        Engine.SetThreads(parsed.GetValue(CommonOptions.Threads));
        var device = ComputeDevice.Find(parsed.GetValue(CommonOptions.Device) ?? ComputeDevice.Auto);
        var folder = Directory.Exists(recipe.Model) || File.Exists(recipe.Model) ? recipe.Model
            : EmbeddedData.FindModel(recipe.Model);
        var card = File.Exists(Path.Combine(folder, ModelCard.FileName))
            ? KitJson.Read<ModelCard>(Path.Combine(folder, ModelCard.FileName)) : null;
        using var model = LatentDiffusion.Load(
            folder, new WeightOptions(device, card is null ? null : ScalarType.Float32),
                sampler: ModelOptions.SchedulerOf(parsed));
        if (card is null && model.Vae.Config.OutChannels > 1)
        {
            Terminal.Remark($"{folder}: makes {model.Vae.Config.OutChannels} channels; their mean is written, "
                + "colour is not kept");
        }
        foreach (var (i, path) in Progress.Over("generating", paths.Index().ToList(), p => Path.GetFileName(p.Item)))
        {
            var one = recipe with { Seed = recipe.Seed + (ulong)i };
            var image = Generate(model, card, one, cancel);
            if (Path.GetExtension(path).Equals(".png", StringComparison.OrdinalIgnoreCase))
                QuickLook.Write(image, path, card is null ? new FixedRemap(1) : null);
            else
                GeoTiff.Write(image, path);
            Provenance.Of("generate", one, one.Seed, [], [path], device.ToString()).Write(Finished.ProvenanceOf(path));
            if (!parsed.GetValue(CommonOptions.Json))
                Terminal.Line(path);
        }
        if (parsed.GetValue(CommonOptions.Json))
            Terminal.Line(KitJson.Serialize(new { Results = paths }));
        return 0;
    }

    private static AmplitudeImage Generate(LatentDiffusion model, ModelCard? card, Recipe recipe,
        CancellationToken cancel)
    {
        using var progress = Progress.Begin("denoising");
        var request = new GenerationRequest
        {
            Text = new(recipe.Prompt) { Negative = recipe.NegativePrompt },
            Guidance = new(recipe.Guidance),
            Steps = recipe.Steps,
            Eta = recipe.Eta,
            Height = recipe.Height,
            Width = recipe.Width,
            Seed = recipe.Seed,
            OnStep = step => progress.At((step.Index + 1.0) / step.Count, $"step {step.Index + 1} of {step.Count}"),
            Cancellation = cancel,
        };
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        if (card?.Airborne is not { } airborne)
        {
            var picture = model.Generate(request).mean([1]);
            return new((int)picture.shape[1], (int)picture.shape[2], Values(picture));
        }
        // A model of the kit makes normalised amplitudes, not the -1 to 1 of pictures.
        var made = model.Decode(model.Denoise(request));
        var (rows, columns) = ((int)made.shape[2], (int)made.shape[3]);
        return airborne.Invert(Values(made), rows, columns);
    }

    private static float[] Values(Tensor tensor) =>
        tensor.to(ScalarType.Float32).contiguous().cpu().data<float>().ToArray();

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
