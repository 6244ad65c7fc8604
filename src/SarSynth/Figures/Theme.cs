// How every figure looks: fonts, colours and axes, as plotly's layout.
using System.Text.Json.Nodes;

namespace SarSynth.Figures;

/// <summary>The common look of figures; the colours are told apart by colour-blind readers too (Okabe and Ito, 2008).</summary>
internal static class Theme
{
    public const string Fonts = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";
    public const string Quiet = "#767b85";

    /// <summary>What plotly is told beside the figure. Its button that sends the data to a cloud is taken away.</summary>
    public const string Config = "{ displaylogo: false, showSendToCloud: false, plotlyServerURL: '', responsive: true, displayModeBar: 'hover', modeBarButtonsToRemove: ['select2d', 'lasso2d', 'zoomIn2d', 'zoomOut2d', 'autoScale2d'] }";

    private static readonly string[] colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c564b"];

    public static JsonObject Layout(string title)
    {
        var layout = new JsonObject
        {
            ["width"] = 720,
            ["height"] = 420,
            ["font"] = new JsonObject { ["family"] = Fonts, ["size"] = 13, ["color"] = "#22262e" },
            ["paper_bgcolor"] = "#ffffff",
            ["plot_bgcolor"] = "#ffffff",
            ["colorway"] = new JsonArray([.. colours.Select(c => JsonValue.Create(c))]),
            ["margin"] = new JsonObject { ["l"] = 64, ["r"] = 24, ["t"] = title.Length > 0 ? 52 : 20, ["b"] = 56 },
            ["xaxis"] = Axis(),
            ["yaxis"] = Axis(),
            ["legend"] = new JsonObject { ["orientation"] = "h", ["x"] = 0, ["y"] = 1.0, ["yanchor"] = "bottom", ["font"] = new JsonObject { ["size"] = 12 } },
            ["showlegend"] = false,
            ["hovermode"] = "closest",
            ["modebar"] = new JsonObject { ["bgcolor"] = "rgba(0,0,0,0)", ["color"] = "#b4b9c2", ["activecolor"] = Quiet },
        };
        if (title.Length > 0)
            layout["title"] = new JsonObject { ["text"] = title, ["x"] = 0, ["xref"] = "paper", ["xanchor"] = "left", ["y"] = 0.97, ["yanchor"] = "top", ["font"] = new JsonObject { ["size"] = 15 } };
        return layout;
    }

    private static JsonObject Axis() => new()
    {
        ["gridcolor"] = "#e6e8ec",
        ["zeroline"] = false,
        ["showline"] = true,
        ["linecolor"] = "#9aa0aa",
        ["ticks"] = "outside",
        ["ticklen"] = 4,
        ["tickcolor"] = "#9aa0aa",
        ["automargin"] = true,
    };
}
