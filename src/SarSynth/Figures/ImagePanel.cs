// Rows of SAR quick-looks with titles, captions, scale bars and outlines: for notebooks, reports and papers.
using System.Globalization;
using System.Net;
using System.Text;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Figures;

/// <summary>Pictures side by side. Immutable: every member that adds something returns a new panel.</summary>
/// <remarks>
/// Brightness can be compared only between pictures that were made with the same remap and come from like data.
/// </remarks>
public sealed partial class ImagePanel
{
    private const int Padding = 12;

    // Pixels of a letter of a title, bold, in a wide font of 13.
    private const double TitleLetter = 7.8;

    private readonly IReadOnlyList<IReadOnlyList<Picture>> rows;

    /// <summary>An empty panel.</summary>
    /// <param name="title">Heading above the pictures; may be empty.</param>
    /// <param name="pictureSize">Longest side of a picture, pixels; larger images are averaged down to it. Speckle
    /// hardly compresses: a picture of 320 x 320 takes about 90 kB of a notebook.</param>
    public ImagePanel(string title = "", int pictureSize = 320)
        : this(title, pictureSize, [[]])
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pictureSize, 16);
    }

    private ImagePanel(string title, int pictureSize, IReadOnlyList<IReadOnlyList<Picture>> rows) =>
        (Title, PictureSize, this.rows) = (title, pictureSize, rows);

    /// <summary>Heading above the pictures.</summary>
    public string Title { get; }

    /// <summary>Longest side of a picture, pixels.</summary>
    public int PictureSize { get; }

    /// <summary>Adds an image to the last row, with a scale bar where its pixel spacing is known.</summary>
    /// <param name="title">Title above the picture.</param>
    /// <param name="image">The image.</param>
    /// <param name="caption">Words below the picture.</param>
    /// <param name="remap">From amplitude to grey; null: linear to the 99th percentile.</param>
    /// <param name="outline">A rectangle to draw on the picture (where a zoom was cut); null for none.</param>
    public ImagePanel Add(string title, SarImage image, string caption = "", Remap? remap = null,
        RasterWindow? outline = null)
    {
        outline?.RequireInside(image.Rows, image.Columns);
        var png = QuickLook.ToPng(image, remap, new QuickLookOptions { MaxSize = PictureSize });
        return With(new Picture(title, caption, png, image.Rows, image.Columns, Spacing(image.Metadata), outline,
            Pixelated: false, new Ground(remap, image.Crop)));
    }

    /// <summary>Adds a raster of any size, which is streamed through once and never held whole.</summary>
    /// <param name="title">Title above the picture.</param>
    /// <param name="raster">The raster; <see cref="Zoom"/> reads its part from it as well.</param>
    /// <param name="caption">Words below the picture.</param>
    /// <param name="remap">From amplitude to grey; null: linear to the 99th percentile.</param>
    /// <exception cref="RasterException">It cannot be read.</exception>
    public ImagePanel Add(string title, SarRaster raster, string caption = "", Remap? remap = null)
    {
        using var progress = Data.Progress.Begin($"looking at {Path.GetFileName(raster.Path)}");
        var png = QuickLook.ToPng(raster, remap, new QuickLookOptions { MaxSize = PictureSize }, share =>
            progress.At(share));
        return With(new Picture(title, caption, png, raster.Rows, raster.Columns, Spacing(raster.Metadata), null,
            Pixelated: false, new Ground(remap, window => raster.Read(window))));
    }

    /// <summary>
    /// Adds a row below the last one: the same part of each of its images, enlarged so that single pixels can be seen.
    /// Where it lies is outlined above.
    /// </summary>
    /// <param name="size">Side of the part, pixels of the finest image of the row.</param>
    /// <param name="down">Where the part lies, 0 (top) to 1 (bottom).</param>
    /// <param name="across">Likewise, 0 (left) to 1 (right).</param>
    /// <exception cref="InvalidOperationException">The row has no image.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The part is larger than an image.</exception>
    public ImagePanel Zoom(int size, double down = 0.5, double across = 0.5)
    {
        var images = rows[^1].Where(p => p.Ground is not null).ToArray();
        if (images.Length == 0)
            throw new InvalidOperationException("Zoom: found a row without an image, expected one to enlarge.");
        // Places are those of the coarsest image's pixels, so that all parts show the same ground.
        int fine = images.Max(p => p.Rows), coarse = images.Min(p => p.Rows);
        var side = Math.Max(1, (int)Math.Round((double)size * coarse / fine));
        var coarsest = images.First(p => p.Rows == coarse);
        var (row, column) = (Place(down, coarse), Place(across, coarsest.Columns));
        var zoomed = new ImagePanel(Title, PictureSize,
            [.. rows.SkipLast(1), [.. rows[^1].Select(p => p with { Outline = Part(p) })], []]);
        foreach (var image in images)
            zoomed = zoomed.AddPart(image.Title, image.Ground!, Part(image)!.Value, image.MetresPerPixel, "");
        return zoomed;

        int Place(double share, int length) => (int)Math.Round(Math.Clamp(share, 0, 1) * Math.Max(0, length - side));

        RasterWindow? Part(Picture picture)
        {
            if (picture.Ground is null)
                return picture.Outline;
            var factor = (double)picture.Rows / coarse;
            var part = new RasterWindow((int)Math.Round(row * factor), (int)Math.Round(column * factor),
                (int)Math.Round(side * factor), (int)Math.Round(side * factor));
            part.RequireInside(picture.Rows, picture.Columns);
            return part;
        }
    }

    /// <summary>Adds a part of an image, enlarged so that single pixels can be seen.</summary>
    /// <param name="title">Title above the picture.</param>
    /// <param name="image">The whole image.</param>
    /// <param name="window">The part.</param>
    /// <param name="caption">Words below the picture.</param>
    /// <param name="remap">From amplitude to grey; null: linear to the 99th percentile of the part.</param>
    /// <exception cref="ArgumentOutOfRangeException">The window is empty or reaches outside the image.</exception>
    public ImagePanel AddZoom(string title, SarImage image, RasterWindow window, string caption = "",
        Remap? remap = null)
    {
        window.RequireInside(image.Rows, image.Columns);
        return AddPart(title, new Ground(remap, image.Crop), window, Spacing(image.Metadata), caption);
    }

    /// <summary>Adds a picture that exists already.</summary>
    /// <param name="title">Title above the picture.</param>
    /// <param name="png">A PNG file.</param>
    /// <param name="caption">Words below the picture.</param>
    /// <param name="metresPerPixel">
    /// Ground covered by a pixel of the file, for the scale bar; null: no scale bar.
    /// </param>
    /// <exception cref="ArgumentException">It is not a PNG file.</exception>
    public ImagePanel Add(string title, byte[] png, string caption = "", double? metresPerPixel = null)
    {
        var (height, width) = PngFile.Size(png);
        return With(new Picture(title, caption, png, height, width, metresPerPixel, null,
            Pixelated: Math.Max(width, height) < PictureSize, null));
    }

    /// <summary>Begins a new row.</summary>
    public ImagePanel Row() => rows[^1].Count == 0 ? this : new ImagePanel(Title, PictureSize, [.. rows, []]);

    /// <summary>A piece of a page that needs nothing beside it.</summary>
    public string ToHtml()
    {
        var html = new StringBuilder();
        html.Append(CultureInfo.InvariantCulture,
            $"<div class=\"sarsynth-panel\" style=\"font:13px/1.4 {Theme.Fonts};max-width:{Width}px\">");
        if (Title.Length > 0)
            html.Append("<div style=\"font-weight:600;font-size:15px;margin:0 0 8px\">").Append(Encode(Title))
                .Append("</div>");
        foreach (var row in rows.Where(r => r.Count > 0))
        {
            html.Append("<div style=\"display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start;margin:0 0 12px\">");
            var lines = row.Max(p => TitleLines(p).Count);
            foreach (var picture in row)
                Append(html, picture, lines);
            html.Append("</div>");
        }
        return html.Append("</div>").ToString();
    }

    /// <summary>The whole panel as one PNG file.</summary>
    /// <param name="scale">Pixels of the file per pixel of the panel.</param>
    /// <exception cref="BrowserException">There is no Chromium that draws it.</exception>
    public byte[] ToPng(double scale = 2) => SharedBrowser.Use(browser => browser.Draw(ToHtml(), Padding, scale));

    /// <summary>
    /// The whole panel as a small PNG file for a notebook: each pixel of a picture is one of the file.
    /// </summary>
    /// <exception cref="BrowserException">There is no Chromium that draws it.</exception>
    internal byte[] ToNotebookPng() => SharedBrowser.Use(browser =>
        PngFile.Compact(browser,
            $"data:image/png;base64,{Convert.ToBase64String(browser.Draw(ToHtml(), Padding, 1))}"));

    /// <summary>Writes the panel: .png, .svg, .pdf or .html, as the path says.</summary>
    /// <param name="path">The file; it appears whole or not at all.</param>
    /// <exception cref="ArgumentException">Another extension.</exception>
    public void Save(string path)
    {
        switch (Path.GetExtension(path).ToLowerInvariant())
        {
            case ".png": AtomicFile.WriteBytes(path, ToPng()); break;
            case ".svg": AtomicFile.WriteText(path, ToSvg()); break;
            case ".pdf": AtomicFile.WriteBytes(path, ToPdf()); break;
            case ".html": AtomicFile.WriteText(path,
                $"<!doctype html><meta charset=\"utf-8\"><title>{Encode(Title)}</title>{ToHtml()}"); break;
            default: throw new ArgumentException($"{path}: found "
                + $"extension '{Path.GetExtension(path)}', expected .png, .svg, .pdf or .html.", nameof(path));
        }
    }

    /// <summary>The titles, in words.</summary>
    public override string ToString() =>
        $"{(Title.Length > 0 ? Title + ": " : "")}{string.Join(", ", rows.SelectMany(r => r).Select(p => p.Title))}";

    private ImagePanel AddPart(string title, Ground ground, RasterWindow window, double? spacing, string caption)
    {
        var options = new QuickLookOptions { MaxSize = Math.Max(PictureSize, Math.Max(window.Rows, window.Columns)) };
        var png = QuickLook.ToPng(ground.Part(window), ground.Remap, options);
        return With(new Picture(title, caption, png, window.Rows, window.Columns, spacing, null, Pixelated: true,
            null));
    }

    private ImagePanel With(Picture picture) => new(Title, PictureSize, [.. rows.SkipLast(1), [.. rows[^1], picture]]);

    // Of the widest row; a long heading breaks rather than widen it.
    private int Width => rows.Max(r => r.Sum(p => DisplayWidth(p) + Padding));

    private int DisplayWidth(Picture picture) =>
        (int)Math.Round(PictureSize * Math.Min(1, (double)picture.Columns / picture.Rows));

    /// <summary>A title broken at its spaces to its picture's width; a longer word stays whole.</summary>
    private List<string> TitleLines(Picture picture)
    {
        var most = DisplayWidth(picture) / TitleLetter;
        var lines = new List<string>();
        foreach (var word in picture.Title.Split(' '))
        {
            if (lines.Count > 0 && lines[^1].Length + 1 + word.Length <= most)
                lines[^1] += $" {word}";
            else
                lines.Add(word);
        }
        return lines;
    }

    // Titles of a row take the same place, so that its pictures stand level.
    private void Append(StringBuilder html, Picture picture, int titleLines)
    {
        var width = DisplayWidth(picture);
        var alt = Encode(picture.Caption.Length > 0 ? $"{picture.Title}: {picture.Caption}" : picture.Title);
        html.Append(CultureInfo.InvariantCulture,
            $"<figure style=\"margin:0;width:{width}px\"><div style=\"font-weight:600;margin:0 0 "
            + $"4px;white-space:nowrap;display:flex;align-items:flex-end;min-height:{1.4 * titleLines:0.#}em\">"
            + $"<span>{string.Join("<br>", TitleLines(picture).Select(Encode))}</span></div>");
        html.Append(CultureInfo.InvariantCulture,
            $"<div style=\"position:relative;line-height:0\"><img alt=\"{alt}\" width=\"{width}\" "
            + $"style=\"width:100%;height:auto{(picture.Pixelated ? ";image-rendering:pixelated" : "")}\" "
            + $"src=\"data:image/png;base64,{Convert.ToBase64String(picture.Png)}\">");
        if (picture.Outline is { } o)
        {
            html.Append(CultureInfo.InvariantCulture,
                $"<div style=\"position:absolute;left:{100.0 * o.Column / picture.Columns:0.##}%;"
                + $"top:{100.0 * o.Row / picture.Rows:0.##}%;width:{100.0 * o.Columns / picture.Columns:0.##}%;"
                + $"height:{100.0 * o.Rows / picture.Rows:0.##}%;"
                + $"border:1.5px solid #ffb000;box-sizing:border-box\"></div>");
        }
        if (picture.MetresPerPixel is { } spacing)
        {
            var length = NiceLength(spacing * picture.Columns / 4);
            var share = 100 * length / (spacing * picture.Columns);
            html.Append(CultureInfo.InvariantCulture,
                $"<div style=\"position:absolute;left:4%;bottom:4%;width:{share:0.##}%;border-bottom:3px solid "
                + $"#fff;filter:drop-shadow(0 0 1.5px #000);color:#fff;font:600 11px/1.3 "
                + $"{Theme.Fonts};text-align:center;white-space:nowrap;text-shadow:0 0 3px #000,0 0 2px "
                + $"#000\">{Length(length)}</div>");
        }
        html.Append("</div>");
        if (picture.Caption.Length > 0)
            html.Append("<figcaption style=\"margin:4px 0 0;opacity:.8\">").Append(Encode(picture.Caption))
                .Append("</figcaption>");
        html.Append("</figure>");
    }

    /// <summary>1, 2 or 5 times a power of ten, at most the length given.</summary>
    private static double NiceLength(double longest)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(longest)));
        return power * (longest / power >= 5 ? 5 : longest / power >= 2 ? 2 : 1);
    }

    private static string Length(double metres) => metres >= 1000
        ? string.Create(CultureInfo.InvariantCulture, $"{metres / 1000:0.##} km")
        : string.Create(CultureInfo.InvariantCulture, $"{metres:0.##} m");

    private static double? Spacing(SarMetadata metadata) => metadata.RangeSpacing is > 0 and var spacing ? spacing
        : null;

    private static string Encode(string text) => WebUtility.HtmlEncode(text);

    private sealed record Picture(string Title, string Caption, byte[] Png, int Rows, int Columns,
        double? MetresPerPixel,
        RasterWindow? Outline, bool Pixelated, Ground? Ground);

    // Where a picture's parts come from.
    private sealed record Ground(Remap? Remap, Func<RasterWindow, SarImage> Part);
}
