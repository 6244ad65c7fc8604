// A chart as plotly's JSON: numbers rounded, NaN as null, so that equal charts are equal bytes and no reader stumbles.
using System.Globalization;
using System.Text.Json.Nodes;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;
using Plotly.NET;

namespace SarSynth.Figures;

/// <summary>Writes a chart as an object with "data", "layout" and "config", and reads it in words.</summary>
internal static class ChartJson
{
    /// <summary>The chart's JSON; safe inside a script element.</summary>
    public static string Write(GenericChart chart)
    {
        var text = new StringWriter(CultureInfo.InvariantCulture);
        using (var json = new RoundedWriter(text) { StringEscapeHandling = StringEscapeHandling.EscapeHtml })
        {
            json.WriteStartObject();
            json.WritePropertyName("data");
            Serializer.Serialize(json, GenericChart.getTraces(chart));
            json.WritePropertyName("layout");
            var layout = JObject.FromObject(GenericChart.getLayout(chart), Serializer);
            MakeRoomForLegend(layout, GenericChart.getTraces(chart));
            Serializer.Serialize(json, layout);
            json.WritePropertyName("config");
            json.WriteRawValue(Config(GenericChart.getConfig(chart)));
            json.WriteEndObject();
        }
        return text.ToString();
    }

    /// <summary>Width and height in pixels.</summary>
    public static (int Width, int Height) Size(GenericChart chart)
    {
        var layout = GenericChart.getLayout(chart);
        return (Pixels("width", Theme.Width), Pixels("height", Theme.Height));

        int Pixels(string name, int otherwise) =>
            layout.TryGetPropertyValue(name)?.Value is IConvertible v ? v.ToInt32(CultureInfo.InvariantCulture)
                : otherwise;
    }

    /// <summary>The title above the plot; empty where there is none.</summary>
    public static string Title(JsonNode spec) => (string?)spec["layout"]?["title"]?["text"] ?? "";

    /// <summary>What the chart shows, for who cannot see it: its description, or its title, axes and names.</summary>
    public static string Words(JsonNode spec)
    {
        if ((string?)(spec["layout"]?["meta"] as JsonObject)?["description"] is { } said)
            return said;
        var names = spec["data"]!.AsArray().Select(t => (string?)t!["name"]).Where(n => !string.IsNullOrEmpty(n));
        string[] parts = [Title(spec), $"{Axis("yaxis")} over {Axis("xaxis")}", string.Join(", ", names)];
        return string.Join(". ", parts.Where(p => p is not ("" or " over "))) + ".";

        string Axis(string name) => (string?)spec["layout"]?[name]?["title"]?["text"] ?? "";
    }

    // plotly gives a legend of several lines the title's place; it widens the margin for the legend alone.
    private static void MakeRoomForLegend(JObject layout, IEnumerable<Trace> traces)
    {
        if (layout["legend"] is not null || layout["margin"]?["t"] is not null
            || string.IsNullOrEmpty((string?)layout["title"]?["text"]))
            return;
        double[] widths = [.. traces.Where(t => t.TryGetPropertyValue("showlegend")?.Value is not false)
            .Select(t => t.TryGetPropertyValue("name")?.Value as string).Where(name => !string.IsNullOrEmpty(name))
            .Select(name => Theme.LegendSymbol + Theme.LegendLetter * name!.Length)];
        var lines = Theme.LegendLines(widths, ((double?)layout["width"] ?? Theme.Width) - Theme.Left - Theme.Right);
        if (lines > 1)
            layout["margin"] = new JObject { ["t"] = Theme.Top + (lines - 1) * Theme.LegendLine };
    }

    // Newtonsoft's, because Plotly.NET's objects are written by its converters.
    private static JsonSerializer Serializer { get; } = JsonSerializer.Create(Globals.JSON_CONFIG);

    private static string Config(Config own)
    {
        var config = JsonNode.Parse(Theme.Config)!.AsObject();
        foreach (var (name, value) in JsonNode.Parse(JsonConvert.SerializeObject(own, Globals.JSON_CONFIG))!.AsObject())
            config[name] = value?.DeepClone();
        return config.ToJsonString();
    }

    /// <summary>Six significant digits are more than any screen shows; what is not finite is a gap.</summary>
    private sealed class RoundedWriter(TextWriter text) : JsonTextWriter(text)
    {
        public override void WriteValue(double value) => Write(value);

        public override void WriteValue(float value) => Write(value);

        public override void WriteValue(double? value) => Write(value ?? double.NaN);

        public override void WriteValue(float? value) => Write(value ?? double.NaN);

        private void Write(double value)
        {
            if (double.IsFinite(value))
                WriteRawValue(SixDigits(value).ToString("R", CultureInfo.InvariantCulture));
            else
                WriteNull();
        }

        private static double SixDigits(double value)
        {
            if (value == 0)
                return 0;
            var digits = 5 - (int)Math.Floor(Math.Log10(Math.Abs(value)));
            return digits is >= 0 and <= 15
                ? Math.Round(value, digits)
                : double.Parse(value.ToString("G6", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        }
    }
}
