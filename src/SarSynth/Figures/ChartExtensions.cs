// What Plotly.NET.CSharp lacks for C#: titles, axes, lines, boxes, words, sliders. Each returns a new chart.
using Microsoft.FSharp.Collections;
using Plotly.NET;
using Plotly.NET.LayoutObjects;
using static SarSynth.Figures.Theme;

namespace SarSynth.Figures;

/// <summary>How an axis is divided.</summary>
public enum AxisScale
{
    /// <summary>Evenly.</summary>
    Linear,

    /// <summary>By powers of ten; values that are not positive are left out by plotly.</summary>
    Log,

    /// <summary>A place for each name, also where names are numbers.</summary>
    Names,
}

/// <summary>Adds to charts, whoever made them; the chart that is given stays as it was.</summary>
public static class ChartExtensions
{
    /// <summary>Sets the title.</summary>
    /// <param name="chart">The chart.</param>
    /// <param name="title">Title above the plot.</param>
    public static GenericChart WithTitle(this GenericChart chart, string title) =>
        chart.Changed(layout => With(Part<Title>(layout, "title"), ("text", title)));

    /// <summary>Names and divides the horizontal axis.</summary>
    /// <param name="chart">The chart.</param>
    /// <param name="title">What is plotted, with its unit.</param>
    /// <param name="scale">Linear or logarithmic.</param>
    /// <param name="range">First and last value; null: all of the data.</param>
    /// <exception cref="ArgumentException">The range of a logarithmic axis is not positive.</exception>
    public static GenericChart WithXAxis(
        this GenericChart chart, string title, AxisScale scale = AxisScale.Linear,
        (double First, double Last)? range = null) =>
        chart.WithAxis("xaxis", title, scale, range);

    /// <summary>Names and divides the vertical axis.</summary>
    /// <inheritdoc cref="WithXAxis"/>
    public static GenericChart WithYAxis(
        this GenericChart chart, string title, AxisScale scale = AxisScale.Linear,
        (double First, double Last)? range = null) =>
        chart.WithAxis("yaxis", title, scale, range);

