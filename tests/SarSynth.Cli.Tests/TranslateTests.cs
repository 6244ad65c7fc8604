using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Radar.Formats;

namespace SarSynth.Cli.Tests;

/// <summary>Many images into one folder, with one model.</summary>
public sealed class TranslateTests : Shell
{
    private static readonly string[] quick =
        ["--steps", "1", "--device", "cpu", "--threads", "1", "--window", "0,0,24,32"];

    private (int Code, string Out, string Error) Translate(params string[] arguments) =>
        Run(["translate", .. arguments, .. quick]);

    private void Prepare()
    {
        Directory.CreateDirectory(In("in"));
        var files = Directory.GetFiles(Embedded(""), "*.satellite.tif").Order().ToArray();
        File.Copy(files[0], In("in/a.tif"));
        File.Copy(files[1], In("in/c.tif"));
    }

    [Fact]
    public void FolderIsTranslatedIntoAFolderAndOneBadFileIsNamed()
    {
        Prepare();
        File.WriteAllText(In("in/b.tif"), "no raster");
        var (code, output, error) = Translate("in", "-o", "out");
        Assert.Equal(Failures.BadInput, code);
        Assert.Equal(["out/a.tif", "out/c.tif"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("1 of 3 failed: in/b.tif", error);
        foreach (var name in (string[])["a", "c"])
        {
            using var made = SarRaster.Open(In($"out/{name}.tif"));
            Assert.Equal((96, 128), (made.Rows, made.Columns));
            Assert.True(File.Exists(In($"out/{name}.png")));
            var provenance = JsonNode.Parse(File.ReadAllText(In($"out/{name}.tif.provenance.json")))!;
            Assert.Equal("translate", (string?)provenance["step"]);
        }
    }

    [Fact]
    public void WhatIsDoneIsSkippedAndWhatDiffersIsTold()
    {
        Prepare();
        Assert.Equal(0, Translate("in/a.tif", "-o", "out/").Code);
        var made = File.GetLastWriteTimeUtc(In("out/a.tif"));
        var (code, output, error) = Translate("in", "-o", "out/");
        Assert.True(code == 0, error);
        Assert.Contains("out/a.tif: done already", error);
        Assert.Equal(2, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Equal(made, File.GetLastWriteTimeUtc(In("out/a.tif")));
        (code, _, error) = Translate("in/a.tif", "-o", "out/", "--seed", "5");
        Assert.Equal(Failures.BadInput, code);
        Assert.Contains("seed 1, now 5", error);
        Assert.Equal(made, File.GetLastWriteTimeUtc(In("out/a.tif")));
        Assert.Equal(0, Translate("in/a.tif", "-o", "out/", "--seed", "5", "--force").Code);
        Assert.NotEqual(made, File.GetLastWriteTimeUtc(In("out/a.tif")));
    }

    [Fact]
    public void AnotherModelInTheSameFolderIsNotDone()
    {
        Prepare();
        foreach (var file in Directory.GetFiles(EmbeddedData.FindModel("sarsynth-small"), "*",
            SearchOption.AllDirectories))
        {
            var copy = In(Path.Combine("model", Path.GetRelativePath(EmbeddedData.FindModel("sarsynth-small"), file)));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        string[] asked = ["in/a.tif", "-o", "out/", "-m", "model"];
        Assert.Equal(0, Translate(asked).Code);
        Assert.Contains("done already", Translate(asked).Error);
        // The last weight of the denoiser, in its last bit.
        var weights = Directory.GetFiles(In("model/unet"), "*.safetensors").Single();
        using (var file = File.Open(weights, FileMode.Open))
        {
            file.Seek(-2, SeekOrigin.End);
            var last = file.ReadByte();
            file.Seek(-2, SeekOrigin.End);
            file.WriteByte((byte)(last ^ 1));
        }
        var (code, _, error) = Translate(asked);
        Assert.Equal(Failures.BadInput, code);
        Assert.Contains("made otherwise (modelFiles.unet/" + Path.GetFileName(weights), error);
        Assert.Equal(0, Translate([.. asked, "--force"]).Code);
        Assert.Contains("done already", Translate(asked).Error);
    }
}
