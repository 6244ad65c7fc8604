// Fields of product annotations by path; names are matched without their namespaces.
using System.Globalization;
using System.Xml.Linq;

namespace SarSynth.Radar.Formats;

/// <summary>
/// Reads fields from annotation XML. A field that is not there is null; one that is there and no number is an error.
/// </summary>
internal static class XmlFields
{
    /// <summary>The first element at a path of names ("a/b/c").</summary>
    public static XElement? At(this XElement? root, string path) => root.All(path).FirstOrDefault();

    /// <summary>All elements at a path of names.</summary>
    public static IEnumerable<XElement> All(this XElement? root, string path)
    {
        IEnumerable<XElement> found = root is null ? [] : [root];
        foreach (var name in path.Split('/'))
            found = found.Elements().Where(element => element.Name.LocalName == name);
        return found;
    }

    /// <summary>The text at a path; null when it is absent or empty.</summary>
    public static string? Text(this XElement? root, string path) =>
        root.At(path)?.Value.Trim() is { Length: > 0 } text ? text : null;

    /// <summary>The number at a path; null when it is absent.</summary>
    /// <exception cref="FormatException">It is no finite number.</exception>
    public static double? Number(this XElement? root, string path) =>
        root.Text(path) is { } text ? ParseNumber(text, path) : null;

    /// <summary>A finite number from text.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static double ParseNumber(string text, string field) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && double.IsFinite(number)
            ? number
            : throw new FormatException($"{field}: found '{Shortened(text)}', expected a finite number");

    /// <summary>The numbers at a path, parted by white space.</summary>
    /// <exception cref="FormatException">The field is absent, or one of them is no finite number.</exception>
    public static double[] Numbers(this XElement? root, string path) =>
        root.Text(path) is { } text
            ? [.. text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
                .Select(part => ParseNumber(part, path))]
            : throw new FormatException($"{path}: found nothing, expected numbers");

    /// <summary>The time at a path as UTC; null when it is absent.</summary>
    /// <exception cref="FormatException">It is no time.</exception>
    public static DateTime? Time(this XElement? root, string path) =>
        root.Text(path) is { } text ? ParseTime(text, path) : null;

    /// <summary>A UTC time from text; fractions beyond 100 ns are dropped.</summary>
    /// <exception cref="FormatException">It is no time.</exception>
    public static DateTime ParseTime(string text, string field)
    {
        var point = text.LastIndexOf('.');
        var digits = point < 0 ? 0 : text[(point + 1)..].TakeWhile(char.IsAsciiDigit).Count();
        var cut = digits > 7 ? text.Remove(point + 8, digits - 7) : text;
        return DateTime.TryParse(cut, CultureInfo.InvariantCulture,
            DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : throw new FormatException($"{field}: found '{Shortened(text)}', expected a time");
    }

    /// <summary>The letter of the radar band of a frequency (IEEE 521); null outside P ... Ka.</summary>
    public static string? BandOf(double? hertz) => hertz switch
    {
        >= 0.23e9 and < 1e9 => "P",
        >= 1e9 and < 2e9 => "L",
        >= 2e9 and < 4e9 => "S",
        >= 4e9 and < 8e9 => "C",
        >= 8e9 and < 12e9 => "X",
        >= 12e9 and < 18e9 => "Ku",
        >= 18e9 and < 27e9 => "K",
        >= 27e9 and < 40e9 => "Ka",
        _ => null,
    };

    private static string Shortened(string text) => text.Length > 40 ? text[..40] + "..." : text;
}
