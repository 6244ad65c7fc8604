using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Simulation;
using SarSynth.Translation;

namespace SarSynth.Tests.Translation;

/// <summary>What an input is that the model was not trained on is said, written down, and refused where that was asked
/// for.</summary>
[Collection("engine")]
public sealed class InputFitTests(TinyModel tiny) : IClassFixture<TinyModel>
{
    private static readonly TranslateRecipe Fast = new() { Steps = 1, Seed = 3 };

    private static AmplitudeImage Satellite => TinyModel.Scenes[0].Satellite;

    // The satellite that the tiny model was trained on: X band, 1.6 m on the ground at 45 degrees, 4 looks.
    private static SarMetadata Trained => Satellite.Metadata;

    public static TheoryData<string, SarMetadata, GeoReference?, bool> Misfits => new()
    {
        { "C band", Trained with { Band = "C" }, null, false },
        { "L band", Trained with { Band = null, CentreFrequency = 1.27e9 }, null, false },
        { "10 m apart along azimuth", Trained with { AzimuthSpacing = 10 }, null, false },
        { "2.5 m apart along range", Trained with { SlantRange = false, RangeSpacing = 2.5 }, null, false },
        { "20 m apart along range", Trained with { RangeSpacing = null, AzimuthSpacing = null }, Projected(20), false },
        { "geocoded and its spacing", Trained with { RangeSpacing = null, AzimuthSpacing = null },
            new([5, 1e-4, 0, 45, 0, -1e-4], ""), false },
        { "16 looks", Trained with { Looks = 16 }, null, false },
        { "single-look complex", Trained with { Looks = 1 }, null, true },
        { "airborne image already", Trained with { Sensor = "airborne-x-040" }, null, false },
    };

    [Theory]
    [MemberData(nameof(Misfits))]
    public void EachMisfitHasALine(string words, SarMetadata input, GeoReference? place, bool complex)
    {
        Assert.Contains(tiny.Model.Remarks(input, place, complex), line =>
            line.Contains(words, StringComparison.Ordinal));
        Assert.Empty(tiny.Model.Remarks(Trained));
        // Within tolerance, and what is not told is no misfit.
        Assert.Empty(tiny.Model.Remarks(Trained with { AzimuthSpacing = 1.7, Looks = 3 }));
        Assert.Empty(tiny.Model.Remarks(SarMetadata.Unknown));
    }

    [Fact]
    public void TheKitsModelKnowsWhatItWasTrainedOnByItsSensorsName()
    {
        var card = KitJson.Read<ModelCard>(Path.Combine(EmbeddedData.FindModel("sarsynth-small"), ModelCard.FileName));
        var trained = (card with { TrainedOn = null }).Trained!;
        Assert.Equal(("X", 1.6, 1.6, 4.0), (trained.Band, trained.RangeSpacing, trained.AzimuthSpacing, trained.Looks));
        Assert.InRange(card.TextEffect!.Value, 0.99, 1);
        // A trained model's card says it itself.
        Assert.Equal("X", tiny.Model.Card.TrainedOn!.Band);
        Assert.Equal(1.6, tiny.Model.Card.TrainedOn.RangeSpacing!.Value, 3);
        Assert.Equal(4, tiny.Model.Card.TrainedOn.Looks);
    }

    [Theory]
    [InlineData(902), InlineData(903), InlineData(905)]
    public void SpeckleThatWasTakenOffIsSeen(ulong seed)
    {
        var scene = SimulatedScenes.Generate(new SimulationRecipe { Size = 512, Seed = seed, CaptionSize = 256 })
            .Single().Satellite;
        Assert.Null(InputFit.Despeckled(tiny.Model.Card, scene.Pixels, scene.Rows, scene.Columns));
        var smooth = new float[scene.Pixels.Length];
        for (var r = 0; r < scene.Rows; r++)
        {
            for (var c = 0; c < scene.Columns; c++)
            {
                var window = new RasterWindow(r, c, 1, 1).Grown(2, scene.Rows, scene.Columns);
                smooth[r * scene.Columns + c] = MathF.Sqrt(scene.Crop(window).Pixels.Average(a => a * a));
            }
        }
        Assert.Contains("despeckled", InputFit.Despeckled(tiny.Model.Card, smooth, scene.Rows, scene.Columns)!);
    }

