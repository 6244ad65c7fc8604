using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tokenizers;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Tests.Support;
using SarSynth.Translation;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Tests.Translation;

/// <summary>Pipelines of diffusers without a card: the tiny ones of the goldens, with random weights.</summary>
[Collection("engine")]
public sealed class PlainModelTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-plain-").FullName;

    // 13 x 11 pixels, four times finer, are no multiples of the autoencoder's factor of 8.
    private static AmplitudeImage Satellite => TinyModel.Scenes[0].Satellite.Crop(new RasterWindow(1, 2, 13, 11));

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void StableDiffusionWithoutAControlNetStartsFromTheImage()
    {
        using var model = Translator.Load(Pipeline("unet_sd15", second: false, controls: 0), CPU);
        var input = Path.Combine(folder, "in.tif");
        GeoTiff.Write(Satellite, input);
        var found = model.TranslateFile(input, Path.Combine(folder, "out.tif"),
            new() { Steps = 5, Tile = 8, Overlap = 2 });
        Assert.Equal(("satellite image", 0.6, 0, 3),
            (found.Ran.StartedFrom, found.Ran.Strength!.Value, found.Ran.ControlNets, found.Ran.Steps));
        Assert.Null(found.Ran.Radiometry);
        Assert.Equal("clipped", (string)found.Ran.Normalisation!["kind"]!);
        Assert.Contains(found.Assumed, a =>
            a.Contains("does not say what it was trained on", StringComparison.Ordinal));
        using var raster = SarRaster.Open(Path.Combine(folder, "out.tif"));
        Assert.Equal((52, 44), (raster.Rows, raster.Columns));
        Assert.All(raster.Read().ToAmplitude().Pixels, a => Assert.True(a >= 0 && float.IsFinite(a)));
    }

    [Fact]
    public void SdxlWithTwoControlNetsStartsFromNoiseAndIsToldSizes()
    {
        using var model = Translator.Load(Pipeline("unet_sdxl", second: true, controls: 2), CPU);
        Assert.Equal(2, model.Controls.Count);
        var recipe = new TranslateRecipe { Steps = 2, Prompt = "water", Guidance = 4, NegativePrompt = "noise" };
        var made = model.Translate(Satellite, recipe);
        Assert.Equal((52, 44), (made.Rows, made.Columns));
        Assert.All(made.Pixels, a => Assert.True(a >= 0 && float.IsFinite(a)));
        Assert.NotEqual(made.Pixels, model.Translate(Satellite, recipe with { Sizes = new() { Original = [512, 512] } })
            .Pixels);
        Assert.NotEqual(made.Pixels, model.Translate(Satellite, recipe with { SecondPrompt = "fields" }).Pixels);
        Assert.NotEqual(made.Pixels, model.Translate(Satellite, recipe with { ControlScale = 0.5 }).Pixels);
        Assert.Equal("noise", model.Run(SatelliteSource.Of(Satellite), recipe, (_, _) => { }, null, default)
            .Ran.StartedFrom);
    }

    [Fact]
    public void TheSecondOfTwoControlNetsMaySeeAClassMap()
    {
        var path = Pipeline("unet_sdxl", second: true, controls: 2);
        var (codes, map) = (new[] { 1, 4, 9 }, Path.Combine(folder, "classes.tif"));
        void WriteMap(int rows, int columns, int shift) => GeoTiff.Write(new AmplitudeImage(rows, columns,
            [.. Enumerable.Range(0, rows * columns).Select(i => (float)codes[(i / columns / 2 + shift) % 3])]), map);
        WriteMap(26, 22, 0);
        var recipe = new TranslateRecipe
        {
            Model = path, Steps = 2, Conditions = [new(2, map) { Classes = codes }],
        };
        using (no_grad())
        {
            using var model = Translator.Load(recipe, CPU);
            var net = model.Controls[1];
            // Zero convolutions let nothing through: a net that was trained has others.
            foreach (var weight in net.named_parameters().Where(p => p.name.Contains("controlnet_mid_block")))
                weight.parameter.fill_(0.01f);
            var made = model.Translate(Satellite, recipe);
            Assert.NotEqual(made.Pixels, model.Translate(Satellite, recipe with { Conditions = [] }).Pixels);
            WriteMap(26, 22, 1);
            Assert.NotEqual(made.Pixels, model.Translate(Satellite, recipe).Pixels);
            Assert.Contains("conditions/2/classes.tif", ModelFiles.Of(recipe).Keys);

            // Two rows of a code lie in one row of satellite pixels: rows 0, 1, 2, ... have the codes in turn.
            var image = new ConditionImage(recipe.Conditions[0], 3, 13, 11).On(16, 16, 1, 13, CPU);
            var window = image.Of(new(2, 1, 4, 3));
            Assert.Equal([1, 3, 4, 3], window.shape);
            for (var r = 0; r < 4; r++)
            {
                for (var k = 0; k < 3; k++)
                    Assert.Equal((r + 2 + 1) % 3 == k ? 1 : 0, window[0, k, r, 2].item<float>());
            }
            WriteMap(27, 22, 0);
            Assert.Contains("27 x 22", Assert.Throws<InvalidDataException>(() =>
                model.Translate(Satellite, recipe)).Message);
            Assert.Contains("ControlNet 3", Assert.Throws<ArgumentException>(() =>
                model.Translate(Satellite, recipe with { Conditions = [new(3, map)] })).Message);
            WriteMap(13, 11, 0);
            Assert.Contains("2 class codes", Assert.Throws<InvalidDataException>(() => model.Translate(Satellite,
                recipe with { Conditions = [new(2, map) { Classes = [1, 4] }] })).Message);
        }
    }

    [Fact]
    public void WeightsMayComputeInTheNumberTypeOfTheirFiles()
    {
        var path = Pipeline("unet_sdxl", second: true, controls: 2, type: ScalarType.BFloat16);
        var recipe = new TranslateRecipe { Model = path, Steps = 2 };
        using var whole = Translator.Load(recipe, CPU);
        using var stored = Translator.Load(recipe with { Precision = WeightPrecision.Stored }, CPU);
        Assert.Equal(ScalarType.BFloat16, stored.Pipeline.Unet.parameters().First().dtype);
        Assert.Equal(ScalarType.BFloat16, stored.Controls[1].parameters().First().dtype);
        var (expected, made) = (whole.Translate(Satellite, recipe).Pixels, stored.Translate(Satellite, recipe).Pixels);
        Assert.NotEqual(expected, made);
        // bfloat16 has 8 bits: 0.4 % in each value.
        var error = expected.Zip(made, (a, b) => Math.Abs(a - b)).Average() / expected.Average();
        Assert.InRange(error, 1e-5, 0.05);
    }

    [Fact]
    public void ANetBesideThePipelineIsAsOneInsideAndACardIsReadFromItsFile()
    {
        var inside = Pipeline("unet_sdxl", second: true, controls: 1);
        var beside = Pipeline("unet_sdxl", second: true, controls: 0);
        var card = Path.Combine(folder, "card.json");
        File.WriteAllText(card,
            """{ "scale": 2, "airborne": { "kind": "clipped", "mean": 0.3, "standardDeviation": 0.2 } }""");
        var recipe = new TranslateRecipe { Steps = 2, Card = card };
        using var one = Translator.Load(recipe with { Model = inside }, CPU);
        using var other = Translator.Load(recipe with { Model = beside }, CPU);
        var expected = one.Translate(Satellite, recipe);
        Assert.Equal((26, 22), (expected.Rows, expected.Columns));
        Assert.Equal(expected.Pixels, other.Translate(Satellite,
            recipe with { Controls = [new(Path.Combine(inside, "controlnet"))] }).Pixels);
        // Bounded by where the card's normalisation ends, nearly: decoders overshoot.
        Assert.InRange(expected.Pixels.Average(), 0, 0.9f);
        File.WriteAllText(card, """{ "scale": 0 }""");
        Assert.Contains("card.json", Assert.Throws<InvalidDataException>(() =>
            Translator.Load(recipe with { Model = beside }, CPU)).Message);
    }

    [Theory]
    [InlineData(4.0), InlineData(1.0), InlineData(0.5)]
    public void WindowsOfTheSceneAreWhatTorchInterpolates(double scale)
    {
        using var scope = NewDisposeScope();
        var image = TinyModel.Scenes[0].Satellite;
        var normalisation = new ClippedNormalisation(0.2, 0.3);
        var (height, width) = ((int)(16 * scale), (int)(16 * scale));
        var whole = nn.functional.interpolate(tensor(image.Pixels).reshape(1, 1, 16, 16), size: [height, width],
            mode: InterpolationMode.Bilinear, align_corners: false).div(normalisation.Ceiling).clamp(0, 1);
        var scene = new SatelliteScene(SatelliteSource.Of(image)).On(height, width, scale, normalisation, 3, CPU);
        foreach (var window in new[] { new Diffusion.Tiling.TileWindow(0, 0, height, width), new(3, 2, 5, 4) })
        {
            var difference = scene.Of(window).sub(window.Of(whole)).abs().max().item<float>();
            Assert.InRange(difference, 0, 2e-6);
        }
        Assert.Equal([1, 3, height, width], scene.Whole.shape);
    }

    [OptionalDataFact("goldens/tokenizer_tiny")]
    public void ThePublishedTokenizerServes()
    {
        using var model = Translator.Load(
            Pipeline("unet_sdxl", second: true, controls: 1,
                ClipTokenizer.Load(TestData.Optional("goldens/tokenizer_tiny"))), CPU);
        Assert.Equal(52, model.Translate(Satellite, new TranslateRecipe { Steps = 1, Prompt = "a river" }).Rows);
    }

    private string Pipeline(string unet, bool second, int controls, ClipTokenizer? tokenizer = null,
        ScalarType? type = null)
    {
        tokenizer ??= ClipTokenizer.Train(["fields and a river", "water", "noise"], 600, 77);
        var path = Path.Combine(folder, $"{unet}-{controls}{type}");
        using var pipeline = new LatentDiffusion
        {
            Unet = Part<UNet2DConditionModel>(unet), Vae = Part<AutoencoderKL>("vae"), Sampler = new SamplerConfig(),
            Prompts = new(tokenizer, second ? Part<CLIPTextModel>("clip_text") : Wide(), second ? tokenizer : null,
                second ? Part<CLIPTextModelWithProjection>("clip_text_proj") : null),
            ForceZerosForEmptyPrompt = second,
        };
        var nets = Enumerable.Range(0, controls).Select(_ => Part<ControlNetModel>("controlnet_sdxl")).ToList();
        pipeline.Save(path, controls: nets, type: type);
        nets.ForEach(n => n.Dispose());
        return path;
    }

    // The goldens' small denoiser takes text of width 32, and no golden encoder gives it.
    private static CLIPTextModel Wide()
    {
        manual_seed(5);
        return new(CLIPTextConfig.FromJson("""
            {
              "model_type": "clip_text_model", "vocab_size": 1024, "hidden_size": 32, "intermediate_size": 64,
              "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 77,
                  "hidden_act": "quick_gelu",
              "layer_norm_eps": 1e-05, "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1, "projection_dim": 32
            }
            """, "a text encoder of width 32"));
    }

    private static T Part<T>(string name) where T : nn.Module, IPretrainedModel<T>
    {
        var path = TestData.Golden("diffusion/" + name);
        var model = T.Create(File.ReadAllText(Path.Combine(path, "config.json")), path, null, null);
        using var weights = WeightFiles.Open(Path.Combine(path, "weights.safetensors"));
        ModuleWeights.Load(model, weights, new WeightOptions(Mapped: false));
        model.eval();
        return model;
    }
}
