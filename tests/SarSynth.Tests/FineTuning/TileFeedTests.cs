// What a training is told of a tile that was cut: the size that it had, and where the cut lies in it.
using SarSynth.Data;
using SarSynth.Diffusion.Training;
using SarSynth.FineTuning;
using SarSynth.Tests.Data;

namespace SarSynth.Tests.FineTuning;

public sealed class TileFeedTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-feed-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    // SDXL's size conditions (Podell et al. 2023, section 2.2) are of the image before the cut.
    [Theory]
    [InlineData(null, 16, 24, 40, 16, 32, 0, 0)]
    [InlineData(null, 64, 100, 64, 64, 64, 16, 0)]
    [InlineData(16, 16, 17, 16, 16, 16, 0, 0)]
    public void ATileThatIsCutKeepsTheSizeThatItHad(int? crop, int multiple, int rows, int columns, int cutRows,
        int cutColumns, int top, int left)
    {
        for (var i = 0; i < 3; i++)
        {
            File.WriteAllBytes(Path.Combine(folder, $"{i}.png"), Shards.Png(i + 1, rows, columns));
            File.WriteAllText(Path.Combine(folder, $"{i}.txt"), "tile");
        }
        using var source = Tiles.Open(folder);
        var recipe = new FineTuneRecipe { Base = "none", Data = folder, Strategy = [], Steps = 1, Batch = 2,
            Crop = crop };
        using var feed = new TileFeed(source, recipe, multiple);
        using var generator = new TorchSharp.torch.Generator(1);
        var batch = feed.Batch(new TrainingStep(0, 0, generator, 0), default);
        Assert.All(batch, t => Assert.Equal((rows, columns), (t.Rows, t.Columns)));
        Assert.All(batch, t => Assert.Equal((cutRows, cutColumns), (t.Tile.Rows, t.Tile.Columns)));
        Assert.All(batch, t => Assert.Equal((top, left), (t.Top, t.Left)));
    }
}
