// Quick-looks of rasters of any size, streaming through them once.
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>What <see cref="QuickLook"/> does for images, for rasters.</summary>
public static class RasterQuickLook
{
    extension(QuickLook)
    {
        /// <summary>Writes a picture of a raster of any size, streaming through it once.</summary>
        /// <inheritdoc cref="QuickLook.Write(SarImage, string, Remap?, QuickLookOptions?)"/>
        /// <param name="raster">The raster.</param>
        /// <param name="path">The PNG file; it appears whole or not at all.</param>
        /// <param name="remap">From amplitude to grey; null for linear to the 99th percentile.</param>
        /// <param name="options">Size and depth.</param>
        /// <param name="progress">Told the share that is done.</param>
        public static void Write(SarRaster raster, string path, Remap? remap = null, QuickLookOptions? options = null,
            Action<double>? progress = null)
        {
            ArgumentNullException.ThrowIfNull(raster);
            if (Path.GetFullPath(path) == Path.GetFullPath(raster.Path))
                throw new RasterException(path, "is the raster itself: its quick-look needs another name");
            QuickLook.Save(path, QuickLook.ToPng(raster, remap, options, progress));
        }

        /// <summary>A picture of a raster of any size as the bytes of a PNG file.</summary>
        /// <exception cref="RasterException">The raster cannot be read.</exception>
        public static byte[] ToPng(SarRaster raster, Remap? remap = null, QuickLookOptions? options = null,
            Action<double>? progress = null)
        {
            ArgumentNullException.ThrowIfNull(raster);
            options ??= new QuickLookOptions();
            var reduction = new QuickLook.Reduction(raster.Rows, raster.Columns, options.MaxSize);
            var pixels = Array.Empty<float>();
            long done = 0;
            foreach (var window in raster.BlockWindows())
            {
                if (pixels.Length < window.Rows * window.Columns)
                    pixels = new float[window.Rows * window.Columns];
                raster.ReadIntensity(window, pixels);
                reduction.Add(pixels, window);
                done += (long)window.Rows * window.Columns;
                progress?.Invoke((double)done / raster.Rows / raster.Columns);
            }
            return QuickLook.Encode(reduction, remap ?? options.Remap ?? Remap.Default, options.Bits, raster.Metadata);
        }
    }
}
