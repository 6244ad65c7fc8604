// Mean x texture x speckle through the translator: grids, gaps, complex samples, blocks, provenance, and its training.
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.FineTuning;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Tests.Support;
using SarSynth.Translation;
using TorchSharp;
using static SarSynth.Tests.Translation.MeanModel;
using static TorchSharp.torch;

namespace SarSynth.Tests.Translation;

[Collection("engine")]  // The engine's default generator is the process's: who draws from it runs alone.
public sealed class MeanTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-mean-").FullName;

    private readonly Translator model = new(MeanModel.Card, Network(levels: 4));

    public void Dispose()
    {
        model.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void FlatGroundComesOutWithTheSensorsSpeckleAndTheSatellitesPower()
    {
        var made = model.Translate(Flat(100, 120, 0.3f), new TranslateRecipe { Texture = 0, Seed = 5 });
        Assert.Equal((400, 480), (made.Rows, made.Columns));
        double[] intensity = [.. made.Pixels.Select(a => (double)a * a)];
        double mean = intensity.Average(), variance = intensity.Average(i => (i - mean) * (i - mean));
        // 0.3² and the airborne sensor's noise, -34 dB.
        Assert.Equal(0.09 + Math.Pow(10, -3.4), mean, 0.002);
        Assert.InRange(mean * mean / variance, 0.98, 1.02);
        Assert.All(made.Pixels, a => Assert.True(a > 0 && float.IsFinite(a)));
    }

    [Fact]
    public void TextureSpreadsAsTheNetworkSaysAndKeepsThePower()
    {
        var smooth = model.Translate(Flat(128, 128, 0.3f), new TranslateRecipe { Texture = 0 });
        var made = model.Translate(Flat(128, 128, 0.3f), new TranslateRecipe { Texture = 1 });
        static (double Mean, double Spread) Moments(AmplitudeImage image)
        {
            var mean = image.Pixels.Average(a => (double)a * a);
            return (mean, image.Pixels.Average(a => Math.Pow(a, 4)) / mean / mean);
        }
        var (plain, textured) = (Moments(smooth), Moments(made));
        Assert.InRange(textured.Mean / plain.Mean, 0.98, 1.02);
        // E I² / (E I)² of exponential intensity is 2, with white texture of spread s before the sensor's filter
        // between 2 and 2 exp(s²); a new network says exp(-1.6).
        Assert.InRange(textured.Spread, 2.01, 2 * Math.Exp(Math.Exp(-3.2)) + 0.03);
    }

    [Fact]
    public void GapsStayGapsAndDoNotSpread()
    {
        var flat = Flat(40, 30, 0.3f);
        flat.Pixels[7 * 30 + 9] = float.NaN;
        flat.Pixels[8 * 30 + 9] = 0;
        var made = model.Translate(flat, new TranslateRecipe());
        for (var r = 0; r < 160; r++)
        {
            for (var c = 0; c < 120; c++)
            {
                Assert.Equal(r is >= 28 and < 36 && c is >= 36 and < 40, float.IsNaN(made.Pixels[r * 120 + c]));
                Assert.NotEqual(0, made.Pixels[r * 120 + c]);
            }
        }
        var none = model.Translate(new AmplitudeImage(4, 4, new float[16]), new TranslateRecipe());
        Assert.All(none.Pixels, a => Assert.True(float.IsNaN(a)));
    }

    [Fact]
    public void ComplexSamplesAreTheSameImageAndAFileHoldsThem()
    {
        var scene = Scenes.Embedded()[0].Satellite.Crop(new RasterWindow(0, 0, 40, 50));
        var recipe = new TranslateRecipe { Seed = 9, Complex = true };
        var samples = model.TranslateComplex(scene, recipe);
        var amplitude = model.Translate(scene, recipe);
        Assert.All(samples.Pixels.Zip(amplitude.Pixels), p => Assert.Equal(p.Second, p.First.Magnitude, 1e-6f));

        var (input, output) = (Path.Combine(folder, "in.tif"), Path.Combine(folder, "out.tif"));
        GeoTiff.Write(scene, input);
        var found = model.TranslateFile(input, output, recipe);
        using (var raster = SarRaster.Open(output))
        {
            Assert.Equal(PixelKind.Complex, raster.Kind);
            Assert.Equal(samples.Pixels, ((ComplexImage)raster.Read()).Pixels);
        }
        Assert.Equal(TranslationWay.MeanAndSpeckle, found.Ran.Way);
        var ran = JsonNode.Parse(File.ReadAllText(output + ".provenance.json"))!["ran"]!;
        Assert.Equal("meanAndSpeckle", (string?)ran["way"]);
        Assert.Equal("airborne-x-040", (string?)ran["speckle"]);
        Assert.Equal(4.0, (double?)ran["told"]!["looks"]);
        Assert.Equal(-21.0, (double)ran["told"]!["noise"]!, 1e-6);
    }

    [Fact]
    public void WindowsAndBlocksDoNotShow()
    {
        var scene = SimulatedScenes.Generate(new() { Size = 1040, Seed = 903, CaptionSize = 400 }).Single().Satellite;
        var recipe = new TranslateRecipe { Seed = 2, Texture = 0 };
        var whole = model.Translate(scene, recipe with { Tile = 288 }).Pixels;
        var windows = model.Translate(scene, recipe with { Tile = 96 }).Pixels;
        // At its own border a window still counts a little, and there the interpolation ends.
        Assert.All(whole.Zip(windows), p => Assert.InRange(Math.Abs(p.First - p.Second) / p.First, 0, 0.02));
        Assert.InRange(whole.Zip(windows).Average(p => Math.Abs(p.First - p.Second) / p.First), 0, 1e-4);
        Assert.NotEqual(whole, model.Translate(scene, recipe with { Seed = 3 }).Pixels);

        var (input, output) = (Path.Combine(folder, "in.tif"), Path.Combine(folder, "out.tif"));
        GeoTiff.Write(scene, input);
        var found = model.TranslateFile(input, output, recipe with { Tile = 96 });
        using var raster = SarRaster.Open(output);
        Assert.Equal(windows, raster.Read().ToAmplitude().Pixels);
        Assert.InRange(found.Ran.Windows, 9, 25);
    }

    [Fact]
    public void RowsByThemselvesHaveTheBytesOfTheWhole()
    {
        var random = new Random(3);
        var scene = Flat(220, 60, 0.3f);
        foreach (ref var a in scene.Pixels.AsSpan())
            a *= (float)(0.5 + random.NextDouble());
        var recipe = new TranslateRecipe { Seed = 4, Tile = 64, Overlap = 16, Complex = true };
        var whole = model.TranslateComplex(scene, recipe).Pixels;
        foreach (var (from, to) in new[] { (0, 100), (100, 613), (613, 880) })
        {
            var next = from;
            model.Run(SatelliteSource.Of(scene), recipe, null, (row, samples) =>
            {
                Assert.Equal(next++, row);
                Assert.True(samples.AsSpan().SequenceEqual(whole.AsSpan(row * 240, 240)), $"row {row}");
            }, null, default, (from, to));
            Assert.Equal(to, next);
        }
    }

    [Fact]
    public void BrightnessOfAnotherSensorIsMatchedAndCarriedThrough()
    {
        var flat = Flat(32, 32, 300);
        var made = model.Translate(flat, new TranslateRecipe { Texture = 0, Radiometry = RadiometryMatch.Scene });
        // In the training data's brightness exp(-3.4) of noise -34 dB.
        var expected = 9e4 * (1 + Math.Pow(10, -3.4) / Math.Exp(-3.4));
        Assert.Equal(1, made.Pixels.Average(a => (double)a * a) / expected, 0.06);
    }

    [Fact]
    public void NoiseThatIsNotToldIsNoBrighterThanTheDarkestGround()
    {
        // Two of 100 squares of 8 x 8 lie at -30 dB, the others at -10 dB.
        var pixels = Enumerable.Range(0, 80 * 80)
            .Select(i => i / 80 < 8 && i % 80 < 16 ? 0.0316228f : 0.316228f).ToArray();
        var dark = new AmplitudeImage(80, 80, pixels);
        var (input, output) = (Path.Combine(folder, "in.tif"), Path.Combine(folder, "out.tif"));
        GeoTiff.Write(dark, input);
        var found = model.TranslateFile(input, output, new() { Radiometry = RadiometryMatch.Absolute });
        Assert.Equal(-33, found.Ran.Told!.Noise, 0.01);
        GeoTiff.Write(new AmplitudeImage(80, 80, pixels, new SarMetadata { Sensor = "satellite-x-160" }), input);
        Assert.Equal(-21, model.TranslateFile(input, output, new()).Ran.Told!.Noise, 0.01);
    }

    [Fact]
    public void AWishThatTheModelCannotFulfilIsNamed()
    {
        Assert.Equal([TranslationWay.MeanAndSpeckle], model.Ways);
        var way = Assert.Throws<ArgumentException>(() =>
            model.Translate(Flat(8, 8, 1), new TranslateRecipe { Way = TranslationWay.Amplitude }));
        Assert.Contains("Amplitude", way.Message);
        Assert.Contains("MeanAndSpeckle", way.Message);
        Assert.Contains("texture", Assert.Throws<ArgumentException>(() =>
            model.Translate(Flat(8, 8, 1), new TranslateRecipe { Texture = 2 })).Message);
        Assert.Contains("no latent diffusion",
            Assert.Throws<InvalidOperationException>(() => model.Pipeline).Message);
        var (input, output) = (Path.Combine(folder, "in.tif"), Path.Combine(folder, "out.tif"));
        GeoTiff.Write(Flat(8, 8, 1), input);
        var found = model.TranslateFile(input, output, new TranslateRecipe { Prompt = "water", Steps = 9 });
        Assert.Contains(found.Remarks, r => r.Contains("prompt"));
        Assert.Contains(found.Remarks, r => r.Contains("of steps"));
        Assert.DoesNotContain(found.Remarks, r => r.Contains("scheduler"));
        using var amplitude = Translator.Load("sarsynth-small", CPU);
        Assert.Contains("complex", Assert.Throws<ArgumentException>(() =>
            amplitude.TranslateFile(input, Path.Combine(folder, "c.tif"), new() { Complex = true })).Message);
        Assert.False(File.Exists(Path.Combine(folder, "c.tif")));
    }

    [Fact]
    public void TrainingEndsInAModelAndGoesOnWhereItWasKilled()
    {
        var recipe = KitJson.Read<MeanRecipe>(Path.Combine(TestData.Root, "data-manifests", "recipes", "mini.json"));
        Assert.Equal(MeanRecipe.KindName, recipe.Kind);
        var network = (JsonObject)recipe.Network.DeepClone();
        network["block_out_channels"] = new JsonArray(6, 6);
        recipe = recipe with
        {
            Scenes = recipe.Scenes with { Scenes = 3, Size = 64, Varied = 1 }, LogSteps = 2, Network = network,
            Mean = recipe.Mean with { Steps = 4, Batch = 2, Tile = 32, Warmup = 1, CheckpointEvery = 1 },
        };
        // Kinds take turns, and no seed is one of those kept for evaluation.
        Assert.Equal(3, recipe.Scenes.Plan().Select(s => s.Kind).Distinct().Count());
        Assert.All(recipe.Scenes.Plan(), s => Assert.True(s.Seed < SimulatedScenes.UnseenSeed));
        var (whole, killed) = (Path.Combine(folder, "whole"), Path.Combine(folder, "killed"));
        MeanTraining.Run(recipe, whole, _ => { });
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => MeanTraining.Run(recipe, killed, p =>
        {
            if (p.Step == 2)
                stop.Cancel();
        }, stop.Token));
        Assert.False(File.Exists(Path.Combine(killed, "model_index.json")));
        MeanTraining.Run(recipe, killed, _ => { });
        string[] files = ["mean/diffusion_pytorch_model.safetensors", "mean/config.json", "sarsynth.json"];
        foreach (var file in files)
            Assert.Equal(File.ReadAllBytes(Path.Combine(whole, file)), File.ReadAllBytes(Path.Combine(killed, file)));
        Assert.False(Directory.Exists(Path.Combine(killed, "training")));
        // Begun with other weights, it ends with other weights, and says with which.
        var further = Path.Combine(folder, "further");
        MeanTraining.Run(recipe with { From = whole }, further, _ => { });
        Assert.NotEqual(File.ReadAllBytes(Path.Combine(whole, files[0])),
            File.ReadAllBytes(Path.Combine(further, files[0])));
        Assert.Contains("mean/diffusion_pytorch_model.safetensors",
            File.ReadAllText(Path.Combine(further, "training.provenance.json")));
        using var loaded = Translator.Load(killed, CPU);
        Assert.Equal([TranslationWay.MeanAndSpeckle], loaded.Ways);
        Assert.Equal(32, loaded.Translate(Flat(8, 8, 0.2f), new TranslateRecipe()).Rows);
        Assert.Contains("mean/config.json", ModelFiles.Of(new() { Model = killed }).Keys);
    }

    [Fact]
    public void ConsistencyCorrectsWhatTheLooksDoNotExplainAndNothingElse()
    {
        using var scope = NewDisposeScope();
        const double looks = 4;
        var fine = zeros(1, 1, 16, 16);
        // psi(4) - ln 4: where the logarithm of four-look speckle of mean 1 lies; trigamma(4) is 0.2838.
        var expected = 1.2561176684318 - Math.Log(4);
        var zone = Math.Sqrt(0.28382295573712);
        Tensor Seen(double beyond) => full([1, 1, 4, 4], (float)(expected + beyond));
        double Corrected(double beyond, double weight) =>
            DataConsistency.Correct(fine, Seen(beyond), looks, weight).mean().ToSingle();
        Assert.Equal(0, Corrected(0.9 * zone, 1), 1e-5);
        Assert.Equal(0, Corrected(-0.9 * zone, 1), 1e-5);
        Assert.Equal(0.7, Corrected(zone + 0.7, 1), 1e-5);
        Assert.Equal(-0.35, Corrected(-zone - 0.7, 0.5), 1e-5);
        Assert.Same(fine, DataConsistency.Correct(fine, Seen(3), looks, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => DataConsistency.Correct(fine, Seen(3), looks, 1.5));
        // Through the translator: a network that says half the power is brought up, speckle is not copied.
        var made = model.Translate(Flat(32, 32, 0.3f), new TranslateRecipe { Texture = 0, Consistency = 1 });
        Assert.Equal(0.09, made.Pixels.Average(a => (double)a * a), 0.01);
    }

    [Fact]
    public void AmplitudesOfTheOtherWayAreAboveZeroAndHaveNoMoreThanTheEnergyAround()
    {
        var log = new LogNormalisation(-1, 0.5, 0.1);
        float[] values = [-40, -8, -4, -3, -2.6f, 0, 1, 2];
        var made = (float[])values.Clone();
        AmplitudeLaw.Invert(log, made);
        Assert.All(made, a => Assert.True(a > 0));
        Assert.Equal(made.Order(), made);
        foreach (var (value, amplitude) in values.Zip(made).Skip(5))
            Assert.Equal(Math.Exp(-1 + 0.5 * value) - 0.1, amplitude, 1e-6);

        var pixels = Enumerable.Repeat(0.1f, 25).ToArray();
        pixels[12] = 2;
        pixels[0] = float.NaN;
        var scene = new SatelliteScene(SatelliteSource.Of(new AmplitudeImage(5, 5, pixels)));
        var most = new float[5];
        AmplitudeLaw.MostAround(scene, 1, 4, most);
        // All of the pixel's power in one of its 16 fine ones, three times.
        Assert.Equal(Math.Sqrt(3) * 4 * 2, most[2], 1e-4);
        Assert.Equal(Math.Sqrt(3) * 4 * 0.1, most[0], 1e-4);
    }
}
