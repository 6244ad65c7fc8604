// Vector layers on tiles' grids: what is drawn against which middles of pixels lie in shapes of closed form, in UTM by
// Karney's series where the library has PROJ; captions, class maps, and what is wrong.
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Tests.Data;

public sealed class VectorTests : IDisposable
{
    private const int Zone = 31, Rows = 96, Columns = 128;
    private const double West = 432_000, North = 5_411_000, Pixel = 0.8;

    private static readonly GeoReference utm = new([West, Pixel, 0, North, 0, -Pixel],
        "PROJCS[\"WGS 84 / UTM zone 31N\",GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,"
        + "298.257223563]],PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433]],"
        + "PROJECTION[\"Transverse_Mercator\"],PARAMETER[\"latitude_of_origin\",0],PARAMETER[\"central_meridian\",3],"
        + "PARAMETER[\"scale_factor\",0.9996],PARAMETER[\"false_easting\",500000],PARAMETER[\"false_northing\",0],"
        + "UNIT[\"metre\",1],AUTHORITY[\"EPSG\",\"32631\"]]");

    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-vectors-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string At(string name) => Path.Combine(folder, name);

    // Longitude and latitude of a place on the grid, by the series and not by the library's PROJ.
    private static (double, double) Ground((double Column, double Row) p) =>
        TransverseMercator.ToGeographic(Zone, false, West + Pixel * p.Column, North - Pixel * p.Row);

    private static (double, double)[] Ground(params (double, double)[] points) => [.. points.Select(Ground)];

    // A triangle without a middle of a pixel on its sides.
    private static readonly (double X, double Y)[] triangle = [(10.3, 5.2), (90.7, 20.1), (40.2, 80.9)];

    private static bool IsIn((double X, double Y)[] corners, double x, double y)
    {
        double Side(int i) => corners[i] is var a && corners[(i + 1) % corners.Length] is var b
            ? (b.X - a.X) * (y - a.Y) - (b.Y - a.Y) * (x - a.X) : 0;
        return Enumerable.Range(0, corners.Length).All(i => Side(i) > 0)
            || Enumerable.Range(0, corners.Length).All(i => Side(i) < 0);
    }

    private static void IsTheTriangle(ushort[] codes, RasterWindow window, int code)
    {
        var wrong = Enumerable.Range(0, codes.Length).Where(i => codes[i] != (IsIn(triangle,
            window.Column + i % window.Columns + 0.5, window.Row + i / window.Columns + 0.5) ? code : 0)).ToArray();
        Assert.True(wrong.Length == 0, $"{wrong.Length} pixels differ, the first at row {wrong.FirstOrDefault()
            / window.Columns}, column {wrong.FirstOrDefault() % window.Columns}");
    }

    private string Land() => VectorFiles.GeoJson(At("land.geojson"),
        VectorFiles.Feature("Polygon", VectorFiles.Ring(Ground(triangle)), "kind", "open_water"));

    private static readonly RasterWindow whole = new(0, 0, Rows, Columns), part = new(16, 24, 40, 48);

    [Fact]
    public void AnAreaHasThePixelsWhoseMiddlesItHolds()
    {
        using var layer = VectorLayer.Open(Land(), field: "kind");
        Assert.Equal(["open_water"], layer.Values());
        var feature = Assert.Single(layer.On("scene", utm, Rows, Columns));
        Assert.Equal(("open_water", FeatureKind.Area), (feature.Value, feature.Kind));
        foreach (var window in (RasterWindow[])[whole, part])
            IsTheTriangle(PlacedFeature.Draw([(feature, 300)], window), window, 300);
        // The same ground by control points: those of an affine grid.
        (double, double)[] corners = [(0, 0), (Columns, 0), (0, Rows), (Columns, Rows), (64, 48), (20, 70), (100, 10)];
        var place = GeoReference.Of([.. corners.Select(c => new GroundControlPoint(c.Item2, c.Item1,
            West + Pixel * c.Item1, North - Pixel * c.Item2))], utm.Projection);
        IsTheTriangle(PlacedFeature.Draw([(Assert.Single(layer.On("scene", place, Rows, Columns)), 7)], whole), whole,
            7);
    }

