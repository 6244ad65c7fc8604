// Ways from a scene to an image on its airborne grid, and the images that they make of all scenes.
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;

namespace SarSynth.Evaluation;

/// <summary>A way from a scene to an airborne-like image.</summary>
/// <param name="Name">Name in tables and plots.</param>
/// <param name="Make">Makes the image of a part of a scene, whole satellite pixels of it, from a seed.</param>
public sealed record Way(string Name, Func<TruthScene, RasterWindow, ulong, AmplitudeImage> Make);

/// <summary>The ways that need no model, and what any way makes.</summary>
public static class Ways
{
    /// <summary>Images of several seeds that the spread of a way is measured on.</summary>
    public const int DefaultSeeds = 4;

    /// <summary>The same ground with another speckle: what a perfect translation comes to.</summary>
    public static Way Floor { get; } = new("floor", (scene, part, seed) =>
        (scene.Again?.Invoke(seed) ?? throw new ArgumentException(
            $"scene '{scene.Name}': found a measured image, expected a simulated scene to see again.")).Crop(part));

    /// <summary>Lee's filter, interpolated, times speckle as the airborne sensor draws it.</summary>
    public static Way Lee { get; } = new("Lee x speckle", (scene, part, seed) => Baselines.LeeWithSpeckle(
        scene.SatelliteOf(part), scene.Scale, seed, scene.Satellite!.SimulatedSensor(),
        scene.Airborne.SimulatedSensor()));

    /// <summary>Interpolated, times speckle.</summary>
    public static Way Bicubic { get; } = new("bicubic x speckle", (scene, part, seed) =>
        Baselines.BicubicWithSpeckle(scene.SatelliteOf(part), scene.Scale, seed));

    /// <summary>Those without a model.</summary>
    public static IReadOnlyList<Way> WithoutModel { get; } = [Floor, Lee, Bicubic];

    /// <summary>What a way makes of scenes.</summary>
    /// <param name="way">The way.</param>
    /// <param name="scenes">The scenes.</param>
    /// <param name="seeds">Images of as many seeds are made of each scene's middle; none below 2.</param>
    /// <param name="seed">Seed of the first scene; the next take the next.</param>
    /// <param name="cancel">Ends between images.</param>
    public static Candidate Candidate(this Way way, IReadOnlyList<TruthScene> scenes, int seeds = DefaultSeeds,
        ulong seed = 1, CancellationToken cancel = default)
    {
        var (images, ensembles) = (new List<AmplitudeImage>(), new List<IReadOnlyList<AmplitudeImage>>());
        foreach (var i in Progress.Over(way.Name, [.. Enumerable.Range(0, scenes.Count)], i => scenes[i].Name))
        {
            cancel.ThrowIfCancellationRequested();
            var (scene, own) = (scenes[i], seed + (ulong)i);
            images.Add(way.Make(scene, new(0, 0, scene.Airborne.Rows, scene.Airborne.Columns), own));
            if (seeds < 2)
                continue;
            ensembles.Add([.. Enumerable.Range(0, seeds).Select(k =>
            {
                cancel.ThrowIfCancellationRequested();
                return way.Make(scene, scene.Middle(), own + 1000 * (ulong)(k + 1));
            })]);
        }
        return new(way.Name, images) { Seeds = ensembles.Count > 0 ? ensembles : null };
    }
}
