using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Recipes;
using SarSynth.Tests.Support;

namespace SarSynth.Tests.Recipes;

/// <summary>A model of the smallest size, trained for two steps: what is tested here is the way of the data, not the picture.</summary>
public sealed class TinyModel : IDisposable
{
    public static TrainRecipe Recipe { get; } = Tiny(KitJson.Read<TrainRecipe>(Path.Combine(TestData.Root, "data-manifests", "recipes", "smoke.json")));

    public static IReadOnlyList<PairedScene> Scenes { get; } =
        [.. SimulatedScenes.Generate(new SimulationRecipe { Scenes = 2, Size = 64, Seed = 900, CaptionSize = 32 })];

    public string Folder { get; } = Directory.CreateTempSubdirectory("sarsynth-tiny-").FullName;

    public TranslationModel Model { get; }

    public TinyModel()
    {
        FineTuning.Run(Recipe, Scenes, Path.Combine(Folder, "model"));
        Model = TranslationModel.Load(Path.Combine(Folder, "model"));
    }

    public void Dispose()
    {
        Model.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private static TrainRecipe Tiny(TrainRecipe recipe)
    {
        static StageRecipe Stage(StageRecipe s) => s with { Steps = 2, Batch = 2, Tile = 32, Warmup = 1, CheckpointEvery = 1 };
        static JsonObject Narrow(JsonObject config)
        {
            var narrow = (JsonObject)config.DeepClone();
            narrow["block_out_channels"] = new JsonArray(16, 16, 16);
            narrow["norm_num_groups"] = 8;
            if (narrow.ContainsKey("attention_head_dim"))
                narrow["attention_head_dim"] = 2;
            return narrow;
        }
        return recipe with
        {
            Name = "tiny", Vocabulary = 560, Vae = Narrow(recipe.Vae), Unet = Narrow(recipe.Unet), Controlnet = Narrow(recipe.Controlnet),
            Autoencoder = Stage(recipe.Autoencoder), Denoiser = Stage(recipe.Denoiser), Control = Stage(recipe.Control),
        };
    }
}

[Collection("engine")]  // The engine's default generator is the process's: who draws from it runs alone.
public class TranslationTests(TinyModel tiny) : IClassFixture<TinyModel>
{
    private static readonly TranslateRecipe Fast = new() { Steps = 2, Seed = 3 };

    private static AmplitudeImage Satellite => TinyModel.Scenes[0].Satellite;

    [Fact]
    public void TheResultLiesOnTheFinerGridOfTheSameGround()
    {
        var place = new GeoReference([500000, 1.6, 0, 4600000, 0, -1.6], "")
        {
            ControlPoints = [new(0.5, 15.5, 9, 45, 100, "a"), new(16, 0, 9.5, 44.5)],
        };
        var georeferenced = new AmplitudeImage(16, 16, Satellite.Pixels, Satellite.Metadata, place);
        var fine = Translation.Run(tiny.Model, georeferenced, Fast);
        Assert.Equal((64, 64), (fine.Rows, fine.Columns));
        Assert.Equal([500000, 0.4, 0, 4600000, 0, -0.4], fine.GeoReference!.Transform!.Select(v => Math.Round(v, 12)));
        Assert.Equal([new(2, 62, 9, 45, 100, "a"), new(64, 0, 9.5, 44.5)], fine.GeoReference.ControlPoints);
        Assert.Equal(Satellite.Metadata.AzimuthSpacing / 4, fine.Metadata.AzimuthSpacing);
        Assert.All(fine.Pixels, a => Assert.True(a >= 0 && float.IsFinite(a)));
    }

    [Fact]
    public void TheSeedDecidesEveryPixel()
    {
        var first = Translation.Run(tiny.Model, Satellite, Fast);
        Assert.Equal(first.Pixels, Translation.Run(tiny.Model, Satellite, Fast).Pixels);
        Assert.NotEqual(first.Pixels, Translation.Run(tiny.Model, Satellite, Fast with { Seed = 4 }).Pixels);
    }

