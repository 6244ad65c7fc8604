// Pixels of one HDF5 dataset.
using MathNet.Numerics;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>A dataset as a source of pixels; closes its file with it.</summary>
internal sealed unsafe class Hdf5Source(Hdf5File file, Hdf5File.Hdf5Dataset dataset) : PixelSource
{
    public override int Rows => dataset.Rows;

    public override int Columns => dataset.Columns;

    public override bool IsComplex => dataset.IsComplex;

    public override (int Rows, int Columns) BlockSize => dataset.BlockSize;

    public override void Read(RasterWindow window, Span<float> pixels)
    {
        fixed (float* buffer = pixels)
            dataset.Read(window, buffer);
    }

    public override void Read(RasterWindow window, Span<Complex32> pixels)
    {
        fixed (Complex32* buffer = pixels)
            dataset.Read(window, buffer);
    }

    public override void Dispose()
    {
        dataset.Dispose();
        file.Dispose();
    }
}
