// The satellite image as a translation holds it: read once, in whatever blocks, and given to the networks window by
// window.
using SarSynth.Diffusion.Tiling;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Signal;
using static TorchSharp.torch;

namespace SarSynth.Translation;

/// <summary>Where a satellite image comes from: memory or a file, by blocks that cover it once.</summary>
/// <param name="Rows">Rows.</param>
/// <param name="Columns">Columns.</param>
/// <param name="Metadata">The sensor's facts.</param>
/// <param name="Place">Where it lies.</param>
/// <param name="Complex">Whether its pixels are single-look complex.</param>
/// <param name="Blocks">Its blocks, in any order.</param>
internal sealed record SatelliteSource(
    int Rows, int Columns, SarMetadata Metadata, GeoReference? Place, bool Complex,
        IEnumerable<(RasterWindow Window, AmplitudeImage Image)> Blocks)
{
    /// <summary>An image in memory.</summary>
    public static SatelliteSource Of(SarImage image) =>
        new(image.Rows, image.Columns, image.Metadata, image.GeoReference,
        image is ComplexImage, [(new RasterWindow(0, 0, image.Rows, image.Columns), image.ToAmplitude())]);

    /// <summary>A raster, block by block.</summary>
    public static SatelliteSource Of(SarRaster raster, int blockRows = 0, int blockColumns = 0) => new(raster.Rows,
        raster.Columns, raster.Metadata, raster.GeoReference, raster.Kind == PixelKind.Complex,
        raster.Blocks(blockRows, blockColumns).Select(b => (b.Window, b.Image.ToAmplitude())));

    /// <summary>The mean intensity of rectangles; blocks must begin at whole ones.</summary>
    /// <param name="by">Rows of a rectangle.</param>
    /// <param name="across">Columns of a rectangle.</param>
    public SatelliteSource Averaged(int by, int across)
    {
        var looks = Complex ? 1 : Metadata.Looks;
        return new(Rows / by, Columns / across, Metadata with
        {
            RangeSpacing = Metadata.RangeSpacing * across, AzimuthSpacing = Metadata.AzimuthSpacing * by,
            Looks = looks * by * across,
        }, Place?.Coarsened(by, across), false, Blocks
            .Where(b => b.Window.Rows >= by && b.Window.Columns >= across).Select(b =>
            {
                var mean = Multilook.Apply(b.Image, by, across);
                return (new RasterWindow(b.Window.Row / by, b.Window.Column / across, mean.Rows, mean.Columns),
                    mean.ToAmplitude());
            }));
    }
}

/// <summary>The amplitudes of a whole satellite image; NaN where there is no data, and where they are 0.</summary>
internal sealed class SatelliteScene
{
    /// <summary>Reads a source, once.</summary>
    /// <param name="source">Where the pixels come from.</param>
    /// <param name="zerosAreShadow">Whether 0 is data: <see cref="ModelCard.ZerosAreShadow"/>.</param>
    /// <param name="cancel">Ends between blocks.</param>
    public SatelliteScene(SatelliteSource source, bool zerosAreShadow = false, CancellationToken cancel = default)
    {
        (Rows, Columns) = (source.Rows, source.Columns);
        Amplitude = new float[(long)Rows * Columns];
        foreach (var (window, image) in source.Blocks)
        {
            cancel.ThrowIfCancellationRequested();
            for (var r = 0; r < window.Rows; r++)
            {
                var to = Amplitude.AsSpan((window.Row + r) * Columns + window.Column, window.Columns);
                image.Pixels.AsSpan(r * window.Columns, window.Columns).CopyTo(to);
            }
        }
        // In the image's order, whatever the blocks were: sums of the same order are the same numbers.
        var (logs, lit) = (0.0, 0L);
        foreach (ref var a in Amplitude.AsSpan())
        {
            if (a > 0 && !float.IsInfinity(a))
                (logs, lit) = (logs + Math.Log(a), lit + 1);
            else if (!zerosAreShadow || a != 0)
            {
                a = float.NaN;
                LeftOut++;
            }
        }
        MeanLog = lit == 0 ? double.NaN : logs / lit;
    }

    /// <summary>Rows.</summary>
    public int Rows { get; }

    /// <summary>Columns.</summary>
    public int Columns { get; }

    /// <summary>Row-major [Rows x Columns].</summary>
    public float[] Amplitude { get; }

    /// <summary>Pixels without data or of 0.</summary>
    public long LeftOut { get; }

    /// <summary>Mean of ln amplitude; NaN where no pixel is left.</summary>
    public double MeanLog { get; private set; }

    /// <summary>Multiplies all amplitudes.</summary>
    public void Amplify(double gain)
    {
        foreach (ref var a in Amplitude.AsSpan())
            a = (float)(a * gain);
        MeanLog += Math.Log(gain);
    }

