// sarsynth despeckle IN... -o: the filters of SarSynth.Radar by their names.
using System.CommandLine;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Radiometry;

namespace SarSynth.Cli.Commands;

static class DespeckleCommand
{
    private static readonly string[] filters =
        ["boxcar", "lee", "refined-lee", "enhanced-lee", "kuan", "frost", "gamma-map", "non-local"];

    public static Command Create()
    {
        var filter = new Option<string>("--filter", "-f")
        {
            Description = $"One of {string.Join(", ", filters)}.",
            DefaultValueFactory = _ => "refined-lee",
        };
        var size = new Option<int?>("--size")
        {
            Description = "Side of the window (non-local: of the search window), odd; the filter's usual when left "
                + "out.",
        };
        var looks = new Option<double?>("--looks", "-l")
        {
            Description = "Equivalent number of looks of the input; what the product tells when left out, else 1.",
        };
        var damping = new Option<double?>("--damping")
        {
            Description = "frost and enhanced-lee: larger keeps more detail.",
        };
        return RasterCommand.Create("despeckle", "Filters speckle from intensity; no data stays no data.",
            "despeckling",
            ".tif", [filter, size, looks, damping], (parsed, reading) =>
            {
                SpeckleFilter Made(double l) =>
                    Filter(parsed.GetRequiredValue(filter), parsed.GetValue(size), l, parsed.GetValue(damping));
                var told = parsed.GetValue(looks);
                Made(told ?? 1);  // What is wrong with the options is said before a raster is opened.
                return new(
                    raster => new { Read = Batch.Used(reading, raster),
                        Filter = Made(told ?? raster.Metadata.Looks ?? 1) },
                    (raster, path, progress) =>
                    {
                        if (told is null && raster.Metadata.Looks is null && parsed.GetRequiredValue(filter)
                            is not ("boxcar" or "frost"))
                        {
                            Terminal.Remark($"{raster.Path}: does not tell its looks: 1 is taken; "
                                + "--looks says otherwise");
                        }
                        return new { LeftOut = Made(told ?? raster.Metadata.Looks ?? 1).Apply(raster, path,
                            progress: progress) };
                    });
            });
    }

    private static SpeckleFilter Filter(string name, int? size, double looks, double? damping)
    {
        if (damping is not null && name is not ("frost" or "enhanced-lee"))
            throw new ArgumentException($"--damping: found {damping}, but {name} has none.");
        if (size is not null && name == "refined-lee")
            throw new ArgumentException($"--size: found {size}, but refined-lee is always 7 x 7.");
        var side = size ?? (name == "non-local" ? new NonLocalFilter().Search : new LeeFilter().Size);
        return name switch
        {
            "boxcar" => new BoxcarFilter(side),
            "lee" => new LeeFilter(side, looks),
            "refined-lee" => new RefinedLeeFilter(looks),
            "enhanced-lee" => new EnhancedLeeFilter(side, looks, damping ?? new EnhancedLeeFilter().Damping),
            "kuan" => new KuanFilter(side, looks),
            "frost" => new FrostFilter(side, damping ?? new FrostFilter().Damping),
            "gamma-map" => new GammaMapFilter(side, looks),
            "non-local" => new NonLocalFilter(Search: side, Looks: looks),
            _ => throw new ArgumentException(
                $"--filter: found '{name}', expected one of {string.Join(", ", filters)}{Nearest.Hint(name, filters)}"),
        };
    }
}
