// What scenes hold, their captions, maps from outside, and what is refused.
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;

namespace SarSynth.Radar.Tests.Simulation;

public sealed class SceneTests
{
    [Theory]
    [InlineData(SceneKind.Farmland, new[] { LandCover.Asphalt }, "road")]
    [InlineData(SceneKind.Woodland, new[] { LandCover.Tree }, null)]
    [InlineData(SceneKind.Suburb, new[] { LandCover.Roof, LandCover.Asphalt, LandCover.Grass }, "garden")]
    [InlineData(SceneKind.City, new[] { LandCover.Roof, LandCover.Asphalt, LandCover.Pavement }, "building")]
    [InlineData(SceneKind.Industry, new[] { LandCover.Asphalt, LandCover.Metal }, "fence")]
    [InlineData(SceneKind.Airfield, new[] { LandCover.Grass, LandCover.Metal, LandCover.Asphalt }, "aircraft")]
    [InlineData(SceneKind.Harbour, new[] { LandCover.Water, LandCover.Concrete }, "quay")]
    [InlineData(SceneKind.Railway, new[] { LandCover.Gravel, LandCover.Rail }, "catenary pole")]
    public void EachKindHasWhatItsNameSays(SceneKind kind, LandCover[] covers, string? thing)
    {
        for (ulong seed = 0; seed < 4; seed++)
        {
            var scene = Scene.Generate(seed, new SceneOptions { Rows = 512, Columns = 512, Kind = kind });
            Assert.Equal(kind, scene.Kind);
            foreach (var cover in covers)
                Assert.True(scene.Classes.Count(c => c == (byte)cover) > 100, $"{kind} {seed}: {cover}");
            if (thing is not null)
                Assert.Contains(scene.Objects, o => o.Name == thing);
            Assert.All(scene.Heights, h => Assert.InRange(h, -10, 90));
            Assert.All(scene.Classes, c => Assert.True(Enum.IsDefined((LandCover)c)));
            Assert.All(scene.Targets, t =>
                Assert.True(t.CrossSection > 0 && t.Row >= -0.5 && t.Row < 511.5 && t.Column >= -0.5
                && t.Column < 511.5));
        }
    }

    [Fact]
    public void AnyDrawsEveryKind()
    {
        var kinds = Enumerable.Range(0, 120)
            .Select(seed => Scene.Generate((ulong)seed, new SceneOptions { Rows = 32, Columns = 32 }).Kind).ToHashSet();
        Assert.Equal(8, kinds.Count);
    }

    [Fact]
    public void CaptionsSayWhatIsThereInSeveralPhrasings()
    {
        var scene = Scene.Generate(2, new SceneOptions { Rows = 512, Columns = 512, Kind = SceneKind.Airfield });
        Assert.Equal(5, scene.Captions.Distinct().Count());
        Assert.All(scene.Captions, c => Assert.Contains("aircraft", c, StringComparison.Ordinal));
        Assert.Equal(scene.Captions,
            Scene.Generate(2, new SceneOptions { Rows = 512, Columns = 512, Kind = SceneKind.Airfield }).Captions);

        byte[] classes = new byte[64 * 64];
        for (int i = 0; i < classes.Length; i++)
            classes[i] = (byte)(i % 64 < 32 ? LandCover.Water : LandCover.Tree);
        var halves = Scene.FromMaps(classes, new float[64 * 64], 64, 64, 1);
        Assert.Contains("water", halves.Caption(0, 0, 64, 32), StringComparison.Ordinal);
        Assert.DoesNotContain("forest", halves.Caption(0, 0, 64, 32), StringComparison.Ordinal);
        Assert.Contains("forest", halves.Caption(0, 32, 64, 32), StringComparison.Ordinal);
        Assert.DoesNotContain("water", halves.Caption(0, 32, 64, 32), StringComparison.Ordinal);
    }

