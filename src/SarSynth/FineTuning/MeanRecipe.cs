// Training of the mean network as a recipe.
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Diffusion;

namespace SarSynth.FineTuning;

/// <summary>
/// Training of a network that makes the mean intensity of the airborne grid, and how far texture scatters around it,
/// from a satellite image and what is told of it.
/// </summary>
public sealed record MeanRecipe
{
    /// <summary>The field 'kind' of such a recipe's file.</summary>
    public const string KindName = "mean";

    /// <summary>What the file is.</summary>
    public string Kind { get; init; } = KindName;

    /// <summary>Name of the recipe.</summary>
    public required string Name { get; init; }

    /// <summary>Seed of weights and tiles.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Where it computes: auto, cpu, cuda or cuda:N (<see cref="ComputeDevice"/>).</summary>
    public string Device { get; init; } = ComputeDevice.Auto;

    /// <summary>The scenes to learn from.</summary>
    public required SceneMix Scenes { get; init; }

    /// <summary>How long, how large, how fast.</summary>
    public required StageRecipe Mean { get; init; }

    /// <summary>
    /// Steps over which smooth L1 of the logarithms gives way to the likelihood, whose gradients are a few bright
    /// points as long as the mean is far off.
    /// </summary>
    public int LogSteps { get; init; } = 200;

    /// <summary>Airborne pixels along the border of a tile that do not count: the network sees no ground beyond
    /// it.</summary>
    public int Margin { get; init; } = 8;

    /// <summary>Model whose mean network the training begins with: a folder, or the kit's own by its name; null begins
    /// from nothing.</summary>
    public string? From { get; init; }

    /// <summary>Texture's <see cref="Translation.ModelCard.TextureLength"/>, which training does not look at.</summary>
    public double TextureLength { get; init; } = 1;

    /// <summary>config.json of the network.</summary>
    public required JsonObject Network { get; init; }
}
