using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tiling;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Tiling;

public sealed class TilingTests
{
    [Theory]
    [InlineData(100, 77, 32, 8)]
    [InlineData(33, 200, 32, 16)]
    [InlineData(10, 31, 32, 8)]
    [InlineData(64, 64, 32, 0)]
    public void WindowsCoverTheImageWithTheOverlapAsked(int height, int width, int size, int overlap)
    {
        var windows = new TileGrid(size, overlap).Cover(height, width);
        var covered = new bool[height, width];
        foreach (var w in windows)
        {
            Assert.Equal((windows[0].Height, windows[0].Width), (w.Height, w.Width));
            for (int y = w.Top; y < w.Top + w.Height; y++)
                for (int x = w.Left; x < w.Left + w.Width; x++)
                    covered[y, x] = true;
        }
        Assert.InRange(windows[0].Height, 1, size * 5 / 4);
        Assert.InRange(windows[0].Width, 1, size * 5 / 4);
        Assert.DoesNotContain(false, covered.Cast<bool>());
        var tops = windows.Select(w => w.Top).Distinct().Order().ToArray();
        for (int i = 1; i < tops.Length; i++)
            Assert.True(tops[i - 1] + windows[0].Height - tops[i] >= overlap - 1, $"rows {tops[i - 1]} and {tops[i]}");
    }

    [Theory]
    [InlineData(96, 96, 1.5), InlineData(128, 128, 1.5), InlineData(200, 300, 1.5), InlineData(4000, 3001, 1.4),
        InlineData(80, 80, 1)]
    public void WindowsShrinkToWhatTheOverlapNeeds(int height, int width, double most)
    {
        var windows = new TileGrid(64, 8) { Multiple = 4 }.Cover(height, width);
        Assert.InRange(windows.Sum(w => (double)w.Height * w.Width) / ((double)height * width), 1, most);
        // 96 = 2 x 52 - 8, and 52 is a multiple of 4.
        Assert.Equal([0, 44], new TileGrid(64, 8) { Multiple = 4 }.Cover(96, 30).Select(w => w.Top));
        Assert.Equal(new TileWindow(0, 0, 56, 30), new TileGrid(64, 8).Cover(96, 30)[0]);
    }

    [Theory]
    [InlineData(50, 70, 1, 1)]
    [InlineData(41, 83, 3, 2)]
    public void APointwiseModelGivesTheSameTiledAsWhole(int height, int width, int batch, int channels)
    {
        // Weights sum to one everywhere, so a function of the pixel comes out unchanged.
        using var scope = NewDisposeScope();
        var x = randn([1, channels, height, width], generator: new Generator(4));
        var tiled = new TileGrid(24, 8, batch).Over((input, t, _) => input.mul(2).add(t))(x, 5);
        Goldens.Near("tiled", tiled, x.mul(2).add(5), 1e-5);
    }

    [Fact]
    public void ALocalModelGivesTheSameTiledAsWholeWhereTheOverlapHidesTheBorders()
    {
        using var scope = NewDisposeScope();
        var kernel = ones(1, 1, 3, 3).div(9);
        Tensor Blur(Tensor image) => nn.functional.conv2d(image, kernel, padding: [1, 1]);
        var x = randn([1, 1, 90, 120], generator: new Generator(5));
        double Difference(int overlap) =>
            (new TileGrid(32, overlap).Over((input, _, _) => Blur(input))(x, 0) - Blur(x)).abs().mean().ToDouble();
        // Only the outermost pixel of a window is wrong, and it has the least weight: no seam is left with an overlap.
        Assert.True(Difference(16) < 0.1 * Difference(0), $"{Difference(16):g3} of {Difference(0):g3}");
    }

    [Fact]
    public void BandsAreTheWholeImageOnAFinerGrid()
    {
        using var scope = NewDisposeScope();
        var x = randn([1, 2, 37, 45], generator: new Generator(6));
        var whole = nn.functional.interpolate(x, scale_factor: [4, 4], mode: InterpolationMode.Nearest);
        var bands = new TileGrid(16, 4).Bands(37, 45, 4, windows =>
            nn.functional.interpolate(cat([.. windows.Select(w => w.Of(x))]), scale_factor: [4, 4],
                mode: InterpolationMode.Nearest)).ToList();
        Assert.True(bands.Count > 2);
        int top = 0;
        foreach (var band in bands)
        {
            Assert.Equal(top, band.Top);
            top += (int)band.Rows.shape[2];
        }
        Goldens.Near("bands", cat([.. bands.Select(b => b.Rows)], 2), whole, 1e-5);
    }

