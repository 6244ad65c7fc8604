// Sentinel-1 level 1 products: SAFE folders and zips, GRD and SLC.
// Sentinel-1 Product Specification S1-RS-MDA-52-7441.
using System.Xml.Linq;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>
/// One image of a Sentinel-1 product: its files by GDAL's paths, and the version of the processor (IPF).
/// </summary>
internal sealed record Sentinel1Channel(
    string Name, string Stem, string Annotation, string? Measurement, string? Calibration, string? Noise,
    string? ProcessorVersion);

/// <summary>
/// Reads Sentinel-1 products from their annotation and measurement files; the
/// manifest tells the processor's version only.
/// </summary>
internal static class Sentinel1
{
    private static readonly string[] MeasurementDrivers = ["GTiff"];

    /// <summary>Opens the pixels of one channel.</summary>
    /// <param name="path">What the user gave, for errors.</param>
    /// <param name="folder">The product's folder, or a path into a zip.</param>
    /// <param name="options">The wanted channel.</param>
    public static RasterContent Open(string path, string folder, RasterOptions options)
    {
        var channels = Channels(path, folder);
        var channel = Choose(path, channels, options.Channel);
        if (channel.Measurement is null)
            throw new RasterException(path,
                $"has no pixels for {channel.Name}: measurement/{channel.Stem}.tiff is missing");
        if (VirtualFile.Length(channel.Measurement) is null or 0)
            throw new RasterException(path,
                $"has no pixels for {channel.Name}: measurement/{channel.Stem}.tiff is empty");
        var annotation = VirtualFile.ReadXml(channel.Annotation);
        var metadata = MetadataOf(annotation);
        var source = new GdalSource(path,
            Gdal.Open(channel.Measurement, $"{path}/measurement/{channel.Stem}.tiff", MeasurementDrivers));
        try
        {
            RequireSize(path, channel, annotation, source);
            var remark = CheckSamples(path, annotation, source);
            // In detected images 0 stands for no data, and the cloud-optimised ones say so by a tag.
            if (!source.IsComplex)
                source.SetFill(0);
            return new RasterContent(Valid(path, annotation, source),
                source.IsComplex ? PixelKind.Complex : PixelKind.Amplitude, metadata)
            {
                Format = $"Sentinel-1 {metadata.ProductType ?? "SAFE"}",
                Channels = [.. channels.Select(c => c.Name)],
                Channel = channel.Name,
                Remarks = remark is null ? [] : [remark],
                GeoReference = Place(annotation) ?? GdalGeoReference.Of(source.Dataset),
            };
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>
    /// All channels that have an annotation, by name: "VV", or "IW1/VV" where there are several swaths, or "WV1/VV/003"
    /// where a swath has several images (wave mode).
    /// </summary>
    public static List<Sentinel1Channel> Channels(string path, string folder)
    {
        List<string> files = folder.StartsWith("/vsi", StringComparison.Ordinal)
            ? VirtualFile.List(folder)
            : [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(folder, file).Replace('\\', '/'))];
        var annotations = files.Where(file => file.StartsWith("annotation/s1", StringComparison.OrdinalIgnoreCase)
            && file.EndsWith(".xml", StringComparison.OrdinalIgnoreCase)
            && file.Count(c => c == '/') == 1).Order(StringComparer.Ordinal).ToList();
        if (annotations.Count == 0)
            throw new RasterException(path, "has no annotation: expected annotation/s1*.xml beside the manifest");
        // s1a-wv1-slc-vv-20220104t170558-20220104t170601-041314-04e951-001: mission,
        // swath, type, polarisation, ... image number.
        var parts = annotations.Select(file => Path.GetFileNameWithoutExtension(file).ToUpperInvariant().Split('-'))
            .ToList();
        if (parts.FindIndex(part => part.Length < 4) is var odd and >= 0)
        {
            throw new RasterException(path,
                $"has an annotation named '{annotations[odd]}', expected mission-swath-type-polarisation-...");
        }
        var severalSwaths = parts.Select(part => part[1]).Distinct().Count() > 1;
        var names = ChannelNames.Distinct(path, [.. parts.Select(part => (string[])
            [severalSwaths ? $"{part[1]}/{part[3]}" : part[3],
                $"{part[1]}/{part[3]}/{string.Join('-', part.Skip(8).DefaultIfEmpty(part[^1]))}"])]);
        var ipf = files.Find(file => file.Equals("manifest.safe", StringComparison.OrdinalIgnoreCase)) is { } manifest
            ? ProcessorVersion(path, $"{folder}/{manifest}") : null;
        return [.. annotations.Zip(names, (file, name) =>
        {
            var stem = Path.GetFileNameWithoutExtension(file);
            return new Sentinel1Channel(name, stem, $"{folder}/{file}", Find($"measurement/{stem}.tif"),
                Find($"annotation/calibration/calibration-{stem}.xml"),
                Find($"annotation/calibration/noise-{stem}.xml"), ipf);
        }).OrderBy(c => c.Measurement is null)];

        string? Find(string start) =>
            files.FirstOrDefault(file => file.StartsWith(start, StringComparison.OrdinalIgnoreCase)) is { } file
                ? $"{folder}/{file}" : null;
    }

    /// <summary>The channel of a name; the first when none is named.</summary>
    public static Sentinel1Channel Choose(string path, List<Sentinel1Channel> channels, string? name) =>
        channels[ChannelNames.Find(path, [.. channels.Select(channel => channel.Name)], name)];

    /// <summary>What an annotation tells.</summary>
    public static SarMetadata MetadataOf(XElement annotation)
    {
        var header = annotation.At("adsHeader");
        var image = annotation.At("imageAnnotation/imageInformation");
        var product = annotation.At("generalAnnotation/productInformation");
        var processing = annotation.All("imageAnnotation/processingInformation/swathProcParamsList/swathProcParams")
            .ToList();
        return new SarMetadata
        {
            Sensor = header.Text("missionId"),
            ProductType = header.Text("productType"),
            Polarisation = header.Text("polarisation"),
            Mode = header.Text("mode"),
            Date = header.Time("startTime"),
            CentreFrequency = product.Number("radarFrequency"),
            Band = XmlFields.BandOf(product.Number("radarFrequency")),
            SlantRange = product.Text("projection") switch { "Slant Range" => true, "Ground Range" => false, _ =>
                null },
            RangeSpacing = image.Number("rangePixelSpacing"),
            AzimuthSpacing = image.Number("azimuthPixelSpacing"),
            IncidenceAngle = image.Number("incidenceAngleMidSwath"),
            RangeBandwidth = Common("rangeProcessing/processingBandwidth"),
            AzimuthBandwidth = Common("azimuthProcessing/processingBandwidth"),
            Looks = Common("rangeProcessing/numberOfLooks") * Common("azimuthProcessing/numberOfLooks"),
        };

        // Swaths that were merged into one image differ in some parameters; then no single number is true.
        double? Common(string field)
        {
            var values = processing.Select(swath => swath.Number(field)).Distinct().ToList();
            return values.Count == 1 ? values[0] : null;
        }
    }

    private static void RequireSize(string path, Sentinel1Channel channel, XElement annotation, GdalSource source)
    {
        var image = annotation.At("imageAnnotation/imageInformation");
        double? rows = image.Number("numberOfLines"), columns = image.Number("numberOfSamples");
        if ((rows is not null && rows != source.Rows) || (columns is not null && columns != source.Columns))
            throw new RasterException(path,
                $"{channel.Stem}.tiff has {source.Rows} x {source.Columns} pixels, but its "
                + $"annotation says {rows} x {columns}");
    }

    // The geolocation grid names lines and pixels by their numbers: a point lies in the middle of its pixel.
    private static GeoReference? Place(XElement annotation)
    {
        List<GroundControlPoint> points =
            [.. annotation.All("geolocationGrid/geolocationGridPointList/geolocationGridPoint")
            .Where(point => point.Number("longitude") is not null && point.Number("latitude") is not null)
            .Select((point, i) => new GroundControlPoint(Required(point, "line") + 0.5, Required(point, "pixel") + 0.5,
                Required(point, "longitude"), Required(point, "latitude"), point.Number("height") ?? 0, $"{i + 1}"))];
        return points.Count == 0 ? null : GeoReference.Of(points, GdalGeoReference.Geographic);

        static double Required(XElement point, string field) =>
            point.Number(field) ?? throw new FormatException($"{field}: found nothing, expected a number");
    }

    // Bursts are padded with zeros: the annotation tells the valid samples of each of their lines, -1 for none.
    private static PixelSource Valid(string path, XElement annotation, GdalSource source)
    {
        var timing = annotation.At("swathTiming");
        var bursts = timing.All("burstList/burst")
            .Select(burst => (First: burst.Numbers("firstValidSample"), Last: burst.Numbers("lastValidSample")))
            .ToList();
        if (bursts.Count == 0 || timing.Number("linesPerBurst") is not > 0)
            return source;
        var lines = (int)timing.Number("linesPerBurst")!.Value;
        if ((long)lines * bursts.Count != source.Rows
            || bursts.Exists(burst => burst.First.Length != lines || burst.Last.Length != lines))
        {
            throw new RasterException(path,
                $"has {bursts.Count} bursts of {lines} lines in its annotation, "
                + $"expected {source.Rows} lines and the valid samples of each");
        }
        return new ValidLinesSource(source, row =>
        {
            var (first, last) = (bursts[row / lines].First[row % lines], bursts[row / lines].Last[row % lines]);
            return first < 0 ? [] : [((int)first, (int)last + 1)];
        });
    }

    // Detected or complex must be what the annotation says; how wide the numbers are the file itself tells, and tools
    // that rewrite measurements change it: that is a remark.
    private static string? CheckSamples(string path, XElement annotation, GdalSource source)
    {
        var image = annotation.At("imageAnnotation/imageInformation");
        if (annotation.Text("adsHeader/productType") is { } type)
            Known.Value(path, "Sentinel-1 product type", type, "SLC", "GRD");
        if (image.Text("pixelValue") is { } value
            && Known.Value(path, "Sentinel-1 pixel value", value, "Complex", "Detected") is var kind
            && source.IsComplex != (kind == "Complex"))
            throw new RasterException(path, $"has {source.Type} samples, but its annotation says {value}");
        if (image.Text("outputPixels") is not { } samples)
            return null;
        var told = Known.Value(path, "Sentinel-1 output pixels", samples, "16 bit Signed Integer",
            "16 bit Unsigned Integer");
        return source.Type == (told == "16 bit Signed Integer" ? GdalType.ComplexInt16 : GdalType.UInt16) ? null
            : $"the samples are {source.Type}, the annotation says {told}: the file was rewritten";
    }

    // The version of the Instrument Processing Facility, by the manifest; null when it doesn't tell.
    private static string? ProcessorVersion(string path, string manifest)
    {
        var version = VirtualFile.ReadXml(manifest).Descendants()
            .Where(element => element.Name.LocalName == "software")
            .Where(element => ((string?)element.Attribute("name"))?.Contains("IPF", StringComparison.Ordinal) == true)
            .Select(element => (string?)element.Attribute("version")).FirstOrDefault();
        Known.Version(path, "Sentinel-1 IPF", version, "2", "3");
        return version;
    }
}
