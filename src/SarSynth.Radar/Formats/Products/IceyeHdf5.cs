// ICEYE single-look complex products in HDF5: two datasets s_i and s_q, and the metadata beside them at the root.
using MathNet.Numerics;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>Reads ICEYE SLC; rows are azimuth lines, columns range samples.</summary>
internal static class IceyeHdf5
{
    /// <summary>Whether the file has ICEYE's layout.</summary>
    public static bool Is(Hdf5File file) => file.Has("/s_i") && file.Has("/s_q");

    public static RasterContent Open(string path, Hdf5File file)
    {
        Hdf5Dataset real = file.Open("/s_i"), imaginary = file.Open("/s_q");
        if ((real.Rows, real.Columns, real.IsComplex) != (imaginary.Rows, imaginary.Columns, false))
            throw new RasterException(path,
                $"has s_i of {real.Rows} x {real.Columns} and s_q of "
                + $"{imaginary.Rows} x {imaginary.Columns}, expected equal real arrays");
        if (real.SampleType != imaginary.SampleType)
            throw new RasterException(path,
                $"has s_i of {real.SampleType} and s_q of {imaginary.SampleType}, expected equal types");
        Known.Value(path, "ICEYE samples of type", real.SampleType, "int16", "float32");
        if (file.Text("/product_level") is { } level)
            Known.Value(path, "ICEYE product level", level, "SLC");
        Known.Version(path, "ICEYE product specification", file.Text("/spec_version"), "1", "2", "3");
        var metadata = CommercialTiff.IceyeFields(name => file.Text("/" + name), name => file.Number("/" + name));
        return new RasterContent(new PairSource(file, real, imaginary), PixelKind.Complex,
            metadata with { SlantRange = metadata.SlantRange ?? true })
        {
            Format = "ICEYE SLC",
            Channels = [metadata.Polarisation ?? "1"],
            Channel = metadata.Polarisation ?? "1",
        };
    }

    private sealed class PairSource(Hdf5File file, Hdf5Dataset real, Hdf5Dataset imaginary) : PixelSource
    {
        public override int Rows => real.Rows;

        public override int Columns => real.Columns;

        public override bool IsComplex => true;

        public override (int Rows, int Columns) BlockSize => real.BlockSize;

        public override void Read(RasterWindow window, Span<float> pixels) =>
            throw new NotSupportedException("The samples are complex.");

        public override void Read(RasterWindow window, Span<Complex32> pixels)
        {
            float[] re = new float[pixels.Length], im = new float[pixels.Length];
            real.Read(window, re);
            imaginary.Read(window, im);
            for (var i = 0; i < pixels.Length; i++)
                pixels[i] = re[i] == real.NoData && im[i] == imaginary.NoData ? NoData.Sample
                    : new Complex32(re[i], im[i]);
        }

        public override Validity Validity => real.NoData is { } value && imaginary.NoData == value
            ? new Validity { NoDataValue = value } : Validity.All;

        public override void Dispose() => file.Dispose();
    }
}
