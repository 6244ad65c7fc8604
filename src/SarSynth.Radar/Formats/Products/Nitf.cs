// SICD and SIDD: NITF files whose metadata is XML in a data extension segment.
// NGA.STND.0024 (SICD) and NGA.STND.0025 (SIDD).
using System.Xml.Linq;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>
/// Reads SICD (complex, slant plane) and SIDD (detected, for display). SICD stores range along rows: it is turned.
/// </summary>
internal static class Nitf
{
    private const double SpeedOfLight = 299792458;
    private static readonly string[] Drivers = ["NITF"];

    /// <summary>Opens a SICD or SIDD; null when the file is a NITF of another kind.</summary>
    public static RasterContent? Open(string path, RasterOptions options)
    {
        var dataset = Gdal.Open(Path.GetFullPath(path), path, Drivers);
        var handedOver = false;
        try
        {
            if (FindXml(dataset, path) is not { } xml)
                return null;
            if (options.Channel is { } channel && channel != "1")
                throw new RasterException(path, $"has no channel '{channel}': expected 1");
            RequireVersion(path, xml);
            handedOver = true;
            return xml.Name.LocalName == "SICD" ? Sicd(path, dataset, xml) : Sidd(path, dataset, xml);
        }
        finally
        {
            if (!handedOver)
                _ = Gdal.GDALClose(dataset);
        }
    }

    // The version is the last part of the namespace: urn:SICD:1.1.0.
    private static void RequireVersion(string path, XElement xml)
    {
        var version = xml.Name.NamespaceName.Split(':')[^1];
        if (xml.Name.LocalName == "SICD")
            Known.Version(path, "SICD", version, "0.3", "0.4", "0.5", "1.0", "1.1", "1.2", "1.3", "1.4", "1.5");
        else
            Known.Version(path, "SIDD", version, "1.0", "2.0", "3.0");
    }

    /// <summary>The radiometric calibration of a SICD.</summary>
    public static SicdTables Calibration(string path)
    {
        var dataset = Gdal.Open(Path.GetFullPath(path), path, Drivers);
        try
        {
            if (FindXml(dataset, path) is not { Name.LocalName: "SICD" } xml)
                throw new RasterException(path, "is no SICD: it has no calibration that is known");
            RequireVersion(path, xml);
            var radiometric = xml.At("Radiometric")
                ?? throw new RasterException(path,
                "has no Radiometric block in its SICD metadata: it is not calibrated");
            var absolute = radiometric.Text("NoiseLevel/NoiseLevelType") is null or "ABSOLUTE";
            return new SicdTables(Polynomial(radiometric, "SigmaZeroSFPoly"), Polynomial(radiometric, "BetaZeroSFPoly"),
                Polynomial(radiometric, "GammaZeroSFPoly"),
                absolute ? Polynomial(radiometric, "NoiseLevel/NoisePoly")
                    ?? Polynomial(radiometric, "NoisePoly") : null,
                Axis("Row", "SCPPixel/Row", "FirstRow"), Axis("Col", "SCPPixel/Col", "FirstCol"));

            (double, double) Axis(string axis, string centre, string first) =>
                (Required(xml, $"ImageData/{centre}") - (xml.Number($"ImageData/{first}") ?? 0),
                    Required(xml, $"Grid/{axis}/SS"));
        }
        finally
        {
            _ = Gdal.GDALClose(dataset);
        }
    }

