// Scenes through the program: killed and gone on with, shared, as an ensemble, at all levels, and marked as synthetic.
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using SarSynth.Diffusion.Models;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Simulation;
using SarSynth.Tests.Support;
using SarSynth.Translation;

namespace SarSynth.Cli.Tests;

public sealed class TranslateSceneTests : Shell
{
    private static readonly TimeSpan longest = TimeSpan.FromMinutes(2);

    private readonly string[] quick = ["-m", "model", "--device", "cpu", "--threads", "1"];

    // A model of the kit's kind whose networks are small and new.
    private void PrepareModel(bool draws = false)
    {
        using var model = new Translator(new()
        {
            Residual = draws ? new(1.5, 5) : null,
            SatelliteSensor = "satellite-x-160", AirborneSensor = "airborne-x-040", Target = Sensors.AirborneX040,
            TrainedOn = TrainedOn.Of(Sensors.Named("satellite-x-160")), SatelliteMeanLog = -1.7,
            Satellite = new LogNormalisation(-1.7, 0.7, 0.0001),
        }, new UpscalingUNetModel(new()
        {
            ConditionChannels = 3, OutChannels = 2, BlockOutChannels = [8, 8], LayersPerBlock = 1, FineChannels = 4,
        }), draws ? new PlainUNetModel(new()
        {
            Channels = 16, ImageConditionChannels = 33, ConditionChannels = 3, BlockOutChannels = [8, 8],
            LayersPerBlock = 1, EmbeddingChannels = 8,
        }) : null);
        model.Save(In("model"));
    }

    private void PrepareScene(int rows, int columns)
    {
        var random = new Random(4);
        var pixels = new float[rows * columns];
        foreach (ref var a in pixels.AsSpan())
            a = (float)(0.1 + random.NextDouble());
        GeoTiff.Write(new AmplitudeImage(rows, columns, pixels, new() { Sensor = "satellite-x-160" },
            new([500000, 1.6, 0, 4000, 0, -1.6], Utm32)), In("in.tif"));
    }

