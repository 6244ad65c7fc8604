// Each row can fail: what a picture lacks on purpose shows in its own row, with the size that a closed form gives.
using SarSynth.Evaluation;
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;

namespace SarSynth.Tests.Evaluation;

public class TranslationTableTests
{
    private const int Side = 256;

    /// <summary>Four scenes of level ground of another brightness on each half, seen twice.</summary>
    private static readonly TruthScene[] scenes = [.. Enumerable.Range(0, 4).Select(Scene)];

    private static readonly Candidate again = Changed("again", (a, _, _) => a, 100);

    [Fact]
    public void AnotherSpeckleOfTheSameGroundIsTheFloor()
    {
        var table = Table(again);
        // KL of two samples of N pixels over the b = 60 or so bins that have any: about b / N.
        Assert.InRange(Value(table, "kl"), 0, 6e-4);
        Assert.Equal(0, Value(table, "missing"));
        Assert.Equal(1, Value(table, "flat-enl"), 0.03);
        // Theory: pi²/6, with a standard error of 0.006.
        Assert.Equal(Math.PI * Math.PI / 6, Value(table, "flat-log"), 0.03);
        // Means of 64 exponentials, in dB: trigamma(64) of ln, and twice that where both are drawn.
        var sd = 10 / Math.Log(10) * Math.Sqrt(SarSynth.Radar.Statistics.Polygamma.Of(1, 64));
        Assert.Equal(sd, Value(table, "flat-8"), 0.02);
        Assert.Equal(sd * Math.Sqrt(2), Value(table, "multilook-8"), 0.03);
        Assert.Equal(sd * Math.Sqrt(2) / 2, Value(table, "multilook-16"), 0.03);
        // Four phases by four of 16,000 pixels each.
        Assert.InRange(Value(table, "lattice"), 0, 7);
        Assert.InRange(Value(table, "spectrum"), 0, 0.25);
        Assert.InRange(Value(table, "glcm"), 0.98, 1.02);
        Assert.All(table.Rows.Where(r => r.Id is "flat-enl" or "missing" or "kl" or "power" or "multilook-16"),
            r => Assert.True(r.Cells[0].Meets, r.Id));
    }

    [Fact]
    public void OneDecibelShowsAsOneDecibel()
    {
        var table = Table(Changed("brighter", (a, _, _) => a * MathF.Pow(10, 0.05f), 100));
        var floor = Table(again);
        Assert.Equal(1, Value(table, "power"), 0.08);
        foreach (var id in new[] { "multilook-8", "multilook-16", "multilook-32" })
            Assert.Equal(Math.Sqrt(1 + Math.Pow(Value(floor, id), 2)), Value(table, id), 0.06);
        Assert.Equal(DivergenceOfABrighterMixture(Math.Pow(10, 0.1)), Value(table, "kl"), 0.001);
        // Speckle and ground are as they were.
        Assert.Equal(Value(floor, "flat-enl"), Value(table, "flat-enl"), 1e-5);
        Assert.Equal(Value(floor, "flat-8"), Value(table, "flat-8"), 1e-5);
        Assert.Equal(Value(floor, "lattice"), Value(table, "lattice"), 1e-3);
    }

    [Fact]
    public void ALatticeRaisesTheLatticeRow()
    {
        // Of each 4 x 4 pixels one has a tenth of its amplitude more or less: more variance there alone.
        var table = Table(Changed("lattice", (a, r, c) => r % 4 == 1 && c % 4 == 2 ? a * 1.1f : a, 100));
        Assert.InRange(Value(table, "lattice"), 15, 40);
        Assert.InRange(Value(table, "multilook-16"), 0, 1);
        // Stripes along range, four rows apart, are a spike along azimuth.
        var stripes = Table(Changed("stripes", (a, r, _) => a * (1 + 0.2f * MathF.Cos(MathF.PI * r / 2)), 100));
        // ln I of the rows is 2 ln 1.2, 0, 2 ln 0.8, 0: a wave whose line under a Hann window holds (a n / 4)², over
        // pi²/6 of speckle times the window's 3 n / 8.
        var wave = Math.Log(1.2) - Math.Log(0.8);
        Assert.Equal(Spike(wave / 4), Value(stripes, "spike-4"), 0.4);
        var fine = Table(Changed("fine stripes", (a, r, _) => r % 2 == 0 ? a * 1.2f : a, 100));
        Assert.Equal(Spike(Math.Log(1.2) / 2), Value(fine, "spike-2"), 0.4);
        Assert.Equal(0, Value(fine, "spike-4"), 0.4);

        static double Spike(double height) =>
            10 * Math.Log10(1 + Math.Pow(height * Side, 2) / (Math.PI * Math.PI / 6 * Side * 3 / 8));
    }

