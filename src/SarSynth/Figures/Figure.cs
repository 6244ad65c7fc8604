// A plot as plotly.js draws it: typed traces and axes that are written as plotly's own JSON (plotly.com/javascript/reference).
using System.Globalization;
using System.Numerics;
using System.Text.Json.Nodes;
using SarSynth.Diffusion.Checkpoints;

namespace SarSynth.Figures;

/// <summary>How an axis is divided.</summary>
public enum AxisScale
{
    /// <summary>Evenly.</summary>
    Linear,

    /// <summary>By powers of ten; values that are not positive are left out by plotly.</summary>
    Log,
}

/// <summary>How a line is drawn.</summary>
public enum LineStyle
{
    /// <summary>Without gaps.</summary>
    Solid,

    /// <summary>Dashes, as for a fitted model.</summary>
    Dash,

    /// <summary>Dots, as for a limit.</summary>
    Dot,
}

/// <summary>A plot. Immutable: every member that adds something returns a new figure.</summary>
/// <remarks>
/// Numbers are written with six significant digits, NaN and infinities as gaps. The last expression of a notebook cell draws itself.
/// </remarks>
[Microsoft.DotNet.Interactive.Formatting.TypeFormatterSource(typeof(NotebookFormatters), PreferredMimeTypes = ["text/html"])]
public sealed class Figure
{
    private readonly JsonObject[] traces;
    private readonly JsonObject layout;

    /// <summary>An empty figure of 720 x 420 pixels.</summary>
    /// <param name="title">Title above the plot; may be empty.</param>
    public Figure(string title = "")
        : this(title, [], Theme.Layout(title), null)
    {
    }

    private Figure(string title, JsonObject[] traces, JsonObject layout, string? description)
    {
        Title = title;
        this.traces = traces;
        this.layout = layout;
        Description = description;
    }

    /// <summary>Title above the plot.</summary>
    public string Title { get; }

    /// <summary>What the figure shows, for who cannot see it; null: told from the title, axes and names.</summary>
    public string? Description { get; }

    /// <summary>Width, pixels.</summary>
    public int Width => (int)layout["width"]!;

    /// <summary>Height, pixels.</summary>
    public int Height => (int)layout["height"]!;

    /// <summary>Adds a line through points.</summary>
    /// <param name="x">Abscissae.</param>
    /// <param name="y">Ordinates, as many as <paramref name="x"/>.</param>
    /// <param name="name">Name in the legend.</param>
    /// <param name="style">How the line is drawn.</param>
    /// <exception cref="ArgumentException">Lengths differ, or there is no point.</exception>
    public Figure Line<TX, TY>(IEnumerable<TX> x, IEnumerable<TY> y, string? name = null, LineStyle style = LineStyle.Solid)
        where TX : INumberBase<TX>
        where TY : INumberBase<TY>
    {
        var trace = Points(x, y, name, "lines");
        trace["line"] = new JsonObject { ["dash"] = style.ToString().ToLowerInvariant(), ["width"] = 2 };
        return With(trace);
    }

    /// <summary>Adds separate points.</summary>
    /// <param name="x">Abscissae.</param>
    /// <param name="y">Ordinates, as many as <paramref name="x"/>.</param>
    /// <param name="name">Name in the legend.</param>
    /// <param name="size">Diameter of a marker, pixels.</param>
    /// <exception cref="ArgumentException">Lengths differ, or there is no point.</exception>
    public Figure Scatter<TX, TY>(IEnumerable<TX> x, IEnumerable<TY> y, string? name = null, double size = 7)
        where TX : INumberBase<TX>
        where TY : INumberBase<TY>
    {
        var trace = Points(x, y, name, "markers");
        trace["marker"] = new JsonObject { ["size"] = size };
        return With(trace);
    }

