// The door to despeckling: filters as small records that serialise, on images and on streams.
using System.Text.Json.Serialization;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Radiometry;

/// <summary>
/// A despeckling filter for intensity images. Borders are mirrored; no data (NaN) stays, and is left out of its neighbours'
/// windows. Looks are those of the input: 1 for single-look intensity.
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
    /// <exception cref="RasterException">Reading or writing failed.</exception>
    public void Apply(SarRaster raster, string path, GeoTiffOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(raster);
        using var writer = new GeoTiffWriter(path, raster.Rows, raster.Columns, PixelKind.Intensity, raster.Metadata, raster.GeoReference, options);
        new SpeckleStream(this, raster, writer).Run();
        writer.Complete();
    }

    /// <summary>Filters one array into another; both may be longer than the image.</summary>
    internal void Run(float[] intensity, int rows, int columns, float[] result)
    {
        Filter(intensity, rows, columns, result);
        Parallel.For(0, rows, row =>
        {
            var source = intensity.AsSpan(row * columns, columns);
            // The sum of a row tells whether it has gaps at all.
            if (float.IsFinite(System.Numerics.Tensors.TensorPrimitives.Sum<float>(source)))
                return;
            for (var column = 0; column < source.Length; column++)
            {
                if (!float.IsFinite(source[column]))
                    result[row * columns + column] = float.NaN;
            }
        });
    }

    private protected abstract void Filter(float[] intensity, int rows, int columns, float[] result);

    private protected static int ValidSize(int size) =>
        size >= 3 && size % 2 == 1 ? size : throw new ArgumentException($"size: found {size}, expected an odd number of 3 or more.", nameof(size));

    private protected static double ValidLooks(double looks) =>
        double.IsFinite(looks) && looks > 0 ? looks : throw new ArgumentException($"looks: found {looks}, expected a finite number above 0.", nameof(looks));
}
