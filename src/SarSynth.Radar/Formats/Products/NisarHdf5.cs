// NISAR and UAVSAR single-look complex products in HDF5.
// NISAR RSLC product specification JPL D-102268.
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>Reads /science/?SAR/(R)SLC/swaths/frequencyX/PP; a channel is named by frequency and polarisation: "A/HH".</summary>
internal static class NisarHdf5
{
    private static readonly string[] Polarisations = ["HH", "HV", "VH", "VV", "RH", "RV", "LH", "LV"];

    public static RasterContent Open(string path, RasterOptions options)
    {
        var file = new Hdf5File(path);
        try
        {
            if (IceyeHdf5.Is(file))
                return IceyeHdf5.Open(path, file);
            var science = file.Names("/science").FirstOrDefault(name => name.EndsWith("SAR", StringComparison.Ordinal));
            var product = science is null ? null : file.Names($"/science/{science}").FirstOrDefault(name => name is "RSLC" or "SLC");
            if (product is null)
                throw new RasterException(path, "is an HDF5 file of a layout that is not known: expected /science/LSAR/RSLC/swaths/frequencyA/HH or alike");
            var root = $"/science/{science}";
            var swaths = $"{root}/{product}/swaths";
            var channels = (from frequency in file.Names(swaths)
                            where frequency.StartsWith("frequency", StringComparison.Ordinal)
                            from polarisation in file.Names($"{swaths}/{frequency}")
                            where Polarisations.Contains(polarisation)
                            select $"{frequency["frequency".Length..]}/{polarisation}").ToList();
            if (channels.Count == 0)
                throw new RasterException(path, $"has no pixels: expected a polarisation such as {swaths}/frequencyA/HH");
            var channel = options.Channel is null ? channels[0]
                : channels.Find(name => name.Equals(options.Channel, StringComparison.OrdinalIgnoreCase) || name.EndsWith("/" + options.Channel, StringComparison.OrdinalIgnoreCase))
                ?? throw new RasterException(path, $"has no channel '{options.Channel}': expected one of {string.Join(", ", channels)}");
            var parts = channel.Split('/');
            var swath = $"{swaths}/frequency{parts[0]}";
            var metadata = MetadataOf(file, root, product, swath, parts[1]);
            var dataset = file.Open($"{swath}/{parts[1]}");
            if (!dataset.IsComplex)
            {
                dataset.Dispose();
                throw new RasterException(path, $"{swath}/{parts[1]} holds real numbers, expected complex ones");
            }
            return new RasterContent(new Hdf5Source(file, dataset), PixelKind.Complex, metadata) { Format = $"HDF5 {product}", Channels = channels, Channel = channel };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static SarMetadata MetadataOf(Hdf5File file, string root, string product, string swath, string polarisation)
    {
        var identification = $"{root}/identification";
        var frequency = file.Number($"{swath}/processedCenterFrequency") ?? file.Number($"{swath}/acquiredCenterFrequency");
        return new SarMetadata
        {
            Sensor = Known(file.Text($"{identification}/missionId")),
            ProductType = Known(file.Text($"{identification}/productType")) ?? product,
            Polarisation = polarisation,
            CentreFrequency = frequency,
            Band = XmlFields.BandOf(frequency),
            LookDirection = Known(file.Text($"{identification}/lookDirection"))?.ToLowerInvariant() is "left" or "right"
                ? file.Text($"{identification}/lookDirection")!.Trim().ToLowerInvariant() : null,
            Date = Known(file.Text($"{identification}/zeroDopplerStartTime")) is { } start ? XmlFields.ParseTime(start, "zeroDopplerStartTime") : null,
            SlantRange = true,
            RangeSpacing = file.Number($"{swath}/slantRangeSpacing"),
            AzimuthSpacing = file.Number($"{swath}/sceneCenterAlongTrackSpacing"),
            RangeBandwidth = file.Number($"{swath}/processedRangeBandwidth"),
            AzimuthBandwidth = file.Number($"{swath}/processedAzimuthBandwidth"),
            IncidenceAngle = CentreIncidence(file, $"{root}/{product}/metadata/geolocationGrid"),
            Looks = 1,
        };
    }

    // The grid is height x time x range; its middle at the layer nearest to the ellipsoid stands for the scene's centre.
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
    private static string? Known(string? text)
    {
        var trimmed = text?.Split('\0')[0].Trim();
        return string.IsNullOrEmpty(trimmed) || trimmed.All(c => c == '.') ? null : trimmed;
    }
}
