// Images that somebody made, held against airborne images of the same ground. Nothing is translated or drawn here.
using System.Runtime.CompilerServices;
using SarSynth.Data;
using SarSynth.Radar.Images;

namespace SarSynth.Evaluation;

/// <summary>A comparison, ready for tables, plots and a report.</summary>
/// <param name="Truth">The airborne images, measured or simulated, as their name says.</param>
/// <param name="Candidates">What was held against them.</param>
/// <param name="Table">Its statistics.</param>
public sealed record Comparison(Candidate Truth, IReadOnlyList<Candidate> Candidates, LikenessTable Table)
{
    /// <summary>The scenes whose airborne images are the truth; empty where only images were given.</summary>
    public IReadOnlyList<PairedScene> Scenes { get; init; } = [];

    /// <summary>Holds images against the airborne images of scenes.</summary>
    /// <param name="scenes">At least one.</param>
    /// <param name="candidates">An image for each scene, on its airborne grid.</param>
    /// <exception cref="ArgumentException">
    /// No scene, or images that differ from the true ones in number or size.
    /// </exception>
    public static Comparison Of(IReadOnlyList<PairedScene> scenes, params IReadOnlyList<Candidate> candidates)
    {
        // One measured scene among simulated ones, and the whole is called neither.
        var names = scenes.Select(s => s.Airborne.AirborneName()).Distinct().ToArray();
        var truth = new Candidate(names.Length == 1 ? names[0] : "airborne", [.. scenes.Select(s => s.Airborne)]);
        return Of(truth, candidates) with { Scenes = scenes };
    }

    /// <summary>Holds images against airborne images.</summary>
    /// <param name="truth">The airborne images, at least one, and what they are called.</param>
    /// <param name="candidates">Images of the same ground on the same grids.</param>
    /// <exception cref="ArgumentException">
    /// No true image, or images that differ from the true ones in number or size.
    /// </exception>
    public static Comparison Of(Candidate truth, params IReadOnlyList<Candidate> candidates) =>
        new(truth, candidates, AirborneLikeness.Compare(truth, candidates));

    /// <summary>Holds an image, and others beside it, against one airborne image.</summary>
    /// <param name="truth">The airborne image.</param>
    /// <param name="image">The image.</param>
    /// <param name="others">For example <see cref="Baselines.All(PairedScene, ulong)"/>; none when null.</param>
    /// <param name="name">What the image is called; as it was written when left out.</param>
    /// <exception cref="ArgumentException">Images that differ from the true one in size.</exception>
    public static Comparison Of(AmplitudeImage truth, AmplitudeImage image, IReadOnlyList<Candidate>? others = null,
        [CallerArgumentExpression(nameof(image))] string name = "image") =>
        Of(new Candidate(truth.AirborneName(), [truth]), [.. others ?? [], new(name, [image])]);
}
