using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tiling;
using SarSynth.Diffusion.Tokenizers;
using SarSynth.Diffusion.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests;

/// <summary>The default device is the process's: these tests run while nothing else does.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class WholeProcess
{
    public const string Name = "whole process";
}

/// <summary>
/// Every tensor is made where the model is. Without a GPU: the default device is "meta" and the models are on the CPU
/// by name; a tensor made without saying where lands on meta, and no operator takes both.
/// </summary>
[Collection(WholeProcess.Name)]
public sealed class PlacementTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly Device before = get_default_device();
    private readonly string folder = Directory.CreateTempSubdirectory("placement").FullName;
    private readonly ClipTokenizer tokenizer = ClipTokenizer.Train(["a radar image of a forest"], 560);

    public PlacementTests() => set_default_device(device(DeviceType.META));

    public void Dispose()
    {
        set_default_device(before);
        scope.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void TheTrickFindsATensorThatWasMadeAnywhere() =>
        Assert.ThrowsAny<Exception>(() => ones(3).add(ones([3], device: CPU)));

    [Theory]
    [InlineData(SamplerKind.Ddim, false)]
    [InlineData(SamplerKind.Euler, true)]
    [InlineData(SamplerKind.DpmSolver, false)]
    [InlineData(SamplerKind.Lcm, true)]
    public void AnImageIsMadeWhereTheModelIs(SamplerKind kind, bool tiled)
    {
        using var pipeline = Pipeline(kind);
        using var net = TinyModels.ControlNet();
        using var image = pipeline.Generate(new()
        {
            Text = new("a radar image of a forest") { Negative = "a town" }, Height = 128, Width = 128, Steps = 2,
            Guidance = new(4, 0.5), Eta = 0.5,
            Control = new ControlInput(net, Uniform([1, 3, 128, 128])), Tiling = tiled ? new TileGrid(12, 4) : null,
        });
        Finite(image);
    }

    [Fact]
    public void AnImageIsPaintedIntoAnotherWhereTheModelIs()
    {
        using var pipeline = Pipeline(SamplerKind.Ddim);
        using var image = pipeline.Generate(new()
        {
            Text = new("a forest"), Height = 128, Width = 128, Steps = 3, Guidance = new(4),
            Start = new(Uniform([1, 3, 128, 128]), Mask: ones([1, 1, 128, 128], device: CPU)),
        });
        Finite(image);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void LowRankUpdatesAreTrainedWhereTheModelIs(bool dora, bool mixed)
    {
        using var unet = TinyModels.Unet();
        foreach (var parameter in unet.parameters())
            parameter.requires_grad_(false);
        unet.BlockRunner = GradientCheckpointing.Run;
        var components = new Dictionary<string, nn.Module> { ["unet"] = unet };
        using var lora = Lora.Create(components, ["to_q", "to_v"], rank: 2, dora: dora);
        using var cast = mixed ? new Autocast(unet) : null;
        Train(lora.Parameters, unet);
        var file = Path.Combine(folder, "lora.safetensors");
        lora.Save(file, kohya: true);
        lora.Fuse();
        lora.Unfuse();
        using var read = Lora.Load(file, components);
        Assert.All(read.Parameters.Values, p => Assert.Equal(DeviceType.CPU, p.device_type));
    }

    [Fact]
    public void AControlNetIsTrainedWhereTheModelIs()
    {
        using var unet = TinyModels.Unet();
        using var net = ControlNetModel.FromUNet(unet, 3, [16, 32]);
        Train(net.named_parameters().ToDictionary(p => p.Item1, p => p.Item2), unet, net);
    }

    [Fact]
    public void ALearnedTokenIsTrainedWhereTheModelIs()
    {
        using var encoder = TinyModels.TextEncoder();
        using var word = LearnedToken.Create("<sar>", tokenizer, encoder.TokenEmbedding, like: "forest", vectors: 2);
        var ids = tensor(tokenizer.EncodePadded("a <sar> image").Ids, ScalarType.Int64, CPU).unsqueeze(0);
        using var result = Trainer.Run(Options, new Dictionary<string, Parameter> { ["<sar>"] = word.Vectors }, _ => 0,
            (_, _) => encoder.forward(ids).LastHiddenState.square().mean());
        Assert.True(double.IsFinite(result.LastLoss));
        word.Bake();
        word.Save(Path.Combine(folder, "sar.safetensors"));
        using var read = LearnedToken.Load(Path.Combine(folder, "sar.safetensors"),
            ClipTokenizer.Train(["a forest"], 560), encoder.TokenEmbedding);
        Assert.Equal(DeviceType.CPU, read.Vectors.device_type);
    }

    private TrainerOptions Options =>
        new() { Steps = 2, Folder = Path.Combine(folder, "run"), Ema = new(), ClipNorm = 1 };

    private void Train(IReadOnlyDictionary<string, Parameter> parameters, UNet2DConditionModel unet,
        ControlNetModel? net = null)
    {
        var schedule = NoiseSchedule.Create();
        Tensor latents = Uniform([2, 4, 16, 16]), text = Uniform([2, 77, 64]), pooled = Uniform([2, 40]),
            sizes = Uniform([2, 6]);
        var condition = Uniform([2, 3, 32, 32]);
        using var result = Trainer.Run(Options, parameters, _ => 0, (_, step) =>
            DiffusionLoss.Draw(schedule, (noisy, t) =>
        {
            using var residuals = net?.forward(noisy, t, text, condition, 1, false, pooled, sizes);
            return unet.forward(noisy, t, text, pooled, sizes,
                down_block_additional_residuals: residuals?.Down, mid_block_additional_residual: residuals?.Mid);
        }, latents, step.Generator, minSnrGamma: 5));
        Assert.True(double.IsFinite(result.LastLoss));
    }

    private LatentDiffusion Pipeline(SamplerKind kind)
    {
        var pipeline = TinyModels.Pipeline(new SamplerConfig { Kind = kind });
        return pipeline with { Prompts = pipeline.Prompts with { Tokenizer = tokenizer, Tokenizer2 = tokenizer } };
    }

    private static Tensor Uniform(long[] shape) => rand(shape, device: CPU, generator: new Generator(5));

    private static void Finite(Tensor image)
    {
        Assert.Equal(DeviceType.CPU, image.device_type);
        Assert.True(image.isfinite().all().item<bool>());
    }
}
