// The three measures by which arXiv 2506.13307 compares generated SAR images: amplitudes, texture, words.
using SarSynth.Radar.Images;
using SarSynth.Radar.Statistics;

namespace SarSynth.Evaluation;

/// <summary>What generated images measure against those of the test part.</summary>
/// <param name="AmplitudeKl">KL(truth || images) of pooled amplitudes A / (mu + 3 sigma), 64 bins on 0 to 1, nats; 0 is
/// equal.</param>
/// <param name="GlcmDistance">Mean over <see cref="StrategyJudge.Features"/> of the difference of means, in standard
/// deviations of the truth's tiles; 0 is equal.</param>
/// <param name="TextAlignment">Mean cosine of an image and its caption by the contrastive model, x 100; higher is
/// better.</param>
public sealed record StrategyMeasures(double AmplitudeKl, double GlcmDistance, double TextAlignment);

/// <summary>Measures images against true tiles.</summary>
public sealed class StrategyJudge
{
    private const int AmplitudeBins = 64, GlcmLevels = 32;

    private readonly Histogram amplitudes;
    private readonly (double Mean, double Deviation)[] texture;
    private readonly SarTextModel words;

    /// <summary>The features that the distance of textures is of; ours to choose, the paper names none.</summary>
    public static IReadOnlyList<GlcmFeature> Features { get; } =
    [
        GlcmFeature.Contrast, GlcmFeature.Dissimilarity, GlcmFeature.Homogeneity, GlcmFeature.Energy,
        GlcmFeature.Correlation, GlcmFeature.Entropy,
    ];

    /// <summary>Gathers what is true.</summary>
    /// <param name="truth">Tiles of the test part, amplitudes from 0 to 1, two or more.</param>
    /// <param name="words">The contrastive model; stays the caller's.</param>
    public StrategyJudge(IReadOnlyList<AmplitudeImage> truth, SarTextModel words)
    {
        if (truth.Count < 2)
            throw new ArgumentException($"truth: found {truth.Count} tiles, expected two or more.", nameof(truth));
        this.words = words;
        amplitudes = Amplitudes(truth);
        var each = truth.Select(Texture).ToList();
        texture = [.. Features.Select((_, f) =>
        {
            var mean = each.Average(t => t[f]);
            return (mean, Math.Sqrt(each.Sum(t => (t[f] - mean) * (t[f] - mean)) / (each.Count - 1)));
        })];
    }

    /// <summary>Measures images.</summary>
    /// <param name="images">Amplitudes from 0 to 1.</param>
    /// <param name="captions">What each was asked to show.</param>
    public StrategyMeasures Measure(IReadOnlyList<AmplitudeImage> images, IReadOnlyList<string> captions)
    {
        var each = images.Select(Texture).ToList();
        var distance = texture.Select((t, f) =>
            Math.Abs(each.Average(e => e[f]) - t.Mean) / Math.Max(t.Deviation, 1e-12)).Average();
        return new(Distance.KullbackLeibler(amplitudes, Amplitudes(images)).Value, distance,
            words.Score(images, captions));
    }

    // One bin less over 0 to 1, so that what is clipped to 1 has a bin of its own.
    private static Histogram Amplitudes(IReadOnlyList<AmplitudeImage> images) => Histogram.Linear(
        images.SelectMany(i => i.Pixels).ToArray(), AmplitudeBins, 0, AmplitudeBins / (AmplitudeBins - 1.0));

    private static double[] Texture(AmplitudeImage image)
    {
        var levels = Glcm.Quantise(image.Pixels, GlcmLevels, 0, 1);
        var matrices = Glcm.Compute(levels, image.Rows, image.Columns, GlcmLevels, [1], Glcm.FourAngles);
        var features = GlcmFeatures.Average(matrices.Cast<Cooccurrence>().Select(m => m.Features()));
        return [.. Features.Select(f => features[f])];
    }
}
