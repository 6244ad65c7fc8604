// sarsynth multilook IN... -o: intensity averaged over rectangles of pixels.
using System.CommandLine;
using SarSynth.Radar.Signal;

namespace SarSynth.Cli.Commands;

static class MultilookCommand
{
    public static Command Create()
    {
        var looks = new Option<string>("--looks", "-l")
        {
            Description = "ROWS,COLS of the rectangles that are averaged.",
            Required = true,
        };
        return RasterCommand.Create("multilook", "Averages intensity over rectangles: fewer pixels, less speckle.",
            "multilooking", ".tif", [looks], (parsed, reading) =>
            {
                var sides = RasterInput.Numbers("--looks", parsed.GetRequiredValue(looks), "ROWS,COLS",
                    n => RasterInput.Whole(n) && n >= 1);
                var (rows, columns) = ((int)sides[0], (int)sides[1]);
                return new(
                    raster => new { Read = Batch.Used(reading, raster), RowLooks = rows, ColumnLooks = columns },
                    (raster, path, progress) =>
                    {
                        Multilook.Apply(raster, path, rows, columns, progress: progress);
                        return null;
                    });
            });
    }
}
