// Inputs that are finer than what a model was trained on are averaged to it; those that are far coarser are refused.
using System.Globalization;
using SarSynth.Radar.Images;

namespace SarSynth.Translation;

/// <summary>Brings a product to what a model was trained on.</summary>
internal static class InputMatch
{
    /// <summary>Spacings may differ by this factor: what the resampling of training sets and of products leave.
    /// </summary>
    public const double SpacingTolerance = 1.25;

    /// <summary>Looks may differ by this factor.</summary>
    public const double LooksTolerance = 2;

    /// <summary>Beyond this many times the coarsest spacing a network only invents.</summary>
    private const double FarFactor = 2;

    /// <summary>
    /// Factors on the card's spacing and looks between which a model was trained: mean networks are told both, and the
    /// kit's recipes vary them (<see cref="Data.SceneMix"/>: 1, 4 and 9 looks, once and twice the spacing).
    /// </summary>
    public static (double Least, double Most) SpacingFactors(ModelCard card) => card.Target is null ? (1, 1) : (1, 2);

    /// <inheritdoc cref="SpacingFactors"/>
    public static (double Least, double Most) LooksFactors(ModelCard card) =>
        card.Target is null ? (1, 1) : (0.25, 2.25);

    /// <summary>How far outside of a range a number lies: 1 within it, else a factor above 1.</summary>
    public static double Outside(double found, double least, double most) => !(found > 0)
        ? double.PositiveInfinity : Math.Max(1, Math.Max(least / found, found / most));

    /// <summary>Rows and columns of a product to average for pixels of the model's spacing; 1 leaves them.</summary>
    public static (int Rows, int Columns) Averaging(ModelCard card, SarMetadata input, GeoReference? place)
    {
        var (range, azimuth) = InputFit.GroundSpacing(input, place);
        return (Count(azimuth, card.Trained?.AzimuthSpacing), Count(range, card.Trained?.RangeSpacing));

        int Count(double? found, double? trained)
        {
            if (!(found > 0) || trained is not { } expected || found >= expected / SpacingTolerance)
                return 1;
            var (least, most) = SpacingFactors(card);
            // Of those within the range the one next to what most of the training saw.
            return Enumerable.Range(1, (int)Math.Ceiling(2 * expected * most / found.Value)).MinBy(k => (
                Outside(k * found.Value, expected * least / SpacingTolerance, expected * most * SpacingTolerance),
                Math.Abs(Math.Log(k * found.Value / expected))));
        }
    }

    /// <summary>The source averaged over rectangles, and what was done in a line; itself for 1 x 1.</summary>
    public static (SatelliteSource Source, string? Said) Averaged(
        ModelCard card, SatelliteSource source, (int Rows, int Columns) by)
    {
        if (by == (1, 1) || by.Rows > source.Rows || by.Columns > source.Columns)
            return (source, null);
        var (range, azimuth) = InputFit.GroundSpacing(source.Metadata, source.Place);
        var said = $"its pixels are {Text(azimuth)} x {Text(range)} m (azimuth x range), finer than what the model "
            + $"was trained on ({InputFit.Spacing(card)}): the intensities of {by.Rows} x {by.Columns} were averaged; "
            + "--as-is leaves them.";
        return (source.Averaged(by.Rows, by.Columns), said);
    }

    /// <summary>A line where an input is far coarser than all that the model was trained on; null elsewhere.</summary>
    public static string? FarOutside(ModelCard card, SarMetadata input, GeoReference? place)
    {
        var (range, azimuth) = InputFit.GroundSpacing(input, place);
        var (_, most) = SpacingFactors(card);
        foreach (var (axis, found, trained) in new[] { ("range", range, card.Trained?.RangeSpacing),
            ("azimuth", azimuth, card.Trained?.AzimuthSpacing) })
        {
            if (found is { } f && trained is { } t && f > FarFactor * t * most * SpacingTolerance)
            {
                return $"its pixels are {Text(f)} m apart along {axis}; the model was trained on "
                    + $"{InputFit.Spacing(card)}: {Text(f / (t * most))} times finer, and what it adds to such an "
                    + "image has nothing to do with the ground.";
            }
        }
        return null;
    }

    private static string Text(double? value) => value?.ToString("G4", CultureInfo.InvariantCulture) ?? "?";
}
