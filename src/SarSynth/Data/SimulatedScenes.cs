// Paired scenes from the simulator: the same ground, two sensors, independent speckle.
using SarSynth.Radar.Simulation;
using SarSynth.Recipes;

namespace SarSynth.Data;

/// <summary>Makes paired scenes as a recipe says.</summary>
public static class SimulatedScenes
{
    /// <summary>First seed of scenes kept for evaluation: no recipe of the kit trains on this seed or any above.</summary>
    public const ulong UnseenSeed = 1_000_000;

    /// <summary>Makes the scenes of a recipe, one by one; the same recipe gives the same pixels.</summary>
    /// <param name="recipe">Sensors, number, size and seed.</param>
    /// <param name="progress">Told the number of scenes made.</param>
    /// <param name="cancel">Ends between scenes.</param>
    /// <exception cref="ArgumentException">A size that the scale of the two sensors does not divide.</exception>
    public static IEnumerable<PairedScene> Generate(SimulationRecipe recipe, IProgress<int>? progress = null, CancellationToken cancel = default)
    {
        var (airborne, satellite) = (FindSensor(recipe.Airborne), FindSensor(recipe.Satellite));
        for (var i = 0; i < recipe.Scenes; i++)
        {
            cancel.ThrowIfCancellationRequested();
            yield return Observe(recipe, airborne, satellite, recipe.Seed + (ulong)i);
            progress?.Report(i + 1);
        }
    }

    /// <summary>A sensor by its well-known name or its JSON file.</summary>
    /// <param name="nameOrPath">For example "airborne-x-040" or "my-sensor.json".</param>
    public static Sensor FindSensor(string nameOrPath) =>
        nameOrPath.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? Sensor.Load(nameOrPath) : Sensors.Named(nameOrPath);

    /// <summary>Name of the scene of a seed.</summary>
    public static string NameOf(ulong seed) => $"scene-{seed:D7}";

    private static PairedScene Observe(SimulationRecipe recipe, Sensor airborne, Sensor satellite, ulong seed)
    {
        var scene = Scene.Generate(seed, new SceneOptions { Rows = recipe.Size, Columns = recipe.Size });
        return new(NameOf(seed),
            Simulator.Observe(scene, airborne, seed).Detected,
            Simulator.Observe(scene, satellite, seed).Detected,
            Captions(scene, recipe));
    }

    private static List<TileCaption> Captions(Scene scene, SimulationRecipe recipe)
    {
        var captions = new List<TileCaption>();
        // Half-overlapping squares: any tile of their size shares most of its ground with one of them.
        var step = Math.Max(1, recipe.CaptionSize / 2);
        for (var row = 0; row + recipe.CaptionSize <= recipe.Size; row += step)
            for (var column = 0; column + recipe.CaptionSize <= recipe.Size; column += step)
                captions.Add(new(row, column, recipe.CaptionSize, scene.Caption(row, column, recipe.CaptionSize, recipe.CaptionSize)));
        return captions;
    }
}
