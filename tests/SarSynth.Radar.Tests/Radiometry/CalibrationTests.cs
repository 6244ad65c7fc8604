// Calibration on real Sentinel-1 annotations: the three tables against the annotated incidence angle, and by hand.
using System.Globalization;
using System.IO.Compression;
using System.Xml.Linq;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Tests.Support;

namespace SarSynth.Radar.Tests.Radiometry;

public class CalibrationTests
{
    private const string Sarsen =
        "sar/sentinel1-sarsen/S1B_IW_GRDH_1SDV_20211223T051122_20211223T051147_030148_039993_5371.SAFE";
    private const string SarsenSlc =
        "sar/sentinel1-sarsen/S1A_IW_SLC__1SDV_20220104T170557_20220104T170624_041314_04E951_F1F1.SAFE";
    private const string Zip1 =
        "sar/sentinel1-grd-annotations/S1A_IW_GRDH_1SDV_20150203T043109_20150203T043134_004454_00574F_6D00.zip";
    private const string Zip2 =
        "sar/sentinel1-grd-annotations/S1A_IW_GRDH_1SDV_20150222T170750_20150222T170815_004739_005DD8_3768.zip";

    [OptionalDataTheory(Sarsen)]
    [InlineData(Sarsen, 16704, 26101), InlineData(SarsenSlc, 13508, 22693), InlineData(Zip1, 16000, 25000),
        InlineData(Zip2, 16000, 25000)]
    public void TheThreeTablesHoldOneIncidence(string product, int lastLine, int lastPixel)
    {
        var calibration = Sentinel1Calibration.Open(TestData.Optional(product));
        for (var line = 0; line <= lastLine; line += 997)
        {
            for (var pixel = 0; pixel <= lastPixel; pixel += 331)
            {
                var (bySine, byTangent) = Incidence(calibration, line, pixel);
                Assert.Equal(bySine, byTangent, 0.001);
                // Ground-range tables are one profile for the whole product (see below); the grid follows orbit and
                // terrain, here up to 1,800 m high.
                Assert.Equal(calibration.IncidenceAngle(line, pixel), bySine, 0.4);
            }
        }
    }

    // Why ground-range tables cannot agree with the annotated incidence to 0.01 degrees: every vector is the same
    // incidence profile, that of one sphere seen from one altitude, while the orbit rises or falls by 300 m within the
    // product, and the terrain by more.
    [OptionalDataTheory(Sarsen)]
    [InlineData(Sarsen), InlineData(Zip1), InlineData(Zip2)]
    public void GroundRangeTablesAreOneProfileOverASphere(string product)
    {
        var path = TestData.Optional(product);
        var calibration = Sentinel1Calibration.Open(path);
        var annotation = Annotation(path);
        var lines = (int)annotation.Descendants("numberOfLines").First();
        var conversion = annotation.Descendants("coordinateConversion")
            .First(c => c.Element("grsrCoefficients") is not null);
        double[] coefficients = Numbers(conversion.Element("grsrCoefficients")!);
        double origin = (double)conversion.Element("gr0")!, spacing =
            (double)annotation.Descendants("rangePixelSpacing").First();
        foreach (var swath in annotation.Descendants("swathMerge"))
        {
            var bounds = swath.Descendants("swathBounds").First();
            int first = (int)bounds.Element("firstRangeSample")! + 400,
                last = (int)bounds.Element("lastRangeSample")! - 400;
            // Law of cosines: r cos(incidence) = (Rs² - R²)/(2R) - r²/(2R) for slant range r, a line in r².
            var places = Enumerable.Range(0, 100).Select(i => first + (last - first) * i / 99.0).ToArray();
            var ranges = places.Select(p => coefficients.Select((c, k) => c * Math.Pow(p * spacing - origin, k))
                .Sum() / 1e6).ToArray();
            var angles = places.Select(p => Incidence(calibration, 0, p).BySine).ToArray();
            var (level, slope) = MathNet.Numerics.Fit.Line([.. ranges.Select(r => r * r)],
                [.. ranges.Zip(angles, (r, a) => r * Math.Cos(a * Math.PI / 180))]);
            double radius = -1 / (2 * slope), altitude = Math.Sqrt(radius * radius + 2 * radius * level) - radius;
            Assert.InRange(altitude, 0.690, 0.715);
            for (var i = 0; i < places.Length; i++)
            {
                Assert.Equal(Math.Acos((level + slope * ranges[i] * ranges[i]) / ranges[i]) * 180 / Math.PI, angles[i],
                    0.01);
                for (var line = 0; line < lines; line += 997)
                    Assert.Equal(angles[i], Incidence(calibration, line, places[i]).BySine, 1e-4);
            }
        }
        // At the near edge, over one column, the annotated angle changes with the orbit and the ground.
        var near = Enumerable.Range(0, lines / 997).Select(i => calibration.IncidenceAngle(i * 997, 0)).ToArray();
        Assert.True(near.Max() - near.Min() > 0.03, $"{near.Min()} to {near.Max()}");
    }

