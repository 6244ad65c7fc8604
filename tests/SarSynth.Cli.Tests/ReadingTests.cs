using System.Text.Json.Nodes;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Tests.Support;

namespace SarSynth.Cli.Tests;

/// <summary>The options of reading mean the same on every command, and nothing is chosen in silence.</summary>
public sealed class ReadingTests : Shell
{
    [Fact]
    public void WindowIsTheSamePartForEveryCommand()
    {
        Ramp("a.tif");
        var info = JsonNode.Parse(Good("info", "a.tif", "--window", "10,20,30,40", "--json").Out)!;
        Assert.Equal((30, 40), ((int)info["rows"]!, (int)info["columns"]!));
        // Corner of pixel (10, 20): 20 columns of 2 m east, 10 rows of 2 m south.
        Assert.Equal(500040, (double)info["geoReference"]!["transform"]![0]!);
        Assert.Equal(3980, (double)info["geoReference"]!["transform"]![3]!);
        var stats = JsonNode.Parse(Good("stats", "a.tif", "--window", "10,20,30,40", "--json").Out)!;
        // Rows 10 to 39 and columns 20 to 59: mean 24.5 + 0.0395 + 1.
        Assert.Equal(25.5395, (double)stats["amplitude"]!["mean"]!["value"]!, 4);
        Good("multilook", "a.tif", "-o", "m.tif", "--looks", "2,4", "--window", "10,20,30,40");
        using var made = SarRaster.Open(In("m.tif"));
        Assert.Equal((15, 10), (made.Rows, made.Columns));
        Assert.Equal([500040, 8, 0, 3980, 0, -4], made.GeoReference!.Transform!);
    }

    [Fact]
    public void BoxIsInTheRastersSystemOrInDegrees()
    {
        Ramp("a.tif");
        var own = JsonNode.Parse(Good("info", "a.tif", "--bbox", "500040,3920,500120,3980", "--json").Out)!;
        Assert.Equal((30, 40), ((int)own["rows"]!, (int)own["columns"]!));
        // On the central meridian of zone 32; 4000 m of northing are 0.036190 degrees of latitude.
        var degrees = JsonNode.Parse(Good("info", "a.tif", "--bbox", "8.9,0,9.1,0.0362", "--lonlat", "--json").Out)!;
        Assert.Equal((60, 80), ((int)degrees["rows"]!, (int)degrees["columns"]!));
        var (code, _, error) = Run("info", "a.tif", "--bbox", "1,2,3,4");
        Assert.Equal(Failures.BadInput, code);
        Assert.Contains("outside of the raster", error);
    }

    [Fact]
    public void DecibelsAndNodataAreToldToStats()
    {
        // 10 dB and 20 dB by turns, one value told to be no data: mean intensity 55.
        var pixels = new float[100];
        for (var i = 0; i < 100; i++)
            pixels[i] = i % 2 == 0 ? 10 : 20;
        pixels[0] = pixels[1] = 7;
        File.WriteAllBytes(In("db.npy"), Npy(pixels, 10, 10));
        var stats = JsonNode.Parse(Good("stats", "db.npy", "--decibels", "--nodata", "7", "--json").Out)!;
        Assert.Equal(55, (double)stats["intensity"]!["mean"]!["value"]!, 4);
        Assert.Equal(2, (int)stats["leftOut"]!);
        // Without a word they would be amplitudes, and that is said.
        Assert.Contains("nothing tells what the pixels are", Good("stats", "db.npy").Error);
        Assert.DoesNotContain("nothing tells", Good("stats", "db.npy", "--quiet").Error);
        var intensity = JsonNode.Parse(Good("stats", "db.npy", "--pixels", "intensity", "--nodata", "7",
            "--json").Out)!;
        Assert.Equal(15, (double)intensity["intensity"]!["mean"]!["value"]!, 4);
    }

    [OptionalDataFact("sar/sentinel1-sarsen")]
    public void ChannelChosenOfSeveralIsNamed()
    {
        var product = Directory.GetDirectories(TestData.Optional("sar/sentinel1-sarsen"), "*SLC*").Single();
        var (output, error) = Good("info", product, "--json");
        var answer = JsonNode.Parse(output)!;
        if (answer["channels"]!.AsArray().Count > 1)
        {
            Assert.Contains($"channel {(string?)answer["channel"]} is taken of", error);
            Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }
        Assert.Empty(Good("info", product, "--channel", (string)answer["channel"]!).Error);
    }

