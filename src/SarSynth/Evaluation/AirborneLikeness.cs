// How airborne-like an image is: its SAR statistics against those of airborne images of the same ground.
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Simulation;
using SarSynth.Radar.Statistics;

namespace SarSynth.Evaluation;

/// <summary>Images of one maker: a model, a baseline, an airborne sensor.</summary>
/// <param name="Name">Name shown in tables and plots.</param>
/// <param name="Images">One for each place.</param>
public sealed record Candidate(string Name, IReadOnlyList<AmplitudeImage> Images)
{
    /// <summary>
    /// For each place, images of several seeds of <see cref="TruthScene.Middle"/>; null where there are none.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<AmplitudeImage>>? Seeds { get; init; }

    /// <summary>For each image what it was asked to show; null where nothing is said, or the scenes say it.</summary>
    public IReadOnlyList<string?>? Captions { get; init; }
}

/// <summary>One row of the comparison.</summary>
/// <param name="Name">The candidate.</param>
/// <param name="AmplitudeKl">KL(truth || candidate) of the pooled amplitude histograms, nats; 0 is equal.</param>
/// <param name="AmplitudeKlReverse">KL(candidate || truth), nats.</param>
/// <param name="Wasserstein">
/// Wasserstein-1 distance of pooled amplitudes, in units of the truth's mean amplitude.
/// </param>
/// <param name="EnlHomogeneous">ENL pooled over the windows that are homogeneous in the truth.</param>
/// <param name="MeanPowerError">Mean intensity against the truth's, dB.</param>
/// <param name="GlcmContrast">GLCM contrast (distance 1, four angles), mean over images.</param>
/// <param name="GlcmHomogeneity">GLCM homogeneity, likewise.</param>
public sealed record LikenessRow(
    string Name,
    Estimate AmplitudeKl,
    Estimate AmplitudeKlReverse,
    Estimate Wasserstein,
    Estimate EnlHomogeneous,
    double MeanPowerError,
    double GlcmContrast,
    double GlcmHomogeneity);

/// <summary>The comparison of candidates with airborne images, the truth: measured or simulated ones.</summary>
/// <param name="Reference">The truth's own row.</param>
/// <param name="Rows">One row a candidate, in the given order.</param>
/// <param name="HomogeneousWindows">Number of windows that the ENL rests on.</param>
/// <param name="Normalisation">The truth's normalisation A / (mu + 3 sigma), with which all GLCMs were made.</param>
public sealed record LikenessTable(
    LikenessRow Reference, IReadOnlyList<LikenessRow> Rows, int HomogeneousWindows, ClippedNormalisation Normalisation);

/// <summary>Statistics of candidates against airborne images of the same ground.</summary>
public static class AirborneLikeness
{
    /// <summary>Grey levels of the GLCMs.</summary>
    public const int GlcmLevels = 32;

    /// <summary>
    /// Bins of the amplitude histograms, from 0 to the truth's mu + 3 sigma; the last bin holds all above.
    /// </summary>
    public const int HistogramBins = 128;

    /// <summary>Side of the homogeneous windows, pixels.</summary>
    public const int Window = 16;

    /// <summary>Compares.</summary>
    /// <param name="truth">Airborne images, at least one, and what they are called.</param>
    /// <param name="candidates">Images of the same ground in the same order; any number of makers.</param>
    /// <exception cref="ArgumentException">
    /// No true image, or a candidate whose images differ from the true ones in number or size.
    /// </exception>
    public static LikenessTable Compare(Candidate truth, IReadOnlyList<Candidate> candidates)
    {
        if (truth.Images.Count == 0)
            throw new ArgumentException($"'{truth.Name}': found no image to compare with, expected at least one.");
        foreach (var candidate in candidates)
            CheckSizes(truth, candidate);

        var pooled = Pool(truth.Images);
        var normalisation = new NormalisationFit().Add(pooled).Clipped();
        var windows = truth.Images
            .Select(i => Enl.Homogeneous(i.ToIntensity().Pixels, i.Rows, i.Columns, Window).Chosen).ToList();
        var reference = Measure(truth, pooled, normalisation, windows);
        return new(reference, [.. candidates.Select(c => Measure(c, pooled, normalisation, windows))],
            windows.Sum(w => w.Count), normalisation);
    }

