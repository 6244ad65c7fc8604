// Measures of tiles as points: a fixed vector of SAR statistics of each, and distances between the sets.
using SarSynth.Radar.Images;

namespace SarSynth.Evaluation;

/// <summary>Points of tiles, over deviations of their own.</summary>
/// <param name="Points">Scaled statistics of each tile.</param>
/// <param name="Mean">What was taken off.</param>
/// <param name="Deviation">What was divided by.</param>
internal sealed record ScaledTiles(IReadOnlyList<double[]> Points, double[] Mean, double[] Deviation)
{
    /// <summary>A tile's statistics in the same units.</summary>
    public double[] Scale(double[] point) => [.. point.Select((v, k) => (v - Mean[k]) / Deviation[k])];
}

/// <summary>Distances between sets of tiles, by statistics that radar people know.</summary>
internal static class FeatureMeasures
{
    /// <summary>
    /// Statistics of a tile: mean, deviation and skewness of ln I; coefficient of variation of A; ln of the largest
    /// over the mean I; deviations of ln of means over 4 x 4 and 8 x 8 pixels; correlations of ln I with its neighbours
    /// along range and azimuth.
    /// </summary>
    public const int Length = 9;

    private const string Group = "tile features";

    private const int LargestTile = 64, MostTiles = 256;

    private const string Tiles = "Tiles of 64 pixels (half the shorter side of smaller images; 256 of them, evenly, of "
        + "more) as vectors of nine SAR statistics, over the true ones' deviations: ";

    /// <summary>All of them.</summary>
    public static IEnumerable<Measure> All()
    {
        yield return Of("frechet", "Fréchet", "squared Fréchet distance, biased upwards for few tiles.", new(0),
            isCopied: true, FeatureDistances.Frechet);
        yield return Of("kernel", "kernel", "kernel distance (cubic kernel); below 0 where both show one ground.",
            new(0), isCopied: false, FeatureDistances.Kernel) with
            {
                Format = "0.000", Bounds = Measure.Signed,
            };
        yield return Of("density", "density", "how many neighbourhoods of true tiles a tile lies in; the truth's is 1.",
            new(1, Ratio: true), isCopied: false, (t, o) => FeatureDistances.DensityAndCoverage(t, o).Density);
        yield return Of("coverage", "coverage", "true tiles in whose neighbourhood there is a tile.", new(1),
            isCopied: false, (t, o) => FeatureDistances.DensityAndCoverage(t, o).Coverage) with { Bounds = (0, 1) };
    }

    /// <summary>How near tiles are to those that a model was trained on.</summary>
    public static Measure Memorised => new()
    {
        Id = "nearest-training", Group = Group, Name = "from training / true",
        Definition = "Mean distance of the tiles' statistics from those of the nearest training tile, over that of "
            + "true tiles which were not trained on: 1 is as new as they are, 0 a copy.",
        Goal = new(1, Ratio: true), Needs = MeasureNeeds.Training,
        Parts = look => look.Yardstick.Training is { } training
            ? FeatureDistances.Nearest(training.Points, [.. Features(look).Chunk(Length).Select(training.Scale)])
                is var distances ? [distances.Sum(), distances.Length] : null : null,
        Join = (truth, own) => (Measure.Sum(truth), Measure.Sum(own)) is var (t, o) ? o[0] / o[1] / (t[0] / t[1]) : 0,
    };

    /// <summary>Statistics of training images, as <see cref="Memorised"/> wants them.</summary>
    public static ScaledTiles TilesOf(IEnumerable<AmplitudeImage> images, Yardstick yardstick)
    {
        double[][] points = [.. images.SelectMany(i => Features(new SceneLook(new("training", i), i, yardstick))
            .Chunk(Length))];
        var (mean, deviation) = Spread(points);
        var tiles = new ScaledTiles([], mean, deviation);
        return tiles with { Points = [.. points.Select(tiles.Scale)] };
    }

    // A scene that is drawn twice has neighbours at no distance: where that matters each is taken once.
    private static Measure Of(string id, string name, string definition, Goal goal, bool isCopied,
        Func<IReadOnlyList<double[]>, IReadOnlyList<double[]>, double> distance) => new()
    {
        Id = id, Group = Group, Name = name, Definition = Tiles + definition, Goal = goal, Parts = Features,
        Join = (truth, own) =>
        {
            var t = Points(isCopied ? truth : [.. truth.Distinct()]);
            var o = Points(isCopied ? own : [.. own.Distinct()]);
            return t.Count > FeatureDistances.Neighbours && o.Count > 1 ? Scaled(t, o, distance) : double.NaN;
        },
    };

