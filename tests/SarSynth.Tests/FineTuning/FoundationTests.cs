using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Diffusion.Pipelines;
using SarSynth.FineTuning;
using SarSynth.Tests.Support;

namespace SarSynth.Tests.FineTuning;

[Collection("engine")]
public sealed class FoundationTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-foundation-").FullName;

    private static readonly FoundationRecipe tiny = Tiny(KitJson.Read<FoundationRecipe>(
        Path.Combine(TestData.Root, "data-manifests", "recipes", "foundation.json")));

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void ATrainingThatWasStoppedGoesOnToTheSameWeightsAndOpensAsSdxlDoes()
    {
        var (whole, stopped) = (Path.Combine(folder, "whole"), Path.Combine(folder, "stopped"));
        FineTune.Run(tiny, whole, _ => { });
        foreach (var stage in new[] { "autoencoder", "denoiser" })
        {
            using var cancel = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => FineTune.Run(tiny, stopped, p =>
            {
                if (p.Stage == stage && p.Step == 2)
                    cancel.Cancel();
            }, cancel.Token));
        }
        // What the last look left can be used while the training stands.
        using (var snapshot = LatentDiffusion.Load(Path.Combine(stopped, "training", "snapshot")))
            Assert.NotNull(snapshot.Prompts.Encoder2);
        FineTune.Run(tiny, stopped, _ => { });
        var weights = Directory.GetFiles(whole, "*.safetensors", SearchOption.AllDirectories);
        Assert.Equal(4, weights.Length);
        foreach (var file in weights)
            Assert.Equal(File.ReadAllBytes(file),
                File.ReadAllBytes(Path.Combine(stopped, Path.GetRelativePath(whole, file))));
        // A line is the mean since the one before or since the run went on; which lines there are is the same.
        static IEnumerable<string> Steps(string model) => File.ReadAllLines(Path.Combine(model, "losses.csv"))
            .Select(l => l[..l.LastIndexOf(',')]);
        Assert.Equal(["autoencoder,4", "denoiser validation,2", "denoiser,4", "denoiser validation,4"], Steps(whole));
        Assert.Equal(Steps(whole), Steps(stopped));

        Assert.Equal("StableDiffusionXLPipeline",
            (string)JsonNode.Parse(File.ReadAllText(Path.Combine(whole, "model_index.json")))!["_class_name"]!);
        Assert.Contains("trained from nothing", File.ReadAllText(Path.Combine(whole, "README.md")));
        using var model = LatentDiffusion.Load(whole, new(Type: TorchSharp.torch.ScalarType.Float32));
        Assert.Equal("text_time", model.Unet.Config.AdditionEmbedType);
        using var image = model.Generate(new() { Text = "a photo of water", Steps = 2, Height = 32, Width = 32 });
        Assert.Equal([1, 3, 32, 32], image.shape);
    }

    [Fact]
    public void RendersAndTheirWordsHaveNoRadarInThem()
    {
        var data = tiny.Data with { Scenes = 2, Validation = 0 };
        var scenes = GenericRenders.Generate(data).ToList();
        Assert.Equal(scenes[1].Pixels, GenericRenders.Generate(data).Last().Pixels);
        var texts = scenes.SelectMany(s => s.Squares).SelectMany(s => s.Texts).ToList();
        // Squares of 32 and of 64 in a picture of 64, two phrasings each, two pictures.
        Assert.Equal((9 + 1) * 2 * 2, texts.Count);
        Assert.All(texts, t =>
            Assert.Contains(GenericRenders.Openings, o => t.StartsWith(o, StringComparison.Ordinal)));
        Assert.All(texts, t => Assert.DoesNotContain("radar", t, StringComparison.OrdinalIgnoreCase));
        var error = Assert.Throws<ArgumentException>(
            () => GenericRenders.Generate(data with { CaptionSizes = [128] }));
        Assert.Contains("'data.captionSizes': found 128, expected one or more from 8 to 64", error.Message);
    }

    [Fact]
    public void TilesSayWhereTheyWereCutOutOfWhatTheCaptionNames()
    {
        var scenes = GenericRenders.Generate(tiny.Data with { Scenes = 2, Validation = 0 }).ToList();
        var tiles = new RenderTiles(scenes, 1, 32, 4);
        var batch = tiles.Batch(0, 64);
        var sizes = tiles.Sizes(batch).Chunk(6).ToList();
        foreach (var (tile, size) in batch.Zip(sizes))
        {
            Assert.Equal(tile.Square.Row + size[2], tile.Row);
            Assert.Equal(tile.Square.Column + size[3], tile.Column);
            Assert.Equal([tile.Square.Size, tile.Square.Size, size[2], size[3], 32f, 32f], size);
            Assert.True(size[2] + 32 <= size[0] && size[3] + 32 <= size[1]);
            Assert.Contains(tile.Caption, tile.Square.Texts);
        }
        // Whole squares and cuts out of larger ones, about as often.
        Assert.InRange(batch.Count(t => t.Square.Size == 32), 16, 48);
        Assert.Equal(batch, tiles.Batch(0, 64));
        var error = Assert.Throws<ArgumentException>(() => new RenderTiles(scenes, 1, 128, 4));
        Assert.Contains("tile size 128: expected at most 64", error.Message);
    }

    private static FoundationRecipe Tiny(FoundationRecipe recipe)
    {
        static StageRecipe Stage(StageRecipe s) =>
            s with { Steps = 4, Batch = 2, Tile = 32, Warmup = 1, CheckpointEvery = 1 };
        static JsonObject Narrow(JsonObject config, int levels)
        {
            var narrow = (JsonObject)config.DeepClone();
            narrow["block_out_channels"] = new JsonArray([.. Enumerable.Repeat(16, levels).Select(c => (JsonNode)c)]);
            narrow["norm_num_groups"] = 8;
            if (narrow.ContainsKey("attention_head_dim"))
                narrow["attention_head_dim"] = 2;
            return narrow;
        }
        return recipe with
        {
            Name = "tiny", Vocabulary = 560, Vae = Narrow(recipe.Vae, 3), Unet = Narrow(recipe.Unet, 3),
            Data = new() { Scenes = 3, Validation = 1, Size = 64, CaptionSizes = [32, 64], Phrasings = 2, Seed = 9 },
            Autoencoder = Stage(recipe.Autoencoder), Denoiser = Stage(recipe.Denoiser),
            Validation = new() { Every = 2, Tiles = 2, Prompts = ["a photo of water"], Steps = 2 },
        };
    }
}
