// What a measure says of scenes drawn again and again from those there are: Efron and Tibshirani (1993), ch. 13.
using MathNet.Numerics.Random;

namespace SarSynth.Evaluation;

/// <summary>A measure with its percentile interval over scenes.</summary>
/// <remarks>
/// Scenes, never pixels, are drawn: neighbouring pixels are not independent. The interval of a worst scene is one of
/// the worst among scenes like these, and reaches no further than they do.
/// </remarks>
internal sealed class SceneBootstrap
{
    private const double Tail = 0.025;

    // Of three scenes, one draw in nine shows a single one: no interval that decides anything.
    private const int EnoughToDecide = 4;

    private readonly (double Lower, double Upper) distance;

    /// <summary>Joins and draws.</summary>
    /// <param name="measure">The measure.</param>
    /// <param name="truth">Sums of the true images; null where a scene has none.</param>
    /// <param name="own">Sums of the others.</param>
    /// <param name="truthDraws">Indices of scenes, draw by draw.</param>
    /// <param name="ownDraws">Those of the others: the same draws where scenes are pairs.</param>
    public SceneBootstrap(Measure measure, double[]?[] truth, double[]?[] own, int[][] truthDraws, int[][] ownDraws)
    {
        Value = Join(measure, truth, own);
        var isPaired = ReferenceEquals(truthDraws, ownDraws);
        Scenes = [.. own.Select((part, s) => part is null ? null
            : Finite(measure.Join(isPaired ? Parts([truth[s]]) : Parts(truth), [part])))];
        if (own.Count(p => p is not null) < 2)
        {
            Interval = distance = (double.NaN, double.NaN);
            return;
        }
        var values = new double[truthDraws.Length];
        Parallel.For(0, values.Length, d => values[d] = Join(measure, [.. truthDraws[d].Select(s => truth[s])],
            [.. ownDraws[d].Select(s => own[s])]));
        Interval = Percentiles([.. values]);
        distance = own.Count(p => p is not null) < EnoughToDecide ? (double.NaN, double.NaN)
            : Percentiles([.. values.Select(measure.Goal.Distance)]);
    }

    /// <summary>The value over all scenes; NaN where there is none.</summary>
    public double Value { get; }

    /// <summary>The 95 % interval; NaN for fewer than two scenes.</summary>
    public (double Lower, double Upper) Interval { get; }

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
    public Verdict Against(SceneBootstrap other) => distance.Upper < other.distance.Lower ? Verdict.Better
        : distance.Lower > other.distance.Upper ? Verdict.Worse : Verdict.Undecided;

    private static double Join(Measure measure, double[]?[] truth, double[]?[] own) =>
        Parts(own) is { Count: > 0 } there && Parts(truth) is var known
            && (known.Count > 0 || measure.Needs.HasFlag(MeasureNeeds.Seeds)) ? measure.Join(known, there) : double.NaN;

    private static List<double[]> Parts(double[]?[] parts) => [.. parts.OfType<double[]>()];

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;

    private static (double Lower, double Upper) Percentiles(double[] values)
    {
        double[] sorted = [.. values.Where(v => !double.IsNaN(v)).Order()];
        return sorted.Length == 0 ? (double.NaN, double.NaN) : (At(Tail), At(1 - Tail));

        double At(double share)
        {
            var place = share * (sorted.Length - 1);
            var below = (int)place;
            return below + 1 < sorted.Length && sorted[below] != sorted[below + 1]
                ? sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]) : sorted[below];
        }
    }
}
