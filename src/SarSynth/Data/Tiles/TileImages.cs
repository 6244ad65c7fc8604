// Pixels of tiles: pictures of 8 and 16 bits, rasters, NumPy arrays, from files or from members of shards.
using System.Buffers.Binary;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Data;

/// <summary>Reads the pixels of one tile or condition.</summary>
internal static class TileImages
{
    /// <summary>Extensions that are read, best first.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".png", ".tif", ".tiff", ".jpg", ".jpeg", ".npy"];

    private const int PngHeader = 33, PngTrailer = 12;

    /// <summary>Reads an image.</summary>
    /// <param name="file">Its file.</param>
    /// <param name="source">What messages call it.</param>
    /// <param name="key">The tile's name, for messages.</param>
    /// <returns>The image, and whether its amplitudes run from 0 to 1, as those of a picture do.</returns>
    /// <exception cref="TileException">It is not there or cannot be read.</exception>
    public static (SarImage Image, bool IsPicture) Read(string file, string source, string key)
    {
        if (!File.Exists(file))
            throw new TileException(source, key, $"found no file {file}, though the index lists it");
        return Guarded(source, key, Path.GetFileName(file), () =>
            file.EndsWith(".npy", StringComparison.OrdinalIgnoreCase)
            ? (FromArray(NumpyArray.Parse(File.ReadAllBytes(file))), false)
            : FromRaster(file));
    }

    /// <summary>Reads an image from a shard's member.</summary>
    /// <inheritdoc cref="Read(string, string, string)"/>
    /// <param name="bytes">The member's bytes.</param>
    /// <param name="member">Its name, with the extension.</param>
    /// <param name="source">What messages call the shard.</param>
    /// <param name="key">The tile's name, for messages.</param>
    public static (SarImage Image, bool IsPicture) Read(byte[] bytes, string member, string source, string key) =>
        Guarded(source, key, member, () =>
        {
            if (member.EndsWith(".npy", StringComparison.OrdinalIgnoreCase))
                return (FromArray(NumpyArray.Parse(bytes)), false);
            // GDAL reads files; one in the page cache for a moment costs less than its decoding.
            var file = Path.Combine(Path.GetTempPath(), $"sarsynth-{Guid.NewGuid():N}{Path.GetExtension(member)}");
            try
            {
                File.WriteAllBytes(file, bytes);
                return FromRaster(file);
            }
            catch (RasterException error)
            {
                throw new FormatException(error.Reason, error);
            }
            finally
            {
                File.Delete(file);
            }
        });

    /// <summary>Reads codes of classes; NaN where there is no data.</summary>
    /// <exception cref="TileException">It is not there or cannot be read.</exception>
    public static TileCondition ReadClasses(string file, string name, string source, string key)
    {
        if (!File.Exists(file))
            throw new TileException(source, key, $"found no file {file}, though the index lists it");
        return Guarded(source, key, Path.GetFileName(file), () =>
        {
            if (file.EndsWith(".npy", StringComparison.OrdinalIgnoreCase))
                return Classes(NumpyArray.Parse(File.ReadAllBytes(file)), name);
            using var raster = SarRaster.Open(file, new RasterOptions { Kind = PixelKind.Amplitude });
            var image = raster.Read().ToAmplitude();
            return new TileCondition(name, ConditionKind.Classes, image.Rows, image.Columns, image.Pixels);
        });
    }

    /// <summary>A class map [rows x columns], or [2 x rows x columns] with its validity behind it.</summary>
    /// <exception cref="FormatException">It has another shape.</exception>
    public static TileCondition Classes(NumpyArray array, string name)
    {
        if (array.Shape.Length is not (2 or 3) || (array.Shape.Length == 3 && array.Shape[0] != 2))
            throw new FormatException(
                $"found a class map of shape {NumpyArray.Show(array.Shape)}, expected (rows, columns) or "
                + "(2, rows, columns): codes, then validity");
        var (rows, columns) = (array.Shape[^2], array.Shape[^1]);
        var values = array.ToReal();
        var codes = values[..(rows * columns)];
        if (array.Shape.Length == 3)
        {
            for (var i = 0; i < codes.Length; i++)
            {
                if (values[codes.Length + i] == 0)
                    codes[i] = float.NaN;
            }
        }
        return new TileCondition(name, ConditionKind.Classes, rows, columns, codes);
    }

