// GDAL's transformers: from one reference system to another, and from the ground to pixels by control points.
using System.Runtime.InteropServices;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

internal static unsafe partial class Gdal
{
    // OAMS_TRADITIONAL_GIS_ORDER: longitude before latitude, easting before northing, whatever the authority says.
    private const int LongitudeFirst = 0;

    /// <summary>Takes points from one reference system into another, in place.</summary>
    /// <param name="path">Named in errors.</param>
    /// <param name="from">WKT of the system that they are in.</param>
    /// <param name="to">WKT of the system wanted.</param>
    /// <param name="x">Eastings or longitudes.</param>
    /// <param name="y">Northings or latitudes.</param>
    /// <exception cref="RasterException">A system that GDAL does not know, or points that it does not hold.</exception>
    public static void TransformPoints(string path, string from, string to, double[] x, double[] y)
    {
        Begin();
        if (!TryTransformPoints(from, to, x, y) || !x.All(double.IsFinite) || !y.All(double.IsFinite))
            throw new RasterException(path,
                $"box: {Errors("cannot be brought into the raster's reference system")}");
    }

    /// <summary>Takes points from one reference system into another, in place; those that it does not hold become
    /// infinite.</summary>
    /// <param name="from">WKT of the system that they are in.</param>
    /// <param name="to">WKT of the system wanted.</param>
    /// <param name="x">Eastings or longitudes.</param>
    /// <param name="y">Northings or latitudes.</param>
    /// <returns>Whether GDAL knows both systems; where not, all points are infinite.</returns>
    public static bool TryTransformPoints(string from, string to, double[] x, double[] y)
    {
        Require();
        nint source = OSRNewSpatialReference(from), target = OSRNewSpatialReference(to), transform = 0;
        try
        {
            if (source != 0 && target != 0)
            {
                OSRSetAxisMappingStrategy(source, LongitudeFirst);
                OSRSetAxisMappingStrategy(target, LongitudeFirst);
                transform = OCTNewCoordinateTransformation(source, target);
            }
            if (transform == 0)
            {
                Array.Fill(x, double.PositiveInfinity);
                Array.Fill(y, double.PositiveInfinity);
                return false;
            }
            var z = new double[x.Length];
            // What is returned tells whether all points went over; those that did not are infinite.
            fixed (double* px = x, py = y, pz = z)
                _ = OCTTransform(transform, x.Length, px, py, pz);
            return true;
        }
        finally
        {
            if (transform != 0)
                OCTDestroyCoordinateTransformation(transform);
            if (source != 0)
                _ = OSRRelease(source);
            if (target != 0)
                _ = OSRRelease(target);
        }
    }

    /// <summary>Rows and columns of places on the ground, by the polynomial that GDAL fits to control points.</summary>
    /// <exception cref="RasterException">The points do not determine it.</exception>
    public static (double[] Rows, double[] Columns) InverseControlPoints(
        string path, IReadOnlyList<GroundControlPoint> points, double[] x, double[] y)
    {
        Begin();
        using var empty = new StringList([""]);
        var list = points.Select(p => new ControlPoint
        {
            Id = empty.Pointer[0], Info = empty.Pointer[0], Line = p.Row, Pixel = p.Column, X = p.X, Y = p.Y, Z = p.Z,
        }).ToArray();
        double[] columns = [.. x], rows = [.. y], z = new double[x.Length];
        var good = new int[x.Length];
        nint fit;
        fixed (ControlPoint* first = list)
            fit = GDALCreateGCPTransformer(list.Length, first, 0, 0);
        try
        {
            fixed (double* px = columns, py = rows, pz = z)
            fixed (int* success = good)
            {
                // Destination to source: from the ground to the pixels.
                if (fit == 0 || GDALGCPTransform(fit, 1, x.Length, px, py, pz, success) == 0 || good.Contains(0))
                    throw new RasterException(path,
                        $"box: {Errors($"{points.Count} control points do not tell where it lies")}");
            }
        }
        finally
        {
            if (fit != 0)
                GDALDestroyGCPTransformer(fit);
        }
        return (rows, columns);
    }

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint OSRNewSpatialReference(string wkt);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial void OSRSetAxisMappingStrategy(nint system, int strategy);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial int OSRRelease(nint system);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial nint OCTNewCoordinateTransformation(nint source, nint target);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial int OCTTransform(nint transform, int count, double* x, double* y, double* z);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial void OCTDestroyCoordinateTransformation(nint transform);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial nint GDALCreateGCPTransformer(int count, ControlPoint* points, int order, int reversed);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial int GDALGCPTransform(
        nint fit, int toSource, int count, double* x, double* y, double* z, int* success);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial void GDALDestroyGCPTransformer(nint fit);
}
