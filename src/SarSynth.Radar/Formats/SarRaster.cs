// The door to every raster file: opens a product, tells what it is, reads any part of it.
using System.Buffers;
using System.Numerics.Tensors;
using System.Text.RegularExpressions;
using MathNet.Numerics;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>
/// An open raster file, or the part of it that was asked for. Pixels are read when asked for, and only those that are
/// asked for. Safe for several threads (reads queue up). Formats: Sentinel-1 SAFE (folder, manifest or zip), TerraSAR-X
/// and TanDEM-X (folder or XML), SICD and SIDD, NISAR, UAVSAR and ICEYE HDF5, Capella, Umbra and ICEYE GeoTIFF, plain
/// GeoTIFF, ENVI, NumPy .npy, and other local rasters that GDAL reads.
/// </summary>
/// <remarks>
/// What the pixels are (<see cref="Kind"/>) follows, in this order: the product's own rules; complex samples are
/// complex;
/// <see cref="RasterOptions.Kind"/>; the metadata item SARSYNTH_PIXEL_KIND; a band whose unit is "dB", or a
/// file whose name ends in "_db", is in decibels; a PolSARpro diagonal (T11, T22, T33, C11, C22, C33, C44) is
/// intensity.
/// Where nothing tells, it is amplitude, and <see cref="KindIsAssumed"/> is true; then a negative pixel is an error
/// when
/// it is read.
/// </remarks>
public sealed partial class SarRaster : IDisposable
{
    private readonly RasterContent content;
    private readonly Lock gate = new();

    private SarRaster(string path, RasterContent content, RasterWindow part)
    {
        Path = path;
        Part = part;
        this.content = content;
    }

    /// <summary>Opens a raster file or product.</summary>
    /// <param name="path">File or product folder.</param>
    /// <param name="options">What the caller knows; null for nothing.</param>
    /// <exception cref="RasterException">It is not there, is no raster, is damaged, or has not what was asked for.
    /// </exception>
    /// <exception cref="DllNotFoundException">GDAL is not on this machine.</exception>
    public static SarRaster Open(string path, RasterOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        options ??= new RasterOptions();
        var content = ProductReaders.Open(path, options);
        try
        {
            if (options.Kind == PixelKind.Decibel && content.Kind != PixelKind.Decibel)
            {
                throw new RasterException(path,
                    $"has {content.Kind.ToString().ToLowerInvariant()} pixels by its own word, "
                    + "but decibels were asked for");
            }
            var elevation = options.Kind is null && content.KindIsAssumed ? ElevationWord(path, content) : null;
            if (options.NoDataValue is { } value)
                content = content with { Pixels = new NoDataSource(content.Pixels, value) };
            var part = RasterPart.Find(path, options, content);
            var all = new RasterWindow(0, 0, content.Pixels.Rows, content.Pixels.Columns);
            if (part is { } window && window != all)
            {
                content = content with
                {
                    Pixels = new WindowSource(content.Pixels, window),
                    GeoReference = content.GeoReference?.Shifted(window.Row, window.Column),
                };
            }
            return new SarRaster(path, content, part ?? all) { ElevationEvidence = elevation };
        }
        catch
        {
            content.Pixels.Dispose();
            throw;
        }
    }

    /// <summary>Whether a folder is a product, and not merely a place where files lie.</summary>
    /// <param name="folder">A path; it need not be there.</param>
    public static bool IsProductFolder(string folder) => Directory.Exists(folder)
        && (File.Exists(System.IO.Path.Combine(folder, "manifest.safe")) || TerraSarX.FindAnnotation(folder)
            is not null);

    // Names, units and descriptions are the file's own words; numbers alone never make a raster an elevation.
    private static string? ElevationWord(string path, RasterContent content)
    {
        if (ModelOfTheGround().Match(System.IO.Path.GetFileNameWithoutExtension(path)) is { Success: true } name)
            return $"its name says '{name.Groups[1].Value}'";
        if (content.GeoReference?.Projection is { } system
            && (system.Contains("VERT_CS[") || system.Contains("VERTCRS[")))
            return "its reference system has heights";
        if (content.Pixels is not GdalSource source
            || !int.TryParse(content.Channel, System.Globalization.CultureInfo.InvariantCulture, out var number))
            return null;
        var band = Gdal.GDALGetRasterBand(source.Dataset, number);
        string unit = Gdal.UnitOf(band), description = Gdal.DescriptionOf(band);
        if (unit.ToLowerInvariant() is "m" or "metre" or "meter" or "metres" or "meters" or "ft" or "feet")
            return $"the band's unit is '{unit}'";
        return ((string[])["elevation", "height", "altitude", "terrain"])
            .Any(word => description.Contains(word, StringComparison.OrdinalIgnoreCase))
            ? $"the band is called '{description}'" : null;
    }

