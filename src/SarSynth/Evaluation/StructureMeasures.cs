// Measures of structure: lattices, spectrum, texture, targets, edges, classes of ground, and the spread of seeds.
using SarSynth.Radar.Images;
using SarSynth.Radar.Statistics;

namespace SarSynth.Evaluation;

/// <summary>Measures of what a histogram does not see.</summary>
internal static class StructureMeasures
{
    /// <summary>Grey levels of the co-occurrence matrices.</summary>
    public const int GlcmLevels = 32;

    private const string Signal = "signal", Structure = "structure", Ensemble = "seeds";

    private const int Period = 4, Rings = 32, Block = 8;

    /// <summary>Lattice, spectrum and spikes.</summary>
    public static IEnumerable<Measure> OfTheSignal()
    {
        yield return new()
        {
            Id = "lattice", Group = Signal, Name = "lattice mod 4", Unit = "%", Format = "0.0",
            Definition = "Local variance of the amplitude over its 7 x 7 mean (held to 3) by pixel phase mod 4: "
                + "(largest - smallest) over the mean of the 16 phases.",
            Goal = new(0, Most: 3),
            Parts = look => Lattice.ByPhase(look.Image.Pixels, look.Rows, look.Columns, Period) is var (sums, counts)
                ? [.. sums, .. counts] : null,
            Join = (_, own) => Measure.Sum(own) is var s
                ? 100 * Lattice.Spread(s.AsSpan(0, Period * Period), s.AsSpan(Period * Period)) : 0,
        };
        yield return new()
        {
            Id = "spectrum", Group = Signal, Name = "log spectrum, RMS", Unit = "dB",
            Definition = "Spectra of ln intensity in 32 rings from 0 to half a cycle per pixel, mean over scenes: RMS "
                + "of their ratio to the true ones.",
            Goal = new(0, Most: 0.4),
            Parts = look => RadialSpectrum.Of(look.Logarithms, look.Rows, look.Columns, Rings),
            // A scene counts once, whatever its size; means and sums have one ratio only for equal numbers.
            Join = (truth, own) => (Measure.Sum(truth), Measure.Sum(own)) is var (t, o) ? Math.Sqrt(t.Zip(o, (a, b) =>
                // Small images have no frequency in the innermost ring.
                Math.Pow(10 * Math.Log10(b / own.Count / (a / truth.Count)), 2)).Where(double.IsFinite).Average()) : 0,
        };
        foreach (var period in new[] { 4, 2 })
        {
            yield return new()
            {
                Id = $"spike-{period}", Group = Signal, Name = $"azimuth spike, {period} px", Unit = "dB",
                Definition = $"Power of ln intensity along azimuth at a period of {period} pixels over that of the "
                    + "frequencies beside it.",
                Goal = new(0), Bounds = Measure.Signed,
                Parts = look => Lattice.Spike(look.Logarithms, look.Rows, look.Columns, ImageAxis.Azimuth, period)
                    is var (power, beside) ? [power, beside] : null,
                Join = (_, own) => Measure.Sum(own) is var s ? 10 * Math.Log10(s[0] / s[1]) : 0,
            };
        }
    }

    /// <summary>Texture.</summary>
    public static Measure Texture => new()
    {
        Id = "glcm", Group = Structure, Name = "GLCM contrast / true",
        Definition = "Contrast of co-occurrence (distance 1, four directions, 32 levels up to mu + 3 sigma) over the "
            + "true one, means over scenes.",
        Goal = new(1, Ratio: true),
        Parts = look =>
        {
            var mask = new bool[look.Rows * look.Columns];
            var levels = Glcm.Quantise(look.Image.Pixels, GlcmLevels, 0, look.Yardstick.Normalisation.Ceiling, mask);
            var matrices = Glcm.Compute(levels, look.Rows, look.Columns, GlcmLevels, [1], Glcm.FourAngles, mask: mask);
            return [matrices.Cast<Cooccurrence>().Average(m => m.Features()[GlcmFeature.Contrast]), 1];
        },
        Join = (truth, own) => (Measure.Sum(truth), Measure.Sum(own)) is var (t, o) ? o[0] / o[1] / (t[0] / t[1]) : 0,
    };

