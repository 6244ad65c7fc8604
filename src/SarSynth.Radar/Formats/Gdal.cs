// GDAL's C API: the few functions that are used here, and its errors as exceptions.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>GDAL's pixel types.</summary>
internal enum GdalType
{
    Unknown, Byte, UInt16, Int16, UInt32, Int32, Float32, Float64, ComplexInt16, ComplexInt32, ComplexFloat32,
        ComplexFloat64, UInt64, Int64, Int8,
}

/// <summary>
/// GDAL, initialised once: all drivers, a small block cache, errors kept per thread instead of printed.
/// </summary>
internal static unsafe partial class Gdal
{
    // GDAL would take 5 % of the machine's memory for blocks; streaming needs a row of tiles or two.
    internal const long CacheBytes = 96L << 20;

    private static readonly Lazy<bool> Ready = new(Initialise);

    [ThreadStatic]
    private static List<string>? messages;

    /// <summary>Makes GDAL ready.</summary>
    /// <exception cref="DllNotFoundException">GDAL is not on this machine.</exception>
    public static void Require() => _ = Ready.Value;

    /// <summary>GDAL's release, for example "3.6.2".</summary>
    public static string Version
    {
        get
        {
            Require();
            return Marshal.PtrToStringUTF8(GDALVersionInfo("RELEASE_NAME")) ?? "";
        }
    }

    /// <summary>Forgets the errors of this thread; call it before an operation whose errors are wanted.</summary>
    public static void Begin()
    {
        Require();
        messages = null;
    }

    /// <summary>
    /// The errors since <see cref="Begin"/>, in one line; <paramref name="otherwise"/> when GDAL gave none.
    /// </summary>
    public static string Errors(string otherwise) =>
        messages is { Count: > 0 } list ? string.Join("; ", list.Distinct().Take(3)).ReplaceLineEndings(" ")
            : otherwise;

    /// <summary>Whether an error came since <see cref="Begin"/>.</summary>
    public static bool HasErrors => messages is { Count: > 0 };

    /// <summary>Opens a raster for reading with one of the drivers.</summary>
    /// <exception cref="RasterException">It cannot be opened.</exception>
    public static nint Open(string path, string shown, params string[] drivers)
    {
        Begin();
        using var allowed = new StringList(drivers);
        var dataset = GDALOpenEx(path, OpenRaster | OpenVerboseError, allowed.Pointer, 0, 0);
        if (dataset == 0)
            throw new RasterException(shown, Errors("is not a raster that can be read").Replace($"`{path}' ", "is "));
        return dataset;
    }

    private const uint OpenRaster = 0x02, OpenVerboseError = 0x40;

    private static bool Initialise()
    {
        NativeLibraries.RequireGdal();
        CPLSetErrorHandler(&KeepError);
        CPLSetConfigOption("GDAL_PAM_ENABLED", Environment.GetEnvironmentVariable("GDAL_PAM_ENABLED") ?? "YES");
        CPLSetConfigOption("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR_OK");
        GDALSetCacheMax64(CacheBytes);
        GDALAllRegister();
        return true;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void KeepError(int severity, int number, byte* message)
    {
        const int failure = 3;
        if (severity >= failure && (messages ??= []).Count < 16)
            messages.Add(Marshal.PtrToStringUTF8((nint)message)?.Trim() ?? "");
    }

    /// <summary>A null-terminated array of C strings, as GDAL wants its options.</summary>
    internal readonly struct StringList : IDisposable
    {
        public StringList(IReadOnlyCollection<string> strings)
        {
            Pointer = (byte**)NativeMemory.AllocZeroed((nuint)strings.Count + 1, (nuint)sizeof(byte*));
            var at = Pointer;
            foreach (var text in strings)
                *at++ = (byte*)Marshal.StringToCoTaskMemUTF8(text);
        }

        public byte** Pointer { get; }

        public void Dispose()
        {
            for (var at = Pointer; *at is not null; at++)
                Marshal.FreeCoTaskMem((nint)(*at));
            NativeMemory.Free(Pointer);
        }
    }

    /// <summary>The strings of a list that GDAL owns.</summary>
    public static List<string> Strings(byte** list)
    {
        var strings = new List<string>();
        for (; list is not null && *list is not null; list++)
            strings.Add(Marshal.PtrToStringUTF8((nint)(*list)) ?? "");
        return strings;
    }

    /// <summary>A dataset's or band's metadata item; null when it has none.</summary>
    public static string? Item(nint handle, string name, string? domain = null) =>
        Marshal.PtrToStringUTF8(GDALGetMetadataItem(handle, name, domain));

    /// <summary>Metadata of a dataset or band as it comes, for domains that hold whole documents.</summary>
    public static List<string> Lines(nint handle, string domain) => Strings(GDALGetMetadata(handle, domain));

    /// <summary>Metadata of a dataset or band as name and value.</summary>
    public static Dictionary<string, string> Items(nint handle, string? domain = null)
    {
        var items = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in Strings(GDALGetMetadata(handle, domain)))
        {
            var at = line.IndexOf('=');
            if (at > 0)
                items[line[..at]] = line[(at + 1)..];
        }
        return items;
    }

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial void GDALAllRegister();

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial void GDALSetCacheMax64(long bytes);

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GDALVersionInfo(string request);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial nint CPLSetErrorHandler(delegate* unmanaged[Cdecl]<int, int, byte*, void> handler);

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    private static partial void CPLSetConfigOption(string key, string value);

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GDALOpenEx(string path, uint flags, byte** drivers, nint options, nint siblings);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial int GDALClose(nint dataset);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial void GDALFlushCache(nint dataset);

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int GDALSetMetadata(nint handle, byte** lines, string? domain);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial nint GDALGetDatasetDriver(nint dataset);

