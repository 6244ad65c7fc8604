// Tells classes of ground apart in an airborne image, pixel by pixel: trained on true images, asked about others.
using SarSynth.Data;
using SarSynth.Radar.Images;
using SarSynth.Radar.Statistics;

namespace SarSynth.Evaluation;

/// <summary>A classifier of fields, trees, paved ground, built ground and water.</summary>
/// <remarks>
/// Features of a pixel: logarithms of the mean intensity in windows of 3, 7, 15, 31 and 63 pixels, and the
/// standard deviation of ln intensity in 7, 15 and 31. Gaussian classes with equal priors.
/// </remarks>
public sealed class GroundClassifier
{
    /// <summary>First seed of the scenes that it is trained on; none of them is judged by.</summary>
    public const ulong FirstSeed = 8_900_001;

    /// <summary>Classes that are told apart: the first of <see cref="GroundClass"/>.</summary>
    public const int Classes = 5;

    // Neighbouring pixels show the same ground: every fourth in both axes is looked at.
    private const int Step = 4;

    // -60 dB of sigma nought: far below any sensor's noise.
    private const float Darkest = 1e-6f;

    private static readonly int[] meanWindows = [3, 7, 15, 31, 63], deviationWindows = [7, 15, 31];

    private readonly QuadraticDiscriminant discriminant;

    private GroundClassifier(QuadraticDiscriminant discriminant) => this.discriminant = discriminant;

    /// <summary>Trains on true images.</summary>
    /// <param name="scenes">Scenes whose ground is known, with all classes among them.</param>
    /// <exception cref="ArgumentException">A scene's ground is not known, or a class is missing.</exception>
    public static GroundClassifier Train(IReadOnlyList<TruthScene> scenes)
    {
        List<double[]> features = [];
        List<int> classes = [];
        foreach (var scene in Progress.Over("training a classifier of ground", scenes, s => s.Name))
        {
            var ground = scene.Ground
                ?? throw new ArgumentException($"scene '{scene.Name}': found no ground truth, expected it.");
            foreach (var (at, values) in Features(scene.Airborne))
            {
                if (ground.Classes[at] >= Classes)
                    continue;
                features.Add(values);
                classes.Add(ground.Classes[at]);
            }
        }
        return new(QuadraticDiscriminant.Fit(features, classes, Classes));
    }

    /// <summary>
    /// How often a pixel of each true class was called each class, [true x called], row
    /// by row; pixels of no class are left out.
    /// </summary>
    /// <param name="image">The image that is asked about.</param>
    /// <param name="ground">The truth.</param>
    public double[] Confusion(AmplitudeImage image, GroundTruth ground)
    {
        var counts = new double[Classes * Classes];
        foreach (var (at, values) in Features(image))
        {
            if (ground.Classes[at] < Classes)
                counts[ground.Classes[at] * Classes + discriminant.Classify(values)]++;
        }
        return counts;
    }

    /// <summary>Mean over the classes that there are of the share called by its own name.</summary>
    /// <param name="confusion">Of <see cref="Confusion(AmplitudeImage, GroundTruth)"/>, or sums of such.</param>
    public static double MeanRecall(double[] confusion)
    {
        var (sum, count) = (0.0, 0);
        for (var k = 0; k < Classes; k++)
        {
            var all = confusion.AsSpan(k * Classes, Classes).ToArray().Sum();
            if (all > 0)
                (sum, count) = (sum + confusion[k * Classes + k] / all, count + 1);
        }
        return sum / count;
    }

    internal double[] Confusion(SceneLook look) => Confusion(look.Image, look.Scene.Ground!);

    /// <summary>Features of every fourth pixel along both axes.</summary>
    /// <param name="image">Amplitudes whose intensity is a sigma nought, or of a mean of about 1.</param>
    internal static IEnumerable<(int At, double[] Values)> Features(AmplitudeImage image)
    {
        int rows = image.Rows, columns = image.Columns;
        float[] intensity = Array.ConvertAll(image.Pixels, a => float.IsFinite(a) ? a * a : 0);
        float[] logs = Array.ConvertAll(intensity, i => MathF.Log(MathF.Max(i, Darkest)));
        float[][] means = [.. meanWindows.Select(w => LocalStatistics.Mean(intensity, rows, columns, w))];
        double[][] variances = [.. deviationWindows.Select(w =>
            LocalStatistics.MeanAndVariance(logs, rows, columns, w).Variance)];
        for (var row = Step / 2; row < rows; row += Step)
        {
            for (var column = Step / 2; column < columns; column += Step)
            {
                var i = row * columns + column;
                yield return (i, [.. means.Select(m => Math.Log(Math.Max(m[i], Darkest))),
                    .. variances.Select(v => Math.Sqrt(v[i]))]);
            }
        }
    }
}
