using System.Text.Json.Nodes;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;

namespace SarSynth.Cli.Tests;

/// <summary>Commands that make one result of each input: files, folders, what is done, what is bad.</summary>
public sealed class BatchTests : Shell
{
    [Fact]
    public void MultilookedRampIsTheRampOfItsMiddles()
    {
        // Intensity (row + 1)² within a column: of rows r and r + 1 the mean is (r + 1.5)² + 0.25.
        var pixels = new float[40 * 40];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = i / 40 + 1;
        GeoTiff.Write(new AmplitudeImage(40, 40, pixels), In("a.tif"));
        Good("multilook", "a.tif", "-o", "m.tif", "-l", "2,5");
        var made = Pixels("m.tif");
        Assert.Equal(20 * 8, made.Length);
        for (var row = 0; row < 20; row++)
            Assert.Equal(Math.Pow(2 * row + 1.5, 2) + 0.25, made[row * 8 + 3], 1e-3);
        var provenance = JsonNode.Parse(File.ReadAllText(In("m.tif.provenance.json")))!;
        Assert.Equal("multilook", (string?)provenance["step"]);
        Assert.Equal(5, (int)provenance["recipe"]!["columnLooks"]!);
        Assert.Equal("1", (string?)provenance["recipe"]!["read"]!["channel"]);
    }

    [Fact]
    public void BoxcarIsTheMeanOfItsWindow()
    {
        var pixels = new float[20 * 20];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = MathF.Sqrt(i);
        GeoTiff.Write(new AmplitudeImage(20, 20, pixels), In("a.tif"));
        Good("despeckle", "a.tif", "-o", "d.tif", "--filter", "boxcar", "--size", "3");
        // The intensity is linear: inside, the mean of a window is its middle.
        Assert.Equal(10 * 20 + 10, Pixels("d.tif")[10 * 20 + 10], 1e-3);
        foreach (var filter in (string[])["lee", "refined-lee", "enhanced-lee", "kuan", "frost", "gamma-map",
            "non-local"])
            Good("despeckle", "a.tif", "-o", $"{filter}.tif", "--filter", filter, "--looks", "4");
        Assert.Contains("does not tell its looks",
            Good("despeckle", "a.tif", "-o", "one.tif", "--filter", "lee").Error);
    }

    [Fact]
    public void NormalisationIsItsFormulaAndItsParametersAreKept()
    {
        Ramp("a.tif", 50, 40);
        Good("normalise", "a.tif", "-o", "n.tif");
        var all = Enumerable.Range(0, 2000).Select(i => i / 40 + i % 40 / 1000.0 + 1).ToArray();
        double mean = all.Average(), sigma = Math.Sqrt(all.Average(a => (a - mean) * (a - mean)));
        var recipe = JsonNode.Parse(File.ReadAllText(In("n.tif.provenance.json")))!["recipe"]!;
        var kept = recipe["found"]!["normalisation"]!;
        Assert.Equal("clipped", (string?)kept["kind"]);
        Assert.Equal(mean, (double)kept["mean"]!, 1e-4);
        Assert.Equal(sigma, (double)kept["standardDeviation"]!, 1e-4);
        Assert.Equal((float)(all[777] / (mean + 3 * sigma)), Raw("n.tif")[777], 1e-5f);
        Good("normalise", "a.tif", "-o", "l.tif", "--method", "log", "--epsilon", "0.5");
        var logs = all.Select(a => Math.Log(a + 0.5)).ToArray();
        double logMean = logs.Average(), logSigma = Math.Sqrt(logs.Average(a => (a - logMean) * (a - logMean)));
        Assert.Equal((float)((logs[777] - logMean) / logSigma), Raw("l.tif")[777], 1e-4f);
        // Normalised values are no amplitudes: info says so, and nothing reads them as such.
        Assert.Contains("normalised", Good("info", "l.tif").Out);
        Assert.Contains("normalised values", Run("stats", "l.tif").Error);
    }

    [OptionalDataFact("sar/sentinel1-sarsen")]
    public void CalibrationFollowsTheTablesAtThePlaceOfTheWindow()
    {
        var product = Directory.GetDirectories(TestData.Optional("sar/sentinel1-sarsen"), "*GRDH*").Single();
        // The measurement holds zeros, which the product calls fill: the result has the window's place and no data.
        Good("calibrate", product, "-o", "c.tif", "--to", "gamma0", "--window", "1000,2000,64,32");
        using var made = SarRaster.Open(In("c.tif"));
        Assert.Equal((64, 32, Backscatter.GammaNought), (made.Rows, made.Columns, made.Metadata.Quantity));
        Assert.Equal(64 * 32, made.Read().CountNoData());
        Assert.Contains("is calibrated already, to GammaNought", Run("calibrate", In("c.tif"), "-o", "d.tif").Error);
        Assert.Contains("expected one of sigma0, beta0, gamma0",
            Run("calibrate", product, "-o", "e.tif", "--to", "sigma").Error);
    }

