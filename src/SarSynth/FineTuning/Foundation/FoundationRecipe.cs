// Training of a small model of SDXL's form that has seen shapes and words but no radar, as a recipe.
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Diffusion;

namespace SarSynth.FineTuning;

/// <summary>
/// Training of a foundation model from nothing on rendered scenes: autoencoder, then UNet with two text encoders.
/// </summary>
public sealed record FoundationRecipe
{
    /// <summary>What recipes of this kind say in their field "kind".</summary>
    public const string KindName = "foundation";

    /// <summary>"foundation".</summary>
    public string Kind { get; init; } = KindName;

    /// <summary>Name of the recipe.</summary>
    public required string Name { get; init; }

    /// <summary>Seed of weights, tiles, timesteps and noise.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Where it computes: auto, cpu, cuda or cuda:N (<see cref="ComputeDevice"/>).</summary>
    public string Device { get; init; } = ComputeDevice.Auto;

    /// <summary>The pictures to learn from.</summary>
    public required RenderRecipe Data { get; init; }

    /// <summary>Stage 1: the autoencoder.</summary>
    public required StageRecipe Autoencoder { get; init; }

    /// <summary>Weight of the Kullback-Leibler term that keeps latents near a unit normal.</summary>
    public double KlWeight { get; init; } = 1e-6;

    /// <summary>Stage 2: UNet and text encoders.</summary>
    public required StageRecipe Denoiser { get; init; }

    /// <summary>Share of captions replaced by no text, which guidance needs.</summary>
    public double CaptionDropout { get; init; } = 0.1;

    /// <summary>
    /// Looks at the denoiser: the loss of held-out pictures, samples, and a snapshot that can be used.
    /// </summary>
    public ValidationRecipe Validation { get; init; } = new();

    /// <summary>Size of the tokenizer's vocabulary.</summary>
    public int Vocabulary { get; init; } = 1000;

    /// <summary>Sentences whose words the tokenizer should know beside those of the captions.</summary>
    public IReadOnlyList<string> Sentences { get; init; } = [];

    /// <summary>config.json of the autoencoder, as diffusers has it.</summary>
    public required JsonObject Vae { get; init; }

    /// <summary>config.json of the denoiser.</summary>
    public required JsonObject Unet { get; init; }

    /// <summary>config.json of the first text encoder.</summary>
    public required JsonObject TextEncoder { get; init; }

    /// <summary>config.json of the second, whose pooled text is projected.</summary>
    public required JsonObject TextEncoder2 { get; init; }

    /// <summary>scheduler_config.json.</summary>
    public required JsonObject Scheduler { get; init; }
}
