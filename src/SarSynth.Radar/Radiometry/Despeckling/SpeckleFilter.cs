// The door to despeckling: filters as small records that serialise, on images and on streams.
using System.Buffers;
using System.Numerics.Tensors;
using System.Text.Json.Serialization;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Radiometry;

/// <summary>
/// A despeckling filter for intensity images. Borders are mirrored; no data (NaN) stays, and is left out of its
/// neighbours' windows. Looks are those of the input: 1 for single-look intensity.
/// The unit of the intensity does not matter: f(c I) = c f(I).
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(BoxcarFilter), "boxcar")]
[JsonDerivedType(typeof(LeeFilter), "lee")]
[JsonDerivedType(typeof(KuanFilter), "kuan")]
[JsonDerivedType(typeof(EnhancedLeeFilter), "enhancedLee")]
[JsonDerivedType(typeof(GammaMapFilter), "gammaMap")]
[JsonDerivedType(typeof(FrostFilter), "frost")]
[JsonDerivedType(typeof(RefinedLeeFilter), "refinedLee")]
[JsonDerivedType(typeof(NonLocalFilter), "nonLocal")]
public abstract record SpeckleFilter
{
    /// <summary>Pixels around a pixel that its result depends on.</summary>
    [JsonIgnore]
    public abstract int Halo { get; }

    /// <summary>The filtered image.</summary>
    /// <param name="image">Linear intensity.</param>
    public IntensityImage Apply(IntensityImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var result = GC.AllocateUninitializedArray<float>(image.Pixels.Length);
        Run(image.Pixels, image.Rows, image.Columns, result);
        return new IntensityImage(image.Rows, image.Columns, result, image.Metadata, image.GeoReference);
    }

    /// <summary>Filters a raster of any size into a GeoTIFF, block by block in constant memory.</summary>
    /// <param name="raster">The input, of any pixel kind; its intensity is filtered.</param>
    /// <param name="path">The GeoTIFF of intensities; it appears whole or not at all.</param>
    /// <param name="options">How to write it.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <returns>Pixels without data: they were left out of all windows and are NaN in the file.</returns>
    /// <exception cref="RasterException">Reading or writing failed.</exception>
    public long Apply(
        SarRaster raster, string path, GeoTiffOptions? options = null, Action<double>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(raster);
        using var writer = new GeoTiffWriter(path, raster.Rows, raster.Columns, PixelKind.Intensity, raster.Metadata,
            raster.GeoReference, options);
        var leftOut = new SpeckleStream(this, raster, writer).Run(progress);
        writer.Complete();
        return leftOut;
    }

    /// <summary>Filters one array into another; both may be longer than the image.</summary>
    /// <returns>Whether there are pixels without data; they are NaN in the result.</returns>
    internal bool Run(float[] intensity, int rows, int columns, float[] result)
    {
        var range = BlockRange.Of(intensity, rows, columns);
        if (range.Scale == 1)
        {
            Filter(intensity, rows, columns, result);
        }
        else
        {
            var scaled = ArrayPool<float>.Shared.Rent(rows * columns);
            TensorPrimitives.Multiply(intensity.AsSpan(0, rows * columns), range.Scale, scaled);
            Filter(scaled, rows, columns, result);
            ArrayPool<float>.Shared.Return(scaled);
            TensorPrimitives.Multiply(result.AsSpan(0, rows * columns), 1 / range.Scale, result);
        }
        foreach (var row in range.RowsWithGaps)
        {
            for (var i = row * columns; i < (row + 1) * columns; i++)
            {
                if (!float.IsFinite(intensity[i]))
                    result[i] = float.NaN;
            }
        }
        return range.RowsWithGaps.Count > 0;
    }

    private protected abstract void Filter(float[] intensity, int rows, int columns, float[] result);

    private protected static int ValidSize(int size) =>
        size >= 3 && size % 2 == 1 ? size
            : throw new ArgumentException($"size: found {size}, expected an odd number of 3 or more.", nameof(size));

    private protected static double ValidLooks(double looks) =>
        double.IsFinite(looks)
            && looks > 0 ? looks
            : throw new ArgumentException($"looks: found {looks}, expected a finite number above 0.", nameof(looks));
}
