// A mean network at scale 1 on maps of a facet simulator: pairs, training, shadows, files.
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Diffusion.Models;
using SarSynth.FineTuning;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;
using SarSynth.Tests.Support;
using SarSynth.Translation;
using static TorchSharp.torch;

namespace SarSynth.Tests.Translation;

[Collection("engine")]  // The engine's default generator is the process's: who draws from it runs alone.
public sealed class BridgeModelTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-bridge-").FullName;

    // A network that gives back its input: its last layer is zero.
    private readonly Translator model = new(MeanModel.Card with
    {
        Scale = 1, SatelliteSensor = "airborne-x-040 facets", TrainedOn = null, ZerosAreShadow = true,
    }, new UpscalingUNetModel(new()
    {
        Scale = 1, OutChannels = 2, BlockOutChannels = [8, 8], LayersPerBlock = 1, FineChannels = 4,
    }));

    public void Dispose()
    {
        model.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void OnTheSameGridLitGroundKeepsItsPowerAndShadowIsTheSensorsNoise()
    {
        var pixels = Enumerable.Range(0, 96 * 128).Select(i => i % 128 < 64 ? 0.09f : 0).ToArray();
        pixels[5] = float.NaN;
        var map = new IntensityImage(96, 128, pixels);
        var made = model.Bridge(map, seed: 3);
        Assert.Equal((96, 128), (made.Rows, made.Columns));
        Assert.True(float.IsNaN(made.Pixels[5]));
        Assert.Equal(1, made.Pixels.Count(float.IsNaN));
        double Mean(Func<int, bool> of) => Enumerable.Range(0, pixels.Length)
            .Where(i => of(i % 128) && !float.IsNaN(made.Pixels[i])).Average(i => Math.Pow(made.Pixels[i], 2));
        var noise = Math.Pow(10, -3.4);
        // 2,900 independent samples of exponential intensity: standard error 2 %.
        Assert.Equal(1, Mean(c => c < 60) / (0.09 + noise), 0.08);
        Assert.Equal(1, Mean(c => c > 100) / noise, 0.08);
        Assert.Equal(made.Pixels, model.Bridge(map, seed: 3).Pixels);
        Assert.NotEqual(made.Pixels, model.Bridge(map, seed: 4).Pixels);
    }

    [Fact]
    public void AModelOfSatelliteImagesIsNoBridge()
    {
        using var other = new Translator(model.Card with { ZerosAreShadow = false }, new UpscalingUNetModel(new()
        {
            Scale = 1, OutChannels = 2, BlockOutChannels = [8], LayersPerBlock = 1, FineChannels = 4,
        }));
        Assert.Contains("facet simulations", Assert.Throws<InvalidOperationException>(() =>
            other.Bridge(new IntensityImage(8, 8, new float[64]))).Message);
    }

    [Fact]
    public void PairsAreRegisteredToThePixelByTheImagesThemselves()
    {
        var facets = new FacetModel { RegistrationError = 4 };
        var scene = Scene.Generate(6, new SceneOptions { Rows = 256, Columns = 256, Kind = SceneKind.City });
        var errors = facets.ErrorsOf(scene);
        var seen = Simulator.Observe(scene, Sensors.AirborneX040, 6, facets);
        var truth = Simulator.Observe(scene, Sensors.AirborneX040, 6);
        var (row, column) = FacetPairs.DisplacementOf(seen.SpeckleFree!, truth.Detected);
        Assert.Equal(errors.Row, row, 0.4);
        Assert.Equal(errors.Column, column, 0.4);
        var (airborne, map) = FacetPairs.Observe(scene, Sensors.AirborneX040, 6, facets);
        Assert.Equal(truth.Detected.Pixels, airborne.Pixels);
        var (downAfter, acrossAfter) = FacetPairs.DisplacementOf(map, airborne);
        Assert.InRange(Math.Abs(downAfter), 0, 0.9);
        Assert.InRange(Math.Abs(acrossAfter), 0, 0.9);
    }

    [Fact]
    public void TheRecipeTrainsAModelThatTranslatesFiles()
    {
        var recipe = KitJson.Read<MeanRecipe>(Path.Combine(TestData.Root, "data-manifests", "recipes", "bridge.json"));
        Assert.Equal(new FacetModel().RegistrationError, recipe.Scenes.Facets!.RegistrationError);
        Assert.All(recipe.Scenes.Plan(), s => Assert.True(s.Seed < SimulatedScenes.UnseenSeed));
        var network = (JsonObject)recipe.Network.DeepClone();
        network["block_out_channels"] = new JsonArray(6, 6);
        recipe = recipe with
        {
            Scenes = recipe.Scenes with { Scenes = 2, Size = 64 }, LogSteps = 2, Network = network,
            Mean = recipe.Mean with { Steps = 2, Batch = 2, Tile = 32, Warmup = 1, CheckpointEvery = 2 },
        };
        var trained = Path.Combine(folder, "model");
        MeanTraining.Run(recipe, trained, _ => { });
        using var made = Translator.Load(trained, CPU);
        Assert.Equal(1, made.Card.Scale);
        Assert.True(made.Card.ZerosAreShadow);
        Assert.Equal("airborne-x-040 facets", made.Card.SatelliteSensor);

        var (input, output) = (Path.Combine(folder, "in.tif"), Path.Combine(folder, "out.tif"));
        var scene = Scene.Generate(6, new SceneOptions { Rows = 64, Columns = 64, Kind = SceneKind.City });
        var map = Simulator.Observe(scene, Sensors.AirborneX040, 6, new FacetModel()).SpeckleFree!;
        Array.Clear(map.Pixels, 900, 300);
        GeoTiff.Write(map, input);
        var found = made.TranslateFile(input, output, new TranslateRecipe());
        Assert.Equal(0, found.LeftOut);
        Assert.Empty(found.Remarks);
        Assert.Equal(RadiometryMatch.Absolute, found.Ran.Radiometry);
        using var raster = SarRaster.Open(output);
        Assert.Equal(made.Bridge(map).Pixels, raster.Read().ToAmplitude().Pixels);
    }
}