    [Fact]
    public void LinesAndPointsHaveThePixelsThatTheyPassAndLieIn()
    {
        VectorFiles.GeoJson(At("ways.geojson"),
            VectorFiles.Feature("LineString", VectorFiles.Points(Ground((8.5, 33.5), (59.5, 33.5)))),
            VectorFiles.Feature("MultiPoint", VectorFiles.Points(Ground((70.5, 60.4), (3.2, 90.7)))));
        using var layer = VectorLayer.Open(At("ways.geojson"));
        var features = layer.On("scene", utm, Rows, Columns);
        Assert.Equal([FeatureKind.Line, FeatureKind.Point], features.Select(f => f.Kind));
        Assert.All(features, f => Assert.Equal("ways", f.Value));
        var codes = PlacedFeature.Draw([(features[0], 1), (features[1], 2)], whole);
        for (var i = 0; i < codes.Length; i++)
        {
            var (row, column) = (i / Columns, i % Columns);
            var point = (row, column) is (60, 70) or (90, 3);
            // Corners over by 1e-9 of a pixel may or may not bring the line's last pixel.
            if (!(row == 33 && column is 8 or 59))
                Assert.Equal(point ? 2 : row == 33 && column is > 8 and < 59 ? 1 : 0, codes[i]);
        }
    }

    [Fact]
    public void ShapefilesAndGeoPackagesAreReadInTheirOwnReferenceSystems()
    {
        (double, double)[] line = [(West + Pixel * 5.5, North - Pixel * 40.5), (West + Pixel * 100.5, North
            - Pixel * 40.5)];
        VectorFiles.Shapefile(At("roads.shp"), line, 20, utm.Projection);
        using (var roads = VectorLayer.Open(At("roads.shp"), field: "class"))
        {
            var feature = Assert.Single(roads.On("scene", utm, Rows, Columns));
            Assert.Equal(("20", FeatureKind.Line), (feature.Value, feature.Kind));
            var codes = PlacedFeature.Draw([(feature, 1)], whole);
            Assert.InRange(codes.Count(c => c > 0), 95, 96);
            Assert.All(Enumerable.Range(6, 94), column => Assert.Equal(1, codes[40 * Columns + column]));
        }
        VectorFiles.GeoPackage(At("all.gpkg"), ("land", Land()), ("roads", At("roads.shp")));
        Assert.Equal(["land", "roads"], VectorLayer.LayersOf(At("all.gpkg")));
        Assert.Contains("found layers land, roads, expected to be told which",
            Assert.Throws<RasterException>(() => VectorLayer.Open(At("all.gpkg"))).Message);
        Assert.Equal(new VectorSource(At("all.gpkg"), "land", "kind"), VectorSource.Parse(At("all.gpkg:land:kind")));
        Assert.Equal(new VectorSource(At("all.gpkg"), "roads"), VectorSource.Parse(At("all.gpkg:roads")));
        Assert.Equal(new VectorSource(At("roads.shp"), null, "class"), VectorSource.Parse(At("roads.shp:class")));
        using var layer = VectorLayer.Open(At("all.gpkg"), "land", "kind");
        IsTheTriangle(PlacedFeature.Draw([(Assert.Single(layer.On("scene", utm, Rows, Columns)), 1)], part), part, 1);
        // Without .prj nothing tells where it lies.
        VectorFiles.Shapefile(At("bare.shp"), line, 20, null);
        Assert.Contains("found no reference system",
            Assert.Throws<RasterException>(() => VectorLayer.Open(At("bare.shp"))).Message);
    }

