using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Samplers;
using SarSynth.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Memory;

/// <summary>
/// Weights that are on the device for their block's call only; on the CPU the copies are made and counted too.
/// </summary>
public sealed class BlockOffloadTests : IDisposable
{
    // A watched normalisation is not computed together with what follows it, and copies lie elsewhere in memory: other
    // orders of the same sums. Each is within this of the float64 result (recorded: a UNet, the image of a pipeline),
    // so two are within twice that.
    private const double UNetRounding = 2 * 8.0e-6, ImageRounding = 2 * 9.8e-5;

    private readonly DisposeScope scope = NewDisposeScope();
    private readonly IDisposable noGradients = no_grad();

    public void Dispose()
    {
        noGradients.Dispose();
        scope.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void OneBlockIsThereAtATimeAndTheResultIsTheSame(bool mapped)
    {
        var folder = TestData.Golden("diffusion/unet_sdxl");
        using var unet = Open(folder, mapped);
        var before = Forward(unet, folder);
        var home = unet.conv_in.weight.detach();
        using (var offload = new BlockOffload(unet, CPU))
        {
            Goldens.Near("offloaded", Forward(unet, folder), before, UNetRounding);
            Assert.Equal(0, offload.ResidentBytes);
            Assert.Equal(4 * ModuleWeights.CountParameters(unet), offload.TotalBytes);
            // The largest block of this model: a residual block of the way up at the coarsest level, 64 to 32 channels.
            long largest = unet.named_modules().Where(m => m.Item2 is ResnetBlock2D or BasicTransformerBlock)
                .Max(m => 4 * ModuleWeights.CountParameters(m.Item2));
            Assert.Equal(largest, offload.PeakBytes);
            Assert.True(offload.PeakBytes < offload.TotalBytes / 10, $"{offload.PeakBytes} of {offload.TotalBytes}");
        }
        Assert.Equal(0, Goldens.MaxError(Forward(unet, folder), before));
        if (mapped)
            return;
        // The memory is the one from before: what is written there is the weight's.
        home.fill_(7);
        Assert.Equal(7, unet.conv_in.weight.detach().mean().ToDouble(), 1e-5);
    }

    [Fact]
    public void AWholePipelineRunsSoWithALora()
    {
        using var pipeline = TinyModels.Pipeline(new SamplerConfig { Kind = SamplerKind.Ddim });
        using var net = TinyModels.ControlNet();
        var generator = new Generator(41);
        var request = new GenerationRequest
        {
            Text = new() { Embeddings = new(randn([1, 77, 64], generator: generator),
                randn([1, 40], generator: generator)) },
            Steps = 2, Guidance = new(3), Height = 128, Width = 128,
            Control = new ControlInput(net, rand([1, 3, 128, 128], generator: generator), 0.5),
        };
        using var lora = Lora.Load(Path.Combine(Goldens.Folder("lora"), "attn.peft.safetensors"),
            new Dictionary<string, nn.Module> { ["unet"] = pipeline.Unet }, 0.5);
        var before = pipeline.Generate(request);
        using var condition = new BlockOffload(net, CPU);
        using var offloaded = pipeline.Offloaded(CPU);
        Goldens.Near("image", offloaded.Generate(request), before, ImageRounding);
        Assert.Equal(0, condition.ResidentBytes);
        Assert.True(condition.PeakBytes > 0);
    }

    [Theory]
    [InlineData("clip_text")]
    [InlineData("clip_text_proj")]
    public void TextEncodersTakeALayerAtATime(string name)
    {
        using nn.Module encoder = name == "clip_text" ? TinyModels.TextEncoder() : TinyModels.TextEncoder2();
        using var inputs = Goldens.Open(Goldens.Folder(name), "inputs");
        var ids = inputs.Read("input_ids");
        Tensor Encode() => encoder is CLIPTextModel first ? first.forward(ids).PoolerOutput
            : ((CLIPTextModelWithProjection)encoder).forward(ids).TextEmbeds!;
        var before = Encode();
        using var offload = new BlockOffload(encoder, CPU);
        Goldens.Near("text", Encode(), before, UNetRounding);
        // The table of tokens is the largest part of a tiny encoder.
        Assert.Equal(4 * encoder.named_parameters().Single(p =>
            p.Item1.EndsWith("token_embedding.weight", StringComparison.Ordinal))
            .Item2.NumberOfElements, offload.PeakBytes);
    }

    [Fact]
    public void ACallThatThrowsLeavesNothingBehindOnceDisposed()
    {
        var folder = TestData.Golden("diffusion/unet_sdxl");
        using var unet = Open(folder, mapped: false);
        var offload = new BlockOffload(unet, CPU);
        using var inputs = SafeTensorsFile.Open(Path.Combine(folder, "inputs.safetensors"));
        using var narrow = randn([2, 77, 63]);
        Assert.ThrowsAny<Exception>(() =>
            unet.forward(inputs.Read("base.sample"), inputs.Read("base.timestep"), narrow,
            inputs.Read("base.text_embeds"), inputs.Read("base.time_ids")));
        offload.Dispose();
        Assert.Equal(0, offload.ResidentBytes);
        Forward(unet, folder);
    }

    private static UNet2DConditionModel Open(string folder, bool mapped)
    {
        var unet = new UNet2DConditionModel(UNet2DConditionConfig.FromJson(File.ReadAllText(Path.Combine(folder,
            "config.json"))), device(DeviceType.META));
        using var weights = WeightFiles.Open(Path.Combine(folder, "weights.safetensors"));
        ModuleWeights.Load(unet, weights, new WeightOptions(Mapped: mapped));
        return unet;
    }

    private static Tensor Forward(UNet2DConditionModel unet, string folder)
    {
        using var inputs = SafeTensorsFile.Open(Path.Combine(folder, "inputs.safetensors"));
        return unet.forward(inputs.Read("base.sample"), inputs.Read("base.timestep"),
            inputs.Read("base.encoder_hidden_states"), inputs.Read("base.text_embeds"), inputs.Read("base.time_ids"));
    }
}