    private static LikenessRow Measure(
        Candidate candidate, float[] truth, ClippedNormalisation normalisation,
        IReadOnlyList<IReadOnlyList<HomogeneousWindow>> windows)
    {
        var own = Pool(candidate.Images);
        var (p, q) = (AmplitudeHistogram(truth, normalisation), AmplitudeHistogram(own, normalisation));
        var glcm = candidate.Images.Select(image => Texture(image, normalisation)).ToList();
        return new(
            candidate.Name,
            Distance.KullbackLeibler(p, q),
            Distance.KullbackLeibler(q, p),
            RelativeWasserstein(truth, own),
            PooledEnl(candidate.Images, windows),
            10 * Math.Log10(MeanPower(own) / MeanPower(truth)),
            glcm.Average(g => g.Contrast),
            glcm.Average(g => g.Homogeneity));
    }

    /// <summary>The histogram of A / (mu + 3 sigma) clipped to [0, 1]: what KL divergences are computed on.</summary>
    /// <param name="amplitudes">Linear amplitudes; NaN is left out.</param>
    /// <param name="normalisation">The truth's normalisation.</param>
    public static Histogram AmplitudeHistogram(ReadOnlySpan<float> amplitudes, ClippedNormalisation normalisation)
    {
        var normalised = new float[amplitudes.Length];
        normalisation.Apply(amplitudes, normalised);
        // One bin less over [0, 1], so that the clipped value 1 begins a bin of its own.
        return Histogram.Linear(normalised, HistogramBins, 0, HistogramBins / (HistogramBins - 1.0));
    }

    private static float[] Pool(IEnumerable<AmplitudeImage> images) => [.. images.SelectMany(image => image.Pixels)];

    private static double MeanPower(float[] amplitudes)
    {
        var (sum, count) = (0.0, 0L);
        foreach (var a in amplitudes)
        {
            if (float.IsNaN(a))
                continue;
            sum += (double)a * a;
            count++;
        }
        return sum / count;
    }

    private static Estimate RelativeWasserstein(float[] truth, float[] own)
    {
        var scale = (float)(1 / Moments.Of(truth).Mean.Value);
        return Distance.Wasserstein1(Array.ConvertAll(truth, a => a * scale), Array.ConvertAll(own, a => a * scale));
    }

    private static Estimate PooledEnl(
        IReadOnlyList<AmplitudeImage> images, IReadOnlyList<IReadOnlyList<HomogeneousWindow>> windows)
    {
        // Each window's pixels over their own mean: brightness may differ from window to window, speckle may not.
        var pooled = new List<float>();
        for (var i = 0; i < images.Count; i++)
        {
            var intensity = images[i].ToIntensity().Pixels;
            foreach (var w in windows[i])
            {
                var own = new float[w.Size * w.Size];
                for (var r = 0; r < w.Size; r++)
                    intensity.AsSpan((w.Row + r) * images[i].Columns + w.Column, w.Size).CopyTo(own.AsSpan(r * w.Size));
                var mean = own.Average();
                pooled.AddRange(own.Select(v => v / mean));
            }
        }
        return pooled.Count == 0
            ? Estimate.Undefined("no window of the true images is homogeneous", 0, "ENL by moments")
            : Enl.ByMoments(pooled.ToArray());
    }

    private static (double Contrast, double Homogeneity) Texture(AmplitudeImage image,
        ClippedNormalisation normalisation)
    {
        var mask = new bool[image.Pixels.Length];
        var levels = Glcm.Quantise(image.Pixels, GlcmLevels, 0, normalisation.Ceiling, mask);
        var matrices = Glcm.Compute(levels, image.Rows, image.Columns, GlcmLevels, [1], Glcm.FourAngles, mask: mask);
        var features = GlcmFeatures.Average(matrices.Cast<Cooccurrence>().Select(m => m.Features()));
        return (features[GlcmFeature.Contrast], features[GlcmFeature.Homogeneity]);
    }

    private static void CheckSizes(Candidate truth, Candidate candidate)
    {
        var (expected, found) = (truth.Images, candidate.Images);
        if (found.Count != expected.Count)
            throw new ArgumentException(
                $"candidate '{candidate.Name}': found {found.Count} images, expected {expected.Count}.");
        for (var i = 0; i < expected.Count; i++)
            if (found[i].Rows != expected[i].Rows || found[i].Columns != expected[i].Columns)
                throw new ArgumentException($"candidate '{candidate.Name}', image {i}: found {found[i].Rows} x "
                    + $"{found[i].Columns}, expected {expected[i].Rows} x {expected[i].Columns} of '{truth.Name}'.");
    }
}
