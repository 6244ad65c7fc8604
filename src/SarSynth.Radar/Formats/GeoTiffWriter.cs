// GeoTIFF files of any size, written window by window; the file appears when it is complete.
using System.Globalization;
using MathNet.Numerics;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>Compression of a GeoTIFF; all are lossless.</summary>
public enum GeoTiffCompression
{
    /// <summary>Deflate (zlib): every reader knows it.</summary>
    Deflate,

    /// <summary>Zstandard: as small and several times faster; GDAL 2.3 or later.</summary>
    Zstandard,

    /// <summary>None.</summary>
    None,
}

/// <summary>How a GeoTIFF is written.</summary>
public sealed record GeoTiffOptions
{
    /// <summary>
    /// Compression; floats are predicted first (TIFF predictor 3), complex samples
    /// are not (TIFF has no predictor for them).
    /// </summary>
    public GeoTiffCompression Compression { get; init; } = GeoTiffCompression.Deflate;

    /// <summary>
    /// Width of a tile in pixels, a multiple of 16; its height too, save in files so wide that a row of such tiles does
    /// not fit GDAL's cache: there it is halved until one does, so that no tile is ever written twice.
    /// </summary>
    public int TileSize { get; init; } = 512;

    /// <summary>
    /// Cloud-optimised layout: overviews first, tiles in order. Needs the space of a second copy while it is made.
    /// </summary>
    public bool CloudOptimised { get; init; }

    /// <summary>Write decibels, 10 log10 of the intensity, instead of linear values; not for complex images.</summary>
    public bool Decibel { get; init; }
}

/// <summary>
/// A GeoTIFF in the making: windows in any order (whole tiles in order are fastest), then <see cref="Complete"/>.
/// Without that call nothing appears. Georeference and sensor facts are kept in the file, so that <see
/// cref="SarRaster"/> reads the same image back.
/// </summary>
public sealed unsafe class GeoTiffWriter : IDisposable
{
    // A row of tiles that is being filled line by line, and the reader's blocks beside it, stay in the cache.
    private const long RowOfTilesBytes = Gdal.CacheBytes / 2;

    private readonly string path;
    private readonly GeoTiffOptions options;
    private readonly AtomicFile file;
    private readonly nint band;
    private nint dataset;