    [OptionalDataFact(SarsenSlc)]
    public void TheTablesAgreeWithTheAnnotatedIncidence()
    {
        // The antenna pattern's incidence angle over slant range time, which is what the processor calibrates with.
        var folder = TestData.Optional(SarsenSlc);
        var annotation = XDocument.Load(Directory.GetFiles(Path.Combine(folder, "annotation"), "*.xml")[0]).Root!;
        var patterns = annotation.Descendants("antennaPattern").Where(p => p.Element("incidenceAngle") is not null)
            .Select(p => (Time: Date(p.Element("azimuthTime")!), Ranges: Numbers(p.Element("slantRangeTime")!),
                Angles: Numbers(p.Element("incidenceAngle")!))).ToList();
        var image = annotation.Descendants("imageInformation").Single();
        var firstTime = (double)image.Element("slantRangeTime")!;
        var sampling = (double)annotation.Descendants("rangeSamplingRate").First();
        var vectors = XDocument.Load(Directory.GetFiles(Path.Combine(folder, "annotation", "calibration"),
            "calibration*.xml")[0]).Descendants("calibrationVector").ToList();
        var calibration = Sentinel1Calibration.Open(folder);
        Assert.Equal(10, patterns.Count);
        foreach (var vector in vectors)
        {
            var time = Date(vector.Element("azimuthTime")!);
            var after = Math.Clamp(patterns.Count(p => p.Time < time), 1, patterns.Count - 1);
            var part = Math.Clamp((time - patterns[after - 1].Time) / (patterns[after].Time - patterns[after - 1].Time),
                0, 1);
            for (var pixel = 100; pixel < 22000; pixel += 700)
            {
                var range = firstTime + pixel / sampling;
                var annotated = (1 - part) * Interpolate(patterns[after - 1], range)
                    + part * Interpolate(patterns[after], range);
                var (bySine, byTangent) = Incidence(calibration, (int)vector.Element("line")!, pixel);
                Assert.Equal(annotated, bySine, 0.01);
                Assert.Equal(annotated, byTangent, 0.01);
            }
        }

        static double Date(XElement element) => DateTime.Parse(element.Value, CultureInfo.InvariantCulture).Ticks / 1e7;

        static double Interpolate((double Time, double[] Ranges, double[] Angles) pattern, double range)
        {
            var right = Math.Clamp(Array.FindIndex(pattern.Ranges, r => r >= range), 1, pattern.Ranges.Length - 1);
            var u = (range - pattern.Ranges[right - 1]) / (pattern.Ranges[right] - pattern.Ranges[right - 1]);
            return (1 - u) * pattern.Angles[right - 1] + u * pattern.Angles[right];
        }
    }

    [OptionalDataFact(Sarsen)]
    public void PixelsAreCalibratedByHand()
    {
        var calibration = Calibration.Open(TestData.Optional(Sarsen), "VV");
        var window = new RasterWindow(5000, 8000, 3, 50);
        var image = new AmplitudeImage(3, 50, [.. Enumerable.Range(0, 150).Select(i => 100f + i)]);
        var sigma = calibration.Apply(image, window, Backscatter.SigmaNought, removeNoise: true);
        Assert.Equal(Backscatter.SigmaNought, sigma.Metadata.Quantity);
        var tables = Assert.IsType<Sentinel1Calibration>(calibration);
        var noise = new double[50];
        calibration.Noise(5001, 8000, noise);
        for (var column = 0; column < 50; column++)
        {
            var a = tables.Value(Backscatter.SigmaNought, 5001, 8000 + column);
            var dn = 100.0 + 50 + column;
            Assert.Equal((dn * dn - noise[column]) / (a * a), sigma.Pixels[50 + column], 1e-6);
        }
        // The noise-equivalent sigma nought of the IW mode is specified as -22 dB or better.
        var factors = new double[50];
        calibration.Factors(5001, 8000, Backscatter.SigmaNought, factors);
        Assert.InRange(10 * Math.Log10(noise[25] * factors[25]), -35, -20);
        Assert.Contains("SigmaNought already",
            Assert.Throws<ArgumentException>(() => calibration.Apply(sigma, window, Backscatter.BetaNought)).Message);
    }

