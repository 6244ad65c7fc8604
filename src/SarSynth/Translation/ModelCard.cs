// What a translation model's pixels mean: the one file that the diffusers layout has no place for.
using SarSynth.Radar.Radiometry;

namespace SarSynth.Translation;

/// <summary>What a model folder's sarsynth.json says: grids, brightness, and what the model learned from.</summary>
public sealed record ModelCard
{
    /// <summary>File name of the card in a model folder.</summary>
    public const string FileName = "sarsynth.json";

    /// <summary>What the model is, in a sentence.</summary>
    public required string Description { get; init; }

    /// <summary>Airborne pixels per satellite pixel.</summary>
    public required int Scale { get; init; }

    /// <summary>Name of the satellite sensor that training saw.</summary>
    public required string SatelliteSensor { get; init; }

    /// <summary>Name of the airborne sensor whose images it makes.</summary>
    public required string AirborneSensor { get; init; }

    /// <summary>Airborne amplitude to model values.</summary>
    public required LogNormalisation Airborne { get; init; }

    /// <summary>Satellite amplitude to the values that condition the model.</summary>
    public required LogNormalisation Satellite { get; init; }

    /// <summary>Mean of ln amplitude of the training data's satellite images: what <see cref="RadiometryMatch.Scene"/> shifts an image to.</summary>
    public required double SatelliteMeanLog { get; init; }
}
