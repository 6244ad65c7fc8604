// Which measures there are, in the order of the table.
namespace SarSynth.Evaluation;

/// <summary>The measures of the table by which translation is judged.</summary>
public static class Measures
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<Measure> All { get; } =
    [
        .. AmplitudeMeasures.Divergences(), .. AmplitudeMeasures.DivergencesByClass(),
        .. AmplitudeMeasures.OtherDistances(), .. AmplitudeMeasures.OtherDistancesByClass(),
        .. AmplitudeMeasures.Extremes(),
        .. GroundMeasures.Brightness(), GroundMeasures.SeenAgain, .. GroundMeasures.OfKnownGround(),
        .. StructureMeasures.OfTheSignal(), .. ClutterMeasures.All(), StructureMeasures.Texture,
        .. StructureMeasures.OfPlaces(), .. TargetMeasures.All(), StructureMeasures.Classes, .. UseMeasures.All(),
        .. FeatureMeasures.All(), FeatureMeasures.Memorised, .. EncoderMeasures.OfResNet(), .. SarTextMeasures.All(),
        .. StructureMeasures.OfSeeds(),
    ];

    /// <summary>Those of images of which nothing is known but that they are SAR images.</summary>
    public static IReadOnlyList<Measure> Unpaired { get; } =
    [
        .. AmplitudeMeasures.Divergences(), .. AmplitudeMeasures.OtherDistances(), AmplitudeMeasures.PooledPower,
        AmplitudeMeasures.Missing,
        .. StructureMeasures.OfTheSignal().Append(StructureMeasures.Texture).Concat(ClutterMeasures.All())
            .Concat(TargetMeasures.All()).Concat(FeatureMeasures.All()).Append(FeatureMeasures.Memorised)
            .Concat(EncoderMeasures.OfResNet()).Concat(SarTextMeasures.All())
            .Where(m => !m.Needs.HasFlag(MeasureNeeds.Pairs)),
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
        if (scenes.Count > 1 && scenes.All(s => s.Map is not null))
            has |= MeasureNeeds.Classes;
        return [.. All.Where(m => (m.Needs & ~has) == 0 && (m.Id != StructureMeasures.Classes.Id
                || yardstick.Classifier is not null))
            // Where places are not known one by one, all images together say more.
            .Concat(has.HasFlag(MeasureNeeds.Ground) ? [] : [AmplitudeMeasures.PooledPower])
            .OrderBy(m => Groups.IndexOf(m.Group))];
    }

    /// <summary>Those that two heaps of images have what is needed for.</summary>
    internal static IReadOnlyList<Measure> For(Yardstick yardstick) =>
        [.. Unpaired.Where(m => (m.Needs & ~Has(yardstick)) == 0)];

    private static MeasureNeeds Has(Yardstick yardstick) =>
        (yardstick.Training is null ? 0 : MeasureNeeds.Training)
        | (yardstick.ResNet is null ? 0 : MeasureNeeds.Network)
        | (yardstick.Words is null ? 0 : MeasureNeeds.Words)
        | (yardstick.Words is { Captions.Count: > 0 } ? MeasureNeeds.Captions : 0);

    private static readonly List<string> Groups = [.. All.Select(m => m.Group).Distinct()];
}
