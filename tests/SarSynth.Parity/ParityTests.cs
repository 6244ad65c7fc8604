using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Tests.Support;
using TorchSharp;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace SarSynth.Parity;

public sealed class ParityTests(ITestOutputHelper output) : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("parity").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>
    /// Every case folder of the full collection, where it is there, and of the committed goldens that are not in it.
    /// </summary>
    public static TheoryData<string> Folders =>
        [.. new[] { TestData.Optional("goldens"), TestData.Golden("diffusion") }.Where(Directory.Exists)
        .SelectMany(root => Parity.Folders(root).Select(folder => (folder, name: Path.GetRelativePath(root, folder))))
            .DistinctBy(f => f.name).Select(f => f.folder)];

    [Theory]
    [MemberData(nameof(Folders))]
    public void EveryRecordedOutputIsReproduced(string path)
    {
        var results = Parity.Walk(path).ToList();
        foreach (var result in results)
            output.WriteLine($"{result.Output}: {result.Error:E2} (tolerance {result.Tolerance:E2})");
        // An output that nothing was compared with is a result that does not pass.
        Assert.All(results, r =>
            Assert.True(r.Passes, $"{r.Folder}/{r.Output}: {r.Error:g3}, tolerance {r.Tolerance:g3}"));
        Assert.NotEmpty(results);
    }

    [Fact]
    public void EveryKindOfFolderIsFound() =>
        Assert.Superset(new HashSet<string> { "unet_sdxl", "vae", "controlnet_sdxl", "clip_text", "euler", "schedulers",
            "cn_euler_window", "lora", "training" },
            Parity.Folders(TestData.Golden("diffusion")).Select(f => Path.GetFileName(f)!).ToHashSet());

    /// <summary>The folders with PyTorch's own bfloat16 errors.</summary>
    public static TheoryData<string> Measured =>
        [.. Directory.EnumerateFiles(TestData.Golden("diffusion"), "half_precision.json", SearchOption.AllDirectories)
        .Select(f => Path.GetRelativePath(TestData.Golden("diffusion"), Path.GetDirectoryName(f)!))
            .Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Measured))]
    public void Bfloat16IsAsNearAsPyTorchs(string name)
    {
        var results = Parity.Walk(TestData.Golden($"diffusion/{name}"), dtype: ScalarType.BFloat16).ToList();
        foreach (var result in results)
            output.WriteLine($"{result.Output}: {result.Error:E2} (tolerance {result.Tolerance:E2})");
        Assert.All(results, r => Assert.True(r.Passes, $"{r.Folder}/{r.Output}: {r.Error} > {r.Tolerance}"));
    }

    [Fact]
    public void AWrongWeightIsSeen()
    {
        foreach (var file in Directory.GetFiles(TestData.Golden("diffusion/unet_sd15")))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> values;
        using (var weights = WeightFiles.Open(folder))
            values = weights.Names.ToDictionary(n => n, n => weights.Read(n));
        values["mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight"].mul_(1.01);
        SafeTensors.Save(Path.Combine(folder, "weights.safetensors"), values);
        Assert.Contains(Parity.Walk(folder), r => !r.Passes);
    }

    [Fact]
    public void AnOutputThatNothingIsComparedWithDoesNotPass()
    {
        foreach (var file in Directory.GetFiles(TestData.Golden("diffusion/unet_sd15")))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> values;
        using (var recorded = SafeTensorsFile.Open(Path.Combine(folder, "outputs.safetensors")))
            values = recorded.Header.Entries.ToDictionary(e => e.Name, e => recorded.Read(e.Name));
        values["base.attention_maps"] = zeros(2);
        SafeTensors.Save(Path.Combine(folder, "outputs.safetensors"), values);
        var miss = Assert.Single(Parity.Walk(folder), r => !r.Passes);
        Assert.StartsWith("base.attention_maps", miss.Output);
    }

    [Theory]
    [InlineData("""{"_class_name": "Transformer2DModel"}""", "Transformer2DModel")]
    [InlineData("""{"_class_name": "UNet2DConditionModel", "attention_maps": true}""", "attention_maps")]
    [InlineData("{", "config.json")]
    public void AFolderThatCannotBeRunIsAMissThatSaysWhy(string config, string named)
    {
        foreach (var file in Directory.GetFiles(TestData.Golden("diffusion/unet_sd15")))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        File.WriteAllText(Path.Combine(folder, "config.json"), config);
        var miss = Assert.Single(Parity.Walk(folder));
        Assert.False(miss.Passes);
        Assert.Contains(named, miss.Output);
    }

    [Fact]
    public void TheCommandsExitCodeTellsWhatWasFound()
    {
        Assert.Equal(0, Program.Main(["--help"]));
        Assert.Equal(0, Program.Main([TestData.Golden("diffusion/lora"), "--json"]));
        Assert.Equal(2, Program.Main([]));
        Assert.Equal(2, Program.Main([folder]));
        Assert.Equal(2, Program.Main([Path.Combine(folder, "not there")]));
        Assert.Equal(2, Program.Main([folder, "--threads", "0"]));
        File.WriteAllText(Path.Combine(folder, "config.json"), "{");
        File.Copy(TestData.Golden("diffusion/lora/outputs.safetensors"), Path.Combine(folder, "outputs.safetensors"));
        Assert.Equal(1, Program.Main([folder]));
    }

    [Fact]
    public void AFolderWithoutCasesIsAnError() =>
        Assert.Throws<CheckpointException>(() => Parity.Walk(folder).ToList());
}
