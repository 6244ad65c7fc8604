using System.Text.Json;
using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Tests.Support;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Adapters;

/// <summary>DoRA against its formula, computed apart (tests/goldens/diffusion/dora.py).</summary>
public sealed class DoraTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly string folder = Directory.CreateTempSubdirectory("dora").FullName;

    public void Dispose()
    {
        scope.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    public static TheoryData<string, bool> Cases
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var one in All())
            {
                data.Add(one.GetProperty("name").GetString()!, true);
                if (one.GetProperty("axis").GetInt32() == 0) // PEFT has magnitudes of outputs alone.
                    data.Add(one.GetProperty("name").GetString()!, false);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void TheAdaptedWeightIsTheFormulas(string name, bool kohya)
    {
        var (module, layer, values) = Model(name);
        using var lora = Lora.Load(File(values, kohya), new Dictionary<string, nn.Module> { ["unet"] = module });
        var input = layer is Linear ? randn(3, values.Shape[1]) : randn(2, values.Shape[1], 6, 6);
        using var noGradients = no_grad();
        Tensor bias = layer is Linear linear ? linear.bias! : ((Conv2d)layer).bias!;
        Tensor With(Tensor weight) => layer is Linear ? nn.functional.linear(input, weight, bias)
            : nn.functional.conv2d(input, weight, bias, padding: [1, 1]);

        Goldens.Near("hooked", layer.call(input), With(values.Adapted), 2e-5);
        lora.Scale = 0.25;
        Goldens.Near("a quarter", layer.call(input), With(values.Weight * 0.75 + values.Adapted * 0.25), 2e-5);
        lora.Scale = 0;
        Goldens.Near("none", layer.call(input), With(values.Weight), 2e-5);
        lora.Scale = 1;
        lora.Fuse();
        Goldens.Near("fused", Lora.Weight(layer), values.Adapted, 1e-5);
        lora.Unfuse();
        Assert.Equal(0, Goldens.MaxError(Lora.Weight(layer), values.Weight));

        // Written and read again in every form that can hold it.
        foreach (var form in values.Axis == 0 ? new[] { false, true } : [true])
        {
            var again = Path.Combine(folder, $"again{form}.safetensors");
            lora.Save(again, kohya: form);
            var (copy, copied, _) = Model(name);
            using var read = Lora.Load(again, new Dictionary<string, nn.Module> { ["unet"] = copy });
            Goldens.Near($"written, kohya {form}", copied.call(input), With(values.Adapted), 2e-5);
        }
        if (values.Axis == 1)
            Assert.Throws<InvalidOperationException>(() => lora.Save(Path.Combine(folder, "no.safetensors")));
    }

    [Fact]
    public void ANewOneChangesNothingAndTrainsAllThree()
    {
        var (module, layer, values) = Model("linear_outputs");
        using var lora = Lora.Create(new Dictionary<string, nn.Module> { ["unet"] = module }, ["to_q"], rank: 2,
            dora: true);
        var input = randn(3, values.Shape[1]);
        using (no_grad())
            Goldens.Near("new", layer.call(input), nn.functional.linear(input, values.Weight, ((Linear)layer).bias),
                1e-6);
        Assert.Equal(["unet.to_q.lora_A.weight", "unet.to_q.lora_B.weight", "unet.to_q.lora_magnitude_vector"],
            lora.Parameters.Keys.Order(StringComparer.Ordinal));
        using (no_grad())
            lora.Parameters["unet.to_q.lora_B.weight"].add_(0.1);
        layer.call(input).square().sum().backward();
        Assert.All(lora.Parameters, p => Assert.True(p.Value.grad is { } g && g.abs().sum().ToDouble() > 0, p.Key));
    }

    [Theory]
    [InlineData("lora_unet_to_q.dora_scale", new long[] { 3, 1 })]
    [InlineData("lora_unet_to_q.dora_scale", new long[] { 1, 5 })]
    public void AMagnitudeThatDoesNotFitIsNamed(string key, long[] shape)
    {
        var (module, _, _) = Model("linear_outputs");
        var path = Path.Combine(folder, "wrong.safetensors");
        SafeTensors.Save(path, new Dictionary<string, Tensor>
        {
            ["lora_unet_to_q.lora_down.weight"] = ones(2, 7), ["lora_unet_to_q.lora_up.weight"] = ones(5, 2),
                [key] = ones(shape),
        });
        var error = Assert.Throws<CheckpointException>(() =>
            Lora.Load(path, new Dictionary<string, nn.Module> { ["unet"] = module }));
        Assert.Contains(key, error.Message);
    }

    private sealed record Values(
        long[] Shape, int Axis, double Alpha, Tensor Weight, Tensor Down, Tensor Up, Tensor Magnitude, Tensor Adapted);

    private static JsonElement[] All() =>
        [.. JsonDocument.Parse(System.IO.File.ReadAllText(TestData.Golden("diffusion/dora/cases.json")))
        .RootElement.EnumerateArray()];

    private (nn.Module Module, nn.Module<Tensor, Tensor> Layer, Values Values) Model(string name)
    {
        var json = All().Single(c => c.GetProperty("name").GetString() == name);
        Tensor Numbers(string field, params long[] shape) => tensor(
            json.GetProperty(field).EnumerateArray().Select(v => (float)v.GetDouble()).ToArray()).reshape(shape);
        long[] shape = [.. json.GetProperty("shape").EnumerateArray().Select(v => v.GetInt64())];
        long rank = json.GetProperty("rank").GetInt64();
        int axis = json.GetProperty("axis").GetInt32();
        var values = new Values(shape, axis, json.GetProperty("alpha").GetDouble(), Numbers("weight", shape),
            Numbers("down", [rank, .. shape[1..]]),
                Numbers("up", shape.Length == 2 ? [shape[0], rank] : [shape[0], rank, 1, 1]),
            Numbers("magnitude", -1), Numbers("adapted", shape));
        nn.Module<Tensor, Tensor> layer = shape.Length == 2 ? nn.Linear(shape[1], shape[0])
            : nn.Conv2d(shape[1], shape[0], 3, padding: 1);
        using (no_grad())
        {
            Lora.Weight(layer).copy_(values.Weight);
            layer.get_parameter("bias")!.fill_(0.3);
        }
        var module = new Holder(layer);
        return (module, layer, values);
    }

    private string File(Values values, bool kohya)
    {
        bool convolution = values.Shape.Length == 4;
        long count = values.Magnitude.numel();
        var path = Path.Combine(folder, "dora.safetensors");
        var metadata = new Dictionary<string, string>
        {
            ["lora_adapter_metadata"] = $"{{\"unet.r\": {values.Down.shape[0]}, \"unet.use_dora\": true,"
                + $" \"unet.lora_alpha\": {values.Alpha.ToString(System.Globalization.CultureInfo.InvariantCulture)}}}",
        };
        long[] ofKohya = values.Axis == 0 ? [count, 1] : [1, count];
        SafeTensors.Save(path, kohya
            ? new Dictionary<string, Tensor>
            {
                ["lora_unet_to_q.lora_down.weight"] = values.Down, ["lora_unet_to_q.lora_up.weight"] = values.Up,
                ["lora_unet_to_q.alpha"] = tensor((float)values.Alpha),
                ["lora_unet_to_q.dora_scale"] = values.Magnitude.reshape(convolution ? [.. ofKohya, 1, 1] : ofKohya),
            }
            : new Dictionary<string, Tensor>
            {
                ["unet.to_q.lora_A.weight"] = values.Down, ["unet.to_q.lora_B.weight"] = values.Up,
                ["unet.to_q.lora_magnitude_vector"] = convolution ? values.Magnitude.reshape(1, count, 1, 1)
                    : values.Magnitude,
            }, kohya ? null : metadata);
        return path;
    }

    private sealed class Holder : nn.Module
    {
        public Holder(nn.Module<Tensor, Tensor> layer)
            : base("holder") => register_module("to_q", layer);
    }
}
