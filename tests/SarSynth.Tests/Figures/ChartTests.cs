// What a chart writes is what plotly's reference asks for; densities integrate to what they must; equal charts are
// equal bytes.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Plotly.NET;
using SarSynth.Figures;
using Chart = Plotly.NET.CSharp.Chart;

namespace SarSynth.Tests.Figures;

public class ChartTests
{
    private static JsonObject Spec(GenericChart chart) => JsonNode.Parse(chart.ToPlotlyJson())!.AsObject();

    private static JsonNode Trace(GenericChart chart) => Spec(chart)["data"]![0]!;

    private static double[] Array(JsonNode? node) =>
        [.. node!.AsArray().Select(n => n is null ? double.NaN : (double)n)];

    private static readonly GenericChart point = Plots.Points([1], [1]);

    [Fact]
    public void LineHasPlotlysShape()
    {
        var spec = Spec(Plots.Line([1, 2, 3], [0.5f, 0.25f, float.NaN], "K", LineStyle.Dash)
            .WithTitle("Fit").WithXAxis("amplitude").WithYAxis("density", AxisScale.Log, (0.01, 10)));
        var trace = spec["data"]![0]!;
        Assert.Equal("scatter", (string?)trace["type"]);
        Assert.Equal("lines", (string?)trace["mode"]);
        Assert.Equal("dash", (string?)trace["line"]!["dash"]);
        Assert.Equal([1, 2, 3], Array(trace["x"]));
        Assert.Equal([0.5, 0.25, double.NaN], Array(trace["y"]));
        Assert.True((bool?)trace["showlegend"]);
        Assert.Equal("log", (string?)spec["layout"]!["yaxis"]!["type"]);
        Assert.Equal([-2, 1], Array(spec["layout"]!["yaxis"]!["range"]));
        Assert.Equal("Fit", (string?)spec["layout"]!["title"]!["text"]);
        Assert.False((bool?)Trace(Plots.Line([1], [1]))["showlegend"]);
    }

    [Theory]
    [InlineData(2, false)]
    [InlineData(6, true)]
    [InlineData(9, true)]
    public void ALegendOfSeveralLinesLeavesTheTitleItsPlace(int names, bool breaks)
    {
        var chart = Chart.Combine([.. Enumerable.Range(0, names)
            .Select(i => Plots.Line([0, 1], [i, i], $"simulated airborne {i}"))]).WithTitle("Six names and a title");
        Assert.Equal(breaks, Spec(chart)["layout"]!["margin"]?["t"] is not null);
        // As plotly drew them: the legend's upper end lies below the title's baseline.
        var svg = chart.ToSvg();
        var legend = Regex.Match(svg, """<g class="legend"[^>]*transform="translate\([\d.]+,\s*([\d.]+)\)""");
        var title = Regex.Match(svg, """<text class="gtitle"[^>]* y="([\d.]+)""");
        Assert.True(legend.Success && title.Success, svg[..Math.Min(svg.Length, 400)]);
        var (top, baseline) = (double.Parse(legend.Groups[1].Value), double.Parse(title.Groups[1].Value));
        Assert.True(top > baseline, $"legend from {top}, title to {baseline}");
    }

    [Theory]
    [InlineData(0.3, 5)]
    [InlineData(0.04, 7)]
    [InlineData(0.002, 5)]
    [InlineData(1e-9, 10)]
    public void DigitsBesideALogarithmicAxisStandApart(double low, double high)
    {
        var svg = Plots.Line([0, 1], [low, high]).WithXAxis("x").WithYAxis("y", AxisScale.Log).ToSvg();
        double[] heights = [.. Regex.Matches(svg, """<g class="ytick"><text[^>]* transform="translate\(0,([\d.]+)\)""")
            .Select(m => double.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).Order()];
        Assert.True(heights.Length >= 3, svg[..Math.Min(svg.Length, 400)]);
        // Small digits are three quarters of the font of 13 pixels high.
        Assert.All(heights.Zip(heights.Skip(1)), pair => Assert.InRange(pair.Second - pair.First, 9.75, 400));
    }

    [Fact]
    public void HistogramIsADensity()
    {
        // 1000 values, a quarter of them in [0, 1), the rest in [1, 2); one NaN does not count.
        var values = Enumerable.Range(0, 1000).Select(i => i < 250 ? 0.5 : 1.5).Append(double.NaN);
        var trace = Trace(Plots.Histogram(values, 2, "sample", (0, 2)));
        Assert.Equal([0, 1, 2], Array(trace["x"]));
        Assert.Equal([0.25, 0.75, 0.75], Array(trace["y"]));
        Assert.Equal("hv", (string?)trace["line"]!["shape"]);
        Assert.Equal("tozeroy", (string?)trace["fill"]);
    }