    /// <summary>The image on a grid that is finer by a factor along both axes, normalised, as the networks ask for
    /// it.</summary>
    /// <param name="height">Rows of the finer grid; beyond the image its border goes on.</param>
    /// <param name="width">Columns of the finer grid.</param>
    /// <param name="scale">Finer pixels per satellite pixel; between them amplitudes are interpolated
    /// bilinearly.</param>
    /// <param name="normalisation">Amplitude to model values. No data is told as ground of mean brightness.</param>
    /// <param name="channels">Channels, all the same.</param>
    /// <param name="device">Where the windows go.</param>
    /// <param name="map">Of the normalised values; null for none.</param>
    public WindowedImage On(
        int height, int width, double scale, Normalisation normalisation, int channels, Device device,
        Func<float, float>? map = null)
    {
        var ground = MeanOf(normalisation);
        return new(height, width, window =>
        {
            var values = new float[window.Height * window.Width];
            Sample(window, scale, values);
            normalisation.Apply(values, values);
            foreach (ref var value in values.AsSpan())
                value = float.IsNaN(value) ? ground : value;
            if (map is not null)
                values = Array.ConvertAll(values, v => map(v));
            return tensor(values, device: device).reshape(1, 1, window.Height, window.Width)
                .expand(1, channels, -1, -1);
        });
    }

    /// <summary>
    /// Mean intensity of the darkest hundredth of squares of 8 x 8 pixels, dB, no less than -100; infinite where no
    /// square has all its data.
    /// </summary>
    public double DarkestGround()
    {
        const int side = 8;
        var means = new List<double>();
        for (var r = 0; r + side <= Rows; r += side)
        {
            for (var c = 0; c + side <= Columns; c += side)
            {
                var sum = 0.0;
                for (var i = 0; i < side * side; i++)
                    sum += Math.Pow(Amplitude[(long)(r + i / side) * Columns + c + i % side], 2);
                if (!double.IsNaN(sum))
                    means.Add(sum / (side * side));
            }
        }
        means.Sort();
        return means.Count == 0 ? double.PositiveInfinity : 10 * Math.Log10(Math.Max(means[means.Count / 100], 1e-10));
    }

    /// <summary>Amplitudes of a window of the scene with its mirror image around it; ground of mean brightness where
    /// there is no data.</summary>
    /// <param name="window">Where, of the scene with a margin around it.</param>
    /// <param name="margin">Pixels above and left of the scene.</param>
    /// <param name="amplitude">Gets them, row-major.</param>
    public void Mirrored(TileWindow window, int margin, Span<float> amplitude)
    {
        var ground = (float)Math.Exp(MeanLog);
        for (var r = 0; r < window.Height; r++)
        {
            var from = (long)Mirror(window.Top + r - margin, Rows) * Columns;
            for (var c = 0; c < window.Width; c++)
            {
                var a = Amplitude[from + Mirror(window.Left + c - margin, Columns)];
                amplitude[r * window.Width + c] = float.IsNaN(a) ? ground : a;
            }
        }

        static int Mirror(int index, int count)
        {
            int period = 2 * count, inside = ((index % period) + period) % period;
            return inside < count ? inside : period - 1 - inside;
        }
    }

    /// <summary>Mean of ln amplitude over positive pixels; NaN when there is none.</summary>
    /// <param name="amplitudes">Linear amplitudes.</param>
    public static double MeanLogOf(IEnumerable<float> amplitudes)
    {
        var (sum, count) = (0.0, 0L);
        foreach (var a in amplitudes)
        {
            if (!(a > 0) || float.IsInfinity(a))
                continue;
            sum += Math.Log(a);
            count++;
        }
        return count == 0 ? double.NaN : sum / count;
    }

    private static float MeanOf(Normalisation normalisation) => normalisation switch
    {
        LogNormalisation => 0,
        ClippedNormalisation clipped => (float)(clipped.Mean / clipped.Ceiling),
        _ => 0.5f,
    };

    private void Sample(TileWindow window, double scale, float[] values)
    {
        var (rows, columns) = (Weights(window.Top, window.Height, scale, Rows),
            Weights(window.Left, window.Width, scale, Columns));
        for (var r = 0; r < window.Height; r++)
        {
            var (upper, lower, down) = rows[r];
            for (var c = 0; c < window.Width; c++)
            {
                var (left, right, across) = columns[c];
                float sum = 0, weight = 0;
                Add(upper, left, (1 - down) * (1 - across));
                Add(upper, right, (1 - down) * across);
                Add(lower, left, down * (1 - across));
                Add(lower, right, down * across);
                values[r * window.Width + c] = weight > 0 ? sum / weight : float.NaN;

                void Add(int row, int column, float share)
                {
                    var a = Amplitude[(long)row * Columns + column];
                    if (share == 0 || float.IsNaN(a))
                        return;
                    sum += share * a;
                    weight += share;
                }
            }
        }
    }

    // For each finer pixel: the two pixels whose centres lie around its own, and how near it is to the second.
    private static (int Before, int After, float Share)[] Weights(int start, int length, double scale, int pixels)
    {
        var weights = new (int, int, float)[length];
        for (var i = 0; i < length; i++)
        {
            var at = Math.Clamp((start + i + 0.5) / scale - 0.5, 0, pixels - 1);
            var before = (int)at;
            weights[i] = (before, Math.Min(before + 1, pixels - 1), (float)(at - before));
        }
        return weights;
    }
}