    [Fact]
    public void IndependentSpeckleHasItsOwnLooks()
    {
        // Gamma intensities of 30 looks under a card of 4: over six times as many; 20 looks: fewer.
        var random = new Random(1);
        float[] Speckle(int looks) => [.. Enumerable.Range(0, 300 * 300).Select(_ =>
            MathF.Sqrt((float)MathNet.Numerics.Distributions.Gamma.Sample(random, looks, looks)))];
        Assert.Null(InputFit.Despeckled(tiny.Model.Card, Speckle(20), 300, 300));
        Assert.Contains("30 looks", InputFit.Despeckled(tiny.Model.Card, Speckle(30), 300, 300)!);
    }

    [Fact]
    public void AMisfitIsWrittenDownAndRefusedWhereThatWasAsked()
    {
        var input = Path.Combine(tiny.Folder, "c-band.tif");
        var output = Path.Combine(tiny.Folder, "c-band.fine.tif");
        GeoTiff.Write(new AmplitudeImage(16, 16, Satellite.Pixels,
            Trained with { Band = "C", Sensor = "S1A", Looks = null }), input);
        var error = Assert.Throws<InvalidDataException>(() =>
            tiny.Model.TranslateFile(input, output, Fast with { Strict = true }));
        Assert.Contains("C band", error.Message);
        Assert.False(File.Exists(output));

        var found = tiny.Model.TranslateFile(input, output, Fast);
        Assert.Contains(found.Remarks, r => r.Contains("C band", StringComparison.Ordinal));
        var provenance = KitJson.Read<Provenance>(output + ".provenance.json");
        Assert.Equal(found.Remarks, provenance.Remarks);
        Assert.Contains(provenance.Assumed!, a => a.Contains("4 looks", StringComparison.Ordinal));
        Assert.Equal("scene", (string)provenance.Ran!["radiometry"]!);
        Assert.Equal(found.Ran.Gain, (double)provenance.Ran["gain"]!);
        Assert.Equal("DDIMScheduler", (string)provenance.Ran["scheduler"]!["_class_name"]!);
        Assert.Equal(1, (int)provenance.Ran["steps"]!);
        Assert.Equal("1", (string)provenance.Ran["channel"]!);
        Assert.Equal(TorchSharp.torch.__version__, provenance.Versions["libtorch"]);
        Assert.StartsWith("TorchSharp", provenance.Versions["engine"], StringComparison.Ordinal);
    }

    [Fact]
    public void AProductsFolderIsFingerprintedFileByFile()
    {
        var folder = Directory.CreateDirectory(Path.Combine(tiny.Folder, "P.SAFE", "measurement")).Parent!.FullName;
        File.WriteAllText(Path.Combine(folder, "manifest.safe"), "m");
        File.WriteAllText(Path.Combine(folder, "measurement", "a.tiff"), "pixels");
        var provenance = Provenance.Of("x", new JsonObject(), 1, [folder], []);
        Assert.Equal(["P.SAFE/manifest.safe", "P.SAFE/measurement/a.tiff"], provenance.Inputs.Select(i => i.Path));
        // sha256 of "m", by sha256sum.
        Assert.Equal("62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a", provenance.Inputs[0].Sha256);
    }

    [Fact]
    public void APromptOnAModelThatTextDoesNotChangeIsAnsweredOnce()
    {
        using var deaf = Translator.Load(Path.Combine(tiny.Folder, "model"),
            card: tiny.Model.Card with { TextEffect = 0.9998 });
        Assert.Contains(Remarks(deaf, "water"), r => r.Contains("the prompt has no effect", StringComparison.Ordinal));
        Assert.Empty(Remarks(deaf, ""));
        Assert.Empty(Remarks(tiny.Model, "water"));

        static IReadOnlyList<string> Remarks(Translator model, string prompt) =>
            model.Run(SatelliteSource.Of(Satellite), Fast with { Prompt = prompt }, (_, _) => { }, null, default)
                .Remarks;
    }

    private static GeoReference Projected(double size) => new([0, size, 0, 0, 0, -size],
        "PROJCS[\"WGS 84 / UTM zone 32N\",GEOGCS[\"WGS 84\",UNIT[\"degree\",0.0174532925199433]],UNIT[\"metre\",1]]");
}