    [Fact]
    public void BandChosenOfSeveralIsNamed()
    {
        Ramp("a.tif");
        const string Source = "<SimpleSource><SourceFilename relativeToVRT=\"1\">a.tif</SourceFilename></SimpleSource>";
        File.WriteAllText(In("two.vrt"), $"""
            <VRTDataset rasterXSize="80" rasterYSize="60">
              <VRTRasterBand dataType="Float32" band="1">{Source}</VRTRasterBand>
              <VRTRasterBand dataType="Float32" band="2">{Source}</VRTRasterBand>
            </VRTDataset>
            """);
        Assert.Contains("two.vrt: channel 1 is taken of 1, 2", Good("stats", "two.vrt", "--json").Error);
        Assert.DoesNotContain("is taken of", Good("stats", "two.vrt", "--channel", "2", "--json").Error);
    }

    [Theory]
    [InlineData("--window: found '1,2,3'", "--window", "1,2,3")]
    [InlineData("--window: found '-1,0,2,2'", "--window", "-1,0,2,2")]
    [InlineData("--bbox: found 'a,2,3,4'", "--bbox", "a,2,3,4")]
    [InlineData("--window and --bbox", "--window", "0,0,2,2", "--bbox", "1,2,3,4")]
    [InlineData("--lonlat", "--lonlat")]
    [InlineData("--decibels and --pixels", "--decibels", "--pixels", "amplitude")]
    [InlineData("--pixels: found 'power'", "--pixels", "power")]
    [InlineData("has no channel 'HH'", "--channel", "HH")]
    public void WhatIsWrongWithReadingIsSaid(string named, params string[] options)
    {
        Ramp("a.tif");
        foreach (var command in (string[][])[["info", "a.tif"], ["stats", "a.tif"],
            ["translate", "a.tif", "-o", "t.tif"], ["despeckle", "a.tif", "-o", "d.tif"]])
        {
            var (code, _, error) = Run([.. command, .. options]);
            Assert.Equal(Failures.BadInput, code);
            Assert.Contains(named, error);
        }
    }

    [Fact]
    public void GeoreferenceIsToldAsSystemAndPixelSize()
    {
        Ramp("a.tif");
        var (output, _) = Good("info", "a.tif");
        Assert.Contains("WGS 84 / UTM zone 32N (EPSG:32632)", output);
        Assert.Contains("pixel 2 x 2 m", output);
        Assert.DoesNotContain("azimuth", output);
        Assert.DoesNotContain("range", output);
    }

    [Fact]
    public void AzimuthAndRangeAreSaidOfSlantRangeOnly()
    {
        SarMetadata facts = new() { RangeSpacing = 1, AzimuthSpacing = 2, SlantRange = true };
        Ramp("slant.tif", metadata: facts);
        Ramp("ground.tif", metadata: facts with { SlantRange = false });
        Assert.Contains("range 1 m, azimuth 2 m", Good("info", "slant.tif").Out);
        Assert.Contains("columns 1 m, rows 2 m", Good("info", "ground.tif").Out);
        Assert.Contains("azimuth", Good("stats", "slant.tif").Out);
        Assert.DoesNotContain("azimuth", Good("stats", "ground.tif").Out);
    }

    [OptionalDataFact("sar/sentinel1-sarsen/Rome-30m-DEM.tif")]
    public void HeightsAreNoAmplitude()
    {
        var dem = TestData.Optional("sar/sentinel1-sarsen/Rome-30m-DEM.tif");
        File.Copy(dem, In("ground.tif"));
        var (output, _) = Good("info", "ground.tif");
        Assert.DoesNotContain("amplitude", output);
        Assert.Contains("heights", output);
        var (code, _, error) = Run("stats", "ground.tif");
        Assert.Equal(Failures.BadInput, code);
        Assert.Contains("its reference system has heights", error);
        Good("stats", "ground.tif", "--pixels", "amplitude", "--json");
    }

    [Fact]
    public void UnknownPixelsAreCalledUnknown()
    {
        File.WriteAllBytes(In("x.npy"), Npy([1, 2, 3, 4], 2, 2));
        Assert.Contains("unknown", Good("info", "x.npy").Out);
    }

    // NumPy's format 1.0: magic, length, header padded to 64, little-endian floats.
    private static byte[] Npy(float[] pixels, int rows, int columns)
    {
        var header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}";
        header = header.PadRight(117) + "\n";
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. System.Text.Encoding.ASCII.GetBytes(header),
            .. pixels.SelectMany(BitConverter.GetBytes)];
    }
}
