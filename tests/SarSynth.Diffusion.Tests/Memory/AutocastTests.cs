using System.Text.Json;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Training;
using SarSynth.Tests.Support;
using TorchSharp;
using TorchSharp.Modules;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Memory;

public sealed class AutocastTests(ITestOutputHelper output) : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    /// <summary>UNets with PyTorch's own errors under torch.autocast.</summary>
    public static TheoryData<string> Measured =>
        [.. Directory.EnumerateFiles(TestData.Golden("diffusion/variants"), "autocast.json",
        SearchOption.AllDirectories)
        .Select(f => Path.GetFileName(Path.GetDirectoryName(f)!)).Order(StringComparer.Ordinal)];

    [Fact]
    public void WithoutMastersItPredictsTheSameInHalfOfTheMemory()
    {
        var folder = Path.GetDirectoryName(Directory.EnumerateFiles(
            TestData.Golden("diffusion/variants"), "autocast.json", SearchOption.AllDirectories).Order().First())!;
        using var kept = Open(folder);
        using var let = Open(folder);
        var before = let.parameters().Sum(p => p.NumberOfElements * p.ElementSize);
        using var with = new Autocast(kept);
        using var without = new Autocast(let, keepMasters: false);
        Assert.True(Predict(kept, folder).equal(Predict(let, folder)).all().item<bool>());
        var after = let.parameters().Concat(without.Masters.Values).Distinct()
            .Sum(p => p.NumberOfElements * p.ElementSize);
        Assert.InRange(after, before / 2, 0.6 * before);
        Assert.All(without.Masters.Values, p => Assert.Equal(ScalarType.Float32, p.dtype));
    }

    [Theory]
    [MemberData(nameof(Measured))]
    public void GradientsAreAsNearAsPyTorchs(string name)
    {
        var folder = TestData.Golden($"diffusion/variants/{name}");
        using var recorded = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "autocast.json")));
        double Of(string field) => recorded.RootElement.GetProperty(field).GetDouble();
        using var unet = Open(folder);
        var exact = Gradients(unet, folder, out var loss);
        Assert.Equal(1, loss / Of("loss"), 1e-5);
        Assert.Equal(1, Norm(exact.Values) / Of("gradient_norm"), 1e-4);

        // One draw of rounding noise says little: eight samples that differ by a thousandth, as in the recording.
        using var low = Open(folder);
        using var autocast = new Autocast(low);
        var generator = new Generator(31);
        double squares = 0;
        const int draws = 8;
        for (var i = 0; i < draws; i++)
        {
            using var inner = NewDisposeScope();
            using var inputs = SafeTensorsFile.Open(Path.Combine(folder, "inputs.safetensors"));
            var sample = inputs.Read("base.sample").mul(randn(inputs["base.sample"].Shape.ToArray(),
                generator: generator).mul(1e-3).add(1));
            exact = Gradients(unet, folder, out loss, sample);
            Predict(low, folder, sample).to(ScalarType.Float32).square().mean().backward();
            autocast.CollectGradients();
            var difference = Norm(exact.Select(e =>
                autocast.Masters[e.Key].grad!.to(ScalarType.Float64) - e.Value)) / Norm(exact.Values);
            squares += difference * difference;
            foreach (var master in autocast.Masters.Values)
            {
                Assert.Equal(ScalarType.Float32, (master.grad ?? master).dtype);
                master.grad?.zero_();
            }
        }
        var error = Math.Sqrt(squares / draws);
        output.WriteLine($"gradients {error:g3}, PyTorch {Of("gradient_error"):g3}");
        Assert.InRange(error, 1e-4, 1.5 * Of("gradient_error"));
    }

    [Fact]
    public void LayersComputeInTheirTypesAndTheModelComesBackAsItWas()
    {
        var folder = TestData.Golden("diffusion/variants/unet_refiner");
        using var unet = Open(folder);
        using var noGradients = no_grad();
        var before = Predict(unet, folder);
        var types = new Dictionary<string, ScalarType>();
        using (new Autocast(unet))
        {
            var removers = new List<Action>();
            foreach (var (path, layer) in unet.named_modules())
                if (layer is Linear or Convolution or GroupNorm or LayerNorm)
                {
                    var remover = ((nn.Module<Tensor, Tensor>)layer).register_forward_hook((_, _, made) =>
                    {
                        types[path] = made.dtype;
                        return made;
                    });
                    removers.Add(remover.remove);
                }
            Assert.Equal(ScalarType.BFloat16, Predict(unet, folder).dtype);
            removers.ForEach(remove => remove());
            var modules = unet.named_modules().ToDictionary(m => m.Item1, m => m.Item2);
            Assert.All(types, t =>
                Assert.Equal(modules[t.Key] is GroupNorm or LayerNorm ? ScalarType.Float32 : ScalarType.BFloat16,
                t.Value));
            Assert.True(types.Count > 50);
        }
        Assert.All(unet.parameters(), p => Assert.Equal(ScalarType.Float32, p.dtype));
        Assert.Equal(0, Goldens.MaxError(Predict(unet, folder), before));
    }

    [Theory]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void WeightsOf16BitsAreTakenAsTheyAreWhereNoMastersAreKept(ScalarType stored)
    {
        var folder = TestData.Golden("diffusion/variants/unet_refiner");
        using var noGradients = no_grad();
        Tensor Made(bool throughFloat32)
        {
            using var unet = Open(folder);
            unet.to(stored);
            if (throughFloat32)
                unet.to(ScalarType.Float32);
            using var autocast = new Autocast(unet, keepMasters: false);
            return Predict(unet, folder);
        }
        Assert.Equal(0, Goldens.MaxError(Made(throughFloat32: false), Made(throughFloat32: true)));
    }

    [Fact]
    public void TheTrainerStepsFloat32Masters()
    {
        var folder = TestData.Golden("diffusion/variants/unet_refiner");
        double[] Losses(bool low, double? scale = null)
        {
            using var unet = Open(folder);
            using var autocast = low ? new Autocast(unet) : null;
            var parameters = autocast?.Masters ?? unet.named_parameters().ToDictionary(p => p.Item1, p => p.Item2);
            var losses = new List<double>();
            // A step of 1e-5 is below what bfloat16 can hold of most weights: only float32 masters move.
            Trainer.Run(new TrainerOptions { Steps = 8, LearningRate = 1e-5, Accumulation = 2, Autocast = autocast,
                LossScale = scale }, parameters, _ => 0,
                (_, _) => Predict(unet, folder).to(ScalarType.Float32).square().mean(), p => losses.Add(p.Loss));
            Assert.All(parameters.Values, p => Assert.Equal(ScalarType.Float32, p.dtype));
            return [.. losses];
        }
        double[] exact = Losses(false), low = Losses(true), scaled = Losses(true, scale: 1 << 16);
        output.WriteLine($"float32 {exact[0]:g6} to {exact[^1]:g6}, autocast {low[0]:g6} to {low[^1]:g6}");
        Assert.True(exact[^1] < exact[0]);
        Assert.InRange(low[0] - low[^1], (exact[0] - exact[^1]) / 2, (exact[0] - exact[^1]) * 2);
        // A power of two changes no bit of a gradient.
        Assert.Equal(low, scaled);
    }

    [Fact]
    public void AStepWhoseGradientsOverflowChangesNothingAndHalvesTheScale()
    {
        var weight = new Parameter(ones(4));
        var values = new List<double>();
        var options = new TrainerOptions { Steps = 4, LearningRate = 0.1, ClipNorm = null, LossScale = 65536,
            Optimizer = new AdamWOptions(WeightDecay: 0) };
        Trainer.Run(options, new Dictionary<string, Parameter> { ["w"] = weight }, step => step.Step, (step, _) =>
            weight.square().sum().mul(step == 1 ? 1e35 : 1),
            _ => values.Add(weight[0].ToDouble()));
        Assert.NotEqual(1, values[0]);
        Assert.Equal(values[0], values[1]);
        Assert.NotEqual(values[1], values[2]);
        Assert.All(values, v => Assert.True(double.IsFinite(v)));
    }

    [Fact]
    public void WhatAutocastCannotTakeIsNamed()
    {
        using var unet = Open(TestData.Golden("diffusion/variants/unet_lcm"));
        Assert.Contains("Float64", Assert.Throws<ArgumentException>(() => new Autocast(unet, ScalarType.Float64))
            .Message);
        unet.conv_in.to(ScalarType.BFloat16);
        Assert.Contains("conv_in.weight", Assert.Throws<ArgumentException>(() => new Autocast(unet)).Message);
    }

    private static UNet2DConditionModel Open(string folder)
    {
        var unet = new UNet2DConditionModel(UNet2DConditionConfig.FromJson(File.ReadAllText(Path.Combine(folder,
            "config.json"))));
        using var weights = WeightFiles.Open(Path.Combine(folder, "weights.safetensors"));
        ModuleWeights.CopyInto(unet, weights);
        return unet;
    }

    private static Tensor Predict(UNet2DConditionModel unet, string folder, Tensor? sample = null)
    {
        using var inputs = SafeTensorsFile.Open(Path.Combine(folder, "inputs.safetensors"));
        Tensor? Input(string name) => inputs.Contains("base." + name) ? inputs.Read("base." + name) : null;
        return unet.forward(sample ?? Input("sample")!, Input("timestep")!, Input("encoder_hidden_states")!,
            Input("text_embeds"), Input("time_ids"), Input("class_labels"), Input("timestep_cond"));
    }

    private static Dictionary<string, Tensor> Gradients(UNet2DConditionModel unet, string folder, out double loss,
        Tensor? sample = null)
    {
        foreach (var parameter in unet.parameters())
            parameter.grad?.zero_();
        var value = Predict(unet, folder, sample).to(ScalarType.Float32).square().mean();
        value.backward();
        loss = value.ToDouble();
        return unet.named_parameters().Where(p => p.Item2.grad is not null)
            .ToDictionary(p => p.Item1, p => p.Item2.grad!.to(ScalarType.Float64));
    }

    private static double Norm(IEnumerable<Tensor> tensors) => Math.Sqrt(tensors.Sum(t => t.square().sum().ToDouble()));
}
