// Measures of tiles as an encoder sees them: distances between sets of its features, and between paired images.
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;

namespace SarSynth.Evaluation;

/// <summary>Distances by the features of networks.</summary>
internal static class EncoderMeasures
{
    /// <summary>Tiles of a set that are looked at.</summary>
    public const int MostTiles = 256;

    private const string ResNetGroup = "ResNet-18 features";

    private const int LargestTile = 128, MostOfAnImage = 32, FewImages = 16;

    private const string Shown = "Squares of 128 pixels (smaller images whole, quarters of fewer than 16; 256 of them, "
        + "evenly, of more), A / (mu + 3 sigma) of all true images held to 1";

    private const string ResNetTiles = Shown + ", as the 512 features of ImageNet's ResNet-18 (a network of "
        + "photographs; not Inception, so no FID): ";

    /// <summary>Distances by ResNet-18.</summary>
    public static IEnumerable<Measure> OfResNet() =>
    [
        .. Distances("resnet", ResNetGroup, ResNetTiles, MeasureNeeds.Network,
            look => [ResNet18.Length, .. look.ResNetLooks.SelectMany(l => l.Features.Select(f => (double)f))]),
        new()
        {
            Id = "perceptual", Group = ResNetGroup, Name = "perceptual", Format = "0.000",
            Definition = "LPIPS-like distance of those squares from the true ones, pair by pair: squared distances of "
                + "channels of unit norm, mean over positions, summed over five stages of ResNet-18; all weights 1, "
                + "not the learned ones of LPIPS. Speckle that is drawn anew is far from 0: see the floor.",
            Goal = new(0), Needs = MeasureNeeds.Pairs | MeasureNeeds.Network,
            Parts = look =>
            {
                var pairs = look.Truth.ResNetLooks.Zip(look.ResNetLooks).ToArray();
                return pairs.Length == 0 ? null : [pairs.Sum(p => ResNet18.Distance(p.First, p.Second)), pairs.Length];
            },
            Join = (_, own) => Measure.Sum(own) is var s ? s[0] / s[1] : 0,
        },
    ];

    /// <summary>Fréchet and kernel distance, density and coverage of any features.</summary>
    /// <param name="prefix">Begins the measures' ids.</param>
    /// <param name="group">Their group.</param>
    /// <param name="tiles">What the points are, with a colon at its end.</param>
    /// <param name="needs">What they need.</param>
    /// <param name="points">The length of a point, then points of an image, one behind the other.</param>
    public static IEnumerable<Measure> Distances(
        string prefix, string group, string tiles, MeasureNeeds needs, Func<SceneLook, double[]?> points)
    {
        yield return Of("frechet", "Fréchet", "squared Fréchet distance, biased upwards for few tiles, the more the "
            + "longer the vectors: compare only sets of one size, and with the floor.", new(0),
            (0, double.PositiveInfinity), "0.0", (sets, t, o) => sets.Frechet(t, o));
        yield return Of("kernel", "kernel", "kernel distance (cubic kernel), unbiased; below 0 where both show one "
            + "ground.", new(0), Measure.Signed, "0.000", (sets, t, o) => sets.Kernel(t, o));
        yield return Of("density", "density", "how many neighbourhoods of true tiles a tile lies in; the truth's is 1.",
            new(1, Ratio: true), (0, double.PositiveInfinity), "0.00",
            (sets, t, o) => sets.DensityAndCoverage(t, o).Density);
        yield return Of("coverage", "coverage", "true tiles in whose neighbourhood there is a tile.", new(1), (0, 1),
            "0.00", (sets, t, o) => sets.DensityAndCoverage(t, o).Coverage);

        Measure Of(string id, string name, string definition, Goal goal, (double, double) bounds, string format,
            Func<PointSets, int[], int[], double> distance) => new()
        {
            Id = $"{prefix}-{id}", Group = group, Name = name, Definition = tiles + definition, Goal = goal,
            Bounds = bounds, Format = format, Needs = needs, Parts = points,
            Prepare = (truth, own) =>
            {
                var sets = new PointSets(truth, own, MostTiles);
                return (t, o) => sets.IsEnough(t, o) ? distance(sets, t, o) : double.NaN;
            },
        };
    }

    /// <summary>Squares of an image as ResNet-18 is shown them: row-major, from 0 to 1.</summary>
    /// <param name="image">The image; NaN is black.</param>
    /// <param name="yardstick">What is white, and how many squares of one image are looked at.</param>
    public static (int Side, IReadOnlyList<float[]> Squares) Tiles(AmplitudeImage image, Yardstick yardstick)
    {
        var shorter = Math.Min(image.Rows, image.Columns);
        // Of few small images quarters are taken, so that there are some to compare.
        var side = shorter > LargestTile ? LargestTile
            : yardstick.Images < FewImages ? Math.Max(1, shorter / 2) : shorter;
        var white = (float)yardstick.Normalisation.Ceiling;
        return (side, [.. Squares(image, side, yardstick).Select(window => Array.ConvertAll(image.Crop(window).Pixels,
            a => float.IsNaN(a) ? 0 : Math.Clamp(a / white, 0, 1)))]);
    }

    /// <summary>Where squares of an image lie, side by side; of many some, evenly.</summary>
    public static IEnumerable<RasterWindow> Squares(AmplitudeImage image, int side, Yardstick yardstick)
    {
        int across = image.Columns / side, count = image.Rows / side * across;
        var taken = Math.Min(count, Math.Clamp(MostTiles / Math.Max(1, yardstick.Images), 1, MostOfAnImage));
        return Enumerable.Range(0, taken).Select(i => (int)((i + 0.5) * count / taken))
            .Select(at => new RasterWindow(at / across * side, at % across * side, side, side));
    }
}
