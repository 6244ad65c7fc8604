// Despeckling of a raster of any size: windows that cover whole tiles of the output, three buffers
// that are used again and again.
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Radiometry;

/// <summary>
/// One run of a filter from a raster into a file. No tile of the file is written twice,
/// no stored line is decoded for every window.
/// </summary>
internal sealed class SpeckleStream
{
    // Filters keep some rows of a window at hand: those of 2048 columns stay in the processor's cache.
    private const int WindowColumns = 2048, WindowPixels = 1 << 21;

    // A band of lines beyond this is read window by window.
    private const long BandPixels = 1 << 24;

    private readonly SpeckleFilter filter;
    private readonly SarRaster raster;
    private readonly GeoTiffWriter writer;
    private readonly int rows;
    private readonly int columns;
    private readonly bool isStoredInLines;
    private readonly float[] input;
    private readonly float[] output;
    private float[] band = [];
    private long leftOut;

    public SpeckleStream(SpeckleFilter filter, SarRaster raster, GeoTiffWriter writer)
    {
        (this.filter, this.raster, this.writer) = (filter, raster, writer);
        columns = Math.Min(raster.Columns, Multiple(writer.TileColumns, WindowColumns));
        rows = Math.Min(raster.Rows, Multiple(writer.TileRows, Math.Max(writer.TileRows, WindowPixels / columns)));
        isStoredInLines = raster.BlockSize.Columns >= raster.Columns && columns < raster.Columns;
        if (isStoredInLines)
        {
            rows = Math.Min(rows, Multiple(writer.TileRows, (int)(BandPixels / raster.Columns)));
            isStoredInLines = (rows + 2L * filter.Halo) * raster.Columns <= 2 * BandPixels;
        }
        input = new float[checked((rows + 2 * filter.Halo) * (columns + 2 * filter.Halo))];
        output = new float[input.Length];
    }

    /// <param name="progress">Told the share that is done.</param>
    /// <returns>Pixels without data.</returns>
    public long Run(Action<double>? progress = null)
    {
        foreach (var strip in RasterWindow.Cover(raster.Rows, raster.Columns, rows, raster.Columns))
        {
            var lines = strip.Grown(filter.Halo, raster.Rows, raster.Columns);
            if (isStoredInLines)
            {
                if (band.Length == 0)
                    band = new float[(rows + 2 * filter.Halo) * raster.Columns];
                raster.ReadIntensity(lines, band);
            }
            foreach (var part in RasterWindow.Cover(strip.Rows, raster.Columns, strip.Rows, columns))
            {
                Filter(part with { Row = strip.Row }, lines);
                var before = (long)strip.Row * raster.Columns + (long)strip.Rows * (part.Column + part.Columns);
                progress?.Invoke((double)before / raster.Rows / raster.Columns);
            }
        }
        return leftOut;
    }

    private void Filter(RasterWindow window, RasterWindow lines)
    {
        var padded = window.Grown(filter.Halo, raster.Rows, raster.Columns);
        if (isStoredInLines)
        {
            for (var row = 0; row < padded.Rows; row++)
                band.AsSpan((padded.Row - lines.Row + row) * raster.Columns + padded.Column, padded.Columns)
                    .CopyTo(input.AsSpan(row * padded.Columns));
        }
        else
        {
            raster.ReadIntensity(padded, input);
        }
        var hasGaps = filter.Run(input, padded.Rows, padded.Columns, output);
        var first = (window.Row - padded.Row) * padded.Columns + window.Column - padded.Column;
        for (var row = 0; hasGaps && row < window.Rows; row++)
            leftOut += output.AsSpan(first + row * padded.Columns, window.Columns).Count(float.NaN);
        writer.WriteIntensity(window, output.AsSpan(first, (window.Rows - 1) * padded.Columns + window.Columns),
            padded.Columns);
    }

    // The largest multiple of a tile's side that is not above a limit, at least one tile.
    private static int Multiple(int side, int limit) => Math.Max(1, limit / side) * side;
}
