using System.Text.Json.Nodes;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Models;

public sealed class ConfigTests
{
    private static string Config(string name) =>
        File.ReadAllText(Path.Combine(TestData.Root, "tests/SarSynth.Diffusion.Tests/Models/Configs", $"{name}.json"));

    // Counted in diffusers; SD 1.5 and 2.1 as their authors publish them.
    [Theory]
    [InlineData("unet-sdxl", 2_567_463_684)]
    [InlineData("unet-sd15", 859_520_964)]
    [InlineData("unet-sd21", 865_910_724)]
    [InlineData("controlnet-sdxl", 1_251_014_160)]
    [InlineData("controlnet-sd15", 361_279_120)]
    [InlineData("vae-sdxl", 83_653_863)]
    [InlineData("text-encoder", 123_060_480)]
    [InlineData("text-encoder-2", 694_659_840)]
    public void FullSizeModelsHaveTheirPublishedParameterCounts(string name, long expected)
    {
        using var model = Create(name, device(DeviceType.META));
        Assert.Equal(expected, ModuleWeights.CountParameters(model));
        Assert.All(model.parameters(), p => Assert.Equal(DeviceType.META, p.device_type));
    }

    [Fact]
    public void TheRefinerHasItsOwnShapes()
    {
        using var model = Create("unet-sdxl-refiner", device(DeviceType.META));
        var shapes = model.named_parameters().ToDictionary(p => p.Item1, p => p.Item2.shape);
        Assert.Equal([1536L, 2560L], shapes["add_embedding.linear_1.weight"]);
        Assert.Equal([1536L, 1280L], shapes["mid_block.attentions.0.transformer_blocks.3.attn2.to_k.weight"]);
        Assert.Equal([768L, 384L, 1L, 1L], shapes["down_blocks.1.resnets.0.conv_shortcut.weight"]);
    }

    [Theory]
    [InlineData("unet-sdxl")]
    [InlineData("unet-sd21")]
    [InlineData("controlnet-sdxl")]
    [InlineData("vae-sdxl")]
    [InlineData("text-encoder-2")]
    public void AnUnknownFieldIsNamed(string name)
    {
        var fields = JsonNode.Parse(Config(name))!.AsObject();
        fields["gated_attention"] = true;
        var error = Assert.Throws<CheckpointException>(() => Parse(name, fields.ToJsonString()));
        Assert.Contains("unknown field 'gated_attention'", error.Message);
    }

    [Theory]
    [InlineData("unet-sdxl", "down_block_types", """["DownBlock2D","SimpleCrossAttnDownBlock2D","DownBlock2D"]""",
        "'SimpleCrossAttnDownBlock2D'")]
    [InlineData("unet-sdxl", "up_block_types", """["UpBlock2D","AttnUpBlock2D","UpBlock2D"]""", "'AttnUpBlock2D'")]
    [InlineData("unet-sdxl", "mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\"", "mid_block_type")]
    [InlineData("unet-sdxl", "addition_embed_type", "\"image\"", "'image'")]
    [InlineData("unet-sdxl", "attention_head_dim", "[5,10]", "attention_head_dim")]
    [InlineData("unet-sdxl", "attention_head_dim", "[7,10,20]", "attention_head_dim")]
    [InlineData("unet-sdxl", "block_out_channels", "[320,650,1280]", "block_out_channels")]
    [InlineData("unet-sdxl", "dual_cross_attention", "true", "dual_cross_attention")]
    [InlineData("unet-sdxl", "in_channels", "\"four\"", "in_channels")]
    [InlineData("unet-sdxl", "block_out_channels", "null", "block_out_channels")]
    [InlineData("controlnet-sdxl", "controlnet_conditioning_channel_order", "\"gbr\"", "'gbr'")]
    [InlineData("vae-sdxl", "down_block_types",
        """["DownEncoderBlock2D","DownEncoderBlock2D","AttnDownEncoderBlock2D","DownEncoderBlock2D"]""",
        "'AttnDownEncoderBlock2D'")]
    [InlineData("text-encoder", "hidden_act", "\"relu\"", "'relu'")]
    public void AValueThatIsNotSupportedIsNamed(string name, string field, string value, string expected)
    {
        var fields = JsonNode.Parse(Config(name))!.AsObject();
        fields[field] = JsonNode.Parse(value);
        var error = Assert.Throws<CheckpointException>(() => Parse(name, fields.ToJsonString()));
        Assert.Contains(expected, error.Message);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"in_channels":4,"in_channels":8}""")]
    public void TextThatIsNoConfigurationIsRefused(string json) =>
        Assert.Throws<CheckpointException>(() => UNet2DConditionConfig.FromJson(json, "config.json"));

    [Theory]
    [InlineData("unet-sd15")]
    [InlineData("unet-sdxl")]
    [InlineData("unet-sdxl-refiner")]
    public void AConfigurationComesBackAsItWasWritten(string name)
    {
        var config = UNet2DConditionConfig.FromJson(Config(name));
        var fields = JsonNode.Parse(config.ToJson())!.AsObject();
        Assert.Equal("UNet2DConditionModel", (string?)fields["_class_name"]);
        foreach (var (field, value) in JsonNode.Parse(Config(name))!.AsObject()
            .Where(f => f.Key != "_diffusers_version"))
            Assert.True(JsonNode.DeepEquals(value, fields[field]) || double.TryParse($"{value}", out var a)
                && a == double.Parse($"{fields[field]}"), $"{field}: {value} became {fields[field]}");
        Assert.Equal(config.ToJson(), UNet2DConditionConfig.FromJson(config.ToJson()).ToJson());
    }

    private static void Parse(string name, string json)
    {
        switch (name.Split('-')[0])
        {
            case "unet": UNet2DConditionConfig.FromJson(json, name); break;
            case "controlnet": ControlNetConfig.FromJson(json, name); break;
            case "vae": AutoencoderKLConfig.FromJson(json, name); break;
            default: CLIPTextConfig.FromJson(json, name); break;
        }
    }

    private static nn.Module Create(string name, Device device) => name switch
    {
        "vae-sdxl" => new AutoencoderKL(AutoencoderKLConfig.FromJson(Config(name)), device),
        "text-encoder" => new CLIPTextModel(CLIPTextConfig.FromJson(Config(name)), device),
        "text-encoder-2" => new CLIPTextModelWithProjection(CLIPTextConfig.FromJson(Config(name)), device),
        _ when name.StartsWith("controlnet") => new ControlNetModel(ControlNetConfig.FromJson(Config(name)), device),
        _ => new UNet2DConditionModel(UNet2DConditionConfig.FromJson(Config(name)), device),
    };
}
