// Measured data: one flight at three bandwidths, where the fine image is known; satellites, where it is not.
using System.Globalization;
using System.Text;
using SarSynth.Evaluation;
using SarSynth.Figures;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;
using SarSynth.Radar.Simulation;
using SarSynth.Translation;

namespace SarSynth.Benchmarks;

internal static class Real
{
    private static readonly (string Name, string File, RasterWindow Part, RasterOptions Options)[] satellites =
    [
        ("Umbra, X band", "umbra-yasur/umbra_mount_yasur.tiff", new(600, 600, 640, 640), new()),
        ("ENVISAT, C band, single-look", "envisat-slc/warped_envisat.slc", new(180, 180, 128, 128), new()),
        ("Sentinel-1, C band, 20 m", "sentinel1-gamma0/S1A__IW___A_20150309T173017_VV_grd_mli_geo_norm_db.tif",
            new(40, 60, 128, 128), new()),
        ("ALOS, L band, single-look", "alos-palsar-corner-reflector/calib_RSLC_ALPSRP025826990_RIO_BRANCO_CR.h5",
            new(0, 0, 100, 48), new() { Channel = "HH" }),
    ];

    /// <summary>DIR [--model NAME] [--out FOLDER] [--seed N] [--threads N]: the folder of real data.</summary>
    internal static int Run(string[] args)
    {
        string Option(string name, string otherwise) => args.SkipWhile(a => a != name).Skip(1)
            .FirstOrDefault(otherwise);
        if (args.Length == 0 || args[0].StartsWith('-') || !Directory.Exists(args[0]))
        {
            Console.WriteLine($"skipped: {(args.Length > 0 ? args[0] : "no folder")}: expected a folder with real data "
                + "(uavsar-sanandreas, umbra-yasur, envisat-slc, ...).");
            return 0;
        }
        TorchSharp.torch.set_num_threads(int.Parse(Option("--threads", "1"), CultureInfo.InvariantCulture));
        var recipe = new TranslateRecipe
        {
            Model = Option("--model", "sarsynth-mini"), Outside = true, Device = "cpu",
            Seed = ulong.Parse(Option("--seed", "1"), CultureInfo.InvariantCulture),
        };
        var folder = Directory.CreateDirectory(Option("--out", Path.Combine(Path.GetTempPath(), "sarsynth-real")));
        using var model = Translator.Load(recipe);
        foreach (var (text, name) in new[] { (Pairs(args[0], model, recipe, folder.FullName), "pairs.txt"),
            (Alone(args[0], model, recipe, folder.FullName), "alone.txt") })
        {
            Console.WriteLine(text);
            File.WriteAllText(Path.Combine(folder.FullName, name), text);
        }
        Console.WriteLine($"pictures: {folder.FullName}");
        return 0;
    }

    // The coarse image of a flight to the grid of the fine one, and the fine one as it was measured.
    private static string Pairs(string data, Translator model, TranslateRecipe recipe, string folder)
    {
        string At(string name) => Path.Combine(data, "uavsar-sanandreas", name);
        var (coarse, fine) = (At("SanAnd_129.h5"), At("SanAnd_138.h5"));
        if (!File.Exists(coarse) || !File.Exists(fine))
            return $"skipped: {coarse} and {fine} are not both there.";
        AmplitudeImage Open(string file, string channel)
        {
            using var raster = SarRaster.Open(file, new() { Channel = channel });
            return raster.Read().ToAmplitude();
        }
        // 5 MHz to 20 MHz: four columns become one, and four lines are averaged, which the coarse image has alike. A
        // sample of 5 MHz lies on the first of its four: the fine columns begin two before it.
        var (five, twenty, forty) = (Open(coarse, "B/HH"), Open(coarse, "A/HH"), Open(fine, "A/HH"));
        List<TruthScene> scenes =
        [
            new("5 to 20 MHz", twenty.Crop(new(0, 2, 148, 196)))
            {
                Satellite = Multilook.Apply(five.Crop(new(0, 1, 148, 49)), 4, 1).ToAmplitude(),
            },
            new("20 to 40 MHz", forty.Crop(new(0, 0, 148, 400)))
            {
                Satellite = Multilook.Apply(twenty.Crop(new(0, 0, 148, 200)), 4, 2).ToAmplitude(),
            },
        ];
        var text = new StringBuilder();
        foreach (var scene in scenes)
        {
            List<Candidate> candidates = [.. new[] { Ways.Lee, Ways.Bicubic }.Concat(model.ToWays(recipe))
                .Select(way => way.Candidate([scene], 4, recipe.Seed))];
            var satellite = scene.Satellite!.Metadata;
            text.AppendLine(CultureInfo.InvariantCulture, $"""
                {scene.Name}, L band, measured; translated without having seen any of it ({recipe.Model}).
                from {scene.Satellite.Rows} x {scene.Satellite.Columns} pixels of {satellite.AzimuthSpacing:0.#} x {
                satellite.RangeSpacing:0.#} m, {satellite.Looks:0} looks nominally, to {scene.Airborne.Rows} x {
                scene.Airborne.Columns} (averaged: 4 lines of azimuth{(scene == scenes[1] ? ", 2 columns" : "")})
                """).AppendLine();
            text.AppendLine(TranslationTable.Of([scene], candidates, Ways.Lee.Name).ToText());
            Picture(Path.Combine(folder, scene.Name.Replace(' ', '-') + ".png"),
                [Baselines.Bicubic(scene.Satellite, 4), candidates[^1].Images[0], candidates[0].Images[0],
                    scene.Airborne]);
        }
        return text.ToString();
    }

