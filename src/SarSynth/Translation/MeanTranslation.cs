// One scene as mean x residual (or texture) x speckle: the networks window by window, the airborne sensor's speckle
// line by line.
using System.Text.Json.Nodes;
using MathNet.Numerics;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Tiling;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using SarSynth.Radar.Simulation;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Translation;

/// <summary>The translation of one scene by the mean network and what is drawn beside it.</summary>
internal sealed class MeanTranslation
{
    // Satellite pixels of mirrored ground around the scene: the network sees the image go on.
    private const int Margin = 8;

    // What is drawn 15 dB above the ground around it is one scatterer, which has no speckle to fade by.
    private const double Dominant = 30;

    private const int WindowSize = 192, WindowOverlap = 48;

    private readonly MeanField field;
    private readonly ResidualField? residual;
    private readonly SatelliteScene scene;
    private readonly TranslateRecipe recipe;
    private readonly Sensor sensor;
    private readonly TranslationLevel level;
    private readonly Device device;
    private readonly TileGrid tiling;
    private readonly double gain, noise, fineNoise;
    private readonly bool keepPower;
    private readonly int scale, rows, columns;

    /// <summary>Prepares; the scene's amplitudes are brought to the training data's brightness.</summary>
    public MeanTranslation(Translator model, MeanField field, ResidualField? residual, SatelliteScene scene,
        SatelliteSource source, TranslateRecipe recipe, TranslationLevel level)
    {
        (this.field, this.scene, this.recipe, device) = (field, scene, recipe, model.Device);
        this.level = level;
        this.residual = model.Draws(recipe) ? residual : null;
        // A map of means is no measurement of power.
        keepPower = (recipe.KeepPower ?? this.residual is not null) && !model.Card.ZerosAreShadow;
        var card = model.Card;
        (scale, sensor) = (card.Scale, level.Sensor!);
        noise = Math.Pow(10, sensor.NoiseEquivalentSigmaNought / 10);
        // The residual is of the fine image with its noise, whatever the level.
        fineNoise = Math.Pow(10, field.Sensor.NoiseEquivalentSigmaNought / 10);
        var match = Brightness.MatchOf(card, recipe, source.Metadata);
        gain = Brightness.Match(card, match, scene);
        var facts = SatelliteFacts.Of(card, source, gain, scene);
        var multiple = Math.Max(field.Multiple, residual?.Multiple ?? 1);
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
            Spacing = level.Spacing,
            Covered = level.Covered,
            Texture = recipe.Texture,
            Scheduler = this.residual is null ? null : JsonNode.Parse(ResidualField.Sampling.ToJson()),
            Steps = this.residual is null ? 0 : recipe.Steps ?? TranslateRecipe.ResidualSteps,
            StartedFrom = this.residual is null ? null : "noise",
            KeepPower = keepPower,
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

    /// <summary>Told the mean intensities of lines, noise in them, before speckle is drawn.</summary>
    internal Action<float[]>? Seen { get; init; }

    /// <summary>Makes the single-look complex image.</summary>
    /// <param name="sink">Gets finished rows of the level, top to bottom; NaN where the satellite has no
    /// data.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancel">Ends between windows.</param>
    /// <param name="part">Rows of the level that are wanted, with the same values as of all; null for all.</param>
    public void Run(Action<int, Complex32[]> sink, Action<double> progress, CancellationToken cancel,
        (int From, int To)? part = null)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var (height, width) = (scene.Rows * level.Finer, scene.Columns * level.Finer);
        var (from, to) = part ?? (0, height);
        var reach = SpeckleStream.ReachOf(sensor);
        // Speckle of a line is made of the mean of those around it.
        var drawn = (From: Math.Max(from - reach, 0), To: Math.Min(to + reach, height));
        var speckle = new SpeckleStream(sensor, recipe.Seed, height, width, (row, line) =>
        {
            if (row >= from && row < to)
                sink(row, InInputBrightness(row, line));
        }, drawn.From);
        var texture = recipe.Texture > 0
            ? new MeanTexture(recipe, field, residual, fineNoise, scale, scene.Columns, Margin) : null;
        var told = tensor(Facts.Told!.Values(), device: device).reshape(1, -1);
        var wanted = (From: drawn.From / level.Finer + Margin,
            To: (drawn.To + level.Finer - 1) / level.Finer + Margin);
        // A step of the residual costs as much as the mean.
        var windows = Facts.Windows * Math.Min(1, (double)(drawn.To - drawn.From) / height)
            * ((keepPower ? 1 : 0) + 1 + Facts.Steps);
        var calls = 0;
        void Done(int some)
        {
            cancel.ThrowIfCancellationRequested();
            progress(Math.Min(1, (calls += some) / windows));
        }
        var power = keepPower ? Power(told, wanted, Done) : null;
        foreach (var (top, band) in tiling.Bands(rows, columns, scale, some =>
        {
            cancel.ThrowIfCancellationRequested();
            using var measured = Clock.Measure(residual is null ? "network" : "diffusion");
            var made = Made(some, told, power, texture, cancel);
            Done(some.Count * (1 + Facts.Steps));
            return made;
        }, wanted))
        {
            using (band)
            using (Clock.Measure("speckle"))
                Draw(band, top / level.Covered - Margin * level.Finer, drawn, speckle);
        }
        progress(1);
    }

