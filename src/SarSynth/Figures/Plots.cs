// The kit's charts, as Plotly.NET's: go on with its API, or with the extension methods beside this file.
using System.Globalization;
using System.Numerics;
using Plotly.NET;
using SarSynth.Data;
using SarSynth.Evaluation;
using SarSynth.Radar.Images;
using SarSynth.Radar.Statistics;
using Chart = Plotly.NET.CSharp.Chart;

namespace SarSynth.Figures;

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

/// <summary>Makes charts of one thing each; <c>Chart.Combine</c> of Plotly.NET lays several over each other.</summary>
/// <remarks>
/// All return Plotly.NET's <see cref="GenericChart"/>, 720 x 420 pixels in the kit's theme. NaN and infinities are
/// gaps. The last expression of a notebook cell draws itself.
/// </remarks>
public static partial class Plots
{
    static Plots() => Theme.Apply();

    /// <summary>A line through points.</summary>
    /// <param name="x">Abscissae.</param>
    /// <param name="y">Ordinates, as many as <paramref name="x"/>.</param>
    /// <param name="name">Name in the legend; null for none.</param>
    /// <param name="style">How the line is drawn.</param>
    /// <exception cref="ArgumentException">Lengths differ, or there is no point.</exception>
    public static GenericChart Line<TX, TY>(
        IEnumerable<TX> x, IEnumerable<TY> y, string? name = null, LineStyle style = LineStyle.Solid)
        where TX : INumberBase<TX>
        where TY : INumberBase<TY>
    {
        var (abscissae, ordinates) = Points(x, y);
        var dash = style switch
        {
            LineStyle.Dash => StyleParam.DrawingStyle.Dash,
            LineStyle.Dot => StyleParam.DrawingStyle.Dot,
            _ => StyleParam.DrawingStyle.Solid,
        };
        return Chart.Line<double, double, string>(abscissae, ordinates, LineDash: dash, LineWidth: 2.0).Named(name);
    }

    /// <summary>Separate points.</summary>
    /// <param name="x">Abscissae.</param>
    /// <param name="y">Ordinates, as many as <paramref name="x"/>.</param>
    /// <param name="name">Name in the legend; null for none.</param>
    /// <param name="size">Diameter of a marker, pixels.</param>
    /// <exception cref="ArgumentException">Lengths differ, or there is no point.</exception>
    public static GenericChart Points<TX, TY>(
        IEnumerable<TX> x, IEnumerable<TY> y, string? name = null, double size = 7)
        where TX : INumberBase<TX>
        where TY : INumberBase<TY>
    {
        var (abscissae, ordinates) = Points(x, y);
        var marker = Theme.With(new Plotly.NET.TraceObjects.Marker(), ("size", size));
        return Chart.Point<double, double, string>(abscissae, ordinates, Marker: marker).Named(name);
    }

    /// <summary>Bars, one for each category.</summary>
    /// <param name="categories">Names below the bars.</param>
    /// <param name="values">Heights, as many as <paramref name="categories"/>.</param>
    /// <param name="name">Name in the legend; null for none.</param>
    /// <param name="errors">Half lengths of the error bars, as many as <paramref name="values"/>; null for
    /// none.</param>
    /// <exception cref="ArgumentException">Lengths differ, or there is no bar.</exception>
    public static GenericChart Bars<T>(
        IEnumerable<string> categories, IEnumerable<T> values, string? name = null, IEnumerable<T>? errors = null)
        where T : INumberBase<T>
    {
        var labels = categories.ToArray();
        var heights = Numbers(values);
        Check(labels.Length, heights.Length, "categories", "values");
        var chart = Chart.Column<double, string, string>(heights, Keys: labels);
        if (errors is not null)
        {
            var lengths = Numbers(errors);
            Check(heights.Length, lengths.Length, "values", "errors");
            Theme.With(Trace(chart), ("error_y", Theme.With(new Plotly.NET.TraceObjects.Error(),
                ("type", "data"), ("array", lengths), ("thickness", 1.4), ("width", 4), ("color", Theme.Quiet))));
        }
        return chart.Named(name);
    }

