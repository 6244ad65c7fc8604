// sarsynth satellite IN... -o: what a satellite would have seen of an airborne image.
using System.CommandLine;
using SarSynth.Radar.Simulation;

namespace SarSynth.Cli.Commands;

static class SatelliteCommand
{
    public static Command Create()
    {
        var recipe = new Option<string?>("--recipe", "-r")
        {
            Description = "JSON file of a satellite recipe; the options beside it replace its fields.",
        };
        var range = new Option<double?>("--range-resolution") { Description = "3 dB width along range, metres." };
        var azimuth = new Option<double?>("--azimuth-resolution") { Description = "3 dB width along azimuth, metres." };
        var looks = new Option<string?>("--looks", "-l")
        {
            Description = "AZIMUTH,RANGE pixels that are averaged; 1,1 stays complex.",
        };
        var noise = new Option<double?>("--nesz")
        {
            Description = "Noise-equivalent sigma nought, dB; none when left out.",
        };
        var incidence = new Option<double?>("--incidence")
        {
            Description = "Incidence angle of the satellite, degrees.",
        };
        return RasterCommand.Create("satellite", "What a satellite would have seen of a complex airborne image.",
            "degrading",
            ".tif", [recipe, range, azimuth, looks, noise, incidence, CommonOptions.Seed], (parsed, reading) =>
            {
                var file = parsed.GetValue(recipe);
                var given = file is null ? null : SatelliteRecipe.FromJson(File.ReadAllText(Names.ExistingPath(file)));
                double Needed(Option<double?> option, double? told) => parsed.GetValue(option) ?? told
                    ?? throw new ArgumentException($"{option.Name}: is missing, expected metres, or --recipe.");
                var made = (given ?? new SatelliteRecipe { RangeResolution = 1, AzimuthResolution = 1 }) with
                {
                    RangeResolution = Needed(range, given?.RangeResolution),
                    AzimuthResolution = Needed(azimuth, given?.AzimuthResolution),
                };
                if (parsed.GetValue(looks) is { } sides)
                {
                    var pair = RasterInput.Numbers("--looks", sides, "AZIMUTH,RANGE", n => RasterInput.Whole(n)
                        && n >= 1);
                    made = made with { AzimuthLooks = (int)pair[0], RangeLooks = (int)pair[1] };
                }
                made = made with
                {
                    NoiseEquivalentSigmaNought = parsed.GetValue(noise) ?? made.NoiseEquivalentSigmaNought,
                    IncidenceAngle = parsed.GetValue(incidence) ?? made.IncidenceAngle,
                    Seed = given is null || parsed.GetResult(CommonOptions.Seed) is { Implicit: false }
                        ? Seed(parsed.GetValue(CommonOptions.Seed)) : made.Seed,
                };
                return new(
                    raster => new { Read = Batch.Used(reading, raster), Satellite = made },
                    (raster, path, progress) =>
                    {
                        made.Apply(raster, path, progress: progress);
                        return null;
                    });
            });
    }

    private static int Seed(ulong asked) => asked <= int.MaxValue ? (int)asked
        : throw new ArgumentException($"--seed: found {asked}, expected 0 to {int.MaxValue}.");
}
