// Where an input is not what a model learned from, in plain lines; and what is assumed because the input does not tell.
using System.Globalization;
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;

namespace SarSynth.Translation;

/// <summary>Holds an input against a model's card.</summary>
internal static class InputFit
{
    /// <summary>Pixels that differ as after this many times the looks were filtered.</summary>
    private const double DespeckledFactor = 6;

    /// <summary>Pixels a side of the part whose speckle is measured.</summary>
    private const int Sample = 512;

    /// <summary>What the input is that the model did not learn from; empty where all that is told fits.</summary>
    public static List<string> Remarks(ModelCard card, SarMetadata input, GeoReference? place, bool complex)
    {
        var remarks = new List<string>();
        var airborne = IsAirborne(card, input);
        if (airborne)
            remarks.Add($"it is an airborne image already (sensor {input.Sensor}); the model takes satellite images.");
        if (card.Trained is not { } trained)
            return remarks;
        if (Band(input) is { } band && trained.Band is { } own && !band.Equals(own, StringComparison.OrdinalIgnoreCase))
            remarks.Add($"it is in {band} band; the model was trained on {own} band.");
        var (range, azimuth) = GroundSpacing(input, place);
        foreach (var (axis, found, expected) in new[] { ("range", range, trained.RangeSpacing),
            ("azimuth", azimuth, trained.AzimuthSpacing) })
        {
            if (found is { } f && expected is { } e && InputMatch.SpacingFactors(card) is var (least, most)
                && InputMatch.Outside(f, e * least, e * most) > InputMatch.SpacingTolerance)
            {
                remarks.Add($"its pixels are {Text(f)} m apart along {axis}; the model was trained on "
                    + $"{Range(e, least, most)} m.");
            }
        }
        if (range is null && azimuth is null && place?.Transform is not null)
            remarks.Add($"it is geocoded and its spacing in metres is not known; "
                + $"the model was trained on {Spacing(card)}.");
        var looks = complex ? 1 : input.Looks;
        if (looks is { } l && trained.Looks is { } wanted && InputMatch.LooksFactors(card) is var (fewest, many)
            && InputMatch.Outside(l, wanted * fewest, wanted * many) > InputMatch.LooksTolerance)
        {
            remarks.Add(complex ? $"it is single-look complex; the model was trained on detected images of "
                + $"{Range(wanted, fewest, many)} looks."
                : $"it has {Text(l)} looks; the model was trained on {Range(wanted, fewest, many)}.");
        }
        return remarks;
    }

    /// <summary>
    /// A line where neighbouring pixels are far more alike than the speckle that the model learned from lets them be.
    /// </summary>
    /// <param name="card">The card.</param>
    /// <param name="amplitude">Row-major [rows x columns], linear; NaN where there is no data.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <remarks>
    /// Of the logarithms of independent L-look intensities the difference has the variance 2 trigamma(L). Its median
    /// size is nearly blind to edges and texture; pixels that a product's sampling correlates look like two or three
    /// times as many looks, those of a 3 x 3 mean like twenty-seven times.
    /// </remarks>
    public static string? Despeckled(ModelCard card, float[] amplitude, int rows, int columns)
    {
        int height = Math.Min(rows, Sample), width = Math.Min(columns, Sample);
        if (card.Trained?.Looks is not { } looks)
            return null;
        var differences = new List<float>(height * width);
        for (var r = (rows - height) / 2; r < (rows + height) / 2; r++)
        {
            var line = amplitude.AsSpan(r * columns + (columns - width) / 2, width);
            for (var c = 1; c < width; c++)
            {
                var difference = 2 * MathF.Abs(MathF.Log(line[c] / line[c - 1]));
                if (float.IsFinite(difference))
                    differences.Add(difference);
            }
        }
        if (differences.Count < 32)
            return null;
        differences.Sort();
        // The median of |x| is 0.6745 deviations of a normal x; trigamma(L) is 1/L + 1/(2 L²), nearly.
        var half = Math.Pow(differences[differences.Count / 2] / 0.6745, 2) / 2;
        var apparent = half > 0 ? (1 + Math.Sqrt(1 + 2 * half)) / (2 * half) : double.PositiveInfinity;
        return apparent > DespeckledFactor * looks
            ? $"it seems despeckled: neighbouring pixels differ as those of {Text(Math.Round(apparent))} looks would; "
                + $"the model was trained on {Text(looks)}." : null;
    }

    /// <summary>What is taken for granted where the input does not tell.</summary>
    public static List<string> Assumed(ModelCard card, SarMetadata input, GeoReference? place)
    {
        var assumed = new List<string>();
        if (card.Trained is not { } trained)
        {
            assumed.Add("any band, spacing and number of looks: the model's card does not say what it was trained on");
            return assumed;
        }
        if (Band(input) is null && trained.Band is { } band)
            assumed.Add($"{band} band: the input does not tell");
        if (GroundSpacing(input, place) is (null, null) && place?.Transform is null)
            assumed.Add($"pixels of {Spacing(card)}: the input does not tell");
        if (input.Looks is null && trained.Looks is { } looks)
            assumed.Add($"{Text(looks)} looks: the input does not tell");
        return assumed;
    }

    /// <summary>Spacings on the ground, metres; null where they are not known.</summary>
    public static (double? Range, double? Azimuth) GroundSpacing(SarMetadata input, GeoReference? place)
    {
        var range = input.RangeSpacing;
        var ground = input.SlantRange == false || (input.SlantRange is null && place?.Transform is not null);
        if (!ground && input.IncidenceAngle is { } angle)
            range /= Math.Sin(angle * Math.PI / 180);
        if (range is null && input.AzimuthSpacing is null && place?.PixelSize is { } size)
            return (size.Column, size.Row);
        return (range, input.AzimuthSpacing);
    }

    private static bool IsAirborne(ModelCard card, SarMetadata input) => input.Sensor is { } sensor
        && (sensor == card.AirborneSensor
            || (Sensors.Names.Contains(sensor) && Sensors.Named(sensor).Platform == "airborne"));

    // IEEE Std 521-2002.
    private static string? Band(SarMetadata input) => input.Band ?? (input.CentreFrequency / 1e9) switch
    {
        null => null,
        < 1 => "P",
        < 2 => "L",
        < 4 => "S",
        < 8 => "C",
        < 12 => "X",
        < 18 => "Ku",
        < 27 => "K",
        _ => "Ka",
    };

    /// <summary>The spacings that a model was trained on, in words.</summary>
    public static string Spacing(ModelCard card)
    {
        var (trained, (least, most)) = (card.Trained!, InputMatch.SpacingFactors(card));
        var range = Range(trained.RangeSpacing, least, most);
        return trained.RangeSpacing == trained.AzimuthSpacing ? $"{range} m"
            : $"{range} x {Range(trained.AzimuthSpacing, least, most)} m";
    }

    private static string Range(double? value, double least, double most) =>
        least == most ? Text(value * least) : $"{Text(value * least)} to {Text(value * most)}";

    private static string Text(double? value) => value?.ToString("G4", CultureInfo.InvariantCulture) ?? "?";
}
