using System.Text.Json.Nodes;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;

namespace SarSynth.Cli.Tests;

/// <summary>The program as a shell sees it: exit codes, one-line errors, JSON, files.</summary>
public sealed class CommandTests : Shell
{
    [Fact]
    public void ReportThatCannotBeDrawnFailsBeforeTranslating()
    {
        var dotnet = Path.GetDirectoryName(Environment.ProcessPath)!;
        File.WriteAllText(In("plotly.min.js"), "");
        Dictionary<string, string> variables =
            new() { ["PATH"] = dotnet, ["SARSYNTH_CHROMIUM"] = "", ["SARSYNTH_PLOTLY"] = In("plotly.min.js") };
        var (code, _, error) = RunWith(variables, "evaluate", "-o", "report", "--models", "sarsynth-small");
        Assert.Equal(Failures.BadInput, code);
        Assert.Contains("No Chromium", error);
        Assert.False(Directory.Exists(Path.Combine(Folder, "report")));
    }

    [Fact]
    public void InfoTellsWhatAFileIs()
    {
        var (code, output, error) = Run("info", SatelliteFile, "--json");
        Assert.True(code == 0, error);
        var answer = JsonNode.Parse(output)!;
        Assert.Equal(128, (int)answer["rows"]!);
        Assert.Equal("amplitude", (string)answer["pixels"]!);
        Assert.Equal("satellite-x-160", (string)answer["metadata"]!["sensor"]!);
    }

    [Fact]
    public void StatsOfAFileAreJson()
    {
        // Single-look speckle over homogeneous ground: 65,536 Rayleigh amplitudes, ENL 1 with a standard error of
        // 0.004.
        var random = new Random(1);
        var ground = Path.Combine(Folder, "ground.tif");
        var rayleigh = Enumerable.Range(0, 65536).Select(_ => (float)Math.Sqrt(-Math.Log(1 - random.NextDouble())));
        GeoTiff.Write(new AmplitudeImage(256, 256, [.. rayleigh]), ground);
        var (code, output, error) = Run("stats", ground, "--json");
        Assert.True(code == 0, error);
        Assert.InRange((double)JsonNode.Parse(output)!["looks"]!["homogeneous"]!["value"]!, 0.98, 1.02);
        Assert.Contains("ENL", Run("stats", ground).Out);
    }

    [Fact]
    public void SimulateWritesPairsThatComeOutTheSameAgain()
    {
        Assert.Equal(0, Run("simulate", "--out", "a", "--size", "64", "--seed", "9").Code);
        Assert.Equal(0, Run("simulate", "--out", "b", "--size", "64", "--seed", "9").Code);
        foreach (var file in new[] { "scene-0000009.airborne.tif", "scene-0000009.satellite.tif",
            "scene-0000009.airborne.png" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(Folder, "a", file)),
                File.ReadAllBytes(Path.Combine(Folder, "b", file)));
        Assert.True(File.Exists(Path.Combine(Folder, "a", "scene-0000009.provenance.json")));
    }

    [Fact]
    public void SimulateWritesWhatAFacetSimulatorComputesOfTheSameScenes()
    {
        var (code, told, _) = Run("simulate", "--out", "f", "--size", "64", "--seed", "9", "--facets");
        Assert.Equal(0, code);
        Assert.Contains("f/scene-0000009.facets.tif", told);
        using var map = SarRaster.Open(Path.Combine(Folder, "f", "scene-0000009.facets.tif"));
        Assert.Equal((64, 64, PixelKind.Intensity), (map.Rows, map.Columns, map.Kind));
        Assert.Equal("airborne-x-040 facets", map.Metadata.Sensor);
        var provenance = JsonNode.Parse(File.ReadAllText(
            Path.Combine(Folder, "f", "scene-0000009.facets.tif.provenance.json")))!;
        Assert.Equal(1.5, (double?)provenance["ran"]!["facets"]!["registrationError"]);
        Assert.InRange(Math.Abs((double)provenance["ran"]!["errors"]!["row"]!), 0, 1.5);
    }

