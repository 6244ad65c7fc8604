// What a generation is asked for; names and defaults as in diffusers' pipelines.
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tiling;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Pipelines;

/// <summary>A ControlNet with its condition image.</summary>
/// <param name="Net">The ControlNet.</param>
/// <param name="Image">
/// [1, channels, H, W] in [0, 1], size of the image to generate (more exactly: latents times the net's own factor).
/// </param>
/// <param name="Scale">Factor on its residuals.</param>
/// <param name="Start">Share of the steps after which it begins to act.</param>
/// <param name="End">Share of the steps after which it acts no more.</param>
public sealed record ControlInput(
    ControlNetModel Net, WindowedImage Image, double Scale = 1, double Start = 0, double End = 1);

/// <summary>A prompt after the text encoders.</summary>
/// <param name="Text">[1, tokens, width].</param>
/// <param name="Pooled">[1, width]; null for models without pooled text.</param>
public sealed record PromptEmbeddings(Tensor Text, Tensor? Pooled) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Text.Dispose();
        Pooled?.Dispose();
    }
}

/// <summary>
/// Standard normal tensors to use instead of drawn ones; each may be null. For
/// exact repetition of another program's run.
/// </summary>
/// <param name="Latents">Latents to start from, before they are scaled.</param>
/// <param name="Posterior">For the sample of the autoencoder's posterior (image-to-image).</param>
/// <param name="Image">Noise put on the image's latents (image-to-image).</param>
/// <param name="Steps">Noise of the steps.</param>
public sealed record GenerationNoise(Tensor? Latents = null, Tensor? Posterior = null, Tensor? Image = null,
    NoiseSource? Steps = null);

/// <summary>What the image should and should not be, in words or as embeddings.</summary>
/// <param name="Prompt">The prompt.</param>
public sealed record TextRequest(string Prompt = "")
{
    /// <summary>Prompt for the second text encoder; null for the same.</summary>
    public string? Second { get; init; }

    /// <summary>
    /// What the image should not be; null for none (zeros or the empty prompt, as the model was trained).
    /// </summary>
    public string? Negative { get; init; }

    /// <summary>Negative prompt for the second text encoder; null for the same.</summary>
    public string? NegativeSecond { get; init; }

    /// <summary>Embeddings to use instead of the prompts; not disposed.</summary>
    public PromptEmbeddings? Embeddings { get; init; }

    /// <summary>Embeddings to use instead of the negative prompts; not disposed.</summary>
    public PromptEmbeddings? NegativeEmbeddings { get; init; }

    /// <summary>Layers of the text encoder to leave out at its end; null for the model's usual.</summary>
    public int? ClipSkip { get; init; }

    /// <summary>A prompt alone.</summary>
    public static implicit operator TextRequest(string prompt) => new(prompt);
}

/// <summary>Classifier-free guidance.</summary>
/// <param name="Scale">Over 1 moves away from the negative prompt.</param>
/// <param name="Rescale">Share of the guided prediction whose spread is set back to the conditional one's (Lin et al.
/// 2024, section 3.4).</param>
public sealed record Guidance(double Scale = 5, double Rescale = 0);

/// <summary>SDXL: sizes and, in its refiner, scores that the model is told beside the text.</summary>
public sealed record SizeConditioning
{
    /// <summary>Size before cropping (height, width); null for the image's.</summary>
    public (int Height, int Width)? Original { get; init; }

    /// <summary>Crop corner.</summary>
    public (int Top, int Left) Crop { get; init; }

    /// <summary>Size after cropping; null for the image's.</summary>
    public (int Height, int Width)? Target { get; init; }

    /// <summary>Original size told with the negative prompt; null for the positive one's.</summary>
    public (int Height, int Width)? NegativeOriginal { get; init; }

    /// <summary>Crop told with the negative prompt.</summary>
    public (int Top, int Left) NegativeCrop { get; init; }

    /// <summary>Target size told with the negative prompt; null for the positive one's.</summary>
    public (int Height, int Width)? NegativeTarget { get; init; }

    /// <summary>Refiner: aesthetic score told with the prompt.</summary>
    public double AestheticScore { get; init; } = 6;

