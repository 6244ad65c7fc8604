// sarsynth translate: a satellite file in, an airborne-like GeoTIFF out.
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
        var file = Arguments.Raster;
        var defaults = new TranslateRecipe();
        var output = new Option<string>("--out", "-o") { Description = "GeoTIFF to write; a PNG quick-look and the provenance go beside it.", Required = true };
        var model = new Option<string>("--model", "-m") { Description = "Model folder, or a model that comes with the kit.", DefaultValueFactory = _ => defaults.Model };
        var prompt = new Option<string>("--prompt") { Description = "What the image shows; left out, the image speaks for itself.", DefaultValueFactory = _ => "" };
        var steps = new Option<int>("--steps") { Description = "Denoising steps.", DefaultValueFactory = _ => defaults.Steps };
        var eta = new Option<double>("--eta") { Description = "DDIM's eta, 0 to 1.", DefaultValueFactory = _ => defaults.Eta };
        var strength = new Option<double>("--control-scale") { Description = "Weight of the satellite image.", DefaultValueFactory = _ => defaults.ControlScale };
        var radiometry = new Option<RadiometryMatch?>("--radiometry") { Description = "absolute: calibrated like the training data; scene: match the mean brightness. Chosen by the product when left out." };
        var command = new Command("translate", "Satellite image in, airborne-like image out, on the finer grid.")
        {
            file, output, model, prompt, steps, eta, strength, radiometry, CommonOptions.Device, CommonOptions.Seed, CommonOptions.Json,
        };
        command.SetAction((parsed, cancel) =>
        {
            var (input, path) = (parsed.GetRequiredValue(file), parsed.GetRequiredValue(output));
            var picture = PictureOf(path, input);
            Engine.SetThreads(parsed.GetValue(CommonOptions.Threads));
            var recipe = new TranslateRecipe
            {
                Model = parsed.GetRequiredValue(model),
                Device = parsed.GetValue(CommonOptions.Device) ?? defaults.Device,
                Seed = parsed.GetValue(CommonOptions.Seed),
                Prompt = parsed.GetRequiredValue(prompt),
                Steps = parsed.GetValue(steps),
                Eta = parsed.GetValue(eta),
                ControlScale = parsed.GetValue(strength),
                Radiometry = parsed.GetValue(radiometry),
            };
            var device = ComputeDevice.Find(recipe.Device);
            var (leftOut, validity) = Progress.Run(parsed, Path.GetFileName(input), report =>
            {
                // The input is opened before the model: a wrong path should not wait for weights.
                Validity validity;
                using (var raster = SarRaster.Open(input))
                    validity = raster.Validity;
                using var networks = Translator.Load(recipe.Model, device);
                var leftOut = networks.TranslateFile(
                    input, path, recipe, progress: share => report(share, ""), cancel: cancel).LeftOut;
                return (leftOut, validity);
            });
            using (var made = SarRaster.Open(path))
                QuickLook.Write(made, picture);
            if (parsed.GetValue(CommonOptions.Json))
                Console.WriteLine(KitJson.Serialize(
                    new { Output = path, Picture = picture, Provenance = path + ".provenance.json", LeftOut = leftOut }));
            else
                Console.WriteLine($"{path}\n{picture}\n{path}.provenance.json");
            if (leftOut > 0)
                Console.Error.WriteLine($"{leftOut} pixels of {input} were left out and hold no data in the result: "
                    + $"they are 0 or hold none (rule: {validity})");
            return Task.FromResult(0);
        });
        return command;
    }

    /// <summary>Where the quick-look of a result goes; refused where it would take the place of the result or of the input.</summary>
    private static string PictureOf(string result, string input)
    {
        var picture = Path.ChangeExtension(result, ".png");
        if (Path.GetExtension(result).ToLowerInvariant() is not (".tif" or ".tiff"))
            throw new ArgumentException($"--out {result}: found '{Path.GetExtension(result)}', expected .tif or .tiff: the result is a GeoTIFF, "
                + $"and its quick-look {picture} is written beside it. Give --out {Path.ChangeExtension(result, ".tif")}.");
        if (Path.GetFullPath(picture) == Path.GetFullPath(input))
            throw new ArgumentException($"--out {result}: its quick-look would overwrite the input {input}. Give another name or folder.");
        return picture;
    }
}
