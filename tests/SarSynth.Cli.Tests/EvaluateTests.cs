// sarsynth evaluate as a shell sees it: folders that are pairs, heaps, files, and what is wrong with them.
using System.Text.Json.Nodes;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Cli.Tests;

public sealed class EvaluateTests : Shell
{
    [Fact]
    public void ModelsThatTranslateAreJudgedUnlessOthersAreNamed()
    {
        var (json, _) = Good("evaluate", "--scenes", "1", "--size", "64", "--seeds", "1", "--steps", "2", "--json",
            "--threads", "1");
        Assert.Equal(["floor", "Lee x speckle", "bicubic x speckle", "sarsynth-mini", "sarsynth-mini, no residual",
            "sarsynth-small"],
            JsonNode.Parse(json)!["candidates"]!.AsArray().Select(c => (string)c!));
    }

    [Fact]
    public void WhatEachPartOfAModelBringsIsShownWhereAskedFor()
    {
        var (json, _) = Good("evaluate", "--scenes", "1", "--size", "64", "--seeds", "1", "--steps", "2", "--json",
            "--models", "sarsynth-mini", "--parts", "--no-resnet18", "--threads", "1");
        var table = JsonNode.Parse(json)!;
        Assert.Equal(["floor", "Lee x speckle", "bicubic x speckle", "sarsynth-mini", "sarsynth-mini, no residual",
            "sarsynth-mini, mean alone", "sarsynth-mini, consistent", "sarsynth-mini, power free"],
            table["candidates"]!.AsArray().Select(c => (string)c!));
        var kl = Enumerable.Range(3, 5).Select(i => (double)Cell(table, "kl", i)["value"]!);
        Assert.Equal(5, kl.Distinct().Count());
    }

    [Fact]
    public void TwoFoldersOfOneNameAreJudgedPairByPair()
    {
        Tiles("real", 5, 1);
        Tiles("made", 5, 1, gain: Math.Pow(10, 0.05), seed: 100);
        Tiles("seen", 5, 4, seed: 200);
        var table = Json("evaluate", "--real", "real", "--generated", "made", "--condition", "seen", "--no-resnet18",
            "--json");
        Assert.Equal("real", (string?)table["truth"]);
        Assert.Equal(Enumerable.Range(0, 5).Select(i => $"tile-{i}"),
            table["scenes"]!.AsArray().Select(s => (string?)s));
        // Amplitudes are 10^(1/20) times as high: one decibel.
        Assert.Equal(1, Value(table, "power-all"), 0.1);
        Assert.InRange(Value(table, "multilook-16"), 0.95, 1.3);
        Assert.True(Value(table, "seen-again") > 0.9);
        Assert.Equal(0, Value(table, "missing"));
        Assert.DoesNotContain(table["rows"]!.AsArray(), r => (string?)r!["group"] == "flat ground");
    }

    [Fact]
    public void OtherNamesMakeTwoHeaps()
    {
        Tiles("real", 3, 1);
        Tiles("made", 2, 1, seed: 50, name: "other");
        var (json, told) = Good("evaluate", "--real", "real", "--generated", "made", "--condition", "real",
            "--no-resnet18", "--json");
        Assert.Contains("two heaps are judged", told);
        Assert.Contains("--condition: needs pairs", told);
        var table = JsonNode.Parse(json)!;
        Assert.InRange(Value(table, "kl"), 0, 0.02);
        Assert.InRange(Value(table, "ks"), 0, 0.03);
        Assert.DoesNotContain(table["rows"]!.AsArray(), r => (string?)r!["id"] == "multilook-16");
        // Two files are a pair whatever they are called.
        var pair = Json("evaluate", "--real", "real/tile-0.tif", "--generated", "made/other-0.tif", "--no-resnet18",
            "--json");
        Assert.InRange(Value(pair, "multilook-32"), 0, 1);
    }

    /// <summary>What translate writes is judged as it lies there: a raster, and a picture of it beside it.</summary>
    [Fact]
    public void APictureBesideItsRasterIsNoImageOfItsOwn()
    {
        Tiles("real", 3, 1);
        Tiles("made", 3, 1, seed: 50);
        var without = Json("evaluate", "--real", "real", "--generated", "made", "--no-resnet18", "--json");
        for (var i = 0; i < 3; i++)
            QuickLook.Write(new AmplitudeImage(96, 96, [.. Enumerable.Repeat(9f, 96 * 96)]), In($"made/tile-{i}.png"));
        var with = Json("evaluate", "--real", "real", "--generated", "made", "--no-resnet18", "--json");
        Assert.Equal(without["rows"]!.ToJsonString(), with["rows"]!.ToJsonString());
        File.Copy(In("made/tile-0.tif"), In("made/tile-0.tiff"));
        var (code, _, error) = Run("evaluate", "--real", "real", "--generated", "made", "--no-resnet18");
        Assert.Equal(Failures.BadInput, code);
        Assert.Contains("found two images 'tile-0' (tile-0.tif, tile-0.tiff), expected one of a name", error);
    }

    [Fact]
    public void FewImagesHaveTheFloorOfTheirHalves()
    {
        Tiles("real", 8, 1);
        Tiles("made", 8, 1, gain: 2, seed: 100);
        var table = Json("evaluate", "--real", "real", "--generated", "made", "--no-resnet18", "--json");
        Assert.Equal(["made", "true halves"], table["candidates"]!.AsArray().Select(c => (string?)c));
        Assert.Equal("true halves", (string?)table["baseline"]);
        Assert.Equal("worse", Cell(table, "kl", 0)["verdict"]!.ToString(), ignoreCase: true);
        Assert.InRange((double)Cell(table, "kl", 1)["value"]!, 0, 0.02);
        Assert.Null(Cell(table, "multilook-8", 1)["value"]);
        Assert.DoesNotContain(table["rows"]!.AsArray(), r => (string?)r!["group"] == "ResNet-18 features");
    }