    /// <summary>Size of an image by its header, after a look at what tells that the file is whole.</summary>
    /// <param name="file">Its file.</param>
    /// <param name="source">What messages call it.</param>
    /// <param name="key">The tile's name, for messages.</param>
    /// <exception cref="TileException">It is not there, has another header, or ends early.</exception>
    public static (int Rows, int Columns) Measure(string file, string source, string key)
    {
        if (!File.Exists(file))
            throw new TileException(source, key, $"found no file {file}, though the index lists it");
        return Guarded(source, key, Path.GetFileName(file), () =>
        {
            using var stream = File.OpenRead(file);
            var head = new byte[NumpyArray.HeaderBytes];
            var read = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
            var tail = new byte[Math.Min(PngTrailer, stream.Length)];
            stream.Position = stream.Length - tail.Length;
            stream.ReadExactly(tail);
            if (Measure(head.AsSpan(0, read), tail, stream.Length, file) is { } size)
                return size;
            using var raster = SarRaster.Open(file);
            return (raster.Rows, raster.Columns);
        });
    }

    /// <summary>Size of a picture or array from its first and last bytes; null where these do not tell.</summary>
    /// <param name="head">The first <see cref="NumpyArray.HeaderBytes"/> bytes, or all.</param>
    /// <param name="tail">The last bytes; empty where they are not looked at.</param>
    /// <param name="length">Bytes that there are.</param>
    /// <param name="name">The file's name, for its extension.</param>
    /// <exception cref="FormatException">The header is wrong, or the file ends early.</exception>
    public static (int Rows, int Columns)? Measure(ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail, long length,
        string name)
    {
        switch (Path.GetExtension(name).ToLowerInvariant())
        {
            case ".png":
                RequirePng(head);
                if (tail.Length > 0 && !tail[^Math.Min(8, tail.Length)..].StartsWith("IEND"u8))
                    throw new FormatException(
                        $"found a PNG picture of {length} bytes without an end, expected it whole");
                return (BinaryPrimitives.ReadInt32BigEndian(head[20..]),
                    BinaryPrimitives.ReadInt32BigEndian(head[16..]));
            case ".npy":
                var (shape, _, expected) = NumpyArray.ParseHeader(head);
                if (shape.Length < 2)
                    throw new FormatException(
                        $"found a NumPy array of shape {NumpyArray.Show(shape)}, expected (rows, columns)");
                if (length < expected)
                    throw new FormatException($"found {length} bytes of a NumPy array, expected {expected}");
                return (shape[^2], shape[^1]);
            default:
                return null;
        }
    }

    private static (SarImage Image, bool IsPicture) FromRaster(string file)
    {
        var extension = Path.GetExtension(file).ToLowerInvariant();
        if (extension is ".tif" or ".tiff")
        {
            using var raster = SarRaster.Open(file);
            var image = raster.Read();
            return (image is ComplexImage ? image : image.ToAmplitude(), false);
        }
        double white = byte.MaxValue;
        if (extension == ".png")
        {
            var head = new byte[PngHeader];
            using (var stream = File.OpenRead(file))
                RequirePng(head.AsSpan(0, stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)));
            if (head[25] == 3)
                throw new FormatException("found a PNG picture with a palette, expected grey levels");
            white = head[24] == 16 ? ushort.MaxValue : head[24] == 8 ? byte.MaxValue
                : throw new FormatException($"found a PNG picture of {head[24]} bits, expected 8 or 16");
        }
        using var picture = SarRaster.Open(file, new RasterOptions { Kind = PixelKind.Amplitude });
        var amplitude = picture.Read().ToAmplitude();
        for (var i = 0; i < amplitude.Pixels.Length; i++)
            amplitude.Pixels[i] = (float)(amplitude.Pixels[i] / white);
        return (amplitude, true);
    }

    private static void RequirePng(ReadOnlySpan<byte> head)
    {
        if (head.Length < PngHeader || !head.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 13,
            10, 26, 10]))
            throw new FormatException("found no PNG header, expected a PNG picture");
    }

    private static SarImage FromArray(NumpyArray array)
    {
        if (array.Shape.Length != 2)
            throw new FormatException(
                $"found an array of shape {NumpyArray.Show(array.Shape)}, expected (rows, columns)");
        return array.Type[0] == 'c'
            ? new ComplexImage(array.Shape[0], array.Shape[1], array.ToComplex())
            : new AmplitudeImage(array.Shape[0], array.Shape[1], array.ToReal());
    }

    private static T Guarded<T>(string source, string key, string member, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (RasterException error)
        {
            throw new TileException(source, key, $"{member} cannot be read: {error.Reason}", error);
        }
        catch (Exception error) when (error is FormatException or OverflowException or ArgumentException
            || error is IOException and not TileException)
        {
            throw new TileException(source, key, $"{member} cannot be read: {error.Message}", error);
        }
    }
}
