// One scene as mean x texture x speckle: the network window by window, the airborne sensor's speckle line by line.
using MathNet.Numerics;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Tiling;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Simulation;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Translation;

/// <summary>The translation of one scene by the mean network.</summary>
internal sealed class MeanTranslation
{
    // Satellite pixels of mirrored ground around the scene: the network sees the image go on.
    private const int Margin = 8;

    private const int WindowSize = 192, WindowOverlap = 48;

    private readonly MeanField field;
    private readonly SatelliteScene scene;
    private readonly TranslateRecipe recipe;
    private readonly Sensor sensor;
    private readonly Device device;
    private readonly TileGrid tiling;
    private readonly double gain, noise;
    private readonly int scale, rows, columns;

    /// <summary>Prepares; the scene's amplitudes are brought to the training data's brightness.</summary>
    public MeanTranslation(Translator model, MeanField field, SatelliteScene scene, SatelliteSource source,
        TranslateRecipe recipe)
    {
        (this.field, this.scene, this.recipe, device) = (field, scene, recipe, model.Device);
        var card = model.Card;
        (scale, sensor) = (card.Scale, field.Sensor);
        noise = Math.Pow(10, sensor.NoiseEquivalentSigmaNought / 10);
        var match = Brightness.MatchOf(card, recipe, source.Metadata);
        gain = Brightness.Match(card, match, scene);
        var facts = SatelliteFacts.Of(card, source, gain, scene);
        var multiple = field.Multiple;
        (rows, columns) = (Whole(scene.Rows), Whole(scene.Columns));
        var size = (Math.Max(recipe.Tile ?? WindowSize, multiple) + multiple - 1) / multiple * multiple;
        tiling = new(size, recipe.Overlap ?? size * WindowOverlap / WindowSize, recipe.Batch) { Multiple = multiple };
        var windows = tiling.Cover(rows, columns);
        Facts = new()
        {
            Way = TranslationWay.MeanAndSpeckle,
            Radiometry = match,
            Gain = gain,
            Told = facts,
            Speckle = sensor.Name,
            Texture = recipe.Texture,
            Consistency = recipe.Consistency,
            Window = [windows[0].Height, windows[0].Width],
            Windows = windows.Count,
            ComputedPerKept = windows.Sum(w => (double)w.Height * w.Width) / ((double)scene.Rows * scene.Columns),
        };

        int Whole(int pixels) => (pixels + 2 * Margin + multiple - 1) / multiple * multiple;
    }

    /// <summary>What runs.</summary>
    public TranslationFacts Facts { get; }

    /// <summary>Measures the stages.</summary>
    public StageClock Clock { get; init; } = new();

