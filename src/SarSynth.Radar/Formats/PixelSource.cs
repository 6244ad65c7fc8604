// Where pixels come from: a GDAL dataset, an HDF5 dataset, a NumPy file.
using MathNet.Numerics;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>
/// A two-dimensional array of numbers in a file, read window by window. Not safe for several threads.
/// </summary>
internal abstract class PixelSource : IDisposable
{
    public abstract int Rows { get; }

    public abstract int Columns { get; }

    /// <summary>Whether samples have an imaginary part.</summary>
    public abstract bool IsComplex { get; }

    /// <summary>Size of the blocks that the file stores, for reading along its grain.</summary>
    public virtual (int Rows, int Columns) BlockSize => (1, Columns);

    /// <summary>What tells which pixels hold data; the reads obey it.</summary>
    public virtual Validity Validity => Validity.All;

    /// <summary>Reads real numbers; no data arrives as NaN.</summary>
    /// <exception cref="RasterException">They cannot be read.</exception>
    public abstract void Read(RasterWindow window, Span<float> pixels);

    /// <summary>Reads complex numbers; no data arrives as NaN.</summary>
    /// <exception cref="RasterException">They cannot be read.</exception>
    public abstract void Read(RasterWindow window, Span<Complex32> pixels);

    public virtual void Dispose()
    {
    }
}

/// <summary>What a product's reader found: pixels and all that the product tells about them.</summary>
internal sealed record RasterContent(PixelSource Pixels, PixelKind Kind, SarMetadata Metadata)
{
    public GeoReference? GeoReference { get; init; }

    /// <summary>Whether the kind was assumed for want of any word on it.</summary>
    public bool KindIsAssumed { get; init; }

    /// <summary>Names of the channels of the product; the one that was opened first is <see cref="Channel"/>.</summary>
    public IReadOnlyList<string> Channels { get; init; } = [];

    /// <summary>The channel that was opened.</summary>
    public string Channel { get; init; } = "";

    /// <summary>What was assumed where the product leaves something open, a sentence each.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>The product's format in words.</summary>
    public required string Format { get; init; }
}
