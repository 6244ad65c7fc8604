// Measures of whether the ground is where and as bright as it is in truth, and of the speckle on it.
using SarSynth.Radar.Images;

namespace SarSynth.Evaluation;

/// <summary>Measures of brightness over places.</summary>
internal static class GroundMeasures
{
    private const string Ground = "ground", Flat = "flat ground";

    // A block belongs to fields, or to flat ground, when this share of its pixels does.
    private const double Enough = 0.95;

    // No pixel of flat ground counts as darker than this share of its ground: zeros have no logarithm.
    private const double Darkest = 1e-4;

    /// <summary>Brightness of squares against the true image and against what the satellite saw.</summary>
    public static IEnumerable<Measure> Brightness()
    {
        foreach (var (side, goal) in new[] { (8, 2.2), (16, 1.45), (32, 1.0) })
        {
            yield return new()
            {
                Id = $"multilook-{side}", Group = Ground, Name = $"multilooked {side}, RMS", Unit = "dB",
                Definition = $"RMS over squares of {side} x {side} pixels of their mean intensity over the true one's.",
                Goal = new(0, Most: goal), Needs = MeasureNeeds.Pairs,
                Parts = look => Math.Min(look.Rows, look.Columns) < side ? null
                    : Squares(look, look.Multilooked(side).Pixels, look.Truth.Multilooked(side).Pixels),
                Join = RootMeanSquare,
            };
        }
    }

    /// <summary>The image seen again at the satellite's resolution, against what the satellite saw.</summary>
    public static Measure SeenAgain => new()
    {
        Id = "seen-again", Group = Ground, Name = "seen again, RMS", Unit = "dB",
        Definition = "RMS over squares of 16 x 16 pixels of their mean intensity over that of the satellite image "
            + "there; of simulated scenes the airborne sensor's noise is taken off and the satellite's put on.",
        Goal = new(0, Most: 1.3), Needs = MeasureNeeds.Satellite,
        Parts = look =>
        {
            var scene = look.Scene;
            var side = Math.Max(1, (int)Math.Round(16.0 / scene.Scale)) * scene.Scale;
            var ground = scene.Ground;
            var more = (ground?.SatelliteNoise ?? 0) - (ground?.AirborneNoise ?? 0);
            var seen = Array.ConvertAll(look.Multilooked(side).Pixels, i => i + more);
            var satellite = Radar.Signal.Multilook.Apply(scene.Satellite!, side / scene.Scale, side / scene.Scale);
            return Squares(look, seen, satellite.Pixels);
        },
        Join = RootMeanSquare,
    };

    /// <summary>What the ground behind the image is needed for.</summary>
    public static IEnumerable<Measure> OfKnownGround()
    {
        yield return new()
        {
            Id = "fields-correlation", Group = Ground, Name = "fields: correlation",
            Definition = "Correlation of the mean intensity of squares of 16 x 16 pixels of fields with the true mean "
                + "reflectivity there, both in dB, over all scenes.",
            Goal = new(1, Least: 0.87), Bounds = (-1, 1), Needs = MeasureNeeds.Pairs | MeasureNeeds.Ground,
            Parts = FieldSums, Join = (_, own) => Correlation(Measure.Sum(own)),
        };
        yield return new()
        {
            Id = "flat-enl", Group = Flat, Name = "ENL", Unit = "looks",
            Definition = "mean² / variance of intensity over true reflectivity, where level ground alone is seen.",
            Goal = new(1, 0.96, 1.06, Ratio: true), Needs = MeasureNeeds.Pairs | MeasureNeeds.Ground,
            Parts = look => FlatSums(look, ratio => ratio),
            Join = (_, own) => Moments(own) is var (mean, variance) ? mean * mean / variance : 0,
        };
        yield return new()
        {
            Id = "flat-log", Group = Flat, Name = "variance of ln I",
            Definition = "Variance of the natural logarithm of that ratio (no pixel below -40 dB): 1.645 for one look.",
            Goal = new(Math.PI * Math.PI / 6, 1.58, 1.74, Ratio: true),
            Needs = MeasureNeeds.Pairs | MeasureNeeds.Ground,
            Parts = look => FlatSums(look, ratio => Math.Log(Math.Max(ratio, Darkest))),
            Join = (_, own) => Moments(own).Variance,
        };
        yield return new()
        {
            Id = "flat-8", Group = Flat, Name = "8 x 8 brightness, sd", Unit = "dB",
            Definition = "Standard deviation of the brightness of squares of 8 x 8 pixels of flat ground over its true "
                + "reflectivity.",
            Goal = new(0, Most: 0.9), Needs = MeasureNeeds.Pairs | MeasureNeeds.Ground,
            Parts = FlatBlocks, Join = (_, own) => Math.Sqrt(Moments(own).Variance),
        };
    }

