// One scene through a pipeline: brightness, conditions, denoising as one image, decoding band by band.
using System.Text.Json.Nodes;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tiling;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Translation;

/// <summary>What ran in a translation, not what usually runs.</summary>
public sealed record TranslationFacts
{
    /// <summary>What the model was loaded by; null for an image in memory.</summary>
    public string? Model { get; init; }

    /// <summary>SHA-256 of the files that it computed with (<see cref="ModelFiles"/>); null for a model or an image in
    /// memory.</summary>
    public IReadOnlyDictionary<string, string>? ModelFiles { get; init; }

    /// <summary>The way that was taken.</summary>
    public required TranslationWay Way { get; init; }

    /// <summary>The sampler's class and settings, as diffusers writes them; null where nothing was denoised.</summary>
    public JsonNode? Scheduler { get; init; }

    /// <summary>Denoising steps that were taken; 0 where nothing was.</summary>
    public int Steps { get; init; }

    /// <summary>"noise", or "satellite image" where image to image was asked for or no ControlNet leads; null
    /// where nothing was denoised.</summary>
    public string? StartedFrom { get; init; }

    /// <summary>Share of the steps that the satellite image was taken through; null from noise.</summary>
    public double? Strength { get; init; }

    /// <summary>ControlNets that acted.</summary>
    public int ControlNets { get; init; }

    /// <summary>What the mean network was told of the input; null for another way.</summary>
    public SatelliteFacts? Told { get; init; }

    /// <summary>The sensor whose speckle was drawn; null for a way that draws none.</summary>
    public string? Speckle { get; init; }

    /// <summary>Metres between the pixels that were made, on the ground; null for a way that has one level.</summary>
    public double? Spacing { get; init; }

    /// <summary>Fine pixels, along each axis, whose mean intensity one of them has; likewise.</summary>
    public int? Covered { get; init; }

    /// <summary>Factor on the residual or the spread of texture; null for a way without.</summary>
    public double? Texture { get; init; }

    /// <summary>Whether the mean was held to the satellite's power; null for a way without.</summary>
    public bool? KeepPower { get; init; }

    /// <summary>Weight of <see cref="DataConsistency"/>; null for a way without.</summary>
    public double? Consistency { get; init; }

    /// <summary>How brightness was matched; null where the model's card tells none, and the image's own was
    /// taken.</summary>
    public RadiometryMatch? Radiometry { get; init; }

    /// <summary>Factor on satellite amplitudes; the result was divided by it.</summary>
    public required double Gain { get; init; }

    /// <summary>Amplitude to the autoencoder's values; null for a way without.</summary>
    public JsonNode? Normalisation { get; init; }

    /// <summary>Height and width of a window, in latents or in satellite pixels where there are none.</summary>
    public required int[] Window { get; init; }

    /// <summary>Windows of the image.</summary>
    public required int Windows { get; init; }

    /// <summary>Pixels of windows for each pixel that is kept.</summary>
    public required double ComputedPerKept { get; init; }

    /// <summary>What the input's pixels were read as; null for an image in memory.</summary>
    public PixelKind? Pixels { get; init; }

    /// <summary>The channel that was read; null for an image in memory.</summary>
    public string? Channel { get; init; }

    /// <summary>Rows and columns of pixels whose intensities were averaged first; null where none were.</summary>
    public IReadOnlyList<int>? Averaged { get; init; }

    /// <summary>The part of the file that was read; null for an image in memory.</summary>
    public RasterWindow? Part { get; init; }
}

/// <summary>The translation of one scene.</summary>
internal sealed class TranslationRun
{
    // Denoising is nearly all of the work.
    private const double DenoisingShare = 0.95;

    private readonly Translator model;
    private readonly Adaptation adaptation;
    private readonly SatelliteScene scene;
    private readonly TranslateRecipe recipe;
    private readonly LatentDiffusion pipeline;
    private readonly Normalisation airborne, satellite;
    private readonly TileGrid tiling;
    private readonly double gain;
    private readonly int scale, factor, rows, columns;

