// Real files of the optional collection: what they tell and what their pixels are, as their own annotation says it.
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;

namespace SarSynth.Radar.Tests.Formats;

public class RealProductTests
{
    private const string Grd =
        "sar/sentinel1-sarsen/S1B_IW_GRDH_1SDV_20211223T051122_20211223T051147_030148_039993_5371.SAFE";
    private const string Slc =
        "sar/sentinel1-sarsen/S1A_IW_SLC__1SDV_20220104T170557_20220104T170624_041314_04E951_F1F1.SAFE";
    private const string Annotations =
        "sar/sentinel1-grd-annotations/S1A_IW_GRDH_1SDV_20150222T170750_20150222T170815_004739_005DD8_3768.zip";
    private const string Uavsar = "sar/uavsar-sanandreas/SanAnd_129.h5";
    private const string Palsar = "sar/alos-palsar-corner-reflector/calib_RSLC_ALPSRP025826990_RIO_BRANCO_CR.h5";
    private const string Envisat = "sar/envisat-slc/warped_envisat.slc";
    private const string Decibels = "sar/sentinel1-gamma0/S1A__IW___A_20150309T173017_VV_grd_mli_geo_norm_db.tif";

    [OptionalDataFact(Envisat)]
    public void EnviComplexIsReadAsItLies()
    {
        using var raster = SarRaster.Open(TestData.Optional(Envisat));
        Assert.Equal((PixelKind.Complex, 500, 500, "ENVI"), (raster.Kind, raster.Rows, raster.Columns, raster.Format));
        var bytes = File.ReadAllBytes(TestData.Optional(Envisat));
        var pixels = Assert.IsType<ComplexImage>(raster.Read()).Pixels;
        for (var i = 0; i < pixels.Length; i++)
            Assert.Equal(new Complex32(BitConverter.ToSingle(bytes, 8 * i), BitConverter.ToSingle(bytes, 8 * i + 4)),
                pixels[i]);
        Assert.Equal(SarMetadata.Unknown, raster.Metadata);
        Assert.Null(raster.Read(new RasterWindow(0, 0, 1, 1)).PixelSpacing);
    }

    [OptionalDataFact(Decibels)]
    public void DecibelsBecomeIntensity()
    {
        using var raster = SarRaster.Open(TestData.Optional(Decibels));
        Assert.Equal((PixelKind.Decibel, false, 217, 268),
            (raster.Kind, raster.KindIsAssumed, raster.Rows, raster.Columns));
        var image = Assert.IsType<IntensityImage>(raster.Read());
        // The file's own statistics in dB: minimum -26.655, maximum 1.433; -99 marks no data.
        Assert.Equal(-26.655, 10 * Math.Log10(image.Pixels.Where(float.IsFinite).Min()), 1e-3);
        Assert.Equal(1.433, 10 * Math.Log10(image.Pixels.Where(float.IsFinite).Max()), 1e-3);
        Assert.Equal(620048.241204, image.GeoReference!.Transform![0], 1e-6);
        Assert.Contains("UTM zone 31N", image.GeoReference.Projection);
        Assert.Equal((20.0, 20.0), image.PixelSpacing);
    }

    [OptionalDataFact("sar/airsar-sanfrancisco/T11.bin")]
    public void PolSarProDiagonalsAreIntensities()
    {
        using var raster = SarRaster.Open(TestData.Optional("sar/airsar-sanfrancisco/T11.bin"));
        Assert.Equal((PixelKind.Intensity, 900, 1024), (raster.Kind, raster.Rows, raster.Columns));
        Assert.All(((IntensityImage)raster.Read()).Pixels, value => Assert.True(value >= 0));
    }

    [OptionalDataFact(Uavsar)]
    public void UavsarTellsItsAcquisition()
    {
        using var raster = SarRaster.Open(TestData.Optional(Uavsar), new RasterOptions { Channel = "A/HH" });
        Assert.Equal((PixelKind.Complex, 150, 200), (raster.Kind, raster.Rows, raster.Columns));
        Assert.Equal(("HH", "L", "left"),
            (raster.Metadata.Polarisation, raster.Metadata.Band, raster.Metadata.LookDirection));
        Assert.Equal(new DateTime(2018, 10, 11), raster.Metadata.Date!.Value.Date);
        Assert.InRange(raster.Metadata.RangeSpacing!.Value, 0.5, 10);
    }

