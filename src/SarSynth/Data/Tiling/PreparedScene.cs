// A scene as tiles want it: on the wanted grid, calibrated, read window by window whatever its size.
using System.Globalization;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Signal;

namespace SarSynth.Data;

/// <summary>An open scene on the tiles' grid.</summary>
internal sealed class PreparedScene : IDisposable
{
    private readonly SarRaster raster;
    private readonly Calibration? calibration;
    private readonly Backscatter quantity;
    private readonly double rowFactor, columnFactor;

    private PreparedScene(SarRaster raster, TilingRecipe recipe, Calibration? calibration, string radiometry,
        IReadOnlyList<string> remarks, double rowFactor = 1, double columnFactor = 1)
    {
        (this.raster, this.calibration, quantity) = (raster, calibration, recipe.Quantity ?? default);
        (this.rowFactor, this.columnFactor) = (rowFactor, columnFactor);
        (Radiometry, Remarks) = (radiometry, remarks);
    }

    public int Rows => raster.Rows;

    public int Columns => raster.Columns;

    public bool IsComplex => raster.Kind == PixelKind.Complex;

    public GeoReference? GeoReference => raster.GeoReference;

    public SarMetadata Metadata => raster.Metadata;

    /// <summary>What the amplitudes are, in words.</summary>
    public string Radiometry { get; }

    /// <summary>What was assumed where the product leaves something open, a sentence each.</summary>
    public IReadOnlyList<string> Remarks { get; }

    /// <summary>Height and width of a pixel, metres; null where nothing tells.</summary>
    public (double Row, double Column)? Spacing => SpacingOf(raster);

    /// <summary>
    /// Opens a scene; one that is to be down-sampled goes through a scratch file, which is used again when it is whole.
    /// </summary>
    /// <param name="path">The product.</param>
    /// <param name="recipe">Grid, channel and quantity.</param>
    /// <param name="scratch">The scratch file.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="RasterException">It cannot be read.</exception>
    /// <exception cref="ArgumentException">
    /// The wanted grid is finer than the product's, or the product does not tell its own.
    /// </exception>
    public static PreparedScene Open(
        string path, TilingRecipe recipe, string scratch, Action<double>? progress = null,
            CancellationToken cancel = default)
    {
        var raster = SarRaster.Open(path, new RasterOptions { Channel = recipe.Channel, Kind = recipe.Kind });
        try
        {
            var (calibration, radiometry) = CalibrationOf(raster, recipe);
            string[] remarks = [.. raster.Remarks, .. calibration?.Remarks ?? [],
                .. raster.KindIsAssumed ? ["Nothing tells what the pixels are: they are taken for amplitude."]
                    : (string[])[]];
            double rowFactor = 1, columnFactor = 1;
            if (recipe.Spacing is { } wanted)
                (rowFactor, columnFactor) = Factors(raster, wanted);
            if (recipe.Format == TileFormat.Complex && raster.Kind != PixelKind.Complex)
                throw new ArgumentException(
                    $"{path}: found detected pixels, expected complex samples for complex tiles.");
            if (rowFactor == 1 && columnFactor == 1)
                return new PreparedScene(raster, recipe, calibration, radiometry, remarks);
            if (!File.Exists(scratch))
                Resample(raster, scratch, rowFactor, columnFactor, progress, cancel);
            var coarse = SarRaster.Open(scratch);
            (rowFactor, columnFactor) = ((double)raster.Rows / coarse.Rows, (double)raster.Columns / coarse.Columns);
            raster.Dispose();
            return new PreparedScene(coarse, recipe, calibration, radiometry, remarks, rowFactor, columnFactor);
        }
        catch
        {
            raster.Dispose();
            throw;
        }
    }

    /// <summary>Spacing of a raster's pixels; null where nothing tells.</summary>
    public static (double Row, double Column)? SpacingOf(SarRaster raster) =>
        raster.Metadata is { AzimuthSpacing: { } row, RangeSpacing: { } column } ? (row, column)
            : raster.GeoReference?.PixelSize;

    /// <summary>Calibrated pixels of a window: complex, or amplitude.</summary>
    public SarImage Read(RasterWindow window)
    {
        var image = raster.Read(window);
        if (calibration is null)
            return image is ComplexImage ? image : image.ToAmplitude();
        var gains = new double[window.Columns];
        var fine = new double[(int)Math.Ceiling(window.Columns * columnFactor) + 1];
        var result = image is ComplexImage ? image : image.ToAmplitude();
        var first = Fine(window.Column, columnFactor);
        for (var row = 0; row < window.Rows; row++)
        {
            // The tables change over hundreds of pixels: that of a coarser pixel's middle holds for all of it, and so
            // calibration may follow the change of grid.
            var used = fine.AsSpan(0, Fine(window.Column + window.Columns - 1, columnFactor) - first + 1);
            calibration.Factors(Fine(window.Row + row, rowFactor), first, quantity, used);
            for (var column = 0; column < gains.Length; column++)
                gains[column] = Math.Sqrt(used[Fine(window.Column + column, columnFactor) - first]);
            Scale(result, row, gains);
        }
        return result;
    }

    public void Dispose() => raster.Dispose();

    private static int Fine(int coarse, double factor) => (int)Math.Floor((coarse + 0.5) * factor);

    private static void Scale(SarImage image, int row, double[] gains)
    {
        for (var column = 0; column < gains.Length; column++)
        {
            var at = row * gains.Length + column;
            if (image is ComplexImage complex)
                complex.Pixels[at] *= (float)gains[column];
            else
                ((AmplitudeImage)image).Pixels[at] *= (float)gains[column];
        }
    }

