// Translated scenes against real airborne images and against the baselines.
using SarSynth.Data;
using SarSynth.Radar.Images;
using SarSynth.Translation;

namespace SarSynth.Evaluation;

/// <summary>What an evaluation made, ready for tables, plots and a report.</summary>
/// <param name="Scenes">The scenes, with the real airborne images.</param>
/// <param name="Candidates">The baselines first, the model last.</param>
/// <param name="Table">Their statistics against the real ones.</param>
/// <param name="Recipe">How the model translated, and on which device.</param>
public sealed record Evaluation(IReadOnlyList<PairedScene> Scenes, IReadOnlyList<Candidate> Candidates, LikenessTable Table, TranslateRecipe Recipe)
{
    /// <summary>Translates scenes, makes the baselines, and compares all with the real airborne images.</summary>
    /// <param name="model">The model.</param>
    /// <param name="scenes">Scenes that training never saw.</param>
    /// <param name="recipe">How to translate; scene i takes seed + i.</param>
    /// <param name="progress">Told the share that is done and the scene's name.</param>
    /// <param name="cancel">Ends between denoising steps.</param>
    public static Evaluation Run(
        Translator model, IReadOnlyList<PairedScene> scenes, TranslateRecipe recipe, Action<double, string>? progress = null, CancellationToken cancel = default)
    {
        var translated = new List<AmplitudeImage>();
        foreach (var (i, scene) in scenes.Index())
            translated.Add(model.Translate(
                scene.Satellite, recipe with { Seed = recipe.Seed + (ulong)i }, share => progress?.Invoke((i + share) / scenes.Count, scene.Name), cancel));
        IReadOnlyList<Candidate> candidates =
        [
            new("bicubic", [.. scenes.Select(s => Baselines.Bicubic(s.Satellite, s.Scale))]),
            new("bicubic + speckle", [.. scenes.Select((s, i) => Baselines.BicubicWithSpeckle(s.Satellite, s.Scale, recipe.Seed + (ulong)i))]),
            new("SarSynth", translated),
        ];
        return new(scenes, candidates, AirborneLikeness.Compare([.. scenes.Select(s => s.Airborne)], candidates),
            recipe with { Device = model.Device.ToString() });
    }
}