    /// <summary>Adds bars, one for each category.</summary>
    /// <param name="categories">Names below the bars.</param>
    /// <param name="values">Heights, as many as <paramref name="categories"/>.</param>
    /// <param name="name">Name in the legend.</param>
    /// <param name="errors">Half lengths of the error bars, as many as <paramref name="values"/>; null for none.</param>
    /// <exception cref="ArgumentException">Lengths differ, or there is no bar.</exception>
    public Figure Bars<T>(IEnumerable<string> categories, IEnumerable<T> values, string? name = null, IEnumerable<T>? errors = null)
        where T : INumberBase<T>
    {
        var labels = categories.ToArray();
        var heights = Numbers(values);
        Check(labels.Length, heights.Length, "categories", "values");
        var trace = new JsonObject
        {
            ["type"] = "bar",
            ["x"] = new JsonArray([.. labels.Select(l => JsonValue.Create(l))]),
            ["y"] = Json(heights),
        };
        Name(trace, name);
        if (errors is not null)
        {
            var lengths = Numbers(errors);
            Check(heights.Length, lengths.Length, "values", "errors");
            trace["error_y"] = new JsonObject { ["type"] = "data", ["array"] = Json(lengths), ["thickness"] = 1.4, ["width"] = 4, ["color"] = Theme.Quiet };
        }
        return With(trace);
    }

