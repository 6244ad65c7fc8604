using System.Text.Json.Nodes;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Cli.Tests;

/// <summary>Data of one's own, from a raster to captioned tiles, as a shell sees it.</summary>
public sealed class DataTileTests : Shell
{
    private string Bad(params string[] arguments)
    {
        var (code, _, error) = Run(arguments);
        Assert.Equal(Failures.BadInput, code);
        return error;
    }

    private void Scene(string name)
    {
        var random = new Random(1);
        GeoTiff.Write(new AmplitudeImage(128, 128,
            [.. Enumerable.Range(0, 128 * 128).Select(_ => (float)Math.Sqrt(-Math.Log(1 - random.NextDouble())))]),
                In(name));
    }

    [Fact]
    public void AScenesWayToCaptionedTiles()
    {
        Scene("scene.tif");
        var set = JsonNode.Parse(Good("data", "tile", "scene.tif", "-o", "tiles", "--size", "32", "--json").Out)!;
        Assert.Equal(16, (int)set["scenes"]![0]!["kept"]!);
        Assert.True(File.Exists(In("tiles/report.html")));
        Assert.Contains("a smaller --block spreads it",
            Good("data", "tile", "scene.tif", "-o", "one", "--size", "32", "--block", "1000").Error);
        Assert.Contains("a larger --block than",
            Good("data", "tile", "scene.tif", "-o", "small", "--size", "32", "--block", "20").Error);
        Assert.Contains("found no caption", Bad("data", "look", "tiles"));
        Assert.Contains("16 captions changed", Good("data", "caption", "tiles", "--set", "rough ground", "--prefix",
            "<SAR>").Out);
        var look = JsonNode.Parse(Good("data", "look", "tiles", "--json").Out)!;
        Assert.Equal((16, 16), ((int)look["tiles"]!, (int)look["captioned"]!));
        Assert.Equal(16, (int)look["sizes"]!["32 x 32"]!);
        // Again: nothing is cut anew, nothing is lost.
        Assert.Contains("16 tiles", Good("data", "tile", "scene.tif", "-o", "tiles", "--size", "32").Out);
        Assert.Contains("another recipe", Bad("data", "tile", "scene.tif", "-o", "tiles", "--size", "64"));
    }

    [Fact]
    public void FoldersBecomePairs()
    {
        Directory.CreateDirectory(In("air"));
        Directory.CreateDirectory(In("sat"));
        Scene("air/a.tif");
        GeoTiff.Write(new AmplitudeImage(32, 32, [.. Enumerable.Repeat(1f, 1024)]), In("sat/a.tif"));
        Assert.Contains("1 pairs", Good("data", "pairs", "air", "sat", "-o", "pairs", "--caption", "ground").Out);
        Assert.True(File.Exists(In("pairs/scenes.json")));
        Assert.Contains("expected one of SATELLITE", Bad("data", "pairs", "air", "-o", "pairs"));
    }

    [Fact]
    public void WhatOthersPublishIsToldWithLicenceDutiesAndAddress()
    {
        var told = Good("data", "list", "sarlo-80").Out;
        Assert.Contains("licence  CC-BY-SA-4.0", told);
        Assert.Contains("duty     What is adapted from it is shared under the same licence.", told);
        Assert.Contains("address  https://huggingface.co/datasets/ONERA/SARLO-80", told);
        Assert.Equal("openrail++", (string?)JsonNode.Parse(Good("data", "list", "sdxl-base", "--json")
            .Out)!["licence"]);
        Assert.Contains("gives it at https://huggingface.co/stabilityai/", Bad("data", "fetch", "sdxl-base"));
    }

    [Theory]
    [InlineData("--rank", "data", "tile", "x.tif", "-o", "t", "--rank", "2")]
    [InlineData("nothing to do", "data", "caption", "tiles")]
    [InlineData("nowhere", "data", "look", "nowhere")]
    [InlineData("more than one", "data", "caption", "tiles", "--set", "x", "--from-txt", "beside")]
    public void WhatIsWrongIsNamed(string words, params string[] arguments) => Assert.Contains(words, Bad(arguments));

    [Theory]
    [InlineData("tile")]
    [InlineData("look")]
    [InlineData("caption")]
    [InlineData("pairs")]
    public void EveryCommandExplainsItself(string command) =>
        Assert.All(Good("data", command, "--help").Out.Split('\n'), line => Assert.True(line.Length <= 80, line));
}
