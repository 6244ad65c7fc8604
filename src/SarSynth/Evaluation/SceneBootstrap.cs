// What a measure says of scenes drawn again and again from those there are: Efron and Tibshirani (1993), ch. 13.
using MathNet.Numerics.Random;

namespace SarSynth.Evaluation;

/// <summary>A measure with its interval over scenes.</summary>
/// <remarks>
/// Scenes, never pixels, are drawn: neighbouring pixels are not independent. The interval of a worst scene is one of
/// the worst among scenes like these, and reaches no further than they do.
/// </remarks>
internal sealed class SceneBootstrap
{
    // Of three scenes, one draw in nine shows a single one: no interval that decides anything.
    private const int EnoughToDecide = 4;

    private readonly (double Nearest, double Farthest) distance = (double.NaN, double.NaN);

    /// <summary>Joins and draws.</summary>
    /// <param name="measure">The measure.</param>
    /// <param name="truth">Sums of the true images; null where a scene has none.</param>
    /// <param name="own">Sums of the others.</param>
    /// <param name="truthDraws">Indices of scenes, draw by draw.</param>
    /// <param name="ownDraws">Those of the others: the same draws where scenes are pairs.</param>
    public SceneBootstrap(Measure measure, double[]?[] truth, double[]?[] own, int[][] truthDraws, int[][] ownDraws)
    {
        var isPaired = ReferenceEquals(truthDraws, ownDraws);
        var join = Joiner(measure, truth, own);
        int[] allTruth = [.. Enumerable.Range(0, truth.Length)], allOwn = [.. Enumerable.Range(0, own.Length)];
        Value = join(allTruth, allOwn);
        Scenes = [.. own.Select((part, s) => part is null ? null : Finite(join(isPaired ? [s] : allTruth, [s])))];
        var count = own.Count(p => p is not null);
        if (count < 2)
            return;
        var values = new double[truthDraws.Length];
        Parallel.For(0, values.Length, d => values[d] = join(truthDraws[d], ownDraws[d]));
        double[][] jackknife = isPaired ? [Without(allOwn, left => join(left, left))]
            : [Without(allTruth, left => join(left, allOwn)), Without(allOwn, left => join(allTruth, left))];
        Interval = BootstrapInterval.Of(Value, values, jackknife).Within(measure.Bounds);
        if (count >= EnoughToDecide)
            distance = measure.Goal.Distances(Interval.Lower, Interval.Upper);
    }

    /// <summary>The value of some scenes, of the true images' and of the others'; NaN where there is none.</summary>
    public static Func<int[], int[], double> Joiner(Measure measure, double[]?[] truth, double[]?[] own) =>
        measure.Prepare?.Invoke(truth, own)
            ?? ((t, o) => Join(measure, [.. t.Select(s => truth[s])], [.. o.Select(s => own[s])]));

    /// <summary>The value over all scenes; NaN where there is none.</summary>
    public double Value { get; }

    /// <summary>The 95 % interval; NaN for fewer than two scenes.</summary>
    public BootstrapInterval Interval { get; } = BootstrapInterval.None;

    /// <summary>The value of each scene alone.</summary>
    public IReadOnlyList<double?> Scenes { get; }

    /// <summary>Draws of scenes with replacement, the same each time.</summary>
    /// <param name="count">How many scenes there are.</param>
    /// <param name="draws">How often all are drawn.</param>
    /// <param name="stream">Name of the stream of random numbers.</param>
    public static int[][] Draw(int count, int draws, string stream)
    {
        var random = new MersenneTwister(stream.Aggregate(1, (hash, c) => unchecked(31 * hash + c)), threadSafe: false);
        return [.. Enumerable.Range(0, draws).Select(_ =>
            Enumerable.Range(0, count).Select(_ => random.Next(count)).ToArray())];
    }

    /// <summary>How this stands to another: decided only where the intervals of the distances do not overlap.</summary>
    public Verdict Against(SceneBootstrap other) => distance.Farthest < other.distance.Nearest ? Verdict.Better
        : distance.Nearest > other.distance.Farthest ? Verdict.Worse : Verdict.Undecided;

    private static double Join(Measure measure, double[]?[] truth, double[]?[] own) =>
        Parts(own) is { Count: > 0 } there && Parts(truth) is var known
            && (known.Count > 0 || measure.Needs.HasFlag(MeasureNeeds.Seeds)) ? measure.Join(known, there) : double.NaN;

    private static double[] Without(int[] all, Func<int[], double> value) => all.Length < 2 ? []
        : [.. all.Select(left => value([.. all.Where(s => s != left)]))];

    private static List<double[]> Parts(double[]?[] parts) => [.. parts.OfType<double[]>()];

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;
}
