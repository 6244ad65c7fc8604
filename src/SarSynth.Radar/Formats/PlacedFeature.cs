// Features of vector layers on the grid of a raster: which windows they touch, and their drawing, by GDAL.
using System.Buffers.Binary;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>A feature on the grid of a raster.</summary>
public sealed class PlacedFeature
{
    private readonly WellKnownBinary geometry;

    internal PlacedFeature(string value, WellKnownBinary geometry) => (Value, this.geometry) = (value, geometry);

    /// <summary>What it has for the layer's field; the layer's name where no field was asked for.</summary>
    public string Value { get; }

    /// <summary>What it covers.</summary>
    public FeatureKind Kind => geometry.Kind;

    /// <summary>Whether its bounds touch a window of the raster.</summary>
    public bool Touches(RasterWindow window) => geometry.Touches(window);

    /// <summary>
    /// Draws features into a window, later ones over earlier ones. An area has the pixels whose middles it holds, a
    /// line those that it passes through one after the other, a point the one that it lies in.
    /// </summary>
    /// <param name="features">What is drawn, with the code of each, 1 to 65535.</param>
    /// <param name="window">A window of the raster.</param>
    /// <returns>Codes, row by row; 0 where nothing was drawn.</returns>
    /// <exception cref="RasterException">GDAL could not draw.</exception>
    public static unsafe ushort[] Draw(IEnumerable<(PlacedFeature Feature, ushort Code)> features, RasterWindow window)
    {
        var drawn = features.Where(f => f.Feature.Touches(window)).ToArray();
        var codes = new ushort[window.Rows * window.Columns];
        if (drawn.Length == 0)
            return codes;
        Gdal.Begin();
        var dataset = Gdal.GDALCreate(Gdal.GDALGetDriverByName("MEM"), "", window.Columns, window.Rows, 1,
            GdalType.UInt16, null);
        var geometries = new List<nint>();
        try
        {
            // The window's pixels by the raster's own numbers, rows downwards.
            double* grid = stackalloc double[] { window.Column, 1, 0, window.Row, 0, 1 };
            _ = Gdal.GDALSetGeoTransform(dataset, grid);
            foreach (var (feature, _) in drawn)
                geometries.Add(feature.geometry.Create());
            var band = 1;
            fixed (nint* first = geometries.ToArray())
            fixed (double* values = drawn.Select(f => (double)f.Code).ToArray())
            fixed (ushort* pixels = codes)
            {
                if (Gdal.GDALRasterizeGeometries(dataset, 1, &band, geometries.Count, first, 0, 0, values, null, 0, 0)
                    != 0 || Gdal.GDALRasterIOEx(Gdal.GDALGetRasterBand(dataset, 1), 0, 0, 0, window.Columns,
                    window.Rows, pixels, window.Columns, window.Rows, GdalType.UInt16, 0, 0, 0) != 0)
                    throw new RasterException("vector layer", Gdal.Errors("cannot be drawn"));
            }
            return codes;
        }
        finally
        {
            geometries.ForEach(Gdal.OGR_G_DestroyGeometry);
            _ = Gdal.GDALClose(dataset);
        }
    }
}

/// <summary>A geometry as well-known binary (OGC 06-103r4, section 8), whose coordinates can be exchanged.</summary>
internal sealed class WellKnownBinary
{
    private readonly byte[] bytes;
    private readonly int[] places;
    private readonly (double Left, double Top, double Right, double Bottom) bounds;

    private WellKnownBinary(byte[] bytes, int[] places, FeatureKind kind)
    {
        (this.bytes, this.places, Kind) = (bytes, places, kind);
        bounds = (X.Min(), Y.Min(), X.Max(), Y.Max());
    }

    public FeatureKind Kind { get; }

    /// <summary>Number of points.</summary>
    public int Count => places.Length;

    public IEnumerable<double> X => places.Select(at => BinaryPrimitives.ReadDoubleLittleEndian(bytes.AsSpan(at)));

    public IEnumerable<double> Y => places.Select(at => BinaryPrimitives.ReadDoubleLittleEndian(bytes.AsSpan(at + 8)));

    /// <summary>Reads a geometry; null for an empty one.</summary>
    /// <param name="bytes">Little-endian, of two dimensions.</param>
    public static WellKnownBinary? Parse(byte[] bytes)
    {
        var (places, kind, at) = (new List<int>(), FeatureKind.Point, 0);
        if (bytes.Length > 0)
            Walk(bytes, ref at, places, ref kind);
        // An empty point has coordinates that are no numbers.
        places.RemoveAll(place => double.IsNaN(BinaryPrimitives.ReadDoubleLittleEndian(bytes.AsSpan(place))));
        return places.Count == 0 ? null : new(bytes, [.. places], kind);
    }

    /// <summary>The same geometry with other coordinates; null where one of them is not finite.</summary>
    public WellKnownBinary? With(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        var moved = (byte[])bytes.Clone();
        for (var i = 0; i < places.Length; i++)
        {
            if (!double.IsFinite(x[i]) || !double.IsFinite(y[i]))
                return null;
            BinaryPrimitives.WriteDoubleLittleEndian(moved.AsSpan(places[i]), x[i]);
            BinaryPrimitives.WriteDoubleLittleEndian(moved.AsSpan(places[i] + 8), y[i]);
        }
        return new(moved, places, Kind);
    }

    public bool Touches(RasterWindow window) => bounds.Left <= window.Column + window.Columns
        && bounds.Right >= window.Column && bounds.Top <= window.Row + window.Rows && bounds.Bottom >= window.Row;

    /// <summary>GDAL's own form of it; the caller's to destroy.</summary>
    public unsafe nint Create()
    {
        fixed (byte* first = bytes)
        {
            return Gdal.OGR_G_CreateFromWkb(first, 0, out var geometry, bytes.Length) == 0 ? geometry
                : throw new RasterException("vector layer", "holds a geometry that is wrong");
        }
    }

    private static void Walk(byte[] bytes, ref int at, List<int> places, ref FeatureKind kind)
    {
        var type = Number(bytes, at + 1);
        at += 5;
        switch (type)
        {
            case 1:
                places.Add(at);
                at += 16;
                break;
            case 2:
                kind = kind < FeatureKind.Line ? FeatureKind.Line : kind;
                Points(bytes, ref at, places);
                break;
            case 3 or 17:
                kind = FeatureKind.Area;
                var rings = Number(bytes, at);
                at += 4;
                for (var ring = 0; ring < rings; ring++)
                    Points(bytes, ref at, places);
                break;
            default:
                // Collections of all kinds: a number of geometries.
                var parts = Number(bytes, at);
                at += 4;
                for (var part = 0; part < parts; part++)
                    Walk(bytes, ref at, places, ref kind);
                break;
        }
    }

    private static void Points(byte[] bytes, ref int at, List<int> places)
    {
        var count = Number(bytes, at);
        at += 4;
        for (var i = 0; i < count; i++, at += 16)
            places.Add(at);
    }

    private static int Number(byte[] bytes, int at) => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at));
}
