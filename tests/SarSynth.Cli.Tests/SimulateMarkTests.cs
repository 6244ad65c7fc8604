using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Radar.Formats;

namespace SarSynth.Cli.Tests;

/// <summary>Images of the simulator say that they are, and records tell of each file of a pair.</summary>
public sealed class SimulateMarkTests : Shell
{
    private const string Address = "http://cv.iptc.org/newscodes/digitalsourcetype/";

    private void IsMarked(string name, string word)
    {
        using (var raster = SarRaster.Open(In(name)))
        {
            Assert.Equal(word, raster.Metadata.DigitalSourceType);
            Assert.StartsWith("SarSynth", raster.Metadata.Generator);
        }
        // As any reader of XMP finds it.
        Assert.Contains(Address + word + "\"", Encoding.Latin1.GetString(File.ReadAllBytes(In(name))));
    }

    [Fact]
    public void WhatTheSimulatorMadeSaysSoWithItsOwnWord()
    {
        Good("simulate", "-o", "s", "--size", "64", "--seed", "9", "--facets");
        foreach (var (file, record) in new[]
        {
            ("airborne.tif", "provenance.json"), ("airborne.png", "provenance.json"),
            ("satellite.tif", "provenance.json"), ("satellite.png", "provenance.json"),
            ("facets.tif", "facets.tif.provenance.json"), ("facets.png", "facets.png.provenance.json"),
        })
        {
            var name = "s/scene-0000009." + file;
            IsMarked(name, "algorithmicMedia");
            var sum = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(In(name))));
            Assert.Equal(
                new(In("s/scene-0000009." + record), RecordState.Agrees, "algorithmicMedia", sum, sum),
                RecordCheck.Of(In(name)));
            var assertions = JsonNode.Parse(
                File.ReadAllText(In("s/scene-0000009." + record)))!["assertions"]!.AsArray();
            Assert.Contains(assertions, a => (string?)a!["label"] == "c2pa.hash.data"
                && (string?)a["data"]!["name"] == Path.GetFileName(name) && (string?)a["data"]!["hash"] == sum);
        }
        Assert.Contains("algorithmicMedia: no sensor measured it; simulated; made by SarSynth",
            string.Join(' ', Good("info", "s/scene-0000009.airborne.tif").Out.Split((char[])[' ', '\n', '│'],
                StringSplitOptions.RemoveEmptyEntries)));
        var told = JsonNode.Parse(Good("info", "s/scene-0000009.airborne.tif", "--json").Out)!;
        Assert.Equal(("algorithmicMedia", "agrees"),
            ((string?)told["synthetic"], (string?)told["record"]!["state"]));

        // The mark changes no pixel.
        var scene = SimulatedScenes.Generate(new() { Size = 64, Seed = 9 }).Single();
        Assert.Equal(scene.Airborne.Pixels, Pixels("s/scene-0000009.airborne.tif"));
        Assert.Equal(scene.Satellite.Pixels, Pixels("s/scene-0000009.satellite.tif"));

        // What is only written anew keeps it; what a model makes of it has the model's.
        Good("multilook", "s/scene-0000009.airborne.tif", "-l", "2,2", "-o", "coarse.tif");
        Good("quicklook", "coarse.tif", "-o", "coarse.png");
        Good("data", "tile", "s/scene-0000009.airborne.tif", "-o", "tiles", "--size", "32", "--format", "png");
        var tile = Directory.GetFiles(In("tiles"), "*_r0_c0.png", SearchOption.AllDirectories)[0];
        foreach (var name in (string[])["coarse.tif", "coarse.png", Path.GetRelativePath(Folder, tile)])
            IsMarked(name, "algorithmicMedia");
        Good("translate", "s/scene-0000009.satellite.tif", "-o", "fine.tif", "--device", "cpu");
        foreach (var name in (string[])["fine.tif", "fine.png"])
            IsMarked(name, "trainedAlgorithmicMedia");
        Assert.Contains("no sensor measured it; of a", Good("info", "fine.tif").Out);
    }

    [Fact]
    public void AChangedFileOfAPairIsNamed()
    {
        Good("simulate", "-o", "s", "--size", "64", "--seed", "9");
        File.Copy(In("s/scene-0000009.satellite.tif"), In("s/scene-0000009.airborne.tif"), overwrite: true);
        var (code, _, error) = Run("info", "s/scene-0000009.airborne.tif");
        Assert.Equal(Failures.BadInput, code);
        Assert.Contains("is not the file that s/scene-0000009.provenance.json tells of", error);
        Assert.Equal(RecordState.Agrees, RecordCheck.Of(In("s/scene-0000009.satellite.tif")).State);
        // A file that the record does not list is none of its business.
        File.Copy(In("s/scene-0000009.satellite.tif"), In("s/scene-0000009.other.tif"));
        Assert.Equal(RecordState.Missing, RecordCheck.Of(In("s/scene-0000009.other.tif")).State);
        File.WriteAllText(In("s/scene-0000009.provenance.json"), "[]");
        Assert.Contains("s/scene-0000009.provenance.json: found no JSON object",
            Assert.Throws<InvalidDataException>(() => RecordCheck.Of(In("s/scene-0000009.satellite.tif"))).Message);
    }

    [Fact]
    public void ThePairsOfTheKitAgreeWithTheirRecords()
    {
        var check = RecordCheck.Of(SatelliteFile);
        Assert.Equal(RecordState.Agrees, check.State);
        Assert.EndsWith(".provenance.json", check.Record);
        Assert.DoesNotContain("satellite", Path.GetFileName(check.Record));
    }

    [Fact]
    public void ScenesAndTilesToTrainOnSaySoToo()
    {
        var mix = new SceneMix { Size = 64, Kinds = new Dictionary<Radar.Simulation.SceneKind, int>
        {
            [Radar.Simulation.SceneKind.City] = 1,
        } };
        Assert.Single(mix.Load(In("mix")));
        SimulatedTiles.Write(new() { Train = 1, Validation = 0, Test = 0, Size = 32, Tile = 32 }, In("tiles"));
        string[] files = [.. Directory.GetFiles(Folder, "*.tif", SearchOption.AllDirectories)];
        Assert.Equal(3, files.Length);
        foreach (var file in files)
        {
            using var raster = SarRaster.Open(file);
            Assert.Equal("algorithmicMedia", raster.Metadata.DigitalSourceType);
        }
    }
}
