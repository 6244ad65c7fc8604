using System.Text.Json.Nodes;
using SarSynth.FineTuning;
using SarSynth.Tests.Translation;

namespace SarSynth.Tests.FineTuning;

[Collection("engine")]
public sealed class FineTuningTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-train-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void ATrainingThatWasStoppedGoesOnToTheSameWeights()
    {
        var (whole, stopped) = (Path.Combine(folder, "whole"), Path.Combine(folder, "stopped"));
        FineTune.Run(TinyModel.Recipe, TinyModel.Scenes, whole);
        // After a stage's last step too: the next one's networks are made without the draws of the steps before.
        foreach (var (stage, atEnd) in new[] { ("autoencoder", false), ("autoencoder", true), ("denoiser", false),
            ("denoiser", true),
            ("control", false) })
        {
            using var cancel = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() =>
                FineTune.Run(TinyModel.Recipe, TinyModel.Scenes, stopped, p =>
            {
                if (p.Stage == stage && p.Step == (atEnd ? p.Steps : 1))
                    cancel.Cancel();
            }, cancel.Token));
        }
        // A callback that throws, as an interrupted cell's does, loses no step either.
        Assert.Throws<IOException>(() =>
            FineTune.Run(TinyModel.Recipe, TinyModel.Scenes, stopped, p =>
            throw new IOException($"{p.Stage} {p.Step}")));
        FineTune.Run(TinyModel.Recipe, TinyModel.Scenes, stopped);
        Assert.Equal(File.ReadAllText(Path.Combine(whole, "losses.csv")).Split('\n').Select(l => l.Split(',')[..^1]),
            File.ReadAllText(Path.Combine(stopped, "losses.csv")).Split('\n').Select(l => l.Split(',')[..^1]));
        // What diffusers opens: the class, and a folder for each part that is not null.
        var index = JsonNode.Parse(File.ReadAllText(Path.Combine(whole, "model_index.json")))!.AsObject();
        Assert.Equal("StableDiffusionControlNetPipeline", (string)index["_class_name"]!);
        Assert.Equal(["controlnet", "scheduler", "text_encoder", "tokenizer", "unet", "vae"],
            index.Where(f => f.Value is JsonArray pair && pair[0] is not null).Select(f => f.Key)
                .Order(StringComparer.Ordinal));
        Assert.All(index.Where(f => f.Value is JsonArray pair && pair[0] is not null),
            f => Assert.True(Directory.Exists(Path.Combine(whole, f.Key)), f.Key));
        foreach (var part in new[] { "vae/diffusion_pytorch_model", "unet/diffusion_pytorch_model",
            "controlnet/diffusion_pytorch_model", "text_encoder/model" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(whole, part + ".safetensors")),
                File.ReadAllBytes(Path.Combine(stopped, part + ".safetensors")));
    }

    [Fact]
    public void AFieldThatANetworkDoesNotKnowIsNamed()
    {
        var recipe = TinyModel.Recipe with { Unet = (JsonObject)TinyModel.Recipe.Unet.DeepClone() };
        recipe.Unet["block_out_chanels"] = 3;
        var error = Assert.ThrowsAny<Exception>(() => FineTune.Run(recipe, TinyModel.Scenes, folder));
        Assert.Contains("block_out_chanels", error.Message);
    }
}
