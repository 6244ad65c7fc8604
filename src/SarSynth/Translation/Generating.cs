// Words in, an airborne-like image out: the pipeline without a satellite image.
using SarSynth.Data;
using SarSynth.Diffusion;
using SarSynth.Diffusion.Pipelines;
using SarSynth.Radar.Images;
using SarSynth.Radar.Radiometry;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Translation;

public sealed partial class Translator
{
    /// <summary>Makes an image of words alone.</summary>
    /// <param name="recipe">Prompts, guidance, steps, scheduler, seed, adapters and tokens; what it says of the
    /// satellite
    /// image, as its ControlNets, does not count.</param>
    /// <param name="height">Rows of the image, a multiple of the autoencoder's factor; null for the model's
    /// own.</param>
    /// <param name="width">Columns; as <paramref name="height"/>.</param>
    /// <param name="cancel">Ends between steps.</param>
    /// <returns>
    /// Amplitudes as the card's normalisation gives them, the mean over the autoencoder's channels; where the card
    /// tells
    /// no normalisation, values of 0 to 1.
    /// </returns>
    /// <exception cref="ArgumentException">A size that the model cannot make; a scheduler that is not
    /// known.</exception>
    public AmplitudeImage Generate(TranslateRecipe recipe, int? height = null, int? width = null,
        CancellationToken cancel = default)
    {
        using var progress = Progress.Begin("generating");
        var pipeline = Pipeline;
        adaptation!.Apply(recipe);
        pipeline = pipeline with { Sampler = SamplerOf(recipe) };
        var request = new GenerationRequest
        {
            Text = new(adaptation.First(recipe.Prompt))
            {
                Second = adaptation.Second(recipe.SecondPrompt ?? recipe.Prompt),
                Negative = recipe.NegativePrompt is { } no ? adaptation.First(no) : null,
                NegativeSecond = recipe.NegativePrompt is { } second ? adaptation.Second(second) : null,
                ClipSkip = recipe.ClipSkip,
            },
            Guidance = new(recipe.Guidance, recipe.GuidanceRescale),
            Steps = recipe.Steps ?? TranslateRecipe.AmplitudeSteps,
            Eta = recipe.Eta,
            Seed = recipe.Seed,
            Height = height,
            Width = width,
            Leak = recipe.SignalLeak is { } leak ? KitJson.Read<SignalLeak>(leak) : null,
            OnStep = step => progress.At((step.Index + 1.0) / (step.Count + 1),
                $"step {step.Index + 1} of {step.Count}"),
            Cancellation = cancel,
        };
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var values = pipeline.Decode(pipeline.Denoise(request)).mean([1]);
        // A normalisation of the logarithm has the autoencoder's own values; the others are pictures' 0 to 1.
        if (Card.Airborne is null or ClippedNormalisation or DecibelNormalisation)
            values = values.Over(2).Plus_(0.5).Clamped_(0, 1);
        var (rows, columns) = ((int)values.shape[1], (int)values.shape[2]);
        var pixels = values.contiguous().cpu().data<float>().ToArray();
        progress.At(1);
        var image = Card.Airborne is { } normalisation ? normalisation.Invert(pixels, rows, columns)
            : new(rows, columns, pixels);
        return new(rows, columns, image.Pixels, SyntheticContent.Mark(image.Metadata, Name));
    }
}
