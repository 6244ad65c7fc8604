// Which pixels of a GDAL band hold data: nodata value, product's fill, masks and alpha, all at once.
using System.Buffers;
using MathNet.Numerics;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>
/// Puts NaN where a band holds no data. GDAL heeds one rule only: here all that the file has stand together.
/// </summary>
internal sealed class GdalMask
{
    // GDAL's flags of a mask band, and its name for a band of transparency.
    private const int AllValid = 1, PerDataset = 2, AlphaMask = 4, NoDataMask = 8, AlphaColour = 6;

    private readonly List<nint> masks = [];
    private readonly float[] empty;

    /// <param name="dataset">The dataset.</param>
    /// <param name="bands">The band that is read, or the two that make a complex one.</param>
    /// <param name="fill">What the product calls fill; null for nothing.</param>
    public GdalMask(nint dataset, ReadOnlySpan<nint> bands, double? fill)
    {
        var value = Gdal.GDALGetRasterNoDataValue(bands[0], out var found);
        var kind = MaskKind.None;
        var flags = Gdal.GDALGetMaskFlags(bands[0]);
        if ((flags & (AllValid | AlphaMask)) == 0 && flags != NoDataMask)
        {
            masks.Add(Gdal.GDALGetMaskBand(bands[0]));
            kind = (flags & NoDataMask) != 0 ? MaskKind.BandValues : HasSidecar(dataset) ? MaskKind.Sidecar
                : MaskKind.Internal;
        }
        for (var number = 1; number <= Gdal.GDALGetRasterCount(dataset); number++)
        {
            var band = Gdal.GDALGetRasterBand(dataset, number);
            if (IsAlpha(band) && !bands.Contains(band))
            {
                masks.Add(band);
                kind |= MaskKind.Alpha;
            }
        }
        Validity = new Validity { NoDataValue = found != 0 ? value : null, Mask = kind, Fill = fill };
        empty = [.. ((double?[])[Validity.NoDataValue, fill]).OfType<double>()
            .Where(number => !double.IsNaN(number)).Select(number => (float)number).Distinct()];
    }

    /// <summary>The rules.</summary>
    public Validity Validity { get; }

    /// <summary>Whether a band is one of transparency.</summary>
    public static bool IsAlpha(nint band) => Gdal.GDALGetRasterColorInterpretation(band) == AlphaColour;

    private static bool HasSidecar(nint dataset) =>
        Gdal.FilesOf(dataset).Exists(file => file.EndsWith(".msk", StringComparison.OrdinalIgnoreCase));

    /// <summary>Marks real pixels as they are stored.</summary>
    /// <param name="window">Where they lie.</param>
    /// <param name="pixels">The pixels.</param>
    /// <param name="read">Reads a band's window as float32.</param>
    public void Apply(RasterWindow window, Span<float> pixels, Action<nint, RasterWindow, float[]> read)
    {
        foreach (var value in empty)
            NoData.Mark(pixels, value);
        foreach (var mask in masks)
        {
            var valid = ArrayPool<float>.Shared.Rent(pixels.Length);
            read(mask, window, valid);
            for (var i = 0; i < pixels.Length; i++)
            {
                if (valid[i] == 0)
                    pixels[i] = float.NaN;
            }
            ArrayPool<float>.Shared.Return(valid);
        }
    }

    /// <summary>Marks complex pixels as they are stored; NaN in one part becomes NaN in both.</summary>
    /// <inheritdoc cref="Apply(RasterWindow, Span{float}, Action{nint, RasterWindow, float[]})"/>
    public void Apply(RasterWindow window, Span<Complex32> pixels, Action<nint, RasterWindow, float[]> read)
    {
        foreach (var value in empty)
            NoData.Mark(pixels, value);
        foreach (ref var pixel in pixels)
        {
            // The difference of a number with itself is 0; of NaN and infinity it is NaN.
            var odd = pixel.Real - pixel.Real + (pixel.Imaginary - pixel.Imaginary);
            if (odd != 0)
                pixel = NoData.Sample;
        }
        foreach (var mask in masks)
        {
            var valid = ArrayPool<float>.Shared.Rent(pixels.Length);
            read(mask, window, valid);
            for (var i = 0; i < pixels.Length; i++)
            {
                if (valid[i] == 0)
                    pixels[i] = NoData.Sample;
            }
            ArrayPool<float>.Shared.Return(valid);
        }
    }
}
