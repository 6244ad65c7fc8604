// Paired scenes from the simulator: the same ground, two sensors, independent speckle.
using SarSynth.Radar.Simulation;

namespace SarSynth.Data;

/// <summary>Makes paired scenes as a recipe says.</summary>
public static class SimulatedScenes
{
    /// <summary>
    /// First seed of scenes kept for evaluation: no recipe of the kit trains on this seed or any above.
    /// </summary>
    public const ulong UnseenSeed = 1_000_000;

    /// <summary>Makes the scenes of a recipe, one by one; the same recipe gives the same pixels.</summary>
    /// <param name="recipe">Sensors, number, size and seed.</param>
    /// <param name="cancel">Ends between scenes.</param>
    /// <returns>
    /// Registered pairs: where the spacings of the sensors are no whole multiples, the satellite's image is sampled on
    /// a grid where they are; airborne rows and columns at the end that fill no satellite pixel are left off.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// The airborne sensor is not the finer one; the message names those that are.
    /// </exception>
    public static IEnumerable<PairedScene> Generate(SimulationRecipe recipe, CancellationToken cancel = default)
    {
        var pair = SensorPair.Of(FindSensor(recipe.Airborne), FindSensor(recipe.Satellite));
        var seeds = Enumerable.Range(0, recipe.Scenes).Select(i => recipe.Seed + (ulong)i).ToArray();
        foreach (var seed in Progress.Over("simulating scenes", seeds, NameOf))
        {
            cancel.ThrowIfCancellationRequested();
            yield return Observe(recipe, pair, seed);
        }
    }

    /// <summary>The same scenes as a facet simulator sees them, one by one.</summary>
    /// <param name="recipe">The airborne sensor, number, size and seed.</param>
    /// <param name="facets">The simulator.</param>
    /// <param name="cancel">Ends between scenes.</param>
    /// <returns>Names of the scenes, and the simulations on the airborne grid.</returns>
    public static IEnumerable<(string Name, Observation Observation)> Facets(SimulationRecipe recipe,
        FacetModel facets, CancellationToken cancel = default)
    {
        var airborne = FindSensor(recipe.Airborne);
        for (var i = 0; i < recipe.Scenes; i++)
        {
            cancel.ThrowIfCancellationRequested();
            var seed = recipe.Seed + (ulong)i;
            yield return (NameOf(seed), Simulator.Observe(Land(recipe, airborne, seed).Scene, airborne, seed, facets));
        }
    }

    /// <summary>A sensor by its well-known name or its JSON file.</summary>
    /// <param name="nameOrPath">For example "airborne-x-040" or "my-sensor.json".</param>
    public static Sensor FindSensor(string nameOrPath) =>
        nameOrPath.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? Sensor.Load(nameOrPath)
            : Sensors.Named(nameOrPath);

    /// <summary>Name of the scene of a seed.</summary>
    public static string NameOf(ulong seed) => $"scene-{seed:D7}";

    private static PairedScene Observe(SimulationRecipe recipe, SensorPair pair, ulong seed)
    {
        var (scene, high, wide) = Land(recipe, pair.Airborne, seed);
        var (fine, coarse) = pair.Observe(scene, seed);
        return new(NameOf(seed), fine, coarse, Captions(scene, recipe, high, wide));
    }

    // The ground, and how many of its cells an airborne pixel is high and wide.
    private static (Scene Scene, double High, double Wide) Land(SimulationRecipe recipe, Sensor airborne, ulong seed)
    {
        // Cells stay 0.4 m or finer whatever the sensor: so fine is what is drawn.
        var (high, wide) = (airborne.AzimuthSpacing * airborne.AzimuthLooks,
            airborne.GroundRangeSpacing * airborne.RangeLooks);
        var cell = Math.Min(0.4, Math.Min(airborne.AzimuthSpacing, airborne.GroundRangeSpacing));
        var scene = Scene.Generate(seed, new SceneOptions
        {
            Rows = (int)Math.Round(recipe.Size * high / cell), Columns = (int)Math.Round(recipe.Size * wide / cell),
                Spacing = cell,
        });
        return (scene, high / cell, wide / cell);
    }

    private static List<TileCaption> Captions(Scene scene, SimulationRecipe recipe, double high, double wide)
    {
        var captions = new List<TileCaption>();
        // Half-overlapping squares: any tile of their size shares most of its ground with one of them.
        var step = Math.Max(1, recipe.CaptionSize / 2);
        for (var row = 0; row + recipe.CaptionSize <= recipe.Size; row += step)
            for (var column = 0; column + recipe.CaptionSize <= recipe.Size; column += step)
                captions.Add(new(row, column, recipe.CaptionSize, scene.Caption((int)(row * high), (int)(column * wide),
                    (int)(recipe.CaptionSize * high), (int)(recipe.CaptionSize * wide))));
        return captions;
    }
}
