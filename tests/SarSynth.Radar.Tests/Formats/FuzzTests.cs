// Damaged files of every format: each opens and reads, or says in one line why not. Nothing
// crashes, hangs or throws otherwise.
using System.IO.Compression;
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Tests.Support;

namespace SarSynth.Radar.Tests.Formats;

public sealed class FuzzTests : IDisposable
{
    private const string Palsar = "sar/alos-palsar-corner-reflector/calib_RSLC_ALPSRP025826990_RIO_BRANCO_CR.h5";
    private const string Sicd = "sar/terrasarx-sicd/cropped_sicd_110.nitf";
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-fuzz-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    public static TheoryData<string> Formats =>
    [
        "tiff", "tiff-plain", "complex-tiff", "envi", "envi-header", "npy", "safe-manifest", "safe-annotation",
            "safe-calibration",
        "safe-noise", "safe-zip", "terrasar-xml", "cosar", "nisar", "nisar-layouts",
        "nisar-fill", "nisar-gslc", "iceye", "iceye-json", "png",
    ];

    [Theory, MemberData(nameof(Formats))]
    public void DamagedFilesAreReadOrRefused(string format) => Run(format, 60);

    [Theory, MemberData(nameof(Formats)), Trait("Speed", "slow")]
    public void TwoThousandDamagedFilesAreReadOrRefused(string format) => Run(format, 2000);

    [OptionalDataFact(Sicd)]
    public void DamagedSicdIsReadOrRefused() => Run("sicd", 60);

    [OptionalDataFact(Palsar)]
    public void DamagedHalfPrecisionHdf5IsReadOrRefused() => Run("palsar", 60);

    [OptionalDataFact(Sicd), Trait("Speed", "slow")]
    public void TwoThousandDamagedSicdsAreReadOrRefused() => Run("sicd", 2000);

    [OptionalDataFact(Palsar), Trait("Speed", "slow")]
    public void TwoThousandDamagedHalfPrecisionHdf5sAreReadOrRefused() => Run("palsar", 2000);

    private void Run(string format, int count)
    {
        var (open, victim) = Make(format);
        var whole = File.ReadAllBytes(victim);
        Touch(open, format);
        var random = new Random(format.Length * 7919 + 5);
        for (var i = 0; i < count; i++)
        {
            File.WriteAllBytes(victim, Mutate(whole, random));
            try
            {
                Touch(open, format);
            }
            catch (RasterException error)
            {
                Assert.DoesNotContain('\n', error.Message);
                Assert.StartsWith(error.Path, error.Message);
            }
            catch (Exception error) when (error is not RasterException)
            {
                throw new InvalidOperationException($"{format}, mutation {i}: {error.GetType().Name}: {error.Message}",
                    error);
            }
        }
    }

    // Opens, and reads a corner or the whole if it is small: a damaged header may claim any size.
    private static void Touch(string path, string format)
    {
        using (var raster = SarRaster.Open(path))
        {
            raster.Read(new RasterWindow(0, 0, Math.Min(raster.Rows, 64), Math.Min(raster.Columns, 64)));
            raster.Read(new RasterWindow(raster.Rows - 1, raster.Columns - 1, 1, 1));
        }
        if (format.StartsWith("safe", StringComparison.Ordinal) || format is "terrasar-xml")
        {
            var calibration = Calibration.Open(path);
            calibration.Factors(3, 2, Backscatter.SigmaNought, new double[5]);
            if (calibration.HasNoise)
                calibration.Noise(3, 2, new double[5]);
        }
    }

    private static byte[] Mutate(byte[] whole, Random random)
    {
        var bytes = (byte[])whole.Clone();
        switch (random.Next(6))
        {
            case 0:
                return bytes[..random.Next(bytes.Length)];
            case 1:
                // A run of one value.
                var start = random.Next(bytes.Length);
                bytes.AsSpan(start, Math.Min(random.Next(1, 64), bytes.Length - start))
                    .Fill((byte)(random.Next(3) * 127));
                return bytes;
            case 2:
                // Something taken out.
                var from = random.Next(bytes.Length);
                return [.. bytes[..from], .. bytes[Math.Min(bytes.Length, from + random.Next(1, 200))..]];
            case 3:
                // Something put in.
                var at = random.Next(bytes.Length);
                return [.. bytes[..at], .. bytes[at..Math.Min(bytes.Length, at + random.Next(1, 50))], .. bytes[at..]];
            case 4:
                // A digit or letter changed, as in headers.
                for (var n = random.Next(1, 8); n > 0; n--)
                    bytes[random.Next(Math.Min(bytes.Length, 2000))] = (byte)"0123456789-.eN<>\"x"[random.Next(18)];
                return bytes;
            default:
                for (var n = random.Next(1, 30); n > 0; n--)
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                return bytes;
        }
    }