    [Fact]
    public void MapsFromFilesMakeTheSceneOfTheirArrays()
    {
        string folder = Directory.CreateTempSubdirectory("sarsynth-scene-").FullName;
        try
        {
            string classPath = Path.Combine(folder, "classes.tif"), heightPath = Path.Combine(folder, "heights.tif"),
                small = Path.Combine(folder, "small.tif");
            var random = new Random(3);
            float[] codes = [.. Enumerable.Range(0, 40 * 50).Select(_ => (float)random.Next(14))],
                heights = [.. codes.Select(_ => random.NextSingle() * 20 - 5)];
            var place = new GeoReference([1000, 0.5, 0, 2000, 0, -0.5], "");
            GeoTiff.Write(new IntensityImage(40, 50, codes, geoReference: place), classPath);
            GeoTiff.Write(new IntensityImage(40, 50, heights, geoReference: place), heightPath);
            GeoTiff.Write(new IntensityImage(20, 50, heights[..1000]), small);
            var scene = Scene.FromFiles(classPath, heightPath, seed: 9);
            Assert.Equal(0.5, scene.Spacing);
            Assert.Equal(codes, scene.Classes.Select(c => (float)c));
            Assert.Equal(heights, scene.Heights);
            var seen = Simulator.Observe(scene, Sensors.AirborneX080, 1);
            Assert.Equal(25, seen.Detected.Rows);
            Assert.All(seen.Detected.Pixels, a => Assert.True(float.IsFinite(a)));

            Assert.Contains("small.tif", Assert.Throws<RasterException>(() => Scene.FromFiles(classPath, small))
                .Message, StringComparison.Ordinal);
            Assert.Contains("heights.tif", Assert.Throws<RasterException>(() => Scene.FromFiles(heightPath, classPath))
                .Message, StringComparison.Ordinal);
            Assert.Contains("cell size", Assert.Throws<RasterException>(() => Scene.FromFiles(small, small))
                .Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void BadInputIsRefusedByName()
    {
        Assert.Contains("Rows",
            Assert.Throws<ArgumentOutOfRangeException>(() => Scene.Generate(1, new SceneOptions { Rows = 5 }))
            .Message, StringComparison.Ordinal);
        Assert.Contains("Spacing",
            Assert.Throws<ArgumentOutOfRangeException>(() =>
            Scene.Generate(1, new SceneOptions { Spacing = double.NaN })).Message, StringComparison.Ordinal);
        Assert.Contains("Kind",
            Assert.Throws<ArgumentOutOfRangeException>(() =>
            Scene.Generate(1, new SceneOptions { Kind = SceneKind.Custom })).Message, StringComparison.Ordinal);
        Assert.Contains("classes",
            Assert.Throws<ArgumentException>(() => Scene.FromMaps(new byte[3], new float[4], 2, 2, 1))
            .Message, StringComparison.Ordinal);
        Assert.Contains("200",
            Assert.Throws<ArgumentException>(() => Scene.FromMaps([0, 0, 0, 200], new float[4], 2, 2, 1))
            .Message, StringComparison.Ordinal);
        Assert.Contains("NaN",
            Assert.Throws<ArgumentException>(() => Scene.FromMaps(new byte[4], [0, 0, float.NaN, 0], 2, 2, 1))
            .Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() =>
            Scene.FromMaps(new byte[4], new float[4], 2, 2, 1, [new Target(TargetKind.Pole, 0, 0, 0, -1)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Scene.FromMaps(new byte[4], new float[4], 2, 2, 1)
            .Crop(1, 0, 2, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => Scene.FromMaps(new byte[4], new float[4], 2, 2, 1)
            .Caption(0, 0, 3, 1));
        var tiny = Scene.FromMaps(new byte[4], new float[4], 2, 2, 0.4);
        Assert.Contains("scene",
            Assert.Throws<ArgumentException>(() => Simulator.Observe(tiny, Sensors.SatelliteX160, 1))
            .Message, StringComparison.Ordinal);
        var coarse = Scene.FromMaps(new byte[400], new float[400], 20, 20, 5);
        Assert.Contains("spacing",
            Assert.Throws<ArgumentException>(() => Simulator.Observe(coarse, Sensors.AirborneX040, 1))
            .Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() =>
            Simulator.Observe(coarse, Sensors.AirborneX040 with { IncidenceAngle = 90 }, 1));
        // One pixel is enough.
        Assert.Single(Simulator.Observe(Scene.FromMaps(new byte[1], new float[1], 1, 1, 0.4), Sensors.AirborneX040, 1)
            .Detected.Pixels);
    }
}
