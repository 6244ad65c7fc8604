using SarSynth.Data;
using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Figures;
using SarSynth.Radar.Images;
using SarSynth.Translation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Tests.Translation;

/// <summary>What a recipe adds to a model is on it while it is asked for, and what ran is told.</summary>
[Collection("engine")]
public sealed class AdditionsTests(TinyModel tiny) : IClassFixture<TinyModel>
{
    private static readonly TranslateRecipe Fast = new() { Steps = 2, Seed = 3 };

    private static AmplitudeImage Satellite => TinyModel.Scenes[0].Satellite;

    [Fact]
    public void AFileThatCannotBePutOnLeavesTheModelAsItIs()
    {
        var plain = Made(Fast);
        var good = MakeLora("good.safetensors", 5);
        var broken = Path.Combine(tiny.Folder, "broken.safetensors");
        SafeTensors.Save(broken, new Dictionary<string, Tensor> { ["nothing.of.this.kind"] = zeros(2) });
        Assert.Throws<CheckpointException>(() => Made(Fast with { Adapters = [new(good), new(broken)] }));
        Assert.Equal(plain, Made(Fast));
        Assert.Throws<CheckpointException>(() => Made(Fast with { Tokens = [new(broken, "<x>")] }));
        Assert.Equal(plain, Made(Fast));
        Assert.NotEqual(plain, Made(Fast with { Adapters = [new(good)] }));
    }

    [Fact]
    public void ALoraFileWrittenAnewIsReadAnew()
    {
        var file = MakeLora("changing.safetensors", 6);
        var recipe = Fast with { Adapters = [new(file)] };
        var first = Made(recipe);
        Assert.Equal(first, Made(recipe));
        MakeLora("changing.safetensors", 7);
        // A clock that is coarse must not hide it.
        File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddSeconds(2));
        Assert.NotEqual(first, Made(recipe));
    }

    [Fact]
    public void AFurtherControlNetIsReadAnewWhenItIsWrittenAnewAndLetGoWhenItIsNotAskedFor()
    {
        var folder = Path.Combine(tiny.Folder, "further");
        void Write(double factor)
        {
            using var net = ModelFolder.Load<ControlNetModel>(Path.Combine(tiny.Folder, "model", "controlnet"),
                new WeightOptions(Type: ScalarType.Float32));
            using (no_grad())
                net.parameters().ToList().ForEach(p => p.mul_((float)factor));
            ModelFolder.Save(net, folder);
        }
        // A net whose zero convolutions say something.
        Write(20);
        var recipe = Fast with { Controls = [new(folder)] };
        var first = Made(recipe);
        Assert.Equal(first, Made(recipe));
        Write(40);
        foreach (var file in Directory.GetFiles(folder))
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddSeconds(2));
        Assert.NotEqual(first, Made(recipe));
        using var adaptation = new Adaptation(tiny.Model.Pipeline);
        adaptation.Apply(recipe with { Controls = [new(folder), new(folder)] });
        var weight = adaptation.Net(recipe.Controls[0], new()).parameters().First();
        Assert.False(weight.IsInvalid);
        adaptation.Apply(Fast);
        Assert.True(weight.IsInvalid);
    }

    [Fact]
    public void SavingLeavesTheWeightsAsTheyAreAndWritesThemAsHalves()
    {
        using var model = Translator.Load(Path.Combine(tiny.Folder, "model"), CPU);
        // A third is no float16.
        using (no_grad())
            model.Pipeline.Unet.parameters().First().fill_(1f / 3);
        var before = model.Translate(Satellite, Fast).Pixels;
        var folder = Path.Combine(tiny.Folder, "saved");
        model.Save(folder);
        Assert.Equal(before, model.Translate(Satellite, Fast).Pixels);
        using var file = SafeTensorsFile.Open(
            Directory.GetFiles(Path.Combine(folder, "unet"), "*.safetensors").Single());
        Assert.All(file.Header.Entries, entry => Assert.Equal(SafeTensorType.F16, entry.Type));
        using var read = Translator.Load(folder, CPU);
        Assert.Equal((float)(Half)(1f / 3), read.Pipeline.Unet.parameters().First().flatten()[0].ToSingle());
    }

    [Fact]
    public void TheFilesThatATranslationComputesWithAreTold()
    {
        var file = MakeLora("told.safetensors", 8);
        var recipe = new TranslateRecipe { Model = Path.Combine(tiny.Folder, "model"), Adapters = [new(file)] };
        var told = ModelFiles.Of(recipe);
        Assert.Equal(FileFingerprint.Of(file).Sha256, told["adapters/0/told.safetensors"]);
        Assert.Equal(FileFingerprint.Of(Path.Combine(recipe.Model, ModelCard.FileName)).Sha256, told["card"]);
        foreach (var part in (string[])["unet/", "vae/", "text_encoder/", "controlnet/", "tokenizer/", "scheduler/"])
            Assert.Contains(told.Keys, key => key.StartsWith(part, StringComparison.Ordinal));
        Assert.DoesNotContain(told.Keys, key => key.Contains("losses", StringComparison.Ordinal));

        var (input, output) = (Path.Combine(tiny.Folder, "s.tif"), Path.Combine(tiny.Folder, "s.fine.tif"));
        Radar.Formats.GeoTiff.Write(Satellite, input);
        var made = tiny.Model.TranslateFile(input, output, Fast with { Adapters = [new(file)] });
        Assert.Equal(told, made.Ran.ModelFiles);
    }

    [Fact]
    public void TheReportNamesTheSamplerThatRan()
    {
        Assert.Equal("DDIMScheduler, 25 steps, eta 1", TableReport.SamplerOf(tiny.Model, new()));
        Assert.Equal("EulerDiscreteScheduler, 5 steps",
            TableReport.SamplerOf(tiny.Model, new() { Scheduler = "euler", Steps = 10, Strength = 0.5 }));
    }

    [Fact, Trait("Speed", "slow")]
    public void TheKitsModelIsAsDeafToTextAsItsCardSays()
    {
        using var model = Translator.Load("sarsynth-small", CPU);
        var folder = EmbeddedData.Scenes;
        var scene = PairedDataset.Open(folder).Load(folder, Split.Test).First();
        var effect = model.MeasureTextEffect(scene.Satellite.Crop(new RasterWindow(0, 0, 64, 64)), new());
        Assert.Equal(model.Card.TextEffect!.Value, effect, 1e-3);
    }

    private float[] Made(TranslateRecipe recipe) => tiny.Model.Translate(Satellite, recipe).Pixels;

    private string MakeLora(string name, int seed)
    {
        var file = Path.Combine(tiny.Folder, name);
        using var lora = Lora.Create(new Dictionary<string, nn.Module> { ["unet"] = tiny.Model.Pipeline.Unet },
            ["to_q", "to_v"], 2, seed: (ulong)seed);
        using var noGradients = no_grad();
        using var random = new Generator((ulong)seed);
        foreach (var layer in lora.Layers.Values)
            layer.Up.copy_(randn(layer.Up.shape, generator: random).mul(0.5));
        lora.Save(file);
        return file;
    }
}