    private static double Scaled(List<double[]> truth, List<double[]> own,
        Func<IReadOnlyList<double[]>, IReadOnlyList<double[]>, double> distance)
    {
        var (mean, deviation) = Spread(truth);
        var scaled = new ScaledTiles([], mean, deviation);
        return distance([.. truth.Select(scaled.Scale)], [.. own.Select(scaled.Scale)]);
    }

    private static (double[] Mean, double[] Deviation) Spread(IReadOnlyList<double[]> points)
    {
        var (mean, deviation) = (new double[Length], new double[Length]);
        for (var k = 0; k < Length; k++)
        {
            mean[k] = points.Average(p => p[k]);
            deviation[k] = Math.Max(1e-9, Math.Sqrt(points.Average(p => (p[k] - mean[k]) * (p[k] - mean[k]))));
        }
        return (mean, deviation);
    }

    private static List<double[]> Points(IReadOnlyList<double[]> parts)
    {
        double[][] all = [.. parts.SelectMany(p => p.Chunk(Length))];
        return all.Length <= MostTiles ? [.. all]
            : [.. Enumerable.Range(0, MostTiles).Select(i => all[(int)((i + 0.5) * all.Length / MostTiles)])];
    }

    private static double[] Features(SceneLook look)
    {
        var side = Math.Clamp(Math.Min(look.Rows, look.Columns) / 2, 8, LargestTile);
        var features = new List<double>();
        for (var row = 0; row + side <= look.Rows; row += side)
            for (var column = 0; column + side <= look.Columns; column += side)
                features.AddRange(Tile(look, row, column, side));
        return [.. features];
    }

    /// <summary>Statistics of a square.</summary>
    internal static double[] Tile(SceneLook look, int top, int left, int side)
    {
        var logs = new double[side, side];
        var (sum, squares, amplitudes, largest) = (0.0, 0.0, 0.0, 0.0);
        for (var r = 0; r < side; r++)
        {
            for (var c = 0; c < side; c++)
            {
                var i = (top + r) * look.Columns + left + c;
                logs[r, c] = look.Logarithms[i];
                // What has no data counts as dark, as it does in the logarithms.
                double intensity = float.IsNaN(look.Intensity.Pixels[i]) ? 0 : look.Intensity.Pixels[i];
                (sum, squares, largest) = (sum + logs[r, c], squares + intensity, Math.Max(largest, intensity));
                amplitudes += Math.Sqrt(intensity);
            }
        }
        double n = side * side, mean = sum / n, variance = 0, third = 0, across = 0, down = 0;
        for (var r = 0; r < side; r++)
        {
            for (var c = 0; c < side; c++)
            {
                var d = logs[r, c] - mean;
                (variance, third) = (variance + d * d, third + d * d * d);
                across += c + 1 < side ? d * (logs[r, c + 1] - mean) : 0;
                down += r + 1 < side ? d * (logs[r + 1, c] - mean) : 0;
            }
        }
        var pairs = (double)side * (side - 1);
        var power = Math.Max(squares / n, look.Yardstick.Floor);
        variance = Math.Max(variance / n, 1e-12);
        var amplitude = Math.Max(amplitudes / n, 1e-12);
        return
        [
            mean, Math.Sqrt(variance), third / n / Math.Pow(variance, 1.5),
            Math.Sqrt(Math.Max(0, squares / n - amplitude * amplitude)) / amplitude,
            Math.Log(Math.Max(largest, 1e-30) / power),
            Blocks(look, top, left, side, 4), Blocks(look, top, left, side, 8), across / pairs / variance,
            down / pairs / variance,
        ];
    }

    // Standard deviation of ln of the mean intensity of squares.
    private static double Blocks(SceneLook look, int top, int left, int side, int block)
    {
        var values = new List<double>();
        for (var r = 0; r + block <= side; r += block)
        {
            for (var c = 0; c + block <= side; c += block)
            {
                var sum = 0.0;
                for (var k = 0; k < block * block; k++)
                {
                    var i = look.Intensity.Pixels[(top + r + k / block) * look.Columns + left + c + k % block];
                    sum += float.IsNaN(i) ? 0 : i;
                }
                values.Add(Math.Log(Math.Max(sum / (block * block), look.Yardstick.Floor)));
            }
        }
        var mean = values.Average();
        return Math.Sqrt(values.Average(v => (v - mean) * (v - mean)));
    }
}
