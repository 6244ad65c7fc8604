// Calibration of products of any size, block by block into a GeoTIFF.
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Radiometry;

/// <summary>What <see cref="Calibration"/> does for images, for rasters.</summary>
public static class CalibrationRaster
{
    extension(Calibration calibration)
    {
        /// <summary>Calibrates a product, or the part of it that was opened, into a GeoTIFF of intensities.</summary>
        /// <param name="raster">The product whose calibration this is, and the same channel.</param>
        /// <param name="path">The GeoTIFF; it appears whole or not at all.</param>
        /// <param name="quantity">What is wanted.</param>
        /// <param name="removeNoise">Take the thermal noise off first; what falls below 0 becomes 0.</param>
        /// <param name="options">How to write it.</param>
        /// <param name="progress">Told the share that is done.</param>
        /// <exception cref="ArgumentException">The product is calibrated already.</exception>
        /// <exception cref="NotSupportedException">The product does not tell what is asked for.</exception>
        /// <exception cref="RasterException">Reading or writing failed.</exception>
        public void Apply(SarRaster raster, string path, Backscatter quantity, bool removeNoise = false,
            GeoTiffOptions? options = null, Action<double>? progress = null)
        {
            ArgumentNullException.ThrowIfNull(raster);
            using var writer = new GeoTiffWriter(path, raster.Rows, raster.Columns, PixelKind.Intensity,
                raster.Metadata with { Quantity = quantity }, raster.GeoReference, options);
            long done = 0;
            var columns = Math.Max(1, 2048 / writer.TileColumns) * writer.TileColumns;
            foreach (var block in raster.Blocks(writer.TileRows, columns))
            {
                var window = block.Window;
                var inProduct = window with { Row = raster.Part.Row + window.Row, Column = raster.Part.Column
                    + window.Column };
                writer.WriteWindow(window.Row, window.Column,
                    calibration.Apply(block.Image, inProduct, quantity, removeNoise));
                done += (long)window.Rows * window.Columns;
                progress?.Invoke((double)done / raster.Rows / raster.Columns);
            }
            writer.Complete();
        }
    }
}
