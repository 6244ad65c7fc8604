// What is chosen for a base by its size, and what is refused before memory runs out: bases of headers alone.
using System.Text;
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.FineTuning;
using SarSynth.Radar.Images;

namespace SarSynth.Tests.FineTuning;

public sealed class SuitedTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-suited-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    // A pipeline whose UNet has so many numbers; the file is a hole behind its header.
    private string Base(long numbers)
    {
        var unet = Path.Combine(folder, "base", "unet");
        Directory.CreateDirectory(unet);
        File.WriteAllText(Path.Combine(folder, "base", "model_index.json"), """
            {"_class_name": "StableDiffusionXLPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
            """);
        File.WriteAllText(Path.Combine(unet, "config.json"), """{"_class_name": "UNet2DConditionModel"}""");
        var header = Encoding.UTF8.GetBytes(new JsonObject
        {
            ["conv_in.weight"] = new JsonObject
            {
                ["dtype"] = "F16", ["shape"] = new JsonArray(numbers), ["data_offsets"] = new JsonArray(0, 2 * numbers),
            },
        }.ToJsonString());
        using var file = File.Create(Path.Combine(unet, "diffusion_pytorch_model.safetensors"));
        file.Write(BitConverter.GetBytes((long)header.Length));
        file.Write(header);
        file.SetLength(8 + header.Length + 2 * numbers);
        return Path.Combine(folder, "base");
    }

    private string Tiles(int side)
    {
        var tiles = Path.Combine(folder, "tiles");
        Directory.CreateDirectory(tiles);
        QuickLook.Write(new AmplitudeImage(side, side, [.. Enumerable.Repeat(0.5f, side * side)]),
            Path.Combine(tiles, "a.png"), new FixedRemap(1), new() { MaxSize = side });
        File.WriteAllText(Path.Combine(tiles, "a.txt"), "ground");
        return tiles;
    }

    private FineTuneRecipe Recipe(long numbers, int side, params Strategy[] strategy) => new()
    {
        Base = Base(numbers), Data = Tiles(side), Strategy = strategy.Length > 0 ? strategy : [Lora.Unet()], Steps = 1,
        Device = "cpu",
    };

    [Fact]
    public void ALargeBaseIsTrainedInSixteenBitsByCropsAndRecomputed()
    {
        var (recipe, chosen) = FineTune.Suited(Recipe(600_000_000, 640), false, false, false);
        Assert.Equal((Precision.Bfloat16, true, 512), (recipe.Precision, recipe.GradientCheckpointing, recipe.Crop));
        Assert.Contains("0.60 G numbers: bfloat16", chosen);
        // What the user said stays as it was said; tiles of the size are not cut.
        (recipe, chosen) = FineTune.Suited(Recipe(600_000_000, 512) with { Crop = 64 }, true, true, true);
        Assert.Equal((Precision.Float32, false, 64, null), (recipe.Precision, recipe.GradientCheckpointing,
            recipe.Crop, chosen));
        Assert.Null(FineTune.Suited(Recipe(600_000_000, 512), false, false, false).Recipe.Crop);
        (recipe, chosen) = FineTune.Suited(Recipe(1000, 640), false, false, false);
        Assert.Equal((Precision.Float32, false, null, null), (recipe.Precision, recipe.GradientCheckpointing,
            recipe.Crop, chosen));
    }

    [Fact]
    public void WhatNoMemoryHoldsIsRefusedBeforeAnythingIsOpened()
    {
        // 10^12 numbers: 4 TB of weights alone.
        var failure = Assert.Throws<InsufficientMemoryException>(() =>
            FineTune.Run(Recipe(1_000_000_000_000, 64, Full.Unet()), Path.Combine(folder, "out"), onRemark: _ => { }));
        Assert.Matches(@"a step needs 16000\.0 GB of the [\d.]+ GB that are here; LoRA or a smaller base",
            failure.Message);
    }
}