    [Fact]
    public void FoldersAreSearchedAndOneBadFileDoesNotStopTheOthers()
    {
        Directory.CreateDirectory(In("in"));
        Ramp("in/a.tif");
        Ramp("in/c.tif");
        File.WriteAllText(In("in/b.tif"), "no raster");
        File.WriteAllText(In("in/notes.txt"), "no raster either");
        var (code, output, error) = Run("quicklook", "in", "-o", "out");
        Assert.Equal(Failures.BadInput, code);
        Assert.Equal(["out/a.png", "out/c.png"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("1 of 3 failed: in/b.tif", error);
        Assert.True(File.Exists(In("out/a.png")) && File.Exists(In("out/c.png")) && !File.Exists(In("out/b.png")));
    }

    [Fact]
    public void WhatIsDoneIsSkippedAndWhatDiffersIsNotOverwritten()
    {
        Ramp("a.tif");
        Good("multilook", "a.tif", "-o", "out/", "-l", "2,2");
        var first = File.GetLastWriteTimeUtc(In("out/a.tif"));
        Assert.Contains("done already", Good("multilook", "a.tif", "-o", "out/", "-l", "2,2").Error);
        Assert.Equal(first, File.GetLastWriteTimeUtc(In("out/a.tif")));
        var bytes = File.ReadAllBytes(In("out/a.tif"));
        Assert.Contains("rowLooks 2, now 3", Refused("multilook", "a.tif", "-o", "out/", "-l", "3,2"));
        Assert.Contains("read.window",
            Refused("multilook", "a.tif", "-o", "out/", "-l", "2,2", "--window", "0,0,20,20"));
        Assert.Contains("made by 'multilook'", Refused("despeckle", "a.tif", "-o", "out/"));
        Ramp("a.tif", 62);
        Assert.Contains("made from another input", Refused("multilook", "a.tif", "-o", "out/", "-l", "2,2"));
        Assert.Equal(bytes, File.ReadAllBytes(In("out/a.tif")));
        Good("multilook", "a.tif", "-o", "out/", "-l", "2,2", "--force");
        Assert.NotEqual(bytes, File.ReadAllBytes(In("out/a.tif")));
        File.Delete(In("out/a.tif.provenance.json"));
        Assert.Contains("without a provenance", Refused("multilook", "a.tif", "-o", "out/", "-l", "2,2"));
    }

    [Fact]
    public void InputIsNeverOverwritten()
    {
        Ramp("a.tif");
        var bytes = File.ReadAllBytes(In("a.tif"));
        foreach (var output in (string[])["a.tif", "."])
            Assert.Contains("overwrite the input", Refused("despeckle", "a.tif", "-o", output, "--force"));
        Assert.Equal(bytes, File.ReadAllBytes(In("a.tif")));
        Directory.CreateDirectory(In("b"));
        Ramp("b/a.tif");
        Assert.Contains("would both become", Refused("despeckle", "a.tif", "b/a.tif", "-o", "out/"));
        Assert.Contains("expected a folder", Refused("despeckle", "a.tif", "b/a.tif", "-o", "out.tif"));
    }

    [Fact]
    public void FinishedScenesAndModelsAreNotOverwritten()
    {
        Good("simulate", "-o", "s", "--size", "64");
        var scene = Directory.GetFiles(In("s"), "*.airborne.tif").Single();
        var made = File.GetLastWriteTimeUtc(scene);
        Assert.Contains("--force", Refused("simulate", "-o", "s", "--size", "64"));
        Assert.Equal(made, File.GetLastWriteTimeUtc(scene));
        Good("simulate", "-o", "s", "--size", "64", "--seed", "2");
        Good("simulate", "-o", "s", "--size", "64", "--force");
        Directory.CreateDirectory(In("model"));
        File.WriteAllText(In("model/model_index.json"), "{}");
        Assert.Contains("a finished model", Refused("train", "-o", "model"));
        Directory.CreateDirectory(In("report"));
        File.WriteAllText(In("report/index.html"), "");
        Assert.Contains("index.html: is there already", Refused("evaluate", "-o", "report"));
        File.WriteAllText(In("made.png"), "");
        Assert.Contains("made.png: is there already", Refused("generate", "--prompt", "x", "-o", "made.png"));
    }

    private string Refused(params string[] arguments)
    {
        var (code, output, error) = Run(arguments);
        Assert.True(code == Failures.BadInput, $"exit code {code}\n{output}{error}");
        return error;
    }

    // Normalised values are not read as backscatter: the test reads them as decibels' bytes are, by another word.
    private float[] Raw(string name)
    {
        using var raster = SarRaster.Open(In(name), new() { Kind = PixelKind.Decibel });
        return Array.ConvertAll(((IntensityImage)raster.Read()).Pixels, v => 10 * MathF.Log10(v));
    }
}
