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