    /// <summary>Makes the single-look complex image.</summary>
    /// <param name="sink">Gets finished rows of the fine grid, top to bottom; NaN where the satellite has no
    /// data.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancel">Ends between windows.</param>
    /// <param name="part">Rows of the fine grid that are wanted, with the same values as of all; null for all.</param>
    public void Run(Action<int, Complex32[]> sink, Action<double> progress, CancellationToken cancel,
        (int From, int To)? part = null)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var (height, width) = (scene.Rows * scale, scene.Columns * scale);
        var (from, to) = part ?? (0, height);
        var reach = SpeckleStream.ReachOf(sensor);
        // Speckle of a line is made of the mean of those around it.
        var drawn = (From: Math.Max(from - reach, 0), To: Math.Min(to + reach, height));
        var speckle = new SpeckleStream(sensor, recipe.Seed, height, width, (row, line) =>
        {
            if (row >= from && row < to)
                sink(row, Kept(row, line));
        }, drawn.From);
        var texture = recipe.Texture > 0
            ? new TextureBand(recipe.Seed, width, Margin * scale, field.TextureLength) : null;
        var told = tensor(Facts.Told!.Values(), device: device).reshape(1, -1);
        var windows = Facts.Windows * Math.Min(1, (double)(drawn.To - drawn.From) / height);
        var calls = 0;
        foreach (var (first, band) in tiling.Bands(rows, columns, scale, some =>
        {
            cancel.ThrowIfCancellationRequested();
            using var measured = Clock.Measure("network");
            var made = Made(some, told, texture);
            calls += some.Count;
            progress(Math.Min(1, calls / windows));
            return made;
        }, (drawn.From / scale + Margin, (drawn.To + scale - 1) / scale + Margin)))
        {
            using (band)
            using (Clock.Measure("speckle"))
                Draw(band, first - Margin * scale, drawn, speckle);
        }
        progress(1);
    }

    // ln of the mean intensity of windows, texture in it and the airborne noise not.
    private Tensor Made(IReadOnlyList<TileWindow> windows, Tensor told, TextureBand? texture)
    {
        using var scope = NewDisposeScope();
        var (height, width) = (windows[0].Height, windows[0].Width);
        var amplitude = new float[windows.Count * height * width];
        for (var i = 0; i < windows.Count; i++)
            scene.Mirrored(windows[i], Margin, amplitude.AsSpan(i * height * width, height * width));
        var input = field.Input(amplitude, windows.Count, height, width, device);
        var (logMean, spread) = field.Of(input, told.expand(windows.Count, -1));
        if (recipe.Consistency > 0)
        {
            var satelliteNoise = Math.Pow(10, Facts.Told!.Noise / 10);
            var held = DataConsistency.Correct(MeanField.WithNoise(logMean, satelliteNoise),
                field.LogIntensity(input), Facts.Told.Looks, recipe.Consistency);
            // What is left after the satellite's noise is taken off again; no ground is darker than its thousandth.
            logMean = held.exp().Minus(satelliteNoise).Clamped(satelliteNoise / 1000, double.PositiveInfinity).log();
        }
        if (texture is not null)
        {
            var normal = tensor(texture.Of(windows, scale), device: device).reshape(spread.shape);
            logMean = Textured(logMean, spread.Times(recipe.Texture).mul(normal));
        }
        return logMean.MoveToOuterDisposeScope();
    }

    // Texture moves power about, over a satellite pixel or two; how much there is, the mean says.
    private static Tensor Textured(Tensor logMean, Tensor texture)
    {
        var textured = logMean.Plus(texture);
        return textured.Plus(Smooth(logMean.exp()).log()).sub(Smooth(textured.exp()).log());

        static Tensor Smooth(Tensor image) => Box(Box(image));

        static Tensor Box(Tensor image) => nn.functional.avg_pool2d(image, [5, 5], stride: [1, 1], padding: [2, 2],
            count_include_pad: false);
    }

    private void Draw(Tensor band, int first, (int From, int To) drawn, SpeckleStream speckle)
    {
        using var scope = NewDisposeScope();
        int top = Math.Max(first, drawn.From), bottom = Math.Min(first + (int)band.shape[2], drawn.To);
        var width = scene.Columns * scale;
        if (bottom <= top)
            return;
        var kept = band.narrow(2, top - first, bottom - top).narrow(3, Margin * scale, width).cpu();
        speckle.Add(MeanField.WithNoise(kept, noise).exp().contiguous().data<float>().ToArray());
    }

    /// <summary>The field that texture is made of, for the windows of one row at a time.</summary>
    private sealed class TextureBand(ulong seed, int width, int margin, double length)
    {
        // The margin is part of the field: windows over it see it go on.
        private readonly CorrelatedField field = new(seed, "texture", width + 4 * margin, length);
        private float[][] lines = [];
        private (int Top, int Height) held = (-1, -1);

        public float[] Of(IReadOnlyList<TileWindow> windows, int scale)
        {
            var (height, across) = (windows[0].Height * scale, windows[0].Width * scale);
            var values = new float[windows.Count * height * across];
            for (var i = 0; i < windows.Count; i++)
            {
                var (top, left) = (windows[i].Top * scale, windows[i].Left * scale);
                if (held != (top, height))
                    lines = [.. Enumerable.Range(top - margin, height).Select(field.Line)];
                held = (top, height);
                for (var r = 0; r < height; r++)
                    lines[r].AsSpan(left, across).CopyTo(values.AsSpan((i * height + r) * across));
            }
            return values;
        }
    }

    // In the input's brightness, and without a value where it has none.
    private Complex32[] Kept(int row, Complex32[] line)
    {
        var from = (long)(row / scale) * scene.Columns;
        for (var c = 0; c < line.Length; c++)
        {
            line[c] = float.IsNaN(scene.Amplitude[from + c / scale]) ? new(float.NaN, float.NaN)
                : line[c] * (float)(1 / gain);
        }
        return line;
    }
}
