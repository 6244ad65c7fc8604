// A part of a raster as if it were a file of its own: by its pixels or by its place on the ground.
using MathNet.Numerics;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>A window of another source.</summary>
internal sealed class WindowSource(PixelSource inner, RasterWindow part) : PixelSource
{
    public override int Rows => part.Rows;

    public override int Columns => part.Columns;

    public override bool IsComplex => inner.IsComplex;

    public override (int Rows, int Columns) BlockSize =>
        (Math.Min(inner.BlockSize.Rows, Rows), Math.Min(inner.BlockSize.Columns, Columns));

    public override Validity Validity => inner.Validity;

    public override void Read(RasterWindow window, Span<float> pixels) => inner.Read(InFile(window), pixels);

    public override void Read(RasterWindow window, Span<Complex32> pixels) => inner.Read(InFile(window), pixels);

    public override void Dispose() => inner.Dispose();

    private RasterWindow InFile(RasterWindow window) =>
        window with { Row = part.Row + window.Row, Column = part.Column + window.Column };
}

/// <summary>A source with a value that the caller says means no data.</summary>
internal sealed class NoDataSource(PixelSource inner, double value) : PixelSource
{
    private readonly float empty = (float)value;

    public override int Rows => inner.Rows;

    public override int Columns => inner.Columns;

    public override bool IsComplex => inner.IsComplex;

    public override (int Rows, int Columns) BlockSize => inner.BlockSize;

    public override Validity Validity => inner.Validity with { Told = value };

    public override void Read(RasterWindow window, Span<float> pixels)
    {
        inner.Read(window, pixels);
        NoData.Mark(pixels, empty);
    }

    public override void Read(RasterWindow window, Span<Complex32> pixels)
    {
        inner.Read(window, pixels);
        NoData.Mark(pixels, empty);
    }

    public override void Dispose() => inner.Dispose();
}

/// <summary>From a rectangle on the ground to the pixels that it touches.</summary>
internal static class RasterPart
{
    // Points on each side of a box: its sides are curves in another reference system or in radar geometry.
    private const int PointsOfSide = 33;

    // Pixels: a box that ends on a pixel's edge does not take the next pixel for rounding.
    private const double Slack = 1e-3;

    /// <summary>The window of what was asked for; null for all of the raster.</summary>
    /// <exception cref="RasterException">It lies outside, or the raster has no place on the ground.</exception>
    public static RasterWindow? Find(string path, RasterOptions options, RasterContent content)
    {
        int rows = content.Pixels.Rows, columns = content.Pixels.Columns;
        if (options.Box is { } box)
        {
            if (options.Window is not null)
                throw new RasterException(path, "was asked for a window and a box: expected one of them");
            return OfBox(path, box, content.GeoReference, rows, columns);
        }
        if (options.Window is not { } window)
            return null;
        if (window.Rows < 1 || window.Columns < 1 || window.Row < 0 || window.Column < 0
            || (long)window.Row + window.Rows > rows || (long)window.Column + window.Columns > columns)
        {
            throw new RasterException(path,
                $"window: found {window.Rows} x {window.Columns} pixels from row {window.Row}, "
                + $"column {window.Column}, expected one inside the raster's {rows} x {columns}");
        }
        return window;
    }

    private static RasterWindow OfBox(string path, GroundBox box, GeoReference? place, int rows, int columns)
    {
        if (!(box.West < box.East) || !(box.South < box.North))
            throw new RasterException(path, $"box: found {box}, expected west < east and south < north");
        if (place is null)
            throw new RasterException(path, "has no georeference, so a box cannot be found in it: give a window");
        var (x, y) = Outline(box);
        if (box.IsLonLat)
        {
            if (place.Projection.Length == 0)
            {
                throw new RasterException(path,
                    "does not tell its reference system, so longitude and latitude cannot be "
                    + "found in it: give the box in the raster's own numbers");
            }
            Gdal.TransformPoints(path, GdalGeoReference.Geographic, place.Projection, x, y);
        }
        var (r, c) = ToPixels(path, place, x, y);
        int top = Math.Max(0, (int)Math.Floor(Bounded(r.Min() + Slack))),
            left = Math.Max(0, (int)Math.Floor(Bounded(c.Min() + Slack)));
        int bottom = Math.Min(rows, (int)Math.Ceiling(Bounded(r.Max() - Slack)));
        int right = Math.Min(columns, (int)Math.Ceiling(Bounded(c.Max() - Slack)));
        if (top >= bottom || left >= right)
            throw new RasterException(path,
                $"box: found {box}, which lies outside of the raster ({Extent(place, rows, columns)})");
        return new RasterWindow(top, left, bottom - top, right - left);
    }

    /// <summary>Rows and columns of places on the ground, given in the raster's own reference system.</summary>
    /// <exception cref="RasterException">Its georeference does not tell.</exception>
    public static (double[] Rows, double[] Columns) ToPixels(string path, GeoReference place, double[] x,
        double[] y) => place.Transform is { } transform ? Inverse(path, transform, x, y)
            : Gdal.InverseControlPoints(path, place.ControlPoints, x, y);

    private static double Bounded(double pixel) => Math.Clamp(pixel, -1e9, 1e9);

    private static (double[] X, double[] Y) Outline(GroundBox box)
    {
        var shares = Enumerable.Range(0, PointsOfSide).Select(i => i / (PointsOfSide - 1.0)).ToArray();
        double[] Between(double from, double to) => Array.ConvertAll(shares, share => from + share * (to - from));
        double[] All(double value) => [.. Enumerable.Repeat(value, PointsOfSide)];
        double[] x = Between(box.West, box.East), y = Between(box.South, box.North);
        return ([.. x, .. x, .. All(box.West), .. All(box.East)], [.. All(box.South), .. All(box.North), .. y, .. y]);
    }

    private static (double[] Rows, double[] Columns) Inverse(string path, IReadOnlyList<double> t, double[] x,
        double[] y)
    {
        var determinant = t[1] * t[5] - t[2] * t[4];
        if (determinant == 0 || !double.IsFinite(determinant))
            throw new RasterException(path, "has a georeference without area, so nothing can be found in it");
        double[] rows = new double[x.Length], columns = new double[x.Length];
        for (var i = 0; i < x.Length; i++)
        {
            double dx = x[i] - t[0], dy = y[i] - t[3];
            columns[i] = (t[5] * dx - t[2] * dy) / determinant;
            rows[i] = (t[1] * dy - t[4] * dx) / determinant;
        }
        return (rows, columns);
    }

    private static string Extent(GeoReference place, int rows, int columns)
    {
        List<(double X, double Y)> corners = place.Transform is { } t
            ? [.. ((int Row, int Column)[])[(0, 0), (0, columns), (rows, 0), (rows, columns)] is var all
                ? all.Select(p => (t[0] + p.Column * t[1] + p.Row * t[2], t[3] + p.Column * t[4] + p.Row * t[5])) : []]
            : [.. place.ControlPoints.Select(p => (p.X, p.Y))];
        return FormattableString.Invariant($"{corners.Min(p => p.X):G9},{corners.Min(p => p.Y):G9},")
            + FormattableString.Invariant($"{corners.Max(p => p.X):G9},{corners.Max(p => p.Y):G9} ")
            + "in its own reference system";
    }
}
