using SarSynth.Data;
using SarSynth.Radar.Images;
using SarSynth.FineTuning;
using SarSynth.Translation;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Tests.Translation;

/// <summary>
/// What belongs to the whole process (the default device, the count of tensors) is tested while nothing else runs.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class WholeProcess
{
    public const string Name = "whole process";
}

/// <summary>
/// Every tensor is made where the model is. Without a GPU: the default device is "meta" and the model is on the CPU by
/// name; a tensor made without saying where lands on meta, and no operator takes both.
/// </summary>
[Collection(WholeProcess.Name)]
public sealed class PlacementTests(TinyModel tiny) : IClassFixture<TinyModel>, IDisposable
{
    private static readonly TranslateRecipe Fast = new() { Steps = 2, Seed = 3, Device = "cpu",
        Prompt = "fields and a river" };

    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-placement-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static AmplitudeImage Satellite => TinyModel.Scenes[0].Satellite;

    [Fact]
    public void TheTrickFindsATensorThatWasMadeAnywhere() => OnMeta(() =>
    {
        using var stray = ones(3);
        Assert.Equal(DeviceType.META, stray.device_type);
        using var placed = ones(3, device: CPU);
        Assert.ThrowsAny<Exception>(() => stray.add(placed));
        Assert.ThrowsAny<Exception>(() => nn.functional.linear(placed, stray));
    });

    [Fact]
    public void ATranslationIsMadeWhereTheModelIs()
    {
        var expected = tiny.Model.Translate(Satellite, Fast).Pixels;
        OnMeta(() =>
        {
            using var model = Translator.Load(Path.Combine(tiny.Folder, "model"), CPU);
            Assert.Equal(DeviceType.CPU, model.Device.type);
            Assert.Equal(expected, model.Translate(Satellite, Fast).Pixels);
        });
    }

    [Fact]
    public void AutoencoderDenoiserAndControlAreTrainedWhereTheRecipeSays()
    {
        // The same bytes as the training of the fixture, which ran on the CPU without the trick.
        OnMeta(() => FineTune.Run(TinyModel.Recipe with { Device = "cpu" }, TinyModel.Scenes, folder));
        foreach (var part in new[] { "vae", "unet", "controlnet", "text_encoder" })
        {
            var file = Directory.GetFiles(Path.Combine(folder, part), "*.safetensors").Single();
            Assert.Equal(File.ReadAllBytes(Path.Combine(tiny.Folder, "model", part, Path.GetFileName(file))),
                File.ReadAllBytes(file));
        }
        var provenance = KitJson.Read<Provenance>(Path.Combine(folder, "training.provenance.json"));
        Assert.Equal("cpu", provenance.Device);
        Assert.Equal("cpu", (string)provenance.Recipe["device"]!);
    }

    [Fact]
    public void AModelWithAllItsPartsMoves()
    {
        using var model = Translator.Load(Path.Combine(tiny.Folder, "model"), device(DeviceType.META));
        Assert.Equal(DeviceType.META, model.Device.type);
        foreach (var part in new nn.Module[] { model.Pipeline.Vae, model.Pipeline.Unet, model.Controls[0],
            model.Pipeline.Prompts.Encoder! })
            Assert.All(part.named_parameters(), p => Assert.Equal(DeviceType.META, p.parameter.device_type));
    }

    private static void OnMeta(Action run)
    {
        var before = get_default_device();
        set_default_device(device(DeviceType.META));
        try
        {
            run();
        }
        finally
        {
            set_default_device(before);
        }
    }
}