    [Fact]
    public void NoDataStaysNoDataAndDoesNotSpread()
    {
        var pixels = (float[])Satellite.Pixels.Clone();
        pixels[5 * 16 + 7] = float.NaN;
        pixels[6 * 16 + 7] = 0;
        var fine = Translation.Run(tiny.Model, new AmplitudeImage(16, 16, pixels, Satellite.Metadata), Fast);
        for (var r = 0; r < 64; r++)
            for (var c = 0; c < 64; c++)
                Assert.Equal(r is >= 20 and < 28 && c is >= 28 and < 32, float.IsNaN(fine.Pixels[r * 64 + c]));
    }

    [Fact]
    public void WithSceneRadiometryBrightnessCarriesThrough()
    {
        var recipe = Fast with { Radiometry = RadiometryMatch.Scene };
        var plain = Translation.Run(tiny.Model, Satellite, recipe);
        var bright = Translation.Run(tiny.Model, new AmplitudeImage(16, 16, [.. Satellite.Pixels.Select(a => a * 1000)]), recipe);
        foreach (var (a, b) in plain.Pixels.Zip(bright.Pixels))
            Assert.Equal(a, b / 1000, 1e-3 * Math.Max(a, 0.01));
    }

    [Fact]
    public void AFileComesOutAsTheImageWouldAndBlockBordersDoNotShow()
    {
        // 200 columns are two blocks; the whole in one piece is the reference far from the border, the same noise lies under both.
        var scene = SimulatedScenes.Generate(new SimulationRecipe { Size = 800, Seed = 901, CaptionSize = 400 }).Single();
        var rows = 24;
        var strip = new AmplitudeImage(rows, 200, [.. scene.Satellite.Pixels.Take(rows * 200)], scene.Satellite.Metadata);
        var input = Path.Combine(tiny.Folder, "strip.tif");
        var output = Path.Combine(tiny.Folder, "strip.fine.tif");
        GeoTiff.Write(strip, input);
        Translation.RunFile(tiny.Model, input, output, Fast);
        using var raster = SarRaster.Open(output);
        var fromFile = raster.Read().ToAmplitude();
        Assert.Equal(Translation.Run(tiny.Model, strip, Fast).Pixels, fromFile.Pixels);

        // Across the border between the blocks neighbouring columns differ as much as anywhere else.
        double Step(int column) => Enumerable.Range(0, rows * 4).Average(r => Math.Abs(Math.Log((fromFile.Pixels[r * 800 + column] + 0.05) / (fromFile.Pixels[r * 800 + column - 1] + 0.05))));
        var border = Step(Translation.BlockSize * 4);
        var elsewhere = Enumerable.Range(600, 160).Where(c => c % 4 == 0 && c != Translation.BlockSize * 4).Select(Step).ToList();
        Assert.InRange(border, elsewhere.Min() * 0.8, elsewhere.Max() * 1.2);

        var provenance = KitJson.Read<Provenance>(output + ".provenance.json");
        Assert.Equal("strip.tif", provenance.Inputs.Single().Path);
        Assert.Equal(FileFingerprint.Of(output), provenance.Outputs.Single());
    }

    [Theory]
    [InlineData("mask-internal.tif"), InlineData("mask-sidecar.tif"), InlineData("alpha-tiled.tif"), InlineData("nodata-complex-zero.tif")]
    public void AFilesMaskIsObeyedCountedAndCarriedOn(string file)
    {
        // 5 x 6 pixels; the first row holds no data, whatever stands in it.
        var output = Path.Combine(tiny.Folder, file + ".fine.tif");
        Assert.Equal(6, Translation.RunFile(tiny.Model, TestData.Golden("rasters/masks/" + file), output, Fast));
        using var raster = SarRaster.Open(output);
        Assert.Equal(double.NaN, raster.Validity.NoDataValue);
        var pixels = raster.Read().ToAmplitude().Pixels;
        Assert.All(pixels.Take(4 * 24), value => Assert.True(float.IsNaN(value)));
        Assert.All(pixels.Skip(4 * 24), value => Assert.True(value >= 0));
    }

