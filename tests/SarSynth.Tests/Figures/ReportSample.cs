// A report with one of everything, for the tests.
using Plotly.NET;
using SarSynth.Figures;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Statistics;
using Chart = Plotly.NET.CSharp.Chart;

namespace SarSynth.Tests.Figures;

internal static class ReportSample
{
    public static AmplitudeImage Speckle(int rows = 200, int columns = 260, int seed = 1)
    {
        var random = new Random(seed);
        var pixels = new float[rows * columns];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = MathF.Sqrt(-MathF.Log(1 - random.NextSingle())) * (i % columns > columns / 2 ? 2 : 1);
        return new AmplitudeImage(rows, columns, pixels, new SarMetadata { RangeSpacing = 0.4, AzimuthSpacing = 0.4 });
    }

    public static byte[] Png() => QuickLook.ToPng(Speckle(20, 30));

    public static GenericChart Histogram()
    {
        double[] edges = [.. Enumerable.Range(0, 61).Select(i => i * 0.05)];
        return Chart.Combine([
                Plots.Histogram(Speckle().Pixels, 60, "sample", (0, 3)),
                Plots.Line(edges, edges.Select(a => 2 * a * Math.Exp(-a * a)), "Rayleigh", LineStyle.Dash)])
            .WithTitle("Amplitude of a homogeneous area").WithXAxis("amplitude, mean intensity 1").WithYAxis("density")
            .WithVerticalLine(1 / Math.Sqrt(2), "mode").WithAnnotation(1.5, 0.32, "tail");
    }

    public static ImagePanel Panel()
    {
        var image = Speckle();
        var window = new RasterWindow(40, 100, 48, 64);
        return new ImagePanel("Speckle of two strengths", 260)
            .Add("Whole", image, "1 look, 0.4 m", outline: window)
            .AddZoom("Zoom", image, window, "single pixels")
            .Row().Add("As a file", Png(), metresPerPixel: 0.4);
    }

    public static Report Make() => new Report("Airborne-like or not?", "One of everything that a report can hold.")
        .KeyFigures(new KeyFigure("KL, translated", "0.021", "nats", "bicubic: 0.734"),
            new KeyFigure("ENL", "1.04", "", "simulated airborne: 1.02"), new KeyFigure("Area", "1.2", "km\u00b2"))
        .Section("Statistics")
            .Prose("The **amplitude** of a homogeneous area follows *Rayleigh's* law when speckle is fully developed; "
            + "see `Distance.KullbackLeibler`.")
        .Charts((Histogram(), "Histogram and model."),
            (Plots.Bars(["field", "forest", "water"], [0.52, 0.71, 0.5], "GLCM", [0.02, 0.03, 0.01])
            .WithTitle("Contrast").WithYAxis("contrast"), "Bars with errors."))
        .Table(new ReportTable("Distance to simulated airborne amplitudes", "method",
            new ReportColumn("KL", "nats", Best.Lowest), new ReportColumn("ENL ratio", "", Best.None, "F2"))
            .Row("bicubic", 0.734, 3.91).Row("translated", 0.021, 1.02))
        .Section("Images").Panel(Panel(), "Brightness is stretched alike.")
            .Image(Png(), "Speckle", "A picture as it is.")
        .Section("Maps")
            .Chart(Plots.Heatmap(3, 3, new[] { 1, 0.5, 0.1, 0.5, 1, double.NaN, 0.1, 0.3, 1 }, "r", ["a", "b", "c"],
            ["a", "b", "c"], showValues: true).WithTitle("Correlation"), "A map.")
        .Provenance([new("seed", "7"), new("recipe", "{\n  \"steps\": 20\n}")]);
}
