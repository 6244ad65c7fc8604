// Noise to train with whose low frequencies are stronger than white noise's, so that brightness over large areas is
// learned.
// Guttenberg (2023), "Diffusion with offset noise"; Whitaker (2023), "Multi-resolution noise for diffusion model
// training".
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>Noise of a training.</summary>
/// <param name="Offset">
/// Standard deviation of one more number that each channel of each sample gets as a whole, 0 for none; 0.05 to 0.1
/// are usual.
/// The variance of the noise is then 1 + Offset^2.
/// </param>
/// <param name="Pyramid">
/// Standard deviation of noise in blocks of 2 x 2 over that of white noise; blocks of 4 have its square, and so on up
/// to the size of the image. 0 for none, less than 1. The sum is scaled to variance 1.
/// </param>
/// <remarks>
/// The published code enlarges coarse noise bilinearly, which makes its variance change from pixel to pixel; here it
/// lies in blocks at random places, so that each pixel is exactly normal with variance 1.
/// </remarks>
public sealed record NoiseRecipe(double Offset = 0, double Pyramid = 0)
{
    /// <summary>Draws noise, float32 on the CPU.</summary>
    /// <param name="shape">[B, C, H, W].</param>
    /// <param name="generator">A CPU generator.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative offset, or a pyramid outside [0, 1).</exception>
    public Tensor Draw(long[] shape, Generator generator)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(Offset);
        if (!(Pyramid >= 0 && Pyramid < 1))
            throw new ArgumentOutOfRangeException(nameof(Pyramid), Pyramid, "expected 0 <= pyramid < 1");
        using var scope = NewDisposeScope();
        var noise = randn(shape, device: CPU, generator: generator);
        if (Pyramid > 0)
        {
            double variance = 1, weight = Pyramid;
            for (long block = 2; block <= Math.Max(shape[2], shape[3]); block *= 2, weight *= Pyramid)
            {
                noise.Plus_(Blocks(shape, block, generator), weight);
                variance += weight * weight;
            }
            noise.Over_(Math.Sqrt(variance));
        }
        if (Offset > 0)
            noise.Plus_(randn([shape[0], shape[1], 1, 1], device: CPU, generator: generator), Offset);
        return noise.MoveToOuterDisposeScope();
    }

    /// <summary>White noise in blocks, whose grid lies at a random place.</summary>
    private static Tensor Blocks(long[] shape, long block, Generator generator)
    {
        using var scope = NewDisposeScope();
        var at = randint(0, block, [2], ScalarType.Int64, CPU, generator: generator).data<long>().ToArray();
        long rows = (shape[2] + block - 2) / block + 1, columns = (shape[3] + block - 2) / block + 1;
        return randn([shape[0], shape[1], rows, columns], device: CPU, generator: generator)
            .repeat_interleave(block, 2).repeat_interleave(block, 3)
            .narrow(2, at[0], shape[2]).narrow(3, at[1], shape[3]).MoveToOuterDisposeScope();
    }
}
