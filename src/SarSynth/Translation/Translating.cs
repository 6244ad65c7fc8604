// Satellite image in, airborne-like image out, on the finer grid: one image whatever its size and wherever it lies.
using MathNet.Numerics;
using SarSynth.Data;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using TorchSharp;

namespace SarSynth.Translation;

/// <summary>What a translation of a file found out.</summary>
/// <param name="LeftOut">Satellite pixels that hold no data or are 0: they hold no data in the output.</param>
/// <param name="Remarks">Where the input is not what the model was trained on, or a wish has no effect: one plain line
/// each.</param>
public sealed record TranslationResult(long LeftOut, IReadOnlyList<string> Remarks)
{
    /// <summary>What was taken for granted because the input does not tell.</summary>
    public IReadOnlyList<string> Assumed { get; init; } = [];

    /// <summary>What ran, as the provenance has it.</summary>
    public required TranslationFacts Ran { get; init; }

    /// <summary>What its stages took.</summary>
    public IReadOnlyList<StageCost> Stages { get; init; } = [];

    /// <summary>Whether the result is there; false where rows of other processes are still missing.</summary>
    public bool IsComplete { get; init; } = true;
}

public sealed partial class Translator
{
    /// <summary>Translates an image in memory.</summary>
    /// <param name="satellite">The satellite image.</param>
    /// <param name="seed">Seed of the noise.</param>
    /// <param name="prompt">What the image shows; empty leaves it to the image.</param>
    /// <inheritdoc cref="Translate(SarImage, TranslateRecipe, Action{double}?, CancellationToken)"/>
    public AmplitudeImage Translate(SarImage satellite, ulong seed = 1, string prompt = "") =>
        Translate(satellite, new TranslateRecipe { Seed = seed, Prompt = prompt });

    /// <summary>Makes an airborne-like image of a simulator's map of mean intensity, with its own brightness.</summary>
    /// <param name="map">The map, on the airborne grid; its zeros are shadow.</param>
    /// <param name="seed">Seed of texture and speckle.</param>
    /// <exception cref="InvalidOperationException">The model was not trained on such maps.</exception>
    public AmplitudeImage Bridge(SarImage map, ulong seed = 1) => Card.ZerosAreShadow
        ? Translate(map, new TranslateRecipe { Model = Name, Seed = seed, Radiometry = RadiometryMatch.Absolute })
        : throw new InvalidOperationException(
            $"model '{Name}': it takes satellite images, expected one trained on facet simulations.");

    /// <summary>Translates an image in memory.</summary>
    /// <param name="satellite">The satellite image; NaN and zero are no data and stay NaN.</param>
    /// <param name="recipe">Seed, steps, prompt, radiometry.</param>
    /// <param name="progress">Told the share that is done; <see cref="Progress"/> is told when null.</param>
    /// <param name="cancel">Ends between windows.</param>
    /// <returns>Amplitudes on a grid <see cref="ModelCard.Scale"/> times finer, or on that of the recipe's level;
    /// georeference carried over.</returns>
    /// <exception cref="ArgumentException">A spacing that no level has.</exception>
    /// <exception cref="InvalidDataException">The recipe is strict and the image not what the model was trained
    /// on.</exception>
    /// <exception cref="InsufficientMemoryException">The latents would not fit (<see
    /// cref="BytesPerPixel"/>).</exception>
    public AmplitudeImage Translate(
        SarImage satellite, TranslateRecipe recipe, Action<double>? progress = null, CancellationToken cancel = default)
    {
        var source = SatelliteSource.Of(satellite);
        var finer = LevelOf(source, recipe).Finer;
        var (rows, columns) = (satellite.Rows * finer, satellite.Columns * finer);
        var result = new float[(long)rows * columns];
        Run(source, recipe with { Complex = false },
            (row, pixels) => pixels.CopyTo(result.AsSpan(row * columns)), null, progress, cancel);
        return new(rows, columns, result, Fine(satellite.Metadata, finer), satellite.GeoReference?.Refined(finer));
    }

    /// <summary>Translates an image in memory to single-look complex samples: mean and speckle.</summary>
    /// <inheritdoc cref="Translate(SarImage, TranslateRecipe, Action{double}?, CancellationToken)"/>
    /// <returns>Samples whose squared magnitude is the intensity; NaN where the satellite image has no data.</returns>
    /// <exception cref="ArgumentException">The model, or the recipe's way, makes amplitudes only.</exception>
    public ComplexImage TranslateComplex(
        SarImage satellite, TranslateRecipe recipe, Action<double>? progress = null, CancellationToken cancel = default)
    {
        var source = SatelliteSource.Of(satellite);
        var finer = LevelOf(source, recipe).Finer;
        var (rows, columns) = (satellite.Rows * finer, satellite.Columns * finer);
        var result = new Complex32[(long)rows * columns];
        Run(source, recipe with { Complex = true }, null,
            (row, samples) => samples.CopyTo(result.AsSpan(row * columns)), progress, cancel);
        return new(rows, columns, result, Fine(satellite.Metadata, finer), satellite.GeoReference?.Refined(finer));
    }

    /// <summary>The spacings that the model's first way makes of an image, finest first.</summary>
    /// <param name="satellite">The satellite image.</param>
    public IReadOnlyList<TranslationLevel> Levels(SarImage satellite) =>
        TranslationLevel.Of(Card, Ways[0], SatelliteSource.Of(satellite));

    /// <summary>The level that a recipe asks for.</summary>
    private TranslationLevel LevelOf(SatelliteSource source, TranslateRecipe recipe) =>
        TranslationLevel.Of(Card, WayOf(recipe), source, recipe.Spacing, Name);

