// Gaussian noise that depends on its position only, so that any window of a large image can be drawn by itself.
// Salmon et al. (2011), Philox4x32-10; Box and Muller (1958).
using SarSynth.Diffusion.Samplers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tiling;

/// <summary>
/// A field of standard normal noise over (step, channel, row, column), the same for every order and size of windows.
/// </summary>
/// <param name="seed">The field.</param>
public sealed class PositionalNoise(ulong seed)
{
    /// <summary>Index of the noise that a run starts from; the steps' own noise has 0, 1, and so on.</summary>
    public const int InitialStep = -1;

    /// <summary>A window of the field, float32 [1, channels, height, width] on the CPU.</summary>
    /// <param name="step">Step, or <see cref="InitialStep"/>.</param>
    /// <param name="channels">Channels from 0 on.</param>
    /// <param name="top">First row; may be negative.</param>
    /// <param name="left">First column; may be negative.</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    public Tensor Window(int step, int channels, int top, int left, int height, int width)
    {
        // Channel by channel: an array holds less than the latents of a large scene.
        var values = new float[(long)height * width];
        var window = empty([1, channels, height, width], ScalarType.Float32, CPU);
        for (int channel = 0; channel < channels; channel++)
        {
            Parallel.For(0, height, row => FillLine(values.AsSpan(row * width, width), step, channel, top + row, left));
            using var filled = tensor(values, device: CPU);
            using var place = window.narrow(1, channel, 1);
            using var shaped = filled.view(1, 1, height, width);
            place.copy_(shaped);
        }
        return window;
    }

    /// <summary>The field as noise of a sampler's steps.</summary>
    /// <param name="top">Row of the latents' first row in the field.</param>
    /// <param name="left">Column of the latents' first column in the field.</param>
    public NoiseSource Source(int top = 0, int left = 0) => (step, like) =>
    {
        if (like.shape[0] != 1)
            throw new ArgumentException($"positional noise is for one image, not a batch of {like.shape[0]}",
                nameof(like));
        return Window(step, (int)like.shape[1], top, left, (int)like.shape[2], (int)like.shape[3]).to(like.dtype,
            like.device);
    };

    private void FillLine(Span<float> line, int step, int channel, int row, int left)
    {
        Span<float> four = stackalloc float[4];
        for (int i = 0; i < line.Length;)
        {
            int column = left + i, offset = column & 3;
            Normals(four, (uint)(column >> 2), (uint)row, (uint)channel, (uint)step);
            for (; offset < 4 && i < line.Length; offset++, i++)
                line[i] = four[offset];
        }
    }

    private void Normals(Span<float> four, uint c0, uint c1, uint c2, uint c3)
    {
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = 0xD2511F53UL * c0, p1 = 0xCD9E8D57UL * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }
        (four[0], four[1]) = BoxMuller(c0, c1);
        (four[2], four[3]) = BoxMuller(c2, c3);
    }

    private static (float, float) BoxMuller(uint a, uint b)
    {
        // (a + 0.5) / 2^32 is never zero.
        double radius = Math.Sqrt(-2 * Math.Log((a + 0.5) / 4294967296.0));
        var (sin, cos) = Math.SinCos(2 * Math.PI * (b / 4294967296.0));
        return ((float)(radius * cos), (float)(radius * sin));
    }
}
