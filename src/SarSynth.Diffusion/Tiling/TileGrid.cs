// One large image through a model of bounded input size: overlapping windows, their results blended with smooth
// weights.
// Bar-Tal et al. (2023), MultiDiffusion, eq. 5: with predictions blended at every step the windows agree on one image.
using SarSynth.Diffusion.Samplers;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tiling;

/// <summary>A rectangle of an image's pixels or latents.</summary>
/// <param name="Top">First row.</param>
/// <param name="Left">First column.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
public readonly record struct TileWindow(int Top, int Left, int Height, int Width)
{
    /// <summary>The window cut out of [B, C, H, W], as a view.</summary>
    public Tensor Of(Tensor image) => image.narrow(2, Top, Height).narrow(3, Left, Width);

    /// <summary>The same window on a grid that is finer by a factor.</summary>
    public TileWindow Scaled(int factor) => new(Top * factor, Left * factor, Height * factor, Width * factor);
}

/// <summary>A model on windows of an image.</summary>
/// <param name="input">Windows of the scaled noisy latents, [n, C, h, w].</param>
/// <param name="timestep">Training timestep.</param>
/// <param name="windows">Where the n windows lie, for their conditions.</param>
public delegate Tensor TileDenoiser(Tensor input, double timestep, IReadOnlyList<TileWindow> windows);

/// <summary>How an image is covered with windows; sizes in latents (or whatever grid is tiled).</summary>
/// <param name="Size">
/// Largest height and width of a window. An image that is at most a quarter longer is one window; else the windows are
/// as few as the overlap allows, and shrink to what they then need: what lies under two of them is computed twice.
/// </param>
/// <param name="Overlap">Least overlap of neighbours; at most half a window.</param>
/// <param name="Batch">Windows given to the model at once.</param>
public sealed record TileGrid(int Size = 64, int Overlap = 16, int Batch = 1)
{
    /// <summary>
    /// Windows that shrink keep a multiple of this: what the model's down-sampling divides (8 for the UNets of Stable
    /// Diffusion, of four levels).
    /// </summary>
    public int Multiple { get; init; } = 8;

    /// <summary>The windows that cover an image, row by row; all have one size.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The overlap is negative or over half a window.</exception>
    public IReadOnlyList<TileWindow> Cover(int height, int width)
    {
        var (tops, rows) = Along(height);
        var (lefts, columns) = Along(width);
        return [.. from top in tops from left in lefts select new TileWindow(top, left, rows, columns)];
    }

    /// <summary>
    /// The model as a denoiser of images of any size: at each step the windows' predictions are blended to one.
    /// </summary>
    /// <param name="model">The model on windows.</param>
    /// <returns>A denoiser for one image, [1, C, H, W]; beside the prediction it holds one row of windows.</returns>
    public Denoiser Over(TileDenoiser model) => (latents, timestep) =>
    {
        if (latents.shape[0] != 1)
            throw new ArgumentException($"tiled denoising is for one image, not a batch of {latents.shape[0]}",
                nameof(latents));
        using var scope = NewDisposeScope();
        var bands = Bands((int)latents.shape[2], (int)latents.shape[3], 1, windows =>
            model(cat([.. windows.Select(w => w.Of(latents))]), timestep, windows)).Select(b => b.Rows).ToList();
        var whole = cat(bands, 2).MoveToOuterDisposeScope();
        bands.ForEach(b => b.Dispose());
        return whole;
    };

