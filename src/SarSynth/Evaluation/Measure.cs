// One row of the table: what is summed over a scene, how scenes are joined into a number, and what it should be.
using System.Globalization;

namespace SarSynth.Evaluation;

/// <summary>What a measure needs beside the images that are judged and the true ones.</summary>
[Flags]
public enum MeasureNeeds
{
    /// <summary>Nothing: two heaps of images will do.</summary>
    Nothing = 0,

    /// <summary>Each image has a true one of the same ground.</summary>
    Pairs = 1,

    /// <summary>The ground behind the true image.</summary>
    Ground = 2,

    /// <summary>The satellite's image.</summary>
    Satellite = 4,

    /// <summary>Images of several seeds.</summary>
    Seeds = 8,

    /// <summary>Images that a model was trained on.</summary>
    Training = 16,

    /// <summary><see cref="ResNet18"/>.</summary>
    Network = 32,

    /// <summary>A <see cref="SarTextModel"/>.</summary>
    Words = 64,

    /// <summary>Captions of the images.</summary>
    Captions = 128,

    /// <summary>A class map of each true image.</summary>
    Classes = 256,
}

/// <summary>What a measure should be.</summary>
/// <param name="Ideal">The value of a perfect image.</param>
/// <param name="Least">The least that is good enough; null for none.</param>
/// <param name="Most">The most that is good enough; null for none.</param>
/// <param name="Ratio">Whether distance from the ideal is one of ratios: twice is as far as half.</param>
public sealed record Goal(double Ideal, double? Least = null, double? Most = null, bool Ratio = false)
{
    /// <summary>Whether a value is good enough; null where no goal is set or there is no value.</summary>
    public bool? Meets(double value) => Least is null && Most is null || double.IsNaN(value) ? null
        : !(value < Least) && !(value > Most);

    /// <summary>How far a value is from the ideal, 0 or more.</summary>
    public double Distance(double value) =>
        Ratio ? Math.Abs(Math.Log(value / Ideal)) : Math.Abs(value - Ideal);

    /// <summary>The least and the largest distance of what lies between two values.</summary>
    public (double Nearest, double Farthest) Distances(double lower, double upper)
    {
        if (double.IsNaN(lower + upper))
            return (double.NaN, double.NaN);
        // A ratio that may be 0 or less is as far as can be.
        double a = Of(lower), b = Of(upper);
        return (lower <= Ideal && upper >= Ideal ? 0 : Math.Min(a, b), Math.Max(a, b));

        double Of(double value) => Ratio && value <= 0 ? double.PositiveInfinity : Distance(value);
    }

    /// <summary>The goal in a few letters: "≤ 0.003", "0.7–1.5", "≥ 0.87"; empty for none.</summary>
    public override string ToString() => (Least, Most) switch
    {
        (null, null) => "",
        (null, { } most) => most == Ideal ? Text(most) : $"≤ {Text(most)}",
        ({ } least, null) => $"≥ {Text(least)}",
        var (least, most) => $"{Text(least.Value)}–{Text(most.Value)}",
    };

    private static string Text(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);
}

/// <summary>A measure of images against true ones.</summary>
public sealed record Measure
{
    /// <summary>Short name for files, as "multilook-16".</summary>
    public required string Id { get; init; }

    /// <summary>What it belongs to: rows of one group stand together.</summary>
    public required string Group { get; init; }

    /// <summary>Name in the table.</summary>
    public required string Name { get; init; }

    /// <summary>How it is measured, in a sentence.</summary>
    public required string Definition { get; init; }

    /// <summary>Its unit; may be empty.</summary>
    public string Unit { get; init; } = "";

    /// <summary>How a value is written (.NET's number formats).</summary>
    public string Format { get; init; } = "0.00";

    /// <summary>What it should be.</summary>
    public required Goal Goal { get; init; }

    /// <summary>Whether it only details another: files and the page's fold-out have it, tables do not.</summary>
    public bool IsDetail { get; init; }

    /// <summary>The least and the most that it can be.</summary>
    public (double Least, double Most) Bounds { get; init; } = (0, double.PositiveInfinity);

    /// <summary>What it needs.</summary>
    public MeasureNeeds Needs { get; init; }

    /// <summary>
    /// Sums over one scene, such that sums of several scenes can be joined; null
    /// where the scene has none of what is measured.
    /// </summary>
    internal Func<SceneLook, double[]?> Parts { get; init; } = _ => null;

    /// <summary>
    /// The value of any number of scenes from their sums: those of the true images, those of the others.
    /// </summary>
    internal Func<IReadOnlyList<double[]>, IReadOnlyList<double[]>, double> Join { get; init; } =
        (_, _) => double.NaN;

    /// <summary>
    /// Instead of <see cref="Join"/> where much can be computed once: from all sums of the true images and of the
    /// others, null where a scene has none, to the value of any choice of scenes (with repetition) of both.
    /// </summary>
    internal Func<IReadOnlyList<double[]?>, IReadOnlyList<double[]?>, Func<int[], int[], double>>? Prepare
    {
        get; init;
    }

    /// <summary>Bounds of what may have either sign.</summary>
    internal static (double Least, double Most) Signed => (double.NegativeInfinity, double.PositiveInfinity);

    /// <summary>Sums of all scenes, entry by entry.</summary>
    internal static double[] Sum(IReadOnlyList<double[]> parts)
    {
        var sum = new double[parts[0].Length];
        foreach (var part in parts)
            for (var i = 0; i < sum.Length; i++)
                sum[i] += part[i];
        return sum;
    }
}
