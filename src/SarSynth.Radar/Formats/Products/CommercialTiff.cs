// Capella, Umbra and ICEYE GeoTIFFs: what their JSON or XML tells.
// Capella product format 1.8; Umbra canonical metadata 1.0; ICEYE COG metadata (STAC names)
// and ICEYE product metadata 2.x.
using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>What a provider's metadata says of a GeoTIFF.</summary>
/// <param name="Format">Provider and product in words.</param>
/// <param name="Metadata">The sensor's facts.</param>
/// <param name="AmplitudeExponent">
/// Stored values are (scale x amplitude)^exponent; null when they are the amplitude.
/// </param>
/// <param name="AmplitudeScale">The scale in that.</param>
internal sealed record ProviderFacts(string Format, SarMetadata Metadata, double? AmplitudeExponent = null,
    double AmplitudeScale = 1);

/// <summary>
/// Finds provider metadata in the file's own tags or in the file beside it. Fields that are not there stay null.
/// </summary>
internal static class CommercialTiff
{
    public static ProviderFacts? Describe(string path, IReadOnlyDictionary<string, string> items)
    {
        if (items.TryGetValue("TIFFTAG_IMAGEDESCRIPTION", out var description)
            && description.TrimStart().StartsWith('{')
            && Capella(path, Json(description, "TIFFTAG_IMAGEDESCRIPTION")) is { } embedded)
            return embedded;
        var stem = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, Path.GetFileNameWithoutExtension(path));
        var cut = stem.LastIndexOf('_');
        foreach (var file in (string[])[stem + "_extended.json", stem + ".json", stem + "_METADATA.json", cut > 0
            ? stem[..cut] + "_METADATA.json" : stem])
        {
            if (!file.EndsWith(".json", StringComparison.Ordinal) || !File.Exists(file))
                continue;
            var json = Json(File.ReadAllText(file), Path.GetFileName(file));
            if ((Capella(path, json) ?? Umbra(path, json) ?? Iceye(json.At("properties") ?? json)) is { } beside)
                return beside;
        }
        if (items.TryGetValue("constellation", out var constellation)
            && constellation.Contains("ICEYE", StringComparison.OrdinalIgnoreCase))
            return Iceye(JsonSerializer.SerializeToElement(items));
        return File.Exists(stem + ".xml") && IceyeXml(stem + ".xml") is { } facts ? facts : null;
    }

    private static ProviderFacts? Capella(string path, JsonElement json)
    {
        if (json.At("collect") is not { } collect || collect.At("image") is not { } image)
            return null;
        Known.Version(path, "Capella product", json.Text("product_version"), "0", "1");
        var radar = collect.At("radar");
        double? frequency = radar.Number("center_frequency");
        var slant = json.Text("product_type") is "SLC" or "SICD"
            && image.Text("algorithm") != "backprojection" ? true : json.Text("product_type") is "GEO" or "GEC" ? false
            : (bool?)null;
        return new ProviderFacts($"Capella {json.Text("product_type") ?? "GeoTIFF"}", new SarMetadata
        {
            Sensor = collect.Text("platform"),
            Mode = collect.Text("mode"),
            ProductType = json.Text("product_type"),
            Date = Time(collect.Text("start_timestamp")),
            LookDirection = Side(radar.Text("pointing")),
            Polarisation = radar.Text("transmit_polarization") is { Length: 1 } sent
                && radar.Text("receive_polarization") is { Length: 1 } received ? sent + received : null,
            CentreFrequency = frequency,
            Band = XmlFields.BandOf(frequency),
            SlantRange = slant,
            // Capella counts columns along range and rows along azimuth, as here.
            RangeSpacing = image.Number("pixel_spacing_column"),
            AzimuthSpacing = image.Number("pixel_spacing_row"),
            RangeResolution = slant == false ? image.Number("ground_range_resolution")
                ?? image.Number("range_resolution") : image.Number("range_resolution"),
            AzimuthResolution = image.Number("azimuth_resolution"),
            AzimuthBandwidth = image.Number("processed_azimuth_bandwidth"),
            IncidenceAngle = image.At("center_pixel").Number("incidence_angle"),
            Looks = image.Number("range_looks") * image.Number("azimuth_looks"),
        });
    }

    private static ProviderFacts? Umbra(string path, JsonElement json)
    {
        if (json.Text("umbraSatelliteName") is null
            && json.Text("vendor")?.Contains("Umbra", StringComparison.OrdinalIgnoreCase) != true)
            return null;
        Known.Version(path, "Umbra metadata", json.Text("version"), "1");
        var collect = json.At("collects") is { ValueKind: JsonValueKind.Array } list
            && list.GetArrayLength() > 0 ? list[0] : (JsonElement?)null;
        var frequency = collect.Number("radarCenterFrequencyHz");
        return new ProviderFacts("Umbra GeoTIFF", new SarMetadata
        {
            Sensor = json.Text("umbraSatelliteName"),
            Mode = json.Text("imagingMode"),
            ProductType = json.Text("productSku"),
            Date = Time(collect.Text("startAtUTC")),
            LookDirection = Side(collect.Text("observationDirection")),
            Polarisation = Single(collect.At("polarizations")),
            CentreFrequency = frequency,
            Band = collect.Text("radarBand") ?? XmlFields.BandOf(frequency),
            SlantRange = false,
            RangeResolution = collect.At("maxGroundResolution").Number("rangeMeters"),
            AzimuthResolution = collect.At("maxGroundResolution").Number("azimuthMeters"),
            IncidenceAngle = collect.Number("angleIncidenceDegrees"),
        });
    }

    private static ProviderFacts? Iceye(JsonElement json)
    {
        if (json.Text("constellation")?.Contains("ICEYE", StringComparison.OrdinalIgnoreCase) != true)
            return null;
        var frequency = json.Number("sar:center_frequency");
        var product = json.Text("sar:product_type");
        var mapping = json.At("iceye:amplitude_mapping") is { ValueKind: JsonValueKind.String } text
            ? Json(text.GetString()!, "iceye:amplitude_mapping") : json.At("iceye:amplitude_mapping");
        double? exponent = null;
        if (mapping.Text("function") is { } function and not "linear")
        {
            exponent = function == "power" ? mapping.At("parameters").Number("exponent") : null;
            if (exponent is not > 0)
                throw new FormatException($"iceye:amplitude_mapping: found function "
                    + $"'{function}', expected power with an exponent above 0");
        }
        return new ProviderFacts($"ICEYE {product ?? "GeoTIFF"}", new SarMetadata
        {
            Sensor = json.Text("platform"),
            Mode = json.Text("sar:instrument_mode"),
            ProductType = product,
            Date = Time(json.Text("start_datetime")),
            LookDirection = Side(json.Text("sar:observation_direction")),
            Polarisation = Single(json.At("sar:polarizations")),
            CentreFrequency = frequency,
            Band = json.Text("sar:frequency_band") ?? XmlFields.BandOf(frequency),
            SlantRange = product?.Contains("SLC", StringComparison.Ordinal) == true ? true
                : product?.Contains("GRD", StringComparison.Ordinal) == true ? false : null,
            RangeSpacing = json.Number("sar:pixel_spacing_range"),
            AzimuthSpacing = json.Number("sar:pixel_spacing_azimuth"),
            RangeResolution = json.Number("sar:resolution_range"),
            AzimuthResolution = json.Number("sar:resolution_azimuth"),
            IncidenceAngle = json.Number("view:incidence_angle"),
            Looks = json.Number("sar:looks_range") * json.Number("sar:looks_azimuth"),
        }, exponent, mapping.At("parameters").Number("scale") ?? 1);
    }

    private static ProviderFacts? IceyeXml(string file)
    {
        XElement xml;
        try
        {
            xml = VirtualFile.ReadXml(file);
        }
        catch (RasterException)
        {
            // A file of another purpose may lie beside the raster.
            return null;
        }
        return xml.Text("satellite_name") is null
            || xml.Text("product_name")?.Contains("ICEYE", StringComparison.OrdinalIgnoreCase) != true ? null
            : new ProviderFacts($"ICEYE {xml.Text("product_level") ?? "GeoTIFF"}", IceyeFields(xml.Text, xml.Number));
    }

    /// <summary>ICEYE's own field names, as its XML and HDF5 have them.</summary>
    public static SarMetadata IceyeFields(Func<string, string?> text, Func<string, double?> number)
    {
        var frequency = number("carrier_frequency");
        var slant = text("product_level")?.ToUpperInvariant() switch { "SLC" => true, "GRD" => false, _ =>
            (bool?)null };
        return new SarMetadata
        {
            Sensor = text("satellite_name"),
            Mode = text("acquisition_mode"),
            ProductType = text("product_level"),
            Date = Time(text("acquisition_start_utc")),
            LookDirection = Side(text("look_side")),
            Polarisation = text("polarization"),
            CentreFrequency = frequency,
            Band = XmlFields.BandOf(frequency),
            SlantRange = slant,
            RangeSpacing = slant == true ? number("slant_range_spacing") : number("range_spacing"),
            AzimuthSpacing = slant == true ? number("azimuth_ground_spacing") : number("azimuth_spacing"),
            RangeBandwidth = number("chirp_bandwidth"),
            AzimuthBandwidth = number("total_processed_bandwidth_azimuth"),
            IncidenceAngle = number("incidence_center"),
            Looks = number("range_looks") * number("azimuth_looks"),
        };
    }

    private static DateTime? Time(string? text) => text is null ? null : XmlFields.ParseTime(text, "start time");

    private static string? Side(string? text) => text?.Trim().ToLowerInvariant() is "left" or "right"
        ? text.Trim().ToLowerInvariant() : null;

    // A file of one polarisation tells it; of several it cannot be told which this is.
    private static string? Single(JsonElement? list) => list switch
    {
        { ValueKind: JsonValueKind.Array } array when array.GetArrayLength() == 1 => array[0].GetString(),
        { ValueKind: JsonValueKind.String } text when text.GetString() is { Length: 2 } name => name,
        { ValueKind: JsonValueKind.String } text when text.GetString()!.StartsWith('[') =>
            Single(Json(text.GetString()!, "polarizations")),
        _ => null,
    };

    private static JsonElement Json(string text, string name)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw new FormatException($"{name}: is no JSON: {error.Message}");
        }
    }

    private static JsonElement? At(this JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value)
            && value.ValueKind != JsonValueKind.Null ? value : null;

    private static JsonElement? At(this JsonElement? json, string name) =>
        json is { } element ? element.At(name) : null;

    private static string? Text(this JsonElement? json, string name) =>
        json.At(name) is { ValueKind: JsonValueKind.String } value
            && value.GetString() is { Length: > 0 } text ? text : null;

    private static string? Text(this JsonElement json, string name) => ((JsonElement?)json).Text(name);

    private static double? Number(this JsonElement? json, string name) => json.At(name) switch
    {
        { ValueKind: JsonValueKind.Number } value => value.GetDouble(),
        { ValueKind: JsonValueKind.String } value when double.TryParse(value.GetString(), NumberStyles.Float,
            CultureInfo.InvariantCulture, out var number) => number,
        _ => null,
    };

    private static double? Number(this JsonElement json, string name) => ((JsonElement?)json).Number(name);
}
