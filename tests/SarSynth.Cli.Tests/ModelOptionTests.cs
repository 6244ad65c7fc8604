using System.Text.Json.Nodes;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;

namespace SarSynth.Cli.Tests;

/// <summary>What the command line says to a model is what the provenance says that ran.</summary>
public sealed class ModelOptionTests : Shell
{
    private static readonly string model =
        Path.Combine(TestData.Root, "data-manifests", "embedded", "sarsynth-small");

    private static readonly string[] quick =
        ["--steps", "2", "--device", "cpu", "--threads", "1", "--window", "0,0,24,32"];

    [Fact]
    public void PathMayHaveAScaleBehindAColon()
    {
        var file = In("a:b.safetensors");
        File.WriteAllText(file, "");
        Assert.Equal((file, 1), ModelOptions.Scaled("--lora", file));
        Assert.Equal((file, 0.5), ModelOptions.Scaled("--lora", file + ":0.5"));
        Assert.Contains("--lora", Assert.Throws<ArgumentException>(() =>
            ModelOptions.Scaled("--lora", file + ":x")).Message);
        Assert.Contains("did you mean", Assert.Throws<FileNotFoundException>(
            () => ModelOptions.Scaled("--lora", In("a:b.safetensor") + ":1")).Message);
    }

    [Fact]
    public void OptionsReachTheRunAndItsProvenance()
    {
        File.Copy(SatelliteFile, In("a.tif"));
        var (code, _, error) = Run([
            "translate", "a.tif", "-o", "t.tif", "-m", "sarsynth-small", "--guidance", "2",
            "--negative-prompt", "noise", "--prompt", "water", "--strength", "0.5", "--scheduler", "euler",
            "--control-scale", "0.7", .. quick]);
        Assert.True(code == 0, error);
        Assert.Contains("the prompt has no effect", error);
        var provenance = JsonNode.Parse(File.ReadAllText(In("t.tif.provenance.json")))!;
        Assert.Equal(2, (double)provenance["recipe"]!["guidance"]!);
        Assert.Equal("noise", (string?)provenance["recipe"]!["negativePrompt"]);
        Assert.Equal(0.7, (double)provenance["recipe"]!["controlScale"]!);
        Assert.Equal("EulerDiscreteScheduler", (string?)provenance["ran"]!["scheduler"]!["_class_name"]);
        Assert.Equal("satellite image", (string?)provenance["ran"]!["startedFrom"]);
        Assert.Equal(1, (int)provenance["ran"]!["steps"]!);
        Assert.Equal(24, (int)provenance["ran"]!["part"]!["rows"]!);
    }

    [Fact]
    public void TheWayAndComplexSamplesAreAskedForByName()
    {
        File.Copy(SatelliteFile, In("a.tif"));
        Good(["translate", "a.tif", "-o", "t.tif", "--complex", "--texture", "0.5", "--consistency", "0.25", .. quick]);
        using (var made = SarRaster.Open(In("t.tif")))
            Assert.Equal(PixelKind.Complex, made.Kind);
        var provenance = JsonNode.Parse(File.ReadAllText(In("t.tif.provenance.json")))!;
        Assert.Equal("meanAndSpeckle", (string?)provenance["ran"]!["way"]);
        Assert.Equal(0.5, (double)provenance["ran"]!["texture"]!);
        Assert.Equal(0.25, (double)provenance["ran"]!["consistency"]!);
        Assert.Equal("sarsynth-mini", (string?)provenance["recipe"]!["model"]);

        var (code, _, error) = Run(["translate", "a.tif", "-o", "w.tif", "--way", "amplitud", .. quick]);
        Assert.NotEqual(0, code);
        Assert.Contains("found 'amplitud'", error);
        Assert.Contains("mean-and-speckle", error);
        (code, _, error) = Run(["translate", "a.tif", "-o", "w.tif", "--way", "amplitude", .. quick]);
        Assert.NotEqual(0, code);
        Assert.Contains("sarsynth-mini", error);
        (code, _, error) = Run(["translate", "a.tif", "-o", "w.tif", "-m", "sarsynth-small", "--complex", .. quick]);
        Assert.NotEqual(0, code);
        Assert.Contains("complex", error);
        Assert.False(File.Exists(In("w.tif")));
    }

    [Fact]
    public void FurtherControlNetIsReadFromItsFolder()
    {
        File.Copy(SatelliteFile, In("a.tif"));
        var net = Path.Combine(model, "controlnet");
        var (code, _, error) = Run([
            "translate", "a.tif", "-o", "t.tif", "-m", "sarsynth-small", "--controlnet", net + ":0.5", .. quick]);
        Assert.True(code == 0, error);
        var provenance = JsonNode.Parse(File.ReadAllText(In("t.tif.provenance.json")))!;
        Assert.Equal(2, (int)provenance["ran"]!["controlNets"]!);
        Assert.Equal(0.5, (double)provenance["recipe"]!["controls"]![0]!["scale"]!);
    }

    [Fact]
    public void InputThatTheModelWasNotTrainedOnIsRemarkedAndRefusedWhenStrict()
    {
        // A ramp has no speckle, which is the same as one whose speckle was filtered.
        Ramp("a.tif");
        var (code, _, error) = Run(["translate", "a.tif", "-o", "t.tif", "--strict", .. quick]);
        Assert.Equal(Failures.BadInput, code);
        Assert.Contains("a.tif: ", error);
        Assert.Contains("not what the model was trained on", error);
        Assert.False(File.Exists(In("t.tif")));
        (code, _, error) = Run(["translate", "a.tif", "-o", "t.tif", .. quick]);
        Assert.True(code == 0, error);
        Assert.Contains("despeckled", error);
        Assert.All(error.Split('\n', StringSplitOptions.RemoveEmptyEntries), line =>
            Assert.StartsWith("sarsynth: a.tif: ", line));
    }
}
