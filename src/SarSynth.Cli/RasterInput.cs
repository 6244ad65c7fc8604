// How a command reads a raster: the same options everywhere, and what was chosen or assumed is said in one line each.
using System.CommandLine;
using System.Globalization;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Cli;

/// <summary>--channel, --window, --bbox and the others that every command takes that reads a raster.</summary>
static class RasterInput
{
    /// <summary>One raster.</summary>
    public static Argument<string> File { get; } = new("FILE")
    {
        Description = "A SAR product or raster: Sentinel-1 SAFE, NITF, HDF5, GeoTIFF, ENVI, ...",
    };

    private static readonly Option<string?> channel = new("--channel")
    {
        Description = "Channel of the product: a polarisation (VV), with its swath (IW1/VV), or a band's number.",
    };

    private static readonly Option<string?> window = new("--window")
    {
        Description = "Read this part only: ROW,COL,ROWS,COLS in pixels, counted from 0.",
    };

    private static readonly Option<string?> box = new("--bbox")
    {
        Description = "Read this part only: WEST,SOUTH,EAST,NORTH in the raster's own reference system "
            + "(info shows it), all pixels that it touches.",
    };

    private static readonly Option<bool> lonLat = new("--lonlat")
    {
        Description = "--bbox is in degrees of longitude and latitude (WGS 84).",
    };

    private static readonly Option<bool> decibels = new("--decibels")
    {
        Description = "The file's values are decibels of intensity.",
    };

    private static readonly Option<string?> pixels = new("--pixels")
    {
        Description = "What the file's values are where it does not tell: amplitude or intensity.",
    };

    private static readonly Option<double?> noData = new("--nodata")
    {
        Description = "A value that means no data, beside those that the file names.",
    };

    /// <summary>Gives a command the options.</summary>
    public static void AddTo(Command command)
    {
        foreach (var option in (Option[])[channel, window, box, lonLat, decibels, pixels, noData])
            command.Options.Add(option);
    }

    /// <summary>What the command line says of reading.</summary>
    /// <exception cref="ArgumentException">Numbers or words that are not as they should be.</exception>
    public static RasterOptions Options(ParseResult parsed)
    {
        var part = parsed.GetValue(window) is { } w ? Numbers("--window", w, "ROW,COL,ROWS,COLS", Whole) : null;
        var place = parsed.GetValue(box) is { } b ? Numbers("--bbox", b, "WEST,SOUTH,EAST,NORTH", double.IsFinite)
            : null;
        if (part is not null && place is not null)
            throw new ArgumentException("--window and --bbox: found both, expected one of them.");
        if (parsed.GetValue(lonLat) && place is null)
            throw new ArgumentException("--lonlat: says what --bbox is in, but there is no --bbox.");
        return new RasterOptions
        {
            Kind = Kind(parsed),
            Channel = parsed.GetValue(channel),
            Window = part is null ? null : new RasterWindow((int)part[0], (int)part[1], (int)part[2], (int)part[3]),
            Box = place is null ? null : new GroundBox(place[0], place[1], place[2], place[3], parsed.GetValue(lonLat)),
            NoDataValue = parsed.GetValue(noData),
        };
    }

    /// <summary>
    /// Opens a raster of backscatter, and says which channel was taken of several and what was assumed.
    /// </summary>
    /// <exception cref="RasterException">
    /// It cannot be read, or says of itself that it is an elevation model.
    /// </exception>
    public static SarRaster Open(string path, RasterOptions options)
    {
        var raster = OpenAny(path, options);
        if (raster.ElevationEvidence is { } evidence)
        {
            raster.Dispose();
            throw new RasterException(path, $"seems to hold heights of the ground, no backscatter ({evidence}): "
                + "--pixels or --decibels says if it is backscatter after all");
        }
        if (raster.KindIsAssumed)
        {
            Terminal.Remark($"{path}: nothing tells what the pixels are: taken for amplitude; --pixels or --decibels "
                + "says otherwise");
        }
        foreach (var remark in raster.Remarks)
            Terminal.Remark($"{path}: {remark}");
        return raster;
    }

    /// <summary>Opens any raster, and says which channel was taken of several.</summary>
    public static SarRaster OpenAny(string path, RasterOptions options)
    {
        var raster = SarRaster.Open(Names.ExistingPath(path), options);
        if (options.Channel is null && raster.Channels.Count > 1)
        {
            Terminal.Remark($"{path}: channel {raster.Channel} is taken of {string.Join(", ", raster.Channels)}; "
                + "--channel takes another");
        }
        return raster;
    }

    /// <summary>Numbers between commas.</summary>
    /// <param name="option">Named in the error.</param>
    /// <param name="text">What was given.</param>
    /// <param name="expected">Their names between commas, as many as there must be.</param>
    /// <param name="fits">Whether a number may stand there.</param>
    /// <exception cref="ArgumentException">Too few, too many, or not such numbers.</exception>
    public static double[] Numbers(string option, string text, string expected, Func<double, bool> fits)
    {
        var parts = text.Split(',');
        var numbers = new double[parts.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            if (!double.TryParse(parts[i], CultureInfo.InvariantCulture, out numbers[i]) || !fits(numbers[i]))
                throw new ArgumentException($"{option}: found '{text}', expected {expected}.");
        }
        return parts.Length == expected.Split(',').Length ? numbers
            : throw new ArgumentException($"{option}: found '{text}', expected {expected}.");
    }

    /// <summary>Whether a number is a whole one that an image's rows and columns can be.</summary>
    public static bool Whole(double number) => number >= 0 && number <= int.MaxValue && Math.Floor(number) == number;

    private static PixelKind? Kind(ParseResult parsed) => (parsed.GetValue(decibels), parsed.GetValue(pixels)) switch
    {
        (true, null) => PixelKind.Decibel,
        (true, _) => throw new ArgumentException("--decibels and --pixels: found both, expected one of them."),
        (false, null) => null,
        (false, "amplitude") => PixelKind.Amplitude,
        (false, "intensity") => PixelKind.Intensity,
        (false, var other) =>
            throw new ArgumentException($"--pixels: found '{other}', expected amplitude or intensity."),
    };
}
