// Values that a product defines as no data, whatever tags its file carries.
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Statistics;
using SarSynth.Tests.Support;

namespace SarSynth.Radar.Tests.Formats;

public sealed class FillTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-fill-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory, InlineData("zeros_grd.SAFE"), InlineData("zeros_cog.SAFE")]
    public void Zeros_of_a_Sentinel_1_GRD_are_no_data_with_and_without_the_tag(string product)
    {
        using var raster = SarRaster.Open(TestData.Golden("cases/08-s1-zeros/" + product));
        var image = (AmplitudeImage)raster.Read();
        Assert.Equal(640, image.CountNoData());
        Assert.Equal(0, raster.Validity.Fill);
        Assert.Equal(221.70, image.Pixels.Where(float.IsFinite).Average(), 0.005);
        var (statistics, streamed) = (ImageStatistics.Compute(image), ImageStatistics.Compute(raster));
        Assert.Equal(221.70, statistics.Amplitude.Mean.Value, 0.005);
        Assert.Equal(statistics.Amplitude.Mean.Value, streamed.Amplitude.Mean.Value, 1e-6);
    }

    [Fact]
    public void Zeros_around_a_detected_TerraSAR_X_image_are_no_data()
    {
        GeoTiff.Write(new AmplitudeImage(2, 2, [0, 3, 4, 0]), Path.Combine(folder, "image.tif"));
        File.WriteAllText(Path.Combine(folder, "TSX.xml"), """
            <level1Product><productComponents><imageData><file><location><filename>image.tif</filename></location>
            </file>
            </imageData></productComponents><productInfo><imageDataInfo><imageDataType>DETECTED</imageDataType>
            <imageDataFormat>GEOTIFF</imageDataFormat></imageDataInfo></productInfo></level1Product>
            """);
        using var raster = SarRaster.Open(folder);
        Assert.Equal([float.NaN, 3, 4, float.NaN], ((AmplitudeImage)raster.Read()).Pixels);
    }

    [Fact]
    public void Samples_outside_of_the_valid_part_of_a_burst_are_no_data()
    {
        Directory.CreateDirectory(Path.Combine(folder, "annotation"));
        Directory.CreateDirectory(Path.Combine(folder, "measurement"));
        File.WriteAllText(Path.Combine(folder, "manifest.safe"), "<XFDU/>");
        File.WriteAllText(Path.Combine(folder, "annotation", "s1a-iw1-slc-vv-001.xml"), """
            <product><swathTiming><linesPerBurst>2</linesPerBurst><burstList>
            <burst><firstValidSample>-1 1</firstValidSample><lastValidSample>-1 2</lastValidSample></burst>
            <burst><firstValidSample>0 2</firstValidSample><lastValidSample>3 3</lastValidSample></burst>
            </burstList></swathTiming></product>
            """);
        GeoTiff.Write(new ComplexImage(4, 4, [.. Enumerable.Range(0, 16).Select(i => new Complex32(i, 0))]),
            Path.Combine(folder, "measurement", "s1a-iw1-slc-vv-001.tiff"));
        using var raster = SarRaster.Open(folder);
        // A valid sample may well be zero; only those outside are no data.
        Assert.Equal([5, 6, 8, 9, 10, 11, 14, 15], ((ComplexImage)raster.Read()).Pixels.Where(p => !float.IsNaN(p.Real))
            .Select(p => (int)p.Real));
        Assert.Equal([6], ((ComplexImage)raster.Read(new RasterWindow(0, 2, 2, 2))).Pixels
            .Where(p => !float.IsNaN(p.Real)).Select(p => (int)p.Real));
    }

    [Fact]
    public void Samples_outside_of_the_valid_part_of_a_NISAR_line_are_no_data()
    {
        using var raster = SarRaster.Open(TestData.Golden("cases/nisar.h5"));
        var image = (ComplexImage)raster.Read();
        for (var row = 0; row < 4; row++)
        {
            for (var column = 0; column < 5; column++)
                Assert.Equal(column >= 1 && column < (row == 0 ? 4 : 5),
                    !float.IsNaN(image.Pixels[row * 5 + column].Real));
        }
        Assert.Empty(raster.Remarks);
        Assert.Equal(MaskKind.Lines, raster.Validity.Mask);
    }

    /// <summary>The file was cut for tests and names [200, 200) as valid in lines of 200 samples.</summary>
    [OptionalDataFact("sar/uavsar-sanandreas/SanAnd_129.h5")]
    public void A_product_that_calls_nothing_valid_is_read_whole_and_says_so()
    {
        using var raster = SarRaster.Open(TestData.Optional("sar/uavsar-sanandreas/SanAnd_129.h5"));
        Assert.Equal(0, raster.Read().CountNoData());
        Assert.Contains("names no valid sample", Assert.Single(raster.Remarks));
    }
}
