// A scene seen by the airborne sensor and by its facet simulator: what a bridge between the two is judged by.
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;

namespace SarSynth.Evaluation;

/// <summary>The same ground twice: as the truth has it and as a facet simulator has it.</summary>
/// <param name="Truth">The true image and its ground.</param>
/// <param name="Seen">The observation that it is.</param>
/// <param name="Facets">The facet simulation.</param>
public sealed record BridgeScene(TruthScene Truth, Observation Seen, Observation Facets)
{
    /// <summary>First seed of the scenes that a bridge is judged by: nothing trains on it or any above.</summary>
    public const ulong FirstSeed = 9_100_001;

    /// <summary>The simulator's map of mean intensity as amplitudes: what a bridge begins with.</summary>
    public AmplitudeImage Map => Facets.SpeckleFree!.ToAmplitude();

    /// <summary>That map with the sensor's noise.</summary>
    public IntensityImage WithNoise()
    {
        var map = Facets.SpeckleFree!;
        var noise = Truth.Ground!.AirborneNoise;
        return new(map.Rows, map.Columns, Array.ConvertAll(map.Pixels, i => i + noise), map.Metadata);
    }

    /// <summary>The scene as the simulator holds it for true: its image, its classes.</summary>
    public TruthScene Simulated => Truth with { Airborne = Facets.Detected, Ground = Ground(Facets), Again = null };

    /// <summary>Scenes of <see cref="TruthScene.Kinds"/> in turn.</summary>
    /// <param name="count">How many.</param>
    /// <param name="size">Their side, airborne pixels.</param>
    /// <param name="firstSeed">Seed of the first; the next take the next seeds.</param>
    /// <param name="facets">The simulator; with its defaults when null.</param>
    /// <param name="cancel">Ends between scenes.</param>
    /// <exception cref="ArgumentOutOfRangeException">No scene, or a size below 32.</exception>
    public static IReadOnlyList<BridgeScene> Unseen(int count = 8, int size = 512, ulong firstSeed = FirstSeed,
        FacetModel? facets = null, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 32);
        var scenes = new List<BridgeScene>();
        foreach (var i in Progress.Over("simulating scenes", [.. Enumerable.Range(0, count)],
            i => TruthScene.Kinds[i % TruthScene.Kinds.Count].ToString().ToLowerInvariant()))
        {
            cancel.ThrowIfCancellationRequested();
            scenes.Add(Of(TruthScene.Kinds[i % TruthScene.Kinds.Count], size, firstSeed + (ulong)i, facets));
        }
        return scenes;
    }

    /// <summary>One scene.</summary>
    /// <param name="kind">What it shows.</param>
    /// <param name="size">Its side, airborne pixels.</param>
    /// <param name="seed">Seed of ground and speckle.</param>
    /// <param name="facets">The simulator; with its defaults when null.</param>
    public static BridgeScene Of(SceneKind kind, int size = 512, ulong seed = FirstSeed, FacetModel? facets = null)
    {
        var sensor = Sensors.AirborneX040;
        var scene = Scene.Generate(seed, new SceneOptions
        {
            Rows = size, Columns = size, Spacing = sensor.GroundRangeSpacing, Kind = kind,
        });
        var seen = Simulator.Observe(scene, sensor, seed);
        var simulated = Simulator.Observe(scene, sensor, seed, facets ?? new FacetModel());
        return new(new($"{kind.ToString().ToLowerInvariant()}-{seed}", seen.Detected)
        {
            Kind = kind,
            Ground = Ground(seen, scene),
            // The truth's own speckle has the scene's seed.
            Again = other => Simulator.Observe(scene, sensor, seed ^ (other + 1) << 32).Detected,
        }, seen, simulated) { Land = scene };
    }

    private Scene Land { get; init; } = null!;

    private GroundTruth Ground(Observation seen) => Ground(seen, Land);

    private static GroundTruth Ground(Observation seen, Scene scene) =>
        GroundTruth.Of(scene, seen, new RasterWindow(0, 0, seen.Detected.Rows, seen.Detected.Columns), seen.Sensor);
}