    private static RasterContent Sicd(string path, nint dataset, XElement xml)
    {
        var (type, table) = Guarded(dataset, () =>
            (Known.Value(path, "SICD pixels of type", xml.Text("ImageData/PixelType"), "RE32F_IM32F", "RE16I_IM16I",
                "AMP8I_PHS8I"), Amplitudes(xml)));
        var pair = type == "AMP8I_PHS8I" ? BandPair.AmplitudePhase : BandPair.RealImaginary;
        var source = Segments(path, dataset, part =>
        {
            var (stored, fits) = (Gdal.GDALGetRasterDataType(Gdal.GDALGetRasterBand(part, 1)), type switch
            {
                "RE32F_IM32F" => (GdalType[])[GdalType.Float32, GdalType.ComplexFloat32],
                "RE16I_IM16I" => [GdalType.Int16, GdalType.ComplexInt16],
                _ => [GdalType.Byte],
            });
            if (!fits.Contains(stored))
                throw new RasterException(path, $"has {stored} samples, but its SICD metadata says {type}");
            return new GdalSource(path, part, 1, Gdal.GDALGetRasterCount(part) == 1 ? BandPair.None : pair,
                pair == BandPair.AmplitudePhase ? table : null);
        });
        try
        {
            double? rows = xml.Number("ImageData/NumRows"), columns = xml.Number("ImageData/NumCols");
            if ((rows is not null && rows != source.Rows) || (columns is not null && columns != source.Columns))
                throw new RasterException(path,
                    $"has {source.Rows} x {source.Columns} pixels, but its SICD metadata says {rows} x {columns}");
            if (!source.IsComplex)
                throw new RasterException(path, "has real pixels, but SICD is complex");
            return new RasterContent(Valid(xml, new TransposedSource(source)), PixelKind.Complex, SicdMetadata(xml))
            {
                Format = "SICD",
                Channels = ["1"],
                Channel = "1",
            };
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    // Outside of the polygon of valid data, which is convex, lie zeros. Its vertices count in the full image.
    private static PixelSource Valid(XElement xml, PixelSource source)
    {
        double firstRow = xml.Number("ImageData/FirstRow") ?? 0, firstColumn = xml.Number("ImageData/FirstCol") ?? 0;
        var corners = xml.All("ImageData/ValidData/Vertex")
            .Select(vertex => (Range: Required(vertex, "Row") - firstRow,
                Azimuth: Required(vertex, "Col") - firstColumn))
            .ToArray();
        return corners.Length < 3 ? source : new ValidLinesSource(source, row =>
        {
            double first = double.PositiveInfinity, last = double.NegativeInfinity;
            for (var i = 0; i < corners.Length; i++)
            {
                var (a, b) = (corners[i], corners[(i + 1) % corners.Length]);
                if (row < Math.Min(a.Azimuth, b.Azimuth) || row > Math.Max(a.Azimuth, b.Azimuth))
                    continue;
                var part = a.Azimuth == b.Azimuth ? 0 : (row - a.Azimuth) / (b.Azimuth - a.Azimuth);
                var at = a.Range + part * (b.Range - a.Range);
                (first, last) = (Math.Min(first, at), Math.Max(last, at));
                if (a.Azimuth == b.Azimuth)
                    (first, last) = (Math.Min(first, b.Range), Math.Max(last, b.Range));
            }
            const double rounding = 1e-6;
            return first > last ? [] : [((int)Math.Ceiling(first - rounding), (int)Math.Floor(last + rounding) + 1)];
        });
    }

    private static SarMetadata SicdMetadata(XElement xml)
    {
        double? low = xml.Number("ImageFormation/TxFrequencyProc/MinProc")
            ?? xml.Number("RadarCollection/TxFrequency/Min");
        double? high = xml.Number("ImageFormation/TxFrequencyProc/MaxProc")
            ?? xml.Number("RadarCollection/TxFrequency/Max");
        return new SarMetadata
        {
            Sensor = xml.Text("CollectionInfo/CollectorName"),
            Mode = xml.Text("CollectionInfo/RadarMode/ModeType"),
            ProductType = "SICD",
            Date = xml.Time("Timeline/CollectStart"),
            Polarisation = xml.Text("ImageFormation/TxRcvPolarizationProc") is { Length: 3 } polarisation
                ? polarisation.Replace(":", "") : null,
            CentreFrequency = (low + high) / 2,
            Band = XmlFields.BandOf((low + high) / 2),
            RangeSpacing = xml.Number("Grid/Row/SS"),
            AzimuthSpacing = xml.Number("Grid/Col/SS"),
            RangeResolution = xml.Number("Grid/Row/ImpRespWid"),
            AzimuthResolution = xml.Number("Grid/Col/ImpRespWid"),
            RangeBandwidth = xml.Number("Grid/Row/ImpRespBW") * SpeedOfLight / 2,
            IncidenceAngle = xml.Number("SCPCOA/IncidenceAng") ?? 90 - xml.Number("SCPCOA/GrazeAng"),
            LookDirection = xml.Text("SCPCOA/SideOfTrack") switch { "R" => "right", "L" => "left", _ => null },
            SlantRange = xml.Text("Grid/ImagePlane") switch { "SLANT" => true, "GROUND" => false, _ => null },
            Looks = 1,
        };
    }

    private static RasterContent Sidd(string path, nint dataset, XElement xml)
    {
        // Of the types for display the indexed and coloured ones hold no amplitudes.
        _ = Guarded(dataset, () => Known.Value(path, "SIDD pixels of type", xml.Text("Display/PixelType"), "MONO8I",
            "MONO16I"));
        var source = Segments(path, dataset, part => new GdalSource(path, part));
        var collection = xml.At("ExploitationFeatures/Collection");
        var measurement = xml.At("Measurement")?.Elements()
            .FirstOrDefault(element => element.Name.LocalName.EndsWith("Projection", StringComparison.Ordinal));
        var polarisation = collection.At("Information/Polarization");
        var metadata = new SarMetadata
        {
            Sensor = collection.Text("Information/SensorName"),
            Mode = collection.Text("Information/RadarMode/ModeType"),
            ProductType = "SIDD",
            Date = collection.Time("Information/CollectionDateTime"),
            Polarisation = polarisation.Text("TxPolarization") is { Length: 1 } sent
                && polarisation.Text("RcvPolarization") is { Length: 1 } received ? sent + received : null,
            // The grid need not follow range and azimuth; like all rasters it gives the
            // spacing of rows and columns here.
            AzimuthSpacing = measurement.Number("SampleSpacing/Row"),
            RangeSpacing = measurement.Number("SampleSpacing/Col"),
            IncidenceAngle = 90 - collection.Number("Geometry/Graze"),
            SlantRange = false,
        };
        // Display grey, remapped by the producer: no radiometric rule leads back.
        return new RasterContent(source, PixelKind.Amplitude, metadata) { Format = "SIDD", KindIsAssumed = true,
            Channels = ["1"], Channel = "1", GeoReference = null };
    }

    // An image beyond the limits of one NITF segment comes in several, which GDAL shows as subdatasets.
    private static PixelSource Segments(string path, nint dataset, Func<nint, GdalSource> open)
    {
        var names = Gdal.Items(dataset, "SUBDATASETS")
            .Where(item => item.Key.EndsWith("_NAME", StringComparison.Ordinal)
            && item.Value.StartsWith("NITF_IM:", StringComparison.Ordinal))
            .Select(item => item.Value).ToList();
        var opened = new List<PixelSource>();
        try
        {
            if (names.Count <= 1)
                return open(dataset);
            _ = Gdal.GDALClose(dataset);
            dataset = 0;
            foreach (var name in names.OrderBy(name => int.TryParse(name.Split(':')[1], out var number) ? number
                : int.MaxValue))
            {
                var part = Gdal.Open(name, path, Drivers);
                opened.Add(Guarded(part, () => open(part)));
            }
            return new StackedSource(path, opened);
        }
        catch
        {
            opened.ForEach(part => part.Dispose());
            if (dataset != 0)
                _ = Gdal.GDALClose(dataset);
            throw;
        }
    }

    private static XElement? FindXml(nint dataset, string path)
    {
        foreach (var list in Gdal.Lines(dataset, "xml:DES"))
        {
            foreach (var field in VirtualFile.ParseXml(System.Text.Encoding.UTF8.GetBytes(list), path)
                .Descendants("field").Where(field => (string?)field.Attribute("name") == "DESDATA"))
            {
                var bytes = Convert.FromBase64String((string?)field.Attribute("value") ?? "");
                if (bytes.AsSpan().IndexOf("SICD"u8) < 0 && bytes.AsSpan().IndexOf("SIDD"u8) < 0)
                    continue;
                var xml = VirtualFile.ParseXml(bytes, path);
                if (xml.Name.LocalName is "SICD" or "SIDD")
                    return xml;
            }
        }
        return null;
    }

    private static double[]? Amplitudes(XElement xml)
    {
        if (xml.At("ImageData/AmpTable") is not { } table)
            return null;
        var amplitudes = new double[256];
        foreach (var entry in table.Elements())
        {
            if (!int.TryParse((string?)entry.Attribute("index"), out var index) || index is < 0 or > 255)
                throw new FormatException($"AmpTable: found index "
                    + $"'{(string?)entry.Attribute("index")}', expected 0 to 255");
            amplitudes[index] = XmlFields.ParseNumber(entry.Value, "AmpTable");
        }
        return amplitudes;
    }

    private static Polynomial2D? Polynomial(XElement xml, string name)
    {
        if (xml.At(name) is not { } polynomial)
            return null;
        var terms = polynomial.Elements().Where(element => element.Name.LocalName == "Coef")
            .Select(term => (I: Exponent(term, "exponent1"), J: Exponent(term, "exponent2"),
                Value: XmlFields.ParseNumber(term.Value, name))).ToList();
        if (terms.Count == 0)
            throw new FormatException($"{name}: found no coefficient, expected one or more");
        var coefficients = new double[terms.Max(term => term.I) + 1, terms.Max(term => term.J) + 1];
        foreach (var (i, j, value) in terms)
            coefficients[i, j] = value;
        return new Polynomial2D(coefficients);

        int Exponent(XElement term, string attribute) =>
            int.TryParse((string?)term.Attribute(attribute) ?? "0", out var exponent) && exponent is >= 0 and <= 32
                ? exponent : throw new FormatException($"{name}: found exponent "
                    + $"'{(string?)term.Attribute(attribute)}', expected 0 to 32");
    }

    private static double Required(XElement xml, string field) =>
        xml.Number(field) ?? throw new FormatException($"{field}: found nothing, expected a number");

    // Closes the dataset when the action fails.
    private static T Guarded<T>(nint dataset, Func<T> action)
    {
        try
        {
            return action();
        }
        catch
        {
            _ = Gdal.GDALClose(dataset);
            throw;
        }
    }
}
