// Every format that tells its version or the type of its samples: what is known is read, anything else is an error that
// names it.
using System.Text;
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;

namespace SarSynth.Radar.Tests.Formats;

public sealed class FormatVersionTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-versions-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>
    /// Product, file in it that tells, the text that stands there, what is put in its place, and what the error says;
    /// null where the other text is known too.
    /// </summary>
    public static TheoryData<string, string, string, string, string?> Products => new()
    {
        { "02-cosar-v2", "IMAGEDATA/IMAGE_HH_SRA_strip_007.cos", "CSAR\0\0\0\u0002", "CSAR\0\0\0\u0001", null },
        { "02-cosar-v2", "IMAGEDATA/IMAGE_HH_SRA_strip_007.cos", "CSAR\0\0\0\u0002", "CSAR\0\0\0\u0003",
            "COSAR of version 3, expected 1" },
        { "02-cosar-v2", "IMAGEDATA/IMAGE_HH_SRA_strip_007.cos", "CSAR\0\0\0\u0002", "CSAR\0\0\0\0",
            "COSAR of version 0, expected 1" },
        { "02-cosar-v2", "TDM1_SAR__COS_BIST_SM_S_SRA.xml", ">COMPLEX<", ">PHASE<",
            "image data type 'PHASE', expected COMPLEX" },
        { "02-cosar-v2", "TDM1_SAR__COS_BIST_SM_S_SRA.xml", ">COMPLEX<", ">DETECTED<",
            "complex samples, but the annotation says DETECTED" },
        { "02-cosar-v2", "TDM1_SAR__COS_BIST_SM_S_SRA.xml", ">COSAR<", ">RAW<",
            "image data format 'RAW', expected COSAR" },
        { "02-cosar-v2", "TDM1_SAR__COS_BIST_SM_S_SRA.xml", ">COSAR<", ">GEOTIFF<",
            "is COSAR, but the annotation says GEOTIFF" },
        { "08-s1-zeros/zeros_grd.SAFE", "manifest.safe", "<XFDU/>", Ipf("003.71"), null },
        { "08-s1-zeros/zeros_grd.SAFE", "manifest.safe", "<XFDU/>", Ipf("002.36"), null },
        { "08-s1-zeros/zeros_grd.SAFE", "manifest.safe", "<XFDU/>", Ipf("007.10"),
            "Sentinel-1 IPF version '007.10', expected 2 or 3" },
        { "08-s1-zeros/zeros_grd.SAFE", Annotation, ">GRD<", ">RAW<", "product type 'RAW', expected SLC or GRD" },
        { "08-s1-zeros/zeros_grd.SAFE", Annotation, "<rangePixel", Image("Detected", "16 bit Unsigned Integer"), null },
        { "08-s1-zeros/zeros_grd.SAFE", Annotation, "<rangePixel", Image("Complex", "16 bit Signed Integer"),
            "UInt16 samples, but its annotation says Complex" },
        { "08-s1-zeros/zeros_grd.SAFE", Annotation, "<rangePixel", Image("Detected", "32 bit Float"),
            "output pixels '32 bit Float', expected 16 bit Signed" },
        { "nisar.h5", "", "1.1.0", "1.3.0", null },
        { "nisar.h5", "", "1.1.0", "0.9.0", null },
        { "nisar.h5", "", "1.1.0", "3.1.0", "NISAR product specification version '3.1.0', expected 0 or 1" },
        { "nisar-integers.h5", "", "1.1.0", "1.1.0", "complex samples of type 'int16', expected float16" },
        { "nisar-gcov.h5", "", "1.1.0", "1.1.0", "is an HDF5 product /science/LSAR/GCOV, expected RSLC" },
        { "../rasters/iceye.h5", "", "SLC\0", "SLC\0", null },
        { "../rasters/iceye.h5", "", "SLC\0", "GRD\0", "ICEYE product level 'GRD', expected SLC" },
    };

    private const string Annotation = "annotation/s1a-iw-grd-vv-20231005t170000-20231005t170025-050621-0619a0-001.xml";

    [Theory, MemberData(nameof(Products))]
    public void A_known_version_is_read_and_another_named(string product, string file, string stands, string becomes,
        string? error)
    {
        var path = Copy(product);
        Replace(Path.Combine(path, file), stands, becomes);
        Check(path, error);
    }

    [OptionalDataTheory("sar/terrasarx-sicd/cropped_sicd_110.nitf")]
    [InlineData("urn:SICD:1.1.0", "urn:SICD:1.4.0", null)]
    [InlineData("urn:SICD:1.1.0", "urn:SICD:2.0.0", "SICD version '2.0.0', expected 0.3")]
    [InlineData("<PixelType>RE16I_IM16I", "<PixelType>RE64F_IM64F",
        "SICD pixels of type 'RE64F_IM64F', expected RE32F_IM32F")]
    [InlineData("<PixelType>RE16I_IM16I", "<PixelType>RE32F_IM32F",
        "Int16 samples, but its SICD metadata says RE32F_IM32F")]
    public void A_known_SICD_is_read_and_another_named(string stands, string becomes, string? error)
    {
        var path = Path.Combine(folder, "sicd.nitf");
        File.Copy(TestData.Optional("sar/terrasarx-sicd/cropped_sicd_110.nitf"), path);
        Replace(path, stands, becomes);
        Check(path, error);
    }

    [Theory]
    [InlineData(1, 0, null), InlineData(4, 0, "NumPy format version 4.0, expected 1.0"),
        InlineData(1, 1, "NumPy format version 1.1, expected 1.0")]
    public void A_known_NumPy_version_is_read_and_another_named(byte major, byte minor, string? error)
    {
        const string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }\n";
        var path = Path.Combine(folder, "a.npy");
        File.WriteAllBytes(path, [0x93, .. "NUMPY"u8, major, minor, (byte)header.Length, 0,
            .. Encoding.ASCII.GetBytes(header), 0, 0, 0, 0]);
        Check(path, error);
    }

    [Theory, InlineData(4, null), InlineData(7, "data_type"), InlineData(99, "data_type")]
    public void A_known_ENVI_data_type_is_read_and_another_named(int type, string? error)
    {
        var path = Path.Combine(folder, "a.bin");
        File.WriteAllText(path + ".hdr",
            $"ENVI\nsamples = 2\nlines = 2\nbands = 1\ndata type = {type}\ninterleave = bsq\nbyte order = 0\n");
        File.WriteAllBytes(path, new byte[16]);
        Check(path, error);
    }

    [Theory]
    [InlineData("Intensity", "Intensity", null), InlineData("Intensity", "Intenzity",
        "SARSYNTH_PIXEL_KIND 'Intenzity', expected Amplitude")]
    [InlineData("SigmaNought", "GammaNought", null), InlineData("SigmaNought", "DeltaNought",
        "found 'DeltaNought', expected BetaNought")]
    public void A_known_item_of_our_own_files_is_read_and_another_named(string stands, string becomes, string? error)
    {
        var path = Path.Combine(folder, "own.tif");
        GeoTiff.Write(new IntensityImage(1, 1, [1f], new SarMetadata { Quantity = Backscatter.SigmaNought }), path);
        Replace(path, stands, becomes);
        Check(path, error);
    }

    [Theory]
    [InlineData("""{"version":"1.0.0","vendor":"Umbra Space"}""", null)]
    [InlineData("""{"version":"2.0.0","vendor":"Umbra Space"}""", "Umbra metadata version '2.0.0', expected 1")]
    [InlineData("""{"product_version":"1.8","collect":{"image":{}}}""", null)]
    [InlineData("""{"product_version":"2.0","collect":{"image":{}}}""",
        "Capella product version '2.0', expected 0 or 1")]
    [InlineData("""{"properties":{"constellation":"ICEYE","iceye:amplitude_mapping":{"function":"log"}}}""",
        "found function 'log', expected power")]
    public void A_known_provider_document_is_read_and_another_named(string json, string? error)
    {
        var path = Path.Combine(folder, "provider.tif");
        GeoTiff.Write(new AmplitudeImage(1, 1, [1f]), path);
        File.WriteAllText(Path.ChangeExtension(path, ".json"), json);
        Check(path, error);
    }

    /// <summary>
    /// The pairs that the file was made with; as int16 they would read (14336, -19456), (15872, -17152), ...
    /// </summary>
    [Fact]
    public void COSAR_of_version_2_holds_half_precision_numbers()
    {
        using var half = SarRaster.Open(TestData.Golden("cases/02-cosar-v2"));
        var pixels = ((ComplexImage)half.Read()).Pixels;
        Assert.Equal([new Complex32(0.5f, -0.25f), new(1.5f, -1.25f), new(2.5f, -2.25f), new(3.5f, -3.25f),
            new(10.5f, -4.25f)], pixels[..5]);
        using var whole = SarRaster.Open(TestData.Golden("cases/02-cosar-v1-control"));
        Assert.All(((ComplexImage)whole.Read()).Pixels, pixel => Assert.Equal(MathF.Round(pixel.Real), pixel.Real));
    }

    private static string Ipf(string version) =>
        $"""<XFDU><software name="Sentinel-1 IPF" version="{version}"/></XFDU>""";

    private static string Image(string value, string samples) =>
        $"<pixelValue>{value}</pixelValue><outputPixels>{samples}</outputPixels><rangePixel";

    private static void Check(string path, string? error)
    {
        if (error is not null)
        {
            Assert.Contains(error, Assert.Throws<RasterException>(() => SarRaster.Open(path)).Message);
            return;
        }
        using var raster = SarRaster.Open(path);
        raster.Read();
    }

    private string Copy(string product)
    {
        var (from, to) = (TestData.Golden("cases/" + product), Path.Combine(folder, Path.GetFileName(product)));
        if (File.Exists(from))
        {
            File.Copy(from, to);
            return to;
        }
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        return to;
    }

    private static void Replace(string file, string stands, string becomes)
    {
        file = file.TrimEnd('/');
        var text = Encoding.Latin1.GetString(File.ReadAllBytes(file));
        Assert.Contains(stands, text);
        File.WriteAllBytes(file, Encoding.Latin1.GetBytes(text.Replace(stands, becomes, StringComparison.Ordinal)));
    }
}
