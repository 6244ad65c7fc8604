// TerraSAR-X and TanDEM-X level 1b: annotation XML with COSAR or GeoTIFF images.
// Level 1b Product Format Specification TX-GS-DD-3307.
using System.Globalization;
using System.Xml.Linq;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>
/// Reads a product by its annotation (root element level1Product); a channel is a polarisation layer.
/// </summary>
internal static class TerraSarX
{
    private static readonly string[] Drivers = ["GTiff"];

    /// <summary>The annotation file of a product folder; null when there is none.</summary>
    public static string? FindAnnotation(string folder) =>
        Directory.EnumerateFiles(folder, "*.xml").Order(StringComparer.Ordinal).FirstOrDefault(IsAnnotation);

    /// <summary>Whether a file is a level 1b annotation.</summary>
    public static bool IsAnnotation(string file)
    {
        using var reader = new StreamReader(file);
        var head = new char[4096];
        return new string(head, 0, reader.ReadBlock(head, 0, head.Length))
            .Contains("<level1Product", StringComparison.Ordinal);
    }

    public static RasterContent Open(string path, string annotationFile, RasterOptions options)
    {
        var xml = Read(annotationFile);
        var layers = Layers(path, xml);
        var layer = Choose(path, layers, options.Channel);
        var file = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(annotationFile))!,
            layer.File.Replace('\\', '/'));
        if (!File.Exists(file))
            throw new RasterException(path, $"has no pixels for {layer.Name}: {layer.File} is missing");
        using var handle = File.OpenHandle(file);
        if (RandomAccess.GetLength(handle) == 0)
            throw new RasterException(path, $"has no pixels for {layer.Name}: {layer.File} is empty");
        PixelSource source = IsCosar(file) ? new CosarSource(file) : Detected(path, file, layer);
        try
        {
            double? rows = xml.Number("productInfo/imageDataInfo/imageRaster/numberOfRows"),
                columns = xml.Number("productInfo/imageDataInfo/imageRaster/numberOfColumns");
            if ((rows is not null && rows != source.Rows) || (columns is not null && columns != source.Columns))
                throw new RasterException(path,
                    $"{layer.File} has {source.Rows} x {source.Columns} pixels, but the "
                    + $"annotation says {rows} x {columns}");
            RequireSamples(path, xml, layer, source);
            return new RasterContent(source, source.IsComplex ? PixelKind.Complex : PixelKind.Amplitude,
                MetadataOf(xml, layer))
            {
                Format = $"TerraSAR-X {xml.Text("productInfo/productVariantInfo/productVariant") ?? "level 1b"}",
                Channels = [.. layers.Select(l => l.Name)],
                Channel = layer.Name,
                GeoReference = source is GdalSource tiff ? GdalGeoReference.Of(tiff.Dataset) : null,
                Remarks = source is GdalSource image && GdalGeoReference.RemarkOn(image.Dataset) is { } remark
                    ? [remark] : [],
            };
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>The radiometric calibration of a channel.</summary>
    public static TerraSarXTables Calibration(string path, string annotationFile, string? channel)
    {
        var xml = Read(annotationFile);
        var layer = Choose(path, Layers(path, xml), channel);
        var factor = xml.All("calibration/calibrationConstant").FirstOrDefault(layer.Owns).Number("calFactor")
            ?? throw new RasterException(path, $"has no calFactor for {layer.Name}: it is not calibrated");
        var info = xml.At("productInfo");
        int rows = (int)Required(info, "imageDataInfo/imageRaster/numberOfRows"),
            columns = (int)Required(info, "imageDataInfo/imageRaster/numberOfColumns");
        var start = info.Time("sceneInfo/start/timeUTC");
        double first = Required(info, "sceneInfo/rangeTime/firstPixel"),
            last = Required(info, "sceneInfo/rangeTime/lastPixel");
        var span = info.Time("sceneInfo/stop/timeUTC") is { } stop
            && start is { } begin ? (stop - begin).TotalSeconds : 0;
        var time = (First: first, Spacing: columns > 1 ? (last - first) / (columns - 1) : 0);
        List<TerraSarXNoise> noise = [.. xml.All("noise").Where(layer.Owns).SelectMany(n => n.All("imageNoise"))
            .Select(n => Noise(n, start))];
        return new TerraSarXTables(factor, rows, columns, Corners(info, rows, columns), time, span, noise)
        {
            Remarks = noise.Count == 0 ? [] : [.. new[] { Uncovered(noise, time, columns) }.OfType<string>()],
        };
    }

    // In detected images 0 lies outside of the scene.
    private static GdalSource Detected(string path, string file, Layer layer)
    {
        var source = new GdalSource(path, Gdal.Open(file, $"{path}: {layer.File}", Drivers));
        source.SetFill(0);
        return source;
    }

    // The polynomials hold over a range of times; a column outside takes the value at its end.
    private static string? Uncovered(List<TerraSarXNoise> noise, (double First, double Spacing) time, int columns)
    {
        double from = noise.Max(n => n.ValidFrom), to = noise.Min(n => n.ValidTo),
            last = time.First + (columns - 1) * time.Spacing;
        return time.First >= from - time.Spacing && last <= to + time.Spacing ? null
            : FormattableString.Invariant($"noise is annotated for range times {from:G9} to {to:G9} s, ")
                + FormattableString.Invariant($"the image has {time.First:G9} to {last:G9} s: ")
                + "outside the nearest value is taken";
    }

    // What the annotation says of the samples must be what the file holds.
    private static void RequireSamples(string path, XElement xml, Layer layer, PixelSource source)
    {
        var info = xml.At("productInfo/imageDataInfo");
        if (info.Text("imageDataType") is { } type
            && Known.Value(path, "TerraSAR-X image data type", type, "COMPLEX", "DETECTED") is var kind
            && source.IsComplex != (kind == "COMPLEX"))
            throw new RasterException(path,
                $"{layer.File} has {(source.IsComplex ? "complex" : "real")} samples, but the annotation says {type}");
        if (info.Text("imageDataFormat") is { } format
            && Known.Value(path, "TerraSAR-X image data format", format, "COSAR", "GEOTIFF") is var written
            && source is CosarSource != (written == "COSAR"))
            throw new RasterException(path,
                $"{layer.File} is {(source is CosarSource ? "COSAR" : "GeoTIFF")}, but the annotation says {format}");
    }

    private static bool IsCosar(string file)
    {
        using var stream = File.OpenRead(file);
        Span<byte> head = stackalloc byte[32];
        return stream.ReadAtLeast(head, 32, throwOnEndOfStream: false) == 32 && head[28..].SequenceEqual("CSAR"u8);
    }

    // An image of the product, by polarisation and, where that comes several times, by beam or by number.
    private sealed record Layer(string Name, string? Polarisation, string? Beam, string? Index, string File)
    {
        // Calibration and noise name their layer by its number, or else by what they tell of polarisation and beam.
        public bool Owns(XElement element) => (string?)element.Attribute("layerIndex") is { } index && Index is not null
            ? index == Index
            : Agrees(element.Text("polLayer"), Polarisation) && Agrees(element.Text("beamID"), Beam);

        private static bool Agrees(string? told, string? own) => told is null || own is null || told == own;
    }

    private static XElement Read(string annotationFile)
    {
        var xml = VirtualFile.ReadXml(annotationFile);
        return xml.Name.LocalName == "level1Product" ? xml
            : throw new RasterException(annotationFile, $"is XML of root {xml.Name.LocalName}, expected level1Product");
    }

    private static List<Layer> Layers(string path, XElement xml)
    {
        List<Layer> layers = [.. xml.All("productComponents/imageData")
            .Where(image => image.Text("file/location/filename") is not null)
            .Select(image => new Layer("", image.Text("polLayer"), image.Text("beamID"),
                (string?)image.Attribute("layerIndex"),
                Path.Combine(image.Text("file/location/path") ?? "", image.Text("file/location/filename")!)))];
        if (layers.Count == 0)
            throw new RasterException(path, "names no image: expected productComponents/imageData in its annotation");
        var names = ChannelNames.Distinct(path, [.. layers.Select((layer, number) => (string[])
        [
            layer.Polarisation ?? (number + 1).ToString(CultureInfo.InvariantCulture),
            $"{layer.Beam}/{layer.Polarisation}".Trim('/'),
            $"{layer.Polarisation}/{layer.Index ?? (number + 1).ToString(CultureInfo.InvariantCulture)}".Trim('/'),
        ])]);
        return [.. layers.Zip(names, (layer, name) => layer with { Name = name })];
    }

    private static Layer Choose(string path, List<Layer> layers, string? channel) =>
        layers[ChannelNames.Find(path, [.. layers.Select(layer => layer.Name)], channel)];

    private static SarMetadata MetadataOf(XElement xml, Layer layer)
    {
        var info = xml.At("productInfo");
        var image = info.At("imageDataInfo/imageRaster");
        var complex = xml.At("productSpecific/complexImageInfo");
        bool? slant = info.Text("productVariantInfo/projection") switch { "SLANTRANGE" =>
            true, "GROUNDRANGE" or "MAP" => false, _ => null };
        var frequency = xml.Number("instrument/radarParameters/centerFrequency");
        return new SarMetadata
        {
            Sensor = info.Text("missionInfo/mission"),
            Mode = info.Text("acquisitionInfo/imagingMode"),
            LookDirection = info.Text("acquisitionInfo/lookDirection")?.ToLowerInvariant() is "left" or "right"
                ? info.Text("acquisitionInfo/lookDirection")!.ToLowerInvariant() : null,
            ProductType = info.Text("productVariantInfo/productVariant") ?? info.Text("productVariantInfo/productType"),
            Polarisation = layer.Polarisation,
            Date = info.Time("sceneInfo/start/timeUTC"),
            CentreFrequency = frequency,
            Band = XmlFields.BandOf(frequency),
            SlantRange = slant,
            // In slant range the raster's own spacings are times; the projected ones are in metres.
            RangeSpacing = slant == true ? complex.Number("projectedSpacingRange/slantRange")
                : image.Number("columnSpacing"),
            AzimuthSpacing = slant == true ? complex.Number("projectedSpacingAzimuth") : image.Number("rowSpacing"),
            RangeResolution = slant == true ? xml.Number("productSpecific/complexImageInfo/slantRangeResolution")
                : image.Number("groundRangeResolution"),
            AzimuthResolution = image.Number("azimuthResolution"),
            IncidenceAngle = info.Number("sceneInfo/sceneCenterCoord/incidenceAngle"),
            Looks = image.Number("rangeLooks") * image.Number("azimuthLooks"),
            RangeBandwidth = xml.Number("processing/processingParameter/rangeLookBandwidth"),
            AzimuthBandwidth = xml.Number("processing/processingParameter/azimuthLookBandwidth"),
        };
    }

    // Corners come in any order: each goes to the end of the image it is nearest to.
    private static double[] Corners(XElement? info, int rows, int columns)
    {
        var centre = info.Number("sceneInfo/sceneCenterCoord/incidenceAngle");
        var corners = new double?[4];
        foreach (var corner in info.All("sceneInfo/sceneCornerCoord"))
        {
            var at = (Required(corner, "refRow") > rows / 2.0 ? 2 : 0)
                + (Required(corner, "refColumn") > columns / 2.0 ? 1 : 0);
            corners[at] = corner.Number("incidenceAngle");
        }
        return [.. corners.Select(corner => corner ?? centre
            ?? throw new FormatException("incidenceAngle: found neither at the corners nor at the centre"))];
    }

    private static TerraSarXNoise Noise(XElement xml, DateTime? start)
    {
        var estimate = xml.At("noiseEstimate");
        var terms = estimate.All("coefficient")
            .ToDictionary(c => int.TryParse((string?)c.Attribute("exponent"), out var exponent)
            && exponent is >= 0 and <= 32 ? exponent
            : throw new FormatException($"noise coefficient: found exponent '{(string?)c.Attribute("exponent")}', "
                + $"expected 0 to 32"), c => XmlFields.ParseNumber(c.Value, "noise coefficient"));
        if (terms.Count == 0)
            throw new FormatException("noiseEstimate: found no coefficient, expected one or more");
        var time = xml.Time("timeUTC") is { } utc && start is { } begin ? (utc - begin).TotalSeconds : 0;
        return new TerraSarXNoise(time, Required(estimate, "validityRangeMin"), Required(estimate, "validityRangeMax"),
            Required(estimate, "referencePoint"),
            [.. Enumerable.Range(0, terms.Keys.Max() + 1).Select(k => terms.GetValueOrDefault(k))]);
    }

    private static double Required(XElement? xml, string field) =>
        xml.Number(field) ?? throw new FormatException($"{field}: found nothing, expected a number");
}
