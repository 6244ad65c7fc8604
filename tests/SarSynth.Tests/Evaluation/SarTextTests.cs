using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Evaluation;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Tests.Evaluation;

[Collection("engine")]
public sealed class SarTextTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-text-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void RetrievalCountsCaptionsThatAreNearer()
    {
        // Image 0 finds its own first, image 1 second, image 2 third, image 3 ties with another, which is no success.
        var cosines = new[,]
        {
            { 0.9, 0.1, 0.2 }, { 0.5, 0.4, 0.1 }, { 0.3, 0.2, 0.1 }, { 0.6, 0.6, 0.0 },
        };
        var found = SarTextModel.Rank(cosines, [0, 1, 2, 1]);
        Assert.Equal((4, 3), (found.Images, found.Captions));
        Assert.Equal(0.25, found.At1);
        Assert.Equal(1, found.At5);
        Assert.Equal(100 * (0.9 + 0.4 + 0.1 + 0.6) / 4, found.Score, 9);
        Assert.Equal(100 * (0.15 + 0.3 + 0.25 + 0.3) / 4, found.OtherScore, 9);
    }

    [Fact]
    public void TrainingTellsHeldOutTilesApart()
    {
        WriteTiles();
        var whole = Path.Combine(folder, "whole");
        // Untrained, an image finds its caption about as often as chance does, one time of six.
        var before = SarText.Train(Recipe(1), Path.Combine(folder, "untrained"));
        var after = SarText.Train(Recipe(150), whole);
        Assert.Equal(6, after.Captions);
        Assert.True(before.At1 < 0.5, $"{before.At1}");
        Assert.True(after.At1 > 0.8, $"{after.At1}");
        Assert.True(after.Score > after.OtherScore + 20, $"{after.Score}, {after.OtherScore}");

        using var model = SarTextModel.Load(whole);
        var held = CaptionedTiles.Read(Path.Combine(folder, "tiles"), Split.Validation)!;
        Assert.Equal(after, model.Retrieve(held.Images, held.Texts));
        Assert.Equal(after.Score, model.Score(held.Images, held.Texts), 4);
        // Images of another size are resampled; amplitudes that were not normalised are refused.
        model.Score([new AmplitudeImage(32, 32, new float[32 * 32])], ["a lake"]);
        var error = Assert.Throws<ArgumentException>(() => model.Score([new(16, 16, [.. new float[255], 7f])], ["x"]));
        Assert.Contains("expected a square of amplitudes from 0 to 1", error.Message);
    }

    /// <summary>The table's rows by words are what the model itself says of the images and their captions.</summary>
    [Fact]
    public void TheTableSaysWhatTheModelSays()
    {
        WriteTiles();
        SarText.Train(Recipe(60), Path.Combine(folder, "whole"));
        using var model = SarTextModel.Load(Path.Combine(folder, "whole"));
        var tiles = CaptionedTiles.Read(Path.Combine(folder, "tiles"), Split.Validation)!;
        // Four times as large: the model's means over areas give the tiles back.
        var held = tiles with { Images = [.. tiles.Images.Select(Larger)] };
        TruthScene[] scenes = [.. held.Images.Select((image, i) => new TruthScene($"tile {i}", image)
        {
            Caption = held.Texts[i],
        })];
        var turned = held.Images.Skip(1).Append(held.Images[0]).ToArray();
        var table = TranslationTable.Of(scenes, [new("true", held.Images), new("turned", turned)], resamples: 10,
            words: model);
        var white = (float)new SarSynth.Radar.Radiometry.NormalisationFit().Add(
            held.Images.SelectMany(i => i.Pixels).ToArray()).Clipped().Ceiling;
        Same("true", held.Images);
        Same("turned", turned);
        Assert.Equal(0, table["words-frechet", "true"].Value!.Value, 1e-6);
        // Unit features: their products over the length are the cosines, which are tested against transformers.
        var features = model.Features(tiles.Images);
        Assert.All(features, v => Assert.Equal(1, v.Average(x => x * x), 1e-9));
        // Unpaired, images have captions of their own.
        var heaps = TranslationTable.Unpaired(new("truth", held.Images) { Captions = [.. held.Texts] },
            [new("made", turned[..5]) { Captions = [.. held.Texts.Take(5)] }], resamples: 10, words: model);
        Assert.Equal(model.Score([.. turned.Take(5).Select(White)], [.. held.Texts.Take(5)]),
            heaps["words-alignment", "made"].Value!.Value, 1e-4);
        Assert.DoesNotContain(TranslationTable.Of([.. scenes.Select(s => s with { Caption = null })],
            [new("true", held.Images)], resamples: 5, words: model).Rows, r => r.Id is "retrieval-1");

        void Same(string name, IReadOnlyList<AmplitudeImage> images)
        {
            var said = model.Retrieve([.. images.Select(White)], held.Texts);
            Assert.Equal(said.Score, table["words-alignment", name].Value!.Value, 1e-4);
            Assert.Equal(100 * said.At1, table["retrieval-1", name].Value!.Value, 1e-9);
            Assert.Equal(100 * said.At5, table["retrieval-5", name].Value!.Value, 1e-9);
        }

        static AmplitudeImage Larger(AmplitudeImage image) => new(4 * image.Rows, 4 * image.Columns,
            [.. Enumerable.Range(0, 16 * image.Pixels.Length).Select(i =>
                image.Pixels[i / (4 * image.Columns) / 4 * image.Columns + i % (4 * image.Columns) / 4])]);

        AmplitudeImage White(AmplitudeImage image) => new(image.Rows, image.Columns,
            Array.ConvertAll(image.Pixels, a => Math.Clamp(a / white, 0, 1)));
    }

    [Fact]
    public void ATrainingThatWasStoppedGoesOnToTheSameWeights()
    {
        WriteTiles();
        var (whole, stopped) = (Path.Combine(folder, "whole"), Path.Combine(folder, "stopped"));
        var expected = SarText.Train(Recipe(12), whole);
        using var cancel = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => SarText.Train(Recipe(12), stopped, step =>
        {
            if (step.Step == 7)
                cancel.Cancel();
        }, cancel.Token));
        Assert.Equal(expected, SarText.Train(Recipe(12), stopped));
        Assert.Equal(File.ReadAllBytes(Path.Combine(whole, "model.safetensors")),
            File.ReadAllBytes(Path.Combine(stopped, "model.safetensors")));
    }

    [Fact]
    public void WhatCannotBeIsNamed()
    {
        var error = Assert.Throws<ArgumentException>(() => SarText.Train(Recipe(1) with { Batch = 1 }, folder));
        Assert.Contains("'batch': found 1, expected 2 or more", error.Message);
        Assert.ThrowsAny<IOException>(() => SarText.Train(Recipe(1), folder));
    }

    // Six kinds of ground that differ in brightness and in the direction of their stripes, with speckle.
    private void WriteTiles()
    {
        const int side = 16;
        string[] words = ["a lake", "a field", "a forest", "a road along", "a road across", "a city"];
        var random = new Random(11);
        foreach (var (part, count) in new[] { ("train", 60), ("validation", 24) })
        {
            var at = Directory.CreateDirectory(Path.Combine(folder, "tiles", part)).FullName;
            var lines = new List<string>();
            for (var i = 0; i < count; i++)
            {
                var kind = i % words.Length;
                float Level(int row, int column) => kind switch
                {
                    0 => 0.05f, 1 => 0.2f, 2 => 0.4f, 3 => row % 8 < 4 ? 0.1f : 0.5f,
                    4 => column % 8 < 4 ? 0.1f : 0.5f, _ => 0.8f,
                };
                var pixels = Enumerable.Range(0, side * side).Select(p => Math.Min(1,
                    Level(p / side, p % side) * (float)Math.Sqrt(-Math.Log(1 - random.NextDouble())))).ToArray();
                GeoTiff.Write(new AmplitudeImage(side, side, pixels), Path.Combine(at, $"{i}.tif"));
                lines.Add(JsonSerializer.Serialize(new
                {
                    file_name = $"{i}.tif", text = new[] { words[kind], "this is " + words[kind] }, ceiling = 1.0,
                }));
            }
            File.WriteAllLines(Path.Combine(at, "metadata.jsonl"), lines);
        }
    }

    private SarTextRecipe Recipe(int steps) => new()
    {
        Tiles = Path.Combine(folder, "tiles"), Steps = steps, Batch = 6, LearningRate = 2e-3, Warmup = 5,
        CheckpointEvery = 50, Vocabulary = 540, Device = "cpu",
        Clip = (JsonObject)JsonNode.Parse("""
            {"projection_dim": 16,
             "text_config": {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
                             "num_attention_heads": 2, "max_position_embeddings": 16, "projection_dim": 16},
             "vision_config": {"hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2,
                               "num_attention_heads": 2, "num_channels": 1, "image_size": 16, "patch_size": 4}}
            """)!,
    };
}