    [Theory]
    [InlineData(0, 5, 1), InlineData(13, 14, 2), InlineData(12, 26, 3), InlineData(30, 37, 2), InlineData(0, 37, 3)]
    public void BandsOfSomeRowsHaveTheSameValuesAndComputeNoMoreThanTheyNeed(int from, int to, int computed)
    {
        using var scope = NewDisposeScope();
        // Windows of 16 rows start at 0, 10 and 21, and disagree where they overlap.
        var grid = new TileGrid(16, 4);
        var rows = new HashSet<int>();
        List<(int Top, Tensor Rows)> Bands((int, int)? part) => [.. grid.Bands(37, 45, 2, windows =>
        {
            rows.Add(windows[0].Top);
            return cat([.. windows.Select(w => full([1, 1, 32, 32], 1f / (w.Top + 3)).add(w.Left))]);
        }, part)];
        var all = Bands(null).ToDictionary(b => b.Top, b => b.Rows);
        rows.Clear();
        var some = Bands((from, to));
        Assert.Equal(computed, rows.Count);
        Assert.True(some[0].Top <= 2 * from && some[^1].Top + some[^1].Rows.shape[2] >= 2 * to);
        Assert.All(some, band => Assert.Equal(0, Goldens.MaxError(band.Rows, all[band.Top])));
    }

    [Fact]
    public void NoiseDependsOnItsPositionOnly()
    {
        using var scope = NewDisposeScope();
        var field = new PositionalNoise(42);
        var whole = field.Window(3, 4, -7, 5, 60, 50);
        var part = field.Window(3, 4, 10, 18, 11, 13);
        Assert.Equal(0, Goldens.MaxError(part, whole.narrow(2, 17, 11).narrow(3, 13, 13)));
        Assert.NotEqual(0, Goldens.MaxError(field.Window(4, 4, 0, 0, 8, 8), field.Window(3, 4, 0, 0, 8, 8)));
        Assert.NotEqual(0,
            Goldens.MaxError(new PositionalNoise(43).Window(3, 4, 0, 0, 8, 8), field.Window(3, 4, 0, 0, 8, 8)));
    }

    [Fact]
    public void NoiseIsStandardNormalAndWhite()
    {
        // 2^20 values: 5 standard errors of mean, variance, kurtosis and lag-one correlations.
        using var scope = NewDisposeScope();
        var noise = new PositionalNoise(1).Window(0, 1, 0, 0, 1024, 1024).to(ScalarType.Float64);
        double error = 5.0 / 1024;
        Assert.InRange(noise.mean().ToDouble(), -error, error);
        Assert.InRange(noise.square().mean().ToDouble(), 1 - error * Math.Sqrt(2), 1 + error * Math.Sqrt(2));
        Assert.InRange(noise.pow(4).mean().ToDouble(), 3 - error * Math.Sqrt(96), 3 + error * Math.Sqrt(96));
        Assert.InRange((noise.narrow(3, 1, 1023) * noise.narrow(3, 0, 1023)).mean().ToDouble(), -error, error);
        Assert.InRange((noise.narrow(2, 1, 1023) * noise.narrow(2, 0, 1023)).mean().ToDouble(), -error, error);
    }

    [Fact]
    public void AnImageIsDenoisedAsOneWhateverTheTiles()
    {
        // A model that sees only its pixel and the timestep: windows must not show, at any step or tile size.
        using var scope = NewDisposeScope();
        var plan = SamplingPlan.Create(new SamplerConfig(), 6);
        var noise = new PositionalNoise(9);
        var start = noise.Window(PositionalNoise.InitialStep, 2, 0, 0, 48, 80);
        var run = new SamplingRun { Noise = noise.Source() };
        Tensor Denoise(Denoiser model) => Sampler.Ddim(model, start, plan, run, eta: 0.7);
        var whole = Denoise((x, t) => x.tanh().mul(1 - t / 2000));
        var tiled = Denoise(new TileGrid(32, 12, 2).Over((x, t, _) => x.tanh().mul(1 - t / 2000)));
        Goldens.Near("tiled", tiled, whole, 1e-4);
    }
}
