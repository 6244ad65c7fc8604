using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.FineTuning;
using SarSynth.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;
using Adapter = SarSynth.Diffusion.Adapters.Lora;

namespace SarSynth.Tests.FineTuning;

[Collection("engine")]
public sealed class ModelEditsTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-models-").FullName;
    private readonly string original;

    public ModelEditsTests() => original = TinyBase.Write(At("base"));

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string At(params string[] path) => Path.Combine([folder, .. path]);

    /// <summary>A LoRA of UNet and first text encoder that does something.</summary>
    private string MakeLora(string name, bool kohya = false)
    {
        using var model = LatentDiffusion.Load(original);
        using var lora = Adapter.Create(new Dictionary<string, nn.Module>
            { ["unet"] = model.Unet, ["text_encoder"] = model.Prompts.Encoder! }, LoraStrategy.Attention, 4, 2,
                seed: 9);
        using var noGradients = no_grad();
        using var random = new Generator(4);
        foreach (var layer in lora.Layers.Values)
            layer.Up.copy_(randn(layer.Up.shape, generator: random).mul(0.3));
        lora.Save(At(name), kohya);
        return At(name);
    }

    private static float[] Predicted(LatentDiffusion model)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        using var random = new Generator(7);
        var noisy = randn([1, 4, 8, 8], generator: random);
        var text = model.Prompts.Encode("a field");
        return model.Unet.forward(noisy, tensor(new[] { 300L }), text.Text, text.Pooled, ones([1, 6]))
            .data<float>().ToArray();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AMergedModelDoesWhatTheBaseDoesUnderTheLora(bool kohya)
    {
        var file = MakeLora("lora.safetensors", kohya);
        ModelEdits.Merge(new MergeRecipe { Base = original, Adapters = [new(file, 0.5)] }, At("merged"));
        using var model = LatentDiffusion.Load(original);
        var plain = Predicted(model);
        using var merged = LatentDiffusion.Load(At("merged"));
        var found = Predicted(merged);
        using var lora = Adapter.Load(file, new Dictionary<string, nn.Module>
            { ["unet"] = model.Unet, ["text_encoder"] = model.Prompts.Encoder! }, 0.5);
        var wanted = Predicted(model);
        Assert.All(found.Zip(wanted), p => Assert.Equal(p.Second, p.First, 1e-4));
        Assert.True(plain.Zip(wanted).Max(p => Math.Abs(p.First - p.Second)) > 0.01);
    }

    [Fact]
    public void WordsAndAnAutoencoderGoInAndTheTypeIsChosen()
    {
        var recipe = new FineTuneRecipe
        {
            Base = original, Data = TinyBase.WriteTiles(At("tiles")), Steps = 1, Device = "cpu",
            Strategy = [Strategies.Token(vectors: 2), Vae.Decoder(1e-3)],
            Validation = new ValidationRecipe { Prompts = [] },
        };
        FineTune.Run(recipe, At("out"), onRemark: _ => { });
        ModelEdits.Merge(new MergeRecipe
        {
            Base = original, Tokens = [new(At("out", "learned_embeds.safetensors"))], Vae = At("out", "vae"),
            Type = WeightType.Float16,
        }, At("merged"));
        var info = ModelInfo.Of(At("merged"));
        Assert.Equal(["<SAR>", "<SAR>_1"], info.Tokens);
        Assert.All(info.Parts, p => Assert.Equal("F16", p.Types.Keys.Single()));
        using var merged = LatentDiffusion.Load(At("merged"), new WeightOptions(Type: ScalarType.Float32));
        using var tuned = ModelFolder.Load<AutoencoderKL>(At("out", "vae"));
        Assert.All(merged.Vae.parameters().Zip(tuned.parameters()),
            p => Assert.True(p.First.allclose(p.Second, 1e-3, 1e-3)));
        using var word = SafeTensorsFile.Open(At("out", "learned_embeds.safetensors"));
        using var vectors = word.Read("clip_l");
        var ids = merged.Prompts.Tokenizer!.Encode("<SAR>");
        Assert.True(merged.Prompts.Encoder!.TokenEmbedding.weight!.select(0, ids[1])
            .allclose(vectors.select(0, 0), 1e-3, 1e-3));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void WhatIsExtractedIsTheLoraThatWasMerged(bool kohya)
    {
        var file = MakeLora("lora.safetensors");
        ModelEdits.Merge(new MergeRecipe { Base = original, Adapters = [new(file)] }, At("merged"));
        var found = ModelEdits.Extract(
            new ExtractRecipe { Base = original, Tuned = At("merged"), Rank = 4, Kohya = kohya },
                At("taken.safetensors"));
        Assert.True(found.Kept > 1 - 1e-6, $"{found.Kept}");
        Assert.Empty(found.LeftOut);
        using var model = LatentDiffusion.Load(original);
        var parts = new Dictionary<string, nn.Module>
            { ["unet"] = model.Unet, ["text_encoder"] = model.Prompts.Encoder! };
        using var own = Adapter.Load(file, parts);
        using var taken = Adapter.Load(At("taken.safetensors"), parts);
        Assert.Equal(own.Layers.Keys.Order(), taken.Layers.Keys.Order());
        foreach (var (name, layer) in own.Layers)
        {
            using var update = layer.Up.mm(layer.Down).mul(layer.Scale);
            using var again = taken.Layers[name].Up.mm(taken.Layers[name].Down).mul(taken.Layers[name].Scale);
            Assert.True(update.allclose(again, 1e-4, 1e-6), name);
        }
        // Half of the rank holds what its singular values say.
        var half = ModelEdits.Extract(new ExtractRecipe { Base = original, Tuned = At("merged"), Rank = 2 },
            At("half.safetensors"));
        Assert.InRange(half.Kept, 0.5, 0.999);
    }

    [Fact]
    public void AFileIsToldForWhatItIs()
    {
        var info = ModelInfo.Of(MakeLora("lora.safetensors"));
        Assert.StartsWith("LoRA, key names of diffusers", info.Kind);
        Assert.Equal("a family with text of width 48", info.Base);
        Assert.Equal(["text_encoder", "unet"], info.Parts.Select(p => p.Name));
        Assert.Equal(8, info.Parts[0].Layers);
        Assert.Equal(4, info.Parts[0].Ranks!.Keys.Single());
        Assert.Equal(["k_proj", "out_proj", "q_proj", "v_proj"], info.Parts[0].Targets!.Keys);
        // Two matrices of rank 4 to and from 16.
        Assert.Equal(8 * 2 * 4 * 16, info.Parts[0].Parameters);

        var kohya = ModelInfo.Of(MakeLora("kohya.safetensors", kohya: true));
        Assert.StartsWith("LoRA, key names of kohya", kohya.Kind);
        Assert.Equal("2", kohya.Facts["alpha"]);
        Assert.Equal(info.Parts[1].Targets!.Keys, kohya.Parts[1].Targets!.Keys);

        var pipeline = ModelInfo.Of(original);
        Assert.Equal(["text_encoder", "text_encoder_2", "unet", "vae"], pipeline.Parts.Select(p => p.Name));
        Assert.Equal("EulerDiscreteScheduler, predicts epsilon", pipeline.Facts["scheduler"]);
        using var model = LatentDiffusion.Load(original);
        Assert.Equal(model.Unet.parameters().Sum(p => p.NumberOfElements),
            pipeline.Parts.Single(p => p.Name == "unet").Parameters);
        Assert.Equal("AutoencoderKL", ModelInfo.Of(At("base", "vae")).Parts.Single().What);
        Assert.Equal("a family with text of width 48", ModelInfo.Of(At("base", "unet")).Base);
    }

    [OptionalDataTheory("goldens/lora")]
    [InlineData("attn.diffusers", "diffusers and PEFT", "to_k,to_out.0,to_q,to_v", 136)]
    [InlineData("attn.attn_processor", "diffusers and PEFT", "to_k,to_out.0,to_q,to_v", 136)]
    [InlineData("attn.kohya_sgm_alpha2", "kohya", "to_k,to_out.0,to_q,to_v", 136)]
    [InlineData("all_linear.kohya_alpha2", "kohya",
        "ff.net.0.proj,ff.net.2,proj_in,proj_out,to_k,to_out.0,to_q,to_v", 192)]
    [InlineData("all_linear.peft", "diffusers and PEFT",
        "ff.net.0.proj,ff.net.2,proj_in,proj_out,to_k,to_out.0,to_q,to_v", 192)]
    public void FilesOfOthersAreToldForWhatTheyAre(string name, string form, string targets, int layers)
    {
        var info = ModelInfo.Of(TestData.Optional($"goldens/lora/{name}.safetensors"));
        Assert.Equal($"LoRA, key names of {form}", info.Kind);
        Assert.Equal("a family with text of width 64", info.Base);
        var part = info.Parts.Single();
        Assert.Equal((layers, 4), (part.Layers, (int)part.Ranks!.Keys.Single()));
        Assert.Equal(targets.Split(','), part.Targets!.Keys);
    }

    [Fact]
    public void WhatDoesNotFitNamesTheTensor()
    {
        var file = MakeLora("lora.safetensors");
        string Message(Action act) => Assert.ThrowsAny<Exception>(act).Message;
        // A LoRA of another base: the same names with another width.
        var wide = new Dictionary<string, Tensor>();
        using (var lora = SafeTensorsFile.Open(file))
        {
            foreach (var entry in lora.Header.Entries)
            {
                using var value = lora.Read(entry.Name);
                wide[entry.Name] = entry.Name.EndsWith("lora_A.weight") ? cat([value, value], 1) : value.clone();
            }
        }
        SafeTensors.Save(At("wide.safetensors"), wide);
        var wrong = Message(() => ModelEdits.Merge(
            new MergeRecipe { Base = original, Adapters = [new(At("wide.safetensors"))] }, At("out")));
        Assert.Contains("wide.safetensors", wrong);
        Assert.Matches(@"(unet|text_encoder)\.\S+ is \[16, 16\]", wrong);
        Assert.False(File.Exists(At("out", "model_index.json")));
        Assert.Contains("nothing to put in", Message(() =>
            ModelEdits.Merge(new MergeRecipe { Base = original }, At("out"))));
        Assert.Contains("do not differ", Message(() => ModelEdits.Extract(
            new ExtractRecipe { Base = original, Tuned = original }, At("none.safetensors"))));
        Assert.Contains("found 'transformer'", Message(() => ModelEdits.Extract(
            new ExtractRecipe { Base = original, Tuned = original, Parts = ["transformer"] }, At("none.safetensors"))));
        File.WriteAllBytes(At("pickle.ckpt"), [0x80, 0x02, 0x7d, 0x71, 0x00, 0x2e, 0, 0, 0, 0, 0, 0]);
        Assert.Contains("pickle", Message(() => ModelInfo.Of(At("pickle.ckpt"))));
        Directory.CreateDirectory(At("empty"));
        Assert.Contains("expected a model's folder", Message(() => ModelInfo.Of(At("empty"))));
    }
}