    [GeneratedRegex("(?:^|[^a-z])(dem|dsm|dtm|srtm)(?:[^a-z]|$)", RegexOptions.IgnoreCase)]
    private static partial Regex ModelOfTheGround();

    /// <summary>The file or folder that was opened.</summary>
    public string Path { get; }

    /// <summary>Format and product type in words, for example "Sentinel-1 SAFE".</summary>
    public string Format => content.Format;

    /// <summary>What was opened of the file: its full extent, or the window that was asked for.</summary>
    public RasterWindow Part { get; }

    /// <summary>Number of rows; azimuth lines in slant range.</summary>
    public int Rows => content.Pixels.Rows;

    /// <summary>Number of columns; range samples in slant range.</summary>
    public int Columns => content.Pixels.Columns;

    /// <summary>What the product tells of sensor and sampling.</summary>
    public SarMetadata Metadata => content.Metadata;

    /// <summary>Where the pixels lie on the ground; null when nothing tells it, as mostly in radar geometry.</summary>
    public GeoReference? GeoReference => content.GeoReference;

    /// <summary>What the numbers in the file are.</summary>
    public PixelKind Kind => content.Kind;

    /// <summary>Whether nothing told what the pixels are, so that they are taken for amplitude.</summary>
    public bool KindIsAssumed => content.KindIsAssumed;

    /// <summary>
    /// What in the file says that its pixels are heights of the ground and not backscatter, in words; null where
    /// nothing does, or where the caller told the kind.
    /// </summary>
    public string? ElevationEvidence { get; private init; }

    /// <summary>What tells which pixels hold data; all that is read obeys it.</summary>
    public Validity Validity => content.Pixels.Validity;

    /// <summary>All channels of the product.</summary>
    public IReadOnlyList<string> Channels => content.Channels;

    /// <summary>The channel that was opened.</summary>
    public string Channel => content.Channel;

    /// <summary>What was assumed where the product leaves something open, a sentence each; mostly none.</summary>
    public IReadOnlyList<string> Remarks => content.Remarks;

    /// <summary>Size of the blocks that the file stores: windows along them read fastest.</summary>
    public (int Rows, int Columns) BlockSize => content.Pixels.BlockSize;

    /// <summary>Reads the whole raster.</summary>
    /// <exception cref="RasterException">It is damaged, or larger than an array can be.</exception>
    public SarImage Read() => Read(new RasterWindow(0, 0, Rows, Columns));

    /// <summary>Reads one window of it.</summary>
    /// <param name="window">Inside the raster.</param>
    /// <returns>A <see cref="ComplexImage"/>, <see cref="AmplitudeImage"/> or <see cref="IntensityImage"/> by
    /// <see cref="Kind"/>; NaN where there is no data.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The window reaches outside.</exception>
    /// <exception cref="RasterException">The pixels cannot be read, or are normalised.</exception>
    public SarImage Read(RasterWindow window)
    {
        window.RequireInside(Rows, Columns);
        var count = (long)window.Rows * window.Columns;
        if (count > Array.MaxLength)
        {
            throw new RasterException(
                Path, $"{window.Rows} x {window.Columns} pixels are more than one image can hold: read it in windows");
        }
        var geoReference = GeoReference?.Shifted(window.Row, window.Column);
        if (Kind == PixelKind.Complex)
        {
            var samples = new Complex32[count];
            lock (gate)
                content.Pixels.Read(window, samples);
            return new ComplexImage(window.Rows, window.Columns, samples, Metadata, geoReference);
        }
        var pixels = new float[count];
        lock (gate)
            content.Pixels.Read(window, pixels);
        Clean(pixels, window);
        return Kind == PixelKind.Amplitude
            ? new AmplitudeImage(window.Rows, window.Columns, pixels, Metadata, geoReference)
            : new IntensityImage(window.Rows, window.Columns, pixels, Metadata, geoReference);
    }

