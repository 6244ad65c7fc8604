// Quick-looks: pictures of images, averaged in intensity, as PNG files for the eye.
namespace SarSynth.Radar.Images;

/// <summary>How a quick-look is made.</summary>
public sealed record QuickLookOptions
{
    /// <summary>From amplitude to grey; null for linear to the 99th percentile.</summary>
    public Remap? Remap { get; init; }

    /// <summary>
    /// Longest side of the picture in pixels; larger images are averaged in intensity (multilooked) down to it.
    /// </summary>
    public int MaxSize { get; init; } = 2048;

    /// <summary>Bits of a grey level: 8 or 16.</summary>
    public int Bits { get; init; } = 8;
}

/// <summary>Makes PNG pictures. No data is black.</summary>
public static class QuickLook
{
    /// <summary>Writes a picture of an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="path">The PNG file; it appears whole or not at all.</param>
    /// <param name="remap">From amplitude to grey; null for linear to the 99th percentile.</param>
    /// <param name="options">Size and depth.</param>
    /// <exception cref="RasterException">It cannot be written, or the path does not end with .png.</exception>
    public static void Write(SarImage image, string path, Remap? remap = null, QuickLookOptions? options = null) =>
        Save(path, ToPng(image, remap, options));

    /// <summary>A picture of an image as the bytes of a PNG file.</summary>
    public static byte[] ToPng(SarImage image, Remap? remap = null, QuickLookOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        options ??= new QuickLookOptions();
        var reduction = new Reduction(image.Rows, image.Columns, options.MaxSize);
        reduction.Add(image.ToIntensity().Pixels, new RasterWindow(0, 0, image.Rows, image.Columns));
        return Encode(reduction, remap ?? options.Remap ?? Remap.Default, options.Bits, image.Metadata);
    }

    /// <summary>Writes grey pictures side by side, each at the top, as one.</summary>
    /// <param name="pictures">PNG files of quick-looks, left to right.</param>
    /// <param name="path">The PNG file; it appears whole or not at all.</param>
    /// <param name="metadata">Facts of what they show: its mark goes with the picture.</param>
    public static void WriteRow(IReadOnlyList<byte[]> pictures, string path, SarMetadata metadata) =>
        Save(path, Pictures.Row(pictures, metadata));

    internal static byte[] Encode(Reduction reduction, Remap remap, int bits, SarMetadata metadata) =>
        Pictures.ToPng(reduction.Amplitudes(), reduction.Rows, reduction.Columns, remap, bits, metadata);

    internal static void Save(string path, byte[] png)
    {
        // A raster that was just written must not give way to its own picture.
        if (!Path.GetExtension(path).Equals(".png", StringComparison.OrdinalIgnoreCase))
            throw new RasterException(path,
                $"found '{Path.GetExtension(path)}', expected .png: a quick-look is a PNG picture");
        using var file = new AtomicFile(path, ".png");
        try
        {
            File.WriteAllBytes(file.Temporary, png);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RasterException(path, $"cannot be written: {error.Message}", error);
        }
        file.Complete();
    }

    // Mean intensity of squares of pixels; no data is left out of the mean.
    internal sealed class Reduction
    {
        private readonly int factor;
        private readonly double[] sums;
        private readonly int[] counts;

        public Reduction(int rows, int columns, int maxSize)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxSize);
            factor = (Math.Max(rows, columns) + maxSize - 1) / maxSize;
            Rows = (rows + factor - 1) / factor;
            Columns = (columns + factor - 1) / factor;
            sums = new double[(long)Rows * Columns];
            counts = new int[sums.Length];
        }

        public int Rows { get; }

        public int Columns { get; }

        public void Add(float[] intensity, RasterWindow window)
        {
            for (var row = 0; row < window.Rows; row++)
            {
                var line = (window.Row + row) / factor * Columns;
                for (var column = 0; column < window.Columns;)
                {
                    var at = (window.Column + column) / factor;
                    var end = (int)Math.Min(window.Columns, (at + 1L) * factor - window.Column);
                    double sum = 0;
                    var count = 0;
                    for (; column < end; column++)
                    {
                        var value = intensity[row * window.Columns + column];
                        if (!float.IsFinite(value))
                            continue;
                        sum += value;
                        count++;
                    }
                    sums[line + at] += sum;
                    counts[line + at] += count;
                }
            }
        }

        public float[] Amplitudes()
        {
            var amplitudes = new float[sums.Length];
            for (var i = 0; i < amplitudes.Length; i++)
                amplitudes[i] = counts[i] > 0 ? (float)Math.Sqrt(Math.Max(sums[i] / counts[i], 0)) : float.NaN;
            return amplitudes;
        }
    }
}