    private (string Open, string Victim) Make(string format)
    {
        string Path(string name) => System.IO.Path.Combine(folder, name);
        var image = new AmplitudeImage(100, 120, [.. Enumerable.Range(0, 12000).Select(i => i % 251f)],
            new SarMetadata { Sensor = "X", Looks = 3 }, new GeoReference([1, 2, 0, 3, 0, -2], ""));
        switch (format)
        {
            case "tiff":
                GeoTiff.Write(image, Path("a.tif"), new GeoTiffOptions { TileSize = 32 });
                return (Path("a.tif"), Path("a.tif"));
            case "tiff-plain":
                GeoTiff.Write(image, Path("a.tif"),
                    new GeoTiffOptions { TileSize = 64, Compression = GeoTiffCompression.None });
                return (Path("a.tif"), Path("a.tif"));
            case "complex-tiff":
                GeoTiff.Write(new ComplexImage(30, 40, new Complex32[1200]), Path("a.tif"),
                    new GeoTiffOptions { TileSize = 16, Compression = GeoTiffCompression.Zstandard });
                return (Path("a.tif"), Path("a.tif"));
            case "png":
                QuickLook.Write(image, Path("a.png"));
                return (Path("a.png"), Path("a.png"));
            case "envi" or "envi-header":
                File.WriteAllText(Path("a.hdr"),
                    "ENVI\ndescription = {test}\nsamples = 30\nlines = 20\nbands = 1\nheader offset = 0\ndata type = "
                    + "6\ninterleave = bsq\nbyte order = 0\nmap info = {UTM, 1, 1, 5000, 6000, 2, 2, 31, North}\n");
                File.WriteAllBytes(Path("a"), new byte[30 * 20 * 8]);
                return (Path("a"), format == "envi" ? Path("a") : Path("a.hdr"));
            case "npy":
                File.WriteAllBytes(Path("a.npy"),
                    [0x93, .. "NUMPY"u8, 1, 0, 62, 0,
                    .. "{'descr': '<f4', 'fortran_order': False, 'shape': (20, 30), } \n"u8, .. new byte[2400]]);
                return (Path("a.npy"), Path("a.npy"));
            case "iceye-json":
                GeoTiff.Write(image, Path("a.tif"));
                File.WriteAllText(Path("a.json"),
                    """
                    {"properties":{"constellation":"ICEYE","start_datetime":"2025-06-27T11:24:05.785Z",
                    "sar:looks_range":1,"sar:polarizations":["VV"],
                    "iceye:amplitude_mapping":{"function":"power","parameters":{"exponent":0.25}}}}
                    """);
                return (Path("a.tif"), Path("a.json"));
            case "safe-manifest" or "safe-annotation" or "safe-calibration" or "safe-noise" or "safe-zip":
                return Safe(format);
            case "terrasar-xml" or "cosar":
                return TerraSarX(format);
            case "nisar" or "nisar-layouts" or "nisar-fill" or "nisar-gslc":
                return Copied(TestData.Golden($"cases/{format}.h5"), Path("a.h5"));
            case "iceye":
                return Copied(TestData.Golden("rasters/iceye.h5"), Path("a.h5"));
            case "palsar":
                return Copied(TestData.Optional(Palsar), Path("a.h5"));
            default:
                return Copied(TestData.Optional(Sicd), Path("a.nitf"));
        }
    }

    // The file itself stays as it is.
    private static (string, string) Copied(string source, string copy)
    {
        File.WriteAllBytes(copy, File.ReadAllBytes(source));
        return (copy, copy);
    }

