// Whole images as GeoTIFF.
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>Writes images as GeoTIFF.</summary>
public static class GeoTiff
{
    /// <summary>Writes an image: float32 for amplitude and intensity, complex float32 for complex samples.</summary>
    /// <param name="image">The image; its georeference and sensor facts are kept.</param>
    /// <param name="path">The file; it appears whole or not at all.</param>
    /// <param name="options">How to write; null for Deflate in tiles of 512.</param>
    /// <exception cref="RasterException">The file cannot be written.</exception>
    public static void Write(SarImage image, string path, GeoTiffOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        var kind = image switch
        {
            ComplexImage => PixelKind.Complex,
            AmplitudeImage => PixelKind.Amplitude,
            _ => PixelKind.Intensity,
        };
        using var writer = new GeoTiffWriter(path, image.Rows, image.Columns, kind, image.Metadata, image.GeoReference,
            options);
        writer.WriteWindow(0, 0, image);
        writer.Complete();
    }

    /// <summary>
    /// Refuses a path that other programs would not take for a GeoTIFF: what it ends with is all they look at.
    /// </summary>
    /// <param name="path">Where a GeoTIFF shall be written.</param>
    /// <exception cref="RasterException">It ends with neither .tif nor .tiff.</exception>
    public static void RequireExtension(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var found = Path.GetExtension(path);
        // That a folder has the name is said by who writes.
        if (found.ToLowerInvariant() is ".tif" or ".tiff" || Directory.Exists(path))
            return;
        throw new RasterException(path,
            $"found {(found.Length > 0 ? $"'{found}'" : "no extension")}, expected .tif or .tiff: a GeoTIFF "
            + "is written, which keeps amplitudes and georeference; for a picture, make a quick-look (.png) of it");
    }
}
