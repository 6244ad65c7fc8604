// sarsynth translate IN... -o: satellite images in, airborne-like GeoTIFFs out.
using System.CommandLine;
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Translation;

namespace SarSynth.Cli.Commands;

static class TranslateCommand
{
    public static Command Create()
    {
        var defaults = new TranslateRecipe();
        var output = CommonOptions.Output(".tif");
        var strength = new Option<double>("--control-scale")
        {
            Description = "Weight of the satellite image.",
            DefaultValueFactory = _ => defaults.ControlScale,
        };
        var radiometry = new Option<RadiometryMatch?>("--radiometry")
        {
            Description = "absolute: calibrated like the training data; scene: match the mean brightness. "
                + "Chosen by the product when left out.",
        };
        var command = new Command("translate", "Satellite images into airborne-like ones, on the finer grid.")
        {
            CommonOptions.Inputs, output, ModelOptions.Model, ModelOptions.Prompt, ModelOptions.Steps, ModelOptions.Eta,
            strength, radiometry, CommonOptions.Device, CommonOptions.Seed, CommonOptions.Force, CommonOptions.Json,
        };
        RasterInput.AddTo(command);
        command.SetAction((parsed, cancel) =>
        {
            var reading = RasterInput.Options(parsed);
            var jobs = Batch.Plan(parsed.GetRequiredValue(CommonOptions.Inputs), parsed.GetRequiredValue(output),
                ".tif");
            foreach (var job in jobs)
                PictureOf(job);
            var recipe = new TranslateRecipe
            {
                Model = Names.Model(parsed.GetRequiredValue(ModelOptions.Model)),
                Device = parsed.GetValue(CommonOptions.Device) ?? defaults.Device,
                Seed = parsed.GetValue(CommonOptions.Seed),
                Prompt = parsed.GetValue(ModelOptions.Prompt) ?? defaults.Prompt,
                Steps = parsed.GetValue(ModelOptions.Steps) ?? defaults.Steps,
                Eta = parsed.GetValue(ModelOptions.Eta) ?? defaults.Eta,
                ControlScale = parsed.GetValue(strength),
                Radiometry = parsed.GetValue(radiometry),
            };
            Engine.SetThreads(parsed.GetValue(CommonOptions.Threads));
            // The first input is opened before the model: a wrong path should not wait for weights.
            var model = new Lazy<Translator>(() => Translator.Load(recipe.Model, ComputeDevice.Find(recipe.Device)));
            try
            {
                return Task.FromResult(Batch.Run(parsed, "translating", jobs, job =>
                    Translate(parsed, job, reading, recipe, model, cancel), cancel));
            }
            finally
            {
                if (model.IsValueCreated)
                    model.Value.Dispose();
            }
        });
        return command;
    }

    private static bool Translate(ParseResult parsed, Job job, RasterOptions reading, TranslateRecipe recipe,
        Lazy<Translator> model, CancellationToken cancel)
    {
        Validity validity;
        using (var raster = RasterInput.Open(job.Input, reading))
            validity = raster.Validity;
        if (Finished.IsDone(job.Output, "translate", recipe, Finished.FilesOf(job.Input),
            parsed.GetValue(CommonOptions.Force)))
            return false;
        using var progress = Progress.Begin("denoising");
        var result = model.Value.TranslateFile(job.Input, job.Output, recipe, reading, share => progress.At(share),
            cancel);
        foreach (var remark in result.Remarks)
            Terminal.Remark($"{job.Input}: {remark}");
        using (var made = SarRaster.Open(job.Output))
            QuickLook.Write(made, PictureOf(job));
        if (result.LeftOut > 0)
        {
            Terminal.Remark($"{result.LeftOut} pixels of {job.Input} were left out and hold no data in the result: "
                + $"they are 0 or hold none (rule: {validity})");
        }
        progress.At(1);
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