    private static string Alone(string data, Translator model, TranslateRecipe recipe, string folder)
    {
        var text = new StringBuilder();
        text.AppendLine("no true image: seen again dB | local contrast, slope | flat ground 8 x 8, sd dB | power dB");
        text.AppendLine(CultureInfo.InvariantCulture,
            $"  speckle alone on flat ground: {Floor(model.Card.Target ?? Sensors.AirborneX040):0.00} dB");
        foreach (var (name, file, part, options) in satellites)
        {
            var path = Path.Combine(data, file);
            if (!File.Exists(path))
            {
                text.AppendLine($"{name}: skipped: {path} is not there.");
                continue;
            }
            var reading = options with { Window = part };
            var output = Path.Combine(folder, Path.GetFileNameWithoutExtension(file) + ".tif");
            var found = model.TranslateFile(path, output, recipe, reading, _ => { }, replace: true);
            SarImage seen;
            using (var raster = SarRaster.Open(path, reading))
                seen = raster.Read();
            if (found.Ran.Averaged is [var rows, var columns])
                seen = Multilook.Apply(seen, rows, columns);
            using var made = SarRaster.Open(output);
            var satellite = seen.ToAmplitude();
            var ways = new List<(string Name, AmplitudeImage Image)>
            {
                (recipe.Model, made.Read().ToAmplitude()),
                (Ways.Lee.Name, Baselines.LeeWithSpeckle(satellite, model.Card.Scale, recipe.Seed)),
                (Ways.Bicubic.Name, Baselines.BicubicWithSpeckle(satellite, model.Card.Scale, recipe.Seed)),
            };
            if (model.Draws(recipe))
            {
                var plain = Path.ChangeExtension(output, null) + "-no-residual.tif";
                model.TranslateFile(path, plain, recipe with { Residual = false }, reading, _ => { }, replace: true);
                using var raster = SarRaster.Open(plain);
                ways.Insert(1, ("no residual", raster.Read().ToAmplitude()));
            }
            text.AppendLine(name);
            foreach (var remark in found.Remarks)
                text.AppendLine($"  {remark}");
            foreach (var (way, image) in ways)
            {
                var m = WithoutTruth.Of(satellite, image);
                text.AppendLine(CultureInfo.InvariantCulture,
                    $"  {way,-20} {m.SeenAgain:0.00} | {m.Slope:0.00} | {m.Flat:0.00} | {m.Power:+0.00;-0.00}");
            }
            Picture(Path.ChangeExtension(output, null) + "-beside.png",
                [Baselines.Bicubic(satellite, model.Card.Scale), .. ways.SkipLast(1).Select(way => way.Image)]);
        }
        return text.ToString();
    }

    // What the measure of flat ground gives where there is nothing but speckle.
    private static double Floor(Sensor sensor)
    {
        var flat = new IntensityImage(512, 512, [.. Enumerable.Repeat(1f, 512 * 512)]);
        return WithoutTruth.Of(Multilook.Apply(flat, 4, 4), SpeckleStream.Draw(flat, sensor, 1)).Flat;
    }

    // Side by side on one grey scale: 30 dB around the median of the first.
    private static void Picture(string path, IReadOnlyList<AmplitudeImage> images)
    {
        float[] sorted = [.. images[0].Pixels.Where(a => a > 0).Order()];
        var middle = 20 * Math.Log10(sorted[sorted.Length / 2]);
        var remap = new DecibelRemap(middle - 15, middle + 15);
        QuickLook.WriteRow([.. images.Select(i => QuickLook.ToPng(i, remap, new() { MaxSize = 640 }))], path,
            images[1].Metadata);
    }
}
