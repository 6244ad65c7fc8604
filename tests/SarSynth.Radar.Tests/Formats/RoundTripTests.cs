// Images written as GeoTIFF come back the same, whole, in windows and from streams.
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;

namespace SarSynth.Radar.Tests.Formats;

public sealed class RoundTripTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-rasters-").FullName;

    private static readonly SarMetadata Facts = new()
    {
        Sensor = "TEST-1", Band = "X", Polarisation = "HH", Mode = "spotlight", RangeSpacing = 0.4,
            AzimuthSpacing = 0.123456789012345,
        IncidenceAngle = 37.25, LookDirection = "left", Date =
            new DateTime(2020, 2, 29, 12, 34, 56, 789, DateTimeKind.Utc), Looks = 1,
        SlantRange = true, CentreFrequency = 9.65e9, Quantity = Backscatter.SigmaNought,
    };

    private static readonly GeoReference Place = new([500000, 0.4, 0.1, 4830000, -0.1, -0.4], "");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    public static TheoryData<GeoTiffCompression, bool> Layouts => new()
    {
        { GeoTiffCompression.Deflate, false }, { GeoTiffCompression.Zstandard, false },
            { GeoTiffCompression.None, false },
        { GeoTiffCompression.Deflate, true }, { GeoTiffCompression.Zstandard, true },
    };

    [Theory, MemberData(nameof(Layouts))]
    public void AnAmplitudeImageComesBack(GeoTiffCompression compression, bool cloudOptimised)
    {
        var pixels = Noise(300 * 517);
        pixels[17] = float.NaN;
        var path = File("amplitude.tif");
        GeoTiff.Write(new AmplitudeImage(300, 517, pixels, Facts, Place), path,
            new GeoTiffOptions { Compression = compression, CloudOptimised = cloudOptimised, TileSize = 128 });
        using var raster = SarRaster.Open(path);
        Assert.Equal((PixelKind.Amplitude, false, 300, 517),
            (raster.Kind, raster.KindIsAssumed, raster.Rows, raster.Columns));
        Assert.Equal(Facts, raster.Metadata);
        Assert.Equal(Place.Transform, raster.GeoReference!.Transform!);
        Assert.Equal((128, 128), raster.BlockSize);
        Assert.Equal(pixels, Assert.IsType<AmplitudeImage>(raster.Read()).Pixels);
        Assert.Equal([path], Directory.GetFiles(folder));
    }

    [Theory, MemberData(nameof(Layouts))]
    public void AComplexImageComesBack(GeoTiffCompression compression, bool cloudOptimised)
    {
        var pixels = Noise(90 * 70).Zip(Noise(90 * 70, 2), (a, b) => new Complex32(a - 5, 5 - b)).ToArray();
        var path = File("complex.tif");
        GeoTiff.Write(new ComplexImage(90, 70, pixels, Facts), path,
            new GeoTiffOptions { Compression = compression, CloudOptimised = cloudOptimised });
        using var raster = SarRaster.Open(path);
        Assert.Null(raster.GeoReference);
        Assert.Equal(pixels, Assert.IsType<ComplexImage>(raster.Read()).Pixels);
        Assert.Equal(Facts, raster.Metadata);
    }

    [Fact]
    public void ACloudOptimisedFileSaysSo()
    {
        GeoTiff.Write(new AmplitudeImage(700, 900, Noise(630000), Facts, Place), File("cog.tif"),
            new GeoTiffOptions { CloudOptimised = true, TileSize = 256 });
        // The first directory is followed by the mark that GDAL's COG driver leaves for readers.
        var head = System.Text.Encoding.Latin1.GetString(System.IO.File.ReadAllBytes(File("cog.tif")), 0, 400);
        Assert.Contains("LAYOUT=IFDS_BEFORE_DATA", head);
        Assert.Contains("BLOCK_ORDER=ROW_MAJOR", head);
    }

    [Fact]
    public void WhatNoSensorMeasuredSaysSoInRastersPicturesAndWhatIsMadeOfThem()
    {
        var made = new AmplitudeImage(40, 60, Noise(2400), new()
        {
            DigitalSourceType = SyntheticMark.TrainedAlgorithmicMedia, Generator = "a model <1> & \"more\"",
        });
        GeoTiff.Write(made, File("made.tif"));
        GeoTiff.Write(made, File("cog.tif"), new GeoTiffOptions { CloudOptimised = true, TileSize = 16 });
        // What a program writes beside it says nothing of it.
        System.IO.File.WriteAllText(File("made.json"), "");
        QuickLook.Write(made, File("made.png"));
        using (var raster = SarRaster.Open(File("made.tif")))
            Multilook.Apply(raster, File("coarse.tif"), 2, 2);
        using (var raster = SarRaster.Open(File("coarse.tif")))
            QuickLook.Write(raster, File("coarse.png"));
        foreach (var name in (string[])["made.tif", "cog.tif", "made.png", "coarse.tif", "coarse.png"])
        {
            using var raster = SarRaster.Open(File(name));
            Assert.Equal(("trainedAlgorithmicMedia", "a model <1> & \"more\""),
                (raster.Metadata.DigitalSourceType, raster.Metadata.Generator));
            // As any reader of XMP finds it.
            Assert.Contains("http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
                System.Text.Encoding.Latin1.GetString(System.IO.File.ReadAllBytes(File(name))));
        }
        // Other programs write the property as an element.
        const string other = "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf="
            + "'http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' xmlns:e="
            + "'http://iptc.org/std/Iptc4xmpExt/2008-02-29/'><e:DigitalSourceType>http://cv.iptc.org/newscodes/"
            + "digitalsourcetype/algorithmicMedia</e:DigitalSourceType></rdf:Description></rdf:RDF></x:xmpmeta>";
        Assert.Equal("algorithmicMedia", SyntheticMark.Read(SarMetadata.Unknown, other).DigitalSourceType);
        Assert.Null(SyntheticMark.Read(SarMetadata.Unknown, "no <xml").DigitalSourceType);
        Assert.Null(SyntheticMark.Xmp(SarMetadata.Unknown));
    }

    [Fact]
    public void IntensityAndDecibelsComeBackAsIntensity()
    {
        var image = new IntensityImage(20, 30, Noise(600));
        GeoTiff.Write(image, File("intensity.tif"));
        GeoTiff.Write(image, File("decibel.tif"), new GeoTiffOptions { Decibel = true });
        using var linear = SarRaster.Open(File("intensity.tif"));
        using var logarithmic = SarRaster.Open(File("decibel.tif"));
        Assert.Equal((PixelKind.Intensity, PixelKind.Decibel), (linear.Kind, logarithmic.Kind));
        Assert.Equal(image.Pixels, ((IntensityImage)linear.Read()).Pixels);
        Assert.Equal(image.Pixels, ((IntensityImage)logarithmic.Read()).Pixels, (a, b) =>
            MathF.Abs(a - b) <= 2e-6f * a);
    }

    [Fact]
    public void WindowsAndBlocksAreParts()
    {
        var pixels = Noise(200 * 333);
        GeoTiff.Write(new AmplitudeImage(200, 333, pixels, Facts, Place), File("a.tif"),
            new GeoTiffOptions { TileSize = 64 });
        using var raster = SarRaster.Open(File("a.tif"));
        var window = (AmplitudeImage)raster.Read(new RasterWindow(77, 301, 5, 32));
        for (var i = 0; i < window.Pixels.Length; i++)
            Assert.Equal(pixels[(77 + i / 32) * 333 + 301 + i % 32], window.Pixels[i]);
        Assert.Equal(500000 + 301 * 0.4 + 77 * 0.1, window.GeoReference!.Transform![0], 1e-6);
        Assert.Equal(4830000 - 301 * 0.1 - 77 * 0.4, window.GeoReference.Transform![3], 1e-6);

        var whole = new float[pixels.Length];
        using var writer = new GeoTiffWriter(File("copy.tif"), 200, 333, PixelKind.Amplitude, Facts, Place);
        foreach (var block in raster.Blocks(70, 90, halo: 6))
        {
            Assert.Equal(block.Window.Grown(6, 200, 333), block.Padded);
            writer.WriteWindow(block.Window.Row, block.Window.Column, block.Image,
                block.Window with { Row = block.Window.Row - block.Padded.Row,
                    Column = block.Window.Column - block.Padded.Column });
        }
        Assert.False(Path.Exists(File("copy.tif")));
        writer.Complete();
        using var copy = SarRaster.Open(File("copy.tif"));
        Assert.Equal(pixels, ((AmplitudeImage)copy.Read()).Pixels);
        Assert.Equal(pixels.Sum(p => (double)p), copy.Blocks()
            .Sum(b => ((AmplitudeImage)b.Image).Pixels.Sum(p => (double)p)), 1e-6);
    }

    [Fact]
    public void WhatIsNotCompletedDoesNotAppear()
    {
        using (var writer = new GeoTiffWriter(File("never.tif"), 10, 10, PixelKind.Amplitude))
            writer.WriteWindow(0, 0, new AmplitudeImage(5, 10, Noise(50)));
        Assert.Empty(Directory.GetFiles(folder));
        Assert.Contains("its folder does not exist",
            Assert.Throws<RasterException>(() => GeoTiff.Write(new AmplitudeImage(1, 1, [1]), File("no/such.tif")))
            .Message);
        Assert.Contains("it is a folder",
            Assert.Throws<RasterException>(() => GeoTiff.Write(new AmplitudeImage(1, 1, [1]), folder)).Message);
    }

    [Fact]
    public void WrongWindowsAndPixelsAreRefused()
    {
        GeoTiff.Write(new AmplitudeImage(10, 10, Noise(100)), File("small.tif"));
        using var raster = SarRaster.Open(File("small.tif"));
        foreach (var window in (RasterWindow[])[new(0, 0, 0, 5), new(-1, 0, 2, 2), new(9, 0, 2, 2),
            new(0, 5, 1, int.MaxValue)])
            Assert.Throws<ArgumentOutOfRangeException>(() => raster.Read(window));
        using var writer = new GeoTiffWriter(File("c.tif"), 10, 10, PixelKind.Complex);
        Assert.Throws<ArgumentException>(() => writer.WriteWindow(0, 0, new AmplitudeImage(1, 1, [1])));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            writer.WriteWindow(5, 5, new ComplexImage(6, 1, new Complex32[6])));
    }

    [Fact]
    public void ReadsFromManyThreadsAreRight()
    {
        var pixels = Noise(256 * 256);
        GeoTiff.Write(new AmplitudeImage(256, 256, pixels), File("t.tif"), new GeoTiffOptions { TileSize = 32 });
        using var raster = SarRaster.Open(File("t.tif"));
        Parallel.For(0, 400, i =>
        {
            var row = i * 37 % 240;
            var read = (AmplitudeImage)raster.Read(new RasterWindow(row, 3, 16, 250));
            Assert.Equal(pixels[row * 256 + 3], read.Pixels[0]);
            Assert.Equal(pixels[(row + 15) * 256 + 252], read.Pixels[^1]);
        });
    }

    private string File(string name) => Path.Combine(folder, name);

    private static float[] Noise(int count, int seed = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 10)];
    }
}
