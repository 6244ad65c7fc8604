// The mean held to the satellite's power, and the residual that diffusion draws: truth by Monte Carlo and by closed
// forms, windows, seeds, bounds, training.
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Figures;
using SarSynth.FineTuning;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;
using SarSynth.Translation;
using TorchSharp;
using static SarSynth.Tests.Translation.MeanModel;
using static TorchSharp.torch;

namespace SarSynth.Tests.Translation;

[Collection("engine")]  // The engine's default generator is the process's: who draws from it runs alone.
public sealed class ResidualTests : IDisposable
{
    private static readonly ModelCard card = MeanModel.Card with { Residual = new(1.5, 4) };

    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-residual-").FullName;
    private readonly Translator model = new(card, MeanModel.Network(), Denoiser());

    public void Dispose()
    {
        model.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void PowerThatTheSatelliteSawComesBackWhereTheMeanIsUnsure()
    {
        using var scope = NewDisposeScope();
        const double looks = 4, noise = 0.008;
        // A place of spread 1 that is ten times too dark, in ground of spread 0.2 that is right.
        var mean = full([1, 1, 80, 80], 0.05f);
        var spread = full([1, 1, 80, 80], 0.2f);
        var seen = full([1, 1, 80, 80], (float)(0.05 + noise));
        mean.narrow(2, 40, 2).narrow(3, 40, 2).fill_(5f);
        spread.narrow(2, 40, 2).narrow(3, 40, 2).fill_(1f);
        seen.narrow(2, 40, 2).narrow(3, 40, 2).fill_((float)(20 + noise));
        var held = MeanPower.LogFactor(mean, spread, seen, noise, looks).exp().mul(mean);
        var truth = seen.sub(tensor((float)noise));
        Assert.Equal(1, held.sum().ToDouble() / truth.sum().ToDouble(), 0.1);
        Assert.InRange(held[0, 0, 40, 40].ToDouble(), 16, 22);
        // Ground around stays within 0.3 dB.
        Assert.InRange(held[0, 0, 40, 50].ToDouble() / 0.05, 0.93, 1.07);
        Assert.InRange(held[0, 0, 10, 10].ToDouble() / 0.05, 0.99, 1.01);
    }

    [Fact]
    public void TheSatellitesSpeckleDoesNotComeIn()
    {
        using var scope = NewDisposeScope();
        const int side = 96;
        var random = new Random(11);
        // Four looks: the mean of four exponential intensities around a right mean.
        float[] seen = [.. Enumerable.Range(0, side * side).Select(_ =>
            (float)Enumerable.Range(0, 4).Average(_ => -Math.Log(1 - random.NextDouble())))];
        var factor = MeanPower.LogFactor(ones(1, 1, side, side), full([1, 1, side, side], 0.3f),
            tensor(seen).reshape(1, 1, side, side), 0, 4);
        double[] decibels = [.. factor.data<float>().ToArray().Select(f => 10 / Math.Log(10) * f)];
        Assert.InRange(Math.Sqrt(decibels.Average(d => d * d)), 0.005, 0.2);
        // Where the mean is sure of itself, nothing changes.
        Assert.Equal(0, MeanPower.LogFactor(ones(1, 1, 40, 40), zeros(1, 1, 40, 40), full([1, 1, 40, 40], 3f), 0, 4)
            .abs().max().ToDouble(), 1e-6);
    }

    [Fact]
    public void WhatIsDrawnKeepsThePowerAndATargetTooManyTakesItsOwnLightBack()
    {
        using var scope = NewDisposeScope();
        const int side = 160;
        var (mean, spread) = (full([1, 1, side, side], 0.3f), full([1, 1, side, side], 0.5f));
        Assert.Equal(0, MeanPower.Held(mean, mean, spread, 4).sub(mean).abs().max().ToDouble(), 1e-6);
        var texture = randn([1, 1, side, side], generator: new Generator(3)).Times(0.5).Minus(0.125).exp().mul(mean);
        var drawn = texture.clone();
        drawn[0, 0, 80, 80] = tensor(60f);
        var held = MeanPower.Held(drawn, mean, spread, 4);
        double Power(Tensor image, int at, int size) =>
            image.narrow(2, at, size).narrow(3, at, size).mean().ToDouble() / 0.3;
        Assert.InRange(Power(drawn, 62, 37), 1.12, 1.3);
        Assert.InRange(Power(held, 62, 37), 0.97, 1.03);
        // One factor on its square of 13 pixels would leave half of the ground's intensity.
        Assert.InRange(Power(held, 82, 4) / Power(texture, 82, 4), 0.8, 1.1);
        Assert.InRange(Power(held, 20, 20) / Power(texture, 20, 20), 0.97, 1.03);
        Assert.True(held.min().ToDouble() > 0);
    }

    [Fact]
    public void WhatLiesAroundAPixelIsTheSquareWithoutIt()
    {
        using var scope = NewDisposeScope();
        var image = full([1, 1, 40, 40], 0.5f);
        image[0, 0, 20, 20] = tensor(100f);
        var around = MeanPower.Around(image, 4);
        Assert.Equal(0.5, around[0, 0, 20, 20].ToDouble(), 1e-4);
        Assert.Equal((167 * 0.5 + 100) / 168, around[0, 0, 22, 17].ToDouble(), 1e-4);
        Assert.Equal(0.5, around[0, 0, 5, 30].ToDouble(), 1e-5);
        // In a corner the square has 7 x 7 pixels.
        image[0, 0, 0, 0] = tensor(100f);
        around = MeanPower.Around(image, 4);
        Assert.Equal(0.5, around[0, 0, 0, 0].ToDouble(), 1e-4);
        Assert.Equal((8 * 7 - 2) * 0.5 / 55 + 100 / 55.0, around[0, 0, 1, 0].ToDouble(), 1e-4);
    }

    /// <summary>A fine pixel 15 dB above what lies around it is one scatterer, and so is a coarse one that it holds
    /// most of; a bright square is none.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void WhatStandsOutIsOneScattererOnEachLevel(int k)
    {
        using var scope = NewDisposeScope();
        const double noise = 0.001;
        var drawn = full([1, 1, 64, 64], 0.1f);
        drawn[0, 0, 21, 34] = tensor(40f);
        drawn.narrow(2, 40, 12).narrow(3, 8, 12).fill_(40f);
        var made = cat([drawn, MeanPower.Around(drawn, 4)], 1).log();
        var (mean, single) = MeanTranslation.OfLevel(made, k, noise, noise / k);
        var across = 64 / k;
        Assert.Equal(across * across, mean.Length);
        Assert.Equal([21 / k * across + 34 / k], single.Index().Where(s => s.Item).Select(s => s.Index));
        Assert.Equal((40 + (k * k - 1) * 0.1) / (k * k) + noise / k, mean[21 / k * across + 34 / k], 1e-3);
        Assert.Equal(0.1 + noise / k, mean[0], 1e-5);
        var (same, none) = MeanTranslation.OfLevel(made.narrow(1, 0, 1), k, noise, noise / k);
        Assert.Equal(mean, same);
        Assert.Empty(none);
    }

    [Fact]
    public void LatentsAreThePixelsOfASatellitePixelInTurnAndBounded()
    {
        using var scope = NewDisposeScope();
        using var network = Denoiser();
        var field = new ResidualField(network, new(1.5, 4), 4);
        var n = tensor(Enumerable.Range(0, 8 * 12).Select(i => i / 12f).ToArray()).reshape(1, 1, 8, 12);
        var latents = field.Latents(n);
        Assert.Equal([1, 16, 2, 3], latents.shape);
        for (var i = 0; i < 96; i++)
        {
            var (r, c) = (i / 12, i % 12);
            Assert.Equal(Math.Min(i / 12f, 4) / 1.5, latents[0, r % 4 * 4 + c % 4, r / 4, c / 4].ToDouble(), 1e-5);
        }
        var drawn = field.Draw(randn(1, 16, 8, 8).mul(tensor(30f)), zeros(1, 33, 8, 8), zeros(1, 3), 3);
        Assert.Equal([1, 1, 32, 32], drawn.shape);
        Assert.Equal(4, drawn.abs().max().ToDouble(), 1e-5);
    }

    [Fact]
    public void ADrawnResidualKeepsThePowerAndHangsOnTheSeed()
    {
        var flat = Flat(96, 96, 0.3f);
        var recipe = new TranslateRecipe { Steps = 3, KeepPower = false };
        var (plain, drawn) = (model.Translate(flat, recipe with { Texture = 0 }), model.Translate(flat, recipe));
        static double Power(AmplitudeImage image) => image.Pixels.Average(a => (double)a * a);
        Assert.NotEqual(plain.Pixels, drawn.Pixels);
        Assert.InRange(Power(drawn) / Power(plain), 0.97, 1.03);
        Assert.Equal(drawn.Pixels, model.Translate(flat, recipe).Pixels);
        Assert.NotEqual(drawn.Pixels, model.Translate(flat, recipe with { Seed = 2 }).Pixels);
        Assert.All(drawn.Pixels, a => Assert.True(a > 0 && float.IsFinite(a)));
    }

    [Fact]
    public void WithoutItsResidualAModelIsItsMeanNetwork()
    {
        var flat = Flat(32, 32, 0.3f);
        using var plain = new Translator(MeanModel.Card, MeanModel.Network());
        var recipe = new TranslateRecipe { Residual = false };
        Assert.Equal(plain.Translate(flat).Pixels, model.Translate(flat, recipe).Pixels);
        Assert.Equal(["model", "model, no residual"], model.ToWays().Select(w => w.Name));
        Assert.Single(model.ToWays(recipe));
        Assert.Single(plain.ToWays());
        Assert.Contains("residual by DPM-Solver++ in 12 steps", TableReport.SamplerOf(model, new()));
    }

    [Fact]
    public void WindowsDoNotShow()
    {
        var scene = SimulatedScenes.Generate(new() { Size = 640, Seed = 904, CaptionSize = 320 }).Single().Satellite;
        var recipe = new TranslateRecipe { Steps = 2 };
        var whole = model.Translate(scene, recipe with { Tile = 192 }).Pixels;
        var windows = model.Translate(scene, recipe with { Tile = 96 }).Pixels;
        Assert.InRange(whole.Zip(windows).Average(p => Math.Abs(p.First - p.Second) / p.First), 0, 2e-3);
    }

    [Fact]
    public void AFolderAndTheProvenanceHoldIt()
    {
        var path = Path.Combine(folder, "model");
        model.Save(path);
        using var loaded = Translator.Load(path, CPU);
        var flat = Flat(16, 16, 0.3f);
        Assert.Equal(64, loaded.Translate(flat, new TranslateRecipe { Steps = 2 }).Rows);
        Assert.Contains("residual/config.json", ModelFiles.Of(new() { Model = path }).Keys);
        var (input, output) = (Path.Combine(folder, "in.tif"), Path.Combine(folder, "out.tif"));
        GeoTiff.Write(flat, input);
        var found = loaded.TranslateFile(input, output, new() { Steps = 2 });
        Assert.DoesNotContain(found.Remarks, r => r.Contains("steps"));
        Assert.Equal((2, "noise", true), (found.Ran.Steps, found.Ran.StartedFrom, found.Ran.KeepPower));
        Assert.Equal("DPMSolverMultistepScheduler", (string?)found.Ran.Scheduler!["_class_name"]);
        var plain = loaded.TranslateFile(input, Path.Combine(folder, "plain.tif"), new() { Residual = false }).Ran;
        Assert.Equal((0, null, false), (plain.Steps, plain.StartedFrom, plain.KeepPower));
        Assert.Null(plain.Scheduler);
        File.WriteAllText(Path.Combine(path, "residual", "config.json"), File.ReadAllText(Path.Combine(path, "residual",
            "config.json")).Replace("\"image_condition_channels\": 33", "\"image_condition_channels\": 32"));
        Assert.ThrowsAny<CheckpointException>(() => Translator.Load(path, CPU));
    }

    [Fact]
    public void TrainingEndsInAModelAndGoesOnWhereItWasKilled()
    {
        var from = Path.Combine(folder, "from");
        using (var mean = new Translator(MeanModel.Card, MeanModel.Network()))
            mean.Save(from);
        var recipe = KitJson.Read<ResidualRecipe>(
            Path.Combine(TestData.Root, "data-manifests", "recipes", "mini-residual.json"));
        var network = (JsonObject)recipe.Network.DeepClone();
        network["block_out_channels"] = new JsonArray(6, 6);
        recipe = recipe with
        {
            Scenes = recipe.Scenes with { Scenes = 2, Size = 64, Varied = 1 }, Network = network, From = from,
            Residual = recipe.Residual with { Steps = 4, Batch = 2, Tile = 32, Warmup = 1, CheckpointEvery = 1 },
        };
        Assert.All(recipe.Scenes.Plan(), s => Assert.True(s.Seed < SimulatedScenes.UnseenSeed));
        var (whole, killed) = (Path.Combine(folder, "whole"), Path.Combine(folder, "killed"));
        var steps = 0L;
        ResidualTraining.Run(recipe, whole, p => steps = p.Step);
        Assert.Equal(4, steps);
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => ResidualTraining.Run(recipe, killed, p =>
        {
            if (p.Step == 2)
                stop.Cancel();
        }, stop.Token));
        Assert.False(File.Exists(Path.Combine(killed, "model_index.json")));
        ResidualTraining.Run(recipe, killed, _ => { });
        foreach (var file in new[] { "residual/diffusion_pytorch_model.safetensors", "sarsynth.json" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(whole, file)), File.ReadAllBytes(Path.Combine(killed, file)));
        Assert.False(Directory.Exists(Path.Combine(killed, "training")));
        using var loaded = Translator.Load(killed, CPU);
        Assert.Equal(32, loaded.Translate(Flat(8, 8, 0.2f), new TranslateRecipe { Steps = 2 }).Rows);
    }

    private static PlainUNetModel Denoiser()
    {
        using var grad = no_grad();
        var network = new PlainUNetModel(new()
        {
            Channels = 16, ImageConditionChannels = 33, ConditionChannels = 3, BlockOutChannels = [8, 8],
            LayersPerBlock = 1, EmbeddingChannels = 8,
        });
        using var generator = new Generator(5, CPU);
        foreach (var parameter in network.parameters())
            parameter.copy_(randn(parameter.shape, generator: generator).div(tensor(12f)));
        return network;
    }
}