    private (string, string) Safe(string format)
    {
        var root = System.IO.Path.Combine(folder, "S1A.SAFE");
        const string stem = "s1a-iw-grd-vv-20200101t000000-20200101t000001-000001-000001-001";
        foreach (var sub in (string[])["measurement", "annotation/calibration"])
            Directory.CreateDirectory(System.IO.Path.Combine(root, sub));
        var manifest = System.IO.Path.Combine(root, "manifest.safe");
        File.WriteAllText(manifest, """<XFDU><software name="Sentinel-1 IPF" version="003.71"/></XFDU>""");
        var annotation = System.IO.Path.Combine(root, "annotation", stem + ".xml");
        File.WriteAllText(annotation, """
            <product><adsHeader><missionId>S1A</missionId><productType>GRD</productType><polarisation>VV</polarisation>
            <startTime>2020-01-01T00:00:00.5</startTime></adsHeader>
            <imageAnnotation><imageInformation><numberOfLines>10</numberOfLines><numberOfSamples>12</numberOfSamples>
            <rangePixelSpacing>1.0e+01</rangePixelSpacing></imageInformation></imageAnnotation>
            <geolocationGrid><geolocationGridPointList><geolocationGridPoint><line>0</line><pixel>0</pixel>
            <latitude>45</latitude><longitude>9</longitude><height>1e2</height><incidenceAngle>30</incidenceAngle>
            </geolocationGridPoint>
            <geolocationGridPoint><line>0</line><pixel>11</pixel><incidenceAngle>31</incidenceAngle>
            </geolocationGridPoint></geolocationGridPointList></geolocationGrid></product>
            """);
        var calibration = System.IO.Path.Combine(root, "annotation/calibration", $"calibration-{stem}.xml");
        File.WriteAllText(calibration, """
            <calibration><calibrationVectorList count="1"><calibrationVector><line>0</line>
            <pixel count="2">0 11</pixel><sigmaNought count="2">500 501</sigmaNought>
            <betaNought count="2">400 401</betaNought><gamma count="2">450 451</gamma></calibrationVector>
            </calibrationVectorList></calibration>
            """);
        var noise = System.IO.Path.Combine(root, "annotation/calibration", $"noise-{stem}.xml");
        File.WriteAllText(noise, """
            <noise><noiseRangeVectorList><noiseRangeVector><line>0</line><pixel>0 11</pixel>
            <noiseRangeLut>10 20</noiseRangeLut></noiseRangeVector></noiseRangeVectorList>
            <noiseAzimuthVectorList><noiseAzimuthVector><firstAzimuthLine>0</firstAzimuthLine>
            <lastAzimuthLine>9</lastAzimuthLine><line>0 9</line><noiseAzimuthLut>1 1.1</noiseAzimuthLut>
            </noiseAzimuthVector></noiseAzimuthVectorList></noise>
            """);
        GeoTiff.Write(new AmplitudeImage(10, 12, new float[120]),
            System.IO.Path.Combine(root, "measurement", stem + ".tiff"), new GeoTiffOptions { TileSize = 16 });
        if (format != "safe-zip")
        {
            return (root, format switch
            {
                "safe-manifest" => manifest,
                "safe-annotation" => annotation,
                "safe-noise" => noise,
                _ => calibration,
            });
        }
        var zip = System.IO.Path.Combine(folder, "S1A.zip");
        ZipFile.CreateFromDirectory(root, zip, CompressionLevel.Fastest, includeBaseDirectory: true);
        return (zip, zip);
    }

    private (string, string) TerraSarX(string format)
    {
        var xml = System.IO.Path.Combine(folder, "tsx.xml");
        File.WriteAllText(xml, """
            <?xml version="1.0"?>
            <level1Product><productComponents><imageData><polLayer>HH</polLayer><file><location><path>.</path>
            <filename>a.cos</filename></location></file></imageData></productComponents>
            <productInfo><imageDataInfo><imageRaster><numberOfRows>6</numberOfRows><numberOfColumns>5</numberOfColumns>
            </imageRaster></imageDataInfo>
            <sceneInfo><rangeTime><firstPixel>4e-3</firstPixel><lastPixel>4.1e-3</lastPixel></rangeTime>
            <sceneCenterCoord><incidenceAngle>35</incidenceAngle></sceneCenterCoord></sceneInfo></productInfo>
            <calibration><calibrationConstant><calFactor>1e-5</calFactor></calibrationConstant></calibration>
            </level1Product>
            """);
        var cosar = System.IO.Path.Combine(folder, "a.cos");
        var bytes = new byte[28 * 10];
        foreach (var (at, value) in ((int, byte)[])[(11, 5), (15, 6), (19, 1), (23, 28), (27, 10)])
            bytes[at] = value;
        "CSAR"u8.CopyTo(bytes.AsSpan(28));
        bytes[35] = 1;
        for (var row = 4; row < 10; row++)
            (bytes[28 * row + 3], bytes[28 * row + 7]) = (1, 5);
        File.WriteAllBytes(cosar, bytes);
        return (xml, format == "cosar" ? cosar : xml);
    }
}
