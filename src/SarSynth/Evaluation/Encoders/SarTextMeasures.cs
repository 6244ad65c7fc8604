// Measures by a contrastive model of SAR images and words: its image features, alignment, and retrieval.
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;

namespace SarSynth.Evaluation;

/// <summary>All captions of a table as the model sees them.</summary>
/// <param name="Model">The model.</param>
/// <param name="Captions">Different captions.</param>
internal sealed record Words(SarTextModel Model, IReadOnlyList<string> Captions);

/// <summary>Measures by words.</summary>
internal static class SarTextMeasures
{
    private const string Group = "SAR-text features";

    private const string Tiles = "Squares of the model's size (256 of them, evenly, of more), A / (mu + 3 sigma) of "
        + "all true images held to 1, as the image features of the SAR-text model that was given, of unit norm: ";

    private const string Whole = "Whole images (the middle square of others), A / (mu + 3 sigma) of all true images "
        + "held to 1, and their captions by the SAR-text model that was given: ";

    /// <summary>All of them.</summary>
    public static IEnumerable<Measure> All()
    {
        foreach (var measure in EncoderMeasures.Distances("words", Group, Tiles, MeasureNeeds.Words, Features))
            yield return measure with { Format = measure.Id == "words-frechet" ? "0.000" : measure.Format };
        yield return new()
        {
            Id = "words-alignment", Group = Group, Name = "image and caption", Format = "0.0",
            Definition = Whole + "mean cosine of an image and its own, times 100; beside it, how near true images "
                + "come.",
            Goal = new(100), Bounds = (-100, 100), Needs = MeasureNeeds.Words | MeasureNeeds.Captions, Parts = Ranks,
            Join = (_, own) => Measure.Sum(own) is var s ? 100 * s[1] / s[0] : 0,
        };
        foreach (var (k, at) in new[] { (1, 2), (5, 3), (10, 4) })
            yield return new()
            {
                Id = $"retrieval-{k}", Group = Group, Name = $"retrieval@{k}", Unit = "%", Format = "0.0",
                Definition = Whole + $"images whose own caption is among the nearest {k} of all different ones.",
                Goal = new(100), Bounds = (0, 100), Needs = MeasureNeeds.Words | MeasureNeeds.Captions, Parts = Ranks,
                Join = (_, own) => Measure.Sum(own) is var s ? 100 * s[at] / s[0] : 0,
            };
    }

    /// <summary>An image's cosines with all captions.</summary>
    public static double[] Cosines(SceneLook look)
    {
        var words = look.Yardstick.Words!;
        var side = Math.Min(look.Rows, look.Columns);
        var window = new RasterWindow((look.Rows - side) / 2, (look.Columns - side) / 2, side, side);
        var cosines = words.Model.Cosines([Grey(look.Image.Crop(window), look.Yardstick)], words.Captions);
        return [.. Enumerable.Range(0, words.Captions.Count).Select(c => cosines[0, c])];
    }

    private static double[]? Features(SceneLook look)
    {
        if (look.Yardstick.Words is not { } words)
            return null;
        var own = (int)words.Model.Clip.Config.Vision.ImageSize;
        var side = Math.Min(own, Math.Min(look.Rows, look.Columns));
        var squares = EncoderMeasures.Squares(look.Image, side, look.Yardstick)
            .Select(w => Grey(look.Image.Crop(w), look.Yardstick)).ToArray();
        var vectors = words.Model.Features(squares);
        return [vectors[0].Length, .. vectors.SelectMany(v => v)];
    }

    // One, the cosine with the own caption, and whether that is among the nearest 1, 5 and 10.
    private static double[]? Ranks(SceneLook look)
    {
        if (look.Yardstick.Words is not { } words || look.Caption is not { } caption)
            return null;
        var (cosines, own) = (look.Cosines, words.Captions.ToList().IndexOf(caption));
        // Ties are no success.
        var before = cosines.Where((c, i) => i != own && c >= cosines[own]).Count();
        return [1, cosines[own], before < 1 ? 1 : 0, before < 5 ? 1 : 0, before < 10 ? 1 : 0];
    }

    private static AmplitudeImage Grey(AmplitudeImage image, Yardstick yardstick)
    {
        var white = (float)yardstick.Normalisation.Ceiling;
        return new(image.Rows, image.Columns, Array.ConvertAll(image.Pixels, a => float.IsNaN(a) ? 0
            : Math.Clamp(a / white, 0, 1)));
    }
}