    /// <summary>Sets the size.</summary>
    /// <param name="chart">The chart.</param>
    /// <param name="width">Pixels, at least 100.</param>
    /// <param name="height">Pixels, at least 100.</param>
    public static GenericChart WithSize(this GenericChart chart, int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 100);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 100);
        return chart.Changed(layout => With(layout, ("width", width), ("height", height)));
    }

    /// <summary>Writes words at a point, with an arrow to it.</summary>
    /// <param name="chart">The chart.</param>
    /// <param name="x">Abscissa, in the axis' units.</param>
    /// <param name="y">Ordinate, in the axis' units.</param>
    /// <param name="text">The words.</param>
    /// <remarks>Call it after the axes are set: on a logarithmic axis plotly wants the exponent.</remarks>
    public static GenericChart WithAnnotation(this GenericChart chart, double x, double y, string text) =>
        chart.Changed(layout => Add(layout, "annotations", With(new Annotation(),
            ("x", OnAxis(layout, "xaxis", x)), ("y", OnAxis(layout, "yaxis", y)), ("text", text), ("showarrow", true),
            ("arrowhead", 2), ("arrowwidth", 1), ("arrowcolor", Quiet), ("ax", 28), ("ay", -28))));

    /// <summary>Draws a dotted line over the plot's whole height.</summary>
    /// <param name="chart">The chart.</param>
    /// <param name="x">Abscissa, in the axis' units.</param>
    /// <param name="label">Word at its upper end; may be empty.</param>
    public static GenericChart WithVerticalLine(this GenericChart chart, double x, string label = "") =>
        chart.Changed(layout =>
            Add(layout, "shapes", With(DottedLine(), ("xref", "x"), ("yref", "paper"), ("x0", x), ("x1", x),
            ("y0", 0), ("y1", 1), ("label", Label(label, ("textangle", 0), ("xanchor", "left"), ("yanchor", "top"))))));

    /// <summary>Draws a dotted line over the plot's whole width.</summary>
    /// <param name="chart">The chart.</param>
    /// <param name="y">Ordinate, in the axis' units.</param>
    /// <param name="label">Word at its right end; may be empty.</param>
    public static GenericChart WithHorizontalLine(this GenericChart chart, double y, string label = "") =>
        chart.Changed(layout =>
            Add(layout, "shapes", With(DottedLine(), ("xref", "paper"), ("yref", "y"), ("x0", 0), ("x1", 1),
            ("y0", y), ("y1", y), ("label", Label(label)))));

    /// <summary>Draws a rectangle.</summary>
    /// <param name="chart">The chart.</param>
    /// <param name="x">First and last abscissa, in the axis' units.</param>
    /// <param name="y">First and last ordinate, in the axis' units.</param>
    /// <param name="label">Word in it; may be empty.</param>
    public static GenericChart WithBox(
        this GenericChart chart, (double First, double Last) x, (double First, double Last) y, string label = "") =>
        chart.Changed(layout => Add(layout, "shapes", With(new Shape(), ("type", "rect"), ("xref", "x"), ("yref", "y"),
            ("x0", x.First), ("x1", x.Last), ("y0", y.First), ("y1", y.Last), ("layer", "below"),
            ("fillcolor", "rgba(118,123,133,0.16)"), ("line", With(new Line(), ("width", 0))),
                ("label", Label(label)))));

    /// <summary>Puts a slider below the chart that shows a part of its traces at a time.</summary>
    /// <param name="chart">
    /// A chart of as many traces as steps, or of a multiple: then each step shows as many in a row.
    /// </param>
    /// <param name="labels">What each step is called.</param>
    /// <param name="prefix">Words before the label of the step that is shown.</param>
    /// <exception cref="ArgumentException">The traces cannot be dealt out evenly.</exception>
    public static GenericChart WithSlider(this GenericChart chart, IReadOnlyList<string> labels, string prefix = "")
    {
        var traces = GenericChart.getTraces(chart).ToArray();
        if (labels.Count == 0 || traces.Length % labels.Count != 0)
            throw new ArgumentException(
                $"labels: found {labels.Count} for {traces.Length} traces, expected one for each "
                    + $"trace or for each equal group of them.",
                nameof(labels));
        var group = traces.Length / labels.Count;
        var steps = labels.Select((label, step) =>
            With(new SliderStep(), ("label", label), ("method", "restyle"), ("args",
            new object[] { "visible", traces.Select((_, t) => t / group == step).ToArray() }))).ToArray();
        var slider = With(new Slider(), ("active", 0), ("pad", With(new Padding(), ("t", 44))),
            ("currentvalue", With(new SliderCurrentValue(), ("prefix", prefix))), ("steps", steps));
        var shown = traces.Select((trace, t) => With(Copy(trace), ("visible", t < group)));
        var layout = With(Copy(GenericChart.getLayout(chart)), ("sliders", new[] { slider }));
        return GenericChart.NewMultiChart(
            ListModule.OfSeq(shown), layout, GenericChart.getConfig(chart), GenericChart.getDisplayOptions(chart));
    }

    /// <summary>
    /// Says in words what the chart shows, for who cannot see it; else it is told from the title, axes and names.
    /// </summary>
    /// <param name="chart">The chart.</param>
    /// <param name="text">One or two sentences.</param>
    public static GenericChart WithDescription(this GenericChart chart, string text) =>
        chart.Changed(layout => With(layout, ("meta", new Dictionary<string, string> { ["description"] = text })));

    private static GenericChart WithAxis(
        this GenericChart chart, string name, string title, AxisScale scale, (double First, double Last)? range)
    {
        if (scale == AxisScale.Log && range is var (low, high) && !(low > 0 && high > 0))
            throw new ArgumentException(
                $"range: found {low} to {high}, expected positive values on a logarithmic axis.", nameof(range));
        return chart.Changed(layout =>
        {
            var axis = Part<LinearAxis>(layout, name);
            With(axis, ("title", With(new Title(), ("text", title))), 
                ("type", scale switch { AxisScale.Log => "log", AxisScale.Names => "category", _ => "-" }));
            if (scale == AxisScale.Log)
                // Over more than a decade plotly labels all digits between powers of ten where it may set many ticks.
                With(axis, ("exponentformat", "power"), ("nticks", 4));
            if (range is var (first, last))
                With(axis,
                    ("range", scale == AxisScale.Log ? [Math.Log10(first), Math.Log10(last)] : new[] { first, last }));
        });
    }

    // Plotly.NET's own functions change the layout in its place, which combined charts share.
    private static GenericChart Changed(this GenericChart chart, Action<Layout> change)
    {
        var layout = Copy(GenericChart.getLayout(chart));
        change(layout);
        return GenericChart.setLayout(layout, chart);
    }

    private static T Copy<T>(T source)
        where T : DynamicObj.DynamicObj
    {
        // A trace has no constructor without arguments.
        var type = source.GetType();
        var copy = (T)(source is Trace trace ? Activator.CreateInstance(type, trace.type)
            : Activator.CreateInstance(type))!;
        foreach (var (name, value) in source.GetProperties(false))
            copy.SetProperty(name,
                value is DynamicObj.DynamicObj inner and not Plotly.NET.Template ? Copy(inner) : value);
        return copy;
    }

    private static Shape DottedLine() =>
        With(new Shape(), ("type", "line"),
            ("line", With(new Line(), ("dash", "dot"), ("width", 1.4), ("color", Quiet))));

    private static ShapeLabel Label(string text, params ReadOnlySpan<(string, object)> place) => With(
        With(new ShapeLabel(), ("text", text), ("textposition", "end"), ("font", With(new Font(), ("size", 11)))),
            place);

    private static double OnAxis(Layout layout, string axis, double value) =>
        Property(layout, axis) is LinearAxis a && Property(a, "type") is { } type
            && $"{type}".Equals("log", StringComparison.OrdinalIgnoreCase)
            ? Math.Log10(value)
            : value;

    private static void Add(Layout layout, string list, object item) =>
        layout.SetProperty(list, new List<object>([.. Property(layout, list) as IEnumerable<object> ?? [], item]));

    private static T Part<T>(Layout layout, string name)
        where T : DynamicObj.DynamicObj, new()
    {
        if (Property(layout, name) is T there)
            return there;
        var made = new T();
        layout.SetProperty(name, made);
        return made;
    }

    private static object? Property(DynamicObj.DynamicObj of, string name) => of.TryGetPropertyValue(name)?.Value;
}