    [Fact]
    public void HistogramKeepsTheShareOutsideItsRangeOut() =>
        Assert.Equal(0.25,
            Array(Trace(
            Plots.Histogram([1.0, 1.0, 9.0, 9.0], 1, null, (0, 2)))["y"])[0]);   // half of the values over a width of 2

    [Fact]
    public void HeatmapIsRowMajorWithTheFirstRowOnTop()
    {
        var spec = Spec(Plots.Heatmap(2, 3, new[] { 1, 2, 3, 4, 5, 6 }, "dB", ["a", "b", "c"], ["x", "y"]));
        Assert.Equal([4, 5, 6], Array(spec["data"]![0]!["z"]![1]));
        Assert.Equal("dB", (string?)spec["data"]![0]!["colorbar"]!["title"]!["text"]);
        Assert.Equal("reversed", (string?)spec["layout"]!["yaxis"]!["autorange"]);
    }

    [Fact]
    public void MapShowsEveryNthPixelInThePixelsOfTheRaster()
    {
        var values = Enumerable.Range(0, 15).Select(i => i == 4 ? float.NaN : i + 0.12345f).ToArray();
        var spec = Spec(Plots.Map(values, 3, 5, every: 2, "looks", (0, 9)));
        var trace = spec["data"]![0]!;
        Assert.Equal("[[0.123,2.12,null],[10.1,12.1,14.1]]", trace["z"]!.ToJsonString());
        Assert.Equal((2, 2, 0, 9), ((int)trace["dx"]!, (int)trace["dy"]!, (int)trace["zmin"]!, (int)trace["zmax"]!));
        Assert.Equal("reversed", (string?)spec["layout"]!["yaxis"]!["autorange"]);
        Assert.Contains("found 14 values",
            Assert.Throws<ArgumentException>(() => Plots.Map(values[..14], 3, 5)).Message);
    }

    [Theory]
    [InlineData(123456.789, 123457)]
    [InlineData(-0.000123456789, -0.000123457)]
    [InlineData(1.23456789e-30, 1.23457e-30)]
    [InlineData(1.23456789e+30, 1.23457e+30)]
    [InlineData(0, 0)]
    public void NumbersKeepSixDigits(double value, double expected) =>
        Assert.Equal(expected, Array(Trace(Plots.Points([value], [value]))["x"])[0]);

    [Fact]
    public void NumbersOfPlotlyNetAloneAreRoundedAndGapsAreNull()
    {
        var chart = Chart.Line<double, float, string>([1.0 / 3, double.NaN], [2f / 3, float.PositiveInfinity]);
        Assert.Contains("\"x\":[0.333333,null],\"y\":[0.666667,null]", chart.ToPlotlyJson());
        Assert.Contains("NaN", GenericChart.toJson(chart));   // what Plotly.NET itself writes is no number to plotly
    }

    [Fact]
    public void ErrorBarsBelongToTheirBars()
    {
        var trace = Trace(Plots.Bars(["a", "b"], [1.0, 2], "GLCM", [0.1, 0.2]));
        Assert.Equal("bar", (string?)trace["type"]);
        Assert.Equal([0.1, 0.2], Array(trace["error_y"]!["array"]));
        Assert.Contains("found 1",
            Assert.Throws<ArgumentException>(() => Plots.Bars(["a", "b"], [1.0, 2], "x", [0.1])).Message);
    }

    [Fact]
    public void AnnotationOnALogarithmicAxisIsAnExponent()
    {
        var spec = Spec(Plots.Line([1, 10], [1, 10]).WithXAxis("x", AxisScale.Log).WithYAxis("y")
            .WithAnnotation(100, 7, "peak"));
        Assert.Equal(2, (double)spec["layout"]!["annotations"]![0]!["x"]!);
        Assert.Equal(7, (double)spec["layout"]!["annotations"]![0]!["y"]!);
    }

    [Fact]
    public void AddingLeavesTheFirstChartAsItWas()
    {
        var first = Plots.Line([1, 2], [1, 2], "a").WithTitle("one").WithXAxis("x").WithVerticalLine(1, "first");
        var before = first.ToPlotlyJson();
        var second = Chart.Combine([first, Plots.Line([1, 2], [2, 1], "b")]).WithXAxis("z").WithYAxis("y")
            .WithTitle("two").WithSize(300, 200)
            .WithVerticalLine(1.5, "here").WithHorizontalLine(2).WithBox((1, 2), (1, 2), "box")
                .WithAnnotation(1, 1, "p").WithDescription("d")
            .WithSlider(["a", "b"]);
        Assert.Equal(before, first.ToPlotlyJson());
        var layout = Spec(second)["layout"]!;
        Assert.Equal(4, layout["shapes"]!.AsArray().Count);
        Assert.Equal(("two", "z", 300),
            ((string?)layout["title"]!["text"], (string?)layout["xaxis"]!["title"]!["text"], (int)layout["width"]!));
    }

