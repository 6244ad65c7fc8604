// sarsynth stats FILE: the SAR statistics of an image.
using System.CommandLine;
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Statistics;
using Spectre.Console;

namespace SarSynth.Cli.Commands;

static class StatsCommand
{
    public static Command Create()
    {
        var file = Arguments.Raster;
        var command = new Command("stats", "SAR statistics of a raster of any size: moments, ENL, clutter laws, texture, spectra, targets.") { file, CommonOptions.Json };
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(file);
            using var raster = SarRaster.Open(path);
            var statistics = Progress.Run(parsed, Path.GetFileName(path), progress => ImageStatistics.Compute(raster, progress: share => progress(share, "")));
            if (parsed.GetValue(CommonOptions.Json))
                Console.WriteLine(KitJson.Serialize(statistics));
            else
                Print(path, statistics, raster.Remarks);
        });
        return command;
    }

    private static void Print(string path, ImageStatistics s, IReadOnlyList<string> remarks)
    {
        AnsiConsole.MarkupLineInterpolated($"[bold]{path}[/]  {s.Rows} x {s.Columns}, {s.Pixels}");
        var table = new Table().Border(TableBorder.Rounded).AddColumns("statistic", "estimate", "how");
        void Row(string name, Estimate e) => table.AddRow(name, Markup.Escape(e.ToString()), Markup.Escape(e.Reason ?? e.Method));
        Row("mean amplitude", s.Amplitude.Mean);
        Row("mean intensity", s.Intensity.Mean);
        Row("amplitude std / mean", s.Amplitude.CoefficientOfVariation);
        Row("ENL, whole image", s.Looks.ByMoments);
        Row("ENL, median of windows", s.Looks.MedianOverWindows);
        Row("ENL, homogeneous windows", s.Looks.Homogeneous);
        if (s.Looks.UpperTail is { } tail)
            Row("ENL, upper end of windows", tail);
        var pixels = s.LeftOut + s.Amplitude.Count;
        table.AddRow("left out", $"{s.LeftOut} of {pixels} pixels", Markup.Escape($"no data: {s.Validity}"));
        AnsiConsole.Write(table);
        foreach (var remark in remarks)
            AnsiConsole.MarkupLineInterpolated($"  remark: {remark}");
        foreach (var part in s.MeasuredOn)
            AnsiConsole.MarkupLineInterpolated($"  {part.What}: {part.On}");
        PrintHistogram(s.AmplitudeHistogram);
    }

    /// <summary>A histogram of at most 40 columns in eighths of a character.</summary>
    private static void PrintHistogram(Histogram histogram)
    {
        const string Blocks = " ▁▂▃▄▅▆▇█";
        var per = Math.Max(1, histogram.Counts.Count / 64);
        var columns = histogram.Counts.Chunk(per).Select(c => (double)c.Sum()).ToArray();
        var highest = Math.Max(columns.Max(), 1);
        for (var line = 4; line >= 1; line--)
            AnsiConsole.WriteLine("  " + string.Concat(columns.Select(c => Blocks[(int)Math.Clamp(8 * (5 * c / highest - line + 1), 0, 8)])));
        AnsiConsole.WriteLine($"  amplitude {Text.Number(histogram.Minimum)} ... {Text.Number(histogram.Maximum)}");
    }
}
