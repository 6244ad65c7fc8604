// Scenes of a data set, translated one after the other: what an evaluation holds against their airborne images.
using SarSynth.Data;
using SarSynth.Radar.Images;

namespace SarSynth.Translation;

/// <summary>Translates the satellite images of scenes.</summary>
public static class TranslatedScenes
{
    /// <summary>Translates each scene's satellite image.</summary>
    /// <param name="model">The model.</param>
    /// <param name="scenes">The scenes.</param>
    /// <param name="recipe">How; scene i takes its seed + i.</param>
    /// <param name="cancel">Ends between denoising steps.</param>
    /// <returns>An airborne-like image for each scene, in their order.</returns>
    public static IReadOnlyList<AmplitudeImage> Translate(
        this Translator model, IReadOnlyList<PairedScene> scenes, TranslateRecipe recipe,
        CancellationToken cancel = default)
    {
        var made = new List<AmplitudeImage>();
        foreach (var scene in Progress.Over($"translating {scenes.Count} scenes", scenes, s => s.Name))
        {
            var own = recipe with { Seed = recipe.Seed + (ulong)made.Count };
            made.Add(model.Translate(scene.Satellite, own, cancel: cancel));
        }
        return made;
    }
}