    private string Sum(string name) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(In(name))));

    private Process Start(params string[] arguments) => Process.Start(new ProcessStartInfo(Environment.ProcessPath!,
        [typeof(Failures).Assembly.Location, .. arguments])
    {
        WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true,
    })!;

    private int StripsOf(string name) => Directory.Exists(In(name + ".parts"))
        ? Directory.GetFiles(In(name + ".parts"), "rows-*.bin").Length : 0;

    [Fact]
    public void KilledInTheMiddleItGoesOnToTheSameBytes()
    {
        PrepareModel();
        string[] command = ["translate", "in.tif", "-o", "killed.tif", .. quick];
        // A process may end before it is killed: then the scene is made larger.
        for (var rows = 1536; StripsOf("killed.tif") == 0; rows *= 2)
        {
            Assert.True(rows < 20000, "no process lived until it was killed");
            File.Delete(In("killed.tif"));
            File.Delete(In("killed.tif.provenance.json"));
            PrepareScene(rows, 48);
            using var process = Start(command);
            var begun = Stopwatch.StartNew();
            while (StripsOf("killed.tif") == 0 && !process.HasExited && begun.Elapsed < longest)
                Thread.Sleep(5);
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }
        Assert.False(File.Exists(In("killed.tif")));
        var strip = Directory.GetFiles(In("killed.tif.parts"), "rows-*.bin").Order().First();
        var first = File.GetLastWriteTimeUtc(strip);
        using var kept = File.OpenRead(strip);

        Good(command);
        Assert.Equal(first, File.GetLastWriteTimeUtc(kept.SafeFileHandle));
        Assert.False(Directory.Exists(In("killed.tif.parts")));
        Good(["translate", "in.tif", "-o", "whole.tif", .. quick]);
        Assert.Equal(Sum("whole.tif"), Sum("killed.tif"));
        Assert.Contains("done already", Good(command).Error);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void SharesMakeOneResultWhicheverEndsLast(bool draws)
    {
        PrepareModel(draws);
        // Longer than what the satellite's power reaches from share to share.
        PrepareScene(900, 24);
        Good(["translate", "in.tif", "-o", "whole.tif", .. quick]);
        string[] command = ["translate", "in.tif", "-o", "shared.tif", .. quick];
        var (output, error) = Good([.. command, "--shard", "2/2"]);
        Assert.Contains("other shares are still missing", error);
        Assert.Equal("", output.Trim());
        (output, _) = Good([.. command, "--shard", "1/2"]);
        Assert.Equal("shared.tif", output.Trim());
        Assert.Equal(Sum("whole.tif"), Sum("shared.tif"));
        Assert.Contains("--shard: found '3/2'", Run([.. command, "--shard", "3/2"]).Error);
    }

    [MpiFact]
    public void RanksMakeTheBytesOfOneProcess()
    {
        PrepareModel();
        PrepareScene(300, 40);
        Good(["translate", "in.tif", "-o", "whole.tif", .. quick]);
        using var ranks = Process.Start(new ProcessStartInfo(MpiFactAttribute.Launcher,
            ["-n", "2", Environment.ProcessPath!, typeof(Failures).Assembly.Location, "translate", "in.tif", "-o",
                "ranks.tif", .. quick])
        {
            WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var error = ranks.StandardError.ReadToEndAsync();
        var output = ranks.StandardOutput.ReadToEnd();
        ranks.WaitForExit();
        Assert.True(ranks.ExitCode == 0, error.Result);
        Assert.Equal(["ranks.tif"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Distinct());
        Assert.Equal(Sum("whole.tif"), Sum("ranks.tif"));
    }

    [Fact]
    public void AnEnsembleLiesBesideItsMembersAndJsonTellsOfIt()
    {
        PrepareModel();
        PrepareScene(40, 52);
        string[] command = ["translate", "in.tif", "-o", "out/x.tif", "--ensemble", "3", "--quantiles", "0.1,0.9",
            "--ensemble-cell", "4", "--seed", "5", .. quick];
        var told = JsonNode.Parse(Good([.. command, "--json"]).Out)!["results"]![0]!;
        var ensemble = told["ensemble"]!;
        Assert.Equal(["out/x.seed-5.tif", "out/x.seed-6.tif", "out/x.seed-7.tif"],
            ensemble["members"]!.AsArray().Select(m => (string?)m));
        Assert.Equal("out/x.q10.tif", (string?)ensemble["quantiles"]!["q10"]);
        Assert.Equal("out/x.ensemble.png", (string?)told["picture"]);
        Assert.Contains("network", told["stages"]!.AsArray().Select(s => (string?)s!["stage"]));
        Assert.True((double)told["peakMegabytes"]! > 10);
        foreach (var name in (string[])["x.mean", "x.deviation", "x.q10", "x.q90"])
        {
            using var raster = SarRaster.Open(In($"out/{name}.tif"));
            Assert.Equal((40, 52), (raster.Rows, raster.Columns));
            Assert.Equal(1.6, raster.GeoReference!.Transform![1], 1e-9);
        }
        // Deviation and picture are made again where a member is; nothing is where nothing changed.
        Assert.Contains("done already", Good(command).Error);
        var before = File.GetLastWriteTimeUtc(In("out/x.mean.tif"));
        File.Delete(In("out/x.seed-6.tif"));
        Good(command);
        Assert.NotEqual(before, File.GetLastWriteTimeUtc(In("out/x.mean.tif")));
        Assert.Contains("1 members", Run(["translate", "in.tif", "-o", "y.tif", "--ensemble", "1", .. quick]).Error);
    }

    [Fact]
    public void OneRunMakesEachLevelAsItsOwnRunDoes()
    {
        PrepareModel();
        PrepareScene(300, 40);
        var told = JsonNode.Parse(Good(["translate", "in.tif", "-o", "out/x.tif", "--levels", "--seed", "5", "--json",
            .. quick]).Out)!["results"]![0]!["levels"]!.AsArray();
        Assert.Equal(["out/x.tif", "out/x-0.8m.tif", "out/x-1.6m.tif"], told.Select(l => (string?)l!["output"]));
        Assert.Equal([0.4, 0.8, 1.6], told.Select(l => Math.Round((double)l!["spacing"]!, 9)));
        Assert.Equal(12, Directory.GetFiles(In("out")).Length);
        foreach (var (name, rows, spacing) in new[]
        {
            ("x", 1200, Array.Empty<string>()), ("x-0.8m", 600, ["--spacing", "0.8"]),
            ("x-1.6m", 300, ["--spacing", "1.6"]),
        })
        {
            using (var raster = SarRaster.Open(In($"out/{name}.tif")))
                Assert.Equal(rows, raster.Rows);
            Good(["translate", "in.tif", "-o", $"alone/{name}.tif", "--seed", "5", .. spacing, .. quick]);
            foreach (var extension in (string[])["tif", "png"])
                Assert.Equal(Sum($"alone/{name}.{extension}"), Sum($"out/{name}.{extension}"));
            var (made, alone) = (Record($"out/{name}"), Record($"alone/{name}"));
            foreach (var field in (string[])["recipe", "ran", "inputs", "outputs"])
                Assert.True(JsonNode.DeepEquals(alone[field], made[field]), $"{name}: {field}");
        }
        Assert.Equal(3, Directory.GetFiles(In("out"), "*.tif").Select(f => Sum(f)).Distinct().Count());

        // What is there is left, what is missing is made.
        File.Delete(In("out/x-0.8m.tif"));
        var before = File.GetLastWriteTimeUtc(In("out/x.tif"));
        var again = Good(["translate", "in.tif", "-o", "out/x.tif", "--levels", "--seed", "5", .. quick]);
        Assert.Equal(["out/x.tif", "out/x-0.8m.tif", "out/x-1.6m.tif"], again.Out.TrimEnd().Split('\n'));
        Assert.Equal(before, File.GetLastWriteTimeUtc(In("out/x.tif")));
        Assert.Equal(Sum("alone/x-0.8m.tif"), Sum("out/x-0.8m.tif"));

        JsonNode Record(string name) => JsonNode.Parse(File.ReadAllText(In($"{name}.tif.provenance.json")))!;
    }

    [Fact]
    public void LevelsAreSharedAndAreEnsemblesToo()
    {
        PrepareModel();
        PrepareScene(300, 40);
        string[] names = ["x", "x-0.8m", "x-1.6m"];
        Good(["translate", "in.tif", "-o", "whole/x.tif", "--levels", .. quick]);
        string[] shared = ["translate", "in.tif", "-o", "shared/x.tif", "--levels", .. quick];
        Good([.. shared, "--shard", "2/2"]);
        Assert.False(File.Exists(In("shared/x.tif")));
        Good([.. shared, "--shard", "1/2"]);
        Good(["translate", "in.tif", "-o", "all/x.tif", "--levels", "--ensemble", "2", .. quick]);
        foreach (var name in names)
        {
            Assert.Equal(Sum($"whole/{name}.tif"), Sum($"shared/{name}.tif"));
            Assert.Equal(Sum($"whole/{name}.tif"), Sum($"all/{name}.seed-1.tif"));
            using var raster = SarRaster.Open(In($"all/{name}.deviation.tif"));
            Assert.Equal(name == "x" ? 1200 : name == "x-0.8m" ? 600 : 300, raster.Rows);
        }
    }

    [Fact]
    public void LevelsOfAFolderAndLevelsThatCannotBe()
    {
        PrepareModel();
        PrepareScene(24, 20);
        Directory.CreateDirectory(In("scenes"));
        File.Copy(In("in.tif"), In("scenes/a.tif"));
        File.Copy(In("in.tif"), In("scenes/b.tif"));
        Good(["translate", "scenes", "-o", "out", "--levels", .. quick]);
        Assert.Equal(["a-0.8m.tif", "a-1.6m.tif", "a.tif", "b-0.8m.tif", "b-1.6m.tif", "b.tif"],
            Directory.GetFiles(In("out"), "*.tif").Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(Sum("out/a-1.6m.tif"), Sum("out/b-1.6m.tif"));

        Assert.Contains("--levels: found --spacing too",
            Run(["translate", "in.tif", "-o", "y.tif", "--levels", "--spacing", "0.8", .. quick]).Error);
        var error = Run("translate", "in.tif", "-o", "y.tif", "--levels", "-m", "sarsynth-small").Error;
        Assert.Contains("found 0.4 m alone", error);
        Assert.Contains("'sarsynth-small'", error);
        Assert.Contains("0.8 m and 1.6 m", error);
        // An input that a level would take the place of stays, and so does the level of another input.
        File.Copy(In("in.tif"), In("in-0.8m.tif"));
        Assert.Contains("would overwrite the input in-0.8m.tif",
            Run(["translate", "in-0.8m.tif", "-o", "in.tif", "--levels", "--force", .. quick]).Error);
        Assert.Equal(Sum("scenes/a.tif"), Sum("in-0.8m.tif"));
        Assert.Contains("would both become z/in-0.8m.tif",
            Run(["translate", "in.tif", "in-0.8m.tif", "-o", "z", "--levels", .. quick]).Error);
        Assert.False(File.Exists(In("y.tif")));
    }

    [Fact]
    public void WhatAModelMadeSaysSoAndAChangedFileIsNamed()
    {
        PrepareModel();
        PrepareScene(40, 52);
        Good(["translate", "in.tif", "-o", "x.tif", .. quick]);
        foreach (var name in (string[])["x.tif", "x.png"])
        {
            var info = JsonNode.Parse(Good("info", name, "--json").Out)!;
            Assert.Equal("trainedAlgorithmicMedia", (string?)info["synthetic"]);
            Assert.Equal("trainedAlgorithmicMedia", (string?)info["metadata"]!["digitalSourceType"]);
            Assert.Contains("SarSynth", (string?)info["metadata"]!["generator"]);
            Assert.Equal("agrees", (string?)info["record"]!["state"]);
            Assert.Equal(Sum(name), (string?)info["record"]!["expected"]);
            Assert.Equal(name == "x.tif" ? "airborne-x-040" : null, (string?)info["imitated"]);
        }
        var rows = Good("info", "x.tif").Out.Split('\n');
        Assert.Contains(rows, r => r.Contains("sensor") && r.Contains("none; it imitates airborne-x-040"));
        Assert.Contains(rows, r => r.Contains("made from") && r.Contains("an image of satellite-x-160"));

        // The record is a list of assertions in the form of C2PA's.
        var record = JsonNode.Parse(File.ReadAllText(In("x.tif.provenance.json")))!;
        var assertions = record["assertions"]!.AsArray();
        JsonNode Of(string label) => assertions.Single(a => (string?)a!["label"] == label)!["data"]!;
        var action = Of("c2pa.actions.v2")["actions"]![0]!;
        Assert.Equal("http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
            (string?)action["digitalSourceType"]);
        Assert.Equal("SarSynth", (string?)action["softwareAgent"]!["name"]);
        Assert.Equal(Sum("x.tif"), (string?)Of("c2pa.hash.data")["hash"]);
        Assert.Equal(Sum("in.tif"), (string?)Of("c2pa.ingredient.v3")["hash"]);
        // One checksum of all, as "sha256sum" gives it of the lines "name checksum".
        var model = ModelFiles.Of(new() { Model = In("model") }).OrderBy(f => f.Key, StringComparer.Ordinal);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(
            string.Concat(model.Select(f => $"{f.Key} {f.Value}\n"))))), (string?)Of("sarsynth.model")["hash"]);

        // What is derived of it keeps the mark.
        Good("multilook", "x.tif", "-l", "4,4", "-o", "coarse.tif");
        Assert.Equal("trainedAlgorithmicMedia",
            (string?)JsonNode.Parse(Good("info", "coarse.tif", "--json").Out)!["synthetic"]);

        using (var file = File.Open(In("x.tif"), FileMode.Open))
        {
            file.Seek(-1, SeekOrigin.End);
            var last = file.ReadByte();
            file.Seek(-1, SeekOrigin.End);
            file.WriteByte((byte)(last ^ 1));
        }
        var (code, output, error) = Run("info", "x.tif");
        Assert.Equal(Failures.BadInput, code);
        Assert.Contains("no sensor measured it", output);
        Assert.Contains("x.tif: is not the file that x.tif.provenance.json tells of", error);
        Assert.Contains(Sum("x.tif"), error);
    }
}
