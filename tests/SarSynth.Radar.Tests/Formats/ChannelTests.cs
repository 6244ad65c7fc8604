// Channels of products: no name stands twice, and each name leads to its own pixels, calibration and noise.
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Tests.Support;

namespace SarSynth.Radar.Tests.Formats;

public sealed class ChannelTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-channels-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Every_vignette_of_wave_mode_has_its_name_its_pixels_and_its_calibration()
    {
        // Each vignette gets its own constants: all four of the case hold 100.
        var path = Path.Combine(folder, "wave.SAFE");
        foreach (var file in Directory.EnumerateFiles(TestData.Golden("cases/01-wave-mode.SAFE"), "*",
            SearchOption.AllDirectories))
        {
            var copy = Path.Combine(path, Path.GetRelativePath(TestData.Golden("cases/01-wave-mode.SAFE"), file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            if (file.Contains("calibration-", StringComparison.Ordinal))
                File.WriteAllText(copy, File.ReadAllText(file)
                    .Replace("100.0", $"{file[^5]}00.0", StringComparison.Ordinal));
            else if (file.EndsWith(".xml", StringComparison.Ordinal))
                File.WriteAllText(copy, File.ReadAllText(file)
                    .Replace("30.0<", $"3{file[^5]}.0<", StringComparison.Ordinal));
            else
                File.Copy(file, copy);
        }
        using var first = SarRaster.Open(path);
        Assert.Equal(["WV1/VV/001", "WV1/VV/003", "WV2/VV/002", "WV2/VV/004"], first.Channels);
        foreach (var (channel, number) in (ReadOnlySpan<(string, int)>)[("WV1/VV/001", 1), ("WV2/VV/002", 2),
            ("WV1/VV/003", 3), ("WV2/VV/004", 4)])
        {
            using var raster = SarRaster.Open(path, new RasterOptions { Channel = channel });
            Assert.Equal((channel, 12 + number), (raster.Channel, raster.Rows));
            Assert.Equal(100 * number, ((ComplexImage)raster.Read()).Pixels[0].Real);
            var calibration = Assert.IsType<Sentinel1Calibration>(Calibration.Open(path, channel));
            Assert.Equal((100.0 * number, 30.0 + number),
                (calibration.Value(Backscatter.SigmaNought, 0, 0), calibration.IncidenceAngle(0, 0)));
        }
        // A part of a name will do where it fits one.
        using var part = SarRaster.Open(path, new RasterOptions { Channel = "004" });
        Assert.Equal("WV2/VV/004", part.Channel);
        Assert.Contains("has several channels 'WV1': expected one of WV1/VV/001, WV1/VV/003",
            Assert.Throws<RasterException>(() => SarRaster.Open(path, new RasterOptions { Channel = "WV1" })).Message);
        Assert.Contains("has no channel 'HH': expected one of WV1/VV/001",
            Assert.Throws<RasterException>(() => Calibration.Open(path, "HH")).Message);
    }

    /// <summary>Annotations of a product, and the names that its channels get.</summary>
    public static TheoryData<string[], string[]> Products => new()
    {
        { ["iw-grd-vv-.-.-.-.-001"], ["VV"] },
        { ["iw-grd-vh-.-.-.-.-002", "iw-grd-vv-.-.-.-.-001"], ["VH", "VV"] },
        { ["iw1-slc-vv-.-.-.-.-004", "iw2-slc-vv-.-.-.-.-005", "iw3-slc-vv-.-.-.-.-006"],
            ["IW1/VV", "IW2/VV", "IW3/VV"] },
        { ["iw1-slc-vh-.-.-.-.-001", "iw1-slc-vv-.-.-.-.-004", "iw2-slc-vh-.-.-.-.-002", "iw2-slc-vv-.-.-.-.-005"],
            ["IW1/VH", "IW1/VV", "IW2/VH", "IW2/VV"] },
        { ["s3-slc-hh-.-.-.-.-001"], ["HH"] },
        { ["wv1-slc-vv-.-.-.-.-001", "wv1-slc-vv-.-.-.-.-003"], ["WV1/VV/001", "WV1/VV/003"] },
        { ["wv1-slc-hh-.-.-.-.-001", "wv1-slc-hh-.-.-.-.-003", "wv2-slc-hh-.-.-.-.-002"],
            ["WV1/HH/001", "WV1/HH/003", "WV2/HH/002"] },
    };

    [Theory, MemberData(nameof(Products))]
    public void Names_of_Sentinel_1_are_short_and_distinct(string[] annotations, string[] names)
    {
        Directory.CreateDirectory(Path.Combine(folder, "annotation", "calibration"));
        Directory.CreateDirectory(Path.Combine(folder, "measurement"));
        File.WriteAllText(Path.Combine(folder, "manifest.safe"), "<XFDU/>");
        for (var i = 0; i < annotations.Length; i++)
        {
            var stem = "s1a-" + annotations[i];
            File.WriteAllText(Path.Combine(folder, "annotation", stem + ".xml"),
                $"<product><imageAnnotation><imageInformation><numberOfLines>{i + 1}</numberOfLines>"
                + "</imageInformation></imageAnnotation></product>");
            GeoTiff.Write(new ComplexImage(i + 1, 2, new Complex32[2 * (i + 1)]),
                Path.Combine(folder, "measurement", stem + ".tiff"));
        }
        using var raster = SarRaster.Open(folder);
        Assert.Equal(names, raster.Channels);
        for (var i = 0; i < names.Length; i++)
        {
            using var channel = SarRaster.Open(folder, new RasterOptions { Channel = names[i].ToLowerInvariant() });
            Assert.Equal((names[i], i + 1), (channel.Channel, channel.Rows));
        }
    }

    [Theory]
    [InlineData("nisar.h5", new[] { "A/HH", "A/HV", "B/HH" }, new[] { 1.257e9, 1.257e9, 1.2935e9 },
        new[] { 1f, 2f, 3f })]
    [InlineData("nisar-two-bands.h5", new[] { "LSAR/A/HH", "SSAR/A/HH" }, new[] { 1.257e9, 3.2e9 }, new[] { 1f, 4f })]
    public void Frequencies_and_bands_of_NISAR_keep_their_own_facts(string file, string[] names, double[] frequencies,
        float[] factors)
    {
        for (var i = 0; i < names.Length; i++)
        {
            using var raster = SarRaster.Open(TestData.Golden("cases/" + file),
                new RasterOptions { Channel = names[i] });
            Assert.Equal(names, raster.Channels);
            Assert.Equal((names[i], frequencies[i], names[i][^2..]),
                (raster.Channel, raster.Metadata.CentreFrequency, raster.Metadata.Polarisation));
            Assert.Equal(names[i].Contains("B/", StringComparison.Ordinal) ? 25 : 6.25, raster.Metadata.RangeSpacing);
            Assert.Equal(new Complex32(factors[i] * 32, factors[i] * -2),
                ((ComplexImage)raster.Read(new RasterWindow(2, 3, 1, 1))).Pixels[0]);
        }
    }

    [Theory]
    [InlineData("HH", "", "VV", "", new[] { "HH", "VV" })]
    [InlineData("HH", "strip_003", "HH", "strip_004", new[] { "strip_003/HH", "strip_004/HH" })]
    [InlineData("HH", "", "HH", "", new[] { "HH/1", "HH/2" })]
    public void Layers_of_TerraSAR_X_find_their_own_calibration(string firstPolarisation, string firstBeam,
        string secondPolarisation, string secondBeam, string[] names)
    {
        var from = TestData.Golden("cases/02-cosar-v2");
        var cosar = File.ReadAllBytes(Path.Combine(from, "IMAGEDATA/IMAGE_HH_SRA_strip_007.cos"));
        File.WriteAllBytes(Path.Combine(folder, "a.cos"), cosar);
        (cosar[128], cosar[129]) = (0x38, 0);
        File.WriteAllBytes(Path.Combine(folder, "b.cos"), cosar);
        var annotation = File.ReadAllText(Path.Combine(from, "TDM1_SAR__COS_BIST_SM_S_SRA.xml"));
        var (start, end) = (annotation.IndexOf("<productComponents>", StringComparison.Ordinal),
            annotation.IndexOf("</productComponents>", StringComparison.Ordinal));
        var (calibration, last) = (annotation.IndexOf("<calibration>", StringComparison.Ordinal),
            annotation.IndexOf("</calibration>", StringComparison.Ordinal));
        File.WriteAllText(Path.Combine(folder, "TDX.xml"), annotation[..start]
            + "<productComponents>" + Layer(1, firstPolarisation, firstBeam, "a.cos")
            + Layer(2, secondPolarisation, secondBeam, "b.cos") + annotation[end..calibration]
            + "<calibration>" + Constant(1, firstPolarisation, firstBeam, "1e-5")
            + Constant(2, secondPolarisation, secondBeam, "2e-5") + annotation[last..]);
        for (var i = 0; i < 2; i++)
        {
            using var raster = SarRaster.Open(folder, new RasterOptions { Channel = names[i] });
            Assert.Equal(names, raster.Channels);
            Assert.Equal(names[i], raster.Channel);
            Assert.Equal(i == 0 ? 10.5f : 0.5f, ((ComplexImage)raster.Read(new RasterWindow(1, 0, 1,
                1))).Pixels[0].Real);
            var factors = new double[1];
            Calibration.Open(folder, names[i]).Factors(0, 0, Backscatter.BetaNought, factors);
            Assert.Equal((i + 1) * 1e-5, factors[0], 1e-18);
        }

        static string Beam(string beam) => beam.Length == 0 ? "" : $"<beamID>{beam}</beamID>";

        static string Layer(int index, string polarisation, string beam, string file) =>
            $"""<imageData layerIndex="{index}"><polLayer>{polarisation}</polLayer>{Beam(beam)}<file><location>"""
            + $"<filename>{file}</filename></location></file></imageData>";

        static string Constant(int index, string polarisation, string beam, string factor) =>
            $"""<calibrationConstant layerIndex="{index}"><polLayer>{polarisation}</polLayer>{Beam(beam)}"""
            + $"<calFactor>{factor}</calFactor></calibrationConstant>";
    }

    /// <summary>All products that a clone has, and all of the optional collection.</summary>
    [Fact]
    public void No_product_has_two_channels_of_one_name()
    {
        var seen = 0;
        foreach (var path in Products("cases").Concat(TestData.HasOptional("sar")
            ? Directory.GetDirectories(TestData.Optional("sar")).SelectMany(Entries) : []))
        {
            try
            {
                using var raster = SarRaster.Open(path);
                Assert.NotEmpty(raster.Channels);
                Assert.Equal(raster.Channels.Count, raster.Channels.Distinct(StringComparer.OrdinalIgnoreCase).Count());
                Assert.Contains(raster.Channel, raster.Channels);
                foreach (var name in raster.Channels)
                {
                    // Polarisations whose measurement is missing are named and cannot be opened.
                    try
                    {
                        using var channel = SarRaster.Open(path, new RasterOptions { Channel = name });
                        Assert.Equal(name, channel.Channel);
                    }
                    catch (RasterException error) when (error.Message.Contains("has no pixels",
                        StringComparison.Ordinal))
                    {
                    }
                }
                seen++;
            }
            catch (RasterException)
            {
                // Not every file beside a product is one.
            }
        }
        Assert.True(seen >= 8, $"{seen} products");

        static IEnumerable<string> Products(string path) => Entries(TestData.Golden(path)).SelectMany(entry =>
            Directory.Exists(entry) && !entry.EndsWith(".SAFE", StringComparison.Ordinal) ? Entries(entry).Append(entry)
                : [entry]);

        static IEnumerable<string> Entries(string path) => Directory.EnumerateFileSystemEntries(path);
    }
}