    [Fact]
    public void WhatHasNoSpeckleHasTooManyLooks()
    {
        var smooth = new Candidate("smooth", [.. scenes.Select(s => new AmplitudeImage(
            Side, Side, Array.ConvertAll(s.Ground!.Reflectivity, MathF.Sqrt)))]);
        var table = Table(smooth);
        Assert.True(Value(table, "flat-enl") > 1000);
        Assert.False(table["flat-enl", "smooth"].Meets);
        Assert.Equal(1, Value(table, "fields-correlation"), 1e-4);
        Assert.InRange(Value(table, "spectrum"), 10, 100);
        Assert.InRange(Value(table, "glcm"), 0, 0.1);
    }

    [Fact]
    public void FirefliesAndHolesAreSeen()
    {
        var table = Table(Changed("flies", (a, r, c) => (r, c) == (20, 30) ? 400 : (r + c) % 100 == 0 ? 0 : a, 100));
        Assert.True(Value(table, "largest") > 50);
        Assert.False(table["largest", "flies"].Meets);
        Assert.Equal(1, Value(table, "missing"), 0.05);
        // One pixel of 400² = 160,000 in 65,536 of 0.1 or so: over 10 dB.
        Assert.True(Value(table, "power") > 10);
    }

    [Fact]
    public void GroundThatIsMovedLosesItsPlace()
    {
        var moved = new Candidate("moved", [.. scenes.Select(s => new AmplitudeImage(Side, Side,
            [.. again.Images[Array.IndexOf(scenes, s)].Pixels.Skip(16).Concat(again.Images[0].Pixels.Take(16))]))]);
        Assert.True(Value(Table(again), "edges") > 85);
        Assert.True(Value(Table(moved), "edges") < 30);
    }

    [Fact]
    public void SeedsThatMightBeTheTruthHaveASpreadOfOne()
    {
        var seeds = scenes.Select(s => (IReadOnlyList<AmplitudeImage>)[.. Enumerable.Range(0, 4).Select(k =>
            Speckled(s.Ground!, 1000 + k).Crop(s.Middle()))]).ToArray();
        var table = Table(again with { Seeds = seeds });
        // 4 x 256 squares: a standard error of about 0.025.
        Assert.Equal(1, Value(table, "seeds-spread"), 0.1);
        Assert.InRange(Value(table, "seeds-correlation"), -0.2, 0.2);
        var one = seeds.Select(s => (IReadOnlyList<AmplitudeImage>)[s[0], s[0], s[0]]);
        var stiff = Table(again with { Seeds = [.. one] });
        Assert.Equal(0, Value(stiff, "seeds-spread"), 1e-6);
    }

    [Fact]
    public void BetterIsSaidOnlyWhereIntervalsDoNotOverlap()
    {
        var far = Changed("far", (a, _, _) => a * 1.4f, 200);
        var near = Changed("near", (a, _, _) => a, 300);
        var table = TranslationTable.Of(scenes, [far, again, again with { Name = "twin" }], "again", resamples: 200);
        Assert.Equal(Verdict.Worse, table["kl", "far"].Verdict);
        Assert.All(table.Rows, r => Assert.Equal(Verdict.Undecided, r.Cells[1].Verdict));
        Assert.All(table.Rows, r => Assert.Equal(Verdict.Undecided, r.Cells[2].Verdict));
        Assert.Equal(Verdict.Better,
            TranslationTable.Of(scenes, [far, near], "far", resamples: 200)["kl", "near"].Verdict);
        var few = TranslationTable.Of(scenes[..3], [Few(far), Few(near)], "far", resamples: 200);
        Assert.Equal(Verdict.Undecided, few["kl", "near"].Verdict);
        Assert.NotNull(few["kl", "near"].Lower);
        Assert.Null(TranslationTable.Of(scenes[..1], [new("one", [near.Images[0]])], resamples: 200)
            ["kl", "one"].Lower);

        static Candidate Few(Candidate c) => new(c.Name, [.. c.Images.Take(3)]);
    }

    [Fact]
    public void TheIntervalIsThatOfTheMeanOverScenes()
    {
        // A measure that is the mean of one number a scene: the interval is mean ± 1.96 s / sqrt(n), s with divisor n.
        double[] numbers = [.. Enumerable.Range(0, 40).Select(i => Math.Sin(i * 1.7) + 0.1 * i)];
        var measure = new Measure
        {
            Id = "mean", Group = "", Name = "", Definition = "", Goal = new(0), Parts = _ => null,
            Join = (_, own) => own.Average(p => p[0]),
        };
        double[][] parts = [.. numbers.Select(x => new[] { x })];
        var draws = SceneBootstrap.Draw(40, 4000, "test");
        var found = new SceneBootstrap(measure, parts, parts, draws, draws);
        var mean = numbers.Average();
        var error = 1.96 * Math.Sqrt(numbers.Average(x => (x - mean) * (x - mean)) / 40);
        Assert.Equal(mean, found.Value, 1e-12);
        Assert.Equal(mean - error, found.Interval.Lower, 0.08 * error);
        Assert.Equal(mean + error, found.Interval.Upper, 0.08 * error);
        Assert.Equal(numbers.Select(x => (double?)x), found.Scenes);
    }