    [Fact]
    public void SliderShowsAGroupOfTracesAtATime()
    {
        var chart = Chart.Combine(Enumerable.Range(0, 4).Select(i => Plots.Line([0, 1], [i, i], $"{i}")).ToArray())
            .WithSlider(["first", "second"], "step ");
        var spec = Spec(chart);
        Assert.Equal([true, true, false, false], spec["data"]!.AsArray().Select(t => (bool)t!["visible"]!));
        var step = spec["layout"]!["sliders"]![0]!["steps"]![1]!;
        Assert.Equal("second", (string?)step["label"]);
        Assert.Equal("[\"visible\",[false,false,true,true]]", step["args"]!.ToJsonString());
        Assert.Contains("found 3 for 4 traces",
            Assert.Throws<ArgumentException>(() => chart.WithSlider(["a", "b", "c"])).Message);
    }

    [Fact]
    public void EqualChartsAreEqualBytesAndOthersAreNot()
    {
        Assert.Equal(ReportSample.Histogram().ToPlotlyJson(), ReportSample.Histogram().ToPlotlyJson());
        Assert.NotEqual(point.ToPlotlyJson(), Plots.Points([1], [1.001]).ToPlotlyJson());
        Assert.NotEqual(GenericChart.toChartHTML(point),
            GenericChart.toChartHTML(point));   // Plotly.NET draws a new identifier each time
    }

    [Fact]
    public void ThemeIsTheDefaultOfPlotlyNetAndCheap()
    {
        _ = Plots.Points([1], [1]);
        var template = Spec(Chart.Point<int, int, string>([1], [1]))["layout"]!["template"]!;
        Assert.Equal("#0072b2", (string?)template["layout"]!["colorway"]![0]);
        Assert.Equal("Viridis", (string?)template["data"]!["heatmap"]![0]!["colorscale"]);
        Assert.InRange(template.ToJsonString().Length, 100, 2000);
        // Plotly.NET's own template takes hundreds of milliseconds a chart, always; a busy machine does not always.
        Assert.Contains(Enumerable.Range(0, 300), _ =>
        {
            var watch = Stopwatch.StartNew();
            Chart.Point<int, int, string>([1], [1]).ToPlotlyJson();
            return watch.Elapsed.TotalMilliseconds < 20;
        });
    }

    [Fact]
    public void NothingPointsToANetwork()
    {
        foreach (var text in new[] { point.ToPlotlyJson(), Page(point), GenericChart.toEmbeddedHTML(point) })
            Assert.DoesNotMatch(
                "<(?:script|link)[^>]+(?:src|href)=[\"']?(?:https?:)?//|cdn\\.plot|cdnjs|require\\.config",
                text[..Math.Min(text.Length, 4000)]);

        static string Page(GenericChart chart)
        {
            var path = Path.Combine(Path.GetTempPath(), $"sarsynth-{Guid.NewGuid():N}.html");
            try
            {
                chart.Save(path);
                return File.ReadAllText(path);
            }
            finally
            {
                File.Delete(path);
            }
        }
    }

    [Fact]
    public void TextCannotLeaveItsScript() =>
        Assert.DoesNotContain("</script>", Plots.Line([1], [1], "<i></script>")
            .WithTitle("</script><b>").ToPlotlyJson());

    [Fact]
    public void WordsTellTheChart()
    {
        var chart = Chart.Combine([Plots.Line([1], [1], "real"), Plots.Line([1], [1], "made")]).WithTitle("Clutter")
            .WithXAxis("amplitude").WithYAxis("density");
        Assert.Equal("Clutter. density over amplitude. real, made.", chart.ToWords());
        Assert.Equal("As said.", chart.WithDescription("As said.").ToWords());
    }

    [Fact]
    public void BadInputIsRefusedByName()
    {
        Assert.Contains("found 2 values, expected as many as x (3)",
            Assert.Throws<ArgumentException>(() => Plots.Line([1, 2, 3], [1, 2])).Message);
        Assert.Contains("found 0", Assert.Throws<ArgumentException>(() => Plots.Points<int, int>([], [])).Message);
        Assert.Contains("finite", Assert.Throws<ArgumentException>(() => Plots.Histogram([double.NaN])).Message);
        Assert.Contains("found 5 values, expected as many as rows x columns (6)",
            Assert.Throws<ArgumentException>(() => Plots.Heatmap(2, 3, new double[5])).Message);
        Assert.Contains("positive",
            Assert.Throws<ArgumentException>(() => point.WithXAxis("x", AxisScale.Log, (0, 1))).Message);
        Assert.Contains(".docx", Assert.Throws<ArgumentException>(() => point.Save("chart.docx")).Message);
    }
}
