// Training of the residual as a recipe.
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Diffusion;

namespace SarSynth.FineTuning;

/// <summary>
/// Training of the diffusion that draws what a mean network cannot know: the log of true over mean intensity.
/// </summary>
public sealed record ResidualRecipe
{
    /// <summary>The field 'kind' of such a recipe's file.</summary>
    public const string KindName = "residual";

    /// <summary>What the file is.</summary>
    public string Kind { get; init; } = KindName;

    /// <summary>Name of the recipe.</summary>
    public required string Name { get; init; }

    /// <summary>Seed of weights, tiles, timesteps and noise.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Where it computes: auto, cpu, cuda or cuda:N (<see cref="ComputeDevice"/>).</summary>
    public string Device { get; init; } = ComputeDevice.Auto;

    /// <summary>
    /// The scenes to learn from: others than the mean network learned from, on which its errors are too small.
    /// </summary>
    public required SceneMix Scenes { get; init; }

    /// <summary>How long, how large, how fast.</summary>
    public required StageRecipe Residual { get; init; }

    /// <summary>Model whose mean network it stands on: a folder, or the kit's own by its name.</summary>
    public required string From { get; init; }

    /// <summary>Largest residual over the spread; what lies beyond is cut off.</summary>
    public double Bound { get; init; } = 5;

    /// <summary>config.json of the denoiser.</summary>
    public required JsonObject Network { get; init; }
}
