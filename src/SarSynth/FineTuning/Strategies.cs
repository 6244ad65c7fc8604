// What of a base model is trained, as plain records: any sum of them is one run, each with its own learning rate.
// Debuysere et al. (2025), arXiv 2506.13307, compare them; their best is the whole UNet,
// LoRA on the text encoders and a learned token.
using System.Text.Json.Serialization;
using SarSynth.Diffusion.Training;

namespace SarSynth.FineTuning;

/// <summary>One thing that is trained.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(FullStrategy), "full")]
[JsonDerivedType(typeof(LoraStrategy), "lora")]
[JsonDerivedType(typeof(TokenStrategy), "token")]
[JsonDerivedType(typeof(ControlStrategy), "control")]
[JsonDerivedType(typeof(VaeStrategy), "vae")]
public abstract record Strategy
{
    /// <summary>Learning rate after the warm-up, over 0.</summary>
    public required double LearningRate { get; init; }
}

/// <summary>All weights of a network.</summary>
public sealed record FullStrategy : Strategy
{
    /// <summary>"unet", "text_encoder" or "text_encoder_2".</summary>
    public string Part { get; init; } = "unet";
}

/// <summary>A low-rank update of the linear layers of one or more networks (Hu et al. 2022).</summary>
public sealed record LoraStrategy : Strategy
{
    /// <summary>"unet", "text_encoder", "text_encoder_2"; a part that the base does not have is an error, but
    /// "text_encoders" means those that are there.</summary>
    public IReadOnlyList<string> Parts { get; init; } = ["unet"];

    /// <summary>Rank of the update, at least 1.</summary>
    public int Rank { get; init; } = 16;

    /// <summary>Numerator of its scale, alpha / rank; null for the rank.</summary>
    public double? Alpha { get; init; }

    /// <summary>Share of a layer's inputs that training leaves out, 0 to under 1.</summary>
    public double Dropout { get; init; }

    /// <summary>Ends of the names of the layers; null for the projections of attention, in CLIP too.</summary>
    public IReadOnlyList<string>? Targets { get; init; }

    /// <summary>Trains the magnitudes of the weights too (DoRA, Liu et al. 2024).</summary>
    public bool Dora { get; init; }

    /// <summary>Scale alpha / sqrt(rank): the update's size does not fall with the rank (Kalajdzievski 2023).</summary>
    public bool RankStabilized { get; init; }

    /// <summary>The projections of attention: of the UNet, and of CLIP.</summary>
    [JsonIgnore]
    public static IReadOnlyList<string> Attention { get; } =
        ["to_q", "to_k", "to_v", "to_out.0", "q_proj", "k_proj", "v_proj", "out_proj"];
}

/// <summary>A new word whose embeddings are found by training (Gal et al. 2023); it stands in every caption.</summary>
public sealed record TokenStrategy : Strategy
{
    /// <summary>The word; must not be one that the tokenizer knows.</summary>
    public string Word { get; init; } = "<SAR>";

    /// <summary>A known word that it starts as.</summary>
    public string Like { get; init; } = "radar";

    /// <summary>How many embeddings the word has.</summary>
    public int Vectors { get; init; } = 1;
}

/// <summary>
/// A ControlNet that starts as a copy of the UNet (Zhang et al. 2023), on one condition of the tiles.
/// </summary>
public sealed record ControlStrategy : Strategy
{
    /// <summary>Name of the condition: "satellite", "landcover", "simulated" or the data's own.</summary>
    public string Condition { get; init; } = "satellite";

    /// <summary>Of class maps: the codes, one channel each; other codes are no class. Not for amplitudes.</summary>
    public IReadOnlyList<int>? Classes { get; init; }
}

/// <summary>What of an autoencoder is trained.</summary>
public enum VaePart
{
    /// <summary>Encoder and decoder: the latents change, so that a UNet has to learn them.</summary>
    All,

    /// <summary>The decoder: latents stay what the UNet knows.</summary>
    Decoder,
}

/// <summary>An adversarial term: a discriminator of patches, trained beside the autoencoder.</summary>
public sealed record AdversarialRecipe
{
    /// <summary>Weight of the term in the autoencoder's loss.</summary>
    public double Weight { get; init; } = 0.1;

    /// <summary>Steps before it counts; the discriminator learns from the first.</summary>
    public int Start { get; init; }

    /// <summary>The discriminator's learning rate.</summary>
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>Channels of the discriminator's first layer, a multiple of 8.</summary>
    public int Width { get; init; } = 32;
}

