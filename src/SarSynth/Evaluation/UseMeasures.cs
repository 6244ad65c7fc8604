// Of what use images are: what is learnt from them and tried on true ones, and the reverse, against true on true.
using SarSynth.Data;
using SarSynth.Radar.Images;

namespace SarSynth.Evaluation;

/// <summary>Classes of ground, pixel by pixel, on the true image's grid.</summary>
/// <param name="Classes">Class of each pixel from 0 on, row-major; <see cref="None"/> where there is none.</param>
public sealed record ClassMap(byte[] Classes)
{
    /// <summary>No class.</summary>
    public const byte None = 255;
}

/// <summary>
/// What classifiers call the pixels or squares of a scene, [true x called] row by row: trained on the other scenes'
/// images and asked about the true one, trained on the other true ones and asked about the image, and about the true
/// one.
/// </summary>
internal sealed record UseOfScene(double[] TrainedOn, double[] TriedOn, double[] True);

/// <summary>Both tasks of a scene; null where no class could be learnt.</summary>
internal sealed record SceneUse(UseOfScene? Pixels, UseOfScene? Squares);

/// <summary>Measures of use.</summary>
internal static class UseMeasures
{
    private const string Group = "use";

    private const int LargestSide = 32, SmallestSide = 8;

    // Of a square that belongs to a class this share of the pixels does.
    private const double Most = 0.6;

    private const string How = "Classes with normal laws of SAR features, each scene by what is learnt from the "
        + "others. ";

    private const string Pixels = How + "Every fourth pixel (logarithms of means in windows of 3 to 63, deviations of "
        + "ln I in 7 to 31), mean intersection over union: ";

    private const string Squares = How + "Squares of 32 pixels (an eighth of the shorter side, 8 or more, of smaller "
        + "images) of which 60 % are one class (nine statistics), mean recall: ";

    private const string Trained = "trained on the images and tried on the true ones, over trained on true ones.";

    private const string Tried = "trained on true images and tried on the images, over tried on true ones.";

    /// <summary>All of them.</summary>
    public static IEnumerable<Measure> All() =>
    [
        Of("use-segment-train", "segmenter, trained on", Pixels + Trained, u => u.Pixels, u => u.TrainedOn, Overlap),
        Of("use-segment-test", "segmenter, tried on", Pixels + Tried, u => u.Pixels, u => u.TriedOn, Overlap),
        Of("use-classify-train", "classifier, trained on", Squares + Trained, u => u.Squares, u => u.TrainedOn, Recall),
        Of("use-classify-test", "classifier, tried on", Squares + Tried, u => u.Squares, u => u.TriedOn, Recall),
    ];

    /// <summary>Learns and tries, scene by scene.</summary>
    /// <param name="scenes">Two or more, each with a class map.</param>
    /// <param name="made">Images of the same grids.</param>
    /// <param name="yardstick">Units.</param>
    public static IReadOnlyList<SceneUse> Study(
        IReadOnlyList<TruthScene> scenes, IReadOnlyList<AmplitudeImage> made, Yardstick yardstick)
    {
        var classes = scenes.Max(s => s.Map!.Classes.Max(c => c == ClassMap.None ? -1 : c)) + 1;
        var maps = scenes.Select(s => s.Map!.Classes).ToArray();
        var (pixels, ofPixels) = (Examples(scenes.Select(s => s.Airborne), OfPixels), Examples(made, OfPixels));
        var (squares, ofSquares) = (Examples(scenes.Select(s => s.Airborne), OfSquares), Examples(made, OfSquares));
        return [.. pixels.Zip(ofPixels).Select((_, s) => new SceneUse(
            Confusions(pixels, ofPixels, s, classes), Confusions(squares, ofSquares, s, classes)))];

        (int Class, double[] Values)[][] Examples(IEnumerable<AmplitudeImage> images,
            Func<AmplitudeImage, byte[], IEnumerable<(int, double[])>> of) =>
            [.. images.Zip(maps, (image, map) => of(image, map).ToArray())];

        IEnumerable<(int, double[])> OfPixels(AmplitudeImage image, byte[] map)
        {
            // Units of the true images' power, so that a darkest value has a meaning.
            var scale = (float)(1 / Math.Sqrt(yardstick.Power));
            var scaled = new AmplitudeImage(image.Rows, image.Columns, Array.ConvertAll(image.Pixels, a => a * scale));
            return GroundClassifier.Features(scaled).Where(f => map[f.At] != ClassMap.None)
                .Select(f => ((int)map[f.At], f.Values));
        }

        IEnumerable<(int, double[])> OfSquares(AmplitudeImage image, byte[] map)
        {
            var look = new SceneLook(new("", image), image, yardstick);
            var side = Math.Clamp(Math.Min(image.Rows, image.Columns) / 8, SmallestSide, LargestSide);
            for (var r = 0; r + side <= image.Rows; r += side)
                for (var c = 0; c + side <= image.Columns; c += side)
                    if (ClassOf(map, image.Columns, r, c, side) is { } which)
                        yield return (which, FeatureMeasures.Tile(look, r, c, side));
        }
    }

