// The georeference of a GDAL dataset: an affine transform, or else ground control points.
using System.Runtime.InteropServices;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>Reads and writes where a dataset's pixels lie.</summary>
internal static unsafe class GdalGeoReference
{
    /// <summary>Longitude and latitude on WGS 84, in this order, as WKT.</summary>
    public const string Geographic = "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563]],"
        + "PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433],AUTHORITY[\"EPSG\",\"4326\"]]";

    /// <summary>The georeference of a dataset; null when it has none.</summary>
    public static GeoReference? Of(nint dataset)
    {
        var transform = new double[6];
        fixed (double* values = transform)
        {
            if (Gdal.GDALGetGeoTransform(dataset, values) == 0)
                return new GeoReference(transform, Gdal.ProjectionOf(dataset));
        }
        var count = Gdal.GDALGetGCPCount(dataset);
        if (count < 1)
            return null;
        var points = new ReadOnlySpan<Gdal.ControlPoint>(Gdal.GDALGetGCPs(dataset), count);
        var found = new GroundControlPoint[count];
        for (var i = 0; i < count; i++)
        {
            var point = points[i];
            found[i] = new GroundControlPoint(point.Line, point.Pixel, point.X, point.Y, point.Z,
                Marshal.PtrToStringUTF8((nint)point.Id) ?? "");
        }
        return GeoReference.Of(found, Gdal.ControlPointProjectionOf(dataset));
    }

    /// <summary>What is not taken of a dataset's georeference, in a sentence; null when all is.</summary>
    public static string? RemarkOn(nint dataset)
    {
        Span<double> transform = stackalloc double[6];
        fixed (double* values = transform)
        {
            return Gdal.GDALGetGCPCount(dataset) is > 0 and var count && Gdal.GDALGetGeoTransform(dataset, values) == 0
                ? $"has a transform and {count} ground control points: the transform tells where "
                    + $"it lies, the points are left out"
                : null;
        }
    }

    /// <summary>Gives a dataset its georeference.</summary>
    /// <exception cref="ArgumentException">The transform has not six values.</exception>
    public static void Set(nint dataset, GeoReference place)
    {
        if (place.Transform is { } values)
        {
            if (values.Count != 6)
                throw new ArgumentException($"georeference: found {values.Count} values, expected 6.", nameof(place));
            fixed (double* transform = values.ToArray())
                _ = Gdal.GDALSetGeoTransform(dataset, transform);
            if (place.Projection.Length > 0)
                _ = Gdal.GDALSetProjection(dataset, place.Projection);
            return;
        }
        var points = new Gdal.ControlPoint[place.ControlPoints.Count];
        using var names = new Gdal.StringList([.. place.ControlPoints.Select(point => point.Id), ""]);
        for (var i = 0; i < points.Length; i++)
        {
            var point = place.ControlPoints[i];
            points[i] = new Gdal.ControlPoint
            {
                Id = names.Pointer[i], Info = names.Pointer[points.Length], Line = point.Row, Pixel = point.Column,
                    X = point.X, Y = point.Y, Z = point.Z,
            };
        }
        fixed (Gdal.ControlPoint* first = points)
            _ = Gdal.GDALSetGCPs(dataset, points.Length, first, place.Projection);
    }
}