    /// <summary>Targets and edges against the true image's.</summary>
    public static IEnumerable<Measure> OfPlaces()
    {
        yield return new()
        {
            Id = "recall", Group = Structure, Name = "targets, recall",
            Definition = "Point targets of the true image (cell-averaging CFAR, false alarms 1e-9) with one of the "
                + "image within 3 pixels.",
            Goal = new(1), Bounds = (0, 1), Needs = MeasureNeeds.Pairs, Parts = Targets,
            Join = (_, own) => Measure.Sum(own) is var s ? s[0] / s[1] : 0,
        };
        yield return new()
        {
            Id = "precision", Group = Structure, Name = "targets, precision",
            Definition = "Point targets of the image with one of the true image within 3 pixels.",
            Goal = new(1), Bounds = (0, 1), Needs = MeasureNeeds.Pairs, Parts = Targets,
            Join = (_, own) => Measure.Sum(own) is var s ? s[0] / s[2] : 0,
        };
        yield return new()
        {
            Id = "edges", Group = Structure, Name = "edges within 2 px", Unit = "%", Format = "0.0",
            Definition = "Edges of the true ground (of the true image where the ground is not known) with one of the "
                + "image within 2 pixels: the strongest 1 % of pixels by the ratio of means, one pixel wide.",
            Goal = new(100), Bounds = (0, 100), Needs = MeasureNeeds.Pairs,
            Parts = look => RatioEdges.Within(TrueEdges(look), look.Edges, look.Rows, look.Columns)
                is var (near, all) && all > 0 ? [near, all] : null,
            Join = (_, own) => Measure.Sum(own) is var s ? 100 * s[0] / s[1] : 0,
        };
    }

    /// <summary>Classes of ground.</summary>
    public static Measure Classes => new()
    {
        Id = "classes", Group = Structure, Name = "class map, recall",
        Definition = "Fields, trees, paved ground, built ground and water told apart by a classifier trained on true "
            + "images of other scenes: mean of the five recalls.",
        Goal = new(1, Least: 0.61), Bounds = (0, 1), Needs = MeasureNeeds.Pairs | MeasureNeeds.Ground,
        Parts = look => look.Yardstick.Classifier?.Confusion(look),
        Join = (_, own) => GroundClassifier.MeanRecall(Measure.Sum(own)),
    };

    /// <summary>Whether the spread of seeds tells the error.</summary>
    public static IEnumerable<Measure> OfSeeds()
    {
        yield return new()
        {
            Id = "seeds-spread", Group = Ensemble, Name = "spread / error",
            Definition = "Standard deviation between seeds at 8 x 8 pixels, dB, times sqrt(1 + 1/n), over the RMS "
                + "error of their mean: 1 where the truth might be one of them.",
            Goal = new(1, 0.8, 1.25, Ratio: true), Needs = MeasureNeeds.Pairs | MeasureNeeds.Seeds,
            Parts = SeedSums,
            Join = (_, own) => Measure.Sum(own) is var s ? Math.Sqrt((1 + own.Count / s[6]) * s[1] / s[2]) : 0,
        };
        yield return new()
        {
            Id = "seeds-correlation", Group = Ensemble, Name = "spread and error, r",
            Definition = "Correlation of that deviation with the size of the error, over all squares.",
            Goal = new(1), Bounds = (-1, 1), Needs = MeasureNeeds.Pairs | MeasureNeeds.Seeds, Parts = SeedSums,
            Join = (_, own) => Measure.Sum(own) is var s
                ? GroundMeasures.Correlation([s[0], s[3], s[4], s[1], s[2], s[5]]) : 0,
        };
    }

    private static double[]? Targets(SceneLook look)
    {
        var (truth, found) = (look.Truth.Targets, look.Targets);
        return truth.Count + found.Count == 0 ? null
            : [TargetMatching.Count(truth, found), truth.Count, found.Count];
    }

    private static bool[] TrueEdges(SceneLook look) => look.Scene.Ground is { } ground
        ? RatioEdges.Detect(ground.Reflectivity, ground.Rows, ground.Columns) : look.Truth.Edges;

    // Squares, variances and squared errors, deviations and sizes of errors, their product; the number of seeds last.
    private static double[]? SeedSums(SceneLook look)
    {
        if (look.Seeds.Count < 2)
            return null;
        var window = look.Scene.Middle();
        double[][] seeds = [.. look.Seeds.Select(s => Decibels(look, s))];
        var truth = Decibels(look, look.Truth.Image.Crop(window));
        var sums = new double[7];
        for (var i = 0; i < truth.Length; i++)
        {
            double[] values = [.. seeds.Select(s => s[i])];
            var mean = values.Average();
            if (double.IsNaN(mean + truth[i]))
                continue;
            var variance = values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1);
            var error = Math.Abs(mean - truth[i]);
            double[] next = [1, variance, error * error, Math.Sqrt(variance), error, Math.Sqrt(variance) * error];
            for (var k = 0; k < next.Length; k++)
                sums[k] += next[k];
        }
        sums[6] = seeds.Length;
        return sums[0] > 0 ? sums : null;
    }

    private static double[] Decibels(SceneLook look, AmplitudeImage image) =>
        [.. Radar.Signal.Multilook.Apply(image, Block, Block).Pixels.Select(i => look.Decibels(i))];
}