    /// <summary>Adds the histogram of a sample as a density: its area over the bins' range is the share of values in that range.</summary>
    /// <param name="values">The sample; NaN is left out.</param>
    /// <param name="bins">Number of bins, at least 1.</param>
    /// <param name="name">Name in the legend.</param>
    /// <param name="range">First and last edge; null: the sample's 0.1 and 99.9 percentiles.</param>
    /// <exception cref="ArgumentException">No finite value, no bin, or a range that is empty.</exception>
    public Figure Histogram<T>(IEnumerable<T> values, int bins = 100, string? name = null, (double First, double Last)? range = null)
        where T : INumberBase<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 1);
        var finite = Array.FindAll(Numbers(values), double.IsFinite);
        if (finite.Length == 0)
            throw new ArgumentException("values: found no finite value, expected at least one.", nameof(values));
        var (first, last) = range ?? Percentiles(finite);
        if (!(last > first))
            throw new ArgumentException($"range: found {first} to {last}, expected a last edge above the first.", nameof(range));
        var width = (last - first) / bins;
        var counts = new double[bins];
        foreach (var value in finite)
        {
            if (value >= first && value <= last)
                counts[Math.Min(bins - 1, (int)((value - first) / width))]++;
        }
        return Density(Enumerable.Range(0, bins + 1).Select(i => first + i * width), counts.Select(c => c / (finite.Length * width)), name);
    }

    /// <summary>Adds a histogram that was counted already.</summary>
    /// <param name="edges">Edges of the bins, rising; one more than <paramref name="densities"/>.</param>
    /// <param name="densities">Density in each bin.</param>
    /// <param name="name">Name in the legend.</param>
    /// <exception cref="ArgumentException">Lengths do not fit.</exception>
    public Figure Density<TX, TY>(IEnumerable<TX> edges, IEnumerable<TY> densities, string? name = null)
        where TX : INumberBase<TX>
        where TY : INumberBase<TY>
    {
        var x = Numbers(edges);
        var y = Numbers(densities);
        Check(y.Length + 1, x.Length, "bins + 1", "edges");
        // A step that holds from an edge to the next needs the last value twice.
        var trace = Points(x, [.. y, y[^1]], name, "lines");
        trace["line"] = new JsonObject { ["shape"] = "hv", ["width"] = 1.6 };
        trace["fill"] = "tozeroy";
        return With(trace);
    }

    /// <summary>Adds a map of values, row by row; the first row lies on top.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="values">Values, row-major, [rows x columns].</param>
    /// <param name="unit">Title of the colour bar.</param>
    /// <param name="columnLabels">Text below each column; null for numbers.</param>
    /// <param name="rowLabels">Text left of each row; null for numbers.</param>
    /// <param name="showValues">Whether each value is written into its cell.</param>
    /// <exception cref="ArgumentException">The number of values or labels does not fit.</exception>
    public Figure Heatmap<T>(int rows, int columns, IEnumerable<T> values, string unit = "", IReadOnlyList<string>? columnLabels = null,
        IReadOnlyList<string>? rowLabels = null, bool showValues = false)
        where T : INumberBase<T>
    {
        var flat = Numbers(values);
        Check(rows * columns, flat.Length, "rows x columns", "values");
        var trace = new JsonObject
        {
            ["type"] = "heatmap",
            ["z"] = new JsonArray([.. Enumerable.Range(0, rows).Select(r => Json(flat.AsSpan(r * columns, columns)))]),
            ["colorscale"] = "Viridis",
            ["colorbar"] = new JsonObject { ["title"] = new JsonObject { ["text"] = unit, ["side"] = "right" }, ["outlinewidth"] = 0, ["thickness"] = 14 },
        };
        if (columnLabels is not null)
        {
            Check(columns, columnLabels.Count, "columns", "column labels");
            trace["x"] = new JsonArray([.. columnLabels.Select(l => JsonValue.Create(l))]);
        }
        if (rowLabels is not null)
        {
            Check(rows, rowLabels.Count, "rows", "row labels");
            trace["y"] = new JsonArray([.. rowLabels.Select(l => JsonValue.Create(l))]);
        }
        if (showValues)
            trace["texttemplate"] = "%{z:.3~g}";
        return With(trace).WithLayout(l => l["yaxis"]!["autorange"] = "reversed");
    }

    /// <summary>Adds a map of a raster as colours: every n-th pixel of both axes, which are in pixels of the raster; the first row on top.</summary>
    /// <param name="values">A value for each pixel, row-major, [rows x columns]; kept to three digits.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="every">Of so many pixels one is shown, at least 1.</param>
    /// <param name="unit">Title of the colour bar.</param>
    /// <param name="range">Values of the first and the last colour; null: the lowest and the highest.</param>
    /// <exception cref="ArgumentException">The number of values does not fit.</exception>
    public Figure Map(IReadOnlyList<float> values, int rows, int columns, int every = 1, string unit = "", (double Low, double High)? range = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(every, 1);
        Check(rows * columns, values.Count, "rows x columns", "values");
        int down = (rows + every - 1) / every, across = (columns + every - 1) / every;
        var shown = Enumerable.Range(0, down * across).Select(i => ThreeDigits(values[i / across * every * columns + i % across * every]));
        var figure = Heatmap(down, across, shown, unit);
        var trace = figure.traces[^1];
        (trace["dx"], trace["dy"], trace["x0"], trace["y0"]) = (every, every, 0, 0);
        if (range is { } r)
            (trace["zmin"], trace["zmax"]) = (r.Low, r.High);
        return figure;

        static double ThreeDigits(float v) =>
            float.IsFinite(v) ? double.Parse(v.ToString("G3", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : double.NaN;
    }

    /// <summary>Names and divides the horizontal axis.</summary>
    /// <param name="title">What is plotted, with its unit.</param>
    /// <param name="scale">Linear or logarithmic.</param>
    /// <param name="range">First and last value; null: all of the data.</param>
    public Figure XAxis(string title, AxisScale scale = AxisScale.Linear, (double First, double Last)? range = null) =>
        WithAxis("xaxis", title, scale, range);

    /// <summary>Names and divides the vertical axis.</summary>
    /// <inheritdoc cref="XAxis"/>
    public Figure YAxis(string title, AxisScale scale = AxisScale.Linear, (double First, double Last)? range = null) =>
        WithAxis("yaxis", title, scale, range);

    /// <summary>Writes a word at a point, with an arrow to it.</summary>
    /// <param name="x">Abscissa, in the axis' units.</param>
    /// <param name="y">Ordinate, in the axis' units.</param>
    /// <param name="text">The word.</param>
    /// <remarks>Call it after <see cref="XAxis"/> and <see cref="YAxis"/>: on a logarithmic axis plotly wants the exponent.</remarks>
    public Figure Annotate(double x, double y, string text) => WithLayout(l => Add(l, "annotations", new JsonObject
    {
        ["x"] = OnAxis("xaxis", x), ["y"] = OnAxis("yaxis", y), ["text"] = text, ["showarrow"] = true,
        ["arrowhead"] = 2, ["arrowwidth"] = 1, ["arrowcolor"] = Theme.Quiet, ["ax"] = 28, ["ay"] = -28,
    }));

    /// <summary>Draws a dotted line over the plot's whole height.</summary>
    /// <param name="x">Abscissa, in the axis' units.</param>
    /// <param name="label">Word at its upper end; may be empty.</param>
    public Figure VerticalLine(double x, string label = "") => WithLayout(l => Add(l, "shapes", new JsonObject
    {
        ["type"] = "line", ["xref"] = "x", ["yref"] = "paper", ["x0"] = x, ["x1"] = x, ["y0"] = 0, ["y1"] = 1,
        ["line"] = new JsonObject { ["dash"] = "dot", ["width"] = 1.4, ["color"] = Theme.Quiet },
        ["label"] = new JsonObject { ["text"] = label, ["textposition"] = "end", ["textangle"] = 0, ["xanchor"] = "left", ["yanchor"] = "top", ["font"] = new JsonObject { ["size"] = 11 } },
    }));

    /// <summary>Draws a dotted line over the plot's whole width.</summary>
    /// <param name="y">Ordinate, in the axis' units.</param>
    /// <param name="label">Word at its right end; may be empty.</param>
    public Figure HorizontalLine(double y, string label = "") => WithLayout(l => Add(l, "shapes", new JsonObject
    {
        ["type"] = "line", ["xref"] = "paper", ["yref"] = "y", ["x0"] = 0, ["x1"] = 1, ["y0"] = y, ["y1"] = y,
        ["line"] = new JsonObject { ["dash"] = "dot", ["width"] = 1.4, ["color"] = Theme.Quiet },
        ["label"] = new JsonObject { ["text"] = label, ["textposition"] = "end", ["font"] = new JsonObject { ["size"] = 11 } },
    }));

    /// <summary>Sets the size.</summary>
    /// <param name="width">Pixels, at least 100.</param>
    /// <param name="height">Pixels, at least 100.</param>
    public Figure Size(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 100);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 100);
        return WithLayout(l => (l["width"], l["height"]) = (width, height));
    }

    /// <summary>Says in words what the figure shows.</summary>
    /// <param name="text">One or two sentences.</param>
    public Figure Describe(string text) => new(Title, traces, layout, text);

    /// <summary>The figure as plotly's JSON: an object with "data" and "layout".</summary>
    public string ToJson() => Spec().ToJsonString();

    /// <summary>A piece of a page: a picture that needs nothing, and that turns interactive where plotly.js is there.</summary>
    /// <exception cref="BrowserException">There is no Chromium that draws the picture.</exception>
    public string ToHtml() => FigurePage.Fragment(this, ToPng(1.5));

    /// <summary>The figure as a PNG file.</summary>
    /// <param name="scale">Pixels of the file per pixel of the figure.</param>
    /// <exception cref="BrowserException">There is no Chromium that draws it.</exception>
    public byte[] ToPng(double scale = 2) => Convert.FromBase64String(FigurePage.Draw(this, "png", scale).Split(',', 2)[1]);

    /// <summary>The figure as an SVG file.</summary>
    /// <exception cref="BrowserException">There is no Chromium that draws it.</exception>
    public string ToSvg() => Uri.UnescapeDataString(FigurePage.Draw(this, "svg", 1).Split(',', 2)[1]);

    /// <summary>Writes the figure: .html (self-contained and interactive), .json, .png or .svg, as the path says.</summary>
    /// <param name="path">The file; it appears whole or not at all.</param>
    /// <exception cref="ArgumentException">Another extension.</exception>
    /// <exception cref="BrowserException">There is no Chromium that draws it (.png, .svg).</exception>
    public void Save(string path)
    {
        switch (Path.GetExtension(path).ToLowerInvariant())
        {
            case ".html": AtomicFile.WriteText(path, FigurePage.Page(this)); break;
            case ".json": AtomicFile.WriteText(path, ToJson()); break;
            case ".png": AtomicFile.WriteBytes(path, ToPng()); break;
            case ".svg": AtomicFile.WriteText(path, ToSvg()); break;
            default: throw new ArgumentException($"{path}: found extension '{Path.GetExtension(path)}', expected .html, .json, .png or .svg.", nameof(path));
        }
    }

    /// <summary>What the figure shows, in words.</summary>
    public override string ToString() => Description ?? string.Join(". ", new[]
    {
        Title, $"{AxisTitle("yaxis")} over {AxisTitle("xaxis")}",
        string.Join(", ", traces.Select(t => (string?)t["name"]).Where(n => !string.IsNullOrEmpty(n))),
    }.Where(s => s is not ("" or " over "))) + ".";

    internal JsonObject Spec() => new()
    {
        ["data"] = new JsonArray([.. traces.Select(t => t.DeepClone())]),
        ["layout"] = layout.DeepClone(),
    };

    private string AxisTitle(string axis) => (string?)layout[axis]?["title"]?["text"] ?? "";

    private double OnAxis(string axis, double value) => (string?)layout[axis]!["type"] == "log" ? Math.Log10(value) : value;

    private Figure With(JsonObject trace)
    {
        var figure = new Figure(Title, [.. traces, trace], (JsonObject)layout.DeepClone(), Description);
        figure.layout["showlegend"] = figure.traces.Any(t => (bool?)t["showlegend"] != false && t.ContainsKey("name"));
        return figure;
    }

    private Figure WithLayout(Action<JsonObject> change)
    {
        var copy = (JsonObject)layout.DeepClone();
        change(copy);
        return new Figure(Title, traces, copy, Description);
    }

    private Figure WithAxis(string axis, string title, AxisScale scale, (double First, double Last)? range) => WithLayout(l =>
    {
        var target = l[axis]!.AsObject();
        target["title"] = new JsonObject { ["text"] = title };
        target["type"] = scale == AxisScale.Log ? "log" : "-";
        if (scale == AxisScale.Log)
            (target["exponentformat"], target["dtick"]) = ("power", null);
        if (range is not var (first, last))
            return;
        if (scale == AxisScale.Log && !(first > 0 && last > 0))
            throw new ArgumentException($"range: found {first} to {last}, expected positive values on a logarithmic axis.", nameof(range));
        target["range"] = scale == AxisScale.Log ? new JsonArray(Math.Log10(first), Math.Log10(last)) : new JsonArray(first, last);
    });

    private static void Add(JsonObject layout, string list, JsonObject item)
    {
        if (layout[list] is not JsonArray array)
            layout[list] = array = [];
        array.Add(item);
    }

    private static JsonObject Points<TX, TY>(IEnumerable<TX> x, IEnumerable<TY> y, string? name, string mode)
        where TX : INumberBase<TX>
        where TY : INumberBase<TY>
    {
        var abscissae = Numbers(x);
        var ordinates = Numbers(y);
        Check(abscissae.Length, ordinates.Length, "x", "y");
        var trace = new JsonObject { ["type"] = "scatter", ["mode"] = mode, ["x"] = Json(abscissae), ["y"] = Json(ordinates) };
        Name(trace, name);
        return trace;
    }

    private static void Name(JsonObject trace, string? name)
    {
        if (name is null)
            trace["showlegend"] = false;
        else
            trace["name"] = name;
    }

    private static void Check(int expected, int found, string first, string second)
    {
        if (found == 0 || expected != found)
            throw new ArgumentException($"{second}: found {found} values, expected as many as {first} ({expected}), and at least one.");
    }

    private static double[] Numbers<T>(IEnumerable<T> values)
        where T : INumberBase<T> => values as double[] ?? [.. values.Select(double.CreateTruncating)];

    private static JsonArray Json(ReadOnlySpan<double> values)
    {
        var array = new JsonArray();
        foreach (var value in values)
            array.Add(double.IsFinite(value) ? JsonValue.Create(SixDigits(value)) : null);
        return array;
    }

    private static double SixDigits(double value)
    {
        if (value == 0)
            return 0;
        var digits = 5 - (int)Math.Floor(Math.Log10(Math.Abs(value)));
        return digits is >= 0 and <= 15 ? Math.Round(value, digits) : double.Parse(value.ToString("G6"));
    }

    private static (double First, double Last) Percentiles(double[] values)
    {
        var sorted = (double[])values.Clone();
        Array.Sort(sorted);
        var first = sorted[(int)(0.001 * (sorted.Length - 1))];
        var last = sorted[(int)(0.999 * (sorted.Length - 1))];
        return last > first ? (first, last) : (first - 0.5, first + 0.5);
    }
}