    [OptionalDataFact(Sarsen)]
    public void TableValuesAreThoseOfTheFile()
    {
        // Read from calibration-s1b-iw-grd-vv-...-001.xml and noise-...-001.xml with another XML library.
        var calibration = Sentinel1Calibration.Open(TestData.Optional(Sarsen));
        Assert.Equal(663.8558, calibration.Value(Backscatter.SigmaNought, 0, 0), 1e-9);
        Assert.Equal(473.9733, calibration.Value(Backscatter.BetaNought, 0, 0), 1e-9);
        Assert.Equal(615.7493, calibration.Value(Backscatter.GammaNought, 0, 0), 1e-9);
        Assert.Equal(638.8345, calibration.Value(Backscatter.SigmaNought, 3341, 4000), 1e-9);
        Assert.Equal(473.9733, calibration.Value(Backscatter.BetaNought, 3341, 4000), 1e-9);
        Assert.Equal(583.7064, calibration.Value(Backscatter.GammaNought, 3341, 4000), 1e-9);
        Assert.Equal(558.3672, calibration.Value(Backscatter.SigmaNought, 17373, 26101), 1e-9);
        Assert.Equal(473.9733, calibration.Value(Backscatter.BetaNought, 17373, 26101), 1e-9);
        Assert.Equal(464.9547, calibration.Value(Backscatter.GammaNought, 17373, 26101), 1e-9);
        Assert.Equal(638.7608225, calibration.Value(Backscatter.SigmaNought, 3348, 4013), 1e-9);
        var noise = new double[1];
        calibration.Noise(0, 0, noise);
        Assert.Equal(2593.863956308, noise[0], 1e-6);
        calibration.Noise(1234, 5678, noise);
        Assert.Equal(1097.6356896576492, noise[0], 1e-6);
        calibration.Noise(9000, 20001, noise);
        Assert.Equal(382.3566983380811, noise[0], 1e-6);
        calibration.Noise(16704, 26101, noise);
        Assert.Equal(0.0, noise[0], 1e-6);
    }

    [OptionalDataFact(Zip1)]
    public void OldNoiseAnnotationsAreReadFromZips()
    {
        var calibration = Calibration.Open(TestData.Optional(Zip1), "VH");
        Assert.True(calibration.HasNoise);
        var noise = new double[4];
        calibration.Noise(0, 0, noise);
        Assert.All(noise, value => Assert.True(value > 0));
        Assert.Contains("has no channel 'HH'",
            Assert.Throws<RasterException>(() => Calibration.Open(TestData.Optional(Zip1), "HH")).Message);
    }

    [OptionalDataFact(SarsenSlc)]
    public void WithoutNoiseAnnotationItSaysSo()
    {
        var calibration = Calibration.Open(TestData.Optional(SarsenSlc));
        Assert.False(calibration.HasNoise);
        Assert.Throws<NotSupportedException>(() => calibration.Noise(0, 0, new double[1]));
    }

    [OptionalDataFact("sar/terrasarx-sicd/cropped_sicd_110.nitf")]
    public void ASicdWithoutRadiometrySaysSo() => Assert.Contains("no Radiometric block",
        Assert.Throws<RasterException>(() =>
            Calibration.Open(TestData.Optional("sar/terrasarx-sicd/cropped_sicd_110.nitf"))).Message);

    private static XElement Annotation(string path)
    {
        if (Directory.Exists(path))
            return XDocument.Load(Directory.GetFiles(Path.Combine(path, "annotation"), "*.xml")[0]).Root!;
        using var zip = ZipFile.OpenRead(path);
        using var entry = zip.Entries.First(e => e.FullName.EndsWith(".xml", StringComparison.Ordinal)
            && Path.GetFileName(Path.GetDirectoryName(e.FullName)) == "annotation").Open();
        return XDocument.Load(entry).Root!;
    }

    private static double[] Numbers(XElement element) =>
        [.. element.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        .Select(v => double.Parse(v, CultureInfo.InvariantCulture))];

    // sigma = beta sin, gamma = beta tan; the values are 1/A².
    private static (double BySine, double ByTangent) Incidence(Sentinel1Calibration calibration, double line,
        double pixel)
    {
        var sigma = calibration.Value(Backscatter.SigmaNought, line, pixel);
        var beta = calibration.Value(Backscatter.BetaNought, line, pixel);
        var gamma = calibration.Value(Backscatter.GammaNought, line, pixel);
        return (Math.Asin(beta * beta / (sigma * sigma)) * 180 / Math.PI,
            Math.Atan(beta * beta / (gamma * gamma)) * 180 / Math.PI);
    }
}
