// The mean held to the power that the satellite saw, at scales where its speckle has averaged out.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Translation;

/// <summary>
/// A factor on the mean, from wide windows to narrower ones. Over n pixels of L looks the satellite's own speckle is
/// 4.3 / sqrt(n L) dB: it tells the power of a window far better than a network that must guess how bright the few
/// targets are that hold most of it.
/// </summary>
/// <remarks>
/// In each window the mean's error is taken as one factor on what the network is least sure of: its prior deviation at
/// a place is <see cref="Prior"/> m s² m / M, with the mean m, its average M over the window and the spread s. What is
/// missing is so put where targets are, and flat ground stays as it is. The estimate is the best linear one of this
/// prior and of the window's speckle and noise: where these explain a difference, nothing is changed.
/// </remarks>
internal static class MeanPower
{
    /// <summary>Prior deviation of the factor where the spread is 1 and the mean that of its window.</summary>
    public const double Prior = 0.5;

    // Largest change in one window, either way.
    private const double Most = 4;

    // Sides, satellite pixels: with four looks speckle of 0.07, 0.13 and 0.24 dB.
    private static readonly int[] windows = [33, 17, 9];

    // Sides of the squares whose power what is drawn keeps, satellite pixels.
    private static readonly int[] held = [17, 9, 5, 3];

    /// <summary>
    /// How far off, in satellite pixels, the satellite's image has a say in what is drawn: three boxes for each side,
    /// one of another, and what interpolation takes.
    /// </summary>
    public static int Reach => windows.Concat(held).Sum(side => 3 * (side - 1) / 2) + 2;

    /// <summary>ln of the factor.</summary>
    /// <param name="mean">Mean intensity of each satellite pixel, without its noise [1, 1, H, W].</param>
    /// <param name="spread">Spread of texture in it, likewise.</param>
    /// <param name="seen">The satellite's intensity.</param>
    /// <param name="noise">Its noise, intensity.</param>
    /// <param name="looks">Its looks, above 0.</param>
    /// <returns>[1, 1, H, W].</returns>
    public static Tensor LogFactor(Tensor mean, Tensor spread, Tensor seen, double noise, double looks)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(looks);
        using var scope = NewDisposeScope();
        var factor = ones_like(mean);
        var unsure = spread.Squared().Times(Prior);
        foreach (var side in windows)
        {
            var held = mean.mul(factor);
            var prior = held.mul(unsure).mul(held.div(Box(held, side)).Squared());
            var speckle = Box(held.Plus(noise).Squared(), side).Over(side * side * looks);
            var missing = Box(seen.Minus(noise).sub(held), side);
            var ofWindow = Box(prior, side);
            var step = Box(ofWindow.mul(missing).div(ofWindow.Squared().Plus(speckle)), side);
            factor = factor.mul(step.mul(prior).div(held).Plus(1).Clamped(1 / Most, Most));
        }
        return factor.log().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// What was drawn, brought near to the power of the mean from wide squares to narrower ones: within them it is
    /// drawn, over them it is what the satellite saw.
    /// </summary>
    /// <remarks>
    /// The factor of a pixel is one plus what its square lacks times s² sqrt(I / M), with the spread s, its intensity I
    /// and the square's average M. A square holds most of its power in few pixels: a bright one too much takes its own
    /// light back, and not that of the ground around it, as one factor on the whole square would.
    /// </remarks>
    /// <param name="drawn">Intensity [B, 1, H k, W k].</param>
    /// <param name="mean">Mean intensity, likewise.</param>
    /// <param name="spread">The spread that it was drawn with.</param>
    /// <param name="scale">k.</param>
    public static Tensor Held(Tensor drawn, Tensor mean, Tensor spread, int scale)
    {
        using var scope = NewDisposeScope();
        var (now, unsure) = (drawn.alias(), spread.Squared());
        foreach (var pixels in held)
        {
            var side = Side(pixels, scale);
            var found = Box(now, side);
            var weight = now.div(found).sqrt().mul(unsure);
            var lacks = Box(mean, side).sub(found).div(Box(now.mul(weight), side));
            now = now.mul(Box(lacks, side).mul(weight).Plus(1).Clamped(1 / Most, Most));
        }
        return now.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Mean of what lies around each pixel, itself not counted: of the narrowest squares whose power is held.
    /// </summary>
    /// <param name="image">[B, 1, H k, W k].</param>
    /// <param name="scale">k.</param>
    public static Tensor Around(Tensor image, int scale)
    {
        using var scope = NewDisposeScope();
        var side = Side(held[^1], scale);
        // As many as lie in the image: rows times columns.
        var (rows, columns) = (ones([1, 1, image.shape[2], 1], device: image.device),
            ones([1, 1, 1, image.shape[3]], device: image.device));
        var count = nn.functional.avg_pool2d(rows, [side, 1], stride: [1, 1], padding: [side / 2, 0])
            .mul(nn.functional.avg_pool2d(columns, [1, side], stride: [1, 1], padding: [0, side / 2]))
            .Times((double)side * side);
        return Box(image, side).mul(count).sub(image).div(count.Minus(1)).MoveToOuterDisposeScope();
    }

    // Fine pixels that satellite pixels come to, odd.
    private static int Side(int pixels, int scale) => pixels * scale + 1 - pixels * scale % 2;

    /// <summary>Mean over squares around each pixel, as much of them as lies in the image.</summary>
    /// <param name="image">[B, 1, H, W].</param>
    /// <param name="side">Odd.</param>
    public static Tensor Box(Tensor image, int side)
    {
        using var scope = NewDisposeScope();
        // One axis after the other: side + side instead of side times side sums.
        var down = nn.functional.avg_pool2d(image, [side, 1], stride: [1, 1], padding: [side / 2, 0],
            count_include_pad: false);
        return nn.functional.avg_pool2d(down, [1, side], stride: [1, 1], padding: [0, side / 2],
            count_include_pad: false).MoveToOuterDisposeScope();
    }
}
