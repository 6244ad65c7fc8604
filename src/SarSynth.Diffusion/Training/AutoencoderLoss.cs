// Losses of an autoencoder. Rombach et al. (2022), section 3.1 and appendix G (small KL term); log spectra after Durall
// et al. (2020), "Watch your up-convolution"; moments: what multiplicative noise makes of an area's statistics.
using System.Text.Json.Serialization;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>What the pixels of an image mean: how to get from them to a positive linear quantity a.</summary>
/// <param name="Logarithmic">Factor x + Offset is ln a; else it is a itself.</param>
/// <param name="Factor">Factor on a pixel.</param>
/// <param name="Offset">Added after it.</param>
/// <param name="Epsilon">Added to a before its logarithm is taken; unused where pixels are logarithms.</param>
public sealed record PixelScale(
    bool Logarithmic = false, double Factor = 0.5, double Offset = 0.5, double Epsilon = 1e-3)
{
    /// <summary>ln(a + Epsilon), or ln a where pixels are logarithms.</summary>
    public Tensor LogOf(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var scaled = pixels.to(ScalarType.Float32).Times(Factor).Plus(Offset);
        return (Logarithmic ? scaled : scaled.Clamped(0, double.PositiveInfinity).Plus(Epsilon).log())
            .MoveToOuterDisposeScope();
    }

    /// <summary>a, at least 0.</summary>
    public Tensor LinearOf(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var scaled = pixels.to(ScalarType.Float32).Times(Factor).Plus(Offset);
        return (Logarithmic ? scaled.exp() : scaled.Clamped(0, double.PositiveInfinity)).MoveToOuterDisposeScope();
    }
}

/// <summary>How a power spectrum is averaged before its logarithm is compared.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SpectrumMean>))]
public enum SpectrumMean
{
    /// <summary>Over rings of equal distance from zero frequency: the same in all directions.</summary>
    Radial,

    /// <summary>Over cells of 8 x 8 frequencies: tells directions apart.</summary>
    Cells,
}

/// <summary>The loss of an autoencoder: the sum of its terms by their weights, a term of weight 0 left out.</summary>
public sealed record AutoencoderLossRecipe
{
    /// <summary>Mean absolute error of the pixels.</summary>
    public double L1 { get; init; } = 1;

    /// <summary>Mean squared error of the pixels.</summary>
    public double L2 { get; init; }

    /// <summary>Mean absolute error of the logarithms.</summary>
    public double LogL1 { get; init; }

    /// <summary>KL divergence of the posterior from N(0, 1), mean over its elements.</summary>
    public double Kl { get; init; } = 1e-6;

    /// <summary>Mean absolute difference of the log power spectra of the logarithms.</summary>
    public double Spectrum { get; init; }

    /// <summary>How spectra are averaged.</summary>
    public SpectrumMean SpectrumMean { get; init; } = SpectrumMean.Radial;

    /// <summary>Absolute log ratios of the means of a^2 and a^4 of each image, added.</summary>
    public double Moments { get; init; }

    /// <summary>What pixels mean, for the logarithms and the moments.</summary>
    public PixelScale Scale { get; init; } = new();
}

/// <summary>Losses of autoencoders.</summary>
public static class AutoencoderLoss
{
    private const long Cell = 8;

    /// <summary>The loss that a recipe says.</summary>
    /// <param name="recipe">The terms.</param>
    /// <param name="image">[B, C, H, W].</param>
    /// <param name="reconstruction">Shape of the image.</param>
    /// <param name="mean">Posterior mean.</param>
    /// <param name="logVariance">Posterior log-variance, shape of the mean.</param>
    /// <returns>A scalar to call backward on.</returns>
    public static Tensor Of(AutoencoderLossRecipe recipe, Tensor image, Tensor reconstruction, Tensor mean,
        Tensor logVariance)
    {
        using var scope = NewDisposeScope();
        var total = zeros(1, device: image.device).sum();
        void Add(double weight, Func<Tensor> term)
        {
            if (weight != 0)
                total = total.Plus(term().Times(weight));
        }
        Tensor Error() => reconstruction.to(ScalarType.Float32) - image.to(ScalarType.Float32);
        Add(recipe.L1, () => Error().abs().mean());
        Add(recipe.L2, () => Error().Squared().mean());
        Add(recipe.LogL1, () => (recipe.Scale.LogOf(reconstruction) - recipe.Scale.LogOf(image)).abs().mean());
        Add(recipe.Kl, () => Kl(mean, logVariance));
        Add(recipe.Spectrum, () => Spectrum(
            recipe.Scale.LogOf(image), recipe.Scale.LogOf(reconstruction), recipe.SpectrumMean));
        Add(recipe.Moments, () => Moments(recipe.Scale.LinearOf(image), recipe.Scale.LinearOf(reconstruction)));
        return total.MoveToOuterDisposeScope();
    }

