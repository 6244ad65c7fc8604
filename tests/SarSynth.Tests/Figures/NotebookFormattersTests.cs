// What a notebook gets to see: .NET Interactive's own Formatter shows the kit's charts and panels in several MIME types
// at once.
using System.Buffers.Binary;
using System.Text.RegularExpressions;
using Microsoft.DotNet.Interactive.Formatting;
using Plotly.NET;
using SarSynth.Figures;
using Chart = Plotly.NET.CSharp.Chart;

namespace SarSynth.Tests.Figures;

public class NotebookFormattersTests
{
    private const string Html = "text/html", Png = "image/png", Plain = "text/plain";

    static NotebookFormattersTests()
    {
        _ = Formatter.ListExpansionLimit;   // a notebook's process has the package loaded
        Assert.True(NotebookFormatters.Register());
    }

    private static Dictionary<string, string> Bundle(object value) =>
        FormattedValue.CreateManyFromObject(value).ToDictionary(v => v.MimeType, v => v.Value);

    private static (int Width, int Height) Size(string base64)
    {
        var png = Convert.FromBase64String(base64);
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], png[..4]);
        return (BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)),
            BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20)));
    }

    [Fact]
    public void ChartIsPictureLivePlotAndWords()
    {
        var bundle = Bundle(ReportSample.Histogram());
        Assert.Equal([Png, Html, Plain], bundle.Keys.Order());
        Assert.Equal((1080, 630), Size(bundle[Png]));
        Assert.Contains("<script type=\"application/json\">{\"data\":[", bundle[Html]);
        Assert.Contains($"base64,{bundle[Png]}", bundle[Html]);
        Assert.Equal("Amplitude of a homogeneous area. density over amplitude, mean intensity 1. sample, Rayleigh.",
            bundle[Plain]);
        // The browser's own file takes 70 kB.
        Assert.InRange(Convert.FromBase64String(bundle[Png]).Length, 5_000, 30_000);
        Assert.Equal(bundle, Bundle(ReportSample.Histogram()));
    }

    [Fact]
    public void ChartOfPlotlyNetAloneIsShownAlike()
    {
        var bundle = Bundle(Chart.Point<double, double, string>([1, 2, 3], [1.0 / 3, double.NaN, 2], Name: "alone"));
        Assert.Equal([Png, Html, Plain], bundle.Keys.Order());
        Assert.Equal((1080, 630), Size(bundle[Png]));   // the kit's size, so its theme too
        Assert.Contains("\"y\":[0.333333,null,2]", bundle[Html]);
        Assert.DoesNotMatch(new Regex("(?:src|href)=[\"']?(?:https?:)?//|cdn"), bundle[Html]);
        Assert.Contains("alone", bundle[Plain]);
        Assert.Equal(bundle,
            Bundle(Chart.Point<double, double, string>([1, 2, 3], [1.0 / 3, double.NaN, 2], Name: "alone")));
    }

    [Fact]
    public void PanelIsPictureAndHtml()
    {
        var bundle = Bundle(ReportSample.Panel());
        Assert.Equal([Png, Html, Plain], bundle.Keys.Order());
        var (width, height) = Size(bundle[Png]);
        Assert.InRange(width, 2 * 260 + 12, 2 * 260 + 60);   // two pictures side by side, a pixel for a pixel
        Assert.InRange(height, 400, 800);
        Assert.Equal(bundle, Bundle(ReportSample.Panel()));
    }

    [Fact]
    public void TablesReportsAndProgressAreHtml()
    {
        Assert.Contains("<table>", Bundle(new ReportTable("t", "row", new ReportColumn("a")).Row("x", 1))[Html]);
        Assert.Contains("sections", Bundle(ReportSample.Make())[Html]);
        Assert.Contains("<progress", Bundle(new ProgressView("waiting"))[Html]);
    }
}