    /// <summary>
    /// Maps an image window by window and gives the blended result in bands of finished rows, top to bottom.
    /// </summary>
    /// <param name="height">Rows of the input.</param>
    /// <param name="width">Columns of the input.</param>
    /// <param name="scale">Output pixels for each input pixel along an axis.</param>
    /// <param name="map">n windows to [n, C, h * scale, w * scale].</param>
    /// <param name="rows">
    /// Rows of the input that are wanted; null for all. Bands that hold them come, with the same values as of all, and
    /// only windows that they need are computed.
    /// </param>
    /// <returns>Bands [1, C, rows, width * scale] with their first row; the receiver disposes them.</returns>
    public IEnumerable<(int Top, Tensor Rows)> Bands(int height, int width, int scale,
        Func<IReadOnlyList<TileWindow>, Tensor> map, (int From, int To)? rows = null)
    {
        var (tops, rowsOfWindow) = Axis(height, scale);
        var (lefts, columnsOfWindow) = Axis(width, scale);
        var wanted = Wanted([.. tops.Select(t => t.Start)], rowsOfWindow, rows ?? (0, height));
        Tensor? sum = null;
        try
        {
            for (int r = wanted.Window; r < wanted.End; r++)
            {
                var row = lefts.Select(l =>
                    (Window: new TileWindow(tops[r].Start, l.Start, rowsOfWindow, columnsOfWindow), l.Weights));
                using var vertical = tensor(tops[r].Weights, device: CPU).reshape(1, 1, -1, 1);
                foreach (var part in row.Chunk(Math.Max(1, Batch)))
                {
                    using var scope = NewDisposeScope();
                    using var noGradients = no_grad();
                    var results = map([.. part.Select(p => p.Window)]);
                    for (int i = 0; i < part.Length; i++)
                    {
                        var window = part[i].Window;
                        sum ??= zeros([1, results.shape[1], rowsOfWindow * scale, (long)width * scale], results.dtype,
                            results.device).DetachFromDisposeScope();
                        var horizontal = tensor(part[i].Weights, device: CPU).reshape(1, 1, 1, -1);
                        var weight = vertical.mul(horizontal).to(results.dtype, results.device);
                        sum.narrow(3, window.Left * scale, window.Width * scale)
                            .Plus_(results.narrow(0, i, 1).mul(weight));
                    }
                }
                // Rows above the next windows have all their parts; the others move up and wait.
                int done = ((r + 1 < tops.Count ? tops[r + 1].Start : height) - tops[r].Start) * scale;
                long held = sum!.shape[2];
                Tensor finished;
                using (var scope = NewDisposeScope())
                {
                    finished = sum.narrow(2, 0, done).clone().DetachFromDisposeScope();
                    if (done < held)
                    {
                        var rest = cat([sum.narrow(2, done, held - done), zeros_like(sum.narrow(2, 0, done))], 2);
                        sum.copy_(rest);
                    }
                }
                if (r >= wanted.Band)
                    yield return (tops[r].Start * scale, finished);
                else
                    finished.Dispose();
            }
        }
        finally
        {
            sum?.Dispose();
        }
    }

    // The bands that hold rows, from the first one to behind the last, and the first row of windows that they need.
    private static (int Window, int Band, int End) Wanted(int[] starts, int size, (int From, int To) rows)
    {
        var band = Math.Max(0, Array.FindLastIndex(starts, start => start <= rows.From));
        var end = Math.Max(band + 1, Array.FindLastIndex(starts, start => start < rows.To) + 1);
        return (Array.FindIndex(starts, start => start == starts[band] || start + size > starts[band]), band, end);
    }

    // Where the windows of an axis start, and how long they are.
    private (List<int> Starts, int Size) Along(int length)
    {
        if (Overlap < 0 || 2 * Overlap > Size || Size < 1)
            throw new ArgumentOutOfRangeException(nameof(Overlap), Overlap,
                $"expected 0 .. {Size / 2} for windows of {Size}");
        if (length <= Size + Size / 4)
            return ([0], length);
        int count = (int)Math.Ceiling((double)(length - Overlap) / (Size - Overlap));
        int needed = (length + (count - 1) * Overlap + count - 1) / count;
        int size = Math.Min(Size, (needed + Multiple - 1) / Multiple * Multiple);
        return ([.. Enumerable.Range(0, count)
            .Select(i => (int)Math.Round((double)i * (length - size) / (count - 1)))], size);
    }

    /// <summary>
    /// Windows along one axis with their weights: raised-cosine ramps over the
    /// overlaps, divided by what all windows sum to.
    /// </summary>
    private (List<(int Start, float[] Weights)> Windows, int Size) Axis(int length, int scale)
    {
        var (starts, size) = Along(length);
        var total = new double[length * scale];
        var ramps = starts.Select((start, index) =>
        {
            double before = index > 0 ? starts[index - 1] + size - start : 0;
            double after = index + 1 < starts.Count ? start + size - starts[index + 1] : 0;
            var ramp = new double[size * scale];
            for (int i = 0; i < ramp.Length; i++)
            {
                double at = (i + 0.5) / scale, up = before > 0 ? at / before : 1;
                double down = after > 0 ? (size - at) / after : 1;
                ramp[i] = Math.Pow(Math.Sin(Math.PI / 2 * Math.Min(1, Math.Min(up, down))), 2);
                total[start * scale + i] += ramp[i];
            }
            return ramp;
        }).ToList();
        return ([.. starts.Zip(ramps, (start, ramp) =>
            (start, ramp.Select((r, i) => (float)(r / total[start * scale + i])).ToArray()))], size);
    }
}
