// NISAR and UAVSAR single-look complex products in HDF5, in radar geometry and geocoded.
// NISAR product specifications: RSLC JPL D-102268, GSLC JPL D-102269.
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>
/// Reads /science/?SAR/(R)SLC/swaths/frequencyX/PP and /science/?SAR/GSLC/grids/frequencyX/PP; a channel is named by
/// frequency and polarisation: "A/HH".
/// </summary>
internal static class NisarHdf5
{
    private const string Geocoded = "GSLC";

    private static readonly string[] Polarisations = ["HH", "HV", "VH", "VV", "RH", "RV", "LH", "LV"];

    public static RasterContent Open(string path, RasterOptions options)
    {
        var file = new Hdf5File(path);
        try
        {
            if (IceyeHdf5.Is(file))
                return IceyeHdf5.Open(path, file);
            var images = Images(path, file);
            var names = ChannelNames.Distinct(path,
                [.. images.Select(image => (string[])
                [
                    $"{image.Frequency}/{image.Polarisation}", $"{image.Band}/{image.Frequency}/{image.Polarisation}",
                ])]);
            var chosen = ChannelNames.Find(path, names, options.Channel);
            var (band, product, frequency, polarisation) = images[chosen];
            var root = $"/science/{band}";
            RequireVersion(path, file, root);
            var isGeocoded = product == Geocoded;
            var swath = $"{root}/{product}/{Images(product)}/frequency{frequency}";
            var metadata = MetadataOf(file, root, product, swath, polarisation);
            var dataset = file.Open($"{swath}/{polarisation}");
            if (!dataset.IsComplex)
                throw new RasterException(path, $"{swath}/{polarisation} holds real numbers, expected complex ones");
            Known.Value(path, "complex samples of type", dataset.SampleType, "float16", "float32", "float64");
            List<string> remarks = [];
            if (dataset.NoDataIsUnusual)
                remarks.Add($"{swath}/{polarisation} has a fill value that is no complex number v + 0i or "
                    + $"v + vi: it is not heeded");
            var pixels = Valid(path, file, swath, new Hdf5Source(file, dataset), remarks);
            return new RasterContent(Masked(path, file, swath, pixels), PixelKind.Complex, metadata)
            {
                Format = $"HDF5 {product}",
                Channels = names,
                Channel = names[chosen],
                GeoReference = isGeocoded ? PlaceOf(path, file, swath, pixels, remarks) : null,
                Remarks = remarks,
            };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    // All complex images of the product, of every radar band and frequency.
    private static List<(string Band, string Product, string Frequency, string Polarisation)> Images(
        string path, Hdf5File file)
    {
        const string prefix = "frequency";
        var products = (from band in file.Names("/science")
                        where band.EndsWith("SAR", StringComparison.Ordinal)
                        from product in file.Names($"/science/{band}")
                        where product != "identification"
                        select (Band: band, Product: product)).ToList();
        var known = products.FindAll(found => found.Product is "RSLC" or "SLC" or Geocoded);
        if (known.Count == 0)
        {
            throw new RasterException(path, products.Count == 0
                ? "is an HDF5 file of a layout that is not known: "
                    + "expected /science/LSAR/RSLC/swaths/frequencyA/HH or alike"
                : "is an HDF5 product "
                    + string.Join(", ", products.Select(found => $"/science/{found.Band}/{found.Product}"))
                    + ", expected RSLC, SLC or GSLC");
        }
        var images = (from found in known
                      let swaths = $"/science/{found.Band}/{found.Product}/{Images(found.Product)}"
                      from frequency in file.Names(swaths)
                      where frequency.StartsWith(prefix, StringComparison.Ordinal)
                      from polarisation in file.Names($"{swaths}/{frequency}")
                      where Polarisations.Contains(polarisation)
                      select (found.Band, found.Product, frequency[prefix.Length..], polarisation)).ToList();
        return images.Count > 0 ? images
            : throw new RasterException(path,
                "has no pixels: expected a polarisation such as "
                + $"/science/{known[0].Band}/{known[0].Product}/{Images(known[0].Product)}/frequencyA/HH");
    }

    // The group of a product's images.
    private static string Images(string product) => product == Geocoded ? "grids" : "swaths";

    private static void RequireVersion(string path, Hdf5File file, string root)
    {
        if (Filled(file.Text($"{root}/identification/productType")) is { } type)
            Known.Value(path, "HDF5 product type", type, "RSLC", "SLC", Geocoded);
        // The specification's version came with NISAR; before there was that of the product alone.
        Known.Version(path, "NISAR product specification",
            Filled(file.Text($"{root}/identification/productSpecificationVersion")), "0", "1");
    }

    // The valid samples of each line, for each sub-swath from the first to before the last.
    private static PixelSource Valid(string path, Hdf5File file, string swath, Hdf5Source source, List<string> remarks)
    {
        var swaths = new List<double[]>();
        for (var number = 1; file.Numbers($"{swath}/validSamplesSubSwath{number}") is { } valid; number++)
        {
            if (valid.Shape.Length != 2 || valid.Shape[0] != source.Rows || valid.Shape[1] != 2)
            {
                throw new RasterException(path,
                    $"{swath}/validSamplesSubSwath{number} has shape [{string.Join(", ", valid.Shape)}], "
                    + $"expected [{source.Rows}, 2]");
            }
            swaths.Add(valid.Values);
        }
        if (swaths.Count == 0)
            return source;
        if (!swaths.Exists(valid => Enumerable.Range(0, source.Rows).Any(row => valid[2 * row] < valid[2 * row + 1])))
        {
            remarks.Add($"{swath}/validSamplesSubSwath1 names no valid sample: all samples are taken");
            return source;
        }
        return new ValidLinesSource(source, row =>
            [.. swaths.Select(valid => ((int)valid[2 * row], (int)valid[2 * row + 1]))
                .Where(range => range.Item1 < range.Item2).Order()]);
    }

    // The layer numbers the sub-swath that a sample comes from, from 1; 0 is none, 255 outside of the scene.
    private static PixelSource Masked(string path, Hdf5File file, string swath, PixelSource source)
    {
        if (!file.Has($"{swath}/mask"))
            return source;
        var mask = file.Open($"{swath}/mask");
        if ((mask.Rows, mask.Columns, mask.IsComplex) != (source.Rows, source.Columns, false))
        {
            throw new RasterException(path, $"{swath}/mask has {mask.Rows} x {mask.Columns} "
                + $"{(mask.IsComplex ? "complex" : "real")} numbers, expected "
                    + $"{source.Rows} x {source.Columns} real ones");
        }
        return new MaskedSource(source, mask, number => number is > 0 and < 255);
    }

    // The coordinates are those of the middles of pixels, evenly spaced; the reference system is
    // told as WKT beside its code.
    private static GeoReference? PlaceOf(string path, Hdf5File file, string grid, PixelSource source,
        List<string> remarks)
    {
        if (file.Numbers($"{grid}/xCoordinates") is not { } x || file.Numbers($"{grid}/yCoordinates") is not { } y)
        {
            remarks.Add($"{grid} has no xCoordinates and yCoordinates: where it lies is not known");
            return null;
        }
        if (x.Values.Length != source.Columns || y.Values.Length != source.Rows || x.Values.Length < 2
            || y.Values.Length < 2)
        {
            throw new RasterException(path,
                $"{grid} has {y.Values.Length} yCoordinates and {x.Values.Length} xCoordinates, "
                + $"expected {source.Rows} and {source.Columns}");
        }
        double dx = (x.Values[^1] - x.Values[0]) / (source.Columns - 1),
            dy = (y.Values[^1] - y.Values[0]) / (source.Rows - 1);
        var system = Filled(file.AttributeText($"{grid}/projection", "spatial_ref"));
        if (system is null)
            remarks.Add($"{grid}/projection does not tell its reference "
                + $"system (attribute spatial_ref): coordinates are kept as they are");
        return new GeoReference([x.Values[0] - dx / 2, dx, 0, y.Values[0] - dy / 2, 0, dy], system ?? "");
    }

    private static SarMetadata MetadataOf(Hdf5File file, string root, string product, string swath, string polarisation)
    {
        var identification = $"{root}/identification";
        var frequency = file.Number($"{swath}/processedCenterFrequency")
            ?? file.Number($"{swath}/acquiredCenterFrequency")
            ?? file.Number($"{swath}/centerFrequency");
        return new SarMetadata
        {
            Sensor = Filled(file.Text($"{identification}/missionId")),
            ProductType = Filled(file.Text($"{identification}/productType")) ?? product,
            Polarisation = polarisation,
            CentreFrequency = frequency,
            Band = XmlFields.BandOf(frequency),
            LookDirection =
                Filled(file.Text($"{identification}/lookDirection"))?.ToLowerInvariant() is "left" or "right"
                ? file.Text($"{identification}/lookDirection")!.Trim().ToLowerInvariant() : null,
            Date = Filled(file.Text($"{identification}/zeroDopplerStartTime")) is { } start
                ? XmlFields.ParseTime(start, "zeroDopplerStartTime") : null,
            SlantRange = product != Geocoded,
            // Of a geocoded image these would be the spacings of the image that it was made from.
            RangeSpacing = product == Geocoded ? null : file.Number($"{swath}/slantRangeSpacing"),
            AzimuthSpacing = product == Geocoded ? null : file.Number($"{swath}/sceneCenterAlongTrackSpacing"),
            RangeBandwidth = file.Number($"{swath}/processedRangeBandwidth") ?? file.Number($"{swath}/rangeBandwidth"),
            AzimuthBandwidth = file.Number($"{swath}/processedAzimuthBandwidth")
                ?? file.Number($"{swath}/azimuthBandwidth"),
            IncidenceAngle = CentreIncidence(file, $"{root}/{product}/metadata/geolocationGrid"),
            Looks = 1,
        };
    }

    // The grid is height x time x range; its middle at the layer nearest to the ellipsoid
    // stands for the scene's centre.
    private static double? CentreIncidence(Hdf5File file, string grid)
    {
        if (file.Numbers($"{grid}/incidenceAngle") is not { Shape.Length: 3 } incidence)
            return null;
        var layer = 0L;
        if (file.Numbers($"{grid}/heightAboveEllipsoid") is { } heights && heights.Values.Length == incidence.Shape[0])
            layer = Array.IndexOf(heights.Values, heights.Values.MinBy(Math.Abs));
        var (rows, columns) = (incidence.Shape[1], incidence.Shape[2]);
        var value = incidence.Values[(layer * rows + rows / 2) * columns + columns / 2];
        return double.IsFinite(value) && value is > 0 and < 90 ? value : null;
    }

    // Writers leave fields that they do not fill as dots or nulls.
    private static string? Filled(string? text)
    {
        var trimmed = text?.Split('\0')[0].Trim();
        return string.IsNullOrEmpty(trimmed) || trimmed.All(c => c == '.') ? null : trimmed;
    }
}