/// <summary>
/// The autoencoder, whole, its decoder, or by a low-rank update. It is trained alone: in a run of its own, or in one
/// with other strategies before them, which then see its latents.
/// </summary>
public sealed record VaeStrategy : Strategy
{
    /// <summary>What is trained; a low-rank update is of all.</summary>
    public VaePart Part { get; init; }

    /// <summary>Rank of a low-rank update of convolutions and attention; null trains the weights themselves.</summary>
    public int? Rank { get; init; }

    /// <summary>Numerator of the update's scale, alpha / rank; null for the rank.</summary>
    public double? Alpha { get; init; }

    /// <summary>Ends of the names of the layers that are updated; null for <see cref="Layers"/>.</summary>
    public IReadOnlyList<string>? Targets { get; init; }

    /// <summary>
    /// Weights of the loss's terms. What pixels mean in it, its scale, is what the base's normalisation says.
    /// </summary>
    public AutoencoderLossRecipe Loss { get; init; } =
        new() { L1 = 0, LogL1 = 1, Kl = 1e-6, Spectrum = 0.1, Moments = 0.1 };

    /// <summary>Adds an adversarial term; null has none.</summary>
    public AdversarialRecipe? Adversarial { get; init; }

    /// <summary>Optimizer steps; null for the recipe's.</summary>
    public int? Steps { get; init; }

    /// <summary>Tiles in a micro-batch; null for the recipe's.</summary>
    public int? Batch { get; init; }

    /// <summary>Side of the squares cut out of the tiles, pixels; null for the recipe's.</summary>
    public int? Crop { get; init; }

    /// <summary>Convolutions of residual blocks, and attention.</summary>
    [JsonIgnore]
    public static IReadOnlyList<string> Layers { get; } = ["conv1", "conv2", "to_q", "to_k", "to_v", "to_out.0"];
}

/// <summary>Whole networks.</summary>
public static class Full
{
    /// <summary>The denoiser.</summary>
    public static FullStrategy Unet(double learningRate = 1e-5) => new() { Part = "unet", LearningRate = learningRate };

    /// <summary>A text encoder.</summary>
    public static FullStrategy TextEncoder(double learningRate = 1e-6, bool second = false) =>
        new() { Part = second ? "text_encoder_2" : "text_encoder", LearningRate = learningRate };
}

/// <summary>Low-rank updates.</summary>
public static class Lora
{
    /// <summary>Of the denoiser's attention.</summary>
    public static LoraStrategy Unet(int rank = 16, double learningRate = 1e-4) =>
        new() { Parts = ["unet"], Rank = rank, LearningRate = learningRate };

    /// <summary>Of the text encoders that the base has.</summary>
    public static LoraStrategy TextEncoders(int rank = 16, double learningRate = 1e-5) =>
        new() { Parts = ["text_encoders"], Rank = rank, LearningRate = learningRate };
}

/// <summary>Autoencoders.</summary>
public static class Vae
{
    /// <summary>Encoder and decoder. With other strategies the UNet has to be among them.</summary>
    public static VaeStrategy Full(double learningRate = 1e-5) => new() { LearningRate = learningRate };

    /// <summary>The decoder alone; goes with any base and any other strategy.</summary>
    public static VaeStrategy Decoder(double learningRate = 1e-5) =>
        new() { Part = VaePart.Decoder, LearningRate = learningRate };

    /// <summary>A low-rank update of both.</summary>
    public static VaeStrategy Lora(int rank = 16, double learningRate = 1e-4) =>
        new() { Rank = rank, LearningRate = learningRate };
}

/// <summary>Strategies of one word, for <c>using static</c>.</summary>
public static class Strategies
{
    /// <summary>A learned word.</summary>
    /// <inheritdoc cref="TokenStrategy"/>
    public static TokenStrategy Token(string word = "<SAR>", double learningRate = 1e-3, string like = "radar",
        int vectors = 1) =>
        new() { Word = word, Like = like, Vectors = vectors, LearningRate = learningRate };

    /// <summary>A ControlNet.</summary>
    /// <inheritdoc cref="ControlStrategy"/>
    public static ControlStrategy Control(string condition = "satellite", double learningRate = 1e-5) =>
        new() { Condition = condition, LearningRate = learningRate };

    /// <summary>The best of arXiv 2506.13307: the whole UNet, LoRA on the text encoders, a learned token.</summary>
    public static IReadOnlyList<Strategy> Best => [Full.Unet(), Lora.TextEncoders(), Token()];
}