    /// <summary>What is learnt from images whose classes look alike is of no use on true ones.</summary>
    [Fact]
    public void ClassMapsTellOfWhatUseImagesAre()
    {
        const int side = 96;
        for (var i = 0; i < 4; i++)
        {
            byte[] classes = [.. Enumerable.Range(0, side * side).Select(p => (byte)(p % side < 40 + 4 * i ? 0 : 1))];
            Write("classes", i, Array.ConvertAll(classes, c => (float)c));
            Write("real", i, Speckle(i, classes, 4));
            Write("good", i, Speckle(50 + i, classes, 4));
            Write("flat", i, Speckle(70 + i, classes, 1));
        }
        var good = Json("evaluate", "--real", "real", "--generated", "good", "--classes", "classes", "--no-resnet18",
            "--json");
        Assert.InRange(Value(good, "use-segment-train"), 0.9, 1.1);
        Assert.InRange(Value(good, "use-classify-test"), 0.8, 1.25);
        var flat = Json("evaluate", "--real", "real", "--generated", "flat", "--classes", "classes", "--no-resnet18",
            "--json");
        Assert.InRange(Value(flat, "use-segment-train"), 0, 0.8);
        Assert.InRange(Value(flat, "use-segment-test"), 0, 0.8);
        Write("wrong", 0, new float[side * side / 4]);
        Write("wrong", 1, [.. Enumerable.Repeat(300f, side * side)]);
        File.Move(In("wrong/tile-1.tif"), In("wrong.tif"));
        Assert.Contains("found a pixel of 300, expected classes 0 to 63", Run("evaluate", "--real", "real/tile-0.tif",
            "--generated", "good/tile-0.tif", "--classes", "wrong.tif").Error);
        Assert.Contains("a class for each pixel of the true image", Run("evaluate", "--real", "real/tile-0.tif",
            "--generated", "good/tile-0.tif", "--classes", "wrong/tile-0.tif").Error);

        float[] Speckle(int seed, byte[] classes, float ratio)
        {
            var random = new Random(seed);
            return Array.ConvertAll(classes, c => (float)Math.Sqrt(-Math.Log(1 - random.NextDouble())
                * (c == 0 ? 1 : ratio)));
        }

        void Write(string folder, int i, float[] pixels)
        {
            Directory.CreateDirectory(In(folder));
            var own = (int)Math.Sqrt(pixels.Length);
            GeoTiff.Write(new AmplitudeImage(own, own, pixels), In($"{folder}/tile-{i}.tif"));
        }
    }

    [Fact]
    public void ShardsAreReadAsFoldersAre()
    {
        Tiles("real", 5, 1);
        Tiles("made", 5, 1, seed: 100);
        foreach (var folder in new[] { "real", "made" })
        {
            Directory.CreateDirectory(In($"{folder}-shards"));
            System.Formats.Tar.TarFile.CreateFromDirectory(In(folder), In($"{folder}-shards/shard-00000.tar"), false);
        }
        var files = Json("evaluate", "--real", "real", "--generated", "made", "--no-resnet18", "--json");
        var shards = Json("evaluate", "--real", "real-shards", "--generated", "made-shards/shard-00000.tar",
            "--no-resnet18", "--json");
        Assert.Equal(files["scenes"]!.ToJsonString(), shards["scenes"]!.ToJsonString());
        foreach (var id in new[] { "kl", "multilook-8", "glcm", "frechet" })
            Assert.Equal(Value(files, id), Value(shards, id), 1e-6);
    }

    [Theory]
    [InlineData("found one of --real and --generated, expected both or none", "--real", "real")]
    [InlineData("empty: found no image", "--real", "empty", "--generated", "real")]
    [InlineData("nowhere: does not exist", "--real", "real", "--generated", "nowhere")]
    [InlineData("found 64 x 64, expected 96 x 96", "--real", "real", "--generated", "small")]
    [InlineData("over one whole number", "--real", "real", "--generated", "real", "--condition", "small")]
    public void WhatDoesNotFitIsSaidInOneLine(string words, params string[] arguments)
    {
        Tiles("real", 1, 1);
        Tiles("small", 1, 1, side: 64);
        Directory.CreateDirectory(In("empty"));
        var (code, _, error) = Run(["evaluate", .. arguments]);
        Assert.Equal(Failures.BadInput, code);
        Assert.Contains(words, error);
        Assert.Single(error.TrimEnd().Split('\n'), l => l.StartsWith("sarsynth:", StringComparison.Ordinal));
    }

    private JsonNode Json(params string[] arguments) => JsonNode.Parse(Good(arguments).Out)!;

    private static double Value(JsonNode table, string id) => (double)Cell(table, id, 0)["value"]!;

    private static JsonNode Cell(JsonNode table, string id, int candidate) =>
        table["rows"]!.AsArray().Single(r => (string?)r!["id"] == id)!["cells"]![candidate]!;

    // Single-look speckle over ground of intensity 1.
    private void Tiles(string folder, int count, int looks, double gain = 1, int seed = 1, string name = "tile",
        int side = 96)
    {
        for (var i = 0; i < count; i++)
        {
            var (random, own) = (new Random(seed + i), side / looks);
            var pixels = new float[own * own];
            for (var k = 0; k < pixels.Length; k++)
                pixels[k] = (float)(gain * Math.Sqrt(Enumerable.Range(0, looks * looks)
                    .Average(_ => -Math.Log(1 - random.NextDouble()))));
            Directory.CreateDirectory(In(folder));
            GeoTiff.Write(new AmplitudeImage(own, own, pixels), In($"{folder}/{name}-{i}.tif"));
        }
    }
}
