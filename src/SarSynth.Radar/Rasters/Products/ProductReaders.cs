// Which reader a path belongs to.
using System.IO.Compression;

namespace SarSynth.Radar.Rasters.Products;

/// <summary>Looks at a path and hands it to the reader of its product.</summary>
internal static class ProductReaders
{
    /// <exception cref="RasterException">No reader can open it; the reason is that of the one that should.</exception>
    public static RasterContent Open(string path, RasterOptions options)
    {
        Gdal.Require();
        try
        {
            if (Directory.Exists(path))
                return OpenFolder(path, options);
            if (!File.Exists(path))
                throw new RasterException(path, "does not exist");
            return OpenFile(path, options);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new RasterException(path, "may not be read by this user", error);
        }
        catch (Exception error) when (error is FormatException or OverflowException or InvalidDataException)
        {
            throw new RasterException(path, error.Message, error);
        }
    }

    private static RasterContent OpenFolder(string path, RasterOptions options)
    {
        if (File.Exists(Path.Combine(path, "manifest.safe")))
            return Sentinel1.Open(path, Path.GetFullPath(path), options);
        throw new RasterException(path, "is a folder, but no product: expected manifest.safe in it");
    }

    private static RasterContent OpenFile(string path, RasterOptions options)
    {
        var head = Head(path);
        if (head.Length == 0)
            throw new RasterException(path, "is empty");
        if (string.Equals(Path.GetFileName(path), "manifest.safe", StringComparison.OrdinalIgnoreCase))
            return Sentinel1.Open(path, Path.GetDirectoryName(Path.GetFullPath(path))!, options);
        if (head.AsSpan().StartsWith("PK\x03\x04"u8))
            return OpenZip(path, options);
        if (head.AsSpan().StartsWith((ReadOnlySpan<byte>)[0x89, .. "HDF\r\n\x1a\n"u8]))
            return NisarHdf5.Open(path, options);
        return PlainRaster.Open(path, options);
    }

    private static RasterContent OpenZip(string path, RasterOptions options)
    {
        string? manifest;
        try
        {
            using var zip = ZipFile.OpenRead(path);
            manifest = zip.Entries.Select(entry => entry.FullName).FirstOrDefault(name => name.EndsWith("manifest.safe", StringComparison.OrdinalIgnoreCase));
        }
        catch (InvalidDataException error)
        {
            throw new RasterException(path, $"is a damaged zip file: {error.Message}", error);
        }
        if (manifest is null)
            throw new RasterException(path, "is a zip file, but no product: expected manifest.safe in it");
        var folder = manifest[..^"manifest.safe".Length].TrimEnd('/');
        return Sentinel1.Open(path, VirtualFile.InZip(path) + (folder.Length > 0 ? "/" + folder : ""), options);
    }

    private static byte[] Head(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var head = new byte[64];
        return head[..file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
    }
}