    [LibraryImport(NativeLibraries.Gdal, EntryPoint = "GDALGetDriverShortName")]
    private static partial nint DriverName(nint driver);

    public static string DriverOf(nint dataset) => Marshal.PtrToStringUTF8(DriverName(GDALGetDatasetDriver(dataset)))
        ?? "";

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint GDALGetDriverByName(string name);

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint GDALCreate(nint driver, string path, int columns, int rows, int bands, GdalType type,
        byte** options);

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint GDALCreateCopy(nint driver, string path, nint source, int strict, byte** options,
        nint progress, nint progressData);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial int GDALGetRasterXSize(nint dataset);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial int GDALGetRasterYSize(nint dataset);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial int GDALGetRasterCount(nint dataset);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial nint GDALGetRasterBand(nint dataset, int band);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial GdalType GDALGetRasterDataType(nint band);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial void GDALGetBlockSize(nint band, out int columns, out int rows);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial double GDALGetRasterNoDataValue(nint band, out int found);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial int GDALSetRasterNoDataValue(nint band, double value);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial nint GDALGetMaskBand(nint band);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial int GDALGetMaskFlags(nint band);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial int GDALGetRasterColorInterpretation(nint band);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial byte** GDALGetFileList(nint dataset);

    /// <summary>The files that belong to a dataset.</summary>
    public static List<string> FilesOf(nint dataset)
    {
        var list = GDALGetFileList(dataset);
        var files = Strings(list);
        CSLDestroy(list);
        return files;
    }

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial double GDALGetRasterScale(nint band, out int found);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial double GDALGetRasterOffset(nint band, out int found);

    [LibraryImport(NativeLibraries.Gdal, EntryPoint = "GDALGetRasterUnitType")]
    private static partial nint UnitType(nint band);

    public static string UnitOf(nint band) => Marshal.PtrToStringUTF8(UnitType(band)) ?? "";

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int GDALSetRasterUnitType(nint band, string unit);

    [LibraryImport(NativeLibraries.Gdal, EntryPoint = "GDALGetDescription")]
    private static partial nint Description(nint handle);

    public static string DescriptionOf(nint handle) => Marshal.PtrToStringUTF8(Description(handle)) ?? "";

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial int GDALRasterIOEx(nint band, int write, int column, int row, int columns, int rows,
        void* buffer, int bufferColumns, int bufferRows, GdalType bufferType, long pixelSpace, long lineSpace,
            nint extra);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial int GDALGetGeoTransform(nint dataset, double* transform);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial int GDALSetGeoTransform(nint dataset, double* transform);

    [LibraryImport(NativeLibraries.Gdal)]
    private static partial nint GDALGetProjectionRef(nint dataset);

    public static string ProjectionOf(nint dataset) => Marshal.PtrToStringUTF8(GDALGetProjectionRef(dataset)) ?? "";

    /// <summary>GDAL_GCP: a ground control point; its strings belong to the one who made it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct ControlPoint
    {
        public byte* Id, Info;
        public double Pixel, Line, X, Y, Z;
    }

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial int GDALGetGCPCount(nint dataset);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial ControlPoint* GDALGetGCPs(nint dataset);

    [LibraryImport(NativeLibraries.Gdal, EntryPoint = "GDALGetGCPProjection")]
    private static partial nint ControlPointProjection(nint dataset);

    public static string ControlPointProjectionOf(nint dataset) =>
        Marshal.PtrToStringUTF8(ControlPointProjection(dataset)) ?? "";

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int GDALSetGCPs(nint dataset, int count, ControlPoint* points, string projection);

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int GDALSetProjection(nint dataset, string projection);

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GDALGetMetadataItem(nint handle, string name, string? domain);

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    private static partial byte** GDALGetMetadata(nint handle, string? domain);

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int GDALSetMetadataItem(nint handle, string name, string value, string? domain);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial void CSLDestroy(byte** list);

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    public static partial byte** VSIReadDirRecursive(string path);

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint VSIFOpenL(string path, string access);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial int VSIFCloseL(nint file);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial nuint VSIFReadL(void* buffer, nuint size, nuint count, nint file);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial int VSIFSeekL(nint file, ulong offset, int whence);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial ulong VSIFTellL(nint file);

    [LibraryImport(NativeLibraries.Gdal, StringMarshalling = StringMarshalling.Utf8)]
    public static partial byte* VSIGetMemFileBuffer(string path, out ulong length, int unlink);

    [LibraryImport(NativeLibraries.Gdal)]
    public static partial void VSIFree(void* memory);
}
