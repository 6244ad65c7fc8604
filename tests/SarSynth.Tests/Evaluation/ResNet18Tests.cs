// ResNet-18 against torch on the file's own weights (tests/goldens/evaluation/make_resnet.py), and what is made of it.
using System.Text.Json;
using MathNet.Numerics.Distributions;
using SarSynth.Evaluation;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;

namespace SarSynth.Tests.Evaluation;

public class ResNet18Tests
{
    private static readonly JsonElement golden = JsonDocument.Parse(
        File.ReadAllText(TestData.Golden("evaluation/resnet18.json"))).RootElement;

    [Fact]
    public void FeaturesAndDistancesEqualThoseOfTorch()
    {
        using var network = ResNet18.Load();
        Close("features", network.Features(Grey(224, 0), 224));
        Close("features-128", network.Features(Grey(128, 0), 128));
        Assert.Equal(golden.GetProperty("perceptual").GetDouble(),
            network.Distance(Grey(224, 0), Grey(224, 1), 224), 1e-4);
        Assert.Equal(golden.GetProperty("perceptual-small").GetDouble(),
            ResNet18.Distance(network.Look(Grey(224, 0), 224), network.Look(Grey(128, 0), 128)), 1e-4);
        Assert.Equal(0, network.Distance(Grey(128, 1), Grey(128, 1), 128));
        Assert.Contains("found 9 pixels, expected 224 x 224", Assert.Throws<ArgumentException>(() =>
            network.Features(new float[9], 224)).Message);
    }

    [Fact]
    public void ChoicesOfScenesHaveTheDistancesOfTheirPoints()
    {
        var (x, y) = (Points("x"), Points("y"));
        // Nine points in three scenes, eleven in three others.
        double[]?[] truth = [Flat(x[..2]), Flat(x[2..6]), Flat(x[6..]), null];
        double[]?[] own = [Flat(y[..5]), Flat(y[5..9]), Flat(y[9..])];
        var sets = new PointSets(truth, own, 256);
        // Fewer points than axes: scipy's root of the singular product is good to the root of its rounding.
        Assert.Equal(golden.GetProperty("frechet").GetDouble(), sets.Frechet([0, 1, 2, 3], [0, 1, 2]), 1e-6);
        Assert.Equal(golden.GetProperty("kernel").GetDouble(), sets.Kernel([0, 1, 2, 3], [0, 1, 2]), 1e-9);
        Assert.Equal(FeatureDistances.DensityAndCoverage(x, y), sets.DensityAndCoverage([0, 1, 2], [2, 1, 0]));
        // A scene that is drawn twice has its points twice.
        double[][] twice = [.. x[2..6], .. x[2..6], .. x[6..]];
        Assert.Equal(FeatureDistances.Frechet(twice, y[..9]), sets.Frechet([1, 1, 2], [0, 1]), 1e-6);
        Assert.Equal(FeatureDistances.Kernel(x[2..], y), sets.Kernel([1, 1, 2], [0, 1, 2]), 1e-9);
        Assert.False(sets.IsEnough([0, 0, 0], [0]));
        Assert.True(sets.IsEnough([1, 2], [0]));
        // Of more points than are wanted as many are taken, evenly.
        Assert.Equal(FeatureDistances.Frechet([x[1], x[4], x[7]], [y[1], y[5], y[9]]),
            new PointSets([Flat(x)], [Flat(y)], 3).Frechet([0], [0]), 1e-6);
    }

    /// <summary>Another speckle of the same ground is nearer than less of it; the same image has no distance.</summary>
    [Fact]
    public void TheTableTellsGroundApart()
    {
        TruthScene[] scenes = [.. Enumerable.Range(0, 4).Select(k => new TruthScene($"scene {k}", Speckled(k, 0.05f)))];
        using var network = ResNet18.Load();
        var table = TranslationTable.Of(scenes,
        [
            new("same", [.. scenes.Select(s => s.Airborne)]),
            new("again", [.. scenes.Select((_, k) => Speckled(50 + k, 0.05f))]),
            new("smooth", [.. scenes.Select((_, k) => Speckled(50 + k, 0.05f, looks: 16))]),
        ], "smooth", resamples: 40, network: network);
        Assert.Equal(0, table["perceptual", "same"].Value!.Value);
        Assert.Equal(0, table["resnet-frechet", "same"].Value!.Value, 1e-3);
        Assert.Equal(1, table["resnet-coverage", "same"].Value!.Value);
        Assert.True(table["resnet-frechet", "again"].Value < table["resnet-frechet", "smooth"].Value / 3);
        Assert.True(table["resnet-kernel", "again"].Value < table["resnet-kernel", "smooth"].Value / 10);
        Assert.True(table["perceptual", "again"].Value < table["perceptual", "smooth"].Value);
        Assert.Equal(Verdict.Better, table["resnet-kernel", "again"].Verdict);
        Assert.DoesNotContain(TranslationTable.Of(scenes, [new("same", [.. scenes.Select(s => s.Airborne)])],
            resamples: 5).Rows, r => r.Group == "ResNet-18 features");
    }

    private static void Close(string name, float[] found)
    {
        double[] expected = [.. golden.GetProperty(name).EnumerateArray().Select(v => v.GetDouble())];
        Assert.Equal(ResNet18.Length, found.Length);
        Assert.All(found.Zip(expected), p => Assert.Equal(p.Second, p.First, 2e-4 * (1 + Math.Abs(p.Second))));
    }

    private static float[] Grey(int side, int k) => [.. Enumerable.Range(0, side * side).Select(i =>
    {
        var (r, c) = (i / side, i % side);
        return (float)Math.Clamp(0.4 + 0.3 * Math.Sin(0.11 * r + 0.07 * c)
            + 0.2 * Math.Sin(0.5 * c * (1 + k) + 0.3 * r) * (k + 1) / 2, 0, 1);
    })];

    private static double[][] Points(string name) => [.. golden.GetProperty(name).EnumerateArray().Select(p =>
        p.EnumerateArray().Select(v => v.GetDouble()).ToArray())];

    private static double[] Flat(double[][] points) => [14, .. points.SelectMany(p => p)];

    private static AmplitudeImage Speckled(int seed, float reflectivity, int looks = 1)
    {
        var random = new Random(seed);
        return new(64, 64, [.. Enumerable.Range(0, 64 * 64).Select(i => (float)Math.Sqrt(
            (i % 64 < 20 + seed % 50 * 4 ? reflectivity : 4 * reflectivity) * Gamma.Sample(random, looks, looks)))]);
    }
}
