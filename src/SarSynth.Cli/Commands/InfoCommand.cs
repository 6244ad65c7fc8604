// sarsynth info FILE: what a product is, without reading its pixels.
using System.CommandLine;
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using Spectre.Console;

namespace SarSynth.Cli.Commands;

static class InfoCommand
{
    public static Command Create()
    {
        var file = Arguments.Raster;
        var command = new Command("info", "What a SAR product is: sensor, grid, pixels, place.") { file, CommonOptions.Json };
        command.SetAction(parsed =>
        {
            using var raster = SarRaster.Open(parsed.GetRequiredValue(file));
            if (parsed.GetValue(CommonOptions.Json))
                Console.WriteLine(KitJson.Serialize(Describe(raster)));
            else
                Print(raster);
        });
        return command;
    }

    private sealed record Description(
        string Path, string Format, int Rows, int Columns, PixelKind Pixels, bool PixelsAreAssumed, Validity Validity,
        IReadOnlyList<string> Channels, string Channel, SarMetadata Metadata, GeoReference? GeoReference);

    private static Description Describe(SarRaster r) =>
        new(r.Path, r.Format, r.Rows, r.Columns, r.Kind, r.KindIsAssumed, r.Validity, r.Channels, r.Channel, r.Metadata, r.GeoReference);

    private static void Print(SarRaster raster)
    {
        var m = raster.Metadata;
        var table = new Table().Border(TableBorder.Rounded).HideHeaders().AddColumns("", "");
        void Row(string name, string? value) => table.AddRow(Markup.Escape(name), value is null ? "[grey]not told[/]" : Markup.Escape(value));
        Row("file", raster.Path);
        Row("format", raster.Format);
        Row("size", $"{raster.Rows} rows (azimuth) x {raster.Columns} columns (range)");
        Row("pixels", raster.Kind.ToString().ToLowerInvariant() + (raster.KindIsAssumed ? " (assumed: the file does not tell)" : ""));
        Row("validity", raster.Validity.ToString());
        Row("channels", raster.Channels.Count == 0 ? null : string.Join(", ", raster.Channels));
        Row("sensor", m.Sensor);
        Row("band", m.Band);
        Row("polarisation", m.Polarisation);
        Row("mode", m.Mode);
        Row("spacing", Pair(m.RangeSpacing, m.AzimuthSpacing, "m"));
        Row("resolution", Pair(m.RangeResolution, m.AzimuthResolution, "m"));
        Row("incidence", Text.Number(m.IncidenceAngle, "degrees"));
        Row("look direction", m.LookDirection);
        Row("looks", Text.Number(m.Looks));
        Row("date", m.Date?.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", System.Globalization.CultureInfo.InvariantCulture));
        Row("georeference", raster.GeoReference is { } geo
            ? $"origin {geo.Transform[0]:G10}, {geo.Transform[3]:G10}; pixel {geo.Transform[1]:G6}, {geo.Transform[5]:G6}"
            : null);
        AnsiConsole.Write(table);
    }

    private static string? Pair(double? range, double? azimuth, string unit) => range is null && azimuth is null
        ? null
        : $"range {Text.Number(range, unit) ?? "?"}, azimuth {Text.Number(azimuth, unit) ?? "?"}";
}
