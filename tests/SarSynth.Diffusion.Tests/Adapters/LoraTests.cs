using System.Text.Json;
using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Adapters;

public sealed class LoraTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly UNet2DConditionModel unet = TinyModels.Unet();
    private readonly SafeTensorsFile outputs = Goldens.Open(Goldens.Folder("lora"), "outputs");

    public static TheoryData<string> Files => [.. Directory.EnumerateFiles(Goldens.Folder("lora"), "*.safetensors")
        .Select(f => Path.GetFileNameWithoutExtension(f))
            .Where(n => n != "outputs" && !n.StartsWith("unet_te", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)];

    public void Dispose()
    {
        outputs.Dispose();
        unet.Dispose();
        scope.Dispose();
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void EveryFormatAndScaleEqualsDiffusers(string name)
    {
        // Files without alpha have alpha = rank = 4.
        var golden = name.Split('.')[0] + (name.EndsWith("_alpha2", StringComparison.Ordinal) ? ".alpha2" : ".alpha4");
        using var lora = Lora.Load(FileOf(name), Unet());
        int compared = 0;
        foreach (var scale in new[] { 1.0, 0.5, 0.0 })
            if (outputs.Contains($"{golden}.scale{scale:0.0}"))
            {
                lora.Scale = scale;
                Goldens.Near($"{name} scale {scale}", Forward(), outputs.Read($"{golden}.scale{scale:0.0}"), 5e-5);
                if (scale == 0)
                    continue;
                lora.Fuse();
                Goldens.Near($"{name} fused {scale}", Forward(), outputs.Read($"{golden}.scale{scale:0.0}"), 5e-5);
                lora.Unfuse();
                compared++;
            }
        Assert.Equal(2, compared);
        lora.Scale = 0;
        Goldens.Near("back again", Forward(), outputs.Read("base"), 5e-5);
    }

    [Fact]
    public void TakenOffItLeavesNothing()
    {
        Lora.Load(FileOf("attn.kohya_alpha2"), Unet()).Dispose();
        Goldens.Near("base", Forward(), outputs.Read("base"), 5e-5);
    }

    [Fact]
    public void SeveralAddAndTheOrderDoesNotMatter()
    {
        // Two times a quarter and once a half of the same update are the whole one.
        using var a = Lora.Load(FileOf("attn.peft"), Unet(), 0.25);
        using var b = Lora.Load(FileOf("attn.kohya_sgm_alpha2"), Unet(), 0.5);
        using var c = Lora.Load(FileOf("attn.diffusers"), Unet(), 0.5);
        Goldens.Near("three", Forward(), outputs.Read("attn.alpha4.scale1.0"), 5e-5);
        a.Fuse();
        Goldens.Near("one of them fused", Forward(), outputs.Read("attn.alpha4.scale1.0"), 5e-5);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ASavedLoraIsReadBackTheSame(bool kohya)
    {
        var file = Path.GetTempFileName();
        try
        {
            using (var lora = Lora.Load(FileOf("attn.kohya_alpha2"), Unet()))
                lora.Save(file, kohya);
            using var read = Lora.Load(file, Unet());
            Goldens.Near("read back", Forward(), outputs.Read("attn.alpha2.scale1.0"), 5e-5);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void TextEncodersHaveTheirPart()
    {
        var file = Path.Combine(Goldens.Folder("lora"), "unet_te1_te2.kohya_sgm_alpha4.safetensors");
        if (!File.Exists(file)) // Only the full collection has it.
            return;
        using var first = TinyModels.TextEncoder();
        using var second = TinyModels.TextEncoder2();
        var components = new Dictionary<string, nn.Module> { ["unet"] = unet, ["text_encoder"] = first,
            ["text_encoder_2"] = second };
        using var sgm = Lora.Load(file, components);
        using var own = Goldens.Open(Goldens.Folder("lora"), "unet_te1_te2.diffusers");
        Goldens.Near("unet", Forward(), outputs.Read("attn.alpha4.scale1.0"), 5e-5);
        Assert.Equal(own.Header.Entries.Count / 2, sgm.Layers.Count);
        foreach (var (name, layer) in sgm.Layers.Where(l => l.Key.StartsWith("text_encoder", StringComparison.Ordinal)))
            Assert.Equal(0, Goldens.MaxError(layer.Down, own.Read(name + ".lora_linear_layer.down.weight")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void OneFileHoldsEveryPartUnderTheNamesThatDiffusersHas(bool kohya)
    {
        using var first = TinyModels.TextEncoder();
        using var second = TinyModels.TextEncoder2();
        var components = new Dictionary<string, nn.Module> { ["unet"] = unet, ["text_encoder"] = first,
            ["text_encoder_2"] = second };
        // Another rank and scale for the text encoders, as two strategies of one fine-tuning have them.
        using var ofUnet = Lora.Create(Unet(), Lora.UNetAttention, 4, 2, seed: 3);
        using var ofText = Lora.Create(new Dictionary<string, nn.Module> { ["text_encoder"] = first,
            ["text_encoder_2"] = second }, Lora.TextAttention, 3, 12, seed: 4);
        var generator = new Generator(5);
        var made = ofUnet.Layers.Concat(ofText.Layers).ToDictionary(l => l.Key, l => l.Value);
        using (no_grad())
        {
            foreach (var layer in made.Values)
                layer.Up.copy_(randn(layer.Up.shape, generator: generator));
        }
        var file = Path.GetTempFileName();
        try
        {
            Lora.Save(file, [ofUnet, ofText], kohya);
            using (var written = SafeTensorsFile.Open(file))
            {
                Assert.Equal(GoldenKeys(kohya),
                    written.Header.Entries.Select(e => e.Name).Order(StringComparer.Ordinal));
            }
            using var read = Lora.Load(file, components);
            Assert.Equal(made.Keys.Order(StringComparer.Ordinal), read.Layers.Keys.Order(StringComparer.Ordinal));
            foreach (var (name, layer) in read.Layers)
            {
                Assert.Equal(made[name].Rank, layer.Rank);
                Assert.Equal(0, Goldens.MaxError(layer.Down, made[name].Down));
                Assert.Equal(0, Goldens.MaxError(layer.Up.mul(layer.Scale), made[name].Up.mul(made[name].Scale)));
            }
            // Two ranks in one model: PEFT's configuration tells each, and the scales are read from it.
            using (var mixed = Lora.Create(Unet(), ["to_v"], 2, 8, seed: 6))
            using (var rest = Lora.Create(Unet(), ["to_q", "to_k"], 4, 2, seed: 7))
            {
                Lora.Save(file, [mixed, rest]);
                using var again = SafeTensorsFile.Open(file);
                using var told = JsonDocument.Parse(again.Header.Metadata["lora_adapter_metadata"]);
                Assert.Equal(4, told.RootElement.GetProperty("unet.r").GetInt32());
                Assert.Equal(4, told.RootElement.GetProperty("unet.lora_alpha").GetInt32());
                foreach (var field in new[] { "unet.rank_pattern", "unet.alpha_pattern" })
                    Assert.Equal(mixed.Layers.ToDictionary(l => l.Key["unet.".Length..], _ => 2).OrderBy(l => l.Key),
                        told.RootElement.GetProperty(field).EnumerateObject()
                            .ToDictionary(l => l.Name, l => l.Value.GetInt32()).OrderBy(l => l.Key));
                using var both = Lora.Load(file, Unet());
                Assert.All(both.Layers.Values, l => Assert.Equal(1, l.Scale));
                Lora.Save(file, [ofUnet, ofText], kohya);
            }
            // Of another base: a pipeline without the second encoder, then one of other widths.
            components.Remove("text_encoder_2");
            var message = Assert.Throws<CheckpointException>(() => Lora.Load(file, components)).Message;
            Assert.Contains(kohya ? "lora_te2_" : "text_encoder_2", message);
            components["text_encoder"] = second;
            components["text_encoder_2"] = second;
            Assert.Contains("text_encoder.text_model.encoder.layers.0.self_attn",
                Assert.Throws<CheckpointException>(() => Lora.Load(file, components)).Message);
            Assert.Matches(@"found 2 LoRAs on unet\.\S+\.to_", Assert.Throws<ArgumentException>(() =>
                Lora.Save(file, [ofUnet, ofUnet], kohya)).Message);
        }
        finally
        {
            File.Delete(file);
        }
    }

    // The layers are those of the file that diffusers wrote, unet_te1_te2.diffusers.
    // Roles by PEFT's names, which diffusers writes and reads beside its older ones.
    private static IEnumerable<string> GoldenKeys(bool kohya)
    {
        using var own = Goldens.Open(Goldens.Folder("lora"), "unet_te1_te2.diffusers");
        var layers = own.Header.Entries.Select(e => e.Name[..e.Name.IndexOf(".lora", StringComparison.Ordinal)]);
        return layers.Distinct().SelectMany(layer => kohya
            ? Kohya(layer) : [layer + ".lora_A.weight", layer + ".lora_B.weight"]).Order(StringComparer.Ordinal);

        static string[] Kohya(string layer)
        {
            var dot = layer.IndexOf('.');
            var part = layer[..dot] switch { "unet" => "unet", "text_encoder" => "te1", _ => "te2" };
            var name = $"lora_{part}_{layer[(dot + 1)..].Replace('.', '_')}";
            return [name + ".alpha", name + ".lora_down.weight", name + ".lora_up.weight"];
        }
    }

    [Theory] // The names of the original code, as converters of checkpoints list them.
    [InlineData("input_blocks_0_0", "conv_in")]
    [InlineData("input_blocks_1_0_in_layers_2", "down_blocks_0_resnets_0_conv1")]
    [InlineData("input_blocks_3_0_op", "down_blocks_0_downsamplers_0_conv")]
    [InlineData("input_blocks_4_0_skip_connection", "down_blocks_1_resnets_0_conv_shortcut")]
    [InlineData("middle_block_2_out_layers_3", "mid_block_resnets_1_conv2")]
    [InlineData("output_blocks_2_2_conv", "up_blocks_0_upsamplers_0_conv")]
    [InlineData("output_blocks_8_0_in_layers_2", "up_blocks_2_resnets_2_conv1")]
    public void ConvolutionsAreAdaptedUnderBothNames(string sgm, string own)
    {
        var weight = unet.named_parameters().Single(p => p.Item1.Replace('.', '_') == own + "_weight").Item2;
        var generator = new Generator(21);
        Tensor down = randn([2, .. weight.shape[1..]], generator: generator).mul(0.2),
            up = randn([weight.shape[0], 2, 1, 1], generator: generator).mul(0.2);
        Tensor WithFile(string name, bool fuse)
        {
            var file = Path.GetTempFileName();
            try
            {
                SafeTensors.Save(file, new Dictionary<string, Tensor>
                {
                    [$"lora_unet_{name}.lora_down.weight"] = down, [$"lora_unet_{name}.lora_up.weight"] = up,
                    [$"lora_unet_{name}.alpha"] = tensor(1f),
                });
                using var lora = Lora.Load(file, Unet(), 0.7);
                if (fuse)
                    lora.Fuse();
                var result = Forward();
                lora.Unfuse();
                return result;
            }
            finally
            {
                File.Delete(file);
            }
        }
        // W + 0.7 (1 / 2) up down, put into the weights by hand.
        using var before = weight.detach().clone();
        Tensor expected;
        using (no_grad())
        {
            weight.add_(up.flatten(1).matmul(down.flatten(1)).reshape(weight.shape), 0.35);
            expected = Forward();
            weight.copy_(before);
        }
        Assert.True(Goldens.MaxError(Forward(), expected) > 1e-3);
        Goldens.Near("own name", WithFile(own, fuse: false), expected, 5e-5);
        Goldens.Near("original name", WithFile(sgm, fuse: false), expected, 5e-5);
        Goldens.Near("fused", WithFile(sgm, fuse: true), expected, 5e-5);
    }

    [Fact]
    public void WhatDoesNotFitIsNamed()
    {
        var file = Path.GetTempFileName();
        try
        {
            CheckpointException Refused(string key, Tensor value)
            {
                SafeTensors.Save(file, new Dictionary<string, Tensor> { [key] = value });
                return Assert.Throws<CheckpointException>(() => Lora.Load(file, Unet()));
            }
            Assert.Contains("lora_unet_wrong_block", Refused("lora_unet_wrong_block.lora_up.weight", zeros(4, 4))
                .Message);
            Assert.Contains("text_encoder", Refused("lora_te1_x.lora_up.weight", zeros(4, 4)).Message);
            Assert.Contains("hada_w1_a", Refused("lora_unet_conv_in.hada_w1_a", zeros(4, 4)).Message);
            Assert.Contains("matrix of unet.conv_in is missing",
                Refused("unet.conv_in.lora_A.weight", zeros(4, 4)).Message);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private Dictionary<string, nn.Module> Unet() => new() { ["unet"] = unet };

    private static string FileOf(string name) => Path.Combine(Goldens.Folder("lora"), name + ".safetensors");

    private Tensor Forward()
    {
        using var noGradients = no_grad();
        using var inputs = Goldens.Open(Goldens.Folder("unet_sdxl"), "inputs");
        return unet.forward(inputs.Read("base.sample"), inputs.Read("base.timestep"),
            inputs.Read("base.encoder_hidden_states"),
            inputs.Read("base.text_embeds"), inputs.Read("base.time_ids"));
    }
}
