// Pixels of one HDF5 dataset, and a layer of the file that says which of them hold data.
using MathNet.Numerics;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>A dataset as a source of pixels; closes its file with it.</summary>
internal sealed class Hdf5Source(Hdf5File file, Hdf5Dataset dataset) : PixelSource
{
    public override int Rows => dataset.Rows;

    public override int Columns => dataset.Columns;

    public override bool IsComplex => dataset.IsComplex;

    public override (int Rows, int Columns) BlockSize => dataset.BlockSize;

    public override Validity Validity => dataset.NoData is { } value ? new Validity { NoDataValue = value }
        : Validity.All;

    public override void Read(RasterWindow window, Span<float> pixels)
    {
        dataset.Read(window, pixels);
        if (dataset.NoData is { } value)
            NoData.Mark(pixels, (float)value);
    }

    public override void Read(RasterWindow window, Span<Complex32> pixels)
    {
        dataset.Read(window, pixels);
        if (dataset.NoData is { } value)
            NoData.Mark(pixels, (float)value);
    }

    public override void Dispose() => file.Dispose();
}

/// <summary>A source with a layer of numbers beside it that tells where it holds data.</summary>
/// <param name="inner">All pixels.</param>
/// <param name="layer">Of the same size.</param>
/// <param name="isValid">Whether a pixel holds data, by its number in the layer.</param>
internal sealed class MaskedSource(PixelSource inner, Hdf5Dataset layer, Func<float, bool> isValid) : PixelSource
{
    public override int Rows => inner.Rows;

    public override int Columns => inner.Columns;

    public override bool IsComplex => inner.IsComplex;

    public override (int Rows, int Columns) BlockSize => inner.BlockSize;

    public override Validity Validity => inner.Validity with { Mask = inner.Validity.Mask | MaskKind.Internal };

    public override void Read(RasterWindow window, Span<float> pixels)
    {
        inner.Read(window, pixels);
        Mark(window, pixels, float.NaN);
    }

    public override void Read(RasterWindow window, Span<Complex32> pixels)
    {
        inner.Read(window, pixels);
        Mark(window, pixels, NoData.Sample);
    }

    public override void Dispose() => inner.Dispose();

    private void Mark<T>(RasterWindow window, Span<T> pixels, T none)
    {
        var numbers = new float[pixels.Length];
        layer.Read(window, numbers);
        for (var i = 0; i < pixels.Length; i++)
        {
            if (!isValid(numbers[i]))
                pixels[i] = none;
        }
    }
}