    /// <summary>Streams the raster block by block, row by row of blocks, in constant memory.</summary>
    /// <param name="rows">Rows of a block; 0 takes about 512 along the file's grain.</param>
    /// <param name="columns">Columns of a block; 0 takes about 512 along the file's grain.</param>
    /// <param name="halo">Pixels to read around each block, as a sliding window needs them.</param>
    /// <exception cref="RasterException">The pixels cannot be read.</exception>
    public IEnumerable<RasterBlock> Blocks(int rows = 0, int columns = 0, int halo = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(halo);
        return BlockWindows(rows, columns).Select(window =>
        {
            var padded = window.Grown(halo, Rows, Columns);
            return new RasterBlock(window, padded, Read(padded));
        });
    }

    /// <summary>The windows of <see cref="Blocks"/>.</summary>
    internal IEnumerable<RasterWindow> BlockWindows(int rows = 0, int columns = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        var stored = BlockSize;
        var blockColumns = columns > 0 ? columns
            : Math.Min(Columns, stored.Columns >= 512 ? stored.Columns : 512 / stored.Columns * stored.Columns);
        // A strip as wide as the raster is kept to about four million pixels.
        var blockRows = rows > 0 ? rows : Math.Clamp((4 << 20) / Math.Max(blockColumns, 1), 1, 512);
        return RasterWindow.Cover(Rows, Columns, blockRows, blockColumns);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        lock (gate)
            content.Pixels.Dispose();
    }

    /// <summary>Reads a window's intensities into a buffer: the way to stream without an array per block.</summary>
    /// <inheritdoc cref="Read(RasterWindow)"/>
    /// <param name="window">Inside the raster.</param>
    /// <param name="intensity">Gets the linear intensities, row-major; NaN where there is no data.</param>
    /// <param name="amplitude">Gets the linear amplitudes too, unless it is empty.</param>
    internal void ReadIntensity(RasterWindow window, Span<float> intensity, Span<float> amplitude = default)
    {
        window.RequireInside(Rows, Columns);
        intensity = intensity[..checked(window.Rows * window.Columns)];
        if (Kind == PixelKind.Complex)
        {
            ReadPower(window, intensity);
        }
        else
        {
            lock (gate)
                content.Pixels.Read(window, intensity);
            Clean(intensity, window);
        }
        if (Kind == PixelKind.Amplitude)
        {
            if (!amplitude.IsEmpty)
                intensity.CopyTo(amplitude);
            TensorPrimitives.Multiply(intensity, intensity, intensity);
        }
        else if (!amplitude.IsEmpty)
        {
            TensorPrimitives.Sqrt(intensity, amplitude);
        }
    }

    // A few rows at a time, so that the samples need little room beside their intensities.
    private void ReadPower(RasterWindow window, Span<float> intensity)
    {
        var rows = Math.Clamp((1 << 20) / window.Columns, 1, window.Rows);
        var samples = ArrayPool<Complex32>.Shared.Rent(rows * window.Columns);
        for (var row = 0; row < window.Rows; row += rows)
        {
            var part = new RasterWindow(window.Row + row, window.Column, Math.Min(rows, window.Rows - row),
                window.Columns);
            var read = samples.AsSpan(0, part.Rows * part.Columns);
            lock (gate)
                content.Pixels.Read(part, read);
            var target = intensity.Slice(row * window.Columns, read.Length);
            for (var i = 0; i < read.Length; i++)
                target[i] = read[i].Real * read[i].Real + read[i].Imaginary * read[i].Imaginary;
        }
        ArrayPool<Complex32>.Shared.Return(samples);
    }

    private void Clean(Span<float> pixels, RasterWindow window)
    {
        if (Kind == PixelKind.Normalised)
            throw new RasterException(Path,
                "holds normalised values, which are no backscatter: its provenance says of what");
        if (Kind == PixelKind.Decibel)
        {
            for (var i = 0; i < pixels.Length; i++)
            {
                var intensity = MathF.Pow(10, pixels[i] / 10);
                pixels[i] = float.IsInfinity(intensity) ? float.NaN : intensity;
            }
            return;
        }
        for (var i = 0; i < pixels.Length; i++)
        {
            if (float.IsInfinity(pixels[i]))
                pixels[i] = float.NaN;
            else if (pixels[i] < 0 && (KindIsAssumed || Kind == PixelKind.Amplitude))
            {
                var (row, column) = (window.Row + i / window.Columns, window.Column + i % window.Columns);
                throw new RasterException(Path, $"pixel ({Part.Row + row}, {Part.Column + column}) is {pixels[i]:G6}, "
                    + $"but {Kind.ToString().ToLowerInvariant()} is never negative: say what the pixels are "
                    + "(decibels?) with RasterOptions.Kind");
            }
        }
    }
}
