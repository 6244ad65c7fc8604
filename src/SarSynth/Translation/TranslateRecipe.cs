// Translation as a recipe: a plain record that can be read, repeated and changed without code.
using SarSynth.Diffusion;

namespace SarSynth.Translation;

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
