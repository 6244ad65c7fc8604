// From digital numbers to beta, sigma and gamma nought, by what the product carries for it.
using System.Numerics.Tensors;
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Radiometry;

/// <summary>
/// The radiometric calibration of one channel of a product: a factor, and the thermal noise, at every pixel.
/// </summary>
public abstract class Calibration
{
    /// <summary>Reads the calibration of a product; its pixels need not be there.</summary>
    /// <param name="path">Sentinel-1 SAFE folder, manifest or zip; SICD NITF; TerraSAR-X folder or XML.</param>
    /// <param name="channel">Which channel, as in <see cref="RasterOptions.Channel"/>; null takes the first.</param>
    /// <exception cref="RasterException">The product is damaged or carries no calibration.</exception>
    public static Calibration Open(string path, string? channel = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var tables = ProductReaders.OpenCalibration(path, channel);
        Calibration calibration = tables switch
        {
            Sentinel1Tables sentinel => new Sentinel1Calibration(sentinel),
            SicdTables sicd => new SicdCalibration(sicd),
            TerraSarXTables terraSar => new TerraSarXCalibration(terraSar),
            _ => throw new NotSupportedException($"calibration: found {tables.GetType().Name}, which has no rule"),
        };
        calibration.Remarks = tables.Remarks;
        return calibration;
    }

    /// <summary>What was assumed where the product leaves something open, a sentence each; mostly none.</summary>
    public IReadOnlyList<string> Remarks { get; private set; } = [];

    /// <summary>Whether the product tells its thermal noise.</summary>
    public abstract bool HasNoise { get; }

    /// <summary>Factors from |DN|² to the wanted quantity, along a part of a row.</summary>
    /// <param name="row">Row of the full raster.</param>
    /// <param name="firstColumn">First column of the full raster.</param>
    /// <param name="quantity">What is wanted.</param>
    /// <param name="factors">One for each column from the first on.</param>
    /// <exception cref="NotSupportedException">The product has no calibration for this quantity.</exception>
    public abstract void Factors(int row, int firstColumn, Backscatter quantity, Span<double> factors);

    /// <summary>Thermal noise in units of |DN|², along a part of a row.</summary>
    /// <exception cref="NotSupportedException">The product does not tell it.</exception>
    public abstract void Noise(int row, int firstColumn, Span<double> noise);

    /// <summary>The calibrated intensity of a part of the product.</summary>
    /// <param name="image">Pixels as read from the product, uncalibrated.</param>
    /// <param name="window">Where they lie in the full raster; null when they are all of it.</param>
    /// <param name="quantity">What is wanted.</param>
    /// <param name="removeNoise">Take the thermal noise off first; what falls below 0 becomes 0.</param>
    /// <exception cref="ArgumentException">The image is calibrated already, or the window has another size.</exception>
    /// <exception cref="NotSupportedException">The product does not tell what is asked for.</exception>
    public IntensityImage Apply(SarImage image, RasterWindow? window, Backscatter quantity, bool removeNoise = false)
    {
        var origin = Check(image, window);
        var source = image.ToIntensity();
        var result = GC.AllocateUninitializedArray<float>(source.Pixels.Length);
        Parallel.For(0, image.Rows, row =>
        {
            double[] factors = new double[image.Columns], noise = new double[image.Columns];
            Factors(origin.Row + row, origin.Column, quantity, factors);
            if (removeNoise)
                Noise(origin.Row + row, origin.Column, noise);
            for (var column = 0; column < image.Columns; column++)
            {
                var value = source.Pixels[row * image.Columns + column] - noise[column];
                result[row * image.Columns + column] =
                    (float)((removeNoise && value < 0 ? 0 : value) * factors[column]);
            }
        });
        return new IntensityImage(image.Rows, image.Columns, result, image.Metadata with { Quantity = quantity },
            image.GeoReference);
    }

    /// <summary>The calibrated complex samples of a part of the product; noise cannot be taken off them.</summary>
    /// <inheritdoc cref="Apply(SarImage, RasterWindow?, Backscatter, bool)"/>
    public ComplexImage Apply(ComplexImage image, RasterWindow? window, Backscatter quantity)
    {
        var origin = Check(image, window);
        var result = new Complex32[image.Pixels.Length];
        Parallel.For(0, image.Rows, row =>
        {
            var factors = new double[image.Columns];
            Factors(origin.Row + row, origin.Column, quantity, factors);
            TensorPrimitives.Sqrt<double>(factors, factors);
            for (var column = 0; column < image.Columns; column++)
                result[row * image.Columns + column] = image.Pixels[row * image.Columns
                    + column] * (float)factors[column];
        });
        return new ComplexImage(image.Rows, image.Columns, result, image.Metadata with { Quantity = quantity },
            image.GeoReference);
    }

    private static RasterWindow Check(SarImage image, RasterWindow? window)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (image.Metadata.Quantity is { } quantity)
            throw new ArgumentException($"image: found pixels that are {quantity} already, expected uncalibrated ones.",
                nameof(image));
        var origin = window ?? new RasterWindow(0, 0, image.Rows, image.Columns);
        if (origin.Rows != image.Rows || origin.Columns != image.Columns)
            throw new ArgumentException($"window: found {origin.Rows} x {origin.Columns}, expected the image's "
                + $"{image.Rows} x {image.Columns}.", nameof(window));
        return origin;
    }
}
