// Multilooking of rasters of any size, a band of whole rectangles at a time.
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Signal;

/// <summary>What <see cref="Multilook"/> does for images, for rasters.</summary>
public static class MultilookRaster
{
    // Pixels of a band: read, squared and averaged in memory.
    private const int BandPixels = 1 << 22;

    extension(Multilook)
    {
        /// <summary>Averages the intensity of a raster of any size over rectangles into a GeoTIFF.</summary>
        /// <param name="raster">The input, of any pixel kind.</param>
        /// <param name="path">The GeoTIFF of intensities; it appears whole or not at all.</param>
        /// <param name="rowLooks">Height of a rectangle, at least 1 and at most the rows of the raster.</param>
        /// <param name="columnLooks">Width of a rectangle, at least 1 and at most the columns of the raster.</param>
        /// <param name="options">How to write it.</param>
        /// <param name="progress">Told the share that is done.</param>
        /// <exception cref="ArgumentOutOfRangeException">A factor is below 1 or larger than the raster.</exception>
        /// <exception cref="RasterException">Reading or writing failed.</exception>
        public static void Apply(SarRaster raster, string path, int rowLooks, int columnLooks,
            GeoTiffOptions? options = null, Action<double>? progress = null)
        {
            ArgumentNullException.ThrowIfNull(raster);
            if (rowLooks < 1 || rowLooks > raster.Rows || columnLooks < 1 || columnLooks > raster.Columns)
            {
                throw new ArgumentOutOfRangeException(nameof(rowLooks), $"looks: found {rowLooks} x {columnLooks}, "
                    + $"expected 1 x 1 to {raster.Rows} x {raster.Columns}.");
            }
            int rows = raster.Rows / rowLooks, columns = raster.Columns / columnLooks;
            // The facts and the place of the result are those that multilooking one line of rectangles gives.
            var sample = Multilook.Apply(
                new IntensityImage(rowLooks, columnLooks, new float[rowLooks * columnLooks], raster.Metadata,
                    raster.GeoReference),
                rowLooks, columnLooks);
            using var writer = new GeoTiffWriter(
                path, rows, columns, PixelKind.Intensity, sample.Metadata, sample.GeoReference, options);
            // Whole tiles of the file where they fit: no tile is compressed twice.
            int bandColumns = Math.Max(1, Math.Min(columns, BandPixels / writer.TileRows / rowLooks / columnLooks));
            if (bandColumns < columns && bandColumns > writer.TileColumns)
                bandColumns -= bandColumns % writer.TileColumns;
            var bandRows = Math.Max(1, BandPixels / bandColumns / columnLooks / rowLooks);
            if (bandRows > writer.TileRows)
                bandRows -= bandRows % writer.TileRows;
            long done = 0;
            foreach (var part in RasterWindow.Cover(rows, columns, bandRows, bandColumns))
            {
                var band = raster.Read(new RasterWindow(
                    part.Row * rowLooks, part.Column * columnLooks, part.Rows * rowLooks, part.Columns * columnLooks));
                writer.WriteWindow(part.Row, part.Column, Multilook.Apply(band, rowLooks, columnLooks));
                done += (long)part.Rows * part.Columns;
                progress?.Invoke((double)done / rows / columns);
            }
            writer.Complete();
        }
    }
}
