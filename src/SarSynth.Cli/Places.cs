// A georeference in words: reference system, size of a pixel, corner.
using System.Globalization;
using System.Text.RegularExpressions;
using SarSynth.Radar.Images;

namespace SarSynth.Cli;

/// <summary>Says where pixels lie.</summary>
static partial class Places
{
    private const int ShownPoints = 4;

    /// <summary>Lines of text; of many control points some are shown.</summary>
    public static string Describe(GeoReference place)
    {
        var system = SystemOf(place.Projection);
        if (place.Transform is { } t)
        {
            var unit = UnitOf(place.Projection);
            var pixel = $"pixel {Number(Length(t[1], t[4]))} x {Number(Length(t[2], t[5]))} {unit}".TrimEnd();
            return $"{system}\n{pixel} (x, y)"
                + (t[2] != 0 || t[4] != 0 ? ", turned" : "") + $"\nupper left corner {Number(t[0])}, {Number(t[3])}";
        }
        var points = place.ControlPoints.Take(ShownPoints).Select(p =>
            $"row {Number(p.Row)}, column {Number(p.Column)}: {Number(p.X)}, {Number(p.Y)}");
        return $"{place.ControlPoints.Count} ground control points in {system}\n{string.Join('\n', points)}"
            + (place.ControlPoints.Count > ShownPoints ? "\n..." : "");
    }

    /// <summary>"WGS 84 / UTM zone 32N (EPSG:32632)".</summary>
    public static string SystemOf(string projection)
    {
        if (projection.Length == 0)
            return "reference system not told";
        var name = projection.Split('"') is { Length: > 1 } parts ? parts[1] : "an unnamed reference system";
        return Authority().Match(projection) is { Success: true } found
            ? $"{name} ({found.Groups[1].Value}:{found.Groups[2].Value})" : name;
    }

    // The unit of the axes is the last one that is named before that of heights.
    private static string UnitOf(string projection) => Unit().Matches(Vertical().Split(projection)[0]).LastOrDefault()
        is { } found
        ? found.Groups[1].Value switch
        {
            "metre" or "meter" or "m" => "m",
            "degree" => "degrees",
            var other => other,
        } : "";

    private static double Length(double a, double b) => Math.Sqrt(a * a + b * b);

    private static string Number(double value) => value.ToString("G10", CultureInfo.InvariantCulture);

    // The authority of the whole system stands at the end.
    [GeneratedRegex("(?:AUTHORITY|ID)\\[\"(\\w+)\",\"?(\\d+)\"?\\]\\]$")]
    private static partial Regex Authority();

    [GeneratedRegex("VERT_CS\\[|VERTCRS\\[")]
    private static partial Regex Vertical();

    [GeneratedRegex("UNIT\\[\"([^\"]+)\"")]
    private static partial Regex Unit();
}
