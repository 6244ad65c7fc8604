// Layers of vector files by OGR: features with one attribute, brought onto the grid of a raster, and drawn there.
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>What a feature covers.</summary>
public enum FeatureKind
{
    /// <summary>Places.</summary>
    Point,

    /// <summary>Ways.</summary>
    Line,

    /// <summary>Ground.</summary>
    Area,
}

/// <summary>
/// A layer of a vector file: GeoPackage, GeoJSON, Shapefile, and what else GDAL reads. For one thread.
/// </summary>
public sealed class VectorLayer : IDisposable
{
    private readonly nint dataset, layer;
    private readonly int field;
    private readonly string reference;

    private VectorLayer(nint dataset, string path, string? name, string? field)
    {
        (this.dataset, Path) = (dataset, path);
        var layers = Gdal.LayersOf(dataset);
        if (name is null && layers.Count != 1)
            throw new RasterException(path, layers.Count == 0 ? "has no vector layer"
                : $"found layers {string.Join(", ", layers)}, expected to be told which");
        var number = name is null ? 0 : layers.IndexOf(name);
        if (number < 0)
            throw new RasterException(path,
                $"found no layer '{name}', expected one of {string.Join(", ", layers)}");
        (Name, layer) = (layers[number], Gdal.GDALDatasetGetLayer(dataset, number));
        Fields = Gdal.FieldsOf(layer);
        (Field, this.field) = (field, field is null ? -1 : Fields.ToList().IndexOf(field));
        if (field is not null && this.field < 0)
            throw new RasterException(path, $"layer '{Name}': found no field '{field}', expected "
                + (Fields.Count == 0 ? "none: it has no fields" : $"one of {string.Join(", ", Fields)}"));
        reference = Gdal.ReferenceOf(layer) ?? throw new RasterException(path,
            $"layer '{Name}': found no reference system, expected one (a Shapefile has it in a .prj beside it)");
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Name of the layer in it.</summary>
    public string Name { get; }

    /// <summary>The attribute that tells features apart; null for none.</summary>
    public string? Field { get; }

    /// <summary>Names of the attributes that there are.</summary>
    public IReadOnlyList<string> Fields { get; }

    /// <summary>Opens a layer.</summary>
    /// <param name="path">The file.</param>
    /// <param name="layer">Its name; null where the file has one.</param>
    /// <param name="field">The attribute that tells features apart; null takes them all for the same.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="RasterException">
    /// The file cannot be read, has no such layer or field, or the layer does not tell its reference system.
    /// </exception>
    public static VectorLayer Open(string path, string? layer = null, string? field = null)
    {
        var dataset = Opened(path);
        try
        {
            return new VectorLayer(dataset, path, layer, field);
        }
        catch
        {
            _ = Gdal.GDALClose(dataset);
            throw;
        }
    }

    /// <summary>Names of the layers of a file.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="RasterException">It cannot be read.</exception>
    public static IReadOnlyList<string> LayersOf(string path)
    {
        var dataset = Opened(path);
        try
        {
            return Gdal.LayersOf(dataset);
        }
        finally
        {
            _ = Gdal.GDALClose(dataset);
        }
    }

    /// <summary>
    /// What features have for <see cref="Field"/>, each once, in the order of their letters; none without a field.
    /// </summary>
    public IReadOnlyList<string> Values()
    {
        var values = new SortedSet<string>(StringComparer.Ordinal);
        if (Field is not null)
            Each(feature => _ = Gdal.TextOf(feature, field) is { Length: > 0 } text && values.Add(text));
        return [.. values];
    }

    /// <summary>
    /// The features that touch a raster, on its grid; those without a value or a geometry are left out.
    /// </summary>
    /// <param name="raster">The raster's file, for messages.</param>
    /// <param name="place">Where it lies: by a transform, or by GDAL's polynomial through control points.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="columns">Its columns.</param>
    /// <returns>
    /// In the file's order. Corners are brought over; the sides between them are straight on the grid.
    /// </returns>
    /// <exception cref="RasterException">The raster does not tell where it lies, or in which reference system.
    /// </exception>
    public IReadOnlyList<PlacedFeature> On(string raster, GeoReference? place, int rows, int columns)
    {
        if (place is null || place.Projection.Length == 0)
            throw new RasterException(raster, (place is null ? "has no georeference"
                : "does not tell its reference system") + $": expected one, to find in it what {Path} tells");
        var found = new List<(string Value, WellKnownBinary Geometry)>();
        try
        {
            if (Surroundings(raster, place, rows, columns) is var (west, south, east, north))
                Gdal.OGR_L_SetSpatialFilterRect(layer, west, south, east, north);
            Each(feature =>
            {
                var value = field < 0 ? Name : Gdal.TextOf(feature, field);
                var geometry = Gdal.OGR_F_GetGeometryRef(feature);
                if (value is { Length: > 0 } && geometry != 0
                    && WellKnownBinary.Parse(Gdal.BinaryOf(geometry)) is { } shape)
                    found.Add((value, shape));
            });
        }
        finally
        {
            Gdal.OGR_L_SetSpatialFilter(layer, 0);
        }
        if (found.Count == 0)
            return [];
        double[] x = [.. found.SelectMany(f => f.Geometry.X)], y = [.. found.SelectMany(f => f.Geometry.Y)];
        Gdal.TryTransformPoints(reference, place.Projection, x, y);
        var (r, c) = RasterPart.ToPixels(raster, place, x, y);
        var (placed, at) = (new List<PlacedFeature>(), 0);
        foreach (var (value, geometry) in found)
        {
            var part = at..(at + geometry.Count);
            at += geometry.Count;
            // Ground that the raster's reference system cannot hold is far from it.
            if (geometry.With(c.AsSpan(part), r.AsSpan(part)) is { } feature
                && feature.Touches(new(0, 0, rows, columns)))
                placed.Add(new PlacedFeature(value, feature));
        }
        return placed;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _ = Gdal.GDALClose(dataset);

    private static nint Opened(string path) => System.IO.Path.Exists(path) ? Gdal.OpenVectors(path)
        : throw new FileNotFoundException($"{path}: no such file, expected a vector file.", path);

    private void Each(Action<nint> action)
    {
        Gdal.OGR_L_ResetReading(layer);
        while (Gdal.OGR_L_GetNextFeature(layer) is var feature and not 0)
        {
            try
            {
                action(feature);
            }
            finally
            {
                Gdal.OGR_F_Destroy(feature);
            }
        }
    }

    // The raster's outline in the layer's reference system, and a tenth more for sides that bend between its points;
    // null where that cannot tell.
    private (double West, double South, double East, double North)? Surroundings(
        string raster, GeoReference place, int rows, int columns)
    {
        double[] x, y;
        if (place.Transform is { } t)
        {
            var shares = Enumerable.Range(0, 17).Select(i => i / 16.0).ToArray();
            (double Row, double Column)[] outline = [.. shares.SelectMany(s => new (double, double)[]
                { (0, s * columns), (rows, s * columns), (s * rows, 0), (s * rows, columns) })];
            x = [.. outline.Select(p => t[0] + p.Column * t[1] + p.Row * t[2])];
            y = [.. outline.Select(p => t[3] + p.Column * t[4] + p.Row * t[5])];
        }
        else
            (x, y) = ([.. place.ControlPoints.Select(p => p.X)], [.. place.ControlPoints.Select(p => p.Y)]);
        Gdal.TryTransformPoints(place.Projection, reference, x, y);
        if (!x.All(double.IsFinite) || !y.All(double.IsFinite))
            return null;
        // Control points may end before the raster does.
        var slack = place.Transform is null ? 0.5 : 0.1;
        var (width, height) = (slack * (x.Max() - x.Min()), slack * (y.Max() - y.Min()));
        return (x.Min() - width, y.Min() - height, x.Max() + width, y.Max() + height);
    }
}
