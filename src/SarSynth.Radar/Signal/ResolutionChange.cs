// Coarser resolution by a crop of the spectrum: "spectral refocusing and down-sampling".
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Signal;

/// <summary>Which part of the spectrum is kept, and on which grid.</summary>
public sealed record SpectralCrop
{
    /// <summary>Rows of a new pixel in old ones, at least 1 (not necessarily whole).</summary>
    public double RowFactor { get; init; } = 1;

    /// <summary>Columns of a new pixel in old ones, at least 1.</summary>
    public double ColumnFactor { get; init; } = 1;

    /// <summary>Kept azimuth bandwidth as a part of the new sampling frequency, above 0 and at most 1.</summary>
    public double RowBandwidth { get; init; } = 1;

    /// <summary>Kept range bandwidth as a part of the new sampling frequency, above 0 and at most 1.</summary>
    public double ColumnBandwidth { get; init; } = 1;

    /// <summary>Weighting of the kept band in azimuth.</summary>
    public SpectralWindow RowWindow { get; init; } = new RectangularWindow();

    /// <summary>Weighting of the kept band in range.</summary>
    public SpectralWindow ColumnWindow { get; init; } = new RectangularWindow();

    /// <summary>
    /// Centre of the azimuth spectrum in cycles per row, -0.5 ... 0.5; null estimates it from the image.
    /// </summary>
    public double? DopplerCentroid { get; init; }

    /// <summary>
    /// Centre of the range spectrum in cycles per column, -0.5 ... 0.5; null estimates it from the image.
    /// </summary>
    public double? RangeCentroid { get; init; }
}

