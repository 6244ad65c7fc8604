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
        IReadOnlyList<string> Channels, string Channel, SarMetadata Metadata, GeoReference? GeoReference,
        IReadOnlyList<string> Remarks);

    private static Description Describe(SarRaster r) =>
        new(r.Path, r.Format, r.Rows, r.Columns, r.Kind, r.KindIsAssumed, r.Validity, r.Channels, r.Channel, r.Metadata,
            r.GeoReference,
            r.Remarks);

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
        Row("georeference", raster.GeoReference switch
        {
            { Transform: { } t } => $"origin {t[0]:G10}, {t[3]:G10}; pixel {t[1]:G6}, {t[5]:G6}",
            { } place => ControlPoints(place),
            null => null,
        });
        foreach (var remark in raster.Remarks)
            Row("remark", remark);
        AnsiConsole.Write(table);
    }

    // A few of the points are shown; --json has them all.
    private static string ControlPoints(GeoReference place)
    {
        const int shown = 4;
        var name = place.Projection.Split('"') is { Length: > 1 } parts ? parts[1] : "an unnamed reference system";
        var points = place.ControlPoints.Take(shown).Select(p =>
            $"row {p.Row:G7}, column {p.Column:G7}: {p.X:G10}, {p.Y:G10}");
        return $"{place.ControlPoints.Count} ground control points in {name}\n{string.Join('\n', points)}"
            + (place.ControlPoints.Count > shown ? "\n..." : "");
    }

    private static string? Pair(double? range, double? azimuth, string unit) => range is null && azimuth is null
        ? null
        : $"range {Text.Number(range, unit) ?? "?"}, azimuth {Text.Number(azimuth, unit) ?? "?"}";
}
