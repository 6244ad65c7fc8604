// A tile's row in metadata.jsonl: file_name and text as the Hugging Face
// libraries want them, then place and statistics.
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;

namespace SarSynth.Data;

/// <summary>Writes rows.</summary>
internal static class TileRows
{
    /// <summary>One line, letters as they are.</summary>
    public static JsonSerializerOptions Options { get;
        } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string ToLine(JsonObject row) => row.ToJsonString(Options);

    public static JsonObject Of(
        string file, string? mask, string? classes, string part, string scene, RasterWindow window,
        ClippedNormalisation normalisation,
        TileStatistics statistics, string? caption, GroundBlocks blocks, string sha256)
    {
        // The datasets library wants every part's index to have the same columns of the same types: reals have a point
        // even where they are whole, and what is not known is an empty text.
        var row = new JsonObject { ["file_name"] = file };
        if (caption is not null)
            row["text"] = caption;
        row["mask"] = mask ?? "";
        if (classes is not null)
            row["classes_file_name"] = classes;
        row["split"] = part;
        row["scene"] = scene;
        (row["row"], row["column"], row["rows"], row["columns"]) = (window.Row, window.Column, window.Rows,
            window.Columns);
        row["ceiling"] = Real(normalisation.Ceiling);
        (row["mean"], row["sigma"]) = (Real(statistics.Mean), Real(statistics.Deviation));
        row["enl"] = Real(statistics.Enl ?? 0);
        (row["no_data"], row["fill"]) = (Real(statistics.NoData), Real(statistics.Fill));
        row["saturated"] = Real(statistics.Saturated);
        var (west, south, east, north) = blocks.Bounds(window);
        row["bounds"] = blocks.IsGeographic
            ? string.Create(CultureInfo.InvariantCulture, $"{west:R} {south:R} {east:R} {north:R}") : "";
        row["sha256"] = sha256;
        return row;
    }

    private static JsonNode Real(double value)
    {
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        return JsonNode.Parse(text.AsSpan().ContainsAny('.', 'E') ? text : text + ".0")!;
    }
}
