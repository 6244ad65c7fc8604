// What a generation is asked for; names and defaults as in diffusers' pipelines.
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tiling;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Pipelines;

/// <summary>A ControlNet with its condition image.</summary>
/// <param name="Net">The ControlNet.</param>
/// <param name="Image">[1, channels, H, W] in [0, 1], size of the image to generate (more exactly: latents times the net's own factor).</param>
/// <param name="Scale">Factor on its residuals.</param>
/// <param name="Start">Share of the steps after which it begins to act.</param>
/// <param name="End">Share of the steps after which it acts no more.</param>
public sealed record ControlInput(ControlNetModel Net, Tensor Image, double Scale = 1, double Start = 0, double End = 1);

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

/// <summary>Standard normal tensors to use instead of drawn ones; each may be null. For exact repetition of another program's run.</summary>
/// <param name="Latents">Latents to start from, before they are scaled.</param>
/// <param name="Posterior">For the sample of the autoencoder's posterior (image-to-image).</param>
/// <param name="Image">Noise put on the image's latents (image-to-image).</param>
/// <param name="Steps">Noise of the steps.</param>
public sealed record GenerationNoise(Tensor? Latents = null, Tensor? Posterior = null, Tensor? Image = null, NoiseSource? Steps = null);

/// <summary>A generation: text to image; with <see cref="Image"/> image to image; with <see cref="Mask"/> inpainting; each with or without ControlNets.</summary>
public sealed record GenerationRequest
{
    /// <summary>The prompt.</summary>
    public string Prompt { get; init; } = "";

    /// <summary>Prompt for the second text encoder; null for the same.</summary>
    public string? Prompt2 { get; init; }

    /// <summary>What the image should not be; null for none (zeros or the empty prompt, as the model was trained).</summary>
    public string? NegativePrompt { get; init; }

    /// <summary>Negative prompt for the second text encoder; null for the same.</summary>
    public string? NegativePrompt2 { get; init; }

    /// <summary>Embeddings to use instead of the prompts; not disposed.</summary>
    public PromptEmbeddings? Embeddings { get; init; }

    /// <summary>Embeddings to use instead of the negative prompts; not disposed.</summary>
    public PromptEmbeddings? NegativeEmbeddings { get; init; }

    /// <summary>Layers of the text encoder to leave out at its end; null for the model's usual.</summary>
    public int? ClipSkip { get; init; }

    /// <summary>Height in pixels, a multiple of the autoencoder's factor; null for the image's, or the model's training size.</summary>
    public int? Height { get; init; }

    /// <summary>Width in pixels; as <see cref="Height"/>.</summary>
    public int? Width { get; init; }

    /// <summary>Steps of the sampler.</summary>
    public int Steps { get; init; } = 50;

    /// <summary>Classifier-free guidance: over 1 moves away from the negative prompt.</summary>
    public double GuidanceScale { get; init; } = 5;

    /// <summary>Share of the guided prediction whose spread is set back to the conditional one's (Lin et al. 2024, section 3.4).</summary>
    public double GuidanceRescale { get; init; }

    /// <summary>Noise of DDIM, 0 to 1.</summary>
    public double Eta { get; init; }

    /// <summary>SDXL: size before cropping (height, width) that the model is told; null for the image's.</summary>
    public (int Height, int Width)? OriginalSize { get; init; }

    /// <summary>SDXL: crop corner that the model is told.</summary>
    public (int Top, int Left) Crop { get; init; }

    /// <summary>SDXL: size after cropping that the model is told; null for the image's.</summary>
    public (int Height, int Width)? TargetSize { get; init; }

    /// <summary>SDXL: original size told with the negative prompt; null for the positive one's.</summary>
    public (int Height, int Width)? NegativeOriginalSize { get; init; }

    /// <summary>SDXL: crop told with the negative prompt.</summary>
    public (int Top, int Left) NegativeCrop { get; init; }

    /// <summary>SDXL: target size told with the negative prompt; null for the positive one's.</summary>
    public (int Height, int Width)? NegativeTargetSize { get; init; }

    /// <summary>SDXL refiner: aesthetic score told with the prompt.</summary>
    public double AestheticScore { get; init; } = 6;

    /// <summary>SDXL refiner: aesthetic score told with the negative prompt.</summary>
    public double NegativeAestheticScore { get; init; } = 2.5;

    /// <summary>
    /// Ensemble of experts: share of the schedule, over 0 and under 1, where this model takes over from another one that ended
    /// there (<see cref="DenoisingEnd"/>); <see cref="Image"/> then holds the other's latents, scaled, [1, C, h, w], and
    /// <see cref="Strength"/> does not count. Null begins at the start (Podell et al. 2023, section 2.5).
    /// </summary>
    public double? DenoisingStart { get; init; }

    /// <summary>Ensemble of experts: share of the schedule, over 0 and under 1, where this model ends and leaves its noise to another; null goes to the end.</summary>
    public double? DenoisingEnd { get; init; }

    /// <summary>Image to start from, [1, channels, H, W] in [0, 1]; null for text to image.</summary>
    public Tensor? Image { get; init; }

    /// <summary>Share of the steps that an image is taken through; 1 leaves little of it.</summary>
    public double Strength { get; init; } = 0.3;

    /// <summary>Inpainting: [1, 1, H, W], 1 where the image is to be made anew; with <see cref="Image"/>.</summary>
    public Tensor? Mask { get; init; }

    /// <summary>ControlNets and their conditions.</summary>
    public IReadOnlyList<ControlInput> Controls { get; init; } = [];

    /// <summary>ControlNets act on the prompted half only, with growing weights (ControlNet without a prompt).</summary>
    public bool GuessMode { get; init; }

    /// <summary>Windows for images of any size, in latents; null denoises the image in one piece.</summary>
    public TileGrid? Tiling { get; init; }

    /// <summary>Seed of all noise; with <see cref="Tiling"/> noise depends on its position only.</summary>
    public ulong Seed { get; init; }

    /// <summary>Noise to use instead of the seed's.</summary>
    public GenerationNoise Noise { get; init; } = new();

    /// <summary>Called after each step: progress, previews.</summary>
    public Action<SamplingStep>? OnStep { get; init; }

    /// <summary>Sees every call of the UNet; the tensors are valid during the call.</summary>
    internal Action<ModelCall>? Observe { get; init; }

    /// <summary>Ends the generation between two steps.</summary>
    public CancellationToken Cancellation { get; init; }
}
