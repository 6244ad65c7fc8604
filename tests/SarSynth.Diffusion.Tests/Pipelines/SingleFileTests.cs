using System.Text.Json.Nodes;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Samplers;
using SarSynth.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Pipelines;

/// <summary>Single files with the original key names, written here by a table of SDXL's blocks.</summary>
public sealed class SingleFileTests : IDisposable
{
    // Three levels of two residual layers, as SDXL has them: what its published file calls each block.
    private static readonly (string Own, string Original)[] UnetBlocks =
    [
        ("conv_in.", "input_blocks.0.0."), ("conv_norm_out.", "out.0."), ("conv_out.", "out.2."),
        ("time_embedding.linear_1.", "time_embed.0."), ("time_embedding.linear_2.", "time_embed.2."),
        ("add_embedding.linear_1.", "label_emb.0.0."), ("add_embedding.linear_2.", "label_emb.0.2."),
        ("down_blocks.0.resnets.0.", "input_blocks.1.0."), ("down_blocks.0.resnets.1.", "input_blocks.2.0."),
        ("down_blocks.0.downsamplers.0.conv.", "input_blocks.3.0.op."),
        ("down_blocks.1.resnets.0.", "input_blocks.4.0."), ("down_blocks.1.attentions.0.", "input_blocks.4.1."),
        ("down_blocks.1.resnets.1.", "input_blocks.5.0."), ("down_blocks.1.attentions.1.", "input_blocks.5.1."),
        ("down_blocks.1.downsamplers.0.conv.", "input_blocks.6.0.op."),
        ("down_blocks.2.resnets.0.", "input_blocks.7.0."), ("down_blocks.2.attentions.0.", "input_blocks.7.1."),
        ("down_blocks.2.resnets.1.", "input_blocks.8.0."), ("down_blocks.2.attentions.1.", "input_blocks.8.1."),
        ("mid_block.resnets.0.", "middle_block.0."), ("mid_block.attentions.0.", "middle_block.1."),
        ("mid_block.resnets.1.", "middle_block.2."),
        ("up_blocks.0.resnets.0.", "output_blocks.0.0."), ("up_blocks.0.attentions.0.", "output_blocks.0.1."),
        ("up_blocks.0.resnets.1.", "output_blocks.1.0."), ("up_blocks.0.attentions.1.", "output_blocks.1.1."),
        ("up_blocks.0.resnets.2.", "output_blocks.2.0."), ("up_blocks.0.attentions.2.", "output_blocks.2.1."),
        ("up_blocks.0.upsamplers.0.conv.", "output_blocks.2.2.conv."),
        ("up_blocks.1.resnets.0.", "output_blocks.3.0."), ("up_blocks.1.attentions.0.", "output_blocks.3.1."),
        ("up_blocks.1.resnets.1.", "output_blocks.4.0."), ("up_blocks.1.attentions.1.", "output_blocks.4.1."),
        ("up_blocks.1.resnets.2.", "output_blocks.5.0."), ("up_blocks.1.attentions.2.", "output_blocks.5.1."),
        ("up_blocks.1.upsamplers.0.conv.", "output_blocks.5.2.conv."),
        ("up_blocks.2.resnets.0.", "output_blocks.6.0."), ("up_blocks.2.resnets.1.", "output_blocks.7.0."),
        ("up_blocks.2.resnets.2.", "output_blocks.8.0."),
    ];

    private static readonly (string Own, string Original)[] ResnetParts =
    [
        ("norm1.", "in_layers.0."), ("conv1.", "in_layers.2."), ("time_emb_proj.", "emb_layers.1."),
            ("norm2.", "out_layers.0."),
        ("conv2.", "out_layers.3."), ("conv_shortcut.", "skip_connection."),
    ];

    private static readonly (string Own, string Original)[] VaeBlocks =
    [
        ("encoder.down_blocks.", "encoder.down."), ("downsamplers.0.", "downsample."), ("upsamplers.0.", "upsample."),
        (".resnets.", ".block."), ("conv_shortcut", "nin_shortcut"), ("conv_norm_out", "norm_out"),
        ("decoder.up_blocks.0.", "decoder.up.THREE."), ("decoder.up_blocks.1.", "decoder.up.2."),
        ("decoder.up_blocks.2.", "decoder.up.1."), ("decoder.up_blocks.3.", "decoder.up.0."), ("THREE", "3"),
        ("mid_block.block.0.", "mid.block_1."), ("mid_block.block.1.", "mid.block_2."),
        ("mid_block.attentions.0.group_norm.", "mid.attn_1.norm."), ("mid_block.attentions.0.to_q.", "mid.attn_1.q."),
        ("mid_block.attentions.0.to_k.", "mid.attn_1.k."), ("mid_block.attentions.0.to_v.", "mid.attn_1.v."),
        ("mid_block.attentions.0.to_out.0.", "mid.attn_1.proj_out."),
    ];

