// How every chart looks: a Plotly.NET template, set as the default, so that
// charts made with Plotly.NET alone look alike.
using Plotly.NET;
using Plotly.NET.LayoutObjects;

namespace SarSynth.Figures;

/// <summary>
/// The common look of charts; the colours are told apart by colour-blind readers too (Okabe and Ito, 2008).
/// </summary>
/// <remarks>
/// Plotly.NET's own default template costs each chart about a second (it is built
/// anew) and 8 kB of JSON; this one is made once.
/// </remarks>
public static class Theme
{
    internal const string Fonts = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";
    internal const string Quiet = "#767b85", First = "#0072b2";
    internal const int Width = 720, Height = 420;
    internal const int Left = 64, Right = 24, Top = 52, Bottom = 56;

    // Pixels of a legend in its font of 12: a line; the sign before a name; a letter of a wide font.
    internal const double LegendLine = 19, LegendSymbol = 45, LegendLetter = 6.6;

    /// <summary>
    /// What plotly is told beside the figure, where the chart says nothing else. Its button
    /// that sends the data to a cloud is taken away.
    /// </summary>
    internal const string Config = """
        {"displaylogo":false,"showSendToCloud":false,"plotlyServerURL":"","responsive":true,"displayModeBar":"hover",
        "modeBarButtonsToRemove":["select2d","lasso2d","zoomIn2d","zoomOut2d","autoScale2d"]}
        """;

    private static readonly string[] colours = [First, "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
        "#8c564b"];

    private static readonly Lazy<bool> applied = new(() =>
    {
        Defaults.DefaultTemplate = Template;
        (Defaults.DefaultWidth, Defaults.DefaultHeight) = (Width, Height);
        // Plotly.NET's own pages shall need no network either: its plotly.js goes into the page.
        Defaults.DefaultDisplayOptions = With(new DisplayOptions(), ("PlotlyJSReference", PlotlyJSReference.Full));
        return true;
    });

    /// <summary>The template: fonts, colours, axes, legend, colour bars.</summary>
    public static Template Template { get; } = With(new Template(), ("layout", Layout()), ("data", Traces()));

    /// <summary>
    /// Makes the theme the default of all charts that Plotly.NET makes from now on,
    /// once; what somebody else sets later stays.
    /// </summary>
    public static void Apply() => _ = applied.Value;

    /// <summary>Lines that plotly breaks a level legend into: where one does not do, columns are of one width.
    /// </summary>
    /// <param name="widths">Widths of its entries, pixels.</param>
    /// <param name="room">Width of the plot, pixels.</param>
    internal static int LegendLines(IReadOnlyList<double> widths, double room) => widths.Sum() <= room ? 1
        : (int)Math.Ceiling(widths.Count / Math.Max(1, Math.Floor(room / widths.Max())));

    private static Layout Layout() => With(new Layout(),
        ("font", With(new Font(), ("family", Fonts), ("size", 13), ("color", "#22262e"))),
        ("paper_bgcolor", "#ffffff"),
        ("plot_bgcolor", "#ffffff"),
        ("colorway", colours),
        ("margin", With(new Margin(), ("l", Left), ("r", Right), ("t", Top), ("b", Bottom))),
        ("title", With(new Title(), ("x", 0), ("xref", "paper"), ("xanchor", "left"), ("y", 0.97), ("yanchor", "top"),
            ("font", With(new Font(), ("size", 15))))),
        ("xaxis", Axis()),
        ("yaxis", Axis()),
        ("legend", With(new Legend(), ("orientation", "h"), ("x", 0), ("y", 1), ("yanchor", "bottom"),
            ("font", With(new Font(), ("size", 12))))),
        ("hovermode", "closest"),
        ("modebar", With(new ModeBar(), ("bgcolor", "rgba(0,0,0,0)"), ("color", "#b4b9c2"), ("activecolor", Quiet))));

    private static DynamicObj.DynamicObj Traces() => With(new DynamicObj.DynamicObj(),
        ("heatmap", new[]
        {
            With(new Trace2D("heatmap"), ("colorscale", "Viridis"), ("colorbar", With(new ColorBar(),
                ("outlinewidth", 0), ("thickness", 14), ("title", With(new Title(), ("side", "right")))))),
        }));

    private static LinearAxis Axis() => With(new LinearAxis(),
        ("gridcolor", "#e6e8ec"), ("zeroline", false), ("showline", true), ("linecolor", "#9aa0aa"),
            ("ticks", "outside"),
        ("ticklen", 4), ("tickcolor", "#9aa0aa"), ("automargin", true));

    /// <summary>
    /// An object of Plotly.NET with some of plotly's attributes set by their names (plotly.com/javascript/reference):
    /// its own initialisers take F# options for a hundred arguments.
    /// </summary>
    internal static T With<T>(T target, params ReadOnlySpan<(string Name, object Value)> attributes)
        where T : DynamicObj.DynamicObj
    {
        foreach (var (name, value) in attributes)
            target.SetProperty(name, value);
        return target;
    }
}
