// Training as a recipe: a plain record that can be read, repeated and changed without code.
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Diffusion;

namespace SarSynth.FineTuning;

/// <summary>One stage of training: how long, how large, how fast.</summary>
public sealed record StageRecipe
{
    /// <summary>Optimiser steps.</summary>
    public required int Steps { get; init; }

    /// <summary>Tiles in a batch.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>Side of the airborne tiles, pixels.</summary>
    public int Tile { get; init; } = 128;

    /// <summary>Peak learning rate of AdamW; it rises over the warm-up and falls along a cosine.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Steps over which the learning rate rises.</summary>
    public int Warmup { get; init; } = 20;

    /// <summary>Largest norm of the gradient; larger ones are scaled down.</summary>
    public double ClipNorm { get; init; } = 1.0;

    /// <summary>Largest decay of the exponential moving average of the weights; 0 keeps none.</summary>
    public double EmaDecay { get; init; } = 0.995;

    /// <summary>Steps between checkpoints.</summary>
    public int CheckpointEvery { get; init; } = 200;
}

/// <summary>
/// Training of a small latent diffusion model from nothing: autoencoder, denoiser
/// with text, ControlNet on satellite tiles.
/// </summary>
public sealed record TrainRecipe
{
    /// <summary>Name of the recipe.</summary>
    public required string Name { get; init; }

    /// <summary>Seed of weights, tiles, timesteps and noise.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Where it computes: auto, cpu, cuda or cuda:N (<see cref="ComputeDevice"/>).</summary>
    public string Device { get; init; } = ComputeDevice.Auto;

    /// <summary>The scenes to learn from.</summary>
    public required SimulationRecipe Data { get; init; }

    /// <summary>Stage 1: the autoencoder.</summary>
    public required StageRecipe Autoencoder { get; init; }

    /// <summary>Weight of the Kullback-Leibler term that keeps latents near a unit normal.</summary>
    public double KlWeight { get; init; } = 1e-6;

    /// <summary>Stage 2: UNet and text encoder, airborne tiles with captions.</summary>
    public required StageRecipe Denoiser { get; init; }

    /// <summary>Stage 3: ControlNet, and the UNet with it, on satellite tiles.</summary>
    public required StageRecipe Control { get; init; }

    /// <summary>Share of captions replaced by the empty one, so that the model also works without text.</summary>
    public double CaptionDropout { get; init; } = 0.2;

    /// <summary>Size of the caption tokenizer's vocabulary.</summary>
    public int Vocabulary { get; init; } = 640;

    /// <summary>config.json of the autoencoder, as diffusers has it.</summary>
    public required JsonObject Vae { get; init; }

    /// <summary>config.json of the denoiser.</summary>
    public required JsonObject Unet { get; init; }

    /// <summary>config.json of the ControlNet.</summary>
    public required JsonObject Controlnet { get; init; }

    /// <summary>config.json of the text encoder.</summary>
    public required JsonObject TextEncoder { get; init; }

    /// <summary>scheduler_config.json.</summary>
    public required JsonObject Scheduler { get; init; }
}
