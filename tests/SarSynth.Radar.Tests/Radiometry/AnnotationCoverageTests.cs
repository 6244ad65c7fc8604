// Annotation that leaves a part of the image out: the nearest value is taken there, and a line says so. Noise of old
// processors.
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Tests.Support;

namespace SarSynth.Radar.Tests.Radiometry;

public sealed class AnnotationCoverageTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-coverage-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Azimuth_noise_that_ends_before_the_image_goes_on()
    {
        var calibration = Calibration.Open(TestData.Golden("cases/07-noise-uncovered/noise_azi_short.SAFE"));
        foreach (var row in (int[])[0, 49, 50, 59])
            Assert.All(Noise(calibration, row), value => Assert.Equal(2000, value, 1e-9));
        Assert.Equal("azimuth noise is annotated for all but 400 of 2400 pixels (in rows 50 to 59, columns 0 to 39): "
            + "there the nearest block's value is taken", Assert.Single(calibration.Remarks));
    }

    [Fact]
    public void A_column_between_two_swaths_takes_the_nearer_block()
    {
        var calibration = Calibration.Open(TestData.Golden("cases/07-noise-uncovered/noise_azi_gapcol.SAFE"));
        var noise = Noise(calibration, 30);
        Assert.All(noise[..19], value => Assert.Equal(2000, value, 1e-9));
        Assert.Contains(noise[19], (double[])[2000, 3000]);
        Assert.All(noise[20..], value => Assert.Equal(3000, value, 1e-9));
        Assert.Equal("azimuth noise is annotated for all but 60 of 2400 pixels (in rows 0 to 59, columns 19 to 19): "
            + "there the nearest block's value is taken", Assert.Single(calibration.Remarks));
    }

    /// <summary>Blocks at random, held to a search over all of them for every pixel.</summary>
    [Fact]
    public void Every_pixel_takes_the_value_of_the_nearest_block()
    {
        var random = new Random(7);
        for (var trial = 0; trial < 60; trial++)
        {
            List<(int Top, int Bottom, int Left, int Right, double Factor)> blocks = [];
            for (var i = random.Next(1, 6); i > 0; i--)
            {
                int top = random.Next(60), left = random.Next(40);
                var block = (Top: top, Bottom: Math.Min(59, top + random.Next(30)), Left: left,
                    Right: Math.Min(39, left + random.Next(20)), Factor: blocks.Count + 2.0);
                if (!blocks.Exists(b => b.Top <= block.Bottom && block.Top <= b.Bottom && b.Left <= block.Right
                    && block.Left <= b.Right))
                    blocks.Add(block);
            }
            var calibration = Calibration.Open(Product(string.Concat(blocks.Select(b =>
                $"<noiseAzimuthVector><firstAzimuthLine>{b.Top}</firstAzimuthLine>"
                + $"<lastAzimuthLine>{b.Bottom}</lastAzimuthLine>"
                + $"<firstRangeSample>{b.Left}</firstRangeSample><lastRangeSample>{b.Right}</lastRangeSample>"
                + $"<line>{b.Top} {b.Bottom + 1}</line>"
                + $"<noiseAzimuthLut>{b.Factor} {b.Factor}</noiseAzimuthLut></noiseAzimuthVector>"))));
            var outside = 0;
            for (var row = 0; row < 60; row++)
            {
                var noise = Noise(calibration, row);
                for (var column = 0; column < 40; column++)
                {
                    var distances = blocks.ConvertAll(b =>
                        Math.Pow(Math.Max(0, Math.Max(b.Top - row, row - b.Bottom)), 2)
                        + Math.Pow(Math.Max(0, Math.Max(b.Left - column, column - b.Right)), 2));
                    var least = distances.Min();
                    outside += least > 0 ? 1 : 0;
                    // Of blocks equally near any will do.
                    Assert.Contains(noise[column] / 1000,
                        blocks.Where((_, i) => distances[i] == least).Select(b => b.Factor));
                }
            }
            Assert.Equal(outside > 0, calibration.Remarks
                .Any(line => line.Contains($"all but {outside} of 2400", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void Tables_that_leave_columns_or_rows_out_say_so()
    {
        var remarks = Calibration.Open(Product("", pixels: "5 30")).Remarks;
        Assert.Equal(["calibration is annotated for columns 5 to 30 of 40: outside the nearest value is taken",
            "range noise is annotated for columns 5 to 30 of 40: outside the nearest value is taken"], remarks);
        Assert.Empty(Calibration.Open(Product("")).Remarks);
    }

    /// <summary>
    /// MPC-0243: x 75088.7 (IW) or 56065.87 (EW) and dn, from 2.34 on dn², until 2.50. Without it the noise of these
    /// products is so small that nothing is taken off.
    /// </summary>
    [Theory]
    [InlineData("002.33", "IW", 75088.7 * 400), InlineData("002.36", "IW", 75088.7 * 400 * 400),
        InlineData("002.36", "EW", 56065.87 * 400 * 400)]
    [InlineData("002.53", "IW", 1.0), InlineData("003.71", "EW", 1.0)]
    public void Noise_of_old_processors_gets_its_scale(string ipf, string mode, double scale)
    {
        var calibration = Calibration.Open(Product("", ipf: ipf, mode: mode));
        Assert.All(Noise(calibration, 3), value => Assert.Equal(1000 * scale, value, 1e-9 * scale));
        Assert.Equal(scale != 1, calibration.Remarks.Any(line =>
            line.Contains($"IPF {ipf} annotated it without", StringComparison.Ordinal)));
    }

    [Fact]
    public void Noise_without_a_known_scale_or_of_zeros_is_named()
    {
        var calibration = Calibration.Open(Product("", ipf: "002.36", mode: "S3"));
        Assert.False(calibration.HasNoise);
        Assert.Contains("IPF 002.36 annotated it without its scale", Assert.Single(calibration.Remarks));
        Assert.Equal(["thermal noise is annotated as 0 everywhere: there is none to take off"],
            Calibration.Open(Product("", level: 0)).Remarks);
    }

    private static double[] Noise(Calibration calibration, int row)
    {
        var noise = new double[40];
        calibration.Noise(row, 0, noise);
        // A window that begins inside gives the same values.
        var part = new double[11];
        calibration.Noise(row, 17, part);
        Assert.Equal(noise[17..28], part);
        return noise;
    }

    // A product of 60 x 40 pixels without its measurement: calibration 400, range noise as told.
    private string Product(string azimuth, string pixels = "0 39", string? ipf = null, string mode = "IW",
        double level = 1000)
    {
        var path = Path.Combine(folder, Guid.NewGuid().ToString("N") + ".SAFE");
        Directory.CreateDirectory(Path.Combine(path, "annotation", "calibration"));
        File.WriteAllText(Path.Combine(path, "manifest.safe"),
            ipf is null ? "<XFDU/>" : $"""<XFDU><software name="Sentinel-1 IPF" version="{ipf}"/></XFDU>""");
        File.WriteAllText(Path.Combine(path, "annotation", "s1a-iw-grd-vv-001.xml"), $"""
            <product><adsHeader><productType>GRD</productType><mode>{mode}</mode></adsHeader>
            <imageAnnotation><imageInformation><numberOfSamples>40</numberOfSamples><numberOfLines>60</numberOfLines>
            </imageInformation></imageAnnotation><geolocationGrid><geolocationGridPointList>
            <geolocationGridPoint><line>0</line><pixel>0</pixel><incidenceAngle>30</incidenceAngle>
            </geolocationGridPoint>
            </geolocationGridPointList></geolocationGrid></product>
            """);
        var vector =
            $"<line>0</line><pixel>{pixels}</pixel><sigmaNought>400 400</sigmaNought>"
            + "<betaNought>400 400</betaNought><gamma>400 400</gamma><dn>400 400</dn>";
        File.WriteAllText(Path.Combine(path, "annotation", "calibration", "calibration-s1a-iw-grd-vv-001.xml"),
            "<calibration><calibrationVectorList><calibrationVector>" + vector
            + "</calibrationVector></calibrationVectorList></calibration>");
        File.WriteAllText(Path.Combine(path, "annotation", "calibration", "noise-s1a-iw-grd-vv-001.xml"),
            $"<noise><noiseRangeVectorList><noiseRangeVector><line>0</line><pixel>{pixels}</pixel>"
            + $"<noiseRangeLut>{level} {level}</noiseRangeLut></noiseRangeVector></noiseRangeVectorList>"
            + $"<noiseAzimuthVectorList>{azimuth}</noiseAzimuthVectorList></noise>");
        return path;
    }
}
