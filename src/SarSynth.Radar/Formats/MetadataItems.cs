// Sensor facts as the text items that a GeoTIFF carries under names that begin with SARSYNTH_, and back.
using System.Globalization;
using System.Reflection;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>
/// Between <see cref="SarMetadata"/> and GDAL's metadata items. Every property
/// of the record travels under its own name.
/// </summary>
internal static class MetadataItems
{
    // In the default domain: GDAL drops other domains when it makes a cloud-optimised copy.
    private const string Prefix = "SARSYNTH_";
    public const string Kind = Prefix + "PIXEL_KIND";

    /// <summary>The item that synthetic images have.</summary>
    public const string SourceType = Prefix + nameof(SarMetadata.DigitalSourceType);

    /// <summary>GDAL's domain of XMP packets.</summary>
    public const string Xmp = "xml:XMP";

    private static readonly PropertyInfo[] Properties = [.. typeof(SarMetadata)
        .GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite)];

    public static IEnumerable<(string Name, string Value)> From(SarMetadata metadata)
    {
        foreach (var property in Properties)
        {
            var text = property.GetValue(metadata) switch
            {
                null => null,
                DateTime date => date.ToString("O", CultureInfo.InvariantCulture),
                IFormattable value => value.ToString(null, CultureInfo.InvariantCulture),
                var value => value.ToString(),
            };
            if (text is not null)
                yield return (Prefix + property.Name, text);
        }
    }

    public static SarMetadata ToMetadata(IReadOnlyDictionary<string, string> items)
    {
        var metadata = SarMetadata.Unknown with { };
        foreach (var property in Properties)
        {
            if (!items.TryGetValue(Prefix + property.Name, out var text))
                continue;
            var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            property.SetValue(metadata, Parse(text, type)
                ?? throw new FormatException($"{Prefix}{property.Name}: found '{text}', expected {Expected(type)}"));
        }
        return metadata;
    }

    private static object? Parse(string text, Type type)
    {
        if (type == typeof(string))
            return text;
        if (type == typeof(double))
            return double.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : null;
        if (type == typeof(bool))
            return bool.TryParse(text, out var yes) ? yes : null;
        if (type == typeof(DateTime))
            return DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var date)
                ? date : null;
        return type.IsEnum && Enum.IsDefined(type, text) ? Enum.Parse(type, text) : null;
    }

    private static string Expected(Type type) => type.IsEnum ? string.Join(" or ", Enum.GetNames(type))
        : type == typeof(DateTime) ? "a time" : type == typeof(bool) ? "True or False" : "a number";
}
