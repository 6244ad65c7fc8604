// How the brightness of an input is brought to that which a model was trained on; the same for all ways.
using SarSynth.Radar.Images;

namespace SarSynth.Translation;

/// <summary>Brightness of inputs.</summary>
internal static class Brightness
{
    /// <summary>The match that a recipe asks for, or that the input's sensor suggests; null where the card tells no
    /// brightness.</summary>
    public static RadiometryMatch? MatchOf(ModelCard card, TranslateRecipe recipe, SarMetadata input) =>
        card.SatelliteMeanLog is null ? null : recipe.Radiometry
            ?? (input.Sensor is { } sensor && sensor == card.SatelliteSensor ? RadiometryMatch.Absolute
                : RadiometryMatch.Scene);

    /// <summary>Amplifies a scene; returns the factor on its amplitudes.</summary>
    public static double Match(ModelCard card, RadiometryMatch? match, SatelliteScene scene)
    {
        var gain = match == RadiometryMatch.Scene ? Math.Exp(card.SatelliteMeanLog!.Value - scene.MeanLog) : 1;
        if (gain != 1)
            scene.Amplify(gain);
        return gain;
    }
}