    private static (Calibration? Calibration, string Radiometry) CalibrationOf(SarRaster raster, TilingRecipe recipe)
    {
        if (raster.Metadata.Quantity is { } already)
            return (null, $"{already}, as the product has it");
        if (recipe.Quantity is not { } wanted)
            return (null, "as stored");
        try
        {
            var calibration = Calibration.Open(raster.Path, recipe.Channel);
            // Whether the product tells this quantity is known by asking for one factor.
            calibration.Factors(0, 0, wanted, stackalloc double[1]);
            return (calibration, $"{wanted}, by the product's own tables");
        }
        catch (Exception error) when (error is RasterException or NotSupportedException)
        {
            return (null, $"as stored, not calibrated: {(error as RasterException)?.Reason ?? error.Message}");
        }
    }

    private static (double Row, double Column) Factors(SarRaster raster, double wanted)
    {
        var (row, column) = SpacingOf(raster) ?? throw new ArgumentException(
            $"{raster.Path}: the product does not tell its spacing, expected it for tiles of {wanted} m; without a "
            + "spacing its own grid is kept.");
        var (rowFactor, columnFactor) = (wanted / row, wanted / column);
        if (rowFactor < 1 - 1e-3 || columnFactor < 1 - 1e-3)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"{raster.Path}: found a spacing of {row:G5} m along azimuth and {column:G5} m along range, expected "
                    + $"{wanted} m or finer: give --spacing {Math.Max(row, column):G5} or more."));
        return (Whole(rowFactor), Whole(columnFactor));

        static double Whole(double factor) => Math.Abs(factor - 1) <= 1e-3 ? 1 : factor;
    }

    private static void Resample(
        SarRaster raster, string scratch, double rowFactor, double columnFactor, Action<double>? progress,
            CancellationToken cancel)
    {
        var options = new GeoTiffOptions { Compression = GeoTiffCompression.None };
        void Told(double share)
        {
            cancel.ThrowIfCancellationRequested();
            progress?.Invoke(share);
        }
        if (raster.Kind == PixelKind.Complex)
            ResolutionChange.Apply(raster, scratch, new SpectralCrop { RowFactor = rowFactor,
                ColumnFactor = columnFactor }, options, Told);
        else
            Average(raster, scratch, rowFactor, columnFactor, options, Told);
    }

    // Detected pixels have no spectrum to crop: their intensity is averaged over each coarser pixel.
    private static void Average(
        SarRaster raster, string scratch, double rowFactor, double columnFactor, GeoTiffOptions options,
            Action<double> told)
    {
        var (rows, columns) = (Math.Max(1, (int)Math.Round(raster.Rows / rowFactor)),
            Math.Max(1, (int)Math.Round(raster.Columns / columnFactor)));
        (rowFactor, columnFactor) = ((double)raster.Rows / rows, (double)raster.Columns / columns);
        var facts = raster.Metadata with
        {
            RangeSpacing = raster.Metadata.RangeSpacing * columnFactor,
                AzimuthSpacing = raster.Metadata.AzimuthSpacing * rowFactor,
            RangeResolution = null, AzimuthResolution = null, Looks = null,
        };
        using var writer = new GeoTiffWriter(
            scratch, rows, columns, PixelKind.Intensity, facts, raster.GeoReference?.Coarsened(rowFactor,
                columnFactor), options);
        var bandRows = Math.Clamp((int)((4 << 20) / (raster.Columns * rowFactor)), 1, rows);
        foreach (var band in RasterWindow.Cover(rows, columns, bandRows, columns))
        {
            var top = (int)Math.Floor(band.Row * rowFactor);
            var bottom = Math.Min(raster.Rows, (int)Math.Ceiling((band.Row + band.Rows) * rowFactor - 1e-9));
            var fine = raster.Read(new RasterWindow(top, 0, bottom - top, raster.Columns)).ToIntensity().Pixels;
            var coarse = new float[band.Rows * columns];
            Parallel.For(0, band.Rows, row =>
            {
                var (from, to) = ((band.Row + row) * rowFactor - top, (band.Row + row + 1) * rowFactor - top);
                for (var column = 0; column < columns; column++)
                    coarse[row * columns + column] = Mean(fine, raster.Columns, from, to, column * columnFactor,
                        (column + 1) * columnFactor);
            });
            writer.WriteWindow(band.Row, 0, new IntensityImage(band.Rows, columns, coarse));
            told((band.Row + band.Rows) / (double)rows);
        }
        writer.Complete();
    }

    /// <summary>
    /// Mean of the pixels under a rectangle, each by the share that lies under it; NaN where less than half holds data.
    /// </summary>
    private static float Mean(float[] pixels, int columns, double top, double bottom, double left, double right)
    {
        double sum = 0, weight = 0;
        for (var row = (int)top; row < bottom - 1e-9; row++)
        {
            var height = Math.Min(bottom, row + 1) - Math.Max(top, row);
            for (var column = (int)left; column < right - 1e-9 && column < columns; column++)
            {
                var value = pixels[row * columns + column];
                if (float.IsNaN(value))
                    continue;
                var area = height * (Math.Min(right, column + 1) - Math.Max(left, column));
                sum += area * value;
                weight += area;
            }
        }
        return weight >= 0.5 * (bottom - top) * (right - left) ? (float)(sum / weight) : float.NaN;
    }
}
