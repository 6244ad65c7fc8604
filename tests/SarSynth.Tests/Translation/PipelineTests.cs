using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Diffusion.Adapters;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tiling;
using SarSynth.Radar.Images;
using SarSynth.Translation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Tests.Translation;

/// <summary>What the pipeline has reaches translation, and translation is nothing but the pipeline.</summary>
[Collection("engine")]
public sealed class PipelineTests(TinyModel tiny) : IClassFixture<TinyModel>
{
    private static readonly TranslateRecipe Fast = new() { Steps = 3, Seed = 3 };

    private static AmplitudeImage Satellite => TinyModel.Scenes[0].Satellite;

    [Fact]
    public void OneWindowIsWhatTheNetworksMakeByHand()
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var (model, card) = (tiny.Model, tiny.Model.Card);
        var (unet, net, vae) = (model.Pipeline.Unet, model.Controls[0], model.Pipeline.Vae);
        var condition = tensor(card.Satellite!.Apply(Satellite)).reshape(1, 1, 16, 16);
        var words = model.Pipeline.Prompts.Encode("fields").Text;
        var noise = new PositionalNoise(3);
        var plan = SamplingPlan.Create(model.Pipeline.Sampler, 3);
        var start = noise.Window(PositionalNoise.InitialStep, unet.Config.InChannels, 0, 0, 16, 16);
        var latents = Sampler.Sample((x, t) =>
        {
            var time = tensor((float)t);
            var residuals = net.forward(x, time, words, condition);
            return unet.forward(x, time, words, down_block_additional_residuals: residuals.Down,
                mid_block_additional_residual: residuals.Mid);
        }, start.mul(plan.InitNoiseSigma), plan, new SamplingRun { Noise = noise.Source() }, eta: 1);
        Tensor Channels(double[]? values) => tensor(values!.Select(v => (float)v).ToArray()).reshape(1, -1, 1, 1);
        var decoded = vae.decode(latents.mul(Channels(vae.Config.LatentsStd)).add(Channels(vae.Config.LatentsMean)));
        var expected = card.Airborne!.Invert(decoded.data<float>().ToArray(), 64, 64).Pixels;
        Near(expected, Made(Fast with { Prompt = "fields", Radiometry = RadiometryMatch.Absolute }), 1e-4);
    }

    [Theory]
    [InlineData(96, 96), InlineData(128, 128), InlineData(200, 300), InlineData(64, 333)]
    public void AtMostHalfAsManyLatentsMoreAreComputedThanKept(int rows, int columns)
    {
        var image = new AmplitudeImage(rows, columns, [.. Enumerable.Repeat(0.3f, rows * columns)], Satellite.Metadata);
        var computed = 0L;
        TranslationRun.Counting = latents => computed += latents;
        try
        {
            tiny.Model.Translate(image, Fast with { Steps = 1 });
        }
        finally
        {
            TranslationRun.Counting = null;
        }
        Assert.InRange(computed, (long)rows * columns, 1.5 * rows * columns);
    }

    [Fact]
    public void ARecipeGoesThroughJson()
    {
        var recipe = new TranslateRecipe
        {
            Model = "m", Variant = "fp16", Card = "c.json", SecondPrompt = "a", NegativePrompt = "b", ClipSkip = 1,
                Guidance = 5,
            GuidanceRescale = 0.7, Sizes = new() { Original = [1, 2], Crop = [3, 4], Target = [5, 6] },
                Scheduler = "euler", Strength = 0.3,
            ControlStart = 0.1, ControlEnd = 0.9, Controls = [new("n", 0.5, 0.2, 0.8)], Adapters = [new("l", 0.25)],
                Tokens = [new("t", "<SAR>")],
            Radiometry = RadiometryMatch.Scene, Tile = 48, Overlap = 4, Batch = 2, Strict = true,
        };
        var json = KitJson.Serialize(recipe);
        Assert.Equal(json, KitJson.Serialize(System.Text.Json.JsonSerializer.Deserialize<TranslateRecipe>(json,
            KitJson.Options)!));
        Assert.Contains("fp16", json);
    }

    [Fact]
    public void GuidanceRescaleAndNegativePromptReachThePipeline()
    {
        var guided = Made(Fast with { Prompt = "water", Guidance = 6 });
        Assert.NotEqual(Made(Fast with { Prompt = "water" }), guided);
        Assert.NotEqual(guided, Made(Fast with { Prompt = "water", Guidance = 6,
            NegativePrompt = "several aircraft on a runway" }));
        Assert.NotEqual(guided, Made(Fast with { Prompt = "water", Guidance = 6, GuidanceRescale = 0.7 }));
        // Guidance of one is none, and the negative prompt does not count then.
        Assert.Equal(Made(Fast), Made(Fast with { Guidance = 1, NegativePrompt = "water" }));
    }

    [Fact]
    public void SeveralControlNetsActWithTheirWeightsWhileTheyAreAskedTo()
    {
        var net = Path.Combine(tiny.Folder, "model", "controlnet");
        var own = Made(Fast);
        Near(own, Made(Fast with { ControlScale = 0, Controls = [new(net)] }), 1e-5);
        Near(own, Made(Fast with { ControlScale = 0.5, Controls = [new(net, 0.25), new(net, 0.25)] }), 1e-3);
        var without = Made(Fast with { ControlScale = 0 });
        Assert.NotEqual(own, without);
        Near(without, Made(Fast with { ControlEnd = 0 }), 1e-6);
        var half = Made(Fast with { ControlStart = 0.5 });
        Assert.NotEqual(own, half);
        Assert.NotEqual(without, half);
    }

    [Fact]
    public void AnImageIsStartedFromAsFarAsTheStrengthSays()
    {
        var recipe = Fast with { Steps = 10 };
        var fine = Satellite.Pixels.Select(a => Math.Log(a + 0.05)).ToArray();
        // How well a translation follows the satellite image itself, seen on its grid.
        double Follows(double strength)
        {
            var made = Made(recipe with { ControlScale = 0, Strength = strength });
            var means = new double[256];
            for (var i = 0; i < made.Length; i++)
                means[i / 64 / 4 * 16 + i % 64 / 4] += Math.Log(made[i] + 0.05) / 16;
            return MathNet.Numerics.Statistics.Correlation.Pearson(means, fine);
        }
        var (little, all) = (Follows(0.1), Follows(1));
        Assert.True(Math.Abs(little) > Math.Abs(all) + 0.1, $"strength 0.1: {little:F3}, 1: {all:F3}");
    }

    [Fact]
    public void ALoraActsAtItsScaleAndIsTakenOffAgain()
    {
        var plain = Made(Fast);
        var file = Path.Combine(tiny.Folder, "lora.safetensors");
        using (var lora = Lora.Create(new Dictionary<string, nn.Module> { ["unet"] = tiny.Model.Pipeline.Unet },
            ["to_q", "to_v"], 2, seed: 5))
        {
            using var noGradients = no_grad();
            foreach (var layer in lora.Layers.Values)
                nn.init.normal_(layer.Up, 0, 0.5);
            lora.Save(file);
        }
        Assert.Equal(plain, Made(Fast));
        var full = Made(Fast with { Adapters = [new(file)] });
        Assert.NotEqual(plain, full);
        Near(plain, Made(Fast with { Adapters = [new(file, 0)] }), 1e-6);
        Assert.Equal(full, Made(Fast with { Adapters = [new(file)] }));
        Assert.Equal(plain, Made(Fast));
    }

    [Fact]
    public void ALearnedTokenStandsForWhatItLearned()
    {
        var prompts = tiny.Model.Pipeline.Prompts;
        var word = TinyModel.Scenes.SelectMany(s => s.Captions).SelectMany(c => c.Text.Split(' '))
            .First(w => prompts.Tokenizer!.Encode(w).Length == 3);
        var file = Path.Combine(tiny.Folder, "token.safetensors");
        using (var token = LearnedToken.Create("<SAR>", prompts.Tokenizer!, prompts.Encoder!.TokenEmbedding,
            like: word))
            token.Save(file);
        var recipe = Fast with { Model = Path.Combine(tiny.Folder, "model"), Prompt = "<SAR>", Tokens = [new(file)] };
        using var fresh = Translator.Load(recipe, CPU);
        var learned = fresh.Translate(Satellite, recipe).Pixels;
        Assert.Equal(fresh.Translate(Satellite, Fast with { Prompt = word }).Pixels, learned);
        // Taken off again it is a word like any other.
        Assert.NotEqual(learned, fresh.Translate(Satellite, Fast with { Prompt = "<SAR>" }).Pixels);
    }

    [Fact]
    public void TheSchedulerIsTakenByNameOrFileAndTheProvenanceTellsIt()
    {
        Assert.Equal("DDIMScheduler", Ran(Fast));
        Assert.Equal("EulerDiscreteScheduler", Ran(Fast with { Scheduler = "euler" }));
        Assert.Equal("DPMSolverMultistepScheduler", Ran(Fast with { Scheduler = "DPMSolverMultistepScheduler" }));
        var file = Path.Combine(tiny.Folder, "scheduler.json");
        File.WriteAllText(file, (tiny.Model.Pipeline.Sampler with { Kind = SamplerKind.Ddpm }).ToJson());
        Assert.Equal("DDPMScheduler", Ran(Fast with { Scheduler = file }));
        var error = Assert.Throws<ArgumentException>(() => Ran(Fast with { Scheduler = "ddin" }));
        Assert.Contains("ddin", error.Message);
        Assert.Contains("DDIMScheduler", error.Message);

        string Ran(TranslateRecipe recipe) =>
            (string)tiny.Model.Run(SatelliteSource.Of(Satellite), recipe, (_, _) => { }, null, default)
                .Ran.Scheduler!["_class_name"]!;
    }

    [Fact]
    public void LatentsThatDoNotFitAreRefusedWithTheFigure()
    {
        TranslationRun.MemoryAtHand = 100_000;
        try
        {
            var error = Assert.Throws<InsufficientMemoryException>(() => Made(Fast));
            Assert.Contains("16 x 16", error.Message);
            Assert.Contains("--window", error.Message);
            TranslationRun.MemoryAtHand = 16 * 16 * tiny.Model.BytesPerPixel;
            Made(Fast);
        }
        finally
        {
            TranslationRun.MemoryAtHand = null;
        }
    }

    private float[] Made(TranslateRecipe recipe) => tiny.Model.Translate(Satellite, recipe).Pixels;

    private static void Near(float[] expected, float[] found, double tolerance)
    {
        Assert.Equal(expected.Length, found.Length);
        Assert.InRange(expected.Zip(found, (a, b) => Math.Abs(a - b)).Max(), 0,
            tolerance * Math.Max(1, expected.Max()));
    }
}