    /// <summary>
    /// The histogram of a sample as a density: its area over the bins' range is the share of values in that range.
    /// </summary>
    /// <param name="values">The sample; NaN is left out.</param>
    /// <param name="bins">Number of bins, at least 1.</param>
    /// <param name="name">Name in the legend; null for none.</param>
    /// <param name="range">First and last edge; null: the sample's 0.1 and 99.9 percentiles.</param>
    /// <exception cref="ArgumentException">No finite value, no bin, or a range that is empty.</exception>
    public static GenericChart Histogram<T>(
        IEnumerable<T> values, int bins = 100, string? name = null, (double First, double Last)? range = null)
        where T : INumberBase<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 1);
        var finite = Array.FindAll(Numbers(values), double.IsFinite);
        if (finite.Length == 0)
            throw new ArgumentException("values: found no finite value, expected at least one.", nameof(values));
        var (first, last) = range ?? Percentiles(finite);
        if (!(last > first))
            throw new ArgumentException($"range: found {first} to {last}, expected a last edge above the first.",
                nameof(range));
        var width = (last - first) / bins;
        var counts = new double[bins];
        foreach (var value in finite)
        {
            if (value >= first && value <= last)
                counts[Math.Min(bins - 1, (int)((value - first) / width))]++;
        }
        var edges = Enumerable.Range(0, bins + 1).Select(i => first + i * width);
        return Density(edges, counts.Select(c => c / (finite.Length * width)), name);
    }

    /// <summary>A histogram that was counted already.</summary>
    /// <param name="edges">Edges of the bins, rising; one more than <paramref name="densities"/>.</param>
    /// <param name="densities">Density in each bin.</param>
    /// <param name="name">Name in the legend; null for none.</param>
    /// <exception cref="ArgumentException">Lengths do not fit.</exception>
    public static GenericChart Density<TX, TY>(IEnumerable<TX> edges, IEnumerable<TY> densities, string? name = null)
        where TX : INumberBase<TX>
        where TY : INumberBase<TY>
    {
        var x = Numbers(edges);
        var y = Numbers(densities);
        Check(y.Length + 1, x.Length, "bins + 1", "edges");
        // A step that holds from an edge to the next needs the last value twice.
        var line = Theme.With(new Plotly.NET.Line(), ("shape", "hv"), ("width", 1.6));
        return Chart.Line<double, double, string>(x, [.. y, y[^1]], Line: line, Fill: StyleParam.Fill.ToZero_y)
            .Named(name);
    }

    /// <summary>A map of values, row by row; the first row lies on top.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="values">Values, row-major, [rows x columns].</param>
    /// <param name="unit">Title of the colour bar.</param>
    /// <param name="columnLabels">Text below each column; null for numbers.</param>
    /// <param name="rowLabels">Text left of each row; null for numbers.</param>
    /// <param name="showValues">Whether each value is written into its cell.</param>
    /// <exception cref="ArgumentException">The number of values or labels does not fit.</exception>
    public static GenericChart Heatmap<T>(
        int rows, int columns, IEnumerable<T> values, string unit = "", IReadOnlyList<string>? columnLabels = null,
        IReadOnlyList<string>? rowLabels = null, bool showValues = false)
        where T : INumberBase<T>
    {
        var flat = Numbers(values);
        Check(rows * columns, flat.Length, "rows x columns", "values");
        var lines = Enumerable.Range(0, rows).Select(r => flat[(r * columns)..((r + 1) * columns)]).ToArray();
        var chart = Chart.Heatmap<double, string, string, string>(lines, ReverseYAxis: true);
        var trace = Trace(chart);
        if (unit.Length > 0)
            Theme.With(trace,
                ("colorbar", Theme.With(new ColorBar(), ("title", Theme.With(new Title(), ("text", unit))))));
        if (columnLabels is not null)
        {
            Check(columns, columnLabels.Count, "columns", "column labels");
            Theme.With(trace, ("x", columnLabels));
        }
        if (rowLabels is not null)
        {
            Check(rows, rowLabels.Count, "rows", "row labels");
            Theme.With(trace, ("y", rowLabels));
        }
        if (showValues)
            Theme.With(trace, ("texttemplate", "%{z:.3~g}"));
        return chart;
    }

    /// <summary>
    /// A map of a raster as colours: every n-th pixel of both axes, which are in pixels of the raster; the first row on
    /// top.
    /// </summary>
    /// <param name="values">A value for each pixel, row-major, [rows x columns]; kept to three digits.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="every">Of so many pixels one is shown, at least 1.</param>
    /// <param name="unit">Title of the colour bar.</param>
    /// <param name="range">Values of the first and the last colour; null: the lowest and the highest.</param>
    /// <exception cref="ArgumentException">The number of values does not fit.</exception>
    public static GenericChart Map(
        IReadOnlyList<float> values, int rows, int columns, int every = 1, string unit = "",
        (double Low, double High)? range = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(every, 1);
        Check(rows * columns, values.Count, "rows x columns", "values");
        int down = (rows + every - 1) / every, across = (columns + every - 1) / every;
        var shown = Enumerable.Range(0, down * across)
            .Select(i => ThreeDigits(values[i / across * every * columns + i % across * every]));
        var chart = Heatmap(down, across, shown, unit);
        var trace = Theme.With(Trace(chart), ("dx", every), ("dy", every), ("x0", 0), ("y0", 0));
        if (range is { } r)
            Theme.With(trace, ("zmin", r.Low), ("zmax", r.High));
        return chart;

        static double ThreeDigits(float v) => float.IsFinite(v)
            ? double.Parse(v.ToString("G3", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)
            : double.NaN;
    }

    /// <summary>
    /// Amplitude densities of all images of a comparison, normalised by the truth's mu + 3 sigma.
    /// </summary>
    /// <param name="comparison">The comparison.</param>
    public static GenericChart Amplitude(Comparison comparison)
    {
        var lines = comparison.Candidates.Prepend(comparison.Truth).Select(candidate =>
        {
            var pixels = candidate.Images.SelectMany(i => i.Pixels);
            var histogram = AirborneLikeness.AmplitudeHistogram([.. pixels], comparison.Table.Normalisation);
            // The last bin holds all that was clipped; it is no density.
            var bins = histogram.Counts.Count - 1;
            return Line(
                Enumerable.Range(0, bins).Select(histogram.Center),
                histogram.Densities().Take(bins).Select(d => Math.Max(d, 1e-6)), candidate.Name);
        });
        return Chart.Combine(lines.ToArray()).WithTitle("Amplitude distributions")
            .WithXAxis("A / (mu + 3 sigma)").WithYAxis("density", AxisScale.Log);
    }

    /// <summary>
    /// Power spectral densities of the intensity of all images of a comparison, each over its own mean. Texture of the
    /// ground stands at low frequencies; where the sensor's band ends, the speckle's density falls.
    /// </summary>
    /// <param name="comparison">The comparison; its images are 8 x 8 pixels or larger.</param>
    /// <param name="axis">Along range or azimuth.</param>
    public static GenericChart Spectrum(Comparison comparison, ImageAxis axis = ImageAxis.Range)
    {
        var lines = comparison.Candidates.Prepend(comparison.Truth).Select(candidate =>
        {
            var densities = candidate.Images.Select(i => Radar.Statistics.Spectrum.Of(
                i.ToIntensity().Pixels, i.Rows, i.Columns, axis).PowerDensity).ToArray();
            // Images of other sizes may have other frequencies: those of the first are shown. Half of an even spectrum.
            var n = densities[0].Count;
            var alike = densities.Where(d => d.Count == n).ToArray();
            var positive = Enumerable.Range(n / 2 + 1, n - n / 2 - 1).ToArray();
            return Line(positive.Select(k => (double)k / n - 0.5), positive.Select(k => alike.Average(d => d[k])),
                candidate.Name);
        });
        return Chart.Combine(lines.ToArray())
            .WithTitle($"Spectrum of the intensity along {axis.ToString().ToLowerInvariant()}")
            .WithXAxis("cycles per pixel").WithYAxis("density over its mean", AxisScale.Log);
    }

    /// <summary>
    /// Amplitude over the homogeneous windows of an image, each over its own root mean square, and the law of fully
    /// developed speckle: Rayleigh's for one look, else the square root of a Gamma variable.
    /// </summary>
    /// <param name="image">The image.</param>
    /// <param name="looks">Looks of the law.</param>
    /// <exception cref="ArgumentException">No window of the image is homogeneous.</exception>
    public static GenericChart Speckle(SarImage image, double looks = 1)
    {
        var intensity = image.ToIntensity();
        var windows = Enl.Homogeneous(intensity.Pixels, image.Rows, image.Columns, 16).Chosen;
        if (windows.Count == 0)
            throw new ArgumentException("image: found no homogeneous window of 16 x 16 pixels.", nameof(image));
        var ratios = windows.SelectMany(w =>
        {
            var pixels = intensity.Crop(new RasterWindow(w.Row, w.Column, w.Size, w.Size)).Pixels;
            var mean = pixels.Average(p => (double)p);
            return pixels.Select(p => Math.Sqrt(p / mean));
        }).ToArray();
        var law = new GammaLaw(looks, 1);
        var x = Enumerable.Range(0, 120).Select(i => 0.025 * (i + 0.5)).ToArray();
        return Chart.Combine([Histogram(ratios, 120, $"{windows.Count} windows", (0, 3)),
                Line(x, x.Select(a => 2 * a * law.Density(a * a)), looks == 1 ? "Rayleigh" : $"{looks:0.##} looks")])
            .WithTitle("Amplitude over homogeneous ground, in units of its root mean square")
            .WithXAxis("amplitude / rms").WithYAxis("density");
    }

    /// <summary>ENL of the window around every eighth pixel, as a map.</summary>
    /// <param name="image">The image.</param>
    /// <param name="window">Side of the window, pixels, odd.</param>
    public static GenericChart LooksMap(SarImage image, int window = 15) => Map(
        Enl.Map(image.ToIntensity().Pixels, image.Rows, image.Columns, window),
        image.Rows, image.Columns, 8, "looks", (0, 2))
        .WithTitle($"ENL of the {window} x {window} window around every eighth pixel").WithSize(520, 440);

    /// <summary>Contrast of co-occurrence in the window around every eighth pixel, as a map.</summary>
    /// <param name="image">The image.</param>
    /// <param name="window">Side of the window, pixels, odd.</param>
    public static GenericChart ContrastMap(SarImage image, int window = 31) => Map(
        Glcm.Map(Survey.Grey(image, 16), image.Rows, image.Columns, 16, window, GlcmFeature.Contrast),
        image.Rows, image.Columns, 8, "contrast")
        .WithTitle($"Contrast in the {window} x {window} window around every eighth pixel").WithSize(520, 440);

    /// <summary>The losses that a training or a fine-tuning wrote, means of ten steps.</summary>
    /// <param name="model">The model's folder, with losses.csv (stage,step,loss), or a model of the kit; or the folder
    /// of a fine-tuning, whose validations are drawn too.</param>
    /// <exception cref="FileNotFoundException">There is no such model, or it has no losses.</exception>
    /// <exception cref="InvalidDataException">A line is not one of stage, step and loss.</exception>
    public static GenericChart Losses(string model)
    {
        var folder = EmbeddedData.FindModel(model);
        var path = Path.Combine(folder, "losses.csv");
        if (!File.Exists(path))
        {
            if (TuningCurves.Read(folder) is { Count: > 0 } curves)
                return Chart.Combine([.. curves.Select(c => Line(c.Steps, c.Values, c.Name,
                        c.Name.Contains(',', StringComparison.Ordinal) ? LineStyle.Dash : LineStyle.Solid))])
                    .WithTitle("Losses").WithXAxis("step").WithYAxis("loss", AxisScale.Log);
            throw new FileNotFoundException($"{path}: no such file; a training writes it.", path);
        }
        var lines = File.ReadLines(path).Select((line, i) => line.Split(',') is [var stage, var step, var loss]
            && double.TryParse(step, CultureInfo.InvariantCulture, out var x)
            && double.TryParse(loss, CultureInfo.InvariantCulture, out var y) ? (Stage: stage, Step: x, Loss: y)
            : throw new InvalidDataException($"{path}, line {i + 1}: found '{line}', expected stage,step,loss."));
        return Chart.Combine([.. lines.GroupBy(l => l.Stage)
                .Select(stage => Line(stage.Select(l => l.Step), stage.Select(l => l.Loss), stage.Key))])
            .WithTitle("Losses").WithXAxis("step").WithYAxis("loss", AxisScale.Log);
    }

    // Only traces that were made a moment ago are changed: charts share theirs.
    private static Trace Trace(GenericChart chart) => GenericChart.getTraces(chart).Head;

    private static GenericChart Named(this GenericChart chart, string? name)
    {
        if (name is null)
            Theme.With(Trace(chart), ("showlegend", false));
        else
            Theme.With(Trace(chart), ("name", name), ("showlegend", true));
        return chart;
    }

    private static (double[] X, double[] Y) Points<TX, TY>(IEnumerable<TX> x, IEnumerable<TY> y)
        where TX : INumberBase<TX>
        where TY : INumberBase<TY>
    {
        var (abscissae, ordinates) = (Numbers(x), Numbers(y));
        Check(abscissae.Length, ordinates.Length, "x", "y");
        return (abscissae, ordinates);
    }

    private static void Check(int expected, int found, string first, string second)
    {
        if (found == 0 || expected != found)
            throw new ArgumentException(
                $"{second}: found {found} values, expected as many as {first} ({expected}), and at least one.");
    }

    // A copy: what becomes of the caller's array later must not change the chart.
    private static double[] Numbers<T>(IEnumerable<T> values)
        where T : INumberBase<T> => [.. values.Select(double.CreateTruncating)];

    private static (double First, double Last) Percentiles(double[] values)
    {
        var sorted = (double[])values.Clone();
        Array.Sort(sorted);
        var first = sorted[(int)(0.001 * (sorted.Length - 1))];
        var last = sorted[(int)(0.999 * (sorted.Length - 1))];
        return last > first ? (first, last) : (first - 0.5, first + 0.5);
    }
}
