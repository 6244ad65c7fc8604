// A scene in strips: goes on after a kill, is shared by processes, and has no seams.
using System.Security.Cryptography;
using SarSynth.Diffusion.Tiling;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Translation;
using static TorchSharp.torch;

namespace SarSynth.Tests.Translation;

[Collection("engine")]  // The engine's default generator is the process's: who draws from it runs alone.
public sealed class PartsTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-parts-").FullName;
    private readonly Translator model;
    private readonly string input, whole;
    private readonly TranslateRecipe recipe = new() { Seed = 6, Tile = 64, Overlap = 16 };

    public PartsTests()
    {
        // Weights that are not zero: each window says something of its own at its border.
        manual_seed(1);
        var network = MeanModel.Network();
        using (no_grad())
        {
            foreach (var weight in network.parameters().Where(w => w.dim() > 1))
                TorchSharp.torch.nn.init.normal_(weight, 0, 0.02);
        }
        model = new(MeanModel.Card, network);
        (input, whole) = (Path.Combine(folder, "in.tif"), Path.Combine(folder, "whole.tif"));
        var random = new Random(2);
        var pixels = new float[400 * 72];
        foreach (ref var a in pixels.AsSpan())
            a = (float)Math.Sqrt(-0.09 * Math.Log(1 - random.NextDouble()));
        GeoTiff.Write(new AmplitudeImage(400, 72, pixels, new SarMetadata { Sensor = "satellite-x-160" }), input);
    }

    public void Dispose()
    {
        model.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private string Sum(string name) =>
        Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, name))));

    private string[] Strips(string name) => Directory.Exists(Path.Combine(folder, name + ".parts"))
        ? [.. Directory.GetFiles(Path.Combine(folder, name + ".parts"), "rows-*.bin").Select(f => Path.GetFileName(f))
            .Order()] : [];

    [Fact]
    public void WhatWasEndedGoesOnToTheSameBytesAndMakesNothingTwice()
    {
        Assert.True(model.TranslateFile(input, whole, recipe).IsComplete);
        var output = Path.Combine(folder, "ended.tif");
        using (var stop = new CancellationTokenSource())
        {
            Assert.Throws<OperationCanceledException>(() => model.TranslateFile(input, output, recipe, progress: _ =>
            {
                if (Strips("ended.tif").Length == 2)
                    stop.Cancel();
            }, cancel: stop.Token));
        }
        Assert.Equal(["rows-0000000.bin", "rows-0000512.bin"], Strips("ended.tif"));
        Assert.False(File.Exists(output));
        var made = Strips("ended.tif").Select(f => File.GetLastWriteTimeUtc(Path.Combine(output + ".parts", f)))
            .Max();

        // Another translation is not mixed in; the same one goes on, even where a strip was cut short.
        var other = Assert.Throws<IOException>(() => model.TranslateFile(input, output, recipe with { Seed = 7 }));
        Assert.Contains("recipe.seed", other.Message);
        var shares = new List<double>();
        var found = model.TranslateFile(input, output, recipe, progress: share =>
        {
            shares.Add(share);
            Assert.Equal(made, Strips("ended.tif").Take(2)
                .Max(f => File.GetLastWriteTimeUtc(Path.Combine(output + ".parts", f))));
        });
        Assert.True(found.IsComplete);
        Assert.Equal(Sum("whole.tif"), Sum("ended.tif"));
        Assert.False(Directory.Exists(output + ".parts"));
        Assert.True(File.Exists(output + ".provenance.json"));
        Assert.Equal(["reading", "network", "speckle", "writing"], found.Stages.Select(s => s.Stage));
        Assert.All(found.Stages, s => Assert.True(s.Seconds > 0 && s.Megabytes > 0, $"{s}"));
    }

    [Fact]
    public void WindowsLeaveNoSeams()
    {
        const int size = 480;
        var random = new Random(9);
        var pixels = new float[size * size];
        foreach (ref var a in pixels.AsSpan())
        {
            // Four looks of flat ground.
            var product = 1.0;
            for (var look = 0; look < 4; look++)
                product *= 1 - random.NextDouble();
            a = (float)Math.Sqrt(-0.0225 * Math.Log(product));
        }
        var flat = new AmplitudeImage(size, size, pixels, new SarMetadata { Sensor = "satellite-x-160" });
        var (gradient, level) = Seams(16);
        Assert.InRange(gradient, 0.98, 1.02);
        Assert.InRange(level, 0.98, 1.02);
        // The measure sees seams where there are some: windows that do not overlap.
        var (without, _) = Seams(0);
        Assert.True(Math.Abs(without - 1) > 3 * Math.Abs(gradient - 1), $"{without:F4} without overlap, {gradient:F4}");

        (double Gradient, double Level) Seams(int overlap)
        {
            var made = model.Translate(flat, recipe with { Overlap = overlap, Texture = 0 });
            // Windows lie on the image with eight mirrored pixels around it; both ends of each are borders.
            var borders = new TileGrid(64, overlap) { Multiple = 2 }.Cover(size + 16, size + 16)
                .SelectMany(w => new[] { w.Top, w.Top + w.Height }).Select(at => (at - 8) * 4)
                .Where(at => at is > 8 and < 4 * size - 8).ToHashSet();
            Assert.True(borders.Count > 6);
            double[] at = new double[3], elsewhere = new double[3];
            for (var r = 1; r < made.Rows; r++)
            {
                for (var c = 1; c < made.Columns; c++)
                {
                    var i = r * made.Columns + c;
                    var here = 2 * Math.Log(made.Pixels[i]);
                    Add(borders.Contains(r) ? at : elsewhere, here - 2 * Math.Log(made.Pixels[i - made.Columns]));
                    Add(borders.Contains(c) ? at : elsewhere, here - 2 * Math.Log(made.Pixels[i - 1]));

                    void Add(double[] sums, double difference)
                    {
                        sums[0]++;
                        sums[1] += difference * difference;
                        sums[2] += Math.Exp(here);
                    }
                }
            }
            return (at[1] / at[0] / (elsewhere[1] / elsewhere[0]), at[2] / at[0] / (elsewhere[2] / elsewhere[0]));
        }
    }

    [Fact]
    public void ProcessesThatShareASceneMakeTheBytesOfOne()
    {
        model.TranslateFile(input, whole, recipe with { Complex = true });
        var output = Path.Combine(folder, "shared.tif");
        // 1,600 rows are four strips of up to 512; three processes, the last first.
        foreach (var (index, strips) in new[] { (2, 2), (0, 3), (1, 4) })
        {
            var found = model.TranslateFile(input, output, recipe with { Complex = true }, shard: new(index, 3));
            Assert.Equal(index == 1, found.IsComplete);
            Assert.Equal(index == 1, File.Exists(output));
            if (index != 1)
                Assert.Equal(strips, Strips("shared.tif").Length);
        }
        Assert.Equal(Sum("whole.tif"), Sum("shared.tif"));
        using var tiny = Translator.Load("sarsynth-small", CPU);
        Assert.Contains("shard", Assert.Throws<NotSupportedException>(() =>
            tiny.TranslateFile(input, Path.Combine(folder, "no.tif"), new(), shard: new(0, 2))).Message);
    }
}
