// sarsynth info FILE: what a product is, without reading its pixels.
using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Translation;
using Spectre.Console;

namespace SarSynth.Cli.Commands;

static class InfoCommand
{
    public static Command Create()
    {
        var command = new Command("info", "What a product or raster is: sensor, grid, pixels, place; whether it is "
            + "synthetic, and still the file that the record beside it tells of.")
        {
            RasterInput.File, CommonOptions.Json,
        };
        RasterInput.AddTo(command);
        command.SetAction(parsed =>
        {
            using var raster = RasterInput.OpenAny(parsed.GetRequiredValue(RasterInput.File),
                RasterInput.Options(parsed));
            var record = RecordCheck.Of(raster.Path);
            if (parsed.GetValue(CommonOptions.Json))
                Terminal.Line(KitJson.Serialize(Describe(raster, record)));
            else
                Print(raster, record);
            if (record.State != RecordState.Differs)
                return 0;
            Terminal.Error($"{raster.Path}: is not the file that {record.Record} tells of: found SHA-256 "
                + $"{record.Found}, expected {record.Expected ?? "one, and the record has none"}.");
            return Failures.BadInput;
        });
        return command;
    }

    private sealed record Description(
        string Path, string Format, int Rows, int Columns, PixelKind? Pixels, bool PixelsAreAssumed, string? Elevation,
        Validity Validity, IReadOnlyList<string> Channels, string Channel, RasterWindow Part, SarMetadata Metadata,
        GeoReference? GeoReference, IReadOnlyList<string> Remarks, string? Synthetic, string? Imitated,
        RecordCheck Record);

    private static string? Synthetic(SarRaster raster, RecordCheck record) =>
        raster.Metadata.DigitalSourceType ?? record.DigitalSourceType;

    private static Description Describe(SarRaster r, RecordCheck record) => new(
        r.Path, r.Format, r.Rows, r.Columns, r.ElevationEvidence is null ? r.Kind : null, r.KindIsAssumed,
            r.ElevationEvidence,
        r.Validity, r.Channels, r.Channel, r.Part, r.Metadata, r.GeoReference, r.Remarks,
        Synthetic(r, record), Imitated(record), record);

    private static void Print(SarRaster raster, RecordCheck record)
    {
        var m = raster.Metadata;
        var slant = m.SlantRange == true;
        var table = Terminal.Table("", "").HideHeaders();
        void Row(string name, string? value) =>
            table.AddRow(Markup.Escape(name), value is null ? "[grey]not told[/]" : Markup.Escape(value));
        Row("file", raster.Path);
        Row("format", raster.Format);
        Row("size", slant ? $"{raster.Rows} rows (azimuth) x {raster.Columns} columns (range)"
            : $"{raster.Rows} rows x {raster.Columns} columns");
        if (raster.Part.Row > 0 || raster.Part.Column > 0)
            Row("part", $"from row {raster.Part.Row}, column {raster.Part.Column} of the file");
        Row("pixels", Pixels(raster));
        Row("validity", raster.Validity.ToString());
        Row("channels", raster.Channels.Count == 0 ? null : string.Join(", ", raster.Channels));
        if (raster.Channels.Count > 1)
            Row("channel", raster.Channel);
        var isTranslation = m is { Sensor: not null, DigitalSourceType: SyntheticMark.TrainedAlgorithmicMedia };
        Row("sensor", !isTranslation ? m.Sensor
            : Imitated(record) is { } imitated ? $"none; it imitates {imitated}" : "none");
        if (isTranslation)
            Row("made from", $"an image of {m.Sensor}");
        Row("band", m.Band);
        Row("polarisation", m.Polarisation);
        Row("mode", m.Mode);
        Row("spacing", Pair(slant, m.RangeSpacing, m.AzimuthSpacing));
        Row("resolution", Pair(slant, m.RangeResolution, m.AzimuthResolution));
        Row("incidence", Text.Number(m.IncidenceAngle, "degrees"));
        Row("look direction", m.LookDirection);
        Row("looks", Text.Number(m.Looks));
        Row("date", m.Date?.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture));
        Row("georeference", raster.GeoReference is { } place ? Places.Describe(place) : null);
        if (Synthetic(raster, record) is { } synthetic)
        {
            Row("synthetic", synthetic + Words(synthetic)
                + (m.Generator is { } generator ? $"; made by {generator}" : ""));
        }
        if (record.State != RecordState.Missing)
        {
            Row("record", record.State == RecordState.Agrees ? $"{record.Record} tells of this file"
                : $"CHANGED: {record.Record} tells of another file");
        }
        foreach (var remark in raster.Remarks)
            Row("remark", remark);
        Terminal.Out.Write(table);
    }

    // Other words of IPTC's vocabulary may be of measured images too.
    private static string Words(string digitalSourceType) => digitalSourceType switch
    {
        SyntheticMark.TrainedAlgorithmicMedia => ": no sensor measured it; of a trained model",
        SyntheticMark.AlgorithmicMedia => ": no sensor measured it; simulated",
        _ => "",
    };

    // The sensor whose images a translation is like: as its record tells, else as its model does where that is there.
    private static string? Imitated(RecordCheck record)
    {
        if (record.Record is not { } path || JsonNode.Parse(File.ReadAllText(path))?["ran"] is not JsonObject ran)
            return null;
        if (ran["speckle"]?.ToString() is { } drawn)
            return drawn;
        var model = ran["model"]?.ToString() ?? "";
        var card = Path.Combine(Names.Models.Contains(model) ? EmbeddedData.FindModel(model) : model,
            ModelCard.FileName);
        return model.Length > 0 && File.Exists(card) ? KitJson.Read<ModelCard>(card).AirborneSensor : null;
    }

    private static string Pixels(SarRaster raster) => raster switch
    {
        { ElevationEvidence: { } evidence } => $"heights of the ground, it seems: {evidence}",
        { KindIsAssumed: true } => "unknown: the file does not tell; other commands take them for amplitude",
        _ => raster.Kind.ToString().ToLowerInvariant(),
    };

    private static string? Pair(bool slant, double? range, double? azimuth) => (range, azimuth) switch
    {
        (null, null) => null,
        _ when slant => $"range {Text.Number(range, "m") ?? "?"}, azimuth {Text.Number(azimuth, "m") ?? "?"}",
        _ => $"columns {Text.Number(range, "m") ?? "?"}, rows {Text.Number(azimuth, "m") ?? "?"}",
    };
}