    /// <summary>Prepares; the scene's amplitudes are brought to the training data's brightness.</summary>
    public TranslationRun(Translator model, Adaptation adaptation, SatelliteScene scene, SatelliteSource source,
        TranslateRecipe recipe)
    {
        (this.model, this.adaptation, this.scene, this.recipe) = (model, adaptation, scene, recipe);
        var card = model.Card;
        pipeline = model.Pipeline with { Sampler = model.SamplerOf(recipe) };
        (scale, factor) = (card.Scale, pipeline.Vae.Config.Factor);
        // Latents cover the fine grid; what they cover beyond is cut off again.
        (rows, columns) = (Blocks(scene.Rows * scale), Blocks(scene.Columns * scale));
        RequireMemory();

        var match = Brightness.MatchOf(card, recipe, source.Metadata);
        gain = Brightness.Match(card, match, scene);
        var own = new Lazy<Normalisation>(() =>
            new NormalisationFit().Add(scene.Amplitude).Clipped(scope: NormalisationScope.Scene));
        var empty = double.IsNaN(scene.MeanLog);
        (airborne, satellite) = empty ? (new ClippedNormalisation(1, 0), new ClippedNormalisation(1, 0))
            : (card.Airborne ?? own.Value, card.Satellite ?? own.Value);

        var levels = pipeline.Unet.Config.BlockOutChannels.Length;
        var size = recipe.Tile ?? Math.Max(64, pipeline.Unet.Config.SampleSize?.Values[0] ?? 64);
        tiling = new(size, recipe.Overlap ?? size / 8, recipe.Batch) { Multiple = 1 << (levels - 1) };
        var windows = tiling.Cover(rows, columns);
        if (recipe.Conditions.FirstOrDefault(c => c.Net < 1 || c.Net > Nets().Count()) is { } none)
        {
            throw new ArgumentException($"conditions: found one of ControlNet {none.Net}, expected 1 to "
                + $"{Nets().Count()}, as many as act.");
        }
        var (plan, strength) = model.PlanOf(recipe);
        Facts = new()
        {
            Way = TranslationWay.Amplitude,
            Scheduler = JsonNode.Parse(pipeline.Sampler.ToJson())!,
            Steps = plan.Stop - plan.Start,
            StartedFrom = strength is null ? "noise" : "satellite image",
            Strength = strength,
            ControlNets = Nets().Count(),
            Radiometry = match,
            Gain = gain,
            Normalisation = JsonNode.Parse(airborne.ToJson())!,
            Window = [windows[0].Height, windows[0].Width],
            Windows = windows.Count,
            ComputedPerKept = windows.Sum(w => (double)w.Height * w.Width) / ((double)rows * columns),
        };
    }

    /// <summary>What runs.</summary>
    public TranslationFacts Facts { get; }

    /// <summary>Called for every call of the denoiser with the number of latents that it was given, for
    /// tests.</summary>
    internal static Action<long>? Counting { get; set; }

    /// <summary>Bytes that may still be taken, instead of what the machine says, for tests.</summary>
    internal static double? MemoryAtHand { get; set; }