    // ln of the factor that holds the mean to the satellite's power, on its grid with the margins; right for the rows
    // that are wanted and for what keeps its power around them.
    private Tensor Power(Tensor told, (int From, int To) wanted, Action<int> done)
    {
        using var scope = NewDisposeScope();
        using var measured = Clock.Measure("power");
        var around = MeanPower.Reach;
        var bands = tiling.Bands(rows, columns, 1, some =>
        {
            var (_, logMean, spread) = Network(some, told);
            done(some.Count);
            return nn.functional.avg_pool2d(cat([logMean.exp(), spread], 1), [scale, scale]);
        }, (Math.Max(wanted.From - around, 0), Math.Min(wanted.To + around, rows))).ToList();
        var (known, top) = (cat([.. bands.Select(band => band.Rows)], 2), bands[0].Top);
        bands.ForEach(band => band.Rows.Dispose());
        var height = (int)known.shape[2];
        var amplitude = new float[(long)height * columns];
        scene.Mirrored(new(top, 0, height, columns), Margin, amplitude);
        var factor = MeanPower.LogFactor(known.narrow(1, 0, 1), known.narrow(1, 1, 1),
            tensor(amplitude, device: device).reshape(1, 1, height, columns).Squared(),
            Math.Pow(10, Facts.Told!.Noise / 10), Facts.Told.Looks);
        var whole = zeros([1, 1, rows, columns], device: device);
        whole.narrow(2, top, height).copy_(factor);
        return whole.MoveToOuterDisposeScope();
    }

    // What the mean network sees of windows, and what it makes of them.
    private (Tensor Input, Tensor LogMean, Tensor Spread) Network(IReadOnlyList<TileWindow> windows, Tensor told)
    {
        var (height, width) = (windows[0].Height, windows[0].Width);
        var amplitude = new float[windows.Count * height * width];
        for (var i = 0; i < windows.Count; i++)
            scene.Mirrored(windows[i], Margin, amplitude.AsSpan(i * height * width, height * width));
        var input = field.Input(amplitude, windows.Count, height, width, device);
        var (logMean, spread) = field.Of(input, told.expand(windows.Count, -1));
        return (input, logMean, spread);
    }

    // ln of the intensity of windows, texture in it and the airborne noise not; see MeanTexture.On.
    private Tensor Made(IReadOnlyList<TileWindow> windows, Tensor told, Tensor? power, MeanTexture? texture,
        CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        var made = Network(windows, told);
        var logMean = made.LogMean;
        if (power is not null)
        {
            logMean = logMean.Plus(nn.functional.interpolate(cat([.. windows.Select(w => w.Of(power))]),
                size: [logMean.shape[2], logMean.shape[3]], mode: InterpolationMode.Bilinear, align_corners: false));
        }
        if (recipe.Consistency > 0)
        {
            var satelliteNoise = Math.Pow(10, Facts.Told!.Noise / 10);
            var held = DataConsistency.Correct(MeanField.WithNoise(logMean, satelliteNoise),
                field.LogIntensity(made.Input), Facts.Told.Looks, recipe.Consistency);
            // What is left after the satellite's noise is taken off again; no ground is darker than its thousandth.
            logMean = held.exp().Minus(satelliteNoise).Clamped(satelliteNoise / 1000, double.PositiveInfinity).log();
        }
        if (texture is not null)
            logMean = texture.On(windows, made, logMean, told.expand(windows.Count, -1), cancel);
        return logMean.MoveToOuterDisposeScope();
    }

    private void Draw(Tensor band, int first, (int From, int To) drawn, SpeckleStream speckle)
    {
        using var scope = NewDisposeScope();
        int k = level.Covered, top = Math.Max(first, drawn.From);
        var bottom = Math.Min(first + (int)band.shape[2] / k, drawn.To);
        if (bottom <= top)
            return;
        var (mean, single) = OfLevel(band.narrow(2, (top - first) * k, (bottom - top) * k)
            .narrow(3, Margin * scale, scene.Columns * scale).cpu(), k, fineNoise, noise);
        Seen?.Invoke(mean);
        speckle.Add(mean, single);
    }

    /// <summary>What speckle is drawn for.</summary>
    /// <param name="made">Of <see cref="MeanTexture.On"/>: ln intensity, of a residual also ln of what lies around;
    /// [1, 1 or 2, H k, W k].</param>
    /// <param name="k">Fine pixels, along each axis, of a pixel of the level.</param>
    /// <param name="fineNoise">The noise of the finest level's sensor.</param>
    /// <param name="noise">That of the level's.</param>
    /// <returns>Mean intensity of the level's pixels, noise in it, and which are one scatterer: those of which a fine
    /// pixel that is one holds more than half; empty without a residual.</returns>
    internal static (float[] Mean, bool[] Single) OfLevel(Tensor made, int k, double fineNoise, double noise)
    {
        using var scope = NewDisposeScope();
        var drawn = made.narrow(1, 0, 1);
        var mean = MeanField.WithNoise(k == 1 ? drawn : Pooled(drawn.exp()).log(), noise).exp();
        if (made.shape[1] == 1)
            return (Values(mean), []);
        var known = MeanField.WithNoise(made, fineNoise).exp();
        var stands = known.narrow(1, 0, 1).ge(known.narrow(1, 1, 1).Times(Dominant));
        var bright = drawn.exp().mul(stands.to_type(drawn.dtype));
        return (Values(mean), (k == 1 ? bright : Pooled(bright)).gt(mean.Over(2)).contiguous().data<bool>().ToArray());

        Tensor Pooled(Tensor image) => nn.functional.avg_pool2d(image, [k, k]);

        static float[] Values(Tensor image) => image.contiguous().data<float>().ToArray();
    }

    // In the input's brightness, and without a value where it has none.
    private Complex32[] InInputBrightness(int row, Complex32[] line)
    {
        var from = (long)(row / level.Finer) * scene.Columns;
        for (var c = 0; c < line.Length; c++)
        {
            line[c] = float.IsNaN(scene.Amplitude[from + c / level.Finer]) ? new(float.NaN, float.NaN)
                : line[c] * (float)(1 / gain);
        }
        return line;
    }
}
