// A SAR image in memory: amplitude, intensity or complex pixels, with what is known of the sensor and the ground.
using MathNet.Numerics;

namespace SarSynth.Radar.Images;

/// <summary>
/// A SAR image in memory, row-major: rows run along azimuth, columns along range unless georeferenced.
/// </summary>
public abstract class SarImage
{
    private protected SarImage(int rows, int columns, int pixelCount, SarMetadata? metadata, GeoReference? geoReference)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        if ((long)rows * columns != pixelCount)
        {
            throw new ArgumentException(
                $"pixels: found {pixelCount} values, expected {rows} x {columns} = {(long)rows * columns}.");
        }
        Rows = rows;
        Columns = columns;
        Metadata = metadata ?? SarMetadata.Unknown;
        GeoReference = geoReference;
    }

    /// <summary>Number of rows (azimuth lines), at least 1.</summary>
    public int Rows { get; }

    /// <summary>Number of columns (range samples), at least 1.</summary>
    public int Columns { get; }

    /// <summary>What is known of the sensor and the acquisition; what is not known is null.</summary>
    public SarMetadata Metadata { get; }

    /// <summary>Where the pixels lie on the ground; null when nothing tells it, as mostly in radar geometry.</summary>
    public GeoReference? GeoReference { get; }

    /// <summary>
    /// Spacing of rows and columns in metres, from the sensor's facts or else from
    /// the georeference; null when neither tells.
    /// </summary>
    public (double Row, double Column)? PixelSpacing =>
        Metadata is { AzimuthSpacing: { } row, RangeSpacing: { } column } ? (row, column) : GeoReference?.PixelSize;

    /// <summary>Number of pixels without data (NaN).</summary>
    public abstract long CountNoData();

    /// <summary>The squared magnitude of every pixel, linear.</summary>
    public abstract IntensityImage ToIntensity();

    /// <summary>The magnitude of every pixel, linear.</summary>
    public abstract AmplitudeImage ToAmplitude();

    /// <summary>The pixels of a window as an image of its own, with its place on the ground.</summary>
    /// <param name="window">Inside the image.</param>
    /// <exception cref="ArgumentOutOfRangeException">The window reaches outside.</exception>
    public abstract SarImage Crop(RasterWindow window);

    /// <summary>The same pixels at the same place with other facts.</summary>
    /// <param name="metadata">What is known of them.</param>
    public abstract SarImage With(SarMetadata metadata);

    private protected T[] Part<T>(T[] pixels, RasterWindow window)
    {
        window.RequireInside(Rows, Columns);
        var part = new T[window.Rows * window.Columns];
        for (var row = 0; row < window.Rows; row++)
        {
            pixels.AsSpan((window.Row + row) * Columns + window.Column, window.Columns)
                .CopyTo(part.AsSpan(row * window.Columns));
        }
        return part;
    }

    private protected GeoReference? Place(RasterWindow window) => GeoReference?.Shifted(window.Row, window.Column);
}

/// <summary>An image of detected amplitude |s| (linear, not negative; NaN marks no data).</summary>
public sealed class AmplitudeImage(int rows, int columns, float[] pixels,
    SarMetadata? metadata = null, GeoReference? geoReference = null)
    : SarImage(rows, columns, pixels.Length, metadata, geoReference)
{
    /// <summary>Amplitudes, row-major, [Rows x Columns].</summary>
    public float[] Pixels { get; } = pixels;

    /// <inheritdoc/>
    public override long CountNoData() => Pixels.LongCount(float.IsNaN);

    /// <inheritdoc/>
    public override IntensityImage ToIntensity() =>
        new(Rows, Columns, Array.ConvertAll(Pixels, a => a * a), Metadata, GeoReference);

    /// <inheritdoc/>
    public override AmplitudeImage ToAmplitude() => this;

    /// <inheritdoc/>
    public override AmplitudeImage Crop(RasterWindow window) =>
        new(window.Rows, window.Columns, Part(Pixels, window), Metadata, Place(window));

    /// <inheritdoc/>
    public override AmplitudeImage With(SarMetadata metadata) => new(Rows, Columns, Pixels, metadata, GeoReference);
}

/// <summary>An image of intensity |s|² (linear, not negative; NaN marks no data).</summary>
public sealed class IntensityImage(int rows, int columns, float[] pixels,
    SarMetadata? metadata = null, GeoReference? geoReference = null)
    : SarImage(rows, columns, pixels.Length, metadata, geoReference)
{
    /// <summary>Intensities, row-major, [Rows x Columns].</summary>
    public float[] Pixels { get; } = pixels;

    /// <inheritdoc/>
    public override long CountNoData() => Pixels.LongCount(float.IsNaN);

    /// <inheritdoc/>
    public override IntensityImage ToIntensity() => this;

    /// <inheritdoc/>
    public override AmplitudeImage ToAmplitude() =>
        new(Rows, Columns, Array.ConvertAll(Pixels, MathF.Sqrt), Metadata, GeoReference);

    /// <inheritdoc/>
    public override IntensityImage Crop(RasterWindow window) =>
        new(window.Rows, window.Columns, Part(Pixels, window), Metadata, Place(window));

    /// <inheritdoc/>
    public override IntensityImage With(SarMetadata metadata) => new(Rows, Columns, Pixels, metadata, GeoReference);
}

/// <summary>A single-look complex image.</summary>
public sealed class ComplexImage(int rows, int columns, Complex32[] pixels,
    SarMetadata? metadata = null, GeoReference? geoReference = null)
    : SarImage(rows, columns, pixels.Length, metadata, geoReference)
{
    /// <summary>Complex pixels, row-major, [Rows x Columns].</summary>
    public Complex32[] Pixels { get; } = pixels;

    /// <inheritdoc/>
    public override long CountNoData() => Pixels.LongCount(s => float.IsNaN(s.Real) || float.IsNaN(s.Imaginary));

    /// <inheritdoc/>
    public override IntensityImage ToIntensity() =>
        new(Rows, Columns, Array.ConvertAll(Pixels, s => s.Real * s.Real + s.Imaginary * s.Imaginary), Metadata,
            GeoReference);

    /// <inheritdoc/>
    public override AmplitudeImage ToAmplitude() =>
        new(Rows, Columns, Array.ConvertAll(Pixels, s => MathF.Sqrt(s.Real * s.Real + s.Imaginary * s.Imaginary)),
            Metadata, GeoReference);

    /// <inheritdoc/>
    public override ComplexImage Crop(RasterWindow window) =>
        new(window.Rows, window.Columns, Part(Pixels, window), Metadata, Place(window));

    /// <inheritdoc/>
    public override ComplexImage With(SarMetadata metadata) => new(Rows, Columns, Pixels, metadata, GeoReference);
}
