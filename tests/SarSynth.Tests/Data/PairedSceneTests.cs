using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Tests.Data;

public sealed class PairedSceneTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-pairs-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>
    /// A scene whose airborne pixel (r, c) is r * columns + c and whose satellite pixel is the index of its first
    /// airborne pixel.
    /// </summary>
    private static PairedScene Numbered(int rows, int columns, int scale, params TileCaption[] captions) => new(
        "numbered",
        new AmplitudeImage(rows * scale, columns * scale,
            [.. Enumerable.Range(0, rows * columns * scale * scale).Select(i => (float)i)]),
        new AmplitudeImage(rows, columns,
            [.. Enumerable.Range(0, rows * columns).Select(i =>
            (float)(i / columns * scale * columns * scale + i % columns * scale))]),
        captions);

    [Fact]
    public void SizesMustBeOneWholeFactorApart()
    {
        var error = Assert.Throws<ArgumentException>(() =>
            new PairedScene("odd", new(8, 8, new float[64]), new(3, 2, new float[6]), []));
        Assert.Contains("scene 'odd'", error.Message);
        Assert.Contains("8 x 8", error.Message);
    }

    [Fact]
    public void TilesAreSmallScenes()
    {
        var batch = new TileSampler([Numbered(20, 24, 4, new TileCaption(0, 0, 96, "fields"))], seed: 3, 16)
            .Batch(0, 2);
        var tiles = batch.ToScenes();
        Assert.Equal(2, tiles.Count);
        Assert.Equal((4, 16, "fields"), (tiles[1].Scale, tiles[1].Airborne.Rows, tiles[1].Captions.Single().Text));
        Assert.Equal(batch.Airborne[256..], tiles[1].Airborne.Pixels);
        Assert.Equal(batch.Satellite[16..], tiles[1].Satellite.Pixels);
    }

    [Fact]
    public void TilesOfBothSensorsShowTheSameGround()
    {
        const int Scale = 4, Size = 16, Columns = 24 * Scale;
        var sampler = new TileSampler([Numbered(20, 24, Scale)], seed: 3, Size);
        for (var step = 0; step < 20; step++)
        {
            var batch = sampler.Batch(step, 4);
            for (var i = 0; i < batch.Count; i++)
            {
                var air = batch.Airborne.AsSpan(i * Size * Size, Size * Size).ToArray();
                var sat = batch.Satellite.AsSpan(i * 16, 16).ToArray();
                for (var r = 0; r < 4; r++)
                    for (var c = 0; c < 4; c++)
                    {
                        // The satellite pixel's number is that of its top left airborne pixel; a flip along
                        // azimuth turns top to bottom.
                        var cell = Enumerable.Range(0, 16).Select(k => air[(r * 4 + k / 4) * Size + c * 4 + k % 4])
                            .Min();
                        Assert.Equal(sat[r * 4 + c], cell);
                    }
                // Range is never flipped: shadows stay on the far side.
                Assert.Equal(1, air[1] - air[0]);
                Assert.Equal(Columns, Math.Abs(air[Size] - air[0]));
            }
        }
    }

    [Fact]
    public void ABatchDependsOnSeedAndStepAlone()
    {
        var scene = Numbered(20, 24, 4);
        var whole = new TileSampler([scene], 3, 16);
        _ = whole.Batch(0, 4);
        var later = whole.Batch(7, 4);
        Assert.Equal(new TileSampler([scene], 3, 16).Batch(7, 4).Airborne, later.Airborne);
        Assert.NotEqual(new TileSampler([scene], 4, 16).Batch(7, 4).Airborne, later.Airborne);
        Assert.NotEqual(new TileSampler([scene], 3, 16).Batch(8, 4).Airborne, later.Airborne);
    }

    [Fact]
    public void EveryPositionIsDrawnAboutEquallyOften()
    {
        // 5 x 5 positions, 4000 draws: 160 each; 5 standard deviations of the binomial are 62.
        var sampler = new TileSampler([Numbered(8, 8, 4)], 11, 16);
        var counts = new Dictionary<float, int>();
        for (var step = 0; step < 1000; step++)
        {
            var batch = sampler.Batch(step, 4);
            for (var i = 0; i < 4; i++)
            {
                var first = batch.Satellite.AsSpan(i * 16, 16).ToArray().Min();
                counts[first] = counts.GetValueOrDefault(first) + 1;
            }
        }
        Assert.Equal(25, counts.Count);
        Assert.All(counts.Values, n => Assert.InRange(n, 98, 222));
    }

    [Fact]
    public void NoTileHasAPixelWithoutData()
    {
        var whole = Numbered(8, 8, 4);
        float[] satellite = [.. whole.Satellite.Pixels], airborne = [.. whole.Airborne.Pixels];
        // Two satellite rows, and one airborne pixel below them.
        Array.Fill(satellite, float.NaN, 0, 16);
        airborne[10 * 32 + 31] = float.NaN;
        var scene = new PairedScene("gaps", new(32, 32, airborne), new(8, 8, satellite), []);
        for (var step = 0; step < 200; step++)
        {
            var batch = new TileSampler([scene, whole], 5, 16).Batch(step, 4);
            Assert.DoesNotContain(float.NaN, batch.Satellite);
            Assert.DoesNotContain(float.NaN, batch.Airborne);
        }
        // With two more rows no 4 x 4 satellite pixels are left.
        Array.Fill(satellite, float.NaN, 32, 8);
        Array.Fill(satellite, float.NaN, 40, 8);
        var full = new PairedScene("full", new(32, 32, airborne), new(8, 8, satellite), []);
        var error = Assert.Throws<InvalidDataException>(() => new TileSampler([full], 5, 16).Batch(0, 1));
        Assert.Contains("scene 'full'", error.Message);
    }

    [Fact]
    public void TheCaptionIsTheOneOfTheSquareThatSharesMostGround()
    {
        var scene = Numbered(16, 16, 4, new(0, 0, 32, "left"), new(0, 32, 32, "right"));
        Assert.Equal("left", scene.CaptionAt(0, 10, 16));
        Assert.Equal("right", scene.CaptionAt(0, 30, 16));
        Assert.Equal("", scene.CaptionAt(40, 0, 16));
    }

    [Fact]
    public void ADataSetComesBackFromDiskAsItWas()
    {
        var scene = SimulatedScenes.Generate(new SimulationRecipe { Size = 128, Seed = 77, CaptionSize = 64 }).Single();
        PairedDataset.Write(folder, "test", "MIT", [(scene, Split.Validation)]);
        var back = PairedDataset.Open(folder).Load(folder, Split.Validation).Single();
        Assert.Equal(scene.Airborne.Pixels, back.Airborne.Pixels);
        Assert.Equal(scene.Satellite.Pixels, back.Satellite.Pixels);
        Assert.Equal(scene.Captions, back.Captions);
        Assert.Equal(scene.Satellite.Metadata.Sensor, back.Satellite.Metadata.Sensor);
        Assert.Empty(PairedDataset.Open(folder).Load(folder, Split.Train));
    }

    [Theory]
    [InlineData("airborne-x-040", "terrasar-x-stripmap", 5)]
    [InlineData("airborne-x-160", "sentinel-1-iw", 9)]
    public void SensorsWhoseSpacingsAreNoWholeMultiplesPair(string airborne, string satellite, int scale)
    {
        var recipe = new SimulationRecipe { Airborne = airborne, Satellite = satellite, Size = 128, Seed = 77,
            CaptionSize = 64 };
        var scene = SimulatedScenes.Generate(recipe).Single();
        Assert.Equal((scale, 128 / scale * scale), (scene.Scale, scene.Airborne.Rows));
        // Captions count airborne pixels, whatever their size on the ground.
        Assert.Equal(9, scene.Captions.Count);
        Assert.Equal((64, 64), (scene.Captions[^1].Row, scene.Captions[^1].Column));
    }

    [Fact]
    public void SensorsThatAreTooCoarseAreRefusedWithWhatToTake() =>
        Assert.Contains("take airborne-x-040", Assert.Throws<ArgumentException>(
        () => SimulatedScenes.Generate(new() { Airborne = "uavsar-l", Satellite = "terrasar-x-stripmap" }).First())
            .Message);

    [Fact]
    public void AChangedFileIsRefusedByName()
    {
        var scene = SimulatedScenes.Generate(new SimulationRecipe { Size = 64, Seed = 77, CaptionSize = 64 }).Single();
        var entry = PairedDataset.Write(folder, "test", "MIT", [(scene, Split.Test)]).Scenes.Single();
        var path = Path.Combine(folder, entry.Satellite.Path);
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        var error = Assert.Throws<InvalidDataException>(() => PairedDataset.Open(folder).Load(folder).ToList());
        Assert.Contains(entry.Satellite.Path, error.Message);
        Assert.Contains(entry.Satellite.Sha256, error.Message);
    }

    [Fact]
    public void ProvenanceNamesRecipeInputsAndChecksums()
    {
        var input = Path.Combine(folder, "in.bin");
        File.WriteAllText(input, "abc");
        var path = Path.Combine(folder, "out.provenance.json");
        Provenance.Of("test", new SimulationRecipe { Seed = 5 }, 5, [input], []).Write(path);
        var back = KitJson.Read<Provenance>(path);
        // FIPS 180-2, appendix B.1.
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", back.Inputs.Single().Sha256);
        Assert.Equal(5UL, (ulong)back.Recipe["seed"]!);
        Assert.Contains("engine", back.Versions.Keys);
    }

    [Fact]
    public void AWriteThatFailsLeavesNothingBehind()
    {
        var path = Path.Combine(folder, "half.txt");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.WriteByte(1);
            throw new InvalidOperationException();
        }));
        Assert.Empty(Directory.GetFiles(folder));
    }

    [Fact]
    public void AnUnknownFieldOfARecipeIsNamed()
    {
        var path = Path.Combine(folder, "recipe.json");
        File.WriteAllText(path, """{ "seed": 1, "sceens": 3 }""");
        var error = Assert.Throws<InvalidDataException>(() => KitJson.Read<SimulationRecipe>(path));
        Assert.Contains(path, error.Message);
        Assert.Contains("sceens", error.Message);
    }
}
