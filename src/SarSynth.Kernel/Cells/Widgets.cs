// Two widgets of the Jupyter widgets' model (messaging schema 2.0): a progress bar and a slider, over comms. A page
// that does not have the Jupyter widgets' scripts shows an element of HTML, which a comm of its own keeps in step.
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Kernel.Formatting;

namespace SarSynth.Kernel.Cells;

/// <summary>A widget with a value that the page and the kernel share.</summary>
public abstract class ValueWidget : IRichText
{
    private const string Controls = "@jupyter-widgets/controls", Version = "1.5.0";
    private static readonly Lazy<string> Script = new(() =>
    {
        using var stream = typeof(ValueWidget).Assembly.GetManifestResourceStream("value_widget.js")!;
        // The page appends a version.
        return "data:text/javascript," + Uri.EscapeDataString(new StreamReader(stream).ReadToEnd() + "//");
    });
    private readonly Comm _comm, _plain;
    private readonly string _element, _description;
    private double _value;

    private protected ValueWidget(string model, string view, string element, double value, double min, double max,
        string description)
    {
        ArgumentNullException.ThrowIfNull(description);
        if (!(min <= value && value <= max))
            throw new ArgumentOutOfRangeException(nameof(value), value, $"must be from {min} to {max}");
        (_value, _element, _description) =
            (value, string.Create(CultureInfo.InvariantCulture, $"{element} min=\"{min}\" max=\"{max}\""), description);
        var metadata = new { version = "2.0.0" };
        var layout = new Comm("jupyter.widget", Open(new JsonObject
        {
            ["_model_module"] = "@jupyter-widgets/base", ["_model_module_version"] = "1.2.0",
                ["_model_name"] = "LayoutModel",
            ["_view_module"] = "@jupyter-widgets/base", ["_view_module_version"] = "1.2.0",
                ["_view_name"] = "LayoutView",
        }), metadata);
        _comm = new Comm("jupyter.widget", Open(new JsonObject
        {
            ["_model_module"] = Controls, ["_model_module_version"] = Version, ["_model_name"] = model,
            ["_view_module"] = Controls, ["_view_module_version"] = Version, ["_view_name"] = view,
            ["value"] = value, ["min"] = min, ["max"] = max, ["description"] = description,
                ["layout"] = $"IPY_MODEL_{layout.Id}",
        }), metadata);
        _comm.Message += OnMessage;
        _plain = new Comm("net.value", Script.Value, id => new JsonObject { ["id"] = id, ["value"] = value });
        _plain.Message += Take;
    }

    /// <summary>The value was changed in the page.</summary>
    public event Action<double>? ValueChanged;

    /// <summary>The value; setting it changes the page.</summary>
    public double Value
    {
        get => _value;
        set
        {
            _value = value;
            SendState();
        }
    }

    IReadOnlyList<string> IRichText.MimeTypes => [ViewMimeType, MimeText.Html, MimeText.Plain];

    private const string ViewMimeType = "application/vnd.jupyter.widget-view+json";

    string IRichText.Text(string mimeType) => mimeType switch
    {
        ViewMimeType => new JsonObject { ["model_id"] = _comm.Id, ["version_major"] = 2,
            ["version_minor"] = 0 }.ToJsonString(),
        MimeText.Html => string.Create(CultureInfo.InvariantCulture, $"""
            <label>{System.Net.WebUtility.HtmlEncode(_description)} <{_element} value="{_value}"
                data-net-value="{_plain.Id}"
                style="display: inline-block; vertical-align: middle"
                ></{_element[.._element.IndexOf(' ')]}> <span>{_value:G6}</span></label>
            <script>((window.netValueWidgets || {"{}"})["{_plain.Id}"] || function () {"{}"})();</script>
            """).Replace("></input>", ">", StringComparison.Ordinal),
        _ => $"{GetType().Name}({_value.ToString(CultureInfo.InvariantCulture)})",
    };

    private void OnMessage(JsonElement data)
    {
        if (!data.TryGetProperty("method", out var method))
            return;
        if (method.GetString() == "request_state")
        {
            SendState();
        }
        else if (method.GetString() == "update" && data.TryGetProperty("state", out var state))
        {
            Take(state);
        }
    }

    private void Take(JsonElement state)
    {
        if (state.ValueKind != JsonValueKind.Object || !state.TryGetProperty("value", out var value)
            || value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out var number))
            return;
        _value = number;
        ValueChanged?.Invoke(number);
    }

    private void SendState()
    {
        _comm.Send(new JsonObject
        {
            ["method"] = "update", ["state"] = new JsonObject { ["value"] = _value },
                ["buffer_paths"] = new JsonArray(),
        });
        _plain.Send(new JsonObject { ["value"] = _value });
    }

    private static JsonObject Open(JsonObject state) => new() { ["state"] = state, ["buffer_paths"] = new JsonArray() };
}

/// <summary>A live progress bar; show it with display and set <see cref="ValueWidget.Value"/>.</summary>
public sealed class ProgressBar(double max = 100, double min = 0, double value = 0, string description = "")
    : ValueWidget("FloatProgressModel", "ProgressView", "meter", value, min, max, description);

/// <summary>A slider; <see cref="ValueWidget.ValueChanged"/> tells what the person chose.</summary>
public sealed class Slider(double min, double max, double value, string description = "")
    : ValueWidget("FloatSliderModel", "FloatSliderView", "input type=\"range\" step=\"any\"", value, min, max,
        description);
