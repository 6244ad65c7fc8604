// Training of a contrastive model of SAR tiles and their captions, as a recipe.
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Diffusion;

namespace SarSynth.Evaluation;

/// <summary>Training of a CLIP from nothing on captioned tiles.</summary>
public sealed record SarTextRecipe
{
    /// <summary>What recipes of this kind say in their field "kind".</summary>
    public const string KindName = "sar-text";

    /// <summary>"sar-text".</summary>
    public string Kind { get; init; } = KindName;

    /// <summary>Name of the recipe.</summary>
    public string Name { get; init; } = "sar-text";

    /// <summary>Seed of weights, order and flips.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Where it computes: auto, cpu, cuda or cuda:N (<see cref="ComputeDevice"/>).</summary>
    public string Device { get; init; } = ComputeDevice.Auto;

    /// <summary>A folder of tiles with parts train and validation; null for simulated ones.</summary>
    public string? Tiles { get; init; }

    /// <summary>The simulated tiles where there is no folder.</summary>
    public SimulatedTilesRecipe Data { get; init; } = new();

    /// <summary>Optimizer steps.</summary>
    public required int Steps { get; init; }

    /// <summary>Pairs of a batch: each is told from all others.</summary>
    public int Batch { get; init; } = 64;

    /// <summary>Learning rate after the warm-up; it falls along a cosine.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Steps of the warm-up.</summary>
    public int Warmup { get; init; } = 50;

    /// <summary>AdamW's decay of the weights.</summary>
    public double WeightDecay { get; init; } = 0.05;

    /// <summary>Steps between checkpoints and looks at the validation part.</summary>
    public int CheckpointEvery { get; init; } = 100;

    /// <summary>Size of the tokenizer's vocabulary.</summary>
    public int Vocabulary { get; init; } = 1000;

    /// <summary>config.json of the model, as transformers' CLIPModel has it.</summary>
    public required JsonObject Clip { get; init; }

    /// <summary>Refuses what cannot be.</summary>
    /// <exception cref="ArgumentException">A field, with what was found and what is expected.</exception>
    public void Check()
    {
        Require(Steps >= 1, "steps", Steps, "1 or more");
        Require(Batch >= 2, "batch", Batch, "2 or more");
        Require(LearningRate > 0, "learningRate", LearningRate, "over 0");
        Require(CheckpointEvery >= 1, "checkpointEvery", CheckpointEvery, "1 or more");

        static void Require(bool holds, string field, object found, string expected)
        {
            if (!holds)
                throw new ArgumentException(
                    FormattableString.Invariant($"recipe field '{field}': found {found}, expected {expected}."));
        }
    }
}

/// <summary>How often the right caption is among the nearest ones.</summary>
/// <param name="Images">Images that were asked.</param>
/// <param name="Captions">Different captions to choose from.</param>
/// <param name="At1">Share of the images whose own caption is the nearest.</param>
/// <param name="At5">Share whose own is among the nearest five.</param>
/// <param name="At10">Among the nearest ten.</param>
/// <param name="Score">Mean cosine of an image and its own caption, x 100.</param>
/// <param name="OtherScore">Mean cosine of an image and the captions that are not its own, x 100.</param>
public sealed record RetrievalResult(
    int Images, int Captions, double At1, double At5, double At10, double Score, double OtherScore);
