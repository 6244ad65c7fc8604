using System.Text.Json;
using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Adapters;

/// <summary>The scale of a LoRA from every place where files have it, and what cannot be one.</summary>
public sealed class LoraScaleTests : IDisposable
{
    private const string Layer = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q";
    private const string Other = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k";
    private const string Kohya = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q";

    private readonly DisposeScope scope = NewDisposeScope();
    private readonly UNet2DConditionModel unet = TinyModels.Unet();
    private readonly string folder = Directory.CreateTempSubdirectory("lora").FullName;

    public void Dispose()
    {
        unet.Dispose();
        scope.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [OptionalDataTheory("cases/03-lora-alpha")]
    [InlineData("peft_meta.safetensors", 2)]
    [InlineData("peft_folder/adapter_model.safetensors", 4)]
    [InlineData("peft_folder", 4)]
    [InlineData("kohya8.safetensors", 2)]
    public void TheScaleOfRecordedFilesIsFound(string file, double expected)
    {
        using var lora = Lora.Load(TestData.Optional($"cases/03-lora-alpha/{file}"), Unet());
        Assert.Equal(expected, lora.Layers[$"unet.{Layer}"].Scale, 12);
    }

    [OptionalDataFact("cases/03-lora-alpha")]
    public void ALayerUnderTwoNamesIsAnError()
    {
        var error = Assert.Throws<CheckpointException>(() =>
            Lora.Load(TestData.Optional("cases/03-lora-alpha/twice.safetensors"), Unet()));
        Assert.Contains(Kohya, error.Message);
        Assert.Contains($"unet.{Layer}.lora_A.weight", error.Message);
    }

    public static TheoryData<ScalarType, long[]> Alphas
    {
        get
        {
            var data = new TheoryData<ScalarType, long[]>();
            foreach (var type in new[] { ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16,
                ScalarType.Float64,
                ScalarType.Int64, ScalarType.Int32, ScalarType.Byte })
                foreach (long[] shape in new long[][] { [], [1], [1, 1] })
                    data.Add(type, shape);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Alphas))]
    public void AlphaMayHaveAnyTypeAndShape(ScalarType type, long[] shape)
    {
        var file = Write(Matrices(Kohya + ".lora_down.weight", Kohya + ".lora_up.weight")
            .Append((Kohya + ".alpha", full(shape, 6).to(type))));
        Assert.Equal(1.5, ScaleIn(file), 12);
    }

    [Fact]
    public void AnAlphaOfSeveralNumbersIsAnError()
    {
        var file = Write(Matrices(Kohya + ".lora_down.weight", Kohya + ".lora_up.weight")
            .Append((Kohya + ".alpha", ones(2))));
        Assert.Contains(".alpha' has shape [2]", Refused(file));
    }

