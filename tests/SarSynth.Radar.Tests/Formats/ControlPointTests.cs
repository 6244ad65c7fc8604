// Ground control points are read, go through every operation with their rows and columns scaled, and are written.
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Signal;
using SarSynth.Radar.Simulation;
using SarSynth.Tests.Support;

namespace SarSynth.Radar.Tests.Formats;

public sealed class ControlPointTests : IDisposable
{
    private static readonly double[] Affine = [500000, 1.6, 0.3, 4600000, 0.2, -1.4];
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-gcp-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Points_of_a_file_are_read_and_written()
    {
        using var raster = SarRaster.Open(TestData.Golden("cases/12-gcps/tr_gcp.tif"));
        var place = raster.GeoReference!;
        Assert.Null(place.Transform);
        Assert.Null(place.PixelSize);
        Assert.Contains("WGS 84", place.Projection);
        Assert.Equal(4, place.ControlPoints.Count);
        foreach (var options in (GeoTiffOptions[])[new(), new() { CloudOptimised = true }])
        {
            var copy = Path.Combine(folder, $"copy-{options.CloudOptimised}.tif");
            GeoTiff.Write(raster.Read(), copy, options);
            using var again = SarRaster.Open(copy);
            Assert.Null(again.GeoReference!.Transform);
            Assert.Equal(place.Projection, again.GeoReference.Projection);
            // A GeoTIFF numbers its points anew.
            Assert.Equal(place.ControlPoints.Select(p => p with { Id = "" }),
                again.GeoReference.ControlPoints.Select(p => p with { Id = "" }));
        }
        Assert.Equal(place.ControlPoints.Select(p => (p.Row - 10, p.Column - 20, p.X)),
            raster.Read(new RasterWindow(10, 20, 5, 5)).GeoReference!.ControlPoints
                .Select(p => (p.Row, p.Column, p.X)));
    }

    [Theory, InlineData(true), InlineData(false)]
    public void A_transform_beside_points_is_taken_and_that_is_said(bool hasTransform)
    {
        GeoTiff.Write(new AmplitudeImage(4, 4, new float[16]), Path.Combine(folder, "pixels.tif"));
        var path = Path.Combine(folder, "both.vrt");
        File.WriteAllText(path, $"""
            <VRTDataset rasterXSize="4" rasterYSize="4">
            {(hasTransform ? $"<GeoTransform>{string.Join(", ", Affine)}</GeoTransform>" : "")}
            <GCPList Projection="EPSG:4326"><GCP Id="1" Pixel="0" Line="0" X="9" Y="45"/>
            <GCP Id="2" Pixel="4" Line="4" X="9.1" Y="45.1"/></GCPList><VRTRasterBand dataType="Float32" band="1">
            <SimpleSource><SourceFilename relativeToVRT="1">pixels.tif</SourceFilename>
            <SourceBand>1</SourceBand></SimpleSource>
            </VRTRasterBand></VRTDataset>
            """);
        using var raster = SarRaster.Open(path);
        Assert.Equal(hasTransform, raster.GeoReference!.Transform is not null);
        Assert.Equal(hasTransform ? 0 : 2, raster.GeoReference.ControlPoints.Count);
        if (hasTransform)
            Assert.Contains("a transform and 2 ground control points", Assert.Single(raster.Remarks));
        else
            Assert.Empty(raster.Remarks);
    }

    /// <summary>
    /// Each operation once on an image with a transform, once on the same with points taken from that transform.
    /// </summary>
    public static TheoryData<string> Operations =>
        ["read", "multilook", "spectral", "spectral-file", "lee", "lee-file", "calibrate", "recipe", "recipe-file",
            "amplitude", "intensity", "refined"];

    [Theory, MemberData(nameof(Operations))]
    public void Points_stay_on_their_ground(string operation)
    {
        var byTransform = Run(operation, new GeoReference(Affine, Wgs84), "t").Transform!;
        (double Row, double Column)[] places = [(0, 0), (0, 96), (64, 0), (64, 96), (10.5, 20.25), (-3, 200)];
        var points = places.Select((place, i) => new GroundControlPoint(place.Row, place.Column, At(Affine, place).X,
            At(Affine, place).Y, 100 + i, $"{i + 1}"));
        var byPoints = Run(operation, GeoReference.Of([.. points], Wgs84), "p");
        Assert.Null(byPoints.Transform);
        Assert.Equal(places.Length, byPoints.ControlPoints.Count);
        for (var i = 0; i < places.Length; i++)
        {
            var point = byPoints.ControlPoints[i];
            var (x, y) = At(byTransform, (point.Row, point.Column));
            Assert.Equal(At(Affine, places[i]).X, point.X, 1e-9);
            Assert.Equal(point.X, x, 1e-6);
            Assert.Equal(point.Y, y, 1e-6);
            Assert.Equal(100 + i, point.Z);
        }
    }

    private const string Wgs84 =
        "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563]],"
        + "PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433]]";

    private GeoReference Run(string operation, GeoReference place, string name)
    {
        var facts = new SarMetadata { RangeSpacing = 0.4, AzimuthSpacing = 0.4, RangeResolution = 0.5,
            AzimuthResolution = 0.5, SlantRange = false };
        var random = new Random(3);
        Complex32[] pixels = [.. Enumerable.Range(0, 64 * 96)
            .Select(_ => new Complex32(random.NextSingle() - 0.5f, random.NextSingle() - 0.5f))];
        var image = new ComplexImage(64, 96, pixels, facts, place);
        string input = Path.Combine(folder, name + "-in.tif"), output = Path.Combine(folder, name + "-out.tif");
        GeoTiff.Write(image, input);
        using var raster = SarRaster.Open(input);
        var crop = new SpectralCrop { RowFactor = 2, ColumnFactor = 3 };
        var recipe = new SatelliteRecipe { RangeResolution = 2, AzimuthResolution = 2, RangeSpacing = 1.2,
            AzimuthSpacing = 1.6, AzimuthLooks = 2, RangeLooks = 1 };
        switch (operation)
        {
            case "read":
                return raster.Read(new RasterWindow(7, 11, 20, 30)).GeoReference!;
            case "multilook":
                return Multilook.Apply(image, 3, 2).GeoReference!;
            case "spectral":
                return ResolutionChange.Apply(image, crop).GeoReference!;
            case "spectral-file":
                ResolutionChange.Apply(raster, output, crop);
                break;
            case "lee":
                return new LeeFilter(5, 1).Apply(image.ToIntensity()).GeoReference!;
            case "lee-file":
                new LeeFilter(5, 1).Apply(raster, output);
                break;
            case "calibrate":
                return Calibration.Open(TestData.Golden("cases/08-s1-zeros/zeros_grd.SAFE"))
                    .Apply(image, new RasterWindow(0, 0, 64, 96), Backscatter.SigmaNought).GeoReference!;
            case "recipe":
                return recipe.Apply(image).GeoReference!;
            case "recipe-file":
                recipe.Apply(raster, output);
                break;
            case "amplitude":
                return image.ToAmplitude().GeoReference!;
            case "intensity":
                return image.ToIntensity().GeoReference!;
            default:
                return place.Refined(4);
        }
        using var result = SarRaster.Open(output);
        return result.GeoReference!;
    }

    private static (double X, double Y) At(IReadOnlyList<double> t, (double Row, double Column) place) =>
        (t[0] + place.Column * t[1] + place.Row * t[2], t[3] + place.Column * t[4] + place.Row * t[5]);
}
