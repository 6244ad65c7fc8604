// Recipes are plain records: what a step did can be read, repeated and changed without code.
using System.Text.Json.Nodes;
using SarSynth.Diffusion;

namespace SarSynth.Recipes;

/// <summary>Paired scenes from the simulator.</summary>
public sealed record SimulationRecipe
{
    /// <summary>Name or JSON file of the airborne sensor.</summary>
    public string Airborne { get; init; } = "airborne-x-040";

    /// <summary>Name or JSON file of the satellite sensor.</summary>
    public string Satellite { get; init; } = "satellite-x-160";

    /// <summary>How many scenes.</summary>
    public int Scenes { get; init; } = 1;

    /// <summary>Side of a scene, airborne pixels.</summary>
    public int Size { get; init; } = 512;

    /// <summary>Seed of the first scene; the next scenes take the next seeds.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Side of the squares that are captioned, airborne pixels.</summary>
    public int CaptionSize { get; init; } = 128;
}

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

/// <summary>Training of a small latent diffusion model from nothing: autoencoder, denoiser with text, ControlNet on satellite tiles.</summary>
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

/// <summary>How a satellite image is matched to the brightness that the model was trained on.</summary>
public enum RadiometryMatch
{
    /// <summary>Take amplitudes as they are: the image is calibrated like the training data.</summary>
    Absolute,

    /// <summary>Shift the image's mean log amplitude to the training data's, and shift the result back.</summary>
    Scene,
}

/// <summary>Translation of one satellite image.</summary>
public sealed record TranslateRecipe
{
    /// <summary>Folder of the model.</summary>
    public string Model { get; init; } = "sarsynth-small";

    /// <summary>Where the model computes: auto, cpu, cuda or cuda:N (<see cref="ComputeDevice"/>).</summary>
    public string Device { get; init; } = ComputeDevice.Auto;

    /// <summary>Seed of the noise.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>What the image shows; empty leaves it to the image.</summary>
    public string Prompt { get; init; } = "";

    /// <summary>Denoising steps.</summary>
    public int Steps { get; init; } = 25;

    /// <summary>DDIM's eta: 0 draws all randomness at the start, 1 anew at each step.</summary>
    public double Eta { get; init; } = 1.0;

    /// <summary>Weight of the satellite image (ControlNet conditioning scale).</summary>
    public double ControlScale { get; init; } = 1.0;

    /// <summary>How brightness is matched; null chooses <see cref="RadiometryMatch.Absolute"/> for calibrated images of the training sensor, else <see cref="RadiometryMatch.Scene"/>.</summary>
    public RadiometryMatch? Radiometry { get; init; }

    /// <summary>Side of the latent tiles that are denoised together.</summary>
    public int Tile { get; init; } = 64;

    /// <summary>Overlap of neighbouring latent tiles.</summary>
    public int Overlap { get; init; } = 16;
}
