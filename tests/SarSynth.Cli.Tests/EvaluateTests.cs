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
        Assert.Equal(["floor", "Lee x speckle", "bicubic x speckle", "sarsynth-mini", "sarsynth-small"],
            JsonNode.Parse(json)!["candidates"]!.AsArray().Select(c => (string)c!));
    }

    [Fact]
    public void TwoFoldersOfOneNameAreJudgedPairByPair()
    {
        Tiles("real", 5, 1);
        Tiles("made", 5, 1, gain: Math.Pow(10, 0.05), seed: 100);
        Tiles("seen", 5, 4, seed: 200);
        var table = Json("evaluate", "--real", "real", "--generated", "made", "--condition", "seen", "--json");
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
        var table = Json("evaluate", "--real", "real", "--generated", "made", "--json");
        Assert.InRange(Value(table, "kl"), 0, 0.02);
        Assert.InRange(Value(table, "ks"), 0, 0.03);
        Assert.DoesNotContain(table["rows"]!.AsArray(), r => (string?)r!["id"] == "multilook-16");
        // Two files are a pair whatever they are called.
        var pair = Json("evaluate", "--real", "real/tile-0.tif", "--generated", "made/other-0.tif", "--json");
        Assert.InRange(Value(pair, "multilook-32"), 0, 1);
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

    private static double Value(JsonNode table, string id) =>
        (double)table["rows"]!.AsArray().Single(r => (string?)r!["id"] == id)!["cells"]![0]!["value"]!;

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
