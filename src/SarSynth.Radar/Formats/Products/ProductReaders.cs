// Which reader a path belongs to.
using System.IO.Compression;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>Looks at a path and hands it to the reader of its product.</summary>
internal static class ProductReaders
{
    /// <exception cref="RasterException">No reader can open it; the reason is that of the one that should.</exception>
    public static RasterContent Open(string path, RasterOptions options)
    {
        Gdal.Require();
        var content = Guarded(path, () =>
        {
            if (Directory.Exists(path))
                return OpenFolder(path, options);
            return File.Exists(path) ? OpenFile(path, options) : throw new RasterException(path, "does not exist");
        });
        // A name that stands twice would hide a channel from everybody.
        if (content.Channels.Distinct(StringComparer.OrdinalIgnoreCase).Count() == content.Channels.Count)
            return content;
        content.Pixels.Dispose();
        throw new RasterException(path, $"has channels of one name: {string.Join(", ", content.Channels)}");
    }

    /// <summary>The calibration of a product.</summary>
    /// <exception cref="RasterException">It is damaged, or of a kind whose calibration is not known.</exception>
    public static CalibrationTables OpenCalibration(string path, string? channel)
    {
        Gdal.Require();
        return Guarded<CalibrationTables>(path, () =>
        {
            if (Directory.Exists(path))
            {
                if (File.Exists(Path.Combine(path, "manifest.safe")))
                    return SentinelTables(path, Path.GetFullPath(path), channel);
                return TerraSarX.FindAnnotation(path) is { } annotation
                    ? TerraSarX.Calibration(path, annotation, channel) : throw new RasterException(path, NoProduct);
            }
            if (!File.Exists(path))
                throw new RasterException(path, "does not exist");
            var head = Head(path);
            if (string.Equals(Path.GetFileName(path), "manifest.safe", StringComparison.OrdinalIgnoreCase))
                return SentinelTables(path, Path.GetDirectoryName(Path.GetFullPath(path))!, channel);
            if (head.AsSpan().StartsWith("PK\x03\x04"u8))
                return SentinelTables(path, FolderInZip(path), channel);
            if (head.AsSpan().StartsWith("NITF"u8))
                return Nitf.Calibration(path);
            if (head.AsSpan().StartsWith("<?xml"u8) && TerraSarX.IsAnnotation(path))
                return TerraSarX.Calibration(path, path, channel);
            throw new RasterException(path,
                "carries no calibration that is known: expected Sentinel-1, SICD or TerraSAR-X");
        });
    }

    private const string NoProduct =
        "is a folder, but no product: expected manifest.safe or a TerraSAR-X annotation in it";

    private static Sentinel1Tables SentinelTables(string path, string folder, string? channel) =>
        Sentinel1Annotation.Tables(path, Sentinel1.Choose(path, Sentinel1.Channels(path, folder), channel));

    // Whatever goes wrong with a file's content is the one exception that names the file.
    private static T Guarded<T>(string path, Func<T> open)
    {
        try
        {
            return open();
        }
        catch (UnauthorizedAccessException error)
        {
            throw new RasterException(path, "may not be read by this user", error);
        }
        catch (Exception error) when (error is FormatException or OverflowException or InvalidDataException
            or ArgumentException or InvalidOperationException
            || (error is IOException and not RasterException))
        {
            throw new RasterException(path, error.Message, error);
        }
    }

    private static RasterContent OpenFolder(string path, RasterOptions options)
    {
        if (File.Exists(Path.Combine(path, "manifest.safe")))
            return Sentinel1.Open(path, Path.GetFullPath(path), options);
        if (TerraSarX.FindAnnotation(path) is { } annotation)
            return TerraSarX.Open(path, annotation, options);
        throw new RasterException(path, NoProduct);
    }

    private static RasterContent OpenFile(string path, RasterOptions options)
    {
        var head = Head(path);
        if (head.Length == 0)
            throw new RasterException(path, "is empty");
        if (string.Equals(Path.GetFileName(path), "manifest.safe", StringComparison.OrdinalIgnoreCase))
            return Sentinel1.Open(path, Path.GetDirectoryName(Path.GetFullPath(path))!, options);
        if (head.AsSpan().StartsWith("PK\x03\x04"u8))
            return Sentinel1.Open(path, FolderInZip(path), options);
        if (head.AsSpan().StartsWith((ReadOnlySpan<byte>)[0x89, .. "HDF\r\n\x1a\n"u8]))
            return NisarHdf5.Open(path, options);
        if (head.AsSpan().StartsWith((ReadOnlySpan<byte>)[0x93, .. "NUMPY"u8]))
            return Numpy(path, options);
        if ((head.AsSpan().StartsWith("NITF"u8) || head.AsSpan().StartsWith("NSIF"u8))
            && Nitf.Open(path, options) is { } nitf)
            return nitf;
        if (head.AsSpan().TrimStart((byte)' ').StartsWith("<?xml"u8) && TerraSarX.IsAnnotation(path))
            return TerraSarX.Open(path, path, options);
        return PlainRaster.Open(path, options);
    }

    // The folder of the product in a zip, by GDAL's path.
    private static string FolderInZip(string path)
    {
        string? manifest;
        try
        {
            using var zip = ZipFile.OpenRead(path);
            manifest = zip.Entries.Select(entry => entry.FullName)
                .FirstOrDefault(name => name.EndsWith("manifest.safe", StringComparison.OrdinalIgnoreCase));
        }
        catch (InvalidDataException error)
        {
            throw new RasterException(path, $"is a damaged zip file: {error.Message}", error);
        }
        if (manifest is null)
            throw new RasterException(path, "is a zip file, but no product: expected manifest.safe in it");
        var folder = manifest[..^"manifest.safe".Length].TrimEnd('/');
        return VirtualFile.InZip(path) + (folder.Length > 0 ? "/" + folder : "");
    }

    private static RasterContent Numpy(string path, RasterOptions options)
    {
        var source = new NumpySource(path);
        if (!source.IsComplex && options.Kind == PixelKind.Complex)
        {
            source.Dispose();
            throw new RasterException(path, "has real pixels, but complex ones were asked for");
        }
        return new RasterContent(source, source.IsComplex ? PixelKind.Complex : options.Kind
            ?? PixelKind.Amplitude, SarMetadata.Unknown)
        {
            Format = "NumPy",
            KindIsAssumed = !source.IsComplex && options.Kind is null,
            Channels = ["1"],
            Channel = "1",
        };
    }

    private static byte[] Head(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var head = new byte[64];
        return head[..file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
    }
}