    /// <summary>Denoises and decodes.</summary>
    /// <param name="sink">Gets finished rows of the fine grid, top to bottom.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancel">Ends between windows.</param>
    public void Run(Action<int, float[]> sink, Action<double> progress, CancellationToken cancel)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var latents = pipeline.Denoise(Request(progress, cancel));
        foreach (var (first, band) in pipeline.DecodeBands(latents, tiling))
        {
            using (band)
            {
                cancel.ThrowIfCancellationRequested();
                var kept = (int)Math.Min(band.shape[2], scene.Rows * scale - first);
                if (kept > 0)
                    sink(first, Amplitudes(band, first, kept));
            }
            progress(DenoisingShare + (1 - DenoisingShare) * Math.Min(1, (double)(first + 1) / (rows * factor)));
        }
        progress(1);
    }

    private GenerationRequest Request(Action<double> progress, CancellationToken cancel)
    {
        var (calls, expected) = (0L, (long)Facts.Steps * Calls());
        var size = Math.Max(tiling.Size, 1) * factor;
        (int, int) Told(int[]? own, string field) => own is null
            ? (Math.Min(rows * factor, size), Math.Min(columns * factor, size))
            : own is [var a, var b] ? (a, b)
                : throw new ArgumentException($"sizes.{field}: found {own.Length} values, expected two.");
        return new()
        {
            Text = new(adaptation.First(recipe.Prompt))
            {
                Second = adaptation.Second(recipe.SecondPrompt ?? recipe.Prompt),
                Negative = recipe.NegativePrompt is { } no ? adaptation.First(no) : null,
                NegativeSecond = recipe.NegativePrompt is { } second ? adaptation.Second(second) : null,
                ClipSkip = recipe.ClipSkip,
            },
            Steps = recipe.Steps ?? TranslateRecipe.AmplitudeSteps,
            Eta = recipe.Eta,
            Seed = recipe.Seed,
            Height = rows * factor,
            Width = columns * factor,
            Guidance = new(recipe.Guidance, recipe.GuidanceRescale),
            Sizes = new()
            {
                Original = Told(recipe.Sizes.Original, "original"),
                Crop = Told(recipe.Sizes.Crop, "crop"),
                Target = Told(recipe.Sizes.Target, "target"),
            },
            Start = Facts.Strength is { } strength ? new(FineImage(), strength) : null,
            Control = new ControlRequest([.. Nets()
                .Select((n, i) => new ControlInput(n.Net, Condition(n.Net, i + 1), n.Scale, n.Start, n.End))]),
            Tiling = tiling,
            Observe = call =>
            {
                cancel.ThrowIfCancellationRequested();
                Counting?.Invoke(call.Sample.shape[0] * call.Sample.shape[2] * call.Sample.shape[3]);
                progress(DenoisingShare * Math.Min(1, (double)++calls / expected));
            },
            Cancellation = cancel,
        };
    }

    private IEnumerable<(Diffusion.Models.ControlNetModel Net, double Scale, double Start, double End)> Nets() =>
        model.Controls.Select(net => (net, recipe.ControlScale, recipe.ControlStart, recipe.ControlEnd))
            .Concat(recipe.Controls.Select(c => (adaptation.Net(c, recipe), c.Scale, c.Start, c.End)));

    // A net sees the satellite image on its own grid, the latents' for the kit's, the fine image's for those of
    // diffusers; or what the recipe says.
    private WindowedImage Condition(Diffusion.Models.ControlNetModel net, int number)
    {
        var own = net.ConditionFactor;
        if (recipe.Conditions.FirstOrDefault(c => c.Net == number) is { } other)
        {
            return new ConditionImage(other, net.Config.ConditioningChannels, scene.Rows, scene.Columns)
                .On(rows * own, columns * own, (double)scale * own / factor, scene.Rows, pipeline.Device);
        }
        return scene.On(rows * own, columns * own, (double)scale * own / factor, satellite,
            net.Config.ConditioningChannels, pipeline.Device);
    }

    // The pipeline maps [0, 1] to -1 ... 1: values that are the autoencoder's own are mapped the other way before.
    private WindowedImage FineImage() =>
        scene.On(rows * factor, columns * factor, scale, airborne, pipeline.Vae.Config.InChannels,
        pipeline.Device, OfUnitInterval ? null : v => (v + 1) / 2);

    private bool OfUnitInterval => airborne is ClippedNormalisation or DecibelNormalisation;

    private float[] Amplitudes(Tensor band, int first, int kept)
    {
        using var scope = NewDisposeScope();
        var width = scene.Columns * scale;
        var part = band.narrow(2, 0, kept).narrow(3, 0, width);
        var values = part.shape[1] == 1 ? part : part.mean([1], keepdim: true);
        if (OfUnitInterval)
            values = values.Over(2).Plus_(0.5);
        var amplitude = values.contiguous().cpu().data<float>().ToArray();
        AmplitudeLaw.Invert(airborne, amplitude);
        var (most, bounded) = (new float[scene.Columns], -1);
        for (var r = 0; r < kept; r++)
        {
            var coarse = (first + r) / scale;
            var from = (long)coarse * scene.Columns;
            if (coarse != bounded)
                AmplitudeLaw.MostAround(scene, coarse, scale, most);
            bounded = coarse;
            for (var c = 0; c < width; c++)
            {
                ref var a = ref amplitude[r * width + c];
                a = float.IsNaN(scene.Amplitude[from + c / scale]) ? float.NaN
                    : (float)(Math.Min(a, most[c / scale]) / gain);
            }
        }
        return amplitude;
    }

    // Windows of a row go together; the calls of a step.
    private int Calls()
    {
        var windows = tiling.Cover(rows, columns);
        var across = windows.Count(w => w.Top == 0);
        return windows.Count / across * ((across + tiling.Batch - 1) / tiling.Batch);
    }

    private int Blocks(int pixels) => (pixels + factor - 1) / factor;

    private void RequireMemory()
    {
        if (pipeline.Device.type != DeviceType.CPU || AvailableMemory() is not { } available)
            return;
        var needed = model.BytesPerPixel * scene.Rows * scene.Columns;
        if (needed > available)
        {
            throw new InsufficientMemoryException(FormattableString.Invariant(
                $"the latents of {scene.Rows} x {scene.Columns} satellite pixels take {needed / 1e9:F1} GB ")
                + FormattableString.Invariant($"({model.BytesPerPixel:F0} bytes a pixel) and {available / 1e9:F1} GB ")
                + "are free; translate it in parts (--window).");
        }
    }

    // What the process may still take: of the machine, and of the container that it runs in.
    private static double? AvailableMemory()
    {
        if (MemoryAtHand is { } told)
            return told;
        const string file = "/proc/meminfo";
        var limit = (double)GC.GetGCMemoryInfo().TotalAvailableMemoryBytes - Environment.WorkingSet;
        if (!File.Exists(file))
            return limit;
        var line = File.ReadLines(file).FirstOrDefault(l => l.StartsWith("MemAvailable:", StringComparison.Ordinal));
        return line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var kilobytes, ..]
            && long.TryParse(kilobytes, out var free)
            ? Math.Min(limit, free * 1024.0) : limit;
    }
}
