// What a figure writes is what plotly's reference asks for; densities integrate to what they must.
using System.Text.Json.Nodes;
using SarSynth.Figures;

namespace SarSynth.Tests.Figures;

public class FigureTests
{
    private static JsonObject Spec(Figure figure) => JsonNode.Parse(figure.ToJson())!.AsObject();

    private static double[] Array(JsonNode? node) => [.. node!.AsArray().Select(n => n is null ? double.NaN : (double)n)];

    [Fact]
    public void LineHasPlotlysShape()
    {
        var spec = Spec(new Figure("Fit").Line([1, 2, 3], [0.5f, 0.25f, float.NaN], "K", LineStyle.Dash).XAxis("amplitude").YAxis("density", AxisScale.Log, (0.01, 10)));
        var trace = spec["data"]![0]!;
        Assert.Equal("scatter", (string?)trace["type"]);
        Assert.Equal("lines", (string?)trace["mode"]);
        Assert.Equal("dash", (string?)trace["line"]!["dash"]);
        Assert.Equal([1, 2, 3], Array(trace["x"]));
        Assert.Equal([0.5, 0.25, double.NaN], Array(trace["y"]));
        Assert.Equal("log", (string?)spec["layout"]!["yaxis"]!["type"]);
        Assert.Equal([-2, 1], Array(spec["layout"]!["yaxis"]!["range"]));
        Assert.True((bool?)spec["layout"]!["showlegend"]);
    }

    [Fact]
    public void HistogramIsADensity()
    {
        // 1000 values, a quarter of them in [0, 1), the rest in [1, 2); one NaN does not count.
        var values = Enumerable.Range(0, 1000).Select(i => i < 250 ? 0.5 : 1.5).Append(double.NaN);
        var trace = Spec(new Figure().Histogram(values, 2, "sample", (0, 2)))["data"]![0]!;
        Assert.Equal([0, 1, 2], Array(trace["x"]));
        Assert.Equal([0.25, 0.75, 0.75], Array(trace["y"]));
        Assert.Equal("hv", (string?)trace["line"]!["shape"]);
    }

    [Fact]
    public void HistogramKeepsTheShareOutsideItsRangeOut()
    {
        var trace = Spec(new Figure().Histogram([1.0, 1.0, 9.0, 9.0], 1, null, (0, 2)))["data"]![0]!;
        Assert.Equal(0.25, Array(trace["y"])[0]);   // half of the values over a width of 2
    }

    [Fact]
    public void HeatmapIsRowMajorWithTheFirstRowOnTop()
    {
        var spec = Spec(new Figure().Heatmap(2, 3, new[] { 1, 2, 3, 4, 5, 6 }, "dB", ["a", "b", "c"], ["x", "y"]));
        Assert.Equal([4, 5, 6], Array(spec["data"]![0]!["z"]![1]));
        Assert.Equal("reversed", (string?)spec["layout"]!["yaxis"]!["autorange"]);
    }

    [Fact]
    public void MapShowsEveryNthPixelInThePixelsOfTheRaster()
    {
        var values = Enumerable.Range(0, 15).Select(i => i == 4 ? float.NaN : i + 0.12345f).ToArray();
        var spec = Spec(new Figure().Map(values, 3, 5, every: 2, "looks", (0, 9)));
        var trace = spec["data"]![0]!;
        Assert.Equal("[[0.123,2.12,null],[10.1,12.1,14.1]]", trace["z"]!.ToJsonString());
        Assert.Equal((2, 2, 0, 9), ((int)trace["dx"]!, (int)trace["dy"]!, (int)trace["zmin"]!, (int)trace["zmax"]!));
        Assert.Equal("reversed", (string?)spec["layout"]!["yaxis"]!["autorange"]);
        Assert.Contains("found 14 values", Assert.Throws<ArgumentException>(() => new Figure().Map(values[..14], 3, 5)).Message);
    }

    [Theory]
    [InlineData(123456.789, 123457)]
    [InlineData(-0.000123456789, -0.000123457)]
    [InlineData(1.23456789e-30, 1.23457e-30)]
    [InlineData(1.23456789e+30, 1.23457e+30)]
    [InlineData(0, 0)]
    public void NumbersKeepSixDigits(double value, double expected) =>
        Assert.Equal(expected, Array(Spec(new Figure().Scatter([value], [value]))["data"]![0]!["x"])[0]);

    [Fact]
    public void AnnotationOnALogarithmicAxisIsAnExponent()
    {
        var spec = Spec(new Figure().Line([1, 10], [1, 10]).XAxis("x", AxisScale.Log).YAxis("y").Annotate(100, 7, "peak"));
        Assert.Equal(2, (double)spec["layout"]!["annotations"]![0]!["x"]!);
        Assert.Equal(7, (double)spec["layout"]!["annotations"]![0]!["y"]!);
    }

    [Fact]
    public void AddingLeavesTheFirstFigureAsItWas()
    {
        var first = new Figure("one").Line([1, 2], [1, 2], "a");
        var before = first.ToJson();
        _ = first.Line([1, 2], [2, 1], "b").XAxis("x").VerticalLine(1.5, "here").Size(300, 200);
        Assert.Equal(before, first.ToJson());
    }

    [Fact]
    public void TextCannotLeaveItsScript()
    {
        Assert.DoesNotContain("</script>", new Figure("</script><b>").Line([1], [1], "<i>").ToJson());
    }

    [Fact]
    public void WordsTellTheFigure() => Assert.Equal("Clutter. density over amplitude. real, made.",
        new Figure("Clutter").Line([1], [1], "real").Line([1], [1], "made").XAxis("amplitude").YAxis("density").ToString());

    [Fact]
    public void BadInputIsRefusedByName()
    {
        Assert.Contains("found 2 values, expected as many as x (3)", Assert.Throws<ArgumentException>(() => new Figure().Line([1, 2, 3], [1, 2])).Message);
        Assert.Contains("found 0", Assert.Throws<ArgumentException>(() => new Figure().Scatter<int, int>([], [])).Message);
        Assert.Contains("finite", Assert.Throws<ArgumentException>(() => new Figure().Histogram([double.NaN])).Message);
        Assert.Contains("found 5 values, expected as many as rows x columns (6)", Assert.Throws<ArgumentException>(() => new Figure().Heatmap(2, 3, new double[5])).Message);
        Assert.Contains("positive", Assert.Throws<ArgumentException>(() => new Figure().XAxis("x", AxisScale.Log, (0, 1))).Message);
        Assert.Contains(".pdf", Assert.Throws<ArgumentException>(() => new Figure().Save("figure.pdf")).Message);
    }
}