    /// <summary>KL divergence of N(mean, exp(logVariance)) from N(0, 1), mean over elements.</summary>
    public static Tensor Kl(Tensor mean, Tensor logVariance)
    {
        using var scope = NewDisposeScope();
        return (mean.Squared().Plus(logVariance.exp()).Minus(1) - logVariance).mean().Times(0.5)
            .MoveToOuterDisposeScope();
    }

    /// <summary>Mean absolute difference of log power spectra, image by image and channel by channel.</summary>
    /// <param name="image">[B, C, H, W].</param>
    /// <param name="reconstruction">Shape of the image.</param>
    /// <param name="average">Over what the power is averaged first: a single frequency's is noise.</param>
    /// <remarks>Zero frequency is left out: that is the mean, which other terms hold.</remarks>
    public static Tensor Spectrum(Tensor image, Tensor reconstruction, SpectrumMean average)
    {
        using var scope = NewDisposeScope();
        long height = image.shape[2], width = image.shape[3];
        var (places, counts) = Places(height, width, average);
        Tensor index = tensor(places, device: image.device).unsqueeze(0), sizes = tensor(counts, device: image.device);
        Tensor LogOf(Tensor x)
        {
            var power = view_as_real(fft.fft2(x.to(ScalarType.Float32), norm: FFTNormType.Ortho)).Squared().sum(-1)
                .reshape(-1, height * width);
            var sums = zeros([power.shape[0], counts.Length], device: power.device)
                .scatter_add(1, index.expand(power.shape), power);
            // The first is zero frequency. The least power is float32's rounding of an image of unit variance.
            return (sums / sizes).narrow(1, 1, counts.Length - 1).Plus(1e-12).log();
        }
        return (LogOf(reconstruction) - LogOf(image)).abs().mean().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// |ln (mean b^2 / mean a^2)| + |ln (mean b^4 / mean a^4)|, mean over the images: intensity and its contrast.
    /// </summary>
    /// <param name="image">a, [B, C, H, W], at least 0.</param>
    /// <param name="reconstruction">b, of the same shape.</param>
    public static Tensor Moments(Tensor image, Tensor reconstruction)
    {
        using var scope = NewDisposeScope();
        Tensor LogMean(Tensor x) => x.flatten(1).mean([1]).Plus(1e-12).log();
        Tensor first = image.Squared(), second = reconstruction.Squared();
        var ofIntensity = (LogMean(second) - LogMean(first)).abs();
        var ofSquare = (LogMean(second.Squared()) - LogMean(first.Squared())).abs();
        return ofIntensity.Plus(ofSquare).mean().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// To which ring or cell each frequency belongs, and how many belong there; zero frequency alone to the first.
    /// </summary>
    private static (long[] Places, float[] Counts) Places(long height, long width, SpectrumMean average)
    {
        // Half a spectrum would do for real images; the whole one keeps rings and cells simple.
        static double Frequency(long i, long size) => (double)(i <= size / 2 ? i : i - size) / size;
        long cells = (width + Cell - 1) / Cell, rings = Math.Max(1, Math.Min(height, width) / 2);
        var places = new long[height * width];
        for (long y = 0; y < height; y++)
            for (long x = 0; x < width; x++)
            {
                double radius = Math.Sqrt(Math.Pow(Frequency(y, height), 2) + Math.Pow(Frequency(x, width), 2));
                // Corners lie beyond the last ring, which is at half a cycle to a pixel.
                places[y * width + x] = (x, y) == (0, 0) ? 0
                    : average == SpectrumMean.Cells ? 1 + y / Cell * cells + x / Cell
                    : Math.Clamp((long)Math.Round(radius * 2 * rings), 1, rings);
            }
        var counts = new float[places.Max() + 1];
        foreach (var place in places)
            counts[place]++;
        return (places, counts);
    }
}
