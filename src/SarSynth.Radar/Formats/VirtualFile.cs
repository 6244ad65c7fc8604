// Reads whole small files through GDAL's file system, so that an annotation inside a zip reads like one on disk.
using System.Text;
using System.Xml;
using System.Xml.Linq;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>Files by GDAL's paths ("/vsizip/...").</summary>
internal static unsafe class VirtualFile
{
    private const ulong LargestText = 256UL << 20;

    /// <summary>GDAL's path of a file in a zip.</summary>
    public static string InZip(string zip) => $"/vsizip/{{{Path.GetFullPath(zip)}}}";

    /// <summary>Paths of all files below a folder, relative to it, with '/'.</summary>
    public static List<string> List(string folder)
    {
        Gdal.Begin();
        var list = Gdal.VSIReadDirRecursive(folder);
        try
        {
            return [.. Gdal.Strings(list).Select(name => name.Replace('\\', '/')).Where(name => !name.EndsWith('/'))];
        }
        finally
        {
            Gdal.CSLDestroy(list);
        }
    }

    /// <summary>The bytes of a file.</summary>
    /// <exception cref="RasterException">It cannot be read.</exception>
    public static byte[] ReadAll(string path)
    {
        Gdal.Begin();
        var file = Gdal.VSIFOpenL(path, "rb");
        if (file == 0)
            throw new RasterException(path, Gdal.Errors("cannot be opened"));
        try
        {
            _ = Gdal.VSIFSeekL(file, 0, 2);
            var length = Gdal.VSIFTellL(file);
            if (length > LargestText)
                throw new RasterException(path, $"is {length} bytes, expected at most {LargestText}");
            _ = Gdal.VSIFSeekL(file, 0, 0);
            var bytes = new byte[length];
            fixed (byte* buffer = bytes)
            {
                if (length > 0 && Gdal.VSIFReadL(buffer, 1, (nuint)length, file) != length)
                    throw new RasterException(path, "is truncated");
            }
            return bytes;
        }
        finally
        {
            _ = Gdal.VSIFCloseL(file);
        }
    }

    /// <summary>Length of a file in bytes; null when there is none.</summary>
    public static long? Length(string path)
    {
        Gdal.Begin();
        var file = Gdal.VSIFOpenL(path, "rb");
        if (file == 0)
            return null;
        _ = Gdal.VSIFSeekL(file, 0, 2);
        var length = (long)Gdal.VSIFTellL(file);
        _ = Gdal.VSIFCloseL(file);
        return length;
    }

    /// <summary>An XML file, without document type or outside entities.</summary>
    /// <exception cref="RasterException">It cannot be read or is not well formed.</exception>
    public static XElement ReadXml(string path) => ParseXml(ReadAll(path), path);

    /// <summary>XML from bytes.</summary>
    /// <exception cref="RasterException">It is not well formed.</exception>
    public static XElement ParseXml(byte[] bytes, string path)
    {
        try
        {
            using var reader = XmlReader.Create(new MemoryStream(bytes),
                new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            return XDocument.Load(reader).Root ?? throw new RasterException(path, "is an XML file without content");
        }
        catch (Exception error) when (error is XmlException or DecoderFallbackException)
        {
            throw new RasterException(path, $"is not well-formed XML: {error.Message}", error);
        }
    }
}
