// Which measures there are, in the order of the table.
namespace SarSynth.Evaluation;

/// <summary>The measures of the table by which translation is judged.</summary>
public static class Measures
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<Measure> All { get; } =
    [
        .. AmplitudeMeasures.Divergences(), .. AmplitudeMeasures.DivergencesByClass(), .. AmplitudeMeasures.Extremes(),
        .. GroundMeasures.Brightness(), GroundMeasures.SeenAgain, .. GroundMeasures.OfKnownGround(),
        .. StructureMeasures.OfTheSignal(), StructureMeasures.Texture, .. StructureMeasures.OfPlaces(),
        StructureMeasures.Classes, .. FeatureMeasures.All(),
        FeatureMeasures.Memorised, .. EncoderMeasures.OfResNet(), .. StructureMeasures.OfSeeds(),
    ];

    /// <summary>Those of images of which nothing is known but that they are SAR images.</summary>
    public static IReadOnlyList<Measure> Unpaired { get; } =
    [
        .. AmplitudeMeasures.Divergences(), .. AmplitudeMeasures.OtherDistances(), AmplitudeMeasures.PooledPower,
        AmplitudeMeasures.Missing, .. StructureMeasures.OfTheSignal(), StructureMeasures.Texture,
        .. FeatureMeasures.All(), FeatureMeasures.Memorised,
        .. EncoderMeasures.OfResNet().Where(m => !m.Needs.HasFlag(MeasureNeeds.Pairs)),
    ];

    /// <summary>The measures that scenes and candidates have what is needed for.</summary>
    internal static IReadOnlyList<Measure> For(
        IReadOnlyList<TruthScene> scenes, IReadOnlyList<Candidate> candidates, Yardstick yardstick)
    {
        var has = MeasureNeeds.Pairs | Has(yardstick);
        if (scenes.All(s => s.Ground is not null))
            has |= MeasureNeeds.Ground;
        if (scenes.All(s => s.Satellite is not null))
            has |= MeasureNeeds.Satellite;
        if (candidates.Any(c => c.Seeds is { Count: > 0 }))
            has |= MeasureNeeds.Seeds;
        // Where the ground is known, its classes tell more than further distances of one and the same histogram.
        return [.. All.Where(m => (m.Needs & ~has) == 0 && (m.Id != StructureMeasures.Classes.Id
                || yardstick.Classifier is not null))
            .Concat(has.HasFlag(MeasureNeeds.Ground) ? []
                : AmplitudeMeasures.OtherDistances().Append(AmplitudeMeasures.PooledPower))
            .OrderBy(m => Groups.IndexOf(m.Group))];
    }

    /// <summary>Those that two heaps of images have what is needed for.</summary>
    internal static IReadOnlyList<Measure> For(Yardstick yardstick) =>
        [.. Unpaired.Where(m => (m.Needs & ~Has(yardstick)) == 0)];

    private static MeasureNeeds Has(Yardstick yardstick) =>
        (yardstick.Training is null ? 0 : MeasureNeeds.Training)
        | (yardstick.ResNet is null ? 0 : MeasureNeeds.Network);

    private static readonly List<string> Groups = [.. All.Select(m => m.Group).Distinct()];
}
