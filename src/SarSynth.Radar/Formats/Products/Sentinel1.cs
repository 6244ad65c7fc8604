// Sentinel-1 level 1 products: SAFE folders and zips, GRD and SLC.
// Sentinel-1 Product Specification S1-RS-MDA-52-7441.
using System.Xml.Linq;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;

namespace SarSynth.Radar.Formats;

/// <summary>One image of a Sentinel-1 product: its files by GDAL's paths.</summary>
internal sealed record Sentinel1Channel(string Name, string Stem, string Annotation, string? Measurement, string? Calibration, string? Noise);

/// <summary>Reads Sentinel-1 products from their annotation and measurement files; the manifest is only the mark of the product.</summary>
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
            throw new RasterException(path, $"has no pixels for {channel.Name}: measurement/{channel.Stem}.tiff is missing");
        if (VirtualFile.Length(channel.Measurement) is null or 0)
            throw new RasterException(path, $"has no pixels for {channel.Name}: measurement/{channel.Stem}.tiff is empty");
        var annotation = VirtualFile.ReadXml(channel.Annotation);
        var metadata = MetadataOf(annotation);
        var source = new GdalSource(path, Gdal.Open(channel.Measurement, $"{path}/measurement/{channel.Stem}.tiff", MeasurementDrivers));
        try
        {
            RequireSize(path, channel, annotation, source);
            return new RasterContent(source, source.IsComplex ? PixelKind.Complex : PixelKind.Amplitude, metadata)
            {
                Format = $"Sentinel-1 {metadata.ProductType ?? "SAFE"}",
                Channels = [.. channels.Select(c => c.Name)],
                Channel = channel.Name,
            };
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>All channels that have an annotation, by name: "VV", or "IW1/VV" where there are several swaths.</summary>
    public static List<Sentinel1Channel> Channels(string path, string folder)
    {
        var files = folder.StartsWith("/vsi", StringComparison.Ordinal)
            ? VirtualFile.List(folder)
            : [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder, file).Replace('\\', '/'))];
        var annotations = files.Where(file => file.StartsWith("annotation/s1", StringComparison.OrdinalIgnoreCase) && file.EndsWith(".xml", StringComparison.OrdinalIgnoreCase)
            && file.Count(c => c == '/') == 1).Order(StringComparer.Ordinal).ToList();
        if (annotations.Count == 0)
            throw new RasterException(path, "has no annotation: expected annotation/s1*.xml beside the manifest");
        // s1a-iw1-slc-vv-20220104t170558-...: mission, swath, type, polarisation.
        var parts = annotations.Select(file => Path.GetFileNameWithoutExtension(file).Split('-')).ToList();
        var severalSwaths = parts.Where(part => part.Length > 3).Select(part => part[1]).Distinct().Count() > 1;
        return [.. annotations.Zip(parts, (file, part) =>
        {
            if (part.Length < 4)
                throw new RasterException(path, $"has an annotation named '{file}', expected mission-swath-type-polarisation-...");
            var stem = Path.GetFileNameWithoutExtension(file);
            var polarisation = part[3].ToUpperInvariant();
            return new Sentinel1Channel(severalSwaths ? $"{part[1].ToUpperInvariant()}/{polarisation}" : polarisation, stem, $"{folder}/{file}",
                Find($"measurement/{stem}.tif"), Find($"annotation/calibration/calibration-{stem}.xml"), Find($"annotation/calibration/noise-{stem}.xml"));
        }).OrderBy(c => c.Measurement is null)];

        string? Find(string start) =>
            files.FirstOrDefault(file => file.StartsWith(start, StringComparison.OrdinalIgnoreCase)) is { } file ? $"{folder}/{file}" : null;
    }

    /// <summary>The channel of a name; the first when none is named.</summary>
    public static Sentinel1Channel Choose(string path, List<Sentinel1Channel> channels, string? name)
    {
        if (name is null)
            return channels[0];
        return channels.Find(channel => channel.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? channels.Find(channel => channel.Name.EndsWith("/" + name, StringComparison.OrdinalIgnoreCase))
            ?? throw new RasterException(path, $"has no channel '{name}': expected one of {string.Join(", ", channels.Select(channel => channel.Name))}");
    }

    /// <summary>What an annotation tells.</summary>
    public static SarMetadata MetadataOf(XElement annotation)
    {
        var header = annotation.At("adsHeader");
        var image = annotation.At("imageAnnotation/imageInformation");
        var product = annotation.At("generalAnnotation/productInformation");
        var processing = annotation.All("imageAnnotation/processingInformation/swathProcParamsList/swathProcParams").ToList();
        return new SarMetadata
        {
            Sensor = header.Text("missionId"),
            ProductType = header.Text("productType"),
            Polarisation = header.Text("polarisation"),
            Mode = header.Text("mode"),
            Date = header.Time("startTime"),
            CentreFrequency = product.Number("radarFrequency"),
            Band = XmlFields.BandOf(product.Number("radarFrequency")),
            SlantRange = product.Text("projection") switch { "Slant Range" => true, "Ground Range" => false, _ => null },
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
            throw new RasterException(path, $"{channel.Stem}.tiff has {source.Rows} x {source.Columns} pixels, but its annotation says {rows} x {columns}");
    }
}
