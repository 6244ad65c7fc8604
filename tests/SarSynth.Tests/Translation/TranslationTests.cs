using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;
using SarSynth.Translation;

namespace SarSynth.Tests.Translation;

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
        var fine = tiny.Model.Translate(georeferenced, Fast);
        Assert.Equal((64, 64), (fine.Rows, fine.Columns));
        Assert.Equal([500000, 0.4, 0, 4600000, 0, -0.4], fine.GeoReference!.Transform!.Select(v => Math.Round(v, 12)));
        Assert.Equal([new(2, 62, 9, 45, 100, "a"), new(64, 0, 9.5, 44.5)], fine.GeoReference.ControlPoints);
        Assert.Equal(Satellite.Metadata.AzimuthSpacing / 4, fine.Metadata.AzimuthSpacing);
        Assert.All(fine.Pixels, a => Assert.True(a >= 0 && float.IsFinite(a)));
    }

    [Fact]
    public void TheSeedDecidesEveryPixel()
    {
        var first = tiny.Model.Translate(Satellite, Fast);
        Assert.Equal(first.Pixels, tiny.Model.Translate(Satellite, Fast).Pixels);
        Assert.NotEqual(first.Pixels, tiny.Model.Translate(Satellite, Fast with { Seed = 4 }).Pixels);
    }

    [Fact]
    public void NoDataStaysNoDataAndDoesNotSpread()
    {
        var pixels = (float[])Satellite.Pixels.Clone();
        pixels[5 * 16 + 7] = float.NaN;
        pixels[6 * 16 + 7] = 0;
        var fine = tiny.Model.Translate(new AmplitudeImage(16, 16, pixels, Satellite.Metadata), Fast);
        for (var r = 0; r < 64; r++)
            for (var c = 0; c < 64; c++)
                Assert.Equal(r is >= 20 and < 28 && c is >= 28 and < 32, float.IsNaN(fine.Pixels[r * 64 + c]));
    }

    [Fact]
    public void WithSceneRadiometryBrightnessCarriesThrough()
    {
        var recipe = Fast with { Radiometry = RadiometryMatch.Scene };
        var plain = tiny.Model.Translate(Satellite, recipe);
        var bright = tiny.Model.Translate(new AmplitudeImage(16, 16, [.. Satellite.Pixels.Select(a => a * 1000)]),
            recipe);
        foreach (var (a, b) in plain.Pixels.Zip(bright.Pixels))
            Assert.Equal(a, b / 1000, 1e-3 * Math.Max(a, 0.01));
    }

    [Fact]
    public void AFileComesOutAsTheImageWouldWhateverTheBlocksItIsReadInAndWindowsDoNotShow()
    {
        var scene = SimulatedScenes.Generate(new SimulationRecipe { Size = 800, Seed = 901, CaptionSize = 400 })
            .Single();
        var rows = 24;
        var strip = scene.Satellite.Crop(new RasterWindow(0, 0, rows, 200));
        var input = Path.Combine(tiny.Folder, "strip.tif");
        var output = Path.Combine(tiny.Folder, "strip.fine.tif");
        GeoTiff.Write(strip, input);
        var found = tiny.Model.TranslateFile(input, output, Fast);
        using var raster = SarRaster.Open(output);
        var fromFile = raster.Read().ToAmplitude();
        Assert.Equal(tiny.Model.Translate(strip, Fast).Pixels, fromFile.Pixels);

        // Blocks of two sizes, the later one back to front: the same numbers.
        using var source = SarRaster.Open(input);
        var whole = Gathered(SatelliteSource.Of(source));
        var blocks = SatelliteSource.Of(source, 7, 64);
        Assert.Equal(whole, Gathered(blocks with { Blocks = blocks.Blocks.Reverse() }));
        Assert.Equal(fromFile.Pixels, whole);

        // Across the borders of windows neighbouring columns differ as much as anywhere else.
        double Step(int column) => Enumerable.Range(0, rows * 4).Average(r => Math.Abs(
            Math.Log((fromFile.Pixels[r * 800 + column] + 0.05) / (fromFile.Pixels[r * 800 + column - 1] + 0.05))));
        Assert.Equal((4, 56), (found.Ran.Windows, found.Ran.Window[1]));
        int[] borders = [48 * 4, 56 * 4, 96 * 4, 104 * 4, 144 * 4, 152 * 4];
        var elsewhere = Enumerable.Range(1, 198).Select(c => c * 4).Except(borders).Select(Step).ToList();
        Assert.All(borders.Select(Step), step => Assert.InRange(step, elsewhere.Min() * 0.8, elsewhere.Max() * 1.2));

        var provenance = KitJson.Read<Provenance>(output + ".provenance.json");
        Assert.Equal("strip.tif", provenance.Inputs.Single().Path);
        Assert.Equal(FileFingerprint.Of(output), provenance.Outputs.Single());

        float[] Gathered(SatelliteSource from)
        {
            var pixels = new List<float>();
            tiny.Model.Run(from, Fast, (row, values) =>
            {
                Assert.Equal(pixels.Count, row * 800);
                pixels.AddRange(values);
            }, null, default);
            return [.. pixels];
        }
    }

    [Theory]
    [InlineData("mask-internal.tif"), InlineData("mask-sidecar.tif"), InlineData("alpha-tiled.tif"),
        InlineData("nodata-complex-zero.tif")]
    public void AFilesMaskIsObeyedCountedAndCarriedOn(string file)
    {
        // 5 x 6 pixels; the first row holds no data, whatever stands in it.
        var output = Path.Combine(tiny.Folder, file + ".fine.tif");
        Assert.Equal(6, tiny.Model.TranslateFile(TestData.Golden("rasters/masks/" + file), output, Fast).LeftOut);
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
        var error = Assert.Throws<RasterException>(() => tiny.Model.TranslateFile(input, output, Fast));
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
            tiny.Model.TranslateFile(input, Path.Combine(folder, "out.tif"), Fast, progress: _ =>
                cancel.Cancel(), cancel: cancel.Token));
        Assert.Empty(Directory.GetFileSystemEntries(folder));
    }

    [Fact]
    public void AModelFolderIsTheDiffusersLayout()
    {
        var folder = Path.Combine(tiny.Folder, "model");
        foreach (var file in new[] { "vae/config.json", "unet/diffusion_pytorch_model.safetensors",
            "controlnet/config.json", "text_encoder/model.safetensors",
            "tokenizer/vocab.json", "scheduler/scheduler_config.json", ModelCard.FileName, "losses.csv",
            "training.provenance.json" })
            Assert.True(File.Exists(Path.Combine(folder, file)), file);
        Assert.False(Directory.Exists(Path.Combine(folder, "training")));
    }

    [Fact]
    public void AnUnknownModelIsNamedWithTheOnesThatExist()
    {
        var error = Assert.Throws<FileNotFoundException>(() => Translator.Load("sarsynth-enormous"));
        Assert.Contains("sarsynth-enormous", error.Message);
        Assert.Contains("sarsynth-small", error.Message);
    }
}
