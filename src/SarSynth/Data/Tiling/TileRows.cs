// A tile's row in metadata.jsonl: file_name and text as the Hugging Face libraries want them, then place and
// statistics.
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
        string file, string? mask, string part, string scene, RasterWindow window, ClippedNormalisation normalisation,
            TileStatistics statistics,
        string? caption, GroundBlocks blocks, GeoReference? place, string sha256)
    {
        var row = new JsonObject { ["file_name"] = file };
        if (caption is not null)
            row["text"] = caption;
        if (mask is not null)
            row["mask_file_name"] = mask;
        row["split"] = part;
        row["scene"] = scene;
        (row["row"], row["column"], row["rows"], row["columns"]) = (window.Row, window.Column, window.Rows,
            window.Columns);
        row["ceiling"] = normalisation.Ceiling;
        (row["mean"], row["sigma"], row["enl"]) = (statistics.Mean, statistics.Deviation, statistics.Enl);
        (row["no_data"], row["fill"], row["saturated"]) = (statistics.NoData, statistics.Fill, statistics.Saturated);
        if (place?.Transform is { } transform)
            row["transform"] = new JsonArray([.. transform.Select(t => (JsonNode)t)]);
        if (blocks.IsGeographic)
        {
            var (west, south, east, north) = blocks.Bounds(window);
            row["bounds"] = new JsonArray(west, south, east, north);
        }
        row["sha256"] = sha256;
        return row;
    }
}