    /// <summary>Refiner: aesthetic score told with the negative prompt.</summary>
    public double NegativeAestheticScore { get; init; } = 2.5;
}

/// <summary>An image to start from: image to image; with a mask, inpainting.</summary>
/// <param name="Image">[1, channels, H, W] in [0, 1]; or another model's latents, see <see
/// cref="ExpertShare"/>.</param>
/// <param name="Strength">Share of the steps that the image is taken through; 1 leaves little of it.</param>
/// <param name="Mask">[1, 1, H, W], 1 where the image is to be made anew; null for all of it.</param>
public sealed record StartImage(WindowedImage Image, double Strength = 0.3, Tensor? Mask = null);

/// <summary>
/// Ensemble of experts (Podell et al. 2023, section 2.5): the share of the schedule that this
/// model takes. Where another model comes before, the start image holds its latents, scaled,
/// [1, C, h, w], and the strength does not count.
/// </summary>
/// <param name="Start">Share, over 0 and under 1, where another model ended; null begins at the start.</param>
/// <param name="End">
/// Share, over 0 and under 1, where this model leaves its noise to another; null goes to the end.
/// </param>
public sealed record ExpertShare(double? Start = null, double? End = null);

/// <summary>ControlNets and how they act.</summary>
/// <param name="Nets">The nets with their conditions; their residuals add.</param>
/// <param name="GuessMode">
/// They act on the prompted half only, with growing weights (ControlNet without a prompt).
/// </param>
public sealed record ControlRequest(IReadOnlyList<ControlInput> Nets, bool GuessMode = false)
{
    /// <summary>
    /// Most bytes of what the nets make of their conditions that are kept over the steps;
    /// what is beyond is made anew at each step.
    /// </summary>
    public long KeptBytes { get; init; } = 512L << 20;

    /// <summary>One net.</summary>
    public static implicit operator ControlRequest(ControlInput net) => new([net]);
}

/// <summary>
/// A generation: text to image; with <see cref="Start"/> image to image or
/// inpainting; each with or without ControlNets.
/// </summary>
public sealed record GenerationRequest
{
    /// <summary>What the image should be; a prompt alone may stand here as a string.</summary>
    public TextRequest Text { get; init; } = new();

    /// <summary>Steps of the sampler.</summary>
    public int Steps { get; init; } = 50;

    /// <summary>Noise of DDIM, 0 to 1.</summary>
    public double Eta { get; init; }

    /// <summary>Seed of all noise; with <see cref="Tiling"/> noise depends on its position only.</summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// Height in pixels, a multiple of the autoencoder's factor; null for the start
    /// image's, or the model's training size.
    /// </summary>
    public int? Height { get; init; }

    /// <summary>Width in pixels; as <see cref="Height"/>.</summary>
    public int? Width { get; init; }

    /// <summary>Guidance.</summary>
    public Guidance Guidance { get; init; } = new();

    /// <summary>What SDXL is told about sizes.</summary>
    public SizeConditioning Sizes { get; init; } = new();

    /// <summary>Image to start from; null for text to image.</summary>
    public StartImage? Start { get; init; }

    /// <summary>Brightness that text to image begins with; null begins with pure noise.</summary>
    public SignalLeak? Leak { get; init; }

    /// <summary>The part of the schedule that this model takes; null takes all.</summary>
    public ExpertShare? Share { get; init; }

    /// <summary>ControlNets; null for none.</summary>
    public ControlRequest? Control { get; init; }

    /// <summary>Windows for images of any size, in latents; null denoises the image in one piece.</summary>
    public TileGrid? Tiling { get; init; }

    /// <summary>Noise to use instead of the seed's.</summary>
    public GenerationNoise Noise { get; init; } = new();

    /// <summary>Called after each step: progress, previews.</summary>
    public Action<SamplingStep>? OnStep { get; init; }

    /// <summary>Sees every call of the UNet; the tensors are valid during the call.</summary>
    internal Action<ModelCall>? Observe { get; init; }

    /// <summary>Ends the generation between two steps.</summary>
    public CancellationToken Cancellation { get; init; }
}
