// Resolution change of rasters through a scratch file against that of the whole image in memory.
using MathNet.Numerics;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Signal;
using SarSynth.Radar.Simulation;

namespace SarSynth.Radar.Tests.Signal;

public sealed class SpectralStreamTests : IDisposable
{
    // Several bands of lines and two strips of columns.
    private const int Rows = 1800, Columns = 1500;
    private static readonly SarMetadata Facts = new() { Sensor = "test", RangeSpacing = 0.4, AzimuthSpacing = 0.5,
        IncidenceAngle = 30, SlantRange = true, RangeBandwidth = 3e8 };
    private static readonly GeoReference Place = new([100, 0.4, 0, 900, 0, -0.5], "");
    private static readonly Lazy<ComplexImage> Image = new(Make);
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void ARasterIsCroppedAsTheWholeImageIs()
    {
        var crop = new SpectralCrop { RowFactor = 2.3, ColumnFactor = 1.25, RowBandwidth = 0.9, ColumnBandwidth = 0.8,
            RowWindow = new HammingWindow(0.7), RangeCentroid = 0.02 };
        var whole = ResolutionChange.Apply(Image.Value, crop);
        using var raster = Stored();
        double done = 0;
        ResolutionChange.Apply(raster, Path.Combine(folder, "out.tif"), crop, progress: share => done = share);
        Assert.Equal(1, done, 1e-9);
        using var result = SarRaster.Open(Path.Combine(folder, "out.tif"));
        Same(whole.Pixels, ((ComplexImage)result.Read()).Pixels);
        Assert.Equal(whole.Metadata.RangeResolution!.Value, result.Metadata.RangeResolution!.Value, 1e-9);
        Assert.Equal(whole.Metadata.AzimuthSpacing!.Value, result.Metadata.AzimuthSpacing!.Value, 1e-9);
        Assert.InRange(whole.GeoReference!.Transform!.Zip(result.GeoReference!.Transform!,
            (a, b) => Math.Abs(a - b)).Max(), 0, 1e-9);
        Assert.Equal(["in.tif", "out.tif"], Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order());
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    public void TheSatelliteChainOfARasterIsThatOfTheWholeImage(int rangeLooks, int azimuthLooks)
    {
        var recipe = new SatelliteRecipe
        {
            RangeResolution = 0.9, AzimuthResolution = 1.4, RangeLooks = rangeLooks, AzimuthLooks = azimuthLooks,
            NoiseEquivalentSigmaNought = -3, IncidenceAngle = 40, Seed = 12,
        };
        var whole = recipe.Apply(Image.Value);
        using var raster = Stored();
        recipe.Apply(raster, Path.Combine(folder, "seen.tif"));
        using var result = SarRaster.Open(Path.Combine(folder, "seen.tif"));
        Assert.Equal((whole.Rows, whole.Columns), (result.Rows, result.Columns));
        Assert.Equal(whole is ComplexImage ? PixelKind.Complex : PixelKind.Intensity, result.Kind);
        if (whole is ComplexImage complex)
            Same(complex.Pixels, ((ComplexImage)result.Read()).Pixels);
        else
            Same([.. ((IntensityImage)whole).Pixels.Select(p => new Complex32(p, 0))],
                [.. ((IntensityImage)result.Read()).Pixels.Select(p => new Complex32(p, 0))]);
        Assert.Equal(whole.Metadata.Looks, result.Metadata.Looks);
        Assert.Equal(40, result.Metadata.IncidenceAngle);
        Assert.Equal(whole.Metadata.AzimuthSpacing!.Value, result.Metadata.AzimuthSpacing!.Value, 1e-9);
        Assert.InRange(whole.GeoReference!.Transform!.Zip(result.GeoReference!.Transform!,
            (a, b) => Math.Abs(a - b)).Max(), 0, 1e-9);
    }

    [Fact]
    public void WhatCannotBeDoneIsSaidAndLeavesNothing()
    {
        GeoTiff.Write(new AmplitudeImage(8, 8, new float[64]), Path.Combine(folder, "a.tif"));
        using (var amplitude = SarRaster.Open(Path.Combine(folder, "a.tif")))
            Assert.Contains("found amplitude",
                Assert.Throws<ArgumentException>(() =>
                ResolutionChange.Apply(amplitude, Path.Combine(folder, "b.tif"), new SpectralCrop())).Message);
        GeoTiff.Write(new ComplexImage(8, 8, new Complex32[64], Facts), Path.Combine(folder, "c.tif"));
        using var small = SarRaster.Open(Path.Combine(folder, "c.tif"));
        var recipe = new SatelliteRecipe { RangeResolution = 1, AzimuthResolution = 1.25, AzimuthLooks = 9 };
        Assert.StartsWith("looks: found 9 x 1",
            Assert.Throws<ArgumentException>(() => recipe.Apply(small, Path.Combine(folder, "b.tif"))).Message);
        Assert.Contains("its folder does not exist",
            Assert.Throws<RasterException>(() =>
            ResolutionChange.Apply(small, Path.Combine(folder, "no/b.tif"), new SpectralCrop())).Message);
        Assert.Equal(["a.tif", "c.tif"], Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order());
    }

    private SarRaster Stored()
    {
        GeoTiff.Write(Image.Value, Path.Combine(folder, "in.tif"),
            new GeoTiffOptions { Compression = GeoTiffCompression.None });
        return SarRaster.Open(Path.Combine(folder, "in.tif"));
    }

    // Speckle off the centre of the spectrum in azimuth, a gap without data, a bright line.
    private static ComplexImage Make()
    {
        var random = new Random(21);
        var pixels = new Complex32[Rows * Columns];
        for (var i = 0; i < pixels.Length; i++)
        {
            var phase = 2 * Math.PI * random.NextDouble();
            pixels[i] = i < Columns ? default
                : Complex32.FromPolarCoordinates((float)Math.Sqrt(-Math.Log(1 - random.NextDouble())), (float)phase)
                + 0.5f * pixels[i - Columns] * Complex32.FromPolarCoordinates(1, 0.8f);
        }
        for (var column = 0; column < Columns; column++)
            pixels[1400 * Columns + column] += 20;
        pixels[777 * Columns + 1399] = new Complex32(float.NaN, float.NaN);
        return new ComplexImage(Rows, Columns, pixels, Facts, Place);
    }

    // Rounding of transforms in single precision in another order; no more.
    private static void Same(Complex32[] whole, Complex32[] streamed)
    {
        Assert.Equal(whole.Length, streamed.Length);
        double power = 0, largest = 0;
        for (var i = 0; i < whole.Length; i++)
        {
            power += whole[i].MagnitudeSquared / whole.Length;
            largest = Math.Max(largest, (whole[i] - streamed[i]).Magnitude / Math.Max(1, whole[i].Magnitude));
        }
        Assert.InRange(largest, 0, 2e-5 * Math.Max(1, Math.Sqrt(power)));
    }
}