    /// <summary>From source to amplitudes.</summary>
    internal TranslationResult Run(SatelliteSource source, TranslateRecipe recipe, Action<int, float[]> sink,
        Action<double>? progress, CancellationToken cancel) =>
        Run(source, recipe, sink, null, progress, cancel);

    /// <summary>The one way from source to sink.</summary>
    /// <param name="source">The satellite image.</param>
    /// <param name="recipe">How.</param>
    /// <param name="sink">Gets finished rows of the level, top to bottom: the first row, then whole rows; null
    /// where the recipe wants complex samples.</param>
    /// <param name="samples">The same for complex samples.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancel">Ends between windows.</param>
    /// <param name="part">
    /// Rows of the level that are wanted, of mean and speckle; null for all, and none for what is found out alone.
    /// </param>
    /// <param name="clock">Measures; null for none of the caller's.</param>
    internal TranslationResult Run(SatelliteSource source, TranslateRecipe recipe, Action<int, float[]>? sink,
        Action<int, Complex32[]>? samples, Action<double>? progress, CancellationToken cancel,
        (int From, int To)? part = null, StageClock? clock = null)
    {
        clock ??= new StageClock();
        var way = WayOf(recipe);
        var level = LevelOf(source, recipe);
        using var shown = progress is null ? Progress.Begin("translating") : null;
        var remarks = InputFit.Remarks(Card, source.Metadata, source.Place, source.Complex);
        SatelliteScene scene;
        using (clock.Measure("reading"))
            scene = new SatelliteScene(source, Card.ZerosAreShadow, cancel);
        if (InputFit.Despeckled(Card, scene.Amplitude, scene.Rows, scene.Columns) is { } smooth)
            remarks.Add(smooth);
        if (recipe.Strict && remarks.Count > 0)
            throw new InvalidDataException("the input is not what the model was trained on: "
                + string.Join(" ", remarks));
        if (level.Said(recipe.Spacing) is { } other)
            remarks.Add(other);
        remarks.AddRange(WithoutEffect(recipe, way));
        progress ??= share => shown!.At(share);
        TranslationFacts facts;
        if (way == TranslationWay.MeanAndSpeckle)
        {
            Action<int, Complex32[]> lines = recipe.Complex ? samples! : (row, line) =>
                sink!(row, Array.ConvertAll(line, s => s.Magnitude));
            var run = new MeanTranslation(this, mean!, residual, scene, source, recipe, level) { Clock = clock };
            facts = run.Facts;
            if (part is { } some && some.From >= some.To)
                progress(1);
            else if (scene.LeftOut < scene.Amplitude.LongLength)
                run.Run(lines, progress, cancel, part);
            else if (part is null)
                NoData(scene, level, lines, new Complex32(float.NaN, float.NaN));
        }
        else
        {
            adaptation!.Apply(recipe);
            var run = new TranslationRun(this, adaptation, scene, source, recipe);
            facts = run.Facts;
            using var measured = clock.Measure("diffusion");
            if (scene.LeftOut < scene.Amplitude.LongLength)
                run.Run(sink!, progress, cancel);
            else
                NoData(scene, level, sink!, float.NaN);
        }
        shown?.At(1);
        return new(scene.LeftOut, remarks) { Assumed = InputFit.Assumed(Card, source.Metadata, source.Place),
            Ran = facts, Stages = clock.Costs };
    }

    // A scene without data: its rows, without.
    private static void NoData<T>(SatelliteScene scene, TranslationLevel level, Action<int, T[]> sink, T none)
    {
        var row = new T[scene.Columns * level.Finer];
        for (var r = 0; r < scene.Rows * level.Finer; r++)
        {
            Array.Fill(row, none);
            sink(r, row);
        }
    }

    private IEnumerable<string> WithoutEffect(TranslateRecipe recipe, TranslationWay way)
    {
        var hasText = recipe.Prompt.Length > 0 || recipe.SecondPrompt?.Length > 0 || recipe.NegativePrompt?.Length > 0;
        if (way == TranslationWay.MeanAndSpeckle)
        {
            string[] asked =
            [
                .. hasText ? ["prompt"] : Array.Empty<string>(),
                .. recipe.Steps is not null && !Draws(recipe) ? ["steps"] : Array.Empty<string>(),
                .. recipe.Scheduler is not null || recipe.Guidance > 1 || recipe.Strength is not null
                    ? ["scheduler, guidance and strength"] : Array.Empty<string>(),
                .. recipe.Controls.Count + recipe.Conditions.Count + recipe.Adapters.Count + recipe.Tokens.Count > 0
                    ? ["ControlNets, LoRAs and tokens"] : Array.Empty<string>(),
            ];
            foreach (var wish in asked)
                yield return $"mean and speckle have no pipeline: what was asked for of {wish} has no effect.";
        }
        else if (Card.TextEffect > 0.99 && hasText)
        {
            yield return FormattableString.Invariant(
                $"text changes nothing in this model (its translations correlate {Card.TextEffect:F3} ")
                + "whatever the prompt): the prompt has no effect.";
        }
    }

    private SarMetadata Fine(SarMetadata satellite, int finer, IReadOnlyDictionary<string, string>? files = null) =>
        SyntheticContent.Mark(satellite with
        {
            RangeSpacing = satellite.RangeSpacing / finer,
            AzimuthSpacing = satellite.AzimuthSpacing / finer,
            RangeResolution = null,
            AzimuthResolution = null,
            Looks = 1,
        }, Name, files);
}
