// Sentinel-1: look-up tables of calibration and of thermal noise.
// Sentinel-1 Product Specification S1-RS-MDA-52-7441; thermal denoising MPC-0392.
using System.Xml.Linq;
using SarSynth.Radar.Rasters;
using SarSynth.Radar.Rasters.Products;

namespace SarSynth.Radar.Radiometry;

/// <summary>value = (|DN|² - noise) / A², with A bilinear in the product's table; noise is range noise times azimuth noise.</summary>
public sealed class Sentinel1Calibration : Calibration
{
    private readonly LookUpTable sigma;
    private readonly LookUpTable beta;
    private readonly LookUpTable gamma;
    private readonly LookUpTable incidence;
    private readonly LookUpTable? rangeNoise;
    private readonly List<AzimuthNoise> azimuthNoise = [];

    internal Sentinel1Calibration(string path, Sentinel1Channel channel)
    {
        if (channel.Calibration is null)
            throw new RasterException(path, $"has no calibration for {channel.Name}: annotation/calibration/calibration-{channel.Stem}.xml is missing");
        var calibration = VirtualFile.ReadXml(channel.Calibration);
        var vectors = calibration.All("calibrationVectorList/calibrationVector").Select(vector =>
            (Line: LineOf(vector), Pixels: vector.Numbers("pixel"), Sigma: vector.Numbers("sigmaNought"), Beta: vector.Numbers("betaNought"), Gamma: vector.Numbers("gamma"))).ToList();
        sigma = new LookUpTable("sigmaNought", vectors.Select(v => (v.Line, v.Pixels, v.Sigma)));
        beta = new LookUpTable("betaNought", vectors.Select(v => (v.Line, v.Pixels, v.Beta)));
        gamma = new LookUpTable("gamma", vectors.Select(v => (v.Line, v.Pixels, v.Gamma)));
        var annotation = VirtualFile.ReadXml(channel.Annotation);
        incidence = new LookUpTable("geolocationGrid", annotation.All("geolocationGrid/geolocationGridPointList/geolocationGridPoint")
            .GroupBy(LineOf).Select(points => (points.Key, Required(points, "pixel"), Required(points, "incidenceAngle"))));
        if (channel.Noise is null)
            return;
        var noise = VirtualFile.ReadXml(channel.Noise);
        // Before processor 2.90 there is one list for range only.
        var old = noise.At("noiseVectorList") is not null;
        rangeNoise = new LookUpTable("noise", noise.All(old ? "noiseVectorList/noiseVector" : "noiseRangeVectorList/noiseRangeVector")
            .Select(vector => (LineOf(vector), vector.Numbers("pixel"), vector.Numbers(old ? "noiseLut" : "noiseRangeLut"))));
        azimuthNoise.AddRange(noise.All("noiseAzimuthVectorList/noiseAzimuthVector").Select(AzimuthNoise.From));
    }

    /// <summary>Reads the tables of a product; its measurement need not be there.</summary>
    /// <param name="path">SAFE folder, manifest or zip.</param>
    /// <param name="channel">Which channel; null takes the first.</param>
    /// <exception cref="RasterException">No Sentinel-1 product, or no calibration in it.</exception>
    public static new Sentinel1Calibration Open(string path, string? channel = null) =>
        Calibration.Open(path, channel) as Sentinel1Calibration ?? throw new RasterException(path, "is no Sentinel-1 product");

    /// <inheritdoc/>
    public override bool HasNoise => rangeNoise is not null;

    /// <summary>The calibration value A at a place of the image: value = |DN|² / A².</summary>
    /// <param name="quantity">Which table.</param>
    /// <param name="line">Row, may lie between two.</param>
    /// <param name="pixel">Column, may lie between two.</param>
    public double Value(Backscatter quantity, double line, double pixel) => Table(quantity).At(line, pixel);

    /// <summary>The annotated incidence angle at a place of the image, degrees; bilinear in the geolocation grid.</summary>
    public double IncidenceAngle(double line, double pixel) => incidence.At(line, pixel);

    /// <inheritdoc/>
    public override void Factors(int row, int firstColumn, Backscatter quantity, Span<double> factors)
    {
        Table(quantity).Row(row, firstColumn, factors);
        foreach (ref var factor in factors)
            factor = 1 / (factor * factor);
    }

    /// <inheritdoc/>
    public override void Noise(int row, int firstColumn, Span<double> noise)
    {
        (rangeNoise ?? throw new NotSupportedException("thermal noise: the product has no noise annotation.")).Row(row, firstColumn, noise);
        foreach (var block in azimuthNoise)
            block.Multiply(row, firstColumn, noise);
    }

    private LookUpTable Table(Backscatter quantity) => quantity switch
    {
        Backscatter.BetaNought => beta,
        Backscatter.SigmaNought => sigma,
        _ => gamma,
    };

    private static int LineOf(XElement vector) => (int)(vector.Number("line") ?? throw new FormatException("line: found nothing, expected a number"));

    private static double[] Required(IEnumerable<XElement> points, string field) =>
        [.. points.Select(point => point.Number(field) ?? throw new FormatException($"{field}: found nothing, expected a number"))];

    // A block of the image, a swath of the scene, with a factor per line.
    private sealed record AzimuthNoise(int FirstLine, int LastLine, int FirstSample, int LastSample, LookUpTable Table)
    {
        public static AzimuthNoise From(XElement vector)
        {
            // In single-look products a vector covers the whole image and gives no borders.
            var values = vector.Numbers("noiseAzimuthLut");
            return new AzimuthNoise((int)(vector.Number("firstAzimuthLine") ?? 0), (int)(vector.Number("lastAzimuthLine") ?? int.MaxValue),
                (int)(vector.Number("firstRangeSample") ?? 0), (int)(vector.Number("lastRangeSample") ?? int.MaxValue),
                new LookUpTable("noiseAzimuthLut", [(0, vector.Numbers("line"), values)]));
        }

        public void Multiply(int row, int firstColumn, Span<double> noise)
        {
            if (row < FirstLine || row > LastLine)
                return;
            var factor = Table.At(0, row);
            var end = (int)Math.Min(noise.Length, (long)LastSample + 1 - firstColumn);
            for (var i = Math.Max(0, FirstSample - firstColumn); i < end; i++)
                noise[i] *= factor;
        }
    }
}
