using System.Diagnostics;
using System.Text;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Checkpoints;

public sealed class SafeTensorsFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("safetensors").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void EveryTypeComesBackAsItWasWritten()
    {
        using var scope = NewDisposeScope();
        var values = new Dictionary<string, Tensor>();
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float64,
            ScalarType.Int64, ScalarType.Int32, ScalarType.Int16, ScalarType.Int8, ScalarType.Byte, ScalarType.Bool })
            values.Add($"layer.{type}", arange(0, 12, dtype: ScalarType.Float32).remainder(5).to(type).view(3, 4));
        values.Add("scalar", tensor(2.5f));
        values.Add("empty", zeros([0, 3]));
        values.Add("turned", arange(0, 6, dtype: ScalarType.Float32).view(2, 3).transpose(0, 1));
        var path = Path.Combine(folder, "all.safetensors");
        SafeTensors.Save(path, values, new Dictionary<string, string> { ["format"] = "pt", ["名"] = "\"quoted\"\n" });
        using var file = SafeTensorsFile.Open(path);
        Assert.Equal("\"quoted\"\n", file.Header.Metadata["名"]);
        Assert.Equal(values.Count, file.Header.Entries.Count);
        foreach (var (name, value) in values)
        {
            var back = file.Read(name);
            Assert.Equal(value.dtype, back.dtype);
            Assert.Equal(value.shape, back.shape);
            Assert.True(value.NumberOfElements == 0 || value.eq(back).all().ToBoolean(), name);
            Assert.Equal(0, file[name].Offset % SafeTensorsHeader.ElementSize(file[name].Type));
        }
        Assert.Single(Directory.GetFiles(folder));
    }

    [Fact]
    public void FilesThatWeWriteAreReadByPythonByteForByte()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(folder, "ours.safetensors");
        SafeTensors.Save(path, new Dictionary<string, Tensor>
        {
            ["b"] = arange(0, 6, dtype: ScalarType.Float32).view(2, 3),
            ["a"] = tensor(new long[] { -1, 1L << 40 }),
        });
        const string script = """
            import json, struct, sys
            data = open(sys.argv[1], 'rb').read()
            n = struct.unpack('<Q', data[:8])[0]
            assert n % 8 == 0
            h = json.loads(data[8:8 + n])
            begin, end = h['b']['data_offsets']
            print(h['b']['dtype'], h['b']['shape'], struct.unpack('<6f', data[8 + n + begin:8 + n + end]))
            begin, end = h['a']['data_offsets']
            print(h['a']['dtype'], h['a']['shape'], struct.unpack('<2q', data[8 + n + begin:8 + n + end]))
            """;
        using var python =
            Process.Start(new ProcessStartInfo("/usr/bin/python3",
            ["-c", script, path]) { RedirectStandardOutput = true })!;
        var output = python.StandardOutput.ReadToEnd();
        python.WaitForExit();
        Assert.Equal("F32 [2, 3] (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)\nI64 [2] (-1, 1099511627776)\n", output);
    }

    // OCP 8-bit floating point specification, revision 1.0, table 1: largest, smallest normal,
    // smallest subnormal, NaN, infinity.
    [Fact]
    public void EightBitFloatsHaveTheValuesOfTheirSpecification()
    {
        var header = Encoding.UTF8.GetBytes("""
            {"e4m3":{"dtype":"F8_E4M3","shape":[6],"data_offsets":[0,6]},
             "e5m2":{"dtype":"F8_E5M2","shape":[6],"data_offsets":[6,12]}}
            """);
        byte[] bytes = [.. BitConverter.GetBytes((long)header.Length), .. header, 0x7E, 0x08, 0x01, 0x7F, 0x38, 0xBC,
            0x7B, 0x04, 0x01, 0x7E, 0x7C, 0xC2];
        var path = Path.Combine(folder, "f8.safetensors");
        File.WriteAllBytes(path, bytes);
        using var scope = NewDisposeScope();
        using var file = SafeTensorsFile.Open(path);
        float Half(int power) => MathF.ScaleB(1, power);
        Assert.Equal([448f, Half(-6), Half(-9), float.NaN, 1f, -1.5f], file.Read("e4m3").data<float>().ToArray());
        Assert.Equal([57344f, Half(-14), Half(-16), float.NaN, float.PositiveInfinity, -3f],
            file.Read("e5m2").data<float>().ToArray());
        Assert.Equal(448f, file.Read("e4m3", ScalarType.BFloat16)[0].to(ScalarType.Float32).ToSingle());
    }

    [Fact]
    public void ShardsAreSplitBySizeAndFoundThroughTheirIndex()
    {
        using var scope = NewDisposeScope();
        var values = Enumerable.Range(0, 5).ToDictionary(i => $"t{i}", i => full([100], i, dtype: ScalarType.Float32));
        var written = SafeTensors.SaveSharded(folder, "diffusion_pytorch_model", values, shardBytes: 900,
            variant: "fp16");
        Assert.Equal(
            ["diffusion_pytorch_model.fp16-00001-of-00003.safetensors",
                "diffusion_pytorch_model.fp16-00002-of-00003.safetensors",
             "diffusion_pytorch_model.fp16-00003-of-00003.safetensors",
             "diffusion_pytorch_model.safetensors.index.fp16.json"],
            written.Select(Path.GetFileName));
        using var weights = WeightFiles.Open(folder, "fp16");
        Assert.Equal(5, weights.Names.Count);
        Assert.Equal(3f, weights.Read("t3").mean().ToSingle());
        Assert.Equal(4f, weights.TryMap("t4")!.mean().ToSingle());
    }

    [Fact]
    public void MappedTensorsOutliveTheirFileAndKeepWritesToThemselves()
    {
        var path = Path.Combine(folder, "map.safetensors");
        using var scope = NewDisposeScope();
        SafeTensors.Save(path, new Dictionary<string, Tensor> { ["a"] = ones([1000]), ["b"] = zeros([10]) });
        var before = File.ReadAllBytes(path);
        Tensor mapped;
        using (var weights = WeightFiles.Open(path))
            mapped = weights.TryMap("a")!;
        mapped.mul_(3);
        SafeTensors.Save(path, new Dictionary<string, Tensor> { ["a"] = zeros([1000]), ["b"] = zeros([10]) });
        Assert.Equal(3f, mapped.mean().ToSingle());
        Assert.NotEqual(before, File.ReadAllBytes(path));
    }

    [Theory]
    [InlineData("model.bin", "504B0304140000000800", "pickle")]
    [InlineData("model.ckpt", "80027D71002E80027D71", "pickle")]
    [InlineData("model.safetensors", "", "at least 10")]
    [InlineData("model.safetensors", "0A00000000000000", "truncated")]
    [InlineData("model.safetensors", "3C21444F43545950452068746D6C3E", "at most")]
    public void ForeignFilesAreRefusedWithTheReason(string name, string hex, string expected)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllBytes(path, Convert.FromHexString(hex));
        var error = Assert.Throws<CheckpointException>(() => SafeTensorsFile.Open(path));
        Assert.Contains(path, error.Message);
        Assert.Contains(expected, error.Message);
    }

    [Fact]
    public void AFolderOfPicklesSaysWhatToDo()
    {
        File.WriteAllBytes(Path.Combine(folder, "diffusion_pytorch_model.bin"), [1, 2, 3]);
        var error = Assert.Throws<CheckpointException>(() => WeightFiles.Open(folder));
        Assert.Contains("diffusion_pytorch_model.bin", error.Message);
        Assert.Contains("safetensors.torch.save_file", error.Message);
    }

    [Fact]
    public void AWriteThatFailsLeavesTheOldFile()
    {
        var path = Path.Combine(folder, "old.safetensors");
        using var scope = NewDisposeScope();
        SafeTensors.Save(path, new Dictionary<string, Tensor> { ["a"] = ones([2]) });
        var before = File.ReadAllBytes(path);
        var complex = torch.complex(ones([2]), ones([2]));
        var error = Assert.Throws<CheckpointException>(() =>
            SafeTensors.Save(path, new Dictionary<string, Tensor> { ["c"] = complex }));
        Assert.Contains("'c'", error.Message);
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Single(Directory.GetFiles(folder));
    }

    [Fact]
    public void AnIndexThatLiesIsNamed()
    {
        using var scope = NewDisposeScope();
        SafeTensors.Save(Path.Combine(folder, "one.safetensors"), new Dictionary<string, Tensor> { ["a"] = ones([2]) });
        var index = Path.Combine(folder, "model.safetensors.index.json");
        File.WriteAllText(index, """{"weight_map":{"a":"one.safetensors","b":"one.safetensors"}}""");
        Assert.Contains("'b'", Assert.Throws<CheckpointException>(() => WeightFiles.Open(index)).Message);
        File.WriteAllText(index, """{"weight_map":{"a":"../one.safetensors"}}""");
        Assert.Contains("without folders", Assert.Throws<CheckpointException>(() => WeightFiles.Open(index)).Message);
        File.WriteAllText(index, """{"weights":{}}""");
        Assert.Contains("weight_map", Assert.Throws<CheckpointException>(() => WeightFiles.Open(index)).Message);
    }
}
