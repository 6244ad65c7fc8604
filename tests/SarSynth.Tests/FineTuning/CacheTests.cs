using SarSynth.Data;
using SarSynth.Diffusion.Training;
using SarSynth.FineTuning;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Tests.FineTuning;

[Collection("engine")]
public sealed class CacheTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-cache-").FullName;
    private readonly FineTuneRecipe recipe;

    public CacheTests() => recipe = new FineTuneRecipe
    {
        Base = TinyBase.Write(At("base")), Data = TinyBase.WriteTiles(At("tiles")), Steps = 6, Batch = 2,
        Strategy = [Lora.Unet(4, 1e-3)], Schedule = new(LrShape.Constant), CheckpointEvery = 100,
        Validation = new ValidationRecipe { Every = 3, Tiles = 2, Prompts = [] }, Device = "cpu",
    };

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string At(params string[] path) => Path.Combine([folder, .. path]);

    private string[] Cached => Directory.GetFiles(At("cache"), "*.safetensors", SearchOption.AllDirectories);

    private (string[] Losses, FineTuneResult Result) Run(FineTuneRecipe with, string name)
    {
        var remarks = new List<string>();
        var result = FineTune.Run(with, At(name), onRemark: remarks.Add);
        Assert.Equal(remarks, result.Remarks);
        return (File.ReadAllLines(At(name, "training", "log.jsonl")), result);
    }

    [Fact]
    public void ACachedRunHasTheSameLossesAndMakesEachResultOnce()
    {
        var (plain, _) = Run(recipe, "plain");
        var cached = recipe with { Cache = At("cache") };
        var (first, made) = Run(cached, "first");
        Assert.Equal(plain, first);
        // Six tiles and two of validation; two captions and the empty one, if a step drew it.
        Assert.InRange(Cached.Length, 10, 11);
        Assert.Contains($"{Cached.Length} made", made.Remarks.Single());
        var (second, read) = Run(cached, "second");
        Assert.Equal(plain, second);
        Assert.Contains(" 0 made", read.Remarks.Single());
    }

    [Fact]
    public void ADamagedFileIsMadeAnew()
    {
        var cached = recipe with { Cache = At("cache") };
        var (plain, _) = Run(cached, "first");
        var files = Cached.Order().ToArray();
        // A bit of the values, a file cut short, an empty file.
        var bytes = File.ReadAllBytes(files[0]);
        var whole = bytes.ToArray();
        bytes[^5] ^= 1;
        File.WriteAllBytes(files[0], bytes);
        File.WriteAllBytes(files[1], File.ReadAllBytes(files[1])[..^40]);
        File.WriteAllBytes(files[2], []);
        var (again, result) = Run(cached, "second");
        Assert.Equal(plain, again);
        Assert.Equal(3, result.Remarks.Count(r => r.Contains("it is made anew")));
        Assert.Contains(result.Remarks, r => r.Contains("checksum") && r.Contains(files[0]));
        Assert.Contains(" 3 made", result.Remarks[^1]);
        Assert.Equal(whole, File.ReadAllBytes(files[0]));
    }

    [Fact]
    public void OtherWeightsOrOtherPixelsAreNotTakenForTheSame()
    {
        Run(recipe with { Cache = At("cache") }, "first");
        var count = Cached.Length;
        // The autoencoder is trained first: its latents are others, the embeddings are not.
        var (_, moved) = Run(recipe with
        {
            Cache = At("cache"), Strategy = [Vae.Full(1e-3) with { Steps = 2 }, .. recipe.Strategy],
        }, "moved");
        Assert.InRange(Cached.Length - count, 8, 9);
        count = Cached.Length;
        // Its decoder alone: the latents are the same.
        Run(recipe with
        {
            Cache = At("cache"), Strategy = [Vae.Decoder(1e-3) with { Steps = 2 }, .. recipe.Strategy],
        }, "decoder");
        Assert.Equal(count, Cached.Length);
        // Cut to other sizes: other latents.
        Run(recipe with { Cache = At("cache"), Bucket = 8, Data = TinyBase.WriteTiles(At("small"), size: 28) }, "cut");
        Assert.InRange(Cached.Length - count, 8, 9);
    }

    [Fact]
    public void WhatChangesInEachStepIsNotKept()
    {
        var (plain, _) = Run(recipe with { Crop = 16, Strategy = Strategies.Best }, "plain");
        var (losses, result) = Run(recipe with { Crop = 16, Strategy = Strategies.Best, Cache = At("cache") },
            "cached");
        Assert.Equal(plain, losses);
        // The validation tiles are cut at one place.
        Assert.Equal(2, Cached.Length);
        Assert.Contains("cut at random", result.Remarks.Single());
        Assert.Contains("captions are encoded anew", result.Remarks.Single());
    }

    [Fact]
    public void AFullDiskEndsTheKeepingAndNotTheTraining()
    {
        // A file in the place of the folder: nothing can be written below it.
        File.WriteAllText(At("cache"), "");
        var (_, result) = Run(recipe with { Cache = At("cache") }, "out");
        Assert.Equal(2, result.Remarks.Count(r => r.Contains("no further results are kept")));
    }

    [Fact]
    public void TilesOfNearlyOneSizeComeTogetherInABucket()
    {
        // What the networks need, multiples of 4, leaves three sizes of them.
        Directory.CreateDirectory(At("wide"));
        foreach (var (rows, columns) in new[] { (33, 44), (36, 38), (38, 45) })
        {
            GeoTiff.Write(new AmplitudeImage(rows, columns, [.. Enumerable.Repeat(1f, rows * columns)]),
                At("wide", $"{rows}.tif"));
            File.WriteAllText(At("wide", $"{rows}.txt"), "a field");
        }
        using var source = Tiles.Open(At("wide"));
        IReadOnlyList<CutTile> Batch(int? bucket, int size)
        {
            using var feed = new TileFeed(source, recipe with { Batch = size, Bucket = bucket }, 4);
            using var generator = SarSynth.Diffusion.Samplers.Seeded.Generator(1);
            return feed.Batch(new TrainingStep(0, 0, generator, 0), default);
        }
        Assert.Equal(3, Batch(16, 3).Select(t => t.Tile.Key).Distinct().Count());
        Assert.All(Batch(16, 3), t => Assert.Equal((32, 32), (t.Tile.Rows, t.Tile.Columns)));
        Assert.Single(Batch(null, 3).Select(t => t.Tile.Key).Distinct());
        Assert.Contains("'bucket': found 18", Assert.Throws<ArgumentException>(
            () => FineTune.Run(recipe with { Bucket = 18 }, At("out"))).Message);
        Assert.Contains("'bucket'", Assert.Throws<ArgumentException>(
            () => FineTune.Run(recipe with { Bucket = 16, Crop = 16 }, At("out"))).Message);
    }
}
