// Sentinel-1: calibration, noise and geolocation grid of one channel as tables.
// Sentinel-1 Product Specification S1-RS-MDA-52-7441; thermal denoising MPC-0392.
using System.Xml.Linq;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>Reads the tables of a channel from its annotation files; its measurement need not be there.</summary>
internal static class Sentinel1Annotation
{
    /// <exception cref="RasterException">The channel has no calibration file.</exception>
    /// <exception cref="FormatException">A table is damaged.</exception>
    public static Sentinel1Tables Tables(string path, Sentinel1Channel channel)
    {
        if (channel.Calibration is null)
            throw new RasterException(path, $"has no calibration for {channel.Name}: "
                + $"annotation/calibration/calibration-{channel.Stem}.xml is missing");
        var calibration = VirtualFile.ReadXml(channel.Calibration);
        var vectors = calibration.All("calibrationVectorList/calibrationVector").ToList();
        var annotation = VirtualFile.ReadXml(channel.Annotation);
        var grid = annotation.All("geolocationGrid/geolocationGridPointList/geolocationGridPoint").GroupBy(LineOf);
        var noise = channel.Noise is null ? null : VirtualFile.ReadXml(channel.Noise);
        return new Sentinel1Tables(Values("sigmaNought"), Values("betaNought"), Values("gamma"),
            new LookUpTable("geolocationGrid",
                grid.Select(points => (points.Key, Required(points, "pixel"), Required(points, "incidenceAngle")))),
            noise is null ? null : RangeNoise(noise),
            noise is null ? [] : [.. noise.All("noiseAzimuthVectorList/noiseAzimuthVector").Select(AzimuthNoise)]);

        LookUpTable Values(string name) =>
            new(name, vectors.Select(vector => (LineOf(vector), vector.Numbers("pixel"), vector.Numbers(name))));
    }

    private static LookUpTable RangeNoise(XElement noise)
    {
        // Before processor 2.90 there is one list for range only.
        var (list, values) = noise.At("noiseVectorList") is not null
            ? ("noiseVectorList/noiseVector", "noiseLut")
            : ("noiseRangeVectorList/noiseRangeVector", "noiseRangeLut");
        return new LookUpTable("noise",
            noise.All(list).Select(vector => (LineOf(vector), vector.Numbers("pixel"), vector.Numbers(values))));
    }

    private static AzimuthNoiseBlock AzimuthNoise(XElement vector)
    {
        // In single-look products a vector covers the whole image and gives no borders.
        var values = vector.Numbers("noiseAzimuthLut");
        return new AzimuthNoiseBlock(
            (int)(vector.Number("firstAzimuthLine") ?? 0), (int)(vector.Number("lastAzimuthLine") ?? int.MaxValue),
            (int)(vector.Number("firstRangeSample") ?? 0), (int)(vector.Number("lastRangeSample") ?? int.MaxValue),
            new LookUpTable("noiseAzimuthLut", [(0, vector.Numbers("line"), values)]));
    }

    private static int LineOf(XElement vector) =>
        (int)(vector.Number("line") ?? throw new FormatException("line: found nothing, expected a number"));

    private static double[] Required(IEnumerable<XElement> points, string field) =>
        [.. points.Select(point => point.Number(field)
            ?? throw new FormatException($"{field}: found nothing, expected a number"))];
}
