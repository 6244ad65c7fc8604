// sarsynth translate: a satellite file in, an airborne-like GeoTIFF out.
using System.CommandLine;
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Recipes;

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
            file, output, model, prompt, steps, eta, strength, radiometry, CommonOptions.Seed, CommonOptions.Json,
        };
        command.SetAction((parsed, cancel) =>
        {
            Engine.SetThreads(parsed.GetValue(CommonOptions.Threads));
            var recipe = new TranslateRecipe
            {
                Model = parsed.GetRequiredValue(model),
                Seed = parsed.GetValue(CommonOptions.Seed),
                Prompt = parsed.GetRequiredValue(prompt),
                Steps = parsed.GetValue(steps),
                Eta = parsed.GetValue(eta),
                ControlScale = parsed.GetValue(strength),
                Radiometry = parsed.GetValue(radiometry),
            };
            var (input, path) = (parsed.GetRequiredValue(file), parsed.GetRequiredValue(output));
            Progress.Run(parsed, Path.GetFileName(input), report =>
            {
                // The input is opened before the model: a wrong path should not wait for weights.
                SarRaster.Open(input).Dispose();
                using var networks = TranslationModel.Load(recipe.Model);
                Translation.RunFile(networks, input, path, recipe, progress: share => report(share, ""), cancel: cancel);
                return true;
            });
            var picture = Path.ChangeExtension(path, ".png");
            using (var made = SarRaster.Open(path))
                QuickLook.Write(made, picture);
            if (parsed.GetValue(CommonOptions.Json))
                Console.WriteLine(KitJson.Serialize(new { Output = path, Picture = picture, Provenance = path + ".provenance.json" }));
            else
                Console.WriteLine($"{path}\n{picture}\n{path}.provenance.json");
            return Task.FromResult(0);
        });
        return command;
    }
}
