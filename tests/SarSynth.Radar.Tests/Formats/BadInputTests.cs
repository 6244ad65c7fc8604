// What is no raster, or a damaged one, gives one line that names the file and the reason.
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Tests.Formats;

public sealed class BadInputTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-bad-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void WhatIsNotARasterSaysWhy()
    {
        Refuses("absent.tif", null, "does not exist");
        Refuses("empty.tif", [], "is empty");
        Refuses("text.tif", "this is no raster\n"u8.ToArray(), "not recognized");
        Refuses("random.dat", Noise(5000), "not recognized");
        Refuses("cut.zip", [0x50, 0x4B, 3, 4, 0, 0], "damaged zip");
        Refuses("cut.h5", [0x89, .. "HDF\r\n\x1a\n"u8], "cannot be opened as HDF5");
        Refuses("magic.h5", [0x89, .. "HDF\r\n\x1a\n"u8, .. Noise(600)], "cannot be opened as HDF5");
        Assert.Contains("is a folder, but no product", Assert.Throws<RasterException>(() => SarRaster.Open(folder))
            .Message);
        Refuses("manifest.safe", "<a/>"u8.ToArray(), "has no annotation");
    }

    [Fact]
    public void ATruncatedTiffIsAnErrorNotZeros()
    {
        var path = Path.Combine(folder, "whole.tif");
        GeoTiff.Write(new AmplitudeImage(512, 512, [.. Enumerable.Range(0, 512 * 512).Select(i => i % 977f)]), path,
            new GeoTiffOptions { TileSize = 64 });
        var bytes = File.ReadAllBytes(path);
        foreach (var length in (int[])[7, 100, 1000, bytes.Length / 2, bytes.Length - 100])
        {
            File.WriteAllBytes(path, bytes[..length]);
            var error = Assert.Throws<RasterException>(() =>
            {
                using var raster = SarRaster.Open(path);
                raster.Read();
            });
            Assert.StartsWith(path + ": ", error.Message);
            Assert.DoesNotContain('\n', error.Message);
        }
    }

    [Fact]
    public void ATruncatedEnviFileIsAnErrorNotZeros()
    {
        File.WriteAllText(Path.Combine(folder, "raw.hdr"),
            "ENVI\nsamples = 20\nlines = 10\nbands = 1\ndata type = 4\ninterleave = bsq\nbyte order = 0\n");
        Refuses("raw", new byte[20 * 10 * 4 - 1], "is truncated: found 799 bytes, expected 800");
        File.WriteAllBytes(Path.Combine(folder, "raw"), new byte[800]);
        using var raster = SarRaster.Open(Path.Combine(folder, "raw"));
        Assert.Equal((10, 20, true), (raster.Rows, raster.Columns, raster.KindIsAssumed));
    }

    [Fact]
    public void NoDataIsReadAsNaN()
    {
        var path = Path.Combine(folder, "nan.tif");
        GeoTiff.Write(new IntensityImage(1, 5, [1, float.NaN, float.PositiveInfinity, 0, 2]), path);
        using var raster = SarRaster.Open(path);
        var image = raster.Read();
        Assert.Equal([1, float.NaN, float.NaN, 0, 2], ((IntensityImage)image).Pixels);
        Assert.Equal(2, image.CountNoData());
    }

    [Fact]
    public void NegativeAmplitudesAskForTheKind()
    {
        var path = Path.Combine(folder, "raw");
        File.WriteAllText(path + ".hdr",
            "ENVI\nsamples = 3\nlines = 1\nbands = 1\ndata type = 4\ninterleave = bsq\nbyte order = 0\n");
        File.WriteAllBytes(path, [.. ((float[])[0, -10, 3]).SelectMany(BitConverter.GetBytes)]);
        using (var raster = SarRaster.Open(path))
            Assert.Contains("pixel (0, 1) is -10, but amplitude is never negative",
                Assert.Throws<RasterException>(() => raster.Read()).Message);
        using var decibels = SarRaster.Open(path, new RasterOptions { Kind = PixelKind.Decibel });
        Assert.Equal([1f, 0.1f, 1.9952623f], ((IntensityImage)decibels.Read()).Pixels, (a, b) =>
            MathF.Abs(a - b) < 1e-6f);
        Assert.Contains("real pixels",
            Assert.Throws<RasterException>(() => SarRaster.Open(path, new RasterOptions { Kind = PixelKind.Complex }))
            .Message);
        Assert.Contains("no channel '2'",
            Assert.Throws<RasterException>(() => SarRaster.Open(path, new RasterOptions { Channel = "2" })).Message);
    }

    private void Refuses(string name, byte[]? bytes, string reason)
    {
        var path = Path.Combine(folder, name);
        if (bytes is not null)
            File.WriteAllBytes(path, bytes);
        var error = Assert.Throws<RasterException>(() => SarRaster.Open(path).Dispose());
        Assert.StartsWith(path + ": ", error.Message);
        Assert.Contains(reason, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static byte[] Noise(int count)
    {
        var bytes = new byte[count];
        new Random(9).NextBytes(bytes);
        return bytes;
    }
}
