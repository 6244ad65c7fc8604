// An image that may be too large to exist as a tensor: it gives what a window needs, when the window needs it.
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tiling;

/// <summary>An image by its windows; a tensor is one too.</summary>
/// <param name="height">Rows.</param>
/// <param name="width">Columns.</param>
/// <param name="part">Gives a window as [1, channels, height, width]; the same values for every way to cut.</param>
public sealed class WindowedImage(int height, int width, Func<TileWindow, Tensor> part)
{
    private readonly Tensor? whole;

    private WindowedImage(Tensor whole) : this((int)whole.shape[2], (int)whole.shape[3], window => window.Of(whole)) =>
        this.whole = whole;

    /// <summary>Rows.</summary>
    public int Height => height;

    /// <summary>Columns.</summary>
    public int Width => width;

    /// <summary>The tensor that it is, or one made of all of it.</summary>
    public Tensor Whole => whole ?? part(new TileWindow(0, 0, height, width));

    /// <summary>A window of it, [1, channels, height, width].</summary>
    public Tensor Of(TileWindow window) => part(window);

    /// <summary>A tensor [1, channels, H, W].</summary>
    public static implicit operator WindowedImage(Tensor image) => new(image);
}