    private static double[]? Squares(SceneLook look, float[] own, float[] other)
    {
        var (sum, count) = (0.0, 0.0);
        for (var i = 0; i < own.Length; i++)
        {
            var error = look.Decibels(own[i]) - look.Decibels(other[i]);
            if (!double.IsNaN(error))
                (sum, count) = (sum + error * error, count + 1);
        }
        return count > 0 ? [sum, count] : null;
    }

    private static double RootMeanSquare(IReadOnlyList<double[]> _, IReadOnlyList<double[]> own) =>
        Measure.Sum(own) is var s ? Math.Sqrt(s[0] / s[1]) : 0;

    // Number, sums and squares of both, and their product.
    private static double[]? FieldSums(SceneLook look)
    {
        var ground = look.Scene.Ground!;
        var (image, truth) = (look.Multilooked(16), Mean(ground, ground.Reflectivity, 16));
        var fields = Shares(look, i => ground.Classes[i] == (byte)GroundClass.Fields, 16);
        var sums = new double[6];
        for (var i = 0; i < fields.Length; i++)
        {
            if (fields[i] < Enough || float.IsNaN(image.Pixels[i]))
                continue;
            double x = look.Decibels(image.Pixels[i]), y = look.Decibels(truth[i]);
            double[] next = [1, x, y, x * x, y * y, x * y];
            for (var k = 0; k < sums.Length; k++)
                sums[k] += next[k];
        }
        return sums[0] > 0 ? sums : null;
    }

    internal static double Correlation(double[] s) =>
        (s[0] * s[5] - s[1] * s[2]) / Math.Sqrt((s[0] * s[3] - s[1] * s[1]) * (s[0] * s[4] - s[2] * s[2]));

    private static double[]? FlatSums(SceneLook look, Func<double, double> of)
    {
        var ground = look.Scene.Ground!;
        var (count, sum, squares) = (0.0, 0.0, 0.0);
        for (var i = 0; i < ground.Flat.Length; i++)
        {
            if (!ground.Flat[i] || float.IsNaN(look.Intensity.Pixels[i]))
                continue;
            var value = of(look.Intensity.Pixels[i] / ground.Reflectivity[i]);
            (count, sum, squares) = (count + 1, sum + value, squares + value * value);
        }
        return count > 0 ? [count, sum, squares] : null;
    }

    private static double[]? FlatBlocks(SceneLook look)
    {
        var ground = look.Scene.Ground!;
        var (image, truth) = (look.Multilooked(8), Mean(ground, ground.Reflectivity, 8));
        var flat = Shares(look, i => ground.Flat[i], 8);
        var (count, sum, squares) = (0.0, 0.0, 0.0);
        for (var i = 0; i < flat.Length; i++)
        {
            if (flat[i] < 1 || float.IsNaN(image.Pixels[i]))
                continue;
            var value = look.Decibels(image.Pixels[i]) - look.Decibels(truth[i]);
            (count, sum, squares) = (count + 1, sum + value, squares + value * value);
        }
        return count > 1 ? [count, sum, squares] : null;
    }

    private static (double Mean, double Variance) Moments(IReadOnlyList<double[]> own)
    {
        var s = Measure.Sum(own);
        var mean = s[1] / s[0];
        // Pixels are rounded to 24 bits: no variance is less than that.
        return (mean, Math.Max(s[2] / s[0] - mean * mean, 1e-14 * mean * mean));
    }

    private static float[] Mean(GroundTruth ground, float[] map, int side) =>
        Radar.Signal.Multilook.Apply(new IntensityImage(ground.Rows, ground.Columns, map), side, side).Pixels;

    private static float[] Shares(SceneLook look, Func<int, bool> of, int side)
    {
        var map = new float[look.Rows * look.Columns];
        for (var i = 0; i < map.Length; i++)
            map[i] = of(i) ? 1 : 0;
        return Radar.Signal.Multilook.Apply(new IntensityImage(look.Rows, look.Columns, map), side, side).Pixels;
    }
}