    /// <param name="path">
    /// The file to write (.tif, .tiff); an older one is replaced when the new one is complete.
    /// </param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="kind">What the pixels are; decibels go through <see cref="GeoTiffOptions.Decibel"/>.</param>
    /// <param name="metadata">The sensor's facts.</param>
    /// <param name="geoReference">Where the pixels lie; null for radar geometry.</param>
    /// <param name="options">How to write; null for Deflate in tiles of 512.</param>
    /// <exception cref="RasterException">The file cannot be made.</exception>
    public GeoTiffWriter(string path, int rows, int columns, PixelKind kind, SarMetadata? metadata = null,
        GeoReference? geoReference = null, GeoTiffOptions? options = null)
    {
        GeoTiff.RequireExtension(path);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        this.path = path;
        this.options = options ?? new GeoTiffOptions();
        if (this.options.TileSize < 16 || this.options.TileSize % 16 != 0)
            throw new ArgumentException($"tile size: found {this.options.TileSize}, expected a multiple of 16.",
                nameof(options));
        if (this.options.Decibel && kind == PixelKind.Complex)
            throw new ArgumentException("decibel: complex pixels have no decibels; write their intensity.",
                nameof(options));
        Rows = rows;
        Columns = columns;
        Kind = this.options.Decibel ? PixelKind.Decibel : kind;
        TileColumns = TileRows = this.options.TileSize;
        var line = (columns + TileColumns - 1L) / TileColumns * TileColumns * (kind == PixelKind.Complex
            ? sizeof(Complex32) : sizeof(float));
        while (TileRows * line > RowOfTilesBytes && TileRows % 32 == 0)
            TileRows /= 2;
        Gdal.Begin();
        file = new AtomicFile(path, ".tif");
        try
        {
            var driver = Gdal.GDALGetDriverByName("GTiff");
            using var creation = new Gdal.StringList(CreationOptions());
            dataset = Gdal.GDALCreate(driver, file.Temporary, columns, rows, 1, kind == PixelKind.Complex
                ? GdalType.ComplexFloat32 : GdalType.Float32, creation.Pointer);
            if (dataset == 0)
                throw new RasterException(path, $"cannot be written: {Gdal.Errors("GDAL made no file")}");
            band = Gdal.GDALGetRasterBand(dataset, 1);
            Describe(metadata ?? SarMetadata.Unknown, geoReference);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>What the file's pixels are.</summary>
    public PixelKind Kind { get; }

    /// <summary>Rows of a tile: windows that cover whole tiles are written fastest.</summary>
    public int TileRows { get; }

    /// <summary>Columns of a tile.</summary>
    public int TileColumns { get; }

    /// <summary>Writes an image with its first pixel at the given place.</summary>
    /// <param name="row">First row.</param>
    /// <param name="column">First column.</param>
    /// <param name="image">
    /// Complex for a complex file; amplitude or intensity are converted to what the file holds.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">It reaches outside the file.</exception>
    /// <exception cref="RasterException">The disk is full, or another error of writing.</exception>
    public void WriteWindow(int row, int column, SarImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        WriteWindow(row, column, image, new RasterWindow(0, 0, image.Rows, image.Columns));
    }

    /// <summary>
    /// Writes a part of an image with its first pixel at the given place: the way to drop a block's halo.
    /// </summary>
    /// <inheritdoc cref="WriteWindow(int, int, SarImage)"/>
    public void WriteWindow(int row, int column, SarImage image, RasterWindow part)
    {
        ArgumentNullException.ThrowIfNull(image);
        part.RequireInside(image.Rows, image.Columns);
        var window = new RasterWindow(row, column, part.Rows, part.Columns);
        window.RequireInside(Rows, Columns);
        ObjectDisposedException.ThrowIf(dataset == 0, this);
        var first = part.Row * (long)image.Columns + part.Column;
        if (Kind == PixelKind.Complex)
        {
            if (image is not ComplexImage complex)
                throw new ArgumentException($"image: found {image.GetType().Name}, expected "
                    + $"ComplexImage for a complex file.", nameof(image));
            fixed (Complex32* pixels = complex.Pixels)
                Transfer(window, pixels + first, GdalType.ComplexFloat32, sizeof(Complex32), image.Columns);
            return;
        }
        var values = Kind == PixelKind.Amplitude ? image.ToAmplitude().Pixels : image.ToIntensity().Pixels;
        if (Kind == PixelKind.Decibel)
            values = Array.ConvertAll(values, value => 10 * MathF.Log10(value));
        fixed (float* pixels = values)
            Transfer(window, pixels + first, GdalType.Float32, sizeof(float), image.Columns);
    }

    /// <summary>Writes values as the file holds them, whatever its pixels mean: decibels where it has these.</summary>
    /// <param name="window">Where in the file.</param>
    /// <param name="values">Row-major; NaN where there is no data.</param>
    /// <exception cref="ArgumentException">Not as many values as pixels, or a complex file.</exception>
    /// <exception cref="RasterException">The disk is full, or another error of writing.</exception>
    public void WriteValues(RasterWindow window, float[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        window.RequireInside(Rows, Columns);
        ObjectDisposedException.ThrowIf(dataset == 0, this);
        if (Kind == PixelKind.Complex || values.Length != window.Rows * window.Columns)
        {
            throw new ArgumentException($"values: found {values.Length} for {window} of a file of {Kind}, expected one "
                + "for each pixel of a real file.", nameof(values));
        }
        fixed (float* pixels = values)
            Transfer(window, pixels, GdalType.Float32, sizeof(float), window.Columns);
    }

    /// <summary>Writes intensities from a buffer, whose values it may change.</summary>
    /// <param name="window">Where in the file.</param>
    /// <param name="intensity">Linear intensities, row-major.</param>
    /// <param name="stride">Pixels from row to row.</param>
    internal void WriteIntensity(RasterWindow window, Span<float> intensity, int stride)
    {
        window.RequireInside(Rows, Columns);
        ObjectDisposedException.ThrowIf(dataset == 0, this);
        if (Kind == PixelKind.Decibel)
        {
            foreach (ref var value in intensity)
                value = 10 * MathF.Log10(value);
        }
        fixed (float* pixels = intensity)
            Transfer(window, pixels, GdalType.Float32, sizeof(float), stride);
    }

    /// <summary>Finishes the file and gives it its name.</summary>
    /// <exception cref="RasterException">
    /// The disk is full, or another error of writing; nothing appears then.
    /// </exception>
    public void Complete()
    {
        ObjectDisposedException.ThrowIf(dataset == 0, this);
        Gdal.Begin();
        if (options.CloudOptimised)
        {
            CompleteCloudOptimised();
            return;
        }
        Close();
        file.Complete();
    }

    /// <summary>Closes the file; if it was not completed, removes it.</summary>
    public void Dispose()
    {
        if (dataset != 0)
            _ = Gdal.GDALClose(dataset);
        dataset = 0;
        file.Dispose();
    }

    private void Close()
    {
        Gdal.GDALFlushCache(dataset);
        _ = Gdal.GDALClose(dataset);
        dataset = 0;
        if (Gdal.HasErrors)
            throw new RasterException(path, $"cannot be written: {Gdal.Errors("")}");
    }

    private void CompleteCloudOptimised()
    {
        Gdal.GDALFlushCache(dataset);
        using var cog = new AtomicFile(path, ".tif");
        using (var creation = new Gdal.StringList(
            [$"COMPRESS={CompressionName}", $"BLOCKSIZE={options.TileSize}", "BIGTIFF=IF_SAFER",
            $"PREDICTOR={(HasPredictor ? "YES" : "NO")}", "OVERVIEWS=IGNORE_EXISTING", Kind == PixelKind.Complex
                ? "OVERVIEW_RESAMPLING=NEAREST" : "OVERVIEW_RESAMPLING=AVERAGE"]))
        {
            var copy = Gdal.GDALCreateCopy(Gdal.GDALGetDriverByName("COG"), cog.Temporary, dataset, 1, creation.Pointer,
                0, 0);
            if (copy == 0)
                throw new RasterException(path,
                    $"cannot be written: {Gdal.Errors("GDAL made no cloud-optimised file")}");
            _ = Gdal.GDALClose(copy);
        }
        Close();
        cog.Complete();
        file.Dispose();
    }

    private bool HasPredictor => Kind != PixelKind.Complex && options.Compression != GeoTiffCompression.None;

    private string CompressionName => options.Compression switch
    {
        GeoTiffCompression.Deflate => "DEFLATE",
        GeoTiffCompression.Zstandard => "ZSTD",
        _ => "NONE",
    };

    private List<string> CreationOptions()
    {
        // The intermediate of a cloud-optimised file lives for moments: it is not compressed.
        var compression = options.CloudOptimised ? "NONE" : CompressionName;
        List<string> creation = ["TILED=YES", $"BLOCKXSIZE={TileColumns}", $"BLOCKYSIZE={TileRows}",
            $"COMPRESS={compression}", "BIGTIFF=IF_SAFER", "NUM_THREADS=ALL_CPUS"];
        if (compression != "NONE" && HasPredictor)
            creation.Add("PREDICTOR=3");
        return creation;
    }

    private void Describe(SarMetadata metadata, GeoReference? geoReference)
    {
        if (geoReference is not null)
            GdalGeoReference.Set(dataset, geoReference);
        _ = Gdal.GDALSetRasterNoDataValue(band, double.NaN);
        if (Kind == PixelKind.Decibel)
            _ = Gdal.GDALSetRasterUnitType(band, "dB");
        _ = Gdal.GDALSetMetadataItem(dataset, MetadataItems.Kind, Kind.ToString(), null);
        foreach (var (name, value) in MetadataItems.From(metadata))
            _ = Gdal.GDALSetMetadataItem(dataset, name, value, null);
        if (SyntheticMark.Xmp(metadata) is { } xmp)
        {
            using var packet = new Gdal.StringList([xmp]);
            _ = Gdal.GDALSetMetadata(dataset, packet.Pointer, MetadataItems.Xmp);
        }
        if (metadata.Generator is { } generator)
            _ = Gdal.GDALSetMetadataItem(dataset, "TIFFTAG_SOFTWARE", generator, null);
        if (metadata.Date is { } date)
            _ = Gdal.GDALSetMetadataItem(dataset, "TIFFTAG_DATETIME",
                date.ToString("yyyy:MM:dd HH:mm:ss", CultureInfo.InvariantCulture), null);
        if (Gdal.HasErrors)
            throw new RasterException(path, $"cannot be written: {Gdal.Errors("")}");
    }

    private void Transfer(RasterWindow window, void* pixels, GdalType type, int size, int stride)
    {
        Gdal.Begin();
        var result = Gdal.GDALRasterIOEx(band, 1, window.Column, window.Row, window.Columns, window.Rows,
            pixels, window.Columns, window.Rows, type, size, (long)size * stride, 0);
        if (result != 0 || Gdal.HasErrors)
            throw new RasterException(path, $"cannot be written: {Gdal.Errors("GDAL gave no reason")}");
    }
}