    private readonly DisposeScope scope = NewDisposeScope();
    private readonly string folder = Directory.CreateTempSubdirectory("single").FullName;
    private readonly LatentDiffusion pipeline = TinyModels.Pipeline(new SamplerConfig { Kind = SamplerKind.Euler });

    public void Dispose()
    {
        pipeline.Dispose();
        scope.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AnSdxlFileHasTheSameModelsAsItsFolder(bool mapped)
    {
        using var read = LatentDiffusion.LoadFile(Write(Original()), new()
        {
            Configurations = Configurations(), Weights = new WeightOptions(Mapped: mapped),
        });
        Same(pipeline.Unet, read.Unet);
        Same(pipeline.Vae, read.Vae);
        Same(pipeline.Prompts.Encoder!, read.Prompts.Encoder!);
        Same(pipeline.Prompts.Encoder2!, read.Prompts.Encoder2!);
        Assert.Equal(pipeline.Sampler.ToJson(), read.Sampler.ToJson());

        using var noGradients = no_grad();
        using var inputs = Goldens.Open(Goldens.Folder("unet_sdxl"), "inputs");
        using var outputs = Goldens.Open(Goldens.Folder("unet_sdxl"), "outputs");
        var output = read.Unet.forward(inputs.Read("base.sample"), inputs.Read("base.timestep"),
            inputs.Read("base.encoder_hidden_states"), inputs.Read("base.text_embeds"), inputs.Read("base.time_ids"));
        Goldens.Near("the recorded output", output, outputs.Read(outputs.Header.Entries.Single(e =>
            e.Name.StartsWith("base.", StringComparison.Ordinal)).Name), 5e-5);
        if (pipeline.Prompts.Tokenizer is null)
            Assert.Contains("vocabulary", Assert.Throws<InvalidOperationException>(() => read.Prompts.Encode("a"))
                .Message);
    }

    [Fact]
    public void ConvolutionsInPlaceOfLinearLayersAreRead()
    {
        var tensors = Original();
        foreach (var name in tensors.Keys.Where(k => k.Contains("mid.attn_1.", StringComparison.Ordinal)
            && k.EndsWith("weight", StringComparison.Ordinal) && !k.Contains("norm", StringComparison.Ordinal))
                .ToList())
            tensors[name] = tensors[name].unsqueeze(-1).unsqueeze(-1);
        using var read = LatentDiffusion.LoadFile(Write(tensors), new() { Configurations = Configurations() });
        Same(pipeline.Vae, read.Vae);
    }

    [Fact]
    public void WhatIsMissingOrUnexpectedIsNamed()
    {
        var tensors = Original();
        tensors.Remove("model.diffusion_model.out.2.bias");
        tensors["model.diffusion_model.out.3.bias"] = zeros(4);
        var error = Assert.Throws<CheckpointException>(() =>
            LatentDiffusion.LoadFile(Write(tensors), new() { Configurations = Configurations() }));
        Assert.Contains("missing: conv_out.bias", error.Message);
        Assert.Contains("unexpected: model.diffusion_model.out.3.bias", error.Message);

        tensors = Original();
        foreach (var name in tensors.Keys.Where(k =>
            k.StartsWith("conditioner.embedders.1.", StringComparison.Ordinal)).ToList())
            tensors.Remove(name);
        error = Assert.Throws<CheckpointException>(() =>
            LatentDiffusion.LoadFile(Write(tensors), new() { Configurations = Configurations() }));
        Assert.Contains("conditioner.embedders.1.model.", error.Message);

        error = Assert.Throws<CheckpointException>(() => LatentDiffusion.Load(Write(Original())));
        Assert.Contains("16 channels", error.Message);
        Assert.Contains("configurations", error.Message);

        var pickle = Path.Combine(folder, "model.ckpt");
        File.WriteAllBytes(pickle, [.. "PK\u0003\u0004"u8, .. new byte[64]]);
        Assert.Contains("safetensors", Assert.Throws<CheckpointException>(() => LatentDiffusion.LoadFile(pickle))
            .Message);
    }

    [Theory] // Shapes of the published files; their configurations as diffusers publishes them.
    [InlineData("unet-sdxl", 320, 4, 2048, 2816)]
    [InlineData("unet-sdxl-refiner", 384, 4, 1280, 2560)]
    [InlineData("unet-sd15", 320, 4, 768, null)]
    [InlineData("unet-sd15", 320, 9, 768, null)]
    public void FamiliesAreToldByTheirShapes(string published, long channels, long inputs, long width, int? told)
    {
        var family = Family(channels, inputs, width, told);
        var expected = UNet2DConditionConfig.FromJson(File.ReadAllText(Path.Combine(TestData.Root,
            "tests/SarSynth.Diffusion.Tests/Models/Configs", published + ".json"))) with { InChannels = (int)inputs };
        Assert.Equal(Known(expected.ToJson()), Known(family.Unet.ToJson()));
        Assert.Equal(published == "unet-sd15", family.TextEncoder2 is null);
        Assert.Equal(published == "unet-sdxl-refiner", family.TextEncoder is null);
        foreach (var (config, name) in new[] { (family.TextEncoder, "text-encoder"),
            (family.TextEncoder2, "text-encoder-2") })
            if (config is not null)
                Assert.Equal(CLIPTextConfig.FromJson(File.ReadAllText(Path.Combine(TestData.Root,
                    "tests/SarSynth.Diffusion.Tests/Models/Configs", name + ".json"))).ToJson(), config.ToJson());
    }

    [Fact]
    public void StableDiffusion2AsksForItsConfigurations() =>
        Assert.Contains("velocity", Assert.Throws<CheckpointException>(() => Family(320, 4, 1024, null)).Message);

    [Fact]
    public void ASavedPipelineNamesTheClassThatOpensIt()
    {
        JsonNode Index(LatentDiffusion saved)
        {
            saved.Save(folder);
            return JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "model_index.json")))!;
        }
        var xl = Index(pipeline);
        Assert.Equal("StableDiffusionXLPipeline", (string)xl["_class_name"]!);
        Assert.True((bool)xl["force_zeros_for_empty_prompt"]!);
        Assert.Equal("""["transformers","CLIPTextModelWithProjection"]""", xl["text_encoder_2"]!.ToJsonString());
        Assert.Equal("[null,null]", xl["image_encoder"]!.ToJsonString());
        var refiner = Index(pipeline with { Prompts = new PromptEncoder(null, null, null, pipeline.Prompts.Encoder2) });
        Assert.Equal("StableDiffusionXLImg2ImgPipeline", (string)refiner["_class_name"]!);
        Assert.True((bool)refiner["requires_aesthetics_score"]!);
        Assert.Equal("[null,null]", refiner["text_encoder"]!.ToJsonString());
        var one = Index(pipeline with { Prompts = new PromptEncoder(null, pipeline.Prompts.Encoder),
            ForceZerosForEmptyPrompt = false });
        Assert.Equal("StableDiffusionPipeline", (string)one["_class_name"]!);
        Assert.False((bool)one["requires_safety_checker"]!);
        Assert.Equal("[null,null]", one["safety_checker"]!.ToJsonString());
        Assert.Null(one["force_zeros_for_empty_prompt"]);
        // Every part that is named has its folder, with the class it is said to have.
        foreach (var (name, part) in xl.AsObject().Where(p => p.Value is JsonArray a && a[0] is not null))
            Assert.True(Directory.Exists(Path.Combine(folder, name)), $"{name} {part}");
    }

    private static OriginalFamily Family(long channels, long inputs, long width, int? told) =>
        OriginalFamily.Of("file", key => key switch
    {
        "model.diffusion_model.input_blocks.0.0.weight" => [channels, inputs, 3, 3],
        "model.diffusion_model.output_blocks.5.1.transformer_blocks.0.attn2.to_k.weight" => [640, width],
        "model.diffusion_model.label_emb.0.0.weight" => told is { } t ? [1280, t] : null,
        _ => null,
    });

    // "attention_head_dim": 8 and null for a default that is 8 are one: what is compared is what differs from the
    // default.
    private static string Known(string json)
    {
        var fields = JsonNode.Parse(json)!.AsObject();
        if (fields["upcast_attention"] is null)
            fields["upcast_attention"] = false;
        return fields.ToJsonString();
    }

    private Dictionary<string, Tensor> Original()
    {
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (name, value) in Parameters(pipeline.Unet))
        {
            var (own, original) = UnetBlocks.Single(b => name.StartsWith(b.Own, StringComparison.Ordinal));
            var rest = name[own.Length..];
            if (own.Contains("resnets", StringComparison.Ordinal))
                rest = ResnetParts.Single(p => rest.StartsWith(p.Own, StringComparison.Ordinal)) is var part
                    ? part.Original + rest[part.Own.Length..] : rest;
            tensors["model.diffusion_model." + original + rest] = value;
        }
        foreach (var (name, value) in Parameters(pipeline.Vae))
            tensors["first_stage_model."
                + VaeBlocks.Aggregate(name, (n, b) => n.Replace(b.Own, b.Original, StringComparison.Ordinal))] = value;
        foreach (var (name, value) in Parameters(pipeline.Prompts.Encoder!))
            tensors["conditioner.embedders.0.transformer." + name] = value;
        tensors["conditioner.embedders.0.transformer.text_model.embeddings.position_ids"] = arange(77).unsqueeze(0);

        const string clip = "conditioner.embedders.1.model.";
        var second = Parameters(pipeline.Prompts.Encoder2!);
        int layers = pipeline.Prompts.Encoder2!.Config.NumHiddenLayers;
        tensors[clip + "token_embedding.weight"] = second["text_model.embeddings.token_embedding.weight"];
        tensors[clip + "positional_embedding"] = second["text_model.embeddings.position_embedding.weight"];
        tensors[clip + "text_projection"] = second["text_projection.weight"].t().contiguous();
        tensors[clip + "logit_scale"] = tensor(4.6f);
        foreach (var kind in new[] { "weight", "bias" })
        {
            tensors[clip + "ln_final." + kind] = second["text_model.final_layer_norm." + kind];
            for (int i = 0; i < layers; i++)
            {
                string own = $"text_model.encoder.layers.{i}.", block = $"{clip}transformer.resblocks.{i}.";
                tensors[$"{block}ln_1.{kind}"] = second[$"{own}layer_norm1.{kind}"];
                tensors[$"{block}ln_2.{kind}"] = second[$"{own}layer_norm2.{kind}"];
                tensors[$"{block}mlp.c_fc.{kind}"] = second[$"{own}mlp.fc1.{kind}"];
                tensors[$"{block}mlp.c_proj.{kind}"] = second[$"{own}mlp.fc2.{kind}"];
                tensors[$"{block}attn.out_proj.{kind}"] = second[$"{own}self_attn.out_proj.{kind}"];
                tensors[$"{block}attn.in_proj_{kind}"] = cat([second[$"{own}self_attn.q_proj.{kind}"],
                    second[$"{own}self_attn.k_proj.{kind}"], second[$"{own}self_attn.v_proj.{kind}"]]);
            }
        }
        // What else such files hold.
        tensors["model_ema.decay"] = tensor(0.9999f);
        tensors["alphas_cumprod"] = zeros(1000);
        return tensors;
    }

    private static Dictionary<string, Tensor> Parameters(nn.Module module) =>
        module.named_parameters().ToDictionary(p => p.Item1, p => p.Item2.detach(), StringComparer.Ordinal);

    private static void Same(nn.Module expected, nn.Module found)
    {
        var own = Parameters(found);
        foreach (var (name, value) in Parameters(expected))
            Assert.True(value.Equals(own[name]), name);
        Assert.Equal(Parameters(expected).Count, own.Count);
    }

    private string Write(Dictionary<string, Tensor> tensors)
    {
        var path = Path.Combine(folder, "model.safetensors");
        SafeTensors.Save(path, tensors);
        return path;
    }

    // A saved pipeline without its weights.
    private string Configurations()
    {
        var path = Path.Combine(folder, "configurations");
        pipeline.Save(path);
        foreach (var weights in Directory.EnumerateFiles(path, "*.safetensors", SearchOption.AllDirectories))
            File.Delete(weights);
        return path;
    }
}