    [Fact]
    public void CopiesOfTrainingImagesAreSeen()
    {
        var training = scenes.Select((s, k) => Speckled(s.Ground!, 500 + k)).ToArray();
        double Of(Candidate candidate) => TranslationTable.Of(scenes, [candidate], resamples: 10, training: training)
            ["nearest-training"].Cells[0].Value!.Value;
        Assert.Equal(1, Of(again), 0.15);
        Assert.Equal(0, Of(new("copied", training)), 1e-9);
        var heaps = TranslationTable.Unpaired(new("true", [.. scenes.Select(s => s.Airborne)]),
            [new("copied", training[..2])], resamples: 10, training: training);
        Assert.Equal(0, heaps["nearest-training"].Cells[0].Value!.Value, 1e-9);
        Assert.DoesNotContain(Table(again).Rows, r => r.Id == "nearest-training");
    }

    [Fact]
    public void WhatDoesNotFitIsNamed()
    {
        var error = Assert.Throws<ArgumentException>(() => Table(new Candidate("small", [.. scenes.Select(_ =>
            new AmplitudeImage(8, 8, new float[64]))])));
        Assert.Contains("candidate 'small', scene 'scene 0': found 8 x 8, expected 256 x 256", error.Message);
        Assert.Contains("found 1 images, expected 4",
            Assert.Throws<ArgumentException>(() => Table(new Candidate("one", [again.Images[0]]))).Message);
        Assert.Contains("baseline: found 'x', expected one of again",
            Assert.Throws<ArgumentException>(() => TranslationTable.Of(scenes, [again], "x")).Message);
        Assert.Contains("expected one of kl, ", Assert.Throws<ArgumentException>(() => Table(again)["fid"]).Message);
        Assert.Contains("'none': found no image",
            Assert.Throws<ArgumentException>(() => TranslationTable.Unpaired(new("none", []), [again])).Message);
    }

    [Fact]
    public void SimulatedScenesAreOfTheirKindsAndUnseen()
    {
        var scene = Assert.Single(TruthScene.Unseen(1, 64));
        Assert.Equal(SceneKind.Woodland, scene.Kind);
        Assert.Equal("woodland-9000001", scene.Name);
        Assert.True(TruthScene.FirstSeed > 9_000_000);
        Assert.True(GroundClassifier.FirstSeed + 100 < TruthScene.FirstSeed);
        Assert.Equal(4, scene.Scale);
        // The floor has the ground's brightness and another speckle.
        var again = scene.Again!(1);
        Assert.NotEqual(scene.Airborne.Pixels, again.Pixels);
        Assert.NotEqual(again.Pixels, scene.Again(2).Pixels);
        Assert.Equal(scene.Airborne.Pixels, TruthScene.Unseen(1, 64)[0].Airborne.Pixels);
        var ratio = again.Pixels.Sum(a => (double)a * a) / scene.Airborne.Pixels.Sum(a => (double)a * a);
        Assert.InRange(ratio, 0.7, 1.4);
    }

    private static TranslationTable Table(Candidate candidate) =>
        TranslationTable.Of(scenes, [candidate], resamples: 50);

    private static double Value(TranslationTable table, string id) => table[id].Cells[0].Value!.Value;

    private static Candidate Changed(string name, Func<float, int, int, float> change, int seed) => new(name,
        [.. scenes.Select((s, k) => Speckled(s.Ground!, seed + k) is var image ? new AmplitudeImage(Side, Side,
            [.. image.Pixels.Select((a, i) => change(a, i / Side, i % Side))]) : image)]);

    // KL(p || q), p a mixture of two exponentials (over the four scenes 140 columns of 256 are dark) and q the
    // same with q times the power.
    private static double DivergenceOfABrighterMixture(double q)
    {
        const double Dark = 140.0 / 256;
        var (sum, steps) = (0.0, 200_000);
        for (var i = 0; i < steps; i++)
        {
            var x = (i + 0.5) * 4 / steps;
            double p = Density(x), other = Density(x / q) / q;
            sum += p * Math.Log(p / other) * 4 / steps;
        }
        return sum;

        static double Density(double x) => Dark * Math.Exp(-x / 0.05) / 0.05 + (1 - Dark) * Math.Exp(-x / 0.2) / 0.2;
    }

    // Fields of two brightnesses: the border is column 128 + 8 k.
    private static TruthScene Scene(int k)
    {
        float[] reflectivity = [.. Enumerable.Range(0, Side * Side).Select(i => i % Side < 128 + 8 * k ? 0.05f : 0.2f)];
        var ground = new GroundTruth(Side, Side, new byte[Side * Side], reflectivity,
            [.. Enumerable.Repeat(true, Side * Side)]);
        return new($"scene {k}", Speckled(ground, k)) { Ground = ground };
    }

    private static AmplitudeImage Speckled(GroundTruth ground, int seed)
    {
        var random = new Random(seed);
        return new(ground.Rows, ground.Columns, Array.ConvertAll(ground.Reflectivity,
            r => (float)Math.Sqrt(-r * Math.Log(1 - random.NextDouble()))));
    }
}
