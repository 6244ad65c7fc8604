using SarSynth.Diffusion.Checkpoints;
using SarSynth.Tests.Support;
using TorchSharp;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Checkpoints;

public sealed class ParityTests(ITestOutputHelper output) : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("parity").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    public static TheoryData<string> Folders => [.. Directory.GetDirectories(TestData.Golden("diffusion")).Where(f => File.Exists(Path.Combine(f, "config.json"))).Select(f => Path.GetFileName(f)!)];

    [Theory]
    [MemberData(nameof(Folders))]
    public void EveryRecordedOutputIsReproduced(string name)
    {
        var results = Parity.Walk(TestData.Golden($"diffusion/{name}")).ToList();
        foreach (var result in results)
            output.WriteLine($"{result.Output}: {result.Error:E2} (tolerance {result.Tolerance:E2})");
        Assert.All(results, r => Assert.True(r.Passes, $"{r.Folder}/{r.Output}: {r.Error} > {r.Tolerance}"));
        using var recorded = SafeTensorsFile.Open(TestData.Golden($"diffusion/{name}/outputs.safetensors"));
        Assert.Equal(recorded.Header.Entries.Select(e => e.Name).Order(), results.Select(r => r.Output).Where(o => !o.StartsWith("intermediates/")).Order());
        var between = TestData.Golden($"diffusion/{name}/intermediates.safetensors");
        if (File.Exists(between))
        {
            using var intermediates = SafeTensorsFile.Open(between);
            Assert.Equal(intermediates.Header.Entries.Count, results.Count(r => r.Output.StartsWith("intermediates/")));
        }
    }

    [Theory]
    [InlineData("unet_sdxl")]
    [InlineData("vae")]
    [InlineData("clip_text_proj")]
    public void Bfloat16HasTheNoiseOfItsLastPlaces(string name)
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
    public void AFolderWithoutCasesIsAnError() => Assert.Throws<CheckpointException>(() => Parity.Walk(folder).ToList());
}
