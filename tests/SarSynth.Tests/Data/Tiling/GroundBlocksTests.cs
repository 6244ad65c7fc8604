// Parts by place: UTM against PROJ, blocks that scenes on different grids agree about, no ground in two parts.
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Tests.Data;

public sealed class GroundBlocksTests : IDisposable
{
    private static readonly TilingRecipe small =
        new() { Size = 32, Caption = "speckle", Validation = 0.2, Test = 0.2, Block = 64 };

    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-ground-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string At(string name) => Path.Combine(folder, name);

    private string Scene(string name, int rows, int columns, GeoReference place)
    {
        var random = new Random(rows + columns + name.Length);
        GeoTiff.Write(new AmplitudeImage(rows, columns, [.. Enumerable.Range(0, rows * columns).Select(_ =>
            (float)Math.Sqrt(-Math.Log(1 - random.NextDouble())))], geoReference: place), At(name));
        return At(name);
    }

    private static List<JsonObject> Rows(string tiles) => [.. ((string[])["train", "validation", "test"])
        .Select(part => Path.Combine(tiles, part, "metadata.jsonl")).Where(File.Exists)
        .SelectMany(File.ReadLines).Select(line => JsonNode.Parse(line)!.AsObject())];

    private const string Wgs84 =
        """GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],"""
        + """UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]]""";

    /// <summary>Two overlapping scenes on different grids: no tile of one part shares ground with one of another
    /// part.</summary>
    [Fact]
    public void NoGroundIsInTwoParts()
    {
        // 1e-5 degrees are 1.11 m of latitude; the second scene is turned and lies across the first.
        var first = new GeoReference([7.0, 1.5e-5, 0, 45.01, 0, -1e-5], Wgs84);
        var second = new GeoReference([7.003, 1.4e-5, 3e-6, 45.0085, 2e-6, -0.9e-5], Wgs84);
        string[] scenes = [Scene("one.tif", 512, 512, first), Scene("two.tif", 512, 512, second)];
        var set = TileMaker.Run(scenes, At("tiles"), small with { Overlap = 16, Block = 150,
            Format = TileFormat.GeoTiff });
        var tiles = Rows(At("tiles")).Select(row => (Part: (string)row["split"]!, Bounds: ((string)row["bounds"]!)
            .Split(' ')
            .Select(double.Parse).ToArray())).ToList();
        Assert.All(set.Tiles.Values, count => Assert.InRange(count, 20, 1900));
        Assert.Equal(set.Tiles.Values.Sum(), tiles.Count);
        Assert.True(set.Scenes.Sum(s => s.Dropped["border"]) > 0);
        var shared = 0;
        foreach (var (part, a) in tiles)
            foreach (var (other, b) in tiles)
            {
                var overlap = Math.Min(Math.Min(a[2], b[2]) - Math.Max(a[0], b[0]),
                    Math.Min(a[3], b[3]) - Math.Max(a[1], b[1]));
                // A million pairs: words are made for the one that is wrong.
                if (part != other && !(overlap < 1e-12))
                    Assert.Fail($"{part} and {other} share {overlap} degrees");
                if (part == other && overlap > 0)
                    shared++;
            }
        Assert.True(shared > tiles.Count);
    }

    [Fact]
    public void UtmAndDegreesOfOneGroundGiveOnePart()
    {
        // The same 32 x 32 m of ground, in UTM zone 31 and in degrees by the reference values above.
        var utm = new GeoReference([448251.795, 1, 0, 5411932.678, 0, -1],
            """PROJCS["WGS 84 / UTM zone 31N",GEOGCS["WGS 84",AUTHORITY["EPSG","4326"]],UNIT["metre",1],"""
            + """AUTHORITY["EPSG","32631"]]""");
        var degrees = new GeoReference([2.294499997, 1 / 73200.0, 0, 48.858200003, 0, -1 / 111200.0], Wgs84);
        var window = new RasterWindow(0, 0, 32, 32);
        var agreed = 0;
        for (ulong seed = 0; seed < 200; seed++)
        {
            var recipe = small with { Seed = seed };
            var (a, b) = (new GroundBlocks(recipe, 5000, "a", utm, (1, 1)).PartOf(window),
                new GroundBlocks(recipe, 5000, "b", degrees, (1, 1)).PartOf(window));
            Assert.Equal(a, b);
            agreed += a == Split.Test ? 1 : 0;
        }
        // A fifth of the seeds; five standard deviations of a binomial.
        Assert.InRange(agreed, 40 - 28, 40 + 28);
    }

    [Theory]
    [InlineData(31, false, 448251.795, 5411932.678, 2.294499997, 48.858200003)]
    [InlineData(31, false, 300000, 8500000, -4.675208416, 76.463943445)]
    [InlineData(19, true, 700123.4, 6500321.1, -66.890279254, -31.614858486)]
    public void UtmIsThatOfProj(int zone, bool isSouth, double easting, double northing, double longitude,
        double latitude)
    {
        // PROJ 9.1: cs2cs -d 9 EPSG:326zz EPSG:4326.
        var (x, y) = TransverseMercator.ToGeographic(zone, isSouth, easting, northing);
        Assert.Equal(longitude, x, 2e-9);
        Assert.Equal(latitude, y, 2e-9);
    }
}
