// A panel for print: its words and lines as such, its pictures pixel by pixel.
using System.Globalization;
using System.Text;

namespace SarSynth.Figures;

public sealed partial class ImagePanel
{
    private const double TitleLine = 20, NextLine = 18, CaptionLine = 18;

    /// <summary>The panel as an SVG file: words and scale bars are words and lines, pixels stay pixels.</summary>
    public string ToSvg()
    {
        var body = new StringBuilder();
        double y = Padding;
        if (Title.Length > 0)
        {
            Words(body, Padding, y + 14, Title, "font-size=\"15\" font-weight=\"600\" fill=\"#22262e\"");
            y += TitleLine + 4;
        }
        foreach (var row in rows.Where(r => r.Count > 0))
        {
            double x = Padding;
            y += (row.Max(p => TitleLines(p).Count) - 1) * NextLine;
            foreach (var picture in row)
            {
                var (width, height) = Size(picture);
                foreach (var (i, line) in TitleLines(picture).AsEnumerable().Reverse().Index())
                    Words(body, x, y + 13 - i * NextLine, line,
                        "font-size=\"13\" font-weight=\"600\" fill=\"#22262e\"");
                Draw(body, picture, x, y + TitleLine, width, height);
                if (picture.Caption.Length > 0)
                    Words(body, x, y + TitleLine + height + 14, picture.Caption, "font-size=\"12\" fill=\"#555b66\"");
                x += width + Padding;
            }
            y += TitleLine + row.Max(p => Size(p).Height) + (row.Any(p => p.Caption.Length > 0) ? CaptionLine : 0)
                + Padding;
        }
        return Invariant($"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width + Padding}\" height=\"{y:0.##}\" ")
            + Invariant($"viewBox=\"0 0 {Width + Padding} {y:0.##}\" font-family=\"{Encode(Theme.Fonts)}\">")
            + "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>" + body + "</svg>\n";
    }

    /// <summary>The panel as a PDF file of one page of its size (96 pixels are an inch).</summary>
    /// <exception cref="BrowserException">There is no Chromium that prints it.</exception>
    public byte[] ToPdf()
    {
        var svg = ToSvg();
        var size = svg[..svg.IndexOf("viewBox", StringComparison.Ordinal)].Split('"');
        return ChartPage.PrintSvg(svg, (int)Math.Ceiling(double.Parse(size[3], CultureInfo.InvariantCulture)),
            (int)Math.Ceiling(double.Parse(size[5], CultureInfo.InvariantCulture)));
    }

    private (double Width, double Height) Size(Picture picture)
    {
        double width = DisplayWidth(picture);
        return (width, width * picture.Rows / picture.Columns);
    }

    private static void Draw(StringBuilder body, Picture picture, double x, double y, double width, double height)
    {
        body.Append(CultureInfo.InvariantCulture, $"<image x=\"{x:0.##}\" y=\"{y:0.##}\" width=\"{width:0.##}\" ")
            .Append(CultureInfo.InvariantCulture, $"height=\"{height:0.##}\" preserveAspectRatio=\"none\" ")
            .Append(picture.Pixelated ? "style=\"image-rendering:pixelated\" " : "")
            .Append("href=\"data:image/png;base64,").Append(Convert.ToBase64String(picture.Png)).Append("\"/>");
        if (picture.Outline is { } o)
        {
            double across = width / picture.Columns, down = height / picture.Rows;
            body.Append(CultureInfo.InvariantCulture,
                $"<rect x=\"{x + o.Column * across:0.##}\" y=\"{y + o.Row * down:0.##}\" ").Append(
                CultureInfo.InvariantCulture, $"width=\"{o.Columns * across:0.##}\" height=\"{o.Rows * down:0.##}\" ")
                .Append("fill=\"none\" stroke=\"#ffb000\" stroke-width=\"1.5\"/>");
        }
        if (picture.MetresPerPixel is { } spacing)
        {
            var metres = NiceLength(spacing * picture.Columns / 4);
            var length = width * metres / (spacing * picture.Columns);
            double left = x + 0.04 * width, bottom = y + 0.96 * height;
            // A dark line under the light one: seen on any ground.
            foreach (var (stroke, thick) in (ReadOnlySpan<(string, int)>)[("#000", 5), ("#fff", 3)])
                body.Append(CultureInfo.InvariantCulture, $"<path d=\"M{left:0.##} {bottom:0.##}h{length:0.##}\" ")
                    .Append(CultureInfo.InvariantCulture, $"stroke=\"{stroke}\" stroke-width=\"{thick}\"/>");
            Words(body, left + length / 2, bottom - 6, Length(metres), "font-size=\"11\" font-weight=\"600\" "
                + "text-anchor=\"middle\" fill=\"#fff\" stroke=\"#000\" stroke-width=\"2.5\" paint-order=\"stroke\"");
        }
    }

    private static void Words(StringBuilder body, double x, double y, string words, string look) => body
        .Append(CultureInfo.InvariantCulture, $"<text x=\"{x:0.##}\" y=\"{y:0.##}\" {look}>")
        .Append(Encode(words)).Append("</text>");

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