    [OptionalDataFact(Palsar)]
    public void HalfPrecisionPixelsHaveTheirOwnStatistics()
    {
        using var raster = SarRaster.Open(TestData.Optional(Palsar), new RasterOptions { Channel = "HH" });
        Assert.Equal(["A/HH", "A/HV", "A/VH", "A/VV"], raster.Channels);
        var pixels = ((ComplexImage)raster.Read()).Pixels;
        Assert.Equal(new Complex32(-704, 2.3046875f), pixels[1]);
        // Extremes and energy of what h5dump prints.
        Assert.Equal((7356f, -2048f, 20448f, -4880f),
            (pixels.Max(p => p.Real), pixels.Min(p => p.Real), pixels.Max(p => p.Imaginary),
            pixels.Min(p => p.Imaginary)));
        Assert.Equal(1670590313.9385, pixels.Sum(p => (double)p.Real * p.Real + (double)p.Imaginary * p.Imaginary),
            2000.0);
        Assert.Equal((8.92239, 4.0, 1269999750, 2e7, "L"),
            (Math.Round(raster.Metadata.RangeSpacing!.Value, 5), raster.Metadata.AzimuthSpacing,
            Math.Round(raster.Metadata.CentreFrequency!.Value), raster.Metadata.RangeBandwidth, raster.Metadata.Band));
        var window = (ComplexImage)raster.Read(new RasterWindow(40, 20, 3, 4));
        Assert.Equal(pixels[41 * 50 + 22], window.Pixels[6]);
    }

    [OptionalDataTheory(Grd), InlineData(""), InlineData("/manifest.safe")]
    public void Sentinel1GrdTellsItsAnnotation(string file)
    {
        using var raster = SarRaster.Open(TestData.Optional(Grd) + file);
        Assert.Equal((PixelKind.Amplitude, 16705, 26102, "Sentinel-1 GRD"),
            (raster.Kind, raster.Rows, raster.Columns, raster.Format));
        var facts = raster.Metadata;
        Assert.Equal(("S1B", "C", "VV", "IW", "GRD"),
            (facts.Sensor, facts.Band, facts.Polarisation, facts.Mode, facts.ProductType));
        Assert.Equal((10.0, 10.0, false), (facts.RangeSpacing, facts.AzimuthSpacing, facts.SlantRange));
        Assert.Equal(38.91812789621374, facts.IncidenceAngle!.Value, 1e-9);
        Assert.Equal(new DateTime(2021, 12, 23, 5, 11, 22, DateTimeKind.Utc).AddTicks(5944410), facts.Date);
        Assert.Null(facts.LookDirection);
        // The measurement of this trimmed product is all zeros, which are no data.
        Assert.All(((AmplitudeImage)raster.Read(new RasterWindow(16000, 26000, 10, 102))).Pixels,
            value => Assert.Equal(float.NaN, value));
        // The first point of the geolocation grid, read with another XML library.
        Assert.Equal(new GroundControlPoint(0.5, 0.5, 1.532209672548896e+01, 4.237675280764677e+01,
            3.064656630158424e-04, "1"), raster.GeoReference!.ControlPoints[0]);
    }

    [OptionalDataFact(Slc)]
    public void Sentinel1SlcIsComplex()
    {
        using var raster = SarRaster.Open(TestData.Optional(Slc));
        Assert.Equal((PixelKind.Complex, 13509, 22694), (raster.Kind, raster.Rows, raster.Columns));
        Assert.Equal((2.329562, 13.95, true, 1.0),
            (raster.Metadata.RangeSpacing, raster.Metadata.AzimuthSpacing, raster.Metadata.SlantRange,
            raster.Metadata.Looks));
    }

    [OptionalDataFact(Annotations)]
    public void AProductWithoutPixelsSaysSo()
    {
        var error = Assert.Throws<RasterException>(() => SarRaster.Open(TestData.Optional(Annotations)));
        Assert.Contains("has no pixels for", error.Reason);
        Assert.DoesNotContain('\n', error.Message);
    }
}
