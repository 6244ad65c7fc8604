// Filters against straightforward numpy versions of their papers, and what they do to speckle, gaps and borders.
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Tests.Support;

namespace SarSynth.Radar.Tests.Radiometry;

public sealed class SpeckleFilterTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-filter-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    public static TheoryData<string, SpeckleFilter> Goldens => new()
    {
        { "boxcar", new BoxcarFilter(7) },
        { "lee", new LeeFilter(7, 2) },
        { "kuan", new KuanFilter(7, 2) },
        { "enhancedLee", new EnhancedLeeFilter(7, 2) },
        { "gammaMap", new GammaMapFilter(7, 2) },
        { "frost", new FrostFilter(7, 2) },
        { "refinedLee", new RefinedLeeFilter(2) },
        { "nonLocal", new NonLocalFilter(5, 9, 2, 0.2) },
    };

    [Theory, MemberData(nameof(Goldens))]
    public void ValuesAreThoseOfThePaper(string name, SpeckleFilter filter)
    {
        var expected = Golden(name);
        var found = filter.Apply(new IntensityImage(37, 45, Golden("input"))).Pixels;
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(found[i] - expected[i]) <= 2e-4 * Math.Abs(expected[i]) + 1e-5,
                $"{name} ({i / 45}, {i % 45}): {found[i]} for {expected[i]}");
    }

    [Theory, MemberData(nameof(Goldens))]
    public void GapsStayAndDoNotSpread(string name, SpeckleFilter filter)
    {
        var pixels = Golden("input");
        (pixels[5 * 45 + 7], pixels[5 * 45 + 8], pixels[36 * 45 + 44]) = (float.NaN, float.PositiveInfinity, float.NaN);
        var found = filter.Apply(new IntensityImage(37, 45, pixels)).Pixels;
        for (var i = 0; i < found.Length; i++)
            Assert.True(float.IsFinite(pixels[i]) ? float.IsFinite(found[i])
                && found[i] > 0 : float.IsNaN(found[i]), $"{name} ({i / 45}, {i % 45}): {found[i]}");
    }

    [Theory, MemberData(nameof(Goldens))]
    public void HomogeneousSpeckleIsSmoothedAroundItsMean(string name, SpeckleFilter filter)
    {
        var random = new Random(2);
        // Two looks: the sum of two exponentials.
        var pixels = Enumerable.Range(0, 200 * 200)
            .Select(_ => (float)(-Math.Log((1 - random.NextDouble()) * (1 - random.NextDouble())) / 2)).ToArray();
        var found = filter.Apply(new IntensityImage(200, 200, pixels)).Pixels.Select(v => (double)v).ToArray();
        var mean = found.Average();
        var enl = mean * mean / found.Average(v => (v - mean) * (v - mean));
        Assert.InRange(mean, 0.8, 1.03);
        Assert.True(enl > 8, $"{name}: ENL {enl} of 2");
    }

    [Theory, MemberData(nameof(Goldens))]
    public void TinyConstantAndZeroImagesGoThrough(string name, SpeckleFilter filter)
    {
        foreach (var (rows, columns) in ((int, int)[])[(1, 1), (1, 9), (2, 3), (40, 1)])
        {
            foreach (var value in (float[])[0, 3])
            {
                var found = filter.Apply(new IntensityImage(rows, columns,
                    [.. Enumerable.Repeat(value, rows * columns)])).Pixels;
                Assert.All(found, v =>
                    Assert.True(Math.Abs(v - value) < 1e-5, $"{name} {rows} x {columns}: {v} for {value}"));
            }
            Assert.All(filter.Apply(new IntensityImage(rows, columns,
                [.. Enumerable.Repeat(float.NaN, rows * columns)])).Pixels, v => Assert.True(float.IsNaN(v)));
        }
    }

    [Fact]
    public void AStreamGivesWhatTheWholeImageGives()
    {
        var random = new Random(8);
        var image = new IntensityImage(1100, 2100,
            [.. Enumerable.Range(0, 1100 * 2100).Select(_ => (float)-Math.Log(1 - random.NextDouble()))]);
        GeoTiff.Write(image, Path.Combine(folder, "in.tif"),
            new GeoTiffOptions { Compression = GeoTiffCompression.None });
        var filter = new LeeFilter(9);
        using (var raster = SarRaster.Open(Path.Combine(folder, "in.tif")))
            filter.Apply(raster, Path.Combine(folder, "out.tif"),
                new GeoTiffOptions { Compression = GeoTiffCompression.None });
        using var filtered = SarRaster.Open(Path.Combine(folder, "out.tif"));
        Assert.Equal(filter.Apply(image).Pixels, ((IntensityImage)filtered.Read()).Pixels, (a, b) =>
            MathF.Abs(a - b) <= 1e-5f * MathF.Abs(a));
    }

    [Fact]
    public void ABrightTargetLeavesNoTraceBeyondItsWindow()
    {
        var pixels = Enumerable.Repeat(1f, 64 * 64).ToArray();
        pixels[32 * 64 + 32] = 1e9f;
        var found = new BoxcarFilter(7).Apply(new IntensityImage(64, 64, pixels)).Pixels;
        for (var i = 0; i < found.Length; i++)
        {
            if (Math.Abs(i / 64 - 32) > 3 || Math.Abs(i % 64 - 32) > 3)
                Assert.Equal(1f, found[i], 1e-6f);
        }
    }

    [Fact]
    public void BadParametersAreNamed()
    {
        Assert.Contains("found 4, expected an odd number", Assert.Throws<ArgumentException>(() => new LeeFilter(4))
            .Message);
        Assert.Contains("looks: found 0", Assert.Throws<ArgumentException>(() => new KuanFilter(7, 0)).Message);
        Assert.Contains("damping", Assert.Throws<ArgumentException>(() => new FrostFilter(7, 0)).Message);
        Assert.Contains("strength", Assert.Throws<ArgumentException>(() => new NonLocalFilter(Strength: -1)).Message);
    }

    private static float[] Golden(string name)
    {
        var bytes = File.ReadAllBytes(TestData.Golden($"rasters/filter-{name}.f32"));
        var values = new float[bytes.Length / 4];
        Buffer.BlockCopy(bytes, 0, values, 0, bytes.Length);
        return values;
    }
}