    [Fact]
    public void WhatIsWrongIsNamed()
    {
        Land();
        Assert.Contains("found no field 'type', expected one of kind",
            Assert.Throws<RasterException>(() => VectorLayer.Open(At("land.geojson"), field: "type")).Message);
        Assert.Contains("found no layer 'x', expected one of land",
            Assert.Throws<RasterException>(() => VectorLayer.Open(At("land.geojson"), "x")).Message);
        Assert.Contains("nowhere.gpkg", Assert.Throws<FileNotFoundException>(() =>
            VectorSource.Parse(At("nowhere.gpkg:roads"))).Message);
        File.WriteAllText(At("torn.geojson"), "{\"type\":\"Feature");
        Assert.Contains("torn.geojson", Assert.Throws<RasterException>(() => VectorLayer.Open(At("torn.geojson")))
            .Message);
        using var layer = VectorLayer.Open(At("land.geojson"));
        Assert.Contains("scene.tif: has no georeference",
            Assert.Throws<RasterException>(() => layer.On("scene.tif", null, Rows, Columns)).Message);
        // Ground a kilometre off, and on the other side of the Earth.
        Assert.Empty(layer.On("scene", utm.Shifted(1250, 0), Rows, Columns));
        Assert.Empty(layer.On("scene", utm with { Projection = utm.Projection
            .Replace("\"central_meridian\",3", "\"central_meridian\",-177").Replace("32631", "32601") }, Rows,
            Columns));
    }

    private string Scene(string name, GeoReference? place)
    {
        var random = new Random(3);
        GeoTiff.Write(new AmplitudeImage(Rows, Columns, [.. Enumerable.Range(0, Rows * Columns)
            .Select(_ => (float)Math.Sqrt(-Math.Log(1 - random.NextDouble())))], null, place), At(name));
        return At(name);
    }

    [Fact]
    public void TilesGetCaptionsAndClassMapsOfTheirOwnGround()
    {
        // Water in the left half of the first tile, a wood that is all of the second, a road along row 16, a mast.
        VectorFiles.GeoJson(At("land.geojson"),
            VectorFiles.Feature("Polygon", VectorFiles.Ring(Ground((-5, -5), (16, -5), (16, 100), (-5, 100))), "kind",
                "water"),
            VectorFiles.Feature("Polygon", VectorFiles.Ring(Ground((32, -9), (64, -9), (64, 32), (32, 32))), "kind",
                "wood"));
        VectorFiles.GeoJson(At("roads.geojson"), VectorFiles.Feature("LineString",
            VectorFiles.Points(Ground((-20, 16.5), (32, 16.5)))));
        VectorFiles.GeoJson(At("masts.geojson"), VectorFiles.Feature("Point",
            (JsonArray)VectorFiles.Points(Ground((100.5, 70.5)))[0]!.DeepClone()));
        var scene = Scene("scene.tif", utm);
        var recipe = new TilingRecipe
        {
            Size = 32, Validation = 0, Test = 0, MostSaturated = 1, Caption = "plain", Vectors =
                [VectorSource.Parse(At("land.geojson:kind")), new(At("roads.geojson")), new(At("masts.geojson"))],
        };
        TileMaker.Run([scene], At("tiles"), recipe);
        Assert.Equal("""{"1":"water","2":"wood","3":"roads","4":"masts"}""",
            JsonNode.Parse(File.ReadAllText(At("tiles/classes.json")))!.ToJsonString());
        using var source = Tiles.Open(At("tiles"), new() { Conditions = ["classes"] });
        source.Check().Require();
        var tiles = source.Sequence(new TileOrder { IsShuffled = false }).Take((int)source.Count!)
            .Select(step => step.Load()).ToDictionary(t => (t.Place!.Row, t.Place.Column));
        Assert.Equal(12, tiles.Count);
        foreach (var ((row, column), tile) in tiles)
        {
            var map = tile.Condition("classes");
            Assert.Equal((ConditionKind.Classes, 32, 32), (map.Kind, map.Rows, map.Columns));
            for (var i = 0; i < map.Pixels.Length; i++)
            {
                var (r, c) = (row + i / 32, column + i % 32);
                var expected = (r, c) == (70, 100) ? 4 : r == 16 && c < 32 ? 3 : c < 16 ? 1
                    : c is >= 32 and < 64 && r < 32 ? 2 : 0;
                if (!(r == 16 && c == 32))
                    Assert.Equal(expected, (int)map.Pixels[i]);
            }
        }
        // Half of the first tile but for a way through it, all of the second, a quarter of an eighth of a tile's.
        Assert.Matches(@"(of|showing) (water|much water), (crossed by roads|with roads running through)$|"
            + @"(of|showing) ground (with|and) .*water.*roads", tiles[(0, 0)].Caption());
        Assert.Matches("(of|showing) wood$", tiles[(0, 32)].Caption());
        Assert.Matches("(of|showing) ground, with masts in it$", tiles[(64, 96)].Caption());
        Assert.Equal("plain", tiles[(32, 64)].Caption());
        // Afterwards, by the same seed, the same; and the run goes on by the same recipe alone.
        var before = File.ReadAllText(At("tiles/train/metadata.jsonl"));
        CaptionEdit.Run(At("tiles"), CaptionEdit.Set("plain"));
        using (var classes = VectorClasses.Open(recipe.Vectors, null))
            CaptionEdit.Run(At("tiles"), CaptionEdit.Vectors(At("tiles"), classes));
        Assert.Equal(before, File.ReadAllText(At("tiles/train/metadata.jsonl")));
        TileMaker.Run([scene], At("tiles"), recipe);
        Assert.Contains("expected vectors", Assert.Throws<ArgumentException>(() => TileMaker.Run([scene], At("tiles"),
            recipe with { Vectors = recipe.Vectors.Take(1).ToArray() })).Message);
        Assert.Contains("land.geojson", File.ReadAllText(At("tiles/tiles.json.provenance.json")));
    }

