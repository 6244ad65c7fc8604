// Charts as files and as pieces of pages.
using Plotly.NET;
using SarSynth.Diffusion.Checkpoints;

namespace SarSynth.Figures;

/// <summary>Draws charts, whoever made them, without a network: as PNG, SVG, PDF, HTML and JSON.</summary>
public static class ChartFiles
{
    /// <summary>
    /// The chart as plotly's JSON: an object with "data", "layout" and "config". Numbers have six significant digits,
    /// what is not finite is null; equal charts give equal text.
    /// </summary>
    public static string ToPlotlyJson(this GenericChart chart) => ChartJson.Write(chart);

    /// <summary>
    /// A piece of a page: a picture that needs nothing, and that turns interactive where plotly.js is there.
    /// </summary>
    /// <exception cref="BrowserException">There is no Chromium that draws the picture.</exception>
    public static string ToHtml(this GenericChart chart) => ChartPage.Fragment(chart);

    /// <summary>The chart as a PNG file.</summary>
    /// <param name="chart">The chart.</param>
    /// <param name="scale">Pixels of the file per pixel of the chart.</param>
    /// <exception cref="BrowserException">There is no Chromium that draws it.</exception>
    public static byte[] ToPng(this GenericChart chart, double scale = 2) => ChartPage.Png(chart, scale);

    /// <summary>The chart as an SVG file.</summary>
    /// <exception cref="BrowserException">There is no Chromium that draws it.</exception>
    public static string ToSvg(this GenericChart chart) => ChartPage.Svg(chart);

    /// <summary>
    /// The chart as a PDF file of one page of its size (96 pixels are an inch), in lines and letters.
    /// </summary>
    /// <exception cref="BrowserException">There is no Chromium that draws it.</exception>
    public static byte[] ToPdf(this GenericChart chart) => ChartPage.Pdf(chart);

    /// <summary>What the chart shows, in words.</summary>
    public static string ToWords(this GenericChart chart) =>
        ChartJson.Words(System.Text.Json.Nodes.JsonNode.Parse(ChartJson.Write(chart))!);

    /// <summary>
    /// Writes the chart: .html (self-contained and interactive), .json, .png, .svg or .pdf, as the path says.
    /// </summary>
    /// <param name="chart">The chart.</param>
    /// <param name="path">The file; it appears whole or not at all.</param>
    /// <exception cref="ArgumentException">Another extension.</exception>
    /// <exception cref="BrowserException">There is no Chromium that draws it (.png, .svg, .pdf).</exception>
    public static void Save(this GenericChart chart, string path)
    {
        switch (Path.GetExtension(path).ToLowerInvariant())
        {
            case ".html": AtomicFile.WriteText(path, ChartPage.Page(chart)); break;
            case ".json": AtomicFile.WriteText(path, chart.ToPlotlyJson()); break;
            case ".png": AtomicFile.WriteBytes(path, chart.ToPng()); break;
            case ".svg": AtomicFile.WriteText(path, chart.ToSvg()); break;
            case ".pdf": AtomicFile.WriteBytes(path, chart.ToPdf()); break;
            default:
                throw new ArgumentException(
                    $"{path}: found extension '{Path.GetExtension(path)}', expected .html, .json, .png, .svg or .pdf.",
                        nameof(path));
        }
    }
}
