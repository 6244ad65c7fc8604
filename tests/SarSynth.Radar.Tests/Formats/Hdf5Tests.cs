// HDF5 as producers write it: layouts, byte orders, fill values, masks and geocoded grids. The files are h5py's.
using MathNet.Numerics;
using PureHDF;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;

namespace SarSynth.Radar.Tests.Formats;

public sealed class Hdf5Tests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-hdf5-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory, InlineData("HH"), InlineData("HV"), InlineData("VH"), InlineData("VV")]
    public void ChunksByteOrdersAndOrdersOfPartsGiveTheSameSamples(string polarisation)
    {
        using var raster = SarRaster.Open(TestData.Golden("cases/nisar-layouts.h5"),
            new RasterOptions { Channel = polarisation });
        Complex32[] expected = [.. Enumerable.Range(0, 20).Select(i => new Complex32(i / 5 + 10 * (i % 5), -(i / 5)))];
        Assert.Equal(expected, ((ComplexImage)raster.Read()).Pixels);
        // Across the borders of chunks of 3 x 2.
        Assert.Equal([expected[11], expected[12], expected[13], expected[16], expected[17], expected[18]],
            ((ComplexImage)raster.Read(new RasterWindow(2, 1, 2, 3))).Pixels);
        Assert.Equal(Validity.All, raster.Validity);
    }

    [Fact]
    public void FillValueAndMaskOfAnRslcAreNoData()
    {
        using var raster = SarRaster.Open(TestData.Golden("cases/nisar-fill.h5"));
        Assert.Equal(20, raster.Validity.NoDataValue);
        Assert.Equal(MaskKind.Internal, raster.Validity.Mask);
        // Fill at (0, 2); the mask denies (1, 0) and (3, 4).
        Assert.Equal([2, 5, 19], NoData((ComplexImage)raster.Read()));
        Assert.Equal([0], NoData((ComplexImage)raster.Read(new RasterWindow(0, 2, 2, 3))));
        var whole = (ComplexImage)raster.Read();
        Assert.Equal(new Complex32(21, -1), whole.Pixels[7]);
    }

    [Fact]
    public void AGeocodedProductTellsItsPlaceAndItsMask()
    {
        using var raster = SarRaster.Open(TestData.Golden("cases/nisar-gslc.h5"));
        Assert.Equal(("HDF5 GSLC", "A/HH", PixelKind.Complex), (raster.Format, raster.Channel, raster.Kind));
        // The middle of the first pixel lies at 500010, 3999995; pixels are 20 m wide and 10 m high.
        Assert.Equal([500000, 20, 0, 4000000, 0, -10], raster.GeoReference!.Transform!);
        Assert.StartsWith("PROJCS[\"WGS 84 / UTM zone 11N\"", raster.GeoReference.Projection);
        Assert.Equal((false, 1.257e9, "L"),
            (raster.Metadata.SlantRange!.Value, raster.Metadata.CentreFrequency, raster.Metadata.Band));
        // NaN at (2, 4); the mask denies (1, 0) and (3, 4).
        Assert.Equal([5, 14, 19], NoData((ComplexImage)raster.Read()));
        Assert.Empty(raster.Remarks);
    }

    [Fact]
    public void AMaskOfAnotherSizeIsRefused()
    {
        var swath = new H5Group { ["HH"] = new Sample[2, 3], ["mask"] = new byte[3, 2] };
        var path = Path.Combine(folder, "a.h5");
        var file = new H5File
        {
            ["science"] = new H5Group
            {
                ["LSAR"] = new H5Group
                {
                    ["RSLC"] = new H5Group { ["swaths"] = new H5Group { ["frequencyA"] = swath } },
                },
            },
        };
        file.Write(path, new H5WriteOptions(IncludeStructProperties: true));
        var message = Assert.Throws<RasterException>(() => SarRaster.Open(path)).Message;
        Assert.Contains("/science/LSAR/RSLC/swaths/frequencyA/mask has 3 x 2", message);
        Assert.Contains("expected 2 x 3", message);
    }

    private static int[] NoData(ComplexImage image) =>
        [.. Enumerable.Range(0, image.Pixels.Length)
            .Where(i => float.IsNaN(image.Pixels[i].Real) && float.IsNaN(image.Pixels[i].Imaginary))];

    [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential)]
    private record struct Sample(float Real, float Imaginary);
}
