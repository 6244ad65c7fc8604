using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;

namespace SarSynth.Radar.Tests.Formats;

/// <summary>A part of a raster is the same pixels at the same place on the ground: closed forms throughout.</summary>
public sealed class RasterPartTests : IDisposable
{
    private const string Utm32 = "PROJCS[\"WGS 84 / UTM zone 32N\",GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\","
        + "SPHEROID[\"WGS 84\",6378137,298.257223563]],PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433]],"
        + "PROJECTION[\"Transverse_Mercator\"],PARAMETER[\"latitude_of_origin\",0],PARAMETER[\"central_meridian\",9],"
        + "PARAMETER[\"scale_factor\",0.9996],PARAMETER[\"false_easting\",500000],PARAMETER[\"false_northing\",0],"
        + "UNIT[\"metre\",1],AXIS[\"Easting\",EAST],AXIS[\"Northing\",NORTH],AUTHORITY[\"EPSG\",\"32632\"]]";

    private const string Wgs84 = "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563]],"
        + "PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433],AUTHORITY[\"EPSG\",\"4326\"]]";

    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-part-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    // Pixel (row, column) holds 1000 row + column.
    private string Write(GeoReference? place, int rows = 200, int columns = 300)
    {
        var pixels = new float[rows * columns];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = 1000 * (i / columns) + i % columns;
        var path = Path.Combine(folder, "a.tif");
        GeoTiff.Write(new AmplitudeImage(rows, columns, pixels, null, place), path);
        return path;
    }

    [Fact]
    public void WindowKeepsPixelsAndTheirPlace()
    {
        // Turned by 30 degrees, so that rows and columns both move both coordinates.
        double[] t = [1000, 8.660254, 5, 5000, 5, -8.660254];
        using var part = SarRaster.Open(Write(new(t, Utm32)), new() { Window = new(17, 40, 60, 50) });
        Assert.Equal((60, 50), (part.Rows, part.Columns));
        Assert.Equal(new RasterWindow(17, 40, 60, 50), part.Part);
        var place = part.GeoReference!.Transform!;
        Assert.Equal(t[0] + 40 * t[1] + 17 * t[2], place[0], 9);
        Assert.Equal(t[3] + 40 * t[4] + 17 * t[5], place[3], 9);
        Assert.Equal((t[1], t[2], t[4], t[5]), (place[1], place[2], place[4], place[5]));
        var image = (AmplitudeImage)part.Read();
        Assert.Equal(17040, image.Pixels[0]);
        Assert.Equal(76089, image.Pixels[^1]);
        Assert.Equal(place, image.GeoReference!.Transform);
        var inner = (AmplitudeImage)part.Read(new RasterWindow(2, 3, 1, 1));
        Assert.Equal(19043, inner.Pixels[0]);
        Assert.Equal(place[0] + 3 * t[1] + 2 * t[2], inner.GeoReference!.Transform![0], 9);
        // Blocks cover the part alone.
        Assert.Equal(60 * 50, part.Blocks(16, 16, 2).Sum(b => b.Window.Rows * b.Window.Columns));
    }

    [Fact]
    public void BoxInOwnSystemTakesThePixelsThatItTouches()
    {
        var path = Write(new([499000, 10, 0, 1000, 0, -10], Utm32));
        using var exact = SarRaster.Open(path, new() { Box = new(499400, 400, 499900, 830) });
        Assert.Equal(new RasterWindow(17, 40, 43, 50), exact.Part);
        using var touched = SarRaster.Open(path, new() { Box = new(499401, 399, 499901, 829) });
        Assert.Equal(new RasterWindow(17, 40, 44, 51), touched.Part);
        using var cut = SarRaster.Open(path, new() { Box = new(490000, 0, 499020, 2000) });
        Assert.Equal(new RasterWindow(0, 0, 100, 2), cut.Part);
    }

    [Fact]
    public void BoxInLongitudeAndLatitudeIsBroughtIntoTheRastersSystem()
    {
        // Where the central meridian meets the equator, transverse Mercator is 0.9996 times the ellipsoid's arcs:
        // 0.002 degrees east are 222.55 m, 0.001 degrees north 110.53 m.
        var path = Write(new([499000, 10, 0, 1000, 0, -10], Utm32));
        using var part = SarRaster.Open(path, new() { Box = new(9, -0.001, 9.002, 0.001, IsLonLat: true) });
        Assert.Equal(new RasterWindow(88, 100, 112 - 88, 123 - 100), part.Part);
    }

    [Fact]
    public void BoxIsFoundByControlPoints()
    {
        // Longitude 10 + 0.001 column, latitude 50 - 0.002 row.
        List<GroundControlPoint> points = [];
        foreach (var row in (double[])[0, 100, 200])
            foreach (var column in (double[])[0, 150, 300])
                points.Add(new(row, column, 10 + 0.001 * column, 50 - 0.002 * row));
        var path = Write(GeoReference.Of(points, Wgs84));
        using var part = SarRaster.Open(path, new() { Box = new(10.1, 49.8, 10.15, 49.9, IsLonLat: true) });
        Assert.Equal(new RasterWindow(50, 100, 50, 50), part.Part);
        Assert.Equal((-50.0, -100.0), (part.GeoReference!.ControlPoints[0].Row,
            part.GeoReference.ControlPoints[0].Column));
    }

    [Fact]
    public void WhatLiesOutsideIsRefusedWithWhatThereIs()
    {
        var path = Write(new([499000, 10, 0, 1000, 0, -10], Utm32));
        Assert.Contains("200 x 300", Refused(path, new() { Window = new(150, 0, 51, 10) }));
        Assert.Contains("499000,-1000,502000,1000", Refused(path, new() { Box = new(0, 0, 1, 1) }));
        Assert.Contains("west < east", Refused(path, new() { Box = new(499900, 400, 499400, 830) }));
        Assert.Contains("no georeference", Refused(Write(null), new() { Box = new(0, 0, 1, 1) }));
    }

    [Fact]
    public void ToldValueIsNoData()
    {
        using var raster = SarRaster.Open(Write(null, 4, 4), new() { NoDataValue = 1002 });
        var pixels = ((AmplitudeImage)raster.Read()).Pixels;
        Assert.Equal([6], Enumerable.Range(0, 16).Where(i => float.IsNaN(pixels[i])));
        Assert.Contains("1002", raster.Validity.ToString());
    }

    [Fact]
    public void DecibelsAreNotAskedForWhereSamplesAreComplex()
    {
        var path = Path.Combine(folder, "complex.tif");
        GeoTiff.Write(new ComplexImage(2, 2, new MathNet.Numerics.Complex32[4]), path);
        Assert.Contains("complex", Refused(path, new() { Kind = PixelKind.Decibel }));
    }

    [OptionalDataFact("sar/sentinel1-sarsen/Rome-30m-DEM.tif")]
    public void HeightsAreNotTakenForBackscatterSilently()
    {
        var path = TestData.Optional("sar/sentinel1-sarsen/Rome-30m-DEM.tif");
        using var dem = SarRaster.Open(path);
        Assert.Equal("its name says 'DEM'", dem.ElevationEvidence);
        using var told = SarRaster.Open(path, new() { Kind = PixelKind.Amplitude });
        Assert.Null(told.ElevationEvidence);
        using var own = SarRaster.Open(Write(null));
        Assert.Null(own.ElevationEvidence);
    }

    private static string Refused(string path, RasterOptions options) =>
        Assert.Throws<RasterException>(() => SarRaster.Open(path, options).Dispose()).Message;
}
