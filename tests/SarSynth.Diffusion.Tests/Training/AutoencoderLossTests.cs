using SarSynth.Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Training;

/// <summary>The terms of an autoencoder's loss where their values are known in closed form.</summary>
public sealed class AutoencoderLossTests : IDisposable
{
    private static readonly AutoencoderLossRecipe None = new() { L1 = 0, Kl = 0 };

    private readonly DisposeScope scope = NewDisposeScope();

    // A positive quantity a, as pixels 2 a - 1.
    private readonly Tensor linear = rand([2, 1, 32, 24], generator: new Generator(1)).mul(0.4).add(0.05);

    public void Dispose() => scope.Dispose();

    [Fact]
    public void PixelTermsAreTheirFormulas()
    {
        var (image, made) = (Pixels(linear), Pixels(linear * 2));
        Assert.Equal((linear * 2).mean().ToDouble(), Of(None with { L1 = 1 }, image, made), 1e-6);
        Assert.Equal(3 * (linear * 2).square().mean().ToDouble(), Of(None with { L2 = 3 }, image, made), 1e-6);
        var exact = None with { LogL1 = 1, Scale = new(Epsilon: 0) };
        Assert.Equal(Math.Log(2), Of(exact, image, made), 1e-5);
        var a = linear.to(ScalarType.Float64);
        Assert.Equal(((a * 2 + 0.01).log() - (a + 0.01).log()).mean().ToDouble(),
            Of(exact with { Scale = new(Epsilon: 0.01) }, image, made), 1e-5);
        // Pixels that are (ln a + 1) / 3 already.
        Assert.Equal(Math.Log(2), Of(exact with { Scale = new(true, 3, -1) }, (linear.log() + 1) / 3,
            ((linear * 2).log() + 1) / 3), 1e-5);
        // Below nothing there is no logarithm.
        Assert.Equal(0, Of(None with { LogL1 = 1 }, full(1, 1, 4, 4, -2f), full(1, 1, 4, 4, -5f)));
    }

    [Fact]
    public void KlIsThatOfTheNormalDistribution()
    {
        // Mean 2, variance 9: (4 + 9 - 1 - ln 9) / 2.
        Assert.Equal((12 - Math.Log(9)) / 2,
            AutoencoderLoss.Kl(full(5, 2f), full(5, (float)Math.Log(9))).ToDouble(), 1e-5);
        Assert.Equal(0, AutoencoderLoss.Kl(zeros(5), zeros(5)).ToDouble());
    }

    [Theory]
    [InlineData(SpectrumMean.Radial)]
    [InlineData(SpectrumMean.Cells)]
    public void AFactorMovesTheWholeLogSpectrumAlike(SpectrumMean mean)
    {
        var image = randn([2, 3, 32, 24], generator: new Generator(2));
        Assert.Equal(2 * Math.Log(3), AutoencoderLoss.Spectrum(image, image * 3, mean).ToDouble(), 1e-4);
        // The mean is not the spectrum's matter.
        Assert.Equal(0, AutoencoderLoss.Spectrum(image, image + 7, mean).ToDouble(), 1e-3);
    }

    [Fact]
    public void RingsKnowNoDirectionAndCellsDo()
    {
        // Stripes along one axis, and the same along the other.
        var x = arange(32, ScalarType.Float32).reshape(1, 1, 1, 32).mul(2 * Math.PI * 5 / 32).cos();
        var image = (x + randn([1, 1, 32, 32], generator: new Generator(3)) * 0.1).clone();
        var turned = image.transpose(2, 3);
        Assert.Equal(0, AutoencoderLoss.Spectrum(image, turned, SpectrumMean.Radial).ToDouble(), 1e-4);
        Assert.True(AutoencoderLoss.Spectrum(image, turned, SpectrumMean.Cells).ToDouble() > 0.1);
    }

    [Fact] // A five-point mean takes power from the rings beyond it: |H|^2 by ring, averaged in float64.
    public void ABlurIsMeasuredByItsTransferFunction()
    {
        const int size = 64;
        var image = randn([1, 8, size, size], generator: new Generator(4));
        var blurred = (image + image.roll(1, 2) + image.roll(-1, 2) + image.roll(1, 3) + image.roll(-1, 3)) / 5;
        // White noise: each ring's expected power is one before, and the mean of |H|^2 after.
        var rings = new Dictionary<int, List<double>>();
        for (int y = 0; y < size; y++)
            for (int z = 0; z < size; z++)
            {
                double fy = Math.Min(y, size - y) / (double)size, fz = Math.Min(z, size - z) / (double)size;
                int ring = Math.Clamp((int)Math.Round(Math.Sqrt(fy * fy + fz * fz) * size), 1, size / 2);
                if (y + z == 0)
                    continue;
                double transfer = (1 + 2 * Math.Cos(2 * Math.PI * fy) + 2 * Math.Cos(2 * Math.PI * fz)) / 5;
                (rings.TryGetValue(ring, out var list) ? list : rings[ring] = []).Add(transfer * transfer);
            }
        double expected = rings.Values.Average(r => Math.Abs(Math.Log(r.Average())));
        double found = AutoencoderLoss.Spectrum(image, blurred, SpectrumMean.Radial).ToDouble();
        Assert.Equal(1, found / expected, 0.05);
    }

    [Fact]
    public void MomentsAreOfIntensityAndItsSquare()
    {
        // Three times the amplitude: ln 9 and ln 81.
        Assert.Equal(Math.Log(9) + Math.Log(81),
            Of(None with { Moments = 1 }, Pixels(linear), Pixels(linear * 3)), 1e-4);
        // Exponential intensity against its mean: the same first moment, twice the second.
        var intensity = -rand([1, 1, 512, 512], generator: new Generator(5)).log();
        var flat = ones_like(intensity) * intensity.mean();
        Assert.Equal(Math.Log(2), AutoencoderLoss.Moments(intensity.sqrt(), flat.sqrt()).ToDouble(), 0.02);
    }

    [Fact]
    public void EveryTermHasAGradientThatLeadsDown()
    {
        var all = new AutoencoderLossRecipe { L1 = 1, L2 = 1, LogL1 = 1, Spectrum = 1, Moments = 1, Kl = 0.1 };
        foreach (var recipe in new[]
        {
            None with { L1 = 1 }, None with { LogL1 = 1 }, None with { Spectrum = 1 }, None with { Moments = 1 },
            None with { Spectrum = 1, SpectrumMean = SpectrumMean.Cells }, all,
        })
        {
            var image = Pixels(linear);
            var made = Pixels(linear.flip(2) * 1.3).detach().requires_grad_(true);
            var before = AutoencoderLoss.Of(recipe, image, made, zeros(1), zeros(1));
            before.backward();
            Assert.True(made.grad!.isfinite().all().item<bool>());
            var step = made.detach() - made.grad! / made.grad!.norm() * 0.01;
            Assert.True(Of(recipe, image, step) < before.ToDouble(), recipe.ToString());
        }
    }

    private static Tensor Pixels(Tensor linear) => linear * 2 - 1;

    private static double Of(AutoencoderLossRecipe recipe, Tensor image, Tensor made) =>
        AutoencoderLoss.Of(recipe, image, made, zeros(1), zeros(1)).ToDouble();
}
