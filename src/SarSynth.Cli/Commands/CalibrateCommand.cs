// sarsynth calibrate IN... -o: digital numbers to sigma, beta or gamma nought, by the product's own tables.
using System.CommandLine;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;

namespace SarSynth.Cli.Commands;

static class CalibrateCommand
{
    private static readonly Dictionary<string, Backscatter> quantities = new()
    {
        ["sigma0"] = Backscatter.SigmaNought, ["beta0"] = Backscatter.BetaNought, ["gamma0"] = Backscatter.GammaNought,
    };

    public static Command Create()
    {
        var to = new Option<string>("--to")
        {
            Description = $"What is wanted: {string.Join(", ", quantities.Keys)}.",
            DefaultValueFactory = _ => "sigma0",
        };
        var noise = new Option<bool>("--remove-noise")
        {
            Description = "Take the thermal noise off that the product tells; what falls below 0 becomes 0.",
        };
        return RasterCommand.Create("calibrate",
            "Calibrated intensity of a product: sigma, beta or gamma nought, linear.",
            "calibrating", ".tif", [to, noise], (parsed, reading) =>
            {
                var name = parsed.GetRequiredValue(to);
                if (!quantities.TryGetValue(name, out var quantity))
                {
                    var known = string.Join(", ", quantities.Keys);
                    throw new ArgumentException(
                        $"--to: found '{name}', expected one of {known}{Nearest.Hint(name, quantities.Keys)}");
                }
                var removeNoise = parsed.GetValue(noise);
                return new(
                    raster => new { Read = Batch.Used(reading, raster), Quantity = quantity,
                        RemoveNoise = removeNoise },
                    (raster, path, progress) =>
                    {
                        if (raster.Metadata.Quantity is { } already)
                            throw new RasterException(raster.Path, $"is calibrated already, to {already}");
                        var calibration = Calibration.Open(raster.Path, raster.Channel);
                        if (removeNoise && !calibration.HasNoise)
                            throw new RasterException(raster.Path,
                                "does not tell its thermal noise, so it cannot be taken off");
                        foreach (var remark in calibration.Remarks)
                            Terminal.Remark($"{raster.Path}: {remark}");
                        calibration.Apply(raster, path, quantity, removeNoise, progress: progress);
                        return new { calibration.Remarks };
                    });
            });
    }
}
