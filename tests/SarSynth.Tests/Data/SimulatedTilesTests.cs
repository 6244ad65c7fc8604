using SarSynth.Data;

namespace SarSynth.Tests.Data;

public sealed class SimulatedTilesTests : IDisposable
{
    private static readonly SimulatedTilesRecipe recipe =
        new() { Train = 2, Validation = 1, Test = 1, Size = 64, Tile = 32, Phrasings = 2, Seed = 77 };

    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-tiles-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void NoSceneIsInTwoPartsAndEveryTileHasItsWords()
    {
        var tiles = Path.Combine(folder, "tiles");
        SimulatedTiles.Write(recipe, tiles);
        var scenes = new Dictionary<Split, HashSet<string>>();
        foreach (var (part, count) in new[] { (Split.Train, 8), (Split.Validation, 4), (Split.Test, 4) })
        {
            using var source = Tiles.Open(tiles, new TileOptions { Split = part });
            Assert.Equal(count, source.Count);
            Assert.Empty(source.Check().Problems);
            var all = source.Sequence(new TileOrder { IsShuffled = false }).Take(count).Select(s => s.Load()).ToList();
            scenes[part] = [.. all.Select(t => t.Place!.Scene)];
            Assert.All(all, t => Assert.Equal(2, t.Captions.Count));
            Assert.All(all, t => Assert.Matches("radar|SAR", t.Caption()));
            Assert.All(all, t => Assert.All(t.ToUnitRange(), p => Assert.InRange(p, 0, 1)));
            // A / (mu + 3 sigma) of the scene: its mean is far from both ends.
            Assert.InRange(all.SelectMany(t => t.ToUnitRange()).Average(), 0.02, 0.6);
        }
        Assert.Empty(scenes[Split.Train].Intersect(scenes[Split.Validation].Union(scenes[Split.Test])));
        Assert.Equal(2, scenes[Split.Train].Count);
    }

    [Fact]
    public void TilesThatAreThereStayAndOthersAreRefused()
    {
        var tiles = Path.Combine(folder, "tiles");
        using (var cancel = new CancellationTokenSource())
        {
            cancel.Cancel();
            Assert.Throws<OperationCanceledException>(() => SimulatedTiles.Write(recipe, tiles, cancel.Token));
        }
        Assert.False(Directory.Exists(tiles));
        SimulatedTiles.Write(recipe, tiles);
        var first = Directory.GetFiles(Path.Combine(tiles, "train"), "*.tif").Order().First();
        var (bytes, written) = (File.ReadAllBytes(first), File.GetLastWriteTimeUtc(first));
        SimulatedTiles.Write(recipe, tiles);
        Assert.Equal(written, File.GetLastWriteTimeUtc(first));
        var error = Assert.Throws<IOException>(() => SimulatedTiles.Write(recipe with { Tile = 16 }, tiles));
        Assert.Contains("holds something else than the tiles of this recipe", error.Message);
        SimulatedTiles.Write(recipe, Path.Combine(folder, "again"));
        Assert.Equal(bytes, File.ReadAllBytes(first.Replace(tiles, Path.Combine(folder, "again"))));
        var wrong = Assert.Throws<ArgumentException>(() => SimulatedTiles.Write(recipe with { Tile = 128 }, folder));
        Assert.Contains("'data.tile': found 128, expected 8 to 64", wrong.Message);
    }
}