    private static int? ClassOf(byte[] map, int columns, int top, int left, int side)
    {
        var counts = new int[256];
        for (var r = top; r < top + side; r++)
            for (var c = left; c < left + side; c++)
                counts[map[r * columns + c]]++;
        var most = Array.IndexOf(counts, counts.Max());
        return most != ClassMap.None && counts[most] >= Most * side * side ? most : null;
    }

    private static UseOfScene? Confusions((int Class, double[] Values)[][] truth, (int Class, double[] Values)[][] made,
        int scene, int classes)
    {
        if (Learnt(truth) is not { } fromTruth || Learnt(made) is not { } fromMade)
            return null;
        return new(Count(fromMade, truth[scene]), Count(fromTruth, made[scene]), Count(fromTruth, truth[scene]));

        QuadraticDiscriminant? Learnt((int Class, double[] Values)[][] images)
        {
            var others = images.Where((_, s) => s != scene).SelectMany(e => e).ToArray();
            return QuadraticDiscriminant.OfThoseThereAre([.. others.Select(e => e.Values)],
                [.. others.Select(e => e.Class)], classes);
        }

        double[] Count(QuadraticDiscriminant learnt, (int Class, double[] Values)[] examples)
        {
            var counts = new double[classes * classes];
            foreach (var (which, values) in examples)
                if (learnt.Knows(which))
                    counts[which * classes + learnt.Classify(values)]++;
            return counts;
        }
    }

    private static Measure Of(string id, string name, string definition, Func<SceneUse, UseOfScene?> task,
        Func<UseOfScene, double[]> part, Func<double[], double> score) => new()
    {
        Id = id, Group = Group, Name = name, Definition = definition, Goal = new(1, Ratio: true),
        Needs = MeasureNeeds.Pairs | MeasureNeeds.Classes,
        Parts = look => look.Use is { } use && task(use) is { } found ? [.. part(found), .. found.True]
            : look.Truth == look ? [0] : null,
        Join = (_, own) => Measure.Sum(own) is var s ? score(s[..(s.Length / 2)]) / score(s[(s.Length / 2)..]) : 0,
    };

    private static double Overlap(double[] confusion)
    {
        var k = (int)Math.Sqrt(confusion.Length);
        return Mean(k, i => (confusion[i * k + i], Enumerable.Range(0, k).Sum(j => confusion[i * k + j]
            + confusion[j * k + i]) - confusion[i * k + i]), confusion);
    }

    private static double Recall(double[] confusion)
    {
        var k = (int)Math.Sqrt(confusion.Length);
        return Mean(k, i => (confusion[i * k + i], confusion.AsSpan(i * k, k).ToArray().Sum()), confusion);
    }

    // Over the classes that the truth shows.
    private static double Mean(int k, Func<int, (double Hits, double All)> of, double[] confusion)
    {
        double[] shares = [.. Enumerable.Range(0, k).Where(i => confusion.AsSpan(i * k, k).ToArray().Sum() > 0)
            .Select(i => of(i) is var (hits, all) ? hits / all : 0)];
        return shares.Length == 0 ? double.NaN : shares.Average();
    }
}
