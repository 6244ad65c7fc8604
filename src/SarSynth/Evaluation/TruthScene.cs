// A scene with all that is known of it: the images of both sensors, and for simulated ones the ground behind them.
using SarSynth.Data;
using SarSynth.Radar.Formats;
using SarSynth.Radar.Images;
using SarSynth.Radar.Simulation;

namespace SarSynth.Evaluation;

/// <summary>What images of a scene are held against.</summary>
/// <param name="Name">Name, unique among the scenes of a table.</param>
/// <param name="Airborne">The true image.</param>
public sealed record TruthScene(string Name, AmplitudeImage Airborne)
{
    /// <summary>
    /// First seed of the scenes that translation is judged by: nothing trains on this seed or any above.
    /// </summary>
    public const ulong FirstSeed = 9_000_001;

    /// <summary>The kinds of <see cref="Unseen"/>, in their order; more scenes begin anew.</summary>
    public static readonly IReadOnlyList<SceneKind> Kinds =
    [
        SceneKind.Woodland, SceneKind.Industry, SceneKind.City, SceneKind.Airfield, SceneKind.Harbour,
        SceneKind.Railway, SceneKind.Farmland, SceneKind.Suburb,
    ];

    /// <summary>
    /// The satellite's image, which covers the same ground by a whole number of
    /// airborne pixels; null where there is none.
    /// </summary>
    public AmplitudeImage? Satellite { get; init; }

    /// <summary>The ground behind the true image, on its grid; null for measured images.</summary>
    public GroundTruth? Ground { get; init; }

    /// <summary>Classes of ground, for measures of use; those of <see cref="Ground"/> where nothing else is given.
    /// </summary>
    public ClassMap? Map
    {
        get => field ?? (Ground is null ? null : new(Array.ConvertAll(Ground.Classes,
            c => c == (byte)GroundClass.None ? ClassMap.None : c)));
        init;
    }

    /// <summary>What the image shows, in words; null where nothing is said.</summary>
    public string? Caption { get; init; }

    /// <summary>What a simulated scene shows.</summary>
    public SceneKind Kind { get; init; } = SceneKind.Custom;

    /// <summary>
    /// The scene seen again by the airborne sensor, with speckle of another seed; null for measured images.
    /// </summary>
    public Func<ulong, AmplitudeImage>? Again { get; init; }

    /// <summary>
    /// The scene as another sensor sees it, whose pixels cover whole airborne pixels from the first one on; the number
    /// is that of <see cref="Again"/>, null the seed of the true image. Null for measured images.
    /// </summary>
    public Func<Sensor, ulong?, AmplitudeImage>? SeenBy { get; init; }

    /// <summary>Airborne pixels per satellite pixel; 0 without a satellite image.</summary>
    public int Scale => Satellite is null ? 0 : Airborne.Rows / Satellite.Rows;

    /// <summary>
    /// The square in the middle in which several seeds are compared: a quarter of the side, whole satellite pixels.
    /// </summary>
    public RasterWindow Middle()
    {
        var unit = 16 * Math.Max(1, Scale);
        int rows = Math.Max(unit, Airborne.Rows / 4 / unit * unit), columns = Math.Max(unit, Airborne.Columns / 4
            / unit * unit);
        return new((Airborne.Rows - rows) / 2 / unit * unit, (Airborne.Columns - columns) / 2 / unit * unit,
            Math.Min(rows, Airborne.Rows), Math.Min(columns, Airborne.Columns));
    }

    /// <summary>The satellite's image of a part of the scene.</summary>
    /// <param name="window">Whole satellite pixels of the airborne grid.</param>
    /// <exception cref="InvalidOperationException">The scene has no satellite image.</exception>
    public AmplitudeImage SatelliteOf(RasterWindow window) => Satellite is { } image
        ? image.Crop(new RasterWindow(window.Row / Scale, window.Column / Scale, window.Rows / Scale,
            window.Columns / Scale))
        : throw new InvalidOperationException($"scene '{Name}': found no satellite image, expected one to translate.");

    /// <summary>Simulated scenes of <see cref="Kinds"/>, as the kit's models are trained for: 0.4 and 1.6 m.</summary>
    /// <param name="count">How many.</param>
    /// <param name="size">Their side, airborne pixels; a multiple of 4.</param>
    /// <param name="firstSeed">Seed of the first; the next take the next seeds.</param>
    /// <param name="cancel">Ends between scenes.</param>
    /// <exception cref="ArgumentOutOfRangeException">No scene, or a size that holds no satellite pixel.</exception>
    public static IReadOnlyList<TruthScene> Unseen(
        int count = 8, int size = 512, ulong firstSeed = FirstSeed, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 32);
        var pair = SensorPair.Of(Sensors.AirborneX040, Sensors.SatelliteX160);
        int[] all = [.. Enumerable.Range(0, count)];
        var scenes = new List<TruthScene>();
        foreach (var i in Progress.Over(
            "simulating scenes", all, i => Kinds[i % Kinds.Count].ToString().ToLowerInvariant()))
        {
            cancel.ThrowIfCancellationRequested();
            scenes.Add(Simulated(pair, Kinds[i % Kinds.Count], size, firstSeed + (ulong)i));
        }
        return scenes;
    }

    private static TruthScene Simulated(SensorPair pair, SceneKind kind, int size, ulong seed)
    {
        var airborne = pair.Airborne;
        var scene = Scene.Generate(seed, new SceneOptions
        {
            Rows = size, Columns = size, Spacing = airborne.GroundRangeSpacing, Kind = kind,
        });
        var coarse = Simulator.Observe(scene, pair.Satellite, seed).Detected;
        var whole = new RasterWindow(0, 0, coarse.Rows * pair.Scale, coarse.Columns * pair.Scale);
        var fine = Simulator.Observe(scene, airborne, seed);
        // The truth's own speckle has the scene's seed.
        AmplitudeImage Seen(Sensor sensor, ulong? other) =>
            Simulator.Observe(scene, sensor, other is { } number ? seed ^ (number + 1) << 32 : seed).Detected;
        return new($"{kind.ToString().ToLowerInvariant()}-{seed}", fine.Detected.Crop(whole))
        {
            Satellite = coarse,
            Kind = kind,
            Ground = GroundTruth.Of(scene, fine, whole, pair.Satellite),
            Again = other => Seen(airborne, other).Crop(whole),
            SeenBy = Seen,
        };
    }
}