/// <summary>Resolution change of single-look complex images in the frequency domain.</summary>
public static class ResolutionChange
{
    /// <summary>Keeps the wanted band around the spectrum's centre and samples it on the coarser grid.</summary>
    /// <param name="image">Complex; samples without data are taken as zero.</param>
    /// <param name="crop">What to keep.</param>
    /// <returns>
    /// The image on a grid of round(rows / factor) x round(columns / factor) pixels that cover the same ground (a new
    /// pixel's centre lies in the middle of the old pixels it stands for). Mean intensity is kept, so calibration is;
    /// phase is kept too. A new pixel is NaN where more than half of the old pixels that it stands for hold no data.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// A factor or bandwidth is out of its range, or the new image would be empty.
    /// </exception>
    public static ComplexImage Apply(ComplexImage image, SpectralCrop crop)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(crop);
        var (rows, columns) = NewGrid(image.Rows, image.Columns, crop);
        var data = image.Pixels.AsSpan().ToArray();
        var gaps = new CoarseGaps(image.Rows, image.Columns, rows, columns);
        gaps.Take(data);
        var sums = new CentroidSums(image.Columns);
        sums.Add(data);
        Fourier.Forward2D(data, image.Rows, image.Columns);
        var rowTaps = Taps(image.Rows, rows, crop.DopplerCentroid ?? sums.Doppler, crop.RowBandwidth, crop.RowWindow);
        var columnTaps = Taps(image.Columns, columns, crop.RangeCentroid
            ?? sums.Range, crop.ColumnBandwidth, crop.ColumnWindow);
        var result = new Complex32[(long)rows * columns];
        Parallel.ForEach(rowTaps, row =>
        {
            foreach (var column in columnTaps)
                result[(long)row.To * columns + column.To] =
                    data[(long)row.From * image.Columns + column.From] * row.Weight * column.Weight;
        });
        var scale = EnergyScale(data, result);
        Fourier.Inverse2D(result, rows, columns);
        for (var i = 0; i < result.Length; i++)
            result[i] *= scale;
        gaps.Apply(0, result);
        double rowFactor = (double)image.Rows / rows, columnFactor = (double)image.Columns / columns;
        return new ComplexImage(rows, columns, result, Coarsened(image.Metadata, crop, rowFactor, columnFactor),
            image.GeoReference?.Coarsened(rowFactor, columnFactor));
    }

    /// <summary>
    /// The same for a raster of any size, into a GeoTIFF: the numbers of the whole image, in bounded memory.
    /// </summary>
    /// <param name="raster">Complex; samples without data are taken as zero.</param>
    /// <param name="path">The GeoTIFF of complex samples; it appears whole or not at all.</param>
    /// <param name="crop">What to keep.</param>
    /// <param name="options">How to write it.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <exception cref="ArgumentException">
    /// The raster is not complex, a factor or bandwidth is out of its range, or the new image would be empty.
    /// </exception>
    /// <exception cref="RasterException">
    /// Reading or writing failed; the scratch file beside the result (8 bytes x rows x new columns) has no room.
    /// </exception>
    public static void Apply(SarRaster raster, string path, SpectralCrop crop, GeoTiffOptions? options = null,
        Action<double>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(raster);
        ArgumentNullException.ThrowIfNull(crop);
        crop = WithCentroids(raster, crop);
        using var stream = Crop(raster, path, crop, progress);
        double rowFactor = (double)raster.Rows / stream.NewRows,
            columnFactor = (double)raster.Columns / stream.NewColumns;
        using var writer = new GeoTiffWriter(path, stream.NewRows, stream.NewColumns, PixelKind.Complex,
            Coarsened(raster.Metadata, crop, rowFactor, columnFactor),
                raster.GeoReference?.Coarsened(rowFactor, columnFactor), options);
        var scale = stream.Scale;
        foreach (var band in RasterWindow.Cover(stream.NewRows, stream.NewColumns,
            Math.Max(1, (1 << 20) / stream.NewColumns), stream.NewColumns))
        {
            var lines = new Complex32[band.Rows * band.Columns];
            stream.ReadLines(band.Row, band.Rows, lines);
            for (var i = 0; i < lines.Length; i++)
                lines[i] *= scale;
            writer.WriteWindow(band.Row, 0, new ComplexImage(band.Rows, band.Columns, lines));
        }
        writer.Complete();
    }

    /// <summary>The crop of a raster in a scratch file.</summary>
    internal static SpectralStream Crop(SarRaster raster, string path, SpectralCrop crop, Action<double>? progress)
    {
        var stream = new SpectralStream(path, raster.Rows, raster.Columns, crop);
        try
        {
            stream.Run((window, lines) => ((ComplexImage)raster.Read(window)).Pixels.CopyTo(lines, 0), progress);
            return stream;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>The crop with its centroids: those of the raster where it names none.</summary>
    internal static SpectralCrop WithCentroids(SarRaster raster, SpectralCrop crop)
    {
        if (raster.Kind != PixelKind.Complex)
            throw new ArgumentException($"raster: found {raster.Kind.ToString().ToLowerInvariant()} in {raster.Path}, "
                + $"expected complex samples.", nameof(raster));
        NewGrid(raster.Rows, raster.Columns, crop);
        if (crop is { DopplerCentroid: not null, RangeCentroid: not null })
            return crop;
        var sums = new CentroidSums(raster.Columns);
        foreach (var band in RasterWindow.Cover(raster.Rows, raster.Columns,
            Math.Clamp((1 << 20) / raster.Columns, 1, raster.Rows), raster.Columns))
            sums.Add(Array.ConvertAll(((ComplexImage)raster.Read(band)).Pixels, Valid));
        return crop with { DopplerCentroid = crop.DopplerCentroid ?? sums.Doppler, RangeCentroid = crop.RangeCentroid
            ?? sums.Range };
    }

    /// <summary>The facts of the coarser image.</summary>
    internal static SarMetadata Coarsened(SarMetadata fine, SpectralCrop crop, double rowFactor, double columnFactor) =>
        fine with
    {
        RangeSpacing = fine.RangeSpacing * columnFactor,
        AzimuthSpacing = fine.AzimuthSpacing * rowFactor,
        RangeResolution = fine.RangeSpacing * columnFactor / crop.ColumnBandwidth * crop.ColumnWindow.WidthFactor(),
        AzimuthResolution = fine.AzimuthSpacing * rowFactor / crop.RowBandwidth * crop.RowWindow.WidthFactor(),
        RangeBandwidth = fine.RangeBandwidth is { } band && fine is { RangeSpacing: { } spacing, SlantRange: true }
            ? Math.Min(band, crop.ColumnBandwidth * 299792458.0 / (2 * spacing * columnFactor)) : null,
        AzimuthBandwidth = null,
    };

    /// <summary>Size of the coarser image.</summary>
    /// <exception cref="ArgumentException">A factor or bandwidth is out of its range.</exception>
    internal static (int Rows, int Columns) NewGrid(int rows, int columns, SpectralCrop crop)
    {
        CheckBandwidth(crop.RowBandwidth, "row bandwidth");
        CheckBandwidth(crop.ColumnBandwidth, "column bandwidth");
        return (NewSize(rows, crop.RowFactor, "row factor"), NewSize(columns, crop.ColumnFactor, "column factor"));
    }

    /// <summary>The crop that gives the wanted resolution and spacing in metres.</summary>
    /// <param name="image">Must know its spacing.</param>
    /// <param name="rangeResolution">Wanted 3 dB width along range, metres, in the image's own range geometry.</param>
    /// <param name="azimuthResolution">Wanted 3 dB width along azimuth, metres.</param>
    /// <param name="rangeSpacing">Wanted spacing along range, metres; fine enough for the resolution.</param>
    /// <param name="azimuthSpacing">Wanted spacing along azimuth, metres.</param>
    /// <param name="window">Weighting in both axes.</param>
    /// <exception cref="ArgumentException">
    /// The image's spacing is not known, the wanted grid is finer than the image's, or too coarse for the resolution.
    /// </exception>
    public static SpectralCrop CropFor(ComplexImage image, double rangeResolution, double azimuthResolution,
        double rangeSpacing, double azimuthSpacing, SpectralWindow window)
    {
        ArgumentNullException.ThrowIfNull(image);
        return CropFor(image.Metadata, rangeResolution, azimuthResolution, rangeSpacing, azimuthSpacing, window);
    }

    /// <summary>The same for an image or raster of these facts.</summary>
    /// <inheritdoc cref="CropFor(ComplexImage, double, double, double, double, SpectralWindow)"/>
    /// <param name="facts">Must tell the spacing.</param>
    /// <param name="rangeResolution">Wanted 3 dB width along range, metres, in the image's own range geometry.</param>
    /// <param name="azimuthResolution">Wanted 3 dB width along azimuth, metres.</param>
    /// <param name="rangeSpacing">Wanted spacing along range, metres; fine enough for the resolution.</param>
    /// <param name="azimuthSpacing">Wanted spacing along azimuth, metres.</param>
    /// <param name="window">Weighting in both axes.</param>
    public static SpectralCrop CropFor(SarMetadata facts, double rangeResolution, double azimuthResolution,
        double rangeSpacing, double azimuthSpacing, SpectralWindow window)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(window);
        return CropFor(facts, rangeResolution, azimuthResolution, rangeSpacing, azimuthSpacing, window, window);
    }

    /// <summary>The same with a weighting of its own for each axis.</summary>
    internal static SpectralCrop CropFor(SarMetadata facts, double rangeResolution, double azimuthResolution,
        double rangeSpacing, double azimuthSpacing, SpectralWindow rangeWindow, SpectralWindow azimuthWindow) => new()
    {
        RowFactor = Factor(facts.AzimuthSpacing, azimuthSpacing, "azimuth"),
        ColumnFactor = Factor(facts.RangeSpacing, rangeSpacing, "range"),
        RowBandwidth = Bandwidth(azimuthWindow.WidthFactor(), azimuthSpacing, azimuthResolution, "azimuth"),
        ColumnBandwidth = Bandwidth(rangeWindow.WidthFactor(), rangeSpacing, rangeResolution, "range"),
        RowWindow = azimuthWindow,
        ColumnWindow = rangeWindow,
    };

    /// <summary>Centres of the azimuth and range spectra in cycles per sample, -0.5 ... 0.5.</summary>
    /// <remarks>Madsen (1989): the phase of the autocorrelation at lag one.</remarks>
    public static (double Doppler, double Range) Centroids(ComplexImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var sums = new CentroidSums(image.Columns);
        sums.Add(Array.ConvertAll(image.Pixels, Valid));
        return (sums.Doppler, sums.Range);
    }

    private static Complex32 Valid(Complex32 sample) => float.IsFinite(sample.Real)
        && float.IsFinite(sample.Imaginary) ? sample : Complex32.Zero;

    // Autocorrelations at lag one, over lines that come in bands.
    private sealed class CentroidSums(int columns)
    {
        private Complex32[] previous = [];
        private double dopplerRe, dopplerIm, rangeRe, rangeIm;

        public double Doppler => Math.Atan2(dopplerIm, dopplerRe) / (2 * Math.PI);

        public double Range => Math.Atan2(rangeIm, rangeRe) / (2 * Math.PI);

        public void Add(ReadOnlySpan<Complex32> lines)
        {
            for (var row = 0; row < lines.Length / columns; row++)
            {
                var line = lines.Slice(row * columns, columns);
                var above = row > 0 ? lines.Slice((row - 1) * columns, columns) : previous;
                for (var column = 0; column < above.Length; column++)
                    Add(line[column], above[column], ref dopplerRe, ref dopplerIm);
                for (var column = 1; column < columns; column++)
                    Add(line[column], line[column - 1], ref rangeRe, ref rangeIm);
            }
            previous = lines[^columns..].ToArray();
        }

        private static void Add(Complex32 next, Complex32 here, ref double re, ref double im)
        {
            re += (double)next.Real * here.Real + (double)next.Imaginary * here.Imaginary;
            im += (double)next.Imaginary * here.Real - (double)next.Real * here.Imaginary;
        }
    }

    internal readonly record struct Tap(int From, int To, Complex32 Weight);

    // Bins of the old spectrum inside the band, where they go in the new one, and their weight with the phase ramp that
    // moves the grid by half the difference of the pixel sizes.
    internal static List<Tap> Taps(int size, int newSize, double centroid, double bandwidth, SpectralWindow window)
    {
        if (!(Math.Abs(centroid) <= 0.5))
            throw new ArgumentException($"centroid: found {centroid}, expected -0.5 to 0.5 cycles per sample.");
        var factor = (double)size / newSize;
        var centre = (int)Math.Round(centroid * size);
        var first = centre - newSize / 2;
        var taps = new List<Tap>(newSize);
        for (var bin = first; bin < first + newSize; bin++)
        {
            var position = (bin - centroid * size) / (bandwidth * newSize / 2.0);
            // At full bandwidth every new bin is kept, those half a bin outside too.
            var weight = window.Weight(bandwidth == 1 ? Math.Clamp(position, -1, 1) : position);
            if (weight == 0)
                continue;
            var (sine, cosine) = Math.SinCos(2 * Math.PI * bin / size * (factor - 1) / 2);
            taps.Add(new Tap(Modulo(bin, size), Modulo(bin, newSize),
                new Complex32((float)(weight * cosine), (float)(weight * sine))));
        }
        return taps;
    }

    // Mean intensity before is E/N², after E'/N'² with the inverse transform's 1/N': keep it.
    private static float EnergyScale(Complex32[] before, Complex32[] after)
    {
        double energy = Energy(before), kept = Energy(after);
        return kept > 0 ? (float)(Math.Sqrt(energy / kept) * after.Length / before.Length) : 0;
    }

    private static double Energy(Complex32[] data)
    {
        double sum = 0;
        foreach (var value in data)
            sum += (double)value.Real * value.Real + (double)value.Imaginary * value.Imaginary;
        return sum;
    }

    private static int Modulo(int value, int size) => (value % size + size) % size;

    private static int NewSize(int size, double factor, string name)
    {
        if (!(factor >= 1) || !double.IsFinite(factor))
            throw new ArgumentException($"{name}: found {factor}, expected 1 or more.");
        var newSize = (int)Math.Round(size / factor);
        return newSize >= 1 ? newSize : throw new ArgumentException($"{name}: {factor} leaves no pixel of {size}.");
    }

    private static void CheckBandwidth(double bandwidth, string name)
    {
        if (!(bandwidth is > 0 and <= 1))
            throw new ArgumentException($"{name}: found {bandwidth}, expected above 0 and at most "
                + $"1 of the sampling frequency.");
    }

    private static double Factor(double? from, double to, string axis)
    {
        var spacing = from ?? throw new ArgumentException($"{axis} spacing: the image does not tell its own.");
        var factor = to / spacing;
        if (!(factor >= 1 - 1e-9) || !double.IsFinite(factor))
            throw new ArgumentException($"{axis} spacing: found {to} m, expected {spacing} m "
                + $"(the image's own) or more.");
        return Math.Max(factor, 1);
    }

    private static double Bandwidth(double width, double spacing, double resolution, string axis)
    {
        var bandwidth = width * spacing / resolution;
        if (!(bandwidth > 0) || bandwidth > 1 + 1e-9)
            throw new ArgumentException($"{axis} resolution: found {resolution} m, expected {width * spacing:G4} m or "
                + $"more on a spacing of {spacing} m.");
        return Math.Min(bandwidth, 1);
    }
}
