// Rasters that carry pixels and little else: GeoTIFF, ENVI, and whatever else GDAL reads.
using System.Globalization;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>Opens a file with GDAL and tells what its pixels are by the rule in <see cref="SarRaster"/>.</summary>
internal static class PlainRaster
{
    // Drivers of local raster files; those that reach a network or a database are left out.
    private static readonly string[] Drivers =
    [
        "GTiff", "ENVI", "NITF", "PNG", "JPEG", "BMP", "VRT", "JP2OpenJPEG", "AIG", "EHdr", "ISCE", "ROI_PAC", "PNM",
            "RST",
        "GSBG", "GS7BG", "AAIGrid", "HFA", "SAGA", "ERS", "PAux", "GFF", "CPG", "ESAT", "CEOS", "SAR_CEOS", "AirSAR",
            "RMF", "Leveller", "KRO", "GRIB", "XYZ",
    ];

    private static readonly string[] Diagonals = ["T11", "T22", "T33", "T44", "C11", "C22", "C33", "C44"];

    public static RasterContent Open(string path, RasterOptions options)
    {
        var file = Path.GetFullPath(path);
        var dataset = Gdal.Open(file, path, Drivers);
        try
        {
            var driver = Gdal.DriverOf(dataset);
            var bands = Gdal.GDALGetRasterCount(dataset);
            var band = Band(path, options.Channel, bands);
            RequireLength(path, file, dataset, driver, bands);
            var source = new GdalSource(path, dataset, band);
            var items = Gdal.Items(dataset);
            // No provider made what a model made, whatever JSON of its name lies beside it.
            var facts = driver == "GTiff" && !items.ContainsKey(MetadataItems.SourceType)
                ? CommercialTiff.Describe(path, items) : null;
            var (kind, assumed) = Kind(source.IsComplex, options.Kind, items,
                Gdal.UnitOf(Gdal.GDALGetRasterBand(dataset, band)), path);
            if (facts is not null && !source.IsComplex)
            {
                // Amplitude and phase in two bands: how the phase is coded is not documented.
                if (bands == 2 && facts.Metadata.ProductType?.Contains("SLC", StringComparison.Ordinal) == true)
                    throw new RasterException(path,
                        $"is an {facts.Format} with amplitude and phase in two bands, which is not "
                        + $"read: use the HDF5 product");
                (kind, assumed) = (options.Kind ?? PixelKind.Amplitude, false);
                source.SetPower(facts.AmplitudeExponent is { } exponent ? 1 / exponent : 1, 1 / facts.AmplitudeScale);
            }
            return new RasterContent(source, kind, SyntheticMark.Read(
                facts?.Metadata ?? MetadataItems.ToMetadata(items),
                string.Concat(Gdal.Lines(dataset, MetadataItems.Xmp))))
            {
                Format = facts?.Format ?? (driver == "GTiff" ? "GeoTIFF" : driver),
                KindIsAssumed = assumed,
                GeoReference = GdalGeoReference.Of(dataset),
                Channels = [.. Enumerable.Range(1, bands)
                    .Where(number => number == band || !GdalMask.IsAlpha(Gdal.GDALGetRasterBand(dataset, number)))
                    .Select(number => number.ToString(CultureInfo.InvariantCulture))],
                Channel = band.ToString(CultureInfo.InvariantCulture),
                Remarks = GdalGeoReference.RemarkOn(dataset) is { } remark ? [remark] : [],
            };
        }
        catch
        {
            _ = Gdal.GDALClose(dataset);
            throw;
        }
    }

    private static (PixelKind Kind, bool Assumed) Kind(bool complex, PixelKind? told, IReadOnlyDictionary<string,
        string> items, string unit, string path)
    {
        if (complex)
            return (PixelKind.Complex, false);
        if (told == PixelKind.Complex)
            throw new RasterException(path, "has real pixels, but complex ones were asked for");
        if (told is { } kind)
            return (kind, false);
        if (items.TryGetValue(MetadataItems.Kind, out var name))
        {
            return (Enum.Parse<PixelKind>(Known.Value(path, MetadataItems.Kind, name,
                nameof(PixelKind.Amplitude), nameof(PixelKind.Intensity), nameof(PixelKind.Decibel),
                nameof(PixelKind.Normalised))), false);
        }
        var stem = Path.GetFileNameWithoutExtension(path);
        if (unit.Equals("dB", StringComparison.OrdinalIgnoreCase)
            || stem.EndsWith("_db", StringComparison.OrdinalIgnoreCase))
            return (PixelKind.Decibel, false);
        return Diagonals.Contains(stem) ? (PixelKind.Intensity, false) : (PixelKind.Amplitude, true);
    }

    private static int Band(string path, string? channel, int bands)
    {
        if (bands < 1)
            throw new RasterException(path, "has no raster band");
        if (channel is null)
            return 1;
        if (!int.TryParse(channel, CultureInfo.InvariantCulture, out var band) || band < 1 || band > bands)
            throw new RasterException(path, $"has no channel '{channel}': expected a band from 1 to {bands}");
        return band;
    }

    // GDAL reads what is missing at the end of a raw file as zeros: a truncated file must not pass for dark ground.
    private static void RequireLength(string path, string file, nint dataset, string driver, int bands)
    {
        if (driver != "ENVI")
            return;
        var header = Gdal.Items(dataset, "ENVI");
        if (header.GetValueOrDefault("file_compression") == "1")
            return;
        var offset = long.TryParse(header.GetValueOrDefault("header_offset"), CultureInfo.InvariantCulture,
            out var told) ? told : 0;
        long size = Gdal.GDALGetRasterDataType(Gdal.GDALGetRasterBand(dataset, 1)) switch
        {
            GdalType.Byte or GdalType.Int8 => 1,
            GdalType.UInt16 or GdalType.Int16 => 2,
            GdalType.Float64 or GdalType.ComplexFloat32 or GdalType.ComplexInt32 or GdalType.UInt64 or GdalType.Int64 =>
                8,
            GdalType.ComplexFloat64 => 16,
            _ => 4,
        };
        int rows = Gdal.GDALGetRasterYSize(dataset), columns = Gdal.GDALGetRasterXSize(dataset);
        var expected = offset + (long)rows * columns * bands * size;
        using var handle = File.OpenHandle(file);
        var found = RandomAccess.GetLength(handle);  // A link's own length is not its file's.
        if (found < expected)
            throw new RasterException(path,
                $"is truncated: found {found} bytes, expected {expected} for {rows} x {columns} "
                + $"x {bands} of {size} bytes");
    }
}
