using System.Security.Cryptography;
using System.Text.Json.Nodes;
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;

namespace SarSynth.Cli.Tests;

public sealed class GenerateTests : Shell
{
    private static readonly string model = Path.Combine(TestData.Root, "data-manifests", "embedded", "sarsynth-small");

    private string[] Command(string output, string prompt, params string[] more) =>
        ["generate", "--prompt", prompt, "-o", output, "--steps", "2", "--size", "64,96", "--device", "cpu",
            "--threads", "1", .. more];

    [Fact]
    public void WordsMakeAmplitudesThatASeedTells()
    {
        Good(Command("a.tif", "water"));
        Good(Command("again.tif", "water"));
        Good(Command("other.tif", "several aircraft on a runway"));
        Good(Command("later.tif", "water", "--seed", "2"));
        using (var made = SarRaster.Open(In("a.tif")))
            Assert.Equal((64, 96, PixelKind.Amplitude), (made.Rows, made.Columns, made.Kind));
        Assert.Equal(Pixels("a.tif"), Pixels("again.tif"));
        Assert.NotEqual(Pixels("a.tif"), Pixels("other.tif"));
        Assert.NotEqual(Pixels("a.tif"), Pixels("later.tif"));
        var provenance = JsonNode.Parse(File.ReadAllText(In("a.tif.provenance.json")))!;
        Assert.Equal("water", (string?)provenance["recipe"]!["prompt"]);
        var weights = Directory.EnumerateFiles(Path.Combine(model, "unet"), "*.safetensors").Single();
        Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(weights))),
            provenance["ran"]!["modelFiles"]!.AsObject().Select(f => (string?)f.Value));
        Assert.Contains("a.tif: is there already", Run(Command("a.tif", "water")).Error);
    }

    [Fact]
    public void SeveralImagesHaveTheNextSeeds()
    {
        var (output, _) = Good(Command("a.png", "water", "-n", "2", "--seed", "7"));
        Assert.Equal(["a-7.png", "a-8.png"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.NotEqual(File.ReadAllBytes(In("a-7.png")), File.ReadAllBytes(In("a-8.png")));
        // A picture says that it is synthetic, and its record whether it is still that picture.
        var info = JsonNode.Parse(Good("info", "a-7.png", "--json").Out)!;
        Assert.Equal("trainedAlgorithmicMedia", (string?)info["metadata"]!["digitalSourceType"]);
        Assert.Equal("agrees", (string?)info["record"]!["state"]);
        File.Copy(In("a-8.png"), In("a-7.png"), overwrite: true);
        Assert.Contains("a-7.png: is not the file", Run("info", "a-7.png").Error);
    }

    /// <summary>Without the kit's card a folder is what diffusers has: pictures of 0 to 1.</summary>
    [Fact]
    public void AnyFolderOfDiffusersIsAModel()
    {
        foreach (var file in Directory.EnumerateFiles(model, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(In("plain"), Path.GetRelativePath(model, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            if (Path.GetFileName(file) != "sarsynth.json")
                File.Copy(file, target);
        }
        Good(Command("a.tif", "water", "-m", "plain"));
        Assert.All(Pixels("a.tif"), pixel => Assert.InRange(pixel, 0, 1));
    }

    [Theory]
    [InlineData("--prompt: is missing", "generate", "-o", "x.tif")]
    [InlineData("expected .tif, .tiff or .png", "generate", "--prompt", "x", "-o", "x.jpg")]
    [InlineData("multiples of 4", "generate", "--prompt", "x", "-o", "x.tif", "--size", "63,64")]
    [InlineData("--count: found 0", "generate", "--prompt", "x", "-o", "x.tif", "-n", "0")]
    public void WhatIsWrongIsSaid(string named, params string[] arguments)
    {
        var (code, _, error) = Run(arguments);
        Assert.Equal(Failures.BadInput, code);
        Assert.Contains(named, error);
    }

    /// <summary>A point stays a point, on a grid as coarse as the resolution asked for.</summary>
    [Fact]
    public void SatelliteSeesTheAirborneImageCoarser()
    {
        var pixels = new Complex32[256 * 256];
        pixels[128 * 256 + 64] = new(1000, 0);
        SarMetadata facts = new() { RangeSpacing = 0.4, AzimuthSpacing = 0.4, RangeResolution = 0.5,
            AzimuthResolution = 0.5 };
        GeoTiff.Write(new ComplexImage(256, 256, pixels, facts), In("fine.tif"));
        Good("satellite", "fine.tif", "-o", "coarse.tif", "--range-resolution", "2", "--azimuth-resolution", "4");
        using var made = SarRaster.Open(In("coarse.tif"));
        Assert.Equal(PixelKind.Complex, made.Kind);
        // 256 pixels of 0.4 m are 102.4 m.
        Assert.Equal(102.4, made.Metadata.AzimuthSpacing!.Value * made.Rows, 1e-9);
        Assert.Equal(102.4, made.Metadata.RangeSpacing!.Value * made.Columns, 1e-9);
        Assert.InRange(made.Metadata.AzimuthSpacing.Value / made.Metadata.RangeSpacing.Value, 1.9, 2.1);
        var intensity = made.Read().ToIntensity().Pixels;
        var brightest = Array.IndexOf(intensity, intensity.Max());
        Assert.Equal(128.0 / 256, (double)(brightest / made.Columns) / made.Rows, 0.02);
        Assert.Equal(64.0 / 256, (double)(brightest % made.Columns) / made.Columns, 0.02);
        Assert.Contains("--azimuth-resolution: is missing",
            Run("satellite", "fine.tif", "-o", "x.tif", "--range-resolution", "2").Error);
        var (code, _, error) = Run("satellite", "fine.tif", "-o", "x.tif", "--range-resolution", "2",
            "--azimuth-resolution", "4", "--seed", "2147483648");
        Assert.Equal(Failures.BadInput, code);
        Assert.Contains("--seed: found 2147483648, expected 0 to 2147483647", error);
    }
}