    [Fact]
    public void ALegendTellsWordsAndCodes()
    {
        VectorFiles.GeoJson(At("codes.geojson"),
            VectorFiles.Feature("Polygon", VectorFiles.Ring(Ground((0, 0), (60, 0), (60, 96), (0, 96))), "code", 80),
            VectorFiles.Feature("Polygon", VectorFiles.Ring(Ground((60, 0), (70, 0), (70, 96), (60, 96))), "code", 7));
        VectorSource[] sources = [VectorSource.Parse(At("codes.geojson:code"))];
        Assert.Contains("field 'code' holds numbers, expected a legend",
            Assert.Throws<RasterException>(() => VectorClasses.Open(sources, null)).Message);
        using (var classes = VectorClasses.Open(sources, VectorClasses.Words("worldcover")))
        {
            Assert.Equal(["7"], classes.Left);
            var (codes, caption) = classes.On("scene", utm, Rows, Columns).Of(whole, 1, "tile");
            Assert.Equal(60 * Rows, codes.Count(c => c == 80));
            Assert.Equal(68 * Rows, codes.Count(c => c == 0));
            // 47 % of the tile: less than what nothing is known of.
            Assert.Matches("ground (with much permanent water|and permanent water \\(47 %\\))$", caption);
        }
        using (var words = VectorClasses.Open(sources, new Dictionary<string, string> { ["80"] = "a lake",
            ["seven"] = "reeds" }))
            Assert.Equal([1f, 0f], words.On("scene", utm, Rows, Columns).Of(whole, 1, "tile").Codes.Distinct());
        var scene = Scene("scene.tif", utm.Shifted(5000, 0));
        var recipe = new TilingRecipe { Size = 32, Vectors = sources, Words = VectorClasses.Words("worldcover") };
        Assert.Matches("codes.geojson: found nothing that lies in .*scene.tif",
            Assert.Throws<ArgumentException>(() => TileMaker.Run([scene], At("tiles"), recipe)).Message);
        Assert.False(Directory.Exists(At("tiles")));
    }
}