    [Fact]
    public void AnImageWithoutAValidPixelIsRefusedAndNothingIsWritten()
    {
        var input = Path.Combine(tiny.Folder, "dark.tif");
        var output = Path.Combine(tiny.Folder, "dark.fine.tif");
        GeoTiff.Write(new AmplitudeImage(16, 16, new float[256]), input);
        var error = Assert.Throws<RasterException>(() => Translation.RunFile(tiny.Model, input, output, Fast));
        Assert.Contains("dark.tif", error.Message);
        Assert.False(File.Exists(output));
    }

    [Fact]
    public void CancellingLeavesNothingBehind()
    {
        var folder = Directory.CreateDirectory(Path.Combine(tiny.Folder, "cancelled")).FullName;
        var input = Path.Combine(tiny.Folder, "in.tif");
        GeoTiff.Write(Satellite, input);
        using var cancel = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() =>
            Translation.RunFile(tiny.Model, input, Path.Combine(folder, "out.tif"), Fast, progress: _ => cancel.Cancel(), cancel: cancel.Token));
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void AModelFolderIsTheDiffusersLayout()
    {
        var folder = Path.Combine(tiny.Folder, "model");
        foreach (var file in new[] { "vae/config.json", "unet/diffusion_pytorch_model.safetensors", "controlnet/config.json", "text_encoder/model.safetensors",
            "tokenizer/vocab.json", "scheduler/scheduler_config.json", ModelCard.FileName, "losses.csv", "training.provenance.json" })
            Assert.True(File.Exists(Path.Combine(folder, file)), file);
        Assert.False(Directory.Exists(Path.Combine(folder, "training")));
    }

    [Fact]
    public void AnUnknownModelIsNamedWithTheOnesThatExist()
    {
        var error = Assert.Throws<FileNotFoundException>(() => TranslationModel.Load("sarsynth-enormous"));
        Assert.Contains("sarsynth-enormous", error.Message);
        Assert.Contains("sarsynth-small", error.Message);
    }
}

[Collection("engine")]
public sealed class FineTuningTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-train-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void ATrainingThatWasStoppedGoesOnToTheSameWeights()
    {
        var (whole, stopped) = (Path.Combine(folder, "whole"), Path.Combine(folder, "stopped"));
        FineTuning.Run(TinyModel.Recipe, TinyModel.Scenes, whole);
        // After a stage's last step too: the next one's networks are made without the draws of the steps before.
        foreach (var (stage, atEnd) in new[] { ("autoencoder", false), ("autoencoder", true), ("denoiser", false), ("denoiser", true),
            ("control", false) })
        {
            using var cancel = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => FineTuning.Run(TinyModel.Recipe, TinyModel.Scenes, stopped, p =>
            {
                if (p.Stage == stage && p.Step == (atEnd ? p.Steps : 1))
                    cancel.Cancel();
            }, cancel.Token));
        }
        // A callback that throws, as an interrupted cell's does, loses no step either.
        Assert.Throws<IOException>(() => FineTuning.Run(TinyModel.Recipe, TinyModel.Scenes, stopped, p => throw new IOException($"{p.Stage} {p.Step}")));
        FineTuning.Run(TinyModel.Recipe, TinyModel.Scenes, stopped);
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
        foreach (var part in new[] { "vae/diffusion_pytorch_model", "unet/diffusion_pytorch_model", "controlnet/diffusion_pytorch_model", "text_encoder/model" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(whole, part + ".safetensors")), File.ReadAllBytes(Path.Combine(stopped, part + ".safetensors")));
    }

    [Fact]
    public void AFieldThatANetworkDoesNotKnowIsNamed()
    {
        var recipe = TinyModel.Recipe with { Unet = (JsonObject)TinyModel.Recipe.Unet.DeepClone() };
        recipe.Unet["block_out_chanels"] = 3;
        var error = Assert.ThrowsAny<Exception>(() => FineTuning.Run(recipe, TinyModel.Scenes, folder));
        Assert.Contains("block_out_chanels", error.Message);
    }
}
