// Products by their formats: SICD on real files, the others on small files written here byte by
// byte from their specifications.
using System.Buffers.Binary;
using System.Text;
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Tests.Support;

namespace SarSynth.Radar.Tests.Formats;

public sealed class ProductFormatTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-products-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [OptionalDataTheory("sar/terrasarx-sicd/cropped_sicd_110.nitf"), InlineData("110"), InlineData("040")]
    public void SicdIsReadAzimuthByRange(string version)
    {
        var path = TestData.Optional($"sar/terrasarx-sicd/cropped_sicd_{version}.nitf");
        using var raster = SarRaster.Open(path);
        Assert.Equal(("SICD", PixelKind.Complex, 5, 5), (raster.Format, raster.Kind, raster.Rows, raster.Columns));
        var facts = raster.Metadata;
        Assert.Equal(("TSX-1", "X", "HH", "DYNAMIC STRIPMAP", "right", true),
            (facts.Sensor, facts.Band, facts.Polarisation, facts.Mode, facts.LookDirection, facts.SlantRange));
        Assert.Equal((1.1687, 1.6617, 0.9094, 1.2793),
            (Math.Round(facts.RangeResolution!.Value, 4), Math.Round(facts.AzimuthResolution!.Value, 4),
            Math.Round(facts.RangeSpacing!.Value, 4), Math.Round(facts.AzimuthSpacing!.Value, 4)));
        Assert.Equal(90 - 42.82425590831252, facts.IncidenceAngle!.Value, 1e-9);
        // After the file header (its length in HL) and the image subheader (LISH) come 25 pairs of
        // big-endian int16, range by azimuth.
        var bytes = File.ReadAllBytes(path);
        var start = int.Parse(Encoding.ASCII.GetString(bytes, 354, 6))
            + int.Parse(Encoding.ASCII.GetString(bytes, 363, 6));
        var pixels = ((ComplexImage)raster.Read()).Pixels;
        for (var range = 0; range < 5; range++)
        {
            for (var azimuth = 0; azimuth < 5; azimuth++)
            {
                var at = start + 4 * (range * 5 + azimuth);
                Assert.Equal(new Complex32(BinaryPrimitives.ReadInt16BigEndian(bytes.AsSpan(at)),
                    BinaryPrimitives.ReadInt16BigEndian(bytes.AsSpan(at + 2))), pixels[azimuth * 5 + range]);
            }
        }
    }

    [OptionalDataTheory("sar/terrasarx-sicd/cropped_sicd_110.nitf"), InlineData("RE32F_IM32F"),
        InlineData("AMP8I_PHS8I"), InlineData("AMP8I_PHS8I+table")]
    public void TheOtherSicdPixelTypesAreRead(string type)
    {
        // The real file with its image segment and pixel type exchanged.
        var path = SicdOf(type, radiometric: "");
        using var raster = SarRaster.Open(path);
        var pixels = ((ComplexImage)raster.Read()).Pixels;
        for (var i = 0; i < 25; i++)
        {
            var range = i / 5;
            var azimuth = i % 5;
            var expected = type switch
            {
                "RE32F_IM32F" => new Complex32(i + 0.5f, -i),
                "AMP8I_PHS8I" => (Complex32)System.Numerics.Complex.FromPolarCoordinates(i, 2 * Math.PI * 10 * i / 256),
                _ => (Complex32)System.Numerics.Complex.FromPolarCoordinates(i * 0.25, 2 * Math.PI * 10 * i / 256),
            };
            Assert.True((pixels[azimuth * 5 + range] - expected)
                .Magnitude < 1e-5, $"{i}: {pixels[azimuth * 5 + range]} for {expected}");
        }
    }

    [OptionalDataFact("sar/terrasarx-sicd/cropped_sicd_110.nitf")]
    public void SicdPolynomialsCalibrate()
    {
        const string radiometric = """
            <Radiometric><NoiseLevel><NoiseLevelType>ABSOLUTE</NoiseLevelType><NoisePoly order1="0" order2="0">
            <Coef exponent1="0" exponent2="0">10</Coef></NoisePoly></NoiseLevel>
            <SigmaZeroSFPoly order1="1" order2="1"><Coef exponent1="0" exponent2="0">0.5</Coef>
            <Coef exponent1="1" exponent2="0">0.001</Coef><Coef exponent1="0" exponent2="1">0.01</Coef>
            </SigmaZeroSFPoly></Radiometric>
            """;
        var path = SicdOf("RE32F_IM32F", radiometric);
        using var raster = SarRaster.Open(path);
        var calibration = Calibration.Open(path);
        var (factors, noise) = (new double[3], new double[3]);
        calibration.Factors(2, 1, Backscatter.SigmaNought, factors);
        calibration.Noise(2, 1, noise);
        for (var i = 0; i < 3; i++)
        {
            // Chip at row and column 100 of the full image, scene centre point at row 4839 and column 4299.
            double x = (100 + 1 + i - 4839) * 0.9094034154201429,
                y = (100 + 2 - 4299) * raster.Metadata.AzimuthSpacing!.Value;
            Assert.Equal(0.5 + 0.001 * x + 0.01 * y, factors[i], 1e-9);
            Assert.Equal(10, noise[i], 1e-12);
        }
        Assert.Contains("no scale factor polynomial",
            Assert.Throws<NotSupportedException>(() => calibration.Factors(0, 0, Backscatter.GammaNought, factors))
            .Message);
    }

    [OptionalDataFact("sar/terrasarx-sicd/cropped_sicd_110.nitf")]
    public void PixelsOutsideOfSicdsValidDataAreNoData()
    {
        // The chip begins at row and column 100 of the full image; the triangle leaves out its far corner.
        const string triangle = """
            </FullImage><ValidData size="3"><Vertex index="1"><Row>100</Row><Col>100</Col></Vertex>
            <Vertex index="2"><Row>100</Row><Col>104</Col></Vertex><Vertex index="3"><Row>104</Row><Col>100</Col>
            </Vertex></ValidData>
            """;
        var source = File.ReadAllBytes(TestData.Optional("sar/terrasarx-sicd/cropped_sicd_110.nitf"));
        var document = Encoding.UTF8.GetString(source[IndexOf(source, "<SICD")..])
            .Replace("RE16I_IM16I", "RE32F_IM32F").Replace("</FullImage>", triangle);
        using var raster = SarRaster.Open(SicdOf("RE32F_IM32F", "", document));
        var pixels = ((ComplexImage)raster.Read()).Pixels;
        for (var azimuth = 0; azimuth < 5; azimuth++)
        {
            for (var range = 0; range < 5; range++)
                Assert.Equal(azimuth + range <= 4, !float.IsNaN(pixels[azimuth * 5 + range].Real));
        }
        Assert.Equal(MaskKind.Lines, raster.Validity.Mask);
    }

    [OptionalDataFact("sar/terrasarx-sicd/cropped_sicd_110.nitf")]
    public void SiddIsDisplayGreyOfARememberedOrigin()
    {
        // The carrier of the SICD tests with a SIDD document; its first band stands for the picture.
        const string sidd = """
            <SIDD xmlns="urn:SIDD:2.0.0"><Display><PixelType>MONO8I</PixelType></Display><Measurement><PlaneProjection>
            <SampleSpacing><Row>0.5</Row><Col>0.25</Col></SampleSpacing></PlaneProjection></Measurement>
            <ExploitationFeatures><Collection><Information><SensorName>SAT-9</SensorName><RadarMode>
            <ModeType>SPOTLIGHT</ModeType></RadarMode>
            <CollectionDateTime>2019-05-06T07:08:09Z</CollectionDateTime><Polarization>
            <TxPolarization>V</TxPolarization><RcvPolarization>H</RcvPolarization></Polarization></Information>
            <Geometry><Graze>50.5</Graze></Geometry></Collection></ExploitationFeatures></SIDD>
            """;
        using var raster = SarRaster.Open(SicdOf("AMP8I_PHS8I", "", sidd));
        Assert.Equal(("SIDD", PixelKind.Amplitude, true), (raster.Format, raster.Kind, raster.KindIsAssumed));
        Assert.Equal(new SarMetadata
        {
            Sensor = "SAT-9", Mode = "SPOTLIGHT", ProductType = "SIDD",
                Date = new DateTime(2019, 5, 6, 7, 8, 9, DateTimeKind.Utc), Polarisation = "VH",
            AzimuthSpacing = 0.5, RangeSpacing = 0.25, IncidenceAngle = 39.5, SlantRange = false,
        }, raster.Metadata);
        Assert.Equal(Enumerable.Range(0, 25).Select(i => (float)i), ((AmplitudeImage)raster.Read()).Pixels);
    }

    [Fact]
    public void IceyeHdf5IsReadFromItsTwoArrays()
    {
        using var raster = SarRaster.Open(TestData.Golden("rasters/iceye.h5"));
        Assert.Equal(("ICEYE SLC", PixelKind.Complex, 3, 4), (raster.Format, raster.Kind, raster.Rows, raster.Columns));
        Assert.Equal(new SarMetadata
        {
            Sensor = "ICEYE-X6", Mode = "stripmap", ProductType = "SLC",
                Date = new DateTime(2021, 10, 26, 6, 9, 46, DateTimeKind.Utc)
                .AddTicks(1234560), LookDirection = "right",
            Polarisation = "VV", CentreFrequency = 9.65e9, Band = "X", SlantRange = true, RangeSpacing = 0.3995,
                AzimuthSpacing = 1.62, IncidenceAngle = 24.5, Looks = 1,
        }, raster.Metadata);
        Assert.Equal([new Complex32(11, -11), new Complex32(12, -12), new Complex32(21, -21), new Complex32(22, -22)],
            ((ComplexImage)raster.Read(new RasterWindow(1, 1, 2, 2))).Pixels);
    }

    [Fact]
    public void TerraSarXIsReadFromItsAnnotation()
    {
        var annotation = TerraSarX("COMPLEX", "IMAGE_HH_SRA_spot_072.cos");
        WriteCosar(Path.Combine(folder, "IMAGEDATA", "IMAGE_HH_SRA_spot_072.cos"), rows: 6, columns: 4);
        foreach (var path in (string[])[annotation, folder])
        {
            using var raster = SarRaster.Open(path);
            Assert.Equal((PixelKind.Complex, 6, 4, "TerraSAR-X SSC"),
                (raster.Kind, raster.Rows, raster.Columns, raster.Format));
            var facts = raster.Metadata;
            Assert.Equal(("TSX-1", "X", "HH", "SL", "right", true),
                (facts.Sensor, facts.Band, facts.Polarisation, facts.Mode, facts.LookDirection, facts.SlantRange));
            Assert.Equal((0.9094, 1.3, 1.1, 35.5, 1.0),
                (facts.RangeSpacing, facts.AzimuthSpacing, facts.AzimuthResolution, facts.IncidenceAngle, facts.Looks));
            var pixels = ((ComplexImage)raster.Read()).Pixels;
            for (var i = 0; i < pixels.Length; i++)
                Assert.Equal(new Complex32(100 * (i / 4) + i % 4, -i), pixels[i]);
        }
        var calibration = Calibration.Open(annotation, "HH");
        double[] factors = new double[4], noise = new double[4];
        calibration.Factors(5, 0, Backscatter.SigmaNought, factors);
        calibration.Noise(0, 0, noise);
        // Last row: from 35.2 to 36.2 degrees; ks 1e-5; noise 3 + 2e9 (t - t0).
        Assert.Equal(1e-5 * Math.Sin(35.2 * Math.PI / 180), factors[0], 1e-12);
        Assert.Equal(1e-5 * Math.Sin(36.2 * Math.PI / 180), factors[3], 1e-12);
        Assert.Equal([3, 5, 7, 9], noise, (a, b) => Math.Abs(a - b) < 1e-4);
        File.WriteAllBytes(Path.Combine(folder, "IMAGEDATA", "IMAGE_HH_SRA_spot_072.cos"), []);
        Assert.Contains("is empty", Assert.Throws<RasterException>(() => SarRaster.Open(annotation)).Message);
        File.Delete(Path.Combine(folder, "IMAGEDATA", "IMAGE_HH_SRA_spot_072.cos"));
        Assert.Contains("is missing", Assert.Throws<RasterException>(() => SarRaster.Open(folder)).Message);
    }

    [Fact]
    public void CapellaUmbraAndIceyeTiffsTellTheirAcquisition()
    {
        var capella = Tiff("CAPELLA_C02_SP_SLC_HH", complex: true);
        File.WriteAllText(Path.ChangeExtension(capella, null) + "_extended.json", """
            {"product_type":"SLC","collect":{"platform":"capella-2","mode":"spotlight",
            "start_timestamp":"2021-03-04T05:06:07.123456789Z",
            "radar":{"pointing":"left","center_frequency":9650000000.0,"transmit_polarization":"H",
            "receive_polarization":"H"},
            "image":{"algorithm":"pfa","pixel_spacing_column":0.25,"pixel_spacing_row":0.12,"range_resolution":0.3,
            "azimuth_resolution":0.15,"range_looks":1,"azimuth_looks":1,
            "center_pixel":{"incidence_angle":33.25}}}}
            """);
        Check(capella, "Capella SLC", PixelKind.Complex, new SarMetadata
        {
            Sensor = "capella-2", Mode = "spotlight", ProductType = "SLC",
                Date = new DateTime(2021, 3, 4, 5, 6, 7, DateTimeKind.Utc).AddTicks(1234567), LookDirection = "left",
            Polarisation = "HH", CentreFrequency = 9.65e9, Band = "X", SlantRange = true, RangeSpacing = 0.25,
                AzimuthSpacing = 0.12, RangeResolution = 0.3, AzimuthResolution = 0.15,
            IncidenceAngle = 33.25, Looks = 1,
        });

        var umbra = Tiff("2023-07-18-02-30-33_UMBRA-04_GEC", complex: false);
        File.WriteAllText(Path.Combine(folder, "2023-07-18-02-30-33_UMBRA-04_METADATA.json"), """
            {"version":"1.0.0","vendor":"Umbra Space","imagingMode":"SPOTLIGHT","productSku":"UMB-SPOTLIGHT-50-1",
            "umbraSatelliteName":"UMBRA_04",
            "collects":[{"startAtUTC":"2023-07-18T02:30:33+00:00","radarBand":"X",
            "radarCenterFrequencyHz":9600001094.9,"polarizations":["VV"],"angleIncidenceDegrees":47.4,
            "observationDirection":"LEFT","maxGroundResolution":{"azimuthMeters":0.55,"rangeMeters":0.54}}]}
            """);
        Check(umbra, "Umbra GeoTIFF", PixelKind.Amplitude, new SarMetadata
        {
            Sensor = "UMBRA_04", Mode = "SPOTLIGHT", ProductType = "UMB-SPOTLIGHT-50-1",
                Date = new DateTime(2023, 7, 18, 2, 30, 33, DateTimeKind.Utc), LookDirection = "left",
            Polarisation = "VV", CentreFrequency = 9600001094.9, Band = "X", SlantRange = false, RangeResolution = 0.54,
                AzimuthResolution = 0.55, IncidenceAngle = 47.4,
        });

        var iceye = Tiff("ICEYE_GRD", complex: false);
        File.WriteAllText(Path.ChangeExtension(iceye, ".json"), """
            {"type":"Feature","properties":{"constellation":"ICEYE","platform":"ICEYE-X42",
            "start_datetime":"2025-06-27T11:24:05.785Z","sar:center_frequency":9600000000,
            "sar:frequency_band":"X","sar:instrument_mode":"spotlight","sar:looks_azimuth":2,"sar:looks_range":1,
            "sar:observation_direction":"right","sar:pixel_spacing_azimuth":0.5,
            "sar:pixel_spacing_range":0.5,"sar:polarizations":["VV"],"sar:product_type":"GRD-COG",
            "sar:resolution_azimuth":1.0,"sar:resolution_range":1.0,"view:incidence_angle":31.94,
            "iceye:amplitude_mapping":{"function":"power","parameters":{"exponent":0.25,"scale":2}}}}
            """);
        Check(iceye, "ICEYE GRD-COG", PixelKind.Amplitude, new SarMetadata
        {
            Sensor = "ICEYE-X42", Mode = "spotlight", ProductType = "GRD-COG",
                Date = new DateTime(2025, 6, 27, 11, 24, 5, 785, DateTimeKind.Utc), LookDirection = "right",
            Polarisation = "VV", CentreFrequency = 9.6e9, Band = "X", SlantRange = false, RangeSpacing = 0.5,
                AzimuthSpacing = 0.5, RangeResolution = 1, AzimuthResolution = 1,
            IncidenceAngle = 31.94, Looks = 2,
        });
        // Stored 2 = (2 A)^0.25: A = 8.
        using var raster = SarRaster.Open(iceye);
        Assert.Equal([8f, 8f, 8f, 8f], ((AmplitudeImage)raster.Read()).Pixels);
    }

    [Theory]
    [InlineData("<f4", 4), InlineData(">f8", 8), InlineData("<f2", 2), InlineData("|u1", 1), InlineData(">u2", 2),
        InlineData("<i4", 4)]
    public void NumpyArraysAreRead(string type, int size)
    {
        var values = Enumerable.Range(0, 12).Select(i => i * 3.0).ToArray();
        var data = values.SelectMany(value => Bytes(type, value)).ToArray();
        Assert.Equal(12 * size, data.Length);
        var path = Npy("real.npy", type, "(3, 4)", data);
        using var raster = SarRaster.Open(path, new RasterOptions { Kind = PixelKind.Intensity });
        Assert.Equal((3, 4, PixelKind.Intensity), (raster.Rows, raster.Columns, raster.Kind));
        Assert.Equal(values.Select(v => (float)v), ((IntensityImage)raster.Read()).Pixels);
        Assert.Equal([15f, 18f], ((IntensityImage)raster.Read(new RasterWindow(1, 1, 1, 2))).Pixels);
        Assert.Contains("is truncated",
            Assert.Throws<RasterException>(() => SarRaster.Open(Npy("cut.npy", type, "(3, 5)", data))).Message);
    }

    [Fact]
    public void NumpyComplexArraysAreReadAndOthersRefused()
    {
        var data = Enumerable.Range(0, 6).SelectMany(i => Bytes("<f4", i).Concat(Bytes("<f4", -i))).ToArray();
        using (var raster = SarRaster.Open(Npy("c.npy", "<c8", "(2, 3)", data)))
            Assert.Equal(Enumerable.Range(0, 6).Select(i => new Complex32(i, -i)), ((ComplexImage)raster.Read())
                .Pixels);
        Assert.Contains("two dimensions",
            Assert.Throws<RasterException>(() => SarRaster.Open(Npy("one.npy", "<f4", "(12,)", data))).Message);
        Assert.Contains("two dimensions",
            Assert.Throws<RasterException>(() => SarRaster.Open(Npy("none.npy", "<f4", "(0, 4)", data))).Message);
        Assert.Contains("header that is not understood",
            Assert.Throws<RasterException>(() => SarRaster.Open(Npy("o.npy", "|O", "(2, 3)", data))).Message);
        Assert.Contains("expected integers, floats or complex",
            Assert.Throws<RasterException>(() => SarRaster.Open(Npy("s.npy", "|s4", "(2, 3)", data))).Message);
    }

    private string Npy(string name, string type, string shape, byte[] data)
    {
        var header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}\n";
        var path = Path.Combine(folder, name);
        File.WriteAllBytes(path,
            [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), .. data]);
        return path;
    }

    private static byte[] Bytes(string type, double value)
    {
        byte[] bytes = type[1..] switch
        {
            "f2" => BitConverter.GetBytes((Half)value),
            "f4" => BitConverter.GetBytes((float)value),
            "f8" => BitConverter.GetBytes(value),
            "u1" => [(byte)value],
            "u2" => BitConverter.GetBytes((ushort)value),
            _ => BitConverter.GetBytes((int)value),
        };
        if (type[0] == '>')
            Array.Reverse(bytes);
        return bytes;
    }

    private void Check(string path, string format, PixelKind kind, SarMetadata facts)
    {
        using var raster = SarRaster.Open(path);
        Assert.Equal((format, kind, false), (raster.Format, raster.Kind, raster.KindIsAssumed));
        Assert.Equal(facts, raster.Metadata);
    }

    private string Tiff(string name, bool complex)
    {
        var path = Path.Combine(folder, name + ".tif");
        SarImage image = complex ? new ComplexImage(2, 2, new Complex32[4]) : new AmplitudeImage(2, 2, [2, 2, 2, 2]);
        GeoTiff.Write(image, path, new GeoTiffOptions { TileSize = 16 });
        return path;
    }

    private string TerraSarX(string type, string file)
    {
        Directory.CreateDirectory(Path.Combine(folder, "IMAGEDATA"));
        var path = Path.Combine(folder, "TSX1_SAR__SSC______SL_S_SRA.xml");
        File.WriteAllText(path, $"""
            <?xml version="1.0" encoding="UTF-8"?>
            <level1Product>
              <productComponents><imageData layerIndex="1"><polLayer>HH</polLayer><file><location>
              <path>IMAGEDATA</path><filename>{file}</filename></location></file></imageData></productComponents>
              <productInfo>
                <missionInfo><mission>TSX-1</mission></missionInfo>
                <acquisitionInfo><imagingMode>SL</imagingMode><lookDirection>RIGHT</lookDirection></acquisitionInfo>
                <productVariantInfo><productType>SSC______SL_S</productType><productVariant>SSC</productVariant>
                <projection>SLANTRANGE</projection></productVariantInfo>
                <imageDataInfo><imageDataType>{type}</imageDataType><imageRaster><numberOfRows>6</numberOfRows>
                <numberOfColumns>4</numberOfColumns><rowSpacing units="s">1e-4</rowSpacing>
                  <columnSpacing units="s">6e-9</columnSpacing><azimuthResolution>1.1</azimuthResolution>
                  <azimuthLooks>1</azimuthLooks><rangeLooks>1</rangeLooks></imageRaster></imageDataInfo>
                <sceneInfo><start><timeUTC>2010-01-02T03:04:05.000000Z</timeUTC></start><stop>
                <timeUTC>2010-01-02T03:04:06.000000Z</timeUTC></stop>
                  <rangeTime><firstPixel>4.000e-3</firstPixel><lastPixel>4.000000003e-3</lastPixel></rangeTime>
                  <sceneCenterCoord><incidenceAngle>35.5</incidenceAngle></sceneCenterCoord>
                  <sceneCornerCoord><refRow>1</refRow><refColumn>1</refColumn><incidenceAngle>35.0</incidenceAngle>
                  </sceneCornerCoord>
                  <sceneCornerCoord><refRow>1</refRow><refColumn>4</refColumn><incidenceAngle>36.0</incidenceAngle>
                  </sceneCornerCoord>
                  <sceneCornerCoord><refRow>6</refRow><refColumn>1</refColumn><incidenceAngle>35.2</incidenceAngle>
                  </sceneCornerCoord>
                  <sceneCornerCoord><refRow>6</refRow><refColumn>4</refColumn><incidenceAngle>36.2</incidenceAngle>
                  </sceneCornerCoord></sceneInfo>
              </productInfo>
              <instrument><radarParameters><centerFrequency>9.65e9</centerFrequency></radarParameters></instrument>
              <productSpecific><complexImageInfo><projectedSpacingAzimuth>1.3</projectedSpacingAzimuth>
              <projectedSpacingRange><slantRange>0.9094</slantRange></projectedSpacingRange></complexImageInfo>
              </productSpecific>
              <calibration><calibrationConstant><polLayer>HH</polLayer><calFactor>1e-5</calFactor>
              </calibrationConstant></calibration>
              <noise><polLayer>HH</polLayer><imageNoise><timeUTC>2010-01-02T03:04:05.5Z</timeUTC><noiseEstimate>
              <validityRangeMin>3e-3</validityRangeMin><validityRangeMax>5e-3</validityRangeMax>
                <referencePoint>4.000e-3</referencePoint><polynomialDegree>1</polynomialDegree>
                <coefficient exponent="0">3</coefficient><coefficient exponent="1">2e12</coefficient></noiseEstimate>
                </imageNoise></noise>
            </level1Product>
            """);
        return path;
    }

    // One burst: header words and three more annotation lines, then lines of two validity words and
    // pairs of int16, all big-endian.
    private static void WriteCosar(string path, int rows, int columns)
    {
        var line = 4 * (2 + columns);
        var bytes = new byte[line * (rows + 4)];
        int[] head = [bytes.Length, 0, columns, rows, 1, line, rows + 4];
        for (var i = 0; i < head.Length; i++)
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4 * i), head[i]);
        "CSAR"u8.CopyTo(bytes.AsSpan(28));
        bytes[35] = 1;
        for (var row = 0; row < rows; row++)
        {
            var at = line * (row + 4);
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(at), 1);
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(at + 4), columns);
            for (var column = 0; column < columns; column++)
            {
                BinaryPrimitives.WriteInt16BigEndian(bytes.AsSpan(at + 8 + 4 * column), (short)(100 * row + column));
                BinaryPrimitives.WriteInt16BigEndian(bytes.AsSpan(at + 10 + 4 * column),
                    (short)-(row * columns + column));
            }
        }
        File.WriteAllBytes(path, bytes);
    }

    // The real SICD 1.1 file with another pixel type: image segment, lengths and XML are exchanged.
    private string SicdOf(string type, string radiometric, string? document = null)
    {
        var source = File.ReadAllBytes(TestData.Optional("sar/terrasarx-sicd/cropped_sicd_110.nitf"));
        int xml = IndexOf(source, "<SICD"), image = xml - 973 - 100;
        var real = type == "RE32F_IM32F";
        var pixels = Enumerable.Range(0, 25).SelectMany(i => real
            ? BitConverter.GetBytes(i + 0.5f).Reverse().Concat(BitConverter.GetBytes((float)-i).Reverse())
            : [(byte)i, (byte)(10 * i)]).ToArray();
        var table = type.EndsWith("+table", StringComparison.Ordinal)
            ? "<AmpTable size=\"256\">"
                + string.Concat(Enumerable.Range(0, 256)
                .Select(i => FormattableString.Invariant($"<Amplitude index=\"{i}\">{i * 0.25}</Amplitude>")))
                + "</AmpTable>" : "";
        var text = Encoding.UTF8.GetString(source[xml..])
            .Replace("<PixelType>RE16I_IM16I</PixelType>", $"<PixelType>{type.Split('+')[0]}</PixelType>{table}")
            .Replace("<RMA>", radiometric + "<RMA>");
        text = document ?? text;
        // File header: length of the file, of the image and of the XML. Image subheader: pixel value type, bits,
        // subcategories of the bands.
        var head = Encoding.Latin1.GetString(source[..image])
            .Replace("000000055369", $"{image + pixels.Length + 973 + Encoding.UTF8.GetByteCount(text):D12}")
            .Replace("0005120000000100", $"000512{pixels.Length:D10}")
                .Replace("0973000053367", $"0973{Encoding.UTF8.GetByteCount(text):D9}")
            .Replace("SI NODISPLY", real ? "R  NODISPLY" : "INTNODISPLY")
                .Replace("SAR     16R", real ? "SAR     32R" : "SAR     08R")
            .Replace("P000100010005000516", real ? "P000100010005000532" : "P000100010005000508")
            .Replace("2  I     N   0  Q     N   0", real ? "2  I     N   0  Q     N   0"
                : "2  M     N   0  P     N   0");
        var path = Path.Combine(folder, "sicd.nitf");
        File.WriteAllBytes(path,
            [.. Encoding.Latin1.GetBytes(head), .. pixels, .. source[(image + 100)..xml],
            .. Encoding.UTF8.GetBytes(text)]);
        return path;
    }

    private static int IndexOf(byte[] bytes, string text) => bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(text));
}
