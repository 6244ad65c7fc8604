// The spacings that a model makes images at: its own, and coarser ones, whose mean intensity is the average of the same
// fine mean and whose speckle is drawn through the response of the coarser sensor.
using System.Globalization;
using SarSynth.Radar.Simulation;

namespace SarSynth.Translation;

/// <summary>
/// One spacing of a translation. All levels show one ground: a pixel's mean intensity is that of the fine pixels that
/// it covers, and no level sees the speckle of another.
/// </summary>
/// <param name="Spacing">Metres between its pixels on the ground, the mean of both axes.</param>
/// <param name="Finer">Its pixels for each pixel of the input, along each axis.</param>
/// <param name="Covered">Pixels of the model's own grid that a pixel covers, along each axis.</param>
/// <param name="Sensor">The sensor whose speckle and noise it has; null for a way that draws none.</param>
public sealed record TranslationLevel(double Spacing, int Finer, int Covered, Sensor? Sensor)
{
    /// <summary>The spacing as messages and names of files have it: metres in four digits.</summary>
    public string Metres => Text(Spacing);

    /// <summary>The levels of an input, finest first.</summary>
    /// <param name="card">The model's card.</param>
    /// <param name="way">Only <see cref="TranslationWay.MeanAndSpeckle"/> has other levels than the finest.</param>
    /// <param name="source">The input; where it does not tell its spacing, what training saw is taken.</param>
    internal static IReadOnlyList<TranslationLevel> Of(ModelCard card, TranslationWay way, SatelliteSource source)
    {
        var spacing = SatelliteFacts.SpacingOf(card, source);
        var levels = new List<TranslationLevel>();
        for (var covered = 1; covered <= card.Scale; covered++)
        {
            var sensor = way == TranslationWay.MeanAndSpeckle ? SensorOf(card.Target!, covered) : null;
            if (card.Scale % covered == 0 && (covered == 1 || sensor is not null))
                levels.Add(new(spacing * covered / card.Scale, card.Scale / covered, covered, sensor));
        }
        return levels;
    }

    /// <summary>Metres of the spacings between an input's pixels and the finest level that no level has.</summary>
    internal static IReadOnlyList<string> Lacking(ModelCard card, TranslationWay way, SatelliteSource source)
    {
        var spacing = SatelliteFacts.SpacingOf(card, source);
        return [.. Enumerable.Range(1, card.Scale).Where(covered => card.Scale % covered == 0)
            .Select(covered => Text(spacing * covered / card.Scale))
            .Except(Of(card, way, source).Select(level => level.Metres))];
    }

    /// <summary>The level of a spacing that was asked for; the finest for null.</summary>
    /// <exception cref="ArgumentException">No level has it; the message names those there are.</exception>
    internal static TranslationLevel Of(ModelCard card, TranslationWay way, SatelliteSource source, double? asked,
        string model)
    {
        var levels = Of(card, way, source);
        if (asked is not { } metres)
            return levels[0];
        var nearest = levels.MinBy(l => InputMatch.Outside(metres, l.Spacing, l.Spacing))!;
        if (InputMatch.Outside(metres, nearest.Spacing, nearest.Spacing) <= InputMatch.SpacingTolerance)
            return nearest;
        throw new ArgumentException($"spacing: found {Text(metres)} m, expected {string.Join(" or ",
            levels.Select(l => $"{l.Metres} m"))}: the levels that the way {way} of model '{model}' has of "
            + $"pixels of {Text(levels[0].Spacing * levels[0].Finer)} m.");
    }

    /// <summary>A line where the level's spacing is not the one that was asked for; null where it is.</summary>
    internal string? Said(double? asked) => asked is not { } metres || Math.Abs(metres / Spacing - 1) < 0.005 ? null
        : $"its level of {Metres} m is made where {Text(metres)} m were asked for.";

    // The kit's sensor that differs from the model's by the spacing alone.
    private static Sensor? SensorOf(Sensor target, int times) => times == 1 ? target
        : Sensors.Names.Select(Sensors.Named).FirstOrDefault(s => s.Platform == target.Platform
            && s.Band == target.Band && s.Polarisation == target.Polarisation && s.LookDirection == target.LookDirection
            && Same(s.IncidenceAngle, target.IncidenceAngle)
            && Same(s.GroundRangeSpacing, times * target.GroundRangeSpacing)
            && Same(s.AzimuthSpacing, times * target.AzimuthSpacing) && s.RangeLooks * s.AzimuthLooks == 1);

    private static bool Same(double a, double b) => Math.Abs(a - b) <= 1e-6 * Math.Abs(b);

    private static string Text(double metres) => metres.ToString("G4", CultureInfo.InvariantCulture);
}
