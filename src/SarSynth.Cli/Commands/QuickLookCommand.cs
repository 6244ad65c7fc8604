// sarsynth quicklook IN... -o: pictures for the eye.
using System.CommandLine;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Cli.Commands;

static class QuickLookCommand
{
    private static readonly string[] remaps = ["percentile", "deviation", "decibel", "density"];

    public static Command Create()
    {
        var defaults = new QuickLookOptions();
        var size = new Option<int>("--size")
        {
            Description = "Longest side of the picture; larger rasters are averaged in intensity.",
            DefaultValueFactory = _ => defaults.MaxSize,
        };
        var bits = new Option<int>("--bits")
        {
            Description = "Bits of a grey level, 8 or 16.",
            DefaultValueFactory = _ => defaults.Bits,
        };
        var remap = new Option<string>("--remap")
        {
            Description = "From amplitude to grey: percentile (linear to the 99th), deviation (linear to mean + "
                + "3 sigma), decibel (1st to 99.5th percentile), density (logarithmic).",
            DefaultValueFactory = _ => remaps[0],
        };
        var white = new Option<double?>("--white")
        {
            Description = "Instead of --remap: the amplitude that is white, so that pictures can be compared.",
        };
        return RasterCommand.Create("quicklook", "Pictures (PNG) of products and rasters of any size.", "quick-looks",
            ".png",
            [size, bits, remap, white], (parsed, reading) =>
            {
                var grey = Remap(parsed.GetRequiredValue(remap), parsed.GetValue(white));
                var options = new QuickLookOptions { MaxSize = AtLeastOne("--size", parsed.GetValue(size)),
                    Bits = Bits(parsed.GetValue(bits)) };
                return new(
                    raster => new { Read = Batch.Used(reading, raster), Remap = grey.ToString(), options.MaxSize,
                        options.Bits },
                    (raster, path, progress) =>
                    {
                        QuickLook.Write(raster, path, grey, options, progress);
                        return null;
                    });
            });
    }

    private static Remap Remap(string name, double? white)
    {
        if (white is { } amplitude)
        {
            return amplitude > 0 && double.IsFinite(amplitude) ? new FixedRemap(amplitude)
                : throw new ArgumentException($"--white: found {amplitude}, expected an amplitude above 0.");
        }
        return name switch
        {
            "percentile" => new PercentileRemap(),
            "deviation" => new DeviationRemap(),
            "decibel" => new DecibelRemap(),
            "density" => new DensityRemap(),
            _ => throw new ArgumentException(
                $"--remap: found '{name}', expected one of {string.Join(", ", remaps)}{Nearest.Hint(name, remaps)}"),
        };
    }

    private static int AtLeastOne(string option, int value) =>
        value >= 1 ? value : throw new ArgumentException($"{option}: found {value}, expected 1 or more.");

    private static int Bits(int bits) =>
        bits is 8 or 16 ? bits : throw new ArgumentException($"--bits: found {bits}, expected 8 or 16.");
}
