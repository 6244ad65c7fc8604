// The levels of a translation: one ground, each with the speckle of its own sensor, whatever the strips.
using System.Text.Json.Nodes;
using SarSynth.Diffusion.Models;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Translation;
using static SarSynth.Tests.Translation.MeanModel;
using static TorchSharp.torch;

namespace SarSynth.Tests.Translation;

[Collection("engine")]
public sealed class LevelTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-level-").FullName;

    private readonly UpscalingUNetModel network = Network();

    private readonly Translator model;

    public LevelTests() => model = new(MeanModel.Card, network);

    public void Dispose()
    {
        model.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData(0.8, 2)]
    [InlineData(1.6, 4)]
    public void ThePixelsOfALevelHaveTheMeanOfTheFineOnesThatTheyCover(double spacing, int covered)
    {
        var scene = Uneven(30, 40);
        var (fine, coarse) = (Means(scene, 0.4), Means(scene, spacing));
        int wide = 40 * 4, columns = wide / covered;
        Assert.Equal(30 * 4 * wide, fine.Count);
        Assert.Equal(fine.Count / covered / covered, coarse.Count);
        for (var i = 0; i < coarse.Count; i++)
        {
            var (row, column, sum) = (i / columns * covered, i % columns * covered, 0.0);
            for (var k = 0; k < covered * covered; k++)
                sum += fine[(row + k / covered) * wide + column + k % covered];
            // Noise of -34 dB is in both.
            Assert.Equal(1, coarse[i] * covered * covered / sum, 1e-4);
        }
        Assert.True(fine.Max() > 2 * fine.Min());
    }

    [Theory]
    [InlineData(0.8)]
    [InlineData(1.6)]
    public void FlatGroundHasOneLookThroughTheResponseOfTheLevelsSensor(double spacing)
    {
        var side = (int)(150 * spacing);
        var made = model.TranslateComplex(Flat(side, side), new() { Spacing = spacing, Texture = 0, Seed = 6 });
        Assert.Equal(240, made.Rows);
        double[] intensity = [.. made.Pixels.Select(s => (double)s.Real * s.Real + (double)s.Imaginary * s.Imaginary)];
        double mean = intensity.Average(), variance = intensity.Average(i => (i - mean) * (i - mean));
        // 240² samples, .85² of them independent: the ENL of exponential intensity deviates by 2 / sqrt(n), here .0098.
        Assert.InRange(mean * mean / variance, 1 - 3.3 * 0.0098, 1 + 3.3 * 0.0098);
        // The power spectrum is the squared Hamming weight over 85 % of the band; its transform at one pixel.
        double power = 0, near = 0;
        for (var f = -0.425 + 0.85 / 2000; f < 0.425; f += 0.85 / 1000)
        {
            var weight = Math.Pow(0.8 + 0.2 * Math.Cos(2 * Math.PI * f / 0.85), 2);
            (power, near) = (power + weight, near + weight * Math.Cos(2 * Math.PI * f));
        }
        var (across, down) = (0.0, 0.0);
        for (var r = 0; r < 239; r++)
        {
            for (var c = 0; c < 239; c++)
            {
                var (here, right, below) = (made.Pixels[r * 240 + c], made.Pixels[r * 240 + c + 1],
                    made.Pixels[(r + 1) * 240 + c]);
                across += here.Real * right.Real + here.Imaginary * right.Imaginary;
                down += here.Real * below.Real + here.Imaginary * below.Imaginary;
            }
        }
        // Correlations deviate by 1 / sqrt(n), .005; four of them.
        Assert.Equal(near / power, across / (239 * 239 * mean), 0.02);
        Assert.Equal(near / power, down / (239 * 239 * mean), 0.02);
    }

    [Fact]
    public void RowsOfALevelByThemselvesHaveTheBytesOfTheWhole()
    {
        var scene = Uneven(420, 36);
        var recipe = new TranslateRecipe { Seed = 4, Tile = 64, Overlap = 16, Complex = true, Spacing = 0.8 };
        var whole = model.TranslateComplex(scene, recipe).Pixels;
        foreach (var (from, to) in new[] { (0, 101), (101, 613), (613, 840) })
        {
            var next = from;
            model.Run(SatelliteSource.Of(scene), recipe, null, (row, samples) =>
            {
                Assert.Equal(next++, row);
                Assert.True(samples.AsSpan().SequenceEqual(whole.AsSpan(row * 72, 72)), $"row {row}");
            }, null, default, (from, to));
            Assert.Equal(to, next);
        }
    }

    [Fact]
    public void AFileOfALevelTellsWhereItLiesAndWhoseSpeckleItHas()
    {
        var (input, output) = (Path.Combine(folder, "in.tif"), Path.Combine(folder, "out.tif"));
        var scene = Uneven(300, 20);
        scene.Pixels[7 * 20 + 9] = float.NaN;
        var placed = new AmplitudeImage(300, 20, scene.Pixels, scene.Metadata,
            new([500000, 1.6, 0, 4000, 0, -1.6], "EPSG:32632"));
        GeoTiff.Write(placed, input);
        var recipe = new TranslateRecipe { Spacing = 0.8 };
        // The second of two shares puts the rows of both together.
        Assert.False(model.TranslateFile(input, output, recipe, shard: new(1, 2)).IsComplete);
        Assert.True(model.TranslateFile(input, output, recipe, shard: new(0, 2)).IsComplete);
        using var raster = SarRaster.Open(output);
        Assert.Equal((600, 40), (raster.Rows, raster.Columns));
        Assert.Equal([500000, 0.8, 0, 4000, 0, -0.8], raster.GeoReference!.Transform!);
        Assert.Equal(model.Translate(placed, recipe).Pixels, raster.Read().ToAmplitude().Pixels);
        Assert.Equal(4, raster.Read().ToAmplitude().Pixels.Count(float.IsNaN));
        var told = JsonNode.Parse(File.ReadAllText(output + ".provenance.json"))!;
        Assert.Equal(0.8, (double?)told["recipe"]!["spacing"]);
        Assert.Equal("airborne-x-080", (string?)told["ran"]!["speckle"]);
        Assert.Equal(0.8, (double)told["ran"]!["spacing"]!, 1e-9);
        Assert.Equal(2, (int?)told["ran"]!["covered"]);
    }

    [Fact]
    public void ASpacingThatNoLevelHasIsRefusedByName()
    {
        Assert.Equal([0.4, 0.8, 1.6], model.Levels(Flat(8, 8)).Select(l => Math.Round(l.Spacing, 9)));
        Assert.Equal(["airborne-x-040", "airborne-x-080", "airborne-x-160"],
            model.Levels(Flat(8, 8)).Select(l => l.Sensor?.Name));
        foreach (var spacing in (double[])[0.2, 0.55, 3.2, 0, double.NaN])
        {
            var refused = Assert.Throws<ArgumentException>(() => model.Translate(Flat(8, 8), new TranslateRecipe
            {
                Spacing = spacing,
            }));
            Assert.Contains("expected 0.4 m or 0.8 m or 1.6 m", refused.Message);
        }
        using var diffusion = Translator.Load("sarsynth-small", CPU);
        var one = Assert.Throws<ArgumentException>(() => diffusion.Translate(Flat(8, 8), new TranslateRecipe
        {
            Spacing = 0.8,
        }));
        Assert.Contains("sarsynth-small", one.Message);
        Assert.Contains("expected 0.4 m:", one.Message);
        // Pixels of 1.5 m have a level of 0.75 m, near enough to be taken and said.
        var other = new AmplitudeImage(8, 8, Flat(8, 8).Pixels, new() { RangeSpacing = 1.5, AzimuthSpacing = 1.5,
            SlantRange = false });
        GeoTiff.Write(other, Path.Combine(folder, "in.tif"));
        var found = model.TranslateFile(Path.Combine(folder, "in.tif"), Path.Combine(folder, "out.tif"),
            new() { Spacing = 0.8 });
        Assert.Contains(found.Remarks, r => r.Contains("0.75 m") && r.Contains("0.8 m"));
    }

    // What speckle is drawn over.
    private List<float> Means(AmplitudeImage image, double spacing)
    {
        var source = SatelliteSource.Of(image);
        var recipe = new TranslateRecipe { Spacing = spacing, Seed = 3, Tile = 32, Overlap = 8 };
        var means = new List<float>();
        new MeanTranslation(model, new(network, MeanModel.Card), null, new(source), source, recipe,
            TranslationLevel.Of(MeanModel.Card, TranslationWay.MeanAndSpeckle, source, spacing, ""))
            { Seen = means.AddRange }.Run((_, _) => { }, _ => { }, default);
        return means;
    }

    private static AmplitudeImage Uneven(int rows, int columns)
    {
        var random = new Random(3);
        return new(rows, columns, [.. Enumerable.Range(0, rows * columns)
            .Select(_ => (float)(0.1 + 0.4 * random.NextDouble()))], new SarMetadata { Sensor = "satellite-x-160" });
    }
}
