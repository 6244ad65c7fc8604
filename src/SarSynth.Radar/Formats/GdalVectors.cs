// GDAL's C API for vector layers (OGR): features, their attributes and geometries, drawing into a raster.
using System.Runtime.InteropServices;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

internal static unsafe partial class Gdal
{
    private const uint OpenVector = 0x04;

    /// <summary>Opens a vector file for reading.</summary>
    /// <exception cref="RasterException">It cannot be opened.</exception>
    public static nint OpenVectors(string path)
    {
        Begin();
        var dataset = GDALOpenEx(path, OpenVector | OpenVerboseError, null, 0, 0);
        return dataset != 0 ? dataset
            : throw new RasterException(path, Errors("is not a vector file that can be read").Replace($"`{path}' ",
                "is "));
    }

    /// <summary>Names of the layers of an open vector file.</summary>
    public static List<string> LayersOf(nint dataset) =>
        [.. Enumerable.Range(0, GDALDatasetGetLayerCount(dataset)).Select(i =>
            Marshal.PtrToStringUTF8(OGR_L_GetName(GDALDatasetGetLayer(dataset, i))) ?? "")];

    /// <summary>Names of the attributes of a layer.</summary>
    public static List<string> FieldsOf(nint layer)
    {
        var definition = OGR_L_GetLayerDefn(layer);
        return [.. Enumerable.Range(0, OGR_FD_GetFieldCount(definition)).Select(i =>
            Marshal.PtrToStringUTF8(OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(definition, i))) ?? "")];
    }

    /// <summary>A layer's reference system as WKT; null where it does not tell.</summary>
    public static string? ReferenceOf(nint layer)
    {
        var system = OGR_L_GetSpatialRef(layer);
        if (system == 0 || OSRExportToWkt(system, out var text) != 0)
            return null;
        var wkt = Marshal.PtrToStringUTF8((nint)text);
        VSIFree(text);
        return string.IsNullOrEmpty(wkt) ? null : wkt;
    }

    /// <summary>A feature's attribute as text; null where it has none.</summary>
    public static string? TextOf(nint feature, int field) => OGR_F_IsFieldSetAndNotNull(feature, field) == 0 ? null
        : Marshal.PtrToStringUTF8(OGR_F_GetFieldAsString(feature, field));

    /// <summary>A geometry as well-known binary, little-endian, of two dimensions, curves as chords.</summary>
    public static byte[] BinaryOf(nint geometry)
    {
        const int littleEndian = 1;
        // Chords of the library's own fineness.
        var plain = OGR_G_GetLinearGeometry(geometry, 0, null);
        try
        {
            OGR_G_FlattenTo2D(plain);
            var bytes = new byte[OGR_G_WkbSize(plain)];
            fixed (byte* at = bytes)
            {
                if (OGR_G_ExportToWkb(plain, littleEndian, at) != 0)
                    return [];
            }
            return bytes;
        }
        finally
        {
            OGR_G_DestroyGeometry(plain);
        }
    }

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial int GDALDatasetGetLayerCount(nint dataset);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial nint GDALDatasetGetLayer(nint dataset, int number);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial nint OGR_L_GetName(nint layer);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial nint OGR_L_GetSpatialRef(nint layer);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial nint OGR_L_GetLayerDefn(nint layer);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial void OGR_L_ResetReading(nint layer);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial nint OGR_L_GetNextFeature(nint layer);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial void OGR_L_SetSpatialFilterRect(nint layer, double west, double south, double east,
        double north);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial void OGR_L_SetSpatialFilter(nint layer, nint geometry);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial int OGR_FD_GetFieldCount(nint definition);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial nint OGR_FD_GetFieldDefn(nint definition, int number);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial nint OGR_Fld_GetNameRef(nint field);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial int OGR_F_IsFieldSetAndNotNull(nint feature, int field);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial nint OGR_F_GetFieldAsString(nint feature, int field);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial nint OGR_F_GetGeometryRef(nint feature);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial void OGR_F_Destroy(nint feature);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial nint OGR_G_GetLinearGeometry(nint geometry, double stepDegrees, byte** options);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial void OGR_G_FlattenTo2D(nint geometry);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial int OGR_G_WkbSize(nint geometry);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial int OGR_G_ExportToWkb(nint geometry, int order, byte* bytes);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial int OGR_G_CreateFromWkb(byte* bytes, nint system, out nint geometry, int length);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial void OGR_G_DestroyGeometry(nint geometry);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial int OSRExportToWkt(nint system, out byte* text);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial int GDALRasterizeGeometries(nint dataset, int bandCount, int* bands, int count,
        nint* geometries, nint transformer, nint transformerData, double* values, byte** options, nint progress,
        nint progressData);
}
