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
    // The range of an amplitude model is its one spacing of 1.6 m and a quarter to either side, 1.28 to 2 m.
    [InlineData(0.5, 0.9, 3, 2), InlineData(0.35, 1.6, 5, 1), InlineData(1.25, 1.3, 1, 1), InlineData(1.0, 3.0, 2, 1)]
    public void FinerPixelsAreAveragedToWhatTheModelWasTrainedOn(double azimuth, double range, int rows, int columns)
    {
        var metadata = Trained with { SlantRange = false, AzimuthSpacing = azimuth, RangeSpacing = range };
        Assert.Equal((rows, columns), InputMatch.Averaging(tiny.Model.Card, metadata, null));
        Assert.Equal((1, 1), InputMatch.Averaging(tiny.Model.Card, SarMetadata.Unknown, null));
        Assert.Equal((1, 1), InputMatch.Averaging(new ModelCard(), metadata, null));
    }

    [Fact]
    public void AFinerProductIsAveragedSaysSoAndComesOutAsItsMeans()
    {
        var random = new Random(4);
        var samples = Enumerable.Range(0, 33 * 50).Select(_ => new MathNet.Numerics.Complex32(
            (float)random.NextDouble(), (float)random.NextDouble())).ToArray();
        var fine = new ComplexImage(33, 50, samples, Trained with
        {
            SlantRange = false, AzimuthSpacing = 0.8, RangeSpacing = 0.5, Looks = null,
        }, new([9, 0.5, 0, 7, 0, -0.8], ""));
        string In(string name) => Path.Combine(tiny.Folder, name);
        GeoTiff.Write(fine, In("fine.tif"));
        var found = tiny.Model.TranslateFile(In("fine.tif"), In("fine-made.tif"), Fast);
        Assert.Contains(found.Remarks, r => r.Contains("2 x 3 were averaged", StringComparison.Ordinal));
        Assert.DoesNotContain(found.Remarks, r => r.Contains("looks", StringComparison.Ordinal));
        Assert.Equal([2, 3], found.Ran.Averaged!);
        // The same means by hand: 16 x 16 of six single-look pixels each.
        var means = new float[16 * 16];
        for (var i = 0; i < means.Length; i++)
        {
            var (r, c) = (2 * (i / 16), 3 * (i % 16));
            means[i] = (float)Math.Sqrt(Enumerable.Range(0, 6)
                .Average(k => (double)samples[(r + k / 3) * 50 + c + k % 3].MagnitudeSquared));
        }
        var expected = tiny.Model.Translate(new AmplitudeImage(16, 16, means, Trained with { Looks = 6 }), Fast);
        using (var raster = SarRaster.Open(In("fine-made.tif")))
        {
            var made = raster.Read().ToAmplitude();
            Assert.Equal((64, 64), (made.Rows, made.Columns));
            Assert.All(expected.Pixels.Zip(made.Pixels), p => Assert.InRange(p.Second / p.First, 0.999f, 1.001f));
            Assert.Equal([9, 0.375, 0, 7, 0, -0.4], raster.GeoReference!.Transform!.Select(t => Math.Round(t, 9)));
        }
        var asIs = tiny.Model.TranslateFile(In("fine.tif"), In("fine-as-is.tif"), Fast with { AsIs = true });
        Assert.Contains(asIs.Remarks, r => r.Contains("0.8 m apart", StringComparison.Ordinal));
        Assert.Null(asIs.Ran.Averaged);
        using var whole = SarRaster.Open(In("fine-as-is.tif"));
        Assert.Equal((132, 200), (whole.Rows, whole.Columns));
    }

    [Fact]
    public void AProductFarOutsideIsRefusedUnlessThatWasAsked()
    {
        string In(string name) => Path.Combine(tiny.Folder, name);
        GeoTiff.Write(new AmplitudeImage(16, 16, Satellite.Pixels, Trained with
        {
            SlantRange = false, AzimuthSpacing = 10, RangeSpacing = 10,
        }), In("far.tif"));
        var error = Assert.Throws<InvalidDataException>(() =>
            tiny.Model.TranslateFile(In("far.tif"), In("far-made.tif"), Fast));
        Assert.Contains("far.tif: its pixels are 10 m apart along range", error.Message);
        Assert.Contains("trained on 1.6 m", error.Message);
        Assert.False(File.Exists(In("far-made.tif")));
        var found = tiny.Model.TranslateFile(In("far.tif"), In("far-made.tif"), Fast with { Outside = true });
        Assert.Contains(found.Remarks, r => r.Contains("10 m apart along range", StringComparison.Ordinal));
        // A mean network is told looks and spacing, which the kit's recipes vary.
        var card = tiny.Model.Card with { Target = Radar.Simulation.Sensors.AirborneX040 };
        Assert.Empty(InputFit.Remarks(card, Trained with { Looks = 1 }, null, true));
        Assert.Empty(InputFit.Remarks(card, Trained with { SlantRange = false, RangeSpacing = 3.2 }, null, false));
        Assert.Contains("1 to 9", InputFit.Remarks(card, Trained with { Looks = 40 }, null, false).Single());
        Assert.Contains("1.6 to 3.2 m", InputMatch.FarOutside(card, Trained with { AzimuthSpacing = 20 }, null)!);
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