    public static TheoryData<string, string[], string> BadInput => new()
    {
        { "not a raster", ["info", "text.tif"], "text.tif" },
        { "empty", ["info", "empty.tif"], "empty.tif" },
        { "truncated", ["stats", "truncated.tif"], "truncated.tif" },
        { "missing", ["stats", "nowhere.tif"], "nowhere.tif" },
        { "a folder that is no product", ["info", "."], "." },
        { "translate what is not a raster", ["translate", "text.tif", "--out", "out.tif"], "text.tif" },
        { "translate into a picture", ["translate", "good.tif", "--out", "x.png"], "Give --out x.tif" },
        { "translate without an extension", ["translate", "good.tif", "--out", "x"], "expected .tif or .tiff" },
        { "a quick-look over the input", ["translate", "good.png", "--out", "good.tif"],
            "overwrite the input good.png" },
        { "an unknown model", ["translate", "good.tif", "--out", "out.tif", "--model", "nobody"], "nobody" },
        { "a broken weights file", ["translate", "good.tif", "--out", "out.tif", "--model", "broken-model"],
            "diffusion_pytorch_model.safetensors" },
        { "an unknown recipe", ["train", "--recipe", "nothing"], "nothing" },
        { "a recipe that is no JSON", ["train", "--recipe", "text.tif"], "text.tif" },
        { "a checksum that differs", ["data", "check", "wrong.json"], "scenes.json" },
        { "an option that is unknown", ["stats", "good.tif", "--colour"], "--colour" },
    };

    [Theory]
    [MemberData(nameof(BadInput))]
    public void BadInputIsOneLineThatNamesItAndExitCodeTwo(string what, string[] arguments, string named)
    {
        Prepare();
        var before = Directory.GetFileSystemEntries(Folder).Order();
        var (code, output, error) = Run(arguments);
        Assert.True(code == 2, $"{what}: exit code {code}\n{output}{error}");
        var lines = error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        // A wrong command line is told in one line and answered with a second one that says where help is.
        Assert.InRange(lines.Length, 1, arguments.Contains("--colour") ? 2 : 1);
        Assert.StartsWith("sarsynth: ", lines[0]);
        Assert.Contains(named, lines[0]);
        Assert.DoesNotContain("   at ", error);
        Assert.Equal(before, Directory.GetFileSystemEntries(Folder).Order());
    }

    private void Prepare()
    {
        File.Copy(SatelliteFile, Path.Combine(Folder, "good.tif"));
        File.WriteAllText(Path.Combine(Folder, "text.tif"), "this is prose");
        File.WriteAllText(Path.Combine(Folder, "good.png"), "");
        File.WriteAllBytes(Path.Combine(Folder, "empty.tif"), []);
        File.WriteAllBytes(Path.Combine(Folder, "truncated.tif"), File.ReadAllBytes(SatelliteFile)[..20000]);
        var manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(TestData.Root, "data-manifests",
            "paired-scenes.json")))!;
        foreach (var file in manifest["files"]!.AsArray())
            if (((string)file!["path"]!).EndsWith("scenes.json", StringComparison.Ordinal))
                file["sha256"] = new string('0', 64);
        manifest["name"] = "wrong";
        File.WriteAllText(Path.Combine(Folder, "wrong.json"), manifest.ToJsonString());
        Copy(Path.Combine(TestData.Root, "data-manifests", "embedded", "sarsynth-small"),
            Path.Combine(Folder, "broken-model"));
        var weights = Path.Combine(Folder, "broken-model", "vae", "diffusion_pytorch_model.safetensors");
        var bytes = File.ReadAllBytes(weights);
        bytes[9] = (byte)'!';
        File.WriteAllBytes(weights, bytes);
    }

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
