// Folders of images and paired scenes: indices, captions, conditions, masks, order, batches.
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Tests.Data;

public sealed class FolderTilesTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-folder-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string At(params string[] path)
    {
        var file = Path.Combine([folder, .. path]);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        return file;
    }

    private void Picture(string name, int level, int rows = 16, int columns = 16) =>
        File.WriteAllBytes(At(name.Split('/')), Shards.Png(level, rows, columns));

    private void Numbered(int count)
    {
        for (var i = 0; i < count; i++)
            Picture($"{i:D2}.png", i);
        File.WriteAllLines(At("metadata.jsonl"), Enumerable.Range(0, count)
            .Select(i => $$"""{"file_name": "{{i:D2}}.png", "text": "tile {{i}}"}"""));
    }

    private static IEnumerable<int> Numbers(IEnumerable<TileStep> steps) => steps.Select(s => int.Parse(s.Load().Key));

    [Fact]
    public void JsonLinesTellCaptionsConditionsMaskSplitAndPlace()
    {
        Picture("train/a.png", 51);
        File.WriteAllBytes(At("train", "sat", "a.png"), Shards.Png(102, 4, 4));
        File.WriteAllBytes(At("train", "cover.png"), Shards.Png(7, 16, 16));
        GeoTiff.Write(new AmplitudeImage(16, 16, [.. Enumerable.Range(0, 256).Select(i => i < 16 ? 0f : 1f)]),
            At("train", "mask.tif"));
        File.WriteAllText(At("train", "metadata.jsonl"),
            """{"file_name": "a.png", "text": ["one", "two"], "satellite_file_name": "sat/a.png","""
            + """ "landcover_file_name": "cover.png", "mask_file_name": "mask.tif", "scene": "s","""
            + """ "row": 32, "column": 48, "ceiling": 5.5}""");
        Picture("test/b.png", 1);
        File.WriteAllText(At("test", "metadata.csv"), "text,file_name\n\"a, \"\"quoted\"\"\nline\",b.png\n");
        using var source = Tiles.Open(folder);
        Assert.Equal(2, source.Count);
        var tiles = source.Sequence(new TileOrder { IsShuffled = false }).Take(2).Select(s => s.Load()).OrderBy(t =>
            t.Key).ToList();
        Assert.Equal((Split.Test, "a, \"quoted\"\nline"), (tiles[0].Split, tiles[0].Caption()));
        var tile = tiles[1];
        Assert.Equal(("train/a", Split.Train, new TilePlace("s", 32, 48), 5.5), (tile.Key, tile.Split!.Value,
            tile.Place!, tile.Ceiling!.Value));
        Assert.Equal(["one", "two"], tile.Captions.Select(c => c.Value));
        Assert.Equal([.. Enumerable.Repeat(0f, 16), .. Enumerable.Repeat(1f, 240)], tile.Validity());
        Assert.Equal([.. Enumerable.Repeat(0f, 16), .. Enumerable.Repeat(51 / 255f, 240)], tile.ToUnitRange());
        Assert.Equal((4, 102 / 255f, true), (tile.Condition("satellite").Rows, tile.Condition("satellite").Pixels[5],
            tile.Condition("satellite").IsNormalised));
        Assert.Equal((ConditionKind.Classes, 7f), (tile.Condition("landcover").Kind,
            tile.Condition("landcover").Pixels[5]));
        Assert.Empty(source.Check().Require().Problems);
        using var test = Tiles.Open(folder, new() { Split = Split.Test });
        Assert.Equal(1, test.Count);
    }

    [Fact]
    public void FloatAndComplexTilesKeepTheirNumbers()
    {
        GeoTiff.Write(new AmplitudeImage(8, 8, [.. Enumerable.Range(1, 64).Select(i => i * 10f)]), At("linear.tif"));
        GeoTiff.Write(new ComplexImage(8, 8,
            [.. Enumerable.Range(0, 64).Select(i => new MathNet.Numerics.Complex32(3, 4))]), At("slc.tif"));
        File.WriteAllBytes(At("sixteen.png"),
            QuickLook.ToPng(new AmplitudeImage(8, 8, [.. Enumerable.Range(0, 64).Select(i => i / 65535f)]),
            new FixedRemap(1), new() { Bits = 16 }));
        foreach (var name in (string[])["linear", "slc", "sixteen"])
            File.WriteAllText(At(name + ".txt"), $" {name}\n");
        using var source = Tiles.Open(folder);
        var tiles = source.Sequence(new TileOrder { IsShuffled = false }).Take(3).Select(s => s.Load())
            .ToDictionary(t => t.Key);
        Assert.All(tiles, t => Assert.Equal(t.Key, t.Value.Caption()));
        Assert.Equal(640f, tiles["linear"].Image.ToAmplitude().Pixels[^1]);
        Assert.False(tiles["linear"].IsNormalised);
        // A / (mu + 3 sigma) of 10, 20 ... 640: mean 325, deviation 10 sqrt((64² - 1) / 12).
        Assert.Equal(320 / (325 + 30 * Math.Sqrt((64 * 64 - 1) / 12.0)), tiles["linear"].ToUnitRange()[31], 1e-6);
        Assert.Equal(5f, Assert.IsType<ComplexImage>(tiles["slc"].Image).ToAmplitude().Pixels[0], 1e-6f);
        Assert.Equal(63 / 65535f, tiles["sixteen"].ToUnitRange()[63], 1e-7f);
    }

    [Fact]
    public void TheOrderIsThatOfSeedAndEpochAndGoesOnAnywhere()
    {
        Numbered(11);
        using var source = Tiles.Open(folder);
        var order = new TileOrder { Seed = 5 };
        var whole = source.Sequence(order).Take(33).ToList();
        var numbers = Numbers(whole).ToList();
        for (var epoch = 0; epoch < 3; epoch++)
            Assert.Equal(Enumerable.Range(0, 11), numbers.Skip(11 * epoch).Take(11).Order());
        Assert.NotEqual(numbers[..11], numbers[11..22]);
        Assert.NotEqual(numbers[..11], Numbers(source.Sequence(new TileOrder { Seed = 6 }).Take(11)));
        for (var stop = 0; stop < 32; stop++)
            Assert.Equal(numbers[(stop + 1)..], Numbers(source.Sequence(order, whole[stop].After).Take(32 - stop)));
    }

    /// <summary>Four ranks that take two tiles each step see what one rank sees that takes eight; also after a change
    /// of ranks.</summary>
    [Fact]
    public void RanksTogetherSeeWhatOneRankSees()
    {
        Numbered(11);
        using var source = Tiles.Open(folder);
        var one = Numbers(source.Sequence(new TileOrder()).Take(48)).Chunk(8).Select(step => step.Order().ToArray())
            .ToList();
        var ranks = Enumerable.Range(0, 4).Select(rank => source.Sequence(new TileOrder { Rank = rank, Ranks = 4 })
            .Take(12).ToList()).ToList();
        for (var step = 0; step < 6; step++)
            Assert.Equal(one[step], ranks.SelectMany(r => Numbers(r[(2 * step)..(2 * step + 2)])).Order());
        Assert.Single(ranks.Select(r => r[5].After).Distinct(), p => p.Taken == 24);
        var goesOn = source.Sequence(new TileOrder(), ranks[2][5].After);
        Assert.Equal(one[3], Numbers(goesOn.Take(8)).Order());
    }

    [Fact]
    public void BatchesAreOfOneSizeAndNoneIsLost()
    {
        for (var i = 0; i < 13; i++)
            Picture($"{i:D2}.png", i, i % 3 == 0 ? 32 : 16 + i % 2, 16);
        File.WriteAllLines(At("metadata.jsonl"), Enumerable.Range(0, 13)
            .Select(i => $$"""{"file_name": "{{i:D2}}.png", "text": "tile {{i}}"}"""));
        using var source = Tiles.Open(folder);
        using var batches = new TileBatches(source, new TileOrder { Seed = 3 }, batch: 2);
        var (taken, positions) = (new List<IReadOnlyList<Tile>>(), new List<TileBatchPosition>());
        for (var i = 0; i < 26; i++)
        {
            taken.Add(batches.Next());
            positions.Add(batches.Position);
        }
        Assert.All(taken, b => Assert.Single(b.Select(t => Tiles.CutTo(t, 8)).Select(t => (t.Rows, t.Columns))
            .Distinct()));
        // 16 and 17 rows are cut to the same whole steps of 8, but come as they are.
        Assert.Equal([16, 17, 32], taken.SelectMany(b => b).Select(t => t.Rows).Distinct().Order());
        Assert.Contains(taken, b => b.Select(t => t.Rows).Distinct().Count() == 2);
        // Four epochs: every tile comes four times, but for the few that wait or were drawn ahead.
        var counts = taken.SelectMany(b => b).GroupBy(t => t.Key).ToDictionary(g => g.Key, g => g.Count());
        Assert.Equal(13, counts.Count);
        Assert.All(counts.Values, n => Assert.InRange(n, 3, 5));
        for (var stop = 0; stop < 25; stop += 3)
        {
            var kept = System.Text.Json.JsonSerializer.Deserialize<TileBatchPosition>(
                KitJson.Serialize(positions[stop]), KitJson.Options);
            using var again = new TileBatches(source, new TileOrder { Seed = 3 }, batch: 2, kept);
            for (var i = stop + 1; i < 26; i++)
                Assert.Equal(taken[i].Select(t => t.Key), again.Next().Select(t => t.Key));
        }
    }

    [Fact]
    public void BatchesOfOtherRanksArePassedByUnread()
    {
        for (var i = 0; i < 13; i++)
            Picture($"{i:D2}.png", i, 16 + i, 16);
        var options = new TileOptions { RequireCaptions = false };
        using var source = Tiles.Open(folder, options);
        using var all = new TileBatches(source, new TileOrder { Seed = 3 }, batch: 2, step: null);
        var expected = Enumerable.Range(0, 12).Select(_ => all.Next().Select(t => t.Key).ToList()).ToList();
        // A source of its own: the first one's batches are still drawn ahead.
        using var counted = new Counted(Tiles.Open(folder, options));
        using var own = new TileBatches(counted, new TileOrder { Seed = 3 }, batch: 2, step: null,
            wanted: n => n % 3 == 1);
        for (var i = 0; i < 12; i++)
        {
            if (i % 3 == 1)
                Assert.Equal(expected[i], own.Next().Select(t => t.Key));
            else
                own.Skip();
        }
        // Four batches, and the one that may have been drawn ahead.
        Assert.InRange(counted.Loaded, 8, 10);
        Assert.Throws<InvalidOperationException>(() => own.Next());
    }

    private sealed class Counted(ITileSource source) : ITileSource
    {
        private int loaded;

        public int Loaded => loaded;

        public string Path => source.Path;

        public long? Count => source.Count;

        public TileCheck Check(Action<double>? progress, CancellationToken cancel) => source.Check(progress, cancel);

        public IEnumerable<TileStep> Sequence(TileOrder order, TilePosition? from) =>
            source.Sequence(order, from).Select(step => step with { Load = () => Load(step.Reference) });

        public Tile Load(TileReference reference)
        {
            Interlocked.Increment(ref loaded);
            return source.Load(reference);
        }

        public void Dispose() => source.Dispose();
    }

    [Fact]
    public void WhatIsWrongIsNamedBeforeTraining()
    {
        Numbered(3);
        Picture("03.png", 3, 12, 12);
        Picture("04.png", 3, 12, 12);
        File.WriteAllBytes(At("05.png"), Shards.Png(5, 16, 16)[..60]);
        File.AppendAllLines(At("metadata.jsonl"), [
            """{"file_name": "03.png", "text": "x", "satellite_file_name": "00.png"}""",
                """{"file_name": "05.png", "text": "x"}""", """{"file_name": "nowhere.png", "text": "x"}"""]);
        using var source = Tiles.Open(folder);
        Assert.Collection(source.Check().Problems,
            p => Assert.Equal($"{At("metadata.jsonl")}: tile '03': found condition 'satellite' of 16 x 16, expected "
                + $"the tile's 12 x 12 or a whole fraction of it.", p),
            p => Assert.Matches("tile '05': 05.png cannot be read: found a PNG picture of 60 bytes without an end", p),
            p => Assert.Matches("tile 'nowhere': found no file .*nowhere.png", p));
        using var batches = new TileBatches(source, new TileOrder { IsShuffled = false }, 6);
        Assert.Matches("tile '03': found condition", Assert.Throws<TileException>(() => batches.Next()).Message);
    }

    [Theory]
    [InlineData("""{"file_name": "00.png"}""", "tile '00': found no caption, expected a column 'text' or 00.txt")]
    [InlineData("""{"text": "x"}""", "line 1: found no column 'file_name'")]
    [InlineData("""{"file_name": "00.png", """, "line 1: found no JSON")]
    public void AnIndexThatIsWrongIsNamed(string line, string message)
    {
        Picture("00.png", 1);
        File.WriteAllText(At("metadata.jsonl"), line);
        Assert.Contains(message, Assert.Throws<TileException>(() => Tiles.Open(folder)).Message);
    }

    [Fact]
    public void FoldersThatHoldNoTilesAreRefused()
    {
        Assert.Contains("found no tile", Assert.Throws<TileException>(() => Tiles.Open(folder)).Message);
        Assert.Throws<FileNotFoundException>(() => Tiles.Open(At("nowhere")));
        Numbered(1);
        Assert.Contains("none of the part 'test'", Assert.Throws<TileException>(() =>
            Tiles.Open(folder, new() { Split = Split.Test })).Message);
        Assert.Contains("expected a column 'satellite_file_name'",
            Assert.Throws<TileException>(() => Tiles.Open(folder, new() { Conditions = ["satellite"] })).Message);
    }

    [Fact]
    public void PairedScenesAreTilesWithTheSatelliteAsCondition()
    {
        var scene = new PairedScene("scene", new AmplitudeImage(64, 32,
            [.. Enumerable.Range(0, 2048).Select(i => (float)i)]),
            new AmplitudeImage(16, 8, [.. Enumerable.Range(0, 128).Select(i => (float)i)]),
                [new(0, 0, 32, "upper"), new(32, 0, 32, "lower")]);
        PairedDataset.Write(folder, "numbers", "MIT", [(scene, Split.Train)]);
        using var source = Tiles.Open(folder, new() { Size = 32 });
        Assert.Equal(2, source.Count);
        Assert.Empty(source.Check().Require().Problems);
        var tile = source.Sequence(new TileOrder { IsShuffled = false }).Skip(1).First().Load();
        Assert.Equal(("scene_r32_c0", "lower", 1024f, 64f), (tile.Key, tile.Caption(),
            tile.Image.ToAmplitude().Pixels[0], tile.Condition("satellite").Pixels[0]));
        Assert.Equal((32, 8), (tile.Rows, tile.Condition("satellite").Rows));
        var part = tile.Cropped(new RasterWindow(8, 16, 16, 8));
        Assert.Equal((8 * 32 + 16 + 1024f, 2 * 8 + 4 + 64f, 4, 2),
            (part.Image.ToAmplitude().Pixels[0], part.Condition("satellite").Pixels[0],
                part.Condition("satellite").Rows, part.Condition("satellite").Columns));
        File.WriteAllText(Path.Combine(folder, "scene.satellite.tif"), "changed");
        Assert.Throws<TileException>(() => Tiles.Open(folder));
    }
}