    [Theory] // The fields of PEFT's LoraConfig: alpha / r, alpha / sqrt(r), and what patterns set for single layers.
    [InlineData("""{"r": 4, "lora_alpha": 16}""", 4)]
    [InlineData("""{"r": 4, "lora_alpha": 16, "use_rslora": true}""", 8)]
    [InlineData("""{"r": 4, "lora_alpha": 16, "use_rslora": null, "alpha_pattern": {}, "rank_pattern": null}""", 4)]
    [InlineData("""{"r": 4}""", 2)]
    [InlineData("""{"r": 4, "lora_alpha": 16, "alpha_pattern": {"to_q": 2}}""", 0.5)]
    [InlineData("""{"r": 4, "lora_alpha": 16, "alpha_pattern": {"to_k": 2, "attn1.to_q": 8, "to_q": 4}}""", 2)]
    [InlineData("""{"r": 4, "lora_alpha": 16, "alpha_pattern": {"^down_blocks\\.1\\..*to_q": 2}}""", 0.5)]
    [InlineData("""{"r": 4, "lora_alpha": 16, "alpha_pattern": {"o_q": 2}}""", 4)]
    [InlineData("""{"r": 8, "lora_alpha": 16, "rank_pattern": {".*attn1.to_q": 4}}""", 4)]
    [InlineData("""{"r": 8, "use_rslora": true, "rank_pattern": {"to_q": 4}, "alpha_pattern": {"to_q": 1}}""", 0.5)]
    public void ConfigurationsOfPeftAreUnderstood(string config, double expected)
    {
        var beside = Write(Matrices($"base_model.model.{Layer}.lora_A.weight",
            $"base_model.model.{Layer}.lora_B.weight"),
            name: "adapter_model.safetensors");
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), config);
        Assert.Equal(expected, ScaleIn(beside), 12);
        File.Delete(Path.Combine(folder, "adapter_config.json"));
        Assert.Equal(1, ScaleIn(beside), 12);

        var prefixed = "{" + string.Join(", ", JsonDocument.Parse(config).RootElement.EnumerateObject()
            .Select(p => $"\"unet.{p.Name}\": {p.Value.GetRawText()}")) + "}";
        var within = Write(Matrices($"unet.{Layer}.lora_A.weight", $"unet.{Layer}.lora_B.weight"), prefixed);
        Assert.Equal(expected, ScaleIn(within), 12);
        var bare = Write(Matrices($"unet.{Layer}.lora_A.weight", $"unet.{Layer}.lora_B.weight"), config);
        Assert.Equal(expected, ScaleIn(bare), 12);
    }

    [Fact]
    public void EachModelHasItsOwnAlpha()
    {
        using var text = TinyModels.TextEncoder();
        const string q = "text_model.encoder.layers.0.self_attn.q_proj";
        long width = text.named_parameters().Single(p => p.Item1 == q + ".weight").Item2.shape[0];
        var tensors = Matrices($"unet.{Layer}.lora_A.weight", $"unet.{Layer}.lora_B.weight")
            .Append(($"text_encoder.{q}.lora_A.weight", ones(2, width)))
            .Append(($"text_encoder.{q}.lora_B.weight", ones(width, 2)));
        var file = Write(tensors,
            """{"unet.r": 4, "unet.lora_alpha": 8, "text_encoder.r": 2, "text_encoder.lora_alpha": 10}""");
        using var lora = Lora.Load(file, new Dictionary<string,
            nn.Module> { ["unet"] = unet, ["text_encoder"] = text });
        Assert.Equal(2, lora.Layers[$"unet.{Layer}"].Scale, 12);
        Assert.Equal(5, lora.Layers[$"text_encoder.{q}"].Scale, 12);
    }

    [Fact] // PEFT's own file names no model: its layers do, or the class in its configuration.
    public void AFileOfOneModelFindsIt()
    {
        using var first = TinyModels.TextEncoder();
        using var second = TinyModels.TextEncoder2();
        const string q = "text_model.encoder.layers.0.self_attn.q_proj";
        long width = first.named_parameters().Single(p => p.Item1 == q + ".weight").Item2.shape[0];
        var file = Write([($"base_model.model.{q}.lora_A.weight", ones(2, width)),
            ($"base_model.model.{q}.lora_B.weight", ones(width, 2))], name: "adapter_model.safetensors");
        using (var one = Lora.Load(file, new Dictionary<string,
            nn.Module> { ["unet"] = unet, ["text_encoder"] = first }))
            Assert.Equal([$"text_encoder.{q}"], one.Layers.Keys);
        var both = new Dictionary<string,
            nn.Module> { ["unet"] = unet, ["text_encoder"] = first, ["text_encoder_2"] = second };
        var error = Assert.Throws<CheckpointException>(() => Lora.Load(file, both));
        Assert.Contains("text_encoder or text_encoder_2", error.Message);
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"),
            """{"r": 2, "lora_alpha": 2, "auto_mapping": {"base_model_class": "CLIPTextModel"}}""");
        using var named = Lora.Load(folder, both);
        Assert.Equal([$"text_encoder.{q}"], named.Layers.Keys);
    }

    [Theory]
    [InlineData("""{"r": 8, "lora_alpha": 8}""", "has rank 4")]
    [InlineData("""{"r": 4, "lora_alpha": 8, "use_dora": true}""", "no magnitude")]
    [InlineData("""{"peft_type": "LOHA", "r": 4}""", "LOHA")]
    [InlineData("""{"r": 4, "init_lora_weights": "pissa_niter_16"}""", "pissa")]
    [InlineData("""{"r": 4, "lora_alpha": "much"}""", "lora_alpha is \"much\"")]
    [InlineData("""{"r": 4, "alpha_pattern": ["to_q"]}""", "alpha_pattern")]
    [InlineData("""{"r": 4, "alpha_pattern": {"to_(q": 2}}""", "to_(q")]
    [InlineData("""{"r": 4, "lora_alpha": 1e400}""", "scale")]
    [InlineData("[4]", "object")]
    [InlineData("{", "not JSON")]
    public void WhatCannotBeMeantIsNamed(string config, string named)
    {
        var file = Write(Matrices($"unet.{Layer}.lora_A.weight", $"unet.{Layer}.lora_B.weight"), config);
        Assert.Contains(named, Refused(file));
    }

    [Fact]
    public void TwoSourcesThatDifferAreAnError()
    {
        var tensors = Matrices(Kohya + ".lora_down.weight", Kohya + ".lora_up.weight")
            .Append((Kohya + ".alpha", tensor(4f)));
        Assert.Equal(1, ScaleIn(Write(tensors, """{"unet.r": 4, "unet.lora_alpha": 4}""")), 12);
        var message = Refused(Write(tensors, """{"unet.r": 4, "unet.lora_alpha": 8}"""));
        Assert.Contains("alpha tensor", message);
        Assert.Contains("lora_adapter_metadata", message);
    }

    [Theory]
    [InlineData(".lora_A.weight", ".lora.down.weight")]
    [InlineData(".lora_A.weight", ".lora_A.default.weight")]
    public void ARoleUnderTwoSuffixesIsAnError(string one, string two)
    {
        var file = Write([($"unet.{Layer}{one}", ones(4, 24)), ($"unet.{Layer}{two}", ones(4, 24)),
            ($"unet.{Layer}.lora_B.weight", ones(24, 4))]);
        var message = Refused(file);
        Assert.Contains(one, message);
        Assert.Contains(two, message);
    }

    [Theory]
    [InlineData("lora_unet_x.lokr_w1", "LoKr")]
    [InlineData("lora_unet_x.hada_w1_a", "LoHa")]
    [InlineData("lora_unet_x.oft_blocks", "OFT")]
    [InlineData("base_model.model.x.oft_r.default", "OFT")]
    [InlineData("base_model.model.x.boft_R", "OFT")]
    [InlineData("lora_unet_x.lora_mid.weight", "Tucker")]
    [InlineData("lora_unet_x.diff", "full difference")]
    [InlineData("text_model.token_embedding.lora_embedding_A", "embedding")]
    [InlineData("unet.x.lora_B.bias", "biases")]
    public void OtherAdaptersAreNamed(string key, string kind)
    {
        var message = Refused(Write([(key, ones(2, 2))]));
        Assert.Contains(kind, message);
        Assert.Contains(key, message);
    }

    // What a layer's scale is told to be is what reaches the model.
    [Fact]
    public void TheScaleReachesTheModel()
    {
        var tensors = Matrices($"unet.{Other}.lora_A.weight", $"unet.{Other}.lora_B.weight", Other).ToList();
        var weight = unet.named_parameters().Single(p => p.Item1 == Other + ".weight").Item2;
        using var lora = Lora.Load(Write(tensors, """{"unet.r": 4, "unet.lora_alpha": 6}"""), Unet());
        using var before = weight.detach().clone();
        lora.Fuse();
        using var update = weight.detach() - before;
        Goldens.Near("update", update, tensors[1].Value.mm(tensors[0].Value).mul(1.5), 1e-5);
        lora.Unfuse();
    }

    private Dictionary<string, nn.Module> Unet() => new() { ["unet"] = unet };

    private double ScaleIn(string file)
    {
        using var lora = Lora.Load(file, Unet());
        return lora.Layers[$"unet.{Layer}"].Scale;
    }

    private string Refused(string file) => Assert.Throws<CheckpointException>(() => Lora.Load(file, Unet())).Message;

    private IEnumerable<(string Key, Tensor Value)> Matrices(string down, string up, string layer = Layer)
    {
        var shape = unet.named_parameters().Single(p => p.Item1 == layer + ".weight").Item2.shape;
        var generator = new Generator(5);
        return [(down, randn([4, shape[1]], generator: generator)), (up, randn([shape[0], 4], generator: generator))];
    }

    private string Write(IEnumerable<(string Key, Tensor Value)> tensors, string? metadata = null, string? name = null)
    {
        var path = Path.Combine(folder, name ?? "lora.safetensors");
        SafeTensors.Save(path, tensors.ToDictionary(t => t.Key, t => t.Value),
            metadata is null ? null : new Dictionary<string, string> { ["lora_adapter_metadata"] = metadata });
        return path;
    }
}
