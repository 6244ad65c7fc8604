// Sensors as data: the files, their schema, and what is refused.
using System.Text.Json;
using SarSynth.Radar.Simulation;
using SarSynth.Tests.Support;

namespace SarSynth.Radar.Tests.Simulation;

public sealed class SensorTests
{
    private static readonly string Folder = Path.Combine(TestData.Root, "data-manifests", "sensors");

    [Fact]
    public void EveryFileLoadsAndIsEmbedded()
    {
        var files = Directory.GetFiles(Folder, "*.json")
            .Where(f => !f.EndsWith(".schema.json", StringComparison.Ordinal)).ToArray();
        Assert.Equal(8, files.Length);
        Assert.Equal(files.Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal), Sensors.Names);
        foreach (string file in files)
        {
            var sensor = Sensor.Load(file);
            Assert.Equal(Path.GetFileNameWithoutExtension(file), sensor.Name);
            Assert.Equal(sensor, Sensors.Named(sensor.Name));
            Assert.False(string.IsNullOrWhiteSpace(sensor.Source));
        }
    }

    [Fact]
    public void SchemaNamesTheFieldsOfTheRecord()
    {
        using var schema = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "sensor.schema.json")));
        var declared = schema.RootElement.GetProperty("properties").EnumerateObject().Select(p => p.Name)
            .Order(StringComparer.Ordinal);
        var written = JsonSerializer.SerializeToElement(Sensors.AirborneX040,
            new JsonSerializerOptions(JsonSerializerDefaults.Web)).EnumerateObject().Select(p => p.Name)
            .Order(StringComparer.Ordinal);
        Assert.Equal(declared, written);
    }

    [Fact]
    public void PublishedFiguresHold()
    {
        // Product specifications: slant resolution 2.7 m and azimuth 22 m (IW1), 1.1 m and 3.3 m
        // azimuth, 1.17 m slant at 150 MHz.
        Assert.Equal(2.7, Sensors.Sentinel1Iw.SlantRangeResolution, 0.45);
        Assert.Equal(22, Sensors.Sentinel1Iw.AzimuthResolution, 1.0);
        Assert.Equal(1.1, Sensors.TerraSarXSpotlight.AzimuthResolution, 0.02);
        Assert.Equal(3.3, Sensors.TerraSarXStripmap.AzimuthResolution, 0.05);
        Assert.Equal(1.1687, Sensors.TerraSarXStripmap.SlantRangeResolution, 0.005);
        Assert.Equal(0.9094, Sensors.TerraSarXStripmap.SlantRangeSpacing, 1e-4);
        Assert.Equal(0.8, Sensors.UavsarL.AzimuthResolution, 0.02);
    }

    [Fact]
    public void RoundTripsThroughAFile()
    {
        string path = Path.Combine(Path.GetTempPath(), Guid.NewGuid() + ".json");
        try
        {
            var sensor = Sensors.SatelliteX160 with { Name = "mine", NoiseEquivalentSigmaNought = -17.5 };
            sensor.Save(path);
            Assert.Equal(sensor, Sensor.Load(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("\"rangeBandwidthMHz\": 450.469", "\"rangeBandwidthMHz\": 4500", "RangeBandwidthMHz")]
    [InlineData("\"polarisation\": \"VV\"", "\"polarisation\": \"HV\"", "Polarisation")]
    [InlineData("\"incidenceAngle\": 45.0", "\"incidenceAngle\": 95", "IncidenceAngle")]
    [InlineData("\"band\": \"X\",", "", "band")]
    [InlineData("\"band\": \"X\"", "\"bond\": \"X\"", "bond")]
    [InlineData("\"hamming\"", "\"hanning\"", "hanning")]
    [InlineData("{", "", "not a sensor")]
    public void BrokenFileIsRefusedByNameAndField(string found, string replacement, string word)
    {
        string json = File.ReadAllText(Path.Combine(Folder, "airborne-x-040.json")),
            path = Path.Combine(Path.GetTempPath(), Guid.NewGuid() + ".json");
        int at = json.IndexOf(found, StringComparison.Ordinal);
        Assert.True(at >= 0);
        File.WriteAllText(path, json[..at] + replacement + json[(at + found.Length)..]);
        try
        {
            var error = Assert.Throws<InvalidDataException>(() => Sensor.Load(path));
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
            Assert.Contains(word, error.Message, StringComparison.OrdinalIgnoreCase);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void MissingFileAndUnknownNameAreNamed()
    {
        Assert.Contains("nowhere.json", Assert.Throws<FileNotFoundException>(() => Sensor.Load("nowhere.json"))
            .Message, StringComparison.Ordinal);
        Assert.Contains("airborne-x-040", Assert.Throws<ArgumentException>(() => Sensors.Named("nothing"))
            .Message, StringComparison.Ordinal);
    }
}
